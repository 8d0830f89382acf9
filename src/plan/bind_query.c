/* Queries: SELECT, VALUES, UNION, WITH. */
#include <assert.h>

#include "plan/join_time.h"
#include "plan/over.h"
#include "plan/subquery.h"

/* ---- Names of output columns ----------------------------------------------------------- */

static Str item_name(Planner *planner, const SqlSelectItem *item, int32_t position)
{
    if (item->alias != NULL)
        return item->alias->text;
    if (item->expr->kind == SQL_COLUMN)
        return sql_path_last(item->expr->column)->text;
    return str_from(arena_printf(planner->arena, "EXPR$%d", position));
}

/* ---- SELECT ---------------------------------------------------------------------------- */

/* The columns of a SELECT while they are gathered. */
typedef struct SelectItems {
    List exprs; /* Expr */
    List names; /* Str * */
    List spans; /* Span * */
} SelectItems;

static void items_add(Planner *planner, SelectItems *items, Expr *expr, Str name, Span span)
{
    Str *kept = ARENA_NEW(planner->arena, Str);
    *kept = name;
    Span *at = ARENA_NEW(planner->arena, Span);
    *at = span;
    list_append(&items->exprs, planner->arena, expr);
    list_append(&items->names, planner->arena, kept);
    list_append(&items->spans, planner->arena, at);
}

static void items_add_column(Planner *planner, SelectItems *items, Expr *expr, Str name, Span span)
{
    Expr *column = type_is_poison(expr->type)
                       ? expr_poison(planner->arena)
                       : arena_copy(planner->arena, expr, (int64_t)sizeof *expr);
    column->span_start = span.start;
    column->span_end = span.end;
    items_add(planner, items, column, name, span);
}

/* row.*: false if the path names no column. */
static bool items_add_fields(ExprBinder *binder, SelectItems *items, const SqlExpr *star)
{
    Expr *row = bind_row_star(binder, star->star, star->span);
    for (int32_t i = 0; row != NULL && row->type.id == TYPE_ROW && i < row->type.child_count; i++)
        items_add(binder->planner, items, bind_field_at(binder, row, i, star->span),
                  row->type.child_names[i], star->span);
    return row != NULL;
}

/* The place of the name from `at` on, or -1. */
static int32_t names_find(const List *names, Str name, int32_t at)
{
    for (int32_t i = at; i < names->count; i++) {
        if (str_equal(*LIST_AT(*names, i, Str), name))
            return i;
    }
    return -1;
}

/* The columns that `*` had when the view was defined, in what it would have now. */
static void items_keep_star(Planner *planner, SelectItems *items, int32_t first,
                            const SqlExpr *star)
{
    const List *kept = object_star(planner, star, &items->names, first);
    if (kept == NULL)
        return;
    SelectItems all = *items;
    all.exprs = list_copy(planner->arena, &items->exprs);
    all.names = list_copy(planner->arena, &items->names);
    items->exprs.count = items->names.count = items->spans.count = first;
    int32_t at = first;
    for (int32_t i = 0; i < kept->count; i++) {
        Str name = *LIST_AT(*kept, i, Str);
        int32_t found = names_find(&all.names, name, at);
        if (found < 0)
            found = names_find(&all.names, name, first);
        if (found < 0)
            REPORT(planner, "WR2041", star->span, "column `%.*s` of the view is gone",
                   STR_ARGS(name));
        Expr *expr = found < 0 ? expr_poison(planner->arena) : LIST_AT(all.exprs, found, Expr);
        items_add(planner, items, expr, name, star->span);
        at = found < 0 ? at : found + 1;
    }
}

