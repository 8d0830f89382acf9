/* The values of string literals: doubled quotes, U&'\00e9' and E'\n' escapes. */
#include <assert.h>
#include <string.h>
#include <utf8proc.h>

#include "sql/internal.h"

typedef struct Escape {
    Parser *parser;
    Span span; /* of the whole literal, for errors */
    Str body;  /* between the quotes */
    char *out;
    int64_t length;
} Escape;

static int string_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool string_hex(Str body, int64_t at, int32_t digits, int32_t *value)
{
    *value = 0;
    if (at + digits > body.length)
        return false;
    for (int32_t i = 0; i < digits; i++) {
        int digit = string_hex_digit(body.data[at + i]);
        if (digit < 0)
            return false;
        *value = (int32_t)(((uint32_t)*value << 4) | (uint32_t)digit);
    }
    return true;
}

static bool string_fail(Escape *escape, const char *message, const char *help)
{
    Diagnostic *d = parser_error(escape->parser, "WR1008", escape->span, "%s", message);
    diagnostic_help(d, "%s", help);
    return false;
}

static bool string_put(Escape *escape, int32_t codepoint)
{
    if (codepoint == 0 || !utf8proc_codepoint_valid(codepoint))
        return string_fail(escape, "escape does not stand for a character",
                           "use the code of a Unicode character; surrogates are none");
    escape->length +=
        utf8proc_encode_char(codepoint, (utf8proc_uint8_t *)escape->out + escape->length);
    return true;
}

/* U&'…': \XXXX and \+XXXXXX, the escape character doubled for itself. */
static bool string_decode_unicode(Escape *escape, char escape_char)
{
    Str body = escape->body;
    for (int64_t i = 0; i < body.length;) {
        char c = body.data[i];
        if (c == '\'' || c != escape_char) {
            escape->out[escape->length++] = c;
            i += c == '\'' ? 2 : 1;
            continue;
        }
        int32_t value = 0;
        if (i + 1 < body.length && body.data[i + 1] == escape_char) {
            escape->out[escape->length++] = c;
            i += 2;
        } else if (i + 1 < body.length && body.data[i + 1] == '+' &&
                   string_hex(body, i + 2, 6, &value)) {
            if (!string_put(escape, value))
                return false;
            i += 8;
        } else if (string_hex(body, i + 1, 4, &value)) {
            if (!string_put(escape, value))
                return false;
            i += 5;
        } else {
            return string_fail(escape, "malformed Unicode escape",
                               "write four hexadecimal digits: U&'\\00e9'");
        }
    }
    return true;
}

/* \101: up to three octal digits; returns how many. */
static int32_t string_octal(Str body, int64_t at, int32_t *value)
{
    int32_t digits = 0;
    *value = 0;
    while (digits < 3 && at + digits < body.length && body.data[at + digits] >= '0' &&
           body.data[at + digits] <= '7') {
        *value = *value * 8 + (body.data[at + digits] - '0');
        digits++;
    }
    return digits;
}

/* One escape behind the backslash at `at`; returns the bytes it takes, 0 on error. */
static int32_t string_decode_escape(Escape *escape, int64_t at)
{
    static const char letters[] = "bfnrt\\'";
    static const char values[] = "\b\f\n\r\t\\'";
    Str body = escape->body;
    assert(at < body.length);
    char c = body.data[at];
    const char *letter = c != '\0' ? strchr(letters, c) : NULL;
    int32_t value = 0;
    if (letter != NULL) {
        escape->out[escape->length++] = values[letter - letters];
        return 1;
    }
    if (c == 'u' && string_hex(body, at + 1, 4, &value))
        return string_put(escape, value) ? 5 : 0;
    if (c == 'U' && string_hex(body, at + 1, 8, &value))
        return string_put(escape, value) ? 9 : 0;
    int32_t digits = string_octal(body, at, &value);
    if (digits > 0)
        return string_put(escape, value) ? digits : 0;
    string_fail(escape, "unknown escape in a string",
                "the escapes are \\b \\f \\n \\r \\t \\\\ \\' \\101 \\u00e9 \\U0001F600");
    return 0;
}

static bool string_decode_escapes(Escape *escape)
{
    Str body = escape->body;
    for (int64_t i = 0; i < body.length;) {
        char c = body.data[i++];
        if (c == '\\' && i < body.length) {
            int32_t used = string_decode_escape(escape, i);
            if (used == 0)
                return false;
            i += used;
            continue;
        }
        escape->out[escape->length++] = c;
        i += c == '\'';
    }
    return true;
}

/* UESCAPE 'c' behind a U&'…'. */
static bool string_parse_uescape(Parser *parser, char *out)
{
    *out = '\\';
    if (!parser_accept_keyword(parser, KW_UESCAPE))
        return true;
    const Token *token = parser_peek(parser);
    Str text = parser_text(parser, token->span);
    if (token->kind != TOKEN_STRING || text.length != 3 || string_hex_digit(text.data[1]) >= 0 ||
        text.data[1] == '+' || text.data[1] == '\'') {
        Diagnostic *d = parser_error(parser, "WR1008", token->span,
                                     "UESCAPE needs one character in single quotes");
        diagnostic_help(d, "neither a hexadecimal digit nor + nor a quote");
        return false;
    }
    parser_next(parser);
    *out = text.data[1];
    return true;
}

bool parser_decode_string(Parser *parser, const Token *token, Str *out)
{
    Str text = parser_text(parser, token->span);
    int64_t prefix = token->kind == TOKEN_STRING ? 1 : token->kind == TOKEN_ESCAPE_STRING ? 2 : 3;
    Str body = str_make(text.data + prefix, text.length - prefix - 1);
    assert(body.length >= 0);
    if (token->kind == TOKEN_STRING &&
        (body.length == 0 || memchr(body.data, '\'', (size_t)body.length) == NULL)) {
        *out = body;
        return true;
    }
    /* No escape is shorter than what it stands for. */
    Escape escape = {.parser = parser, .span = token->span, .body = body};
    escape.out = arena_allocate(parser->arena, body.length + 4);
    bool is_good = true;
    if (token->kind == TOKEN_ESCAPE_STRING) {
        is_good = string_decode_escapes(&escape);
    } else if (token->kind == TOKEN_UNICODE_STRING) {
        char escape_char = 0;
        is_good = string_parse_uescape(parser, &escape_char) &&
                  string_decode_unicode(&escape, escape_char);
    } else {
        for (int64_t i = 0; i < body.length; i++) {
            escape.out[escape.length++] = body.data[i];
            i += body.data[i] == '\'';
        }
    }
    assert(escape.length <= body.length + 4);
    *out = str_make(escape.out, escape.length);
    return is_good;
}
