/* INTERVAL '1 02:03' DAY TO MINUTE: the qualifier, the fields in the quotes, their ranges. */
#include <assert.h>
#include <stdio.h>

#include "sql/internal.h"

enum {
    INTERVAL_LEADING_DEFAULT = 2,
    INTERVAL_LEADING_MAX = 10,
    INTERVAL_FRACTION_DEFAULT = 6,
    INTERVAL_FRACTION_MAX = 9,
    INTERVAL_DIGITS_MAX = 18,
};

typedef struct IntervalUnit {
    Keyword singular, plural;
    SqlUnit unit;
    int64_t scale;    /* months or milliseconds */
    int32_t rank;     /* fields of an interval have falling ranks; 0: cannot be combined */
    int32_t in_range; /* what a field of this unit behind another is below */
    bool is_months;
} IntervalUnit;

static const IntervalUnit interval_units[] = {
    {KW_YEAR, KW_YEARS, SQL_UNIT_YEAR, 12, 6, 0, true},
    {KW_QUARTER, KW_QUARTERS, SQL_UNIT_QUARTER, 3, 0, 0, true},
    {KW_MONTH, KW_MONTHS, SQL_UNIT_MONTH, 1, 5, 12, true},
    {KW_WEEK, KW_WEEKS, SQL_UNIT_WEEK, 604800000, 0, 0, false},
    {KW_DAY, KW_DAYS, SQL_UNIT_DAY, 86400000, 4, 0, false},
    {KW_HOUR, KW_HOURS, SQL_UNIT_HOUR, 3600000, 3, 24, false},
    {KW_MINUTE, KW_MINUTES, SQL_UNIT_MINUTE, 60000, 2, 60, false},
    {KW_SECOND, KW_SECONDS, SQL_UNIT_SECOND, 1000, 1, 60, false},
};
enum { INTERVAL_UNIT_COUNT = sizeof(interval_units) / sizeof(interval_units[0]) };

static const IntervalUnit *interval_parse_unit(Parser *parser)
{
    for (int32_t i = 0; i < INTERVAL_UNIT_COUNT; i++) {
        if (parser_accept_keyword(parser, interval_units[i].singular) ||
            parser_accept_keyword(parser, interval_units[i].plural))
            return &interval_units[i];
    }
    Diagnostic *d = NULL;
    const Token *token = parser_peek(parser);
    if (token->kind == TOKEN_WORD && token->keyword == NO_KEYWORD) {
        Str names[INTERVAL_UNIT_COUNT];
        Str word = parser_text(parser, token->span);
        bool is_plural = (word.data[word.length - 1] | 0x20) == 's';
        for (int32_t i = 0; i < INTERVAL_UNIT_COUNT; i++)
            names[i] =
                keyword_text(is_plural ? interval_units[i].plural : interval_units[i].singular);
        d = parser_error(parser, "WR1035", token->span, "unknown unit of time `%.*s`",
                         STR_ARGS(word));
        if (!diagnostic_suggest(d, names, INTERVAL_UNIT_COUNT, word))
            diagnostic_help(d, "units are YEAR, MONTH, DAY, HOUR, MINUTE, SECOND");
        return NULL;
    }
    parser_fail_expected(parser, "a unit such as MINUTE behind the interval's value");
    return NULL;
}

/* (p) or, for seconds, (p, f). */
static bool interval_parse_precision(Parser *parser, SqlLiteral *literal, bool is_leading,
                                     bool is_second)
{
    if (!parser_accept(parser, TOKEN_LEFT_PAREN))
        return true;
    int64_t value = 0;
    int32_t max = is_leading ? INTERVAL_LEADING_MAX : INTERVAL_FRACTION_MAX;
    if (!parser_parse_count(parser, "a precision", max, &value))
        return false;
    if (is_leading) {
        if (value == 0) {
            parser_error(parser, "WR1029", parser->tokens[parser->at - 1].span,
                         "a precision of 0 digits holds nothing");
            return false;
        }
        literal->leading_precision = (int32_t)value;
    } else {
        literal->fraction_precision = (int32_t)value;
    }
    if (is_leading && is_second && parser_accept(parser, TOKEN_COMMA)) {
        if (!parser_parse_count(parser, "a precision", INTERVAL_FRACTION_MAX, &value))
            return false;
        literal->fraction_precision = (int32_t)value;
    }
    return parser_expect(parser, TOKEN_RIGHT_PAREN, "behind the precision");
}

