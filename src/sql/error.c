/* What is said when a token does not fit.
 *
 * "expected X, found Y" is the last resort: first the usual mistakes are looked for, among
 * them in the token before, because a misspelt keyword is often taken for an alias. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sql/internal.h"

enum {
    ERROR_TEXT_SHOWN_MAX = 24, /* bytes of a token in a message */
    ERROR_TYPO_LENGTH_MIN = 4, /* shorter words resemble too many */
};

/* The words whose misspellings are looked for. */
static const Keyword error_clauses[] = {
    KW_SELECT,   KW_FROM,      KW_WHERE,        KW_GROUP,       KW_HAVING,     KW_ORDER,
    KW_LIMIT,    KW_UNION,     KW_INSERT,       KW_INTO,        KW_VALUES,     KW_CREATE,
    KW_TABLE,    KW_VIEW,      KW_JOIN,         KW_INNER,       KW_LEFT,       KW_RIGHT,
    KW_CROSS,    KW_WITH,      KW_BETWEEN,      KW_LIKE,        KW_WHEN,       KW_THEN,
    KW_ELSE,     KW_PRIMARY,   KW_WATERMARK,    KW_PARTITION,   KW_OVER,       KW_FILTER,
    KW_OFFSET,   KW_TEMPORARY, KW_ENFORCED,     KW_COMMENT,     KW_FRESHNESS,  KW_DROP,
    KW_SHOW,     KW_EXPLAIN,   KW_DESCRIBE,     KW_STATEMENT,   KW_EXECUTE,    KW_BEGIN,
    KW_ALTER,    KW_RESET,     KW_MATERIALIZED, KW_PARTITIONED, KW_DESCRIPTOR, KW_INTERVAL,
    KW_METADATA, KW_VIRTUAL,   KW_DISTINCT,     KW_EXISTS,      KW_EXCEPT,     KW_INTERSECT,
};
enum { ERROR_CLAUSE_COUNT = sizeof(error_clauses) / sizeof(error_clauses[0]) };

/* Words that begin or end a part of a statement. They are reserved, but whoever writes one
 * where a name should stand has forgotten the name, not the backticks. */
static const Keyword error_structural[] = {
    KW_SELECT,  KW_FROM,      KW_WHERE,      KW_GROUP,   KW_HAVING, KW_ORDER,  KW_LIMIT,
    KW_UNION,   KW_INSERT,    KW_INTO,       KW_VALUES,  KW_CREATE, KW_JOIN,   KW_INNER,
    KW_CROSS,   KW_WITH,      KW_ON,         KW_AND,     KW_OR,     KW_AS,     KW_BY,
    KW_WHEN,    KW_THEN,      KW_ELSE,       KW_IS,      KW_NOT,    KW_IN,     KW_SET,
    KW_LEFT,    KW_RIGHT,     KW_FULL,       KW_BETWEEN, KW_LIKE,   KW_EXCEPT, KW_INTERSECT,
    KW_PRIMARY, KW_WATERMARK, KW_CONSTRAINT, KW_END,     KW_CASE,
};

Diagnostic *parser_error(Parser *parser, const char *code, Span span, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return diagnostics_add(parser->diagnostics, DIAGNOSTIC_ERROR, code, span, "%s", text);
}

Diagnostic *parser_fail_unsupported(Parser *parser, Span span, const char *what)
{
    Diagnostic *d = parser_error(parser, "WR1027", span, "%s is not supported yet", what);
    diagnostic_note(d, "weir understands Flink SQL 1.20 except for what its documentation lists");
    return d;
}

/* Where an error at the end of the input points: directly behind the last token. */
static Span error_span(const Parser *parser)
{
    const Token *token = parser_peek(parser);
    if (token->kind != TOKEN_END || parser->at == 0)
        return token->span;
    int32_t end = parser->tokens[parser->at - 1].span.end;
    return span_make(end, end);
}

/* At most `limit` bytes of a text, on a character boundary. */
static Str error_shorten(Str text, int64_t limit)
{
    if (text.length <= limit)
        return text;
    while (limit > 0 && ((unsigned char)text.data[limit] & 0xC0) == 0x80)
        limit--;
    return str_make(text.data, limit);
}

const char *parser_describe_token(Parser *parser)
{
    const Token *token = parser_peek(parser);
    if (token->kind == TOKEN_END)
        return "the end of the file";
    Str text = parser_text(parser, token->span);
    int64_t line_end = str_find(text, STR("\n"));
    Str line = str_make(text.data, line_end >= 0 ? line_end : text.length);
    Str shown = error_shorten(line, ERROR_TEXT_SHOWN_MAX);
    const char *dots = shown.length < text.length ? "..." : "";
    if (token->kind == TOKEN_QUOTED)
        return arena_printf(parser->arena, "the name %.*s%s", STR_ARGS(shown), dots);
    if (parser_is_string(parser))
        return arena_printf(parser->arena, "the string %.*s%s", STR_ARGS(shown), dots);
    return arena_printf(parser->arena, "`%.*s`%s", STR_ARGS(shown), dots);
}

