/* SHOW and DESCRIBE. */
#include <assert.h>

#include "sql/internal.h"

typedef struct ShowWord {
    Keyword keyword;
    SqlShowKind kind;
} ShowWord;

static const ShowWord show_words[] = {
    {KW_CATALOGS, SQL_SHOW_CATALOGS}, {KW_DATABASES, SQL_SHOW_DATABASES},
    {KW_TABLES, SQL_SHOW_TABLES},     {KW_VIEWS, SQL_SHOW_VIEWS},
    {KW_COLUMNS, SQL_SHOW_COLUMNS},   {KW_FUNCTIONS, SQL_SHOW_FUNCTIONS},
    {KW_JOBS, SQL_SHOW_JOBS},         {KW_PROCEDURES, SQL_SHOW_PROCEDURES},
    {KW_JARS, SQL_SHOW_JARS},         {KW_MODULES, SQL_SHOW_MODULES},
};

static bool show_parse_create(Parser *parser, SqlShow *show)
{
    if (parser_accept_keyword(parser, KW_TABLE)) {
        show->kind = SQL_SHOW_CREATE_TABLE;
    } else if (parser_accept_keyword(parser, KW_VIEW)) {
        show->kind = SQL_SHOW_CREATE_VIEW;
    } else if (parser_accept_keywords(parser, KW_MATERIALIZED, KW_TABLE)) {
        show->kind = SQL_SHOW_CREATE_MATERIALIZED_TABLE;
    } else if (parser_accept_keyword(parser, KW_CATALOG)) {
        show->kind = SQL_SHOW_CREATE_CATALOG;
    } else {
        parser_fail_expected(parser, "TABLE, VIEW, MATERIALIZED TABLE or CATALOG behind SHOW "
                                     "CREATE");
        return false;
    }
    show->name = parser_parse_path(parser, "a table name");
    return show->name != NULL;
}

/* Which of Flink's SHOW have no pattern, or not the one that they have here. */
static Extension show_pattern_extension(const SqlShow *show)
{
    if (show->kind == SQL_SHOW_VIEWS || show->kind == SQL_SHOW_CATALOGS)
        return EXTENSION_SHOW_LIKE;
    bool knows_case = show->kind == SQL_SHOW_FUNCTIONS || show->kind == SQL_SHOW_DATABASES;
    return show->is_case_insensitive && !knows_case ? EXTENSION_SHOW_ILIKE : EXTENSION_COUNT;
}

/* [(FROM | IN) name] [[NOT] (LIKE | ILIKE) 'pattern'] */
static bool show_parse_scope(Parser *parser, SqlShow *show)
{
    Span from = parser_peek(parser)->span;
    if (parser_accept_keyword(parser, KW_FROM) || parser_accept_keyword(parser, KW_IN)) {
        if (show->kind == SQL_SHOW_VIEWS)
            extension_report(parser->diagnostics, EXTENSION_SHOW_VIEWS_FROM, from, NULL);
        show->name = parser_parse_path(parser, "a name");
        if (show->name == NULL)
            return false;
    } else if (show->kind == SQL_SHOW_COLUMNS) {
        parser_fail_expected(parser, "FROM and a table");
        return false;
    }
    show->is_negated = parser_accept_keyword(parser, KW_NOT);
    show->is_case_insensitive = parser_is_keyword(parser, KW_ILIKE);
    Extension pattern = show_pattern_extension(show);
    Span span = parser_peek(parser)->span;
    if (pattern != EXTENSION_COUNT &&
        (show->is_case_insensitive || parser_is_keyword(parser, KW_LIKE)))
        extension_report(parser->diagnostics, pattern, span, NULL);
    if (show->is_case_insensitive || parser_is_keyword(parser, KW_LIKE)) {
        parser_next(parser);
        show->has_pattern = true;
        return parser_parse_string(parser, "a pattern in single quotes", &show->pattern, NULL);
    }
    return !show->is_negated || parser_expect_keyword(parser, KW_LIKE, "or ILIKE behind NOT");
}

