/* Printing expressions, with no more parentheses than parsing them again needs. */
#include <assert.h>

#include "sql/internal.h"

/* The levels are those of expr.c. */
enum {
    PRINT_IS = 4,
    PRINT_COMPARE = 5,
    PRINT_RANGE = 6,
    PRINT_ADD = 7,
    PRINT_SIGN = 9,
    PRINT_PRIMARY = 10,
};

typedef struct OperatorText {
    const char *text;
    int32_t level;
} OperatorText;

static const OperatorText print_operators[] = {
    [SQL_OR] = {"OR", 1},
    [SQL_AND] = {"AND", 2},
    [SQL_EQUAL] = {"=", 5},
    [SQL_NOT_EQUAL] = {"<>", 5},
    [SQL_LESS] = {"<", 5},
    [SQL_LESS_EQUAL] = {"<=", 5},
    [SQL_GREATER] = {">", 5},
    [SQL_GREATER_EQUAL] = {">=", 5},
    [SQL_IS_DISTINCT] = {"IS DISTINCT FROM", 5},
    [SQL_IS_NOT_DISTINCT] = {"IS NOT DISTINCT FROM", 5},
    [SQL_OVERLAPS] = {"OVERLAPS", 6},
    [SQL_ADD] = {"+", 7},
    [SQL_SUBTRACT] = {"-", 7},
    [SQL_CONCAT] = {"||", 7},
    [SQL_MULTIPLY] = {"*", 8},
    [SQL_DIVIDE] = {"/", 8},
    [SQL_MODULO] = {"%", 8},
};

int32_t expr_level(const SqlExpr *expr)
{
    switch ((int)expr->kind) {
    case SQL_BINARY: return print_operators[expr->binary.op].level;
    case SQL_UNARY: return expr->unary.op == SQL_NOT ? 3 : PRINT_SIGN;
    case SQL_IS: return PRINT_IS;
    case SQL_QUANTIFIED: return PRINT_COMPARE;
    case SQL_BETWEEN:
    case SQL_IN:
    case SQL_LIKE: return PRINT_RANGE;
    default: return PRINT_PRIMARY;
    }
}

void print_expr_at(Buffer *out, const SqlExpr *expr, int32_t level_min)
{
    bool needs_parentheses = expr_level(expr) < level_min;
    if (needs_parentheses)
        buffer_append_char(out, '(');
    sql_print_expr(out, expr);
    if (needs_parentheses)
        buffer_append_char(out, ')');
}

void print_expr_list(Buffer *out, List exprs)
{
    for (int32_t i = 0; i < exprs.count; i++) {
        buffer_append_text(out, i > 0 ? ", " : "");
        sql_print_expr(out, LIST_AT(exprs, i, SqlExpr));
    }
}

static void print_subquery(Buffer *out, const SqlQuery *query)
{
    buffer_append_char(out, '(');
    sql_print_query(out, query);
    buffer_append_char(out, ')');
}

static void print_binary(Buffer *out, const SqlExpr *expr)
{
    const OperatorText *op = &print_operators[expr->binary.op];
    print_expr_at(out, expr->binary.left, op->level);
    buffer_printf(out, " %s ", op->text);
    print_expr_at(out, expr->binary.right, op->level + 1);
}

static void print_unary(Buffer *out, const SqlExpr *expr)
{
    static const char *const texts[] = {[SQL_PLUS] = "+", [SQL_MINUS] = "-", [SQL_NOT] = "NOT "};
    buffer_append_text(out, texts[expr->unary.op]);
    /* A sign before a sign would be a comment. */
    print_expr_at(out, expr->unary.operand, expr->unary.op == SQL_NOT ? PRINT_IS : PRINT_PRIMARY);
}

