/* OVER: the calls of a SELECT and their windows. */
#include "plan/over.h"

#include <assert.h>

static const struct {
    const char *name;
    OverFunction function;
} functions[] = {
    {"ROW_NUMBER", OVER_ROW_NUMBER}, {"RANK", OVER_RANK},
    {"DENSE_RANK", OVER_DENSE_RANK}, {"LAG", OVER_AGGREGATE},
    {"LEAD", OVER_FUNCTIONS},        {"NTILE", OVER_FUNCTIONS},
    {"CUME_DIST", OVER_FUNCTIONS},   {"PERCENT_RANK", OVER_FUNCTIONS},
};
enum { FUNCTION_COUNT = sizeof functions / sizeof functions[0] };

static int32_t over_find(Str name)
{
    for (int32_t i = 0; i < FUNCTION_COUNT; i++) {
        if (str_equal_ignoring_case(name, str_from(functions[i].name)))
            return i;
    }
    return -1;
}

bool over_is_function(Str name)
{
    return over_find(name) >= 0;
}

int32_t over_names(Str *out)
{
    static_assert((int)FUNCTION_COUNT <= (int)OVER_NAMES_MAX);
    for (int32_t i = 0; i < FUNCTION_COUNT; i++)
        out[i] = str_from(functions[i].name);
    return FUNCTION_COUNT;
}

static Expr *over_poison(ExprBinder *binder, Span span)
{
    Expr *expr = expr_poison(binder->planner->arena);
    expr->span_start = span.start;
    expr->span_end = span.end;
    return expr;
}

/* ---- Windows --------------------------------------------------------------------------- */

static const SqlWindow *window_named(ExprBinder *binder, const SqlName *name)
{
    const List *windows = binder->over->windows;
    for (int32_t i = 0; i < windows->count; i++) {
        const SqlWindow *window = LIST_AT(*windows, i, SqlWindow);
        if (str_equal(window->name->text, name->text))
            return window;
    }
    Planner *planner = binder->planner;
    Diagnostic *d =
        REPORT(planner, "WR2509", name->span, "window `%.*s` not found", STR_ARGS(name->text));
    Str *names = ARENA_ARRAY(planner->arena, Str, windows->count + 1);
    for (int32_t i = 0; i < windows->count; i++)
        names[i] = LIST_AT(*windows, i, SqlWindow)->name->text;
    diagnostic_suggest(d, names, windows->count, name->text);
    diagnostic_help(d, "declare it behind HAVING: WINDOW %.*s AS (PARTITION BY … ORDER BY …)",
                    STR_ARGS(name->text));
    return NULL;
}

/* The window of a call with its names looked up. False after a report. */
static bool window_resolve(ExprBinder *binder, const SqlWindow *window, SqlWindow *out)
{
    *out = *window;
    const SqlName *name = window->has_specification ? window->base : window->name;
    for (int32_t steps = 0; name != NULL; steps++) {
        const SqlWindow *base = window_named(binder, name);
        if (base == NULL)
            return false;
        if (steps > binder->over->windows->count) {
            REPORT(binder->planner, "WR2509", name->span, "window `%.*s` is defined by itself",
                   STR_ARGS(name->text));
            return false;
        }
        bool is_twice = (out->partition_by.count > 0 && base->partition_by.count > 0) ||
                        (out->order_by.count > 0 && base->order_by.count > 0);
        if (is_twice) {
            REPORT(binder->planner, "WR2509", name->span,
                   "window `%.*s` has that clause already: it cannot be given again",
                   STR_ARGS(name->text));
            return false;
        }
        if (out->partition_by.count == 0)
            out->partition_by = base->partition_by;
        if (out->order_by.count == 0)
            out->order_by = base->order_by;
        if (!out->has_frame) {
            out->has_frame = base->has_frame;
            out->is_rows = base->is_rows;
            out->from = base->from;
            out->to = base->to;
        }
        name = base->base;
    }
    return true;
}

