/* UNION, INTERSECT and EXCEPT.
 *
 *     UNION ALL        one node for all inputs; UNION: distinct rows of that
 *     INTERSECT        distinct rows of a semi join by all columns; EXCEPT: of an anti join
 *     INTERSECT ALL    how often a row comes on either side is counted, and it is given out as
 * often EXCEPT ALL       as the smaller number, or the difference, says */
#include <assert.h>

#include "plan/subquery.h"

/* ---- Inputs ---------------------------------------------------------------------------- */

typedef struct SetInputs {
    Planner *planner;
    const SqlQuery *query; /* the operation */
    List queries;          /* SqlQuery */
    Bound *bounds;
    Schema schema; /* common names and types */
} SetInputs;

static const char *set_name(const SqlQuery *query)
{
    return query->kind == SQL_UNION ? "UNION" : query->kind == SQL_EXCEPT ? "EXCEPT" : "INTERSECT";
}

/* A UNION in a UNION has its inputs among the outer one's: one that keeps duplicates only if the
 * inner one does, too. */
static bool union_is_part(const SqlQuery *query, bool is_all)
{
    return query->kind == SQL_UNION && (query->set.is_all || !is_all) && query->ctes.count == 0 &&
           query->order_by.count == 0 && query->limit == NULL && query->offset == NULL;
}

static void set_gather(SetInputs *inputs, const SqlQuery *query, bool is_part)
{
    if (!is_part) {
        list_append(&inputs->queries, inputs->planner->arena, (void *)query);
        return;
    }
    bool is_all = inputs->query->set.is_all, is_union = inputs->query->kind == SQL_UNION;
    const SqlQuery *sides[2] = {query->set.left, query->set.right};
    for (int32_t i = 0; i < 2; i++)
        set_gather(inputs, sides[i], is_union && union_is_part(sides[i], is_all));
}

static bool set_bind_inputs(SetInputs *inputs)
{
    bool is_good = true;
    inputs->bounds = ARENA_ARRAY(inputs->planner->arena, Bound, inputs->queries.count);
    for (int32_t i = 0; i < inputs->queries.count; i++) {
        inputs->bounds[i] =
            bind_nested_query(inputs->planner, LIST_AT(inputs->queries, i, const SqlQuery));
        is_good &= inputs->bounds[i].rel != NULL;
    }
    return is_good;
}

/* ---- Types ----------------------------------------------------------------------------- */

/* Brings the column's type so far and that of one input more together. */
static bool set_unify(SetInputs *inputs, int32_t input, int32_t column, Type *type)
{
    Planner *planner = inputs->planner;
    Type a = *type, b = inputs->bounds[input].schema.fields[column].type;
    if (type_is_poison(a) || type_is_poison(b)) {
        *type = type_poison();
        return false;
    }
    portable_union(planner, a, b, LIST_AT(inputs->queries, input, const SqlQuery)->span);
    if (!type_common(planner->arena, a, b, type)) {
        REPORT(planner, "WR2033", LIST_AT(inputs->queries, input, const SqlQuery)->span,
               "column %d of %s is %s on the left and %s on the right", column + 1,
               set_name(inputs->query), type_text(planner->arena, type_plain(type_nullable(a))),
               type_text(planner->arena, type_plain(type_nullable(b))));
        return false;
    }
    bool is_time = a.time_attribute == b.time_attribute && type_equal(a, b);
    type->time_attribute = is_time ? a.time_attribute : TIME_NONE;
    type->is_nullable = a.is_nullable || b.is_nullable;
    return true;
}

static bool set_check_widths(SetInputs *inputs)
{
    int32_t width = inputs->bounds[0].schema.count;
    for (int32_t i = 1; i < inputs->queries.count; i++) {
        int32_t other = inputs->bounds[i].schema.count;
        if (other == width)
            continue;
        REPORT(inputs->planner, "WR2032", LIST_AT(inputs->queries, i, const SqlQuery)->span,
               "%s needs as many columns on both sides, but the left has %d and the right %d",
               set_name(inputs->query), width, other);
        return false;
    }
    return true;
}

/* The names are the first input's. False after a report; the schema then has poison in it. */
static bool set_types(SetInputs *inputs)
{
    const Schema *first = &inputs->bounds[0].schema;
    Field *fields = ARENA_ARRAY(inputs->planner->arena, Field, first->count + 1);
    bool is_good = true;
    for (int32_t c = 0; c < first->count; c++) {
        fields[c] = first->fields[c];
        bool is_known = true;
        for (int32_t i = 1; i < inputs->queries.count && is_known; i++)
            is_known = set_unify(inputs, i, c, &fields[c].type);
        is_good &= is_known;
    }
    inputs->schema = (Schema){.fields = fields, .count = first->count};
    return is_good;
}

