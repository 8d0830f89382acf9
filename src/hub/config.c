/* Keys with their defaults; those of the log's own PartitionConfig. */
#include "hub/config.h"

#include <assert.h>
#include <stdlib.h>

static const ConfigKey keys[] = {
    {"cleanup.policy", CONFIG_CHOICE, 0, "delete", "delete|compact|compact,delete|delete,compact",
     "What becomes of old records."},
    {"delete.retention.ms", CONFIG_LONG, 0, "86400000", NULL,
     "How long a tombstone stays after its first compaction."},
    {"flush.messages", CONFIG_LONG, 1, "1", NULL,
     "1: records are acknowledged when they are durable. More: when they are written, and made "
     "durable after so many."},
    {"flush.ms", CONFIG_LONG, 0, "9223372036854775807", NULL,
     "With flush.messages above 1: made durable after so long."},
    {"index.interval.bytes", CONFIG_INT, 0, "4096", NULL, "Bytes from one entry to the next."},
    {"max.message.bytes", CONFIG_INT, 0, "1048588", NULL, "The largest batch that is taken."},
    {"message.timestamp.after.max.ms", CONFIG_LONG, 0, "9223372036854775807", NULL,
     "How far ahead of now a timestamp may be."},
    {"message.timestamp.before.max.ms", CONFIG_LONG, 0, "9223372036854775807", NULL,
     "How far behind now a timestamp may be."},
    {"message.timestamp.type", CONFIG_CHOICE, 0, "CreateTime", "CreateTime|LogAppendTime",
     "Whose clock timestamps are of."},
    {"min.cleanable.dirty.ratio", CONFIG_DOUBLE, 0, "0.5", NULL,
     "The share that is not compacted from which compaction begins."},
    {"min.compaction.lag.ms", CONFIG_LONG, 0, "0", NULL, "Younger records are not compacted."},
    {"retention.bytes", CONFIG_LONG, -1, "-1", NULL, "Of a partition; -1: no limit."},
    {"retention.ms", CONFIG_LONG, -1, "604800000", NULL, "-1: no limit."},
    {"segment.bytes", CONFIG_INT, 14, "1073741824", NULL, "When a new segment begins."},
    {"segment.ms", CONFIG_LONG, 1, "604800000", NULL, "When a new segment begins."},
};

enum { KEY_COUNT = sizeof keys / sizeof keys[0] };

int32_t config_key_count(void)
{
    return KEY_COUNT;
}

const ConfigKey *config_key_at(int32_t index)
{
    assert(index >= 0 && index < KEY_COUNT);
    return &keys[index];
}

const ConfigKey *config_find_key(Str name)
{
    for (int32_t i = 0; i < KEY_COUNT; i++)
        if (str_is(name, keys[i].name))
            return &keys[i];
    return NULL;
}

static bool is_choice(const char *choices, Str value)
{
    Str rest = str_from(choices);
    while (rest.length > 0)
        if (str_equal(str_split(rest, '|', &rest), value))
            return true;
    return false;
}

static bool is_share(Str value, Arena *arena)
{
    char *end;
    const char *text = str_terminated(arena, value);
    double share = strtod(text, &end);
    return end != text && *end == '\0' && share >= 0 && share <= 1;
}

const char *config_find_fault(Str name, Str value, Arena *arena)
{
    const ConfigKey *key = config_find_key(name);
    if (key == NULL)
        return arena_printf(arena, "Unknown topic config name: %.*s", STR_ARGS(name));
    int64_t number = 0;
    bool is_right = false;
    switch (key->type) {
    case CONFIG_CHOICE: is_right = is_choice(key->choices, value); break;
    case CONFIG_DOUBLE: is_right = is_share(value, arena); break;
    case CONFIG_INT:
    case CONFIG_LONG:
        is_right = str_parse_int64(value, &number) && number >= key->least &&
                   (key->type == CONFIG_LONG || number <= INT32_MAX);
        break;
    }
    return is_right ? NULL
                    : arena_printf(arena, "Invalid value %.*s for configuration %s",
                                   STR_ARGS(value), key->name);
}

const char *config_find_value(const List *entries, Str name)
{
    for (int32_t i = 0; i < entries->count; i++)
        if (str_is(name, LIST_AT(*entries, i, ConfigEntry)->name))
            return LIST_AT(*entries, i, ConfigEntry)->value;
    return NULL;
}

static const char *value_of(const List *entries, const char *name)
{
    const char *value = config_find_value(entries, str_from(name));
    const ConfigKey *key = config_find_key(str_from(name));
    assert(key != NULL);
    return value != NULL ? value : key->standard;
}

static int64_t number_of(const List *entries, const char *name)
{
    int64_t number = 0;
    bool is_number = str_parse_int64(str_from(value_of(entries, name)), &number);
    assert(is_number);
    return number;
}

PartitionConfig config_of(const List *entries)
{
    const char *policy = value_of(entries, "cleanup.policy");
    const char *time = value_of(entries, "message.timestamp.type");
    return (PartitionConfig){
        .segment_bytes = number_of(entries, "segment.bytes"),
        .segment_ms = number_of(entries, "segment.ms"),
        .index_interval_bytes = number_of(entries, "index.interval.bytes"),
        .message_bytes_max = number_of(entries, "max.message.bytes"),
        .flush_messages = number_of(entries, "flush.messages"),
        .flush_ms = number_of(entries, "flush.ms"),
        .retention_ms = number_of(entries, "retention.ms"),
        .retention_bytes = number_of(entries, "retention.bytes"),
        .is_deleted = strstr(policy, "delete") != NULL,
        .is_compacted = strstr(policy, "compact") != NULL,
        .delete_retention_ms = number_of(entries, "delete.retention.ms"),
        .min_compaction_lag_ms = number_of(entries, "min.compaction.lag.ms"),
        .min_cleanable_dirty_ratio = strtod(value_of(entries, "min.cleanable.dirty.ratio"), NULL),
        .uses_append_time = strcmp(time, "LogAppendTime") == 0,
        .timestamp_before_max_ms = number_of(entries, "message.timestamp.before.max.ms"),
        .timestamp_after_max_ms = number_of(entries, "message.timestamp.after.max.ms"),
    };
}
