/* JSON arrays and objects as values of nested types. Private to format/. */
#ifndef WEIR_FORMAT_JSON_NESTED_H
#define WEIR_FORMAT_JSON_NESTED_H

#include "format/json_row.h"

/* ERR_INVALID for a type that json has no form of: a map whose keys are no texts. `name` is the
 * column's, for messages. */
Status json_nested_open(Arena *arena, Str name, Type type, JsonNested **out, Error *error);

/* The value that begins at `start`, the token taken last, as the bytes of data/nested.h, borrowed
 * until the next call; without data if it is NULL (or is none and errors are ignored). False: as
 * json_row_read. */
bool json_nested_read(JsonRow *row, JsonWalk *walk, JsonNested *nested, uint32_t start, Str *out);

/* The same as the next child of what row->builder builds. */
bool json_nested_put(JsonRow *row, JsonWalk *walk, JsonNested *nested, uint32_t start);

#endif
