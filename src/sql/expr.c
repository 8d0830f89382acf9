/* Expressions by precedence climbing.
 *
 *     level   operators
 *     1       OR
 *     2       AND
 *     3       NOT                        (prefix)
 *     4       IS ...                     (postfix)
 *     5       = <> < <= > >=  IS DISTINCT FROM
 *     6       BETWEEN IN LIKE SIMILAR OVERLAPS
 *     7       + - ||
 *     8       * / %
 *     9       + -                        (prefix)
 *     10      [] .                       (postfix, with the primaries)
 *
 * All binary operators are left-associative. */
#include <assert.h>

#include "sql/internal.h"

enum {
    LEVEL_OR = 1,
    LEVEL_AND,
    LEVEL_NOT,
    LEVEL_IS,
    LEVEL_COMPARE,
    LEVEL_RANGE,
    LEVEL_ADD,
    LEVEL_MULTIPLY,
    LEVEL_SIGN,
};

static SqlExpr *expr_parse_level(Parser *parser, int32_t level_min);

SqlExpr *expr_new(Parser *parser, SqlExprKind kind, Span span)
{
    SqlExpr *expr = ARENA_NEW(parser->arena, SqlExpr);
    expr->kind = kind;
    expr->span = span;
    return expr;
}

typedef struct BinaryOperator {
    TokenKind token;
    Keyword keyword; /* for TOKEN_WORD */
    SqlBinaryOp op;
    int32_t level;
} BinaryOperator;

static const BinaryOperator expr_operators[] = {
    {TOKEN_WORD, KW_OR, SQL_OR, LEVEL_OR},
    {TOKEN_WORD, KW_AND, SQL_AND, LEVEL_AND},
    {TOKEN_EQUAL, NO_KEYWORD, SQL_EQUAL, LEVEL_COMPARE},
    {TOKEN_NOT_EQUAL, NO_KEYWORD, SQL_NOT_EQUAL, LEVEL_COMPARE},
    {TOKEN_BANG_EQUAL, NO_KEYWORD, SQL_NOT_EQUAL, LEVEL_COMPARE},
    {TOKEN_DOUBLE_EQUAL, NO_KEYWORD, SQL_EQUAL, LEVEL_COMPARE},
    {TOKEN_LESS, NO_KEYWORD, SQL_LESS, LEVEL_COMPARE},
    {TOKEN_LESS_EQUAL, NO_KEYWORD, SQL_LESS_EQUAL, LEVEL_COMPARE},
    {TOKEN_GREATER, NO_KEYWORD, SQL_GREATER, LEVEL_COMPARE},
    {TOKEN_GREATER_EQUAL, NO_KEYWORD, SQL_GREATER_EQUAL, LEVEL_COMPARE},
    {TOKEN_WORD, KW_OVERLAPS, SQL_OVERLAPS, LEVEL_RANGE},
    {TOKEN_PLUS, NO_KEYWORD, SQL_ADD, LEVEL_ADD},
    {TOKEN_MINUS, NO_KEYWORD, SQL_SUBTRACT, LEVEL_ADD},
    {TOKEN_CONCAT, NO_KEYWORD, SQL_CONCAT, LEVEL_ADD},
    {TOKEN_STAR, NO_KEYWORD, SQL_MULTIPLY, LEVEL_MULTIPLY},
    {TOKEN_SLASH, NO_KEYWORD, SQL_DIVIDE, LEVEL_MULTIPLY},
    {TOKEN_PERCENT, NO_KEYWORD, SQL_MODULO, LEVEL_MULTIPLY},
};

static const BinaryOperator *expr_find_operator(const Token *token)
{
    for (size_t i = 0; i < sizeof(expr_operators) / sizeof(expr_operators[0]); i++) {
        const BinaryOperator *op = &expr_operators[i];
        if (op->token == token->kind &&
            (token->kind != TOKEN_WORD || op->keyword == token->keyword))
            return op;
    }
    return NULL;
}

static SqlExpr *expr_binary(Parser *parser, SqlBinaryOp op, Span op_span, SqlExpr *left,
                            SqlExpr *right)
{
    if (right == NULL || !parser_grow(parser))
        return NULL;
    SqlExpr *expr = expr_new(parser, SQL_BINARY, span_join(left->span, right->span));
    expr->binary.op = op;
    expr->binary.op_span = op_span;
    expr->binary.left = left;
    expr->binary.right = right;
    return expr;
}

