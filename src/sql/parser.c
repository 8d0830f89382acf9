/* The parser's hands: looking at tokens, taking them, names, strings and options. */
#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "sql/internal.h"

/* ---- Tokens ---- */

const Token *parser_peek_at(const Parser *parser, int32_t ahead)
{
    assert(ahead >= 0);
    int32_t left = parser->token_count - 1 - parser->at;
    return &parser->tokens[parser->at + (ahead < left ? ahead : left)];
}

const Token *parser_peek(const Parser *parser)
{
    return &parser->tokens[parser->at];
}

const Token *parser_next(Parser *parser)
{
    const Token *token = parser_peek(parser);
    if (token->kind != TOKEN_END)
        parser->at++;
    return token;
}

bool parser_is(const Parser *parser, TokenKind kind)
{
    return parser_peek(parser)->kind == kind;
}

bool parser_is_keyword_at(const Parser *parser, int32_t ahead, Keyword keyword)
{
    const Token *token = parser_peek_at(parser, ahead);
    return token->kind == TOKEN_WORD && token->keyword == keyword;
}

bool parser_is_keyword(const Parser *parser, Keyword keyword)
{
    return parser_is_keyword_at(parser, 0, keyword);
}

bool parser_accept(Parser *parser, TokenKind kind)
{
    if (!parser_is(parser, kind))
        return false;
    parser_next(parser);
    return true;
}

bool parser_accept_keyword(Parser *parser, Keyword keyword)
{
    if (!parser_is_keyword(parser, keyword))
        return false;
    parser_next(parser);
    return true;
}

bool parser_accept_keywords(Parser *parser, Keyword first, Keyword second)
{
    if (!parser_is_keyword(parser, first) || !parser_is_keyword_at(parser, 1, second))
        return false;
    parser->at += 2;
    return true;
}

Str parser_text(const Parser *parser, Span span)
{
    const Source *source = parser->source;
    assert(span.start >= source->base && span.start <= span.end &&
           span.end <= source->base + source->text.length);
    if (parser->stand_in != NULL && parser->stand_in->span.start == span.start &&
        parser->stand_in->span.end == span.end)
        return keyword_text((Keyword)parser->stand_in->keyword);
    return str_make(source->text.data + (span.start - source->base), span.end - span.start);
}

Span parser_span_from(const Parser *parser, Span first)
{
    if (parser->at == 0)
        return first;
    Span last = parser->tokens[parser->at - 1].span;
    return last.end >= first.start ? span_join(first, last) : first;
}

static const char *parser_token_text(TokenKind kind)
{
    switch ((int)kind) {
    case TOKEN_LEFT_PAREN: return "`(`";
    case TOKEN_RIGHT_PAREN: return "`)`";
    case TOKEN_LEFT_BRACKET: return "`[`";
    case TOKEN_RIGHT_BRACKET: return "`]`";
    case TOKEN_COMMA: return "`,`";
    case TOKEN_SEMICOLON: return "`;`";
    case TOKEN_DOT: return "`.`";
    case TOKEN_EQUAL: return "`=`";
    case TOKEN_LESS: return "`<`";
    case TOKEN_GREATER: return "`>`";
    case TOKEN_HINT_END: return "`*/`";
    default: return "another token";
    }
}

bool parser_expect(Parser *parser, TokenKind kind, const char *where)
{
    if (parser_accept(parser, kind))
        return true;
    parser_fail_expected(parser,
                         arena_printf(parser->arena, "%s %s", parser_token_text(kind), where));
    return false;
}

bool parser_expect_keyword(Parser *parser, Keyword keyword, const char *where)
{
    if (parser_accept_keyword(parser, keyword))
        return true;
    Str text = keyword_text(keyword);
    parser_fail_expected(parser, arena_printf(parser->arena, "%.*s %s", STR_ARGS(text), where));
    return false;
}

/* ---- Depth ---- */

bool parser_enter(Parser *parser)
{
    parser->depth++;
    if (parser->depth <= SQL_DEPTH_MAX)
        return true;
    parser->depth--;
    Diagnostic *d = parser_error(parser, "WR1018", parser_peek(parser)->span,
                                 "too many parts inside each other");
    diagnostic_note(d, "the limit is %d levels", SQL_DEPTH_MAX);
    diagnostic_help(d, "move inner queries into views");
    return false;
}

void parser_leave(Parser *parser)
{
    assert(parser->depth > 0);
    parser->depth--;
}

bool parser_grow(Parser *parser)
{
    parser->height++;
    if (parser->height <= SQL_HEIGHT_MAX)
        return true;
    Diagnostic *d =
        parser_error(parser, "WR1019", parser_peek(parser)->span, "too long a chain of operators");
    diagnostic_note(d, "the limit is %d", SQL_HEIGHT_MAX);
    diagnostic_help(d, "use IN (...) instead of a chain of OR, or split it with parentheses");
    return false;
}

/* ---- Names ---- */

bool parser_is_name_at(const Parser *parser, int32_t ahead)
{
    const Token *token = parser_peek_at(parser, ahead);
    if (token->kind == TOKEN_QUOTED)
        return true;
    return token->kind == TOKEN_WORD && !keyword_is_reserved((Keyword)token->keyword);
}

