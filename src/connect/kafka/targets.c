/* Topics that a table writes: one, or several of which each row names its own. */
#include <string.h>

#include "connect/kafka/kafka.h"

struct KafkaTargets {
    List names;            /* char *; none: a pattern says which */
    KafkaPattern *pattern; /* NULL: the names do */
    Buffer last;           /* a name that matched */
};

List kafka_topics_named(Arena *arena, const OptionSet *options)
{
    List names = {0};
    for (Str rest = options_text(options, "topic"); rest.data != NULL;) {
        Str name = str_trim(str_split(rest, ';', &rest));
        if (name.length > 0)
            list_append(&names, arena, (char *)str_terminated(arena, name));
    }
    return names;
}

Status kafka_targets_open(Arena *arena, const OptionSet *options, KafkaTargets **out, Error *error)
{
    List names = kafka_topics_named(arena, options);
    *out = NULL;
    if (names.count == 1)
        return OK;
    KafkaTargets *targets = ARENA_NEW(arena, KafkaTargets);
    *targets = (KafkaTargets){.names = names};
    if (names.count == 0)
        TRY(kafka_pattern_new(options_text(options, "topic-pattern"), &targets->pattern, error));
    *out = targets;
    return OK;
}

void kafka_targets_close(KafkaTargets *targets)
{
    if (targets == NULL)
        return;
    kafka_pattern_free(targets->pattern);
    buffer_free(&targets->last);
}

const char *kafka_targets_refuse(KafkaTargets *targets, Str topic)
{
    if (topic.data == NULL)
        return "its topic is NULL, and the table has several";
    for (int32_t i = 0; i < targets->names.count; i++)
        if (str_is(topic, LIST_AT(targets->names, i, char)))
            return NULL;
    if (targets->pattern == NULL)
        return "its topic is none of those that the table names";
    if (str_equal(topic, buffer_str(&targets->last)))
        return NULL;
    if (!kafka_pattern_matches(targets->pattern, topic))
        return "its topic does not match the pattern of the table";
    targets->last.length = 0;
    buffer_append_str(&targets->last, topic);
    return NULL;
}
