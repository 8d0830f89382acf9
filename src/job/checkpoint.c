/* The coordinator: starts checkpoints, writes them, makes them durable, ends the job.
 *
 *     sources ── barrier n ──> tasks ... sinks      each saves its state, piece by piece,
 *                                                   and acknowledges when that is all
 *     pieces as they come ──> shared/state-n        while everything goes on
 *     all acknowledged: sync it, then chk-n         (only then does the checkpoint exist)
 *     committed = n: every task hears of it and makes visible what it prepared
 *
 * Most checkpoints hold what has changed since the one before, and name its files. When these have
 * grown to more than twice the state, or are many, all is saved again.
 *
 * The end of the input and a stop both take one more checkpoint, whose barrier is the last
 * message of all. One checkpoint is under way at a time. */
#include "job/internal.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/planted.h"

enum {
    OBSERVE_INTERVAL_US = 250 * 1000,
    MEMORY_INTERVAL_US = 100 * 1000,
    FULL_RETRY_US = 1000 * 1000,
    STOP_TIMEOUT_US = 30 * 1000 * 1000,
    EARLY_INTERVAL_US = 10 * 1000 * 1000, /* between checkpoints that are to make room in memory */
    CHAIN_FILES_MAX = 64,
    CLOCK_LEAD_TOLD_US = 1000 * 1000, /* a clock that is further off than that has jumped */
};

typedef struct Coordinator {
    Job *job;
    int64_t pending; /* the checkpoint under way; 0: none */
    int64_t wish;    /* the newest that a checkpoint was begun for */
    bool is_last, is_end, is_full;
    SnapshotWriter *writer; /* of the pending one */
    SnapshotFiles chain;    /* of the newest checkpoint of this run: the next may add to them */
    int64_t begun_us, next_us;
    int64_t stop_deadline_us; /* 0: no stop yet */
    Overdue overdue;
    int64_t observed_us;
    int64_t rows_begun; /* written when the one under way began */
    bool has_told_of_clock;
    bool has_noted_made; /* see snapshot_note_made */
    Pressure pressure;
    Metric *duration, *size, *newest, *completed, *clock_lead;
} Coordinator;

/* Whether it is time to save all state again: the first time, or when the files of what has changed
 * since hold as much as the full one. */
static bool coordinator_wants_full(const Coordinator *coordinator)
{
    const SnapshotFiles *chain = &coordinator->chain;
    if (chain->count == 0 || chain->count >= CHAIN_FILES_MAX ||
        !coordinator->job->plan->settings.checkpoints_incremental)
        return true;
    int64_t added = 0;
    for (int32_t i = 1; i < chain->count; i++)
        added += chain->items[i].bytes;
    return added > chain->items[0].bytes;
}

/* Whoever waits for the checkpoint under way, or for the one behind it, has it as soon as can be.
 */
static void coordinator_hurry(const Coordinator *coordinator, bool is_wanted)
{
    Board *board = &coordinator->job->board;
    if (coordinator->pending == 0 || !is_wanted || atomic_exchange(&board->is_hurried, true))
        return;
    runners_wake(coordinator->job);
}

static void coordinator_begin(Coordinator *coordinator, bool is_last, bool is_end)
{
    Job *job = coordinator->job;
    Board *board = &job->board;
    assert(coordinator->pending == 0 && coordinator->writer == NULL);
    coordinator->pending = ++job->last_checkpoint;
    coordinator->is_last = is_last;
    coordinator->is_end = is_end;
    coordinator->is_full = coordinator_wants_full(coordinator);
    coordinator->begun_us = world_monotonic_us(job->world);
    coordinator->rows_begun = job_rows_out(job);
    SnapshotHead head = {.id = coordinator->pending,
                         .time_us = world_now_us(job->world),
                         .is_end = is_end,
                         .shard_count = job->shard_count};
    Arena *arena = arena_new(0);
    coordinator->writer = snapshot_writer_new(job->store, snapshot_place(arena, head.id), &head);
    snapshot_writer_set_block(coordinator->writer, board->block_bytes);
    arena_free(arena);
    pthread_mutex_lock(&board->mutex);
    board->acks_missing = job->task_count;
    pthread_mutex_unlock(&board->mutex);
    atomic_store(&board->is_hurried, is_last || atomic_load(&board->is_memory_short));
    atomic_store(&board->barrier_is_last, is_last);
    atomic_store(&board->barrier_is_end, is_end);
    atomic_store(&board->barrier_is_full, coordinator->is_full);
    atomic_store(&board->barrier_wanted, coordinator->pending);
    runners_wake(job);
}

