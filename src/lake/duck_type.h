/* Our types as DuckDB's, and values from one layout to the other. Private to lake/. */
#ifndef WEIR_LAKE_DUCK_TYPE_H
#define WEIR_LAKE_DUCK_TYPE_H

#include "base/buffer.h"
#include "data/batch.h"
#include "lake/duck.h"

/* "DECIMAL(10,2)", "TIMESTAMP WITH TIME ZONE". */
void duck_type_print(Buffer *out, Type type);
duckdb_logical_type duck_type_make(const DuckApi *api, Type type);

/* The rows' values of a column into a vector. */
void duck_vector_write(const DuckApi *api, duckdb_vector vector, const Column *column,
                       Selection rows);

/* Which values go where: `count` of a vector from `first` on, to row `at` of a column with room
 * for `capacity`. */
typedef struct DuckRead {
    const DuckApi *api;
    Arena *arena; /* for strings and bitmaps */
    int32_t first, count, at, capacity;
} DuckRead;

void duck_vector_read(const DuckRead *read, duckdb_vector vector, Column *column);

#endif
