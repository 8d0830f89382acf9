/* Sources, sinks and look-ups: what a connector implements, and what the runtime promises it.
 *
 * A connector is a folder with one `const Connector`, listed in connectors.c. Its ConnectorInfo
 * (plan/connector.h) tells the planner and the docs what it can do; SourceKind and SinkKind do
 * it. The runtime allocates `size` zeroed bytes for each instance, whose first member is a
 * SourceReader or SinkWriter; it calls every function of one instance from one thread (its task's
 * own, on which blocking is allowed), except `interrupt` and `progress`, which come from another.
 */
#ifndef WEIR_CONNECT_CONNECT_H
#define WEIR_CONNECT_CONNECT_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/metrics.h"
#include "base/status.h"
#include "base/world.h"
#include "data/batch.h"
#include "data/datetime.h"
#include "plan/plan.h"
#include "state/deadletter.h"

typedef struct Connector Connector;
typedef struct SourceReader SourceReader;
typedef struct SinkWriter SinkWriter;
typedef struct LookupReader LookupReader;
typedef struct EmbeddedHub EmbeddedHub; /* connect/embedded.h */

/* Where a source begins that has no position and could begin in several places. */
typedef struct SourceBegin {
    enum { BEGIN_AS_DECLARED, BEGIN_EARLIEST, BEGIN_AT_TIME } at;
    int64_t time_ms; /* since 1970, with BEGIN_AT_TIME */
} SourceBegin;

typedef enum SourcePhase { PHASE_SNAPSHOT, PHASE_STREAMING, PHASE_FINISHED } SourcePhase;

/* What a person waiting for a long snapshot wants to know. Written by the source, read by
 * others: each field alone is consistent. */
typedef struct Progress {
    _Atomic int32_t phase; /* SourcePhase */
    _Atomic int64_t rows_done;
    _Atomic int64_t rows_total; /* an estimate; 0: unknown */
    _Atomic int64_t bytes_done;
    _Atomic int64_t bytes_total;
    _Atomic int64_t event_time_us; /* of the newest change at its origin; 0: unknown */
} Progress;

typedef struct SourceKind {
    int32_t size;
    /* Connect and check: wrong options, missing rights, unknown tables are errors here, with a
     * hint. `state` is what snapshot wrote before, or empty for a fresh start. May block. */
    Status (*open)(SourceReader *reader, Str state, Error *error);
    /* The next rows, an owned batch given to the caller (columns as reader->node->schema). It may
     * have more than BATCH_ROWS_MAX where one record gives more, if all its rows count.
     * OK: *out is set. ERR_AGAIN: nothing within about 50 ms. ERR_END: bounded input is done.
     * Trouble that may pass (a lost connection) is the source's to retry with back-off inside
     * poll, returning ERR_AGAIN meanwhile; what it returns as an error stops the job: at once, or
     * with error->is_in_place behind one more checkpoint, as if the user had stopped it here. */
    Status (*poll)(SourceReader *reader, Batch **out, Error *error);
    /* The position right behind the last polled batch, so that open(state) goes on from there
     * with nothing lost and nothing twice. Must not block. */
    void (*snapshot)(SourceReader *reader, Buffer *out);
    /* The checkpoint that holds the snapshot is durable. May be NULL. */
    void (*committed)(SourceReader *reader, int64_t checkpoint);
    /* From another thread: make a blocking poll or open return soon (ERR_CANCELLED). May be NULL.
     */
    void (*interrupt)(SourceReader *reader);
    void (*close)(SourceReader *reader); /* also after a failed open */
    /* Note the end of all that is there now; may block. What may pass is retriable. NULL, with the
     * next: the runtime goes by quiet, and by the age of what comes. */
    Status (*note_end)(SourceReader *reader, Error *error);
    /* Whether all up to what was noted has been polled. */
    bool (*has_reached_end)(SourceReader *reader);
    /* Before open: whether poll and help take as long as making the rows, of this table, and wait
     * for nothing else: then threads that have other work may call them, poll one at a time. NULL:
     * they may wait. */
    bool (*never_waits)(const SourceReader *reader);
    /* Of a source with helpers: make something that poll will give out, if there is anything to be
     * made; while it is open, from several threads at a time, beside poll and the others. `helper`
     * is the thread: 0 … reader->helper_count - 1. Whether it has made anything, or poll has
     * something new to say all the same. NULL, with the next: poll makes it all. */
    bool (*help)(SourceReader *reader, int32_t helper);
    /* Whether poll has anything to say; else it is to be asked when somebody has helped. */
    bool (*is_ready)(SourceReader *reader);
    /* Whether the table is read from the hub of this process. NULL: none is. */
    bool (*is_of_hub)(const PlanTable *table);
} SourceKind;

/* A source that reads several things side by side, such as the partitions of a topic, gives each
 * batch from one of them, and its number from 1 in batch->split: event time is then that of the
 * slowest. Read by the operators behind the source, on its thread. */
typedef struct SourceSplits {
    int32_t count;          /* they may become more */
    const uint8_t *is_done; /* by number - 1: nothing more comes from it */
} SourceSplits;

