/* Queries: WITH, set operations, VALUES, ORDER BY, LIMIT.
 *
 *     query   : [WITH ...] set [ORDER BY ...] [LIMIT ...] [OFFSET ...] [FETCH ...]
 *     set     : term { (UNION | EXCEPT) [ALL] term }
 *     term    : leaf { INTERSECT [ALL] leaf }
 *     leaf    : SELECT ... | VALUES ... | ( query ) */
#include <assert.h>

#include "sql/internal.h"

static SqlQuery *query_new(Parser *parser, SqlQueryKind kind, Span span)
{
    SqlQuery *query = ARENA_NEW(parser->arena, SqlQuery);
    query->kind = kind;
    query->span = span;
    return query;
}

static bool query_is_start(const Token *token)
{
    if (token->kind != TOKEN_WORD)
        return false;
    return token->keyword == KW_SELECT || token->keyword == KW_VALUES ||
           token->keyword == KW_WITH ||
           (token->keyword == KW_TABLE && token[1].kind != TOKEN_LEFT_PAREN);
}

/* Behind the parenthesis that closes the one at `at`. */
static const Token *query_behind_parenthesis(const Token *at)
{
    assert(at->kind == TOKEN_LEFT_PAREN);
    int32_t depth = 0;
    do {
        if (at->kind == TOKEN_LEFT_PAREN)
            depth++;
        else if (at->kind == TOKEN_RIGHT_PAREN)
            depth--;
        at++;
    } while (depth > 0 && at->kind != TOKEN_END && at->kind != TOKEN_SEMICOLON);
    return at;
}

static bool query_is_continued(const Token *token)
{
    static const Keyword keywords[] = {KW_UNION, KW_INTERSECT, KW_EXCEPT, KW_ORDER,
                                       KW_LIMIT, KW_OFFSET,    KW_FETCH};
    for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
        if (token->kind == TOKEN_WORD && token->keyword == keywords[i])
            return true;
    }
    return false;
}

/* Is the content of the parenthesis at the current token a query? With several parentheses
 * what stands behind the inner one decides: ((SELECT 1) + 1) is an expression. */
bool parser_is_nested_query(const Parser *parser)
{
    const Token *at = parser_peek(parser);
    for (int32_t i = 0; i <= SQL_DEPTH_MAX; i++, at++) {
        if (at->kind != TOKEN_LEFT_PAREN)
            return false;
        if (query_is_start(at + 1))
            return true;
        if (at[1].kind != TOKEN_LEFT_PAREN)
            return false;
        const Token *behind = query_behind_parenthesis(at + 1);
        if (query_is_continued(behind)) {
            const Token *inner = at + 1;
            while (inner->kind == TOKEN_LEFT_PAREN)
                inner++;
            return query_is_start(inner);
        }
        if (behind->kind != TOKEN_RIGHT_PAREN)
            return false;
    }
    return false;
}

bool parser_is_query_start(const Parser *parser)
{
    const Token *at = parser_peek(parser);
    while (at->kind == TOKEN_LEFT_PAREN)
        at++;
    return query_is_start(at);
}

/* ---- Leaves ---- */

/* One row of VALUES; a single value needs no parentheses. */
static SqlExpr *query_parse_row(Parser *parser)
{
    SqlExpr *expr = parse_expr(parser);
    if (expr == NULL || expr->kind == SQL_ROW)
        return expr;
    SqlExpr *row = expr_new(parser, SQL_ROW, expr->span);
    list_append(&row->collection.items, parser->arena, expr);
    return row;
}

static SqlQuery *query_parse_values(Parser *parser)
{
    Span start = parser_next(parser)->span;
    SqlQuery *query = query_new(parser, SQL_VALUES, start);
    do {
        SqlExpr *row = query_parse_row(parser);
        if (row == NULL)
            return NULL;
        list_append(&query->rows, parser->arena, row);
    } while (parser_accept(parser, TOKEN_COMMA));
    query->span = parser_span_from(parser, start);
    return query;
}

/* TABLE t: SELECT * FROM t */
static SqlQuery *query_parse_table(Parser *parser)
{
    Span start = parser_next(parser)->span;
    SqlSelectItem *item = ARENA_NEW(parser->arena, SqlSelectItem);
    item->span = start;
    item->expr = expr_new(parser, SQL_STAR, start);
    SqlSelect *select = ARENA_NEW(parser->arena, SqlSelect);
    list_append(&select->items, parser->arena, item);
    select->from = parse_table_named(parser);
    if (select->from == NULL)
        return NULL;
    select->span = parser_span_from(parser, start);
    SqlQuery *query = query_new(parser, SQL_SELECT, select->span);
    query->select = select;
    return query;
}

