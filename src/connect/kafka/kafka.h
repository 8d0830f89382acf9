/* Inside connect/kafka/: what its files share. */
#ifndef WEIR_CONNECT_KAFKA_KAFKA_H
#define WEIR_CONNECT_KAFKA_KAFKA_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "connect/connect.h"
#include "format/format.h"

/* In the order of the connectors' list of metadata. */
typedef enum KafkaMetadata {
    KAFKA_TOPIC,
    KAFKA_PARTITION,
    KAFKA_HEADERS,
    KAFKA_LEADER_EPOCH,
    KAFKA_OFFSET,
    KAFKA_TIMESTAMP,
    KAFKA_TIMESTAMP_TYPE,
    KAFKA_METADATA_COUNT,
} KafkaMetadata;

extern const SourceKind kafka_source;
extern const SinkKind kafka_sink;

/* The table is one of upsert-kafka: its key is the PRIMARY KEY, and a message without a value
 * deletes. */
bool kafka_is_upsert(const PlanTable *table);

/* ---- What a message holds (record.c) ------------------------------------------------------ */

/* The columns of a key or of a value, as its format sees them. */
typedef struct KafkaPart {
    Schema schema;     /* names without 'key.fields-prefix' */
    int32_t *physical; /* column of the table of each */
} KafkaPart;

typedef struct KafkaRecord {
    KafkaPart key; /* no columns: keys are not read or written */
    KafkaPart value;
} KafkaRecord;

/* `primary_key` is what the key consists of for upsert-kafka; NULL: 'key.fields' says it. When the
 * options do not fit the columns, *option and the result say which and why; else NULL. */
const char *kafka_record_make(Arena *arena, const OptionSet *options, const Schema *physical,
                              const ColumnList *primary_key, KafkaRecord *out, const char **option);
/* Of a table that has been checked. */
void kafka_record_of(Arena *arena, const PlanTable *table, KafkaRecord *out);

/* ---- A client (properties.c, client.c) ---------------------------------------------------- */

/* The configuration that 'properties.*' says, by the names of Kafka's own client or of librdkafka.
 * WR3422: a property that neither has, or a value that is none; *key says which. */
Status kafka_properties(Arena *arena, const OptionSet *options, rd_kafka_conf_t *conf,
                        const char **key, Error *error);
/* A property of a client as it was given, or no data. */
Str kafka_property(const OptionSet *options, const char *name);

typedef struct KafkaClient {
    World *world;
    rd_kafka_t *handle;
    pthread_mutex_t lock;
    char trouble[256]; /* what the client last complained of */
    /* Of a producer: what became of a message; called with the client. */
    void (*reported)(rd_kafka_t *handle, const rd_kafka_message_t *message, void *client);
    _Atomic bool is_interrupted;
} KafkaClient;

typedef struct KafkaSetting {
    const char *key, *value;
} KafkaSetting;

/* Before anything else, in zeroed memory; whoever was interrupted stays so. */
void kafka_client_init(KafkaClient *client, World *world);
/* A handle with `settings` (the last has no key), and the table's properties over them. */
Status kafka_client_open(KafkaClient *client, Arena *arena, rd_kafka_type_t type,
                         const PlanTable *table, const KafkaSetting *settings, Error *error);
void kafka_client_close(KafkaClient *client);
void kafka_client_interrupt(KafkaClient *client);

/* What the cluster says of a topic, or of all for NULL; to be destroyed. Waits for the cluster as
 * long as `timeout_us` says. WR3423: it does not answer. */
Status kafka_client_topics(KafkaClient *client, const char *topic, int64_t timeout_us,
                           const rd_kafka_metadata_t **out, Error *error);
/* The cluster cannot be reached; `what` was to be done. Retriable. */
Status kafka_unreachable(KafkaClient *client, const char *what, Error *error);

enum { KAFKA_START_TIMEOUT_US = 10 * 1000 * 1000 };

/* ---- Where it is read (splits.c, start.c) -------------------------------------------------- */

enum { KAFKA_NO_STOP = -1 };

