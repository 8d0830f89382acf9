/* Top-N and deduplication: a filter on ROW_NUMBER that lets only the first numbers through.
 *
 *     CALC (rn <= 3, other filters)              CALC (other filters)
 *       OVER (ROW_NUMBER by k, order v)   ──>      RANK (1 to 3, by k, order v)
 *         input                                      input
 *
 * One row per key in order of a time attribute is a DEDUPLICATE. This is a pass and not part of
 * binding, because the filter may stand in a query around a view, and because what becomes of it
 * depends on the row kinds of the input. */
#include <assert.h>

#include "base/hash.h"
#include "plan/kind.h"
#include "plan/over.h"
#include "plan/window_property.h"

/* The filter on a number. */
typedef struct RankRange {
    int64_t first, last; /* INT64_MAX: no end */
    int32_t last_column; /* -1: none */
    bool is_found;
} RankRange;

typedef struct TopN {
    Planner *planner;
    Rel *calc; /* with the filter */
    Rel *over;
    int32_t number; /* the column of the number, the last of over */
    Expr **exprs;   /* the output of calc over the columns of over */
    List filters;   /* conjuncts over the columns of over */
    RankRange range;
} TopN;

/* ---- From the CALC down ------------------------------------------------------------------ */

static bool exprs_are_good(Expr *const *exprs, int32_t count)
{
    int32_t left = PLAN_EXPR_NODES_MAX;
    for (int32_t i = 0; i < count && left > 0; i++) {
        left -= expr_size(exprs[i], left);
        if (!expr_is_deterministic(exprs[i]))
            return false;
    }
    return left > 0;
}

/* Fold the CALCs above the OVER into expressions over its columns. False if it cannot be done, or
 * if there is none. */
static bool top_fold(TopN *top, Rel *rel)
{
    Arena *arena = top->planner->arena;
    if (rel->node.kind == PLAN_OVER) {
        top->over = rel;
        top->exprs = rel_columns(top->planner, &rel->node.schema);
        return true;
    }
    if (rel->node.kind != PLAN_CALC || rel->node.calc.makes_append ||
        !top_fold(top, rel_input(rel, 0)))
        return false;
    if (rel->node.calc.filter != NULL)
        expr_conjuncts(arena, expr_substitute(arena, rel->node.calc.filter, top->exprs),
                       &top->filters);
    if (rel->node.calc.exprs == NULL)
        return true;
    int32_t count = rel->node.schema.count;
    bool is_direct = rel_input(rel, 0) == top->over;
    if (!is_direct && !exprs_are_good(top->exprs, rel_input(rel, 0)->node.schema.count))
        return false;
    Expr **exprs = ARENA_ARRAY(arena, Expr *, count + 1);
    for (int32_t i = 0; i < count; i++)
        exprs[i] = expr_substitute(arena, rel->node.calc.exprs[i], top->exprs);
    top->exprs = exprs;
    return is_direct || exprs_are_good(exprs, count);
}

static bool top_is_candidate(const TopN *top)
{
    const PlanNode *node = &top->over->node;
    if (node->over.call_count != 1)
        return false;
    /* At the end of input every rank is known. */
    if (settings_is_batch(top->planner) && node->over.calls[0].function != OVER_ROW_NUMBER)
        return false;
    switch (node->over.calls[0].function) {
    case OVER_ROW_NUMBER:
    case OVER_RANK:
    case OVER_DENSE_RANK: return true;
    case OVER_AGGREGATE:
    case OVER_FUNCTIONS: break;
    }
    return false;
}

/* ---- The range --------------------------------------------------------------------------- */

static bool expr_reads(const Expr *expr, int32_t column)
{
    if (expr->kind == EXPR_COLUMN)
        return expr->column == column;
    for (int32_t i = 0; i < expr->arg_count; i++) {
        if (expr_reads(expr->args[i], column))
            return true;
    }
    return false;
}

/* Casts between whole numbers do not change them. */
static const Expr *expr_uncast(const Expr *expr)
{
    while (expr->kind == EXPR_CALL && expr->arg_count == 1 &&
           str_is(str_from(function_name(expr->function)), "CAST") && type_is_integer(expr->type) &&
           type_is_integer(expr->args[0]->type))
        expr = expr->args[0];
    return expr;
}

static bool expr_is_number(const TopN *top, const Expr *expr)
{
    expr = expr_uncast(expr);
    return expr->kind == EXPR_COLUMN && expr->column == top->number;
}

static bool expr_is_whole(const Expr *expr)
{
    return expr->kind == EXPR_LITERAL && type_is_integer(expr->type) && !expr->literal.is_null;
}

static void range_from(RankRange *range, int64_t first)
{
    range->is_found = true;
    range->first = first > range->first ? first : range->first;
}

static void range_to(RankRange *range, int64_t last)
{
    range->is_found = true;
    range->last = last < range->last ? last : range->last;
}

