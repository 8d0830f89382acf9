/* A batch goes into a task's operators: whole, or where it makes much of it in slices.
 *
 * What operators send on waits in the outbox when the channels are full, and one batch may make any
 * amount of it: a join with many matches, or 2,048 numbers that become texts of a megabyte. So
 * that this has a bound, no more rows are pushed at once than have lately filled the outbox to its
 * share, or brought as much state back into memory; the next ones go when it is empty. A batch that
 * is being worked off is all there is: no other message and no barrier passes it. A batch of a
 * source that is larger than any goes in windows of the usual size. */
#include "job/internal.h"

#include "base/ceiling.h"
#include "job/exchange.h"

enum {
    OUTBOX_BYTES_MAX = 16 << 20,
    OUTBOX_PART = 32,     /* of the limit of memory */
    SLICE_ROWS_FIRST = 4, /* nothing is known yet of what becomes of them */
};

static int64_t feed_outbox_bytes(const Task *task)
{
    int64_t bytes = 0;
    for (int32_t i = 0; i < task->writer_count; i++)
        bytes += exchange_outbox_bytes(task->writers[i]);
    return bytes;
}

/* By which state has grown that may leave memory, until room was made for it. */
static int64_t feed_state_bytes(const Task *task)
{
    int64_t bytes = 0;
    for (int32_t i = 0; task->context.spill != NULL && i < task->operator_count; i++)
        if (task->operators[i]->keyed != NULL)
            bytes += keyed_take_growth(task->operators[i]->keyed);
    return bytes;
}

static void feed_learn(Task *task, int32_t rows)
{
    Feed *feed = &task->feed;
    int64_t share = ceiling_share(OUTBOX_PART, OUTBOX_BYTES_MAX);
    int64_t outbox = feed_outbox_bytes(task), state = feed_state_bytes(task);
    int64_t bytes = outbox > state ? outbox : state;
    if (bytes > share) {
        int64_t fewer = rows * (share / 2) / bytes;
        feed->slice_rows = fewer > 1 ? (int32_t)fewer : 1;
    } else if (bytes < share / 4 && rows == feed->slice_rows && rows < BATCH_ROWS_MAX) {
        feed->slice_rows *= 2;
    }
}

void feed_begin(Task *task, TaskInput *from, Batch *batch)
{
    Feed *feed = &task->feed;
    assert(feed->batch == NULL && batch != NULL);
    feed->batch = batch;
    feed->from = from;
    feed->done = 0;
    bool may_be_much = task->reader != NULL || task->context.spill != NULL;
    if (feed->slice_rows == 0)
        feed->slice_rows = may_be_much ? SLICE_ROWS_FIRST : BATCH_ROWS_MAX;
}

void feed_end(Task *task)
{
    Feed *feed = &task->feed;
    if (feed->batch != NULL && feed->from != NULL)
        channel_recycle(feed->from->channel, feed->batch);
    else
        batch_free(feed->batch);
    feed->batch = NULL;
}

/* The next rows behind `done` of them, as a list of their own if they are not all. */
static Selection feed_slice(Task *task, Selection all, int32_t done)
{
    Feed *feed = &task->feed;
    if (done == 0 && all.count <= feed->slice_rows)
        return all;
    if (feed->rows == NULL)
        feed->rows = ARENA_ARRAY(task->context.query, int32_t, BATCH_ROWS_MAX);
    int32_t left = all.count - done;
    int32_t count = left < feed->slice_rows ? left : feed->slice_rows;
    for (int32_t i = 0; i < count; i++)
        feed->rows[i] = selection_row(all, done + i);
    return (Selection){.rows = feed->rows, .count = count};
}

Status feed_step(Task *task)
{
    Feed *feed = &task->feed;
    assert(feed->batch != NULL);
    int32_t total = feed->batch->selection.count;
    Batch part = *feed->batch;
    int32_t first = 0;
    if (part.row_count > BATCH_ROWS_MAX) {
        first = feed->done - feed->done % BATCH_ROWS_MAX;
        part = batch_window(feed->batch, first,
                            ARENA_ARRAY(task->context.scratch, Column, part.column_count));
    }
    part.selection = feed_slice(task, part.selection, feed->done - first);
    int32_t count = part.selection.count;
    task->context.eval.error_count = 0;
    (void)feed_state_bytes(task);
    Status status = task->reader != NULL ? operator_emit(task->head, &part)
                                         : operator_push(task->head, feed->from->input, &part);
    arena_reset(task->context.scratch);
    feed->done += count;
    if (status != OK || feed->done == total)
        feed_end(task);
    if (status == OK)
        status = task_make_room(task);
    feed_learn(task, count);
    return status;
}
