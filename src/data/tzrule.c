/* POSIX TZ rules. */
#include "data/tzrule.h"

#include <assert.h>

#include "data/datetime.h"

enum { SECONDS_PER_HOUR = 3600, SECONDS_PER_DAY = 86400, CHANGE_SECOND = 2 * SECONDS_PER_HOUR };

/* What is left to read; reading past the end gives '\0'. */
typedef struct RuleText {
    const char *at;
    const char *end;
} RuleText;

static char peek(const RuleText *text)
{
    return text->at < text->end ? *text->at : '\0';
}

static bool take(RuleText *text, char expected)
{
    if (peek(text) != expected)
        return false;
    text->at++;
    return true;
}

/* At least three letters, or anything between angle brackets. */
static bool take_name(RuleText *text)
{
    const char *start = text->at;
    if (take(text, '<')) {
        while (peek(text) != '\0' && peek(text) != '>')
            text->at++;
        return take(text, '>');
    }
    while ((peek(text) >= 'a' && peek(text) <= 'z') || (peek(text) >= 'A' && peek(text) <= 'Z'))
        text->at++;
    return text->at - start >= 3;
}

static bool take_number(RuleText *text, int32_t max, int32_t *out)
{
    const char *start = text->at;
    *out = 0;
    while (peek(text) >= '0' && peek(text) <= '9' && *out <= max)
        *out = *out * 10 + (*text->at++ - '0');
    return text->at > start && *out <= max;
}

/* [+-]h[:m[:s]] in seconds. */
static bool take_time(RuleText *text, int32_t *out)
{
    bool is_negative = take(text, '-');
    if (!is_negative)
        (void)take(text, '+');
    int32_t hours;
    int32_t minutes = 0;
    int32_t seconds = 0;
    if (!take_number(text, 167, &hours))
        return false;
    if (take(text, ':') && !take_number(text, 59, &minutes))
        return false;
    if (take(text, ':') && !take_number(text, 59, &seconds))
        return false;
    *out = hours * SECONDS_PER_HOUR + minutes * 60 + seconds;
    *out = is_negative ? -*out : *out;
    return true;
}

static bool take_month_week(RuleText *text, TzDay *day)
{
    return take_number(text, 12, &day->month) && take(text, '.') &&
           take_number(text, 5, &day->week) && take(text, '.') &&
           take_number(text, 6, &day->weekday) && day->month >= 1 && day->week >= 1;
}

static bool take_day(RuleText *text, TzDay *day)
{
    *day = (TzDay){.second = CHANGE_SECOND};
    bool is_read;
    if (take(text, 'M')) {
        is_read = take_month_week(text, day);
    } else {
        day->form = take(text, 'J') ? TZ_DAY_JULIAN : TZ_DAY_OF_YEAR;
        is_read = take_number(text, 365, &day->day);
    }
    if (!is_read)
        return false;
    return !take(text, '/') || take_time(text, &day->second);
}

bool tzrule_parse(Str source, TzRule *rule)
{
    RuleText text = {.at = source.data, .end = source.data + source.length};
    *rule = (TzRule){0};
    int32_t west;
    if (!take_name(&text) || !take_time(&text, &west))
        return false;
    rule->standard_offset = -west;
    if (text.at == text.end)
        return true;
    if (!take_name(&text))
        return false;
    rule->has_summer = true;
    rule->summer_offset = rule->standard_offset + SECONDS_PER_HOUR;
    if (peek(&text) != ',') {
        if (!take_time(&text, &west))
            return false;
        rule->summer_offset = -west;
    }
    return take(&text, ',') && take_day(&text, &rule->start) && take(&text, ',') &&
           take_day(&text, &rule->end) && text.at == text.end;
}

/* The local second since 1970 at which the rule's day begins its change in a year. */
static int64_t change_second(const TzDay *day, int32_t year)
{
    int32_t days;
    int32_t new_year = days_from_civil(year, 1, 1);
    if (day->form == TZ_DAY_OF_YEAR) {
        days = new_year + day->day;
    } else if (day->form == TZ_DAY_JULIAN) {
        days = new_year + day->day - 1;
        days += day->day >= 60 && civil_is_valid(year, 2, 29);
    } else {
        int32_t first = days_from_civil(year, day->month, 1);
        int32_t weekday = (int32_t)floor_mod((int64_t)first + 4, 7); /* 1970-01-01: Thursday */
        int32_t date = 1 + (int32_t)floor_mod(day->weekday - weekday, 7) + (day->week - 1) * 7;
        while (!civil_is_valid(year, day->month, date))
            date -= 7;
        days = first + date - 1;
    }
    return (int64_t)days * SECONDS_PER_DAY + day->second;
}

int32_t tzrule_offset_at(const TzRule *rule, int64_t second)
{
    if (!rule->has_summer)
        return rule->standard_offset;
    int64_t local_day = floor_div(second + rule->standard_offset, SECONDS_PER_DAY);
    int32_t year, month, day;
    /* Beyond what a date can hold there is no summer to tell from winter. */
    if (local_day > INT32_MAX / 2 || local_day < INT32_MIN / 2)
        return rule->standard_offset;
    civil_from_days((int32_t)local_day, &year, &month, &day);
    int64_t start = change_second(&rule->start, year) - rule->standard_offset;
    int64_t end = change_second(&rule->end, year) - rule->summer_offset;
    bool is_summer =
        start < end ? second >= start && second < end : second >= start || second < end;
    return is_summer ? rule->summer_offset : rule->standard_offset;
}
