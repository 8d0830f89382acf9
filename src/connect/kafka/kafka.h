/* Inside connect/kafka/: what its files share. */
#ifndef WEIR_CONNECT_KAFKA_KAFKA_H
#define WEIR_CONNECT_KAFKA_KAFKA_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "connect/connect.h"
#include "connect/embedded.h"
#include "connect/kafka/coordinator.h"
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

/* ---- Which topics (pattern.c, targets.c) --------------------------------------------------- */

typedef struct KafkaPattern KafkaPattern;

/* WR3421: it is no regular expression. To be freed. */
Status kafka_pattern_new(Str text, KafkaPattern **out, Error *error);
bool kafka_pattern_matches(const KafkaPattern *pattern, Str name);
/* NULL is allowed. */
void kafka_pattern_free(KafkaPattern *pattern);

/* The names in the option 'topic': List of char *. None: the table has a pattern. */
List kafka_topics_named(Arena *arena, const OptionSet *options);

/* The topics that rows may name as theirs. *out NULL: there is one, and rows need not. */
typedef struct KafkaTargets KafkaTargets;

Status kafka_targets_open(Arena *arena, const OptionSet *options, KafkaTargets **out, Error *error);
/* NULL is allowed. */
void kafka_targets_close(KafkaTargets *targets);
/* NULL, or why a row cannot go there. No data: it names none. */
const char *kafka_targets_refuse(KafkaTargets *targets, Str topic);

/* ---- A client (properties.c, client.c) ---------------------------------------------------- */

/* The configuration that 'properties.*' says, by the names of Kafka's own client or of librdkafka.
 * WR3422: a property that neither has, or a value that is none; *key says which. */
Status kafka_properties(Arena *arena, const OptionSet *options, rd_kafka_conf_t *conf,
                        const char **key, Error *error);
/* Name and password for SASL, from either form; no data: none. */
void kafka_credentials(Arena *arena, const OptionSet *options, Str *username, Str *password);
/* A property of a client as it was given, or no data. */
Str kafka_property(const OptionSet *options, const char *name);

typedef struct KafkaClient {
    World *world;
    EmbeddedHub *hub; /* which it is a client of; NULL: of a cluster */
    rd_kafka_t *handle;
    pthread_mutex_t lock;
    char trouble[256]; /* what the client last complained of */
    /* Of a producer: what became of a message; called with the client. */
    void (*reported)(rd_kafka_t *handle, const rd_kafka_message_t *message, void *client);
    /* How it is, as JSON; may be NULL. Called with the client. */
    int (*measured)(rd_kafka_t *handle, char *json, size_t length, void *client);
    _Atomic bool is_interrupted;
} KafkaClient;

typedef struct KafkaSetting {
    const char *key, *value;
    bool is_fixed; /* whatever the table's properties say */
} KafkaSetting;

/* Before anything else, in zeroed memory; whoever was interrupted stays so. */
void kafka_client_init(KafkaClient *client, World *world);
/* Whether the table names no cluster. */
bool kafka_is_of_hub(const PlanTable *table);
/* The hub of this process, if the table names no cluster; else NULL. */
EmbeddedHub *kafka_hub(const PlanTable *table, EmbeddedHub *hub);
/* The table names no cluster: be a client of the hub of this process. */
Status kafka_client_embed(KafkaClient *client, const PlanTable *table, EmbeddedHub *hub,
                          Error *error);
/* A handle with `settings` (the last has no key), and the table's properties over those that are
 * not fixed. */
Status kafka_client_open(KafkaClient *client, Arena *arena, rd_kafka_type_t type,
                         const PlanTable *table, const KafkaSetting *settings, Error *error);
void kafka_client_close(KafkaClient *client);
void kafka_client_interrupt(KafkaClient *client);

/* What the cluster says of a topic, or of all for NULL; to be destroyed. Waits for the cluster as
 * long as `timeout_us` says. WR3423: it does not answer. */
Status kafka_client_topics(KafkaClient *client, const char *topic, int64_t timeout_us,
                           const rd_kafka_metadata_t **out, Error *error);
/* The same of one topic. Clusters that make topics when they are first asked for say at first that
 * there is none: then it asks again for a moment. */
Status kafka_client_topic(KafkaClient *client, const char *topic, int64_t timeout_us,
                          const rd_kafka_metadata_t **out, Error *error);