/* A full disk may have room again, and a bucket answer: wait for it while the pipeline goes on,
 * then OK. Nothing else is tried twice, least of all a sync. */
static Status coordinator_await_store(Coordinator *coordinator, Status status, const Error *error)
{
    Job *job = coordinator->job;
    int64_t now_us = world_monotonic_us(job->world);
    bool may_pass = status == ERR_FULL || status == ERR_UNAVAILABLE;
    if (!may_pass || atomic_load(&job->board.is_stopping))
        return status;
    if (atomic_load(&job->is_stop_wanted) && coordinator->stop_deadline_us == 0)
        coordinator->stop_deadline_us = now_us + STOP_TIMEOUT_US;
    if (coordinator->stop_deadline_us != 0 && now_us >= coordinator->stop_deadline_us)
        return status;
    log_event(LOG_WARN, "job", "checkpoint %lld waits: %s", (long long)coordinator->pending,
              error->text);
    int64_t retry_us = now_us + FULL_RETRY_US;
    while (now_us < retry_us && !atomic_load(&job->board.is_stopping)) {
        runners_await(job, retry_us - now_us);
        now_us = world_monotonic_us(job->world);
    }
    waker_wake(
        job->board.coordinator); /* what it was woken for meanwhile is still to be looked at */
    return OK;
}

static Status coordinator_write_piece(Coordinator *coordinator, const Piece *piece, Error *error)
{
    int32_t entry = snapshot_writer_entry(coordinator->writer, piece->node->uid, piece->node->label,
                                          piece->role, piece->shard);
    if (piece->bytes.length == 0)
        return OK;
    for (;;) {
        Status status = snapshot_writer_add(coordinator->writer, entry, piece->kind,
                                            buffer_str(&piece->bytes), error);
        if (status == OK)
            return OK;
        TRY(coordinator_await_store(coordinator, status, error));
    }
}

/* Write what the tasks have saved so far. */
static Status coordinator_write_pieces(Coordinator *coordinator, Error *error)
{
    Job *job = coordinator->job;
    Pieces pieces = board_take_pieces(&job->board);
    Status status = OK;
    for (const Piece *piece = pieces.first; status == OK && piece != NULL; piece = piece->next)
        status = coordinator_write_piece(coordinator, piece, error);
    bool has_pieces = pieces.first != NULL;
    pieces_free(&pieces);
    if (has_pieces)
        runners_wake(job);
    return status;
}

static bool board_has_sink_state(Board *board)
{
    bool has_any = false;
    pthread_mutex_lock(&board->mutex);
    for (const Piece *piece = board->pieces.first; piece != NULL; piece = piece->next)
        has_any = has_any || piece->role == STATE_SINK;
    pthread_mutex_unlock(&board->mutex);
    return has_any;
}

/* At the end of the input a checkpoint serves only sinks that have something left to commit, and
 * dead letters that a resumption would take for unfinished, or read again. Nothing of it has been
 * written yet. */
static bool coordinator_needs_checkpoint(const Coordinator *coordinator)
{
    Job *job = coordinator->job;
    return !coordinator->is_end || board_has_sink_state(&job->board) ||
           deadletters_has_mark(job->dead_letters) || job->has_replays;
}

/* The letters become durable first: the checkpoint says how long their files are. */
static Status coordinator_write_letters(Coordinator *coordinator, Error *error)
{
    static const PlanNode nobody = {.uid = "", .label = "dead letters"};
    Job *job = coordinator->job;
    Piece piece = {.node = &nobody, .role = STATE_LETTERS};
    for (;;) {
        Status status =
            deadletters_checkpoint(job->dead_letters, coordinator->pending, &piece.bytes, error);
        if (status == OK)
            break;
        TRY(coordinator_await_store(coordinator, status, error));
    }
    Status status = OK;
    if (piece.bytes.length > 0 && coordinator_needs_checkpoint(coordinator))
        status = coordinator_write_piece(coordinator, &piece, error);
    buffer_free(&piece.bytes);
    return status;
}

static Status coordinator_check_lease(Coordinator *coordinator, Error *error)
{
    Job *job = coordinator->job;
    for (;;) {
        Status status = lease_check(job->store, &job->lease, error);
        if (status == OK)
            return OK;
        TRY(coordinator_await_store(coordinator, status, error));
    }
}

/* Before sinks commit. */
static Status coordinator_note_made(Coordinator *coordinator, Error *error)
{
    while (!coordinator->has_noted_made) {
        Status status = snapshot_note_made(coordinator->job->store, coordinator->pending, error);
        coordinator->has_noted_made = status == OK;
        if (status != OK)
            TRY(coordinator_await_store(coordinator, status, error));
    }
    return OK;
}