static bool error_is_structural(Keyword keyword)
{
    for (size_t i = 0; i < sizeof(error_structural) / sizeof(error_structural[0]); i++) {
        if (error_structural[i] == keyword)
            return true;
    }
    return false;
}

/* The clause word that `token` was probably meant to be, or NO_KEYWORD. */
static Keyword error_find_typo(const Parser *parser, const Token *token)
{
    if (token->kind != TOKEN_WORD || token->keyword != NO_KEYWORD)
        return NO_KEYWORD;
    Str word = parser_text(parser, token->span);
    if (word.length < ERROR_TYPO_LENGTH_MIN)
        return NO_KEYWORD;
    /* `orders`, `views` are names that people give. */
    if ((word.data[word.length - 1] | 0x20) == 's' &&
        keyword_find(str_make(word.data, word.length - 1)) != NO_KEYWORD)
        return NO_KEYWORD;
    Keyword best = NO_KEYWORD;
    int best_distance = 0;
    for (int32_t i = 0; i < ERROR_CLAUSE_COUNT; i++) {
        Str clause = keyword_text(error_clauses[i]);
        int limit = clause.length >= 6 ? 2 : 1;
        int distance = str_edit_distance(word, clause, limit);
        if (distance <= limit && (best == NO_KEYWORD || distance < best_distance)) {
            best = error_clauses[i];
            best_distance = distance;
        }
    }
    return best;
}

void parser_fail_misspelt(Parser *parser, const Token *token, Keyword keyword)
{
    Str word = parser_text(parser, token->span);
    Diagnostic *d =
        parser_error(parser, "WR1012", token->span, "unknown keyword `%.*s`", STR_ARGS(word));
    const char *meant = str_terminated(parser->arena, keyword_text(keyword));
    list_append(&d->suggestions, parser->arena, (void *)meant);
    diagnostic_help(d, "did you mean `%s`?", meant);
    diagnostic_fix(d, token->span, meant);
}

static bool error_report_typo(Parser *parser, const Token *token)
{
    Keyword keyword = error_find_typo(parser, token);
    if (token->kind == TOKEN_WORD && token->keyword == KW_VALUE && token == parser_peek(parser) &&
        parser_peek_at(parser, 1)->kind == TOKEN_LEFT_PAREN)
        keyword = KW_VALUES;
    if (keyword == NO_KEYWORD)
        return false;
    parser_fail_misspelt(parser, token, keyword);
    return true;
}

/* `text` with the bytes of `text` but other quotes. */
static const char *error_in_backticks(Parser *parser, Str text)
{
    return arena_printf(parser->arena, "`%.*s`", STR_ARGS(text));
}

/* A word, number or double-quoted text where a string should stand. */
static bool error_report_unquoted(Parser *parser, const Token *token, const char *what)
{
    bool is_double_quoted = token->kind == TOKEN_DOUBLE_QUOTED;
    if (strstr(what, "in single quotes") == NULL ||
        (!is_double_quoted && token->kind != TOKEN_WORD && token->kind != TOKEN_QUOTED &&
         token->kind != TOKEN_EXACT))
        return false;
    Str text = parser_text(parser, token->span);
    if (is_double_quoted || token->kind == TOKEN_QUOTED)
        text = str_make(text.data + 1, text.length - 2);
    Diagnostic *d = parser_error(parser, is_double_quoted ? "WR1014" : "WR1010", token->span,
                                 "expected %s, found %s", what, parser_describe_token(parser));
    if (str_find(text, STR("'")) >= 0)
        return true;
    const char *quoted = arena_printf(parser->arena, "'%.*s'", STR_ARGS(text));
    diagnostic_help(d, "write %s", quoted);
    diagnostic_fix(d, token->span, quoted);
    return true;
}

static bool error_report_sign(Parser *parser, const Token *token)
{
    Diagnostic *d = NULL;
    Str text = parser_text(parser, token->span);
    switch ((int)token->kind) {
    case TOKEN_BANG_EQUAL:
        d = parser_error(parser, "WR1015", token->span, "`!=` is not an operator of Flink SQL");
        diagnostic_help(d, "write `<>`");
        diagnostic_fix(d, token->span, "<>");
        return true;
    case TOKEN_DOUBLE_EQUAL:
        d = parser_error(parser, "WR1016", token->span, "`==` is not an operator of SQL");
        diagnostic_help(d, "write `=`");
        diagnostic_fix(d, token->span, "=");
        return true;
    case TOKEN_DOUBLE_QUOTED: {
        Str body = str_make(text.data + 1, text.length - 2);
        d = parser_error(parser, "WR1014", token->span, "double quotes have no meaning here");
        diagnostic_help(d, "names stand in backticks: `%.*s`; strings in single quotes: '%.*s'",
                        STR_ARGS(body), STR_ARGS(body));
        if (body.length > 0 && str_find(body, STR("`")) < 0)
            diagnostic_fix(d, token->span, error_in_backticks(parser, body));
        return true;
    }
    default: return false;
    }
}

