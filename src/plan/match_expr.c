/* Expressions of MEASURES and DEFINE.
 *
 * A column v.x means the last row of the variable v, LAST(v.x, n) the n-th before it, FIRST the
 * n-th from its first one; x alone means any variable. Each becomes a slot, which the operator
 * fills, and the expression is over the slots. In DEFINE the row that is judged counts as one of
 * the variable that is defined. */
#include <assert.h>

#include "plan/match.h"

static Expr *match_poison(ExprBinder *binder, Span span)
{
    Expr *expr = expr_poison(binder->planner->arena);
    expr->span_start = span.start;
    expr->span_end = span.end;
    return expr;
}

static bool match_is_defining(const MatchBinder *match)
{
    return match->defining != MATCH_NO_VARIABLE;
}

/* ---- Slots ----------------------------------------------------------------------------- */

static bool slots_equal(const PlanMatchSlot *a, const PlanMatchSlot *b)
{
    if (a->kind != b->kind || a->variable != b->variable || a->has_current != b->has_current)
        return false;
    if (a->kind == MATCH_SLOT_ROWTIME)
        return type_equal(a->field.type, b->field.type);
    if (a->kind != MATCH_SLOT_AGGREGATE)
        return a->column == b->column && a->offset == b->offset;
    if (!str_is(str_from(aggregate_name(a->aggregate.call)), aggregate_name(b->aggregate.call)) ||
        a->aggregate.call->arg_count != b->aggregate.call->arg_count)
        return false;
    for (int32_t i = 0; i < a->aggregate.call->arg_count; i++) {
        if (a->aggregate.args[i] != b->aggregate.args[i])
            return false;
    }
    return true;
}

/* The slot as a column of the clause's expressions. */
static Expr *match_slot(ExprBinder *binder, PlanMatchSlot slot, Span span)
{
    Planner *planner = binder->planner;
    MatchBinder *match = binder->match;
    slot.has_current = match_is_defining(match) &&
                       (slot.variable == match->defining || slot.variable == MATCH_ALL_VARIABLES);
    int32_t index = 0;
    while (index < match->slots.count &&
           !slots_equal(LIST_AT(match->slots, index, PlanMatchSlot), &slot))
        index++;
    if (index == match->slots.count) {
        PlanMatchSlot *kept = ARENA_NEW(planner->arena, PlanMatchSlot);
        *kept = slot;
        kept->field.name = str_from(arena_printf(planner->arena, "$%d", index));
        list_append(&match->slots, planner->arena, kept);
    }
    Expr *expr = expr_column(planner->arena, index, slot.field.type);
    expr->span_start = span.start;
    expr->span_end = span.end;
    return expr;
}

/* ---- Columns --------------------------------------------------------------------------- */

/* FIRST, LAST and aggregates look at the rows of one variable. */
static bool match_use_variable(ExprBinder *binder, int32_t variable, Span span)
{
    MatchBinder *match = binder->match;
    if (match->around == NULL || match->around_variable == MATCH_NO_VARIABLE ||
        match->around_variable == variable) {
        match->around_variable = variable;
        return true;
    }
    Str name = sql_path_last(match->around->name)->text;
    Diagnostic *d =
        REPORT(binder->planner, "WR2157", span,
               "`%.*s` is over the rows of one pattern variable, not of several", STR_ARGS(name));
    diagnostic_help(d, "write one call for each variable, and every column as variable.column");
    return false;
}

static Expr *match_no_variable(ExprBinder *binder, const SqlPath *path, Span span)
{
    const MatchBinder *match = binder->match;
    const SqlName *name = LIST_AT(path->parts, 0, SqlName);
    Str names[MATCH_VARIABLES_MAX];
    for (int32_t i = 0; i < match->variable_count; i++)
        names[i] = match->variables[i].name;
    Diagnostic *d = REPORT(binder->planner, "WR2152", name->span,
                           "`%.*s` is no variable of PATTERN", STR_ARGS(name->text));
    diagnostic_suggest(d, names, match->variable_count, name->text);
    return match_poison(binder, span);
}

