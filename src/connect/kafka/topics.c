#include "connect/kafka/topics.h"

#include <string.h>

#include "connect/kafka/kafka.h"

/* A record in JSON may have the fields of the key beside those of the value: who reads the value
 * does not see them. */
static bool gives_all(const PlanTable *table)
{
    return strstr(table->options.format->name, "json") != NULL;
}

/* Where the columns of the key are among those of the record; false if one is not. */
static bool find_key(Arena *arena, const KafkaRecord *parts, bool is_all, TopicRecord *out)
{
    int32_t *columns = ARENA_ARRAY(arena, int32_t, parts->key.schema.count + 1);
    for (int32_t i = 0; i < parts->key.schema.count; i++) {
        columns[i] = is_all ? parts->key.physical[i] : -1;
        for (int32_t k = 0; !is_all && k < parts->value.schema.count; k++)
            if (parts->value.physical[k] == parts->key.physical[i])
                columns[i] = k;
        if (columns[i] < 0)
            return false;
    }
    out->key_columns = columns;
    return true;
}

int32_t kafka_topic_records(Arena *arena, const PlanTable *table, TopicRecord **out)
{
    bool is_kafka = strcmp(table->connector->name, "kafka") == 0 || kafka_is_upsert(table);
    if (!is_kafka || !options_has(table->options.options, "topic"))
        return 0;
    KafkaRecord parts;
    kafka_record_of(arena, table, &parts);
    bool is_all = gives_all(table);
    const FormatInfo *key_format = table->options.key_format;
    TopicRecord like = {
        .record = is_all ? table->physical : parts.value.schema,
        .format = format_find(str_from(table->options.format->name)),
        .prefix = table->options.format_prefix,
        .key = parts.key.schema,
        .key_format = key_format != NULL ? format_find(str_from(key_format->name)) : NULL,
        .key_prefix = table->options.key_prefix,
    };
    if (!find_key(arena, &parts, is_all, &like) || like.format->decoder == NULL)
        return 0;
    Str rest = options_text(table->options.options, "topic");
    *out = ARENA_ARRAY(arena, TopicRecord, rest.length + 1);
    int32_t count = 0;
    while (rest.data != NULL) {
        Str topic = str_trim(str_split(rest, ';', &rest));
        if (topic.length == 0)
            continue;
        like.topic = str_terminated(arena, topic);
        (*out)[count++] = like;
    }
    return count;
}