static Status coordinator_end_writer(Coordinator *coordinator, Error *error)
{
    SnapshotFiles *chain = &coordinator->chain;
    for (;;) {
        Status status =
            snapshot_writer_end(coordinator->writer, coordinator->is_full ? NULL : chain, error);
        if (status == OK)
            break;
        TRY(coordinator_await_store(coordinator, status, error));
    }
    if (coordinator->is_full)
        chain->count = 0;
    snapshot_files_append(chain, snapshot_writer_file(coordinator->writer));
    return OK;
}

/* A system may give up what was prepared for the newest checkpoint, and then the rows can only be
 * written again from the one before. */
static bool job_may_lose_commit(const Job *job, Arena *arena)
{
    const Plan *plan = job->plan;
    const char *option;
    for (int32_t i = 0; i < plan->node_count; i++) {
        if (plan->nodes[i]->kind != PLAN_SINK)
            continue;
        const PlanTable *table = plan->nodes[i]->sink.table;
        if (table->connector->writer_name != NULL &&
            table->connector->writer_name(arena, &table->options, &option) != NULL)
            return true;
    }
    return false;
}

/* What cannot be removed from a bucket now is, after the next checkpoint. */
static Status coordinator_retain(Job *job, Error *error)
{
    int32_t retained = job->plan->settings.checkpoints_retained;
    int64_t *ids;
    int32_t count;
    Arena *arena = arena_new(0);
    Status status = snapshot_list(job->store, arena, &ids, &count, error);
    int32_t least = job_may_lose_commit(job, arena) ? 2 : 1;
    for (int32_t i = retained > least ? retained : least; status == OK && i < count; i++)
        status = snapshot_remove(job->store, ids[i], error);
    arena_free(arena);
    if (status != ERR_UNAVAILABLE)
        return status;
    log_event(LOG_WARN, "job", "old checkpoints stay for now: %s", error->text);
    return OK;
}

static Status coordinator_persist(Coordinator *coordinator, Error *error)
{
    Job *job = coordinator->job;
    TRY(coordinator_write_letters(coordinator, error));
    if (!coordinator_needs_checkpoint(coordinator))
        return OK;
    TRY(coordinator_write_pieces(coordinator, error));
    /* Before the checkpoint can be seen, and once more: a run that has begun between the two does
     * not know of it, or knows what it was to commit. */
    TRY(coordinator_check_lease(coordinator, error));
    TRY(coordinator_end_writer(coordinator, error));
    TRY(coordinator_note_made(coordinator, error));
    TRY(coordinator_check_lease(coordinator, error));
    job->kept_checkpoint = coordinator->pending;
    job->rows_kept = coordinator->rows_begun;
    job->checkpoint_count++;
    metric_set(coordinator->size, snapshot_writer_file(coordinator->writer)->bytes);
    metric_set(coordinator->newest, world_clock_us(job->world));
    metric_add(coordinator->completed, 1);
    return OK;
}

/* All tasks have acknowledged. */
static Status coordinator_complete(Coordinator *coordinator, Error *error)
{
    Job *job = coordinator->job;
    Board *board = &job->board;
    if (planted(PLANTED_COMMIT_TOO_EARLY)) {
        atomic_store(&board->committed, coordinator->pending);
        for (int32_t i = 0; i < 8 * job->runner_count; i++)
            runners_await(job, 0);
    }
    if (planted(PLANTED_OLD_REMOVED_TOO_EARLY) && job->kept_checkpoint > 0)
        TRY(snapshot_remove(job->store, job->kept_checkpoint, error));
    TRY(coordinator_persist(coordinator, error));
    snapshot_writer_free(coordinator->writer);
    coordinator->writer = NULL;
    int64_t now_us = world_monotonic_us(job->world);
    metric_set(coordinator->duration, now_us - coordinator->begun_us);
    atomic_store(&board->committed, coordinator->pending);
    atomic_store(&board->wish_granted, coordinator->wish);
    coordinator->pending = 0;
    int64_t pause_us = job->plan->settings.checkpoint_min_pause_us;
    if (pause_us > 0 && coordinator->next_us < now_us + pause_us)
        coordinator->next_us = now_us + pause_us;
    runners_wake(job);
    return coordinator->is_end ? OK : coordinator_retain(job, error);
}

static bool coordinator_previews_are_done(const Job *job)
{
    for (int32_t i = 0; i < job->plan->root_count; i++)
        if (!atomic_load(&job->previews[i].is_done))
            return false;
    return true;
}