/* The column over the input, and the variable whose rows it is taken from. */
static Expr *match_input_column(ExprBinder *binder, const SqlPath *path, Span span,
                                int32_t *variable, int32_t *parts_used)
{
    MatchBinder *match = binder->match;
    const SqlName *first = LIST_AT(path->parts, 0, SqlName);
    *variable = MATCH_ALL_VARIABLES;
    *parts_used = 1;
    const ScopeColumn *column;
    if (path->parts.count > 1) {
        int32_t found = match_find_variable(match, first->text);
        if (found >= 0) {
            *variable = found;
            *parts_used = 2;
        } else if (scope_find(&match->scope, first->text, &column) == 0) {
            return match_no_variable(binder, path, span);
        }
    }
    SqlPath name = {.span = span};
    list_append(&name.parts, binder->planner->arena,
                LIST_AT(path->parts, *parts_used - 1, SqlName));
    ExprBinder inner = {.planner = binder->planner, .scope = &match->scope, .place = binder->place};
    return bind_column(&inner, &name, span);
}

Expr *match_bind_column(ExprBinder *binder, const SqlPath *path, Span span)
{
    MatchBinder *match = binder->match;
    int32_t variable, parts_used;
    Expr *expr = match_input_column(binder, path, span, &variable, &parts_used);
    if (expr_is_poison(expr) || !match_use_variable(binder, variable, span))
        return match_poison(binder, span);
    if (!binder->is_in_aggregate) {
        Type type = type_nullable(type_plain(expr->type));
        PlanMatchSlot slot = {.kind = match->is_first ? MATCH_SLOT_FIRST : MATCH_SLOT_LAST,
                              .variable = variable,
                              .offset = match->offset,
                              .field.type = type};
        slot.column = group_column(binder->planner, &match->columns, expr, (Str){0});
        expr = match_slot(binder, slot, span);
    }
    for (int32_t i = parts_used; i < path->parts.count; i++)
        expr = bind_field(binder, expr, LIST_AT(path->parts, i, SqlName), span);
    return expr;
}

/* ---- FIRST and LAST -------------------------------------------------------------------- */

static Expr *match_report_navigation(ExprBinder *binder, const SqlExpr *expr, const char *message)
{
    Diagnostic *d = REPORT(binder->planner, "WR2158", expr->span, "%s", message);
    diagnostic_help(d, "write LAST(variable.column) or LAST(variable.column, 1)");
    return match_poison(binder, expr->span);
}

static bool match_bind_offset(ExprBinder *binder, const SqlCall *call, int64_t *out)
{
    *out = 0;
    if (call->arguments.count < 2)
        return true;
    const SqlExpr *offset = LIST_AT(call->arguments, 1, SqlExpr);
    bool is_count = offset->kind == SQL_LITERAL && offset->literal.kind == SQL_EXACT &&
                    offset->literal.scale == 0 && str_parse_int64(offset->literal.text, out) &&
                    *out <= INT32_MAX;
    if (!is_count)
        match_report_navigation(binder, offset, "the second argument is a constant number of rows");
    return is_count;
}

static Expr *match_bind_navigation(ExprBinder *binder, const SqlExpr *expr, bool is_first)
{
    MatchBinder *match = binder->match;
    const SqlCall *call = expr->call;
    if (match->around != NULL)
        return match_report_navigation(binder, expr,
                                       "FIRST and LAST cannot stand in one another or in an "
                                       "aggregate");
    if (call->arguments.count < 1 || call->arguments.count > 2 || call->is_star ||
        call->is_distinct)
        return match_report_navigation(binder, expr,
                                       "FIRST and LAST take a value and a number of rows");
    int64_t offset;
    if (!match_bind_offset(binder, call, &offset))
        return match_poison(binder, expr->span);
    MatchBinder outer = *match;
    match->around = call;
    match->around_variable = MATCH_NO_VARIABLE;
    match->is_first = is_first;
    match->offset = offset;
    Expr *bound = bind_expr(binder, LIST_AT(call->arguments, 0, SqlExpr));
    bool has_column = match->around_variable != MATCH_NO_VARIABLE;
    match->around = outer.around;
    match->around_variable = outer.around_variable;
    match->is_first = outer.is_first;
    match->offset = outer.offset;
    if (!has_column && !expr_is_poison(bound))
        return match_report_navigation(binder, expr, "FIRST and LAST need a column");
    return bound;
}

