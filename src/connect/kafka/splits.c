/* The partitions that are read, and how far. */
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "connect/kafka/kafka.h"

enum { STATE_VERSION = 2, STATE_VERSION_NO_IDS = 1 };

KafkaSplit *kafka_splits_add(KafkaSplits *splits, const char *topic, int32_t partition)
{
    if (splits->count == splits->capacity) {
        int32_t capacity = splits->capacity == 0 ? 16 : splits->capacity * 2;
        KafkaSplit **items = ARENA_ARRAY(splits->arena, KafkaSplit *, capacity);
        uint8_t *is_done = ARENA_ARRAY(splits->arena, uint8_t, capacity);
        for (int32_t i = 0; i < splits->count; i++) {
            items[i] = splits->items[i];
            is_done[i] = splits->is_done[i];
        }
        splits->items = items;
        splits->is_done = is_done;
        splits->capacity = capacity;
    }
    KafkaSplit *split = ARENA_NEW(splits->arena, KafkaSplit);
    *split = (KafkaSplit){.topic = str_terminated(splits->arena, str_from(topic)),
                          .partition = partition,
                          .stop = KAFKA_NO_STOP};
    splits->items[splits->count++] = split;
    return split;
}

int32_t kafka_splits_find(const KafkaSplits *splits, const char *topic, int32_t partition)
{
    for (int32_t i = 0; i < splits->count; i++) {
        const KafkaSplit *split = splits->items[i];
        if (split->partition == partition && strcmp(split->topic, topic) == 0)
            return i;
    }
    return -1;
}

void kafka_splits_save(const KafkaSplits *splits, Buffer *out)
{
    buffer_append_u8(out, STATE_VERSION);
    buffer_append_u32(out, (uint32_t)splits->count);
    for (int32_t i = 0; i < splits->count; i++) {
        const KafkaSplit *split = splits->items[i];
        buffer_append_bytes(out, str_from(split->topic));
        buffer_append_u32(out, (uint32_t)split->partition);
        buffer_append_u64(out, (uint64_t)split->next);
        buffer_append_u64(out, (uint64_t)split->stop);
        buffer_append_str(out, str_make((const char *)split->topic_id.bytes, KAFKA_TOPIC_ID_BYTES));
    }
}

Status kafka_splits_load(KafkaSplits *splits, Str state, Error *error)
{
    ByteReader reader = byte_reader(state);
    uint8_t version = byte_reader_u8(&reader);
    uint32_t count = byte_reader_u32(&reader);
    for (uint32_t i = 0; i < count && !reader.is_short; i++) {
        Str topic = byte_reader_bytes(&reader);
        int32_t partition = (int32_t)byte_reader_u32(&reader);
        int64_t next = (int64_t)byte_reader_u64(&reader);
        int64_t stop = (int64_t)byte_reader_u64(&reader);
        Str id = version > STATE_VERSION_NO_IDS ? byte_reader_take(&reader, KAFKA_TOPIC_ID_BYTES)
                                                : (Str){0};
        if (reader.is_short)
            break;
        KafkaSplit *split =
            kafka_splits_add(splits, str_terminated(splits->arena, topic), partition);
        split->next = next;
        split->stop = stop;
        if (id.length == KAFKA_TOPIC_ID_BYTES)
            memcpy(split->topic_id.bytes, id.data, KAFKA_TOPIC_ID_BYTES);
    }
    if (!reader.is_short && version >= STATE_VERSION_NO_IDS && version <= STATE_VERSION)
        return OK;
    return fail(error, ERR_CORRUPT, "WR3428",
                "the saved position of a kafka source cannot be read");
}

/* ---- What there is ------------------------------------------------------------------------- */

typedef struct Finder {
    KafkaSplits *splits;
    KafkaClient *client;
    const PlanTable *table;
    int64_t timeout_us;
    int32_t topics; /* found */
} Finder;

