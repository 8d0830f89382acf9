/* One partition: batches in the order of their offsets, kept until retention or compaction takes
 * them.
 *
 *     start           durable end      end
 *       |  segments ... |  ...           |      what is durable is never lost; what is between
 *       v               v                v      durable end and end may be, by a power cut
 *
 * Calls may come from any thread. Between append and the moment when a batch is durable others can
 * be appended: one sync is for all of them (log_flush). */
#ifndef WEIR_LOG_PARTITION_H
#define WEIR_LOG_PARTITION_H

#include "base/list.h"
#include "log/producers.h"

typedef struct Partition Partition;

/* As Kafka's topic configurations of the same name. */
typedef struct PartitionConfig {
    int64_t segment_bytes;
    int64_t segment_ms;
    int64_t index_interval_bytes;
    int64_t message_bytes_max; /* max.message.bytes: of a batch */
    /* Up to 1: a batch is acknowledged when it is durable. Above: when it is written, and then it
     * is made durable after so many records or so many ms; a power cut can lose what was
     * acknowledged. */
    int64_t flush_messages;
    int64_t flush_ms;
    int64_t retention_ms;    /* -1: no limit */
    int64_t retention_bytes; /* -1: no limit */
    bool is_deleted;         /* cleanup.policy: what is old goes … */
    bool is_compacted;       /* … the last value of each key stays */
    int64_t delete_retention_ms;
    int64_t min_compaction_lag_ms;
    double min_cleanable_dirty_ratio;
    bool uses_reserve;     /* the topic is the hub's own: appends to it may use the disk's last */
    bool uses_append_time; /* message.timestamp.type */
    int64_t timestamp_before_max_ms, timestamp_after_max_ms;
} PartitionConfig;

/* Kafka's defaults, but flush_messages is 1. */
extern const PartitionConfig partition_config_default;

typedef enum AppendVerdict {
    APPEND_DONE,
    APPEND_REPEATED,       /* it was there already: the offsets are those of then */
    APPEND_DAMAGED,        /* not a batch, or its checksum is wrong */
    APPEND_INVALID,        /* a batch that may not be in this partition */
    APPEND_TOO_LARGE,      /* max.message.bytes */
    APPEND_WRONG_TIME,     /* message.timestamp.before.max.ms, …after.max.ms */
    APPEND_FENCED,         /* the producer's epoch is over */
    APPEND_OUT_OF_ORDER,   /* the producer's sequence has a gap */
    APPEND_IN_TRANSACTION, /* the producer has to end its transaction first */
} AppendVerdict;

typedef struct Appended {
    AppendVerdict verdict;
    const char *reason; /* why not; a constant, or NULL */
    int64_t base_offset;
    int64_t end_offset;     /* acknowledge when the high watermark is there */
    int64_t append_time_ms; /* NO_TIMESTAMP unless uses_append_time */
} Appended;

/* Write one batch at the end. Its base offset, and its time with uses_append_time, are set in
 * `batch` itself. A status other than OK means that the disk or the partition is at fault; nothing
 * is appended then. ERR_FULL may pass, and others may append meanwhile. */
Status partition_append(Partition *partition, char *batch, int64_t bytes, Appended *out,
                        Error *error);

/* Write the marker that ends the producer's transaction. Verdicts: done or fenced. It is made
 * durable whatever flush_messages says. */
Status partition_end_transaction(Partition *partition, int64_t producer_id, int16_t producer_epoch,
                                 bool is_commit, Appended *out, Error *error);

typedef enum ReadLevel {
    READ_WRITTEN,      /* all there is, for our own use */
    READ_ACKNOWLEDGED, /* below the high watermark */
    READ_COMMITTED,    /* below the first transaction whose end is open */
} ReadLevel;

typedef struct ReadRequest {
    int64_t offset;
    int64_t bytes_max;
    bool at_least_one; /* if it is larger than bytes_max, too */
    ReadLevel level;
} ReadRequest;

/* Batches from the one that has the offset, or the first behind it, whole and their checksums
 * right, are appended to `out`; none when there is none yet. ERR_NOT_FOUND with no error filled:
 * the offset is out of range. ERR_CORRUPT stops the partition. */
Status partition_read(Partition *partition, const ReadRequest *request, Buffer *out, Error *error);

