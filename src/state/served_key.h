/* Keys whose bytes compare as the values do, and rows read back from their bytes. For
 * materialized tables, which are kept in key order. */
#ifndef WEIR_STATE_SERVED_KEY_H
#define WEIR_STATE_SERVED_KEY_H

#include "base/buffer.h"
#include "data/schema.h"
#include "data/value.h"

/* Append a value so that memcmp of two encodings orders as the values: NULL first, numbers by
 * size, text by bytes. */
void served_key_append(Buffer *out, const Value *value);

/* The columns of a rowcode row, text borrowed from `bytes`; values[i] gets column i. False on
 * malformed bytes. */
bool served_row_values(Str bytes, const Schema *schema, Value *values);

/* -1, 0, 1 for two values of the same type, neither NULL. */
int served_value_compare(const Value *a, const Value *b);

#endif
