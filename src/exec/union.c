/* UNION ALL: rows pass as they come; time is the minimum of the inputs, which operator.c keeps. */
#include "exec/operators.h"

static Status union_push(Operator *op, int32_t input, Batch *batch)
{
    (void)input;
    return operator_emit(op, batch);
}

const OperatorKind union_operator = {
    .name = "union",
    .size = sizeof(Operator),
    .push = union_push,
    .is_union = true,
};
