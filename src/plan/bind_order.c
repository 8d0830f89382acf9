/* ORDER BY, LIMIT, OFFSET and FETCH of a query.
 *
 * Over a stream the rows can be sorted by time as the watermark goes on (PLAN_SORT), or a number of
 * them can be kept as a Top-N without a key (PLAN_RANK); anything else has no end. In batch mode
 * both are a Top-N at the end of input. What ORDER BY computes that is no column of the result
 * becomes a hidden column behind them, which goes away again. What another query reads has no
 * order: there ORDER BY without LIMIT does nothing. */
#include <assert.h>

#include "data/sortkey.h"
#include "plan/join.h"

bool query_has_order(const SqlQuery *query)
{
    return query->order_by.count > 0 || query->limit != NULL || query->offset != NULL;
}

/* ---- What is ordered by ---------------------------------------------------------------- */

static int32_t order_find_name(const List *names, Str name)
{
    for (int32_t i = 0; i < names->count; i++) {
        if (str_equal(*LIST_AT(*names, i, Str), name))
            return i;
    }
    return -1;
}

/* ORDER BY 2: the place in the result, from 0; -1 if it is no number, -2 after a report. */
static int32_t order_position(Planner *planner, const SqlExpr *expr, int32_t count)
{
    if (expr->kind != SQL_LITERAL)
        return -1;
    const Expr *literal = bind_literal(planner, expr);
    if (expr_is_poison(literal) || literal->literal.is_null || !type_is_integer(literal->type))
        return -1;
    int64_t position = literal->literal.integer;
    if (position >= 1 && position <= count)
        return (int32_t)position - 1;
    REPORT(planner, "WR2520", expr->span, "ORDER BY %lld: the query has %d column%s",
           (long long)position, count, count == 1 ? "" : "s");
    return -2;
}

static void order_add(Planner *planner, OrderQuery *order, const SqlOrderItem *item, int32_t column)
{
    SortColumn *sort = ARENA_NEW(planner->arena, SortColumn);
    sort->column = column;
    sort->is_descending = item->is_descending;
    sort->has_nulls_last =
        item->nulls == SQL_NULLS_DEFAULT ? item->is_descending : item->nulls == SQL_NULLS_LAST;
    list_append(&order->columns, planner->arena, sort);
}

/* The column that the item means among the exprs of the result, or a hidden one. */
static int32_t order_find(ExprBinder *binder, OrderQuery *order, const SqlExpr *expr,
                          const List *exprs, const List *names)
{
    int32_t position = order_position(binder->planner, expr, exprs->count);
    if (position != -1)
        return position;
    if (expr->kind == SQL_COLUMN && expr->column->parts.count == 1) {
        int32_t named = order_find_name(names, sql_path_last(expr->column)->text);
        if (named >= 0)
            return named;
    }
    Expr *bound = bind_expr(binder, expr);
    if (expr_is_poison(bound))
        return -2;
    for (int32_t i = 0; i < exprs->count; i++) {
        if (expr_equal(LIST_AT(*exprs, i, Expr), bound))
            return i;
    }
    list_append(&order->hidden, binder->planner->arena, bound);
    return exprs->count + order->hidden.count - 1;
}

void order_bind(ExprBinder *binder, OrderQuery *order, const List *exprs, const List *names)
{
    const List *items = &order->query->order_by;
    order->visible_count = exprs->count;
    order->is_bound = true;
    for (int32_t i = 0; i < items->count; i++) {
        const SqlOrderItem *item = LIST_AT(*items, i, SqlOrderItem);
        int32_t column = order_find(binder, order, item->expr, exprs, names);
        order->is_failed = order->is_failed || column < 0;
        order_add(binder->planner, order, item, column < 0 ? 0 : column);
    }
}

void order_bind_result(Planner *planner, OrderQuery *order, const Bound *bound)
{
    List exprs = {0}, names = {0};
    for (int32_t i = 0; i < bound->schema.count; i++) {
        const Field *field = &bound->schema.fields[i];
        list_append(&exprs, planner->arena, expr_column(planner->arena, i, field->type));
        list_append(&names, planner->arena, (void *)&field->name);
    }
    Scope scope = {.schema = bound->schema, .outer = planner->outer};
    From *from = from_leaf(planner, NULL, &scope, bound->rel, order->query->span);
    ExprBinder binder = {.planner = planner, .scope = &from->scope, .place = "ORDER BY"};
    order_bind(&binder, order, &exprs, &names);
}

/* ---- How many ---------------------------------------------------------------------------- */

/* LIMIT and OFFSET: a whole number that is not negative. */
static bool order_number(Planner *planner, const SqlExpr *expr, const char *what, int64_t *out)
{
    const Expr *number = expr->kind == SQL_LITERAL ? bind_literal(planner, expr) : NULL;
    if (number != NULL && expr_is_poison(number))
        return false;
    if (number != NULL && type_is_integer(number->type) && !number->literal.is_null &&
        number->literal.integer >= 0) {
        *out = number->literal.integer;
        return true;
    }
    REPORT(planner, "WR2521", expr->span, "%s takes a whole number, written out", what);
    return false;
}

typedef struct OrderRange {
    int64_t offset, limit; /* limit -1: all */
} OrderRange;

static bool order_range(Planner *planner, const SqlQuery *query, OrderRange *range)
{
    *range = (OrderRange){.limit = -1};
    if (query->offset != NULL && !order_number(planner, query->offset, "OFFSET", &range->offset))
        return false;
    if (query->limit != NULL && !order_number(planner, query->limit, "LIMIT", &range->limit))
        return false;
    if (range->offset > INT64_MAX / 2)
        range->offset = INT64_MAX / 2;
    return true;
}

