/* Fields of dates and times: EXTRACT and its short forms, FLOOR and CEIL TO, TIMESTAMPADD and
 * TIMESTAMPDIFF. Instants are looked at in the session's time zone. */
#include "expr/functions/calendar.h"

#include "expr/cast/cast.h"

static const int64_t MICROS_PER_MINUTE = (int64_t)60 * MICROS_PER_SECOND;
static const int64_t MICROS_PER_HOUR = (int64_t)3600 * MICROS_PER_SECOND;
enum { DAYS_PER_WEEK = 7, MONTHS_PER_YEAR = 12, MONTHS_PER_QUARTER = 3 };

/* ---- Units ----------------------------------------------------------------------------- */

CalendarUnit calendar_unit(Str name)
{
    static const struct {
        const char *name;
        CalendarUnit unit;
    } units[] = {
        {"NANOSECOND", UNIT_NANOSECOND},
        {"MICROSECOND", UNIT_MICROSECOND},
        {"MILLISECOND", UNIT_MILLISECOND},
        {"SECOND", UNIT_SECOND},
        {"MINUTE", UNIT_MINUTE},
        {"HOUR", UNIT_HOUR},
        {"DAY", UNIT_DAY},
        {"DAYOFMONTH", UNIT_DAY},
        {"WEEK", UNIT_WEEK},
        {"MONTH", UNIT_MONTH},
        {"QUARTER", UNIT_QUARTER},
        {"YEAR", UNIT_YEAR},
        {"DECADE", UNIT_DECADE},
        {"CENTURY", UNIT_CENTURY},
        {"MILLENNIUM", UNIT_MILLENNIUM},
        {"EPOCH", UNIT_EPOCH},
        {"DOW", UNIT_DOW},
        {"DAYOFWEEK", UNIT_DOW},
        {"ISODOW", UNIT_ISODOW},
        {"DOY", UNIT_DOY},
        {"DAYOFYEAR", UNIT_DOY},
        {"ISOYEAR", UNIT_ISOYEAR},
    };
    if (name.length > 8 && str_equal_ignoring_case(str_make(name.data, 8), STR("SQL_TSI_")))
        name = str_make(name.data + 8, name.length - 8);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (str_equal_ignoring_case(name, str_from(units[i].name)))
            return units[i].unit;
    return UNIT_COUNT;
}

int64_t unit_micros(CalendarUnit unit)
{
    switch ((int)unit) {
    case UNIT_MICROSECOND: return 1;
    case UNIT_MILLISECOND: return MICROS_PER_MILLI;
    case UNIT_SECOND: return MICROS_PER_SECOND;
    case UNIT_MINUTE: return MICROS_PER_MINUTE;
    case UNIT_HOUR: return MICROS_PER_HOUR;
    case UNIT_DAY: return MICROS_PER_DAY;
    case UNIT_WEEK: return DAYS_PER_WEEK * MICROS_PER_DAY;
    default: return 0;
    }
}

/* Months of a unit from MONTH on. */
static int32_t unit_months(CalendarUnit unit)
{
    switch ((int)unit) {
    case UNIT_MONTH: return 1;
    case UNIT_QUARTER: return MONTHS_PER_QUARTER;
    case UNIT_YEAR: return MONTHS_PER_YEAR;
    case UNIT_DECADE: return 10 * MONTHS_PER_YEAR;
    case UNIT_CENTURY: return 100 * MONTHS_PER_YEAR;
    case UNIT_MILLENNIUM: return 1000 * MONTHS_PER_YEAR;
    default: return 0;
    }
}

Status binding_unit(Binding *binding, int32_t index, CalendarUnit *unit)
{
    const Expr *arg = binding->args[index];
    const char *name = binding->function->info.name;
    if (arg->kind != EXPR_LITERAL || !type_is_text(arg->type) || arg->literal.is_null)
        return binding_fail(binding, index, "WR2306", "the unit of `%s` must be a word", name);
    *unit = calendar_unit(arg->literal.text);
    if (*unit == UNIT_COUNT)
        return binding_fail(binding, index, "WR2306", "`%.*s` is not a unit of time",
                            STR_ARGS(arg->literal.text));
    return OK;
}

