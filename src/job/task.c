/* A task: takes messages from its channels in order, lines barriers up, steps its operators. */
#include "job/internal.h"

#include "base/memory.h"
#include "base/planted.h"
#include "job/exchange.h"

void board_fail(Board *board, const Error *error, Status status)
{
    assert(status != OK);
    pthread_mutex_lock(&board->mutex);
    bool is_consequence = atomic_load(&board->is_stopping) || status == ERR_CANCELLED;
    if (!board->has_failed && !is_consequence) {
        board->has_failed = true;
        board->error = *error;
        board->error.status = status;
    }
    pthread_mutex_unlock(&board->mutex);
    atomic_store(&board->is_stopping, true);
    waker_wake(board->coordinator);
}

void board_part(Board *board, const Error *error)
{
    pthread_mutex_lock(&board->mutex);
    if (!board->has_parted)
        board->parting = *error;
    board->has_parted = true;
    pthread_mutex_unlock(&board->mutex);
    atomic_store(&board->is_parting, true);
    waker_wake(board->coordinator);
}

/* ---- Opening ----------------------------------------------------------------------------- */

/* Of the records of the full checkpoint behind the first piece. */
static int64_t entry_coming_bytes(const StateEntry *entry)
{
    int64_t bytes = 0;
    for (int32_t i = 1; i < entry->record_count; i++)
        bytes += entry->records[i].file == entry->records[0].file ? entry->records[i].length : 0;
    return bytes;
}

static Status task_restore_entry(const Task *task, Operator *op, const Snapshot *restored,
                                 const StateEntry *entry)
{
    StateOrigin origin = {entry->shard, restored->head.shard_count};
    Error *error = op->task->error;
    Buffer bytes = {0};
    Status status = OK;
    for (int32_t i = 0; status == OK && i < entry->record_count; i++) {
        bytes.length = 0;
        status = snapshot_read(restored, &entry->records[i], &bytes, error);
        if (status == OK)
            status = operator_load_records(op, buffer_str(&bytes), &origin);
        int64_t coming = i == 0 ? entry_coming_bytes(entry) : 0;
        if (status == OK)
            status = move_look(task->board, op, entry->records[i].length, coming, error);
        if (status == OK && i == 0)
            keyed_expect(op->keyed, entry->records[0].length, coming);
        if (status == OK)
            status = operator_make_room(op);
    }
    bytes.length = 0;
    if (status == OK)
        status = snapshot_read(restored, &entry->rest, &bytes, error);
    if (status == OK && bytes.length > 0)
        status = op->kind->restore(op, buffer_str(&bytes));
    buffer_free(&bytes);
    return status;
}

/* The state of all shards goes to each operator when their number has changed: it keeps the keys
 * that are its own. With the same number each finds its own entry. */
static Status task_restore_operator(Task *task, Operator *op, const Snapshot *restored)
{
    int32_t shard_count = restored->head.shard_count;
    bool is_same = shard_count == task->board->shard_count;
    for (int32_t i = 0; i < restored->entry_count; i++) {
        const StateEntry *entry = &restored->entries[i];
        if (entry->role == STATE_SOURCE || entry->role == STATE_LETTERS ||
            !plan_uid_takes(op->node->uid, entry->uid))
            continue;
        if (is_same && entry->shard != task->context.shard)
            continue;
        if (planted(PLANTED_SHARD_NOT_RESTORED) && entry->shard == shard_count - 1)
            continue;
        if (planted(PLANTED_IN_DOUBT_FORGOTTEN) && entry->role == STATE_SINK)
            continue;
        TRY(task_restore_entry(task, op, restored, entry));
    }
    return OK;
}

static Status task_open_source(Task *task, const Snapshot *restored)
{
    const StateEntry *entry = NULL;
    Buffer position = {0};
    if (restored != NULL)
        entry = snapshot_find(restored, STATE_SOURCE, task->fragment->head->uid);
    Status status = OK;
    if (entry != NULL)
        status = snapshot_read(restored, &entry->rest, &position, &task->error);
    memory_hold(task->reader->holder);
    if (status == OK)
        status = task->reader->kind->open(task->reader, buffer_str(&position), &task->error);
    memory_hold(NULL);
    buffer_free(&position);
    return status;
}

