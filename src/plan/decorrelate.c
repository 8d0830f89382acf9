/* Outer columns out of a relation: conditions that have them go up to its top, operator by
 * operator.
 *
 *     CALC            its expressions go along, as far as there is no need to compute them
 *     inner join      conditions of both inputs and its own
 *     other joins     the left input is grounded, which makes the conditions of the right ones of
 *                     the join
 *     UNION           all inputs are grounded: the outer columns are columns of all
 *     GROUP BY, OVER, `inner = outer` makes inner a key; the condition goes on with the key
 *     LIMIT, one row  (decorrelate_keys.c)
 *
 * Where conditions cannot go on as they are, an input is grounded (decorrelate_ground.c).
 * Everything else that has an outer column below or in it is refused. */
#include "plan/decorrelate.h"

Expr *rel_expr(const Rel *rel, int32_t index)
{
    const PlanNode *node = &rel->node;
    switch ((int)node->kind) {
    case PLAN_CALC:
        if (index == 0 && node->calc.filter != NULL)
            return node->calc.filter;
        index -= node->calc.filter != NULL;
        return node->calc.exprs != NULL && index < node->schema.count ? node->calc.exprs[index]
                                                                      : NULL;
    case PLAN_VALUES:
        return index < node->values.row_count * node->schema.count ? node->values.rows[index]
                                                                   : NULL;
    case PLAN_REGULAR_JOIN: return index == 0 ? node->regular_join.join.condition : NULL;
    default: return NULL;
    }
}

static bool rel_find_outer(const Rel *rel)
{
    Expr *expr;
    for (int32_t i = 0; (expr = rel_expr(rel, i)) != NULL; i++) {
        if (expr_has_outer(expr))
            return true;
    }
    for (int32_t i = 0; i < rel->node.input_count; i++) {
        if (rel_has_outer(rel_input(rel, i)))
            return true;
    }
    return false;
}

bool rel_has_outer(Rel *rel)
{
    if (rel->has_outer == 0)
        rel->has_outer = rel_find_outer(rel) ? 1 : -1;
    return rel->has_outer > 0;
}

static void rel_collect(Planner *planner, Rel *rel, List *seen, List *out)
{
    for (int32_t i = 0; i < seen->count; i++) {
        if (LIST_AT(*seen, i, Rel) == rel)
            return;
    }
    if (!rel_has_outer(rel))
        return;
    list_append(seen, planner->arena, rel);
    Expr *expr;
    for (int32_t i = 0; (expr = rel_expr(rel, i)) != NULL; i++)
        outer_collect(planner, expr, out);
    for (int32_t i = 0; i < rel->node.input_count; i++)
        rel_collect(planner, rel_input(rel, i), seen, out);
}

void rel_collect_outer(Planner *planner, Rel *rel, List *out)
{
    List seen = {0};
    rel_collect(planner, rel, &seen, out);
}

Expr *pulled_expr(Planner *planner, Expr *expr, int32_t left_width)
{
    Arena *arena = planner->arena;
    if (expr->kind == EXPR_COLUMN) {
        int32_t depth = expr_outer_depth(expr), index = expr_outer_index(expr);
        Expr *column = depth == 0 ? expr_column(arena, left_width + index, expr->type)
                                  : expr_outer_column(arena, depth - 1, index, expr->type);
        column->span_start = expr->span_start;
        column->span_end = expr->span_end;
        return column;
    }
    if (expr->arg_count == 0)
        return expr;
    Expr *copy = arena_copy(arena, expr, (int64_t)sizeof *expr);
    copy->args = ARENA_ARRAY(arena, Expr *, expr->arg_count);
    for (int32_t i = 0; i < expr->arg_count; i++)
        copy->args[i] = pulled_expr(planner, expr->args[i], left_width);
    return copy;
}

