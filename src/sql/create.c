/* CREATE TABLE, VIEW, MATERIALIZED TABLE, CATALOG, DATABASE, FUNCTION. */
#include <assert.h>

#include "sql/internal.h"

bool parse_if_not_exists(Parser *parser, bool *out)
{
    *out = false;
    if (!parser_is_keyword(parser, KW_IF) || !parser_is_keyword_at(parser, 1, KW_NOT))
        return true;
    parser->at += 2;
    *out = true;
    return parser_expect_keyword(parser, KW_EXISTS, "behind IF NOT");
}

bool parse_if_exists(Parser *parser, bool *out)
{
    *out = parser_accept_keywords(parser, KW_IF, KW_EXISTS);
    return true;
}

/* ---- CREATE TABLE ---- */

/* BY [HASH | RANGE] (c, …) [INTO n BUCKETS], INTO n BUCKETS; behind a first word. */
bool parse_distribution(Parser *parser, SqlDistribution **out)
{
    Span start = parser_next(parser)->span;
    SqlDistribution *distribution = ARENA_NEW(parser->arena, SqlDistribution);
    bool has_columns = parser_accept_keyword(parser, KW_BY);
    if (has_columns) {
        if (parser_accept_keyword(parser, KW_HASH))
            distribution->kind = STR("HASH");
        else if (parser_accept_keyword(parser, KW_RANGE))
            distribution->kind = STR("RANGE");
        if (!parser_parse_names(parser, "a column name", &distribution->columns))
            return false;
    }
    if (parser_accept_keyword(parser, KW_INTO)) {
        if (!parser_parse_count(parser, "the number of buckets", INT32_MAX,
                                &distribution->buckets) ||
            !parser_expect_keyword(parser, KW_BUCKETS, "behind the number"))
            return false;
    } else if (!has_columns) {
        parser_fail_expected(parser, "BY or INTO behind DISTRIBUTED");
        return false;
    }
    distribution->span = parser_span_from(parser, start);
    *out = distribution;
    return true;
}

typedef struct LikeFeature {
    Keyword keyword;
    bool may_overwrite;
} LikeFeature;

static const LikeFeature create_like_features[] = {
    {KW_ALL, false},      {KW_CONSTRAINTS, false}, {KW_DISTRIBUTION, false}, {KW_PARTITIONS, false},
    {KW_GENERATED, true}, {KW_METADATA, true},     {KW_OPTIONS, true},       {KW_WATERMARKS, true},
};

static const LikeFeature *create_parse_like_feature(Parser *parser)
{
    for (size_t i = 0; i < sizeof(create_like_features) / sizeof(create_like_features[0]); i++) {
        if (parser_accept_keyword(parser, create_like_features[i].keyword))
            return &create_like_features[i];
    }
    parser_fail_expected(parser, "ALL, CONSTRAINTS, DISTRIBUTION, PARTITIONS, GENERATED, "
                                 "METADATA, OPTIONS or WATERMARKS");
    return NULL;
}

static bool create_parse_like_option(Parser *parser, SqlLike *like)
{
    Span start = parser_peek(parser)->span;
    SqlLikeOption *option = ARENA_NEW(parser->arena, SqlLikeOption);
    bool is_overwriting = false;
    if (parser_accept_keyword(parser, KW_INCLUDING)) {
        option->strategy = STR("INCLUDING");
    } else if (parser_accept_keyword(parser, KW_EXCLUDING)) {
        option->strategy = STR("EXCLUDING");
    } else {
        is_overwriting = true;
        option->strategy = STR("OVERWRITING");
        if (!parser_expect_keyword(parser, KW_OVERWRITING, "INCLUDING or EXCLUDING in LIKE"))
            return false;
    }
    const LikeFeature *feature = create_parse_like_feature(parser);
    if (feature == NULL)
        return false;
    option->feature = keyword_text(feature->keyword);
    option->span = parser_span_from(parser, start);
    if (is_overwriting && !feature->may_overwrite) {
        parser_error(parser, "WR1032", option->span,
                     "illegal merging strategy 'OVERWRITING' for '%.*s' option",
                     STR_ARGS(option->feature));
        return false;
    }
    for (int32_t i = 0; i < like->options.count; i++) {
        if (!str_equal(LIST_AT(like->options, i, SqlLikeOption)->feature, option->feature))
            continue;
        parser_error(parser, "WR1032", option->span,
                     "each like option feature can be declared only once");
        return false;
    }
    list_append(&like->options, parser->arena, option);
    return true;
}

