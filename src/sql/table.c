/* FROM: tables, table functions, subqueries, UNNEST, joins. */
#include <assert.h>

#include "sql/internal.h"

static SqlTable *table_parse_joins(Parser *parser);

static SqlTable *table_new(Parser *parser, SqlTableKind kind, Span span)
{
    SqlTable *table = ARENA_NEW(parser->arena, SqlTable);
    table->kind = kind;
    table->span = span;
    return table;
}

/* [AS] alias [(c1, …)] */
static bool table_parse_alias(Parser *parser, SqlTable *table)
{
    bool has_as = parser_accept_keyword(parser, KW_AS);
    bool is_qualify = parser_is_keyword(parser, KW_QUALIFY);
    if (!has_as && (!parser_is_name(parser) || is_qualify))
        return true;
    table->alias = parser_name_new(parser, "an alias name");
    if (table->alias == NULL)
        return false;
    return !parser_is(parser, TOKEN_LEFT_PAREN) ||
           parser_parse_names(parser, "a column name", &table->alias_columns);
}

static bool table_refuse_clauses(Parser *parser)
{
    Span span = parser_peek(parser)->span;
    if (parser_is_keyword(parser, KW_MATCH_RECOGNIZE)) {
        Diagnostic *d = parser_error(parser, "WR1010", span, "MATCH_RECOGNIZE cannot stand here");
        diagnostic_help(d,
                        "it follows a table or a query in parentheses; the alias goes behind it");
        return false;
    }
    if (parser_is_keyword(parser, KW_TABLESAMPLE)) {
        parser_fail_unsupported(parser, span, "TABLESAMPLE");
        return false;
    }
    if (parser_is_keyword(parser, KW_PIVOT) || parser_is_keyword(parser, KW_UNPIVOT)) {
        parser_fail_unsupported(parser, span, "PIVOT");
        return false;
    }
    return true;
}

SqlTable *parse_table_named(Parser *parser)
{
    Span start = parser_peek(parser)->span;
    SqlTable *table = table_new(parser, SQL_TABLE_NAMED, start);
    table->named.path = parser_parse_path(parser, "a table name");
    if (table->named.path == NULL || !parse_hints(parser, &table->named.hints))
        return NULL;
    if (parser_is_keyword(parser, KW_FOR)) {
        parser_next(parser);
        if (!parser_expect_keyword(parser, KW_SYSTEM_TIME, "AS OF behind FOR") ||
            !parser_expect_keyword(parser, KW_AS, "OF behind SYSTEM_TIME") ||
            !parser_expect_keyword(parser, KW_OF, "behind AS"))
            return NULL;
        table->named.as_of = parse_expr(parser);
        if (table->named.as_of == NULL)
            return NULL;
    }
    return table;
}

/* TABLE(f(…)); also f(…) alone, as later versions allow. */
static SqlTable *table_parse_function(Parser *parser)
{
    Span start = parser_peek(parser)->span;
    SqlTable *table = table_new(parser, SQL_TABLE_CALL, start);
    bool has_table = parser_accept_keyword(parser, KW_TABLE);
    if (has_table && !parser_expect(parser, TOKEN_LEFT_PAREN, "behind TABLE"))
        return NULL;
    int32_t ahead = 0;
    while (parser_is_name_at(parser, ahead) && parser_peek_at(parser, ahead + 1)->kind == TOKEN_DOT)
        ahead += 2;
    if (parser_peek_at(parser, ahead + 1)->kind != TOKEN_LEFT_PAREN) {
        parser_fail_expected(parser, "a table function such as TUMBLE(...)");
        return NULL;
    }
    table->call = parse_call(parser);
    if (table->call != NULL && !has_table)
        extension_report(parser->diagnostics, EXTENSION_BARE_TABLE_FUNCTION, table->call->span,
                         NULL);
    if (table->call == NULL ||
        (has_table && !parser_expect(parser, TOKEN_RIGHT_PAREN, "behind the table function")))
        return NULL;
    return table;
}