Status task_prepare(Task *task)
{
    Status status = OK;
    for (int32_t i = 0; status == OK && i < task->operator_count; i++) {
        Operator *op = task->operators[i];
        memory_hold(op->holder);
        status = op->kind->open == NULL ? OK : op->kind->open(op);
        memory_hold(NULL);
    }
    return status;
}

Status task_open(Task *task, const Snapshot *restored)
{
    for (int32_t i = 0; i < task->operator_count; i++) {
        Operator *op = task->operators[i];
        memory_hold(op->holder);
        Status status = OK;
        if (restored != NULL && op->kind->restore != NULL)
            status = task_restore_operator(task, op, restored);
        if (status == OK)
            status = operator_start(op);
        memory_hold(NULL);
        TRY(status);
        arena_reset(task->context.scratch);
    }
    return task->reader == NULL ? OK : task_open_source(task, restored);
}

/* ---- Output ------------------------------------------------------------------------------ */

bool task_drain(Task *task)
{
    bool is_empty = true;
    for (int32_t i = 0; i < task->writer_count; i++)
        is_empty = exchange_drain(task->writers[i]) && is_empty;
    task->context.is_clogged = task->context.is_clogged && !is_empty;
    if (is_empty && task->blocked_since_us == 0)
        return true;
    int64_t now_us = world_monotonic_us(task->context.world);
    if (task->blocked_since_us != 0)
        metric_add(task->backpressure, now_us - task->blocked_since_us);
    task->blocked_since_us = is_empty ? 0 : now_us;
    return is_empty;
}

void task_flush(Task *task)
{
    for (int32_t i = 0; i < task->writer_count; i++)
        exchange_flush(task->writers[i]);
}

void task_send(Task *task, const Message *message)
{
    for (int32_t i = 0; i < task->writer_count; i++)
        exchange_send(task->writers[i], message);
}

/* ---- What was left for later ------------------------------------------------------------- */

bool task_has_more(const Task *task)
{
    for (int32_t i = 0; i < task->operator_count; i++)
        if (task->operators[i]->has_more)
            return true;
    return false;
}

Status task_go_on(Task *task)
{
    for (int32_t i = task->operator_count - 1; i >= 0; i--) {
        TRY(operator_go_on(task->operators[i]));
        arena_reset(task->context.scratch);
        if (task->operators[i]->has_more)
            break;
    }
    if (task->is_ending && !task_has_more(task))
        task_end(task);
    return OK;
}

/* ---- Barriers ---------------------------------------------------------------------------- */

static Status task_commit(Task *task)
{
    int64_t committed = atomic_load(&task->board->committed);
    if (committed <= task->committed)
        return OK;
    assert(committed <= task->barrier);
    task->committed = committed;
    if (task->reader != NULL && task->reader->kind->committed != NULL)
        task->reader->kind->committed(task->reader, committed);
    for (int32_t i = 0; i < task->operator_count; i++) {
        Operator *op = task->operators[i];
        if (op->kind->committed == NULL)
            continue;
        memory_hold(op->holder);
        Status status = op->kind->committed(op, committed);
        memory_hold(NULL);
        TRY(status);
    }
    return OK;
}

Status task_take_barrier(Task *task, int64_t id, bool is_last)
{
    assert(id > task->barrier && !task->is_last_taken && !task_has_more(task));
    /* A sink hears that the last checkpoint is durable before it prepares the next. */
    TRY(task_commit(task));
    assert(task->committed == task->barrier || task->barrier == 0);
    TRY(task_save(task, id));
    task->barrier = id;
    task->is_last_taken = is_last;
    deadletters_pass(task->context.dead_letters, id);
    task_send(task, &(Message){.kind = MESSAGE_BARRIER, .value = id, .is_last = is_last});
    arena_reset(task->context.scratch);
    return OK;
}

bool task_is_done(const Task *task)
{
    return task->is_last_taken && task->committed == task->barrier;
}

