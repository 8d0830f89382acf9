/* Topics that a table writes: one, or several of which each row names its own. */
#include <string.h>

#include "connect/kafka/kafka.h"

enum { NAME_LENGTH_MAX = 249 };

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

/* Clusters take no others, which would end a transaction or the job; those with two underscores are
 * a cluster's own. */
static const char *name_refuse(Str name)
{
    if (name.length == 0 || name.length > NAME_LENGTH_MAX || str_is(name, ".") ||
        str_is(name, ".."))
        return "its topic is no name that a topic may have";
    for (int64_t i = 0; i < name.length; i++) {
        char byte = name.data[i];
        bool is_legal = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                        (byte >= '0' && byte <= '9') || byte == '.' || byte == '_' || byte == '-';
        if (!is_legal)
            return "its topic is no name that a topic may have";
    }
    return str_has_prefix(name, str_from("__")) ? "its topic is one of the cluster's own" : NULL;
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
    if (topic.length > 0 && str_equal(topic, buffer_str(&targets->last)))
        return NULL;
    const char *problem = name_refuse(topic);
    if (problem != NULL)
        return problem;
    if (!kafka_pattern_matches(targets->pattern, topic))
        return "its topic does not match the pattern of the table";
    targets->last.length = 0;
    buffer_append_str(&targets->last, topic);
    return NULL;
}
