/* GROUP BY window_start, window_end: the rows are aggregated by window and given out once, when
 * the window is over, instead of being multiplied by their windows first.
 *
 *     CALC                       CALC (items, HAVING, filters on the window)
 *       group by start, end, k     WINDOW_AGGREGATE (window, k)
 *         CALC*           ──>        CALC (time, k, arguments; other filters)
 *           WINDOW_ASSIGN              input
 *             input
 */
#include <assert.h>

#include "plan/subquery.h"

/* The columns of the grouped relation, seen from the relation in which their window began. */
typedef struct WindowGroup {
    Planner *planner;
    GroupQuery *group;
    Rel *origin;   /* PLAN_WINDOW_ASSIGN */
    int32_t width; /* columns of the relation below that may be used */
    Expr **exprs;  /* the group's input over the columns of origin */
    List filters;  /* conjuncts over the columns of origin */
    Expr *upper;   /* filter over the window's columns, or NULL */
} WindowGroup;

Rel *rel_trace(Rel *rel, int32_t *column)
{
    while (rel->node.kind == PLAN_CALC) {
        if (rel->node.calc.exprs != NULL) {
            const Expr *expr = rel->node.calc.exprs[*column];
            if (expr->kind != EXPR_COLUMN)
                return NULL;
            *column = expr->column;
        }
        rel = rel_input(rel, 0);
    }
    return rel;
}

/* Which column of a window the column of `rel` is, or -1. */
static int32_t window_column_of(const Rel *rel, int32_t column)
{
    if (rel->node.kind != PLAN_WINDOW_ASSIGN)
        return -1;
    int32_t first = rel->node.schema.count - 3;
    return column >= first ? column - first : -1;
}

/* The relation whose window the key is a column of, and which; NULL if none. */
static Rel *key_origin(const GroupQuery *group, const Expr *key, int32_t *window_column)
{
    if (key->kind != EXPR_COLUMN)
        return NULL;
    int32_t column = key->column;
    Rel *origin = rel_trace(group->input.rel, &column);
    if (origin == NULL)
        return NULL;
    *window_column = window_column_of(origin, column);
    return *window_column >= 0 ? origin : NULL;
}

/* The one relation both of whose window columns are keys. */
static Rel *group_find_origin(const GroupQuery *group)
{
    Rel *starts = NULL, *ends = NULL;
    for (int32_t k = 0; k < group->keys.count; k++) {
        int32_t window_column;
        Rel *origin = key_origin(group, LIST_AT(group->keys, k, Expr), &window_column);
        if (origin != NULL && window_column == WINDOW_START)
            starts = origin;
        if (origin != NULL && window_column == WINDOW_END)
            ends = origin;
    }
    return starts == ends ? starts : NULL;
}

static bool exprs_are_small(Expr *const *exprs, int32_t count)
{
    int32_t left = PLAN_EXPR_NODES_MAX;
    for (int32_t i = 0; i < count && left > 0; i++)
        left -= expr_size(exprs[i], left);
    return left > 0;
}

/* Fold the CALCs between origin and the group's input into expressions over origin. */
static bool window_fold(WindowGroup *w, Rel *rel)
{
    Arena *arena = w->planner->arena;
    if (rel == w->origin) {
        w->exprs = rel_columns(w->planner, &rel->node.schema);
        return true;
    }
    assert(rel->node.kind == PLAN_CALC);
    if (!window_fold(w, rel_input(rel, 0)))
        return false;
    if (rel->node.calc.filter != NULL)
        expr_conjuncts(arena, expr_substitute(arena, rel->node.calc.filter, w->exprs), &w->filters);
    if (rel->node.calc.exprs == NULL)
        return true;
    int32_t count = rel->node.schema.count;
    if (!exprs_are_small(rel->node.calc.exprs, count) ||
        !exprs_are_small(w->exprs, rel_input(rel, 0)->node.schema.count))
        return false;
    Expr **exprs = ARENA_ARRAY(arena, Expr *, count + 1);
    for (int32_t i = 0; i < count; i++)
        exprs[i] = expr_substitute(arena, rel->node.calc.exprs[i], w->exprs);
    w->exprs = exprs;
    return exprs_are_small(exprs, count);
}

/* Which sides of the window the expression reads. */
static void window_reads(const WindowGroup *w, const Expr *expr, bool *rows, bool *window)
{
    if (expr->kind == EXPR_COLUMN) {
        *window |= expr->column >= w->width;
        *rows |= expr->column < w->width;
    }
    for (int32_t i = 0; i < expr->arg_count; i++)
        window_reads(w, expr->args[i], rows, window);
}

static bool window_is_below(const WindowGroup *w, Expr *expr)
{
    bool rows = false, window = false;
    window_reads(w, expr_substitute(w->planner->arena, expr, w->exprs), &rows, &window);
    return !window;
}

static bool use_is_below(const WindowGroup *w, const AggregateUse *use)
{
    for (int32_t a = 0; a < use->arg_count; a++) {
        if (!window_is_below(w, use->args[a]))
            return false;
    }
    return use->filter == NULL || window_is_below(w, use->filter);
}

