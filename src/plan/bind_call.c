/* Calls of functions and aggregates by name. */
#include <assert.h>

#include "plan/internal.h"
#include "plan/match.h"
#include "plan/over.h"

static Expr *call_poison(ExprBinder *binder, Span span)
{
    Expr *expr = expr_poison(binder->planner->arena);
    expr->span_start = span.start;
    expr->span_end = span.end;
    return expr;
}

/* Words that are called like functions, and are none. */
static int32_t call_words(const ExprBinder *binder, Str *names)
{
    int32_t count = 0;
    if (binder->place != NULL && str_is(str_from(binder->place), "GROUP BY")) {
        names[count++] = STR("ROLLUP");
        names[count++] = STR("CUBE");
    }
    if (binder->match != NULL) {
        names[count++] = STR("FIRST");
        names[count++] = STR("LAST");
        names[count++] = STR("PREV");
        names[count++] = STR("NEXT");
    }
    names[count++] = STR("ROW");
    names[count++] = STR("CAST");
    return count;
}

void function_suggest(const ExprBinder *binder, Diagnostic *diagnostic, Str name)
{
    enum { WORDS_MAX = 8 };
    int32_t count = function_info_count();
    Str *names = ARENA_ARRAY(binder->planner->arena, Str, count + WORDS_MAX + OVER_NAMES_MAX);
    int32_t all = call_words(binder, names);
    assert(all <= WORDS_MAX);
    all += over_names(names + all);
    for (int32_t i = 0; i < count; i++)
        names[all++] = str_from(function_info_at(i)->name);
    diagnostic_suggest(diagnostic, names, all, name);
}

static Expr *call_not_found(ExprBinder *binder, Str name, Span span)
{
    Planner *planner = binder->planner;
    Diagnostic *d = REPORT(planner, "WR2042", span, "function `%.*s` not found", STR_ARGS(name));
    const char *ours = foreign_function_ours(name);
    if (ours != NULL) {
        diagnostic_help(d, "in Flink SQL: %s", ours);
        return call_poison(binder, span);
    }
    function_suggest(binder, d, name);
    return call_poison(binder, span);
}

/* What a call may carry that this version cannot do. */
static bool call_is_unsupported(ExprBinder *binder, const SqlCall *call, Span span, bool is_user)
{
    const char *what = NULL;
    if (call->order_by.count > 0)
        what = "WITHIN GROUP";
    else if (call->name->parts.count > 1 && !is_user)
        what = "a function of a catalog";
    else if (call->nulls != SQL_NULLS_UNSPECIFIED &&
             !str_equal_ignoring_case(sql_path_last(call->name)->text, STR("ARRAY_AGG")))
        what = call->nulls == SQL_RESPECT_NULLS ? "RESPECT NULLS" : "IGNORE NULLS";
    if (what != NULL)
        planner_unsupported(binder->planner, span, what);
    return what != NULL;
}

static bool uses_equal(const AggregateUse *a, const AggregateUse *b)
{
    if (!str_equal_ignoring_case(a->name, b->name) || a->arg_count != b->arg_count ||
        a->is_distinct != b->is_distinct || (a->filter == NULL) != (b->filter == NULL))
        return false;
    for (int32_t i = 0; i < a->arg_count; i++) {
        if (!expr_equal(a->args[i], b->args[i]))
            return false;
    }
    return a->filter == NULL || expr_equal(a->filter, b->filter);
}

/* The use as a column behind the scope's. */
static Expr *aggregate_column(ExprBinder *binder, AggregateUse *use)
{
    List *uses = binder->aggregates;
    int32_t index = 0;
    while (index < uses->count && !uses_equal(LIST_AT(*uses, index, AggregateUse), use))
        index++;
    if (index == uses->count)
        list_append(uses, binder->planner->arena, use);
    Expr *column =
        expr_column(binder->planner->arena, AGGREGATE_COLUMN_FIRST + index, use->call->result);
    column->span_start = use->span.start;
    column->span_end = use->span.end;
    return column;
}

static bool aggregate_is_allowed(ExprBinder *binder, const SqlCall *call, Span span)
{
    Str name = sql_path_last(call->name)->text;
    if (binder->is_in_aggregate) {
        REPORT(binder->planner, "WR2046", span, "aggregate functions cannot be nested");
        return false;
    }
    if (binder->aggregates == NULL) {
        Diagnostic *d =
            REPORT(binder->planner, "WR2046", span,
                   "aggregate function `%.*s` is not allowed in %s", STR_ARGS(name), binder->place);
        if (str_is(str_from(binder->place), "WHERE"))
            diagnostic_help(d, "filter groups with HAVING");
        return false;
    }
    return true;
}

static bool use_is_poisoned(const AggregateUse *use)
{
    for (int32_t i = 0; i < use->arg_count; i++) {
        if (expr_is_poison(use->args[i]))
            return true;
    }
    return use->filter != NULL && expr_is_poison(use->filter);
}