void pulled_narrow(Planner *planner, Pulled *pulled)
{
    int32_t column_count = pulled->column_count;
    const Schema *schema = &pulled->rel->node.schema;
    bool *is_read = ARENA_ARRAY(planner->arena, bool, schema->count + 1);
    for (int32_t i = 0; i < column_count; i++)
        expr_mark_columns(pulled->columns[i], is_read);
    for (int32_t i = 0; i < pulled->conditions.count; i++)
        expr_mark_columns(LIST_AT(pulled->conditions, i, Expr), is_read);
    Expr **kept = ARENA_ARRAY(planner->arena, Expr *, schema->count + 1);
    Expr **moved = ARENA_ARRAY(planner->arena, Expr *, schema->count + 1);
    int32_t *places = ARENA_ARRAY(planner->arena, int32_t, schema->count + 1);
    int32_t count = 0;
    for (int32_t i = 0; i < schema->count; i++) {
        /* One column at least: a row of none cannot be told from none. */
        if (!is_read[i] && (count > 0 || i + 1 < schema->count))
            continue;
        moved[i] = expr_column(planner->arena, count, schema->fields[i].type);
        kept[count] = expr_column(planner->arena, i, schema->fields[i].type);
        places[count++] = i;
    }
    Schema narrowed = schema_pick(planner->arena, schema, places, count);
    pulled->rel = rel_calc(planner, pulled->rel, NULL, kept, &narrowed);
    Expr **columns = ARENA_ARRAY(planner->arena, Expr *, column_count + 1);
    for (int32_t i = 0; i < column_count; i++)
        columns[i] = expr_substitute(planner->arena, pulled->columns[i], moved);
    pulled->columns = columns;
    List conditions = {0};
    for (int32_t i = 0; i < pulled->conditions.count; i++)
        list_append(&conditions, planner->arena,
                    expr_substitute(planner->arena, LIST_AT(pulled->conditions, i, Expr), moved));
    pulled->conditions = conditions;
}

/* A relation that computes more behind its columns. */
typedef struct Padding {
    Planner *planner;
    Expr **exprs;
    Field *fields;
    int32_t count;
    Map *names; /* of the fields */
} Padding;

/* The expression as a column, which a join may pad. */
static Expr *padding_add(Padding *padding, Expr *expr)
{
    int32_t at = padding->count++;
    padding->exprs[at] = expr;
    padding->fields[at].type = type_plain(expr->type);
    padding->fields[at].name = field_name_add(padding->planner, padding->names, STR("$p"));
    return expr_column(padding->planner->arena, at, type_nullable(padding->fields[at].type));
}

/* What is computed without outer columns is computed below the join. For what has some, a column
 * that is TRUE says whether there is a row. */
void pulled_pad(Planner *planner, Pulled *pulled, Span span)
{
    const Schema *below = &pulled->rel->node.schema;
    int32_t width = below->count, room = width + pulled->column_count + 1;
    Padding padding = {.planner = planner, .count = width, .names = map_new(planner->arena)};
    padding.exprs = ARENA_ARRAY(planner->arena, Expr *, room);
    padding.fields = ARENA_ARRAY(planner->arena, Field, room);
    Expr **passed = rel_columns(planner, below), *is_there = NULL;
    for (int32_t i = 0; i < width; i++) {
        padding.exprs[i] = passed[i];
        padding.fields[i] = below->fields[i];
        (void)field_name_add(planner, padding.names, below->fields[i].name);
    }
    for (int32_t i = 0; i < pulled->column_count; i++) {
        Expr *column = pulled->columns[i];
        if (expr_is_null_when(column, 0, width))
            continue;
        if (!expr_has_outer(column)) {
            pulled->columns[i] = padding_add(&padding, column);
            continue;
        }
        if (is_there == NULL) {
            Value yes = {.type = type_not_null(type_simple(TYPE_BOOLEAN)), .integer = 1};
            Expr *mark = padding_add(&padding, expr_literal(planner->arena, yes));
            is_there = subquery_call(planner, "IS NOT NULL", mark, NULL, span);
        }
        pulled->columns[i] = subquery_if(planner, is_there, column, span);
    }
    Schema schema = {.fields = padding.fields, .count = padding.count};
    pulled->rel = rel_calc(planner, pulled->rel, NULL, padding.exprs, &schema);
}

/* ---- Helpers --------------------------------------------------------------------------- */

bool pull_refuse(Pull *pull, const char *what)
{
    planner_unsupported(pull->planner, pull->span,
                        arena_printf(pull->planner->arena,
                                     "a subquery that refers to the query around "
                                     "it from within %s",
                                     what));
    return false;
}

static void pull_nothing(Planner *planner, Rel *rel, Pulled *out)
{
    *out = (Pulled){.rel = rel,
                    .columns = rel_columns(planner, &rel->node.schema),
                    .column_count = rel->node.schema.count};
}