/* a > ALL (query), a > ALL (list): the quantifier stands at the current token. */
static SqlExpr *expr_parse_quantified(Parser *parser, SqlBinaryOp op, SqlExpr *left)
{
    SqlExpr *expr = expr_new(parser, SQL_QUANTIFIED, left->span);
    expr->quantified.op = op;
    expr->quantified.left = left;
    expr->quantified.is_all = parser_next(parser)->keyword == KW_ALL;
    bool is_query = parser_is(parser, TOKEN_LEFT_PAREN) && parser_is_nested_query(parser);
    if (!parser_expect(parser, TOKEN_LEFT_PAREN, "before the subquery or list"))
        return NULL;
    if (is_query) {
        expr->quantified.query = parse_query(parser);
        if (expr->quantified.query == NULL)
            return NULL;
    } else if (!parse_expr_list(parser, &expr->quantified.values)) {
        return NULL;
    }
    if (!parser_expect(parser, TOKEN_RIGHT_PAREN, "behind the subquery or list") ||
        !parser_grow(parser))
        return NULL;
    expr->span = parser_span_from(parser, left->span);
    return expr;
}

static bool expr_is_quantifier(const Parser *parser)
{
    return (parser_is_keyword(parser, KW_ANY) || parser_is_keyword(parser, KW_SOME) ||
            parser_is_keyword(parser, KW_ALL)) &&
           parser_peek_at(parser, 1)->kind == TOKEN_LEFT_PAREN;
}

static SqlExpr *expr_parse_binary(Parser *parser, const BinaryOperator *op, SqlExpr *left)
{
    /* != and == are reported, and then taken for what they mean. */
    if (op->token == TOKEN_BANG_EQUAL || op->token == TOKEN_DOUBLE_EQUAL)
        parser_fail_expected(parser, "an operator");
    Span op_span = parser_next(parser)->span;
    if (op->level == LEVEL_COMPARE && expr_is_quantifier(parser))
        return expr_parse_quantified(parser, op->op, left);
    SqlExpr *right = expr_parse_level(parser, op->level + 1);
    return expr_binary(parser, op->op, op_span, left, right);
}

/* ---- IS ---- */

static bool expr_is_distinct_from(const Parser *parser)
{
    int32_t at = parser_is_keyword_at(parser, 1, KW_NOT) ? 2 : 1;
    return parser_is_keyword_at(parser, at, KW_DISTINCT);
}

static SqlExpr *expr_parse_distinct_from(Parser *parser, SqlExpr *left)
{
    Span start = parser_next(parser)->span;
    bool is_negated = parser_accept_keyword(parser, KW_NOT);
    if (!parser_expect_keyword(parser, KW_DISTINCT, "behind IS") ||
        !parser_expect_keyword(parser, KW_FROM, "behind DISTINCT"))
        return NULL;
    Span op_span = parser_span_from(parser, start);
    SqlExpr *right = expr_parse_level(parser, LEVEL_COMPARE + 1);
    return expr_binary(parser, is_negated ? SQL_IS_NOT_DISTINCT : SQL_IS_DISTINCT, op_span, left,
                       right);
}

static bool expr_parse_json_test(Parser *parser, SqlIsKind *out)
{
    *out = SQL_IS_JSON_VALUE;
    if (parser_accept_keyword(parser, KW_SCALAR))
        *out = SQL_IS_JSON_SCALAR;
    else if (parser_accept_keyword(parser, KW_ARRAY))
        *out = SQL_IS_JSON_ARRAY;
    else if (parser_accept_keyword(parser, KW_OBJECT))
        *out = SQL_IS_JSON_OBJECT;
    else
        parser_accept_keyword(parser, KW_VALUE);
    return true;
}

