/* Between dates and texts or seconds: DATE_FORMAT, TO_DATE, TO_TIMESTAMP and their kind. */
#include "expr/cast/cast.h"
#include "expr/datepattern.h"
#include "expr/functions/calendar.h"

#define DEFAULT_PATTERN STR("yyyy-MM-dd HH:mm:ss")

/* 0000-01-01 and 10000-01-01: what TO_TIMESTAMP_LTZ holds. */
static const Timestamp LTZ_MIN = -62167219200000000;
static const Timestamp LTZ_END = 253402300800000000;

/* ---- Patterns -------------------------------------------------------------------------- */

/* The patterns of a call: ready, or compiled when the text changes. */
typedef struct DatePatterns {
    Call *call;
    int32_t arg; /* -1: none was given */
    DatePattern *pattern;
    Str last;
    bool has_last;
} DatePatterns;

/* Compiled at once where it is a literal. */
static void *pattern_prepare(Arena *arena, const Expr *call)
{
    const Expr *last = call->arg_count > 1 ? call->args[call->arg_count - 1] : NULL;
    if (last == NULL)
        return datepattern_compile(arena, DEFAULT_PATTERN);
    if (last->kind != EXPR_LITERAL || last->literal.is_null)
        return NULL;
    return datepattern_compile(arena, last->literal.text);
}

static DatePatterns patterns_of(Call *call)
{
    int32_t count = call->node->arg_count;
    return (DatePatterns){
        .call = call, .arg = count > 1 ? count - 1 : -1, .pattern = call->prepared};
}

static const DatePattern *patterns_at(DatePatterns *patterns, int32_t row)
{
    Call *call = patterns->call;
    if (call->prepared != NULL || patterns->arg < 0)
        return patterns->pattern;
    StrArg texts = call_str_arg(call, patterns->arg);
    Str text = str_arg(&texts, row);
    if (!patterns->has_last || !str_equal(text, patterns->last)) {
        patterns->pattern = datepattern_compile(call->eval->scratch, text);
        patterns->last = text;
        patterns->has_last = true;
    }
    return patterns->pattern;
}

static void reject_pattern(Call *call, int32_t row)
{
    call_reject(call, row, "WR4107", "the pattern of %s is not valid",
                call->node->expr->function->info.name);
}

static void format_texts(Call *call);

/* ---- DATE_FORMAT, FROM_UNIXTIME -------------------------------------------------------- */

/* Prints one moment behind the other, of which many print alike: a third of what it cost to group
 * by day was the printing of the day. */
typedef struct Printer {
    Buffer buffer;
    const DatePattern *pattern; /* by which was printed last; NULL: nothing was */
    uint64_t first, length_us;  /* of the wall clock, for so long it prints as `view` */
    int32_t offset_s;
    StrView view;
} Printer;

static void printer_print(Printer *printer, Call *call, int32_t row, const DatePattern *pattern,
                          Timestamp utc, const TimeZone *zone)
{
    int32_t offset_s = timezone_offset_at(zone, utc);
    Timestamp local = utc + (int64_t)offset_s * MICROS_PER_SECOND;
    bool is_as_before = pattern == printer->pattern && offset_s == printer->offset_s &&
                        (uint64_t)local - printer->first < printer->length_us;
    if (is_as_before) {
        call_set_view(call, row, printer->view);
        return;
    }
    printer->buffer.length = 0;
    datepattern_print(&printer->buffer, pattern, local, zone, offset_s);
    call_set_copy(call, row, buffer_str(&printer->buffer));
    int64_t step_us = datepattern_step_us(pattern);
    printer->pattern = pattern;
    printer->first = (uint64_t)local - (uint64_t)floor_mod(local, step_us);
    printer->length_us = (uint64_t)step_us;
    printer->offset_s = offset_s;
    printer->view = ((const StrView *)call->out.values)[row];
}

static void format_kernel(Call *call)
{
    if (type_is_text(call->node->expr->args[0]->type)) {
        format_texts(call);
        return;
    }
    DatePatterns patterns = patterns_of(call);
    MomentArg moments = call_moment_arg(call, 0);
    const TimeZone *zone = moments.zone != NULL ? moments.zone : timezone_utc();
    Printer printer = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        const DatePattern *pattern = patterns_at(&patterns, row);
        if (pattern == NULL)
            reject_pattern(call, row);
        else
            printer_print(&printer, call, row, pattern, moment_utc(&moments, row), zone);
    }
    buffer_free(&printer.buffer);
}