/* The input with its columns cast to the common types. */
static Rel *set_input(SetInputs *inputs, int32_t input)
{
    Planner *planner = inputs->planner;
    const Bound *side = &inputs->bounds[input];
    const Schema *common = &inputs->schema;
    Expr **exprs = ARENA_ARRAY(planner->arena, Expr *, common->count + 1);
    for (int32_t i = 0; i < common->count; i++) {
        Type from = side->schema.fields[i].type;
        Type to = common->fields[i].type;
        exprs[i] = expr_column(planner->arena, i, from);
        if (type_equal(from, to)) {
            exprs[i]->type.time_attribute = to.time_attribute;
            continue;
        }
        to.is_nullable = from.is_nullable;
        if (from.id == TYPE_NULL)
            exprs[i] = expr_literal(planner->arena, (Value){.type = to, .is_null = true});
        else
            exprs[i] = expr_cast(planner->arena, exprs[i], type_plain(to), false);
    }
    return rel_calc(planner, side->rel, NULL, exprs, common);
}

static Bound set_bound(SetInputs *inputs, Rel *rel)
{
    return bound_make(inputs->planner, rel, &inputs->schema, inputs->query->span);
}

/* ---- UNION ----------------------------------------------------------------------------- */

static Rel *union_rel(SetInputs *inputs, Rel *const *sides, int32_t count, const Schema *schema)
{
    Rel *rel = rel_new(inputs->planner, PLAN_UNION, schema, sides, count);
    return rel_intern(inputs->planner, rel);
}

static Bound set_union(SetInputs *inputs)
{
    int32_t count = inputs->queries.count;
    Rel **sides = ARENA_ARRAY(inputs->planner->arena, Rel *, count);
    for (int32_t i = 0; i < count; i++)
        sides[i] = set_input(inputs, i);
    Bound bound = set_bound(inputs, union_rel(inputs, sides, count, &inputs->schema));
    return inputs->query->set.is_all ? bound
                                     : bind_distinct(inputs->planner, bound, inputs->query->span);
}

/* ---- INTERSECT, EXCEPT ----------------------------------------------------------------- */

/* A row equals another in all columns, NULLs included. */
static Bound set_joined(SetInputs *inputs)
{
    Planner *planner = inputs->planner;
    JoinSpec spec = {.kind = inputs->query->kind == SQL_EXCEPT ? JOIN_ANTI : JOIN_SEMI,
                     .span = inputs->query->span,
                     .left = set_input(inputs, 0),
                     .right = set_input(inputs, 1),
                     .schema = inputs->schema};
    for (int32_t i = 0; i < inputs->schema.count; i++) {
        JoinKey *key = ARENA_NEW(planner->arena, JoinKey);
        Type type = inputs->schema.fields[i].type;
        key->left = expr_column(planner->arena, i, type);
        key->right = expr_column(planner->arena, i, type);
        key->is_null_matched = type.is_nullable;
        list_append(&spec.keys, planner->arena, key);
    }
    Rel *rel = join_regular(planner, &spec);
    if (rel == NULL)
        return (Bound){0};
    Bound bound = bound_make(planner, rel, &rel->node.schema, inputs->query->span);
    return bind_distinct(planner, bound, inputs->query->span);
}

/* ---- INTERSECT ALL, EXCEPT ALL --------------------------------------------------------- */

static Expr *counted_number(Planner *planner, int64_t value)
{
    Type type = type_not_null(type_simple(TYPE_BIGINT));
    return expr_literal(planner->arena, (Value){.type = type, .integer = value});
}

static Expr *counted_call(Planner *planner, const char *name, Expr *a, Expr *b)
{
    ExprBinder binder = {.planner = planner, .place = "a set operation"};
    Expr **args = ARENA_ARRAY(planner->arena, Expr *, 2);
    args[0] = a;
    args[1] = b;
    return bind_function(&binder, name, args, 2, (Span){0});
}

