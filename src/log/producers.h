/* What a partition knows of its producers: the last batches of each, so that one that is sent again
 * is not kept twice, and its transactions.
 *
 * All of it follows from the batches of the partition in their order; a snapshot saves reading them
 * all again. */
#ifndef WEIR_LOG_PRODUCERS_H
#define WEIR_LOG_PRODUCERS_H

#include "log/batch.h"

enum { PRODUCER_BATCHES = 5, NO_OFFSET = -1 };

typedef struct ProducerBatch {
    int32_t first_sequence, last_sequence;
    int64_t base_offset, end_offset;
    int64_t timestamp_ms;
} ProducerBatch;

typedef struct Producer {
    int64_t id;
    int64_t transaction_offset; /* of the first batch of the one that goes on, or NO_OFFSET */
    int64_t later_offset;       /* during a replay only; see producers_begin_replay */
    /* When its last batch came, or was found by a start; not what it says itself. */
    int64_t used_ms;
    int16_t epoch;
    int16_t batch_count;
    ProducerBatch batches[PRODUCER_BATCHES]; /* the newest last */
} Producer;

/* Readers of what is committed skip the producer's batches between these offsets. */
typedef struct AbortedTransaction {
    int64_t producer_id;
    int64_t first_offset, marker_offset;
} AbortedTransaction;

typedef struct Producers Producers;

typedef enum ProducerVerdict {
    PRODUCER_MAY_WRITE,
    PRODUCER_REPEATS,       /* this very batch is there already */
    PRODUCER_IS_FENCED,     /* another one with its id has a higher epoch */
    PRODUCER_OUT_OF_ORDER,  /* its sequence does not follow the last one */
    PRODUCER_IN_TRANSACTION /* it has begun one and this batch is not part of it */
} ProducerVerdict;

Producers *producers_new(void);
void producers_free(Producers *producers);
void producers_reset(Producers *producers);

/* May this batch be written? `earlier` is the one that it repeats. */
ProducerVerdict producers_judge(const Producers *producers, const BatchHeader *header,
                                ProducerBatch *earlier);

/* The batch is in the partition. Of one that ends a transaction, `is_commit` says how. `now_ms`,
 * not the batch's timestamps, decides on how long the producer is known. */
void producers_note(Producers *producers, const BatchHeader *header, bool is_commit,
                    int64_t now_ms);

/* Until producers_end_replay, what is noted was found in the log, whose compaction has taken things
 * out: of the transactions that have batches below `clean_end` all that was aborted is gone, and
 * below `decided_end` each transaction has ended. The end itself may be gone, because earlier
 * versions took markers away while the records stayed. */
void producers_begin_replay(Producers *producers, int64_t clean_end, int64_t decided_end);
void producers_end_replay(Producers *producers);

/* The offset that begins the oldest transaction whose end is not below `high_watermark`; or the
 * high watermark. Ends are remembered until they are below `durable_end`, too. */
int64_t producers_stable_offset(Producers *producers, int64_t high_watermark, int64_t durable_end);

/* NULL: not known. Valid until the next change. */
const Producer *producers_find(const Producers *producers, int64_t id);

/* The first of all, or the next behind `after`, in no order; NULL at the end. Valid until the next
 * change. */
const Producer *producers_next(const Producers *producers, const Producer *after);

/* The sequence with which the next batch of the producer has to begin. */
int32_t producers_next_sequence(const Producers *producers, int64_t id, int16_t epoch);

/* Transactions that were aborted and have batches at `from` … `to` - 1, ascending by marker:
 * returns the first of the list behind `after` (or the first of all), or NULL. Valid until the next
 * change.
 */
const AbortedTransaction *producers_next_aborted(const Producers *producers, int64_t from,
                                                 int64_t to, const AbortedTransaction *after);

/* Forget aborted transactions that have ended below `offset`: nothing of them is there. */
void producers_forget_aborted(Producers *producers, int64_t offset);
/* Another one since aborted transactions were forgotten. */
int64_t producers_aborted_version(const Producers *producers);

/* Forget those that have not written since and are in no transaction, and aborted transactions
 * whose batches are all below `start_offset`. */
void producers_expire(Producers *producers, int64_t before_ms, int64_t start_offset);

/* A snapshot of all that is known at `end_offset` in the partition with that identity. */
void producers_write(const Producers *producers, uint32_t identity, int64_t end_offset,
                     Buffer *out);
/* The state becomes that of the snapshot; false, with an empty state, if it is damaged or of
 * another partition or offset. `allows_old`: it may be one of an older version, which says nothing
 * of the partition. Of versions that did not note when a producer was there, all were there now. */
bool producers_read(Producers *producers, Str snapshot, uint32_t identity, bool allows_old,
                    int64_t end_offset, int64_t now_ms);

#endif
