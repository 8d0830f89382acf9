/* INSERT INTO and statement sets. */
#include <assert.h>

#include "sql/internal.h"

/* (c = v, d) behind PARTITION. */
bool parse_partition_values(Parser *parser, List *out)
{
    if (!parser_expect(parser, TOKEN_LEFT_PAREN, "behind PARTITION"))
        return false;
    do {
        SqlPartitionValue *value = ARENA_NEW(parser->arena, SqlPartitionValue);
        if (!parser_parse_name(parser, "a partition column's name", &value->column))
            return false;
        if (parser_accept(parser, TOKEN_EQUAL)) {
            value->value = parse_expr(parser);
            if (value->value == NULL)
                return false;
        }
        list_append(out, parser->arena, value);
    } while (parser_accept(parser, TOKEN_COMMA));
    return parser_expect(parser, TOKEN_RIGHT_PAREN, "behind the partition");
}

static const char *const conflict_names[] = {
    [SQL_CONFLICT_NOTHING] = "NOTHING",
    [SQL_CONFLICT_DEDUPLICATE] = "DEDUPLICATE",
    [SQL_CONFLICT_ERROR] = "ERROR",
};

/* ON CONFLICT DO NOTHING, of Flink 2.3. */
static bool parse_conflict(Parser *parser, SqlInsert *insert)
{
    Span span = parser_peek(parser)->span;
    parser_next(parser);
    parser_next(parser);
    const Token *token = parser_peek(parser);
    if (!str_equal_ignoring_case(parser_text(parser, token->span), STR("DO"))) {
        parser_fail_expected(parser, "DO behind ON CONFLICT");
        return false;
    }
    parser_next(parser);
    token = parser_peek(parser);
    for (int32_t i = SQL_CONFLICT_NOTHING; i <= SQL_CONFLICT_ERROR; i++) {
        if (str_equal_ignoring_case(parser_text(parser, token->span), str_from(conflict_names[i])))
            insert->conflict = (SqlConflict)i;
    }
    if (insert->conflict == SQL_CONFLICT_UNSPECIFIED) {
        parser_fail_expected(parser, "NOTHING, DEDUPLICATE or ERROR behind ON CONFLICT DO");
        return false;
    }
    parser_next(parser);
    insert->conflict_span = parser_span_from(parser, span);
    extension_report(parser->diagnostics, EXTENSION_ON_CONFLICT, insert->conflict_span, NULL);
    return true;
}

/* Behind the word INSERT. */
bool parse_insert(Parser *parser, SqlStatement *statement)
{
    statement->kind = SQL_INSERT;
    SqlInsert *insert = ARENA_NEW(parser->arena, SqlInsert);
    statement->insert = insert;
    insert->is_overwrite = parser_accept_keyword(parser, KW_OVERWRITE);
    if (!insert->is_overwrite && !parser_expect_keyword(parser, KW_INTO, "behind INSERT"))
        return false;
    insert->table = parser_parse_path(parser, "a table name");
    if (insert->table == NULL || !parse_hints(parser, &insert->hints))
        return false;
    if (parser_accept_keyword(parser, KW_PARTITION) &&
        !parse_partition_values(parser, &insert->partition))
        return false;
    bool has_columns = parser_is(parser, TOKEN_LEFT_PAREN) && !parser_is_query_start(parser);
    if (has_columns && !parser_parse_names(parser, "a column name", &insert->columns))
        return false;
    insert->query = parse_query(parser);
    if (insert->query == NULL)
        return false;
    if (parser_is_keyword(parser, KW_ON) && parser_is_keyword_at(parser, 1, KW_CONFLICT))
        return parse_conflict(parser, insert);
    return true;
}

/* Skip a wrong statement of a set that began at token `first`: up to its ';', but not past the
 * END of the set. An END with an open CASE is that one's. */
static void insert_recover(Parser *parser, int32_t first)
{
    int32_t failed_at = parser->at;
    int32_t case_depth = 0;
    for (parser->at = first; !parser_is(parser, TOKEN_END); parser_next(parser)) {
        bool is_behind = parser->at >= failed_at;
        if (is_behind && parser_accept(parser, TOKEN_SEMICOLON))
            return;
        case_depth += parser_is_keyword(parser, KW_CASE);
        if (!parser_is_keyword(parser, KW_END))
            continue;
        if (case_depth == 0 && is_behind)
            return;
        case_depth -= case_depth > 0;
    }
}

static bool insert_fail_other(Parser *parser)
{
    const Token *token = parser_peek(parser);
    if (token->kind == TOKEN_ERROR)
        return false;
    bool is_statement = parser_is_query_start(parser) || parser_is_keyword(parser, KW_CREATE) ||
                        parser_is_keyword(parser, KW_SET) || parser_is_keyword(parser, KW_DROP) ||
                        parser_is_keyword(parser, KW_EXPLAIN) || parser_is_keyword(parser, KW_SHOW);
    if (!is_statement) {
        parser_fail_expected(parser, "INSERT INTO or END in the statement set");
        return false;
    }
    Diagnostic *d =
        parser_error(parser, "WR1031", token->span, "only INSERT may stand in a statement set");
    diagnostic_help(d, "move it before the statement set, or end the set with END;");
    return false;
}

static bool insert_parse_member(Parser *parser, List *out)
{
    if (!parser_is_keyword(parser, KW_INSERT))
        return insert_fail_other(parser);
    SqlStatement *insert = statement_new(parser, SQL_INSERT);
    parser_next(parser);
    if (!parse_insert(parser, insert))
        return false;
    insert->span = parser_span_from(parser, insert->span);
    list_append(out, parser->arena, insert);
    return parser_expect(parser, TOKEN_SEMICOLON, "behind INSERT in a statement set");
}

/* STATEMENT SET BEGIN … END and BEGIN STATEMENT SET; … END. All errors of the members are
 * found, not just the first; the set as a whole is then dropped by the caller. */
bool parse_statement_set(Parser *parser, SqlStatement *statement)
{
    statement->kind = SQL_STATEMENT_SET;
    bool is_old_form = parser_accept_keyword(parser, KW_BEGIN);
    if (!parser_expect_keyword(parser, KW_STATEMENT, "SET") ||
        !parser_expect_keyword(parser, KW_SET, "behind STATEMENT"))
        return false;
    if (is_old_form && !parser_expect(parser, TOKEN_SEMICOLON, "behind BEGIN STATEMENT SET"))
        return false;
    if (!is_old_form && !parser_expect_keyword(parser, KW_BEGIN, "behind STATEMENT SET"))
        return false;
    Span begin = parser->tokens[parser->at - 1].span;
    bool has_failed = false;
    while (!parser_is_keyword(parser, KW_END)) {
        if (parser_is(parser, TOKEN_END)) {
            Diagnostic *d = parser_error(parser, "WR1037", begin, "statement set is never ended");
            diagnostic_label(d, "it begins here");
            diagnostic_help(d, "end it with END;");
            return false;
        }
        int32_t first = parser->at;
        if (!insert_parse_member(parser, &statement->inserts)) {
            insert_recover(parser, first);
            has_failed = true;
        }
    }
    parser_next(parser);
    if (statement->inserts.count == 0 && !has_failed)
        parser_error(parser, "WR1031", parser_span_from(parser, begin),
                     "the statement set is empty");
    return !has_failed;
}
