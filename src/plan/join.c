/* FROM as a tree, and the way of conditions down in it. */
#include "plan/join.h"

#include <assert.h>

/* ---- Trees ----------------------------------------------------------------------------- */

From *from_leaf(Planner *planner, const SqlTable *ast, const Scope *scope, Rel *rel, Span span)
{
    From *from = ARENA_NEW(planner->arena, From);
    *from = (From){.ast = ast, .span = span, .scope = *scope, .rel = rel};
    return from;
}

static int32_t from_width(const From *from)
{
    return from->scope.schema.count;
}

static bool join_pads_left(JoinKind kind)
{
    return kind == JOIN_RIGHT || kind == JOIN_FULL;
}

static bool join_pads_right(JoinKind kind)
{
    return kind == JOIN_LEFT || kind == JOIN_FULL;
}

/* The names of the join's output: outer joins make columns nullable. */
static void from_pad_scope(Planner *planner, From *from)
{
    Schema schema = from->scope.schema;
    Field *fields =
        arena_copy(planner->arena, schema.fields, (int64_t)sizeof(Field) * (schema.count + 1));
    int32_t left = from_width(from->left);
    for (int32_t i = 0; i < schema.count; i++) {
        bool is_padded = i < left ? join_pads_left(from->kind) : join_pads_right(from->kind);
        if (is_padded && !type_is_poison(fields[i].type))
            fields[i].type.is_nullable = true;
    }
    schema.fields = fields;
    scope_retype(planner, &from->scope, &schema);
}

/* ---- Nulls that a condition does not let pass ------------------------------------------ */

static bool expr_is_call_of(const Expr *expr, const char *const *names, size_t count)
{
    if (expr->kind != EXPR_CALL)
        return false;
    Str name = str_from(function_name(expr->function));
    for (size_t i = 0; i < count; i++) {
        if (str_is(name, names[i]))
            return true;
    }
    return false;
}