OrderUse *order_use(Planner *planner, const SqlOrderItem *item, Expr *expr)
{
    OrderUse *use = ARENA_NEW(planner->arena, OrderUse);
    use->expr = expr;
    use->is_descending = item->is_descending;
    use->has_nulls_last =
        item->nulls == SQL_NULLS_DEFAULT ? item->is_descending : item->nulls == SQL_NULLS_LAST;
    return use;
}

static FrameBound frame_bound(SqlBoundKind kind)
{
    switch (kind) {
    case SQL_UNBOUNDED_PRECEDING: return FRAME_UNBOUNDED_PRECEDING;
    case SQL_PRECEDING: return FRAME_PRECEDING;
    case SQL_CURRENT_ROW: return FRAME_CURRENT_ROW;
    case SQL_FOLLOWING: return FRAME_FOLLOWING;
    case SQL_UNBOUNDED_FOLLOWING: break;
    }
    return FRAME_UNBOUNDED_FOLLOWING;
}

/* How far a bound is from the current row. */
static bool frame_offset(ExprBinder *binder, const SqlBound *bound, bool is_rows, int64_t *out)
{
    *out = 0;
    if (bound->offset == NULL)
        return true;
    ExprBinder constants = {.planner = binder->planner, .place = "a window frame"};
    Expr *offset = bind_expr(&constants, bound->offset);
    if (expr_is_poison(offset))
        return false;
    bool is_right =
        is_rows ? type_is_integer(offset->type) : offset->type.id == TYPE_INTERVAL_MILLIS;
    if (offset->kind != EXPR_LITERAL || offset->literal.is_null || !is_right ||
        offset->literal.integer < 0) {
        Diagnostic *d = REPORT(binder->planner, "WR2504", bound->offset->span,
                               is_rows ? "ROWS takes a whole number that is not negative"
                                       : "RANGE takes an interval that is not negative");
        diagnostic_help(d, is_rows ? "write ROWS BETWEEN 10 PRECEDING AND CURRENT ROW"
                                   : "write RANGE BETWEEN INTERVAL '1' HOUR PRECEDING AND CURRENT "
                                     "ROW");
        return false;
    }
    *out = offset->literal.integer;
    return true;
}

static bool over_bind_frame(ExprBinder *binder, const SqlWindow *window, OverUse *use)
{
    OverFrame *frame = &use->frame;
    *frame = (OverFrame){.from = FRAME_UNBOUNDED_PRECEDING, .to = FRAME_CURRENT_ROW};
    bool is_framed = use->function == OVER_AGGREGATE && !use->is_lag;
    if (!is_framed && window->has_frame) {
        REPORT(binder->planner, "WR2504", window->span, "ROWS and RANGE are not possible with %s",
               use->is_lag ? "LAG" : over_function_name(use->function));
        return false;
    }
    frame->is_rows = use->function == OVER_ROW_NUMBER;
    if (!window->has_frame) {
        if (window->order_by.count == 0 && is_framed)
            frame->to = FRAME_UNBOUNDED_FOLLOWING;
        return true;
    }
    frame->is_rows = window->is_rows;
    frame->from = frame_bound(window->from.kind);
    frame->to = frame_bound(window->to.kind);
    return frame_offset(binder, &window->from, window->is_rows, &frame->from_offset) &&
           frame_offset(binder, &window->to, window->is_rows, &frame->to_offset);
}

