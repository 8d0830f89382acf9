/* Expressions over nested values: constructors, fields, elements, rows compared field by field. */
#include <assert.h>
#include <inttypes.h>

#include "plan/internal.h"
#include "sql/sql.h"

static Expr *nested_poison(ExprBinder *binder, Span span)
{
    Expr *expr = expr_poison(binder->planner->arena);
    expr->span_start = span.start;
    expr->span_end = span.end;
    return expr;
}

/* ARRAY[…], MAP[…], ROW(…) */
Expr *bind_constructor(ExprBinder *binder, const SqlExpr *expr)
{
    const List *items = &expr->collection.items;
    if (expr->collection.query != NULL) {
        planner_unsupported(binder->planner, expr->span, "ARRAY of a query");
        return nested_poison(binder, expr->span);
    }
    Expr **args = ARENA_ARRAY(binder->planner->arena, Expr *, items->count + 1);
    for (int32_t i = 0; i < items->count; i++)
        args[i] = bind_expr(binder, LIST_AT(*items, i, SqlExpr));
    const char *name = expr->kind == SQL_ARRAY ? "ARRAY[]" : "MAP[]";
    if (expr->kind == SQL_ROW)
        name = "ROW()";
    return bind_function(binder, name, args, items->count, expr->span);
}

Expr *bind_field_at(ExprBinder *binder, Expr *row, int32_t field, Span span)
{
    assert(row->type.id == TYPE_ROW);
    assert(field >= 0 && field < row->type.child_count);
    Arena *arena = binder->planner->arena;
    Value index = {.type = type_not_null(type_simple(TYPE_INT)), .integer = field};
    Expr **args = ARENA_ARRAY(arena, Expr *, 2);
    args[0] = row;
    args[1] = expr_literal(arena, index);
    return bind_function(binder, ".", args, 2, span);
}

static Expr *bind_field_named(ExprBinder *binder, Expr *row, Str field, Span span)
{
    if (expr_is_poison(row))
        return row;
    Planner *planner = binder->planner;
    Type type = row->type;
    for (int32_t i = 0; type.id == TYPE_ROW && i < type.child_count; i++) {
        if (str_equal(type.child_names[i], field))
            return bind_field_at(binder, row, i, span);
    }
    const char *text = type_text(planner->arena, type_plain(type_nullable(type)));
    if (type.id == TYPE_ROW) {
        Diagnostic *d =
            REPORT(planner, "WR2053", span, "the ROW has no field `%.*s`", STR_ARGS(field));
        diagnostic_suggest(d, type.child_names, type.child_count, field);
        diagnostic_note(d, "it is a %s", text);
        return nested_poison(binder, span);
    }
    Diagnostic *d =
        REPORT(planner, "WR2053", span, "%s has no field `%.*s`", text, STR_ARGS(field));
    diagnostic_label(d, "not a ROW");
    return nested_poison(binder, span);
}

Expr *bind_field(ExprBinder *binder, Expr *row, const SqlName *field, Span span)
{
    return bind_field_named(binder, row, field->text, span);
}

/* (expression).field */
Expr *bind_field_of(ExprBinder *binder, const SqlExpr *expr)
{
    Expr *row = bind_expr(binder, expr->field.operand);
    return bind_field(binder, row, expr->field.name, expr->span);
}

/* row[1], row['name']: the field must be known before there is a row. */
static Expr *bind_row_subscript(ExprBinder *binder, Expr *row, const Expr *index, Span span)
{
    Planner *planner = binder->planner;
    bool is_constant = index->kind == EXPR_LITERAL && !index->literal.is_null;
    if (is_constant && type_is_text(index->type))
        return bind_field_named(binder, row, index->literal.text, span);
    if (!is_constant || index->type.id != TYPE_INT) {
        REPORT(planner, "WR2053", span, "a field of a ROW is its number or its name, written out");
        return nested_poison(binder, span);
    }
    int64_t number = index->literal.integer;
    if (number >= 1 && number <= row->type.child_count)
        return bind_field_at(binder, row, (int32_t)number - 1, span);
    Diagnostic *d = REPORT(planner, "WR2053", span, "the ROW has no field %" PRId64, number);
    diagnostic_note(d, "it is a %s",
                    type_text(planner->arena, type_plain(type_nullable(row->type))));
    return nested_poison(binder, span);
}