static SqlTable *table_parse_unnest(Parser *parser)
{
    Span start = parser_next(parser)->span;
    SqlTable *table = table_new(parser, SQL_TABLE_UNNEST, start);
    if (!parser_expect(parser, TOKEN_LEFT_PAREN, "behind UNNEST"))
        return NULL;
    table->unnest.expr = parse_expr(parser);
    if (table->unnest.expr == NULL ||
        !parser_expect(parser, TOKEN_RIGHT_PAREN, "behind the collection"))
        return NULL;
    Span ordinality = parser_peek(parser)->span;
    table->unnest.has_ordinality = parser_accept_keywords(parser, KW_WITH, KW_ORDINALITY);
    if (table->unnest.has_ordinality)
        extension_report(parser->diagnostics, EXTENSION_ORDINALITY,
                         parser_span_from(parser, ordinality), NULL);
    return table;
}

static SqlTable *table_parse_parenthesis(Parser *parser)
{
    Span start = parser_peek(parser)->span;
    if (parser_is_nested_query(parser)) {
        parser_next(parser);
        SqlTable *table = table_new(parser, SQL_TABLE_QUERY, start);
        table->query = parse_query(parser);
        if (table->query == NULL || !parser_expect(parser, TOKEN_RIGHT_PAREN, "behind the query"))
            return NULL;
        return table;
    }
    parser_next(parser);
    SqlTable *inner = table_parse_joins(parser);
    if (inner == NULL || !parser_expect(parser, TOKEN_RIGHT_PAREN, "behind the tables"))
        return NULL;
    return inner;
}

static bool table_is_function(const Parser *parser)
{
    if (parser_is_keyword(parser, KW_TABLE))
        return true;
    int32_t ahead = 0;
    while (parser_is_name_at(parser, ahead)) {
        TokenKind next = (TokenKind)parser_peek_at(parser, ahead + 1)->kind;
        if (next == TOKEN_LEFT_PAREN)
            return true;
        if (next != TOKEN_DOT)
            return false;
        ahead += 2;
    }
    return false;
}

static SqlTable *table_parse_atom(Parser *parser)
{
    bool is_lateral = parser_accept_keyword(parser, KW_LATERAL);
    if (parser_is_keyword(parser, KW_UNNEST))
        return table_parse_unnest(parser);
    SqlTable *table = NULL;
    if (parser_is(parser, TOKEN_LEFT_PAREN))
        table = table_parse_parenthesis(parser);
    else if (parser_is_keyword(parser, KW_VALUES)) {
        table = table_new(parser, SQL_TABLE_QUERY, parser_peek(parser)->span);
        table->query = parse_query(parser);
        table = table->query != NULL ? table : NULL;
    } else if (table_is_function(parser))
        table = table_parse_function(parser);
    else
        return is_lateral
                   ? (parser_fail_expected(parser, "TABLE(...) or a query behind LATERAL"), NULL)
                   : parse_table_named(parser);
    if (table != NULL && table->kind != SQL_TABLE_JOIN)
        table->is_lateral |= is_lateral;
    return table;
}

static bool table_takes_match(const SqlTable *table)
{
    return table->alias == NULL && !table->is_lateral &&
           (table->kind == SQL_TABLE_NAMED || table->kind == SQL_TABLE_QUERY);
}

/* A table and its alias. */
static SqlTable *table_parse_primary(Parser *parser)
{
    Span start = parser_peek(parser)->span;
    if (!parser_enter(parser))
        return NULL;
    SqlTable *table = table_parse_atom(parser);
    if (table != NULL && parser_is_keyword(parser, KW_MATCH_RECOGNIZE) && table_takes_match(table))
        table = parse_match(parser, table);
    parser_leave(parser);
    if (table == NULL || !parser_grow(parser))
        return NULL;
    bool may_have_alias = table->kind != SQL_TABLE_JOIN && table->alias == NULL;
    if (may_have_alias && !table_parse_alias(parser, table))
        return NULL;
    table->span = parser_span_from(parser, start);
    return table_refuse_clauses(parser) ? table : NULL;
}

