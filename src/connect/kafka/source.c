/* Reading topics through librdkafka, by positions of our own.
 *
 * The client fetches ahead into its queue, within bounds. Messages are taken off it in runs and
 * brought in order by partition; poll turns the next ones of one partition into a batch, so that
 * each batch has one partition's event time, and only then moves that partition's position. What a
 * checkpoint holds is therefore exactly what was given.
 *
 * The client never chooses a position by itself: where records that are wanted are gone, it says so
 * and the job stops in place, unless 'properties.auto.offset.reset' tells it what to do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/log.h"
#include "base/memory.h"
#include "connect/kafka/kafka.h"

enum {
    RUN_MAX = 2048,              /* messages taken at a time */
    RUN_BYTES = 4 * 1024 * 1024, /* about what they may have */
    POLL_MS = 50,
    QUEUE_BYTES = 64 * 1024 * 1024, /* of all partitions, where memory has no limit */
    QUEUE_SHARE = 8,                /* the part of a limit */
    PARTITION_BYTES_MIN = 64 * 1024,
    PARTITION_BYTES_MAX = 8 * 1024 * 1024,
    NUDGES_MAX = 4,
    LOOK_RETRY_US = 10 * 1000 * 1000,
    LOOK_TIMEOUT_US = 2 * 1000 * 1000,
    AGAIN_FIRST_US = 100 * 1000,
    AGAIN_MOST_US = 5 * 1000 * 1000,
};

/* An offset that a checkpoint holds, to be told to the group when it is durable. */
typedef struct GroupOffsets {
    int64_t *offsets; /* by split */
    int32_t count;
} GroupOffsets;

/* What stands in a run. */
typedef struct RunItem {
    rd_kafka_message_t *message;
    int32_t split;
    int32_t order; /* in which it came */
} RunItem;

typedef struct KafkaSource {
    SourceReader base;
    KafkaClient client;
    KafkaSplits splits;
    KafkaRows *rows;
    rd_kafka_queue_t *queue;
    RunItem run[RUN_MAX];
    int32_t run_at, run_count;
    int64_t message_bytes; /* about what a message has */
    int32_t last_nudged;
    int32_t last_split; /* of the last message: the next is likely of it, too */
    bool is_bounded, commits_offsets;
    GroupOffsets noted; /* by the last snapshot */
    int64_t look_us;    /* between looks for new partitions; 0: none */
    int64_t next_look_us;
    Backoff again;    /* between attempts to read a message whose format lacks something */
    int64_t again_us; /* monotonic; when the next one is due; 0: none */
    Metric *lag;
} KafkaSource;

/* ---- Opening ------------------------------------------------------------------------------- */

/* What may wait in the client for each partition: all of them together stay within their share. */
static void source_bound_queues(const KafkaSource *source, int32_t partitions, char *kbytes,
                                char *fetch_bytes, size_t size)
{
    int64_t all = source->base.memory_bytes > 0 ? source->base.memory_bytes / QUEUE_SHARE
                                                : (int64_t)QUEUE_BYTES;
    int64_t each = all / (partitions > 0 ? partitions : 1) / 2;
    each = each < PARTITION_BYTES_MIN ? PARTITION_BYTES_MIN : each;
    each = each > PARTITION_BYTES_MAX ? PARTITION_BYTES_MAX : each;
    snprintf(kbytes, size, "%lld", (long long)(each / 1024));
    snprintf(fetch_bytes, size, "%lld",
             (long long)(each < 1024 * 1024 ? each : (int64_t)1024 * 1024));
}