/* With --once: every source has ended or has nothing new. */
static bool coordinator_is_caught_up(const Job *job)
{
    for (int32_t i = 0; i < job->task_count; i++) {
        const Task *task = job->tasks[i];
        if (task->reader != NULL && !atomic_load(&task->is_quiet) &&
            atomic_load(&task->reader->progress.phase) != PHASE_FINISHED)
            return false;
    }
    return true;
}

/* The newest wish of which every source has read all, or the one before. */
static int64_t coordinator_granted(const Job *job)
{
    int64_t granted = atomic_load(&job->board.wish);
    for (int32_t i = 0; i < job->task_count; i++) {
        const Task *task = job->tasks[i];
        if (task->reader == NULL || atomic_load(&task->reader->progress.phase) == PHASE_FINISHED)
            continue;
        int64_t own = atomic_load(&task->granted);
        granted = own < granted ? own : granted;
    }
    return granted;
}

/* Looks at the board: what is to be done now? */
static Status coordinator_turn(Coordinator *coordinator, bool *is_over, Error *error)
{
    Job *job = coordinator->job;
    Board *board = &job->board;
    pthread_mutex_lock(&board->mutex);
    bool has_ended = board->ends_missing == 0;
    int32_t acks_missing = board->acks_missing;
    pthread_mutex_unlock(&board->mutex);
    bool is_acknowledged = coordinator->pending != 0 && acks_missing == 0;
    bool has_moved =
        overdue_has_moved(job, &coordinator->overdue, coordinator->pending, acks_missing);
    int64_t now_us = world_monotonic_us(job->world);
    TRY(deadletters_trouble(job->dead_letters, error));
    bool is_caught_up = job->options.is_once && !has_ended && coordinator_is_caught_up(job);
    if (is_caught_up || atomic_load(&board->is_parting))
        atomic_store(&job->is_stop_wanted, true);
    bool is_stop_wanted = atomic_load(&job->is_stop_wanted);
    /* Patience is with what does not move: many files to complete may take longer. */
    if (is_stop_wanted && (coordinator->stop_deadline_us == 0 || has_moved))
        coordinator->stop_deadline_us = now_us + STOP_TIMEOUT_US;
    if (job->options.preview != NULL) {
        *is_over = has_ended || is_stop_wanted || coordinator_previews_are_done(job);
        job->has_ended = has_ended;
        return OK;
    }
    /* At the end it is not known before all have acknowledged whether any of it is needed. */
    if (coordinator->pending != 0 && !coordinator->is_end && !is_acknowledged)
        TRY(coordinator_write_pieces(coordinator, error));
    if (is_acknowledged) {
        *is_over = coordinator->is_last;
        job->has_ended = coordinator->is_end;
        return coordinator_complete(coordinator, error);
    }
    if (is_stop_wanted && now_us >= coordinator->stop_deadline_us)
        return overdue_fail(job, &coordinator->overdue, STOP_TIMEOUT_US, error);
    overdue_tell(job, &coordinator->overdue, now_us - coordinator->begun_us);
    bool wants_checkpoint = false;
    TRY(pressure_look(job, &coordinator->pressure, &wants_checkpoint, error));
    if (wants_checkpoint && now_us - coordinator->begun_us >= EARLY_INTERVAL_US)
        coordinator->next_us = now_us < coordinator->next_us ? now_us : coordinator->next_us;
    int64_t granted = coordinator_granted(job);
    bool is_moving = atomic_load(&board->is_moving);
    coordinator_hurry(coordinator,
                      has_ended || is_stop_wanted || is_moving || wants_checkpoint ||
                          atomic_load(&board->wish) > atomic_load(&board->wish_granted));
    if (coordinator->pending == 0 && (has_ended || is_stop_wanted || is_moving)) {
        coordinator_begin(coordinator, true, has_ended);
    } else if (coordinator->pending == 0 && granted > coordinator->wish) {
        coordinator->wish = granted;
        coordinator_begin(coordinator, false, false);
    } else if (coordinator->pending == 0 && now_us >= coordinator->next_us) {
        coordinator_begin(coordinator, false, false);
        coordinator->next_us = now_us + job->checkpoint_interval_us;
    }
    return OK;
}

/* People should know that time goes another way than their clock. */
static void coordinator_watch_clock(Coordinator *coordinator)
{
    int64_t lead_us = world_clock_lead_us(coordinator->job->world);
    bool is_ahead = lead_us > 0;
    bool is_off = lead_us > CLOCK_LEAD_TOLD_US || lead_us < -CLOCK_LEAD_TOLD_US;
    metric_set(coordinator->clock_lead, lead_us);
    if (is_off && !coordinator->has_told_of_clock)
        log_event(LOG_WARN, "job",
                  "the clock of the machine is %.0f s %s the time that has passed: the time of the "
                  "pipeline does not jump, and goes a tenth %s until they agree",
                  (double)(is_ahead ? lead_us : -lead_us) / 1e6, is_ahead ? "ahead of" : "behind",
                  is_ahead ? "faster" : "slower");
    coordinator->has_told_of_clock = is_off;
}

