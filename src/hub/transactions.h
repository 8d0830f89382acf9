/* Transactions of producers: who may write under a transactional id, to which partitions the one
 * that goes on has written, and how it ended. Kept in the compacted topic __transaction_state, with
 * keys and values as a Kafka broker writes them.
 *
 *     EMPTY ── add ──> ONGOING ── end ──> PREPARE_COMMIT ── markers ──> COMPLETE_COMMIT ── add ──>
 * … └── end, time is over, a new producer ──> PREPARE_ABORT ── … ──> COMPLETE_ABORT
 *
 * A transaction is decided when PREPARE_… is durable. Only then markers are written, into each of
 * its partitions, and only when they are durable is it complete: after a crash at any moment a
 * start goes on from there. The partitions of a transaction are durable before anything is written
 * to them, so that there is no open transaction that nobody knows of.
 *
 * With version 2 (KIP-890) each end takes the producer's epoch away and gives it the next one: the
 * markers have it, so that whatever comes late of the transaction is refused by each partition. */
#ifndef WEIR_HUB_TRANSACTIONS_H
#define WEIR_HUB_TRANSACTIONS_H

#include "hub/offsets.h"

enum { TRANSACTION_TIMEOUT_MS_MAX = 15 * 60 * 1000 };

/* As they are on disk. */
typedef enum TransactionState {
    TRANSACTION_EMPTY = 0,
    TRANSACTION_ONGOING = 1,
    TRANSACTION_PREPARE_COMMIT = 2,
    TRANSACTION_PREPARE_ABORT = 3,
    TRANSACTION_COMPLETE_COMMIT = 4,
    TRANSACTION_COMPLETE_ABORT = 5,
} TransactionState;

typedef enum TransactionVerdict {
    TRANSACTION_GOOD,
    TRANSACTION_UNKNOWN,     /* no such transactional id, or it has another producer id */
    TRANSACTION_FENCED,      /* another producer has taken over */
    TRANSACTION_BUSY,        /* the one before is being ended: ask again */
    TRANSACTION_WRONG_STATE, /* that cannot be done now */
    TRANSACTION_PENDING,     /* it can be done when what was added is durable */
} TransactionVerdict;

typedef struct TransactionPartition {
    Str topic;
    int32_t index;
    int64_t written_end; /* what says that it belongs to the transaction is durable from there on */
} TransactionPartition;

typedef struct Transactions Transactions;

/* The marker of one partition, on its way or written. */
typedef struct TransactionMarker {
    Transactions *transactions;
    Partition *partition; /* held; NULL: there is nothing to write, or it is durable */
    bool is_of_offsets;
    int64_t producer_id;
    int16_t epoch;
    bool is_commit, is_submitted;
    /* Good once it is done. */
    int64_t end_offset;
    Status status;
    Error error;
    _Atomic bool is_done;
} TransactionMarker;

/* Of one transactional id. */
typedef struct Transaction {
    const char *id;
    int64_t producer_id;
    int16_t epoch;
    int16_t last_epoch; /* which the same producer may still name, or -1 */
    int64_t last_id;    /* with it: not the present one where the epochs of that have ended */
    int32_t timeout_ms;
    TransactionState state;
    int64_t started_ms, updated_ms;
    TransactionPartition *partitions;
    int32_t partition_count, partition_capacity;
    int64_t written_end; /* what is here is durable when the topic's high watermark is there */
    TransactionMarker *markers;
    int64_t retry_us;    /* a marker that could not be written is not tried again before */
    int64_t ended_count; /* transactions that have ended since the start */
    bool has_complained;
} Transaction;

/* Who asks. */
typedef struct TransactionProducer {
    Str id; /* the transactional id */
    int64_t producer_id;
    int16_t epoch;
} TransactionProducer;

/* What became of it. */
typedef struct TransactionAnswer {
    TransactionVerdict verdict;
    const Transaction *transaction;
    int64_t ended_count; /* of an end: what that of the transaction comes to when it is done */
} TransactionAnswer;

/* Read what there is; the topic is made if it is not there. `offsets` outlive it. */
Status transactions_open(World *world, Topics *topics, Offsets *offsets, Transactions **out,
                         Error *error);
/* NULL is allowed. */
void transactions_free(Transactions *transactions);

/* From now on markers are not written at once: `submit` sees to it that transaction_marker_write is
 * called, by one thread, for each in its turn and behind all batches of its transaction that are on
 * their way, before transactions_free. */
void transactions_set_submit(Transactions *transactions,
                             void (*submit)(void *context, TransactionMarker *marker),
                             void *context);
/* Without the lock of topics, which it takes for a while. */
void transaction_marker_write(TransactionMarker *marker);

/* A producer begins to use the id, and all before it are fenced. `asks` names the producer id and
 * epoch that it had, or -1. BUSY: the transaction of the one before is being aborted. */
Status transactions_init(Transactions *transactions, const TransactionProducer *asks,
                         int32_t timeout_ms, TransactionAnswer *out, Error *error);

/* It will write to these partitions; the first ones begin a transaction. */
Status transactions_add(Transactions *transactions, const TransactionProducer *asks,
                        const TransactionPartition *partitions, int32_t count,
                        TransactionAnswer *out, Error *error);

/* Commit or abort. `renews`: the producer goes on with another epoch, and may abort what has not
 * begun. Who asks again gets the same answer. */
Status transactions_end(Transactions *transactions, const TransactionProducer *asks, bool is_commit,
                        bool renews, TransactionAnswer *out, Error *error);

/* Whether the producer that has ended its transaction goes on as the one that has the id now. */
bool transaction_goes_on(const Transaction *transaction, const TransactionProducer *ended);

/* May a batch of its transaction be written to the partition? */
TransactionVerdict transactions_judge(const Transactions *transactions,
                                      const TransactionProducer *asks, Str topic, int32_t index);

/* Go on with those that end, abort those whose time is over, forget ids that are old. Whether
 * something has changed that calls may wait for. */
bool transactions_advance(Transactions *transactions);

/* Whether any goes on or ends. */
bool transactions_are_active(const Transactions *transactions);

/* The topic's only partition. */
Partition *transactions_partition(const Transactions *transactions);

/* NULL: there is none. */
const Transaction *transactions_find(const Transactions *transactions, Str id);
int32_t transactions_count(const Transactions *transactions);
const Transaction *transactions_at(const Transactions *transactions, int32_t index);
/* As Kafka calls it: "Ongoing". */
const char *transaction_state_name(TransactionState state);

#endif