static void from_unixtime_kernel(Call *call)
{
    DatePatterns patterns = patterns_of(call);
    IntArg seconds = call_int_arg(call, 0);
    const TimeZone *zone = eval_zone(call->eval);
    Printer printer = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        const DatePattern *pattern = patterns_at(&patterns, row);
        int64_t at = int_arg(&seconds, row);
        bool is_far = at > LTZ_END / MICROS_PER_SECOND || at < -LTZ_END / MICROS_PER_SECOND;
        if (pattern == NULL || is_far) {
            call_set_null(call, row);
            continue;
        }
        printer_print(&printer, call, row, pattern, at * MICROS_PER_SECOND, zone);
    }
    buffer_free(&printer.buffer);
}

static Status bind_date_format(Binding *binding)
{
    Type type = binding->args[0]->type;
    if (!type_is_text(binding->args[1]->type))
        return binding_refuse(binding);
    if (!type_is_text(type))
        TRY(binding_moment(binding, 0));
    if (binding->args[0]->type.id == TYPE_TIME)
        return binding_refuse(binding);
    const Expr *pattern = binding->args[1];
    bool is_literal = pattern->kind == EXPR_LITERAL && !pattern->literal.is_null;
    if (is_literal && datepattern_compile(binding->arena, pattern->literal.text) == NULL)
        return binding_fail(binding, 1, "WR2306", "'%.*s' is not a pattern of dates",
                            STR_ARGS(pattern->literal.text));
    binding->result = type_string();
    binding->result.is_nullable = type_is_text(type) || binding_any_nullable(binding);
    return OK;
}

/* ---- Reading --------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool take_field(Str *text, char before, int32_t most, int32_t *out)
{
    if (before != 0) {
        if (text->length == 0 || text->data[0] != before)
            return false;
        *text = str_make(text->data + 1, text->length - 1);
    }
    int32_t count = 0;
    *out = 0;
    while (count < most && count < text->length && is_digit(text->data[count]))
        *out = *out * 10 + (text->data[count++] - '0');
    *text = str_make(text->data + count, text->length - count);
    return count > 0;
}

/* yyyy-M-d[ H:m:s[.f…]], as java.sql.Timestamp and Date read it: a day behind the end of its month
 * is one of the next. */
static bool read_plain(Str text, ParsedDate *out)
{
    CivilTime civil = {0};
    int32_t day = 0, before = (int32_t)text.length;
    *out = (ParsedDate){0};
    if (!take_field(&text, 0, 4, &civil.year) || before - text.length != 4 ||
        !take_field(&text, '-', 2, &civil.month) || !take_field(&text, '-', 2, &day) ||
        civil.month < 1 || civil.month > 12 || day < 1 || day > 31)
        return false;
    if (text.length > 0) {
        if (!take_field(&text, ' ', 2, &civil.hour) || !take_field(&text, ':', 2, &civil.minute) ||
            !take_field(&text, ':', 2, &civil.second))
            return false;
    }
    if (text.length > 1 && text.data[0] == '.') {
        int32_t unit = 100000000;
        int64_t i = 1;
        for (; i < text.length && is_digit(text.data[i]); i++, unit /= 10)
            civil.nanosecond += (text.data[i] - '0') * unit;
        if (unit == 0 && i > 10)
            return false;
        text = str_make(text.data + i, text.length - i);
    }
    civil.day = 1;
    out->local = micros_from_civil(&civil) + (day - 1) * MICROS_PER_DAY;
    return text.length == 0;
}

/* TO_TIMESTAMP: by the pattern, else in the plain form. */
static bool read_strict(DatePatterns *patterns, Str text, int32_t row, ParsedDate *out)
{
    const DatePattern *pattern = patterns_at(patterns, row);
    return pattern != NULL &&
           (datepattern_parse(pattern, text, out) || read_plain(str_trim(text), out));
}

/* DATE_FORMAT of a text, TO_DATE by a pattern, UNIX_TIMESTAMP. */
static bool read_lenient(DatePatterns *patterns, Str text, int32_t row, ParsedDate *out)
{
    const DatePattern *pattern = patterns_at(patterns, row);
    return pattern != NULL && datepattern_parse_lenient(pattern, text, out);
}

static void to_date_kernel(Call *call)
{
    DatePatterns patterns = patterns_of(call);
    StrArg texts = call_str_arg(call, 0);
    int32_t *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Str text = str_arg(&texts, row);
        ParsedDate parsed;
        if (patterns.arg < 0 && text_to_date(str_trim(text), &out[row]))
            continue;
        if (patterns.arg >= 0 && read_lenient(&patterns, text, row, &parsed))
            out[row] = (int32_t)floor_div(parsed.local, MICROS_PER_DAY);
        else
            call_set_null(call, row);
    }
}

static void to_timestamp_kernel(Call *call)
{
    DatePatterns patterns = patterns_of(call);
    StrArg texts = call_str_arg(call, 0);
    int64_t *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        ParsedDate parsed;
        if (read_strict(&patterns, str_arg(&texts, row), row, &parsed))
            out[row] = parsed.local - floor_mod(parsed.local, MICROS_PER_MILLI);
        else
            call_set_null(call, row);
    }
}

