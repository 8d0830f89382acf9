/* What probably went wrong where the parser expected something else: a line of help for the
 * mistakes that people make, told by the tokens around. */
#include <string.h>

#include "sql/internal.h"

static const Token *advice_before(const Parser *parser)
{
    return parser->at > 0 ? &parser->tokens[parser->at - 1] : NULL;
}

static bool advice_wants(const char *what, const char *part)
{
    return strstr(what, part) != NULL;
}

static bool token_is_word(const Parser *parser, const Token *token, const char *word)
{
    return token != NULL && token->kind == TOKEN_WORD &&
           str_equal_ignoring_case(parser_text(parser, token->span), str_from(word));
}

/* A clause that comes once more, or too late. */
static const char *advice_on_clause(const Parser *parser)
{
    if (parser_is_keyword(parser, KW_WHERE))
        return "WHERE comes once, before GROUP BY, HAVING and ORDER BY; join several conditions by "
               "AND";
    if (parser_is_keyword(parser, KW_GROUP))
        return "GROUP BY comes once, behind WHERE and before HAVING and ORDER BY";
    if (parser_is_keyword(parser, KW_HAVING))
        return "HAVING comes once, behind GROUP BY and before ORDER BY";
    if (parser_is_keyword(parser, KW_ORDER))
        return "ORDER BY comes once, behind all of SELECT … HAVING and before LIMIT";
    if (parser_is_keyword(parser, KW_FROM))
        return "FROM comes once, behind the select list";
    return NULL;
}

static const char *advice_at_end(const Parser *parser)
{
    const Token *token = parser_peek(parser), *before = advice_before(parser);
    const Token *next = parser_peek_at(parser, 1);
    if (parser_is_keyword(parser, KW_NOT))
        return parser_is_keyword_at(parser, 1, KW_NULL) ? "write IS NOT NULL"
               : next->kind == TOKEN_EQUAL              ? "write <>"
                                                        : NULL;
    bool is_name_before = before != NULL && before->kind == TOKEN_WORD;
    if (token->kind == TOKEN_MINUS && is_name_before && before->span.end == token->span.start)
        return "a name with a hyphen stands in backticks: `my-table`";
    if (token->kind == TOKEN_LEFT_PAREN && before != NULL && before->kind == TOKEN_RIGHT_PAREN)
        return "the options of a table begin with WITH";
    if (token->kind == TOKEN_RIGHT_PAREN)
        return "no parenthesis is open here";
    return advice_on_clause(parser);
}

const char *parser_advice(const Parser *parser, const char *what)
{
    const Token *token = parser_peek(parser), *before = advice_before(parser);
    if (advice_wants(what, "at the end of the statement"))
        return advice_at_end(parser);
    if (advice_wants(what, "ON or USING"))
        return "say which rows belong together: ON a.x = b.y; every row with every other: CROSS "
               "JOIN";
    if (advice_wants(what, "a unit such as"))
        return before != NULL && str_find(parser_text(parser, before->span), STR(" ")) > 0
                   ? "the unit stands behind the quotes: INTERVAL '5' MINUTE"
                   : "write it as INTERVAL '5' MINUTE";
    if (advice_wants(what, "behind IS"))
        return "values are compared with =";
    if (advice_wants(what, "alias name") && token->kind == TOKEN_WORD)
        return "to use a reserved word as a name put it in backticks";
    if (advice_wants(what, "FROM behind the select list") && token_is_word(parser, before, "TOP"))
        return "write LIMIT at the end of the query";
    if (advice_wants(what, "an expression") && token->kind == TOKEN_LEFT_BRACKET)
        return "names stand in backticks: `id`; an array is written ARRAY[…]";
    if (advice_wants(what, "an expression") && token->kind == TOKEN_RIGHT_PAREN && before != NULL &&
        before->kind == TOKEN_LEFT_PAREN)
        return "it must have at least one value";
    return NULL;
}