/* ---- Joins ---- */

typedef struct JoinWords {
    SqlJoinKind kind;
    bool is_natural;
} JoinWords;

/* False if no join begins here; `is_bad` after an error. */
static bool table_parse_join_words(Parser *parser, JoinWords *words, bool *is_bad)
{
    *words = (JoinWords){.kind = SQL_JOIN_INNER};
    *is_bad = false;
    words->is_natural = parser_accept_keyword(parser, KW_NATURAL);
    if (!words->is_natural && parser_accept_keyword(parser, KW_CROSS)) {
        words->kind = SQL_JOIN_CROSS;
    } else if (parser_accept_keyword(parser, KW_INNER)) {
        words->kind = SQL_JOIN_INNER;
    } else if (parser_is_keyword(parser, KW_LEFT) || parser_is_keyword(parser, KW_RIGHT) ||
               parser_is_keyword(parser, KW_FULL)) {
        Keyword side = (Keyword)parser_next(parser)->keyword;
        words->kind = side == KW_LEFT    ? SQL_JOIN_LEFT
                      : side == KW_RIGHT ? SQL_JOIN_RIGHT
                                         : SQL_JOIN_FULL;
        parser_accept_keyword(parser, KW_OUTER);
    } else if (!words->is_natural && !parser_is_keyword(parser, KW_JOIN)) {
        return false;
    }
    *is_bad = !parser_expect_keyword(parser, KW_JOIN, "in the join");
    return !*is_bad;
}

static bool table_parse_join_condition(Parser *parser, SqlTable *join, const JoinWords *words)
{
    if (words->kind == SQL_JOIN_CROSS || words->is_natural)
        return true;
    if (parser_accept_keyword(parser, KW_ON)) {
        join->join.on = parse_expr(parser);
        return join->join.on != NULL;
    }
    if (parser_accept_keyword(parser, KW_USING))
        return parser_parse_names(parser, "a column name", &join->join.using);
    if (parser_peek(parser)->kind == TOKEN_ERROR)
        return false;
    parser_fail_expected(parser, "ON or USING behind the joined table");
    return false;
}

static SqlTable *table_join(Parser *parser, SqlTable *left, const JoinWords *words)
{
    if (!parser_grow(parser))
        return NULL;
    SqlTable *right = table_parse_primary(parser);
    if (right == NULL)
        return NULL;
    SqlTable *join = table_new(parser, SQL_TABLE_JOIN, left->span);
    join->join.kind = words->kind;
    join->join.is_natural = words->is_natural;
    join->join.left = left;
    join->join.right = right;
    if (words->kind != SQL_JOIN_COMMA && !table_parse_join_condition(parser, join, words))
        return NULL;
    join->span = parser_span_from(parser, left->span);
    return join;
}

/* a JOIN b … JOIN c …, left to right */
static SqlTable *table_parse_join_chain(Parser *parser)
{
    SqlTable *left = table_parse_primary(parser);
    while (left != NULL) {
        JoinWords words;
        bool is_bad = false;
        if (!table_parse_join_words(parser, &words, &is_bad))
            return is_bad ? NULL : left;
        left = table_join(parser, left, &words);
    }
    return NULL;
}

/* Commas bind weaker than JOIN. */
static SqlTable *table_parse_joins(Parser *parser)
{
    SqlTable *left = table_parse_join_chain(parser);
    while (left != NULL && parser_accept(parser, TOKEN_COMMA)) {
        SqlTable *right = table_parse_join_chain(parser);
        if (right == NULL || !parser_grow(parser))
            return NULL;
        SqlTable *join = table_new(parser, SQL_TABLE_JOIN, span_join(left->span, right->span));
        join->join.kind = SQL_JOIN_COMMA;
        join->join.left = left;
        join->join.right = right;
        left = join;
    }
    return left;
}

SqlTable *parse_from(Parser *parser)
{
    return table_parse_joins(parser);
}
