/* ALTER. */
#include <assert.h>

#include "sql/internal.h"

/* TABLE, VIEW, … behind ALTER and DROP. */
bool parse_object_kind(Parser *parser, SqlObjectKind *out)
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
    if (parser_accept(parser, TOKEN_RIGHT_PAREN))
        return true; /* the planner says that this changes nothing */
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
        Diagnostic *d =
            parser_fail_unsupported(parser, parser_peek(parser)->span, "REFRESH of a partition");
        diagnostic_note(d, "materialized tables of weir have no partitions, and are always fresh");
        return false;
    }
    alter->kind = SQL_ALTER_RESUME;
    if (!parser_expect_keyword(parser, KW_RESUME, "SUSPEND, REFRESH or AS"))
        return false;
    return !parser_accept_keyword(parser, KW_WITH) || parser_parse_options(parser, &alter->options);
}

/* PARTITION (k = v, …) [WITH (…)] */
SqlPartition *parse_partition(Parser *parser, bool has_options)
{
    SqlPartition *partition = ARENA_NEW(parser->arena, SqlPartition);
    Span start = parser_peek(parser)->span;
    if (!parser_expect_keyword(parser, KW_PARTITION, "and (key = value)") ||
        !parse_partition_values(parser, &partition->values))
        return NULL;
    partition->span = parser_span_from(parser, start);
    if (has_options && parser_accept_keyword(parser, KW_WITH) &&
        !parser_parse_options(parser, &partition->options))
        return NULL;
    return partition;
}

/* Partitions one after another (ADD) or with commas between them (DROP). */
static bool alter_parse_partitions(Parser *parser, SqlAlter *alter)
{
    bool is_add = alter->kind == SQL_ALTER_ADD;
    do {
        SqlPartition *partition = parse_partition(parser, is_add);
        if (partition == NULL)
            return false;
        list_append(&alter->partitions, parser->arena, partition);
    } while (is_add ? parser_is_keyword(parser, KW_PARTITION) : parser_accept(parser, TOKEN_COMMA));
    return true;
}

/* ADD, MODIFY: one part of a table, several in parentheses, or partitions. */
static bool alter_parse_parts(Parser *parser, SqlAlter *alter)
{
    if (alter->kind == SQL_ALTER_ADD) {
        if (!parse_if_not_exists(parser, &alter->if_partition))
            return false;
        if (alter->if_partition || parser_is_keyword(parser, KW_PARTITION))
            return alter_parse_partitions(parser, alter);
    }
    SqlCreateTable *parts = ARENA_NEW(parser->arena, SqlCreateTable);
    parts->name = alter->name;
    parts->is_change = true;
    alter->parts = parts;
    if (parser_is_keyword(parser, KW_DISTRIBUTION) && parser_is_keyword_at(parser, 1, KW_BY))
        return parse_distribution(parser, &parts->distribution);
    if (parser_is(parser, TOKEN_LEFT_PAREN))
        return parse_table_elements(parser, parts);
    return parse_table_element(parser, parts);
}

static bool alter_parse_drop(Parser *parser, SqlAlter *alter)
{
    SqlAlterDrop *drop = &alter->drop;
    parse_if_exists(parser, &alter->if_partition);
    if (alter->if_partition || parser_is_keyword(parser, KW_PARTITION))
        return alter_parse_partitions(parser, alter);
    if (parser_accept_keyword(parser, KW_PRIMARY)) {
        drop->has_primary_key = true;
        return parser_expect_keyword(parser, KW_KEY, "behind PRIMARY");
    }
    if (parser_accept_keyword(parser, KW_CONSTRAINT)) {
        drop->constraint = parser_name_new(parser, "a constraint name");
        return drop->constraint != NULL;
    }
    if (parser_accept_keyword(parser, KW_WATERMARK)) {
        drop->has_watermark = true;
        return true;
    }
    bool is_end = parser_peek_at(parser, 1)->kind == TOKEN_SEMICOLON ||
                  parser_peek_at(parser, 1)->kind == TOKEN_END;
    if (parser_is_keyword(parser, KW_DISTRIBUTION) && is_end) {
        parser_next(parser);
        drop->has_distribution = true;
        return true;
    }
    if (parser_is(parser, TOKEN_LEFT_PAREN))
        return parser_parse_names(parser, "a column name", &drop->columns);
    SqlName *name = parser_name_new(parser, "a column, PRIMARY KEY, CONSTRAINT, WATERMARK or "
                                            "PARTITION");
    if (name != NULL)
        list_append(&drop->columns, parser->arena, name);
    return name != NULL;
}

