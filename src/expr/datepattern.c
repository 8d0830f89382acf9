/* Patterns of DateTimeFormatter: a list of fields and texts, walked for printing and reading. */
#include "expr/datepattern.h"

#include <assert.h>
#include <stdio.h>

#include "expr/datepattern_parts.h"
#include "expr/functions/calendar.h"

enum { NAMES_BYTES = 3, YEAR_DIGITS_MAX = 9, ZONE_BYTES_MAX = 64 };

static const char LETTERS[] = "GyuYMLdDEeaHhKkmsSnNAQqwWzZXxV";
const char *const MONTHS[] = {"January",   "February", "March",    "April",
                              "May",       "June",     "July",     "August",
                              "September", "October",  "November", "December"};
const char *const DAYS[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                            "Friday", "Saturday", "Sunday"};

/* ---- Compiling ------------------------------------------------------------------------- */

/* The quoted text at the front, '' being a quote; bytes taken, or 0 if it does not end. */
static int64_t take_quoted(Arena *arena, Str pattern, Str *text)
{
    char *bytes = arena_allocate(arena, pattern.length);
    int64_t length = 0;
    for (int64_t i = 1; i < pattern.length; i++) {
        if (pattern.data[i] == '\'') {
            if (i + 1 == pattern.length || pattern.data[i + 1] != '\'') {
                if (i == 1)
                    bytes[length++] = '\''; /* '' outside quotes */
                *text = str_make(bytes, length);
                return i + 1;
            }
            if (i == 1) {
                *text = str_make("'", 1);
                return 2;
            }
            i++;
        }
        bytes[length++] = pattern.data[i];
    }
    return 0;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* How long a field stays what it is. */
static int64_t letter_step_us(char letter)
{
    switch (letter) {
    case 'a':
    case 'h':
    case 'H':
    case 'K':
    case 'k': return 3600 * (int64_t)MICROS_PER_SECOND;
    case 'm': return 60 * (int64_t)MICROS_PER_SECOND;
    case 's': return MICROS_PER_SECOND;
    case 'S':
    case 'n':
    case 'N':
    case 'A': return 1;
    default: return MICROS_PER_DAY;
    }
}

int64_t datepattern_step_us(const DatePattern *pattern)
{
    return pattern->step_us;
}

DatePattern *datepattern_compile(Arena *arena, Str pattern)
{
    DatePattern *compiled = ARENA_NEW(arena, DatePattern);
    compiled->step_us = MICROS_PER_DAY;
    compiled->parts = ARENA_ARRAY(arena, PatternPart, pattern.length + 1);
    for (int64_t i = 0; i < pattern.length;) {
        PatternPart *part = &compiled->parts[compiled->count++];
        char c = pattern.data[i];
        int64_t taken = 1;
        if (c == '\'') {
            taken = take_quoted(arena, str_make(pattern.data + i, pattern.length - i), &part->text);
            if (taken == 0)
                return NULL;
        } else if (is_letter(c)) {
            while (i + taken < pattern.length && pattern.data[i + taken] == c)
                taken++;
            if (strchr(LETTERS, c) == NULL || taken > 19)
                return NULL;
            part->letter = c;
            if (letter_step_us(c) < compiled->step_us)
                compiled->step_us = letter_step_us(c);
            compiled->has_weeks = compiled->has_weeks || c == 'Y' || c == 'w';
            part->count = (int32_t)taken;
        } else if (c == '[' || c == ']' || c == '{' || c == '}' || c == '#') {
            return NULL;
        } else {
            part->text = str_make(pattern.data + i, 1);
        }
        i += taken;
    }
    return compiled;
}

/* ---- Printing -------------------------------------------------------------------------- */

/* The moment with all its fields. */
typedef struct Moment {
    CivilTime civil;
    int32_t days;
    int32_t iso_year, iso_week;
    const TimeZone *zone;
    int32_t offset_s;
} Moment;

static void print_number(Buffer *out, int64_t value, int32_t width)
{
    enum { DIGITS_MAX = 20 };
    if (value < 0 || width >= DIGITS_MAX) {
        buffer_printf(out, "%0*lld", width, (long long)value);
        return;
    }
    char digits[DIGITS_MAX];
    int32_t at = DIGITS_MAX;
    for (; value > 0 || DIGITS_MAX - at < width; value /= 10)
        digits[--at] = (char)('0' + value % 10);
    if (at == DIGITS_MAX)
        digits[--at] = '0';
    buffer_append(out, digits + at, DIGITS_MAX - at);
}

/* One letter for the first three counts: a short name; four: the whole; five: an initial. */
static void print_name(Buffer *out, const char *name, int32_t count)
{
    int64_t length = count == 4 ? (int64_t)strlen(name) : count == 5 ? 1 : NAMES_BYTES;
    buffer_append(out, name, length);
}

static void print_year(Buffer *out, int32_t year, int32_t count)
{
    if (count == 2)
        print_number(out, floor_mod(year, 100), 2);
    else
        print_number(out, year, count);
}

static void print_offset(Buffer *out, int32_t offset_s, char letter, int32_t count)
{
    if (letter == 'X' && offset_s == 0) {
        buffer_append_char(out, 'Z');
        return;
    }
    int32_t minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;
    bool has_colon = count == 3 || count == 5;
    if (letter == 'Z') {
        if (count == 4)
            buffer_append_text(out, "GMT");
        if (count == 4 && offset_s == 0)
            return;
        if (count == 5 && offset_s == 0) {
            buffer_append_char(out, 'Z');
            return;
        }
        has_colon = count >= 4;
    }
    buffer_printf(out, "%c%02d", offset_s < 0 ? '-' : '+', minutes / 60);
    bool is_short = letter != 'Z' && count == 1;
    if (!is_short || minutes % 60 != 0)
        buffer_printf(out, has_colon ? ":%02d" : "%02d", minutes % 60);
}

static void print_fraction(Buffer *out, int32_t nanosecond, int32_t digits)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%09d", nanosecond);
    for (int32_t i = 0; i < digits; i++)
        buffer_append_char(out, i < 9 ? text[i] : '0');
}