/* ---- Input ------------------------------------------------------------------------------- */

/* Tell the head what the channels of one of its inputs say together about time. A channel that woke
 * up behind it does not count before it has caught up: see OperatorKind.is_union. */
static Status task_combine_time(Task *task, int32_t input)
{
    Timestamp said = task->head->inputs[input].watermark;
    Timestamp least = TIMESTAMP_MAX;
    bool is_idle = true, has_laggard = false;
    for (int32_t i = 0; i < task->input_count; i++) {
        const TaskInput *in = &task->inputs[i];
        if (in->input != input || in->is_idle)
            continue;
        is_idle = false;
        if (in->watermark < said)
            has_laggard = true;
        else if (in->watermark < least)
            least = in->watermark;
    }
    if (is_idle)
        return operator_receive_idle(task->head, input, true);
    if (task->head->inputs[input].is_idle)
        TRY(operator_receive_idle(task->head, input, false));
    if (least == TIMESTAMP_MIN || (has_laggard && least == TIMESTAMP_MAX))
        return OK;
    if (task->input_count == 1 || task->head->input_count == 1)
        task->context.eval.watermark = least;
    return operator_receive_watermark(task->head, input, least);
}

void task_end(Task *task)
{
    assert(!task->has_ended);
    /* What is still to be made is followed by the end. */
    task->is_ending = task_has_more(task);
    if (task->is_ending)
        return;
    task->has_ended = true;
    task_send(task, &(Message){.kind = MESSAGE_END});
    Board *board = task->board;
    pthread_mutex_lock(&board->mutex);
    assert(board->ends_missing > 0);
    board->ends_missing--;
    pthread_mutex_unlock(&board->mutex);
    waker_wake(board->coordinator);
}

static Status task_end_input(Task *task, TaskInput *in)
{
    in->has_ended = true;
    in->is_idle = false;
    in->watermark = TIMESTAMP_MAX;
    TRY(task_combine_time(task, in->input));
    for (int32_t i = 0; i < task->input_count; i++)
        if (!task->inputs[i].has_ended)
            return OK;
    task_end(task);
    return OK;
}

static Status task_align(Task *task, TaskInput *in, const Message *message)
{
    assert(!in->is_aligned);
    if (planted(PLANTED_BARRIER_NOT_ALIGNED))
        return message->value > task->barrier
                   ? task_take_barrier(task, message->value, message->is_last)
                   : OK;
    in->is_aligned = true;
    for (int32_t i = 0; i < task->input_count; i++)
        if (!task->inputs[i].is_aligned)
            return OK;
    for (int32_t i = 0; i < task->input_count; i++)
        task->inputs[i].is_aligned = false;
    return task_take_barrier(task, message->value, message->is_last);
}

static Status task_handle(Task *task, TaskInput *in, Message *message)
{
    switch (message->kind) {
    case MESSAGE_BATCH:
        assert(!in->has_ended);
        feed_begin(task, in, message->batch);
        return OK;
    case MESSAGE_WATERMARK:
        in->watermark = message->value;
        in->is_idle = false;
        return task_combine_time(task, in->input);
    case MESSAGE_IDLE: in->is_idle = message->value != 0; return task_combine_time(task, in->input);
    case MESSAGE_BARRIER: return task_align(task, in, message);
    case MESSAGE_END: return task_end_input(task, in);
    }
    return OK;
}

/* The next channel in turn that has a message and is not held back by its barrier. */
static TaskInput *task_next_input(Task *task)
{
    for (int32_t i = 0; i < task->input_count; i++) {
        int32_t at = (task->next_input + i) % task->input_count;
        TaskInput *in = &task->inputs[at];
        if (in->is_aligned || channel_is_empty(in->channel))
            continue;
        task->next_input = (at + 1) % task->input_count;
        return in;
    }
    return NULL;
}

static Status task_take_message(Task *task, bool *is_idle)
{
    TaskInput *in = task_next_input(task);
    *is_idle = in == NULL;
    if (in == NULL)
        return OK;
    Message message;
    bool is_taken = channel_take(in->channel, &message);
    assert(is_taken);
    return task_handle(task, in, &message);
}