bool kafka_topic_is_unknown(const rd_kafka_metadata_t *metadata);
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
    int64_t end;  /* where it ended when that was asked for */
    int64_t eof;  /* where the client last found it at its end; more than `next` where records
                     stand there that are nobody's: marks of transactions */
    bool is_assigned;
    KafkaTopicId topic_id; /* zeros: not known */
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

/* Note the ids of topics that are not known yet. WR3427: a topic has another one than was noted: it
 * was made anew, and what was not read of the old one is gone. Where the table says by
 * 'auto.offset.reset' how to go on, its splits are placed there; `may_begin_again`: nothing is read
 * yet. */
Status kafka_splits_identify(KafkaSplits *splits, KafkaClient *client, const PlanTable *table,
                             bool may_begin_again, Error *error);
/* Where splits from `first` on begin, and where they end by the options. `begin`: as declared are
 * the options, from the earliest those that were found later. */
Status kafka_splits_place(KafkaSplits *splits, int32_t first, SourceBegin begin,
                          KafkaClient *client, const PlanTable *table, Error *error);
/* Begin again with a topic that was made anew, at its first record or its end. */
Status kafka_split_begin_again(KafkaSplit *split, bool is_at_first, KafkaClient *client,
                               const PlanTable *table, Error *error);
/* Note where each ends now. ERR_UNAVAILABLE may pass. */
Status kafka_splits_note_end(KafkaSplits *splits, KafkaClient *client, const PlanTable *table,
                             Error *error);
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
/* Append what the message gives; if it cannot be read it is a dead letter. A failure is no matter
 * of the message, which is to be given again. */
Status kafka_rows_take(KafkaRows *rows, const rd_kafka_message_t *message, Batch *batch,
                       Error *error);
/* Columns in the order of the node. */
void kafka_rows_end(KafkaRows *rows, Batch *batch);

/* ---- Rows to messages (encode.c) ----------------------------------------------------------- */

