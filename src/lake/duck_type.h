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

/* The vector's own width of a value. */
typedef enum DuckWidth { DUCK_SAME, DUCK_I16, DUCK_I32, DUCK_I64, DUCK_TIME, DUCK_NANOS } DuckWidth;

DuckWidth duck_width(Type type);
/* A value whose layouts differ. */
Int128 duck_wide_read(DuckWidth width, const void *data, int64_t index);

/* ---- duck_nested.c: lists, maps and structs -------------------------------------------- */

void duck_nested_print(Buffer *out, Type type);
duckdb_logical_type duck_nested_make(const DuckApi *api, Type type);
/* Without the validity of the vector itself. */
void duck_nested_write(const DuckApi *api, duckdb_vector vector, const Column *column,
                       Selection rows);
void duck_nested_read(const DuckRead *read, duckdb_vector vector, Column *column);

#endif
