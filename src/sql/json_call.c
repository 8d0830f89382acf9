/* The clauses inside JSON_VALUE, JSON_QUERY, JSON_EXISTS, JSON_OBJECT and JSON_ARRAY. */
#include <assert.h>

#include "sql/internal.h"

/* NULL, ERROR, DEFAULT v, EMPTY ARRAY|OBJECT, TRUE, FALSE, UNKNOWN before ON. */
static bool json_parse_behavior(Parser *parser, SqlJsonBehavior *behavior, SqlExpr **value)
{
    *value = NULL;
    if (parser_accept_keyword(parser, KW_NULL)) {
        *behavior = SQL_JSON_NULL;
    } else if (parser_accept_keyword(parser, KW_ERROR)) {
        *behavior = SQL_JSON_ERROR;
    } else if (parser_accept_keyword(parser, KW_TRUE)) {
        *behavior = SQL_JSON_TRUE;
    } else if (parser_accept_keyword(parser, KW_FALSE)) {
        *behavior = SQL_JSON_FALSE;
    } else if (parser_accept_keyword(parser, KW_UNKNOWN)) {
        *behavior = SQL_JSON_UNKNOWN;
    } else if (parser_accept_keyword(parser, KW_DEFAULT)) {
        *behavior = SQL_JSON_DEFAULT;
        *value = parse_expr(parser);
        return *value != NULL;
    } else if (parser_accept_keyword(parser, KW_EMPTY)) {
        bool is_array = parser_accept_keyword(parser, KW_ARRAY);
        *behavior = is_array ? SQL_JSON_EMPTY_ARRAY : SQL_JSON_EMPTY_OBJECT;
        return is_array || parser_expect_keyword(parser, KW_OBJECT, "or ARRAY behind EMPTY");
    } else {
        parser_fail_expected(parser, "`)`, ON EMPTY or ON ERROR");
        return false;
    }
    return true;
}

/* Any number of "behavior ON EMPTY" and "behavior ON ERROR". */
static bool json_parse_behaviors(Parser *parser, SqlJson *json)
{
    while (!parser_is(parser, TOKEN_RIGHT_PAREN)) {
        SqlJsonBehavior behavior = SQL_JSON_NONE;
        SqlExpr *value = NULL;
        Span start = parser_peek(parser)->span;
        if (!json_parse_behavior(parser, &behavior, &value) ||
            !parser_expect_keyword(parser, KW_ON, "behind the behavior"))
            return false;
        bool is_empty = parser_accept_keyword(parser, KW_EMPTY);
        if (!is_empty && !parser_expect_keyword(parser, KW_ERROR, "or EMPTY behind ON"))
            return false;
        SqlJsonBehavior *slot = is_empty ? &json->on_empty : &json->on_error;
        if (*slot != SQL_JSON_NONE) {
            parser_error(parser, "WR1030", parser_span_from(parser, start), "ON %s is given twice",
                         is_empty ? "EMPTY" : "ERROR");
            return false;
        }
        *slot = behavior;
        if (is_empty)
            json->default_on_empty = value;
        else
            json->default_on_error = value;
    }
    return true;
}

static bool json_parse_wrapper(Parser *parser, SqlJson *json)
{
    if (parser_accept_keyword(parser, KW_WITHOUT)) {
        json->wrapper = SQL_JSON_WITHOUT_WRAPPER;
    } else if (parser_accept_keyword(parser, KW_WITH)) {
        json->wrapper = SQL_JSON_UNCONDITIONAL_WRAPPER;
        if (parser_accept_keyword(parser, KW_CONDITIONAL))
            json->wrapper = SQL_JSON_CONDITIONAL_WRAPPER;
        else
            parser_accept_keyword(parser, KW_UNCONDITIONAL);
    } else {
        return true;
    }
    parser_accept_keyword(parser, KW_ARRAY);
    return parser_expect_keyword(parser, KW_WRAPPER, "behind WITH or WITHOUT");
}

/* JSON_VALUE(s, path …), JSON_QUERY, JSON_EXISTS */
static bool json_parse_path_call(Parser *parser, SqlCall *call)
{
    for (int32_t i = 0; i < 2; i++) {
        if (i == 1 && !parser_expect(parser, TOKEN_COMMA, "and the path behind the JSON text"))
            return false;
        SqlExpr *argument = parse_expr(parser);
        if (argument == NULL)
            return false;
        list_append(&call->arguments, parser->arena, argument);
    }
    if (parser_accept_keyword(parser, KW_RETURNING)) {
        call->json->returning = parse_type(parser);
        if (call->json->returning == NULL)
            return false;
    }
    return json_parse_wrapper(parser, call->json) && json_parse_behaviors(parser, call->json);
}

static bool json_parse_on_null(Parser *parser, SqlJson *json)
{
    bool is_absent = parser_is_keyword(parser, KW_ABSENT);
    if (!is_absent && !parser_is_keyword(parser, KW_NULL))
        return true;
    parser_next(parser);
    json->on_null = is_absent ? SQL_JSON_ABSENT_ON_NULL : SQL_JSON_NULL_ON_NULL;
    return parser_expect_keyword(parser, KW_ON, "behind NULL or ABSENT") &&
           parser_expect_keyword(parser, KW_NULL, "behind ON");
}

static bool json_is_on_null(const Parser *parser)
{
    return (parser_is_keyword(parser, KW_ABSENT) || parser_is_keyword(parser, KW_NULL)) &&
           parser_is_keyword_at(parser, 1, KW_ON);
}

/* [KEY] k VALUE v, or k : v which the lexer does not know. */
static bool json_parse_member(Parser *parser, SqlCall *call)
{
    if (parser_is_keyword(parser, KW_KEY) && parser_peek_at(parser, 1)->kind != TOKEN_DOT &&
        !parser_is_keyword_at(parser, 1, KW_VALUE))
        parser_next(parser);
    SqlExpr *key = parse_expr(parser);
    if (key == NULL || !parser_expect_keyword(parser, KW_VALUE, "between key and value"))
        return false;
    SqlExpr *value = parse_expr(parser);
    if (value == NULL)
        return false;
    list_append(&call->arguments, parser->arena, key);
    list_append(&call->arguments, parser->arena, value);
    return true;
}

static bool json_parse_members(Parser *parser, SqlCall *call, bool is_object)
{
    if (parser_is(parser, TOKEN_RIGHT_PAREN) || json_is_on_null(parser))
        return true;
    do {
        if (is_object) {
            if (!json_parse_member(parser, call))
                return false;
            continue;
        }
        SqlExpr *item = parse_expr(parser);
        if (item == NULL)
            return false;
        list_append(&call->arguments, parser->arena, item);
    } while (parser_accept(parser, TOKEN_COMMA));
    return true;
}

bool parse_json_arguments(Parser *parser, SqlCall *call)
{
    Keyword keyword = keyword_find(LIST_AT(call->name->parts, 0, SqlName)->text);
    assert(keyword != NO_KEYWORD);
    call->json = ARENA_NEW(parser->arena, SqlJson);
    if (keyword == KW_JSON_VALUE || keyword == KW_JSON_QUERY || keyword == KW_JSON_EXISTS)
        return json_parse_path_call(parser, call);
    bool is_object = keyword == KW_JSON_OBJECT || keyword == KW_JSON_OBJECTAGG;
    return json_parse_members(parser, call, is_object) && json_parse_on_null(parser, call->json);
}