/* A message to be sent. */
typedef struct KafkaMessage {
    Str topic;                   /* data NULL: the only one of the table */
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

/* ---- Waiting (hold.c) ---------------------------------------------------------------------- */

/* Messages by their topic and key, of which the last counts. */
typedef struct KafkaHold KafkaHold;

KafkaHold *kafka_hold_new(Arena *arena);
/* NULL is allowed. */
void kafka_hold_free(KafkaHold *hold);
/* Copied; the headers are the hold's. */
void kafka_hold_put(KafkaHold *hold, const KafkaMessage *message);
int32_t kafka_hold_count(const KafkaHold *hold);
/* Of all that was put since the last clear. */
int64_t kafka_hold_bytes(const KafkaHold *hold);
/* In the order in which they came first; who sends it takes the headers out. */
KafkaMessage *kafka_hold_at(KafkaHold *hold, int32_t index);
void kafka_hold_clear(KafkaHold *hold);

/* ---- Sending (producer.c) ------------------------------------------------------------------ */

/* A topic as a producer knows it. */
typedef struct KafkaTopic {
    const char *name;
    rd_kafka_topic_t *handle; /* NULL: there is none of that name … */
    int64_t asked_us;         /* … as it was when that was asked; 0: it was not yet */
    int32_t partition_count;
    int64_t limit_bytes;    /* of a batch; 0: not known */
    int64_t limit_asked_us; /* monotonic */
} KafkaTopic;

typedef struct KafkaProducer {
    KafkaClient client; /* first: the client's opaque is the producer */
    SinkWriter *writer;
    Arena *arena;       /* of the topics, while it is open */
    Map *topics;        /* name -> KafkaTopic */
    KafkaTopic *first;  /* of those that the table names; NULL: it has a pattern */
    const char *noted;  /* the topic that the note of the transaction stands at; NULL: none yet */
    bool is_exact;      /* with transactions */
    bool is_compressed; /* what a batch takes is known to the client only */
    bool has_failed;
    Error failure; /* of the first message that was given up */
    /* With transactions: who the cluster knows it as; -1: not known yet. */
    int64_t id;
    int32_t epoch;
} KafkaProducer;

/* `transactional_id` NULL: without transactions. */
Status kafka_producer_open(KafkaProducer *producer, SinkWriter *writer,
                           const char *transactional_id, Error *error);
void kafka_producer_close(KafkaProducer *producer);
/* The topic of a message; it has no handle if there is none. Waits for the cluster. */
Status kafka_producer_topic(KafkaProducer *producer, Str name, KafkaTopic **out, Error *error);
/* Waits while the client's queue is full. `partition`: -1 leaves it to the partitioner. */
Status kafka_producer_send(KafkaProducer *producer, KafkaTopic *topic, const KafkaMessage *message,
                           int32_t partition, Error *error);
/* Hear of what has been delivered or given up. */
Status kafka_producer_poll(KafkaProducer *producer, Error *error);
/* All that was sent is in the log. */
Status kafka_producer_flush(KafkaProducer *producer, Error *error);

/* ---- How large a message may be (limit.c) --------------------------------------------------- */

/* The largest batch that the topic takes; 0: the cluster does not say. Waits for it a moment. */
int64_t kafka_topic_limit(KafkaClient *client, const char *topic);
/* What a message takes as the only one of a batch, without compression. */
int64_t kafka_message_bytes(const KafkaMessage *message);

/* ---- Transactions (transaction.c, settle.c) ------------------------------------------------- */

enum { KAFKA_ATTEMPT_BYTES = 17, KAFKA_ID_BYTES = 256 };

/* What a run that wrote a transaction knew of those before it. */
typedef enum KafkaKnown {
    KAFKA_KNOWS_NOTHING, /* an older version did not save it */
    KAFKA_KNOWS_TOPIC,   /* likewise: it is about the topic of the note alone */
    KAFKA_KNOWS_ALL,
} KafkaKnown;

/* A transaction that waits for its checkpoint to be durable, or for the next run to commit it. */
typedef struct KafkaPrepared {
    int64_t checkpoint;         /* 0: none */
    char group[KAFKA_ID_BYTES]; /* of the notes; "": an older version saved it, and not that */
    char attempt[KAFKA_ATTEMPT_BYTES]; /* the run that wrote it */
    KafkaKnown known;
    Str before; /* the runs whose notes stood there when that one began, one behind the other */
    char transactional_id[KAFKA_ID_BYTES];
    char topic[KAFKA_ID_BYTES]; /* that its note stands at; "": the first of the table */
    int64_t producer_id;
    int32_t producer_epoch;
} KafkaPrepared;

/* Two producers write by turns: one begins the next transaction while the other's waits. */
typedef struct KafkaTransactions {
    SinkWriter *writer;
    char name[KAFKA_ID_BYTES]; /* prefix and number of the writer: the group of its notes */
    char attempt[KAFKA_ATTEMPT_BYTES];
    Str before; /* the runs whose notes stood there when this one began, one behind the other */
    KafkaProducer producers[2];
    int32_t turn;      /* which of them writes */
    bool is_begun;     /* it has a transaction */
    bool has_prepared; /* the other's waits */
} KafkaTransactions;

/* Settle what `state` has prepared, shut out older runs and what they left. */
Status kafka_transactions_open(KafkaTransactions *transactions, SinkWriter *writer, Str state,
                               Error *error);
/* The same of a table that has been written exactly once and is no more. */
Status kafka_transactions_end(KafkaTransactions *transactions, SinkWriter *writer, Str state,
                              Error *error);
void kafka_transactions_close(KafkaTransactions *transactions);
void kafka_transactions_interrupt(KafkaTransactions *transactions);
/* The producer to write with, in a transaction. */
Status kafka_transactions_begin(KafkaTransactions *transactions, KafkaProducer **out, Error *error);
Status kafka_transactions_prepare(KafkaTransactions *transactions, int64_t checkpoint,
                                  Buffer *state, Error *error);
Status kafka_transactions_commit(KafkaTransactions *transactions, Error *error);

/* A note at a topic: which run committed there last, and for which checkpoint. */
typedef struct KafkaNote {
    const char *topic;
    char attempt[KAFKA_ATTEMPT_BYTES];
    int64_t checkpoint;
} KafkaNote;

/* All notes of the group, whichever topics the table writes: List of KafkaNote, of the arena. With
 * `is_stable` those of commits that the cluster has taken but not noted yet are waited for, some
 * seconds: also those of a transaction that stays open. */
Status kafka_notes_read(SinkWriter *writer, const char *group, bool is_stable, Arena *arena,
                        List *out, Error *error);
/* Whether the run is one of those in `before`. */
bool kafka_attempt_is_in(Str before, const char *attempt);
/* Commit what a run that is no more has prepared, unless that is done. WR3432: the cluster has
 * given it up; WR3437: it has, or it is committed, and nothing says which. */
Status kafka_settle(SinkWriter *writer, const KafkaPrepared *prepared, Error *error);

#endif