/* The name under which the aggregate with its clauses is known. */
static Str aggregate_full_name(const SqlCall *call)
{
    Str name = sql_path_last(call->name)->text;
    SqlJsonOnNull on_null = call->json != NULL ? call->json->on_null : SQL_JSON_ON_NULL_NONE;
    if (call->nulls == SQL_IGNORE_NULLS && str_equal_ignoring_case(name, STR("ARRAY_AGG")))
        return STR("ARRAY_AGG IGNORE NULLS");
    if (on_null == SQL_JSON_NULL_ON_NULL && str_equal_ignoring_case(name, STR("JSON_ARRAYAGG")))
        return STR("JSON_ARRAYAGG NULL ON NULL");
    if (on_null == SQL_JSON_ABSENT_ON_NULL && str_equal_ignoring_case(name, STR("JSON_OBJECTAGG")))
        return STR("JSON_OBJECTAGG ABSENT ON NULL");
    return name;
}

/* Bind the arguments of an aggregate call, in the types that it wants. */
static void use_bind_args(ExprBinder *inner, const SqlCall *call, AggregateUse *use, Expr **given,
                          Type *types)
{
    for (int32_t i = 0; i < call->arguments.count; i++) {
        Expr *arg = bind_expr(inner, LIST_AT(call->arguments, i, SqlExpr));
        given[i] = arg;
        Type wanted;
        if (!expr_is_poison(arg) && aggregate_argument(use->name, i, arg->type, &wanted) &&
            cast_kind(arg->type, wanted) != CAST_NONE && !type_is_text(arg->type))
            arg = expr_cast(inner->planner->arena, arg, wanted, false);
        use->args[i] = arg;
        types[i] = arg->type;
        use->arg_count++;
    }
}

/* Flink has no APPROX_COUNT_DISTINCT over streams: what is approximate cannot be taken back. */
static bool use_is_refused(ExprBinder *binder, const AggregateUse *use)
{
    if (!str_equal_ignoring_case(use->name, STR("APPROX_COUNT_DISTINCT")) ||
        settings_is_batch(binder->planner))
        return false;
    Diagnostic *d = REPORT(binder->planner, "WR2044", use->span,
                           "`APPROX_COUNT_DISTINCT` is not possible in streaming mode");
    diagnostic_help(d, "count exactly with COUNT(DISTINCT x), or set 'execution.runtime-mode' = "
                       "'batch'");
    return true;
}

AggregateUse *bind_aggregate_use(ExprBinder *args, const SqlExpr *expr)
{
    Planner *planner = args->planner;
    const SqlCall *call = expr->call;
    AggregateUse *use = ARENA_NEW(planner->arena, AggregateUse);
    use->name = aggregate_full_name(call);
    use->is_distinct = call->is_distinct;
    use->span = expr->span;
    if (call->arguments.count > AGGREGATE_ARGS_MAX) {
        planner_unsupported(planner, expr->span, "an aggregate of more than three arguments");
        return NULL;
    }
    Type types[AGGREGATE_ARGS_MAX];
    Expr *given[AGGREGATE_ARGS_MAX];
    use_bind_args(args, call, use, given, types);
    if (call->filter != NULL) {
        args->place = "FILTER";
        use->filter = bind_condition(args, call->filter);
    }
    if (use_is_poisoned(use) || use_is_refused(args, use))
        return NULL;
    Error error = {0};
    if (aggregate_bind(use->name, planner->arena, types, use->arg_count, use->is_distinct, false,
                       &use->call, &error) != OK) {
        Diagnostic *d = REPORT(planner, error.code[0] != '\0' ? error.code : "WR2044", expr->span,
                               "%s", error.text);
        if (error.hint[0] != '\0')
            diagnostic_help(d, "%s", error.hint);
        return NULL;
    }
    portable_aggregate(planner, expr, given);
    return use;
}

static Expr *bind_aggregate_call(ExprBinder *binder, const SqlExpr *expr)
{
    if (!aggregate_is_allowed(binder, expr->call, expr->span))
        return call_poison(binder, expr->span);
    ExprBinder inner = *binder;
    inner.is_in_aggregate = true;
    AggregateUse *use = bind_aggregate_use(&inner, expr);
    return use != NULL ? aggregate_column(binder, use) : call_poison(binder, expr->span);
}

static Expr *call_text(ExprBinder *binder, const char *text)
{
    Str str = str_from(text);
    Type type = type_not_null(type_char((int32_t)str.length));
    return expr_literal(binder->planner->arena, (Value){.type = type, .text = str});
}

