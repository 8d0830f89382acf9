/* Literals: numbers, strings, bytes, dates and times. Intervals have their own file. */
#include <assert.h>

#include "sql/internal.h"

static SqlExpr *literal_new(Parser *parser, SqlLiteralKind kind, Span span)
{
    SqlExpr *expr = expr_new(parser, SQL_LITERAL, span);
    expr->literal.kind = kind;
    return expr;
}

static SqlExpr *literal_parse_number(Parser *parser)
{
    const Token *token = parser_next(parser);
    bool is_exact = token->kind == TOKEN_EXACT;
    SqlExpr *expr = literal_new(parser, is_exact ? SQL_EXACT : SQL_DOUBLE, token->span);
    SqlLiteral *literal = &expr->literal;
    literal->text = parser_text(parser, token->span);
    if (!is_exact)
        return expr;
    bool is_behind_point = false;
    for (int64_t i = 0; i < literal->text.length; i++) {
        char c = literal->text.data[i];
        if (c == '.') {
            is_behind_point = true;
            continue;
        }
        literal->precision++;
        literal->scale += is_behind_point;
    }
    return expr;
}

static int32_t literal_count_characters(Str text)
{
    int32_t count = 0;
    for (int64_t i = 0; i < text.length; i++)
        count += ((unsigned char)text.data[i] & 0xC0) != 0x80;
    return count;
}

static SqlExpr *literal_parse_string(Parser *parser)
{
    const Token *token = parser_next(parser);
    SqlExpr *expr = literal_new(parser, SQL_STRING, token->span);
    if (!parser_decode_string(parser, token, &expr->literal.text))
        return NULL;
    expr->span = parser_span_from(parser, token->span);
    expr->literal.precision = literal_count_characters(expr->literal.text);
    return expr;
}

static int literal_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static SqlExpr *literal_parse_binary(Parser *parser)
{
    const Token *token = parser_next(parser);
    Str text = parser_text(parser, token->span);
    Str digits = str_make(text.data + 2, text.length - 3);
    SqlExpr *expr = literal_new(parser, SQL_BINARY_STRING, token->span);
    char *bytes = arena_allocate(parser->arena, digits.length / 2 + 1);
    bool is_good = digits.length % 2 == 0;
    for (int64_t i = 0; i + 1 < digits.length && is_good; i += 2) {
        int high = literal_hex_digit(digits.data[i]);
        int low = literal_hex_digit(digits.data[i + 1]);
        is_good = high >= 0 && low >= 0;
        bytes[i / 2] = (char)(unsigned char)(((unsigned)high << 4 | (unsigned)low) & 0xFF);
    }
    if (!is_good) {
        Diagnostic *d = parser_error(parser, "WR1008", token->span, "malformed binary literal");
        diagnostic_help(d, "X'...' holds an even number of hexadecimal digits");
        return NULL;
    }
    expr->literal.text = str_make(bytes, digits.length / 2);
    expr->literal.precision = (int32_t)(digits.length / 2);
    return expr;
}

/* ---- Dates and times ---- */

typedef struct TextReader {
    Str text;
    int64_t at;
    bool is_bad;
} TextReader;

static int32_t literal_take_digits(TextReader *reader, int32_t digits)
{
    int32_t value = 0;
    for (int32_t i = 0; i < digits; i++, reader->at++) {
        if (reader->at >= reader->text.length || reader->text.data[reader->at] < '0' ||
            reader->text.data[reader->at] > '9') {
            reader->is_bad = true;
            return 0;
        }
        value = value * 10 + (reader->text.data[reader->at] - '0');
    }
    return value;
}

static void literal_take_char(TextReader *reader, char c)
{
    if (reader->at < reader->text.length && reader->text.data[reader->at] == c)
        reader->at++;
    else
        reader->is_bad = true;
}