/* ---- Time ------------------------------------------------------------------------------ */

static Expr *match_report_rowtime(ExprBinder *binder, Span span, const char *message)
{
    REPORT(binder->planner, "WR2162", span, "%s", message);
    return match_poison(binder, span);
}

static Expr *match_bind_rowtime(ExprBinder *binder, const SqlExpr *expr)
{
    MatchBinder *match = binder->match;
    const SqlCall *call = expr->call;
    const Field *time = &match->scope.schema.fields[match->time];
    Type type = time->type;
    if (match->is_processing_time)
        return match_report_rowtime(binder, expr->span,
                                    "MATCH_ROWTIME needs rows in order of event time");
    if (call->arguments.count > 1)
        return match_report_rowtime(binder, expr->span, "MATCH_ROWTIME takes one column or none");
    if (call->arguments.count == 1) {
        const SqlExpr *argument = LIST_AT(call->arguments, 0, SqlExpr);
        if (argument->kind != SQL_COLUMN)
            return match_report_rowtime(binder, argument->span,
                                        "the argument of MATCH_ROWTIME is a column");
        int32_t variable, parts_used;
        Expr *column =
            match_input_column(binder, argument->column, argument->span, &variable, &parts_used);
        if (expr_is_poison(column))
            return column;
        if (column->type.time_attribute != TIME_ROWTIME)
            return match_report_rowtime(
                binder, argument->span,
                "the argument of MATCH_ROWTIME is a column with a watermark");
        type = column->type;
    } else {
        /* Whatever the column's type, as in Flink. */
        type = type_timestamp(type.precision);
    }
    type.time_attribute = TIME_ROWTIME;
    if (!match_is_defining(match))
        return match_slot(binder,
                          (PlanMatchSlot){.kind = MATCH_SLOT_ROWTIME,
                                          .variable = MATCH_ALL_VARIABLES,
                                          .field.type = type_not_null(type)},
                          expr->span);
    PlanMatchSlot slot = {.kind = MATCH_SLOT_LAST,
                          .variable = MATCH_ALL_VARIABLES,
                          .field.type = type_nullable(type_plain(type))};
    slot.column =
        group_column(binder->planner, &match->columns,
                     expr_column(binder->planner->arena, match->time, time->type), (Str){0});
    return match_slot(binder, slot, expr->span);
}

/* ---- Aggregates ------------------------------------------------------------------------ */

static bool match_aggregate_is_allowed(ExprBinder *binder, const SqlExpr *expr)
{
    const SqlCall *call = expr->call;
    const char *what = NULL;
    if (binder->is_in_aggregate || binder->match->around != NULL) {
        REPORT(binder->planner, "WR2046", expr->span,
               "an aggregate cannot stand in another one, in FIRST or in LAST");
        return false;
    }
    if (call->is_distinct)
        what = "a DISTINCT aggregate in MATCH_RECOGNIZE";
    else if (call->filter != NULL)
        what = "FILTER in MATCH_RECOGNIZE";
    else if (call->order_by.count > 0)
        what = "WITHIN GROUP in MATCH_RECOGNIZE";
    else if (call->over != NULL)
        what = "OVER in MATCH_RECOGNIZE";
    else if (call->arguments.count > 2)
        what = "an aggregate of more than two arguments";
    if (what != NULL)
        planner_unsupported(binder->planner, expr->span, what);
    return what == NULL;
}

/* Arguments over the input; the variable that they are of. */
static bool match_bind_arguments(ExprBinder *binder, const SqlExpr *expr, Expr **args, Type *types,
                                 int32_t *variable)
{
    MatchBinder *match = binder->match;
    const SqlCall *call = expr->call;
    ExprBinder inner = *binder;
    inner.is_in_aggregate = true;
    match->around = call;
    match->around_variable = call->is_star ? MATCH_ALL_VARIABLES : MATCH_NO_VARIABLE;
    bool is_good = true;
    for (int32_t i = 0; i < call->arguments.count; i++) {
        args[i] = bind_expr(&inner, LIST_AT(call->arguments, i, SqlExpr));
        types[i] = args[i]->type;
        is_good = is_good && !expr_is_poison(args[i]);
    }
    *variable = match->around_variable;
    match->around = NULL;
    if (!is_good || *variable != MATCH_NO_VARIABLE)
        return is_good;
    if (call->arguments.count == 0) {
        *variable = MATCH_ALL_VARIABLES;
        return true;
    }
    Diagnostic *d =
        REPORT(binder->planner, "WR2157", expr->span, "`%.*s` uses no column of a pattern variable",
               STR_ARGS(sql_path_last(call->name)->text));
    diagnostic_help(d, "COUNT(*) counts the rows of all variables, COUNT(a.x) those of `a`");
    return false;
}

