/* Which columns tell the rows of a relation apart. */
#include <assert.h>

#include "plan/internal.h"

enum { UNIQUE_KEYS_MAX = 8 };

static void keys_add(Planner *planner, Rel *rel, const int32_t *columns, int32_t count)
{
    if (rel->unique_keys.count >= UNIQUE_KEYS_MAX)
        return;
    ColumnSet *set = ARENA_NEW(planner->arena, ColumnSet);
    set->columns = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    set->count = count;
    for (int32_t i = 0; i < count; i++)
        set->columns[i] = columns[i];
    list_append(&rel->unique_keys, planner->arena, set);
}

/* The table's primary key, if all of it is read. */
static void keys_of_source(Planner *planner, Rel *rel)
{
    const PlanTable *table = rel->node.source.table;
    if (table->key_count == 0)
        return;
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, table->key_count);
    for (int32_t k = 0; k < table->key_count; k++) {
        columns[k] = -1;
        for (int32_t i = 0; i < rel->node.schema.count; i++) {
            if (rel->node.source.columns[i] == table->key[k])
                columns[k] = i;
        }
        if (columns[k] < 0)
            return;
    }
    keys_add(planner, rel, columns, table->key_count);
}

static int32_t integer_digits(TypeId id)
{
    switch ((int)id) {
    case TYPE_TINYINT: return 3;
    case TYPE_SMALLINT: return 5;
    case TYPE_INT: return 10;
    case TYPE_BIGINT: return 19;
    default: return 0;
    }
}

/* Different values stay different. */
static bool cast_is_injective(Type from, Type to)
{
    int32_t digits = integer_digits(from.id);
    if (digits > 0 && type_is_integer(to))
        return integer_digits(to.id) >= digits;
    if (digits > 0 && to.id == TYPE_DECIMAL)
        return to.precision - to.scale >= digits;
    if (digits > 0)
        return to.id == TYPE_VARCHAR && to.precision > digits;
    if (type_is_text(from))
        return to.id == TYPE_VARCHAR && to.precision >= from.precision;
    if (type_is_timestamp(from) || from.id == TYPE_DATE)
        return to.id == TYPE_VARCHAR ? to.precision >= 32 && from.id != TYPE_TIMESTAMP_LTZ
                                     : to.id == from.id && to.precision >= from.precision;
    return type_equal(from, to);
}

/* The column of which the expression is a one-to-one function, or -1. */
static int32_t injective_column(const Expr *expr)
{
    if (expr->kind == EXPR_COLUMN)
        return expr->column;
    if (expr->kind != EXPR_CALL)
        return -1;
    Str name = str_from(function_name(expr->function));
    if (str_is(name, "CAST") && expr->arg_count == 1)
        return cast_is_injective(expr->args[0]->type, expr->type) ? injective_column(expr->args[0])
                                                                  : -1;
    if (!str_is(name, "CONCAT") && !str_is(name, "||"))
        return -1;
    const Expr *changing = NULL;
    for (int32_t i = 0; i < expr->arg_count; i++) {
        if (expr->args[i]->kind == EXPR_LITERAL)
            continue;
        if (changing != NULL)
            return -1;
        changing = expr->args[i];
    }
    return changing != NULL ? injective_column(changing) : -1;
}

/* Keys of the input whose columns are all handed on, perhaps in another form. */
static void keys_of_calc(Planner *planner, Rel *rel)
{
    const List *keys = rel_unique_keys(planner, rel_input(rel, 0));
    for (int32_t k = 0; k < keys->count; k++) {
        const ColumnSet *set = LIST_AT(*keys, k, ColumnSet);
        int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, set->count + 1);
        bool is_whole = true;
        for (int32_t c = 0; c < set->count; c++) {
            columns[c] = rel->node.calc.exprs == NULL ? set->columns[c] : -1;
            for (int32_t i = 0; rel->node.calc.exprs != NULL && i < rel->node.schema.count; i++) {
                if (columns[c] < 0 && injective_column(rel->node.calc.exprs[i]) == set->columns[c])
                    columns[c] = i;
            }
            is_whole = is_whole && columns[c] >= 0;
        }
        if (is_whole)
            keys_add(planner, rel, columns, set->count);
    }
}

static void keys_pass(Planner *planner, Rel *rel)
{
    const List *keys = rel_unique_keys(planner, rel_input(rel, 0));
    for (int32_t k = 0; k < keys->count; k++) {
        const ColumnSet *set = LIST_AT(*keys, k, ColumnSet);
        keys_add(planner, rel, set->columns, set->count);
    }
}

/* Group keys with the start, the end or the time of the window. */
static void keys_of_window(Planner *planner, Rel *rel)
{
    int32_t key_count = rel->node.window_aggregate.key_count;
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, key_count + 1);
    for (int32_t i = 0; i < key_count; i++)
        columns[i] = i;
    int32_t window = rel->node.window_aggregate.window_column_count;
    for (int32_t i = 0; i < window; i++) {
        columns[key_count] = rel->node.schema.count - window + i;
        keys_add(planner, rel, columns, key_count + 1);
    }
}

static void keys_of_assign(Planner *planner, Rel *rel)
{
    const List *keys = rel_unique_keys(planner, rel_input(rel, 0));
    for (int32_t k = 0; k < keys->count; k++) {
        const ColumnSet *set = LIST_AT(*keys, k, ColumnSet);
        int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, set->count + 1);
        for (int32_t i = 0; i < set->count; i++)
            columns[i] = set->columns[i];
        columns[set->count] = rel->node.schema.count - 3;
        keys_add(planner, rel, columns, set->count + 1);
    }
}

static void keys_of_group(Planner *planner, Rel *rel)
{
    int32_t count = rel->node.group_aggregate.key_count;
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    for (int32_t i = 0; i < count; i++)
        columns[i] = i;
    keys_add(planner, rel, columns, count);
}

const List *rel_unique_keys(Planner *planner, Rel *rel)
{
    if (rel->has_unique_keys)
        return &rel->unique_keys;
    rel->has_unique_keys = true;
    switch (rel->node.kind) {
    case PLAN_SOURCE: keys_of_source(planner, rel); break;
    case PLAN_CALC: keys_of_calc(planner, rel); break;
    case PLAN_WATERMARK: keys_pass(planner, rel); break;
    case PLAN_WINDOW_ASSIGN: keys_of_assign(planner, rel); break;
    case PLAN_WINDOW_AGGREGATE: keys_of_window(planner, rel); break;
    case PLAN_GROUP_AGGREGATE: keys_of_group(planner, rel); break;
    case PLAN_NORMALIZE:
        keys_add(planner, rel, rel->node.normalize.keys, rel->node.normalize.key_count);
        break;
    case PLAN_VALUES:
        if (rel->node.values.row_count <= 1)
            keys_add(planner, rel, NULL, 0);
        break;
    case PLAN_UNION:
    case PLAN_SINK:
    case PLAN_SERVE: break;
    }
    return &rel->unique_keys;
}

const ColumnSet *rel_key_within(Planner *planner, Rel *rel, const int32_t *columns, int32_t count)
{
    const List *keys = rel_unique_keys(planner, rel);
    for (int32_t k = 0; k < keys->count; k++) {
        const ColumnSet *set = LIST_AT(*keys, k, ColumnSet);
        bool is_within = true;
        for (int32_t i = 0; i < set->count && is_within; i++) {
            bool is_found = false;
            for (int32_t j = 0; j < count; j++)
                is_found = is_found || columns[j] == set->columns[i];
            is_within = is_found;
        }
        if (is_within)
            return set;
    }
    return NULL;
}