static void items_add_star(ExprBinder *binder, SelectItems *items, const SqlExpr *star)
{
    Planner *planner = binder->planner;
    const Scope *scope = binder->scope;
    if (scope->table_count == 0) {
        REPORT(planner, "WR2047", star->span, "SELECT * needs a FROM");
        return;
    }
    const SqlPath *qualifier = star->star;
    if (qualifier == NULL) {
        for (int32_t i = 0; i < scope->column_count; i++)
            items_add_column(planner, items, scope->columns[i].expr, scope->columns[i].name,
                             star->span);
        return;
    }
    const ScopeTable *table = scope_find_table(planner, scope, qualifier, qualifier->parts.count);
    if (table == NULL && !scope->is_broken && items_add_fields(binder, items, star))
        return;
    if (table == NULL && !scope->is_broken)
        scope_report_table(planner, scope, qualifier, qualifier->parts.count, star->span);
    for (int32_t i = 0; table != NULL && i < table->count; i++) {
        const Field *field = &scope->schema.fields[table->first + i];
        Expr *column = expr_column(planner->arena, table->first + i, field->type);
        items_add_column(planner, items, column, field->name, star->span);
    }
}

static void items_bind(ExprBinder *binder, const SqlSelect *select, SelectItems *items)
{
    for (int32_t i = 0; i < select->items.count; i++) {
        const SqlSelectItem *item = LIST_AT(select->items, i, SqlSelectItem);
        if (item->expr->kind == SQL_STAR) {
            int32_t first = items->exprs.count;
            items_add_star(binder, items, item->expr);
            items_keep_star(binder->planner, items, first, item->expr);
            continue;
        }
        Expr *expr = bind_expr(binder, item->expr);
        portable_item(binder->planner, expr, item->expr->span);
        items_add(binder->planner, items, expr,
                  item_name(binder->planner, item, items->exprs.count), item->span);
    }
}

static Schema items_schema(Planner *planner, const SelectItems *items)
{
    int32_t count = items->exprs.count;
    Field *fields = ARENA_ARRAY(planner->arena, Field, count + 1);
    Map *taken = map_new(planner->arena);
    for (int32_t i = 0; i < count; i++) {
        fields[i].name = field_name_add(planner, taken, *LIST_AT(items->names, i, Str));
        fields[i].type = LIST_AT(items->exprs, i, Expr)->type;
    }
    return (Schema){.fields = fields, .count = count};
}

/* The items that have an alias. */
static SelectAliases items_aliases(Planner *planner, const SqlSelect *select,
                                   const SelectItems *items)
{
    SelectAliases aliases = {0};
    aliases.names = ARENA_ARRAY(planner->arena, Str, items->exprs.count + 1);
    aliases.exprs = ARENA_ARRAY(planner->arena, Expr *, items->exprs.count + 1);
    for (int32_t i = 0; i < select->items.count; i++) {
        const SqlSelectItem *item = LIST_AT(select->items, i, SqlSelectItem);
        if (item->alias == NULL)
            continue;
        /* Stars make several items: find it by the place from which it comes. */
        for (int32_t k = 0; k < items->exprs.count; k++) {
            if (LIST_AT(items->spans, k, Span)->start != item->span.start)
                continue;
            aliases.names[aliases.count] = item->alias->text;
            aliases.exprs[aliases.count++] = LIST_AT(items->exprs, k, Expr);
        }
    }
    return aliases;
}

static void bound_set_spans(Bound *bound, const SelectItems *items)
{
    for (int32_t i = 0; bound->rel != NULL && i < bound->schema.count; i++)
        bound->spans[i] = *LIST_AT(items->spans, i, Span);
}

