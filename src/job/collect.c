/* What tasks save of themselves at a barrier, on its way to the coordinator, which writes it.
 *
 *     barrier   rest of each operator, position     ── pieces ──> coordinator ──> state-N
 *     turns     records of keyed state, bit by bit  ── pieces ──>
 *     the end   the task acknowledges
 *
 * Whoever saves faster than the disk takes it waits with saving, not with its rows. */
#include "job/internal.h"

#include "base/ceiling.h"
#include "base/memory.h"
#include "job/pace.h"

/* How much may wait to be written: a small part of the memory there is. */
enum { PIECE_BYTES_MAX = 16 * 1024 * 1024, PIECE_PART_OF_LIMIT = 32 };

static Metric *collect_holder(void)
{
    static _Atomic(Metric *) holder;
    Metric *known = atomic_load(&holder);
    if (known == NULL) {
        known = ceiling_holder("the checkpoint under way");
        atomic_store(&holder, known);
    }
    return known;
}

void pieces_free(Pieces *pieces)
{
    Metric *before = memory_hold(collect_holder());
    for (Piece *piece = pieces->first; piece != NULL;) {
        Piece *next = piece->next;
        buffer_free(&piece->bytes);
        memory_free(piece);
        piece = next;
    }
    *pieces = (Pieces){0};
    memory_hold(before);
}

Pieces board_take_pieces(Board *board)
{
    pthread_mutex_lock(&board->mutex);
    Pieces pieces = board->pieces;
    board->pieces = (Pieces){0};
    atomic_store(&board->piece_bytes, 0);
    pthread_mutex_unlock(&board->mutex);
    return pieces;
}

/* Takes over the bytes. */
static void board_put(Board *board, const Piece *piece)
{
    Piece *kept = memory_allocate((int64_t)sizeof *kept);
    *kept = *piece;
    kept->next = NULL;
    pthread_mutex_lock(&board->mutex);
    if (board->pieces.last == NULL)
        board->pieces.first = kept;
    else
        board->pieces.last->next = kept;
    board->pieces.last = kept;
    atomic_fetch_add(&board->piece_bytes, kept->bytes.length);
    pthread_mutex_unlock(&board->mutex);
}

static void task_acknowledge(Task *task)
{
    Board *board = task->board;
    task->is_saving = false;
    atomic_store(&task->acknowledged, task->barrier);
    pthread_mutex_lock(&board->mutex);
    assert(board->acks_missing > 0);
    board->acks_missing--;
    pthread_mutex_unlock(&board->mutex);
    waker_wake(board->coordinator);
}

static Piece piece_of(const Task *task, const Operator *op)
{
    StateRole role = op->node->kind == PLAN_SINK ? STATE_SINK : STATE_OPERATOR;
    return (Piece){.node = op->node, .role = role, .shard = task->context.shard};
}

static Status task_save_rest(Task *task, Operator *op, int64_t id)
{
    if (op->kind->snapshot == NULL)
        return OK;
    Piece piece = piece_of(task, op);
    Status status = op->kind->snapshot(op, id, &piece.bytes);
    if (status == OK && (piece.bytes.length > 0 || op->keyed != NULL))
        board_put(task->board, &piece);
    else
        buffer_free(&piece.bytes);
    return status;
}

static void task_save_position(Task *task)
{
    if (task->reader == NULL)
        return;
    Piece piece = {.node = task->fragment->head, .role = STATE_SOURCE};
    task->reader->kind->snapshot(task->reader, &piece.bytes);
    if (piece.bytes.length > 0)
        board_put(task->board, &piece);
    else
        buffer_free(&piece.bytes);
}

Status task_save(Task *task, int64_t id)
{
    assert(!task->is_saving);
    bool is_full = atomic_load(&task->board->barrier_is_full);
    bool is_end = atomic_load(&task->board->barrier_is_end);
    for (int32_t i = 0; i < task->operator_count; i++) {
        Operator *op = task->operators[i];
        memory_hold(collect_holder());
        Status status = task_save_rest(task, op, id);
        memory_hold(NULL);
        TRY(status);
        if (op->keyed != NULL && !is_end)
            keyed_begin(op->keyed, is_full);
    }
    memory_hold(collect_holder());
    task_save_position(task);
    memory_hold(NULL);
    task->saving = 0;
    task->saving_since_us = world_monotonic_us(task->context.world);
    task->save_next_us = 0;
    task->is_saving = true;
    return OK;
}