static void print_month(Buffer *out, int32_t month, int32_t count)
{
    if (count <= 2)
        print_number(out, month, count);
    else
        print_name(out, MONTHS[month - 1], count);
}

static void print_quarter(Buffer *out, int32_t month, int32_t count)
{
    static const char *const names[] = {"1st", "2nd", "3rd", "4th"};
    int32_t quarter = (month - 1) / 3;
    if (count <= 2)
        print_number(out, quarter + 1, count);
    else if (count == 3)
        buffer_printf(out, "Q%d", quarter + 1);
    else
        buffer_printf(out, "%s quarter", names[quarter]);
}

static void print_day_name(Buffer *out, const Moment *moment, const PatternPart *part)
{
    int32_t weekday = iso_day_of_week(moment->days);
    if (part->letter == 'e' && part->count <= 2)
        print_number(out, weekday, part->count);
    else
        print_name(out, DAYS[weekday - 1], part->count);
}

static int64_t nanos_of_day(const CivilTime *civil)
{
    int64_t seconds = (civil->hour * 60 + civil->minute) * 60 + civil->second;
    return seconds * 1000000000 + civil->nanosecond;
}

static void print_field(Buffer *out, const Moment *moment, const PatternPart *part)
{
    const CivilTime *civil = &moment->civil;
    int32_t count = part->count;
    Str zone = timezone_name(moment->zone);
    switch (part->letter) {
    case 'G': buffer_append_text(out, civil->year > 0 ? "AD" : "BC"); break;
    case 'y': print_year(out, civil->year > 0 ? civil->year : 1 - civil->year, count); break;
    case 'u': print_year(out, civil->year, count); break;
    case 'Y': print_year(out, moment->iso_year, count); break;
    case 'M':
    case 'L': print_month(out, civil->month, count); break;
    case 'd': print_number(out, civil->day, count); break;
    case 'D': print_number(out, day_of_year(moment->days), count); break;
    case 'E':
    case 'e': print_day_name(out, moment, part); break;
    case 'a': buffer_append_text(out, civil->hour < 12 ? "AM" : "PM"); break;
    case 'H': print_number(out, civil->hour, count); break;
    case 'k': print_number(out, civil->hour == 0 ? 24 : civil->hour, count); break;
    case 'K': print_number(out, civil->hour % 12, count); break;
    case 'h': print_number(out, (civil->hour + 11) % 12 + 1, count); break;
    case 'm': print_number(out, civil->minute, count); break;
    case 's': print_number(out, civil->second, count); break;
    case 'S': print_fraction(out, civil->nanosecond, count); break;
    case 'n': print_number(out, civil->nanosecond, count); break;
    case 'N': print_number(out, nanos_of_day(civil), count); break;
    case 'A': print_number(out, nanos_of_day(civil) / 1000000, count); break;
    case 'Q':
    case 'q': print_quarter(out, civil->month, count); break;
    case 'w': print_number(out, moment->iso_week, count); break;
    case 'W': {
        int32_t first = moment->days - civil->day + 1;
        print_number(out, (civil->day + iso_day_of_week(first) - 2) / 7 + 1, count);
        break;
    }
    case 'z':
    case 'V': buffer_append_str(out, zone); break;
    default: print_offset(out, moment->offset_s, part->letter, count); break;
    }
}