/* How a batch job is to join has no meaning for a stream, in Flink as here. */
static void select_check_hint(Planner *planner, const SqlHint *hint)
{
    static const Str known[] = {
        STR("BROADCAST"),  STR("SHUFFLE_HASH"), STR("SHUFFLE_MERGE"), STR("NEST_LOOP"),
        STR("MULTI_JOIN"), STR("LOOKUP"),       STR("STATE_TTL"),
    };
    enum { KNOWN_COUNT = sizeof known / sizeof known[0] };
    for (int32_t i = 0; i < KNOWN_COUNT; i++) {
        if (str_equal_ignoring_case(hint->name.text, known[i]))
            return;
    }
    Diagnostic *d = REPORT(planner, "WR2071", hint->name.span, "unknown hint `%.*s`",
                           STR_ARGS(hint->name.text));
    if (str_equal_ignoring_case(hint->name.text, STR("OPTIONS")))
        diagnostic_help(d, "OPTIONS stands behind the name of a table");
    else
        diagnostic_suggest(d, known, KNOWN_COUNT, hint->name.text);
}

static bool select_is_supported(Planner *planner, const SqlSelect *select)
{
    bool is_supported = select->items.count <= PLAN_COLUMNS_MAX;
    if (!is_supported)
        REPORT(planner, "WR2039", select->span, "a query has at most %d columns", PLAN_COLUMNS_MAX);
    for (int32_t i = 0; i < select->hints.count; i++) {
        const SqlHint *hint = LIST_AT(select->hints, i, SqlHint);
        if (!lookup_is_hint(hint) && !state_ttl_is_hint(hint))
            select_check_hint(planner, hint);
    }
    return is_supported;
}

static void group_add_key(ExprBinder *binder, const SqlGroup *item, List *keys)
{
    if (item->expr == binder->window) {
        const Schema *schema = &binder->scope->schema;
        for (int32_t i = schema->count - 3; i < schema->count; i++)
            list_append(keys, binder->planner->arena,
                        expr_column(binder->planner->arena, i, schema->fields[i].type));
        return;
    }
    if (item->expr->kind == SQL_LITERAL) {
        Diagnostic *d = WARN(binder->planner, "WR2062", item->span,
                             "GROUP BY a constant puts all rows into one group");
        diagnostic_help(d, "name the column: numbers do not stand for positions in GROUP BY");
    }
    list_append(keys, binder->planner->arena, bind_expr(binder, item->expr));
}

static void group_bind_keys(ExprBinder *binder, const List *groups, List *keys)
{
    for (int32_t i = 0; i < groups->count; i++) {
        const SqlGroup *item = LIST_AT(*groups, i, SqlGroup);
        switch (item->kind) {
        case SQL_GROUP_EXPR: group_add_key(binder, item, keys); break;
        case SQL_GROUP_EMPTY: break;
        case SQL_GROUP_LIST: group_bind_keys(binder, &item->items, keys); break;
        case SQL_GROUP_ROLLUP:
        case SQL_GROUP_CUBE:
        case SQL_GROUPING_SETS: assert(!"grouping_bind takes sets"); break;
        }
    }
}

static bool exprs_are_poisoned(const List *exprs)
{
    for (int32_t i = 0; i < exprs->count; i++) {
        if (expr_is_poison(LIST_AT(*exprs, i, Expr)))
            return true;
    }
    return false;
}

/* A relation whose column types say where the mistakes are. It is never planned, but whatever is
 * made of it must find the columns that its schema names. */
static Bound select_poisoned(Planner *planner, Bound input, const Schema *schema)
{
    Expr **exprs = ARENA_ARRAY(planner->arena, Expr *, schema->count + 1);
    for (int32_t i = 0; i < schema->count; i++) {
        Type type = schema->fields[i].type;
        exprs[i] = expr_literal(planner->arena, (Value){.type = type, .is_null = true});
    }
    Rel *rel = rel_calc(planner, input.rel, NULL, exprs, schema);
    return bound_make(planner, rel, schema, (Span){0});
}

/* ---- FROM and WHERE -------------------------------------------------------------------- */

