/* Writing a topic. By default a checkpoint waits until all messages before it are in the log: what
 * was written after it comes once more when the job goes on from there. */
#include <stdatomic.h>

#include "connect/kafka/kafka.h"
#include "data/value.h"

typedef enum Partitioner { BY_KEY, FIXED, ROUND_ROBIN } Partitioner;

typedef struct KafkaSink {
    SinkWriter base;
    KafkaEncoder *encoder;
    KafkaProducer producer;
    Partitioner partitioner;
    bool waits; /* a checkpoint waits for delivery */
    int32_t next_partition;
} KafkaSink;

static Status sink_open(SinkWriter *writer, Str state, Error *error)
{
    (void)state;
    KafkaSink *sink = (KafkaSink *)writer;
    const OptionSet *options = writer->node->sink.table->options.options;
    sink->waits = !str_is(options_text(options, "sink.delivery-guarantee"), "none");
    if (!kafka_is_upsert(writer->node->sink.table)) {
        Str name = options_text(options, "sink.partitioner");
        sink->partitioner = str_is(name, "fixed")         ? FIXED
                            : str_is(name, "round-robin") ? ROUND_ROBIN
                                                          : BY_KEY;
    }
    if (sink->encoder == NULL)
        TRY(kafka_encoder_open(writer, &sink->encoder, error));
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

static int32_t sink_partition(KafkaSink *sink, const KafkaProducer *producer)
{
    switch (sink->partitioner) {
    case FIXED: return sink->base.subtask % producer->partition_count;
    case ROUND_ROBIN:
        sink->next_partition = (sink->next_partition + 1) % producer->partition_count;
        return sink->next_partition;
    case BY_KEY: break;
    }
    return RD_KAFKA_PARTITION_UA;
}

static Status sink_write(SinkWriter *writer, const Batch *batch, Error *error)
{
    KafkaSink *sink = (KafkaSink *)writer;
    for (int32_t i = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        KafkaMessage message;
        const char *problem = kafka_encode(sink->encoder, batch, row, &message);
        if (problem != NULL)
            sink_reject(sink, batch, row, problem);
        else
            TRY(kafka_producer_send(&sink->producer, &message,
                                    sink_partition(sink, &sink->producer), error));
    }
    return kafka_producer_poll(&sink->producer, error);
}

static Status sink_tick(SinkWriter *writer, int64_t now_us, Error *error)
{
    (void)now_us;
    return kafka_producer_poll(&((KafkaSink *)writer)->producer, error);
}

static Status sink_prepare(SinkWriter *writer, int64_t checkpoint, Buffer *state, Error *error)
{
    (void)checkpoint, (void)state;
    KafkaSink *sink = (KafkaSink *)writer;
    return sink->waits ? kafka_producer_flush(&sink->producer, error)
                       : kafka_producer_poll(&sink->producer, error);
}

static Status sink_finish(SinkWriter *writer, Error *error)
{
    return kafka_producer_flush(&((KafkaSink *)writer)->producer, error);
}

static void sink_interrupt(SinkWriter *writer)
{
    kafka_client_interrupt(&((KafkaSink *)writer)->producer.client);
}

static void sink_close(SinkWriter *writer)
{
    KafkaSink *sink = (KafkaSink *)writer;
    kafka_producer_close(&sink->producer);
    kafka_encoder_close(sink->encoder);
}

const SinkKind kafka_sink = {
    .size = sizeof(KafkaSink),
    .open = sink_open,
    .write = sink_write,
    .tick = sink_tick,
    .prepare = sink_prepare,
    .finish = sink_finish,
    .interrupt = sink_interrupt,
    .close = sink_close,
};