static Status topic_missing(const Finder *finder, const char *topic, Error *error)
{
    Status status =
        fail(error, ERR_NOT_FOUND, "WR3424", "topic '%s' of table `%.*s` does not exist", topic,
             STR_ARGS(finder->table->name));
    if (error != NULL)
        error_hint(error, "make it, or mend the option 'topic'");
    return status;
}

static Status finder_take(Finder *finder, const rd_kafka_metadata_topic_t *topic, Error *error)
{
    KafkaSplits *splits = finder->splits;
    if (topic->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
        topic->err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION)
        return topic_missing(finder, topic->topic, error);
    if (topic->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bool is_passing = topic->err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
        Status status =
            fail(error, is_passing ? ERR_UNAVAILABLE : ERR_PERMISSION, "WR3429",
                 "topic '%s' cannot be read: %s", topic->topic, rd_kafka_err2str(topic->err));
        if (error != NULL)
            error->is_retriable = is_passing;
        return status;
    }
    finder->topics++;
    for (int32_t i = 0; i < splits->count; i++) {
        const KafkaSplit *split = splits->items[i];
        if (strcmp(split->topic, topic->topic) != 0 || split->partition < topic->partition_cnt)
            continue;
        Status status = fail(error, ERR_LOST, "WR3427",
                             "partition %d of topic '%s' is gone: the topic has %d partitions now",
                             split->partition, split->topic, topic->partition_cnt);
        if (error != NULL)
            error_hint(error, "was the topic deleted and made anew? what stood in it and was not "
                              "read is lost; --fresh starts over with what is there");
        return status;
    }
    for (int32_t p = 0; p < topic->partition_cnt; p++)
        if (kafka_splits_find(splits, topic->topic, p) < 0)
            kafka_splits_add(splits, topic->topic, p);
    return OK;
}

static Status finder_take_list(Finder *finder, Str topics, Error *error)
{
    for (Str rest = topics; rest.data != NULL;) {
        Str name = str_trim(str_split(rest, ';', &rest));
        if (name.length == 0)
            continue;
        const rd_kafka_metadata_t *metadata;
        TRY(kafka_client_topic(finder->client, str_terminated(finder->splits->arena, name),
                               finder->timeout_us, &metadata, error));
        Status status =
            metadata->topic_cnt == 1
                ? finder_take(finder, &metadata->topics[0], error)
                : topic_missing(finder, str_terminated(finder->splits->arena, name), error);
        rd_kafka_metadata_destroy(metadata);
        TRY(status);
    }
    return OK;
}

static Status finder_take_matching(Finder *finder, const rd_kafka_metadata_t *metadata,
                                   const KafkaPattern *pattern, Error *error)
{
    for (int32_t i = 0; i < metadata->topic_cnt; i++) {
        Str name = str_from(metadata->topics[i].topic);
        if (!str_has_prefix(name, STR("__")) && kafka_pattern_matches(pattern, name))
            TRY(finder_take(finder, &metadata->topics[i], error));
    }
    return OK;
}

static Status finder_take_pattern(Finder *finder, Str text, Error *error)
{
    KafkaPattern *pattern;
    TRY(kafka_pattern_new(text, &pattern, error));
    const rd_kafka_metadata_t *metadata;
    Status status = kafka_client_topics(finder->client, NULL, finder->timeout_us, &metadata, error);
    if (status == OK) {
        status = finder_take_matching(finder, metadata, pattern, error);
        rd_kafka_metadata_destroy(metadata);
    }
    kafka_pattern_free(pattern);
    TRY(status);
    if (finder->topics > 0)
        return OK;
    return fail(error, ERR_NOT_FOUND, "WR3424",
                "no topic matches '%.*s', the pattern of table `%.*s`", STR_ARGS(text),
                STR_ARGS(finder->table->name));
}

Status kafka_splits_find_new(KafkaSplits *splits, KafkaClient *client, const PlanTable *table,
                             int64_t timeout_us, Error *error)
{
    const OptionSet *options = table->options.options;
    Finder finder = {.splits = splits, .client = client, .table = table, .timeout_us = timeout_us};
    return options_has(options, "topic-pattern")
               ? finder_take_pattern(&finder, options_text(options, "topic-pattern"), error)
               : finder_take_list(&finder, options_text(options, "topic"), error);
}