static void literal_take_date(TextReader *reader)
{
    static const int32_t month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int32_t year = literal_take_digits(reader, 4);
    literal_take_char(reader, '-');
    int32_t month = literal_take_digits(reader, 2);
    literal_take_char(reader, '-');
    int32_t day = literal_take_digits(reader, 2);
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (reader->is_bad || month < 1 || month > 12 || day < 1 || day > month_days[month - 1] ||
        (month == 2 && day == 29 && !is_leap))
        reader->is_bad = true;
}

static int32_t literal_take_time(TextReader *reader)
{
    int32_t hour = literal_take_digits(reader, 2);
    literal_take_char(reader, ':');
    int32_t minute = literal_take_digits(reader, 2);
    literal_take_char(reader, ':');
    int32_t second = literal_take_digits(reader, 2);
    reader->is_bad |= hour > 23 || minute > 59 || second > 59;
    int32_t fraction = 0;
    if (!reader->is_bad && reader->at < reader->text.length) {
        literal_take_char(reader, '.');
        while (!reader->is_bad && reader->at < reader->text.length) {
            literal_take_digits(reader, 1);
            fraction++;
        }
        reader->is_bad |= fraction < 1 || fraction > TIMESTAMP_PRECISION_MAX;
    }
    return fraction;
}

/* DATE '…', TIME '…', TIMESTAMP '…', the word at the current token. */
static SqlExpr *literal_parse_time(Parser *parser)
{
    const Token *word = parser_next(parser);
    const Token *token = parser_next(parser);
    SqlLiteralKind kind = word->keyword == KW_DATE   ? SQL_DATE
                          : word->keyword == KW_TIME ? SQL_TIME
                                                     : SQL_TIMESTAMP;
    SqlExpr *expr = literal_new(parser, kind, span_join(word->span, token->span));
    if (!parser_decode_string(parser, token, &expr->literal.text))
        return NULL;
    TextReader reader = {.text = expr->literal.text};
    if (kind != SQL_TIME)
        literal_take_date(&reader);
    if (kind == SQL_TIMESTAMP)
        literal_take_char(&reader, ' ');
    if (kind != SQL_DATE)
        expr->literal.precision = literal_take_time(&reader);
    if (!reader.is_bad && reader.at == reader.text.length)
        return expr;
    static const char *const names[] = {"DATE", "TIME", "TIMESTAMP"};
    static const char *const forms[] = {"DATE '2024-02-29'", "TIME '12:34:56.789'",
                                        "TIMESTAMP '2024-02-29 12:34:56.789'"};
    Diagnostic *d =
        parser_error(parser, "WR1022", token->span, "not a valid %s", names[kind - SQL_DATE]);
    diagnostic_help(d, "write it as %s", forms[kind - SQL_DATE]);
    return NULL;
}

static SqlExpr *literal_parse_word(Parser *parser)
{
    const Token *token = parser_next(parser);
    switch ((int)token->keyword) {
    case KW_NULL: return literal_new(parser, SQL_NULL, token->span);
    case KW_UNKNOWN: return literal_new(parser, SQL_UNKNOWN, token->span);
    default: break;
    }
    assert(token->keyword == KW_TRUE || token->keyword == KW_FALSE);
    SqlExpr *expr = literal_new(parser, SQL_BOOLEAN, token->span);
    expr->literal.boolean = token->keyword == KW_TRUE;
    return expr;
}

SqlExpr *parse_literal(Parser *parser)
{
    const Token *token = parser_peek(parser);
    if (token->kind == TOKEN_EXACT || token->kind == TOKEN_DOUBLE)
        return literal_parse_number(parser);
    if (token->kind == TOKEN_BINARY)
        return literal_parse_binary(parser);
    if (parser_is_string(parser))
        return literal_parse_string(parser);
    assert(token->kind == TOKEN_WORD);
    if (parser_peek_at(parser, 1)->kind == TOKEN_STRING)
        return literal_parse_time(parser);
    return literal_parse_word(parser);
}