typedef struct IntervalUnits {
    const IntervalUnit *from, *to;
} IntervalUnits;

static bool interval_parse_qualifier(Parser *parser, SqlLiteral *literal, IntervalUnits *units)
{
    Span start = parser_peek(parser)->span;
    units->from = interval_parse_unit(parser);
    bool is_extension = units->from != NULL && (units->from->unit == SQL_UNIT_WEEK ||
                                                units->from->unit == SQL_UNIT_QUARTER);
    if (is_extension)
        extension_report(parser->diagnostics, EXTENSION_UNIT, start,
                         sql_unit_name(units->from->unit));
    if (units->from == NULL ||
        !interval_parse_precision(parser, literal, true, units->from->rank == 1))
        return false;
    units->to = units->from;
    if (parser_accept_keyword(parser, KW_TO)) {
        units->to = interval_parse_unit(parser);
        if (units->to == NULL)
            return false;
        if (units->to->rank == 1 && !interval_parse_precision(parser, literal, false, true))
            return false;
        if (units->from->is_months != units->to->is_months || units->to->rank == 0 ||
            units->from->rank <= units->to->rank) {
            Diagnostic *d = parser_error(parser, "WR1020", parser_span_from(parser, start),
                                         "these units cannot be combined");
            diagnostic_help(d, "combine YEAR TO MONTH, or DAY, HOUR, MINUTE, SECOND downwards");
            return false;
        }
    }
    literal->unit_from = units->from->unit;
    literal->unit_to = units->to->unit;
    return true;
}

/* ---- The text in the quotes ---- */

typedef struct IntervalReader {
    Str text;
    int64_t at;
    int64_t total;   /* months or milliseconds */
    int64_t leading; /* the first field */
    int32_t fraction_digits;
    bool is_bad;
} IntervalReader;

static int64_t interval_take_number(IntervalReader *reader)
{
    int64_t value = 0;
    int32_t digits = 0;
    for (; reader->at < reader->text.length; reader->at++, digits++) {
        char c = reader->text.data[reader->at];
        if (c < '0' || c > '9')
            break;
        if (digits >= INTERVAL_DIGITS_MAX) {
            reader->is_bad = true;
            return 0;
        }
        value = value * 10 + (c - '0');
    }
    reader->is_bad |= digits == 0;
    return value;
}

/* ".567" in milliseconds; further digits are cut. */
static void interval_take_fraction(IntervalReader *reader)
{
    if (reader->at >= reader->text.length || reader->text.data[reader->at] != '.')
        return;
    reader->at++;
    int64_t scale = 100;
    for (; reader->at < reader->text.length; reader->at++) {
        char c = reader->text.data[reader->at];
        if (c < '0' || c > '9')
            break;
        reader->fraction_digits++;
        reader->total += (c - '0') * scale;
        scale /= 10;
    }
    reader->is_bad |= reader->fraction_digits == 0;
}

/* All fields from units->from down to units->to. */
static void interval_take_fields(IntervalReader *reader, IntervalUnits units)
{
    int64_t total = 0;
    for (const IntervalUnit *unit = units.from;; unit++) {
        if (unit != units.from && unit->rank == 0)
            continue; /* QUARTER and WEEK lie between the fields, but are none */
        if (unit != units.from) {
            char separator = units.from->is_months ? '-' : unit->rank == 3 ? ' ' : ':';
            if (reader->at < reader->text.length && reader->text.data[reader->at] == separator)
                reader->at++;
            else
                reader->is_bad = true;
        }
        int64_t value = interval_take_number(reader);
        if (reader->is_bad)
            return;
        if (unit == units.from)
            reader->leading = value;
        else
            reader->is_bad |= value >= unit->in_range;
        if (unit == units.from && value >= 10000000000)
            total = 0; /* beyond any precision; refused by the caller */
        else
            total += value * unit->scale;
        if (unit == units.to)
            break;
    }
    reader->total = total;
    if (units.to->rank == 1)
        interval_take_fraction(reader);
}

static int64_t interval_power(int32_t digits)
{
    int64_t power = 1;
    for (int32_t i = 0; i < digits; i++)
        power *= 10;
    return power;
}

