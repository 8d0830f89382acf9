/* MATCH_RECOGNIZE: the operator, what it reads below, and the measures above it.
 *
 *     CALC (measures)
 *       MATCH (keys, slots of the measures)
 *         CALC (keys, time, what slots and aggregates read)
 *           input */
#include <assert.h>

#include "plan/match.h"

enum { MATCH_UNFINISHED_MAX = 100000 };

/* ---- PARTITION BY and ORDER BY --------------------------------------------------------- */

/* A plain column of the input; poison after a report. */
static Expr *match_plain_column(Planner *planner, MatchBinder *match, const SqlExpr *expr,
                                const char *clause)
{
    if (expr->kind != SQL_COLUMN) {
        Diagnostic *d = REPORT(planner, "WR2150", expr->span,
                               "%s of MATCH_RECOGNIZE takes columns only", clause);
        diagnostic_help(d,
                        "compute the value in a query or view below: (SELECT …) MATCH_RECOGNIZE");
        return expr_poison(planner->arena);
    }
    ExprBinder binder = {.planner = planner, .scope = &match->scope, .place = clause};
    return bind_column(&binder, expr->column, expr->span);
}

static int32_t *match_bind_keys(Planner *planner, MatchBinder *match, bool *is_good)
{
    const List *items = &match->sql->partition_by;
    int32_t *keys = ARENA_ARRAY(planner->arena, int32_t, items->count + 1);
    for (int32_t i = 0; i < items->count; i++) {
        const SqlExpr *item = LIST_AT(*items, i, SqlExpr);
        Expr *column = match_plain_column(planner, match, item, "PARTITION BY");
        if (expr_is_poison(column)) {
            *is_good = false;
            continue;
        }
        keys[i] = group_column(planner, &match->columns, column, (Str){0});
        for (int32_t k = 0; k < i; k++) {
            if (keys[k] != keys[i])
                continue;
            REPORT(planner, "WR2025", item->span, "PARTITION BY names this column twice");
            *is_good = false;
        }
    }
    return keys;
}

static bool match_report_time(Planner *planner, const MatchBinder *match, Span span)
{
    Diagnostic *d = REPORT(planner, "WR2151", span,
                           "ORDER BY of MATCH_RECOGNIZE begins with a time attribute, ascending");
    const Schema *schema = &match->scope.schema;
    for (int32_t i = 0; i < schema->count; i++) {
        if (schema->fields[i].type.time_attribute == TIME_NONE)
            continue;
        diagnostic_help(d, "the time attribute here is `%.*s`", STR_ARGS(schema->fields[i].name));
        return false;
    }
    diagnostic_help(d, "declare a WATERMARK for the table's time column, or add p AS PROCTIME()");
    return false;
}

static bool match_bind_time(Planner *planner, MatchBinder *match)
{
    const List *items = &match->sql->order_by;
    if (items->count == 0)
        return match_report_time(planner, match, match->sql->span);
    const SqlOrderItem *item = LIST_AT(*items, 0, SqlOrderItem);
    Expr *column = match_plain_column(planner, match, item->expr, "ORDER BY");
    if (expr_is_poison(column))
        return false;
    if (column->type.time_attribute == TIME_NONE || item->is_descending ||
        column->kind != EXPR_COLUMN)
        return match_report_time(planner, match, item->expr->span);
    match->time = column->column;
    match->is_processing_time = column->type.time_attribute == TIME_PROCTIME;
    return true;
}

