/* State that weir.memory.limit has no room for, where the script does not say where it is to be: it
 * stays in memory, which is fastest, until it has outgrown what there is, and then leaves it.
 *
 *     pressure.c: sources wait, and most of memory is state that could leave it
 *         ─> a last checkpoint; tasks end ─> tasks that spill (state/spill.h) take it up
 *
 * Operators lay state out in another way where it may leave memory, so they begin anew, as after a
 * stop; for everybody outside the job goes on. Materialized tables stay as they are, with those who
 * read them. A run that is to take up more state than there is room for finds out while that comes
 * back, and begins anew in the same way. */
#include <string.h>

#include "base/ceiling.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "job/internal.h"

enum {
    RETRY_US = 1000 * 1000,
    RETRY_STEP_US = 50 * 1000, /* as soon a stop is heard */
    STATE_PART = 2,            /* of the limit: with less it is rows that fill memory, … */
    HOPELESS_PART = 8, /* … unless they have been worked off; and less than this is no help */
    RESTORED_PART = 5,
    RESTORED_DIVISOR = 8, /* of the limit: the rest is for rows */
};

void move_allow(Job *job)
{
    const Plan *plan = job->plan;
    Board *board = &job->board;
    bool is_simulated = job->options.is_full != NULL;
    if (job->options.preview != NULL || !plan->settings.may_spill_state ||
        (board->memory_limit == 0 && !is_simulated))
        return;
    board->options = &job->options;
    bool has_state = false;
    for (int32_t i = 0; i < plan->node_count; i++)
        has_state = has_state || plan_state_place(plan->nodes[i]) == STATE_MAY_SPILL;
    atomic_store(&board->may_move, has_state);
}

static bool move_has_counted(const Plan *plan, int32_t node)
{
    for (int32_t i = 0; i < node; i++)
        if (strcmp(plan->nodes[i]->label, plan->nodes[node]->label) == 0)
            return true;
    return false;
}

/* What operators hold whose state can leave memory, and what those hold whose state cannot. */
static void move_weigh(const Board *board, int64_t *movable, int64_t *staying)
{
    *movable = *staying = 0;
    for (int32_t i = 0; i < board->plan->node_count; i++) {
        const PlanNode *node = board->plan->nodes[i];
        StatePlace place = plan_state_place(node);
        if (place == STATE_NONE || move_has_counted(board->plan, i))
            continue;
        int64_t bytes = metric_value(ceiling_holder(node->label));
        *(place == STATE_MAY_SPILL ? movable : staying) += bytes;
    }
}

/* Without the library there is nowhere to go to. */
static bool move_finds_library(Board *board)
{
    if (spill_is_available())
        return true;
    atomic_store(&board->may_move, false);
    log_event(LOG_WARN, "job",
              "state stays in memory: RocksDB is not there, with which it could leave");
    return false;
}

static bool move_is_simulated(const Board *board)
{
    return board->options->is_full != NULL &&
           board->options->is_full(board->options->choose_context);
}

static bool move_has_reason(const Board *board, bool is_hopeless)
{
    if (board->memory_limit == 0)
        return move_is_simulated(board);
    int64_t movable, staying;
    move_weigh(board, &movable, &staying);
    return movable > board->memory_limit / STATE_PART ||
           (is_hopeless && movable > staying && movable > board->memory_limit / HOPELESS_PART);
}

bool move_consider(Board *board, bool is_hopeless)
{
    if (!atomic_load(&board->may_move) || atomic_load(&board->is_beside))
        return false;
    if (!atomic_load(&board->is_moving) && move_has_reason(board, is_hopeless) &&
        move_finds_library(board))
        atomic_store(&board->is_moving, true);
    return atomic_load(&board->is_moving);
}

/* Whether what has been loaded of the operator's state, and what is still to come, has room. */
static bool move_has_room(const Board *board, const Operator *op, int64_t loaded, int64_t coming)
{
    if (board->memory_limit == 0)
        return !move_is_simulated(board);
    World *world = board->world;
    double parts = loaded > 0 ? 1.0 + (double)coming / (double)loaded : 1.0;
    double whole = op->keyed == NULL ? 0 : (double)keyed_bytes(op->keyed) * parts;
    return world->kind->resident_bytes(world) <=
               board->memory_limit / RESTORED_DIVISOR * RESTORED_PART &&
           whole * board->shard_count <= (double)(board->memory_limit / STATE_PART);
}

