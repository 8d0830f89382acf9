/* The JSON functions: their clauses become arguments (expr/functions/json.c, json_make.c). */
#include <assert.h>

#include "plan/internal.h"

static Expr *json_word(ExprBinder *binder, const char *text)
{
    Str str = str_from(text);
    Type type = type_not_null(type_char((int32_t)str.length));
    return expr_literal(binder->planner->arena, (Value){.type = type, .text = str});
}

static const char *behavior_word(SqlJsonBehavior behavior)
{
    switch (behavior) {
    case SQL_JSON_ERROR: return "ERROR";
    case SQL_JSON_DEFAULT: return "DEFAULT";
    case SQL_JSON_EMPTY_ARRAY: return "EMPTY ARRAY";
    case SQL_JSON_EMPTY_OBJECT: return "EMPTY OBJECT";
    case SQL_JSON_TRUE: return "TRUE";
    case SQL_JSON_FALSE: return "FALSE";
    case SQL_JSON_UNKNOWN: return "UNKNOWN";
    case SQL_JSON_NONE:
    case SQL_JSON_NULL: break;
    }
    return "NULL";
}

/* Whether the function can have this ON EMPTY or ON ERROR. */
static bool behavior_fits(Str function, SqlJsonBehavior behavior)
{
    switch (behavior) {
    case SQL_JSON_NONE:
    case SQL_JSON_ERROR: return true;
    case SQL_JSON_NULL: return !str_is(function, "JSON_EXISTS");
    case SQL_JSON_DEFAULT: return str_is(function, "JSON_VALUE");
    case SQL_JSON_EMPTY_ARRAY:
    case SQL_JSON_EMPTY_OBJECT: return str_is(function, "JSON_QUERY");
    case SQL_JSON_TRUE:
    case SQL_JSON_FALSE:
    case SQL_JSON_UNKNOWN: return str_is(function, "JSON_EXISTS");
    }
    return false;
}

static bool json_check(ExprBinder *binder, Str function, const SqlExpr *expr)
{
    const SqlJson *json = expr->call->json;
    bool is_value = str_is(function, "JSON_VALUE"), is_query = str_is(function, "JSON_QUERY");
    const char *what = NULL;
    if (json->returning != NULL && !is_value && !is_query)
        what = "RETURNING";
    else if (json->wrapper != SQL_JSON_WRAPPER_NONE && !is_query)
        what = "WRAPPER";
    else if (!behavior_fits(function, json->on_error))
        what = arena_printf(binder->planner->arena, "%s ON ERROR", behavior_word(json->on_error));
    else if (!behavior_fits(function, json->on_empty) ||
             (json->on_empty != SQL_JSON_NONE && !is_value && !is_query))
        what = arena_printf(binder->planner->arena, "%s ON EMPTY", behavior_word(json->on_empty));
    if (what != NULL)
        REPORT(binder->planner, "WR2049", expr->span, "%s is not possible in `%.*s`", what,
               STR_ARGS(function));
    return what == NULL;
}

static Expr *json_default(ExprBinder *binder, const SqlExpr *value)
{
    if (value != NULL)
        return bind_expr(binder, value);
    Value null = {.type = type_simple(TYPE_NULL), .is_null = true};
    return expr_literal(binder->planner->arena, null);
}

/* JSON_VALUE(text, path, on_empty, default, on_error, default [, NULL of the type]) and its kind.
 */