/* CURRENT_DATABASE(): the session's, as the argument. */
static Expr *bind_current_database(ExprBinder *binder, const SqlExpr *expr)
{
    Arena *arena = binder->planner->arena;
    if (expr->call->arguments.count > 0) {
        REPORT(binder->planner, "WR2044", expr->span, "`CURRENT_DATABASE` takes no arguments");
        return call_poison(binder, expr->span);
    }
    Value value = {.type = type_not_null(type_string()),
                   .text = binder->planner->session->catalog.database};
    Expr **args = ARENA_ARRAY(arena, Expr *, 1);
    args[0] = expr_literal(arena, value);
    return bind_function(binder, "CURRENT_DATABASE", args, 1, expr->span);
}

/* TRIM with a side or characters is TRIM(side, characters, text). */
static Expr *bind_trim(ExprBinder *binder, const SqlExpr *expr, Expr *const *args, int32_t count)
{
    static const char *const sides[] = {
        [SQL_TRIM_BOTH] = "BOTH",
        [SQL_TRIM_LEADING] = "LEADING",
        [SQL_TRIM_TRAILING] = "TRAILING",
    };
    Expr **all = ARENA_ARRAY(binder->planner->arena, Expr *, 3);
    all[0] = call_text(binder, sides[expr->call->trim_side]);
    all[1] = count == 2 ? args[1] : call_text(binder, " ");
    all[2] = args[0];
    return bind_function(binder, "TRIM", all, 3, expr->span);
}

static bool call_check_plain(ExprBinder *binder, const SqlExpr *expr)
{
    const SqlCall *call = expr->call;
    const char *what = NULL;
    if (call->is_distinct)
        what = "DISTINCT";
    else if (call->is_star)
        what = "`*`";
    else if (call->filter != NULL)
        what = "FILTER";
    else if (call->argument_names.count > 0)
        what = "a named argument";
    if (what != NULL)
        REPORT(binder->planner, "WR2049", expr->span,
               "%s is not possible here: `%.*s` is not an aggregate function", what,
               STR_ARGS(sql_path_last(call->name)->text));
    return what == NULL;
}

static bool name_is_window(Str name)
{
    static const char *const names[] = {
        "TUMBLE",           "HOP",         "CUMULATE",        "SESSION",         "TUMBLE_START",
        "TUMBLE_END",       "HOP_START",   "HOP_END",         "TUMBLE_ROWTIME",  "HOP_ROWTIME",
        "SESSION_START",    "SESSION_END", "SESSION_ROWTIME", "TUMBLE_PROCTIME", "HOP_PROCTIME",
        "SESSION_PROCTIME",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (str_equal_ignoring_case(name, str_from(names[i])))
            return true;
    }
    return false;
}

Expr *bind_call(ExprBinder *binder, const SqlExpr *expr)
{
    assert(expr->kind == SQL_CALL);
    Planner *planner = binder->planner;
    const SqlCall *call = expr->call;
    Str name = sql_path_last(call->name)->text;
    bool is_match_call = false;
    Expr *match_call = binder->match == NULL ? NULL : match_bind_call(binder, expr, &is_match_call);
    if (is_match_call)
        return match_call;
    const char *user = user_function_find(planner, call->name);
    if (user != NULL)
        name = str_from(user);
    if (call_is_unsupported(binder, call, expr->span, user != NULL))
        return call_poison(binder, expr->span);
    if (call->over != NULL)
        return bind_over_call(binder, expr);
    if (over_is_function(name)) {
        Diagnostic *d = REPORT(planner, "WR2510", expr->span, "%.*s needs OVER", STR_ARGS(name));
        diagnostic_help(d, "write %.*s() OVER (PARTITION BY … ORDER BY …)", STR_ARGS(name));
        return call_poison(binder, expr->span);
    }
    if (name_is_window(name) && binder->window != NULL)
        return bind_group_window_part(binder, expr);
    if (name_is_window(name)) {
        Diagnostic *d = planner_unsupported(planner, expr->span, "a group window as an expression");
        diagnostic_help(d,
                        "use the window table function: FROM TABLE(TUMBLE(TABLE t, "
                        "DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end");
        return call_poison(binder, expr->span);
    }
    if (str_equal_ignoring_case(name, STR("CURRENT_DATABASE")))
        return bind_current_database(binder, expr);
    if (aggregate_exists(name))
        return bind_aggregate_call(binder, expr);
    if (function_find(name) == NULL)
        return call_not_found(binder, name, sql_path_last(call->name)->span);
    if (!call_check_plain(binder, expr))
        return call_poison(binder, expr->span);
    if (call->json != NULL)
        return bind_json_call(binder, expr);
    int32_t count = call->arguments.count;
    Expr **args = ARENA_ARRAY(planner->arena, Expr *, count + 1);
    for (int32_t i = 0; i < count; i++)
        args[i] = bind_expr(binder, LIST_AT(call->arguments, i, SqlExpr));
    if (str_equal_ignoring_case(name, STR("TRIM")) && count >= 1 && count <= 2)
        return bind_trim(binder, expr, args, count);
    return bind_function(binder, str_terminated(planner->arena, name), args, count, expr->span);
}
