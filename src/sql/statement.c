/* Scripts and statements: which kind begins here, and where to go on after an error. */
#include <assert.h>
#include <string.h>

#include "sql/internal.h"

SqlStatement *statement_new(Parser *parser, SqlStatementKind kind)
{
    SqlStatement *statement = ARENA_NEW(parser->arena, SqlStatement);
    statement->kind = kind;
    statement->span = parser_peek(parser)->span;
    return statement;
}

/* ---- SET, RESET ---- */

/* The text of the tokens from `first` up to the current one. Between them stands a space for what
 * is a comment: it is not the user's word, and need not be UTF-8. */
static Str statement_raw_text(const Parser *parser, int32_t first)
{
    assert(first < parser->at);
    Span whole = {parser->tokens[first].span.start, parser->tokens[parser->at - 1].span.end};
    char *text = arena_allocate(parser->arena, whole.end - whole.start);
    int64_t length = 0;
    for (int32_t i = first; i < parser->at; i++) {
        Span span = parser->tokens[i].span;
        if (i > first && span.start > parser->tokens[i - 1].span.end)
            text[length++] = ' ';
        Str token = parser_text(parser, span);
        memcpy(text + length, token.data, (size_t)token.length);
        length += token.length;
    }
    return str_make(text, length);
}

/* The text from the current token up to one of `kind`, ';' or the end, without quotes. */
static bool statement_parse_raw(Parser *parser, TokenKind kind, Str *out, Span *span)
{
    Span start = parser_peek(parser)->span;
    int32_t first = parser->at;
    if (parser_is_string(parser)) {
        int after = parser_peek_at(parser, 1)->kind;
        if (after == (int)kind || after == TOKEN_SEMICOLON || after == TOKEN_END)
            return parser_parse_string(parser, "a string", out, span);
    }
    while (!parser_is(parser, kind) && !parser_is(parser, TOKEN_SEMICOLON) &&
           !parser_is(parser, TOKEN_END) && !parser_is(parser, TOKEN_ERROR))
        parser_next(parser);
    if (parser->at == first) {
        parser_fail_expected(parser, kind == TOKEN_EQUAL ? "an option key in single quotes"
                                                         : "a value in single quotes");
        return false;
    }
    *span = parser_span_from(parser, start);
    *out = statement_raw_text(parser, first);
    return true;
}

static bool statement_parse_set(Parser *parser, SqlStatement *statement)
{
    statement->kind = SQL_SET_OPTION;
    if (parser_is(parser, TOKEN_SEMICOLON) || parser_is(parser, TOKEN_END))
        return true;
    SqlOption *option = &statement->setting.option;
    statement->setting.has_key = true;
    return statement_parse_raw(parser, TOKEN_EQUAL, &option->key, &option->key_span) &&
           parser_expect(parser, TOKEN_EQUAL, "between key and value: SET 'key' = 'value'") &&
           statement_parse_raw(parser, TOKEN_SEMICOLON, &option->value, &option->value_span);
}

static bool statement_parse_reset(Parser *parser, SqlStatement *statement)
{
    statement->kind = SQL_RESET_OPTION;
    if (parser_is(parser, TOKEN_SEMICOLON) || parser_is(parser, TOKEN_END))
        return true;
    statement->setting.has_key = true;
    return statement_parse_raw(parser, TOKEN_SEMICOLON, &statement->setting.option.key,
                               &statement->setting.option.key_span);
}

/* ---- EXPLAIN ---- */

static bool statement_parse_explain_details(Parser *parser, int32_t *details)
{
    static const struct {
        Keyword keyword;
        int32_t bit;
    } kinds[] = {
        {KW_ESTIMATED_COST, SQL_EXPLAIN_ESTIMATED_COST},
        {KW_CHANGELOG_MODE, SQL_EXPLAIN_CHANGELOG_MODE},
        {KW_JSON_EXECUTION_PLAN, SQL_EXPLAIN_JSON_EXECUTION_PLAN},
        {KW_PLAN_ADVICE, SQL_EXPLAIN_PLAN_ADVICE},
    };
    do {
        bool is_found = false;
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && !is_found; i++) {
            Span span = parser_peek(parser)->span;
            is_found = parser_accept_keyword(parser, kinds[i].keyword);
            if (is_found && (*details & kinds[i].bit) != 0) {
                Str word = parser_text(parser, span);
                parser_error(parser, "WR1030", span, "%.*s is given twice", STR_ARGS(word));
                return false;
            }
            if (is_found)
                *details |= kinds[i].bit;
        }
        if (!is_found && *details == 0)
            return true;
        if (!is_found) { /* a comma was before it */
            parser_fail_expected(parser, "ESTIMATED_COST, CHANGELOG_MODE, JSON_EXECUTION_PLAN or "
                                         "PLAN_ADVICE");
            return false;
        }
    } while (parser_accept(parser, TOKEN_COMMA));
    return true;
}