static Expr *bind_json_path_call(ExprBinder *binder, const SqlExpr *expr, Str name)
{
    enum { ARGS_MAX = 7 };
    const SqlJson *json = expr->call->json;
    Arena *arena = binder->planner->arena;
    Expr **args = ARENA_ARRAY(arena, Expr *, ARGS_MAX);
    int32_t count = 0;
    for (int32_t i = 0; i < 2; i++)
        args[count++] = bind_expr(binder, LIST_AT(expr->call->arguments, i, SqlExpr));
    if (str_is(name, "JSON_EXISTS")) {
        args[count++] = json_word(
            binder, json->on_error == SQL_JSON_NONE ? "FALSE" : behavior_word(json->on_error));
        return bind_function(binder, "JSON_EXISTS", args, count, expr->span);
    }
    if (str_is(name, "JSON_QUERY")) {
        args[count++] =
            json_word(binder, json->wrapper == SQL_JSON_CONDITIONAL_WRAPPER     ? "CONDITIONAL"
                              : json->wrapper == SQL_JSON_UNCONDITIONAL_WRAPPER ? "UNCONDITIONAL"
                                                                                : "WITHOUT");
        args[count++] = json_word(binder, behavior_word(json->on_empty));
        args[count++] = json_word(binder, behavior_word(json->on_error));
        if (json->returning != NULL) {
            Type type = type_nullable(json->returning->type);
            args[count++] = expr_literal(arena, (Value){.type = type, .is_null = true});
        }
        return bind_function(binder, "JSON_QUERY", args, count, expr->span);
    }
    args[count++] = json_word(binder, behavior_word(json->on_empty));
    args[count++] = json_default(binder, json->default_on_empty);
    args[count++] = json_word(binder, behavior_word(json->on_error));
    args[count++] = json_default(binder, json->default_on_error);
    if (json->returning != NULL) {
        Type type = type_nullable(json->returning->type);
        args[count++] = expr_literal(arena, (Value){.type = type, .is_null = true});
    }
    return bind_function(binder, "JSON_VALUE", args, count, expr->span);
}

static bool ast_is_json(const SqlExpr *expr)
{
    if (expr->kind != SQL_CALL || expr->call->json == NULL)
        return false;
    Str name = sql_path_last(expr->call->name)->text;
    return str_equal_ignoring_case(name, STR("JSON_OBJECT")) ||
           str_equal_ignoring_case(name, STR("JSON_ARRAY"));
}

/* JSON_OBJECT(on_null, marks, key, value, …), JSON_ARRAY(on_null, marks, value, …). */
static Expr *bind_json_make(ExprBinder *binder, const SqlExpr *expr, bool is_object)
{
    const List *given = &expr->call->arguments;
    Arena *arena = binder->planner->arena;
    Expr **args = ARENA_ARRAY(arena, Expr *, given->count + 2);
    char *marks = ARENA_ARRAY(arena, char, given->count + 1);
    int32_t value_count = 0;
    for (int32_t i = 0; i < given->count; i++) {
        const SqlExpr *arg = LIST_AT(*given, i, SqlExpr);
        args[2 + i] = bind_expr(binder, arg);
        if (!is_object || i % 2 == 1)
            marks[value_count++] = ast_is_json(arg) ? 'j' : '-';
    }
    SqlJsonOnNull on_null = expr->call->json->on_null;
    if (on_null == SQL_JSON_ON_NULL_NONE)
        on_null = is_object ? SQL_JSON_NULL_ON_NULL : SQL_JSON_ABSENT_ON_NULL;
    args[0] = json_word(binder, on_null == SQL_JSON_ABSENT_ON_NULL ? "ABSENT" : "NULL");
    args[1] = json_word(binder, marks);
    return bind_function(binder, is_object ? "JSON_OBJECT" : "JSON_ARRAY", args, given->count + 2,
                         expr->span);
}

Expr *bind_json_call(ExprBinder *binder, const SqlExpr *expr)
{
    assert(expr->call->json != NULL);
    Arena *arena = binder->planner->arena;
    Str name = str_from(function_name(function_find(sql_path_last(expr->call->name)->text)));
    if (!json_check(binder, name, expr))
        return expr_poison(arena);
    if (str_is(name, "JSON_OBJECT") || str_is(name, "JSON_ARRAY"))
        return bind_json_make(binder, expr, str_is(name, "JSON_OBJECT"));
    return bind_json_path_call(binder, expr, name);
}
