/* The options of tables that are looked up, as Flink's connectors share them. */
#ifndef WEIR_PLAN_LOOKUP_H
#define WEIR_PLAN_LOOKUP_H

#include "plan/connector.h"

/* For the options table of a connector. */
#define LOOKUP_PARTIAL_OPTIONS                                                                     \
    {.key = "lookup.partial-cache.max-rows",                                                       \
     .type = OPTION_INT,                                                                           \
     .help = "Keys that the cache of looked up rows holds at the most; the ones that were not "    \
             "used for the longest time go first."},                                               \
        {.key = "lookup.partial-cache.expire-after-write",                                         \
         .type = OPTION_DURATION,                                                                  \
         .help = "After this time since they were looked up, rows are looked up again."},          \
        {.key = "lookup.partial-cache.expire-after-access",                                        \
         .type = OPTION_DURATION,                                                                  \
         .help = "After this time since they were last used, rows are looked up again."},          \
        {.key = "lookup.partial-cache.cache-missing-key",                                          \
         .type = OPTION_BOOL,                                                                      \
         .default_text = "true",                                                                   \
         .help = "Remember also that a key has no row."},                                          \
    {                                                                                              \
        .key = "lookup.max-retries", .type = OPTION_INT, .default_text = "3",                      \
        .help = "Accepted for Flink's sake: weir asks again until the server answers or the job "  \
                "is stopped."                                                                      \
    }

#define LOOKUP_FULL_OPTIONS                                                                        \
    {.key = "lookup.full-cache.reload-strategy",                                                   \
     .is_extension = true,                                                                         \
     .type = OPTION_ENUM,                                                                          \
     .default_text = "PERIODIC",                                                                   \
     .choices = "PERIODIC|TIMED",                                                                  \
     .help = "When the copy of the table is read anew: after an interval, or at a time of day."},  \
        {.key = "lookup.full-cache.periodic-reload.interval",                                      \
         .is_extension = true,                                                                     \
         .type = OPTION_DURATION,                                                                  \
         .help = "PERIODIC: the interval. Without it the table is read once."},                    \
        {.key = "lookup.full-cache.periodic-reload.schedule-mode",                                 \
         .is_extension = true,                                                                     \
         .type = OPTION_ENUM,                                                                      \
         .default_text = "FIXED_DELAY",                                                            \
         .choices = "FIXED_DELAY|FIXED_RATE",                                                      \
         .help = "PERIODIC: whether the interval counts from the end of the last reading or from " \
                 "its start."},                                                                    \
        {.key = "lookup.full-cache.timed-reload.iso-time",                                         \
         .is_extension = true,                                                                     \
         .type = OPTION_TEXT,                                                                      \
         .help = "TIMED: the time of day, UTC, such as 04:00 or 04:00:30Z."},                      \
    {                                                                                              \
        .key = "lookup.full-cache.timed-reload.interval-in-days", .is_extension = true,            \
        .type = OPTION_INT, .default_text = "1", .help = "TIMED: every so many days."              \
    }

/* What the options of LOOKUP_PARTIAL_OPTIONS say. */
LookupCache lookup_cache_partial(const OptionSet *options);
/* What those of LOOKUP_FULL_OPTIONS say. */
LookupCache lookup_cache_full(const OptionSet *options);
/* Mistakes in them that no type catches. */
Status lookup_cache_check(const TableCheck *check);

#endif