static Status source_connect(KafkaSource *source, int32_t partitions, Error *error)
{
    const PlanTable *table = source->base.node->source.table;
    char kbytes[24], fetch_bytes[24];
    source_bound_queues(source, partitions, kbytes, fetch_bytes, sizeof kbytes);
    const char *group = arena_printf(source->base.arena, "KafkaSource-%.*s", STR_ARGS(table->path));
    Str reset = kafka_property(table->options.options, "auto.offset.reset");
    const char *resets = str_is(reset, "earliest") ? "earliest"
                         : str_is(reset, "latest") ? "latest"
                                                   : "error";
    KafkaSetting settings[] = {
        {"group.id", group, false},
        {"enable.auto.commit", "false", true},
        {"enable.auto.offset.store", "false", true},
        {"enable.partition.eof", source->is_bounded || source->base.tells_end ? "true" : "false",
         true},
        {"auto.offset.reset", resets, true},
        {"check.crcs", "true", false},
        {"queued.max.messages.kbytes", kbytes, false},
        {"fetch.message.max.bytes", fetch_bytes, false},
        {"fetch.error.backoff.ms", "100", false},
        {"reconnect.backoff.max.ms", "1000", false},
        {"allow.auto.create.topics", "false", false},
        {NULL, NULL, false},
    };
    return kafka_client_open(&source->client, source->base.arena, RD_KAFKA_CONSUMER, table,
                             settings, error);
}

/* How many partitions there are decides how much each may hold, which must be known before the
 * first is read: one client looks, another one reads. */
static Status source_look_first(KafkaSource *source, Error *error)
{
    const PlanTable *table = source->base.node->source.table;
    TRY(source_connect(source, 1, error));
    TRY(kafka_splits_find_new(&source->splits, &source->client, table, KAFKA_START_TIMEOUT_US,
                              error));
    rd_kafka_destroy(source->client.handle);
    source->client.handle = NULL;
    return source_connect(source, source->splits.count, error);
}

static void source_publish(KafkaSource *source)
{
    KafkaSplits *splits = &source->splits;
    for (int32_t i = 0; i < splits->count; i++) {
        const KafkaSplit *split = splits->items[i];
        if (split->stop != KAFKA_NO_STOP && split->next >= split->stop && !splits->is_done[i]) {
            splits->is_done[i] = 1;
            splits->done_count++;
        }
    }
    source->base.splits = (SourceSplits){splits->count, splits->is_done};
}