static bool over_bind_window(ExprBinder *binder, const SqlCall *call, OverUse *use)
{
    Planner *planner = binder->planner;
    SqlWindow window;
    if (!window_resolve(binder, call->over, &window))
        return false;
    ExprBinder inner = *binder;
    inner.over = NULL;
    inner.place = "OVER";
    bool is_good = true;
    for (int32_t i = 0; i < window.partition_by.count; i++) {
        Expr *expr = bind_expr(&inner, LIST_AT(window.partition_by, i, SqlExpr));
        is_good &= !expr_is_poison(expr);
        list_append(&use->partition, planner->arena, expr);
    }
    for (int32_t i = 0; i < window.order_by.count; i++) {
        const SqlOrderItem *item = LIST_AT(window.order_by, i, SqlOrderItem);
        Expr *expr = bind_expr(&inner, item->expr);
        if (!expr_is_poison(expr) && !sortkey_is_possible(expr->type)) {
            REPORT(planner, "WR2511", item->expr->span, "%s has no order",
                   type_text(planner->arena, type_nullable(expr->type)));
            is_good = false;
        }
        is_good &= !expr_is_poison(expr);
        list_append(&use->order, planner->arena, order_use(planner, item, expr));
    }
    window.span = call->over->span;
    return over_bind_frame(binder, &window, use) && is_good;
}

/* ---- Calls ----------------------------------------------------------------------------- */

static bool lists_equal(const List *a, const List *b)
{
    if (a->count != b->count)
        return false;
    for (int32_t i = 0; i < a->count; i++) {
        if (!expr_equal(LIST_AT(*a, i, Expr), LIST_AT(*b, i, Expr)))
            return false;
    }
    return true;
}

/* The partition, the order and the frame are the same. */
static bool windows_equal(const OverUse *a, const OverUse *b)
{
    if (!lists_equal(&a->partition, &b->partition) || a->order.count != b->order.count)
        return false;
    for (int32_t i = 0; i < a->order.count; i++) {
        const OrderUse *x = LIST_AT(a->order, i, OrderUse), *y = LIST_AT(b->order, i, OrderUse);
        if (!expr_equal(x->expr, y->expr) || x->is_descending != y->is_descending ||
            x->has_nulls_last != y->has_nulls_last)
            return false;
    }
    return a->frame.is_rows == b->frame.is_rows && a->frame.from == b->frame.from &&
           a->frame.to == b->frame.to && a->frame.from_offset == b->frame.from_offset &&
           a->frame.to_offset == b->frame.to_offset;
}

/* How many rows back: a constant, as a column that says so in every row. */
static bool lag_bind_offset(ExprBinder *binder, const SqlExpr *argument, AggregateUse *use)
{
    Planner *planner = binder->planner;
    ExprBinder constants = {.planner = planner, .place = "LAG"};
    Expr *offset = bind_expr(&constants, argument);
    if (expr_is_poison(offset))
        return false;
    if (offset->kind != EXPR_LITERAL || offset->literal.is_null || !type_is_integer(offset->type) ||
        offset->literal.integer < 0 || offset->literal.integer > LAG_OFFSET_MAX) {
        REPORT(planner, "WR2510", argument->span,
               "LAG goes back a constant number of rows, from 0 to %d", LAG_OFFSET_MAX);
        return false;
    }
    Value rows = {.type = type_not_null(type_simple(TYPE_INT)), .integer = offset->literal.integer};
    use->args[1] = expr_literal(planner->arena, rows);
    return true;
}

static bool lag_bind_fallback(ExprBinder *binder, const SqlExpr *argument, AggregateUse *use)
{
    Planner *planner = binder->planner;
    Expr *fallback = bind_expr(binder, argument);
    Type wanted = type_nullable(type_plain(use->args[0]->type));
    if (expr_is_poison(fallback))
        return false;
    CastKind kind = cast_kind(fallback->type, wanted);
    if (!type_equal(type_nullable(fallback->type), wanted) && kind != CAST_IMPLICIT &&
        fallback->type.id != TYPE_NULL) {
        REPORT(planner, "WR2510", argument->span, "%s cannot stand for %s",
               type_text(planner->arena, type_nullable(fallback->type)),
               type_text(planner->arena, wanted));
        return false;
    }
    wanted.is_nullable = fallback->type.is_nullable || fallback->type.id == TYPE_NULL;
    portable_item(planner, fallback, argument->span);
    bool is_text = type_is_text(fallback->type) && type_is_text(wanted);
    if (fallback->type.id != wanted.id && fallback->type.id != TYPE_NULL && !is_text)
        EXTENSION(planner, LAG_DEFAULT, argument->span, "LAG");
    use->args[2] = expr_cast(planner->arena, fallback, wanted, false);
    return true;
}

