/* Text to tokens.
 *
 * The whole script is cut at once. What is wrong at this level (a quote that is never closed,
 * a character SQL does not know) is reported here and leaves a TOKEN_ERROR, at which the parser
 * gives its statement up in silence. */
#include <assert.h>
#include <string.h>
#include <utf8proc.h>

#include "base/memory.h"
#include "sql/internal.h"

typedef struct Lexer {
    const Source *source;
    Diagnostics *diagnostics;
    const char *text;
    int32_t length;
    int32_t at;
    int32_t hint_start; /* of the hint we are in, or -1 */
    Token *tokens;      /* on the heap until the count is known */
    int32_t count;
    int32_t capacity;
} Lexer;

/* From `start` to where the lexer is, as the rest of the program counts. */
static Span lexer_span(const Lexer *lexer, int32_t start)
{
    int32_t base = lexer->source->base;
    return span_make(base + start, base + lexer->at);
}

static Diagnostic *lexer_error(Lexer *lexer, const char *code, int32_t start, const char *message)
{
    return diagnostics_add(lexer->diagnostics, DIAGNOSTIC_ERROR, code, lexer_span(lexer, start),
                           "%s", message);
}

static char lexer_char(const Lexer *lexer, int32_t ahead)
{
    int32_t at = lexer->at + ahead;
    return at < lexer->length ? lexer->text[at] : '\0';
}

static bool lexer_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool lexer_is_ascii_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
}

static void lexer_push(Lexer *lexer, TokenKind kind, int32_t start, Keyword keyword)
{
    assert(start <= lexer->at);
    if (lexer->count == lexer->capacity) {
        lexer->capacity = lexer->capacity == 0 ? 256 : lexer->capacity * 2;
        lexer->tokens =
            memory_resize(lexer->tokens, (int64_t)sizeof(Token) * (int64_t)lexer->capacity);
    }
    lexer->tokens[lexer->count++] = (Token){
        .kind = (uint8_t)kind,
        .keyword = (uint16_t)keyword,
        .span = lexer_span(lexer, start),
    };
}

/* ---- Characters beyond ASCII ---- */

/* Bytes of the character here; 0 if it is not UTF-8. */
static int32_t lexer_codepoint(const Lexer *lexer, int32_t *codepoint)
{
    int32_t left = lexer->length - lexer->at;
    utf8proc_int32_t value = -1;
    utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)lexer->text + lexer->at,
                                             left < 4 ? left : 4, &value);
    *codepoint = value;
    return used > 0 ? (int32_t)used : 0;
}

/* Bytes of the letter (or, behind the first, mark or digit) here; 0 if it is none. */
static int32_t lexer_name_bytes(const Lexer *lexer, bool is_first)
{
    char c = lexer_char(lexer, 0);
    if (lexer->at >= lexer->length)
        return 0;
    if (lexer_is_ascii_name(c) || (!is_first && lexer_is_digit(c)))
        return 1;
    if ((unsigned char)c < 0x80)
        return 0;
    int32_t codepoint = 0;
    int32_t bytes = lexer_codepoint(lexer, &codepoint);
    if (bytes == 0)
        return 0;
    int category = (int)utf8proc_category(codepoint);
    bool is_letter = category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
    bool is_later = category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC ||
                    category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL;
    return is_letter || (is_later && !is_first) ? bytes : 0;
}

typedef struct Lookalike {
    int32_t codepoint;
    const char *ascii;
} Lookalike;

static const Lookalike lexer_lookalikes[] = {
    {0x2018, "'"}, {0x2019, "'"}, {0x201C, "'"}, {0x201D, "'"},  {0x00B4, "`"}, {0x00A0, " "},
    {0x3000, " "}, {0x200B, ""},  {0xFEFF, ""},  {0xFF0C, ","},  {0xFF1B, ";"}, {0xFF08, "("},
    {0xFF09, ")"}, {0x2212, "-"}, {0x2013, "-"}, {0x2014, "--"}, {0xFF1D, "="}, {0xFF0A, "*"},
};