static PlanMatchOrder *match_bind_order(Planner *planner, MatchBinder *match, bool *is_good)
{
    const List *items = &match->sql->order_by;
    PlanMatchOrder *order = ARENA_ARRAY(planner->arena, PlanMatchOrder, items->count + 1);
    for (int32_t i = 1; i < items->count; i++) {
        const SqlOrderItem *item = LIST_AT(*items, i, SqlOrderItem);
        Expr *column = match_plain_column(planner, match, item->expr, "ORDER BY");
        if (expr_is_poison(column)) {
            *is_good = false;
            continue;
        }
        order[i - 1] = (PlanMatchOrder){
            .column = group_column(planner, &match->columns, column, (Str){0}),
            .is_descending = item->is_descending,
            .has_nulls_last = item->nulls == SQL_NULLS_LAST ||
                              (item->nulls == SQL_NULLS_DEFAULT && item->is_descending),
        };
    }
    return order;
}

/* ---- DEFINE and MEASURES --------------------------------------------------------------- */

static bool match_bind_definition(Planner *planner, MatchBinder *match,
                                  const SqlPatternDefinition *definition, bool *is_defined)
{
    const SqlName *name = &definition->name;
    int32_t variable = match_find_variable(match, name->text);
    if (variable < 0) {
        Str names[MATCH_VARIABLES_MAX];
        for (int32_t i = 0; i < match->variable_count; i++)
            names[i] = match->variables[i].name;
        Diagnostic *d =
            WARN(planner, "WR2152", name->span, "`%.*s` is defined, but is no variable of PATTERN",
                 STR_ARGS(name->text));
        diagnostic_suggest(d, names, match->variable_count, name->text);
        return true;
    }
    if (is_defined[variable]) {
        REPORT(planner, "WR2152", name->span, "pattern variable `%.*s` is defined twice",
               STR_ARGS(name->text));
        return false;
    }
    is_defined[variable] = true;
    match->defining = variable;
    ExprBinder binder = {
        .planner = planner, .scope = &match->scope, .place = "DEFINE", .match = match};
    Expr *condition = bind_condition(&binder, definition->condition);
    match->variables[variable].condition = condition;
    return !expr_is_poison(condition);
}

static bool match_bind_definitions(Planner *planner, MatchBinder *match)
{
    bool is_defined[MATCH_VARIABLES_MAX] = {false};
    bool is_good = true;
    const List *definitions = &match->sql->definitions;
    for (int32_t i = 0; i < definitions->count; i++)
        is_good &= match_bind_definition(
            planner, match, LIST_AT(*definitions, i, SqlPatternDefinition), is_defined);
    return is_good;
}

static Expr **match_bind_measures(Planner *planner, MatchBinder *match, bool *is_good)
{
    const List *measures = &match->sql->measures;
    Expr **exprs = ARENA_ARRAY(planner->arena, Expr *, measures->count + 1);
    ExprBinder binder = {
        .planner = planner, .scope = &match->scope, .place = "MEASURES", .match = match};
    match->defining = MATCH_NO_VARIABLE;
    for (int32_t i = 0; i < measures->count; i++) {
        exprs[i] = bind_expr(&binder, LIST_AT(*measures, i, SqlMeasure)->expr);
        *is_good &= !expr_is_poison(exprs[i]);
    }
    return exprs;
}

/* ---- The other clauses ----------------------------------------------------------------- */

static bool match_bind_within(Planner *planner, const SqlMatch *sql, int64_t *within_us)
{
    const SqlExpr *within = sql->within;
    *within_us = 0;
    if (within == NULL)
        return true;
    if (within->kind != SQL_LITERAL || within->literal.kind != SQL_INTERVAL_MILLIS) {
        Diagnostic *d = REPORT(planner, "WR2163", within->span,
                               "WITHIN takes a constant interval of days to seconds");
        diagnostic_help(d, "write WITHIN INTERVAL '1' HOUR");
        return false;
    }
    int64_t millis = within->literal.interval;
    if (millis < 0) {
        REPORT(planner, "WR2163", within->span, "WITHIN takes an interval that is not negative");
        return false;
    }
    *within_us = millis * MICROS_PER_MILLI;
    return true;
}

static bool match_report_skip(Planner *planner, const MatchBinder *match, const char *message)
{
    Diagnostic *d = REPORT(planner, "WR2159", match->sql->skip_span, "%s", message);
    diagnostic_help(d, "AFTER MATCH SKIP TO NEXT ROW goes on with the row behind the first one");
    return false;
}