/* LAG(x [, rows [, fallback]]); NULL after a report. */
static AggregateUse *bind_lag(ExprBinder *binder, const SqlExpr *expr)
{
    Planner *planner = binder->planner;
    const List *arguments = &expr->call->arguments;
    AggregateUse *use = ARENA_NEW(planner->arena, AggregateUse);
    use->name = STR("LAG");
    use->span = expr->span;
    use->arg_count = arguments->count;
    if (use->arg_count < 1 || use->arg_count > 3 || expr->call->is_distinct ||
        expr->call->nulls != SQL_NULLS_UNSPECIFIED) {
        REPORT(planner, "WR2510", expr->span, "LAG takes a value, a number of rows and a fallback");
        return NULL;
    }
    use->args[0] = bind_expr(binder, LIST_AT(*arguments, 0, SqlExpr));
    if (expr_is_poison(use->args[0]) ||
        (use->arg_count > 1 && !lag_bind_offset(binder, LIST_AT(*arguments, 1, SqlExpr), use)) ||
        (use->arg_count > 2 && !lag_bind_fallback(binder, LIST_AT(*arguments, 2, SqlExpr), use)))
        return NULL;
    Type types[AGGREGATE_ARGS_MAX];
    for (int32_t i = 0; i < use->arg_count; i++)
        types[i] = use->args[i]->type;
    Error error = {0};
    if (aggregate_bind(use->name, planner->arena, types, use->arg_count, false, false, &use->call,
                       &error) == OK)
        return use;
    REPORT(planner, error.code[0] != '\0' ? error.code : "WR2044", expr->span, "%s", error.text);
    return NULL;
}

static bool over_bind_aggregate(ExprBinder *binder, const SqlExpr *expr, OverUse *use)
{
    Planner *planner = binder->planner;
    Str name = sql_path_last(expr->call->name)->text;
    use->function = OVER_AGGREGATE;
    if (!aggregate_exists(name)) {
        Diagnostic *d =
            REPORT(planner, "WR2510", expr->span,
                   "`%.*s` cannot be used with OVER: it is no aggregate function", STR_ARGS(name));
        if (function_find(name) == NULL)
            function_suggest(binder, d, name);
        return false;
    }
    if (expr->call->filter != NULL) {
        Diagnostic *d = REPORT(planner, "WR2510", expr->call->filter->span,
                               "FILTER is not possible together with OVER");
        diagnostic_help(d, "write the condition into the argument: SUM(CASE WHEN … THEN x END)");
        return false;
    }
    use->is_lag = str_equal_ignoring_case(name, STR("LAG"));
    use->aggregate = use->is_lag ? bind_lag(binder, expr) : bind_aggregate_use(binder, expr);
    if (use->aggregate != NULL)
        use->result = use->aggregate->call->result;
    return use->aggregate != NULL;
}

static bool over_bind_function(ExprBinder *binder, const SqlExpr *expr, OverUse *use)
{
    Planner *planner = binder->planner;
    const SqlCall *call = expr->call;
    Str name = sql_path_last(call->name)->text;
    int32_t at = over_find(name);
    ExprBinder inner = *binder;
    inner.over = NULL;
    if (at < 0 || functions[at].function == OVER_AGGREGATE)
        return over_bind_aggregate(&inner, expr, use);
    if (functions[at].function == OVER_FUNCTIONS) {
        Diagnostic *d = REPORT(planner, "WR2505", expr->span, "%s is not supported in streaming",
                               functions[at].name);
        diagnostic_help(d,
                        "it asks for all rows of a partition, of which a stream has no last one");
        return false;
    }
    use->function = functions[at].function;
    use->result = type_not_null(type_simple(TYPE_BIGINT));
    if (call->arguments.count > 0 || call->is_star || call->is_distinct || call->filter != NULL) {
        REPORT(planner, "WR2510", expr->span, "%s takes no arguments", functions[at].name);
        return false;
    }
    return true;
}