static Status bind_to_timestamp(Binding *binding)
{
    for (int32_t i = 0; i < binding->arg_count; i++) {
        Type type = binding->args[i]->type;
        if (type.id == TYPE_NULL)
            binding_cast(binding, i, type_string());
        else if (!type_is_text(type))
            return binding_refuse(binding);
    }
    binding->result = type_timestamp(3);
    return OK;
}

/* INT64_MIN for what cannot be read, as Flink has it. */
static void unix_timestamp_kernel(Call *call)
{
    int64_t *out = call->out.values;
    if (call->node->arg_count == 0) {
        out[0] = floor_div(world_now_us(call->eval->context->world), MICROS_PER_SECOND);
        return;
    }
    DatePatterns patterns = patterns_of(call);
    StrArg texts = call_str_arg(call, 0);
    const TimeZone *zone = eval_zone(call->eval);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        ParsedDate parsed;
        if (!read_lenient(&patterns, str_arg(&texts, row), row, &parsed)) {
            out[row] = INT64_MIN;
            continue;
        }
        Timestamp utc = parsed.has_offset
                            ? parsed.local - (int64_t)parsed.offset_s * MICROS_PER_SECOND
                            : timezone_to_utc(zone, parsed.local);
        out[row] = floor_div(utc, MICROS_PER_SECOND);
    }
}

/* A text that DATE_FORMAT is given is read as yyyy-MM-dd HH:mm:ss first. */
static void format_texts(Call *call)
{
    DatePatterns patterns = patterns_of(call);
    StrArg texts = call_str_arg(call, 0);
    const TimeZone *zone = eval_zone(call->eval);
    const DatePattern *plain = datepattern_compile(call->eval->scratch, DEFAULT_PATTERN);
    Buffer buffer = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        const DatePattern *pattern = patterns_at(&patterns, row);
        ParsedDate parsed;
        if (pattern == NULL || !datepattern_parse_lenient(plain, str_arg(&texts, row), &parsed)) {
            call_set_null(call, row);
            continue;
        }
        int32_t offset_s = timezone_offset_at(zone, timezone_to_utc(zone, parsed.local));
        buffer.length = 0;
        datepattern_print(&buffer, pattern, parsed.local, zone, offset_s);
        call_set_copy(call, row, buffer_str(&buffer));
    }
    buffer_free(&buffer);
}

/* ---- TO_TIMESTAMP_LTZ, CONVERT_TZ ------------------------------------------------------ */

static void to_timestamp_ltz_kernel(Call *call)
{
    IntArg numbers = call_int_arg(call, 0);
    int64_t unit =
        call->node->expr->args[1]->literal.integer == 0 ? MICROS_PER_SECOND : MICROS_PER_MILLI;
    int64_t *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        int64_t number = int_arg(&numbers, row);
        if (number < LTZ_MIN / unit || number >= LTZ_END / unit)
            call_set_null(call, row);
        else
            out[row] = number * unit;
    }
}

/* Of a real number the fraction counts, down to a millisecond. */
static void real_to_timestamp_ltz_kernel(Call *call)
{
    DoubleArg numbers = call_double_arg(call, 0);
    double unit = call->node->expr->args[1]->literal.integer == 0 ? 1000 : 1;
    int64_t *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        double millis = double_arg(&numbers, row) * unit;
        if (millis >= (double)(LTZ_MIN / MICROS_PER_MILLI) &&
            millis < (double)(LTZ_END / MICROS_PER_MILLI))
            out[row] = (int64_t)millis * MICROS_PER_MILLI;
        else
            call_set_null(call, row);
    }
}

static Kernel resolve_to_timestamp_ltz(const Expr *call)
{
    return call->args[0]->type.id == TYPE_DOUBLE ? real_to_timestamp_ltz_kernel
                                                 : to_timestamp_ltz_kernel;
}

static Status bind_to_timestamp_ltz(Binding *binding)
{
    const Expr *digits = binding->args[1];
    Type type = binding->args[0]->type;
    if (type.id != TYPE_NULL && !type_is_numeric(type))
        return binding_refuse(binding);
    bool is_literal =
        digits->kind == EXPR_LITERAL && type_is_integer(digits->type) && !digits->literal.is_null;
    if (!is_literal || (digits->literal.integer != 0 && digits->literal.integer != 3))
        return binding_fail(binding, 1, "WR2306",
                            "the precision must be 0 for seconds or 3 for milliseconds");
    bool is_real = type.id == TYPE_FLOAT || type.id == TYPE_DOUBLE;
    binding_cast(binding, 0, type_simple(is_real ? TYPE_DOUBLE : TYPE_BIGINT));
    binding->result = type_timestamp_ltz(3);
    return OK;
}

