/* The tree of FROM becomes Rels: conditions are split into keys and the rest, and the operator of
 * each join is chosen. */
#include <assert.h>

#include "plan/join_time.h"
#include "plan/subquery.h"

/* ---- Conditions ------------------------------------------------------------------------ */

typedef enum Side { SIDE_NONE, SIDE_LEFT, SIDE_RIGHT, SIDE_BOTH } Side;

static Side expr_side(const Expr *expr, int32_t left_count)
{
    if (expr->kind == EXPR_COLUMN)
        return expr_outer_depth(expr) > 0  ? SIDE_BOTH
               : expr->column < left_count ? SIDE_LEFT
                                           : SIDE_RIGHT;
    Side side = SIDE_NONE;
    for (int32_t i = 0; i < expr->arg_count; i++)
        side = (Side)((int)side | (int)expr_side(expr->args[i], left_count));
    return side;
}

static Expr *expr_of_side(Planner *planner, const JoinSpec *spec, Expr *expr, Side side)
{
    if (side == SIDE_LEFT)
        return expr;
    int32_t left = spec->left->node.schema.count;
    const Schema *schema = &spec->right->node.schema;
    Expr **columns = ARENA_ARRAY(planner->arena, Expr *, left + schema->count + 1);
    for (int32_t i = 0; i < schema->count; i++)
        columns[left + i] = expr_column(planner->arena, i, schema->fields[i].type);
    return expr_substitute(planner->arena, expr, columns);
}

/* Equal values are equal bytes. `=` has brought its arguments to one type; only decimals of too
 * many digits stay as they are. */
static bool types_meet(Type a, Type b)
{
    return type_equal(type_nullable(type_plain(a)), type_nullable(type_plain(b)));
}

/* a = b with a of one side and b of the other. */
static bool join_take_key(Planner *planner, JoinSpec *spec, const Expr *conjunct)
{
    if (conjunct->kind != EXPR_CALL || conjunct->arg_count != 2)
        return false;
    Str name = str_from(function_name(conjunct->function));
    bool is_null_matched = str_is(name, "IS NOT DISTINCT FROM");
    if (!is_null_matched && !str_is(name, "="))
        return false;
    int32_t left_count = spec->left->node.schema.count;
    Expr *left = conjunct->args[0], *right = conjunct->args[1];
    Side left_side = expr_side(left, left_count), right_side = expr_side(right, left_count);
    if (left_side == SIDE_RIGHT && right_side == SIDE_LEFT) {
        left = conjunct->args[1];
        right = conjunct->args[0];
    } else if (left_side != SIDE_LEFT || right_side != SIDE_RIGHT) {
        return false;
    }
    if (!expr_is_deterministic(conjunct) || !types_meet(left->type, right->type))
        return false;
    JoinKey *key = ARENA_NEW(planner->arena, JoinKey);
    *key = (JoinKey){.left = left, .is_null_matched = is_null_matched};
    key->right = expr_of_side(planner, spec, right, SIDE_RIGHT);
    for (int32_t i = 0; i < spec->keys.count; i++) {
        const JoinKey *known = LIST_AT(spec->keys, i, JoinKey);
        if (expr_equal(known->left, key->left) && expr_equal(known->right, key->right))
            return true;
    }
    list_append(&spec->keys, planner->arena, key);
    return true;
}

void join_split(Planner *planner, const List *conditions, JoinSpec *spec)
{
    for (int32_t i = 0; i < conditions->count; i++) {
        Expr *conjunct = LIST_AT(*conditions, i, Expr);
        if (!join_take_key(planner, spec, conjunct))
            list_append(&spec->others, planner->arena, conjunct);
    }
}

/* ---- Building -------------------------------------------------------------------------- */

static JoinSpec from_spec(const From *join, Rel *left, Rel *right)
{
    return (JoinSpec){.kind = join->kind,
                      .span = join->span,
                      .left = left,
                      .right = right,
                      .left_ast = join->left->ast,
                      .right_ast = join->right->ast,
                      .as_of = join->as_of,
                      .schema = join->scope.schema};
}

static bool spec_has_outer(const JoinSpec *spec)
{
    for (int32_t i = 0; i < spec->others.count; i++) {
        if (expr_has_outer(LIST_AT(spec->others, i, Expr)))
            return true;
    }
    return false;
}