/* Whether the place to skip to is always where the match began: the next match would be the same
 * one. */
static bool match_skip_stays(const MatchBinder *match, int32_t variable)
{
    const PlanMatchVariable *to = &match->variables[variable];
    bool is_first = variable == 0 && to->min > 0;
    return is_first && (match->sql->skip == SQL_SKIP_TO_FIRST || to->max == 1);
}

static bool match_bind_skip(Planner *planner, const MatchBinder *match, PlanNode *node)
{
    const SqlMatch *sql = match->sql;
    switch (sql->skip) {
    case SQL_SKIP_UNSPECIFIED:
    case SQL_SKIP_TO_NEXT_ROW: node->match.skip = MATCH_SKIP_TO_NEXT_ROW; return true;
    case SQL_SKIP_PAST_LAST_ROW: node->match.skip = MATCH_SKIP_PAST_LAST_ROW; return true;
    case SQL_SKIP_TO_FIRST: node->match.skip = MATCH_SKIP_TO_FIRST; break;
    case SQL_SKIP_TO_LAST: node->match.skip = MATCH_SKIP_TO_LAST; break;
    }
    int32_t variable = match_find_variable(match, sql->skip_to.text);
    if (variable < 0) {
        Str names[MATCH_VARIABLES_MAX];
        for (int32_t i = 0; i < match->variable_count; i++)
            names[i] = match->variables[i].name;
        Diagnostic *d = REPORT(planner, "WR2159", sql->skip_to.span,
                               "`%.*s` is no variable of PATTERN", STR_ARGS(sql->skip_to.text));
        diagnostic_suggest(d, names, match->variable_count, sql->skip_to.text);
        return false;
    }
    node->match.skip_variable = variable;
    if (match_skip_stays(match, variable))
        return match_report_skip(planner, match,
                                 "this skips to the row where the match began, for ever");
    return true;
}

static bool match_is_supported(Planner *planner, const SqlMatch *sql)
{
    if (sql->rows == SQL_ROWS_ALL) {
        Diagnostic *d = planner_unsupported(planner, sql->rows_span, "ALL ROWS PER MATCH");
        diagnostic_help(d, "ONE ROW PER MATCH gives a row of the partition's columns and measures");
        return false;
    }
    if (sql->measures.count == 0) {
        Diagnostic *d = REPORT(planner, "WR2161", sql->span, "MATCH_RECOGNIZE has no MEASURES");
        diagnostic_help(d, "say what a match gives: MEASURES LAST(a.x) AS x");
        return false;
    }
    if (sql->subsets.count > 0) {
        const SqlPatternSubset *subset = LIST_AT(sql->subsets, 0, SqlPatternSubset);
        planner_unsupported(planner, subset->name.span, "SUBSET");
        return false;
    }
    return true;
}

/* ---- The relations --------------------------------------------------------------------- */

static PlanMatchSlot *match_slots(Planner *planner, const List *slots)
{
    PlanMatchSlot *out = ARENA_ARRAY(planner->arena, PlanMatchSlot, slots->count + 1);
    for (int32_t i = 0; i < slots->count; i++)
        out[i] = *LIST_AT(*slots, i, PlanMatchSlot);
    return out;
}

/* Keys, then measures; false if two have one name. */
static bool match_schema(Planner *planner, const MatchBinder *match, const Rel *rel,
                         Expr *const *measures, Schema *out)
{
    int32_t keys = rel->node.match.key_count;
    const List *items = &match->sql->measures;
    Field *fields = ARENA_ARRAY(planner->arena, Field, keys + items->count + 1);
    for (int32_t i = 0; i < keys; i++)
        fields[i] = rel->node.schema.fields[i];
    for (int32_t i = 0; i < items->count; i++) {
        const SqlName *name = &LIST_AT(*items, i, SqlMeasure)->name;
        fields[keys + i] = (Field){.name = name->text, .type = measures[i]->type};
        for (int32_t k = 0; k < keys + i; k++) {
            if (!str_equal(fields[k].name, name->text))
                continue;
            REPORT(planner, "WR2021", name->span, "column `%.*s` is in the result twice",
                   STR_ARGS(name->text));
            return false;
        }
    }
    *out = (Schema){.fields = fields, .count = keys + items->count};
    return true;
}