Expr *bind_over_call(ExprBinder *binder, const SqlExpr *expr)
{
    assert(expr->kind == SQL_CALL && expr->call->over != NULL);
    Planner *planner = binder->planner;
    if (binder->over == NULL || binder->is_in_aggregate) {
        Diagnostic *d = REPORT(planner, "WR2510", expr->span, "OVER is not possible in %s",
                               binder->is_in_aggregate ? "an aggregate" : binder->place);
        diagnostic_help(d, "compute it in a subquery, and use its column here");
        return over_poison(binder, expr->span);
    }
    OverUse *use = ARENA_NEW(planner->arena, OverUse);
    use->span = expr->span;
    bool is_good = over_bind_function(binder, expr, use);
    is_good &= over_bind_window(binder, expr->call, use);
    if (!is_good)
        return over_poison(binder, expr->span);
    List *uses = &binder->over->uses;
    Expr *column = expr_column(planner->arena, OVER_COLUMN_FIRST + uses->count, use->result);
    list_append(uses, planner->arena, use);
    column->span_start = expr->span.start;
    column->span_end = expr->span.end;
    return column;
}

/* ---- Building -------------------------------------------------------------------------- */

typedef struct OverBuilder {
    Planner *planner;
    const GroupQuery *group;
    OverQuery *over;
    GroupColumns below; /* what is computed before */
    int32_t *places;    /* of each use's result in what is above */
    bool is_lifting;    /* places are known */
} OverBuilder;

static bool column_is_over(const Expr *expr)
{
    return expr->kind == EXPR_COLUMN && expr->column >= OVER_COLUMN_FIRST && !expr_has_outer(expr);
}

static bool expr_has_over(const Expr *expr)
{
    if (column_is_over(expr))
        return true;
    for (int32_t i = 0; i < expr->arg_count; i++) {
        if (expr_has_over(expr->args[i]))
            return true;
    }
    return false;
}

static int32_t below_column(OverBuilder *builder, Expr *expr, Str name)
{
    GroupColumns *below = &builder->below;
    for (int32_t i = 0; i < below->exprs.count; i++) {
        const Expr *known = LIST_AT(below->exprs, i, Expr);
        /* A cast of a time attribute is its column without being one. */
        if (expr_equal(known, expr) && known->type.time_attribute == expr->type.time_attribute)
            return i;
    }
    Arena *arena = builder->planner->arena;
    const Schema *schema = &builder->group->input.schema;
    Str *kept = ARENA_NEW(arena, Str);
    *kept = name;
    if (expr->kind == EXPR_COLUMN && expr->column < schema->count)
        *kept = schema->fields[expr->column].name;
    else if (name.data == NULL)
        *kept = str_from(arena_printf(arena, "$o%d", below->exprs.count));
    list_append(&below->exprs, arena, expr);
    list_append(&below->names, arena, kept);
    return below->exprs.count - 1;
}

/* The expression over the columns below and the results: what has no call is computed below. */
static Expr *over_lift(OverBuilder *builder, Expr *expr, Str name)
{
    Arena *arena = builder->planner->arena;
    if (expr->kind == EXPR_LITERAL)
        return expr;
    if (column_is_over(expr)) {
        int32_t use = expr->column - OVER_COLUMN_FIRST;
        return builder->is_lifting ? expr_column(arena, builder->places[use], expr->type) : expr;
    }
    if (!expr_has_over(expr))
        return expr_column(arena, below_column(builder, expr, name), expr->type);
    Expr *copy = arena_copy(arena, expr, (int64_t)sizeof *expr);
    copy->args = ARENA_ARRAY(arena, Expr *, expr->arg_count + 1);
    for (int32_t i = 0; i < expr->arg_count; i++)
        copy->args[i] = over_lift(builder, expr->args[i], (Str){0});
    return copy;
}

