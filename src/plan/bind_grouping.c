/* GROUPING SETS, ROLLUP and CUBE: one grouping made of several.
 *
 * Each row comes once for each set, with NULL in the keys that are not in the set and the number of
 * the set in a key of its own, and then all are grouped at once:
 *
 *     GROUP_AGGREGATE (keys of all sets, set)
 *       UNION
 *         CALC (row, a, b,    0)     of GROUPING SETS ((a, b), (a))
 *         CALC (row, a, NULL, 1)
 *
 * The row's own columns stay as they are: an argument of an aggregate is never NULL for a set's
 * sake. GROUPING and its kind are constants of the set, and keys too. */
#include <assert.h>

#include "plan/internal.h"

enum { GROUPING_KEYS_MAX = 63, GROUPING_SETS_MAX = 512 };

/* ---- Sets -------------------------------------------------------------------------------- */

/* A set as bits of GroupingSets.keys. */
typedef struct GroupingSet {
    uint64_t members;
} GroupingSet;

static void sets_add(Planner *planner, List *sets, uint64_t members)
{
    GroupingSet *set = ARENA_NEW(planner->arena, GroupingSet);
    set->members = members;
    list_append(sets, planner->arena, set);
}

/* The key's bit, a new one if it is not known; 0 after a report. */
static uint64_t grouping_key(ExprBinder *binder, GroupingSets *grouping, const SqlExpr *ast)
{
    Expr *expr = bind_expr(binder, ast);
    if (expr_is_poison(expr)) {
        grouping->is_failed = true;
        return 0;
    }
    for (int32_t i = 0; i < grouping->keys.count; i++) {
        if (expr_equal(LIST_AT(grouping->keys, i, Expr), expr))
            return (uint64_t)1 << i;
    }
    if (grouping->keys.count == GROUPING_KEYS_MAX) {
        REPORT(binder->planner, "WR2528", ast->span, "grouping sets have at most %d columns",
               GROUPING_KEYS_MAX);
        grouping->is_failed = true;
        return 0;
    }
    list_append(&grouping->keys, binder->planner->arena, expr);
    return (uint64_t)1 << (grouping->keys.count - 1);
}

static void sets_of(ExprBinder *binder, GroupingSets *grouping, const SqlGroup *group, List *out);

/* All columns of an element together: a, or (a, b). */
static uint64_t element_members(ExprBinder *binder, GroupingSets *grouping, const SqlGroup *group)
{
    uint64_t members = 0;
    if (group->kind == SQL_GROUP_EXPR)
        return grouping_key(binder, grouping, group->expr);
    for (int32_t i = 0; i < group->items.count; i++)
        members |= element_members(binder, grouping, LIST_AT(group->items, i, SqlGroup));
    return members;
}

/* Every set of the one with every set of the other. */
static void sets_cross(Planner *planner, List *sets, const List *with)
{
    List crossed = {0};
    for (int32_t i = 0; i < sets->count; i++) {
        for (int32_t k = 0; k < with->count && crossed.count <= GROUPING_SETS_MAX; k++)
            sets_add(planner, &crossed,
                     LIST_AT(*sets, i, GroupingSet)->members |
                         LIST_AT(*with, k, GroupingSet)->members);
    }
    *sets = crossed;
}

static void sets_of_rollup(ExprBinder *binder, GroupingSets *grouping, const SqlGroup *group,
                           List *out)
{
    uint64_t members[GROUPING_KEYS_MAX + 1] = {0};
    int32_t count = group->items.count < GROUPING_KEYS_MAX ? group->items.count : GROUPING_KEYS_MAX;
    for (int32_t i = 0; i < count; i++)
        members[i + 1] =
            members[i] | element_members(binder, grouping, LIST_AT(group->items, i, SqlGroup));
    for (int32_t i = count; i >= 0; i--)
        sets_add(binder->planner, out, members[i]);
}