/* A partition that is read. */
typedef struct KafkaSplit {
    const char *topic;
    int32_t partition;
    int64_t next; /* offset behind what was delivered */
    int64_t stop; /* the first offset that is not read, or KAFKA_NO_STOP */
    bool is_assigned;
} KafkaSplit;

typedef struct KafkaSplits {
    Arena *arena;
    KafkaSplit **items;
    uint8_t *is_done; /* by split: all of it that is wanted has been delivered */
    int32_t count, capacity, done_count;
} KafkaSplits;

KafkaSplit *kafka_splits_add(KafkaSplits *splits, const char *topic, int32_t partition);
/* Its index, or -1. */
int32_t kafka_splits_find(const KafkaSplits *splits, const char *topic, int32_t partition);
void kafka_splits_save(const KafkaSplits *splits, Buffer *out);
Status kafka_splits_load(KafkaSplits *splits, Str state, Error *error);

/* Add a split for every partition of the table's topics that has none; WR3424 and WR3427 when a
 * topic or a partition of the splits is not there. */
Status kafka_splits_find_new(KafkaSplits *splits, KafkaClient *client, const PlanTable *table,
                             int64_t timeout_us, Error *error);

/* Where splits from `first` on begin and end by the options. `is_new`: they were found later, and
 * begin with their first record. */
Status kafka_splits_place(KafkaSplits *splits, int32_t first, bool is_new, KafkaClient *client,
                          const PlanTable *table, Error *error);
/* What the options of startup and bounds lack; *option says where. NULL: nothing. */
const char *kafka_positions_check(const OptionSet *options, bool is_upsert, const char **option);

/* ---- Messages to rows (rows.c) ------------------------------------------------------------- */

typedef struct KafkaRows KafkaRows;

Status kafka_rows_open(SourceReader *reader, KafkaRows **out, Error *error);
void kafka_rows_close(KafkaRows *rows);
/* An empty batch to be filled. */
Batch *kafka_rows_begin(KafkaRows *rows);
/* Whether the rows of one more message have room. */
bool kafka_rows_has_room(const KafkaRows *rows, const Batch *batch);
/* Append what the message gives; if it cannot be read it is a dead letter. */
void kafka_rows_take(KafkaRows *rows, const rd_kafka_message_t *message, Batch *batch);
/* Columns in the order of the node. */
void kafka_rows_end(KafkaRows *rows, Batch *batch);

/* ---- Rows to messages (encode.c) ----------------------------------------------------------- */

/* A message to be sent. */
typedef struct KafkaMessage {
    Str key;                     /* data NULL: none */
    Str value;                   /* data NULL: a tombstone */
    int64_t timestamp_ms;        /* 0: now */
    rd_kafka_headers_t *headers; /* the taker's; or NULL */
} KafkaMessage;

typedef struct KafkaEncoder KafkaEncoder;

Status kafka_encoder_open(SinkWriter *writer, KafkaEncoder **out, Error *error);
/* NULL is allowed. */
void kafka_encoder_close(KafkaEncoder *encoder);
/* NULL, or why the row cannot be written. The message borrows until the next call. */
const char *kafka_encode(KafkaEncoder *encoder, const Batch *batch, int32_t row, KafkaMessage *out);

/* ---- Sending (producer.c) ------------------------------------------------------------------ */

typedef struct KafkaProducer {
    KafkaClient client; /* first: the client's opaque is the producer */
    SinkWriter *writer;
    rd_kafka_topic_t *topic;
    int32_t partition_count;
    bool has_failed;
    Error failure; /* of the first message that was given up */
} KafkaProducer;

/* `transactional_id` NULL: without transactions. */
Status kafka_producer_open(KafkaProducer *producer, SinkWriter *writer,
                           const char *transactional_id, Error *error);
void kafka_producer_close(KafkaProducer *producer);
/* Waits while the client's queue is full. `partition`: -1 leaves it to the partitioner. */
Status kafka_producer_send(KafkaProducer *producer, const KafkaMessage *message, int32_t partition,
                           Error *error);
/* Hear of what has been delivered or given up. */
Status kafka_producer_poll(KafkaProducer *producer, Error *error);
/* All that was sent is in the log. */
Status kafka_producer_flush(KafkaProducer *producer, Error *error);

#endif