static bool show_parse_current(Parser *parser, SqlShow *show)
{
    show->kind = SQL_SHOW_CURRENT_DATABASE;
    if (!parser_accept_keyword(parser, KW_CATALOG))
        return parser_expect_keyword(parser, KW_DATABASE, "or CATALOG behind SHOW CURRENT");
    show->kind = SQL_SHOW_CURRENT_CATALOG;
    return true;
}

/* SHOW PARTITIONS t [PARTITION (…)] */
static bool show_parse_partitions(Parser *parser, SqlShow *show)
{
    show->kind = SQL_SHOW_PARTITIONS;
    show->name = parser_parse_path(parser, "a table name");
    if (show->name == NULL || !parser_is_keyword(parser, KW_PARTITION))
        return show->name != NULL;
    show->partition = parse_partition(parser, false);
    return show->partition != NULL;
}

/* Without FROM and LIKE. */
static bool show_is_plain(SqlShowKind kind)
{
    return kind == SQL_SHOW_MODULES || kind == SQL_SHOW_JARS || kind == SQL_SHOW_JOBS;
}

/* Behind the word SHOW. */
bool parse_show(Parser *parser, SqlStatement *statement)
{
    statement->kind = SQL_SHOW;
    SqlShow *show = ARENA_NEW(parser->arena, SqlShow);
    statement->show = show;
    if (parser_accept_keyword(parser, KW_CREATE))
        return show_parse_create(parser, show);
    if (parser_accept_keyword(parser, KW_CURRENT))
        return show_parse_current(parser, show);
    Span materialized = parser_peek(parser)->span;
    if (parser_accept_keywords(parser, KW_MATERIALIZED, KW_TABLES)) {
        extension_report(parser->diagnostics, EXTENSION_SHOW_MATERIALIZED,
                         parser_span_from(parser, materialized), NULL);
        show->kind = SQL_SHOW_MATERIALIZED_TABLES;
        return show_parse_scope(parser, show);
    }
    if (parser_accept_keyword(parser, KW_PARTITIONS))
        return show_parse_partitions(parser, show);
    if (parser_accept_keyword(parser, KW_FULL)) {
        show->kind = SQL_SHOW_MODULES;
        show->is_full = true;
        return parser_expect_keyword(parser, KW_MODULES, "behind SHOW FULL");
    }
    show->is_user = parser_accept_keyword(parser, KW_USER);
    for (size_t i = 0; i < sizeof(show_words) / sizeof(show_words[0]); i++) {
        if (show->is_user && show_words[i].kind != SQL_SHOW_FUNCTIONS)
            continue;
        if (!parser_accept_keyword(parser, show_words[i].keyword))
            continue;
        show->kind = show_words[i].kind;
        return show_is_plain(show->kind) || show_parse_scope(parser, show);
    }
    parser_fail_expected(parser, "TABLES, VIEWS, COLUMNS, FUNCTIONS, CREATE TABLE, CATALOGS, "
                                 "DATABASES, PARTITIONS, MODULES, JARS or JOBS behind SHOW");
    return false;
}

/* Behind the word DESCRIBE or DESC. */
bool parse_describe(Parser *parser, SqlStatement *statement)
{
    statement->kind = SQL_DESCRIBE;
    SqlDescribe *describe = &statement->describe;
    describe->object = SQL_OBJECT_TABLE;
    if (parser_is_keyword(parser, KW_JOB) && parser_peek_at(parser, 1)->kind == TOKEN_STRING) {
        parser_next(parser);
        return parser_parse_string(parser, "the job's id in single quotes", &describe->job, NULL);
    }
    if (parser_is_keyword(parser, KW_CATALOG) &&
        (parser_is_name_at(parser, 1) || parser_is_keyword_at(parser, 1, KW_EXTENDED))) {
        parser_next(parser);
        describe->object = SQL_OBJECT_CATALOG;
    } else if (parser_is_keyword(parser, KW_DATABASE) && parser_is_name_at(parser, 1)) {
        parser_next(parser);
        describe->object = SQL_OBJECT_DATABASE;
    }
    describe->is_extended = parser_accept_keyword(parser, KW_EXTENDED);
    describe->name = parser_parse_path(parser, "a table name");
    return describe->name != NULL;
}
