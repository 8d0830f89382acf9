/* Java's SimpleDateFormat, which some functions of Flink read with. */
#include <assert.h>

#include "expr/datepattern_parts.h"

enum {
    NAME_BYTES = 3,
    NUMBER_MAX = 999999999,
    CENTURY_START = 1945, /* two digits are a year from here on: 80 years before now, roughly */
};

/* What has been read: months from 0, everything else as written; all may be out of its bounds. */
typedef struct LenientFields {
    int64_t year, month, day, day_of_year;
    int64_t hour, minute, second, milli;
    bool has_day_of_year, is_afternoon, has_half_hour, has_offset;
    int32_t offset_s;
} LenientFields;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void skip_bytes(Str *text, int64_t count)
{
    *text = str_make(text->data + count, text->length - count);
}

static bool is_number(const PatternPart *part)
{
    if (part->letter == 0)
        return false;
    bool is_month = part->letter == 'M' || part->letter == 'L';
    return is_month ? part->count <= 2 : strchr("yYdDHhKkmsSuwWF", part->letter) != NULL;
}

/* Digits with a sign, at most `most` bytes. */
static bool take_number(Str *text, int64_t most, int64_t *out)
{
    int64_t end = most < text->length ? most : text->length;
    bool is_negative = end > 0 && text->data[0] == '-';
    int64_t i = is_negative, start = i;
    *out = 0;
    for (; i < end && is_digit(text->data[i]); i++)
        *out = *out > NUMBER_MAX ? *out : *out * 10 + (text->data[i] - '0');
    if (i == start || *out > NUMBER_MAX)
        return false;
    *out = is_negative ? -*out : *out;
    skip_bytes(text, i);
    return true;
}

static bool take_name(Str *text, const char *const *names, int32_t count, int64_t *out)
{
    for (int32_t i = 0; i < count; i++) {
        Str whole = str_from(names[i]), brief = whole;
        brief.length = brief.length < NAME_BYTES ? brief.length : NAME_BYTES;
        for (int32_t k = 0; k < 2; k++) {
            Str name = k == 0 ? whole : brief;
            if (text->length < name.length ||
                !str_equal_ignoring_case(str_make(text->data, name.length), name))
                continue;
            skip_bytes(text, name.length);
            *out = i;
            return true;
        }
    }
    return false;
}

/* Z, GMT, UTC, or a sign with hours and minutes. */
static bool take_offset(Str *text, LenientFields *fields)
{
    static const char *const zero[] = {"GMT", "UTC", "Z"};
    bool is_named = false;
    for (int32_t i = 0; i < 3 && !is_named; i++) {
        Str name = str_from(zero[i]);
        is_named = text->length >= name.length &&
                   str_equal_ignoring_case(str_make(text->data, name.length), name);
        if (is_named)
            skip_bytes(text, name.length);
    }
    fields->has_offset = true;
    bool has_sign = text->length > 0 && (text->data[0] == '+' || text->data[0] == '-');
    if (!has_sign)
        return is_named;
    bool is_negative = text->data[0] == '-';
    skip_bytes(text, 1);
    int64_t hours, minutes = 0;
    if (text->length == 0 || !is_digit(text->data[0]) || !take_number(text, 2, &hours))
        return false;
    if (text->length > 0 && text->data[0] == ':')
        skip_bytes(text, 1);
    if (text->length > 0 && is_digit(text->data[0]) && !take_number(text, 2, &minutes))
        return false;
    int32_t seconds = (int32_t)(hours * 60 + minutes) * 60;
    fields->offset_s = is_negative ? -seconds : seconds;
    return hours < 24 && minutes < 60;
}