/* A condition that refers to a query further out will be taken out of the join again. */
static Rel *join_sides(Planner *planner, const JoinSpec *spec)
{
    return spec_has_outer(spec) ? join_regular(planner, spec) : join_choose(planner, spec);
}

static Rel *from_join_sides(Planner *planner, From *join, Rel *left, Rel *right)
{
    JoinSpec spec = from_spec(join, left, right);
    join_split(planner, &join->conditions, &spec);
    return join_sides(planner, &spec);
}

/* ---- LATERAL --------------------------------------------------------------------------- */

/* The join's columns: those of left as they are, those of right as the pulled query has them. */
static Expr **lateral_columns(Planner *planner, const From *join, const Pulled *pulled)
{
    int32_t left = join->left->scope.schema.count, right = join->right->scope.schema.count;
    Expr **columns = ARENA_ARRAY(planner->arena, Expr *, left + right + 1);
    for (int32_t i = 0; i < left; i++)
        columns[i] = expr_column(planner->arena, i, join->left->scope.schema.fields[i].type);
    for (int32_t i = 0; i < right; i++)
        columns[left + i] = pulled_expr(planner, pulled->columns[i], left);
    return columns;
}

/* ON over the row that LEFT JOIN LATERAL always finds: its columns are NULL where that is not TRUE.
 * The conditions over the columns of the join are used up. */
static void lateral_pad_one_row(Planner *planner, const From *join, const List *conditions,
                                Expr **columns)
{
    Expr *condition = NULL;
    for (int32_t i = 0; i < conditions->count; i++)
        condition =
            expr_and(planner->arena, condition,
                     expr_substitute(planner->arena, LIST_AT(*conditions, i, Expr), columns));
    int32_t left = join->left->scope.schema.count;
    for (int32_t i = 0; condition != NULL && i < join->right->scope.schema.count; i++)
        columns[left + i] = subquery_if(planner, condition, columns[left + i], join->span);
}

/* The output: names and types of the scope, nullable where a join pads it. */
static Rel *lateral_project(Planner *planner, const From *join, Rel *rel, Expr **columns)
{
    Expr **joined = rel_columns(planner, &rel->node.schema);
    int32_t count = join->scope.schema.count;
    Field *fields = ARENA_ARRAY(planner->arena, Field, count + 1);
    Map *taken = map_new(planner->arena);
    for (int32_t i = 0; i < count; i++) {
        columns[i] = expr_substitute(planner->arena, columns[i], joined);
        fields[i] = (Field){.type = columns[i]->type};
        fields[i].name = field_name_add(planner, taken, join->scope.schema.fields[i].name);
    }
    Schema schema = {.fields = fields, .count = count};
    return rel_calc(planner, rel, NULL, columns, &schema);
}

static Rel *lateral_filter(Planner *planner, Rel *rel, const List *conjuncts)
{
    Expr *filter = NULL;
    for (int32_t i = 0; i < conjuncts->count; i++)
        filter = expr_and(planner->arena, filter, LIST_AT(*conjuncts, i, Expr));
    const Schema *schema = &rel->node.schema;
    return rel_calc(planner, rel, filter, rel_columns(planner, schema), schema);
}