static void lexer_scan_unknown(Lexer *lexer)
{
    int32_t start = lexer->at;
    int32_t codepoint = 0;
    int32_t bytes = lexer_codepoint(lexer, &codepoint);
    if (bytes == 0) {
        lexer->at++;
        Diagnostic *d = lexer_error(lexer, "WR1002", start, "this is not UTF-8 text");
        diagnostic_label(d, "byte 0x%02X", (unsigned)(unsigned char)lexer->text[start]);
        diagnostic_help(d, "save the file as UTF-8");
        lexer_push(lexer, TOKEN_ERROR, start, NO_KEYWORD);
        return;
    }
    lexer->at += bytes;
    bool is_double =
        (codepoint == ':' || codepoint == '&') && lexer_char(lexer, 0) == (char)codepoint;
    lexer->at += is_double;
    Diagnostic *d =
        diagnostics_add(lexer->diagnostics, DIAGNOSTIC_ERROR, "WR1002", lexer_span(lexer, start),
                        "the character %.*s (U+%04X) has no meaning here", bytes,
                        lexer->text + start, (unsigned)codepoint);
    if (codepoint == ':')
        diagnostic_help(d, is_double ? "a cast is written CAST(value AS type)"
                                     : "key and value of an option are joined by =");
    if (codepoint == '&')
        diagnostic_help(d, "write AND");
    if (codepoint == '^')
        diagnostic_help(d, "write POWER(a, b)");
    if (codepoint == '#')
        diagnostic_help(d, "comments start with -- or stand between /* and */");
    if (codepoint == '\\')
        diagnostic_help(d, "SQL strings have no backslash escapes outside of E'...'");
    for (size_t i = 0; i < sizeof(lexer_lookalikes) / sizeof(lexer_lookalikes[0]); i++) {
        if (lexer_lookalikes[i].codepoint != codepoint)
            continue;
        if (lexer_lookalikes[i].ascii[0] == '\0')
            diagnostic_help(d, "it cannot be seen; remove it");
        else
            diagnostic_help(d, "write the plain character \"%s\"", lexer_lookalikes[i].ascii);
        diagnostic_fix(d, lexer_span(lexer, start), lexer_lookalikes[i].ascii);
    }
    lexer_push(lexer, TOKEN_ERROR, start, NO_KEYWORD);
}

/* ---- Blanks and comments ---- */

/* Go on behind the line on which something unclosed began: what follows is probably sound. */
static void lexer_resume_behind_line(Lexer *lexer, int32_t start)
{
    lexer->at = start;
    while (lexer->at < lexer->length && lexer->text[lexer->at] != '\n')
        lexer->at++;
}

static void lexer_skip_comment(Lexer *lexer)
{
    int32_t start = lexer->at;
    const char *end = NULL;
    if (lexer->length - start >= 4)
        end = memmem(lexer->text + start + 2, (size_t)(lexer->length - start - 2), "*/", 2);
    if (end != NULL) {
        lexer->at = (int32_t)(end - lexer->text) + 2;
        return;
    }
    lexer->at = start + 2;
    Diagnostic *d = lexer_error(lexer, "WR1004", start, "comment is never closed");
    diagnostic_label(d, "it starts here");
    diagnostic_help(d, "close it with */; comments do not nest");
    lexer->at = lexer->length;
    lexer_push(lexer, TOKEN_ERROR, start, NO_KEYWORD);
}

static void lexer_skip_blanks(Lexer *lexer)
{
    for (;;) {
        char c = lexer_char(lexer, 0);
        if (lexer->at >= lexer->length)
            return;
        if (c == ' ' || (c >= '\t' && c <= '\r')) {
            lexer->at++;
        } else if (c == '-' && lexer_char(lexer, 1) == '-') {
            lexer_resume_behind_line(lexer, lexer->at);
        } else if (c == '/' && lexer_char(lexer, 1) == '*' && lexer_char(lexer, 2) != '+') {
            lexer_skip_comment(lexer);
        } else {
            return;
        }
    }
}

/* ---- Quotes ---- */

/* Behind the closing quote; a doubled one stands for itself. False if there is none. */
static bool lexer_find_quote(Lexer *lexer, char quote, bool spans_lines, bool has_escapes)
{
    while (lexer->at < lexer->length) {
        char c = lexer->text[lexer->at];
        if (c == '\n' && !spans_lines)
            return false;
        if (c == '\\' && has_escapes && lexer->at + 1 < lexer->length) {
            lexer->at += 2;
            continue;
        }
        lexer->at++;
        if (c != quote)
            continue;
        if (lexer_char(lexer, 0) != quote)
            return true;
        lexer->at++;
    }
    return false;
}

