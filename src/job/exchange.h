/* The end of a task's chain: an operator that spreads rows over the channels to the next tasks.
 *
 * Rows are gathered per destination into owned batches, which leave when they are full, before a
 * watermark or barrier, or when the task has nothing more to do (exchange_flush). What finds a
 * full ring waits in an outbox; the task takes no input until exchange_drain has emptied it. */
#ifndef WEIR_JOB_EXCHANGE_H
#define WEIR_JOB_EXCHANGE_H

#include "exec/exec.h"
#include "job/channel.h"

typedef struct ExchangeSpec {
    const PlanNode *node; /* whose output it is */
    Channel *const *channels;
    int32_t channel_count;
    /* With keys rows of equal keys go to one channel; without, all go to the first. Watermarks and
     * barriers go to all. */
    const int32_t *keys;
    int32_t key_count;
} ExchangeSpec;

/* In task->query; the arrays of the spec must live as long. */
Operator *exchange_new(TaskContext *task, const ExchangeSpec *spec);

/* Send what has been gathered. */
void exchange_flush(Operator *op);
/* Send a barrier or the end to every channel, behind everything before. */
void exchange_send(Operator *op, const Message *message);
/* Move the outbox on; true when it is empty. */
bool exchange_drain(Operator *op);
/* What waits in it. */
int64_t exchange_outbox_bytes(const Operator *op);
void exchange_close(Operator *op);

#endif