static void print_is(Buffer *out, const SqlExpr *expr)
{
    static const char *const texts[] = {
        [SQL_IS_NULL] = "NULL",
        [SQL_IS_TRUE] = "TRUE",
        [SQL_IS_FALSE] = "FALSE",
        [SQL_IS_UNKNOWN] = "UNKNOWN",
        [SQL_IS_JSON_VALUE] = "JSON VALUE",
        [SQL_IS_JSON_SCALAR] = "JSON SCALAR",
        [SQL_IS_JSON_ARRAY] = "JSON ARRAY",
        [SQL_IS_JSON_OBJECT] = "JSON OBJECT",
    };
    print_expr_at(out, expr->is.operand, PRINT_IS);
    buffer_printf(out, " IS %s%s", expr->is.is_negated ? "NOT " : "", texts[expr->is.test]);
}

static void print_between(Buffer *out, const SqlExpr *expr)
{
    print_expr_at(out, expr->between.operand, PRINT_RANGE);
    buffer_append_text(out, expr->between.is_negated ? " NOT BETWEEN " : " BETWEEN ");
    if (expr->between.is_symmetric)
        buffer_append_text(out, "SYMMETRIC ");
    print_expr_at(out, expr->between.low, PRINT_ADD);
    buffer_append_text(out, " AND ");
    print_expr_at(out, expr->between.high, PRINT_ADD);
}

static void print_in(Buffer *out, const SqlExpr *expr)
{
    print_expr_at(out, expr->in.operand, PRINT_RANGE);
    buffer_append_text(out, expr->in.is_negated ? " NOT IN " : " IN ");
    if (expr->in.query != NULL) {
        print_subquery(out, expr->in.query);
        return;
    }
    buffer_append_char(out, '(');
    print_expr_list(out, expr->in.values);
    buffer_append_char(out, ')');
}

static void print_like(Buffer *out, const SqlExpr *expr)
{
    print_expr_at(out, expr->like.operand, PRINT_RANGE);
    buffer_append_text(out, expr->like.is_negated ? " NOT" : "");
    buffer_append_text(out, expr->like.is_similar ? " SIMILAR TO " : " LIKE ");
    print_expr_at(out, expr->like.pattern, PRINT_ADD);
    if (expr->like.escape != NULL) {
        buffer_append_text(out, " ESCAPE ");
        print_expr_at(out, expr->like.escape, PRINT_ADD);
    }
}

static void print_case(Buffer *out, const SqlExpr *expr)
{
    buffer_append_text(out, "CASE");
    if (expr->case_.operand != NULL) {
        buffer_append_char(out, ' ');
        sql_print_expr(out, expr->case_.operand);
    }
    for (int32_t i = 0; i < expr->case_.whens.count; i++) {
        const SqlWhen *when = LIST_AT(expr->case_.whens, i, SqlWhen);
        buffer_append_text(out, " WHEN ");
        sql_print_expr(out, when->condition);
        buffer_append_text(out, " THEN ");
        sql_print_expr(out, when->result);
    }
    if (expr->case_.otherwise != NULL) {
        buffer_append_text(out, " ELSE ");
        sql_print_expr(out, expr->case_.otherwise);
    }
    buffer_append_text(out, " END");
}

static void print_cast(Buffer *out, const SqlExpr *expr)
{
    buffer_append_text(out, expr->cast.is_try ? "TRY_CAST(" : "CAST(");
    sql_print_expr(out, expr->cast.operand);
    buffer_append_text(out, " AS ");
    print_sql_type(out, expr->cast.type);
    buffer_append_char(out, ')');
}

static void print_collection(Buffer *out, const SqlExpr *expr)
{
    if (expr->collection.query != NULL) {
        buffer_append_text(out, "ARRAY");
        print_subquery(out, expr->collection.query);
        return;
    }
    bool is_row = expr->kind == SQL_ROW;
    buffer_append_text(out, is_row ? "ROW(" : expr->kind == SQL_MAP ? "MAP[" : "ARRAY[");
    print_expr_list(out, expr->collection.items);
    buffer_append_char(out, is_row ? ')' : ']');
}

