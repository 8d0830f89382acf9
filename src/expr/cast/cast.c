/* CAST and TRY_CAST: which kernel, and what may go wrong. */
#include "expr/cast/cast.h"

enum { SHOWN_BYTES = 80 }; /* of a bad text in its message */

bool function_is_try_cast(const Function *function)
{
    return strcmp(function->info.name, "TRY_CAST") == 0;
}

bool function_is_cast(const Function *function)
{
    return strcmp(function->info.name, "CAST") == 0 || function_is_try_cast(function);
}

const TimeZone *eval_zone(const Eval *eval)
{
    return eval->context->zone != NULL ? eval->context->zone : timezone_utc();
}

static void cast_fail(Call *call, int32_t row, const char *code, const char *problem, Str text)
{
    if (function_is_try_cast(call->node->expr->function)) {
        call_set_null(call, row);
        return;
    }
    const char *type = type_text(call->eval->scratch, type_nullable(call->node->expr->type));
    bool is_long = text.length > SHOWN_BYTES;
    if (is_long)
        text.length = SHOWN_BYTES;
    call_reject(call, row, code, "'%.*s%s' %s %s", STR_ARGS(text), is_long ? "..." : "", problem,
                type);
}

void cast_fail_text(Call *call, int32_t row, Str text)
{
    cast_fail(call, row, "WR4102", "is not a valid", text);
}

void cast_fail_range(Call *call, int32_t row, Str text)
{
    cast_fail(call, row, "WR4103", "is out of the range of", text);
}

bool cast_is_alias(Type from, Type to)
{
    if (type_physical(from) != type_physical(to))
        return false;
    if (type_equal(from, to))
        return true;
    if (type_is_nested(from) || type_is_nested(to)) {
        bool is_alias = from.id == to.id && from.child_count == to.child_count;
        for (int32_t i = 0; is_alias && i < from.child_count; i++)
            is_alias = cast_is_alias(from.children[i], to.children[i]);
        return is_alias;
    }
    if (type_is_text(from) || type_is_bytes(from)) {
        bool is_same = type_is_text(from) == type_is_text(to);
        bool is_open = to.id == TYPE_VARCHAR || to.id == TYPE_VARBINARY;
        if (!is_same)
            return type_is_text(from) && to.id == TYPE_VARBINARY && to.precision == TYPE_LENGTH_MAX;
        return is_open && to.precision >= from.precision;
    }
    if (from.id == TYPE_DECIMAL && to.id == TYPE_DECIMAL)
        return from.scale == to.scale && from.precision <= to.precision;
    bool is_kept = from.id == to.id && (type_is_timestamp(from) || from.id == TYPE_TIME);
    return is_kept && from.precision <= to.precision;
}

static void alias_kernel(Call *call)
{
    call->out = call_arg(call, 0);
}

static bool is_temporal(Type type)
{
    return type.id == TYPE_DATE || type.id == TYPE_TIME || type_is_timestamp(type);
}

static bool is_plain_number(Type type)
{
    return (type_is_numeric(type) && type.id != TYPE_DECIMAL) || type.id == TYPE_BOOLEAN;
}

bool type_has_instant(Type type)
{
    bool has_instant = type.id == TYPE_TIMESTAMP_LTZ;
    for (int32_t i = 0; !has_instant && i < type.child_count; i++)
        has_instant = type_has_instant(type.children[i]);
    return has_instant;
}

uint32_t cast_flags(Type from, Type to, bool is_try)
{
    if (cast_is_alias(from, to))
        return FUNCTION_LAZY;
    if (is_plain_number(from) && is_plain_number(to))
        return FUNCTION_TOTAL;
    uint32_t flags = 0;
    bool is_zoned = type_has_instant(from) || type_has_instant(to);
    if (is_zoned && (from.id != to.id || type_is_nested(from)))
        flags |= FUNCTION_ZONE;
    if (type_is_nested(from))
        flags |= FUNCTION_COSTLY;
    if (cast_kind(from, to) == CAST_FALLIBLE) {
        flags |= FUNCTION_COSTLY;
        if (!is_try)
            flags |= FUNCTION_FALLIBLE;
    }
    return flags;
}

Kernel cast_resolve(const Expr *call)
{
    Type from = call->args[0]->type;
    Type to = call->type;
    if (cast_is_alias(from, to))
        return alias_kernel;
    if (type_is_nested(from) && type_is_nested(to))
        return cast_nested_kernel;
    if (type_is_text(to) || type_is_bytes(to))
        return cast_to_text_kernel(from, to);
    if (type_is_text(from))
        return cast_from_text_kernel(to);
    if (is_temporal(from) && is_temporal(to))
        return cast_temporal_kernel(from, to);
    if (is_temporal(from) || is_temporal(to))
        return NULL;
    return cast_number_kernel(from, to);
}

static Status bind_cast(Binding *binding)
{
    return binding_fail(binding, -1, "WR2302", "write %s(value AS type)",
                        binding->function->info.name);
}

/* ---- TYPEOF ---------------------------------------------------------------------------- */

static Status bind_typeof(Binding *binding)
{
    Type type = binding->args[0]->type;
    type.time_attribute = TIME_NONE;
    Value text = {.text = str_from(type_text(binding->arena, type))};
    text.type = type_not_null(type_string());
    binding->rewritten = expr_literal(binding->arena, text);
    return OK;
}

static const Function functions[] = {
    {.info = {"CAST", "conversion", "CAST(x AS type) -> type",
              "x as another type; a text that is none rejects the row", false},
     .bind = bind_cast,
     .resolve = cast_resolve,
     .prepare = cast_nested_prepare},
    {.info = {"TRY_CAST", "conversion", "TRY_CAST(x AS type) -> type",
              "x as another type; a text that is none gives NULL", false},
     .bind = bind_cast,
     .resolve = cast_resolve,
     .prepare = cast_nested_prepare},
    {.info = {"TYPEOF", "conversion", "TYPEOF(x) -> STRING", "the type as text", false},
     .types = "x?x>s",
     .bind = bind_typeof},
};

const FunctionFamily conversion_family = {functions, FUNCTION_COUNT(functions)};
