/* JSON text from elements of documents and from SQL values, as Flink writes it by Jackson: no white
 * space; the members of a document in their order, those of MAPs and JSON_OBJECT by their keys. */
#ifndef WEIR_EXPR_JSON_WRITE_H
#define WEIR_EXPR_JSON_WRITE_H

#include "base/buffer.h"
#include "data/datetime.h"
#include "data/value.h"
#include "expr/json/path.h"

void json_write_element(Buffer *out, JsonElement element, Arena *arena);

/* What a path has found, which is not JSON_FOUND_NOTHING. */
void json_write_found(Buffer *out, const JsonFound *found, Arena *arena);

/* A scalar as String.valueOf prints it: text bare, reals as Java prints them. */
void json_write_scalar(Buffer *out, JsonElement element);

/* Whether Flink writes values of the type: not DATE, TIME, intervals and maps without text keys. */
bool json_can_write(Type type);

/* A SQL value of such a type: arrays as arrays, maps and rows as objects, numbers and BOOLEAN bare,
 * NULL as null, everything else quoted. */
void json_write_value(Buffer *out, const Value *value, const TimeZone *zone);

/* The members in order of their keys; of equal keys the last. `order` has room for count. */
int32_t json_sort_keys(const Str *keys, int32_t count, int32_t *order);

#endif