static void sets_of_cube(ExprBinder *binder, GroupingSets *grouping, const SqlGroup *group,
                         List *out)
{
    sets_add(binder->planner, out, 0);
    for (int32_t i = 0; i < group->items.count; i++) {
        List with = {0};
        sets_add(binder->planner, &with,
                 element_members(binder, grouping, LIST_AT(group->items, i, SqlGroup)));
        sets_add(binder->planner, &with, 0);
        sets_cross(binder->planner, out, &with);
    }
}

static void sets_of(ExprBinder *binder, GroupingSets *grouping, const SqlGroup *group, List *out)
{
    switch (group->kind) {
    case SQL_GROUP_EXPR:
    case SQL_GROUP_LIST:
    case SQL_GROUP_EMPTY:
        sets_add(binder->planner, out, element_members(binder, grouping, group));
        break;
    case SQL_GROUP_ROLLUP: sets_of_rollup(binder, grouping, group, out); break;
    case SQL_GROUP_CUBE: sets_of_cube(binder, grouping, group, out); break;
    case SQL_GROUPING_SETS:
        for (int32_t i = 0; i < group->items.count; i++)
            sets_of(binder, grouping, LIST_AT(group->items, i, SqlGroup), out);
        break;
    }
}

bool grouping_has_sets(const List *groups)
{
    for (int32_t i = 0; i < groups->count; i++) {
        SqlGroupKind kind = LIST_AT(*groups, i, SqlGroup)->kind;
        if (kind == SQL_GROUP_ROLLUP || kind == SQL_GROUP_CUBE || kind == SQL_GROUPING_SETS)
            return true;
    }
    return false;
}

void grouping_bind(ExprBinder *binder, const List *groups, GroupingSets *grouping)
{
    sets_add(binder->planner, &grouping->sets, 0);
    for (int32_t i = 0; i < groups->count; i++) {
        const SqlGroup *group = LIST_AT(*groups, i, SqlGroup);
        List sets = {0};
        sets_of(binder, grouping, group, &sets);
        sets_cross(binder->planner, &grouping->sets, &sets);
        if (grouping->sets.count > GROUPING_SETS_MAX) {
            REPORT(binder->planner, "WR2528", group->span, "there are more than %d grouping sets",
                   GROUPING_SETS_MAX);
            grouping->is_failed = true;
            return;
        }
    }
}

/* ---- GROUPING, GROUPING_ID, GROUP_ID ----------------------------------------------------- */

static bool expr_is_grouping(const Expr *expr)
{
    if (expr->kind != EXPR_CALL)
        return false;
    Str name = str_from(function_name(expr->function));
    return str_is(name, "GROUPING") || str_is(name, "GROUPING_ID") || str_is(name, "GROUP_ID");
}

static void calls_collect(Planner *planner, Expr *expr, List *calls)
{
    if (expr == NULL || expr->kind != EXPR_CALL)
        return;
    if (!expr_is_grouping(expr)) {
        for (int32_t i = 0; i < expr->arg_count; i++)
            calls_collect(planner, expr->args[i], calls);
        return;
    }
    for (int32_t i = 0; i < calls->count; i++) {
        if (expr_equal(LIST_AT(*calls, i, Expr), expr))
            return;
    }
    list_append(calls, planner->arena, expr);
}

static bool expr_uses_grouping(const Expr *expr)
{
    if (expr == NULL || expr->kind != EXPR_CALL)
        return false;
    bool is_used = expr_is_grouping(expr);
    for (int32_t i = 0; i < expr->arg_count && !is_used; i++)
        is_used = expr_uses_grouping(expr->args[i]);
    return is_used;
}

bool grouping_is_used(const GroupQuery *group)
{
    bool is_used = expr_uses_grouping(group->having);
    for (int32_t i = 0; i < group->item_count && !is_used; i++)
        is_used = expr_uses_grouping(group->items[i]);
    return is_used;
}

void grouping_set_of_keys(Planner *planner, const GroupQuery *group, GroupingSets *grouping)
{
    grouping->keys = group->keys;
    sets_add(planner, &grouping->sets, ((uint64_t)1 << group->keys.count) - 1);
}

