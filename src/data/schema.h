/* Names and types of the columns of a batch. Plain data, immutable once built, in the plan's
 * arena. */
#ifndef WEIR_DATA_SCHEMA_H
#define WEIR_DATA_SCHEMA_H

#include "base/list.h"
#include "base/str.h"
#include "data/type.h"

typedef struct Field {
    Str name;
    Type type;
} Field;

typedef struct Schema {
    const Field *fields;
    int32_t count;
} Schema;

/* A field inside of a column of type ROW, perhaps of one in it: indexes of fields, the outermost
 * first. The column itself has depth 0. */
typedef struct FieldPath {
    const int32_t *fields;
    int32_t depth;
} FieldPath;

/* Position of the field with exactly this name, or -1. */
int32_t schema_find(const Schema *schema, Str name);

/* A schema of the given fields in this order. */
Schema schema_pick(Arena *arena, const Schema *schema, const int32_t *indexes, int32_t count);

#endif