static CalendarUnit call_unit(const Call *call, int32_t index)
{
    return calendar_unit(call->node->expr->args[index]->literal.text);
}

/* ---- Moments --------------------------------------------------------------------------- */

Status binding_moment(Binding *binding, int32_t index)
{
    Type type = binding->args[index]->type;
    if (type.id == TYPE_NULL)
        binding_cast(binding, index, type_timestamp(3));
    else if (type_is_timestamp(type) && type.precision > 6)
        binding_cast(binding, index,
                     type.id == TYPE_TIMESTAMP ? type_timestamp(6) : type_timestamp_ltz(6));
    else if (type.id != TYPE_DATE && type.id != TYPE_TIME && !type_is_timestamp(type))
        return binding_refuse(binding);
    return OK;
}

MomentArg call_moment_arg(const Call *call, int32_t index)
{
    const Column *column = &call->args[index];
    bool is_instant = column->type.id == TYPE_TIMESTAMP_LTZ;
    return (MomentArg){.column = column,
                       .zone = is_instant ? eval_zone(call->eval) : NULL,
                       .stride = column_stride(column)};
}

Timestamp moment_utc(const MomentArg *arg, int32_t row)
{
    int32_t index = row * arg->stride;
    switch ((int)arg->column->type.id) {
    case TYPE_DATE: return ((const int32_t *)arg->column->values)[index] * MICROS_PER_DAY;
    case TYPE_TIME:
        return (int64_t)((const int32_t *)arg->column->values)[index] * MICROS_PER_MILLI;
    default: return ((const int64_t *)arg->column->values)[index];
    }
}

Timestamp moment_arg(const MomentArg *arg, int32_t row)
{
    Timestamp utc = moment_utc(arg, row);
    return arg->zone == NULL ? utc : timezone_to_local(arg->zone, utc);
}

void moment_put(const MomentArg *arg, Column *out, int32_t row, Timestamp local)
{
    switch ((int)arg->column->type.id) {
    case TYPE_DATE:
        ((int32_t *)out->values)[row] = (int32_t)floor_div(local, MICROS_PER_DAY);
        break;
    case TYPE_TIME:
        ((int32_t *)out->values)[row] =
            (int32_t)(floor_mod(local, MICROS_PER_DAY) / MICROS_PER_MILLI);
        break;
    default:
        ((int64_t *)out->values)[row] =
            arg->zone == NULL ? local : timezone_to_utc(arg->zone, local);
        break;
    }
}

/* ---- Fields ---------------------------------------------------------------------------- */

int32_t iso_day_of_week(int32_t days)
{
    return (int32_t)floor_mod((int64_t)days + 3, DAYS_PER_WEEK) + 1; /* 1970-01-01: Thursday */
}

int32_t day_of_year(int32_t days)
{
    int32_t year, month, day;
    civil_from_days(days, &year, &month, &day);
    return days - days_from_civil(year, 1, 1) + 1;
}

int32_t iso_week(int32_t days, int32_t *iso_year)
{
    int32_t thursday = days - iso_day_of_week(days) + 4;
    int32_t month, day;
    civil_from_days(thursday, iso_year, &month, &day);
    return (thursday - days_from_civil(*iso_year, 1, 1)) / DAYS_PER_WEEK + 1;
}

static int64_t calendar_field(CalendarUnit unit, Timestamp local)
{
    int32_t days = (int32_t)floor_div(local, MICROS_PER_DAY);
    int32_t year, month, day, iso_year;
    civil_from_days(days, &year, &month, &day);
    switch ((int)unit) {
    case UNIT_DAY: return day;
    case UNIT_MONTH: return month;
    case UNIT_QUARTER: return (month - 1) / MONTHS_PER_QUARTER + 1;
    case UNIT_YEAR: return year;
    case UNIT_DECADE: return floor_div(year, 10);
    case UNIT_CENTURY: return year > 0 ? (year + 99) / 100 : (year - 100) / 100;
    case UNIT_MILLENNIUM: return year > 0 ? (year + 999) / 1000 : (year - 1000) / 1000;
    case UNIT_WEEK: return iso_week(days, &iso_year);
    case UNIT_DOW: return iso_day_of_week(days) % DAYS_PER_WEEK + 1;
    case UNIT_ISODOW: return iso_day_of_week(days);
    case UNIT_DOY: return day_of_year(days);
    default:
        assert(unit == UNIT_ISOYEAR);
        (void)iso_week(days, &iso_year);
        return iso_year;
    }
}