static bool query_has_clauses(const SqlQuery *query)
{
    return query->ctes.count > 0 || query->order_by.count > 0 || query->limit != NULL ||
           query->offset != NULL;
}

/* ( query ): what has clauses of its own stays a node, so that others can stand outside. */
static SqlQuery *query_parse_parenthesis(Parser *parser)
{
    Span start = parser_next(parser)->span;
    SqlQuery *inner = parse_query(parser);
    if (inner == NULL || !parser_expect(parser, TOKEN_RIGHT_PAREN, "behind the query"))
        return NULL;
    if (!query_has_clauses(inner))
        return inner;
    SqlQuery *query = query_new(parser, SQL_NESTED, parser_span_from(parser, start));
    query->nested = inner;
    return query;
}

static SqlQuery *query_parse_leaf(Parser *parser)
{
    if (parser_is(parser, TOKEN_LEFT_PAREN))
        return query_parse_parenthesis(parser);
    if (parser_is_keyword(parser, KW_VALUES))
        return query_parse_values(parser);
    if (parser_is_keyword(parser, KW_TABLE))
        return query_parse_table(parser);
    if (!parser_is_keyword(parser, KW_SELECT)) {
        parser_fail_expected(parser, "a query: SELECT, VALUES, WITH or a parenthesis");
        return NULL;
    }
    SqlSelect *select = parse_select(parser);
    if (select == NULL)
        return NULL;
    SqlQuery *query = query_new(parser, SQL_SELECT, parser_span_from(parser, select->span));
    query->select = select;
    return query;
}

/* ---- Set operations ---- */

static SqlQuery *query_parse_set(Parser *parser, bool is_term)
{
    SqlQuery *left = is_term ? query_parse_leaf(parser) : query_parse_set(parser, true);
    while (left != NULL) {
        SqlQueryKind kind = SQL_INTERSECT;
        if (!is_term && parser_is_keyword(parser, KW_UNION))
            kind = SQL_UNION;
        else if (!is_term && parser_is_keyword(parser, KW_EXCEPT))
            kind = SQL_EXCEPT;
        else if (!is_term || !parser_is_keyword(parser, KW_INTERSECT))
            break;
        parser_next(parser);
        bool is_all = parser_accept_keyword(parser, KW_ALL);
        if (!is_all)
            parser_accept_keyword(parser, KW_DISTINCT);
        SqlQuery *right = is_term ? query_parse_leaf(parser) : query_parse_set(parser, true);
        if (right == NULL || !parser_grow(parser))
            return NULL;
        SqlQuery *set = query_new(parser, kind, span_join(left->span, right->span));
        set->set.left = left;
        set->set.right = right;
        set->set.is_all = is_all;
        left = set;
    }
    return left;
}

/* ---- Clauses behind the set ---- */

bool parse_order_by(Parser *parser, List *out)
{
    if (!parser_expect_keyword(parser, KW_ORDER, "BY") ||
        !parser_expect_keyword(parser, KW_BY, "behind ORDER"))
        return false;
    do {
        SqlOrderItem *item = ARENA_NEW(parser->arena, SqlOrderItem);
        item->expr = parse_expr(parser);
        if (item->expr == NULL)
            return false;
        item->is_descending = parser_accept_keyword(parser, KW_DESC);
        if (!item->is_descending)
            parser_accept_keyword(parser, KW_ASC);
        if (parser_accept_keyword(parser, KW_NULLS)) {
            bool is_first = parser_accept_keyword(parser, KW_FIRST);
            item->nulls = is_first ? SQL_NULLS_FIRST : SQL_NULLS_LAST;
            if (!is_first && !parser_expect_keyword(parser, KW_LAST, "or FIRST behind NULLS"))
                return false;
        }
        list_append(out, parser->arena, item);
    } while (parser_accept(parser, TOKEN_COMMA));
    return true;
}

static bool query_fail_limit_pair(Parser *parser, Span start, const SqlExpr *first)
{
    Span comma = parser_next(parser)->span;
    int32_t end = comma.end;
    const char *count = "n";
    if (parser_is(parser, TOKEN_EXACT)) {
        Span span = parser_next(parser)->span;
        end = span.end;
        count = str_terminated(parser->arena, parser_text(parser, span));
    }
    Diagnostic *d = parser_error(parser, "WR1026", span_make(start.start, end),
                                 "`LIMIT a, b` is not Flink SQL");
    Str offset = parser_text(parser, first->span);
    const char *fix = arena_printf(parser->arena, "LIMIT %s OFFSET %.*s", count, STR_ARGS(offset));
    diagnostic_help(d, "write %s", fix);
    if (end > comma.end)
        diagnostic_fix(d, span_make(start.start, end), fix);
    return false;
}

