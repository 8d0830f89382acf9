/* DROP, TRUNCATE, USE; modules, JARs, jobs; commands of the client. */
#include <assert.h>

#include "sql/internal.h"

/* Behind the word DROP. */
bool parse_drop(Parser *parser, SqlStatement *statement)
{
    statement->kind = SQL_DROP;
    SqlDrop *drop = ARENA_NEW(parser->arena, SqlDrop);
    statement->drop = drop;
    drop->is_temporary = parser_accept_keyword(parser, KW_TEMPORARY);
    drop->is_system = drop->is_temporary && parser_accept_keyword(parser, KW_SYSTEM);
    Span start = parser_peek(parser)->span;
    if (!parse_object_kind(parser, &drop->object))
        return false;
    if (drop->is_temporary && drop->object == SQL_OBJECT_MATERIALIZED_TABLE) {
        parser_error(parser, "WR1010", parser_span_from(parser, start),
                     "a materialized table is not temporary");
        return false;
    }
    if (!parse_if_exists(parser, &drop->if_exists))
        return false;
    drop->name = parser_parse_path(parser, "a name");
    if (drop->name == NULL)
        return false;
    drop->is_cascade = parser_accept_keyword(parser, KW_CASCADE);
    if (!drop->is_cascade)
        parser_accept_keyword(parser, KW_RESTRICT);
    return true;
}

/* Behind the word TRUNCATE. */
bool parse_truncate(Parser *parser, SqlStatement *statement)
{
    statement->kind = SQL_TRUNCATE;
    if (!parser_expect_keyword(parser, KW_TABLE, "behind TRUNCATE"))
        return false;
    statement->truncate = parser_parse_path(parser, "a table name");
    return statement->truncate != NULL;
}

/* ---- Modules ---- */

static bool module_parse_name(Parser *parser, SqlModule *module)
{
    SqlName *name = parser_name_new(parser, "a module name");
    if (name != NULL)
        list_append(&module->names, parser->arena, name);
    return name != NULL;
}

static SqlModule *module_new(Parser *parser, SqlStatement *statement, SqlModuleAction action)
{
    statement->kind = SQL_MODULE;
    statement->module = ARENA_NEW(parser->arena, SqlModule);
    statement->module->action = action;
    return statement->module;
}

/* Behind the words LOAD and UNLOAD. */
bool parse_load_module(Parser *parser, SqlStatement *statement)
{
    SqlModule *module = module_new(parser, statement, SQL_MODULE_LOAD);
    if (!parser_expect_keyword(parser, KW_MODULE, "behind LOAD") ||
        !module_parse_name(parser, module))
        return false;
    return !parser_accept_keyword(parser, KW_WITH) ||
           parser_parse_options(parser, &module->options);
}

bool parse_unload_module(Parser *parser, SqlStatement *statement)
{
    SqlModule *module = module_new(parser, statement, SQL_MODULE_UNLOAD);
    return parser_expect_keyword(parser, KW_MODULE, "behind UNLOAD") &&
           module_parse_name(parser, module);
}

/* USE MODULES a, b */
static bool parse_use_modules(Parser *parser, SqlStatement *statement)
{
    SqlModule *module = module_new(parser, statement, SQL_MODULE_USE);
    do {
        if (!module_parse_name(parser, module))
            return false;
    } while (parser_accept(parser, TOKEN_COMMA));
    return true;
}

/* Behind the word USE. */
bool parse_use(Parser *parser, SqlStatement *statement)
{
    if (parser_is_keyword(parser, KW_MODULES) && parser_is_name_at(parser, 1)) {
        parser_next(parser);
        return parse_use_modules(parser, statement);
    }
    statement->kind = SQL_USE;
    statement->use.object = SQL_OBJECT_DATABASE;
    if (parser_is_keyword(parser, KW_CATALOG) && parser_is_name_at(parser, 1)) {
        parser_next(parser);
        statement->use.object = SQL_OBJECT_CATALOG;
    }
    statement->use.name = parser_parse_path(parser, "a catalog or database name");
    return statement->use.name != NULL;
}

/* ---- JARs and jobs ---- */

static bool parse_jar(Parser *parser, SqlStatement *statement, bool is_removed)
{
    statement->kind = SQL_JAR;
    statement->jar.is_removed = is_removed;
    return parser_expect_keyword(parser, KW_JAR, is_removed ? "behind REMOVE" : "behind ADD") &&
           parser_parse_string(parser, "a path in single quotes", &statement->jar.path,
                               &statement->jar.path_span);
}

/* Behind the words ADD and REMOVE. */
bool parse_add_jar(Parser *parser, SqlStatement *statement)
{
    return parse_jar(parser, statement, false);
}

bool parse_remove_jar(Parser *parser, SqlStatement *statement)
{
    return parse_jar(parser, statement, true);
}

/* STOP JOB 'id' [WITH SAVEPOINT] [WITH DRAIN], behind STOP. */
bool parse_stop_job(Parser *parser, SqlStatement *statement)
{
    statement->kind = SQL_STOP_JOB;
    SqlStopJob *stop = &statement->stop_job;
    if (!parser_expect_keyword(parser, KW_JOB, "behind STOP") ||
        !parser_parse_string(parser, "the job's id in single quotes", &stop->job, &stop->job_span))
        return false;
    stop->with_savepoint = parser_accept_keywords(parser, KW_WITH, KW_SAVEPOINT);
    stop->with_drain = parser_accept_keywords(parser, KW_WITH, KW_DRAIN);
    return true;
}

bool parse_client(Parser *parser, SqlStatement *statement)
{
    static const struct {
        const char *word;
        SqlClient command;
    } commands[] = {
        {"QUIT", SQL_CLIENT_QUIT},
        {"EXIT", SQL_CLIENT_QUIT},
        {"CLEAR", SQL_CLIENT_CLEAR},
        {"HELP", SQL_CLIENT_HELP},
    };
    const Token *token = parser_peek(parser);
    int after = parser_peek_at(parser, 1)->kind;
    if (token->kind != TOKEN_WORD || (after != TOKEN_SEMICOLON && after != TOKEN_END))
        return false;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        Str word = str_from(commands[i].word);
        if (!str_equal_ignoring_case(parser_text(parser, token->span), word))
            continue;
        statement->kind = SQL_CLIENT;
        statement->client = commands[i].command;
        parser_next(parser);
        return true;
    }
    return false;
}