static bool lexer_is_utf8(Str text)
{
    for (int64_t at = 0; at < text.length;) {
        if ((unsigned char)text.data[at] < 0x80) {
            at++;
            continue;
        }
        utf8proc_int32_t codepoint = -1;
        int64_t left = text.length - at;
        utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)text.data + at,
                                                 left < 4 ? left : 4, &codepoint);
        if (used <= 0)
            return false;
        at += used;
    }
    return true;
}

static void lexer_scan_string(Lexer *lexer, TokenKind kind, int32_t prefix)
{
    int32_t start = lexer->at;
    lexer->at += prefix + 1;
    int32_t body = lexer->at;
    if (!lexer_find_quote(lexer, '\'', true, kind == TOKEN_ESCAPE_STRING)) {
        lexer->at = body;
        Diagnostic *d = lexer_error(lexer, "WR1003", start, "string is never closed");
        diagnostic_label(d, "it starts here");
        diagnostic_help(d, "close it with '; a quote inside a string is doubled: 'it''s'");
        lexer_resume_behind_line(lexer, start);
        kind = TOKEN_ERROR;
    } else if (lexer->at - body - 1 > SQL_STRING_BYTES_MAX) {
        Diagnostic *d = lexer_error(lexer, "WR1007", start, "string is too long");
        diagnostic_note(d, "a literal may have %d bytes", SQL_STRING_BYTES_MAX);
        kind = TOKEN_ERROR;
    } else if (!lexer_is_utf8(str_make(lexer->text + body, lexer->at - body))) {
        Diagnostic *d = lexer_error(lexer, "WR1002", start, "this is not UTF-8 text");
        diagnostic_help(d, "save the file as UTF-8, or write bytes as X'...'");
        kind = TOKEN_ERROR;
    }
    lexer_push(lexer, kind, start, NO_KEYWORD);
}

static void lexer_scan_backticks(Lexer *lexer)
{
    int32_t start = lexer->at;
    TokenKind kind = TOKEN_ERROR;
    lexer->at++;
    if (!lexer_find_quote(lexer, '`', false, false)) {
        lexer->at = start + 1;
        Diagnostic *d = lexer_error(lexer, "WR1005", start, "quoted name is never closed");
        diagnostic_label(d, "it starts here");
        diagnostic_help(d, "close it with ` on the same line; a ` inside a name is doubled");
        lexer_resume_behind_line(lexer, start);
    } else if (lexer->at - start == 2) {
        lexer_error(lexer, "WR1005", start, "a name cannot be empty");
    } else if (lexer->at - start - 2 > SQL_NAME_BYTES_MAX) {
        Diagnostic *d = lexer_error(lexer, "WR1005", start, "name is too long");
        diagnostic_note(d, "a name may have %d bytes", SQL_NAME_BYTES_MAX);
    } else if (!lexer_is_utf8(str_make(lexer->text + start, lexer->at - start))) {
        lexer_error(lexer, "WR1002", start, "this is not UTF-8 text");
    } else {
        kind = TOKEN_QUOTED;
    }
    lexer_push(lexer, kind, start, NO_KEYWORD);
}

static void lexer_scan_double_quotes(Lexer *lexer)
{
    int32_t start = lexer->at;
    TokenKind kind = TOKEN_DOUBLE_QUOTED;
    lexer->at++;
    if (!lexer_find_quote(lexer, '"', false, false)) {
        lexer->at = start + 1;
        Diagnostic *d = lexer_error(lexer, "WR1014", start, "double quotes have no meaning here");
        diagnostic_help(d, "strings stand in 'single quotes', names in `backticks`");
        lexer_resume_behind_line(lexer, start);
        kind = TOKEN_ERROR;
    } else if (!lexer_is_utf8(str_make(lexer->text + start, lexer->at - start))) {
        lexer_error(lexer, "WR1002", start, "this is not UTF-8 text");
        kind = TOKEN_ERROR;
    }
    lexer_push(lexer, kind, start, NO_KEYWORD);
}

/* ---- Words and numbers ---- */