/* LIKE source [( options )] */
static bool create_parse_like(Parser *parser, SqlCreateTable *table)
{
    if (!parser_accept_keyword(parser, KW_LIKE))
        return true;
    table->like = ARENA_NEW(parser->arena, SqlLike);
    table->like->table = parser_parse_path(parser, "a table name");
    if (table->like->table == NULL)
        return false;
    if (!parser_accept(parser, TOKEN_LEFT_PAREN))
        return true;
    while (!parser_accept(parser, TOKEN_RIGHT_PAREN)) {
        if (!create_parse_like_option(parser, table->like))
            return false;
    }
    return true;
}

/* Names may be in parentheses or, for a single clause, forgotten ones are reported. */
static bool create_parse_partitioned(Parser *parser, List *out)
{
    if (!parser_accept_keyword(parser, KW_PARTITIONED))
        return true;
    return parser_expect_keyword(parser, KW_BY, "behind PARTITIONED") &&
           parser_parse_names(parser, "a column name", out);
}

bool parse_create_table(Parser *parser, bool is_temporary, SqlStatement *statement)
{
    statement->kind = SQL_CREATE_TABLE;
    SqlCreateTable *table = ARENA_NEW(parser->arena, SqlCreateTable);
    statement->create_table = table;
    table->is_temporary = is_temporary;
    if (!parse_if_not_exists(parser, &table->if_not_exists))
        return false;
    table->name = parser_parse_path(parser, "a table name");
    if (table->name == NULL)
        return false;
    if (parser_is(parser, TOKEN_LEFT_PAREN) && !parse_table_elements(parser, table))
        return false;
    if (!parser_parse_comment(parser, &table->comment))
        return false;
    if (parser_is_keyword(parser, KW_DISTRIBUTED) &&
        !parse_distribution(parser, &table->distribution))
        return false;
    if (!create_parse_partitioned(parser, &table->partitioned_by))
        return false;
    if (parser_accept_keyword(parser, KW_WITH) && !parser_parse_options(parser, &table->options))
        return false;
    if (!create_parse_like(parser, table))
        return false;
    if (parser_accept_keyword(parser, KW_AS)) {
        table->query = parse_query(parser);
        return table->query != NULL;
    }
    return true;
}

/* ---- CREATE VIEW ---- */

static bool create_parse_view(Parser *parser, bool is_temporary, SqlStatement *statement)
{
    statement->kind = SQL_CREATE_VIEW;
    SqlCreateView *view = ARENA_NEW(parser->arena, SqlCreateView);
    statement->create_view = view;
    view->is_temporary = is_temporary;
    if (!parse_if_not_exists(parser, &view->if_not_exists))
        return false;
    view->name = parser_parse_path(parser, "a view name");
    if (view->name == NULL)
        return false;
    if (parser_is(parser, TOKEN_LEFT_PAREN) &&
        !parser_parse_names(parser, "a column name", &view->columns))
        return false;
    if (!parser_parse_comment(parser, &view->comment) ||
        !parser_expect_keyword(parser, KW_AS, "and a query behind the view's name"))
        return false;
    view->query = parse_query(parser);
    return view->query != NULL;
}

/* ---- CREATE MATERIALIZED TABLE ---- */