/* array[index], map[key], row[number] */
Expr *bind_subscript(ExprBinder *binder, const SqlExpr *expr)
{
    Expr **args = ARENA_ARRAY(binder->planner->arena, Expr *, 2);
    args[0] = bind_expr(binder, expr->subscript.operand);
    args[1] = bind_expr(binder, expr->subscript.index);
    if (args[0]->type.id == TYPE_ROW && !expr_is_poison(args[1]))
        return bind_row_subscript(binder, args[0], args[1], expr->span);
    return bind_function(binder, "[]", args, 2, expr->span);
}

/* ---- Fields by their name alone -------------------------------------------------------- */

static int32_t row_depth(Type type)
{
    int32_t deepest = 0;
    for (int32_t i = 0; type.id == TYPE_ROW && i < type.child_count; i++) {
        int32_t depth = row_depth(type.children[i]);
        deepest = depth > deepest ? depth : deepest;
    }
    return type.id == TYPE_ROW ? deepest + 1 : 0;
}

/* How many fields `depth` ROWs inside the type have the name. */
static int32_t fields_named(Type type, Str name, int32_t depth)
{
    int32_t count = 0;
    for (int32_t i = 0; type.id == TYPE_ROW && i < type.child_count; i++) {
        if (depth > 0)
            count += fields_named(type.children[i], name, depth - 1);
        else
            count += str_equal(type.child_names[i], name);
    }
    return count;
}

HiddenField scope_hidden_field(const Scope *scope, const ScopeTable *table, Str name)
{
    HiddenField hidden = {0};
    bool is_deeper = true;
    for (int32_t depth = 0; is_deeper && hidden.count == 0; depth++) {
        is_deeper = false;
        for (int32_t i = 0; i < scope->column_count; i++) {
            const ScopeColumn *column = &scope->columns[i];
            if (table != NULL && column->table != table - scope->tables)
                continue;
            is_deeper |= row_depth(column->expr->type) > depth;
            int32_t count = fields_named(column->expr->type, name, depth);
            if (hidden.count == 0)
                hidden.column = column;
            hidden.count += count;
            hidden.depth = depth;
        }
    }
    return hidden;
}

Expr *bind_hidden_field(ExprBinder *binder, const HiddenField *hidden, Str name, Span span)
{
    assert(hidden->count > 0);
    if (hidden->count > 1) {
        Diagnostic *d = REPORT(binder->planner, "WR2050", span, "the field `%.*s` is ambiguous",
                               STR_ARGS(name));
        diagnostic_label(d, "%d fields of ROW have this name", hidden->count);
        diagnostic_help(d, "write the column before it, as `%.*s.%.*s`",
                        STR_ARGS(hidden->column->name), STR_ARGS(name));
        return nested_poison(binder, span);
    }
    Expr *row = hidden->column->expr;
    for (int32_t depth = hidden->depth; depth > 0; depth--) {
        int32_t field = 0;
        while (fields_named(row->type.children[field], name, depth - 1) == 0)
            field++;
        row = bind_field_at(binder, row, field, span);
    }
    return bind_field_named(binder, row, name, span);
}

/* ---- Rows compared field by field ------------------------------------------------------ */

/* Fields of ROW(…) as expressions. */
typedef struct RowItems {
    Expr **exprs;
    int32_t count;
    Span span;
} RowItems;

static RowItems row_bind(ExprBinder *binder, const SqlExpr *row)
{
    assert(row->kind == SQL_ROW);
    const List *list = &row->collection.items;
    RowItems items = {.count = list->count, .span = row->span};
    items.exprs = ARENA_ARRAY(binder->planner->arena, Expr *, list->count + 1);
    for (int32_t i = 0; i < list->count; i++)
        items.exprs[i] = bind_expr(binder, LIST_AT(*list, i, SqlExpr));
    return items;
}

static Expr *bind_pair(ExprBinder *binder, const char *name, Expr *a, Expr *b, Span span)
{
    Expr **args = ARENA_ARRAY(binder->planner->arena, Expr *, 2);
    args[0] = a;
    args[1] = b;
    return bind_function(binder, name, args, 2, span);
}

