/* Batches made ahead of who takes them, by threads of its own, by others that have time for it, and
 * by the taker itself when it would have to wait; they come in the order in which they were
 * planned.
 *
 *     plan 7 ─ planned …                 slots: │ 4 done │ 5 being made │ 6 done │ 7 free │
 *     take 4 ─ the oldest, when it is made
 *
 * What a batch holds must follow from its plan alone. What waits takes a part of the limit of
 * memory at the most, or is one batch. */
#ifndef WEIR_CONNECT_NEXMARK_AHEAD_H
#define WEIR_CONNECT_NEXMARK_AHEAD_H

#include "base/arena.h"
#include "data/batch.h"

/* Which rows make a batch: so many from the number `first` on, of one of several sequences. */
typedef struct AheadPlan {
    int32_t sequence, rows;
    int64_t first;
} AheadPlan;

typedef struct AheadSpec {
    void *context;
    /* What is next; false: nothing, for ever. Called by one thread at a time. */
    bool (*plan)(void *context, AheadPlan *plan);
    /* Called by any thread. */
    Batch *(*make)(void *context, const AheadPlan *plan);
    int32_t threads;       /* that help; 0: the taker makes all */
    struct Metric *holder; /* of the memory that they take */
} AheadSpec;

typedef struct Ahead Ahead;

/* Start the threads, or as many of them as the system allows. What the spec points to must outlive
 * them. */
Ahead *ahead_open(Arena *arena, const AheadSpec *spec);
/* The next batch and its plan; the caller frees it. False: there is none any more. May wait for as
 * long as two batches take. By one thread. */
bool ahead_take(Ahead *ahead, AheadPlan *plan, Batch **batch);
/* Make a batch, if there is room for one and something to plan; from any thread, beside the others,
 * until ahead_close is called. Whether one was made, or it came out that there is none any more. */
bool ahead_help(Ahead *ahead);
/* Whether ahead_take would say something at once. */
bool ahead_is_ready(Ahead *ahead);
/* End the threads, free what was not taken. NULL is allowed. */
void ahead_close(Ahead *ahead);

#endif