/* ---- Topics that were made anew ------------------------------------------------------------ */

static bool id_is_known(const KafkaTopicId *id)
{
    static const KafkaTopicId none;
    return memcmp(id, &none, sizeof none) != 0;
}

static Status split_is_anew(KafkaSplit *split, KafkaClient *client, const PlanTable *table,
                            bool may_begin_again, Error *error)
{
    Str reset = kafka_property(table->options.options, "auto.offset.reset");
    bool is_earliest = str_is(reset, "earliest");
    if (may_begin_again && (is_earliest || str_is(reset, "latest"))) {
        log_event(LOG_WARN, "kafka",
                  "table `%.*s`: topic '%s' was made anew; partition %d is read from its %s on",
                  STR_ARGS(table->name), split->topic, split->partition,
                  is_earliest ? "first record" : "end");
        return kafka_split_begin_again(split, is_earliest, client, table, error);
    }
    Status status =
        fail(error, ERR_LOST, "WR3427",
             "topic '%s' is not the one that was read: it was deleted and made anew", split->topic);
    if (error != NULL)
        error_hint(error, "what stood in the old one and was not read is lost; set "
                          "'properties.auto.offset.reset' = 'earliest' to read the new one from "
                          "its first record on, or 'latest' to read what comes");
    return status;
}

static Status split_identify(KafkaSplit *split, const KafkaTopicId *id, KafkaClient *client,
                             const PlanTable *table, bool may_begin_again, Error *error)
{
    if (!id_is_known(id) || memcmp(id, &split->topic_id, sizeof *id) == 0)
        return OK;
    if (id_is_known(&split->topic_id))
        TRY(split_is_anew(split, client, table, may_begin_again, error));
    split->topic_id = *id;
    return OK;
}

/* Without ids nothing is found out; where they were known, the server is to be asked again. */
static Status identify_failed(const KafkaSplits *splits, const PlanTable *table, Status status,
                              Error *error)
{
    for (int32_t i = 0; i < splits->count && status == ERR_UNAVAILABLE; i++) {
        if (id_is_known(&splits->items[i]->topic_id))
            return status;
    }
    log_event(LOG_WARN, "kafka",
              "table `%.*s`: the ids of its topics are not known, so a topic that is made anew "
              "may be taken for the old one: %s",
              STR_ARGS(table->name), error->text);
    *error = (Error){0};
    return OK;
}

Status kafka_splits_identify(KafkaSplits *splits, KafkaClient *client, const PlanTable *table,
                             bool may_begin_again, Error *error)
{
    const OptionSet *options = table->options.options;
    const char *key;
    if (splits->count == 0 || kafka_end_refuse(options, &key) != NULL)
        return OK;
    Arena *arena = arena_new(0);
    const char **names = ARENA_ARRAY(arena, const char *, splits->count);
    KafkaTopicId *ids = ARENA_ARRAY(arena, KafkaTopicId, splits->count);
    int32_t *of_split = ARENA_ARRAY(arena, int32_t, splits->count);
    Map *numbers = map_new(arena);
    for (int32_t i = 0; i < splits->count; i++) {
        Str name = str_from(splits->items[i]->topic);
        int32_t *number = map_find(numbers, name);
        if (number == NULL) {
            number = ARENA_NEW(arena, int32_t);
            *number = map_count(numbers);
            names[*number] = splits->items[i]->topic;
            map_put(numbers, name, number);
        }
        of_split[i] = *number;
    }
    KafkaTopicIds asked = {names, map_count(numbers), ids};
    Status status = kafka_topic_ids(client->world, options, client->hub, &asked, error);
    bool is_told = status == OK;
    if (!is_told)
        status = identify_failed(splits, table, status, error);
    for (int32_t i = 0; i < splits->count && is_told && status == OK; i++)
        status = split_identify(splits->items[i], &ids[of_split[i]], client, table, may_begin_again,
                                error);
    arena_free(arena);
    return status;
}
