/* Calls: plain ones, those with a syntax of their own, and what may stand behind the ')'. */
#include <assert.h>

#include "sql/internal.h"

/* ---- Units ---- */

typedef struct UnitName {
    const char *name;
    SqlUnit unit;
} UnitName;

/* The first name of each unit is the one printed. */
static const UnitName call_units[] = {
    {"NANOSECOND", SQL_UNIT_NANOSECOND},
    {"MICROSECOND", SQL_UNIT_MICROSECOND},
    {"MILLISECOND", SQL_UNIT_MILLISECOND},
    {"SECOND", SQL_UNIT_SECOND},
    {"MINUTE", SQL_UNIT_MINUTE},
    {"HOUR", SQL_UNIT_HOUR},
    {"DAY", SQL_UNIT_DAY},
    {"WEEK", SQL_UNIT_WEEK},
    {"MONTH", SQL_UNIT_MONTH},
    {"QUARTER", SQL_UNIT_QUARTER},
    {"YEAR", SQL_UNIT_YEAR},
    {"DECADE", SQL_UNIT_DECADE},
    {"CENTURY", SQL_UNIT_CENTURY},
    {"MILLENNIUM", SQL_UNIT_MILLENNIUM},
    {"EPOCH", SQL_UNIT_EPOCH},
    {"DOW", SQL_UNIT_DOW},
    {"ISODOW", SQL_UNIT_ISODOW},
    {"DOY", SQL_UNIT_DOY},
    {"ISOYEAR", SQL_UNIT_ISOYEAR},
    {"FRAC_SECOND", SQL_UNIT_MICROSECOND},
    {"SQL_TSI_FRAC_SECOND", SQL_UNIT_NANOSECOND},
    {"SQL_TSI_MICROSECOND", SQL_UNIT_MICROSECOND},
    {"SQL_TSI_SECOND", SQL_UNIT_SECOND},
    {"SQL_TSI_MINUTE", SQL_UNIT_MINUTE},
    {"SQL_TSI_HOUR", SQL_UNIT_HOUR},
    {"SQL_TSI_DAY", SQL_UNIT_DAY},
    {"SQL_TSI_WEEK", SQL_UNIT_WEEK},
    {"SQL_TSI_MONTH", SQL_UNIT_MONTH},
    {"SQL_TSI_QUARTER", SQL_UNIT_QUARTER},
    {"SQL_TSI_YEAR", SQL_UNIT_YEAR},
};
enum { CALL_UNIT_COUNT = sizeof(call_units) / sizeof(call_units[0]) };

const char *sql_unit_name(SqlUnit unit)
{
    assert(call_units[unit].unit == unit);
    return call_units[unit].name;
}

bool parse_unit(Parser *parser, bool is_for_extract, SqlExpr **out)
{
    const Token *token = parser_peek(parser);
    Str word = parser_text(parser, token->span);
    Str names[CALL_UNIT_COUNT];
    int32_t count = 0;
    for (int32_t i = 0; i < CALL_UNIT_COUNT; i++) {
        const UnitName *unit = &call_units[i];
        if (unit->unit >= SQL_UNIT_EPOCH && !is_for_extract)
            continue;
        names[count++] = str_from(unit->name);
        if (token->kind != TOKEN_WORD || !str_equal_ignoring_case(word, str_from(unit->name)))
            continue;
        parser_next(parser);
        *out = expr_new(parser, SQL_UNIT, token->span);
        (*out)->unit = unit->unit;
        return true;
    }
    if (token->kind != TOKEN_WORD) {
        parser_fail_expected(parser, "a unit of time such as MINUTE");
        return false;
    }
    Diagnostic *d =
        parser_error(parser, "WR1035", token->span, "unknown unit of time `%.*s`", STR_ARGS(word));
    if (!diagnostic_suggest(d, names, count, word))
        diagnostic_help(d, "units are SECOND, MINUTE, HOUR, DAY, WEEK, MONTH, QUARTER, YEAR");
    return false;
}

/* ---- Special forms ---- */