/* Of the units below a day: how many there are in the next longer one. */
static int64_t clock_modulus(CalendarUnit unit)
{
    switch ((int)unit) {
    case UNIT_HOUR: return 24;
    case UNIT_MINUTE:
    case UNIT_SECOND: return 60;
    case UNIT_MILLISECOND: return 1000;
    default: return 1000000;
    }
}

static void extract_kernel(Call *call)
{
    CalendarUnit unit = call_unit(call, 0);
    MomentArg moments = call_moment_arg(call, 1);
    int64_t *out = call->out.values;
    int64_t micros = unit == UNIT_NANOSECOND ? 1 : unit_micros(unit);
    int64_t modulus = clock_modulus(unit);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        if (unit == UNIT_EPOCH)
            out[row] = floor_div(moment_utc(&moments, row), MICROS_PER_SECOND);
        else if (unit < UNIT_DAY)
            out[row] = floor_mod(floor_div(moment_arg(&moments, row), micros), modulus);
        else
            out[row] = calendar_field(unit, moment_arg(&moments, row));
        if (unit == UNIT_NANOSECOND)
            out[row] *= 1000;
    }
}

static Status bind_extract(Binding *binding)
{
    CalendarUnit unit;
    TRY(binding_unit(binding, 0, &unit));
    TRY(binding_moment(binding, 1));
    if (binding->args[1]->type.id == TYPE_TIME && unit >= UNIT_DAY)
        return binding_fail(binding, 0, "WR2306", "a TIME has no such unit");
    binding->result = type_simple(TYPE_BIGINT);
    binding->result.is_nullable = binding->args[1]->type.is_nullable;
    return OK;
}

/* YEAR(t) and its like. */
static Status bind_short_extract(Binding *binding)
{
    Str unit = str_from(binding->function->info.name);
    Value value = {.text = unit};
    value.type = type_not_null(type_char((int32_t)unit.length));
    Expr *args[] = {expr_literal(binding->arena, value), binding->args[0]};
    return bind_named(binding->arena, "EXTRACT", args, 2, &binding->rewritten, binding->error);
}

/* ---- FLOOR, CEIL ----------------------------------------------------------------------- */

/* The start of the unit that holds the moment. Weeks start on Sunday, centuries in a year 1. */
static Timestamp calendar_floor(CalendarUnit unit, Timestamp local)
{
    if (unit == UNIT_WEEK) {
        int32_t days = (int32_t)floor_div(local, MICROS_PER_DAY);
        return (days - iso_day_of_week(days) % DAYS_PER_WEEK) * MICROS_PER_DAY;
    }
    int64_t micros = unit_micros(unit);
    if (micros > 0)
        return local - floor_mod(local, micros);
    int32_t year, month, day;
    civil_from_days((int32_t)floor_div(local, MICROS_PER_DAY), &year, &month, &day);
    int32_t first = unit == UNIT_CENTURY || unit == UNIT_MILLENNIUM ? 1 : 0;
    int32_t span = unit_months(unit) / MONTHS_PER_YEAR;
    if (unit == UNIT_QUARTER)
        month = (month - 1) / MONTHS_PER_QUARTER * MONTHS_PER_QUARTER + 1;
    else if (unit != UNIT_MONTH)
        month = 1;
    if (span > 1)
        year = (int32_t)(floor_div(year - first, span) * span + first);
    return days_from_civil(year, month, 1) * MICROS_PER_DAY;
}

