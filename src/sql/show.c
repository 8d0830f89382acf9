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
    {KW_JOBS, SQL_SHOW_JOBS},
};

static bool show_parse_create(Parser *parser, SqlShow *show)
{
    if (parser_accept_keyword(parser, KW_TABLE)) {
        show->kind = SQL_SHOW_CREATE_TABLE;
    } else if (parser_accept_keyword(parser, KW_VIEW)) {
        show->kind = SQL_SHOW_CREATE_VIEW;
    } else if (parser_accept_keywords(parser, KW_MATERIALIZED, KW_TABLE)) {
        show->kind = SQL_SHOW_CREATE_MATERIALIZED_TABLE;
    } else {
        parser_fail_expected(parser, "TABLE, VIEW or MATERIALIZED TABLE behind SHOW CREATE");
        return false;
    }
    show->name = parser_parse_path(parser, "a table name");
    return show->name != NULL;
}

/* [(FROM | IN) name] [[NOT] (LIKE | ILIKE) 'pattern'] */
static bool show_parse_scope(Parser *parser, SqlShow *show)
{
    if (parser_accept_keyword(parser, KW_FROM) || parser_accept_keyword(parser, KW_IN)) {
        show->name = parser_parse_path(parser, "a name");
        if (show->name == NULL)
            return false;
    } else if (show->kind == SQL_SHOW_COLUMNS) {
        parser_fail_expected(parser, "FROM and a table");
        return false;
    }
    show->is_negated = parser_accept_keyword(parser, KW_NOT);
    show->is_case_insensitive = parser_is_keyword(parser, KW_ILIKE);
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
    if (parser_accept_keywords(parser, KW_MATERIALIZED, KW_TABLES)) {
        show->kind = SQL_SHOW_MATERIALIZED_TABLES;
        return show_parse_scope(parser, show);
    }
    show->is_user = parser_accept_keyword(parser, KW_USER);
    for (size_t i = 0; i < sizeof(show_words) / sizeof(show_words[0]); i++) {
        if (show->is_user && show_words[i].kind != SQL_SHOW_FUNCTIONS)
            continue;
        if (!parser_accept_keyword(parser, show_words[i].keyword))
            continue;
        show->kind = show_words[i].kind;
        return show_parse_scope(parser, show);
    }
    parser_fail_expected(parser, "TABLES, VIEWS, COLUMNS, FUNCTIONS, CREATE TABLE, CATALOGS, "
                                 "DATABASES or JOBS behind SHOW");
    return false;
}

/* Behind the word DESCRIBE or DESC. */
bool parse_describe(Parser *parser, SqlStatement *statement)
{
    statement->kind = SQL_DESCRIBE;
    SqlDescribe *describe = &statement->describe;
    describe->object = SQL_OBJECT_TABLE;
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