static bool create_parse_freshness(Parser *parser, SqlCreateMaterializedTable *table)
{
    if (!parser_accept_keyword(parser, KW_FRESHNESS))
        return true;
    if (!parser_expect(parser, TOKEN_EQUAL, "behind FRESHNESS"))
        return false;
    if (!parser_is_keyword(parser, KW_INTERVAL)) {
        parser_fail_expected(parser, "an interval such as INTERVAL '30' SECOND");
        return false;
    }
    table->freshness = parse_interval(parser);
    if (table->freshness == NULL)
        return false;
    const SqlLiteral *literal = &table->freshness->literal;
    bool is_whole = str_find(literal->text, STR(".")) < 0;
    bool is_simple = literal->unit_from == literal->unit_to && is_whole;
    if (literal->kind == SQL_INTERVAL_MILLIS && literal->interval > 0 && is_simple)
        return true;
    Diagnostic *d = parser_error(parser, "WR1034", table->freshness->span,
                                 "FRESHNESS needs a positive whole number of time units");
    diagnostic_help(d, "units are SECOND, MINUTE, HOUR and DAY: INTERVAL '30' SECOND");
    return false;
}

static bool create_parse_refresh_mode(Parser *parser, SqlCreateMaterializedTable *table)
{
    if (!parser_accept_keyword(parser, KW_REFRESH_MODE))
        return true;
    if (!parser_expect(parser, TOKEN_EQUAL, "behind REFRESH_MODE"))
        return false;
    if (parser_accept_keyword(parser, KW_CONTINUOUS)) {
        table->refresh_mode = SQL_REFRESH_CONTINUOUS;
        return true;
    }
    table->refresh_mode = SQL_REFRESH_FULL;
    return parser_expect_keyword(parser, KW_FULL, "or CONTINUOUS behind REFRESH_MODE");
}

/* The key may stand in parentheses, as later versions have it, or without. */
static bool create_parse_materialized_key(Parser *parser, SqlCreateMaterializedTable *table)
{
    bool has_parenthesis = parser_accept(parser, TOKEN_LEFT_PAREN);
    if (parser_is_keyword(parser, KW_CONSTRAINT) || parser_is_keyword(parser, KW_PRIMARY)) {
        if (!parse_primary_key(parser, &table->primary_key))
            return false;
    } else if (has_parenthesis) {
        Diagnostic *d = parser_error(parser, "WR1027", parser_peek(parser)->span,
                                     "a materialized table takes its columns from its query");
        diagnostic_help(d, "name and cast the columns in the query; only PRIMARY KEY (...) NOT "
                           "ENFORCED may stand here");
        return false;
    }
    return !has_parenthesis || parser_expect(parser, TOKEN_RIGHT_PAREN, "behind the primary key");
}

static bool create_parse_materialized(Parser *parser, SqlStatement *statement)
{
    statement->kind = SQL_CREATE_MATERIALIZED_TABLE;
    SqlCreateMaterializedTable *table = ARENA_NEW(parser->arena, SqlCreateMaterializedTable);
    statement->create_materialized_table = table;
    if (!parse_if_not_exists(parser, &table->if_not_exists))
        return false;
    table->name = parser_parse_path(parser, "a table name");
    if (table->name == NULL || !create_parse_materialized_key(parser, table) ||
        !parser_parse_comment(parser, &table->comment) ||
        !create_parse_partitioned(parser, &table->partitioned_by))
        return false;
    if (parser_accept_keyword(parser, KW_WITH) && !parser_parse_options(parser, &table->options))
        return false;
    if (!create_parse_freshness(parser, table) || !create_parse_refresh_mode(parser, table))
        return false;
    if (!parser_accept_keyword(parser, KW_AS)) {
        parser_fail_expected(parser, "COMMENT, PARTITIONED BY, WITH, FRESHNESS, REFRESH_MODE or "
                                     "AS, in this order");
        return false;
    }
    table->query = parse_query(parser);
    return table->query != NULL;
}

/* ---- The rest ---- */

/* LANGUAGE word, if it is there. */
bool parse_language(Parser *parser, Str *out)
{
    if (!parser_accept_keyword(parser, KW_LANGUAGE))
        return true;
    if (!parser_is(parser, TOKEN_WORD)) {
        parser_fail_expected(parser, "JAVA, SCALA or PYTHON behind LANGUAGE");
        return false;
    }
    *out = parser_text(parser, parser_next(parser)->span);
    return true;
}

