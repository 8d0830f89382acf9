/* Outer columns out of a relation: conditions that have them go up to its top, operator by
 * operator.
 *
 *     CALC            its expressions go along, as far as there is no need to compute them
 *     join            conditions of an input whose rows it does not pad
 *     GROUP BY        `inner = outer` makes inner a key; the condition goes on with the key
 *     one row at most the same
 *     OVER            the same, with the key in PARTITION BY: Top-N per outer row
 *
 * Everything else that has an outer column below or in it is refused. */
#include <assert.h>

#include "plan/subquery.h"

bool rel_has_outer(const Rel *rel)
{
    const PlanNode *node = &rel->node;
    if (node->kind == PLAN_CALC) {
        if (node->calc.filter != NULL && expr_has_outer(node->calc.filter))
            return true;
        for (int32_t i = 0; node->calc.exprs != NULL && i < node->schema.count; i++) {
            if (expr_has_outer(node->calc.exprs[i]))
                return true;
        }
    }
    if (node->kind == PLAN_VALUES) {
        for (int32_t i = 0; i < node->values.row_count * node->schema.count; i++) {
            if (expr_has_outer(node->values.rows[i]))
                return true;
        }
    }
    if (node->kind == PLAN_REGULAR_JOIN && node->regular_join.join.condition != NULL &&
        expr_has_outer(node->regular_join.join.condition))
        return true;
    for (int32_t i = 0; i < node->input_count; i++) {
        if (rel_has_outer(rel_input(rel, i)))
            return true;
    }
    return false;
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

void pulled_narrow(Planner *planner, int32_t column_count, Pulled *pulled)
{
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

/* ---- Helpers --------------------------------------------------------------------------- */

static bool pull_refuse(Planner *planner, Span span, const char *what)
{
    planner_unsupported(planner, span,
                        arena_printf(planner->arena,
                                     "a subquery that refers to the query around "
                                     "it from within %s",
                                     what));
    return false;
}

static void pull_nothing(Planner *planner, Rel *rel, Pulled *out)
{
    *out = (Pulled){.rel = rel, .columns = rel_columns(planner, &rel->node.schema)};
}

static bool exprs_have_outer(const List *exprs)
{
    for (int32_t i = 0; i < exprs->count; i++) {
        if (expr_has_outer(LIST_AT(*exprs, i, Expr)))
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

static bool pull_calc(Planner *planner, Rel *rel, Span span, Pulled *out)
{
    Arena *arena = planner->arena;
    Pulled in;
    if (!rel_pull(planner, rel_input(rel, 0), span, &in))
        return false;
    *out = in;
    List conjuncts = {0};
    if (rel->node.calc.filter != NULL)
        expr_conjuncts(arena, expr_substitute(arena, rel->node.calc.filter, in.columns),
                       &conjuncts);
    const Schema *schema = &in.rel->node.schema;
    if (in.is_one_row && conjuncts.count > 0 && !pull_filter_is_safe(&conjuncts, schema->count))
        return pull_refuse(planner, span, "an aggregate with a filter above it");
    out->is_one_row = in.is_one_row && conjuncts.count == 0;
    Expr *filter = NULL;
    for (int32_t i = 0; i < conjuncts.count; i++) {
        Expr *conjunct = LIST_AT(conjuncts, i, Expr);
        if (expr_has_outer(conjunct))
            list_append(&out->conditions, arena, conjunct);
        else
            filter = expr_and(arena, filter, conjunct);
    }
    if (filter != NULL)
        out->rel = rel_calc(planner, in.rel, filter, rel_columns(planner, schema), schema);
    if (rel->node.calc.exprs == NULL)
        return true;
    out->columns = ARENA_ARRAY(arena, Expr *, rel->node.schema.count + 1);
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        out->columns[i] = expr_substitute(arena, rel->node.calc.exprs[i], in.columns);
    return true;
}

/* SELECT without FROM. */
static bool pull_values(Planner *planner, Rel *rel, Span span, Pulled *out)
{
    if (rel->node.values.row_count != 1)
        return pull_refuse(planner, span, "VALUES");
    Type type = type_not_null(type_simple(TYPE_BOOLEAN));
    Field *field = ARENA_NEW(planner->arena, Field);
    *field = (Field){.name = STR("$row"), .type = type};
    Schema schema = {.fields = field, .count = 1};
    Expr **cell = ARENA_ARRAY(planner->arena, Expr *, 1);
    cell[0] = expr_literal(planner->arena, (Value){.type = type, .integer = 1});
    Rel *row = rel_new(planner, PLAN_VALUES, &schema, NULL, 0);
    row->node.values.rows = cell;
    row->node.values.row_count = 1;
    *out = (Pulled){.rel = rel_intern(planner, row)};
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

static bool pull_join_keys(Planner *planner, const Rel *rel, const Pulled *left,
                           const Pulled *right, JoinSpec *spec)
{
    const PlanJoin *join = &rel->node.regular_join.join;
    for (int32_t k = 0; k < join->keys[0].count; k++) {
        JoinKey *key = ARENA_NEW(planner->arena, JoinKey);
        key->left = left->columns[join->keys[0].columns[k]];
        key->right = right->columns[join->keys[1].columns[k]];
        key->is_null_matched = join->matches_null != NULL && join->matches_null[k];
        if (expr_has_outer(key->left) || expr_has_outer(key->right))
            return false;
        list_append(&spec->keys, planner->arena, key);
    }
    return true;
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

static bool pull_join(Planner *planner, Rel *rel, Span span, Pulled *out)
{
    Arena *arena = planner->arena;
    const PlanJoin *join = &rel->node.regular_join.join;
    Pulled left, right;
    if (!rel_pull(planner, rel_input(rel, 0), span, &left) ||
        !rel_pull(planner, rel_input(rel, 1), span, &right))
        return false;
    bool is_inner = join->kind == JOIN_INNER;
    bool takes_left =
        is_inner || join->kind == JOIN_LEFT || join->kind == JOIN_SEMI || join->kind == JOIN_ANTI;
    if ((rel_has_outer(rel_input(rel, 0)) && !takes_left) ||
        (rel_has_outer(rel_input(rel, 1)) && !is_inner) || left.is_one_row || right.is_one_row)
        return pull_refuse(planner, span, "this join");
    Expr **both = pull_both(planner, rel, &left, &right);
    JoinSpec spec = {.kind = join->kind, .span = rel->span, .left = left.rel, .right = right.rel};
    List conjuncts = {0};
    if (join->condition != NULL)
        expr_conjuncts(arena, expr_substitute(arena, join->condition, both), &conjuncts);
    *out = (Pulled){.conditions = left.conditions};
    Expr **shifted = rel_columns_at(planner, &right.rel->node.schema, left.rel->node.schema.count);
    for (int32_t i = 0; i < right.conditions.count; i++)
        list_append(&out->conditions, arena,
                    expr_substitute(arena, LIST_AT(right.conditions, i, Expr), shifted));
    for (int32_t i = 0; i < conjuncts.count; i++) {
        Expr *conjunct = LIST_AT(conjuncts, i, Expr);
        list_append(expr_has_outer(conjunct) ? &out->conditions : &spec.others, arena, conjunct);
    }
    if ((exprs_have_outer(&conjuncts) && !is_inner) ||
        !pull_join_keys(planner, rel, &left, &right, &spec))
        return pull_refuse(planner, span, "the condition of this join");
    spec.schema = pull_join_schema(planner, join, &spec);
    out->rel = join_regular(planner, &spec);
    out->columns = ARENA_ARRAY(arena, Expr *, rel->node.schema.count + 1);
    for (int32_t i = 0; out->rel != NULL && i < rel->node.schema.count; i++)
        out->columns[i] = both[join->columns[i]];
    return out->rel != NULL;
}

/* ---- Keys ------------------------------------------------------------------------------ */

/* outer = inner; which argument is which. */
static bool condition_is_key(const Expr *condition, Expr **outer, Expr **inner)
{
    if (condition->kind != EXPR_CALL || condition->arg_count != 2)
        return false;
    Str name = str_from(function_name(condition->function));
    if (!str_is(name, "=") && !str_is(name, "IS NOT DISTINCT FROM"))
        return false;
    for (int32_t i = 0; i < 2; i++) {
        *outer = condition->args[i];
        *inner = condition->args[1 - i];
        if (!expr_has_inner(*outer) && expr_has_outer(*outer) && !expr_has_outer(*inner) &&
            expr_has_inner(*inner))
            return expr_is_deterministic(condition);
    }
    return false;
}

static Expr *condition_with_key(Planner *planner, const Expr *condition, Expr *inner, Expr *key)
{
    Expr *copy = arena_copy(planner->arena, condition, (int64_t)sizeof *condition);
    copy->args = ARENA_ARRAY(planner->arena, Expr *, 2);
    for (int32_t i = 0; i < 2; i++)
        copy->args[i] = condition->args[i] == inner ? key : condition->args[i];
    return copy;
}

/* Columns computed below an operator with keys: those it has, then those that conditions add. */
typedef struct PullKeys {
    GroupColumns columns; /* of the new input */
    int32_t *added;       /* its columns that are new keys */
    int32_t added_count;
    List inner; /* Expr, one for each condition; NULL: it has no inner columns */
    List outer_conditions;
} PullKeys;

static bool pull_keys(Planner *planner, const Pulled *in, PullKeys *keys)
{
    keys->added = ARENA_ARRAY(planner->arena, int32_t, in->conditions.count + 1);
    for (int32_t i = 0; i < in->conditions.count; i++) {
        Expr *condition = LIST_AT(in->conditions, i, Expr), *outer, *inner;
        if (!expr_has_inner(condition)) {
            list_append(&keys->inner, planner->arena, condition);
            continue;
        }
        if (!condition_is_key(condition, &outer, &inner))
            return false;
        list_append(&keys->inner, planner->arena, inner);
    }
    return true;
}

/* The conditions with the new keys, which the new operator gives out from column `first` on. */
static void pull_key_conditions(Planner *planner, const Pulled *in, PullKeys *keys,
                                const Schema *schema, int32_t first, List *out)
{
    for (int32_t i = 0; i < in->conditions.count; i++) {
        Expr *condition = LIST_AT(in->conditions, i, Expr);
        Expr *inner = LIST_AT(keys->inner, i, Expr);
        if (inner == condition) {
            list_append(out, planner->arena, condition);
            continue;
        }
        int32_t column = first;
        while (!expr_equal(LIST_AT(keys->columns.exprs, keys->added[column - first], Expr), inner))
            column++;
        Expr *key = expr_column(planner->arena, column, schema->fields[column].type);
        list_append(out, planner->arena, condition_with_key(planner, condition, inner, key));
    }
}

static void pull_add_keys(Planner *planner, const Pulled *in, PullKeys *keys)
{
    for (int32_t i = 0; i < in->conditions.count; i++) {
        Expr *inner = LIST_AT(keys->inner, i, Expr);
        if (inner == LIST_AT(in->conditions, i, Expr))
            continue;
        int32_t column = group_column(planner, &keys->columns, inner, (Str){0});
        bool is_known = false;
        for (int32_t k = 0; k < keys->added_count; k++)
            is_known |= keys->added[k] == column;
        if (!is_known)
            keys->added[keys->added_count++] = column;
    }
}

/* ---- GROUP BY -------------------------------------------------------------------------- */

/* Of no rows COUNT is 0, where the join gives NULL. */
static Expr *result_of_none(Planner *planner, const AggregateCall *call, Expr *result)
{
    if (call->result.is_nullable)
        return result;
    Expr **args = ARENA_ARRAY(planner->arena, Expr *, 2);
    args[0] = arena_copy(planner->arena, result, (int64_t)sizeof *result);
    args[0]->type.is_nullable = true;
    args[1] = expr_literal(planner->arena, (Value){.type = call->result});
    ExprBinder binder = {.planner = planner, .place = "a subquery"};
    return bind_function(&binder, "COALESCE", args, 2, (Span){0});
}

static bool pull_aggregate_args(Planner *planner, const Rel *rel, const Pulled *in, PullKeys *keys,
                                PlanAggregate *aggregates)
{
    int32_t count = rel->node.group_aggregate.aggregate_count;
    for (int32_t i = 0; i < count; i++) {
        aggregates[i] = rel->node.group_aggregate.aggregates[i];
        for (int32_t a = 0; a < aggregates[i].call->arg_count; a++) {
            Expr *arg = in->columns[aggregates[i].args[a]];
            if (expr_has_outer(arg))
                return false;
            aggregates[i].args[a] = group_column(planner, &keys->columns, arg, (Str){0});
        }
        if (aggregates[i].filter < 0)
            continue;
        Expr *filter = in->columns[aggregates[i].filter];
        if (expr_has_outer(filter))
            return false;
        aggregates[i].filter = group_column(planner, &keys->columns, filter, (Str){0});
    }
    return true;
}

/* The aggregation over the new input: its keys, those added, results. */
static Rel *pull_aggregate_rel(Planner *planner, const Rel *rel, PullKeys *keys,
                               const int32_t *old_keys, const PlanAggregate *aggregates)
{
    int32_t old_count = rel->node.group_aggregate.key_count;
    int32_t key_count = old_count + keys->added_count;
    int32_t count = key_count + rel->node.group_aggregate.aggregate_count;
    Rel *input = group_columns_rel(planner, &keys->columns, NULL);
    int32_t *all = ARENA_ARRAY(planner->arena, int32_t, key_count + 1);
    Field *fields = ARENA_ARRAY(planner->arena, Field, count + 1);
    for (int32_t i = 0; i < count; i++) {
        if (i >= key_count) {
            fields[i] = rel->node.schema.fields[i - keys->added_count];
            continue;
        }
        all[i] = i < old_count ? old_keys[i] : keys->added[i - old_count];
        fields[i] = input->node.schema.fields[all[i]];
        fields[i].type = type_plain(fields[i].type);
    }
    Schema schema = {.fields = fields, .count = count};
    Rel *grouped = rel_new(planner, PLAN_GROUP_AGGREGATE, &schema, &input, 1);
    grouped->span = rel->span;
    grouped->node.group_aggregate = rel->node.group_aggregate;
    grouped->node.group_aggregate.keys = all;
    grouped->node.group_aggregate.key_count = key_count;
    grouped->node.group_aggregate.aggregates = aggregates;
    return rel_intern(planner, grouped);
}

static bool pull_aggregate(Planner *planner, Rel *rel, Span span, Pulled *out)
{
    Pulled in;
    if (!rel_pull(planner, rel_input(rel, 0), span, &in))
        return false;
    PullKeys keys = {.columns = {.input = in.rel}};
    int32_t old_count = rel->node.group_aggregate.key_count;
    int32_t result_count = rel->node.group_aggregate.aggregate_count;
    int32_t *old_keys = ARENA_ARRAY(planner->arena, int32_t, old_count + 1);
    PlanAggregate *aggregates = ARENA_ARRAY(planner->arena, PlanAggregate, result_count + 1);
    bool is_good = !in.is_one_row && pull_keys(planner, &in, &keys);
    for (int32_t k = 0; is_good && k < old_count; k++) {
        Expr *key = in.columns[rel->node.group_aggregate.keys[k]];
        is_good = !expr_has_outer(key);
        if (is_good)
            old_keys[k] = group_column(planner, &keys.columns, key, (Str){0});
    }
    if (!is_good || !pull_aggregate_args(planner, rel, &in, &keys, aggregates))
        return pull_refuse(planner, span,
                           "GROUP BY, DISTINCT or an aggregate otherwise than by `=`");
    pull_add_keys(planner, &in, &keys);
    Rel *grouped = pull_aggregate_rel(planner, rel, &keys, old_keys, aggregates);
    const Schema *schema = &grouped->node.schema;
    *out = (Pulled){.rel = grouped, .is_one_row = old_count == 0};
    out->columns = ARENA_ARRAY(planner->arena, Expr *, old_count + result_count + 1);
    for (int32_t i = 0; i < old_count + result_count; i++) {
        int32_t at = i < old_count ? i : i + keys.added_count;
        out->columns[i] = expr_column(planner->arena, at, schema->fields[at].type);
        if (old_count == 0)
            out->columns[i] = result_of_none(planner, aggregates[i].call, out->columns[i]);
    }
    pull_key_conditions(planner, &in, &keys, schema, old_count, &out->conditions);
    return true;
}

/* ---- Rows that pass as they are, by keys ------------------------------------------------ */

/* The columns of the input as they come, with the keys that conditions add behind them. */
typedef struct PullRows {
    Pulled in;
    PullKeys keys;
    int32_t *places; /* of the old input's columns in the new one */
    Rel *input;
} PullRows;

static bool pull_rows(Planner *planner, Rel *rel, Span span, PullRows *rows)
{
    *rows = (PullRows){0};
    if (!rel_pull(planner, rel_input(rel, 0), span, &rows->in))
        return false;
    int32_t count = rel_input(rel, 0)->node.schema.count;
    rows->keys.columns.input = rows->in.rel;
    rows->places = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    bool is_good = !rows->in.is_one_row && pull_keys(planner, &rows->in, &rows->keys);
    for (int32_t i = 0; is_good && i < count; i++) {
        is_good = !expr_has_outer(rows->in.columns[i]);
        if (is_good)
            rows->places[i] =
                group_column(planner, &rows->keys.columns, rows->in.columns[i], (Str){0});
    }
    if (!is_good)
        return pull_refuse(planner, span,
                           "a query as a value or OVER otherwise than by `=` in WHERE");
    pull_add_keys(planner, &rows->in, &rows->keys);
    rows->input = group_columns_rel(planner, &rows->keys.columns, NULL);
    return true;
}

/* What the columns and conditions are over the output, which begins with the new input's. */
static void pull_rows_out(Planner *planner, const Rel *rel, PullRows *rows, Pulled *out)
{
    const Schema *schema = &out->rel->node.schema;
    int32_t old = rel_input(rel, 0)->node.schema.count, count = rel->node.schema.count;
    int32_t shift = rows->input->node.schema.count - old;
    out->columns = ARENA_ARRAY(planner->arena, Expr *, count + 1);
    for (int32_t i = 0; i < count; i++) {
        int32_t at = i < old ? rows->places[i] : i + shift;
        out->columns[i] = expr_column(planner->arena, at, schema->fields[at].type);
    }
    for (int32_t i = 0; i < rows->in.conditions.count; i++) {
        Expr *condition = LIST_AT(rows->in.conditions, i, Expr);
        Expr *inner = LIST_AT(rows->keys.inner, i, Expr);
        if (inner != condition) {
            int32_t at = group_column(planner, &rows->keys.columns, inner, (Str){0});
            Expr *key = expr_column(planner->arena, at, schema->fields[at].type);
            condition = condition_with_key(planner, condition, inner, key);
        }
        list_append(&out->conditions, planner->arena, condition);
    }
}

static bool pull_single(Planner *planner, Rel *rel, Span span, Pulled *out)
{
    PullRows rows;
    if (!pull_rows(planner, rel, span, &rows))
        return false;
    Rel *single = rel_new(planner, PLAN_SINGLE_ROW, &rows.input->node.schema, &rows.input, 1);
    single->span = rel->span;
    single->node.single_row = rel->node.single_row;
    single->node.single_row.keys =
        (ColumnList){.columns = rows.keys.added, .count = rows.keys.added_count};
    *out = (Pulled){.rel = rel_intern(planner, single), .is_one_row = true};
    pull_rows_out(planner, rel, &rows, out);
    return true;
}

static void pull_over_calls(Planner *planner, const Rel *rel, const PullRows *rows, Rel *over)
{
    int32_t count = rel->node.over.call_count;
    PlanOverCall *calls = ARENA_ARRAY(planner->arena, PlanOverCall, count + 1);
    for (int32_t i = 0; i < count; i++) {
        calls[i] = rel->node.over.calls[i];
        if (calls[i].function != OVER_AGGREGATE)
            continue;
        for (int32_t a = 0; a < calls[i].aggregate.call->arg_count; a++)
            calls[i].aggregate.args[a] = rows->places[calls[i].aggregate.args[a]];
        if (calls[i].aggregate.filter >= 0)
            calls[i].aggregate.filter = rows->places[calls[i].aggregate.filter];
    }
    SortColumn *order = ARENA_ARRAY(planner->arena, SortColumn, rel->node.over.order_count + 1);
    for (int32_t i = 0; i < rel->node.over.order_count; i++) {
        order[i] = rel->node.over.order[i];
        order[i].column = rows->places[order[i].column];
    }
    over->node.over.calls = calls;
    over->node.over.order = order;
}

static bool pull_over(Planner *planner, Rel *rel, Span span, Pulled *out)
{
    PullRows rows;
    if (!pull_rows(planner, rel, span, &rows))
        return false;
    int32_t old = rel_input(rel, 0)->node.schema.count;
    Schema results = {.fields = rel->node.schema.fields + old,
                      .count = rel->node.schema.count - old};
    Schema schema = schema_concat(planner->arena, &rows.input->node.schema, &results);
    Rel *over = rel_new(planner, PLAN_OVER, &schema, &rows.input, 1);
    over->span = rel->span;
    over->node.over = rel->node.over;
    int32_t count = rel->node.over.key_count;
    int32_t *keys = ARENA_ARRAY(planner->arena, int32_t, count + rows.keys.added_count + 1);
    for (int32_t i = 0; i < count; i++)
        keys[i] = rows.places[rel->node.over.keys[i]];
    for (int32_t i = 0; i < rows.keys.added_count; i++)
        keys[count + i] = rows.keys.added[i];
    over->node.over.keys = keys;
    over->node.over.key_count = count + rows.keys.added_count;
    pull_over_calls(planner, rel, &rows, over);
    *out = (Pulled){.rel = rel_intern(planner, over)};
    pull_rows_out(planner, rel, &rows, out);
    return true;
}

bool rel_pull(Planner *planner, Rel *rel, Span span, Pulled *out)
{
    if (!rel_has_outer(rel)) {
        pull_nothing(planner, rel, out);
        return true;
    }
    switch ((int)rel->node.kind) {
    case PLAN_CALC: return pull_calc(planner, rel, span, out);
    case PLAN_VALUES: return pull_values(planner, rel, span, out);
    case PLAN_REGULAR_JOIN: return pull_join(planner, rel, span, out);
    case PLAN_GROUP_AGGREGATE: return pull_aggregate(planner, rel, span, out);
    case PLAN_SINGLE_ROW: return pull_single(planner, rel, span, out);
    case PLAN_OVER: return pull_over(planner, rel, span, out);
    default: break;
    }
    return pull_refuse(planner, span, node_label(planner->arena, &rel->node));
}