/* A zone by name, remembering the last. */
typedef struct ZoneCache {
    Str name;
    const TimeZone *zone;
    bool has_name;
} ZoneCache;

static const TimeZone *zone_at(ZoneCache *cache, World *world, Str name)
{
    if (!cache->has_name || !str_equal(name, cache->name)) {
        cache->name = name;
        cache->has_name = true;
        if (timezone_find(world, name, &cache->zone, NULL) != OK)
            cache->zone = NULL;
    }
    return cache->zone;
}

static void convert_tz_kernel(Call *call)
{
    StrArg texts = call_str_arg(call, 0);
    StrArg froms = call_str_arg(call, 1);
    StrArg tos = call_str_arg(call, 2);
    World *world = call->eval->context->world;
    ZoneCache from = {0}, to = {0};
    Buffer buffer = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        const TimeZone *from_zone = zone_at(&from, world, str_arg(&froms, row));
        const TimeZone *to_zone = zone_at(&to, world, str_arg(&tos, row));
        ParsedDate parsed;
        if (from_zone == NULL || to_zone == NULL || !read_plain(str_arg(&texts, row), &parsed)) {
            call_set_null(call, row);
            continue;
        }
        Timestamp utc = timezone_to_utc(from_zone, parsed.local);
        buffer.length = 0;
        timestamp_print(&buffer, timezone_to_local(to_zone, utc), 0, ' ');
        call_set_copy(call, row, buffer_str(&buffer));
    }
    buffer_free(&buffer);
}

static const Function functions[] = {
    {.info = {"DATE_FORMAT", "temporal", "DATE_FORMAT(t, pattern STRING) -> STRING",
              "a date or timestamp by a pattern such as 'yyyy-MM-dd HH:mm'", false},
     .types = "xs>s",
     .bind = bind_date_format,
     .kernel = format_kernel,
     .prepare = pattern_prepare,
     .flags = FUNCTION_ZONE | FUNCTION_COSTLY | FUNCTION_FALLIBLE},
    {.info = {"FROM_UNIXTIME", "temporal",
              "FROM_UNIXTIME(seconds BIGINT [, pattern STRING]) -> STRING",
              "seconds since 1970 as text, in the session's zone", false},
     .types = "i?s>s!",
     .kernel = from_unixtime_kernel,
     .prepare = pattern_prepare,
     .flags = FUNCTION_ZONE | FUNCTION_LOCAL | FUNCTION_COSTLY},
    {.info = {"TO_DATE", "temporal", "TO_DATE(s STRING [, pattern STRING]) -> DATE",
              "a text as a date; NULL if it is none", false},
     .types = "s?s>D!",
     .kernel = to_date_kernel,
     .prepare = pattern_prepare,
     .flags = FUNCTION_COSTLY},
    {.info = {"TO_TIMESTAMP", "temporal",
              "TO_TIMESTAMP(s STRING [, pattern STRING]) -> TIMESTAMP(3)",
              "a text as a timestamp; NULL if it is none", false},
     .types = "s?s>x",
     .bind = bind_to_timestamp,
     .kernel = to_timestamp_kernel,
     .prepare = pattern_prepare,
     .flags = FUNCTION_COSTLY},
    {.info = {"UNIX_TIMESTAMP", "temporal",
              "UNIX_TIMESTAMP([s STRING [, pattern STRING]]) -> BIGINT",
              "seconds since 1970, now or of a text in the session's zone", false},
     .types = "?ss>L",
     .kernel = unix_timestamp_kernel,
     .prepare = pattern_prepare,
     .flags = FUNCTION_ZONE | FUNCTION_LOCAL | FUNCTION_CLOCK | FUNCTION_COSTLY},
    {.info = {"TO_TIMESTAMP_LTZ", "temporal",
              "TO_TIMESTAMP_LTZ(n BIGINT, p INT) -> TIMESTAMP_LTZ(3)",
              "seconds (p = 0) or milliseconds (p = 3) since 1970 as an instant", false},
     .types = "xx>x",
     .bind = bind_to_timestamp_ltz,
     .resolve = resolve_to_timestamp_ltz},
    {.info = {"CONVERT_TZ", "temporal", "CONVERT_TZ(s STRING, from STRING, to STRING) -> STRING",
              "a wall clock time of one zone in another; NULL if it is none", false},
     .types = "sss>s!",
     .kernel = convert_tz_kernel,
     .flags = FUNCTION_ZONE | FUNCTION_COSTLY},
};

const FunctionFamily temporal_family = {functions, FUNCTION_COUNT(functions)};
