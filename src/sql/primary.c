/* What expressions are made of: literals, names, CASE, CAST, constructors, subqueries. */
#include <assert.h>

#include "sql/internal.h"

static SqlExpr *primary_parse_when_list(Parser *parser, SqlExpr *expr)
{
    while (parser_accept_keyword(parser, KW_WHEN)) {
        SqlWhen *when = ARENA_NEW(parser->arena, SqlWhen);
        when->condition = parse_expr(parser);
        if (when->condition == NULL || !parser_expect_keyword(parser, KW_THEN, "behind WHEN"))
            return NULL;
        when->result = parse_expr(parser);
        if (when->result == NULL)
            return NULL;
        list_append(&expr->case_.whens, parser->arena, when);
    }
    if (expr->case_.whens.count == 0) {
        parser_fail_expected(parser, "WHEN in CASE");
        return NULL;
    }
    return expr;
}

static SqlExpr *primary_parse_case(Parser *parser)
{
    Span start = parser_next(parser)->span;
    SqlExpr *expr = expr_new(parser, SQL_CASE, start);
    if (!parser_is_keyword(parser, KW_WHEN)) {
        expr->case_.operand = parse_expr(parser);
        if (expr->case_.operand == NULL)
            return NULL;
    }
    if (primary_parse_when_list(parser, expr) == NULL)
        return NULL;
    if (parser_accept_keyword(parser, KW_ELSE)) {
        expr->case_.otherwise = parse_expr(parser);
        if (expr->case_.otherwise == NULL)
            return NULL;
    }
    if (!parser_expect_keyword(parser, KW_END, "at the end of CASE"))
        return NULL;
    expr->span = parser_span_from(parser, start);
    return expr;
}

static SqlExpr *primary_parse_cast(Parser *parser)
{
    const Token *word = parser_next(parser);
    SqlExpr *expr = expr_new(parser, SQL_CAST, word->span);
    expr->cast.is_try = word->keyword == KW_TRY_CAST;
    if (!parser_expect(parser, TOKEN_LEFT_PAREN, "behind CAST"))
        return NULL;
    expr->cast.operand = parse_expr(parser);
    if (expr->cast.operand == NULL || !parser_expect_keyword(parser, KW_AS, "and a type in CAST"))
        return NULL;
    expr->cast.type = parse_type(parser);
    if (expr->cast.type == NULL || !parser_expect(parser, TOKEN_RIGHT_PAREN, "behind the type"))
        return NULL;
    expr->span = parser_span_from(parser, word->span);
    return expr;
}

/* (query), the parenthesis at the current token. */
static SqlQuery *primary_parse_subquery(Parser *parser)
{
    if (!parser_expect(parser, TOKEN_LEFT_PAREN, "before the subquery"))
        return NULL;
    SqlQuery *query = parse_query(parser);
    if (query == NULL || !parser_expect(parser, TOKEN_RIGHT_PAREN, "behind the subquery"))
        return NULL;
    return query;
}

static SqlExpr *primary_parse_exists(Parser *parser)
{
    Span start = parser_next(parser)->span;
    SqlExpr *expr = expr_new(parser, SQL_EXISTS, start);
    expr->query = primary_parse_subquery(parser);
    expr->span = parser_span_from(parser, start);
    return expr->query != NULL ? expr : NULL;
}

/* ARRAY[…], ARRAY(query), MAP[…] */
static SqlExpr *primary_parse_collection(Parser *parser, SqlExprKind kind)
{
    Span start = parser_next(parser)->span;
    SqlExpr *expr = expr_new(parser, kind, start);
    if (kind == SQL_ARRAY && parser_is(parser, TOKEN_LEFT_PAREN)) {
        expr->collection.query = primary_parse_subquery(parser);
        expr->span = parser_span_from(parser, start);
        return expr->collection.query != NULL ? expr : NULL;
    }
    if (!parser_expect(parser, TOKEN_LEFT_BRACKET, "behind the constructor's name"))
        return NULL;
    if (!parser_is(parser, TOKEN_RIGHT_BRACKET) &&
        !parse_expr_list(parser, &expr->collection.items))
        return NULL;
    if (!parser_expect(parser, TOKEN_RIGHT_BRACKET, "or `,` behind the element"))
        return NULL;
    expr->span = parser_span_from(parser, start);
    if (kind == SQL_MAP && expr->collection.items.count % 2 != 0) {
        Diagnostic *d = parser_error(parser, "WR1010", expr->span, "the last key has no value");
        diagnostic_help(d, "keys and values alternate: MAP['a', 1, 'b', 2]");
        return NULL;
    }
    return expr;
}