bool exprs_have_outer(const List *exprs)
{
    for (int32_t i = 0; i < exprs->count; i++) {
        if (expr_has_outer(LIST_AT(*exprs, i, Expr)))
            return true;
    }
    return false;
}

bool pulled_has_outer(const Pulled *pulled)
{
    for (int32_t i = 0; i < pulled->column_count; i++) {
        if (expr_has_outer(pulled->columns[i]))
            return true;
    }
    return false;
}

bool expr_has_inner(const Expr *expr)
{
    if (expr->kind == EXPR_COLUMN)
        return expr_outer_depth(expr) == 0;
    for (int32_t i = 0; i < expr->arg_count; i++) {
        if (expr_has_inner(expr->args[i]))
            return true;
    }
    return false;
}

/* ---- CALC, VALUES ---------------------------------------------------------------------- */

/* A filter over the row of an aggregate without keys: whether the row that stands for no rows
 * passes is not known here, unless it cannot. */
static bool pull_filter_is_safe(const List *conjuncts, int32_t width)
{
    for (int32_t i = 0; i < conjuncts->count; i++) {
        if (expr_rejects_nulls(LIST_AT(*conjuncts, i, Expr), 0, width))
            return true;
    }
    return false;
}

/* The conjuncts of the filter over the input; one that may let pass the row of no rows makes that
 * row one like others. */
static bool pull_conjuncts(Pull *pull, const Rel *rel, Pulled *in, List *out)
{
    Arena *arena = pull->planner->arena;
    if (rel->node.calc.filter == NULL)
        return true;
    expr_conjuncts(arena, expr_substitute(arena, rel->node.calc.filter, in->columns), out);
    if (!in->is_one_row || pull_filter_is_safe(out, in->rel->node.schema.count))
        return true;
    if (!pull_ground(pull, out, in, NULL, NULL))
        return false;
    *out = (List){0};
    expr_conjuncts(arena, expr_substitute(arena, rel->node.calc.filter, in->columns), out);
    return true;
}

static bool pull_calc(Pull *pull, Rel *rel, Pulled *out)
{
    Planner *planner = pull->planner;
    Arena *arena = planner->arena;
    List conjuncts = {0};
    if (!pull_rel(pull, rel_input(rel, 0), out) || !pull_conjuncts(pull, rel, out, &conjuncts))
        return false;
    out->is_one_row = out->is_one_row && conjuncts.count == 0;
    Expr *filter = NULL;
    for (int32_t i = 0; i < conjuncts.count; i++) {
        Expr *conjunct = LIST_AT(conjuncts, i, Expr);
        if (expr_has_outer(conjunct))
            list_append(&out->conditions, arena, conjunct);
        else
            filter = expr_and(arena, filter, conjunct);
    }
    const Schema *schema = &out->rel->node.schema;
    if (filter != NULL)
        out->rel = rel_calc(planner, out->rel, filter, rel_columns(planner, schema), schema);
    if (rel->node.calc.exprs == NULL)
        return true;
    Expr **columns = ARENA_ARRAY(arena, Expr *, rel->node.schema.count + 1);
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        columns[i] = expr_substitute(arena, rel->node.calc.exprs[i], out->columns);
    out->columns = columns;
    out->column_count = rel->node.schema.count;
    return true;
}

/* SELECT without FROM. */
static bool pull_values(Pull *pull, Rel *rel, Pulled *out)
{
    Planner *planner = pull->planner;
    if (rel->node.values.row_count != 1)
        return pull_refuse(pull, "VALUES");
    Type type = type_not_null(type_simple(TYPE_BOOLEAN));
    Field *field = ARENA_NEW(planner->arena, Field);
    *field = (Field){.name = STR("$row"), .type = type};
    Schema schema = {.fields = field, .count = 1};
    Expr **cell = ARENA_ARRAY(planner->arena, Expr *, 1);
    cell[0] = expr_literal(planner->arena, (Value){.type = type, .integer = 1});
    Rel *row = rel_new(planner, PLAN_VALUES, &schema, NULL, 0);
    row->node.values.rows = cell;
    row->node.values.row_count = 1;
    *out = (Pulled){.rel = rel_intern(planner, row), .column_count = rel->node.schema.count};
    out->columns = ARENA_ARRAY(planner->arena, Expr *, rel->node.schema.count + 1);
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        out->columns[i] = rel->node.values.rows[i];
    return true;
}