/* Bytes of a file, which belong before the byte at `at` of what was read beside them. */
typedef struct ReadSpan {
    int64_t at;
    int64_t position, bytes; /* in the file */
} ReadSpan;

/* Batches that still lie in their file, from where they can be sent, and whose checksums were
 * compared a while ago at most (log/checked.h). Zeroed; free with partition_read_free, or read
 * again after partition_read_reset. */
typedef struct PartitionRead {
    Buffer bytes; /* headers, and small batches */
    ReadSpan *spans;
    int32_t span_count, span_capacity;
    int64_t span_bytes;
    int64_t end_offset;   /* behind the last batch */
    int descriptor;       /* of the file of the spans */
    Partition *partition; /* with spans: held, as the segment is, until it is freed or reset */
    struct Segment *segment;
} PartitionRead;

/* The same as partition_read. `window` is used for what is looked at, and belongs to the caller;
 * where it is NULL, files have no descriptors, or too many are kept open for what is sent already,
 * all is read into `bytes`. */
Status partition_read_in_place(Partition *partition, const ReadRequest *request, PartitionRead *out,
                               Buffer *window, Error *error);
/* Its spans could not be read: the segment's checksums are compared when they are asked for again,
 * which says why. */
void partition_read_distrust(PartitionRead *read);
void partition_read_reset(PartitionRead *read);
void partition_read_free(PartitionRead *read);

static inline int64_t partition_read_length(const PartitionRead *read)
{
    return read->bytes.length + read->span_bytes;
}

typedef struct PartitionOffsets {
    int64_t start_offset;
    int64_t end_offset;
    int64_t durable_end;
    int64_t high_watermark; /* what is below is acknowledged */
    int64_t stable_offset;  /* what is below is committed or aborted */
    int64_t bytes;
    int64_t max_timestamp_ms; /* NO_TIMESTAMP: there is none */
    int32_t segment_count;
} PartitionOffsets;

void partition_offsets(Partition *partition, PartitionOffsets *out);

/* The first record with at least that timestamp: its offset and timestamp, or NO_OFFSET. */
Status partition_find_time(Partition *partition, int64_t timestamp_ms, int64_t *offset,
                           int64_t *found_ms, Error *error);

/* Aborted transactions with batches in `from` … `to` - 1: appended to `out` (AbortedTransaction *),
 * copied into the arena. */
void partition_find_aborted(Partition *partition, int64_t from, int64_t to, Arena *arena,
                            List *out);

/* Another one since aborted transactions were forgotten because retention or compaction has taken
 * what there was of them. What was read before and what was found afterwards do not belong
 * together if this has changed meanwhile: read again. */
int64_t partition_aborted_version(Partition *partition);

/* The sequence with which the producer's next batch has to begin. */
int32_t partition_next_sequence(Partition *partition, int64_t producer_id, int16_t producer_epoch);

/* The sequence with which the producer's first batch began, or -1: there is none, or too many came
 * behind it. */
int32_t partition_first_sequence(Partition *partition, int64_t producer_id);

/* What is known of producers (Producer *), in no order, copied into the arena. */
void partition_list_producers(Partition *partition, Arena *arena, List *out);

/* Whether the record at `offset`, of a batch of the producer's transaction, is of one that goes on.
 */
bool partition_is_undecided(Partition *partition, int64_t producer_id, int64_t offset);

/* Wait until all below `end_offset` is durable. Needs a service that flushes (log_start). */
Status partition_wait(Partition *partition, int64_t end_offset, Error *error);

/* What is below `offset` may go; durable when it returns. ERR_NOT_FOUND without an error: it is
 * beyond the high watermark. */
Status partition_delete_before(Partition *partition, int64_t offset, Error *error);

void partition_set_config(Partition *partition, const PartitionConfig *config);

/* As it was given to log_partition. */
const char *partition_name(const Partition *partition);

/* Compact now what may be compacted, whatever the share that is dirty; nothing if that is being
 * done at this moment. For the service and tests. */
Status partition_compact(Partition *partition, Error *error);

/* One more user of it. */
void partition_hold(Partition *partition);
/* Give back what log_partition or partition_hold gave. */
void partition_release(Partition *partition);

#endif