/* ---- What it becomes --------------------------------------------------------------------- */

static bool order_check_types(Planner *planner, const OrderQuery *order, const Schema *schema)
{
    for (int32_t i = 0; i < order->columns.count; i++) {
        Type type = schema->fields[LIST_AT(order->columns, i, SortColumn)->column].type;
        if (sortkey_is_possible(type))
            continue;
        const SqlOrderItem *item = LIST_AT(order->query->order_by, i, SqlOrderItem);
        REPORT(planner, "WR2522", item->expr->span, "%s has no order",
               type_text(planner->arena, type_nullable(type_plain(type))));
        return false;
    }
    return true;
}

static SortColumn *order_columns(Planner *planner, const OrderQuery *order)
{
    SortColumn *columns = ARENA_ARRAY(planner->arena, SortColumn, order->columns.count + 1);
    for (int32_t i = 0; i < order->columns.count; i++)
        columns[i] = *LIST_AT(order->columns, i, SortColumn);
    return columns;
}

/* Sorting a stream without end: by time as it passes, or not at all. */
static Rel *order_sort(Planner *planner, const OrderQuery *order, Rel *input)
{
    const SqlOrderItem *item = LIST_AT(order->query->order_by, 0, SqlOrderItem);
    const SortColumn *first = LIST_AT(order->columns, 0, SortColumn);
    TimeAttribute time = input->node.schema.fields[first->column].type.time_attribute;
    if (time == TIME_NONE) {
        Diagnostic *d = REPORT(planner, "WR2523", item->expr->span,
                               "a stream cannot be sorted by a column that is no time attribute");
        diagnostic_help(d,
                        "add LIMIT to keep the first rows, sort by the column of WATERMARK, or set "
                        "'execution.runtime-mode' = 'batch' for bounded input");
        return NULL;
    }
    if (first->is_descending) {
        Diagnostic *d =
            REPORT(planner, "WR2524", item->expr->span, "a stream is sorted by ascending time");
        diagnostic_help(d, "leave DESC out, or add LIMIT to keep the latest rows");
        return NULL;
    }
    if (time == TIME_PROCTIME && order->columns.count > 1) {
        planner_unsupported(planner, item->expr->span,
                            "ORDER BY processing time and further columns");
        return NULL;
    }
    if (time == TIME_PROCTIME)
        return input; /* rows are in the order in which they come */
    Rel *rel = rel_new(planner, PLAN_SORT, &input->node.schema, &input, 1);
    rel->span = item->expr->span;
    rel->node.sort.order = order_columns(planner, order);
    rel->node.sort.order_count = order->columns.count;
    return rel_intern(planner, rel);
}

static Rel *order_rank(Planner *planner, const OrderQuery *order, OrderRange range, Rel *input)
{
    Rel *rel = rel_new(planner, PLAN_RANK, &input->node.schema, &input, 1);
    rel->span = order->query->span;
    rel->node.rank.order = order_columns(planner, order);
    rel->node.rank.order_count = order->columns.count;
    rel->node.rank.first = range.offset + 1;
    rel->node.rank.last = range.limit < 0 || range.limit > INT64_MAX / 2 - range.offset
                              ? INT64_MAX
                              : range.offset + range.limit;
    rel->node.rank.last_column = -1;
    rel->node.rank.state_ttl_us = settings_duration_us(planner, "table.exec.state.ttl");
    return rel_intern(planner, rel);
}

/* LIMIT 0. */
static Rel *order_nothing(Planner *planner, Rel *input)
{
    Value never = {.type = type_not_null(type_simple(TYPE_BOOLEAN))};
    const Schema *schema = &input->node.schema;
    return rel_calc(planner, input, expr_literal(planner->arena, never),
                    rel_columns(planner, schema), schema);
}

static Rel *order_rel(Planner *planner, const OrderQuery *order, Rel *input)
{
    OrderRange range;
    if (!order_range(planner, order->query, &range) ||
        !order_check_types(planner, order, &input->node.schema))
        return NULL;
    if (range.limit == 0)
        return order_nothing(planner, input);
    if (range.limit < 0 && order->query->offset != NULL)
        EXTENSION(planner, OFFSET_ALONE, order->query->offset->span, NULL);
    bool is_all = range.limit < 0 && range.offset == 0;
    if (range.limit > 0 || settings_is_batch(planner))
        return is_all && (order->columns.count == 0 || order->is_nested)
                   ? input
                   : order_rank(planner, order, range, input);
    if (order->query->offset != NULL) {
        Diagnostic *d =
            REPORT(planner, "WR2525", order->query->offset->span, "OFFSET of a stream needs LIMIT");
        diagnostic_help(d, "write LIMIT n OFFSET m");
        return NULL;
    }
    return order->columns.count == 0 || order->is_nested ? input
                                                         : order_sort(planner, order, input);
}

Bound order_build(Planner *planner, const OrderQuery *order, Bound bound)
{
    if (bound.rel == NULL || order->is_failed)
        return (Bound){0};
    assert(order->is_bound && order->visible_count <= bound.schema.count);
    Rel *rel = order_rel(planner, order, bound.rel);
    if (rel == NULL)
        return (Bound){0};
    Schema visible = {.fields = bound.schema.fields, .count = order->visible_count};
    Expr **columns = rel_columns(planner, &visible);
    Bound result = bound_make(planner, rel_calc(planner, rel, NULL, columns, &visible), &visible,
                              order->query->span);
    for (int32_t i = 0; i < visible.count; i++)
        result.spans[i] = bound.spans[i];
    return result;
}