static SqlExpr *primary_parse_row(Parser *parser)
{
    Span start = parser_next(parser)->span;
    SqlExpr *expr = expr_new(parser, SQL_ROW, start);
    if (!parser_expect(parser, TOKEN_LEFT_PAREN, "behind ROW"))
        return NULL;
    if (!parser_is(parser, TOKEN_RIGHT_PAREN) && !parse_expr_list(parser, &expr->collection.items))
        return NULL;
    if (!parser_expect(parser, TOKEN_RIGHT_PAREN, "or `,` behind the field"))
        return NULL;
    expr->span = parser_span_from(parser, start);
    return expr;
}

/* (expr), (a, b), (query) */
static SqlExpr *primary_parse_parenthesis(Parser *parser)
{
    Span start = parser_peek(parser)->span;
    if (parser_is_nested_query(parser)) {
        SqlExpr *expr = expr_new(parser, SQL_SUBQUERY, start);
        expr->query = primary_parse_subquery(parser);
        expr->span = parser_span_from(parser, start);
        return expr->query != NULL ? expr : NULL;
    }
    parser_next(parser);
    List items = {0};
    if (!parse_expr_list(parser, &items) ||
        !parser_expect(parser, TOKEN_RIGHT_PAREN, "or `,` behind the expression"))
        return NULL;
    Span span = parser_span_from(parser, start);
    if (items.count == 1) {
        SqlExpr *inner = LIST_AT(items, 0, SqlExpr);
        inner->span = span;
        return inner;
    }
    SqlExpr *row = expr_new(parser, SQL_ROW, span);
    row->collection.items = items;
    return row;
}

static SqlExpr *primary_parse_descriptor(Parser *parser)
{
    Span start = parser_next(parser)->span;
    SqlExpr *expr = expr_new(parser, SQL_DESCRIPTOR, start);
    if (!parser_parse_names(parser, "a column name", &expr->descriptor))
        return NULL;
    expr->span = parser_span_from(parser, start);
    return expr;
}

/* PARTITION BY a, b or PARTITION BY (a, b). */
static bool primary_parse_partition(Parser *parser, List *out)
{
    bool has_parenthesis = parser_accept(parser, TOKEN_LEFT_PAREN);
    if (!has_parenthesis) {
        /* Without parentheses the list ends where the next argument begins: a name that
         * DESCRIPTOR or `=>` does not follow belongs to it. */
        do {
            SqlExpr *expr = parse_expr(parser);
            if (expr == NULL)
                return false;
            list_append(out, parser->arena, expr);
            if (!parser_is(parser, TOKEN_COMMA) || !parser_is_name_at(parser, 1) ||
                parser_is_keyword_at(parser, 1, KW_DESCRIPTOR) ||
                parser_peek_at(parser, 2)->kind == TOKEN_ARROW)
                return true;
        } while (parser_accept(parser, TOKEN_COMMA));
    }
    return parse_expr_list(parser, out) &&
           parser_expect(parser, TOKEN_RIGHT_PAREN, "or `,` behind the partition keys");
}

/* TABLE t, TABLE (query), with PARTITION BY and ORDER BY. */
SqlExpr *parse_table_argument(Parser *parser)
{
    Span start = parser_next(parser)->span;
    SqlExpr *expr = expr_new(parser, SQL_TABLE_ARGUMENT, start);
    if (parser_is(parser, TOKEN_LEFT_PAREN) && parser_is_nested_query(parser)) {
        expr->table.query = primary_parse_subquery(parser);
        if (expr->table.query == NULL)
            return NULL;
    } else {
        bool has_parenthesis = parser_accept(parser, TOKEN_LEFT_PAREN);
        expr->table.table = parser_parse_path(parser, "a table name");
        if (expr->table.table == NULL ||
            (has_parenthesis && !parser_expect(parser, TOKEN_RIGHT_PAREN, "behind the table name")))
            return NULL;
    }
    if (parser_accept_keywords(parser, KW_PARTITION, KW_BY) &&
        !primary_parse_partition(parser, &expr->table.partition_by))
        return NULL;
    if (parser_is_keyword(parser, KW_ORDER) && !parse_order_by(parser, &expr->table.order_by))
        return NULL;
    expr->span = parser_span_from(parser, start);
    return expr;
}