static void lexer_scan_word(Lexer *lexer)
{
    int32_t start = lexer->at;
    lexer->at += lexer_name_bytes(lexer, true);
    for (int32_t bytes; (bytes = lexer_name_bytes(lexer, false)) > 0;)
        lexer->at += bytes;
    assert(lexer->at > start);
    if (lexer->at - start > SQL_NAME_BYTES_MAX) {
        Diagnostic *d = lexer_error(lexer, "WR1005", start, "name is too long");
        diagnostic_note(d, "a name may have %d bytes", SQL_NAME_BYTES_MAX);
        lexer_push(lexer, TOKEN_ERROR, start, NO_KEYWORD);
        return;
    }
    Keyword keyword = keyword_find(str_make(lexer->text + start, lexer->at - start));
    lexer_push(lexer, TOKEN_WORD, start, keyword);
}

static void lexer_skip_digits(Lexer *lexer)
{
    while (lexer_is_digit(lexer_char(lexer, 0)))
        lexer->at++;
}

static void lexer_scan_number(Lexer *lexer)
{
    int32_t start = lexer->at;
    TokenKind kind = TOKEN_EXACT;
    lexer_skip_digits(lexer);
    if (lexer_char(lexer, 0) == '.') {
        lexer->at++;
        lexer_skip_digits(lexer);
    }
    char exponent = lexer_char(lexer, 0);
    if (exponent == 'e' || exponent == 'E') {
        char sign = lexer_char(lexer, 1);
        int32_t skip = sign == '+' || sign == '-' ? 2 : 1;
        if (lexer_is_digit(lexer_char(lexer, skip))) {
            lexer->at += skip;
            lexer_skip_digits(lexer);
            kind = TOKEN_DOUBLE;
        }
    }
    int32_t number_end = lexer->at;
    for (int32_t bytes; (bytes = lexer_name_bytes(lexer, false)) > 0;)
        lexer->at += bytes;
    if (lexer->at > number_end) {
        Diagnostic *d = lexer_error(lexer, "WR1006", start, "letters directly behind a number");
        diagnostic_help(d, "if this is a name, put it in backticks: `%.*s`", lexer->at - start,
                        lexer->text + start);
        kind = TOKEN_ERROR;
    } else if (lexer->at - start > SQL_NAME_BYTES_MAX) {
        lexer_error(lexer, "WR1007", start, "number is too long");
        kind = TOKEN_ERROR;
    }
    lexer_push(lexer, kind, start, NO_KEYWORD);
}

/* ---- Operators ---- */

typedef struct Operator {
    const char *text;
    TokenKind kind;
} Operator;

/* Longer ones first. */
static const Operator lexer_operators[] = {
    {"<>", TOKEN_NOT_EQUAL},    {"<=", TOKEN_LESS_EQUAL},   {">=", TOKEN_GREATER_EQUAL},
    {"=>", TOKEN_ARROW},        {"||", TOKEN_CONCAT},       {"!=", TOKEN_BANG_EQUAL},
    {"==", TOKEN_DOUBLE_EQUAL}, {"(", TOKEN_LEFT_PAREN},    {")", TOKEN_RIGHT_PAREN},
    {"[", TOKEN_LEFT_BRACKET},  {"]", TOKEN_RIGHT_BRACKET}, {",", TOKEN_COMMA},
    {";", TOKEN_SEMICOLON},     {".", TOKEN_DOT},           {"+", TOKEN_PLUS},
    {"-", TOKEN_MINUS},         {"*", TOKEN_STAR},          {"/", TOKEN_SLASH},
    {"%", TOKEN_PERCENT},       {"=", TOKEN_EQUAL},         {"<", TOKEN_LESS},
    {">", TOKEN_GREATER},       {"{", TOKEN_LEFT_BRACE},    {"}", TOKEN_RIGHT_BRACE},
    {"?", TOKEN_QUESTION},      {"|", TOKEN_PIPE},          {"^", TOKEN_CARET},
};

static void lexer_scan_operator(Lexer *lexer)
{
    int32_t start = lexer->at;
    for (size_t i = 0; i < sizeof(lexer_operators) / sizeof(lexer_operators[0]); i++) {
        const Operator *op = &lexer_operators[i];
        if (op->text[0] != lexer_char(lexer, 0) ||
            (op->text[1] != '\0' && op->text[1] != lexer_char(lexer, 1)))
            continue;
        lexer->at += op->text[1] != '\0' ? 2 : 1;
        lexer_push(lexer, op->kind, start, NO_KEYWORD);
        return;
    }
    lexer_scan_unknown(lexer);
}