/* All that is read, as columns below. */
static void over_gather(OverBuilder *builder, Expr *qualify)
{
    const GroupQuery *group = builder->group;
    for (int32_t i = 0; i < group->item_count; i++)
        over_lift(builder, group->items[i], group->schema.fields[i].name);
    if (qualify != NULL)
        over_lift(builder, qualify, (Str){0});
    for (int32_t i = 0; i < builder->over->uses.count; i++) {
        const OverUse *use = LIST_AT(builder->over->uses, i, OverUse);
        for (int32_t k = 0; k < use->partition.count; k++)
            below_column(builder, LIST_AT(use->partition, k, Expr), (Str){0});
        for (int32_t k = 0; k < use->order.count; k++)
            below_column(builder, LIST_AT(use->order, k, OrderUse)->expr, (Str){0});
        if (use->function != OVER_AGGREGATE)
            continue;
        for (int32_t k = 0; k < use->aggregate->arg_count; k++)
            below_column(builder, use->aggregate->args[k], (Str){0});
        if (use->aggregate->filter != NULL)
            below_column(builder, use->aggregate->filter, (Str){0});
    }
}

/* What is below as a relation; without one after a report. */
static Bound over_build_below(OverBuilder *builder, bool is_grouped)
{
    Planner *planner = builder->planner;
    GroupQuery inner = *builder->group;
    const GroupColumns *below = &builder->below;
    int32_t count = below->exprs.count;
    Field *fields = ARENA_ARRAY(planner->arena, Field, count + 1);
    for (int32_t i = 0; i < count; i++)
        fields[i] = (Field){*LIST_AT(below->names, i, Str), LIST_AT(below->exprs, i, Expr)->type};
    inner.items = count > 0 ? (Expr **)below->exprs.items : ARENA_ARRAY(planner->arena, Expr *, 1);
    inner.item_count = count;
    inner.schema = (Schema){.fields = fields, .count = count};
    if (!is_grouped) {
        Rel *rel = rel_calc(planner, inner.input.rel, NULL, inner.items, &inner.schema);
        return bound_make(planner, rel, &inner.schema, inner.span);
    }
    Bound bound = bind_group(planner, &inner);
    for (int32_t i = 0; bound.rel != NULL && i < bound.schema.count; i++) {
        if (type_is_poison(bound.schema.fields[i].type))
            bound.rel = NULL;
    }
    return bound;
}

static PlanOverCall over_call(OverBuilder *builder, const OverUse *use, int32_t index)
{
    Planner *planner = builder->planner;
    PlanOverCall call = {.function = use->function, .result = use->result};
    call.name = str_from(arena_printf(planner->arena, "$w%d", index));
    for (int32_t i = 0; i < builder->group->item_count; i++) {
        const Expr *item = builder->group->items[i];
        if (column_is_over(item) && item->column == OVER_COLUMN_FIRST + index)
            call.name = builder->group->schema.fields[i].name;
    }
    if (use->function != OVER_AGGREGATE)
        return call;
    const AggregateUse *from = use->aggregate;
    call.aggregate = (PlanAggregate){.call = from->call, .args = {-1, -1, -1}, .filter = -1};
    call.aggregate.name = call.name;
    for (int32_t a = 0; a < from->arg_count; a++)
        call.aggregate.args[a] = below_column(builder, from->args[a], (Str){0});
    if (from->filter != NULL)
        call.aggregate.filter = below_column(builder, from->filter, (Str){0});
    return call;
}