/* A query, INSERT, STATEMENT SET, or what makes a table of a query. */
static SqlStatement *statement_parse_explained(Parser *parser)
{
    Span start = parser_peek(parser)->span;
    if (parser_is_keyword(parser, KW_EXECUTE)) {
        Diagnostic *d =
            parser_error(parser, "WR1010", start, "EXECUTE cannot stand behind EXPLAIN");
        diagnostic_fix(d, start, "");
        (void)parse_statement(parser); /* to go on behind it */
        return NULL;
    }
    if (!parser_is_query_start(parser) && !parser_is_keyword(parser, KW_INSERT) &&
        !parser_is_keyword(parser, KW_STATEMENT) && !parser_is_keyword(parser, KW_CREATE) &&
        !parser_is_keyword(parser, KW_REPLACE)) {
        parser_fail_expected(parser,
                             "a query, INSERT, STATEMENT SET or CREATE TABLE … AS to explain");
        return NULL;
    }
    SqlStatement *statement = parse_statement(parser);
    if (statement == NULL)
        return NULL;
    bool is_definition =
        (statement->kind == SQL_CREATE_TABLE && statement->create_table->query == NULL) ||
        statement->kind == SQL_CREATE_VIEW || statement->kind == SQL_CREATE_CATALOG ||
        statement->kind == SQL_CREATE_DATABASE || statement->kind == SQL_CREATE_FUNCTION;
    if (statement->kind == SQL_CREATE_MATERIALIZED_TABLE)
        extension_report(parser->diagnostics, EXTENSION_EXPLAIN_MATERIALIZED, start, NULL);
    else if (statement->kind == SQL_CREATE_TABLE && !is_definition)
        extension_report(parser->diagnostics, EXTENSION_EXPLAIN_CTAS, start, NULL);
    if (!is_definition)
        return statement;
    Diagnostic *d =
        parser_error(parser, "WR1010", start, "a definition without a query has no plan");
    diagnostic_note(d, "EXPLAIN takes queries, INSERT, STATEMENT SET and CREATE TABLE … AS");
    return NULL;
}

static bool statement_parse_explain(Parser *parser, SqlStatement *statement)
{
    statement->kind = SQL_EXPLAIN;
    if (parser_accept_keyword(parser, KW_PLAN)) {
        if (!parser_expect_keyword(parser, KW_FOR, "behind PLAN"))
            return false;
    } else if (!statement_parse_explain_details(parser, &statement->explain.details)) {
        return false;
    }
    statement->explain.statement = statement_parse_explained(parser);
    return statement->explain.statement != NULL;
}

/* ---- Dispatch ---- */

static bool statement_parse_query(Parser *parser, SqlStatement *statement)
{
    statement->kind = SQL_QUERY;
    statement->query = parse_query(parser);
    return statement->query != NULL;
}

static bool statement_fail_upsert(Parser *parser)
{
    Span span = parser_peek(parser)->span;
    Diagnostic *d = parser_error(parser, "WR1025", span, "UPSERT INTO statement is not supported");
    diagnostic_help(d, "use INSERT INTO; a sink with a primary key updates rows in place");
    diagnostic_fix(d, span, "INSERT");
    return false;
}