/* ---- Joins ----------------------------------------------------------------------------- */

/* The columns of both sides, over those of the new join. */
static Expr **pull_both(Planner *planner, const Rel *rel, const Pulled *left, const Pulled *right)
{
    Arena *arena = planner->arena;
    int32_t left_count = rel_input(rel, 0)->node.schema.count;
    int32_t right_count = rel_input(rel, 1)->node.schema.count;
    Expr **shifted =
        rel_columns_at(planner, &right->rel->node.schema, left->rel->node.schema.count);
    Expr **both = ARENA_ARRAY(arena, Expr *, left_count + right_count + 1);
    for (int32_t i = 0; i < left_count; i++)
        both[i] = left->columns[i];
    for (int32_t i = 0; i < right_count; i++)
        both[left_count + i] = expr_substitute(arena, right->columns[i], shifted);
    return both;
}

static void pull_join_keys(Planner *planner, const Rel *rel, const Pulled sides[2], JoinSpec *spec)
{
    const PlanJoin *join = &rel->node.regular_join.join;
    for (int32_t k = 0; k < join->keys[0].count; k++) {
        JoinKey *key = ARENA_NEW(planner->arena, JoinKey);
        key->left = sides[0].columns[join->keys[0].columns[k]];
        key->right = sides[1].columns[join->keys[1].columns[k]];
        key->is_null_matched = join->matches_null != NULL && join->matches_null[k];
        list_append(&spec->keys, planner->arena, key);
    }
}

/* Names and types of the new join's output. */
static Schema pull_join_schema(Planner *planner, const PlanJoin *join, const JoinSpec *spec)
{
    bool is_semi = join->kind == JOIN_SEMI || join->kind == JOIN_ANTI;
    Schema schema = spec->left->node.schema;
    if (is_semi)
        return schema;
    int32_t left = schema.count;
    schema = schema_concat(planner->arena, &schema, &spec->right->node.schema);
    Field *fields = (Field *)schema.fields;
    for (int32_t i = 0; i < schema.count; i++) {
        bool is_padded =
            join->kind == JOIN_FULL || join->kind == (i < left ? JOIN_RIGHT : JOIN_LEFT);
        fields[i].type.is_nullable |= is_padded;
    }
    return schema;
}

static bool pull_reads_outer(const Pulled *side, ColumnList keys)
{
    for (int32_t k = 0; k < keys.count; k++) {
        if (expr_has_outer(side->columns[keys.columns[k]]))
            return true;
    }
    return false;
}

/* The inputs, with columns that a join can have. */
static bool pull_sides(Pull *pull, const Rel *rel, Pulled sides[2])
{
    const PlanJoin *join = &rel->node.regular_join.join;
    for (int32_t i = 0; i < 2; i++) {
        if (!pull_rel(pull, rel_input(rel, i), &sides[i]))
            return false;
        bool is_plain = join->kind == JOIN_INNER ? !pull_reads_outer(&sides[i], join->keys[i])
                                                 : !pulled_has_outer(&sides[i]);
        if ((!is_plain || sides[i].is_one_row) && !pull_ground(pull, NULL, &sides[i], NULL, NULL))
            return false;
    }
    return true;
}

/* Conditions of the join: its own and those of its right input. */
static List pull_join_conjuncts(Planner *planner, const PlanJoin *join, const Pulled sides[2],
                                Expr *const *both)
{
    List conjuncts = {0};
    const Schema *right = &sides[1].rel->node.schema;
    Expr **shifted = rel_columns_at(planner, right, sides[0].rel->node.schema.count);
    for (int32_t i = 0; i < sides[1].conditions.count; i++)
        list_append(
            &conjuncts, planner->arena,
            expr_substitute(planner->arena, LIST_AT(sides[1].conditions, i, Expr), shifted));
    if (join->condition != NULL)
        expr_conjuncts(planner->arena, expr_substitute(planner->arena, join->condition, both),
                       &conjuncts);
    return conjuncts;
}

/* LEFT, SEMI, ANTI: with the outer columns among those of the left input, what refers to them is a
 * condition like others. */