/* rn `sign` value. */
static bool range_add(TopN *top, Str sign, const Expr *value)
{
    RankRange *range = &top->range;
    const Expr *column = expr_uncast(value);
    if (column->kind == EXPR_COLUMN && type_is_integer(column->type) && str_is(sign, "<=")) {
        range->is_found = true;
        range->last_column = column->column;
        return true;
    }
    if (!expr_is_whole(value))
        return false;
    int64_t number = value->literal.integer;
    if (str_is(sign, "<="))
        range_to(range, number);
    else if (str_is(sign, "<"))
        range_to(range, number > INT64_MIN ? number - 1 : number);
    else if (str_is(sign, ">="))
        range_from(range, number);
    else if (str_is(sign, ">"))
        range_from(range, number < INT64_MAX ? number + 1 : number);
    else if (str_is(sign, "=")) {
        range_from(range, number);
        range_to(range, number);
    } else {
        return false;
    }
    return true;
}

static Str sign_turned(Str sign)
{
    static const struct {
        const char *sign, *turned;
    } pairs[] = {{"<", ">"}, {"<=", ">="}, {">", "<"}, {">=", "<="}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (str_is(sign, pairs[i].sign))
            return str_from(pairs[i].turned);
    }
    return sign;
}

/* Take the conjunct into the range, if it is about the number and what is known. */
static bool range_take(TopN *top, const Expr *filter)
{
    if (filter->kind != EXPR_CALL)
        return false;
    Str sign = str_from(function_name(filter->function));
    if (filter->arg_count == 3 && str_is(sign, "BETWEEN") && expr_is_number(top, filter->args[0])) {
        if (!expr_is_whole(filter->args[1]))
            return false;
        return range_add(top, STR("<="), filter->args[2]) &&
               range_add(top, STR(">="), filter->args[1]);
    }
    if (filter->arg_count != 2)
        return false;
    if (expr_is_number(top, filter->args[0]) && !expr_reads(filter->args[1], top->number))
        return range_add(top, sign, filter->args[1]);
    if (expr_is_number(top, filter->args[1]) && !expr_reads(filter->args[0], top->number))
        return range_add(top, sign_turned(sign), filter->args[0]);
    return false;
}

/* What is never TRUE has taken the place of the other conjuncts, among them that on the number. */
static bool expr_is_never_true(const Expr *filter)
{
    return filter->kind == EXPR_LITERAL && (filter->literal.is_null || !filter->literal.integer);
}

/* The range, and the filters that are left in top->filters. */
static void top_find_range(TopN *top)
{
    List left = {0};
    top->range = (RankRange){.first = 1, .last = INT64_MAX, .last_column = -1};
    for (int32_t i = 0; i < top->filters.count; i++) {
        Expr *filter = LIST_AT(top->filters, i, Expr);
        if (expr_is_never_true(filter)) {
            range_from(&top->range, 1);
            range_to(&top->range, 1);
        }
        if (!range_take(top, filter))
            list_append(&left, top->planner->arena, filter);
    }
    top->filters = left;
}

static Span top_span(const TopN *top)
{
    return top->over->span;
}

static bool top_check_range(TopN *top)
{
    RankRange *range = &top->range;
    Planner *planner = top->planner;
    if (range->last == INT64_MAX && range->last_column < 0) {
        Diagnostic *d = REPORT(planner, "WR2506", top_span(top),
                               "Top-N needs the last rank: only the first one is given");
        diagnostic_help(d, "add a condition such as rn <= 10");
        return false;
    }
    if (range->last_column < 0 && range->last < 1) {
        REPORT(planner, "WR2507", top_span(top), "no row has a rank up to %lld: ranks begin with 1",
               (long long)range->last);
        return false;
    }
    if (range->last_column < 0 && range->first > range->last) {
        REPORT(planner, "WR2507", top_span(top), "no rank is at least %lld and at most %lld",
               (long long)range->first, (long long)range->last);
        return false;
    }
    OverFunction function = top->over->node.over.calls[0].function;
    if (function != OVER_ROW_NUMBER) {
        Diagnostic *d = REPORT(planner, "WR2505", top_span(top), "%s is not supported in streaming",
                               over_function_name(function));
        diagnostic_help(d, "number the rows with ROW_NUMBER");
        return false;
    }
    for (int32_t i = 0; i < top->filters.count; i++) {
        if (!expr_reads(LIST_AT(top->filters, i, Expr), top->number))
            continue;
        planner_unsupported(planner, top_span(top),
                            "a further condition on the rank, besides its first and its last,");
        return false;
    }
    return true;
}

/* ---- What it becomes --------------------------------------------------------------------- */

static bool top_is_single(const TopN *top)
{
    return top->range.last_column < 0 && top->range.first == top->range.last;
}

