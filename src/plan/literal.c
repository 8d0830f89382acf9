/* Literals: text to typed constants. */
#include <assert.h>
#include <stdlib.h>

#include "data/decimal.h"
#include "plan/internal.h"
#include "sql/sql.h"

static Expr *literal_make(Planner *planner, const SqlExpr *expr, Value value)
{
    Expr *bound = expr_literal(planner->arena, value);
    bound->span_start = expr->span.start;
    bound->span_end = expr->span.end;
    return bound;
}

static Expr *literal_integer(Planner *planner, const SqlExpr *expr, Type type, int64_t integer)
{
    return literal_make(planner, expr, (Value){.type = type_not_null(type), .integer = integer});
}

static Expr *literal_null(Planner *planner, const SqlExpr *expr, Type type)
{
    return literal_make(planner, expr, (Value){.type = type_nullable(type), .is_null = true});
}

static Expr *literal_out_of_range(Planner *planner, const SqlExpr *expr, Str text)
{
    Diagnostic *d =
        REPORT(planner, "WR2051", expr->span, "number %.*s is out of range", STR_ARGS(text));
    diagnostic_help(
        d, "numbers in SQL text have 64 bits, points left out: write a larger one as text, "
           "CAST('…' AS DECIMAL(38, 0)), or as a DOUBLE, 1.5E40");
    return expr_poison(planner->arena);
}

/* 12: INT or BIGINT as it fits; 12.50: DECIMAL(4, 2). `text` is the literal's, perhaps with a sign.
 */
static Expr *literal_exact(Planner *planner, const SqlExpr *expr, Str text)
{
    const SqlLiteral *literal = &expr->literal;
    int64_t integer;
    if (str_has_suffix(text, STR(".")))
        text.length--;
    if (literal->scale == 0 && str_parse_int64(text, &integer)) {
        bool is_int = integer <= INT32_MAX && integer >= INT32_MIN;
        return literal_integer(planner, expr, type_simple(is_int ? TYPE_INT : TYPE_BIGINT),
                               integer);
    }
    int32_t precision = literal->precision;
    Int128 wide = 0;
    bool is_overflow = false;
    if (precision > DECIMAL_PRECISION_MAX ||
        !decimal_parse(text, precision, literal->scale, &wide, &is_overflow) ||
        wide > (Int128)INT64_MAX || wide < (Int128)INT64_MIN)
        return literal_out_of_range(planner, expr, text);
    Type type = type_not_null(type_decimal(precision, literal->scale));
    return literal_make(planner, expr, (Value){.type = type, .wide = wide});
}

static Expr *literal_double(Planner *planner, const SqlExpr *expr)
{
    const char *text = str_terminated(planner->arena, expr->literal.text);
    Type type = type_not_null(type_simple(TYPE_DOUBLE));
    return literal_make(planner, expr, (Value){.type = type, .real = strtod(text, NULL)});
}

static Expr *literal_bad_time(Planner *planner, const SqlExpr *expr, const char *what,
                              const char *form)
{
    Diagnostic *d = REPORT(planner, "WR2052", expr->span, "'%.*s' is not a %s",
                           STR_ARGS(expr->literal.text), what);
    diagnostic_help(d, "write it as %s", form);
    return expr_poison(planner->arena);
}

static Expr *literal_timestamp(Planner *planner, const SqlExpr *expr)
{
    const SqlLiteral *literal = &expr->literal;
    int32_t precision = literal->precision > 9 ? 9 : literal->precision;
    Type type = type_not_null(type_timestamp(precision));
    Timestamp micros = 0;
    __int128 nanos = 0;
    bool is_parsed = precision <= 6 ? timestamp_parse(literal->text, ' ', &micros)
                                    : timestamp_parse_nanos(literal->text, ' ', &nanos);
    if (!is_parsed)
        return literal_bad_time(planner, expr, "timestamp", "TIMESTAMP '2024-01-31 12:00:00'");
    if (precision <= 6)
        return literal_integer(planner, expr, type, micros);
    return literal_make(planner, expr, (Value){.type = type, .wide = nanos});
}

static Expr *literal_time(Planner *planner, const SqlExpr *expr)
{
    const SqlLiteral *literal = &expr->literal;
    int32_t value = 0;
    if (literal->kind == SQL_DATE) {
        if (!date_parse(literal->text, &value))
            return literal_bad_time(planner, expr, "date", "DATE '2024-01-31'");
        return literal_integer(planner, expr, type_simple(TYPE_DATE), value);
    }
    if (!time_parse(literal->text, &value))
        return literal_bad_time(planner, expr, "time of day", "TIME '12:00:00'");
    Type type = type_simple(TYPE_TIME);
    type.precision = literal->precision > 3 ? 3 : literal->precision;
    return literal_integer(planner, expr, type, value);
}

static Expr *literal_text(Planner *planner, const SqlExpr *expr)
{
    const SqlLiteral *literal = &expr->literal;
    /* Flink types '' as CHAR(0); the shortest length a column can have is 1. */
    int32_t length = literal->precision < 1 ? 1 : literal->precision;
    Type type = type_char(length);
    if (literal->kind == SQL_BINARY_STRING) {
        type = type_simple(TYPE_BINARY);
        type.precision = length;
    } else if (literal->precision < 1) {
        type = type_varchar(1);
    }
    return literal_make(planner, expr, (Value){.type = type_not_null(type), .text = literal->text});
}

Expr *bind_literal(Planner *planner, const SqlExpr *expr)
{
    assert(expr->kind == SQL_LITERAL);
    const SqlLiteral *literal = &expr->literal;
    switch (literal->kind) {
    case SQL_NULL: return literal_null(planner, expr, type_simple(TYPE_NULL));
    case SQL_BOOLEAN:
        return literal_integer(planner, expr, type_simple(TYPE_BOOLEAN), literal->boolean);
    case SQL_UNKNOWN: return literal_null(planner, expr, type_simple(TYPE_BOOLEAN));
    case SQL_EXACT: return literal_exact(planner, expr, literal->text);
    case SQL_DOUBLE: return literal_double(planner, expr);
    case SQL_STRING:
    case SQL_BINARY_STRING: return literal_text(planner, expr);
    case SQL_DATE:
    case SQL_TIME: return literal_time(planner, expr);
    case SQL_TIMESTAMP: return literal_timestamp(planner, expr);
    case SQL_INTERVAL_MONTHS:
        return literal_integer(planner, expr, type_simple(TYPE_INTERVAL_MONTHS), literal->interval);
    case SQL_INTERVAL_MILLIS:
        return literal_integer(planner, expr, type_simple(TYPE_INTERVAL_MILLIS), literal->interval);
    }
    return expr_poison(planner->arena);
}

Expr *bind_negative(Planner *planner, const SqlExpr *number)
{
    assert(number->kind == SQL_LITERAL && number->literal.kind == SQL_EXACT);
    const char *text = arena_printf(planner->arena, "-%.*s", STR_ARGS(number->literal.text));
    return literal_exact(planner, number, str_from(text));
}
