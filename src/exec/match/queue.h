/* Partial and complete matches of a key, earliest start first.
 *
 * Which of two matches that start at the same row comes first is decided by the order in this
 * binary heap, and Flink's answers depend on it: Java's PriorityQueue, whose moves these are. The
 * match that has no row yet is NULL and comes last. */
#ifndef WEIR_EXEC_MATCH_QUEUE_H
#define WEIR_EXEC_MATCH_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "data/datetime.h"
#include "state/blocks.h"

typedef struct Match {
    int64_t start;     /* number of its first row */
    Timestamp started; /* time of that row */
    int32_t state;     /* MATCH_FINAL when complete */
    int32_t counts[];  /* rows of each variable; behind them, aligned, accumulators */
} Match;

typedef struct MatchQueue {
    Match **items; /* of the blocks */
    int32_t count;
    int32_t capacity;
} MatchQueue;

static inline int64_t match_start(const Match *match)
{
    return match == NULL ? INT64_MAX : match->start;
}

void queue_add(MatchQueue *queue, Blocks *blocks, Match *match);
/* The first one, taken out; the queue is not empty. */
Match *queue_poll(MatchQueue *queue);
/* Take out all that start before `start`, appending them to `removed`. */
void queue_remove_before(MatchQueue *queue, int64_t start, MatchQueue *removed, Blocks *blocks);
/* At the end, without regard to the order: for a queue that is used as a list. */
void queue_append(MatchQueue *queue, Blocks *blocks, Match *match);
void queue_free(MatchQueue *queue, Blocks *blocks);

#endif
