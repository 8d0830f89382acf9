/* Casts to texts and bytes: printing, cutting and padding. */
#include "data/value.h"
#include "expr/cast/cast.h"
#include "expr/text.h"

/* As CHAR(n), VARCHAR(n) want it: cut to n characters, CHAR padded with spaces. */
static void set_text(Call *call, int32_t row, Str text, bool is_borrowed)
{
    Type to = call->node->expr->type;
    text = text_head(text, to.precision);
    int64_t pad = 0;
    if (to.id == TYPE_CHAR)
        pad = to.precision - text_length(text);
    if (pad <= 0 && is_borrowed) {
        call_set_str(call, row, text);
        return;
    }
    char *into = eval_text_reserve(call->eval, text.length + pad);
    if (text.length > 0)
        memcpy(into, text.data, (size_t)text.length);
    memset(into + text.length, ' ', (size_t)pad);
    call_set_view(call, row, eval_text_take(call->eval, text.length + pad));
}

static void set_bytes(Call *call, int32_t row, Str bytes)
{
    Type to = call->node->expr->type;
    if (bytes.length > to.precision)
        bytes.length = to.precision;
    if (to.id == TYPE_VARBINARY || bytes.length == to.precision) {
        call_set_str(call, row, bytes);
        return;
    }
    char *into = eval_text_reserve(call->eval, to.precision);
    memset(into, 0, (size_t)to.precision);
    if (bytes.length > 0)
        memcpy(into, bytes.data, (size_t)bytes.length);
    call_set_view(call, row, eval_text_take(call->eval, to.precision));
}

static void text_to_text(Call *call)
{
    StrArg arg = call_str_arg(call, 0);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        set_text(call, row, str_arg(&arg, row), true);
    }
}

static void any_to_bytes(Call *call)
{
    StrArg arg = call_str_arg(call, 0);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        set_bytes(call, row, str_arg(&arg, row));
    }
}

static void bytes_to_text(Call *call)
{
    StrArg arg = call_str_arg(call, 0);
    Buffer buffer = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Str bytes = str_arg(&arg, row);
        if (text_is_valid(bytes)) {
            set_text(call, row, bytes, true);
            continue;
        }
        buffer.length = 0;
        text_repair(&buffer, bytes);
        set_text(call, row, buffer_str(&buffer), false);
    }
    buffer_free(&buffer);
}

static void value_to_text(Call *call)
{
    const Column *column = &call->args[0];
    const TimeZone *zone = eval_zone(call->eval);
    Buffer buffer = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Value value = value_get(column, row);
        buffer.length = 0;
        value_print(&buffer, &value, VALUE_CAST, zone);
        set_text(call, row, buffer_str(&buffer), false);
    }
    buffer_free(&buffer);
}

Kernel cast_to_text_kernel(Type from, Type to)
{
    if (type_is_bytes(to))
        return type_is_bytes(from) || type_is_text(from) ? any_to_bytes : NULL;
    if (type_is_text(from))
        return text_to_text;
    if (type_is_bytes(from))
        return bytes_to_text;
    return type_physical(from) == PHYSICAL_NONE ? NULL : value_to_text;
}