static void set_number(LenientFields *fields, char letter, int64_t value)
{
    switch (letter) {
    case 'y':
    case 'Y': fields->year = value; break;
    case 'M':
    case 'L': fields->month = value - 1; break;
    case 'd':
        fields->day = value;
        fields->has_day_of_year = false;
        break;
    case 'D':
        fields->day_of_year = value;
        fields->has_day_of_year = true;
        break;
    case 'H': fields->hour = value; break;
    case 'k': fields->hour = value == 24 ? 0 : value; break;
    case 'K':
    case 'h':
        fields->hour = letter == 'h' && value == 12 ? 0 : value;
        fields->has_half_hour = true;
        break;
    case 'm': fields->minute = value; break;
    case 's': fields->second = value; break;
    case 'S': fields->milli = value; break;
    default: break; /* weeks and days of the week do not make a date alone */
    }
}

/* Two digits of yy are a year of the century around now. */
static int64_t whole_year(int64_t year)
{
    int64_t base = CENTURY_START / 100 * 100;
    return base + year < CENTURY_START ? base + 100 + year : base + year;
}

static bool take_numeric(Str *text, const PatternPart *part, bool is_adjacent,
                         LenientFields *fields)
{
    int64_t value, before = text->length;
    if (is_adjacent && text->length < part->count)
        return false;
    if (!take_number(text, is_adjacent ? part->count : INT64_MAX, &value))
        return false;
    bool is_year = part->letter == 'y' || part->letter == 'Y';
    if (is_year && part->count <= 2 && before - text->length == 2 && value >= 0)
        value = whole_year(value);
    set_number(fields, part->letter, value);
    return true;
}

static bool take_part(Str *text, const PatternPart *part, bool is_adjacent, LenientFields *fields)
{
    static const char *const halves[] = {"AM", "PM"}, *const eras[] = {"BC", "AD"};
    if (part->letter == 0) {
        if (!str_has_prefix(*text, part->text))
            return false;
        skip_bytes(text, part->text.length);
        return true;
    }
    while (text->length > 0 && (text->data[0] == ' ' || text->data[0] == '\t'))
        skip_bytes(text, 1);
    if (is_number(part))
        return take_numeric(text, part, is_adjacent, fields);
    int64_t index;
    switch (part->letter) {
    case 'M':
    case 'L': return take_name(text, MONTHS, 12, &fields->month);
    case 'E': return take_name(text, DAYS, 7, &index);
    case 'G': return take_name(text, eras, 2, &index);
    case 'a':
        if (!take_name(text, halves, 2, &index))
            return false;
        fields->is_afternoon = index == 1;
        return true;
    case 'z':
    case 'Z':
    case 'X': return take_offset(text, fields);
    default: return false;
    }
}

static bool fields_resolve(const LenientFields *fields, ParsedDate *out)
{
    int64_t year = fields->year + floor_div(fields->month, 12);
    if (year < -200000 || year > 200000)
        return false;
    int64_t days = days_from_civil((int32_t)year, (int32_t)floor_mod(fields->month, 12) + 1, 1);
    days += fields->day - 1;
    if (fields->has_day_of_year)
        days = days_from_civil((int32_t)fields->year, 1, 1) + fields->day_of_year - 1;
    if (days < -73000000 || days > 73000000)
        return false;
    int64_t hours = fields->hour + (fields->has_half_hour && fields->is_afternoon ? 12 : 0);
    int64_t millis = ((hours * 60 + fields->minute) * 60 + fields->second) * 1000 + fields->milli;
    *out = (ParsedDate){.local = days * MICROS_PER_DAY + millis * MICROS_PER_MILLI,
                        .has_offset = fields->has_offset,
                        .offset_s = fields->offset_s};
    return true;
}

bool datepattern_parse_lenient(const DatePattern *pattern, Str text, ParsedDate *out)
{
    LenientFields fields = {.year = 1970, .day = 1};
    for (int32_t i = 0; i < pattern->count; i++) {
        const PatternPart *part = &pattern->parts[i];
        bool is_adjacent = i + 1 < pattern->count && is_number(part) && is_number(part + 1);
        if (!take_part(&text, part, is_adjacent, &fields))
            return false;
    }
    return fields_resolve(&fields, out);
}