/* A relation of one row, for SELECT without FROM. */
static From *from_nothing(Planner *planner, Span span)
{
    Type type = type_not_null(type_simple(TYPE_BOOLEAN));
    Field *field = ARENA_NEW(planner->arena, Field);
    *field = (Field){.name = STR("$row"), .type = type};
    Scope scope = {.schema = {.fields = field, .count = 1}, .outer = planner->outer};
    Expr **cell = ARENA_ARRAY(planner->arena, Expr *, 1);
    cell[0] = expr_literal(planner->arena, (Value){.type = type, .integer = 1});
    Rel *rel = rel_new(planner, PLAN_VALUES, &scope.schema, NULL, 0);
    rel->node.values.rows = cell;
    rel->node.values.row_count = 1;
    return from_leaf(planner, NULL, &scope, rel_intern(planner, rel), span);
}

/* Conjunct by conjunct, as subqueries among them are joins. */
static void where_bind(ExprBinder *binder, const SqlExpr *expr)
{
    Planner *planner = binder->planner;
    if (expr->kind == SQL_BINARY && expr->binary.op == SQL_AND) {
        where_bind(binder, expr->binary.left);
        where_bind(binder, expr->binary.right);
        return;
    }
    if (subquery_is_predicate(planner, expr)) {
        bind_subquery_predicate(binder, expr);
        return;
    }
    Expr *condition = bind_condition(binder, expr);
    if (expr_is_poison(condition) || (*binder->from)->scope.is_broken)
        return;
    List conjuncts = {0};
    expr_conjuncts(planner->arena, condition, &conjuncts);
    for (int32_t i = 0; i < conjuncts.count; i++)
        from_filter(planner, *binder->from, LIST_AT(conjuncts, i, Expr));
}

/* The relation is NULL when there is nothing to go on with. */
static Bound select_source(Planner *planner, const SqlSelect *select, From **from)
{
    ExprBinder binder = {
        .planner = planner, .scope = &(*from)->scope, .place = "WHERE", .from = from};
    if (select->where != NULL)
        where_bind(&binder, select->where);
    if ((*from)->scope.is_broken || (*from)->is_failed)
        return (Bound){0};
    portable_from(planner, *from);
    const List *outer_hints = planner->hints;
    planner->hints = &select->hints;
    Rel *rel = from_build(planner, *from);
    planner->hints = outer_hints;
    lookup_check_hints(planner, &select->hints);
    state_ttl_check(planner, &select->hints, select->from);
    if (rel == NULL)
        return (Bound){0};
    return bound_make(planner, rel, &(*from)->scope.schema, select->span);
}

/* ---- SELECT as a whole ----------------------------------------------------------------- */

/* What a SELECT says, bound. */
typedef struct SelectParts {
    SelectItems items;
    GroupQuery group;
    GroupingSets grouping;
    OverQuery over;
    Expr *qualify;
} SelectParts;

/* The exprs, in place, with subqueries as the values that they have been joined as. */
static void exprs_set_subqueries(Planner *planner, Expr **exprs, int32_t count, Expr *const *values)
{
    for (int32_t i = 0; i < count; i++) {
        if (exprs[i] != NULL)
            exprs[i] = expr_with_subqueries(planner, exprs[i], values);
    }
}

static void use_set_subqueries(Planner *planner, AggregateUse *use, Expr *const *values)
{
    exprs_set_subqueries(planner, use->args, use->arg_count, values);
    exprs_set_subqueries(planner, &use->filter, 1, values);
}

static void over_set_subqueries(Planner *planner, OverUse *use, Expr *const *values)
{
    exprs_set_subqueries(planner, (Expr **)use->partition.items, use->partition.count, values);
    for (int32_t i = 0; i < use->order.count; i++)
        exprs_set_subqueries(planner, &LIST_AT(use->order, i, OrderUse)->expr, 1, values);
    if (use->function == OVER_AGGREGATE)
        use_set_subqueries(planner, use->aggregate, values);
}