static bool call_append(Parser *parser, SqlCall *call, SqlExpr *argument)
{
    if (argument == NULL)
        return false;
    list_append(&call->arguments, parser->arena, argument);
    return true;
}

static bool call_append_expr(Parser *parser, SqlCall *call)
{
    return call_append(parser, call, parse_expr(parser));
}

/* EXTRACT(u FROM t) */
static bool call_parse_extract(Parser *parser, SqlCall *call)
{
    SqlExpr *unit = NULL;
    return parse_unit(parser, true, &unit) && call_append(parser, call, unit) &&
           parser_expect_keyword(parser, KW_FROM, "in EXTRACT(unit FROM time)") &&
           call_append_expr(parser, call);
}

/* TIMESTAMPADD(u, n, t), TIMESTAMPDIFF(u, a, b) */
static bool call_parse_timestamp_add(Parser *parser, SqlCall *call)
{
    SqlExpr *unit = NULL;
    return parse_unit(parser, false, &unit) && call_append(parser, call, unit) &&
           parser_expect(parser, TOKEN_COMMA, "behind the unit") &&
           call_append_expr(parser, call) &&
           parser_expect(parser, TOKEN_COMMA, "behind the second argument") &&
           call_append_expr(parser, call);
}

/* POSITION(a IN b): a must not take the IN for itself, and IN takes no list here, so the first
 * operand is an operand of ||, and so on. */
static bool call_parse_position(Parser *parser, SqlCall *call)
{
    int32_t height = parser->height;
    SqlExpr *needle = parse_primary(parser);
    parser->height = parser->height > height ? parser->height : height;
    return call_append(parser, call, needle) &&
           parser_expect_keyword(parser, KW_IN, "in POSITION(text IN text)") &&
           call_append_expr(parser, call);
}

/* SUBSTRING(s FROM i [FOR n]), SUBSTRING(s, i [, n]) */
static bool call_parse_substring(Parser *parser, SqlCall *call)
{
    if (!call_append_expr(parser, call))
        return false;
    if (parser_accept_keyword(parser, KW_FROM)) {
        if (!call_append_expr(parser, call))
            return false;
        return !parser_accept_keyword(parser, KW_FOR) || call_append_expr(parser, call);
    }
    while (parser_accept(parser, TOKEN_COMMA)) {
        if (!call_append_expr(parser, call))
            return false;
    }
    return true;
}

/* OVERLAY(s PLACING r FROM i [FOR n]) */
static bool call_parse_overlay(Parser *parser, SqlCall *call)
{
    return call_append_expr(parser, call) &&
           parser_expect_keyword(parser, KW_PLACING, "in OVERLAY(text PLACING text FROM n)") &&
           call_append_expr(parser, call) &&
           parser_expect_keyword(parser, KW_FROM, "in OVERLAY(text PLACING text FROM n)") &&
           call_append_expr(parser, call) &&
           (!parser_accept_keyword(parser, KW_FOR) || call_append_expr(parser, call));
}

/* TRIM(s), TRIM([BOTH|LEADING|TRAILING] [c] FROM s); kept as s, c. */
static bool call_parse_trim(Parser *parser, SqlCall *call)
{
    bool has_side = true;
    if (parser_accept_keyword(parser, KW_LEADING))
        call->trim_side = SQL_TRIM_LEADING;
    else if (parser_accept_keyword(parser, KW_TRAILING))
        call->trim_side = SQL_TRIM_TRAILING;
    else
        has_side = parser_accept_keyword(parser, KW_BOTH);
    SqlExpr *characters = NULL;
    if (!parser_is_keyword(parser, KW_FROM)) {
        characters = parse_expr(parser);
        if (characters == NULL)
            return false;
    }
    if (!parser_accept_keyword(parser, KW_FROM)) {
        if (has_side)
            return parser_expect_keyword(parser, KW_FROM, "in TRIM(BOTH characters FROM text)");
        return call_append(parser, call, characters);
    }
    if (!call_append_expr(parser, call))
        return false;
    return characters == NULL || call_append(parser, call, characters);
}