/* Statements of Flink that have no meaning here, and why. */
static const struct {
    Keyword keyword;
    const char *what;
    const char *note;
} statement_refused[] = {
    {KW_DELETE, "DELETE", "no connector of weir deletes by a condition"},
    {KW_UPDATE, "UPDATE", "no connector of weir updates by a condition"},
    {KW_MERGE, "MERGE", "a sink with a primary key updates rows in place: INSERT INTO"},
    {KW_CALL, "CALL", "no catalog of weir has procedures"},
    {KW_ANALYZE, "ANALYZE TABLE", "weir's plans do not depend on statistics"},
    {KW_COMPILE, "COMPILE PLAN",
     "state is found again by what operators compute: no plan has to be kept"},
    {KW_COMMIT, "COMMIT", NULL},
    {KW_ROLLBACK, "ROLLBACK", NULL},
    {KW_GRANT, "GRANT", NULL},
    {KW_REVOKE, "REVOKE", NULL},
};

static bool statement_fail_known(Parser *parser)
{
    const Token *token = parser_peek(parser);
    for (size_t i = 0; i < sizeof statement_refused / sizeof statement_refused[0]; i++) {
        if (!parser_is_keyword(parser, statement_refused[i].keyword))
            continue;
        Diagnostic *d = parser_fail_unsupported(parser, token->span, statement_refused[i].what);
        if (statement_refused[i].note != NULL)
            diagnostic_note(d, "%s", statement_refused[i].note);
        return false;
    }
    parser_fail_expected(parser, "a statement such as SELECT, INSERT INTO or CREATE TABLE");
    return false;
}

/* EXECUTE { INSERT … | STATEMENT SET … | query } */
static bool statement_parse_execute(Parser *parser, SqlStatement *statement)
{
    if (parser_is_keyword(parser, KW_STATEMENT))
        return parse_statement_set(parser, statement);
    if (parser_accept_keyword(parser, KW_INSERT))
        return parse_insert(parser, statement);
    if (parser_is_query_start(parser))
        return statement_parse_query(parser, statement);
    if (parser_is_keyword(parser, KW_PLAN)) {
        Diagnostic *d = parser_fail_unsupported(parser, parser_peek(parser)->span, "EXECUTE PLAN");
        diagnostic_note(d, "plans of Flink mean nothing here: run the script that they were "
                           "compiled from");
        return false;
    }
    parser_fail_expected(parser, "STATEMENT SET, INSERT or a query behind EXECUTE");
    return false;
}

static bool statement_parse_body(Parser *parser, SqlStatement *statement)
{
    if (parser_is_query_start(parser))
        return statement_parse_query(parser, statement);
    if (parser_is_keyword(parser, KW_UPSERT))
        return statement_fail_upsert(parser);
    if (parser_is_keyword(parser, KW_STATEMENT) ||
        (parser_is_keyword(parser, KW_BEGIN) && parser_is_keyword_at(parser, 1, KW_STATEMENT)))
        return parse_statement_set(parser, statement);
    static const struct {
        Keyword keyword;
        bool (*parse)(Parser *parser, SqlStatement *statement);
    } kinds[] = {
        {KW_INSERT, parse_insert},
        {KW_CREATE, parse_create},
        {KW_SET, statement_parse_set},
        {KW_RESET, statement_parse_reset},
        {KW_EXECUTE, statement_parse_execute},
        {KW_EXPLAIN, statement_parse_explain},
        {KW_DROP, parse_drop},
        {KW_ALTER, parse_alter},
        {KW_REPLACE, parse_replace},
        {KW_TRUNCATE, parse_truncate},
        {KW_USE, parse_use},
        {KW_LOAD, parse_load_module},
        {KW_UNLOAD, parse_unload_module},
        {KW_ADD, parse_add_jar},
        {KW_REMOVE, parse_remove_jar},
        {KW_STOP, parse_stop_job},
        {KW_SHOW, parse_show},
        {KW_DESCRIBE, parse_describe},
        {KW_DESC, parse_describe},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (parser_accept_keyword(parser, kinds[i].keyword))
            return kinds[i].parse(parser, statement);
    }
    if (parse_client(parser, statement))
        return true;
    return statement_fail_known(parser);
}

SqlStatement *parse_statement(Parser *parser)
{
    if (!parser_enter(parser))
        return NULL;
    SqlStatement *statement = statement_new(parser, SQL_QUERY);
    bool is_good = statement_parse_body(parser, statement);
    parser_leave(parser);
    statement->span = parser_span_from(parser, statement->span);
    return is_good ? statement : NULL;
}