void datepattern_print(Buffer *out, const DatePattern *pattern, Timestamp local,
                       const TimeZone *zone, int32_t offset_s)
{
    Moment moment = {.civil = civil_from_micros(local), .zone = zone, .offset_s = offset_s};
    moment.days = (int32_t)floor_div(local, MICROS_PER_DAY);
    if (pattern->has_weeks)
        moment.iso_week = iso_week(moment.days, &moment.iso_year);
    for (int32_t i = 0; i < pattern->count; i++) {
        const PatternPart *part = &pattern->parts[i];
        if (part->letter == 0)
            buffer_append_str(out, part->text);
        else
            print_field(out, &moment, part);
    }
}

/* ---- Reading --------------------------------------------------------------------------- */

/* What has been read; -1: nothing. */
typedef struct Fields {
    int32_t year, month, day, day_of_year;
    int32_t hour, half_hour, half; /* `half_hour` 0 … 11, `half` 1 is PM */
    int32_t minute, second, nanosecond;
    bool has_offset;
    int32_t offset_s;
} Fields;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool take_digits(Str *text, int32_t least, int32_t most, int32_t *out)
{
    int32_t count = 0;
    *out = 0;
    while (count < most && count < text->length && is_digit(text->data[count]))
        *out = *out * 10 + (text->data[count++] - '0');
    *text = str_make(text->data + count, text->length - count);
    return count >= least;
}

static bool is_numeric(const PatternPart *part)
{
    if (part->letter == 0)
        return false;
    return strchr("yuYdDHhKkmsSnNA", part->letter) != NULL ||
           (strchr("MLQqwW", part->letter) != NULL && part->count <= 2);
}

/* Digits of a number field: as many as letters, but one letter takes what there is, and a
 * year of four takes more unless digits of another field follow. */
static bool take_number(Str *text, const PatternPart *part, bool is_adjacent, int32_t *out)
{
    int32_t least = part->count;
    int32_t most = part->count;
    bool is_year = strchr("yuY", part->letter) != NULL;
    if (!is_adjacent && (part->count == 1 || (is_year && part->count > 2)))
        most = is_year || part->letter == 'D' || part->letter == 'n' ? YEAR_DIGITS_MAX : 2;
    if (most > YEAR_DIGITS_MAX)
        return false;
    return take_digits(text, least, most, out);
}

static bool take_fraction(Str *text, int32_t count, int32_t *nanosecond)
{
    *nanosecond = 0;
    for (int32_t i = 0; i < count; i++) {
        if (i >= text->length || !is_digit(text->data[i]))
            return false;
        if (i < 9)
            *nanosecond = *nanosecond * 10 + (text->data[i] - '0');
    }
    for (int32_t i = count; i < 9; i++)
        *nanosecond *= 10;
    *text = str_make(text->data + count, text->length - count);
    return true;
}

/* One of the names, whole or by its first letters; its index, or -1. */
static int32_t take_name(Str *text, const char *const *names, int32_t count, bool is_whole)
{
    for (int32_t i = 0; i < count; i++) {
        Str name = str_from(names[i]);
        if (!is_whole)
            name.length = NAMES_BYTES;
        if (text->length >= name.length &&
            str_equal_ignoring_case(str_make(text->data, name.length), name)) {
            *text = str_make(text->data + name.length, text->length - name.length);
            return i;
        }
    }
    return -1;
}

/* Z, +08, +0800, +08:00. */
static bool take_offset(Str *text, Fields *fields)
{
    if (text->length >= 3 && str_equal(str_make(text->data, 3), STR("GMT")))
        *text = str_make(text->data + 3, text->length - 3);
    fields->has_offset = true;
    if (text->length == 0)
        return true;
    char sign = text->data[0];
    *text = str_make(text->data + 1, text->length - 1);
    if (sign == 'Z')
        return true;
    int32_t hours, minutes = 0;
    if ((sign != '+' && sign != '-') || !take_digits(text, 2, 2, &hours))
        return false;
    if (text->length > 0 && text->data[0] == ':')
        *text = str_make(text->data + 1, text->length - 1);
    if (text->length > 0 && is_digit(text->data[0]) && !take_digits(text, 2, 2, &minutes))
        return false;
    fields->offset_s = (hours * 60 + minutes) * (sign == '-' ? -60 : 60);
    return hours <= 18 && minutes < 60;
}