static const char *interval_form(IntervalUnits units)
{
    if (units.from == units.to)
        return units.from->rank == 1 ? "'5' or '0.5'" : "'5'";
    switch (units.from->rank * 10 + units.to->rank) {
    case 65: return "'years-months', as in '2-3'";
    case 43: return "'days hours', as in '1 12'";
    case 42: return "'days hours:minutes', as in '1 12:30'";
    case 41: return "'days hours:minutes:seconds', as in '1 12:30:00'";
    case 32: return "'hours:minutes', as in '12:30'";
    case 31: return "'hours:minutes:seconds', as in '12:30:00'";
    default: return "'minutes:seconds', as in '30:00'";
    }
}

static bool interval_fail_precision(Parser *parser, SqlLiteral *literal, Span span,
                                    const IntervalReader *reader, IntervalUnits units)
{
    const char *unit = sql_unit_name(literal->unit_from);
    Diagnostic *d = parser_error(parser, "WR1021", span,
                                 "interval field value %lld exceeds precision of %s(%d) field",
                                 (long long)reader->leading, unit, literal->leading_precision);
    int32_t digits = 1;
    while (digits < INTERVAL_LEADING_MAX && reader->leading >= interval_power(digits))
        digits++;
    if (reader->leading < interval_power(digits) && units.from == units.to)
        diagnostic_help(d, "say how many digits the field has: INTERVAL '%.*s' %s(%d)",
                        STR_ARGS(literal->text), unit, digits);
    diagnostic_note(d, "the first field of an interval has 2 digits unless given");
    return false;
}

static bool interval_read(Parser *parser, SqlLiteral *literal, Span span, IntervalUnits units)
{
    IntervalReader reader = {.text = str_trim(literal->text)};
    bool is_negative = literal->is_negative;
    if (reader.text.length > 0 && (reader.text.data[0] == '-' || reader.text.data[0] == '+')) {
        is_negative ^= reader.text.data[0] == '-';
        reader.at++;
    }
    interval_take_fields(&reader, units);
    if (reader.is_bad || reader.at != reader.text.length) {
        Diagnostic *d = parser_error(parser, "WR1020", span, "malformed interval");
        diagnostic_label(d, "expected %s", interval_form(units));
        return false;
    }
    if (reader.leading >= interval_power(literal->leading_precision))
        return interval_fail_precision(parser, literal, span, &reader, units);
    if (reader.fraction_digits > literal->fraction_precision) {
        Diagnostic *d =
            parser_error(parser, "WR1021", span, "interval fraction has more than %d digits",
                         literal->fraction_precision);
        diagnostic_note(d, "intervals are counted in milliseconds");
        return false;
    }
    if (units.from->is_months && reader.total > INT32_MAX) {
        parser_error(parser, "WR1021", span, "interval is too long");
        return false;
    }
    literal->interval = is_negative ? -reader.total : reader.total;
    return true;
}

SqlExpr *parse_interval(Parser *parser)
{
    Span start = parser_next(parser)->span;
    SqlExpr *expr = expr_new(parser, SQL_LITERAL, start);
    SqlLiteral *literal = &expr->literal;
    literal->leading_precision = INTERVAL_LEADING_DEFAULT;
    literal->fraction_precision = INTERVAL_FRACTION_DEFAULT;
    literal->is_negative = parser_accept(parser, TOKEN_MINUS);
    if (!literal->is_negative)
        parser_accept(parser, TOKEN_PLUS);
    const Token *value = parser_peek(parser);
    if (value->kind == TOKEN_EXACT) {
        Str text = parser_text(parser, value->span);
        Diagnostic *d =
            parser_error(parser, "WR1020", value->span, "the value of an interval needs quotes");
        const char *quoted = arena_printf(parser->arena, "'%.*s'", STR_ARGS(text));
        diagnostic_help(d, "write INTERVAL %s", quoted);
        diagnostic_fix(d, value->span, quoted);
        return NULL;
    }
    IntervalUnits units = {0};
    Span text_span;
    if (!parser_parse_string(parser, "the interval's value in single quotes", &literal->text,
                             &text_span) ||
        !interval_parse_qualifier(parser, literal, &units) ||
        !interval_read(parser, literal, text_span, units))
        return NULL;
    literal->kind = units.from->is_months ? SQL_INTERVAL_MONTHS : SQL_INTERVAL_MILLIS;
    expr->span = parser_span_from(parser, start);
    return expr;
}