static bool pull_join_grounded(Pull *pull, const Rel *rel, Pulled sides[2], Expr ***both,
                               List *conjuncts)
{
    Planner *planner = pull->planner;
    const PlanJoin *join = &rel->node.regular_join.join;
    List outer = {0}, values = {0};
    if (join->kind == JOIN_RIGHT || join->kind == JOIN_FULL)
        return pull_refuse(pull, "RIGHT or FULL JOIN");
    if (!pull_ground(pull, conjuncts, &sides[0], &outer, &values))
        return false;
    *both = pull_both(planner, rel, &sides[0], &sides[1]);
    *conjuncts = pull_join_conjuncts(planner, join, sides, *both);
    for (int32_t i = 0; i < conjuncts->count; i++)
        conjuncts->items[i] = outer_replace(planner, LIST_AT(*conjuncts, i, Expr), &outer, &values);
    return true;
}

static bool pull_join(Pull *pull, Rel *rel, Pulled *out)
{
    Planner *planner = pull->planner;
    Arena *arena = planner->arena;
    const PlanJoin *join = &rel->node.regular_join.join;
    Pulled sides[2];
    if (!pull_sides(pull, rel, sides))
        return false;
    bool pads_left = join->kind == JOIN_RIGHT || join->kind == JOIN_FULL;
    Expr **both = pull_both(planner, rel, &sides[0], &sides[1]);
    List conjuncts = pull_join_conjuncts(planner, join, sides, both);
    bool is_grounded = join->kind != JOIN_INNER && (exprs_have_outer(&conjuncts) ||
                                                    (pads_left && sides[0].conditions.count > 0));
    if (is_grounded && !pull_join_grounded(pull, rel, sides, &both, &conjuncts))
        return false;
    JoinSpec spec = {
        .kind = join->kind, .span = rel->span, .left = sides[0].rel, .right = sides[1].rel};
    *out = (Pulled){.conditions = sides[0].conditions, .column_count = rel->node.schema.count};
    pull_join_keys(planner, rel, sides, &spec);
    List inner = {0};
    for (int32_t i = 0; i < conjuncts.count; i++) {
        Expr *conjunct = LIST_AT(conjuncts, i, Expr);
        list_append(expr_has_outer(conjunct) ? &out->conditions : &inner, arena, conjunct);
    }
    join_split(planner, &inner, &spec);
    spec.schema = pull_join_schema(planner, join, &spec);
    out->rel = join_regular(planner, &spec);
    out->columns = ARENA_ARRAY(arena, Expr *, rel->node.schema.count + 1);
    for (int32_t i = 0; out->rel != NULL && i < rel->node.schema.count; i++)
        out->columns[i] = both[join->columns[i]];
    return out->rel != NULL;
}

/* ---- UNION ----------------------------------------------------------------------------- */

/* The input, grounded, with the outer columns in front of its own. */
static Rel *pull_union_input(Pull *pull, Pulled *in, const List *outer, Schema *schema)
{
    Planner *planner = pull->planner;
    List known = {0}, values = {0};
    if (!pull_ground(pull, outer, in, &known, &values))
        return NULL;
    Expr **exprs = ARENA_ARRAY(planner->arena, Expr *, schema->count + 1);
    Field *fields = (Field *)schema->fields;
    for (int32_t i = 0; i < schema->count; i++) {
        exprs[i] = i < outer->count
                       ? outer_replace(planner, LIST_AT(*outer, i, Expr), &known, &values)
                       : in->columns[i - outer->count];
        fields[i].type.is_nullable |= exprs[i]->type.is_nullable;
    }
    return rel_calc(planner, in->rel, NULL, exprs, schema);
}

