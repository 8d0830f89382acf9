/* One value outside a batch: literals, defaults, keys of look-ups. */
#ifndef WEIR_DATA_VALUE_H
#define WEIR_DATA_VALUE_H

#include "base/buffer.h"
#include "data/batch.h"
#include "data/type.h"

typedef struct Value {
    Type type;
    bool is_null;
    union {
        int64_t integer; /* BOOLEAN, integers, DATE, TIME, TIMESTAMP p <= 6, intervals */
        double real;     /* FLOAT, DOUBLE */
        Int128 wide;     /* DECIMAL, TIMESTAMP p > 6 */
        Str text;        /* CHAR … VARBINARY; nested values as bytes; borrowed */
    };
} Value;

/* Read a value out of a column (text borrowed from it), write one into a flat column. */
Value value_get(const Column *column, int32_t row);
void value_set(Column *column, Arena *arena, int32_t row, int32_t capacity, const Value *value);

/* A constant column holding the value, in the arena. */
Column value_column(Arena *arena, const Value *value);

bool value_equal(const Value *a, const Value *b);

/* How values become text. All of them print UTF-8 without quotes.
 *
 *   VALUE_CAST     CAST(x AS STRING): TRUE, 2024-01-02 08:05:00.000, NULL as <NULL>;
 *                  [1, NULL], {a=1}, (1, x)
 *   VALUE_PRINT    the print connector: true, 2024-01-02T08:05, null; [1, null], {a=1}, +I[1, x]
 *   VALUE_JSON     the json format, quoted where JSON wants it; null; [1,null], {"a":1}
 *   VALUE_PLAIN    keys, files, Redis: true, 10.50 (scale kept), 2024-01-02 08:05:00[.fff];
 *                  nested values as JSON with numbers in this style
 *
 * `zone` renders TIMESTAMP_LTZ for VALUE_CAST; the others use UTC with a trailing Z. */
typedef enum ValueStyle { VALUE_CAST, VALUE_PRINT, VALUE_JSON, VALUE_PLAIN } ValueStyle;

struct TimeZone;
void value_print(Buffer *out, const Value *value, ValueStyle style, const struct TimeZone *zone);

/* Parse text written in VALUE_PLAIN style back (keys in URLs, boundaries in checkpoints).
 * False if the text is not a value of the type, or the type is nested. Text values borrow
 * `text`. */
bool value_parse(Str text, Type type, Value *out);

#endif