static SqlExpr *primary_fail_star(Parser *parser, Span span)
{
    Diagnostic *d = parser_error(parser, "WR1010", span, "`*` cannot stand here");
    diagnostic_help(d, "it may be an item of SELECT or the argument of COUNT(*)");
    return NULL;
}

static SqlExpr *primary_parse_column(Parser *parser)
{
    Span start = parser_peek(parser)->span;
    SqlPath *path = ARENA_NEW(parser->arena, SqlPath);
    for (;;) {
        SqlName *part = parser_name_new(parser, "a column name");
        if (part == NULL)
            return NULL;
        list_append(&path->parts, parser->arena, part);
        path->span = parser_span_from(parser, start);
        if (!parser_is(parser, TOKEN_DOT))
            break;
        parser_next(parser);
        if (parser_is(parser, TOKEN_STAR))
            return primary_fail_star(parser, parser_span_from(parser, start));
    }
    SqlExpr *expr = expr_new(parser, SQL_COLUMN, path->span);
    expr->column = path;
    return expr;
}

/* A name, or a chain of names, that '(' follows. */
static bool primary_is_call(const Parser *parser)
{
    const Token *token = parser_peek(parser);
    if (token->kind == TOKEN_WORD && keyword_class((Keyword)token->keyword) == KEYWORD_FUNCTION &&
        parser_peek_at(parser, 1)->kind == TOKEN_LEFT_PAREN)
        return true;
    int32_t at = 0;
    while (parser_is_name_at(parser, at)) {
        TokenKind next = (TokenKind)parser_peek_at(parser, at + 1)->kind;
        if (next == TOKEN_LEFT_PAREN)
            return true;
        if (next != TOKEN_DOT)
            return false;
        at += 2;
    }
    return false;
}

/* RUNNING or FINAL, and a call. */
static bool primary_is_match_word(const Parser *parser)
{
    return (parser_is_keyword(parser, KW_RUNNING) || parser_is_keyword(parser, KW_FINAL)) &&
           parser_peek_at(parser, 1)->kind == TOKEN_WORD &&
           parser_peek_at(parser, 2)->kind == TOKEN_LEFT_PAREN;
}

static SqlExpr *primary_parse_match_word(Parser *parser)
{
    const Token *token = parser_next(parser);
    SqlExpr *expr = parse_call(parser);
    if (expr == NULL)
        return NULL;
    expr->call->match_word = token->keyword == KW_RUNNING ? SQL_MATCH_RUNNING : SQL_MATCH_FINAL;
    expr->span = parser_span_from(parser, token->span);
    return expr;
}

static bool primary_is_niladic(const Parser *parser)
{
    static const Keyword keywords[] = {KW_CURRENT_DATE, KW_CURRENT_TIME, KW_CURRENT_TIMESTAMP,
                                       KW_LOCALTIME, KW_LOCALTIMESTAMP};
    for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
        if (parser_is_keyword(parser, keywords[i]))
            return true;
    }
    return false;
}

static SqlExpr *primary_parse_niladic(Parser *parser)
{
    const Token *token = parser_next(parser);
    SqlName *name = ARENA_NEW(parser->arena, SqlName);
    *name = (SqlName){.text = parser_text(parser, token->span), .span = token->span};
    SqlPath *path = ARENA_NEW(parser->arena, SqlPath);
    list_append(&path->parts, parser->arena, name);
    path->span = token->span;
    SqlExpr *expr = expr_new(parser, SQL_CALL, token->span);
    expr->call = ARENA_NEW(parser->arena, SqlCall);
    expr->call->name = path;
    return expr;
}

