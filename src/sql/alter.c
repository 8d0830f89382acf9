/* ALTER, DROP, USE. */
#include <assert.h>

#include "sql/internal.h"

/* TABLE, VIEW, … behind ALTER and DROP. */
static bool alter_parse_object(Parser *parser, SqlObjectKind *out)
{
    if (parser_accept_keyword(parser, KW_TABLE)) {
        *out = SQL_OBJECT_TABLE;
    } else if (parser_accept_keyword(parser, KW_VIEW)) {
        *out = SQL_OBJECT_VIEW;
    } else if (parser_accept_keyword(parser, KW_CATALOG)) {
        *out = SQL_OBJECT_CATALOG;
    } else if (parser_accept_keyword(parser, KW_DATABASE)) {
        *out = SQL_OBJECT_DATABASE;
    } else if (parser_accept_keyword(parser, KW_FUNCTION)) {
        *out = SQL_OBJECT_FUNCTION;
    } else if (parser_accept_keyword(parser, KW_MATERIALIZED)) {
        *out = SQL_OBJECT_MATERIALIZED_TABLE;
        return parser_expect_keyword(parser, KW_TABLE, "behind MATERIALIZED");
    } else {
        parser_fail_expected(parser, "TABLE, VIEW, MATERIALIZED TABLE, CATALOG, DATABASE or "
                                     "FUNCTION");
        return false;
    }
    return true;
}

/* ('k', 'k2') */
static bool alter_parse_keys(Parser *parser, List *out)
{
    if (!parser_expect(parser, TOKEN_LEFT_PAREN, "before the keys"))
        return false;
    do {
        SqlOption *option = ARENA_NEW(parser->arena, SqlOption);
        if (!parser_parse_string(parser, "an option key in single quotes", &option->key,
                                 &option->key_span))
            return false;
        list_append(out, parser->arena, option);
    } while (parser_accept(parser, TOKEN_COMMA));
    return parser_expect(parser, TOKEN_RIGHT_PAREN, "or `,` behind the key");
}

/* RENAME TO new, RENAME column TO new */
static bool alter_parse_rename(Parser *parser, SqlAlter *alter)
{
    alter->kind = SQL_ALTER_RENAME;
    if (!parser_is_keyword(parser, KW_TO)) {
        alter->kind = SQL_ALTER_RENAME_COLUMN;
        alter->column = parser_name_new(parser, "a column name");
        if (alter->column == NULL)
            return false;
    }
    if (!parser_expect_keyword(parser, KW_TO, "and the new name"))
        return false;
    alter->new_name = parser_parse_path(parser, "the new name");
    return alter->new_name != NULL;
}

static bool alter_parse_materialized(Parser *parser, SqlAlter *alter)
{
    if (parser_accept_keyword(parser, KW_SUSPEND)) {
        alter->kind = SQL_ALTER_SUSPEND;
        return true;
    }
    if (parser_accept_keyword(parser, KW_REFRESH)) {
        alter->kind = SQL_ALTER_REFRESH;
        if (!parser_is_keyword(parser, KW_PARTITION))
            return true;
        parser_fail_unsupported(parser, parser_peek(parser)->span, "REFRESH of a partition");
        return false;
    }
    alter->kind = SQL_ALTER_RESUME;
    if (!parser_expect_keyword(parser, KW_RESUME, "SUSPEND, REFRESH or AS"))
        return false;
    return !parser_accept_keyword(parser, KW_WITH) || parser_parse_options(parser, &alter->options);
}

static bool alter_parse_action(Parser *parser, SqlAlter *alter)
{
    bool is_query =
        alter->object == SQL_OBJECT_VIEW || alter->object == SQL_OBJECT_MATERIALIZED_TABLE;
    if (is_query && parser_accept_keyword(parser, KW_AS)) {
        alter->kind = SQL_ALTER_AS;
        alter->query = parse_query(parser);
        return alter->query != NULL;
    }
    if (alter->object == SQL_OBJECT_MATERIALIZED_TABLE)
        return alter_parse_materialized(parser, alter);
    if (parser_accept_keyword(parser, KW_RENAME))
        return alter_parse_rename(parser, alter);
    if (parser_accept_keyword(parser, KW_SET)) {
        alter->kind = SQL_ALTER_SET;
        return parser_parse_options(parser, &alter->options);
    }
    if (parser_accept_keyword(parser, KW_RESET)) {
        alter->kind = SQL_ALTER_RESET;
        return alter_parse_keys(parser, &alter->keys);
    }
    if (parser_is_keyword(parser, KW_ADD) || parser_is_keyword(parser, KW_MODIFY) ||
        parser_is_keyword(parser, KW_DROP)) {
        parser_fail_unsupported(parser, parser_peek(parser)->span, "changing columns with ALTER");
        return false;
    }
    parser_fail_expected(parser, "RENAME, SET or RESET");
    return false;
}

/* Behind the word ALTER. */
bool parse_alter(Parser *parser, SqlStatement *statement)
{
    statement->kind = SQL_ALTER;
    SqlAlter *alter = ARENA_NEW(parser->arena, SqlAlter);
    statement->alter = alter;
    if (!alter_parse_object(parser, &alter->object) || !parse_if_exists(parser, &alter->if_exists))
        return false;
    alter->name = parser_parse_path(parser, "a name");
    return alter->name != NULL && alter_parse_action(parser, alter);
}

/* Behind the word DROP. */
bool parse_drop(Parser *parser, SqlStatement *statement)
{
    statement->kind = SQL_DROP;
    SqlDrop *drop = ARENA_NEW(parser->arena, SqlDrop);
    statement->drop = drop;
    drop->is_temporary = parser_accept_keyword(parser, KW_TEMPORARY);
    drop->is_system = drop->is_temporary && parser_accept_keyword(parser, KW_SYSTEM);
    if (!alter_parse_object(parser, &drop->object) || !parse_if_exists(parser, &drop->if_exists))
        return false;
    drop->name = parser_parse_path(parser, "a name");
    if (drop->name == NULL)
        return false;
    drop->is_cascade = parser_accept_keyword(parser, KW_CASCADE);
    if (!drop->is_cascade)
        parser_accept_keyword(parser, KW_RESTRICT);
    return true;
}

/* Behind the word USE. */
bool parse_use(Parser *parser, SqlStatement *statement)
{
    statement->kind = SQL_USE;
    statement->use.object = SQL_OBJECT_DATABASE;
    if (parser_is_keyword(parser, KW_MODULES)) {
        parser_fail_unsupported(parser, parser_peek(parser)->span, "USE MODULES");
        return false;
    }
    if (parser_is_keyword(parser, KW_CATALOG) && parser_is_name_at(parser, 1)) {
        parser_next(parser);
        statement->use.object = SQL_OBJECT_CATALOG;
    }
    statement->use.name = parser_parse_path(parser, "a catalog or database name");
    return statement->use.name != NULL;
}
