/* Rows that wait for the watermark, given back in order of time.
 *
 * Rows come nearly in order. They are laid down in ascending runs: a row goes behind the first run
 * that ends at or before it. What is due is a prefix of each run, and the prefixes are merged. Rows
 * of equal time keep the order in which they came. */
#ifndef WEIR_EXEC_MATCH_PENDING_H
#define WEIR_EXEC_MATCH_PENDING_H

#include "exec/match/rows.h"

typedef struct PendingRow {
    Timestamp time;
    uint8_t *key; /* value of the state table */
    MatchRow *row;
} PendingRow;

typedef struct PendingRun {
    PendingRow *rows;
    int64_t begin, end, capacity;
} PendingRun;

typedef struct Pending {
    PendingRun *runs; /* the times of their last rows fall from run to run */
    int32_t run_count, run_capacity;
    int64_t count;
    PendingRun spare;        /* the memory of a run that became empty, for the next one */
    PendingRow *due, *other; /* where due rows are merged */
    int64_t due_capacity;
} Pending;

void pending_add(Pending *pending, PendingRow row);
/* The rows up to `time`, in order, until the next call; how many. */
int64_t pending_take(Pending *pending, Timestamp time, PendingRow **out);
void pending_free(Pending *pending);
int64_t pending_bytes(const Pending *pending);

#endif