/* Few rows among many, such as the results that somebody watches, do not wait until a batch is full
 * of them, or until nothing comes. */
static void task_flush_in_time(Task *task)
{
    int64_t now_us = world_monotonic_us(task->context.world);
    if (now_us - task->flushed_us < FLUSH_INTERVAL_US)
        return;
    task->flushed_us = now_us;
    task_flush(task);
}

static Status task_step_inputs(Task *task, bool *progressed)
{
    for (int32_t i = 0; i < STEP_MESSAGES_MAX && !task->is_last_taken; i++) {
        if (!task_drain(task) || task_waits_for_pieces(task))
            return OK;
        if (task_has_more(task)) {
            *progressed = true;
            TRY(task_go_on(task));
            TRY(task_make_room(task));
            TRY(pressure_check(task->board, &task->error));
            task_save_some(task, progressed);
            continue;
        }
        bool is_idle = false;
        if (task->feed.batch == NULL)
            TRY(task_take_message(task, &is_idle));
        if (is_idle) {
            task_flush(task);
            task_drain(task);
            return OK;
        }
        *progressed = true;
        if (task->feed.batch != NULL) {
            TRY(feed_step(task));
        } else {
            arena_reset(task->context.scratch);
            TRY(task_make_room(task));
        }
        task_flush_in_time(task);
        TRY(pressure_check(task->board, &task->error));
        task_save_some(task, progressed);
    }
    task_drain(task);
    return OK;
}

Status task_make_room(Task *task)
{
    if (task->context.spill == NULL)
        return OK;
    Status status = OK;
    for (int32_t i = 0; status == OK && i < task->operator_count; i++) {
        memory_hold(task->operators[i]->holder);
        status = operator_make_room(task->operators[i]);
        memory_hold(NULL);
    }
    return status;
}

Status task_step(Task *task, bool *progressed)
{
    TRY(task_commit(task));
    task_save_some(task, progressed);
    return task->reader != NULL ? source_step(task, progressed)
                                : task_step_inputs(task, progressed);
}

Status task_tick(Task *task, int64_t now_us)
{
    if (task->is_last_taken)
        return OK;
    for (int32_t i = 0; i < task->operator_count; i++) {
        Operator *op = task->operators[i];
        if (op->kind->tick == NULL || op->has_more)
            continue;
        task->context.eval.error_count = 0;
        memory_hold(op->holder);
        Status status = op->kind->tick(op, now_us);
        memory_hold(NULL);
        TRY(status);
        arena_reset(task->context.scratch);
    }
    TRY(task_make_room(task));
    task_flush(task);
    task_drain(task);
    Timestamp watermark = task->head->watermark;
    if (task->watermark_delay != NULL && watermark > 0 && watermark != TIMESTAMP_MAX)
        metric_set(task->watermark_delay, now_us - watermark);
    return OK;
}

/* ---- Ending ------------------------------------------------------------------------------ */

void task_interrupt(Task *task)
{
    pthread_mutex_lock(&task->close_mutex);
    if (!task->is_closed) {
        if (task->reader != NULL && task->reader->kind->interrupt != NULL)
            task->reader->kind->interrupt(task->reader);
        for (int32_t i = 0; i < task->operator_count; i++)
            if (!task->is_preview || task->operators[i]->node->kind == PLAN_LOOKUP_JOIN)
                operator_interrupt(task->operators[i]);
    }
    pthread_mutex_unlock(&task->close_mutex);
}

void task_close(Task *task)
{
    pthread_mutex_lock(&task->close_mutex);
    assert(!task->is_closed);
    task->is_closed = true;
    if (task->reader != NULL)
        task->reader->kind->close(task->reader);
    for (int32_t i = 0; i < task->operator_count; i++) {
        memory_hold(task->operators[i]->holder);
        operator_close(task->operators[i]);
        memory_hold(NULL);
    }
    feed_end(task);
    for (int32_t i = 0; i < task->writer_count; i++)
        exchange_close(task->writers[i]);
    pthread_mutex_unlock(&task->close_mutex);
}