static bool error_report_reserved(Parser *parser, const Token *token, const char *what)
{
    Keyword keyword = (Keyword)token->keyword;
    bool wants_name = (what[0] == 'a' || what[0] == 't') &&
                      (strstr(what, "name") != NULL || strstr(what, "expression") != NULL);
    if (token->kind != TOKEN_WORD || !keyword_is_reserved(keyword) || !wants_name)
        return false;
    /* `end TIMESTAMP(3)` in a list of columns is a name all the same. */
    const Token *next = parser_peek_at(parser, 1);
    bool is_definition = strcmp(what, "a column name") == 0 && next->kind == TOKEN_WORD &&
                         !error_is_structural((Keyword)next->keyword);
    if (error_is_structural(keyword) && !is_definition)
        return false;
    Str text = parser_text(parser, token->span);
    Diagnostic *d =
        parser_error(parser, "WR1013", token->span, "`%.*s` is a reserved word", STR_ARGS(text));
    diagnostic_label(d, "expected %s", what);
    diagnostic_help(d, "to use it as a name put it in backticks: `%.*s`", STR_ARGS(text));
    diagnostic_fix(d, token->span, error_in_backticks(parser, text));
    return true;
}

/* A comma with nothing behind it. */
static bool error_report_comma(Parser *parser, const Token *token)
{
    if (parser->at == 0 || parser->tokens[parser->at - 1].kind != TOKEN_COMMA)
        return false;
    bool is_end = token->kind == TOKEN_RIGHT_PAREN || token->kind == TOKEN_SEMICOLON ||
                  token->kind == TOKEN_END || token->kind == TOKEN_RIGHT_BRACKET ||
                  (token->kind == TOKEN_WORD && error_is_structural((Keyword)token->keyword));
    if (!is_end)
        return false;
    Span comma = parser->tokens[parser->at - 1].span;
    Diagnostic *d = parser_error(parser, "WR1017", comma, "a comma too many");
    diagnostic_label(d, "nothing follows it");
    diagnostic_fix(d, comma, "");
    return true;
}

static bool error_starts_item(const Parser *parser)
{
    int kind = parser_peek(parser)->kind;
    return parser_is_name(parser) || parser_is_string(parser) || kind == TOKEN_EXACT ||
           kind == TOKEN_DOUBLE;
}

/* Two things side by side where a list goes on. */
static bool error_report_missing_comma(Parser *parser, const char *what)
{
    if (strstr(what, "`,`") == NULL || !error_starts_item(parser) || parser->at == 0)
        return false;
    int32_t end = parser->tokens[parser->at - 1].span.end;
    Diagnostic *d = parser_error(parser, "WR1017", parser_peek(parser)->span, "missing comma");
    diagnostic_label(d, "expected `,` before this");
    diagnostic_fix(d, span_make(end, end), ",");
    return true;
}

bool parser_fail_typo_before(Parser *parser)
{
    return parser->at > 0 && error_report_typo(parser, &parser->tokens[parser->at - 1]);
}

void parser_fail_expected(Parser *parser, const char *what)
{
    const Token *token = parser_peek(parser);
    if (token->kind == TOKEN_ERROR)
        return;
    if (error_report_unquoted(parser, token, what) || error_report_sign(parser, token) ||
        error_report_comma(parser, token) || error_report_reserved(parser, token, what) ||
        error_report_typo(parser, token))
        return;
    const char *advice = parser_advice(parser, what);
    if (advice == NULL &&
        (parser_fail_typo_before(parser) || error_report_missing_comma(parser, what)))
        return;
    Diagnostic *d = parser_error(parser, "WR1010", error_span(parser), "expected %s, found %s",
                                 what, parser_describe_token(parser));
    if (advice != NULL)
        diagnostic_help(d, "%s", advice);
    if (token->kind == TOKEN_END && !parser->source->allows_open_end)
        diagnostic_note(d, "the text ends in the middle of a statement");
    if (parser_is_keyword(parser, KW_MINUS))
        diagnostic_help(d, "the operator is called EXCEPT");
    if (token->kind == TOKEN_SLASH && parser_peek_at(parser, 1)->kind == TOKEN_SLASH)
        diagnostic_help(d, "comments start with --");
}