/* Read what is not read yet. */
static Status source_assign(KafkaSource *source, Error *error)
{
    KafkaSplits *splits = &source->splits;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(splits->count);
    for (int32_t i = 0; i < splits->count; i++) {
        KafkaSplit *split = splits->items[i];
        if (split->is_assigned || splits->is_done[i])
            continue;
        rd_kafka_topic_partition_list_add(list, split->topic, split->partition)->offset =
            split->next;
        split->is_assigned = true;
    }
    rd_kafka_error_t *failed =
        list->cnt == 0 ? NULL : rd_kafka_incremental_assign(source->client.handle, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (failed == NULL)
        return OK;
    Status status = fail(error, ERR_INTERNAL, "WR3429", "partitions cannot be read: %s",
                         rd_kafka_error_string(failed));
    rd_kafka_error_destroy(failed);
    return status;
}

/* Partitions that were added are read from their first record on. */
static const SourceBegin found_later = {.at = BEGIN_EARLIEST};

static Status source_open(SourceReader *reader, Str state, Error *error)
{
    KafkaSource *source = (KafkaSource *)reader;
    const PlanTable *table = reader->node->source.table;
    const OptionSet *options = table->options.options;
    kafka_client_init(&source->client, reader->world);
    TRY(kafka_client_embed(&source->client, table, reader->hub, error));
    source->splits.arena = reader->arena;
    source->is_bounded = reader->node->source.is_bounded;
    source->message_bytes = 1;
    source->again = (Backoff){.first_us = AGAIN_FIRST_US, .most_us = AGAIN_MOST_US};
    if (!source->is_bounded)
        source->look_us = options_duration_us(options, "scan.topic-partition-discovery.interval");
    source->commits_offsets =
        options_has(options, "properties.group.id") &&
        !str_is(kafka_property(options, "commit.offsets.on.checkpoint"), "false");
    if (state.length > 0)
        TRY(kafka_splits_load(&source->splits, state, error));
    int32_t known = source->splits.count;
    TRY(kafka_rows_open(reader, &source->rows, error));
    TRY(source_look_first(source, error));
    TRY(kafka_splits_identify(&source->splits, &source->client, table, true, error));
    SourceBegin begin = known > 0 ? found_later : reader->begin;
    TRY(kafka_splits_place(&source->splits, known, begin, &source->client, table, error));
    rd_kafka_poll_set_consumer(source->client.handle);
    source->queue = rd_kafka_queue_get_consumer(source->client.handle);
    source_publish(source);
    TRY(source_assign(source, error));
    source->next_look_us = world_monotonic_us(reader->world) + source->look_us;
    const char *more = reader->metric_labels;
    const char *labels = arena_printf(reader->arena, "table=\"%.*s\"%s%s", STR_ARGS(table->name),
                                      more[0] != '\0' ? "," : "", more);
    source->lag = metric_get(METRIC_GAUGE, "weir_source_lag_records", labels,
                             "Records that a source has not read yet.", 1);
    atomic_store(&reader->progress.phase, source->is_bounded ? PHASE_SNAPSHOT : PHASE_STREAMING);
    return OK;
}

/* ---- What is no message -------------------------------------------------------------------- */

static Status source_lost(const rd_kafka_message_t *message, Error *error)
{
    const char *topic = message->rkt != NULL ? rd_kafka_topic_name(message->rkt) : "?";
    Status status =
        fail(error, ERR_LOST, "WR3425",
             "records of partition %d of topic '%s' that were not read yet are gone: %s",
             message->partition, topic, rd_kafka_message_errstr(message));
    if (error != NULL) {
        error_hint(error,
                   "the topic's retention has deleted them, or the topic was made anew; set "
                   "'properties.auto.offset.reset' = 'earliest' to go on with the first that "
                   "is left, or 'latest' to go on with what comes");
        error->is_in_place = true;
    }
    return status;
}

/* What the client goes on trying by itself is no error. */
static Status source_complaint(KafkaSource *source, const rd_kafka_message_t *message, Error *error)
{
    switch ((int)message->err) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE: return source_lost(message, error);
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION: {
        Status status =
            fail(error, ERR_LOST, "WR3427", "a partition that is read is gone: topic '%s': %s",
                 message->rkt != NULL ? rd_kafka_topic_name(message->rkt) : "?",
                 rd_kafka_message_errstr(message));
        if (error != NULL)
            error->is_in_place = true;
        return status;
    }
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR__FATAL: {
        Status status = fail(error, ERR_PERMISSION, "WR3429", "the Kafka cluster refuses: %s",
                             rd_kafka_message_errstr(message));
        if (error != NULL)
            error->is_in_place = true;
        return status;
    }
    default:
        log_event(LOG_WARN, "kafka", "table `%.*s`: %s; trying again",
                  STR_ARGS(source->base.node->source.table->name),
                  rd_kafka_message_errstr(message));
        return OK;
    }
}

static void source_finish_split(KafkaSource *source, int32_t index)
{
    KafkaSplits *splits = &source->splits;
    KafkaSplit *split = splits->items[index];
    if (splits->is_done[index])
        return;
    splits->is_done[index] = 1;
    splits->done_count++;
    split->next = split->next > split->stop ? split->next : split->stop;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, split->topic, split->partition);
    rd_kafka_pause_partitions(source->client.handle, list);
    rd_kafka_topic_partition_list_destroy(list);
}

/* ---- Runs of messages ---------------------------------------------------------------------- */

static int32_t source_split_of(KafkaSource *source, const rd_kafka_message_t *message)
{
    const char *topic = rd_kafka_topic_name(message->rkt);
    if (source->last_split < source->splits.count) {
        const KafkaSplit *last = source->splits.items[source->last_split];
        if (last->partition == message->partition && strcmp(last->topic, topic) == 0)
            return source->last_split;
    }
    int32_t index = kafka_splits_find(&source->splits, topic, message->partition);
    source->last_split = index < 0 ? source->last_split : index;
    return index;
}

static int compare_items(const void *a, const void *b)
{
    const RunItem *left = a, *right = b;
    return left->split != right->split ? left->split - right->split : left->order - right->order;
}