#define IS_CALL_OF(expr, ...)                                                                      \
    expr_is_call_of((expr), (const char *const[]){__VA_ARGS__},                                    \
                    sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* NULL when the columns are. Only of functions known to give NULL for a NULL. */
bool expr_is_null_when(const Expr *expr, int32_t first, int32_t end)
{
    if (expr->kind == EXPR_COLUMN)
        return expr->column >= first && expr->column < end;
    if (expr->kind == EXPR_LITERAL)
        return expr->literal.is_null;
    if (!IS_CALL_OF(expr, "=", "<>", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "CAST", "LIKE",
                    "NOT", "BETWEEN"))
        return false;
    int32_t strict_count = IS_CALL_OF(expr, "BETWEEN") ? 1 : expr->arg_count;
    for (int32_t i = 0; i < strict_count; i++) {
        if (expr_is_null_when(expr->args[i], first, end))
            return true;
    }
    return false;
}

bool expr_rejects_nulls(const Expr *expr, int32_t first, int32_t end)
{
    if (expr_is_null_when(expr, first, end))
        return true;
    if (expr->kind == EXPR_LITERAL)
        return expr->type.id == TYPE_BOOLEAN && expr->literal.integer == 0;
    if (IS_CALL_OF(expr, "IS NOT NULL", "IN"))
        return expr_is_null_when(expr->args[0], first, end);
    if (IS_CALL_OF(expr, "IS TRUE"))
        return expr_rejects_nulls(expr->args[0], first, end);
    bool is_and = IS_CALL_OF(expr, "AND");
    if (!is_and && !IS_CALL_OF(expr, "OR"))
        return false;
    int32_t rejecting = 0;
    for (int32_t i = 0; i < expr->arg_count; i++)
        rejecting += expr_rejects_nulls(expr->args[i], first, end);
    return is_and ? rejecting > 0 : rejecting == expr->arg_count;
}

/* ---- Conditions to where they belong --------------------------------------------------- */

/* Which sides of the join the expression reads. */
typedef struct ColumnSides {
    bool left, right, outer;
} ColumnSides;

static void sides_add(const Expr *expr, int32_t left_count, ColumnSides *sides)
{
    if (expr->kind == EXPR_COLUMN) {
        sides->outer |= expr_outer_depth(expr) > 0;
        sides->left |= expr->column < left_count;
        sides->right |= expr_outer_depth(expr) == 0 && expr->column >= left_count;
    }
    for (int32_t i = 0; i < expr->arg_count; i++)
        sides_add(expr->args[i], left_count, sides);
}

static ColumnSides sides_of(const Expr *expr, int32_t left_count)
{
    ColumnSides sides = {0};
    sides_add(expr, left_count, &sides);
    return sides;
}

/* The expression over the columns of the right side alone. */
static Expr *expr_of_right(Planner *planner, const From *join, Expr *expr)
{
    int32_t left = from_width(join->left), right = from_width(join->right);
    Expr **columns = ARENA_ARRAY(planner->arena, Expr *, left + right + 1);
    for (int32_t i = 0; i < right; i++) {
        Type type = join->right->scope.schema.fields[i].type;
        columns[left + i] = expr_column(planner->arena, i, type);
    }
    return expr_substitute(planner->arena, expr, columns);
}

/* What the join becomes when the condition holds for all its rows. */
static JoinKind kind_narrowed(const From *join, const Expr *conjunct)
{
    int32_t left = from_width(join->left), all = from_width(join);
    bool needs_left = expr_rejects_nulls(conjunct, 0, left);
    bool needs_right = expr_rejects_nulls(conjunct, left, all);
    switch (join->kind) {
    case JOIN_LEFT: return needs_right ? JOIN_INNER : JOIN_LEFT;
    case JOIN_RIGHT: return needs_left ? JOIN_INNER : JOIN_RIGHT;
    case JOIN_FULL:
        if (needs_left && needs_right)
            return JOIN_INNER;
        return needs_left ? JOIN_LEFT : needs_right ? JOIN_RIGHT : JOIN_FULL;
    case JOIN_INNER:
    case JOIN_SEMI:
    case JOIN_ANTI: break;
    }
    return join->kind;
}

/* Whether rows of the right side may be left out below the join. Not of one that refers to the
 * left, and not of versions: without the one that does not fit, the one before it would seem to
 * hold on. */
static bool from_takes_filters(const From *join)
{
    return !join->is_lateral && join->as_of == NULL;
}

static bool expr_is_true(const Expr *expr)
{
    return expr->kind == EXPR_LITERAL && expr->type.id == TYPE_BOOLEAN && !expr->literal.is_null &&
           expr->literal.integer != 0;
}

void from_condition(Planner *planner, From *join, Expr *conjunct)
{
    if (expr_is_true(conjunct))
        return;
    ColumnSides sides = sides_of(conjunct, from_width(join->left));
    bool is_movable = !sides.outer && expr_is_deterministic(conjunct);
    bool may_left = join->kind == JOIN_INNER || join->kind == JOIN_RIGHT || join->kind == JOIN_SEMI;
    bool may_right = join->kind != JOIN_RIGHT && join->kind != JOIN_FULL;
    if (sides.outer && join->kind == JOIN_INNER)
        list_append(&join->filters, planner->arena, conjunct);
    else if (is_movable && sides.left && !sides.right && may_left)
        from_filter(planner, join->left, conjunct);
    else if (is_movable && sides.right && !sides.left && may_right && from_takes_filters(join))
        from_filter(planner, join->right, expr_of_right(planner, join, conjunct));
    else
        list_append(&join->conditions, planner->arena, conjunct);
}

/* The join has become a narrower one: all that stayed above may go on. */
static void from_narrow(Planner *planner, From *join, JoinKind kind)
{
    List conditions = join->conditions, filters = join->filters;
    join->kind = kind;
    join->conditions = (List){0};
    join->filters = (List){0};
    for (int32_t i = 0; i < conditions.count; i++)
        from_condition(planner, join, LIST_AT(conditions, i, Expr));
    for (int32_t i = 0; i < filters.count; i++)
        from_filter(planner, join, LIST_AT(filters, i, Expr));
}

void from_filter(Planner *planner, From *from, Expr *conjunct)
{
    if (expr_is_true(conjunct))
        return;
    bool is_movable = from->left != NULL && expr_is_deterministic(conjunct);
    ColumnSides sides = {0};
    if (is_movable)
        sides = sides_of(conjunct, from_width(from->left));
    if (!is_movable || sides.outer || (!sides.left && !sides.right)) {
        list_append(&from->filters, planner->arena, conjunct);
        return;
    }
    JoinKind kind = kind_narrowed(from, conjunct);
    if (kind != from->kind)
        from_narrow(planner, from, kind);
    if (from->kind == JOIN_INNER)
        from_condition(planner, from, conjunct);
    else if (!sides.right && !join_pads_left(from->kind))
        from_filter(planner, from->left, conjunct);
    else if (!sides.left && !join_pads_right(from->kind) && from_takes_filters(from))
        from_filter(planner, from->right, expr_of_right(planner, from, conjunct));
    else
        list_append(&from->filters, planner->arena, conjunct);
}

/* ---- USING, NATURAL -------------------------------------------------------------------- */

/* One side's column of USING over the columns of the join; NULL after a report. */
static Expr *using_column(Planner *planner, const From *join, bool is_left, const SqlName *name)
{
    const From *side = is_left ? join->left : join->right;
    const char *which = is_left ? "left" : "right";
    const ScopeColumn *column = NULL;
    int32_t count = scope_find(&side->scope, name->text, &column);
    if (count == 1) {
        if (column->table < 0)
            EXTENSION(planner, USING_COLUMN, name->span,
                      str_terminated(planner->arena, name->text));
        int32_t first = is_left ? 0 : from_width(join->left);
        Schema schema = join->scope.schema;
        schema.fields += first;
        schema.count = from_width(side);
        return expr_substitute(planner->arena, column->expr,
                               rel_columns_at(planner, &schema, first));
    }
    if (count == 0 && side->scope.is_broken)
        return NULL;
    if (count > 1) {
        REPORT(planner, "WR2050", name->span, "column `%.*s` is ambiguous on the %s of the join",
               STR_ARGS(name->text), which);
        return NULL;
    }
    Diagnostic *d =
        REPORT(planner, "WR2041", name->span, "column `%.*s` not found on the %s of the join",
               STR_ARGS(name->text), which);
    diagnostic_suggest_columns(planner, d, &side->scope.schema, name->text);
    diagnostic_note_columns(d, &side->scope.schema);
    return NULL;
}

static Expr *using_call(Planner *planner, const char *function, Expr *left, Expr *right, Span span)
{
    ExprBinder binder = {.planner = planner, .place = "USING"};
    Expr **args = ARENA_ARRAY(planner->arena, Expr *, 2);
    args[0] = left;
    args[1] = right;
    return bind_function(&binder, function, args, 2, span);
}

static void using_condition(Planner *planner, From *join, const SqlName *name)
{
    Expr *left = using_column(planner, join, true, name);
    Expr *right = using_column(planner, join, false, name);
    Expr *equal = NULL;
    if (left != NULL && right != NULL)
        equal = using_call(planner, "=", left, right, name->span);
    if (equal == NULL || expr_is_poison(equal))
        join->is_failed = true;
    else
        from_condition(planner, join, equal);
}

/* One column for two that are equal or of which one is padded. */
static void using_merge(Planner *planner, From *join, const SqlName *name, int32_t index)
{
    Expr *left = using_column(planner, join, true, name);
    Expr *right = using_column(planner, join, false, name);
    bool is_left_enough = !join_pads_left(join->kind) &&
                          type_equal(type_nullable(left->type), type_nullable(right->type));
    Expr *merged = is_left_enough ? left : using_call(planner, "COALESCE", left, right, name->span);
    scope_merge_column(planner, &join->scope, name->text, merged, index);
}

/* The columns that both sides have, in the order of the left one. */
static List natural_names(Planner *planner, const From *join, Span span)
{
    const Scope *left = &join->left->scope, *right = &join->right->scope;
    List names = {0};
    for (int32_t i = 0; i < left->column_count; i++) {
        const ScopeColumn *other;
        if (scope_find(right, left->columns[i].name, &other) == 0)
            continue;
        SqlName *name = ARENA_NEW(planner->arena, SqlName);
        *name = (SqlName){.text = left->columns[i].name, .span = span};
        list_append(&names, planner->arena, name);
    }
    return names;
}

From *from_join_rel(Planner *planner, From *left, JoinKind kind, Rel *rel, const List *conditions,
                    Span span)
{
    Scope nameless = {.schema = rel->node.schema};
    From *join = ARENA_NEW(planner->arena, From);
    *join = (From){.span = span, .kind = kind, .left = left, .is_failed = left->is_failed};
    join->right = from_leaf(planner, NULL, &nameless, rel, span);
    bool is_semi = kind == JOIN_SEMI || kind == JOIN_ANTI;
    join->scope = is_semi ? left->scope : scope_join(planner, &left->scope, &nameless);
    if (!is_semi)
        from_pad_scope(planner, join);
    for (int32_t i = 0; i < conditions->count; i++)
        from_condition(planner, join, LIST_AT(*conditions, i, Expr));
    return join;
}

/* ---- FROM ------------------------------------------------------------------------------ */

static JoinKind join_kind_of(SqlJoinKind kind)
{
    switch (kind) {
    case SQL_JOIN_INNER:
    case SQL_JOIN_CROSS:
    case SQL_JOIN_COMMA: return JOIN_INNER;
    case SQL_JOIN_LEFT: return JOIN_LEFT;
    case SQL_JOIN_RIGHT: return JOIN_RIGHT;
    case SQL_JOIN_FULL: return JOIN_FULL;
    }
    return JOIN_INNER;
}

/* Names that stand on both sides cannot be told apart. */
static void from_check_names(Planner *planner, From *join)
{
    const Scope *left = &join->left->scope, *right = &join->right->scope;
    for (int32_t i = 0; i < right->table_count; i++) {
        for (int32_t k = 0; k < left->table_count; k++) {
            Str alias = right->tables[i].alias;
            if (alias.data == NULL || left->tables[k].alias.data == NULL ||
                !str_equal(alias, left->tables[k].alias))
                continue;
            Diagnostic *d = REPORT(planner, "WR2054", join->right->span,
                                   "FROM has two relations named `%.*s`", STR_ARGS(alias));
            diagnostic_help(d, "give one of them another name: … AS %.*s2", STR_ARGS(alias));
            join->is_failed = true;
            return;
        }
    }
}

/* What stands behind a join's left side may refer to it. */
static bool table_is_lateral(const SqlTable *table)
{
    return table->kind == SQL_TABLE_UNNEST || (table->kind != SQL_TABLE_JOIN && table->is_lateral);
}

static From *from_bind_leaf(Planner *planner, const SqlTable *table)
{
    Scope scope;
    Bound bound = bind_leaf(planner, table, &scope);
    return from_leaf(planner, table, &scope, bound.rel, table->span);
}

static void join_bind_sides(Planner *planner, From *join, const SqlTable *table)
{
    join->left = bind_from(planner, table->join.left);
    const SqlTable *right = table->join.right;
    join->is_lateral = table_is_lateral(right);
    const Scope *outer = planner->outer;
    if (join->is_lateral)
        planner->outer = &join->left->scope;
    bool has_as_of = right->kind == SQL_TABLE_NAMED && right->named.as_of != NULL;
    join->right = has_as_of ? from_bind_leaf(planner, right) : bind_from(planner, right);
    planner->outer = outer;
    if (!has_as_of)
        return;
    ExprBinder binder = {.planner = planner, .scope = &join->left->scope, .place = "AS OF"};
    join->as_of = bind_expr(&binder, right->named.as_of);
}

static From *from_join(Planner *planner, const SqlTable *table)
{
    From *join = ARENA_NEW(planner->arena, From);
    *join = (From){.ast = table, .span = table->span, .kind = join_kind_of(table->join.kind)};
    join_bind_sides(planner, join, table);
    join->scope = scope_join(planner, &join->left->scope, &join->right->scope);
    join->is_failed = join->left->is_failed || join->right->is_failed ||
                      (join->as_of != NULL && expr_is_poison(join->as_of));
    from_check_names(planner, join);
    if (join->scope.schema.count > PLAN_COLUMNS_MAX && !join->is_failed) {
        REPORT(planner, "WR2039", join->span, "a join has at most %d columns", PLAN_COLUMNS_MAX);
        join->is_failed = true;
    }
    List names = table->join.using;
    if (table->join.is_natural)
        names = natural_names(planner, join, table->span);
    From *root = join;
    if (table->join.on != NULL)
        root = join_bind_on(planner, join, table->join.on);
    for (int32_t i = 0; i < names.count; i++)
        using_condition(planner, join, LIST_AT(names, i, SqlName));
    from_pad_scope(planner, join);
    for (int32_t i = 0; i < names.count && !join->is_failed; i++)
        using_merge(planner, join, LIST_AT(names, i, SqlName), i);
    root->is_failed |= join->is_failed;
    return root;
}

From *bind_from(Planner *planner, const SqlTable *table)
{
    assert(table != NULL);
    if (table->kind == SQL_TABLE_JOIN)
        return from_join(planner, table);
    if (table->kind == SQL_TABLE_UNNEST)
        return from_unnest(planner, table);
    From *leaf = from_bind_leaf(planner, table);
    if (table->kind == SQL_TABLE_NAMED && table->named.as_of != NULL) {
        Diagnostic *d = REPORT(planner, "WR2131", table->span,
                               "FOR SYSTEM_TIME AS OF belongs to the right table of a join");
        diagnostic_help(d, "write FROM left JOIN right FOR SYSTEM_TIME AS OF left.ts AS r ON …");
        leaf->is_failed = true;
    }
    return leaf;
}