bool parser_is_name(const Parser *parser)
{
    return parser_is_name_at(parser, 0);
}

/* What stands between the quotes, doubled ones undone. */
static Str parser_unquote(Parser *parser, Str body, char quote)
{
    if (memchr(body.data, quote, (size_t)body.length) == NULL)
        return body;
    char *text = arena_allocate(parser->arena, body.length + 1);
    int64_t length = 0;
    for (int64_t i = 0; i < body.length; i++) {
        text[length++] = body.data[i];
        if (body.data[i] == quote)
            i++;
    }
    text[length] = '\0';
    return str_make(text, length);
}

bool parser_parse_name(Parser *parser, const char *what, SqlName *out)
{
    if (!parser_is_name(parser)) {
        parser_fail_expected(parser, what);
        return false;
    }
    const Token *token = parser_next(parser);
    Str text = parser_text(parser, token->span);
    *out = (SqlName){.text = text, .span = token->span};
    if (token->kind == TOKEN_QUOTED) {
        out->is_quoted = true;
        out->text = parser_unquote(parser, str_make(text.data + 1, text.length - 2), '`');
    }
    assert(out->text.length > 0);
    return true;
}

SqlName *parser_name_new(Parser *parser, const char *what)
{
    SqlName name;
    if (!parser_parse_name(parser, what, &name))
        return NULL;
    SqlName *copy = ARENA_NEW(parser->arena, SqlName);
    *copy = name;
    return copy;
}

SqlPath *parser_parse_path(Parser *parser, const char *what)
{
    SqlPath *path = ARENA_NEW(parser->arena, SqlPath);
    Span start = parser_peek(parser)->span;
    do {
        SqlName *part = parser_name_new(parser, what);
        if (part == NULL)
            return NULL;
        list_append(&path->parts, parser->arena, part);
    } while (parser_accept(parser, TOKEN_DOT));
    path->span = parser_span_from(parser, start);
    return path;
}

bool parser_parse_names(Parser *parser, const char *what, List *out)
{
    if (!parser_expect(parser, TOKEN_LEFT_PAREN, "before the names"))
        return false;
    do {
        SqlName *name = parser_name_new(parser, what);
        if (name == NULL)
            return false;
        list_append(out, parser->arena, name);
    } while (parser_accept(parser, TOKEN_COMMA));
    return parser_expect(parser, TOKEN_RIGHT_PAREN, "behind the names");
}

/* ---- Strings ---- */

bool parser_is_string(const Parser *parser)
{
    int kind = parser_peek(parser)->kind;
    return kind == TOKEN_STRING || kind == TOKEN_UNICODE_STRING || kind == TOKEN_ESCAPE_STRING;
}

bool parser_parse_string(Parser *parser, const char *what, Str *out, Span *span)
{
    if (!parser_is_string(parser)) {
        parser_fail_expected(parser, what);
        return false;
    }
    const Token *token = parser_next(parser);
    if (!parser_decode_string(parser, token, out))
        return false;
    if (span != NULL)
        *span = parser_span_from(parser, token->span);
    return true;
}

bool parser_parse_options(Parser *parser, List *out)
{
    if (!parser_expect(parser, TOKEN_LEFT_PAREN, "before the options"))
        return false;
    do {
        if (out->count > 0 && parser_is(parser, TOKEN_RIGHT_PAREN)) {
            Span comma = parser->tokens[parser->at - 1].span;
            Diagnostic *d = parser_error(parser, "WR1017", comma, "a comma too many");
            diagnostic_label(d, "nothing follows it");
            diagnostic_fix(d, comma, "");
            return false;
        }
        SqlOption *option = ARENA_NEW(parser->arena, SqlOption);
        if (!parser_parse_string(parser, "an option key in single quotes", &option->key,
                                 &option->key_span) ||
            !parser_expect(parser, TOKEN_EQUAL, "behind the option name") ||
            !parser_parse_string(parser, "an option value in single quotes", &option->value,
                                 &option->value_span))
            return false;
        list_append(out, parser->arena, option);
    } while (parser_accept(parser, TOKEN_COMMA));
    return parser_expect(parser, TOKEN_RIGHT_PAREN, "or `,` behind the option");
}

bool parser_parse_comment(Parser *parser, SqlComment *out)
{
    if (!parser_accept_keyword(parser, KW_COMMENT))
        return true;
    out->is_given = true;
    return parser_parse_string(parser, "the comment in single quotes", &out->text, NULL);
}

bool parser_parse_count(Parser *parser, const char *what, int64_t max, int64_t *out)
{
    const Token *token = parser_peek(parser);
    if (token->kind != TOKEN_EXACT) {
        parser_fail_expected(parser, what);
        return false;
    }
    parser_next(parser);
    if (!str_parse_int64(parser_text(parser, token->span), out) || *out > max) {
        Diagnostic *d = parser_error(parser, "WR1006", token->span, "number out of range");
        diagnostic_label(d, "expected %s up to %lld", what, (long long)max);
        return false;
    }
    assert(*out >= 0);
    return true;
}