static SqlExpr *expr_parse_is(Parser *parser, SqlExpr *operand)
{
    parser_next(parser);
    bool is_negated = parser_accept_keyword(parser, KW_NOT);
    SqlIsKind test = SQL_IS_NULL;
    if (parser_accept_keyword(parser, KW_NULL)) {
        test = SQL_IS_NULL;
    } else if (parser_accept_keyword(parser, KW_TRUE)) {
        test = SQL_IS_TRUE;
    } else if (parser_accept_keyword(parser, KW_FALSE)) {
        test = SQL_IS_FALSE;
    } else if (parser_accept_keyword(parser, KW_UNKNOWN)) {
        test = SQL_IS_UNKNOWN;
    } else if (parser_accept_keyword(parser, KW_JSON)) {
        expr_parse_json_test(parser, &test);
    } else {
        parser_fail_expected(parser, "NULL, TRUE, FALSE, UNKNOWN, JSON or DISTINCT FROM behind IS");
        return NULL;
    }
    if (!parser_grow(parser))
        return NULL;
    SqlExpr *expr = expr_new(parser, SQL_IS, parser_span_from(parser, operand->span));
    expr->is.operand = operand;
    expr->is.test = test;
    expr->is.is_negated = is_negated;
    return expr;
}

/* ---- BETWEEN, IN, LIKE ---- */

static SqlExpr *expr_parse_between(Parser *parser, SqlExpr *operand, bool is_negated)
{
    parser_next(parser);
    bool is_symmetric = parser_accept_keyword(parser, KW_SYMMETRIC);
    if (!is_symmetric)
        parser_accept_keyword(parser, KW_ASYMMETRIC);
    SqlExpr *low = expr_parse_level(parser, LEVEL_ADD);
    if (low == NULL || !parser_expect_keyword(parser, KW_AND, "between the bounds of BETWEEN"))
        return NULL;
    SqlExpr *high = expr_parse_level(parser, LEVEL_ADD);
    if (high == NULL || !parser_grow(parser))
        return NULL;
    SqlExpr *expr = expr_new(parser, SQL_BETWEEN, span_join(operand->span, high->span));
    expr->between.operand = operand;
    expr->between.low = low;
    expr->between.high = high;
    expr->between.is_negated = is_negated;
    expr->between.is_symmetric = is_symmetric;
    return expr;
}

static SqlExpr *expr_parse_in(Parser *parser, SqlExpr *operand, bool is_negated)
{
    parser_next(parser);
    SqlExpr *expr = expr_new(parser, SQL_IN, operand->span);
    expr->in.operand = operand;
    expr->in.is_negated = is_negated;
    bool is_query = parser_is(parser, TOKEN_LEFT_PAREN) && parser_is_nested_query(parser);
    if (!parser_expect(parser, TOKEN_LEFT_PAREN, "behind IN"))
        return NULL;
    if (is_query) {
        expr->in.query = parse_query(parser);
        if (expr->in.query == NULL)
            return NULL;
    } else if (!parse_expr_list(parser, &expr->in.values)) {
        return NULL;
    }
    if (!parser_expect(parser, TOKEN_RIGHT_PAREN, "or `,` in the list of IN") ||
        !parser_grow(parser))
        return NULL;
    expr->span = parser_span_from(parser, operand->span);
    return expr;
}

static SqlExpr *expr_parse_like(Parser *parser, SqlExpr *operand, bool is_negated)
{
    bool is_similar = parser_next(parser)->keyword == KW_SIMILAR;
    if (is_similar && !parser_expect_keyword(parser, KW_TO, "behind SIMILAR"))
        return NULL;
    SqlExpr *expr = expr_new(parser, SQL_LIKE, operand->span);
    expr->like.operand = operand;
    expr->like.is_negated = is_negated;
    expr->like.is_similar = is_similar;
    expr->like.pattern = expr_parse_level(parser, LEVEL_ADD);
    if (expr->like.pattern == NULL)
        return NULL;
    if (parser_accept_keyword(parser, KW_ESCAPE)) {
        expr->like.escape = expr_parse_level(parser, LEVEL_ADD);
        if (expr->like.escape == NULL)
            return NULL;
    }
    expr->span = parser_span_from(parser, operand->span);
    return parser_grow(parser) ? expr : NULL;
}

static SqlExpr *expr_fail_like(Parser *parser)
{
    bool is_ilike = parser_is_keyword(parser, KW_ILIKE);
    Diagnostic *d = parser_error(parser, "WR1027", parser_peek(parser)->span, "%s is not supported",
                                 is_ilike ? "ILIKE" : "RLIKE");
    diagnostic_help(d, is_ilike ? "write LOWER(a) LIKE LOWER(b)" : "write REGEXP(text, pattern)");
    return NULL;
}

