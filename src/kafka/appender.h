/* Appends off the thread of the network, so that a slow disk keeps no fetch and no heartbeat
 * waiting.
 *
 *   Produce, commits, markers ── append_submit ──> lanes, by partition ──> threads: checksums,
 * records unpacked, write ──> done
 *
 * What is queued for a partition is done in its order, by one thread at a time: the batches of a
 * producer stay in theirs, and the marker of a transaction stands behind them. Partitions do not
 * wait for each other, unless they share a lane. */
#ifndef WEIR_KAFKA_APPENDER_H
#define WEIR_KAFKA_APPENDER_H

#include "log/partition.h"

typedef struct Appender Appender;

/* A batch on its way into a partition, or something else that is written. Whoever makes it fills
 * the first part, and leaves all of it alone until it is let go of. */
typedef struct Append {
    Partition *partition; /* held by the owner; in whose order it is done */
    char *batch;          /* the offset is written into it */
    int64_t bytes;
    /* NULL: the batch is appended. Else what is done in its place; the two above are not used. */
    void (*write)(struct Append *append);
    void *owner;
    void (*let_go)(void *owner); /* from a thread, as the last thing */
    /* Good once it is done. */
    Appended appended;
    Status status;
    Error error;
    _Atomic bool is_done;
    struct Append *next;
} Append;

enum { APPENDER_THREADS_MAX = 8 };

/* `on_done` is called from a thread when an append is done that nothing else will tell of: it
 * failed, or what it wrote is acknowledged already. */
Status appender_new(int32_t threads, void (*on_done)(void *context), void *context, Appender **out,
                    Error *error);
/* After what is queued is done. NULL is allowed. */
void appender_free(Appender *appender);

void append_submit(Appender *appender, Append *append);
/* The same at once, by this thread. */
void append_run(Append *append);

#endif