static Timestamp calendar_ceil(CalendarUnit unit, Timestamp local)
{
    Timestamp start = calendar_floor(unit, local);
    if (start == local)
        return local;
    int64_t micros = unit_micros(unit);
    return micros > 0 ? start + micros : timestamp_add_months(start, unit_months(unit));
}

void calendar_edge_kernel(Call *call)
{
    CalendarUnit unit = call_unit(call, 1);
    MomentArg moments = call_moment_arg(call, 0);
    bool is_floor = call->node->expr->function->info.name[0] == 'F';
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Timestamp local = moment_arg(&moments, row);
        moment_put(&moments, &call->out, row,
                   is_floor ? calendar_floor(unit, local) : calendar_ceil(unit, local));
    }
}

Status bind_calendar_edge(Binding *binding)
{
    CalendarUnit unit;
    TRY(binding_unit(binding, 1, &unit));
    TRY(binding_moment(binding, 0));
    Type type = binding->args[0]->type;
    bool is_ok = unit >= UNIT_MICROSECOND && unit <= UNIT_MILLENNIUM;
    if (type.id == TYPE_TIME)
        is_ok = is_ok && unit < UNIT_DAY;
    if (!is_ok)
        return binding_fail(binding, 1, "WR2306", "`%s` cannot go to this unit",
                            binding->function->info.name);
    type.time_attribute = TIME_NONE;
    binding->result = type;
    return OK;
}

/* ---- TIMESTAMPADD, TIMESTAMPDIFF ------------------------------------------------------- */

/* t + n * INTERVAL '1' unit. */
static Status bind_timestampadd(Binding *binding)
{
    CalendarUnit unit;
    TRY(binding_unit(binding, 0, &unit));
    Type type = binding->args[2]->type;
    int32_t months = unit_months(unit);
    int64_t millis = unit_micros(unit) / MICROS_PER_MILLI;
    if ((months == 0 && millis == 0) || !type_is_integer(binding->args[1]->type))
        return binding_refuse(binding);
    if (type.id == TYPE_DATE && unit < UNIT_DAY)
        binding_cast(binding, 2, type_timestamp(3));
    Value one = {.integer = months > 0 ? months : millis};
    one.type = type_not_null(type_simple(months > 0 ? TYPE_INTERVAL_MONTHS : TYPE_INTERVAL_MILLIS));
    Expr *product[] = {expr_literal(binding->arena, one), binding->args[1]};
    Expr *sum[] = {binding->args[2], NULL};
    TRY(bind_named(binding->arena, "*", product, 2, &sum[1], binding->error));
    return bind_named(binding->arena, "+", sum, 2, &binding->rewritten, binding->error);
}

/* Whole months from a to b, cut toward zero. */
static int64_t months_between(Timestamp a, Timestamp b)
{
    if (b < a)
        return -months_between(b, a);
    CivilTime from = civil_from_micros(a);
    CivilTime to = civil_from_micros(b);
    int32_t months = (to.year - from.year) * MONTHS_PER_YEAR + to.month - from.month;
    return months - (timestamp_add_months(a, months) > b);
}

static void timestampdiff_kernel(Call *call)
{
    CalendarUnit unit = call_unit(call, 0);
    MomentArg starts = call_moment_arg(call, 1);
    MomentArg ends = call_moment_arg(call, 2);
    int64_t micros = unit_micros(unit);
    int64_t months = unit_months(unit);
    int32_t *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        if (micros > 0)
            out[row] = (int32_t)((moment_utc(&ends, row) - moment_utc(&starts, row)) / micros);
        else
            out[row] = (int32_t)(months_between(moment_arg(&starts, row), moment_arg(&ends, row)) /
                                 months);
    }
}