/* Primaries that a word begins; NULL with `is_other` set if it is none of these words. */
static SqlExpr *primary_parse_word(Parser *parser, bool *is_other)
{
    *is_other = false;
    TokenKind next = (TokenKind)parser_peek_at(parser, 1)->kind;
    switch ((int)parser_peek(parser)->keyword) {
    case KW_CASE: return primary_parse_case(parser);
    case KW_CAST: return primary_parse_cast(parser);
    case KW_EXISTS: return primary_parse_exists(parser);
    case KW_ROW: return primary_parse_row(parser);
    case KW_ARRAY: return primary_parse_collection(parser, SQL_ARRAY);
    case KW_INTERVAL: return parse_interval(parser);
    case KW_DEFAULT: return expr_new(parser, SQL_DEFAULT, parser_next(parser)->span);
    case KW_TRY_CAST:
        if (next == TOKEN_LEFT_PAREN)
            return primary_parse_cast(parser);
        break;
    case KW_MAP:
        if (next == TOKEN_LEFT_BRACKET)
            return primary_parse_collection(parser, SQL_MAP);
        break;
    case KW_DESCRIPTOR:
        if (next == TOKEN_LEFT_PAREN)
            return primary_parse_descriptor(parser);
        break;
    case KW_TRUE:
    case KW_FALSE:
    case KW_UNKNOWN:
    case KW_NULL: return parse_literal(parser);
    case KW_DATE:
    case KW_TIME:
    case KW_TIMESTAMP:
        if (next == TOKEN_STRING)
            return parse_literal(parser);
        break;
    default: break;
    }
    *is_other = true;
    return NULL;
}

static SqlExpr *primary_parse_atom(Parser *parser)
{
    const Token *token = parser_peek(parser);
    if (token->kind == TOKEN_LEFT_PAREN)
        return primary_parse_parenthesis(parser);
    if (token->kind == TOKEN_STAR)
        return primary_fail_star(parser, token->span);
    if (token->kind == TOKEN_EXACT || token->kind == TOKEN_DOUBLE || token->kind == TOKEN_BINARY ||
        parser_is_string(parser))
        return parse_literal(parser);
    if (token->kind == TOKEN_WORD) {
        bool is_other = false;
        SqlExpr *expr = primary_parse_word(parser, &is_other);
        if (!is_other)
            return expr;
    }
    if (primary_is_match_word(parser))
        return primary_parse_match_word(parser);
    if (primary_is_call(parser))
        return parse_call(parser);
    if (primary_is_niladic(parser))
        return primary_parse_niladic(parser);
    if (parser_is_name(parser))
        return primary_parse_column(parser);
    parser_fail_expected(parser, "an expression");
    return NULL;
}

/* a[1], row.field: what may stand behind an atom. */
static SqlExpr *primary_parse_postfix(Parser *parser, SqlExpr *operand)
{
    if (parser_accept(parser, TOKEN_LEFT_BRACKET)) {
        SqlExpr *index = parse_expr(parser);
        if (index == NULL || !parser_expect(parser, TOKEN_RIGHT_BRACKET, "behind the index"))
            return NULL;
        SqlExpr *expr = expr_new(parser, SQL_SUBSCRIPT, parser_span_from(parser, operand->span));
        expr->subscript.operand = operand;
        expr->subscript.index = index;
        return expr;
    }
    parser_next(parser);
    SqlName *name = parser_name_new(parser, "a field name");
    if (name == NULL)
        return NULL;
    SqlExpr *expr = expr_new(parser, SQL_FIELD, parser_span_from(parser, operand->span));
    expr->field.operand = operand;
    expr->field.name = name;
    return expr;
}

SqlExpr *parse_primary(Parser *parser)
{
    SqlExpr *expr = primary_parse_atom(parser);
    if (expr == NULL || !parser_grow(parser))
        return NULL;
    while (parser_is(parser, TOKEN_LEFT_BRACKET) || parser_is(parser, TOKEN_DOT)) {
        expr = primary_parse_postfix(parser, expr);
        if (expr == NULL || !parser_grow(parser))
            return NULL;
    }
    return expr;
}