static void coordinator_wait(Coordinator *coordinator)
{
    Job *job = coordinator->job;
    int64_t now_us = world_monotonic_us(job->world);
    int64_t until_us = INT64_MAX;
    if (coordinator->pending == 0 && coordinator->next_us < until_us)
        until_us = coordinator->next_us;
    if (coordinator->stop_deadline_us != 0 && coordinator->stop_deadline_us < until_us)
        until_us = coordinator->stop_deadline_us;
    if (job->board.memory_limit > 0 && now_us + MEMORY_INTERVAL_US < until_us)
        until_us = now_us + MEMORY_INTERVAL_US;
    if (job->options.observe != NULL && coordinator->observed_us + OBSERVE_INTERVAL_US < until_us)
        until_us = coordinator->observed_us + OBSERVE_INTERVAL_US;
    if (until_us == INT64_MAX)
        runners_await(job, -1);
    else if (until_us > now_us)
        runners_await(job, until_us - now_us);
}

static void coordinator_observe(Coordinator *coordinator)
{
    Job *job = coordinator->job;
    int64_t now_us = world_monotonic_us(job->world);
    if (job->options.observe == NULL || now_us - coordinator->observed_us < OBSERVE_INTERVAL_US)
        return;
    coordinator->observed_us = now_us;
    job->options.observe(job->options.observe_context, job);
}

/* Until all tasks are open. A stop meanwhile cancels: nothing has been read yet. */
static bool coordinator_await_open(Coordinator *coordinator)
{
    Job *job = coordinator->job;
    Board *board = &job->board;
    for (;;) {
        pthread_mutex_lock(&board->mutex);
        bool is_open = board->opens_missing == 0;
        pthread_mutex_unlock(&board->mutex);
        if (atomic_load(&board->is_stopping))
            return false;
        if (is_open)
            return true;
        if (atomic_load(&job->is_stop_wanted)) {
            atomic_store(&board->is_stopping, true);
            return false;
        }
        runners_await(job, -1);
    }
}

static void coordinator_make_metrics(Coordinator *coordinator)
{
    const char *labels = coordinator->job->metric_labels;
    coordinator->duration =
        metric_get(METRIC_GAUGE, "weir_checkpoint_duration_seconds", labels,
                   "How long the newest checkpoint took, from barrier to durable.", 1000000);
    coordinator->size = metric_get(METRIC_GAUGE, "weir_checkpoint_size_bytes", labels,
                                   "Size of the newest checkpoint.", 1);
    coordinator->newest = metric_get(METRIC_GAUGE, "weir_checkpoint_last_success_timestamp_seconds",
                                     labels, "When the newest checkpoint became durable.", 1000000);
    coordinator->completed = metric_get(METRIC_COUNTER, "weir_checkpoint_completed_total", labels,
                                        "Checkpoints made durable.", 1);
    coordinator->clock_lead =
        metric_get(METRIC_GAUGE, "weir_clock_lead_seconds", labels,
                   "How far the machine's clock is ahead of the pipeline's time.", 1000000);
}

static Status coordinator_run(Coordinator *coordinator, Error *error)
{
    Job *job = coordinator->job;
    coordinator_make_metrics(coordinator);
    if (!coordinator_await_open(coordinator))
        return OK;
    snapshot_close(job->restored);
    job->restored = NULL;
    atomic_store(&job->board.is_started, true);
    atomic_store(&job->is_running, true);
    runners_wake(job);
    if (job->checkpoint_interval_us > 0 && job->options.preview == NULL)
        coordinator->next_us = world_monotonic_us(job->world) + job->checkpoint_interval_us;
    bool is_over = false;
    while (!is_over && !atomic_load(&job->board.is_stopping)) {
        TRY(coordinator_turn(coordinator, &is_over, error));
        coordinator_watch_clock(coordinator);
        coordinator_observe(coordinator);
        if (!is_over)
            coordinator_wait(coordinator);
    }
    return OK;
}

Status checkpoint_run(Job *job, Error *error)
{
    Coordinator coordinator = {
        .job = job, .wish = atomic_load(&job->board.wish_granted), .next_us = INT64_MAX};
    Status status = coordinator_run(&coordinator, error);
    snapshot_writer_free(coordinator.writer);
    snapshot_files_free(&coordinator.chain);
    return status;
}