/* By partition, in their order. Errors that are no partition's matter go first. */
static void source_sort_run(KafkaSource *source)
{
    bool is_sorted = true;
    for (int32_t i = 0; i < source->run_count; i++) {
        const rd_kafka_message_t *message = source->run[i].message;
        source->run[i].split = message->rkt == NULL ? -1 : source_split_of(source, message);
        source->run[i].order = i;
        is_sorted = is_sorted && (i == 0 || source->run[i - 1].split <= source->run[i].split);
    }
    if (!is_sorted)
        qsort(source->run, (size_t)source->run_count, sizeof source->run[0], compare_items);
}

/* Records of the split that the client knows of and that were not delivered yet. */
static int64_t source_lag_of(const KafkaSource *source, const KafkaSplit *split)
{
    int64_t low, high;
    rd_kafka_resp_err_t code = rd_kafka_get_watermark_offsets(source->client.handle, split->topic,
                                                              split->partition, &low, &high);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR && high > split->next ? high - split->next : 0;
}

/* A client that stopped fetching because its queue was full looks again when a second is over, or
 * when it has something else to do with the broker (librdkafka before 2.2). So it is given
 * something: a question that costs little, while there is nothing else to be done here. */
static void source_nudge(KafkaSource *source)
{
    int64_t low, high;
    int32_t count = source->splits.count;
    for (int32_t i = 0, asked = 0; i < count && asked < NUDGES_MAX; i++) {
        int32_t index = (source->last_nudged + 1 + i) % count;
        const KafkaSplit *split = source->splits.items[index];
        if (source->splits.is_done[index] || source_lag_of(source, split) == 0)
            continue;
        source->last_nudged = index;
        asked++;
        (void)rd_kafka_query_watermark_offsets(source->client.handle, split->topic,
                                               split->partition, &low, &high, POLL_MS);
    }
}

/* What is there, waiting a little for the first of it. */
static bool source_fetch(KafkaSource *source)
{
    rd_kafka_message_t *messages[RUN_MAX];
    source->run_at = source->run_count = 0;
    messages[0] = rd_kafka_consumer_poll(source->client.handle, 0);
    if (messages[0] == NULL) {
        source_nudge(source);
        messages[0] = rd_kafka_consumer_poll(source->client.handle, POLL_MS);
    }
    if (messages[0] == NULL)
        return false;
    int64_t wanted = RUN_BYTES / source->message_bytes;
    wanted = wanted < 1 ? 1 : wanted > RUN_MAX - 1 ? RUN_MAX - 1 : wanted;
    ssize_t more = rd_kafka_consume_batch_queue(source->queue, 0, messages + 1, (size_t)wanted);
    source->run_count = 1 + (more > 0 ? (int32_t)more : 0);
    int64_t bytes = 0;
    for (int32_t i = 0; i < source->run_count; i++) {
        source->run[i].message = messages[i];
        bytes += (int64_t)(messages[i]->len + messages[i]->key_len);
    }
    source->message_bytes = bytes / source->run_count + 1;
    source_sort_run(source);
    return true;
}

static rd_kafka_message_t *source_next(KafkaSource *source)
{
    return source->run[source->run_at].message;
}

static void source_drop(KafkaSource *source)
{
    rd_kafka_message_destroy(source->run[source->run_at++].message);
}

/* Take the message into the batch, unless it is behind the end. After a failure it is still the
 * next. */
static Status source_take(KafkaSource *source, int32_t index, Batch *batch, Error *error)
{
    KafkaSplit *split = source->splits.items[index];
    const rd_kafka_message_t *message = source_next(source);
    bool is_wanted = !source->splits.is_done[index] && message->offset >= split->next;
    if (is_wanted && split->stop != KAFKA_NO_STOP && message->offset >= split->stop) {
        source_finish_split(source, index);
        is_wanted = false;
    }
    if (is_wanted) {
        TRY(kafka_rows_take(source->rows, message, batch, error));
        split->next = message->offset + 1;
        atomic_fetch_add(&source->base.progress.bytes_done,
                         (int64_t)(message->len + message->key_len));
        if (split->stop != KAFKA_NO_STOP && split->next >= split->stop)
            source_finish_split(source, index);
    }
    source_drop(source);
    return OK;
}

