/* Functions that scripts bring along as Java classes, for those classes that are known: they are
 * found by the class's name only, which CREATE FUNCTION binds to one of the user's. */
#include "expr/internal.h"

static Status bind_count_char(Binding *binding)
{
    for (int32_t i = 0; i < 2; i++) {
        if (binding->args[i]->type.id != TYPE_NULL && !type_is_text(binding->args[i]->type))
            return binding_fail(binding, i, "WR2303", "argument %d of `CountChar` must be STRING",
                                i + 1);
        binding_cast(binding, i, type_string());
    }
    binding->result = type_not_null(type_simple(TYPE_BIGINT));
    return OK;
}

static int64_t count_byte(Str text, char byte)
{
    int64_t count = 0;
    for (int64_t i = 0; i < text.length; i++)
        count += text.data[i] == byte;
    return count;
}

/* Nexmark's: how often the first byte of the second text is in the first; 0 for NULL. Java throws
 * where there is no such byte. */
static void count_char_kernel(Call *call)
{
    StrArg texts = call_str_arg(call, 0), characters = call_str_arg(call, 1);
    int64_t *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        out[row] = 0;
        if (column_is_null(&call->args[0], row))
            continue;
        bool has_character = !column_is_null(&call->args[1], row);
        Str wanted = has_character ? str_arg(&characters, row) : (Str){0};
        if (wanted.length == 0)
            call_reject(call, row, "WR2316", "CountChar needs a character to count");
        else
            out[row] = count_byte(str_arg(&texts, row), wanted.data[0]);
    }
}

static const Function functions[] = {
    {.info = {"com.github.nexmark.flink.udf.CountChar", "class", NULL, NULL, false},
     .types = "ss>L",
     .bind = bind_count_char,
     .kernel = count_char_kernel,
     .flags = FUNCTION_NULLS | FUNCTION_FALLIBLE},
};

const FunctionFamily class_family = {functions, FUNCTION_COUNT(functions)};
