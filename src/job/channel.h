/* How tasks hand over: bounded rings with one writer and one reader, and wakers for threads that
 * have nothing to do.
 *
 *     writer ──[ batch | watermark | batch | barrier ]──> reader
 *        ^───────────[ used batches ]────────────────────┘
 *
 * Everything travels in order. A full ring says no, and the writer's task keeps the message and
 * takes no more input: that is the back-pressure. Batches that the reader has used go back by a
 * second ring, so a steady flow allocates nothing. */
#ifndef WEIR_JOB_CHANNEL_H
#define WEIR_JOB_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/world.h"
#include "data/batch.h"

/* ---- Wakers ------------------------------------------------------------------------------ */

/* One per thread. A wake that comes before the wait makes the wait return at once, so none is
 * lost. */
typedef struct Waker Waker;

Waker *waker_new(World *world);
void waker_free(Waker *waker);
/* Whether a thread is in waker_wait at this moment. */
bool waker_is_waiting(Waker *waker);
/* From any thread. */
void waker_wake(Waker *waker);
/* Until woken since the last return, or for `timeout_us` (< 0: without limit). Only the owner. */
void waker_wait(Waker *waker, int64_t timeout_us);

/* ---- Channels ---------------------------------------------------------------------------- */

typedef enum MessageKind {
    MESSAGE_BATCH,     /* the reader owns the batch until channel_recycle */
    MESSAGE_WATERMARK, /* value: the event time */
    MESSAGE_IDLE,      /* the writer has nothing to say about time until its next watermark */
    MESSAGE_BARRIER,   /* value: the checkpoint; is_last: nothing follows */
    MESSAGE_END,       /* no more rows; barriers may follow */
} MessageKind;

typedef struct Message {
    MessageKind kind;
    bool is_last;
    int64_t value;
    Batch *batch;
    int64_t bytes; /* that the batch holds */
} Message;

/* Of small messages; of wide rows a ring takes no more than CHANNEL_WIDE_MAX. One that held no more
 * than a scheduler's turn would leave a core idle whenever its writer has to wait for one. */
enum { CHANNEL_MESSAGES_MAX = 64, CHANNEL_WIDE_MAX = 16, CHANNEL_SMALL_BYTES = 1 << 20 };

typedef struct Channel Channel;

/* The wakers may be set later, but before the threads start. */
Channel *channel_new(void);
/* Frees what is still inside. NULL is allowed. */
void channel_free(Channel *channel);
/* The batches inside hold no more than this (but a single one that is larger), and used ones as
 * much again; before the threads start. Else it is what CHANNEL_WIDE_MAX large ones hold. */
void channel_limit(Channel *channel, int64_t bytes);
void channel_connect(Channel *channel, Waker *reader, Waker *writer);

/* Writer. False if the channel is full: the message is not taken. */
bool channel_put(Channel *channel, const Message *message);
/* Writer. A used batch to fill again, or NULL. */
Batch *channel_reuse(Channel *channel);

/* Reader. False if the ring is empty. */
bool channel_take(Channel *channel, Message *out);
bool channel_is_empty(const Channel *channel);
/* Reader. Give a batch back. */
void channel_recycle(Channel *channel, Batch *batch);

#endif