/* True if the token here was the start or the end of a hint. */
static bool lexer_scan_hint(Lexer *lexer)
{
    int32_t start = lexer->at;
    char c = lexer_char(lexer, 0);
    if (lexer->hint_start < 0 && c == '/' && lexer_char(lexer, 1) == '*') {
        assert(lexer_char(lexer, 2) == '+');
        lexer->at += 3;
        lexer->hint_start = start;
        lexer_push(lexer, TOKEN_HINT, start, NO_KEYWORD);
        return true;
    }
    if (lexer->hint_start >= 0 && c == '*' && lexer_char(lexer, 1) == '/') {
        lexer->at += 2;
        lexer->hint_start = -1;
        lexer_push(lexer, TOKEN_HINT_END, start, NO_KEYWORD);
        return true;
    }
    return false;
}

static void lexer_scan_token(Lexer *lexer)
{
    char c = lexer_char(lexer, 0);
    char upper = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
    if (lexer_scan_hint(lexer))
        return;
    if (c == '\'')
        lexer_scan_string(lexer, TOKEN_STRING, 0);
    else if (upper == 'X' && lexer_char(lexer, 1) == '\'')
        lexer_scan_string(lexer, TOKEN_BINARY, 1);
    else if (upper == 'E' && lexer_char(lexer, 1) == '\'')
        lexer_scan_string(lexer, TOKEN_ESCAPE_STRING, 1);
    else if (upper == 'U' && lexer_char(lexer, 1) == '&' && lexer_char(lexer, 2) == '\'')
        lexer_scan_string(lexer, TOKEN_UNICODE_STRING, 2);
    else if (c == '`')
        lexer_scan_backticks(lexer);
    else if (c == '"')
        lexer_scan_double_quotes(lexer);
    else if (lexer_name_bytes(lexer, true) > 0)
        lexer_scan_word(lexer);
    else if (lexer_is_digit(c) || (c == '.' && lexer_is_digit(lexer_char(lexer, 1))))
        lexer_scan_number(lexer);
    else
        lexer_scan_operator(lexer);
}

static Status lexer_fail_limit(Lexer *lexer, const char *message, const char *note)
{
    Diagnostic *d = diagnostics_add(lexer->diagnostics, DIAGNOSTIC_ERROR, "WR1001",
                                    lexer_span(lexer, 0), "%s", message);
    diagnostic_note(d, "%s", note);
    return ERR_LIMIT;
}

static Status lexer_run(Lexer *lexer)
{
    static const char byte_order_mark[] = "\xEF\xBB\xBF";
    if (lexer->length >= 3 && memcmp(lexer->text, byte_order_mark, 3) == 0)
        lexer->at = 3;
    for (;;) {
        lexer_skip_blanks(lexer);
        if (lexer->at >= lexer->length)
            break;
        if (lexer->count >= SQL_TOKENS_MAX)
            return lexer_fail_limit(lexer, "script has too many words",
                                    "the limit is 1 Mi words and signs");
        lexer_scan_token(lexer);
    }
    if (lexer->hint_start >= 0) {
        lexer->at = lexer->hint_start + 3;
        Diagnostic *d = lexer_error(lexer, "WR1004", lexer->hint_start, "hint is never closed");
        diagnostic_help(d, "close it with */");
        lexer->at = lexer->length;
        lexer_push(lexer, TOKEN_ERROR, lexer->length, NO_KEYWORD);
    }
    lexer_push(lexer, TOKEN_END, lexer->at, NO_KEYWORD);
    return OK;
}

Status tokens_scan(const Source *source, Arena *arena, Diagnostics *diagnostics, Tokens *out)
{
    Lexer lexer = {
        .source = source,
        .diagnostics = diagnostics,
        .text = source->text.data,
        .hint_start = -1,
    };
    *out = (Tokens){0};
    if (source->text.length > SQL_SCRIPT_BYTES_MAX)
        return lexer_fail_limit(&lexer, "script is too large", "the limit is 16 MiB");
    lexer.length = (int32_t)source->text.length;
    Status status = lexer_run(&lexer);
    if (status == OK) {
        out->items = arena_copy(arena, lexer.tokens, (int64_t)sizeof(Token) * lexer.count);
        out->count = lexer.count;
    }
    memory_free(lexer.tokens);
    return status;
}