static void select_set_subqueries(Planner *planner, SelectParts *parts, Expr *const *values)
{
    GroupQuery *group = &parts->group;
    exprs_set_subqueries(planner, group->items, group->item_count, values);
    exprs_set_subqueries(planner, &group->having, 1, values);
    exprs_set_subqueries(planner, &parts->qualify, 1, values);
    for (int32_t i = 0; i < group->aggregates.count; i++)
        use_set_subqueries(planner, LIST_AT(group->aggregates, i, AggregateUse), values);
    for (int32_t i = 0; i < parts->over.uses.count; i++)
        over_set_subqueries(planner, LIST_AT(parts->over.uses, i, OverUse), values);
}

/* Joins to the input the subqueries that belong below an aggregation, or all where there is none.
 */
static bool select_join_subqueries(Planner *planner, SelectParts *parts, bool is_grouped)
{
    GroupQuery *group = &parts->group;
    Scope scope = {.schema = group->input.schema};
    From *from = from_leaf(planner, NULL, &scope, group->input.rel, group->span);
    Expr **values = ARENA_ARRAY(planner->arena, Expr *, group->subqueries.count + 1);
    bool is_any = false;
    for (int32_t i = 0; i < group->subqueries.count; i++) {
        Subquery *subquery = LIST_AT(group->subqueries, i, Subquery);
        if (is_grouped && !subquery->is_in_aggregate)
            continue;
        exprs_set_subqueries(planner, (Expr **)subquery->operands.items, subquery->operands.count,
                             values);
        values[i] = subquery_join(planner, &from, subquery, NULL);
        if (values[i] == NULL)
            return false;
        is_any = true;
    }
    if (!is_any)
        return true;
    Rel *rel = from_build(planner, from);
    if (rel == NULL)
        return false;
    group->input = bound_make(planner, rel, &from->scope.schema, group->span);
    select_set_subqueries(planner, parts, values);
    return true;
}

/* SELECT without FROM and all that needs a row. */
static Bound select_values(Planner *planner, const GroupQuery *group)
{
    Rel *rel = rel_new(planner, PLAN_VALUES, &group->schema, NULL, 0);
    rel->node.values.rows = group->items;
    rel->node.values.row_count = 1;
    return bound_make(planner, rel_intern(planner, rel), &group->schema, group->span);
}

/* Grouping sets become one grouping; a plain GROUP BY is one set, if GROUPING asks for it. */
static bool select_expand(Planner *planner, SelectParts *parts, const SqlSelect *select)
{
    GroupQuery *group = &parts->group;
    if (grouping_has_sets(&select->group_by)) {
        if (parts->over.uses.count == 0)
            return grouping_expand(planner, group, &parts->grouping);
        planner_unsupported(planner, select->span, "OVER beside GROUPING SETS, ROLLUP or CUBE");
        return false;
    }
    if (!grouping_is_used(group))
        return true;
    if (!select->has_group_by) {
        REPORT(planner, "WR2529", select->span, "GROUPING needs GROUP BY");
        return false;
    }
    grouping_set_of_keys(planner, group, &parts->grouping);
    return grouping_expand(planner, group, &parts->grouping);
}

/* What is left once all parts are bound without a mistake. */
static Bound select_build(Planner *planner, SelectParts *parts, const SqlSelect *select)
{
    GroupQuery *group = &parts->group;
    bool is_grouped = select->has_group_by || group->having != NULL || group->aggregates.count > 0;
    if (!select_join_subqueries(planner, parts, is_grouped) ||
        !select_expand(planner, parts, select))
        return (Bound){0};
    Bound bound;
    if (parts->over.uses.count > 0) {
        bound = over_build(planner, group, &parts->over, parts->qualify, is_grouped);
    } else if (is_grouped) {
        bound = bind_group(planner, group);
    } else if (select->from == NULL && group->input.rel->node.kind == PLAN_VALUES) {
        bound = select_values(planner, group);
    } else {
        Rel *rel = rel_calc(planner, group->input.rel, NULL, group->items, &group->schema);
        bound = bound_make(planner, rel, &group->schema, select->span);
    }
    if (select->is_distinct && bound.rel != NULL)
        bound = bind_distinct(planner, bound, select->span);
    return bound;
}

