/* What the functions over ARRAY, MAP, MULTISET and ROW share. */
#ifndef WEIR_EXPR_FUNCTIONS_COLLECTION_H
#define WEIR_EXPR_FUNCTIONS_COLLECTION_H

#include "data/nested.h"
#include "expr/internal.h"

/* ---- Typing ---------------------------------------------------------------------------- */

/* The argument must be an ARRAY; its element's type. */
Status binding_array(Binding *binding, int32_t index, Type *element);

/* The argument must be a MAP. */
Status binding_map(Binding *binding, int32_t index);

/* The argument becomes an element of the array: cast as far as that happens by itself. */
Status binding_element(Binding *binding, int32_t index, Type element);

/* The argument becomes an INT: TINYINT and SMALLINT widen. */
Status binding_int(Binding *binding, int32_t index);

/* ---- Evaluation ------------------------------------------------------------------------ */

/* An argument's value in a row, which is not NULL there. */
static inline Str column_str(const Column *column, int32_t row)
{
    return str_view_str((const StrView *)column->values + column_index(column, row));
}

static inline NestedArray call_array(const Call *call, int32_t index, int32_t row)
{
    const Column *column = &call->args[index];
    return nested_array(column_str(column, row), column->type.children[0]);
}

static inline NestedMap call_map(const Call *call, int32_t index, int32_t row)
{
    const Column *column = &call->args[index];
    return nested_map(column_str(column, row), column->type);
}

/* The bytes that tell a value from others, as nested_array_bytes gives them. */
static inline Str column_bytes(const Column *column, int32_t row)
{
    if (column->physical == PHYSICAL_STRING)
        return column_str(column, row);
    int64_t width = physical_bytes(column->physical);
    return str_make((const char *)column->values + column_index(column, row) * width, width);
}

/* Ends what is built and makes it the row's value. */
static inline void call_set_built(Call *call, int32_t row, NestedBuilder *builder)
{
    nested_end(builder);
    call_set_copy(call, row, nested_result(builder));
}

#endif