/* The input with two numbers behind its columns: 1 and 0 on the left, 0 and 1 on the right. */
static Rel *counted_input(SetInputs *inputs, int32_t input, Schema *out)
{
    Planner *planner = inputs->planner;
    Rel *rel = set_input(inputs, input);
    int32_t count = inputs->schema.count;
    Expr **exprs = ARENA_ARRAY(planner->arena, Expr *, count + 2);
    Field *fields = ARENA_ARRAY(planner->arena, Field, count + 2);
    for (int32_t i = 0; i < count; i++) {
        fields[i] = inputs->schema.fields[i];
        fields[i].type = type_plain(fields[i].type);
        exprs[i] = expr_column(planner->arena, i, fields[i].type);
    }
    for (int32_t i = 0; i < 2; i++) {
        exprs[count + i] = counted_number(planner, input == i);
        fields[count + i] = (Field){.type = exprs[count + i]->type};
        fields[count + i].name = i == 0 ? STR("$left") : STR("$right");
    }
    *out = (Schema){.fields = fields, .count = count + 2};
    return rel_calc(planner, rel, NULL, exprs, out);
}

/* SUM of one of the numbers, as a column of a group. */
static Expr *counted_sum(Planner *planner, GroupQuery *group, int32_t column)
{
    AggregateUse *use = ARENA_NEW(planner->arena, AggregateUse);
    Type type = group->input.schema.fields[column].type;
    *use = (AggregateUse){.name = STR("SUM"), .arg_count = 1, .span = group->span};
    use->args[0] = expr_column(planner->arena, column, type);
    Error error = {0};
    Status status =
        aggregate_bind(use->name, planner->arena, &type, 1, false, false, &use->call, &error);
    assert(status == OK);
    list_append(&group->aggregates, planner->arena, use);
    return expr_column(planner->arena, AGGREGATE_COLUMN_FIRST + group->aggregates.count - 1,
                       use->call->result);
}

/* How often the row is to come. */
static Expr *counted_times(Planner *planner, const SqlQuery *query, Expr *left, Expr *right)
{
    return query->kind == SQL_EXCEPT ? counted_call(planner, "-", left, right)
                                     : counted_call(planner, "LEAST", left, right);
}

static Bound set_counted(SetInputs *inputs)
{
    Planner *planner = inputs->planner;
    int32_t width = inputs->schema.count;
    Schema schema;
    Rel *sides[2] = {counted_input(inputs, 0, &schema), counted_input(inputs, 1, &schema)};
    Rel *both = union_rel(inputs, sides, 2, &schema);
    GroupQuery group = {.span = inputs->query->span};
    group.input = bound_make(planner, both, &schema, group.span);
    group.items = ARENA_ARRAY(planner->arena, Expr *, width + 1);
    Field *fields = ARENA_ARRAY(planner->arena, Field, width + 1);
    for (int32_t i = 0; i < width; i++) {
        group.items[i] = expr_column(planner->arena, i, schema.fields[i].type);
        fields[i] = schema.fields[i];
        list_append(&group.keys, planner->arena, group.items[i]);
    }
    Expr *left = counted_sum(planner, &group, width),
         *right = counted_sum(planner, &group, width + 1);
    group.items[width] = counted_times(planner, inputs->query, left, right);
    group.having = counted_call(planner, ">", group.items[width], counted_number(planner, 0));
    fields[width] = (Field){STR("$times"), group.items[width]->type};
    group.item_count = width + 1;
    group.schema = (Schema){.fields = fields, .count = width + 1};
    Bound counted = bind_group(planner, &group);
    if (counted.rel == NULL)
        return counted;
    schema = (Schema){.fields = fields, .count = width};
    Rel *rel = rel_new(planner, PLAN_REPLICATE, &schema, &counted.rel, 1);
    return bound_make(planner, rel_intern(planner, rel), &schema, group.span);
}

Bound bind_set(Planner *planner, const SqlQuery *query)
{
    SetInputs inputs = {.planner = planner, .query = query};
    set_gather(&inputs, query, true);
    if (!set_bind_inputs(&inputs) || !set_check_widths(&inputs))
        return (Bound){0};
    for (int32_t i = 0; i < inputs.queries.count; i++) {
        if (rel_has_outer(inputs.bounds[i].rel)) {
            EXTENSION(planner, OUTER_SET, query->span, set_name(query));
            break;
        }
    }
    if (!set_types(&inputs))
        return set_bound(&inputs, inputs.bounds[0].rel);
    if (query->kind == SQL_UNION)
        return set_union(&inputs);
    return query->set.is_all ? set_counted(&inputs) : set_joined(&inputs);
}