/* Whether the next item is none of these rows: an error, or the end of a partition. */
static Status source_take_event(KafkaSource *source, Error *error)
{
    const rd_kafka_message_t *message = source_next(source);
    int32_t index = source->run[source->run_at].split;
    Status status = OK;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        KafkaSplit *split = index < 0 ? NULL : source->splits.items[index];
        if (split != NULL)
            split->eof = message->offset;
        if (split != NULL && split->stop != KAFKA_NO_STOP && message->offset >= split->stop)
            source_finish_split(source, index);
    } else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        status = source_complaint(source, message, error);
    }
    source_drop(source);
    return status;
}

/* The next message waits for what its format asks a server: for good, or until that answers. */
static Status source_wait(KafkaSource *source, Status status, Error *error)
{
    if (error != NULL && !error->is_retriable) {
        error->is_in_place = true;
        return status;
    }
    if (source->again.next_us == 0 && error != NULL)
        log_event(LOG_WARN, "kafka", "table `%.*s`: %s; trying again",
                  STR_ARGS(source->base.node->source.table->name), error->text);
    source->again_us = world_monotonic_us(source->base.world) +
                       backoff_take_us(&source->again, source->base.world);
    return ERR_AGAIN;
}

/* The rows of the next messages of one partition; ERR_AGAIN if they give none. */
static Status source_decode(KafkaSource *source, Batch **out, Error *error)
{
    int32_t index = source->run[source->run_at].split;
    Batch *batch = kafka_rows_begin(source->rows);
    Status status = OK;
    while (status == OK && source->run_at < source->run_count &&
           source->run[source->run_at].split == index &&
           source_next(source)->err == RD_KAFKA_RESP_ERR_NO_ERROR &&
           kafka_rows_has_room(source->rows, batch))
        status = source_take(source, index, batch, error);
    if (status == OK)
        backoff_reset(&source->again);
    if (batch->row_count == 0) {
        batch_free(batch);
        return status == OK ? ERR_AGAIN : source_wait(source, status, error);
    }
    kafka_rows_end(source->rows, batch);
    batch->split = index + 1;
    atomic_fetch_add(&source->base.progress.rows_done, batch->row_count);
    *out = batch;
    return OK;
}

/* ---- Between messages ---------------------------------------------------------------------- */

/* Partitions that were added. The cluster may be away just now: then the next look finds them. */
static Status source_look(KafkaSource *source, Error *error)
{
    const PlanTable *table = source->base.node->source.table;
    int64_t now_us = world_monotonic_us(source->base.world);
    if (source->look_us == 0 || now_us < source->next_look_us)
        return OK;
    source->next_look_us = now_us + source->look_us;
    int32_t known = source->splits.count;
    Error trouble = {0};
    Status status =
        kafka_splits_find_new(&source->splits, &source->client, table, LOOK_TIMEOUT_US, &trouble);
    if (status == OK)
        status = kafka_splits_identify(&source->splits, &source->client, table, false, &trouble);
    if (status == OK)
        status = kafka_splits_place(&source->splits, known, found_later, &source->client, table,
                                    &trouble);
    if (status == OK) {
        source_publish(source);
        return source_assign(source, error);
    }
    source->splits.count = known;
    if (status == ERR_LOST) {
        *error = trouble;
        error->is_in_place = true;
        return status;
    }
    log_event(LOG_WARN, "kafka", "looking for new partitions: %s", trouble.text);
    source->next_look_us =
        now_us + (source->look_us < LOOK_RETRY_US ? source->look_us : (int64_t)LOOK_RETRY_US);
    return OK;
}