/* A node for all calls that have the window of `first`, and have none yet. */
static Rel *over_node(OverBuilder *builder, Rel *input, const OverUse *first)
{
    Planner *planner = builder->planner;
    Arena *arena = planner->arena;
    const List *uses = &builder->over->uses;
    int32_t width = input->node.schema.count, count = 0;
    PlanOverCall *calls = ARENA_ARRAY(arena, PlanOverCall, uses->count + 1);
    Field *fields = ARENA_ARRAY(arena, Field, width + uses->count + 1);
    for (int32_t i = 0; i < width; i++)
        fields[i] = input->node.schema.fields[i];
    for (int32_t i = 0; i < uses->count; i++) {
        const OverUse *use = LIST_AT(*uses, i, OverUse);
        if (builder->places[i] >= 0 || !windows_equal(use, first))
            continue;
        builder->places[i] = width + count;
        calls[count] = over_call(builder, use, i);
        fields[width + count] = (Field){calls[count].name, use->result};
        count++;
    }
    int32_t *keys = ARENA_ARRAY(arena, int32_t, first->partition.count + 1);
    for (int32_t i = 0; i < first->partition.count; i++)
        keys[i] = below_column(builder, LIST_AT(first->partition, i, Expr), (Str){0});
    SortColumn *order = ARENA_ARRAY(arena, SortColumn, first->order.count + 1);
    for (int32_t i = 0; i < first->order.count; i++) {
        const OrderUse *use = LIST_AT(first->order, i, OrderUse);
        order[i] = (SortColumn){below_column(builder, use->expr, (Str){0}), use->is_descending,
                                use->has_nulls_last};
    }
    Schema schema = {.fields = fields, .count = width + count};
    Rel *rel = rel_new(planner, PLAN_OVER, &schema, &input, 1);
    rel->span = first->span;
    rel->node.over.keys = keys;
    rel->node.over.key_count = first->partition.count;
    rel->node.over.order = order;
    rel->node.over.order_count = first->order.count;
    rel->node.over.frame = first->frame;
    rel->node.over.calls = calls;
    rel->node.over.call_count = count;
    rel->node.over.state_ttl_us = settings_duration_us(planner, "table.exec.state.ttl");
    return rel_intern(planner, rel);
}

/* All calls on top of what is below; NULL after a report. */
static Rel *over_nodes(OverBuilder *builder, Rel *rel)
{
    Planner *planner = builder->planner;
    const List *uses = &builder->over->uses;
    builder->places = ARENA_ARRAY(planner->arena, int32_t, uses->count + 1);
    for (int32_t i = 0; i < uses->count; i++)
        builder->places[i] = -1;
    for (int32_t i = 0; i < uses->count; i++) {
        const OverUse *use = LIST_AT(*uses, i, OverUse);
        if (builder->places[i] >= 0)
            continue;
        if (i > 0 && !settings_is_batch(planner)) {
            Diagnostic *d = REPORT(planner, "WR2503", use->span,
                                   "all calls with OVER of a SELECT must have the same window");
            diagnostic_help(d, "the same PARTITION BY, ORDER BY and frame; compute the others in a "
                               "query around this one");
            return NULL;
        }
        rel = over_node(builder, rel, use);
    }
    return rel;
}

Bound over_build(Planner *planner, const GroupQuery *group, OverQuery *over, Expr *qualify,
                 bool is_grouped)
{
    OverBuilder builder = {.planner = planner, .group = group, .over = over};
    over_gather(&builder, qualify);
    Bound below = over_build_below(&builder, is_grouped);
    if (below.rel == NULL)
        return (Bound){0};
    Rel *rel = over_nodes(&builder, below.rel);
    if (rel == NULL)
        return (Bound){0};
    builder.is_lifting = true;
    Expr **items = ARENA_ARRAY(planner->arena, Expr *, group->item_count + 1);
    Field *fields = ARENA_ARRAY(planner->arena, Field, group->item_count + 1);
    for (int32_t i = 0; i < group->item_count; i++) {
        Expr *item = over_lift(&builder, group->items[i], (Str){0});
        if (item->kind == EXPR_COLUMN)
            item->type = rel->node.schema.fields[item->column].type;
        items[i] = item;
        fields[i] = (Field){group->schema.fields[i].name, item->type};
    }
    Expr *filter = qualify != NULL ? over_lift(&builder, qualify, (Str){0}) : NULL;
    Schema schema = {.fields = fields, .count = group->item_count};
    return bound_make(planner, rel_calc(planner, rel, filter, items, &schema), &schema,
                      group->span);
}