static Rel *from_join_lateral(Planner *planner, From *join, Rel *left, Rel *right)
{
    Arena *arena = planner->arena;
    Pulled pulled;
    if (join->kind != JOIN_INNER && join->kind != JOIN_LEFT) {
        planner_unsupported(planner, join->span, "LATERAL on the right of RIGHT or FULL JOIN");
        return NULL;
    }
    portable_lateral(planner, join, left, right);
    Around around = {.rel = left};
    if (!rel_pull(planner, right, &around, join->right->span, &pulled))
        return NULL;
    if (pulled.rel->node.kind == PLAN_VALUES)
        EXTENSION(planner, LATERAL_ROW, join->right->span, NULL);
    pulled_narrow(planner, &pulled);
    bool is_left = join->kind == JOIN_LEFT;
    if (is_left && !pulled.is_one_row)
        pulled_pad(planner, &pulled, join->span);
    Expr **columns = lateral_columns(planner, join, &pulled);
    List conditions = {0}, on = join->conditions, filters = {0};
    int32_t width = left->node.schema.count;
    for (int32_t i = 0; i < pulled.conditions.count; i++)
        list_append(&conditions, arena,
                    pulled_expr(planner, LIST_AT(pulled.conditions, i, Expr), width));
    if (pulled.is_one_row) {
        if (is_left)
            lateral_pad_one_row(planner, join, &on, columns);
        else
            filters = on;
        on = (List){0};
    }
    for (int32_t i = 0; i < on.count; i++) {
        Expr *conjunct = expr_substitute(arena, LIST_AT(on, i, Expr), columns);
        list_append(&conditions, arena, conjunct);
    }
    if (pulled.rel->node.kind == PLAN_VALUES && conditions.count == 0 && !is_left)
        return lateral_project(planner, join, left, columns);
    const Rel *sides[2] = {left, pulled.rel};
    From joined = {.kind = pulled.is_one_row ? JOIN_LEFT : join->kind,
                   .span = join->span,
                   .left = join->left,
                   .right = join->right};
    JoinSpec spec = from_spec(&joined, left, pulled.rel);
    spec.schema = schema_concat(arena, &sides[0]->node.schema, &sides[1]->node.schema);
    for (int32_t i = width; spec.kind == JOIN_LEFT && i < spec.schema.count; i++)
        ((Field *)spec.schema.fields)[i].type.is_nullable = true;
    join_split(planner, &conditions, &spec);
    Rel *rel = join_sides(planner, &spec);
    if (rel == NULL)
        return NULL;
    return lateral_filter(planner, lateral_project(planner, join, rel, columns), &filters);
}

static Rel *from_build_join(Planner *planner, From *join)
{
    Rel *left = from_build(planner, join->left);
    if (left != NULL && join->right->collection != NULL)
        return unnest_build_join(planner, join, left);
    Rel *right = from_build(planner, join->right);
    if (left == NULL || right == NULL)
        return NULL;
    if (join->is_lateral && rel_has_outer(right))
        return from_join_lateral(planner, join, left, right);
    return from_join_sides(planner, join, left, right);
}

/* The types that the columns have now, under the names they had. */
static void from_retype(Planner *planner, From *from, const Rel *rel)
{
    const Schema *names = &from->scope.schema;
    assert(names->count == rel->node.schema.count);
    Field *fields = ARENA_ARRAY(planner->arena, Field, names->count + 1);
    for (int32_t i = 0; i < names->count; i++)
        fields[i] = (Field){names->fields[i].name, rel->node.schema.fields[i].type};
    Schema schema = {.fields = fields, .count = names->count};
    scope_retype(planner, &from->scope, &schema);
}

Rel *from_build(Planner *planner, From *from)
{
    assert(!from->scope.is_broken);
    Rel *rel = from->left == NULL ? from->rel : from_build_join(planner, from);
    if (from->collection != NULL)
        rel = unnest_build(planner, from);
    Expr *filter = NULL;
    for (int32_t i = 0; i < from->filters.count; i++)
        filter = expr_and(planner->arena, filter, LIST_AT(from->filters, i, Expr));
    if (rel != NULL && filter != NULL)
        rel = rel_calc(planner, rel, filter, rel_columns(planner, &rel->node.schema),
                       &rel->node.schema);
    if (rel != NULL && from->left != NULL)
        from_retype(planner, from, rel);
    return rel;
}

/* ---- The regular join ------------------------------------------------------------------ */

/* The side with its keys among its columns: those that are computed come behind the others. */
static Rel *regular_side(Planner *planner, const JoinSpec *spec, bool is_left, ColumnList *keys)
{
    Rel *rel = is_left ? spec->left : spec->right;
    const Schema *schema = &rel->node.schema;
    int32_t count = schema->count, key_count = spec->keys.count;
    Expr **exprs = ARENA_ARRAY(planner->arena, Expr *, count + key_count + 1);
    Field *fields = ARENA_ARRAY(planner->arena, Field, count + key_count + 1);
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, key_count + 1);
    Expr **passed = rel_columns(planner, schema);
    for (int32_t i = 0; i < count; i++) {
        exprs[i] = passed[i];
        fields[i] = schema->fields[i];
    }
    for (int32_t k = 0; k < key_count; k++) {
        const JoinKey *key = LIST_AT(spec->keys, k, JoinKey);
        Expr *expr = is_left ? key->left : key->right;
        columns[k] = 0;
        while (columns[k] < count && !expr_equal(exprs[columns[k]], expr))
            columns[k]++;
        if (columns[k] < count)
            continue;
        Str name = str_from(arena_printf(planner->arena, "$k%d", k));
        fields[count] = (Field){.name = name, .type = type_plain(expr->type)};
        exprs[count++] = expr;
    }
    *keys = (ColumnList){.columns = columns, .count = key_count};
    Schema extended = {.fields = fields, .count = count};
    return rel_calc(planner, rel, NULL, exprs, &extended);
}