/* QUALIFY may use calls with OVER, and the names of items. */
static Expr *select_qualify(ExprBinder *binder, const SqlSelect *select, const SelectItems *items)
{
    if (select->qualify == NULL)
        return NULL;
    ExprBinder inner = *binder;
    SelectAliases aliases = items_aliases(binder->planner, select, items);
    inner.place = "QUALIFY";
    inner.aliases = &aliases;
    Expr *qualify = bind_condition(&inner, select->qualify);
    if (binder->over->uses.count == 0 && !expr_is_poison(qualify)) {
        Diagnostic *d = REPORT(binder->planner, "WR2512", select->qualify->span,
                               "QUALIFY needs a call with OVER");
        diagnostic_help(d, "filter rows with WHERE, groups with HAVING");
    }
    return qualify;
}

/* What the query is ordered by, with hidden items for what it does not show. */
static void select_order(ExprBinder *binder, const SqlSelect *select, OrderQuery *order,
                         SelectItems *items)
{
    if (order == NULL)
        return;
    order_bind(binder, order, &items->exprs, &items->names);
    if (select->is_distinct && order->hidden.count > 0) {
        REPORT(binder->planner, "WR2527", select->span,
               "SELECT DISTINCT can only be ordered by what it shows");
        order->is_failed = true;
    }
    for (int32_t i = 0; i < order->hidden.count; i++) {
        Expr *expr = LIST_AT(order->hidden, i, Expr);
        items_add(binder->planner, items, expr,
                  str_from(arena_printf(binder->planner->arena, "$order%d", i)),
                  span_make(expr->span_start, expr->span_end));
    }
}

/* GROUP BY, SELECT, QUALIFY, ORDER BY and HAVING over the input. */
static bool select_bind(Planner *planner, const SqlSelect *select, From *from, OrderQuery *order,
                        SelectParts *parts)
{
    GroupQuery *group = &parts->group;
    ExprBinder binder = {.planner = planner, .scope = &from->scope};
    const SqlExpr *window = group_window_find(&select->group_by);
    if (window != NULL && group->input.rel != NULL) {
        group->has_group_window = true;
        if (!bind_group_window(planner, window, &group->input, &from->scope))
            return false;
        binder.window = window;
    }
    binder.place = "GROUP BY";
    if (grouping_has_sets(&select->group_by))
        grouping_bind(&binder, &select->group_by, &parts->grouping);
    else
        group_bind_keys(&binder, &select->group_by, &group->keys);
    binder.aggregates = &group->aggregates;
    binder.subqueries = &group->subqueries;
    binder.place = "SELECT";
    binder.over = &parts->over;
    items_bind(&binder, select, &parts->items);
    parts->qualify = select_qualify(&binder, select, &parts->items);
    binder.place = "ORDER BY";
    select_order(&binder, select, order, &parts->items);
    binder.place = "HAVING";
    binder.over = NULL;
    if (select->having != NULL)
        group->having = bind_condition(&binder, select->having);
    group->schema = items_schema(planner, &parts->items);
    group->items = (Expr **)parts->items.exprs.items;
    group->item_count = parts->items.exprs.count;
    return group->input.rel != NULL;
}

