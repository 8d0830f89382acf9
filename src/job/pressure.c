/* `weir.memory.limit`: what happens before memory runs out.
 *
 * What the system counts against the process is looked at every few milliseconds, by the sources
 * before they read. From 3/4 of the limit on they wait, until it is below 5/8: the rest of the
 * pipeline works off what it has, a slow sink in its own time. The last quarter is for what is on
 * its way, a table that grows and a checkpoint that is written. State that can leave memory
 * (state/spill.h) makes room before that. Rows that wait for a checkpoint get one early. If all has
 * been worked off, no waiting helps: below 3/4 the sources read on, and above it is state that
 * fills memory, and the job ends, with its last checkpoint. */
#include "base/ceiling.h"
#include "base/log.h"
#include "base/metrics.h"
#include "job/internal.h"

enum {
    LOOK_INTERVAL_US = 5 * 1000, /* in which a source reads 10 MB or so */
    TRIM_INTERVAL_US = 100 * 1000,
    PATIENCE_US = 5 * 1000 * 1000,
    BUSY_US = 1000 * 1000, /* longer than ticks and checkpoints keep anybody from waiting */
    SPILL_INTERVAL_US = 100 * 1000, /* as long as it takes until it is felt */
    MIB = 1024 * 1024,
    SPILL_PART = 45, /* of the limit: less than 3/4 */
    SPILL_DIVISOR = 64,
    HOLDER_PART = 8, /* of the limit: who holds less is not to blame */
};

static int64_t board_resident_bytes(const Board *board)
{
    World *world = board->world;
    return world->kind->resident_bytes == NULL ? 0 : world->kind->resident_bytes(world);
}

/* What is in use, without what the heap holds in pieces between others, if that might be too much:
 * state that comes and goes would give way to it bit by bit until none is left. */
static int64_t pressure_used(Board *board)
{
    int64_t used = board_resident_bytes(board), now_us = world_monotonic_us(board->world);
    int64_t trimmed_us = atomic_load(&board->trimmed_us);
    if (board->spill == NULL || used <= board->memory_limit / SPILL_DIVISOR * SPILL_PART ||
        board->world->kind->trim_memory == NULL || now_us - trimmed_us < TRIM_INTERVAL_US ||
        !atomic_compare_exchange_strong(&board->trimmed_us, &trimmed_us, now_us))
        return used;
    board->world->kind->trim_memory(board->world);
    return board_resident_bytes(board);
}

/* State that can leave memory takes no more of it before sources wait, less as long as they do, and
 * more again when there is plenty. */
static void pressure_spill(Board *board, int64_t used, bool is_short)
{
    int64_t now_us = world_monotonic_us(board->world), limit = board->memory_limit;
    int64_t spilled_us = atomic_load(&board->spilled_us);
    if (now_us - spilled_us < SPILL_INTERVAL_US ||
        !atomic_compare_exchange_strong(&board->spilled_us, &spilled_us, now_us))
        return;
    int64_t most = limit / SPILL_DIVISOR * SPILL_PART;
    if (is_short || used > most)
        spill_tighten(board->spill, is_short, used - most);
    else if (used < limit / 8 * 5)
        spill_loosen(board->spill);
}

/* `may_get_better`: there is something left to work off. */
static void pressure_measure(Board *board, bool may_get_better)
{
    int64_t used = pressure_used(board), limit = board->memory_limit;
    bool was_short = atomic_load(&board->is_memory_short);
    bool is_short = was_short && may_get_better ? used > limit / 8 * 5 : used > limit / 4 * 3;
    if (is_short != was_short) {
        atomic_store(&board->is_memory_short, is_short);
        log_event(LOG_INFO, "job", "%lld of %lld MiB of memory are in use: sources %s",
                  (long long)(used / MIB), (long long)(limit / MIB), is_short ? "wait" : "read on");
        waker_wake(board->coordinator);
    }
    if (board->spill != NULL)
        pressure_spill(board, used, is_short);
}

bool pressure_allows_reading(Board *board)
{
    if (board->memory_limit == 0)
        return true;
    int64_t now_us = world_monotonic_us(board->world);
    int64_t looked_us = atomic_load(&board->memory_looked_us);
    /* One of those who come at the same time looks. */
    if (now_us - looked_us >= LOOK_INTERVAL_US &&
        atomic_compare_exchange_strong(&board->memory_looked_us, &looked_us, now_us))
        pressure_measure(board, true);
    return !atomic_load(&board->is_memory_short);
}