/* Output columns: those of the inputs without the computed keys. Time goes no further as such. */
static void regular_outputs(Planner *planner, const JoinSpec *spec, int32_t left_width,
                            int32_t *outputs, Field *fields)
{
    int32_t left = spec->left->node.schema.count;
    Map *taken = map_new(planner->arena);
    for (int32_t i = 0; i < spec->schema.count; i++) {
        outputs[i] = i < left ? i : left_width + i - left;
        fields[i] = spec->schema.fields[i];
        fields[i].type = type_plain(fields[i].type);
        fields[i].name = field_name_add(planner, taken, fields[i].name);
    }
}

/* The conjuncts over the columns of the extended left side, then of the right. */
static Expr *regular_condition(Planner *planner, const JoinSpec *spec, int32_t left_width)
{
    int32_t left = spec->left->node.schema.count, right = spec->right->node.schema.count;
    Expr **columns = ARENA_ARRAY(planner->arena, Expr *, left + right + 1);
    for (int32_t i = 0; i < left + right; i++) {
        const Rel *rel = i < left ? spec->left : spec->right;
        Type type = rel->node.schema.fields[i < left ? i : i - left].type;
        columns[i] = expr_column(planner->arena, i < left ? i : left_width + i - left, type);
    }
    Expr *condition = NULL;
    for (int32_t i = 0; i < spec->others.count; i++)
        condition =
            expr_and(planner->arena, condition,
                     expr_substitute(planner->arena, LIST_AT(spec->others, i, Expr), columns));
    return condition;
}

Rel *join_regular(Planner *planner, const JoinSpec *spec)
{
    if (spec->as_of != NULL) {
        planner_unsupported(planner, spec->span, "FOR SYSTEM_TIME AS OF");
        return NULL;
    }
    ColumnList keys[2];
    Rel *inputs[2] = {regular_side(planner, spec, true, &keys[0]),
                      regular_side(planner, spec, false, &keys[1])};
    int32_t left_width = inputs[0]->node.schema.count;
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, spec->schema.count + 1);
    Field *fields = ARENA_ARRAY(planner->arena, Field, spec->schema.count + 1);
    regular_outputs(planner, spec, left_width, columns, fields);
    bool *matches_null = ARENA_ARRAY(planner->arena, bool, spec->keys.count + 1);
    for (int32_t k = 0; k < spec->keys.count; k++)
        matches_null[k] = LIST_AT(spec->keys, k, JoinKey)->is_null_matched;
    Schema schema = {.fields = fields, .count = spec->schema.count};
    Rel *rel = rel_new(planner, PLAN_REGULAR_JOIN, &schema, inputs, 2);
    rel->span = spec->span;
    rel->node.regular_join.join = (PlanJoin){
        .kind = spec->kind,
        .keys = {keys[0], keys[1]},
        .matches_null = matches_null,
        .condition = regular_condition(planner, spec, left_width),
        .columns = columns,
    };
    rel->node.regular_join.state_ttl_us[0] = state_ttl_us(planner, planner->hints, spec->left_ast);
    rel->node.regular_join.state_ttl_us[1] = state_ttl_us(planner, planner->hints, spec->right_ast);
    return rel_intern(planner, rel);
}

/* ---- Choosing -------------------------------------------------------------------------- */

/* The operators that know a form of join, the particular ones first. Each gives NULL for a spec
 * that is not of its form, and may make a report of one that is, but cannot be computed. */
typedef Rel *(*JoinChooser)(Planner *planner, const JoinSpec *spec);

Rel *join_choose(Planner *planner, const JoinSpec *spec)
{
    static const JoinChooser choosers[] = {join_lookup, join_temporal, join_window, join_interval,
                                           join_regular};
    int32_t errors = diagnostics_mistake_count(planner->diagnostics);
    for (size_t i = 0; i < sizeof choosers / sizeof choosers[0]; i++) {
        Rel *rel = choosers[i](planner, spec);
        if (rel != NULL || diagnostics_mistake_count(planner->diagnostics) > errors)
            return rel;
    }
    return NULL;
}
