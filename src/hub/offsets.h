/* Where consumer groups are: the offsets that they have committed, kept in a topic of the log,
 * __consumer_offsets, which is compacted. Keys and values are as a Kafka broker writes them. */
#ifndef WEIR_HUB_OFFSETS_H
#define WEIR_HUB_OFFSETS_H

#include "hub/topics.h"

typedef struct Offsets Offsets;

typedef struct CommittedOffset {
    Str group, topic;
    int32_t partition;
    int64_t offset;
    int32_t leader_epoch; /* as the client has said; -1: nothing */
    Str metadata;
    int64_t committed_ms;
    int64_t written_at; /* offset in the topic; set by offsets_commit */
} CommittedOffset;

/* Reads all that was committed; makes the topic if it is not there. */
Status offsets_open(World *world, Topics *topics, Offsets **out, Error *error);
/* NULL is allowed. */
void offsets_free(Offsets *offsets);

/* The producer whose transaction a commit belongs to. */
typedef struct CommitProducer {
    int64_t id; /* -1: none */
    int16_t epoch;
} CommitProducer;

/* Write them, all of one group; within a transaction of the producer, if there is one: then they
 * count when it is committed, else at once. They are durable when the high watermark of the topic's
 * partition has come to `end_offset`. */
Status offsets_commit(Offsets *offsets, CommitProducer producer, const CommittedOffset *committed,
                      int32_t count, int64_t *end_offset, Error *error);

/* The same in steps, for commits that one thread makes and another one writes:
 *
 *     offsets_begin ──> offsets_append, without the lock of topics ──> offsets_finish
 *
 * They are appended in the order in which they were begun. */
typedef struct OffsetsWrite {
    CommitProducer producer;
    const CommittedOffset *commits; /* borrowed until it is finished */
    int32_t count;
    Buffer batch;
    int64_t end_offset;   /* when it is appended */
    int64_t ticket;       /* who it is among those that are on their way */
    int32_t forget_count; /* of what was to be forgotten before it began */
} OffsetsWrite;

void offsets_begin(Offsets *offsets, CommitProducer producer, const CommittedOffset *commits,
                   int32_t count, OffsetsWrite *out);
/* By one thread at a time. */
Status offsets_append(Offsets *offsets, OffsetsWrite *write, Error *error);
/* They count, if `appended` is OK. What has been forgotten since they began stays forgotten. */
Status offsets_finish(Offsets *offsets, OffsetsWrite *write, Status appended, Error *error);

/* The producer's transaction is over, its marker is written to the topic: what it has committed
 * counts, or never will. */
void offsets_end_transaction(Offsets *offsets, int64_t producer_id, bool is_commit);
/* Whether a transaction that goes on may change it. */
bool offsets_are_pending(const Offsets *offsets, Str group, Str topic, int32_t partition);

/* The topic's only partition. */
Partition *offsets_partition(const Offsets *offsets);

/* Which commits; what is not set is any. */
typedef struct OffsetsFilter {
    Str group, topic;
    int32_t partition; /* -1: any */
    int64_t before_ms; /* those that were committed earlier; 0: any */
    /* Those that it says yes to; NULL: any. */
    bool (*is_free)(void *context, Str group);
    void *context;
} OffsetsFilter;

/* They are gone, and count no more at once; durable when the high watermark has come to
 * `end_offset` (0: there were none). Those that are on their way are taken back when they are
 * finished: who has to know that waits for offsets_are_finished, and then for the end. A topic that
 * is removed has to be forgotten, and a group that is deleted. */
Status offsets_forget(Offsets *offsets, const OffsetsFilter *filter, int64_t *end_offset,
                      Error *error);

/* Whether something is to be taken back that could not be so far, from any thread; do it now, if it
 * can be done. */
bool offsets_owe(const Offsets *offsets);
Status offsets_settle(Offsets *offsets, Error *error);

/* The last write that has begun, and whether it and all before it are finished, and nothing is left
 * that is to be taken back; 0: there was none. */
int64_t offsets_begun(const Offsets *offsets);
bool offsets_are_finished(const Offsets *offsets, int64_t begun);
/* Behind the last record of the topic. */
int64_t offsets_end(const Offsets *offsets);

/* NULL: nothing was committed. Valid until the next commit. */
const CommittedOffset *offsets_find(const Offsets *offsets, Str group, Str topic,
                                    int32_t partition);

/* All, in no order, for index 0 … count - 1. */
int32_t offsets_count(const Offsets *offsets);
const CommittedOffset *offsets_at(const Offsets *offsets, int32_t index);

#endif