static Status bind_timestampdiff(Binding *binding)
{
    CalendarUnit unit;
    TRY(binding_unit(binding, 0, &unit));
    if (unit < UNIT_MICROSECOND || unit > UNIT_YEAR)
        return binding_fail(binding, 0, "WR2306", "TIMESTAMPDIFF cannot count this unit");
    Type common;
    for (int32_t i = 1; i < 3; i++)
        TRY(binding_moment(binding, i));
    if (!type_common(binding->arena, binding->args[1]->type, binding->args[2]->type, &common))
        return binding_refuse(binding);
    binding_cast(binding, 1, common);
    binding_cast(binding, 2, common);
    binding->result = type_simple(TYPE_INT);
    binding->result.is_nullable = binding_any_nullable(binding);
    return OK;
}

/* ---- OVERLAPS -------------------------------------------------------------------------- */

/* (start, end or length): the earlier and the later end. */
static Status bind_period(Binding *binding, int32_t first, Expr **low, Expr **high)
{
    Expr *ends[] = {binding->args[first], binding->args[first + 1]};
    Type second = ends[1]->type;
    if (second.id == TYPE_INTERVAL_MONTHS || second.id == TYPE_INTERVAL_MILLIS)
        TRY(bind_named(binding->arena, "+", ends, 2, &ends[1], binding->error));
    TRY(bind_named(binding->arena, "LEAST", ends, 2, low, binding->error));
    return bind_named(binding->arena, "GREATEST", ends, 2, high, binding->error);
}

static Status bind_overlaps(Binding *binding)
{
    Expr *low[2], *high[2], *tests[2];
    TRY(bind_period(binding, 0, &low[0], &high[0]));
    TRY(bind_period(binding, 2, &low[1], &high[1]));
    for (int32_t i = 0; i < 2; i++) {
        Expr *sides[] = {high[i], low[1 - i]};
        TRY(bind_named(binding->arena, ">=", sides, 2, &tests[i], binding->error));
    }
    return bind_named(binding->arena, "AND", tests, 2, &binding->rewritten, binding->error);
}

#define FIELD_ROW(unit, text)                                                                      \
    {                                                                                              \
        .info = {unit, "temporal", unit "(t) -> BIGINT", text, false}, .types = "x>L",             \
        .bind = bind_short_extract                                                                 \
    }

static const Function functions[] = {
    {.info = {"EXTRACT", "temporal", "EXTRACT(unit FROM t) -> BIGINT",
              "a field of a date, time or timestamp; EPOCH is seconds since 1970", false},
     .types = "xx>L",
     .bind = bind_extract,
     .kernel = extract_kernel,
     .flags = FUNCTION_ZONE},
    FIELD_ROW("YEAR", "the year"),
    FIELD_ROW("QUARTER", "the quarter, 1 to 4"),
    FIELD_ROW("MONTH", "the month, 1 to 12"),
    FIELD_ROW("WEEK", "the week of ISO 8601, 1 to 53"),
    FIELD_ROW("DAYOFYEAR", "the day of the year, 1 to 366"),
    FIELD_ROW("DAYOFMONTH", "the day of the month, 1 to 31"),
    FIELD_ROW("DAYOFWEEK", "the day of the week, Sunday is 1"),
    FIELD_ROW("HOUR", "the hour, 0 to 23"),
    FIELD_ROW("MINUTE", "the minute, 0 to 59"),
    FIELD_ROW("SECOND", "the second, 0 to 59"),
    {.info = {"TIMESTAMPADD", "temporal", "TIMESTAMPADD(unit, n INT, t) -> type of t",
              "t and n units more", false},
     .types = "xxx>0",
     .bind = bind_timestampadd},
    {.info = {"TIMESTAMPDIFF", "temporal", "TIMESTAMPDIFF(unit, a, b) -> INT",
              "whole units from a to b", false},
     .types = "xxx>I",
     .bind = bind_timestampdiff,
     .kernel = timestampdiff_kernel,
     .flags = FUNCTION_ZONE},
    {.info = {"OVERLAPS", "temporal", "(a, b) OVERLAPS (c, d) -> BOOLEAN",
              "whether two periods, given by two ends or a start and a length, meet", false},
     .types = "xxxx>B",
     .bind = bind_overlaps},
};

const FunctionFamily calendar_family = {functions, FUNCTION_COUNT(functions)};