/* Filters on rows go below, filters on the window above. */
static Expr *window_split_filters(WindowGroup *w)
{
    Expr *lower = NULL;
    for (int32_t i = 0; i < w->filters.count; i++) {
        Expr *filter = LIST_AT(w->filters, i, Expr);
        bool rows = false, window = false;
        window_reads(w, filter, &rows, &window);
        assert(!rows || !window);
        if (window)
            w->upper = expr_and(w->planner->arena, w->upper, filter);
        else
            lower = expr_and(w->planner->arena, lower, filter);
    }
    return lower;
}

static List window_bind_uses(const WindowGroup *w)
{
    Arena *arena = w->planner->arena;
    const List *from = &w->group->aggregates;
    List uses = {0};
    for (int32_t i = 0; i < from->count; i++) {
        AggregateUse *use =
            arena_copy(arena, LIST_AT(*from, i, AggregateUse), (int64_t)sizeof *use);
        for (int32_t a = 0; a < use->arg_count; a++)
            use->args[a] = expr_substitute(arena, use->args[a], w->exprs);
        if (use->filter != NULL)
            use->filter = expr_substitute(arena, use->filter, w->exprs);
        list_append(&uses, arena, use);
    }
    return uses;
}

/* The column of the origin that has the event time. */
static int32_t window_time_column(const WindowGroup *w)
{
    return w->origin->node.window_assign.window.time_column;
}

/* Which window column the key becomes above; -1: it is a key of the operator. */
static int32_t window_key_kind(const WindowGroup *w, const Expr *key)
{
    int32_t window_column = -1;
    Rel *origin = key_origin(w->group, key, &window_column);
    return origin == w->origin ? window_column : -1;
}

/* How many there are. */
static int32_t window_bind_keys(const WindowGroup *w, GroupColumns *columns, int32_t *keys)
{
    int32_t count = 0;
    for (int32_t k = 0; k < w->group->keys.count; k++) {
        Expr *key = LIST_AT(w->group->keys, k, Expr);
        if (window_key_kind(w, key) >= 0)
            continue;
        Expr *below = expr_substitute(w->planner->arena, key, w->exprs);
        keys[count++] = group_column(w->planner, columns, below, group_key_name(w->group, key));
    }
    return count;
}

static Schema window_group_schema(const WindowGroup *w, const Rel *input, const int32_t *keys,
                                  int32_t key_count, const PlanAggregate *aggregates,
                                  int32_t aggregate_count)
{
    int32_t count = key_count + aggregate_count + 3;
    Field *fields = ARENA_ARRAY(w->planner->arena, Field, count);
    for (int32_t i = 0; i < key_count; i++) {
        fields[i] = input->node.schema.fields[keys[i]];
        fields[i].type = type_plain(fields[i].type);
    }
    for (int32_t i = 0; i < aggregate_count; i++)
        fields[key_count + i] = (Field){aggregates[i].name, aggregates[i].call->result};
    const Schema *origin = &w->origin->node.schema;
    for (int32_t i = 0; i < 3; i++)
        fields[count - 3 + i] = origin->fields[origin->count - 3 + i];
    return (Schema){.fields = fields, .count = count};
}

static const WindowColumn ALL_WINDOW_COLUMNS[] = {WINDOW_START, WINDOW_END, WINDOW_TIME};

static Rel *window_group_rel(WindowGroup *w, GroupColumns *columns, Expr *lower,
                             const int32_t *keys, int32_t key_count, const List *uses)
{
    Planner *planner = w->planner;
    int32_t time_column =
        group_column(planner, columns,
                     expr_column(planner->arena, window_time_column(w),
                                 columns->input->node.schema.fields[window_time_column(w)].type),
                     (Str){0});
    PlanAggregate *aggregates = group_aggregates(planner, columns, uses);
    group_name_results(w->group, aggregates);
    Rel *input = group_columns_rel(planner, columns, lower);
    Schema schema = window_group_schema(w, input, keys, key_count, aggregates, uses->count);
    Rel *rel = rel_new(planner, PLAN_WINDOW_AGGREGATE, &schema, &input, 1);
    rel->span = w->group->span;
    rel->node.window_aggregate.window = w->origin->node.window_assign.window;
    portable_window(planner, rel->node.window_aggregate.window.kind, w->group->has_group_window,
                    uses);
    rel->node.window_aggregate.window.time_column = time_column;
    rel->node.window_aggregate.keys = keys;
    rel->node.window_aggregate.key_count = key_count;
    rel->node.window_aggregate.aggregates = aggregates;
    rel->node.window_aggregate.aggregate_count = uses->count;
    rel->node.window_aggregate.window_columns = ALL_WINDOW_COLUMNS;
    rel->node.window_aggregate.window_column_count = 3;
    return rel_intern(planner, rel);
}