/* FLOOR(x), FLOOR(t TO u) */
static bool call_parse_floor(Parser *parser, SqlCall *call)
{
    if (!call_append_expr(parser, call))
        return false;
    if (!parser_accept_keyword(parser, KW_TO))
        return true;
    SqlExpr *unit = NULL;
    return parse_unit(parser, false, &unit) && call_append(parser, call, unit);
}

typedef struct SpecialForm {
    Keyword keyword;
    bool (*parse)(Parser *parser, SqlCall *call);
} SpecialForm;

static const SpecialForm call_forms[] = {
    {KW_EXTRACT, call_parse_extract},
    {KW_TIMESTAMPADD, call_parse_timestamp_add},
    {KW_TIMESTAMPDIFF, call_parse_timestamp_add},
    {KW_POSITION, call_parse_position},
    {KW_SUBSTRING, call_parse_substring},
    {KW_OVERLAY, call_parse_overlay},
    {KW_TRIM, call_parse_trim},
    {KW_FLOOR, call_parse_floor},
    {KW_CEIL, call_parse_floor},
    {KW_CEILING, call_parse_floor},
    {KW_JSON_VALUE, parse_json_arguments},
    {KW_JSON_QUERY, parse_json_arguments},
    {KW_JSON_EXISTS, parse_json_arguments},
    {KW_JSON_OBJECT, parse_json_arguments},
    {KW_JSON_OBJECTAGG, parse_json_arguments},
    {KW_JSON_ARRAY, parse_json_arguments},
    {KW_JSON_ARRAYAGG, parse_json_arguments},
};

/* ---- Plain arguments ---- */

static bool call_parse_argument(Parser *parser, SqlCall *call, bool *is_named)
{
    SqlName *name = NULL;
    const Token *token = parser_peek(parser);
    if ((token->kind == TOKEN_WORD || token->kind == TOKEN_QUOTED) &&
        parser_peek_at(parser, 1)->kind == TOKEN_ARROW) {
        /* Argument names may be reserved words. */
        name = ARENA_NEW(parser->arena, SqlName);
        if (parser_is_name(parser)) {
            if (!parser_parse_name(parser, "an argument name", name))
                return false;
        } else {
            *name = (SqlName){.text = parser_text(parser, token->span), .span = token->span};
            parser_next(parser);
        }
        parser_next(parser);
    }
    if (call->arguments.count > 0 && (name != NULL) != *is_named) {
        Diagnostic *d = parser_error(parser, "WR1036", token->span,
                                     "arguments with and without names are mixed");
        diagnostic_help(d, "name all arguments of a call, or none");
        return false;
    }
    *is_named = name != NULL;
    if (name != NULL)
        list_append(&call->argument_names, parser->arena, name);
    if (parser_is_keyword(parser, KW_TABLE))
        return call_append(parser, call, parse_table_argument(parser));
    return call_append_expr(parser, call);
}

static bool call_parse_arguments(Parser *parser, SqlCall *call)
{
    if (parser_is(parser, TOKEN_RIGHT_PAREN))
        return true;
    if (parser_is(parser, TOKEN_STAR) && parser_peek_at(parser, 1)->kind == TOKEN_RIGHT_PAREN) {
        parser_next(parser);
        call->is_star = true;
        return true;
    }
    if (parser_accept_keyword(parser, KW_DISTINCT))
        call->is_distinct = true;
    else
        parser_accept_keyword(parser, KW_ALL);
    bool is_named = false;
    do {
        if (!call_parse_argument(parser, call, &is_named))
            return false;
    } while (parser_accept(parser, TOKEN_COMMA));
    return true;
}

bool parse_special_arguments(Parser *parser, SqlCall *call, bool *is_special)
{
    const SqlName *name = LIST_AT(call->name->parts, 0, SqlName);
    *is_special = false;
    if (call->name->parts.count > 1 || name->is_quoted)
        return true;
    Keyword keyword = keyword_find(name->text);
    for (size_t i = 0; i < sizeof(call_forms) / sizeof(call_forms[0]); i++) {
        if (call_forms[i].keyword != keyword)
            continue;
        *is_special = true;
        return call_forms[i].parse(parser, call);
    }
    return true;
}

/* ---- Behind the parenthesis ---- */

