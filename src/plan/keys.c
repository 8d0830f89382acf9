/* Which columns tell the rows of a relation apart. */
#include <assert.h>

#include "plan/kind.h"

enum { UNIQUE_KEYS_MAX = 8 };

void keys_add(Planner *planner, Rel *rel, const int32_t *columns, int32_t count)
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

int32_t expr_injective_column(const Expr *expr)
{
    if (expr->kind == EXPR_COLUMN)
        return expr->column;
    if (expr->kind != EXPR_CALL)
        return -1;
    Str name = str_from(function_name(expr->function));
    if (str_is(name, "CAST") && expr->arg_count == 1)
        return cast_is_injective(expr->args[0]->type, expr->type)
                   ? expr_injective_column(expr->args[0])
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
    return changing != NULL ? expr_injective_column(changing) : -1;
}

bool column_set_holds(const ColumnSet *set, const int32_t *columns, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        bool is_found = false;
        for (int32_t k = 0; k < set->count; k++)
            is_found = is_found || set->columns[k] == columns[i];
        if (!is_found)
            return false;
    }
    return true;
}

void keys_pass(Planner *planner, Rel *rel)
{
    keys_pass_holding(planner, rel, NULL, 0);
}

void keys_pass_holding(Planner *planner, Rel *rel, const int32_t *columns, int32_t count)
{
    const List *keys = rel_unique_keys(planner, rel_input(rel, 0));
    for (int32_t k = 0; k < keys->count; k++) {
        const ColumnSet *set = LIST_AT(*keys, k, ColumnSet);
        if (column_set_holds(set, columns, count))
            keys_add(planner, rel, set->columns, set->count);
    }
}

const List *rel_unique_keys(Planner *planner, Rel *rel)
{
    if (rel->has_unique_keys)
        return &rel->unique_keys;
    rel->has_unique_keys = true;
    const RelKind *kind = rel_kind(rel->node.kind);
    if (kind->keys != NULL)
        kind->keys(planner, rel);
    return &rel->unique_keys;
}

Monotonicity rel_monotonicity(const Rel *rel, int32_t column)
{
    const RelKind *kind = rel_kind(rel->node.kind);
    return kind->trend != NULL ? kind->trend(rel, column) : MONOTONIC_NOT;
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
