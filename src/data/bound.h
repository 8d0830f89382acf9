/* What rows must meet that are asked for, in a form that files can be searched by. */
#ifndef WEIR_DATA_BOUND_H
#define WEIR_DATA_BOUND_H

#include "data/value.h"

/* `column` `sign` `value`, as in SQL: NULL meets none. */
typedef struct ColumnBound {
    int32_t column;
    const char *sign; /* "=", "<>", "<", "<=", ">", ">=" */
    Value value;      /* of the column's type, not NULL */
} ColumnBound;

#endif