static bool query_parse_limit(Parser *parser, SqlQuery *query)
{
    Span start = parser_next(parser)->span;
    if (parser_accept_keyword(parser, KW_ALL))
        return true;
    query->limit = parse_expr(parser);
    if (query->limit == NULL)
        return false;
    if (parser_is(parser, TOKEN_COMMA))
        return query_fail_limit_pair(parser, start, query->limit);
    return true;
}

static void query_skip_rows(Parser *parser)
{
    if (!parser_accept_keyword(parser, KW_ROWS))
        parser_accept_keyword(parser, KW_ROW);
}

/* FETCH { FIRST | NEXT } [n] { ROW | ROWS } ONLY */
static bool query_parse_fetch(Parser *parser, SqlQuery *query)
{
    parser_next(parser);
    if (!parser_accept_keyword(parser, KW_FIRST) &&
        !parser_expect_keyword(parser, KW_NEXT, "or FIRST behind FETCH"))
        return false;
    if (parser_is_keyword(parser, KW_ROW) || parser_is_keyword(parser, KW_ROWS)) {
        query->limit = expr_new(parser, SQL_LITERAL, parser_peek(parser)->span);
        query->limit->literal = (SqlLiteral){.kind = SQL_EXACT, .text = STR("1"), .precision = 1};
    } else {
        query->limit = parse_expr(parser);
        if (query->limit == NULL)
            return false;
    }
    query_skip_rows(parser);
    return parser_expect_keyword(parser, KW_ONLY, "at the end of FETCH");
}

static bool query_parse_clauses(Parser *parser, SqlQuery *query)
{
    if (parser_is_keyword(parser, KW_ORDER) && !parse_order_by(parser, &query->order_by))
        return false;
    if (parser_is_keyword(parser, KW_LIMIT) && !query_parse_limit(parser, query))
        return false;
    if (parser_accept_keyword(parser, KW_OFFSET)) {
        query->offset = parse_expr(parser);
        if (query->offset == NULL)
            return false;
        query_skip_rows(parser);
    }
    if (query->limit == NULL && parser_is_keyword(parser, KW_LIMIT) &&
        !query_parse_limit(parser, query))
        return false;
    if (query->limit == NULL && parser_is_keyword(parser, KW_FETCH) &&
        !query_parse_fetch(parser, query))
        return false;
    return true;
}

static bool query_parse_ctes(Parser *parser, List *out)
{
    if (parser_is_keyword(parser, KW_RECURSIVE)) {
        parser_fail_unsupported(parser, parser_peek(parser)->span, "WITH RECURSIVE");
        return false;
    }
    do {
        SqlCte *cte = ARENA_NEW(parser->arena, SqlCte);
        Span start = parser_peek(parser)->span;
        if (!parser_parse_name(parser, "a name for the query", &cte->name) ||
            (parser_is(parser, TOKEN_LEFT_PAREN) &&
             !parser_parse_names(parser, "a column name", &cte->columns)) ||
            !parser_expect_keyword(parser, KW_AS, "and a query in parentheses") ||
            !parser_expect(parser, TOKEN_LEFT_PAREN, "before the query"))
            return false;
        cte->query = parse_query(parser);
        if (cte->query == NULL || !parser_expect(parser, TOKEN_RIGHT_PAREN, "behind the query"))
            return false;
        cte->span = parser_span_from(parser, start);
        list_append(out, parser->arena, cte);
    } while (parser_accept(parser, TOKEN_COMMA));
    return true;
}

static SqlQuery *query_parse_inner(Parser *parser)
{
    Span start = parser_peek(parser)->span;
    List ctes = {0};
    if (parser_accept_keyword(parser, KW_WITH) && !query_parse_ctes(parser, &ctes))
        return NULL;
    SqlQuery *query = query_parse_set(parser, false);
    if (query == NULL || !parser_grow(parser))
        return NULL;
    bool is_continued = ctes.count > 0 || query_is_continued(parser_peek(parser));
    if (query->kind == SQL_NESTED && !is_continued)
        return query->nested; /* ((query)) */
    query->ctes = ctes;
    if (!query_parse_clauses(parser, query))
        return NULL;
    query->span = parser_span_from(parser, start);
    return query;
}

SqlQuery *parse_query(Parser *parser)
{
    if (!parser_enter(parser))
        return NULL;
    int32_t outer_height = parser->height;
    parser->height = 0;
    SqlQuery *query = query_parse_inner(parser);
    if (parser->height < outer_height)
        parser->height = outer_height;
    parser_leave(parser);
    return query;
}