/* AS 'class' [LANGUAGE word] [USING JAR 'path', JAR 'path'] */
static bool create_parse_class(Parser *parser, SqlCreateObject *object)
{
    if (!parser_expect_keyword(parser, KW_AS, "and the class name in single quotes") ||
        !parser_parse_string(parser, "the class in single quotes", &object->identifier,
                             &object->identifier_span) ||
        !parse_language(parser, &object->language))
        return false;
    if (!parser_accept_keyword(parser, KW_USING))
        return true;
    do {
        SqlOption *jar = ARENA_NEW(parser->arena, SqlOption);
        if (!parser_expect_keyword(parser, KW_JAR, "behind USING") ||
            !parser_parse_string(parser, "a path in single quotes", &jar->key, &jar->key_span))
            return false;
        list_append(&object->jars, parser->arena, jar);
    } while (parser_accept(parser, TOKEN_COMMA));
    return true;
}

static bool create_parse_object(Parser *parser, SqlStatementKind kind, SqlStatement *statement)
{
    statement->kind = kind;
    SqlCreateObject *object = ARENA_NEW(parser->arena, SqlCreateObject);
    statement->create_object = object;
    if (!parse_if_not_exists(parser, &object->if_not_exists))
        return false;
    object->name = parser_parse_path(parser, "a name");
    if (object->name == NULL)
        return false;
    if (kind == SQL_CREATE_FUNCTION)
        return create_parse_class(parser, object);
    if (!parser_parse_comment(parser, &object->comment))
        return false;
    return !parser_accept_keyword(parser, KW_WITH) ||
           parser_parse_options(parser, &object->options);
}

static bool create_parse_function(Parser *parser, bool is_temporary, bool is_system,
                                  SqlStatement *statement)
{
    if (!create_parse_object(parser, SQL_CREATE_FUNCTION, statement))
        return false;
    statement->create_object->is_temporary = is_temporary;
    statement->create_object->is_system = is_system;
    return true;
}

/* [CREATE OR] REPLACE TABLE, behind REPLACE. */
static bool create_parse_replace(Parser *parser, bool is_or_create, SqlStatement *statement)
{
    if (!parser_expect_keyword(parser, KW_TABLE, "behind REPLACE") ||
        !parse_create_table(parser, false, statement))
        return false;
    statement->create_table->is_replace = true;
    statement->create_table->is_or_create = is_or_create;
    return true;
}

bool parse_replace(Parser *parser, SqlStatement *statement)
{
    return create_parse_replace(parser, false, statement);
}

/* Behind the word CREATE. */
bool parse_create(Parser *parser, SqlStatement *statement)
{
    if (parser_accept_keyword(parser, KW_OR))
        return parser_expect_keyword(parser, KW_REPLACE, "behind OR") &&
               create_parse_replace(parser, true, statement);
    bool is_temporary = parser_accept_keyword(parser, KW_TEMPORARY);
    bool is_system = is_temporary && parser_accept_keyword(parser, KW_SYSTEM);
    if (parser_accept_keyword(parser, KW_FUNCTION))
        return create_parse_function(parser, is_temporary, is_system, statement);
    if (!is_system && parser_accept_keyword(parser, KW_TABLE))
        return parse_create_table(parser, is_temporary, statement);
    if (!is_system && parser_accept_keyword(parser, KW_VIEW))
        return create_parse_view(parser, is_temporary, statement);
    if (!is_temporary && parser_accept_keyword(parser, KW_CATALOG))
        return create_parse_object(parser, SQL_CREATE_CATALOG, statement);
    if (!is_temporary && parser_accept_keyword(parser, KW_DATABASE))
        return create_parse_object(parser, SQL_CREATE_DATABASE, statement);
    if (!is_temporary && parser_accept_keyword(parser, KW_MATERIALIZED)) {
        if (!parser_expect_keyword(parser, KW_TABLE, "behind MATERIALIZED"))
            return false;
        return create_parse_materialized(parser, statement);
    }
    parser_fail_expected(parser, is_temporary ? "TABLE, VIEW or FUNCTION behind CREATE TEMPORARY"
                                              : "TABLE, VIEW, MATERIALIZED TABLE, TEMPORARY, "
                                                "CATALOG, DATABASE or FUNCTION behind CREATE");
    return false;
}