/* A piece of the operator's records; whether there may be more. */
static bool task_save_records(Task *task, Operator *op)
{
    if (op->keyed == NULL || !keyed_is_saving(op->keyed))
        return false;
    Piece piece = piece_of(task, op);
    piece.kind = PIECE_RECORDS;
    memory_hold(collect_holder());
    bool is_over = keyed_step(op->keyed, task->board->step_bytes, &piece.bytes);
    if (piece.bytes.length > 0)
        board_put(task->board, &piece);
    else
        buffer_free(&piece.bytes);
    memory_hold(NULL);
    waker_wake(task->board->coordinator);
    return !is_over;
}

static int64_t board_pieces_max(const Board *board)
{
    int64_t part = board->memory_limit / PIECE_PART_OF_LIMIT;
    return part > 0 && part < PIECE_BYTES_MAX ? part : PIECE_BYTES_MAX;
}

/* At the end of the input nothing is written before all have acknowledged, and nothing comes bit by
 * bit. */
static bool board_takes_pieces(const Board *board)
{
    return atomic_load(&board->barrier_is_end) ||
           atomic_load(&board->piece_bytes) <= board_pieces_max(board);
}

static int64_t operator_saved_bytes(const Operator *op)
{
    return op->keyed == NULL ? 0 : keyed_saved_bytes(op->keyed);
}

/* The one whose turn it is, or one behind it that has much to hand over already. */
static int32_t task_next_to_save(const Task *task)
{
    for (int32_t i = task->saving; i < task->operator_count; i++)
        if (operator_saved_bytes(task->operators[i]) > task->board->step_bytes)
            return i;
    return task->saving;
}

/* Of those that have more, the last goes on first. */
static bool task_is_waiting(const Task *task)
{
    for (int32_t i = task->operator_count - 1; i >= 0; i--)
        if (task->operators[i]->has_more)
            return operator_is_waiting(task->operators[i]);
    return false;
}

/* Whether what goes on would have to be kept in memory: changes of what is not saved yet are, and
 * what an operator still has to give out is mostly that. */
static bool task_is_pressed(const Task *task)
{
    for (int32_t i = 0; i < task->operator_count; i++)
        if (task->operators[i]->has_more ||
            operator_saved_bytes(task->operators[i]) > task->board->step_bytes)
            return true;
    return false;
}

static bool task_is_paced(const Task *task)
{
    return task->board->pace_us > 0 && !atomic_load(&task->board->is_hurried) &&
           !task_is_pressed(task);
}

int64_t task_save_wait_us(const Task *task)
{
    if (!task->is_saving || !task_is_paced(task) || !board_takes_pieces(task->board))
        return -1;
    int64_t wait_us = task->save_next_us - world_monotonic_us(task->context.world);
    return wait_us > 0 ? wait_us : 0;
}

static void task_save_step(Task *task)
{
    if (task->saving == task->operator_count) {
        task_acknowledge(task);
        return;
    }
    int32_t next = task_next_to_save(task);
    bool has_more = task_save_records(task, task->operators[next]);
    task->saving += next == task->saving && !has_more;
}

void task_save_some(Task *task, bool *progressed)
{
    if (!task->is_saving || !board_takes_pieces(task->board))
        return;
    if (!task_is_paced(task)) {
        *progressed = true;
        task_save_step(task);
        return;
    }
    int64_t begun_us = world_monotonic_us(task->context.world);
    if (begun_us < task->save_next_us)
        return;
    *progressed = true;
    task_save_step(task);
    int64_t now_us = world_monotonic_us(task->context.world);
    task->save_next_us = now_us + pace_rest_us(now_us - begun_us, now_us - task->saving_since_us,
                                               task->board->pace_us);
}

bool task_waits_for_pieces(const Task *task)
{
    if (!task->is_saving)
        return false;
    if (task_is_waiting(task))
        return true;
    if (board_takes_pieces(task->board))
        return false;
    int64_t bytes = 0;
    for (int32_t i = task->saving; i < task->operator_count; i++)
        bytes += operator_saved_bytes(task->operators[i]);
    return bytes > board_pieces_max(task->board);
}