/* The first or last row by time of each key. */
static bool top_is_deduplicate(const TopN *top)
{
    const PlanNode *node = &top->over->node;
    if (!top_is_single(top) || top->range.first != 1 || node->over.order_count != 1 ||
        settings_is_batch(top->planner) || !mode_is_append(inputs_mode(top->over)))
        return false;
    const Schema *schema = &node->inputs[0]->schema;
    return schema->fields[node->over.order[0].column].type.time_attribute != TIME_NONE;
}

static Rel *top_deduplicate(TopN *top)
{
    const PlanNode *over = &top->over->node;
    Rel *input = rel_input(top->over, 0);
    Rel *rel = rel_new(top->planner, PLAN_DEDUPLICATE, &input->node.schema, &input, 1);
    int32_t column = over->over.order[0].column;
    bool is_rowtime = input->node.schema.fields[column].type.time_attribute == TIME_ROWTIME;
    rel->span = top->over->span;
    rel->node.deduplicate.keys = over->over.keys;
    rel->node.deduplicate.key_count = over->over.key_count;
    rel->node.deduplicate.time_column = is_rowtime ? column : -1;
    rel->node.deduplicate.keeps_last = over->over.order[0].is_descending;
    rel->node.deduplicate.has_inserts = !settings_is(
        top->planner, "table.exec.deduplicate.insert-update-after-sensitive-enabled", "false");
    rel->node.deduplicate.state_ttl_us = over->over.state_ttl_us;
    return rel_intern(top->planner, rel);
}

static bool top_reads_number(const TopN *top)
{
    for (int32_t i = 0; i < top->calc->node.schema.count; i++) {
        if (expr_reads(top->exprs[i], top->number))
            return true;
    }
    return false;
}

/* The column of PARTITION BY that ends the window which is its other column, or -1. */
static int32_t top_window_end(const TopN *top, const WindowProperty *property)
{
    const PlanNode *node = &top->over->node;
    int32_t start = -1, end = -1;
    for (int32_t i = 0; property != NULL && i < node->over.key_count; i++) {
        int32_t key = node->over.keys[i];
        start = property->starts[key] ? key : start;
        end = property->ends[key] ? key : end;
    }
    return start >= 0 ? end : -1;
}

/* A time attribute, or the one by which a row got its window: there it is an ordinary column. */
static bool top_is_time(const TopN *top, int32_t column)
{
    const Schema *schema = &top->over->node.inputs[0]->schema;
    if (schema->fields[column].type.time_attribute != TIME_NONE)
        return true;
    const Rel *origin = rel_trace(rel_input(top->over, 0), &column);
    return origin != NULL && origin->node.kind == PLAN_WINDOW_ASSIGN &&
           column == origin->node.window_assign.window.time_column;
}

static Rel *top_window_rank(TopN *top, const WindowProperty *property, int32_t end)
{
    const PlanNode *over = &top->over->node;
    Rel *input = rel_input(top->over, 0);
    bool has_number = !top_is_single(top) && top_reads_number(top);
    const Schema *schema = has_number ? &over->schema : &input->node.schema;
    Rel *rel = rel_new(top->planner, PLAN_WINDOW_RANK, schema, &input, 1);
    const SortColumn *order = over->over.order;
    rel->span = top->over->span;
    rel->node.window_rank.keys = over->over.keys;
    rel->node.window_rank.key_count = over->over.key_count;
    rel->node.window_rank.order = order;
    rel->node.window_rank.order_count = over->over.order_count;
    rel->node.window_rank.first = top->range.first;
    rel->node.window_rank.last = top->range.last;
    rel->node.window_rank.has_number = has_number;
    rel->node.window_rank.end_column = end;
    rel->node.window_rank.is_local_time = property->spec.is_local_time;
    rel->node.window_rank.prefers_later = top->range.last == 1 && over->over.order_count == 1 &&
                                          order[0].is_descending &&
                                          top_is_time(top, order[0].column);
    return rel_intern(top->planner, rel);
}

static Rel *top_rank(TopN *top)
{
    const PlanNode *over = &top->over->node;
    Rel *input = rel_input(top->over, 0);
    bool is_by_time = top_is_single(top) && top->range.first == 1 && over->over.order_count == 1 &&
                      top_is_time(top, over->over.order[0].column);
    if (is_by_time && !settings_is_batch(top->planner) && !mode_is_append(inputs_mode(top->over)))
        EXTENSION(top->planner, TOP_OF_UPDATES, top_span(top), NULL);
    bool has_number = !top_is_single(top) && top_reads_number(top);
    const Schema *schema = has_number ? &over->schema : &input->node.schema;
    Rel *rel = rel_new(top->planner, PLAN_RANK, schema, &input, 1);
    rel->span = top->over->span;
    rel->node.rank.keys = over->over.keys;
    rel->node.rank.key_count = over->over.key_count;
    rel->node.rank.order = over->over.order;
    rel->node.rank.order_count = over->over.order_count;
    rel->node.rank.first = top->range.first;
    rel->node.rank.last = top->range.last;
    rel->node.rank.last_column = top->range.last_column;
    rel->node.rank.has_number = has_number;
    rel->node.rank.state_ttl_us = over->over.state_ttl_us;
    return rel_intern(top->planner, rel);
}