Status move_look(Board *board, const Operator *op, int64_t loaded, int64_t coming, Error *error)
{
    if (!atomic_load(&board->may_move) || plan_state_place(op->node) != STATE_MAY_SPILL)
        return OK;
    if (!atomic_load(&board->is_moving)) {
        if (move_has_room(board, op, loaded, coming) || !move_finds_library(board))
            return OK;
        atomic_store(&board->is_moving, true);
    }
    return fail(error, ERR_LIMIT, "WR4412", "the state of %s has no room in memory",
                op->node->label);
}

/* ---- Beginning anew ------------------------------------------------------------------------ */

static void move_take_tables(Job *job)
{
    for (int32_t i = 0; i < job->plan->root_count; i++)
        if (job->plan->roots[i]->kind == PLAN_SERVE && job->tables[i] == NULL)
            job->tables[i] = operator_give_served_table(job_root_operator(job, i));
}

static void move_give_tables(Job *job)
{
    for (int32_t i = 0; i < job->plan->root_count; i++) {
        if (job->tables[i] == NULL)
            continue;
        operator_take_served_table(job_root_operator(job, i), job->tables[i]);
        job->tables[i] = NULL;
    }
}

/* As it was before anybody has written on it, but for what concerns the job as a whole. */
static void board_clear(Board *board)
{
    pieces_free(&board->pieces);
    atomic_store(&board->piece_bytes, 0);
    board->has_failed = false;
    error_clear(&board->error);
    atomic_store(&board->is_stopping, false);
    atomic_store(&board->is_started, false);
    atomic_store(&board->barrier_wanted, 0);
    atomic_store(&board->barrier_is_last, false);
    atomic_store(&board->barrier_is_full, false);
    atomic_store(&board->barrier_is_end, false);
    atomic_store(&board->is_hurried, false);
    atomic_store(&board->is_memory_short, false);
    atomic_store(&board->committed, 0);
    atomic_store(&board->is_moving, false);
    atomic_store(&board->may_move, false);
}

/* Tasks that spill, with the state of `job->restored`. */
static Status move_open(Job *job, Error *error)
{
    job_free_tasks(job);
    if (job->world->kind->trim_memory != NULL)
        job->world->kind->trim_memory(job->world);
    if (job->board.spill == NULL)
        TRY(job_open_spill(job, error));
    board_clear(&job->board);
    deploy(job);
    move_give_tables(job);
    return job_open_tasks(job, error);
}

Status move_restore(Job *job, Error *error)
{
    job_notice(job, "checkpoint %lld holds more state than memory has room for: it is on disk, too",
               (long long)job->restored->head.id);
    return move_open(job, error);
}

/* All is in the checkpoint that it was to go on from: it has not come to anything since. */
static bool move_is_unreached(const Job *job, Status status)
{
    return status == ERR_UNAVAILABLE && job->has_gone_on && !atomic_load(&job->board.is_started);
}

bool move_is_due(const Job *job, Status status)
{
    const Board *board = &job->board;
    if (atomic_load(&job->is_stop_wanted) || job->has_ended || board->has_parted)
        return false;
    return move_is_unreached(job, status) || (status == OK && atomic_load(&board->is_moving));
}

bool move_has_stopped(const Job *job, Status status)
{
    return atomic_load(&job->is_stop_wanted) && move_is_unreached(job, status);
}

/* Others who cannot be reached when a run begins are an error; in its midst they are waited for. */
static void move_wait(Job *job, const Error *error)
{
    log_event(LOG_WARN, "job", "state has left memory, and the job waits: %s", error->text);
    for (int32_t i = 0; i < RETRY_US / RETRY_STEP_US && !atomic_load(&job->is_stop_wanted); i++)
        job->world->kind->sleep_us(job->world, RETRY_STEP_US);
}

Status move_go_on(Job *job, Status status, Error *error)
{
    int64_t begun_us = world_monotonic_us(job->world);
    if (status != OK)
        move_wait(job, error);
    error_clear(error);
    move_take_tables(job);
    status = OK;
    if (job->restored == NULL)
        status = snapshot_open_id(job->store, job->kept_checkpoint, &job->restored, error);
    if (status == OK)
        status = move_open(job, error);
    if (status == OK && !job->has_gone_on)
        job_notice(job,
                   "state has outgrown memory: from checkpoint %lld on, after %.1f s, it is on "
                   "disk, too",
                   (long long)job->kept_checkpoint,
                   (double)(world_monotonic_us(job->world) - begun_us) / 1e6);
    job->has_gone_on = true;
    return status;
}