/* The call's value in a set: a bit per argument, the last one lowest; set if it is not grouped. */
static int64_t call_value(const GroupingSets *grouping, const Expr *call, int32_t set)
{
    uint64_t members = LIST_AT(grouping->sets, set, GroupingSet)->members;
    int64_t value = 0;
    for (int32_t a = 0; a < call->arg_count; a++) {
        uint64_t bit = 0;
        for (int32_t k = 0; k < grouping->keys.count; k++) {
            if (expr_equal(LIST_AT(grouping->keys, k, Expr), call->args[a]))
                bit = (uint64_t)1 << k;
        }
        value = value << 1 | ((members & bit) == 0);
    }
    if (call->arg_count > 0)
        return value;
    for (int32_t i = 0; i < set; i++)
        value += LIST_AT(grouping->sets, i, GroupingSet)->members == members;
    return value;
}

static bool calls_check(Planner *planner, const GroupingSets *grouping, const List *calls)
{
    for (int32_t i = 0; i < calls->count; i++) {
        const Expr *call = LIST_AT(*calls, i, Expr);
        for (int32_t a = 0; a < call->arg_count; a++) {
            bool is_key = false;
            for (int32_t k = 0; k < grouping->keys.count; k++)
                is_key |= expr_equal(LIST_AT(grouping->keys, k, Expr), call->args[a]);
            if (is_key)
                continue;
            REPORT(planner, "WR2529", span_make(call->span_start, call->span_end),
                   "`%s` takes columns of GROUP BY", function_name(call->function));
            return false;
        }
    }
    return true;
}

/* ---- Rows for each set ------------------------------------------------------------------- */

typedef struct Expansion {
    Planner *planner;
    GroupQuery *group;
    const GroupingSets *grouping;
    List calls;
    int32_t width, added; /* columns of the input, and those behind them */
} Expansion;

static Expr *big_literal(Planner *planner, int64_t value)
{
    Type type = type_not_null(type_simple(TYPE_BIGINT));
    return expr_literal(planner->arena, (Value){.type = type, .integer = value});
}

static Type expansion_key_type(const Expansion *expansion, int32_t key)
{
    Type type = LIST_AT(expansion->grouping->keys, key, Expr)->type;
    for (int32_t s = 0; s < expansion->grouping->sets.count; s++) {
        if ((LIST_AT(expansion->grouping->sets, s, GroupingSet)->members >> key & 1) == 0)
            return type_plain(type_nullable(type));
    }
    return type;
}

static Schema expansion_schema(const Expansion *expansion)
{
    Arena *arena = expansion->planner->arena;
    int32_t key_count = expansion->grouping->keys.count;
    Field *fields = ARENA_ARRAY(arena, Field, expansion->width + expansion->added + 1);
    for (int32_t i = 0; i < expansion->width; i++)
        fields[i] = expansion->group->input.schema.fields[i];
    for (int32_t i = 0; i < expansion->added; i++) {
        Field *field = &fields[expansion->width + i];
        const Expr *key = i < key_count ? LIST_AT(expansion->grouping->keys, i, Expr) : NULL;
        field->name = key != NULL && key->kind == EXPR_COLUMN
                          ? expansion->group->input.schema.fields[key->column].name
                          : str_from(arena_printf(arena, "$g%d", i));
        field->type = i < key_count ? expansion_key_type(expansion, i)
                                    : type_not_null(type_simple(TYPE_BIGINT));
    }
    return (Schema){.fields = fields, .count = expansion->width + expansion->added};
}

