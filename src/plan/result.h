/* Rows with which a statement answers at once: SHOW, DESCRIBE, EXPLAIN, SET. */
#ifndef WEIR_PLAN_RESULT_H
#define WEIR_PLAN_RESULT_H

#include "base/buffer.h"
#include "base/list.h"
#include "base/str.h"

typedef struct StatementResult {
    bool is_text;       /* one cell of many lines, to be shown as it is */
    const Str *columns; /* names */
    int32_t column_count;
    List rows; /* Str *: column_count cells; one without data is NULL */
} StatementResult;

/* As Flink's SQL client shows it: a frame with cells at the right and the number of rows below, or
 * "Empty set"; a text as it is. */
void statement_result_print(const StatementResult *result, Buffer *out);

#endif
