/* Durations and sizes as Flink writes them in options: '10 s', '5 min', 'PT1H', '64 mb'. */
#include "plan/options.h"

typedef struct Unit {
    const char *name;
    int64_t factor;
} Unit;

static const Unit DURATION_UNITS[] = {
    {"d", 86400000000},    {"day", 86400000000},   {"days", 86400000000},
    {"h", 3600000000},     {"hour", 3600000000},   {"hours", 3600000000},
    {"min", 60000000},     {"m", 60000000},        {"minute", 60000000},
    {"minutes", 60000000}, {"s", 1000000},         {"sec", 1000000},
    {"secs", 1000000},     {"second", 1000000},    {"seconds", 1000000},
    {"ms", 1000},          {"milli", 1000},        {"millis", 1000},
    {"millisecond", 1000}, {"milliseconds", 1000}, {"us", 1},
    {"\xc2\xb5s", 1},      {"micro", 1},           {"micros", 1},
    {"microsecond", 1},    {"microseconds", 1},    {"", 1000},
};

static const int64_t KIBI = 1024;

static const Unit SIZE_UNITS[] = {
    {"", 1},
    {"b", 1},
    {"bytes", 1},
    {"k", KIBI},
    {"kb", KIBI},
    {"kibibytes", KIBI},
    {"m", KIBI *KIBI},
    {"mb", KIBI *KIBI},
    {"mebibytes", KIBI *KIBI},
    {"g", KIBI *KIBI *KIBI},
    {"gb", KIBI *KIBI *KIBI},
    {"gibibytes", KIBI *KIBI *KIBI},
    {"t", KIBI *KIBI *KIBI *KIBI},
    {"tb", KIBI *KIBI *KIBI *KIBI},
    {"tebibytes", KIBI *KIBI *KIBI *KIBI},
};

enum {
    DURATION_UNIT_COUNT = sizeof DURATION_UNITS / sizeof DURATION_UNITS[0],
    SIZE_UNIT_COUNT = sizeof SIZE_UNITS / sizeof SIZE_UNITS[0],
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* digits, then perhaps blanks and a unit of the table. */
static bool units_parse(Str text, const Unit *units, int32_t unit_count, int64_t *out)
{
    text = str_trim(text);
    int64_t digits = 0;
    while (digits < text.length && is_digit(text.data[digits]))
        digits++;
    int64_t number;
    if (digits == 0 || !str_parse_int64(str_make(text.data, digits), &number))
        return false;
    Str unit = str_trim(str_make(text.data + digits, text.length - digits));
    for (int32_t i = 0; i < unit_count; i++) {
        if (str_equal_ignoring_case(unit, str_from(units[i].name)))
            return !__builtin_mul_overflow(number, units[i].factor, out);
    }
    return false;
}

/* One component of an ISO-8601 duration: 15M, 1.5S. */
static bool iso_component(Str *rest, bool is_time, int64_t *total_us)
{
    int64_t digits = 0, fraction = 0, scale = 1000000;
    while (digits < rest->length && is_digit(rest->data[digits]))
        digits++;
    int64_t whole, at = digits;
    if (digits == 0 || !str_parse_int64(str_make(rest->data, digits), &whole))
        return false;
    bool has_fraction = at < rest->length && rest->data[at] == '.';
    if (has_fraction) {
        for (at++; at < rest->length && is_digit(rest->data[at]); at++) {
            scale /= 10;
            fraction += (rest->data[at] - '0') * scale;
        }
    }
    if (at >= rest->length)
        return false;
    char letter = (char)(rest->data[at] & ~0x20);
    int64_t factor = 0;
    if (!is_time && letter == 'D')
        factor = 86400000000;
    else if (is_time && letter == 'H')
        factor = 3600000000;
    else if (is_time && letter == 'M')
        factor = 60000000;
    else if (is_time && letter == 'S')
        factor = 1000000;
    if (factor == 0 || (has_fraction && letter != 'S'))
        return false;
    int64_t part;
    if (__builtin_mul_overflow(whole, factor, &part) ||
        __builtin_add_overflow(*total_us, part, total_us) ||
        __builtin_add_overflow(*total_us, fraction, total_us))
        return false;
    *rest = str_make(rest->data + at + 1, rest->length - at - 1);
    return true;
}

/* PnDTnHnMn.nS, letters in any case. */
static bool iso_duration_parse(Str text, int64_t *out_us)
{
    if (text.length < 3 || (text.data[0] & ~0x20) != 'P')
        return false;
    Str rest = str_make(text.data + 1, text.length - 1);
    bool is_time = false;
    int64_t total = 0;
    while (rest.length > 0) {
        if (!is_time && (rest.data[0] & ~0x20) == 'T') {
            is_time = true;
            rest = str_make(rest.data + 1, rest.length - 1);
            if (rest.length == 0)
                return false;
        }
        if (!iso_component(&rest, is_time, &total))
            return false;
    }
    *out_us = total;
    return true;
}

bool duration_parse(Str text, int64_t *out_us)
{
    text = str_trim(text);
    return units_parse(text, DURATION_UNITS, DURATION_UNIT_COUNT, out_us) ||
           iso_duration_parse(text, out_us);
}

bool bytes_parse(Str text, int64_t *out_bytes)
{
    return units_parse(text, SIZE_UNITS, SIZE_UNIT_COUNT, out_bytes);
}