static Bound bind_select(Planner *planner, const SqlSelect *select)
{
    OrderQuery *order = planner->order;
    planner->order = NULL;
    if (!select_is_supported(planner, select))
        return (Bound){0};
    From *from = select->from == NULL ? from_nothing(planner, select->span)
                                      : bind_from(planner, select->from);
    SelectParts parts = {.over = {.windows = &select->windows}};
    parts.group = (GroupQuery){.span = select->span, .hints = &select->hints, .from = select->from};
    int32_t errors = diagnostics_mistake_count(planner->diagnostics);
    parts.group.input = select_source(planner, select, &from);
    if (!select_bind(planner, select, from, order, &parts))
        return (Bound){0};
    if (parts.items.exprs.count > PLAN_COLUMNS_MAX) {
        REPORT(planner, "WR2039", select->span, "a query has at most %d columns", PLAN_COLUMNS_MAX);
        return (Bound){0};
    }
    bool is_failed = diagnostics_mistake_count(planner->diagnostics) > errors ||
                     exprs_are_poisoned(&parts.items.exprs) ||
                     exprs_are_poisoned(&parts.group.keys) || parts.grouping.is_failed;
    Bound bound = is_failed ? select_poisoned(planner, parts.group.input, &parts.group.schema)
                            : select_build(planner, &parts, select);
    bound_set_spans(&bound, &parts.items);
    return bound;
}

/* ---- VALUES ---------------------------------------------------------------------------- */

static bool values_bind_rows(Planner *planner, const SqlQuery *query, Expr **cells, int32_t width)
{
    ExprBinder binder = {.planner = planner, .place = "VALUES"};
    bool is_good = true;
    for (int32_t r = 0; r < query->rows.count; r++) {
        const SqlExpr *row = LIST_AT(query->rows, r, SqlExpr);
        if (row->collection.items.count != width) {
            REPORT(planner, "WR2032", row->span, "this row has %d values, the first one has %d",
                   row->collection.items.count, width);
            is_good = false;
            continue;
        }
        for (int32_t c = 0; c < width; c++) {
            Expr *cell = bind_expr(&binder, LIST_AT(row->collection.items, c, SqlExpr));
            portable_item(planner, cell, LIST_AT(row->collection.items, c, SqlExpr)->span);
            cells[r * width + c] = cell;
            is_good &= !expr_is_poison(cell);
        }
    }
    return is_good;
}

/* Bring column c of all rows to one type. */
static bool values_unify(Planner *planner, const SqlQuery *query, Expr **cells, int32_t width,
                         int32_t c, Type *out)
{
    Type type = cells[c]->type;
    int32_t rows = query->rows.count;
    for (int32_t r = 1; r < rows; r++) {
        Type common;
        if (!type_common(planner->arena, type, cells[r * width + c]->type, &common)) {
            const SqlExpr *row = LIST_AT(query->rows, r, SqlExpr);
            REPORT(planner, "WR2033", LIST_AT(row->collection.items, c, SqlExpr)->span,
                   "%s does not go with %s in the rows before",
                   type_text(planner->arena, type_nullable(cells[r * width + c]->type)),
                   type_text(planner->arena, type_nullable(type)));
            return false;
        }
        type = common;
    }
    for (int32_t r = 0; r < rows; r++) {
        Expr **cell = &cells[r * width + c];
        if (!type_equal((*cell)->type, type)) {
            Type to = type;
            to.is_nullable = (*cell)->type.is_nullable;
            *cell = expr_cast(planner->arena, *cell, to, false);
        }
    }
    *out = type;
    return true;
}

static Bound bind_values(Planner *planner, const SqlQuery *query)
{
    assert(query->rows.count > 0);
    int32_t width = LIST_AT(query->rows, 0, SqlExpr)->collection.items.count;
    if (width > PLAN_COLUMNS_MAX) {
        REPORT(planner, "WR2039", query->span, "a query has at most %d columns", PLAN_COLUMNS_MAX);
        return (Bound){0};
    }
    Expr **cells = ARENA_ARRAY(planner->arena, Expr *, (int64_t)query->rows.count * width + 1);
    if (!values_bind_rows(planner, query, cells, width))
        return (Bound){0};
    Field *fields = ARENA_ARRAY(planner->arena, Field, width + 1);
    for (int32_t c = 0; c < width; c++) {
        fields[c].name = str_from(arena_printf(planner->arena, "EXPR$%d", c));
        if (!values_unify(planner, query, cells, width, c, &fields[c].type))
            return (Bound){0};
    }
    Schema schema = {.fields = fields, .count = width};
    Rel *rel = rel_new(planner, PLAN_VALUES, &schema, NULL, 0);
    rel->node.values.rows = cells;
    rel->node.values.row_count = query->rows.count;
    return bound_make(planner, rel_intern(planner, rel), &schema, query->span);
}