/* For those who watch the group; weir goes by its checkpoints. */
static void source_tell_group(KafkaSource *source)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(source->noted.count);
    for (int32_t i = 0; i < source->noted.count; i++) {
        const KafkaSplit *split = source->splits.items[i];
        rd_kafka_topic_partition_list_add(list, split->topic, split->partition)->offset =
            source->noted.offsets[i];
    }
    rd_kafka_resp_err_t code = rd_kafka_commit(source->client.handle, list, 1);
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        log_event(LOG_WARN, "kafka", "the group was not told how far it is read: %s",
                  rd_kafka_err2str(code));
}

static void source_measure_lag(KafkaSource *source)
{
    int64_t lag = 0;
    for (int32_t i = 0; i < source->splits.count; i++)
        lag += source_lag_of(source, source->splits.items[i]);
    metric_set(source->lag, lag);
}

static Status source_poll(SourceReader *reader, Batch **out, Error *error)
{
    KafkaSource *source = (KafkaSource *)reader;
    if (atomic_load(&source->client.is_interrupted))
        return ERR_CANCELLED;
    if (source->again_us > world_monotonic_us(source->base.world)) {
        source->base.world->kind->sleep_us(source->base.world, POLL_MS * 1000);
        return ERR_AGAIN;
    }
    source->again_us = 0;
    if (source->run_at == source->run_count) {
        TRY(embedded_hub_trouble(source->client.hub, error));
        TRY(source_look(source, error));
        if (source->splits.done_count == source->splits.count)
            return ERR_END;
        bool is_there = source_fetch(source);
        source_measure_lag(source);
        if (!is_there)
            return ERR_AGAIN;
    }
    while (source->run_at < source->run_count) {
        if (source->run[source->run_at].split < 0 ||
            source_next(source)->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            TRY(source_take_event(source, error));
            continue;
        }
        Status status = source_decode(source, out, error);
        if (status != ERR_AGAIN || source->again_us > 0)
            return status;
    }
    return ERR_AGAIN;
}

static void source_snapshot(SourceReader *reader, Buffer *out)
{
    KafkaSource *source = (KafkaSource *)reader;
    kafka_splits_save(&source->splits, out);
    if (!source->commits_offsets)
        return;
    int32_t count = source->splits.count;
    if (count > source->noted.count) {
        source->noted.offsets =
            memory_resize(source->noted.offsets, (int64_t)sizeof(int64_t) * count);
        source->noted.count = count;
    }
    for (int32_t i = 0; i < count; i++)
        source->noted.offsets[i] = source->splits.items[i]->next;
}

static void source_committed(SourceReader *reader, int64_t checkpoint)
{
    (void)checkpoint;
    KafkaSource *source = (KafkaSource *)reader;
    if (source->noted.count > 0)
        source_tell_group(source);
}

static Status source_note_end(SourceReader *reader, Error *error)
{
    KafkaSource *source = (KafkaSource *)reader;
    return kafka_splits_note_end(&source->splits, &source->client, reader->node->source.table,
                                 error);
}

static bool source_has_reached_end(SourceReader *reader)
{
    const KafkaSplits *splits = &((KafkaSource *)reader)->splits;
    for (int32_t i = 0; i < splits->count; i++) {
        const KafkaSplit *split = splits->items[i];
        if (!splits->is_done[i] && split->next < split->end && split->eof < split->end)
            return false;
    }
    return true;
}

static void source_interrupt(SourceReader *reader)
{
    kafka_client_interrupt(&((KafkaSource *)reader)->client);
}

static void source_close(SourceReader *reader)
{
    KafkaSource *source = (KafkaSource *)reader;
    if (source->client.world == NULL)
        return;
    while (source->run_at < source->run_count)
        source_drop(source);
    if (source->queue != NULL)
        rd_kafka_queue_destroy(source->queue);
    kafka_client_close(&source->client);
    kafka_rows_close(source->rows);
    memory_free(source->noted.offsets);
}

const SourceKind kafka_source = {
    .size = sizeof(KafkaSource),
    .open = source_open,
    .poll = source_poll,
    .snapshot = source_snapshot,
    .committed = source_committed,
    .interrupt = source_interrupt,
    .close = source_close,
    .note_end = source_note_end,
    .has_reached_end = source_has_reached_end,
    .is_of_hub = kafka_is_of_hub,
};