/* The CALC on top of it, with what is left of the filter; the only number there is, is known. */
static void top_set_calc(TopN *top, Rel *below)
{
    Arena *arena = top->planner->arena;
    Rel *calc = top->calc;
    int32_t width = top->over->node.schema.count;
    Expr **columns = rel_columns(top->planner, &top->over->node.schema);
    if (top_is_single(top)) {
        Value number = {.type = columns[top->number]->type, .integer = top->range.first};
        columns[top->number] = expr_literal(arena, number);
    }
    assert(top->number == width - 1);
    Expr **exprs = ARENA_ARRAY(arena, Expr *, calc->node.schema.count + 1);
    for (int32_t i = 0; i < calc->node.schema.count; i++)
        exprs[i] = expr_substitute(arena, top->exprs[i], columns);
    Expr *filter = NULL;
    for (int32_t i = 0; i < top->filters.count; i++)
        filter = expr_and(arena, filter, LIST_AT(top->filters, i, Expr));
    calc->node.calc.exprs = exprs;
    calc->node.calc.filter = filter;
    calc->node.inputs = ARENA_ARRAY(arena, PlanNode *, 1);
    calc->node.inputs[0] = &below->node;
}

static void rel_infer(Planner *planner, Rel *rel)
{
    const RelKind *kind = rel_kind(rel->node.kind);
    if (settings_is_batch(planner) && kind->finalize != NULL)
        kind->finalize(rel);
    if (rel->node.kind == PLAN_RANK)
        rank_choose(planner, rel);
    rel->node.changelog =
        kind->mode != NULL ? kind->mode(rel, CHANGELOG_UPDATE_BEFORE) : inputs_mode(rel);
}

/* NULL after a report. */
static Rel *top_build(TopN *top)
{
    const WindowProperty *property = rel_window(top->planner, rel_input(top->over, 0));
    int32_t end = top_window_end(top, property);
    if (end >= 0 && top->range.last_column >= 0) {
        planner_unsupported(top->planner, top_span(top),
                            "Top-N of a window whose last rank is a column");
        return NULL;
    }
    if (end >= 0 && property->spec.is_processing_time) {
        window_refuse_processing_time(top->planner, top_span(top), "Top-N of");
        return NULL;
    }
    if (end >= 0)
        return top_window_rank(top, property, end);
    return top_is_deduplicate(top) ? top_deduplicate(top) : top_rank(top);
}

static void top_rewrite(Planner *planner, Rel *calc)
{
    TopN top = {.planner = planner, .calc = calc};
    if (!top_fold(&top, calc) || !top_is_candidate(&top))
        return;
    top.number = top.over->node.schema.count - 1;
    top_find_range(&top);
    if (!top.range.is_found)
        return;
    if (!top_check_range(&top)) {
        top.over->is_refused = true;
        return;
    }
    Rel *below = top_build(&top);
    if (below == NULL) {
        top.over->is_refused = true;
        return;
    }
    rel_infer(planner, below);
    top_set_calc(&top, below);
}

/* No two rows of a key have the same number. */
void top_n_keys(Planner *planner, Rel *calc)
{
    TopN top = {.planner = planner, .calc = calc};
    if (!top_fold(&top, calc) || !top_is_candidate(&top) ||
        top.over->node.over.calls[0].function != OVER_ROW_NUMBER)
        return;
    top.number = top.over->node.schema.count - 1;
    top_find_range(&top);
    if (!top.range.is_found || !top_is_single(&top))
        return;
    const PlanNode *over = &top.over->node;
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, over->over.key_count + 1);
    for (int32_t k = 0; k < over->over.key_count; k++) {
        columns[k] = -1;
        for (int32_t i = 0; i < calc->node.schema.count && columns[k] < 0; i++)
            if (expr_injective_column(top.exprs[i]) == over->over.keys[k])
                columns[k] = i;
        if (columns[k] < 0)
            return;
    }
    keys_add(planner, calc, columns, over->over.key_count);
}

void pass_top_n(Planner *planner)
{
    int32_t count = planner->rels.count;
    for (int32_t i = 0; i < count; i++) {
        Rel *rel = LIST_AT(planner->rels, i, Rel);
        if (rel->node.kind == PLAN_CALC && rel->node.calc.filter != NULL)
            top_rewrite(planner, rel);
        rel_infer(planner, rel);
    }
    pass_reach(planner);
}