/* Filled by the runtime before open. */
struct SourceReader {
    struct Metric *holder; /* for whom memory counts that it takes, see memory_hold */
    const SourceKind *kind;
    const PlanNode *node; /* PLAN_SOURCE: table, columns, schema */
    World *world;
    Arena *arena; /* lives as long as the instance */
    DeadLetters *dead_letters;
    const char *const *letter_folders; /* data folders whose dead letters can be read; ends with
                                          NULL, or is NULL */
    const TimeZone *zone;
    EmbeddedHub *hub; /* of this process; NULL: there can be none */
    SourceBegin begin;
    bool tells_end;            /* note_end may be asked for */
    const char *metric_labels; /* "" or what tells metrics of this job from those of another */
    SourceSplits splits;       /* the source's to keep; count 0: it reads one thing */
    int64_t memory_bytes;      /* weir.memory.limit, of which it may hold a part; 0: none */
    Progress progress;
    Metric *records;        /* weir_source_records_total of this source; the runtime counts */
    int32_t decode_threads; /* how many helper threads it may use; 0: it decodes itself */
    int32_t helper_count;   /* threads that call help, instead of any of its own; 0: none does */
    /* For help: others may find something to do now. NULL without helpers. */
    void (*call_helpers)(const void *context);
    const void *call_context;
};

typedef struct SinkKind {
    int32_t size;
    /* `state` is what prepare wrote for the checkpoint that is being restored, or empty. In-doubt
     * work of that checkpoint is committed here, leftovers behind it are undone. May block. */
    Status (*open)(SinkWriter *writer, Str state, Error *error);
    /* Take the selected rows (columns as writer->node->schema). May buffer and may block.
     * ERR_UNAVAILABLE or ERR_FULL with error->is_retriable: nothing of this batch counts as
     * written; the runtime calls again with the same batch after a back-off. */
    Status (*write)(SinkWriter *writer, const Batch *batch, Error *error);
    /* Called at least every 100 ms between batches: flush what has waited long enough. May be
     * NULL. Retriable failures as for write. */
    Status (*tick)(SinkWriter *writer, int64_t now_us, Error *error);
    /* The watermark has passed to here. May be NULL. */
    Status (*advance)(SinkWriter *writer, Timestamp watermark, Error *error);
    /* A barrier: everything written before is delivered, or described in `state` so that commit
     * or open can finish it. */
    Status (*prepare)(SinkWriter *writer, int64_t checkpoint, Buffer *state, Error *error);
    /* The checkpoint is durable: make what was prepared visible. Comes before the next prepare. May
     * be NULL. */
    Status (*commit)(SinkWriter *writer, int64_t checkpoint, Error *error);
    /* End of bounded input, after the last write: prepare and commit for good follow. May be NULL.
     */
    Status (*finish)(SinkWriter *writer, Error *error);
    void (*interrupt)(SinkWriter *writer); /* as for sources; may be NULL */
    void (*close)(SinkWriter *writer);     /* also after a failed open; does not deliver */
} SinkKind;

struct SinkWriter {
    const SinkKind *kind;
    const PlanNode *node; /* PLAN_SINK: table, writes, schema */
    World *world;
    Arena *arena;
    DeadLetters *dead_letters;
    const TimeZone *zone;
    const char *notes;    /* a folder of this pipeline's sinks, for files of theirs; NULL: none */
    EmbeddedHub *hub;     /* of this process; NULL: there can be none */
    int64_t memory_bytes; /* weir.memory.limit, of which it may hold a part; 0: none */
    int32_t subtask, subtask_count;
};

/* ---- Look-ups ----------------------------------------------------------------------------- */

/* Rows that were found, each for one of the keys that were asked for. */
typedef struct LookupRows LookupRows;

/* Room for one more row, found for key number `key`: write it into the batch at `*row`. All its
 * columns are to be written; their values are zero and not NULL so far. */
Batch *lookup_rows_add(LookupRows *rows, int32_t key, int32_t *row);
/* Take back the row that was added last. */
void lookup_rows_drop(LookupRows *rows);

enum { LOOKUP_ROWS_CAPACITY = 256 }; /* of the batches that lookup_rows_add gives */

typedef struct LookupKind {
    int32_t size;
    int32_t keys_max; /* that one call of find may be asked for */
    /* Connect and check. May block. What may pass is retriable: the runtime calls again. */
    Status (*open)(LookupReader *reader, Error *error);
    /* Find the rows for the keys 0 … keys->row_count - 1, none of which is NULL. Columns of keys
     * as reader->keys. May block. After a failure with error->is_retriable the runtime calls again
     * after a back-off; what was added is forgotten. A row that cannot be read is a dead letter. */
    Status (*find)(LookupReader *reader, const Batch *keys, LookupRows *rows, Error *error);
    void (*interrupt)(LookupReader *reader); /* from another thread; may be NULL */
    void (*close)(LookupReader *reader);     /* also after a failed open */
} LookupKind;

/* One connection. A reader is used by one thread at a time. Filled by the runtime before open. */
struct LookupReader {
    const LookupKind *kind;
    const PlanNode *node; /* PLAN_LOOKUP_JOIN: table, columns, fetched */
    const int32_t *keys;  /* columns of `fetched` by which is asked */
    int32_t key_count;
    int64_t timeout_us; /* how long find may take; what takes longer is retriable */
    World *world;
    Arena *arena; /* lives as long as the instance */
    DeadLetters *dead_letters;
    const TimeZone *zone;
};

struct Connector {
    const ConnectorInfo *info;
    const SourceKind *source; /* NULL: cannot be read */
    const SinkKind *sink;     /* NULL: cannot be written */
    const LookupKind *lookup; /* NULL: rows are looked up in a full copy, or not at all */
};

/* All connectors, in the order of `weir connector list`. */
int32_t connector_count(void);
const Connector *connector_at(int32_t index);
const Connector *connector_find(const ConnectorInfo *info);

/* For the planner: all connectors and formats. */
const Registry *connect_registry(void);

#endif