/* What '[' or '.' may follow without parentheses. */
static void print_postfix_operand(Buffer *out, const SqlExpr *expr, bool is_subscript)
{
    bool is_bare = expr->kind == SQL_SUBSCRIPT || expr->kind == SQL_FIELD ||
                   (expr->kind == SQL_CALL && expr->call->has_parentheses) ||
                   (expr->kind == SQL_COLUMN && is_subscript);
    print_expr_at(out, expr, is_bare ? 0 : PRINT_PRIMARY + 1);
}

static void print_table_argument(Buffer *out, const SqlExpr *expr)
{
    buffer_append_text(out, "TABLE ");
    if (expr->table.query != NULL)
        print_subquery(out, expr->table.query);
    else
        print_path(out, expr->table.table);
    if (expr->table.partition_by.count > 0) {
        buffer_append_text(out, " PARTITION BY (");
        print_expr_list(out, expr->table.partition_by);
        buffer_append_char(out, ')');
    }
    print_order_by(out, expr->table.order_by);
}

static void print_quantified(Buffer *out, const SqlExpr *expr)
{
    print_expr_at(out, expr->quantified.left, PRINT_COMPARE);
    buffer_printf(out, " %s %s ", print_operators[expr->quantified.op].text,
                  expr->quantified.is_all ? "ALL" : "ANY");
    if (expr->quantified.query != NULL) {
        print_subquery(out, expr->quantified.query);
        return;
    }
    buffer_append_char(out, '(');
    print_expr_list(out, expr->quantified.values);
    buffer_append_char(out, ')');
}

static void print_postfix(Buffer *out, const SqlExpr *expr)
{
    if (expr->kind == SQL_SUBSCRIPT) {
        print_postfix_operand(out, expr->subscript.operand, true);
        buffer_append_char(out, '[');
        sql_print_expr(out, expr->subscript.index);
        buffer_append_char(out, ']');
        return;
    }
    print_postfix_operand(out, expr->field.operand, false);
    buffer_append_char(out, '.');
    sql_print_name(out, expr->field.name->text);
}

static void print_star(Buffer *out, const SqlExpr *expr)
{
    if (expr->star != NULL) {
        print_path(out, expr->star);
        buffer_append_char(out, '.');
    }
    buffer_append_char(out, '*');
}

void sql_print_expr(Buffer *out, const SqlExpr *expr)
{
    switch (expr->kind) {
    case SQL_LITERAL: print_literal(out, &expr->literal); break;
    case SQL_COLUMN: print_path(out, expr->column); break;
    case SQL_STAR: print_star(out, expr); break;
    case SQL_UNARY: print_unary(out, expr); break;
    case SQL_BINARY: print_binary(out, expr); break;
    case SQL_IS: print_is(out, expr); break;
    case SQL_BETWEEN: print_between(out, expr); break;
    case SQL_IN: print_in(out, expr); break;
    case SQL_LIKE: print_like(out, expr); break;
    case SQL_CASE: print_case(out, expr); break;
    case SQL_CAST: print_cast(out, expr); break;
    case SQL_CALL: print_call(out, expr->call); break;
    case SQL_EXISTS:
        buffer_append_text(out, "EXISTS ");
        print_subquery(out, expr->query);
        break;
    case SQL_SUBQUERY: print_subquery(out, expr->query); break;
    case SQL_QUANTIFIED: print_quantified(out, expr); break;
    case SQL_ARRAY:
    case SQL_MAP:
    case SQL_ROW: print_collection(out, expr); break;
    case SQL_SUBSCRIPT:
    case SQL_FIELD: print_postfix(out, expr); break;
    case SQL_DESCRIPTOR:
        buffer_append_text(out, "DESCRIPTOR");
        print_names(out, expr->descriptor);
        break;
    case SQL_TABLE_ARGUMENT: print_table_argument(out, expr); break;
    case SQL_UNIT: buffer_append_text(out, sql_unit_name(expr->unit)); break;
    case SQL_DEFAULT: buffer_append_text(out, "DEFAULT"); break;
    }
}
