/* Writing a topic. By default a checkpoint waits until all messages before it are in the log: what
 * was written after it comes once more when the job goes on from there. Exactly once, messages go
 * in transactions that end with the checkpoint (transaction.c). */
#include <stdatomic.h>

#include "connect/kafka/kafka.h"
#include "data/value.h"

enum { HOLD_BYTES_MAX = 16 * 1024 * 1024 };

typedef enum Partitioner { BY_KEY, FIXED, ROUND_ROBIN } Partitioner;

typedef struct KafkaSink {
    SinkWriter base;
    KafkaEncoder *encoder;
    KafkaProducer producer; /* without transactions */
    KafkaTransactions transactions;
    Partitioner partitioner;
    KafkaHold *hold;   /* rows that wait for others of their key; NULL: none do */
    int64_t hold_rows; /* as many as that at the most … */
    int64_t hold_us;   /* … and as long */
    int64_t hold_since_us;
    bool is_exact;
    bool waits; /* a checkpoint waits for delivery */
    int32_t next_partition;
} KafkaSink;

static void sink_open_hold(KafkaSink *sink, const OptionSet *options)
{
    if (!kafka_is_upsert(sink->base.node->sink.table) || sink->hold != NULL)
        return;
    sink->hold_rows = options_int(options, "sink.buffer-flush.max-rows");
    sink->hold_us = options_duration_us(options, "sink.buffer-flush.interval");
    if (sink->hold_rows > 0)
        sink->hold = kafka_hold_new(sink->base.arena);
}

static Status sink_open(SinkWriter *writer, Str state, Error *error)
{
    KafkaSink *sink = (KafkaSink *)writer;
    const OptionSet *options = writer->node->sink.table->options.options;
    Str guarantee = options_text(options, "sink.delivery-guarantee");
    sink->waits = !str_is(guarantee, "none");
    sink->is_exact = str_is(guarantee, "exactly-once");
    if (!kafka_is_upsert(writer->node->sink.table)) {
        Str name = options_text(options, "sink.partitioner");
        sink->partitioner = str_is(name, "fixed")         ? FIXED
                            : str_is(name, "round-robin") ? ROUND_ROBIN
                                                          : BY_KEY;
    }
    sink_open_hold(sink, options);
    if (sink->encoder == NULL)
        TRY(kafka_encoder_open(writer, &sink->encoder, error));
    if (sink->is_exact)
        return kafka_transactions_open(&sink->transactions, writer, state, error);
    /* It was exactly once in the run before. */
    if (state.length > 0)
        TRY(kafka_transactions_end(&sink->transactions, writer, state, error));
    kafka_producer_close(&sink->producer);
    return kafka_producer_open(&sink->producer, writer, NULL, error);
}

static void sink_reject(const KafkaSink *sink, const Batch *batch, int32_t row, const char *reason)
{
    Buffer text = {0};
    for (int32_t i = 0; i < batch->column_count; i++) {
        Value value = value_get(&batch->columns[i], row);
        buffer_printf(&text, "%s\"%.*s\":", i == 0 ? "{" : ",",
                      STR_ARGS(sink->base.node->schema.fields[i].name));
        value_print(&text, &value, VALUE_JSON, sink->base.zone);
    }
    buffer_append_char(&text, '}');
    deadletters_add(sink->base.dead_letters, &(DeadLetter){
                                                 .table = sink->base.node->sink.table->name,
                                                 .stage = STAGE_DELIVER,
                                                 .code = "WR3510",
                                                 .reason = reason,
                                                 .bytes = buffer_str(&text),
                                             });
    buffer_free(&text);
}

static int32_t sink_partition(KafkaSink *sink, const KafkaTopic *topic)
{
    if (topic->partition_count == 0)
        return RD_KAFKA_PARTITION_UA;
    switch (sink->partitioner) {
    case FIXED: return sink->base.subtask % topic->partition_count;
    case ROUND_ROBIN:
        sink->next_partition = (sink->next_partition + 1) % topic->partition_count;
        return sink->next_partition;
    case BY_KEY: break;
    }
    return RD_KAFKA_PARTITION_UA;
}

static Status sink_producer(KafkaSink *sink, KafkaProducer **out, Error *error)
{
    *out = &sink->producer;
    return sink->is_exact ? kafka_transactions_begin(&sink->transactions, out, error) : OK;
}