static Expr *match_bind_aggregate(ExprBinder *binder, const SqlExpr *expr)
{
    Planner *planner = binder->planner;
    MatchBinder *match = binder->match;
    const SqlCall *call = expr->call;
    Expr *args[2];
    Type types[2];
    PlanMatchSlot slot = {.kind = MATCH_SLOT_AGGREGATE};
    if (!match_aggregate_is_allowed(binder, expr) ||
        !match_bind_arguments(binder, expr, args, types, &slot.variable))
        return match_poison(binder, expr->span);
    Error error = {0};
    AggregateCall *bound = NULL;
    if (aggregate_bind(sql_path_last(call->name)->text, planner->arena, types,
                       call->arguments.count, false, false, &bound, &error) != OK) {
        Diagnostic *d = REPORT(planner, error.code[0] != '\0' ? error.code : "WR2044", expr->span,
                               "%s", error.text);
        if (error.hint[0] != '\0')
            diagnostic_help(d, "%s", error.hint);
        return match_poison(binder, expr->span);
    }
    slot.aggregate = (PlanAggregate){.call = bound, .args = {-1, -1}, .filter = -1};
    for (int32_t i = 0; i < call->arguments.count; i++)
        slot.aggregate.args[i] = group_column(planner, &match->columns, args[i], (Str){0});
    slot.field.type = bound->result;
    return match_slot(binder, slot, expr->span);
}

/* ---- Calls ----------------------------------------------------------------------------- */

static Expr *match_refuse_call(ExprBinder *binder, const SqlExpr *expr, Str name, bool is_physical)
{
    Diagnostic *d = REPORT(binder->planner, "WR2099", expr->span,
                           "%.*s is not supported in MATCH_RECOGNIZE", STR_ARGS(name));
    if (is_physical)
        diagnostic_help(d, "LAST(variable.column, 1) is the row before the variable's last one");
    return match_poison(binder, expr->span);
}

static bool name_is(Str name, const char *word)
{
    return str_equal_ignoring_case(name, str_from(word));
}

Expr *match_bind_call(ExprBinder *binder, const SqlExpr *expr, bool *handled)
{
    const SqlCall *call = expr->call;
    Str name = sql_path_last(call->name)->text;
    *handled = true;
    if (call->match_word != SQL_MATCH_UNSPECIFIED && match_is_defining(binder->match)) {
        REPORT(binder->planner, "WR2158", expr->span, "RUNNING and FINAL cannot stand in DEFINE");
        return match_poison(binder, expr->span);
    }
    if (call->match_word == SQL_MATCH_RUNNING) {
        Diagnostic *d = REPORT(binder->planner, "WR2158", expr->span,
                               "RUNNING has no meaning with ONE ROW PER MATCH");
        diagnostic_help(d, "leave it out: a measure is over the whole match");
        return match_poison(binder, expr->span);
    }
    if (call->name->parts.count == 1) {
        if (name_is(name, "FIRST") || name_is(name, "LAST"))
            return match_bind_navigation(binder, expr, name_is(name, "FIRST"));
        if (name_is(name, "PREV") || name_is(name, "NEXT"))
            return match_refuse_call(binder, expr, name, true);
        if (name_is(name, "CLASSIFIER") || name_is(name, "MATCH_NUMBER"))
            return match_refuse_call(binder, expr, name, false);
        if (name_is(name, "MATCH_ROWTIME"))
            return match_bind_rowtime(binder, expr);
        if (name_is(name, "MATCH_PROCTIME") && call->arguments.count == 0)
            return bind_function(binder, "PROCTIME", NULL, 0, expr->span);
        if (aggregate_exists(name))
            return match_bind_aggregate(binder, expr);
    }
    *handled = false;
    return NULL;
}