/* ---- Queries --------------------------------------------------------------------------- */

static Bound query_body(Planner *planner, const SqlQuery *query, bool is_nested)
{
    switch (query->kind) {
    case SQL_SELECT: return bind_select(planner, query->select);
    case SQL_VALUES: return bind_values(planner, query);
    case SQL_UNION:
    case SQL_INTERSECT:
    case SQL_EXCEPT: return bind_set(planner, query);
    case SQL_NESTED:
        return is_nested ? bind_nested_query(planner, query->nested)
                         : bind_query(planner, query->nested);
    }
    return (Bound){0};
}

/* The body, sorted and cut as the query says. */
static Bound query_ordered(Planner *planner, const SqlQuery *query, bool is_nested)
{
    OrderQuery order = {.query = query, .is_nested = is_nested};
    bool has_order = query_has_order(query);
    planner->order = has_order && query->kind == SQL_SELECT ? &order : NULL;
    Bound bound = query_body(planner, query, is_nested);
    planner->order = NULL;
    if (!has_order || bound.rel == NULL)
        return bound;
    if (!order.is_bound)
        order_bind_result(planner, &order, &bound);
    for (int32_t i = 0; i < bound.schema.count; i++) {
        if (type_is_poison(bound.schema.fields[i].type))
            return bound;
    }
    return order_build(planner, &order, bound);
}

static void query_bind_ctes(Planner *planner, const SqlQuery *query)
{
    for (int32_t i = 0; i < query->ctes.count; i++) {
        const SqlCte *ast = LIST_AT(query->ctes, i, SqlCte);
        Cte *cte = ARENA_NEW(planner->arena, Cte);
        cte->name = ast->name.text;
        cte->query = bind_nested_query(planner, ast->query);
        if (!bound_rename(planner, &cte->query, &ast->columns, ast->span))
            cte->query = (Bound){0};
        cte->outer = planner->ctes;
        planner->ctes = cte;
    }
}

Bound bind_query(Planner *planner, const SqlQuery *query)
{
    if (planner->query_depth >= PLAN_DEPTH_MAX) {
        REPORT(planner, "WR2039", query->span, "queries are nested more than %d deep",
               PLAN_DEPTH_MAX);
        return (Bound){0};
    }
    if (!planner_has_room(planner, query->span))
        return (Bound){0};
    planner->query_depth++;
    Cte *outer = planner->ctes;
    bool is_nested = planner->is_nested_next;
    planner->is_nested_next = false;
    query_bind_ctes(planner, query);
    Bound bound = query_ordered(planner, query, is_nested);
    planner->ctes = outer;
    planner->query_depth--;
    if (bound.rel != NULL &&
        (bound.rel->depth > PLAN_DEPTH_MAX * 4 || planner->rels.count > PLAN_RELS_MAX)) {
        REPORT(planner, "WR2039", query->span, "the script is too large to plan");
        return (Bound){0};
    }
    return bound;
}

Bound bind_nested_query(Planner *planner, const SqlQuery *query)
{
    planner->is_nested_next = true;
    return bind_query(planner, query);
}

Bound bind_view(Planner *planner, const SqlCreateView *create)
{
    Bound query = bind_query(planner, create->query);
    if (!bound_rename(planner, &query, &create->columns, create->name->span))
        query.rel = NULL;
    return query;
}

void bind_create_view(Planner *planner, const SqlCreateView *create)
{
    CatalogObject *object = catalog_add(planner, create->name, OBJECT_VIEW, create->is_temporary,
                                        create->if_not_exists);
    if (object == NULL)
        return;
    object->view = create;
    object_define(planner, object);
}