static Status sink_send(KafkaSink *sink, KafkaProducer *producer, const KafkaMessage *message,
                        Error *error)
{
    KafkaTopic *topic;
    TRY(kafka_producer_topic(producer, message->topic, &topic, error));
    return kafka_producer_send(producer, topic, message, sink_partition(sink, topic), error);
}

/* All that waits. */
static Status sink_release(KafkaSink *sink, Error *error)
{
    int32_t count = sink->hold == NULL ? 0 : kafka_hold_count(sink->hold);
    if (count == 0)
        return OK;
    KafkaProducer *producer;
    TRY(sink_producer(sink, &producer, error));
    for (int32_t i = 0; i < count; i++) {
        KafkaMessage *held = kafka_hold_at(sink->hold, i);
        KafkaMessage message = *held;
        held->headers = NULL;
        TRY(sink_send(sink, producer, &message, error));
    }
    kafka_hold_clear(sink->hold);
    return OK;
}

static Status sink_hold(KafkaSink *sink, const KafkaMessage *message, Error *error)
{
    if (kafka_hold_count(sink->hold) == 0)
        sink->hold_since_us = world_monotonic_us(sink->base.world);
    kafka_hold_put(sink->hold, message);
    bool is_full = kafka_hold_count(sink->hold) >= sink->hold_rows ||
                   kafka_hold_bytes(sink->hold) >= HOLD_BYTES_MAX;
    return is_full ? sink_release(sink, error) : OK;
}

static Status sink_write(SinkWriter *writer, const Batch *batch, Error *error)
{
    KafkaSink *sink = (KafkaSink *)writer;
    KafkaProducer *producer;
    TRY(sink_producer(sink, &producer, error));
    for (int32_t i = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        KafkaMessage message;
        const char *problem = kafka_encode(sink->encoder, batch, row, &message);
        if (problem != NULL)
            sink_reject(sink, batch, row, problem);
        else if (sink->hold != NULL)
            TRY(sink_hold(sink, &message, error));
        else
            TRY(sink_send(sink, producer, &message, error));
    }
    return kafka_producer_poll(producer, error);
}

static Status sink_tick(SinkWriter *writer, int64_t now_us, Error *error)
{
    (void)now_us;
    KafkaSink *sink = (KafkaSink *)writer;
    if (sink->hold != NULL &&
        world_monotonic_us(writer->world) - sink->hold_since_us >= sink->hold_us)
        TRY(sink_release(sink, error));
    if (!sink->is_exact)
        return kafka_producer_poll(&sink->producer, error);
    for (int32_t i = 0; i < 2; i++)
        TRY(kafka_producer_poll(&sink->transactions.producers[i], error));
    return OK;
}

static Status sink_prepare(SinkWriter *writer, int64_t checkpoint, Buffer *state, Error *error)
{
    KafkaSink *sink = (KafkaSink *)writer;
    TRY(sink_release(sink, error));
    if (sink->is_exact)
        return kafka_transactions_prepare(&sink->transactions, checkpoint, state, error);
    return sink->waits ? kafka_producer_flush(&sink->producer, error)
                       : kafka_producer_poll(&sink->producer, error);
}

static Status sink_commit(SinkWriter *writer, int64_t checkpoint, Error *error)
{
    (void)checkpoint;
    KafkaSink *sink = (KafkaSink *)writer;
    return sink->is_exact ? kafka_transactions_commit(&sink->transactions, error) : OK;
}

static Status sink_finish(SinkWriter *writer, Error *error)
{
    KafkaSink *sink = (KafkaSink *)writer;
    TRY(sink_release(sink, error));
    return sink->is_exact ? OK : kafka_producer_flush(&sink->producer, error);
}

static void sink_interrupt(SinkWriter *writer)
{
    KafkaSink *sink = (KafkaSink *)writer;
    kafka_client_interrupt(&sink->producer.client);
    kafka_transactions_interrupt(&sink->transactions);
}

static void sink_close(SinkWriter *writer)
{
    KafkaSink *sink = (KafkaSink *)writer;
    kafka_producer_close(&sink->producer);
    kafka_transactions_close(&sink->transactions);
    kafka_encoder_close(sink->encoder);
    kafka_hold_free(sink->hold);
}

const SinkKind kafka_sink = {
    .size = sizeof(KafkaSink),
    .open = sink_open,
    .write = sink_write,
    .tick = sink_tick,
    .prepare = sink_prepare,
    .commit = sink_commit,
    .finish = sink_finish,
    .interrupt = sink_interrupt,
    .close = sink_close,
};
