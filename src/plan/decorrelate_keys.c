/* Outer columns out of operators that see all rows of an outer row together.
 *
 * A condition `inner = outer` makes inner one of the operator's keys, and goes on with it. Where a
 * condition has another form, or the rows are made of outer columns, the input is grounded first.
 */
#include <assert.h>

#include "plan/decorrelate.h"

/* ---- Keys ------------------------------------------------------------------------------ */

bool condition_is_key(const Expr *condition, Expr **outer, Expr **inner)
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

static bool pulled_has_keys(const Pulled *in)
{
    for (int32_t i = 0; i < in->conditions.count; i++) {
        Expr *condition = LIST_AT(in->conditions, i, Expr), *outer, *inner;
        if (expr_has_inner(condition) && !condition_is_key(condition, &outer, &inner))
            return false;
    }
    return !in->is_one_row && !pulled_has_outer(in);
}

/* The input of the operator, with conditions that are keys. */
static bool pull_keyed(Pull *pull, Rel *rel, Pulled *in)
{
    return pull_rel(pull, rel_input(rel, 0), in) &&
           (pulled_has_keys(in) || pull_ground(pull, NULL, in, NULL, NULL));
}

static void pull_keys(Planner *planner, const Pulled *in, PullKeys *keys)
{
    keys->added = ARENA_ARRAY(planner->arena, int32_t, in->conditions.count + 1);
    for (int32_t i = 0; i < in->conditions.count; i++) {
        Expr *condition = LIST_AT(in->conditions, i, Expr), *outer, *inner = condition;
        if (expr_has_inner(condition))
            condition_is_key(condition, &outer, &inner);
        list_append(&keys->inner, planner->arena, inner);
    }
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

static void pull_aggregate_args(Planner *planner, const Rel *rel, const Pulled *in, PullKeys *keys,
                                PlanAggregate *aggregates)
{
    int32_t count = rel->node.group_aggregate.aggregate_count;
    for (int32_t i = 0; i < count; i++) {
        aggregates[i] = rel->node.group_aggregate.aggregates[i];
        for (int32_t a = 0; a < aggregates[i].call->arg_count; a++) {
            Expr *arg = in->columns[aggregates[i].args[a]];
            aggregates[i].args[a] = group_column(planner, &keys->columns, arg, (Str){0});
        }
        if (aggregates[i].filter < 0)
            continue;
        Expr *filter = in->columns[aggregates[i].filter];
        aggregates[i].filter = group_column(planner, &keys->columns, filter, (Str){0});
    }
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

bool pull_aggregate(Pull *pull, Rel *rel, Pulled *out)
{
    Planner *planner = pull->planner;
    Pulled in;
    if (!pull_keyed(pull, rel, &in))
        return false;
    PullKeys keys = {.columns = {.input = in.rel}};
    int32_t old_count = rel->node.group_aggregate.key_count;
    int32_t result_count = rel->node.group_aggregate.aggregate_count;
    int32_t *old_keys = ARENA_ARRAY(planner->arena, int32_t, old_count + 1);
    PlanAggregate *aggregates = ARENA_ARRAY(planner->arena, PlanAggregate, result_count + 1);
    pull_keys(planner, &in, &keys);
    for (int32_t k = 0; k < old_count; k++)
        old_keys[k] = group_column(planner, &keys.columns,
                                   in.columns[rel->node.group_aggregate.keys[k]], (Str){0});
    pull_aggregate_args(planner, rel, &in, &keys, aggregates);
    pull_add_keys(planner, &in, &keys);
    Rel *grouped = pull_aggregate_rel(planner, rel, &keys, old_keys, aggregates);
    const Schema *schema = &grouped->node.schema;
    *out = (Pulled){
        .rel = grouped, .column_count = rel->node.schema.count, .is_one_row = old_count == 0};
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

static bool pull_rows(Pull *pull, Rel *rel, PullRows *rows)
{
    Planner *planner = pull->planner;
    *rows = (PullRows){0};
    if (!pull_keyed(pull, rel, &rows->in))
        return false;
    int32_t count = rel_input(rel, 0)->node.schema.count;
    rows->keys.columns.input = rows->in.rel;
    rows->places = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    pull_keys(planner, &rows->in, &rows->keys);
    for (int32_t i = 0; i < count; i++)
        rows->places[i] = group_column(planner, &rows->keys.columns, rows->in.columns[i], (Str){0});
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
    out->column_count = count;
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

bool pull_single(Pull *pull, Rel *rel, Pulled *out)
{
    Planner *planner = pull->planner;
    PullRows rows;
    if (!pull_rows(pull, rel, &rows))
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

static SortColumn *pull_order(Planner *planner, const PullRows *rows, const SortColumn *order,
                              int32_t count)
{
    SortColumn *moved = ARENA_ARRAY(planner->arena, SortColumn, count + 1);
    for (int32_t i = 0; i < count; i++) {
        moved[i] = order[i];
        moved[i].column = rows->places[order[i].column];
    }
    return moved;
}

/* The operator's own keys, then those of the conditions. */
static int32_t *pull_all_keys(Planner *planner, const PullRows *rows, const int32_t *keys,
                              int32_t count)
{
    int32_t *all = ARENA_ARRAY(planner->arena, int32_t, count + rows->keys.added_count + 1);
    for (int32_t i = 0; i < count; i++)
        all[i] = rows->places[keys[i]];
    for (int32_t i = 0; i < rows->keys.added_count; i++)
        all[count + i] = rows->keys.added[i];
    return all;
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
    over->node.over.calls = calls;
}

bool pull_over(Pull *pull, Rel *rel, Pulled *out)
{
    Planner *planner = pull->planner;
    PullRows rows;
    if (!pull_rows(pull, rel, &rows))
        return false;
    int32_t old = rel_input(rel, 0)->node.schema.count;
    Schema results = {.fields = rel->node.schema.fields + old,
                      .count = rel->node.schema.count - old};
    Schema schema = schema_concat(planner->arena, &rows.input->node.schema, &results);
    Rel *over = rel_new(planner, PLAN_OVER, &schema, &rows.input, 1);
    over->span = rel->span;
    over->node.over = rel->node.over;
    int32_t count = rel->node.over.key_count;
    over->node.over.keys = pull_all_keys(planner, &rows, rel->node.over.keys, count);
    over->node.over.key_count = count + rows.keys.added_count;
    over->node.over.order =
        pull_order(planner, &rows, rel->node.over.order, rel->node.over.order_count);
    pull_over_calls(planner, rel, &rows, over);
    *out = (Pulled){.rel = rel_intern(planner, over)};
    pull_rows_out(planner, rel, &rows, out);
    return true;
}

/* ORDER BY with LIMIT: the first rows of each outer row. */
bool pull_rank(Pull *pull, Rel *rel, Pulled *out)
{
    Planner *planner = pull->planner;
    PullRows rows;
    assert(rel->node.rank.last_column < 0 && !rel->node.rank.has_number);
    if (!pull_rows(pull, rel, &rows))
        return false;
    Rel *rank = rel_new(planner, PLAN_RANK, &rows.input->node.schema, &rows.input, 1);
    rank->span = rel->span;
    rank->node.rank = rel->node.rank;
    int32_t count = rel->node.rank.key_count;
    rank->node.rank.keys = pull_all_keys(planner, &rows, rel->node.rank.keys, count);
    rank->node.rank.key_count = count + rows.keys.added_count;
    rank->node.rank.order =
        pull_order(planner, &rows, rel->node.rank.order, rel->node.rank.order_count);
    *out = (Pulled){.rel = rel_intern(planner, rank)};
    pull_rows_out(planner, rel, &rows, out);
    return true;
}
