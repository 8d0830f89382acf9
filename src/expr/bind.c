/* Binding a call: number and types of the arguments, implicit casts, result type, folding. */
#include <stdarg.h>
#include <stdio.h>

#include "expr/internal.h"

enum { MESSAGE_BYTES = 512 };

Status binding_fail(Binding *binding, int32_t bad_arg, const char *code, const char *format, ...)
{
    char text[MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    binding->bad_arg = bad_arg;
    return fail(binding->error, ERR_INVALID, code, "%s", text);
}

static const char *type_name(Binding *binding, Type type)
{
    type.time_attribute = TIME_NONE;
    return type_text(binding->arena, type_nullable(type));
}

/* Text and numbers are not converted by themselves: say how. */
static void binding_hint_cast(Binding *binding)
{
    if (binding->arg_count != 2)
        return;
    Type first = binding->args[0]->type, second = binding->args[1]->type;
    const char *name = binding->function->info.name;
    bool is_sum = strcmp(name, "+") == 0 || strcmp(name, "-") == 0;
    if (strcmp(name, "+") == 0 && type_is_text(first) && type_is_text(second)) {
        error_hint(binding->error, "texts are joined by ||");
        return;
    }
    if (is_sum && (type_is_timestamp(first) || first.id == TYPE_DATE) &&
        (type_is_numeric(second) || type_is_text(second))) {
        error_hint(binding->error, "add or take away an interval: %s INTERVAL '1' DAY", name);
        return;
    }
    if (strcmp(name, "LIKE") == 0 || strcmp(name, "SIMILAR TO") == 0) {
        error_hint(binding->error, "convert what is not text: CAST(… AS STRING)");
        return;
    }
    if (type_is_text(first) == type_is_text(second))
        return;
    Type from = type_is_text(first) ? first : second, to = type_is_text(first) ? second : first;
    if (cast_kind(from, to) != CAST_NONE)
        error_hint(binding->error, "convert the text: CAST(… AS %s)", type_name(binding, to));
}

Status binding_refuse(Binding *binding)
{
    Buffer list = {0};
    for (int32_t i = 0; i < binding->arg_count; i++) {
        if (i > 0)
            buffer_append_text(&list, i + 1 == binding->arg_count ? " and " : ", ");
        buffer_append_text(&list, type_name(binding, binding->args[i]->type));
    }
    Status status = binding_fail(binding, -1, "WR2301", "`%s` cannot be applied to %s",
                                 binding->function->info.name, buffer_terminated(&list));
    buffer_free(&list);
    binding_hint_cast(binding);
    return status;
}

void binding_cast(Binding *binding, int32_t index, Type to)
{
    assert(index >= 0 && index < binding->arg_count);
    to.is_nullable = binding->args[index]->type.is_nullable;
    binding->args[index] = expr_cast(binding->arena, binding->args[index], to, false);
}

bool binding_any_nullable(const Binding *binding)
{
    for (int32_t i = 0; i < binding->arg_count; i++)
        if (binding->args[i]->type.is_nullable)
            return true;
    return false;
}

Status binding_unify(Binding *binding, int32_t first, const char *what, Type *common)
{
    assert(first < binding->arg_count);
    *common = binding->args[first]->type;
    for (int32_t i = first + 1; i < binding->arg_count; i++) {
        Type type = binding->args[i]->type;
        if (!type_common(binding->arena, *common, type, common))
            return binding_fail(binding, i, "WR2304", "%s have no common type: %s and %s", what,
                                type_name(binding, *common), type_name(binding, type));
        if (type.id == TYPE_DOUBLE && common->id == TYPE_FLOAT)
            *common = type; /* functions take the wider one, whatever its place */
    }
    if (common->id == TYPE_NULL)
        return binding_fail(binding, first, "WR2304",
                            "%s are all untyped NULLs: write CAST(NULL AS type)", what);
    for (int32_t i = first; i < binding->arg_count; i++)
        binding_cast(binding, i, *common);
    return OK;
}

/* ---- Plain signatures ------------------------------------------------------------------ */

typedef struct Arity {
    int32_t least, most; /* most -1: any number */
} Arity;

static Arity signature_arity(const char *types)
{
    Arity arity = {0};
    bool is_optional = false;
    for (; *types != '>'; types++) {
        assert(*types != 0);
        if (*types == '?') {
            is_optional = true;
        } else if (*types == '*') {
            arity.most = -1;
        } else {
            arity.most++;
            arity.least += !is_optional;
        }
    }
    return arity;
}

static Status binding_check_arity(Binding *binding, Arity arity)
{
    int32_t count = binding->arg_count;
    if (count >= arity.least && (arity.most < 0 || count <= arity.most))
        return OK;
    const char *name = binding->function->info.name;
    if (arity.least == arity.most)
        return binding_fail(binding, -1, "WR2302", "`%s` takes %d argument%s, not %d", name,
                            arity.least, arity.least == 1 ? "" : "s", count);
    if (arity.most < 0)
        return binding_fail(binding, -1, "WR2302", "`%s` takes at least %d argument%s, not %d",
                            name, arity.least, arity.least == 1 ? "" : "s", count);
    return binding_fail(binding, -1, "WR2302", "`%s` takes %d to %d arguments, not %d", name,
                        arity.least, arity.most, count);
}

static const char *letter_name(char letter)
{
    switch (letter) {
    case 's': return "STRING";
    case 'b': return "BYTES";
    case 'S': return "STRING or BYTES";
    case 'i': return "an integer";
    case 'd':
    case 'n': return "a number";
    case 'B': return "BOOLEAN";
    default: assert(letter == 't'); return "a date, time or timestamp";
    }
}

/* The type an argument is cast to for its letter, itself for "as it is". False if it does not
 * fit. */
static bool letter_accepts(char letter, Type type, Type *to)
{
    *to = type;
    bool is_null = type.id == TYPE_NULL;
    switch (letter) {
    case 's':
    case 'S':
        if (is_null)
            *to = type_string();
        return is_null || type_is_text(type) || (letter == 'S' && type_is_bytes(type));
    case 'b':
        if (is_null)
            *to = type_bytes();
        return is_null || type_is_bytes(type);
    case 'i': *to = type_simple(TYPE_BIGINT); return is_null || type_is_integer(type);
    case 'd': *to = type_simple(TYPE_DOUBLE); return is_null || type_is_numeric(type);
    case 'n':
        if (is_null)
            *to = type_simple(TYPE_INT);
        return is_null || type_is_numeric(type);
    case 'B': *to = type_simple(TYPE_BOOLEAN); return is_null || type.id == TYPE_BOOLEAN;
    case 't':
        if (is_null)
            *to = type_timestamp(3);
        return is_null || type.id == TYPE_DATE || type.id == TYPE_TIME || type_is_timestamp(type);
    default: assert(letter == 'x'); return true;
    }
}

static Type letter_result(const Binding *binding, char letter)
{
    switch (letter) {
    case 's': return type_string();
    case 'b': return type_bytes();
    case 'B': return type_simple(TYPE_BOOLEAN);
    case 'd': return type_simple(TYPE_DOUBLE);
    case 'I': return type_simple(TYPE_INT);
    case 'L': return type_simple(TYPE_BIGINT);
    case 'Y': return type_simple(TYPE_TINYINT);
    case 'D': return type_simple(TYPE_DATE);
    default: break;
    }
    assert(letter == '0');
    Type type = binding->args[0]->type;
    type.time_attribute = TIME_NONE;
    return type;
}

static Status bind_refuse_argument(Binding *binding, int32_t index, char letter)
{
    Type type = binding->args[index]->type;
    Status status =
        binding_fail(binding, index, "WR2303", "argument %d of `%s` must be %s, not %s", index + 1,
                     binding->function->info.name, letter_name(letter), type_name(binding, type));
    if (letter == 's' && cast_kind(type, type_string()) != CAST_NONE)
        error_hint(binding->error, "convert it: CAST(… AS STRING)");
    return status;
}

Status binding_by_types(Binding *binding)
{
    const char *types = binding->function->types;
    char letter = 0;
    for (int32_t i = 0; i < binding->arg_count; i++) {
        while (*types == '?')
            types++;
        if (*types != '*' && *types != '>')
            letter = *types++;
        Type to;
        if (!letter_accepts(letter, binding->args[i]->type, &to))
            return bind_refuse_argument(binding, i, letter);
        binding_cast(binding, i, to);
    }
    types = strchr(binding->function->types, '>') + 1;
    binding->result = letter_result(binding, types[0]);
    binding->result.is_nullable = binding_any_nullable(binding) || types[1] == '!';
    return OK;
}

Status function_bind(const Function *function, Arena *arena, Expr **args, int32_t arg_count,
                     Expr **out, int32_t *bad_arg, Error *error)
{
    assert(function != NULL && arg_count >= 0);
    Binding binding = {.arena = arena,
                       .function = function,
                       .args = ARENA_ARRAY(arena, Expr *, arg_count),
                       .arg_count = arg_count,
                       .bad_arg = -1,
                       .error = error};
    if (arg_count > 0)
        memcpy(binding.args, args, sizeof(Expr *) * (size_t)arg_count);
    Status status = OK;
    if (function->types != NULL)
        status = binding_check_arity(&binding, signature_arity(function->types));
    if (status == OK)
        status = function->bind != NULL ? function->bind(&binding) : binding_by_types(&binding);
    *bad_arg = binding.bad_arg;
    if (status != OK)
        return status;
    if (binding.rewritten != NULL) {
        *out = binding.rewritten;
        return OK;
    }
    *out = expr_fold(arena,
                     expr_call(arena, function, binding.args, binding.arg_count, binding.result));
    return OK;
}

Status bind_named(Arena *arena, const char *name, Expr **args, int32_t arg_count, Expr **out,
                  Error *error)
{
    const Function *function = function_find(str_from(name));
    assert(function != NULL);
    int32_t bad_arg;
    return function_bind(function, arena, args, arg_count, out, &bad_arg, error);
}
