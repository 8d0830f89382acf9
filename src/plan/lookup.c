/* The options of tables that are looked up. */
#include "plan/lookup.h"

#include "data/datetime.h"
#include "data/value.h"

static int64_t duration_or_zero(const OptionSet *options, const char *key)
{
    return options_has(options, key) ? options_duration_us(options, key) : 0;
}

LookupCache lookup_cache_partial(const OptionSet *options)
{
    static const char rows[] = "lookup.partial-cache.max-rows";
    return (LookupCache){
        .kind = LOOKUP_CACHE_PARTIAL,
        .rows_max = options_has(options, rows) ? options_int(options, rows) : 0,
        .expire_after_write_us =
            duration_or_zero(options, "lookup.partial-cache.expire-after-write"),
        .expire_after_access_us =
            duration_or_zero(options, "lookup.partial-cache.expire-after-access"),
        .keeps_missing = options_bool(options, "lookup.partial-cache.cache-missing-key"),
    };
}

/* "04:00", "04:00:30", with or without Z. */
static bool time_of_day(Str text, int64_t *out_us)
{
    if (str_has_suffix(text, STR("Z")))
        text.length--;
    char padded[16] = {0};
    if (text.length < 5 || text.length > 8)
        return false;
    memcpy(padded, text.data, (size_t)text.length);
    if (text.length == 5)
        memcpy(padded + 5, ":00", 3);
    Value value;
    if (!value_parse(str_from(padded), type_simple(TYPE_TIME), &value))
        return false;
    *out_us = value.integer * MICROS_PER_MILLI;
    return true;
}

static bool options_is(const OptionSet *options, const char *key, const char *choice)
{
    return str_equal_ignoring_case(options_text(options, key), str_from(choice));
}

LookupCache lookup_cache_full(const OptionSet *options)
{
    LookupCache cache = {.kind = LOOKUP_CACHE_FULL, .keeps_missing = true};
    if (options_is(options, "lookup.full-cache.reload-strategy", "PERIODIC")) {
        cache.reload_us = duration_or_zero(options, "lookup.full-cache.periodic-reload.interval");
        cache.reloads_at_rate =
            options_is(options, "lookup.full-cache.periodic-reload.schedule-mode", "FIXED_RATE");
        return cache;
    }
    time_of_day(options_text(options, "lookup.full-cache.timed-reload.iso-time"),
                &cache.reload_at_us);
    cache.reload_days = options_int(options, "lookup.full-cache.timed-reload.interval-in-days");
    return cache;
}

static Status cache_fail(const TableCheck *check, const char *key, const char *message,
                         const char *help)
{
    const OptionSet *options = check->table->options;
    OptionEntry entry = options_entry(options, key);
    check->report(check->report_context, &entry, "WR3003", message, help);
    return ERR_INVALID;
}

Status lookup_cache_check(const TableCheck *check)
{
    const OptionSet *options = check->table->options;
    static const char iso[] = "lookup.full-cache.timed-reload.iso-time";
    static const char days[] = "lookup.full-cache.timed-reload.interval-in-days";
    int64_t ignored;
    if (!options_is(options, "lookup.full-cache.reload-strategy", "TIMED"))
        return OK;
    if (!time_of_day(options_text(options, iso), &ignored))
        return cache_fail(check, iso, "TIMED needs a time of day", "write '04:00' or '04:00:30Z'");
    if (options_int(options, days) < 1)
        return cache_fail(check, days, "the interval is at least one day", NULL);
    return OK;
}