/* Items, HAVING and the upper filter over the columns of the aggregation. */
static Bound window_group_items(WindowGroup *w, Rel *rel, int32_t key_count)
{
    Planner *planner = w->planner;
    Expr **outputs = rel_columns(planner, &rel->node.schema);
    Expr **window = outputs + rel->node.schema.count - 3;
    Expr **keys = ARENA_ARRAY(planner->arena, Expr *, w->group->keys.count + 1);
    int32_t next = 0;
    for (int32_t k = 0; k < w->group->keys.count; k++) {
        int32_t kind = window_key_kind(w, LIST_AT(w->group->keys, k, Expr));
        keys[k] = kind >= 0 ? window[kind] : outputs[next++];
    }
    assert(next == key_count);
    Expr *upper = NULL;
    if (w->upper != NULL) {
        Expr **from = ARENA_ARRAY(planner->arena, Expr *, w->width + 3);
        for (int32_t i = 0; i < 3; i++)
            from[w->width + i] = window[i];
        upper = expr_substitute(planner->arena, w->upper, from);
    }
    return group_items(planner, w->group, rel, upper, keys, outputs + key_count);
}

/* Sessions are found by their own keys: those of the group must be the same. */
static bool session_has_keys(const GroupQuery *group, const Rel *origin)
{
    const PlanNode *node = &origin->node;
    if (node->window_assign.window.kind != WINDOW_SESSION || node->window_assign.takes_groups)
        return true;
    int32_t others = 0, found = 0;
    for (int32_t k = 0; k < group->keys.count; k++) {
        const Expr *key = LIST_AT(group->keys, k, Expr);
        int32_t window_column = -1, column = key->column;
        if (key_origin(group, key, &window_column) == origin)
            continue;
        others++;
        if (key->kind != EXPR_COLUMN || rel_trace(group->input.rel, &column) != origin)
            return false;
        for (int32_t i = 0; i < node->window_assign.key_count; i++)
            found += node->window_assign.keys[i] == column;
    }
    return others == found && found == node->window_assign.key_count;
}

/* Whether the rows can be aggregated before they have windows: neither what is aggregated nor what
 * is filtered together with it reads the window. */
static bool window_is_last(const WindowGroup *w)
{
    for (int32_t i = 0; i < w->filters.count; i++) {
        bool rows = false, window = false;
        window_reads(w, LIST_AT(w->filters, i, Expr), &rows, &window);
        if (rows && window)
            return false;
    }
    for (int32_t k = 0; k < w->group->keys.count; k++) {
        Expr *key = LIST_AT(w->group->keys, k, Expr);
        if (window_key_kind(w, key) < 0 && !window_is_below(w, key))
            return false;
    }
    for (int32_t i = 0; i < w->group->aggregates.count; i++) {
        if (!use_is_below(w, LIST_AT(w->group->aggregates, i, AggregateUse)))
            return false;
    }
    return true;
}

static bool group_has_outer(const GroupQuery *group)
{
    bool has_outer = rel_has_outer(group->input.rel);
    for (int32_t i = 0; i < group->aggregates.count; i++) {
        const AggregateUse *use = LIST_AT(group->aggregates, i, AggregateUse);
        for (int32_t a = 0; a < use->arg_count; a++)
            has_outer |= expr_has_outer(use->args[a]);
        has_outer |= use->filter != NULL && expr_has_outer(use->filter);
    }
    return has_outer;
}

static Bound window_group_build(WindowGroup *w)
{
    GroupColumns columns = {.input = rel_input(w->origin, 0)};
    int32_t *keys = ARENA_ARRAY(w->planner->arena, int32_t, w->group->keys.count + 1);
    Expr *lower = window_split_filters(w);
    int32_t key_count = window_bind_keys(w, &columns, keys);
    List uses = window_bind_uses(w);
    Rel *rel = window_group_rel(w, &columns, lower, keys, key_count, &uses);
    return window_group_items(w, rel, key_count);
}

bool bind_window_group(Planner *planner, GroupQuery *group, Bound *out)
{
    Rel *origin = group_find_origin(group);
    if (origin != NULL && !session_has_keys(group, origin))
        origin = NULL;
    if (origin == NULL)
        return bind_attached_group(planner, group, out);
    *out = (Bound){0};
    WindowGroup w = {.planner = planner, .group = group, .origin = origin};
    w.width = origin->node.schema.count - 3;
    if (!window_fold(&w, group->input.rel)) {
        REPORT(planner, "WR2039", group->span, "the expressions of this query are too large");
        return true;
    }
    bool has_outer = group_has_outer(group);
    if (!has_outer && window_is_last(&w)) {
        *out = window_group_build(&w);
        return true;
    }
    const PlanNode *assign = &origin->node;
    if (assign->window_assign.window.kind == WINDOW_SESSION && assign->window_assign.takes_groups) {
        planner_unsupported(planner, group->span,
                            "GROUP BY SESSION of rows that are filtered by a query around it");
        return true;
    }
    /* An outer row has its own results of a window: the window is a key like others. */
    return !has_outer && bind_attached_group(planner, group, out);
}