static bool call_parse_nulls(Parser *parser, SqlCall *call)
{
    if (parser_accept_keyword(parser, KW_RESPECT))
        call->nulls = SQL_RESPECT_NULLS;
    else if (parser_accept_keyword(parser, KW_IGNORE))
        call->nulls = SQL_IGNORE_NULLS;
    else
        return true;
    return parser_expect_keyword(parser, KW_NULLS, "behind RESPECT or IGNORE");
}

/* RESPECT NULLS and IGNORE NULLS are suffixes only if NULLS follows. */
static bool call_has_nulls(const Parser *parser)
{
    return (parser_is_keyword(parser, KW_RESPECT) || parser_is_keyword(parser, KW_IGNORE)) &&
           parser_is_keyword_at(parser, 1, KW_NULLS);
}

static bool call_parse_filter(Parser *parser, SqlCall *call)
{
    if (!parser_expect(parser, TOKEN_LEFT_PAREN, "behind FILTER") ||
        !parser_expect_keyword(parser, KW_WHERE, "in FILTER (WHERE condition)"))
        return false;
    call->filter = parse_expr(parser);
    return call->filter != NULL &&
           parser_expect(parser, TOKEN_RIGHT_PAREN, "behind the condition of FILTER");
}

bool parse_call_suffix(Parser *parser, SqlCall *call)
{
    if (call_has_nulls(parser) && !call_parse_nulls(parser, call))
        return false;
    if (parser_accept_keyword(parser, KW_WITHIN)) {
        if (!parser_expect_keyword(parser, KW_GROUP, "behind WITHIN") ||
            !parser_expect(parser, TOKEN_LEFT_PAREN, "behind WITHIN GROUP"))
            return false;
        if (!parser_is_keyword(parser, KW_ORDER)) {
            parser_fail_expected(parser, "ORDER BY in WITHIN GROUP");
            return false;
        }
        if (!parse_order_by(parser, &call->order_by) ||
            !parser_expect(parser, TOKEN_RIGHT_PAREN, "behind WITHIN GROUP"))
            return false;
    }
    if (parser_is_keyword(parser, KW_FILTER) &&
        parser_peek_at(parser, 1)->kind == TOKEN_LEFT_PAREN) {
        parser_next(parser);
        if (!call_parse_filter(parser, call))
            return false;
    }
    if (parser_accept_keyword(parser, KW_OVER)) {
        call->over = parse_over(parser);
        return call->over != NULL;
    }
    return true;
}

/* ---- The call ---- */

static SqlPath *call_parse_name(Parser *parser)
{
    const Token *token = parser_peek(parser);
    if (token->kind != TOKEN_WORD || keyword_class((Keyword)token->keyword) != KEYWORD_FUNCTION)
        return parser_parse_path(parser, "a function name");
    parser_next(parser);
    SqlName *name = ARENA_NEW(parser->arena, SqlName);
    *name = (SqlName){.text = parser_text(parser, token->span), .span = token->span};
    SqlPath *path = ARENA_NEW(parser->arena, SqlPath);
    list_append(&path->parts, parser->arena, name);
    path->span = token->span;
    return path;
}

SqlExpr *parse_call(Parser *parser)
{
    Span start = parser_peek(parser)->span;
    SqlExpr *expr = expr_new(parser, SQL_CALL, start);
    SqlCall *call = ARENA_NEW(parser->arena, SqlCall);
    expr->call = call;
    call->has_parentheses = true;
    call->name = call_parse_name(parser);
    if (call->name == NULL || !parser_expect(parser, TOKEN_LEFT_PAREN, "behind the function name"))
        return NULL;
    bool is_special = false;
    if (!parse_special_arguments(parser, call, &is_special))
        return NULL;
    if (!is_special && !call_parse_arguments(parser, call))
        return NULL;
    if (call_has_nulls(parser) && !call_parse_nulls(parser, call))
        return NULL;
    if (!parser_expect(parser, TOKEN_RIGHT_PAREN, "or `,` behind the argument") ||
        !parse_call_suffix(parser, call))
        return NULL;
    expr->span = parser_span_from(parser, start);
    return expr;
}