static bool pull_union(Pull *pull, Rel *rel, Pulled *out)
{
    Planner *planner = pull->planner;
    int32_t count = rel->node.input_count;
    Pulled *inputs = ARENA_ARRAY(planner->arena, Pulled, count + 1);
    List outer = {0};
    for (int32_t i = 0; i < count; i++) {
        if (!pull_rel(pull, rel_input(rel, i), &inputs[i]))
            return false;
        for (int32_t c = 0; c < inputs[i].column_count; c++)
            outer_collect(planner, inputs[i].columns[c], &outer);
        for (int32_t c = 0; c < inputs[i].conditions.count; c++)
            outer_collect(planner, LIST_AT(inputs[i].conditions, c, Expr), &outer);
    }
    int32_t width = outer.count + rel->node.schema.count;
    Field *fields = ARENA_ARRAY(planner->arena, Field, width + 1);
    for (int32_t i = 0; i < width; i++) {
        bool is_outer = i < outer.count;
        Type type = is_outer ? LIST_AT(outer, i, Expr)->type
                             : rel->node.schema.fields[i - outer.count].type;
        fields[i].type = type_plain(type);
        fields[i].name = is_outer ? str_from(arena_printf(planner->arena, "$o%d", i))
                                  : rel->node.schema.fields[i - outer.count].name;
    }
    Schema schema = {.fields = fields, .count = width};
    Rel **sides = ARENA_ARRAY(planner->arena, Rel *, count + 1);
    for (int32_t i = 0; i < count; i++) {
        sides[i] = pull_union_input(pull, &inputs[i], &outer, &schema);
        if (sides[i] == NULL)
            return false;
    }
    *out = (Pulled){.rel = rel_intern(planner, rel_new(planner, PLAN_UNION, &schema, sides, count)),
                    .column_count = rel->node.schema.count};
    Expr **columns = rel_columns(planner, &schema);
    out->columns = columns + outer.count;
    for (int32_t i = 0; i < outer.count; i++)
        list_append(&out->conditions, planner->arena,
                    outer_condition(planner, LIST_AT(outer, i, Expr), columns[i]));
    return true;
}

/* ---- Windows --------------------------------------------------------------------------- */

/* Rows get their windows with all columns that the conditions read, whose numbers stay. */
static bool pull_assign(Pull *pull, Rel *rel, Pulled *out)
{
    Planner *planner = pull->planner;
    const PlanNode *node = &rel->node;
    int32_t old = node->schema.count - 3;
    if (!pull_rel(pull, rel_input(rel, 0), out))
        return false;
    const Expr *time = out->columns[node->window_assign.window.time_column];
    if (node->window_assign.window.kind == WINDOW_SESSION || out->is_one_row ||
        time->kind != EXPR_COLUMN || time->type.time_attribute == TIME_NONE)
        return pull_refuse(pull, node_label(planner->arena, node));
    int32_t width = out->rel->node.schema.count;
    Schema window = {.fields = node->schema.fields + old, .count = 3};
    Schema schema = schema_concat(planner->arena, &out->rel->node.schema, &window);
    Rel *assign = rel_new(planner, PLAN_WINDOW_ASSIGN, &schema, &out->rel, 1);
    assign->span = rel->span;
    assign->node.window_assign = node->window_assign;
    assign->node.window_assign.window.time_column = time->column;
    Expr **columns = ARENA_ARRAY(planner->arena, Expr *, old + 3);
    for (int32_t i = 0; i < old + 3; i++)
        columns[i] =
            i < old ? out->columns[i]
                    : expr_column(planner->arena, width + i - old, window.fields[i - old].type);
    out->rel = rel_intern(planner, assign);
    out->columns = columns;
    out->column_count = old + 3;
    return true;
}

/* ---- All ------------------------------------------------------------------------------- */

bool pull_rel(Pull *pull, Rel *rel, Pulled *out)
{
    if (!rel_has_outer(rel)) {
        pull_nothing(pull->planner, rel, out);
        return true;
    }
    if (pull->steps++ >= PLAN_RELS_MAX) {
        REPORT(pull->planner, "WR2039", pull->span, "the subquery is too large to plan");
        return false;
    }
    switch ((int)rel->node.kind) {
    case PLAN_CALC: return pull_calc(pull, rel, out);
    case PLAN_VALUES: return pull_values(pull, rel, out);
    case PLAN_REGULAR_JOIN: return pull_join(pull, rel, out);
    case PLAN_UNION: return pull_union(pull, rel, out);
    case PLAN_GROUP_AGGREGATE: return pull_aggregate(pull, rel, out);
    case PLAN_SINGLE_ROW: return pull_single(pull, rel, out);
    case PLAN_OVER: return pull_over(pull, rel, out);
    case PLAN_RANK: return pull_rank(pull, rel, out);
    case PLAN_WINDOW_ASSIGN: return pull_assign(pull, rel, out);
    /* What is joined has no order. */
    case PLAN_SORT: return pull_rel(pull, rel_input(rel, 0), out);
    default: break;
    }
    return pull_refuse(pull, node_label(pull->planner->arena, &rel->node));
}

bool rel_pull(Planner *planner, Rel *rel, const Around *around, Span span, Pulled *out)
{
    Pull pull = {.planner = planner, .around = around, .span = span};
    return pull_rel(&pull, rel, out);
}