static Bound match_build(Planner *planner, MatchBinder *match, PlanNode *node,
                         Expr *const *measures, Span span)
{
    Rel *input = group_columns_rel(planner, &match->columns, NULL);
    int32_t keys = node->match.key_count;
    node->match.measures = match_slots(planner, &match->slots);
    node->match.measure_count = match->slots.count;
    int32_t count = keys + match->slots.count;
    Field *fields = ARENA_ARRAY(planner->arena, Field, count + 1);
    for (int32_t i = 0; i < keys; i++) {
        fields[i] = input->node.schema.fields[node->match.keys[i]];
        fields[i].type = type_plain(fields[i].type);
    }
    for (int32_t i = keys; i < count; i++)
        fields[i] = node->match.measures[i - keys].field;
    Schema schema = {.fields = fields, .count = count};
    Rel *rel = rel_new(planner, PLAN_MATCH, &schema, &input, 1);
    rel->node.match = node->match;
    rel->span = match->sql->span;
    Schema out;
    if (!match_schema(planner, match, rel, measures, &out))
        return (Bound){0};
    rel = rel_intern(planner, rel);
    Expr **exprs = ARENA_ARRAY(planner->arena, Expr *, out.count + 1);
    Expr **slots = rel_columns_at(planner, &(Schema){fields + keys, count - keys}, keys);
    for (int32_t i = 0; i < out.count; i++)
        exprs[i] = i < keys ? expr_column(planner->arena, i, fields[i].type)
                            : expr_substitute(planner->arena, measures[i - keys], slots);
    return bound_make(planner, rel_calc(planner, rel, NULL, exprs, &out), &out, span);
}

Bound bind_match(Planner *planner, const SqlTable *table)
{
    const SqlMatch *sql = table->match;
    MatchBinder match = {.sql = sql, .defining = MATCH_NO_VARIABLE};
    Bound input = bind_leaf(planner, sql->input, &match.scope);
    if (input.rel == NULL || !match_is_supported(planner, sql))
        return (Bound){0};
    match.columns.input = input.rel;
    PlanNode node = {.kind = PLAN_MATCH};
    bool is_good = true;
    node.match.keys = match_bind_keys(planner, &match, &is_good);
    node.match.key_count = sql->partition_by.count;
    if (!match_bind_time(planner, &match) || !match_bind_pattern(planner, &match))
        return (Bound){0};
    node.match.order = match_bind_order(planner, &match, &is_good);
    node.match.order_count = sql->order_by.count - 1;
    node.match.time_column = -1;
    if (!match.is_processing_time)
        node.match.time_column = group_column(
            planner, &match.columns,
            expr_column(planner->arena, match.time, match.scope.schema.fields[match.time].type),
            (Str){0});
    is_good &= match_bind_within(planner, sql, &node.match.within_us);
    is_good &= match_bind_skip(planner, &match, &node);
    is_good &= match_bind_definitions(planner, &match);
    node.match.slots = match_slots(planner, &match.slots);
    node.match.slot_count = match.slots.count;
    node.match.variables = match.variables;
    node.match.variable_count = match.variable_count;
    node.match.unfinished_max = MATCH_UNFINISHED_MAX;
    match.slots = (List){0};
    Expr **measures = match_bind_measures(planner, &match, &is_good);
    return is_good ? match_build(planner, &match, &node, measures, table->span) : (Bound){0};
}
