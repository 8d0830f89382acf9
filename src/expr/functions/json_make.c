/* JSON_STRING, JSON_OBJECT and JSON_ARRAY: JSON texts out of values.
 *
 *     JSON_OBJECT(on_null, marks, key, value, …)   JSON_ARRAY(on_null, marks, value, …)
 * with on_null 'NULL' or 'ABSENT', and in marks a letter per value: `j` where it comes straight
 * from another such call, is JSON already and goes in as it is; `-` elsewhere. The planner puts
 * both in. */
#include "base/json.h"
#include "expr/internal.h"
#include "expr/json/write.h"

enum { ON_NULL, MARKS, FIRST };

/* The text of an argument that is a literal. */
static Str constant_text(const Call *call, int32_t arg)
{
    assert(call->args[arg].is_constant);
    return str_view_str(call->args[arg].values);
}

/* Argument `index`, the number `value_index` among the values. */
static void write_arg(Buffer *out, Call *call, int32_t index, int32_t value_index, int32_t row)
{
    const Column *column = &call->args[index];
    Value value = value_get(column, row);
    if (!value.is_null && constant_text(call, MARKS).data[value_index] == 'j')
        buffer_append_str(out, value.text);
    else
        json_write_value(out, &value, call->eval->context->zone);
}

static bool on_null_is_absent(const Call *call)
{
    return str_is(constant_text(call, ON_NULL), "ABSENT");
}

static void json_array_kernel(Call *call)
{
    Buffer text = {0};
    bool skips_nulls = on_null_is_absent(call);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        text.length = 0;
        buffer_append_char(&text, '[');
        for (int32_t a = FIRST; a < call->node->arg_count; a++) {
            if (skips_nulls && column_is_null(&call->args[a], row))
                continue;
            if (text.length > 1)
                buffer_append_char(&text, ',');
            write_arg(&text, call, a, a - FIRST, row);
        }
        buffer_append_char(&text, ']');
        call_set_copy(call, row, buffer_str(&text));
    }
    buffer_free(&text);
}

static void write_object(Buffer *out, Call *call, int32_t row, const int32_t *order, int32_t count)
{
    bool skips_nulls = on_null_is_absent(call);
    out->length = 0;
    buffer_append_char(out, '{');
    for (int32_t i = 0; i < count; i++) {
        int32_t key = FIRST + 2 * order[i];
        if (skips_nulls && column_is_null(&call->args[key + 1], row))
            continue;
        if (out->length > 1)
            buffer_append_char(out, ',');
        json_append_quoted(out, constant_text(call, key));
        buffer_append_char(out, ':');
        write_arg(out, call, key + 1, order[i], row);
    }
    buffer_append_char(out, '}');
}

static void json_object_kernel(Call *call)
{
    int32_t pairs = (call->node->arg_count - FIRST) / 2;
    Arena *scratch = call->eval->scratch;
    Str *keys = ARENA_ARRAY(scratch, Str, pairs + 1);
    int32_t *order = ARENA_ARRAY(scratch, int32_t, pairs + 1);
    for (int32_t i = 0; i < pairs; i++)
        keys[i] = constant_text(call, FIRST + 2 * i);
    int32_t count = json_sort_keys(keys, pairs, order);
    Buffer text = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        write_object(&text, call, row, order, count);
        call_set_copy(call, row, buffer_str(&text));
    }
    buffer_free(&text);
}

static void json_string_kernel(Call *call)
{
    Buffer text = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        const Column *column = &call->args[0];
        Value value = value_get(column, row);
        text.length = 0;
        json_write_value(&text, &value, call->eval->context->zone);
        call_set_copy(call, row, buffer_str(&text));
    }
    buffer_free(&text);
}

static Status bind_made(Binding *binding, int32_t first, int32_t stride)
{
    for (int32_t i = first; i < binding->arg_count; i += stride) {
        if (!json_can_write(binding->args[i]->type)) {
            Status status = binding_fail(
                binding, i, "WR2301", "`%s` cannot be applied to %s", binding->function->info.name,
                type_text(binding->arena, type_nullable(binding->args[i]->type)));
            error_hint(binding->error, "write it as text: CAST(… AS STRING)");
            return status;
        }
        if (binding->args[i]->type.id == TYPE_NULL)
            binding_cast(binding, i, type_string());
    }
    binding->result = type_not_null(type_string());
    return OK;
}

static Status bind_json_object(Binding *binding)
{
    assert(binding->arg_count % 2 == 0);
    for (int32_t i = FIRST; i < binding->arg_count; i += 2) {
        const Expr *key = binding->args[i];
        if (key->kind != EXPR_LITERAL || !type_is_text(key->type) || key->literal.is_null)
            return binding_fail(binding, i, "WR2312",
                                "a key of `JSON_OBJECT` must be a text literal");
    }
    return bind_made(binding, FIRST + 1, 2);
}

static Status bind_json_array(Binding *binding)
{
    return bind_made(binding, FIRST, 1);
}

static Status bind_json_string(Binding *binding)
{
    bool is_nullable = binding_any_nullable(binding);
    TRY(bind_made(binding, 0, 1));
    binding->result.is_nullable = is_nullable;
    return OK;
}

static const Function functions[] = {
    {.info = {"JSON_STRING", "json", "JSON_STRING(x) -> STRING", "any value as JSON", false},
     .types = "x>x",
     .bind = bind_json_string,
     .kernel = json_string_kernel,
     .flags = FUNCTION_ZONE | FUNCTION_COSTLY},
    {.info = {"JSON_OBJECT", "json",
              "JSON_OBJECT([[KEY] key VALUE x, ...] [NULL | ABSENT ON NULL]) -> STRING",
              "a JSON object, its keys in order", false},
     .types = "ss?x*>x",
     .bind = bind_json_object,
     .kernel = json_object_kernel,
     .flags = FUNCTION_NULLS | FUNCTION_ZONE | FUNCTION_COSTLY},
    {.info = {"JSON_ARRAY", "json", "JSON_ARRAY([x, ...] [NULL | ABSENT ON NULL]) -> STRING",
              "a JSON array; NULLs are left out unless NULL ON NULL is said", false},
     .types = "ss?x*>x",
     .bind = bind_json_array,
     .kernel = json_array_kernel,
     .flags = FUNCTION_NULLS | FUNCTION_ZONE | FUNCTION_COSTLY},
};

const FunctionFamily json_make_family = {functions, FUNCTION_COUNT(functions)};
