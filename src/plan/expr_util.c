/* Small work on bound expressions. */
#include <assert.h>

#include "base/json.h"
#include "plan/internal.h"

enum { POISON_PRECISION = -7 };

Type type_poison(void)
{
    Type type = type_simple(TYPE_NULL);
    type.is_nullable = true;
    type.precision = POISON_PRECISION;
    return type;
}

bool type_is_poison(Type type)
{
    return type.id == TYPE_NULL && type.precision == POISON_PRECISION;
}

Expr *expr_poison(Arena *arena)
{
    Expr *expr = ARENA_NEW(arena, Expr);
    expr->kind = EXPR_LITERAL;
    expr->type = type_poison();
    expr->literal = (Value){.type = expr->type, .is_null = true};
    return expr;
}

Type type_plain(Type type)
{
    type.time_attribute = TIME_NONE;
    return type;
}

Expr *expr_substitute(Arena *arena, Expr *expr, Expr *const *replacements)
{
    if (expr->kind == EXPR_COLUMN)
        return expr_outer_depth(expr) > 0 ? expr : replacements[expr->column];
    if (expr->kind == EXPR_LITERAL)
        return expr;
    Expr *copy = NULL;
    for (int32_t i = 0; i < expr->arg_count; i++) {
        Expr *arg = expr_substitute(arena, expr->args[i], replacements);
        if (arg == expr->args[i])
            continue;
        if (copy == NULL) {
            copy = arena_copy(arena, expr, (int64_t)sizeof *expr);
            copy->args = arena_copy(arena, expr->args, (int64_t)sizeof(Expr *) * expr->arg_count);
        }
        copy->args[i] = arg;
    }
    return copy != NULL ? copy : expr;
}

int32_t expr_size(const Expr *expr, int32_t limit)
{
    int32_t size = 1;
    for (int32_t i = 0; i < expr->arg_count && size <= limit; i++)
        size += expr_size(expr->args[i], limit - size);
    return size;
}

static void literal_digest(Buffer *out, const Expr *expr)
{
    const Value *value = &expr->literal;
    if (value->is_null) {
        buffer_append_text(out, "NULL");
        return;
    }
    switch (type_physical(value->type)) {
    case PHYSICAL_F32:
    case PHYSICAL_F64: buffer_printf(out, "%.17g", value->real); break;
    case PHYSICAL_I128:
        buffer_printf(out, "%llx:%llx", (unsigned long long)((unsigned __int128)value->wide >> 64),
                      (unsigned long long)value->wide);
        break;
    case PHYSICAL_STRING:
        if (type_is_text(value->type)) {
            json_append_quoted(out, value->text);
            break;
        }
        for (int64_t i = 0; i < value->text.length; i++)
            buffer_printf(out, "%02x", (uint8_t)value->text.data[i]);
        break;
    case PHYSICAL_NONE:
    case PHYSICAL_BOOL:
    case PHYSICAL_I8:
    case PHYSICAL_I16:
    case PHYSICAL_I32:
    case PHYSICAL_I64: buffer_printf(out, "%lld", (long long)value->integer); break;
    }
}

void expr_digest(Buffer *out, const Expr *expr)
{
    if (expr->kind == EXPR_COLUMN) {
        buffer_printf(out, "$%d", expr->column);
        return;
    }
    if (expr->kind == EXPR_LITERAL) {
        literal_digest(out, expr);
    } else {
        buffer_printf(out, "%s(", function_name(expr->function));
        for (int32_t i = 0; i < expr->arg_count; i++) {
            if (i > 0)
                buffer_append_char(out, ',');
            expr_digest(out, expr->args[i]);
        }
        buffer_append_char(out, ')');
    }
    buffer_append_char(out, ':');
    type_print(out, expr->type);
}

Expr *expr_and(Arena *arena, Expr *a, Expr *b)
{
    if (a == NULL || b == NULL)
        return a == NULL ? b : a;
    Expr **args = ARENA_ARRAY(arena, Expr *, 2);
    args[0] = a;
    args[1] = b;
    Expr *both = NULL;
    int32_t bad_arg;
    Error error = {0};
    Status status =
        function_bind(function_find(STR("AND")), arena, args, 2, &both, &bad_arg, &error);
    assert(status == OK);
    return both;
}

void expr_conjuncts(Arena *arena, Expr *expr, List *out)
{
    if (expr->kind != EXPR_CALL || expr->function != function_find(STR("AND"))) {
        list_append(out, arena, expr);
        return;
    }
    for (int32_t i = 0; i < expr->arg_count; i++)
        expr_conjuncts(arena, expr->args[i], out);
}

void expr_mark_columns(const Expr *expr, bool *columns)
{
    if (expr->kind == EXPR_COLUMN && expr_outer_depth(expr) == 0)
        columns[expr->column] = true;
    for (int32_t i = 0; i < expr->arg_count; i++)
        expr_mark_columns(expr->args[i], columns);
}