/* The operator at `ahead` (behind a NOT, or here) of the BETWEEN family? */
static bool expr_is_range(const Parser *parser, int32_t ahead)
{
    static const Keyword keywords[] = {KW_BETWEEN, KW_IN, KW_LIKE, KW_SIMILAR, KW_ILIKE, KW_RLIKE};
    for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
        if (parser_is_keyword_at(parser, ahead, keywords[i]))
            return true;
    }
    return false;
}

static SqlExpr *expr_parse_range(Parser *parser, SqlExpr *operand)
{
    bool is_negated = parser_accept_keyword(parser, KW_NOT);
    if (parser_is_keyword(parser, KW_BETWEEN))
        return expr_parse_between(parser, operand, is_negated);
    if (parser_is_keyword(parser, KW_IN))
        return expr_parse_in(parser, operand, is_negated);
    if (parser_is_keyword(parser, KW_ILIKE) || parser_is_keyword(parser, KW_RLIKE))
        return expr_fail_like(parser);
    return expr_parse_like(parser, operand, is_negated);
}

/* ---- The climb ---- */

static SqlExpr *expr_parse_prefix(Parser *parser)
{
    const Token *token = parser_peek(parser);
    bool is_not = parser_is_keyword(parser, KW_NOT);
    if (!is_not && token->kind != TOKEN_PLUS && token->kind != TOKEN_MINUS)
        return parse_primary(parser);
    if (!parser_enter(parser))
        return NULL;
    parser_next(parser);
    SqlExpr *operand = expr_parse_level(parser, is_not ? LEVEL_IS : LEVEL_SIGN);
    parser_leave(parser);
    if (operand == NULL || !parser_grow(parser))
        return NULL;
    SqlExpr *expr = expr_new(parser, SQL_UNARY, span_join(token->span, operand->span));
    expr->unary.op = is_not ? SQL_NOT : token->kind == TOKEN_PLUS ? SQL_PLUS : SQL_MINUS;
    expr->unary.operand = operand;
    return expr;
}

/* One operator behind `left`; NULL with `is_done` set when none of level_min or above stands
 * there, NULL without it after an error. */
static SqlExpr *expr_parse_step(Parser *parser, SqlExpr *left, int32_t level_min, bool *is_done)
{
    const Token *token = parser_peek(parser);
    bool is_negated = parser_is_keyword(parser, KW_NOT);
    *is_done = false;
    if (level_min <= LEVEL_RANGE && expr_is_range(parser, is_negated ? 1 : 0))
        return expr_parse_range(parser, left);
    if (parser_is_keyword(parser, KW_IS)) {
        if (level_min <= LEVEL_COMPARE && expr_is_distinct_from(parser))
            return expr_parse_distinct_from(parser, left);
        if (level_min <= LEVEL_IS && !expr_is_distinct_from(parser))
            return expr_parse_is(parser, left);
    }
    const BinaryOperator *op = expr_find_operator(token);
    if (op != NULL && op->level >= level_min)
        return expr_parse_binary(parser, op, left);
    *is_done = true;
    return NULL;
}

static SqlExpr *expr_parse_level(Parser *parser, int32_t level_min)
{
    int32_t outer_height = parser->height;
    parser->height = 0;
    SqlExpr *left = expr_parse_prefix(parser);
    bool is_done = left == NULL;
    while (!is_done) {
        SqlExpr *next = expr_parse_step(parser, left, level_min, &is_done);
        if (next == NULL && !is_done)
            return NULL;
        if (next != NULL)
            left = next;
    }
    if (parser->height < outer_height)
        parser->height = outer_height;
    return left;
}

SqlExpr *parse_expr(Parser *parser)
{
    if (!parser_enter(parser))
        return NULL;
    SqlExpr *expr = expr_parse_level(parser, 0);
    parser_leave(parser);
    return expr;
}

bool parse_expr_list(Parser *parser, List *out)
{
    do {
        SqlExpr *expr = parse_expr(parser);
        if (expr == NULL)
            return false;
        list_append(out, parser->arena, expr);
    } while (parser_accept(parser, TOKEN_COMMA));
    return true;
}