static bool alter_parse_table(Parser *parser, SqlAlter *alter)
{
    if (parser_accept_keyword(parser, KW_ADD)) {
        alter->kind = SQL_ALTER_ADD;
        return alter_parse_parts(parser, alter);
    }
    if (parser_accept_keyword(parser, KW_MODIFY)) {
        alter->kind = SQL_ALTER_MODIFY;
        return alter_parse_parts(parser, alter);
    }
    if (parser_accept_keyword(parser, KW_DROP)) {
        alter->kind = SQL_ALTER_DROP;
        return alter_parse_drop(parser, alter);
    }
    parser_fail_expected(parser, "ADD, MODIFY, DROP, RENAME, SET or RESET");
    return false;
}

static bool alter_parse_function(Parser *parser, SqlAlter *alter)
{
    alter->kind = SQL_ALTER_AS;
    return parser_expect_keyword(parser, KW_AS, "and the class name in single quotes") &&
           parser_parse_string(parser, "the class in single quotes", &alter->identifier, NULL) &&
           parse_language(parser, &alter->language);
}

static bool alter_parse_options(Parser *parser, SqlAlter *alter, bool *is_taken)
{
    *is_taken = true;
    if (parser_accept_keyword(parser, KW_SET)) {
        alter->kind = SQL_ALTER_SET;
        return parser_parse_options(parser, &alter->options);
    }
    if (parser_accept_keyword(parser, KW_RESET)) {
        alter->kind = SQL_ALTER_RESET;
        return alter_parse_keys(parser, &alter->keys);
    }
    *is_taken = false;
    return true;
}

static bool alter_parse_catalog(Parser *parser, SqlAlter *alter)
{
    alter->kind = SQL_ALTER_COMMENT;
    if (parser_is_keyword(parser, KW_COMMENT))
        return parser_parse_comment(parser, &alter->comment);
    parser_fail_expected(parser, "SET, RESET or COMMENT");
    return false;
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
    if (alter->object == SQL_OBJECT_FUNCTION)
        return alter_parse_function(parser, alter);
    bool is_table = alter->object == SQL_OBJECT_TABLE;
    if ((is_table || is_query) && parser_accept_keyword(parser, KW_RENAME))
        return alter_parse_rename(parser, alter);
    if (is_query) {
        parser_fail_expected(parser, "RENAME TO or AS");
        return false;
    }
    bool is_taken;
    if (!alter_parse_options(parser, alter, &is_taken) || is_taken)
        return is_taken;
    if (is_table)
        return alter_parse_table(parser, alter);
    if (alter->object == SQL_OBJECT_CATALOG)
        return alter_parse_catalog(parser, alter);
    parser_fail_expected(parser, "SET");
    return false;
}

/* Behind the word ALTER. */
bool parse_alter(Parser *parser, SqlStatement *statement)
{
    statement->kind = SQL_ALTER;
    SqlAlter *alter = ARENA_NEW(parser->arena, SqlAlter);
    statement->alter = alter;
    alter->is_temporary = parser_accept_keyword(parser, KW_TEMPORARY);
    alter->is_system = alter->is_temporary && parser_accept_keyword(parser, KW_SYSTEM);
    if (alter->is_temporary && !parser_is_keyword(parser, KW_FUNCTION)) {
        parser_fail_expected(parser, "FUNCTION behind ALTER TEMPORARY");
        return false;
    }
    if (!parse_object_kind(parser, &alter->object) || !parse_if_exists(parser, &alter->if_exists))
        return false;
    alter->name = parser_parse_path(parser, "a name");
    if (alter->name == NULL)
        return false;
    Span start = parser_peek(parser)->span;
    bool is_good = alter_parse_action(parser, alter);
    alter->action_span = is_good ? parser_span_from(parser, start) : start;
    return is_good;
}