/* a1 = b1 AND a2 = b2 …: unknown where a field is NULL, unlike two rows that are compared as
 * values. */
static Expr *rows_equal(ExprBinder *binder, const RowItems *a, const RowItems *b, Span span)
{
    if (a->count != b->count) {
        Diagnostic *d =
            REPORT(binder->planner, "WR2301", span,
                   "a row of %d fields cannot be compared with one of %d", a->count, b->count);
        diagnostic_label(d, "%d against %d fields", a->count, b->count);
        return nested_poison(binder, span);
    }
    Expr *all = NULL;
    for (int32_t i = 0; i < a->count; i++) {
        Expr *equal = bind_pair(binder, "=", a->exprs[i], b->exprs[i], span);
        all = all == NULL ? equal : bind_pair(binder, "AND", all, equal, span);
    }
    return all;
}

static Expr *bind_not(ExprBinder *binder, Expr *expr, bool is_negated, Span span)
{
    if (!is_negated)
        return expr;
    Expr **args = ARENA_ARRAY(binder->planner->arena, Expr *, 1);
    args[0] = expr;
    return bind_function(binder, "NOT", args, 1, span);
}

Expr *bind_row_comparison(ExprBinder *binder, const SqlExpr *expr)
{
    assert(expr->kind == SQL_BINARY);
    bool is_equality = expr->binary.op == SQL_EQUAL || expr->binary.op == SQL_NOT_EQUAL;
    const SqlExpr *left = expr->binary.left, *right = expr->binary.right;
    if (!is_equality || left->kind != SQL_ROW || right->kind != SQL_ROW ||
        left->collection.items.count == 0)
        return NULL;
    RowItems a = row_bind(binder, left);
    RowItems b = row_bind(binder, right);
    Expr *equal = rows_equal(binder, &a, &b, expr->span);
    return bind_not(binder, equal, expr->binary.op == SQL_NOT_EQUAL, expr->span);
}

Expr *bind_row_in(ExprBinder *binder, const SqlExpr *expr)
{
    assert(expr->kind == SQL_IN);
    const SqlExpr *operand = expr->in.operand;
    if (operand->kind != SQL_ROW || expr->in.query != NULL || operand->collection.items.count == 0)
        return NULL;
    for (int32_t i = 0; i < expr->in.values.count; i++)
        if (LIST_AT(expr->in.values, i, SqlExpr)->kind != SQL_ROW)
            return NULL;
    RowItems a = row_bind(binder, operand);
    Expr *any = NULL;
    for (int32_t i = 0; i < expr->in.values.count; i++) {
        RowItems b = row_bind(binder, LIST_AT(expr->in.values, i, SqlExpr));
        Expr *equal = rows_equal(binder, &a, &b, b.span);
        any = any == NULL ? equal : bind_pair(binder, "OR", any, equal, expr->span);
    }
    return bind_not(binder, any, expr->in.is_negated, expr->span);
}

/* ---- row.* ----------------------------------------------------------------------------- */

/* Whether the path begins with a column of type ROW, with or without its table's name. */
static bool path_is_row(ExprBinder *binder, const SqlPath *path)
{
    const ScopeColumn *column = NULL;
    const Scope *scope = binder->scope;
    if (scope_find(scope, LIST_AT(path->parts, 0, SqlName)->text, &column) > 0)
        return true;
    return path->parts.count > 1 && scope_find_table(binder->planner, scope, path, 1) != NULL;
}

Expr *bind_row_star(ExprBinder *binder, const SqlPath *path, Span span)
{
    if (binder->scope == NULL || !path_is_row(binder, path))
        return NULL;
    Expr *row = bind_column(binder, path, span);
    if (expr_is_poison(row) || row->type.id == TYPE_ROW)
        return row;
    const char *text = type_text(binder->planner->arena, type_plain(type_nullable(row->type)));
    Diagnostic *d = REPORT(binder->planner, "WR2053", span, "%s has no fields", text);
    diagnostic_label(d, "not a ROW");
    return nested_poison(binder, span);
}