/* Nobody but sources has anything to do. */
static bool job_has_worked_off(const Job *job)
{
    for (int32_t i = 0; i < job->channel_count; i++)
        if (!channel_is_empty(job->channels[i]))
            return false;
    for (int32_t i = 0; i < job->runner_count; i++) {
        Runner *runner = &job->runners[i];
        if (runner->tasks[0]->reader == NULL && !waker_is_waiting(runner->waker))
            return false;
    }
    return true;
}

/* The operator whose state fills memory: the one that holds most, if it is much; or NULL. */
static const PlanNode *pressure_holder(const Board *board)
{
    const PlanNode *most = NULL;
    int64_t most_bytes = board->memory_limit / HOLDER_PART;
    for (int32_t i = 0; i < board->plan->node_count; i++) {
        const PlanNode *node = board->plan->nodes[i];
        if (plan_state_place(node) == STATE_NONE)
            continue;
        int64_t bytes = metric_value(ceiling_holder(node->label));
        if (bytes < most_bytes)
            continue;
        most = node;
        most_bytes = bytes;
    }
    return most;
}

/* What helps where this operator holds most: what may leave memory and still does not fit is on its
 * way, and wide. */
static void pressure_advise(const Board *board, const PlanNode *holder, Error *error)
{
    StatePlace place = holder == NULL ? STATE_NONE : plan_state_place(holder);
    bool may_spill = place == STATE_MAY_SPILL && board->spill == NULL;
    const char *relief = may_spill || place == STATE_IN_MEMORY ? plan_state_relief(holder) : NULL;
    error_hint(error, "%s%s%s%sallow more; the next run resumes",
               may_spill ? "keep state on disk with SET 'state.backend.type' = 'rocksdb', " : "",
               relief != NULL ? relief : "", relief != NULL ? ", " : "",
               may_spill || relief != NULL ? "or " : "");
}

static Status pressure_fail(const Board *board, const char *more, Error *error)
{
    char holders[512];
    int32_t told = ceiling_describe(holders, sizeof holders);
    Status status = fail(
        error, ERR_LIMIT, "WR4412", "%lld of the %lld MiB of weir.memory.limit are in use%s%s%s",
        (long long)(board_resident_bytes(board) / MIB), (long long)(board->memory_limit / MIB),
        told > 0 ? ", " : "", holders, more);
    pressure_advise(board, pressure_holder(board), error);
    return status;
}

Status pressure_check(Board *board, Error *error)
{
    if (!ceiling_is_passed() || board->memory_limit == 0)
        return OK;
    ceiling_trim();
    if (board_resident_bytes(board) <= board->memory_limit)
        return OK;
    return pressure_fail(board, "", error);
}

Status pressure_look(Job *job, Pressure *pressure, bool *wants_checkpoint, Error *error)
{
    Board *board = &job->board;
    *wants_checkpoint = false;
    if (board->memory_limit == 0) {
        (void)move_consider(board, false);
        return OK;
    }
    /* Sources that have come to their end do not look any more. */
    if (pressure_allows_reading(board)) {
        pressure->since_us = 0;
        return OK;
    }
    int64_t now_us = world_monotonic_us(job->world);
    if (now_us - pressure->trimmed_us >= TRIM_INTERVAL_US) {
        pressure->trimmed_us = now_us;
        if (job->world->kind->trim_memory != NULL)
            job->world->kind->trim_memory(job->world);
        pressure_measure(board, pressure->since_us == 0);
        /* Sources sleep, and nobody else may ever have a reason to wake them. */
        if (!atomic_load(&board->is_memory_short))
            runners_wake(job);
    }
    *wants_checkpoint = job->checkpoint_interval_us > 0;
    if (atomic_load(&board->is_memory_short) && move_consider(board, false))
        return OK;
    int64_t moved = metrics_sum("weir_operator_records_total");
    bool has_worked_off = job_has_worked_off(job);
    if (has_worked_off)
        pressure->quiet_us = now_us;
    if (moved != pressure->moved || now_us - pressure->quiet_us > BUSY_US)
        pressure->since_us = 0;
    else if (pressure->since_us == 0 && has_worked_off)
        pressure->since_us = now_us;
    pressure->moved = moved;
    bool is_hopeless = pressure->since_us != 0 && now_us - pressure->since_us >= PATIENCE_US;
    if (!is_hopeless || move_consider(board, true))
        return OK;
    return pressure_fail(board, ", and all rows that were read have been worked off", error);
}