static bool set_year(Fields *fields, int32_t count, int32_t value)
{
    fields->year = count == 2 ? 2000 + value : value;
    return true;
}

static bool set_hour(Fields *fields, char letter, int32_t value)
{
    switch (letter) {
    case 'H': fields->hour = value; return value < 24;
    case 'k': fields->hour = value % 24; return value >= 1 && value <= 24;
    case 'K': fields->half_hour = value; return value < 12;
    default: fields->half_hour = value % 12; return value >= 1 && value <= 12;
    }
}

static bool set_number(Fields *fields, const PatternPart *part, int32_t value)
{
    switch (part->letter) {
    case 'y':
    case 'u': return set_year(fields, part->count, value);
    case 'M':
    case 'L': fields->month = value; return value >= 1 && value <= 12;
    case 'd': fields->day = value; return value >= 1 && value <= 31;
    case 'D': fields->day_of_year = value; return value >= 1 && value <= 366;
    case 'm': fields->minute = value; return value < 60;
    case 's': fields->second = value; return value < 60;
    case 'n': fields->nanosecond = value; return true;
    case 'H':
    case 'k':
    case 'K':
    case 'h': return set_hour(fields, part->letter, value);
    default: return false; /* weeks and quarters do not make a date alone */
    }
}

static bool take_text_field(Str *text, const PatternPart *part, Fields *fields)
{
    static const char *const halves[] = {"AM", "PM"};
    bool is_whole = part->count == 4;
    switch (part->letter) {
    case 'M':
    case 'L': {
        int32_t month = take_name(text, MONTHS, 12, is_whole);
        fields->month = month + 1;
        return month >= 0;
    }
    case 'E': return take_name(text, DAYS, 7, is_whole) >= 0;
    case 'a': fields->half = take_name(text, halves, 2, true); return fields->half >= 0;
    case 'G':
        if (text->length < 2 || !str_equal(str_make(text->data, 2), STR("AD")))
            return false;
        *text = str_make(text->data + 2, text->length - 2);
        return true;
    case 'Z':
    case 'X':
    case 'x': return take_offset(text, fields);
    default: return false;
    }
}

static bool take_part(Str *text, const PatternPart *part, bool is_adjacent, Fields *fields)
{
    if (part->letter == 0) {
        if (!str_has_prefix(*text, part->text))
            return false;
        *text = str_make(text->data + part->text.length, text->length - part->text.length);
        return true;
    }
    if (part->letter == 'S')
        return take_fraction(text, part->count, &fields->nanosecond);
    if (!is_numeric(part))
        return take_text_field(text, part, fields);
    int32_t value;
    return take_number(text, part, is_adjacent, &value) && set_number(fields, part, value);
}

static int32_t or_else(int32_t value, int32_t otherwise)
{
    return value < 0 ? otherwise : value;
}

static bool fields_resolve(const Fields *fields, ParsedDate *out)
{
    CivilTime civil = {.year = or_else(fields->year, 1970),
                       .month = or_else(fields->month, 1),
                       .day = or_else(fields->day, 1),
                       .hour = fields->hour,
                       .minute = fields->minute,
                       .second = fields->second,
                       .nanosecond = fields->nanosecond};
    if (civil.hour < 0)
        civil.hour = fields->half_hour < 0 ? 0 : fields->half_hour + 12 * or_else(fields->half, 0);
    while (civil.day > 28 && !civil_is_valid(civil.year, civil.month, civil.day))
        civil.day--;
    if (!civil_is_valid(civil.year, civil.month, civil.day))
        return false;
    out->local = micros_from_civil(&civil);
    if (fields->day_of_year > 0 && fields->month < 0) {
        int32_t days = days_from_civil(civil.year, 1, 1) + fields->day_of_year - 1;
        out->local += days * MICROS_PER_DAY -
                      days_from_civil(civil.year, civil.month, civil.day) * MICROS_PER_DAY;
    }
    out->has_offset = fields->has_offset;
    out->offset_s = fields->offset_s;
    return true;
}

bool datepattern_parse(const DatePattern *pattern, Str text, ParsedDate *out)
{
    Fields fields = {.year = -1,
                     .month = -1,
                     .day = -1,
                     .day_of_year = -1,
                     .hour = -1,
                     .half_hour = -1,
                     .half = -1};
    for (int32_t i = 0; i < pattern->count; i++) {
        bool is_adjacent = i + 1 < pattern->count && is_numeric(&pattern->parts[i + 1]);
        if (!take_part(&text, &pattern->parts[i], is_adjacent, &fields))
            return false;
    }
    return text.length == 0 && fields_resolve(&fields, out);
}