/* The rows of one set. */
static Rel *expansion_rows(const Expansion *expansion, const Schema *schema, int32_t set)
{
    Planner *planner = expansion->planner;
    int32_t key_count = expansion->grouping->keys.count;
    uint64_t members = LIST_AT(expansion->grouping->sets, set, GroupingSet)->members;
    Expr **exprs = rel_columns(planner, schema);
    for (int32_t i = 0; i < key_count; i++) {
        Value null = {.type = schema->fields[expansion->width + i].type, .is_null = true};
        exprs[expansion->width + i] = (members >> i & 1) != 0
                                          ? LIST_AT(expansion->grouping->keys, i, Expr)
                                          : expr_literal(planner->arena, null);
    }
    exprs[expansion->width + key_count] = big_literal(planner, set);
    for (int32_t i = 0; i < expansion->calls.count; i++)
        exprs[expansion->width + key_count + 1 + i] = big_literal(
            planner, call_value(expansion->grouping, LIST_AT(expansion->calls, i, Expr), set));
    return rel_calc(planner, expansion->group->input.rel, NULL, exprs, schema);
}

/* The expression over the rows of the sets: keys and calls are columns of them. */
static Expr *expansion_rewrite(const Expansion *expansion, Expr *expr)
{
    Arena *arena = expansion->planner->arena;
    int32_t key_count = expansion->grouping->keys.count;
    const Schema *schema = &expansion->group->input.schema;
    int32_t at = -1;
    for (int32_t i = 0; i < key_count && at < 0; i++) {
        if (expr_equal(LIST_AT(expansion->grouping->keys, i, Expr), expr))
            at = expansion->width + i;
    }
    for (int32_t i = 0; i < expansion->calls.count && at < 0; i++) {
        if (expr_equal(LIST_AT(expansion->calls, i, Expr), expr))
            at = expansion->width + key_count + 1 + i;
    }
    if (at >= 0) {
        Expr *column = expr_column(arena, at, schema->fields[at].type);
        column->span_start = expr->span_start;
        column->span_end = expr->span_end;
        return column;
    }
    if (expr->kind != EXPR_CALL)
        return expr;
    Expr *copy = arena_copy(arena, expr, (int64_t)sizeof *expr);
    copy->args = ARENA_ARRAY(arena, Expr *, expr->arg_count + 1);
    for (int32_t i = 0; i < expr->arg_count; i++)
        copy->args[i] = expansion_rewrite(expansion, expr->args[i]);
    return copy;
}

static bool expansion_is_supported(const Expansion *expansion)
{
    if (expansion->group->subqueries.count == 0)
        return true;
    planner_unsupported(expansion->planner, expansion->group->span,
                        "a subquery beside GROUPING SETS, ROLLUP or CUBE");
    return false;
}

bool grouping_expand(Planner *planner, GroupQuery *group, const GroupingSets *grouping)
{
    Expansion expansion = {.planner = planner,
                           .group = group,
                           .grouping = grouping,
                           .width = group->input.schema.count};
    for (int32_t i = 0; i < group->item_count; i++)
        calls_collect(planner, group->items[i], &expansion.calls);
    calls_collect(planner, group->having, &expansion.calls);
    if (!calls_check(planner, grouping, &expansion.calls) || !expansion_is_supported(&expansion))
        return false;
    expansion.added = grouping->keys.count + 1 + expansion.calls.count;
    Schema schema = expansion_schema(&expansion);
    Rel **sides = ARENA_ARRAY(planner->arena, Rel *, grouping->sets.count);
    for (int32_t i = 0; i < grouping->sets.count; i++)
        sides[i] = expansion_rows(&expansion, &schema, i);
    Rel *rel = sides[0];
    if (grouping->sets.count > 1)
        rel =
            rel_intern(planner, rel_new(planner, PLAN_UNION, &schema, sides, grouping->sets.count));
    group->input = bound_make(planner, rel, &schema, group->span);
    group->keys = (List){0};
    for (int32_t i = expansion.width; i < schema.count; i++)
        list_append(&group->keys, planner->arena,
                    expr_column(planner->arena, i, schema.fields[i].type));
    for (int32_t i = 0; i < group->item_count; i++)
        group->items[i] = expansion_rewrite(&expansion, group->items[i]);
    if (group->having != NULL)
        group->having = expansion_rewrite(&expansion, group->having);
    return true;
}
