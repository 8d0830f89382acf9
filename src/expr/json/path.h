/* JSON paths in the notation of Jayway JsonPath, which Flink uses.
 *
 *     $.store.book[0]['title']   members and items; [-1] counts from the end
 *     $.book[0,2]  [1:3]  [*]  .*  ['a','b']
 *     $..price                   at any depth
 *     $.book[?(@.price < 10 && @.isbn)]   == != < <= > >= =~ /re/ in nin && || ! ( )
 *     $.book.length()            also size(), min(), max(), avg(), sum(), first(), last()
 *
 * A path is definite when it can lead to one place only; then nothing there is a failure. Any
 * other path finds a list, which may be empty. A path that visits more than a million places, as
 * several `..` can, finds nothing. */
#ifndef WEIR_EXPR_JSON_PATH_H
#define WEIR_EXPR_JSON_PATH_H

#include "base/list.h"
#include "base/status.h"
#include "expr/json/document.h"

typedef struct JsonPath JsonPath;

typedef enum JsonFoundKind {
    JSON_FOUND_NOTHING, /* a definite path without a place */
    JSON_FOUND_ELEMENT,
    JSON_FOUND_LIST,    /* of an indefinite path */
    JSON_FOUND_MEMBERS, /* of ['a', 'b'] at the end: an object of those that are there */
    JSON_FOUND_INTEGER, /* of length() */
    JSON_FOUND_REAL,    /* of min() and its kind */
} JsonFoundKind;

typedef struct JsonFound {
    JsonFoundKind kind;
    JsonElement element;
    JsonElement *items; /* in the arena given to json_path_find */
    const Str *keys;    /* JSON_FOUND_MEMBERS: parallel to items */
    int32_t count;
    int64_t integer;
    double real;
} JsonFound;

/* Compile "[lax|strict] path" into the arena. On a mistake ERR_INVALID with WR2311 and what is
 * wrong with it. */
Status json_path_compile(Arena *arena, Str text, JsonPath **out, Error *error);

/* The text begins with `lax`: what would be a failure is then an empty result. */
bool json_path_is_lax(const JsonPath *path);

/* Follow the path from the root; lists live in the arena. */
JsonFound json_path_find(const JsonPath *path, JsonElement root, Arena *arena);

#endif
