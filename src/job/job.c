/* A job's life, seen from outside. */
#include "job/job.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/ceiling.h"
#include "base/log.h"
#include "base/memory.h"
#include "connect/embedded.h"
#include "exec/join/lookup_client.h"
#include "job/internal.h"
#include "job/pace.h"
#include "job/place.h"

/* Long enough to be worth a system call, short enough not to be felt by the rows behind: 0.3 ms. In
 * a simulated world state is small, and is to be saved and written in many steps all the same. */
enum { STEP_BYTES = 256 * 1024, STEP_BYTES_SIMULATED = 64, BLOCK_BYTES_SIMULATED = 256 };

/* What state may have in memory where it can leave it. Sources wait from 3/4 of weir.memory.limit
 * on: a part of what is below that, less what the process has already and what rows on their way
 * take, for the heap holds more than it hands out. Without a limit, what a small machine has. */
enum {
    SPILL_PART = 15,
    SPILL_DIVISOR = 16,
    SPILL_ROWS_BYTES = 16 * 1024 * 1024,
    SPILL_BYTES_DEFAULT = 512 * 1024 * 1024,
};

void job_notice(Job *job, const char *format, ...)
{
    if (job->options.notice == NULL)
        return;
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    job->options.notice(job->options.notice_context, text);
}

static int32_t job_core_count(const Job *job)
{
    long cores = job->options.cores > 0 ? job->options.cores : sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > SHARDS_MAX ? SHARDS_MAX : (int32_t)cores;
}

static int32_t job_choose_shards(const Job *job)
{
    int32_t count = job->options.parallelism;
    if (count == 0)
        count = job->plan->settings.parallelism;
    if (count == 0)
        count = job_core_count(job);
    return count < 1 ? 1 : count > SHARDS_MAX ? SHARDS_MAX : count;
}

static const char *job_choose_name(const Plan *plan, const JobOptions *options)
{
    const char *name = plan->settings.pipeline_name;
    if (name == NULL || name[0] == '\0')
        name = options->pipeline;
    return name != NULL && name[0] != '\0' ? name : "default";
}

/* An interval of zero counts only if somebody has written it. */
static int64_t job_choose_interval(const Plan *plan)
{
    const Map *all = plan->settings.all;
    bool is_set = all != NULL && map_find(all, STR("execution.checkpointing.interval")) != NULL;
    return is_set ? plan->settings.checkpoint_interval_us : CHECKPOINT_INTERVAL_DEFAULT_US;
}

/* A share of the tasks of shards, opened by one thread: state that comes back keeps a core busy. */
typedef struct Opening {
    Job *job;
    int32_t first, step;
    pthread_t thread;
    bool has_thread;
    Task *failed; /* the first that could not be opened, or NULL */
    Status status;
} Opening;

static void *opening_main(void *context)
{
    Opening *opening = context;
    for (int32_t i = 0; i < opening->job->task_count; i++) {
        Task *task = opening->job->tasks[i];
        if (task->fragment->kind != FRAGMENT_SHARDS ||
            task->context.shard % opening->step != opening->first)
            continue;
        opening->status = task_open(task, opening->job->restored);
        if (opening->status == OK)
            continue;
        opening->failed = task;
        break;
    }
    return NULL;
}

/* Tasks on the workers never block; opened here, their materialized tables can be shown before
 * the first row comes. */
Status job_open_tasks(Job *job, Error *error)
{
    for (int32_t i = 0; i < job->task_count; i++) {
        Status status = task_prepare(job->tasks[i]);
        if (status == OK)
            continue;
        *error = job->tasks[i]->error;
        return status;
    }
    if (job->was_over)
        return OK;
    int32_t count = job->restored == NULL || job->options.choose != NULL ? 1 : job->shard_count;
    Opening *openings = ARENA_ARRAY(job->arena, Opening, count);
    for (int32_t i = count - 1; i >= 0; i--) {
        openings[i] = (Opening){.job = job, .first = i, .step = count};
        openings[i].has_thread =
            i > 0 && pthread_create(&openings[i].thread, NULL, opening_main, &openings[i]) == 0;
        if (!openings[i].has_thread)
            opening_main(&openings[i]);
    }
    Status status = OK;
    for (int32_t i = 0; i < count; i++) {
        if (openings[i].has_thread)
            pthread_join(openings[i].thread, NULL);
        if (status != OK || openings[i].failed == NULL)
            continue;
        status = openings[i].status;
        *error = openings[i].failed->error;
    }
    return status;
}

Status job_open_spill(Job *job, Error *error)
{
    const char *folder = NULL;
    if (job->options.choose == NULL)
        folder = place_of_spill(job->arena, job->options.data_dir,
                                place_folder_name(job->arena, job->pipeline));
    int64_t budget = job->plan->settings.state_memory_bytes;
    if (budget == 0 && job->options.choose == NULL)
        budget = SPILL_BYTES_DEFAULT;
    if (job->board.memory_limit > 0 && job->plan->settings.state_memory_bytes == 0) {
        int64_t room = job->board.memory_limit / 4 * 3 - SPILL_ROWS_BYTES;
        if (job->world->kind->resident_bytes != NULL)
            room -= job->world->kind->resident_bytes(job->world);
        budget = room > 0 ? room / SPILL_DIVISOR * SPILL_PART : 0;
    }
    job->board.spill = spill_new(job->world, folder, budget);
    return spill_check(job->board.spill, error);
}

static void job_wake(void *context)
{
    waker_wake(((Job *)context)->board.coordinator);
}

static void job_set_ceiling(const Job *job)
{
    if (job->board.memory_limit > 0 && job->world->kind->resident_bytes != NULL)
        ceiling_set(job->board.memory_limit);
}

Status job_open(World *world, const Plan *plan, const JobOptions *options, Job **out, Error *error)
{
    Arena *arena = arena_new(0);
    Job *job = ARENA_NEW(arena, Job);
    job->world = world;
    job->plan = plan;
    job->options = *options;
    job->arena = arena;
    job->pipeline = job_choose_name(plan, options);
    job->shard_count = job_choose_shards(job);
    job->checkpoint_interval_us = job_choose_interval(plan);
    job->letter_folders[0] = options->data_dir;
    job->letter_folders[options->data_dir != NULL] = options->letters_dir;
    job->board.core_count = options->choose != NULL ? 0 : job_core_count(job);
    job->board.block_bytes = options->choose != NULL ? BLOCK_BYTES_SIMULATED : SNAPSHOT_BLOCK_BYTES;
    job->board.step_bytes = options->choose != NULL ? STEP_BYTES_SIMULATED : STEP_BYTES;
    job->board.pace_us = options->choose != NULL
                             ? 0
                             : job->checkpoint_interval_us - plan->settings.checkpoint_min_pause_us;
    if (job->board.pace_us > PACE_US_MAX)
        job->board.pace_us = PACE_US_MAX;
    job->board.plan = plan;
    job->tables = ARENA_ARRAY(arena, ServedTable *, plan->root_count + 1);
    job->board.memory_limit = plan->settings.memory_limit_bytes;
    if (options->beside == NULL)
        job_set_ceiling(job);
    atomic_store(&job->board.is_beside, options->beside != NULL);
    job->board.world = world;
    job->board.coordinator = waker_new(world);
    pthread_mutex_init(&job->board.mutex, NULL);
    bool is_preview = options->preview != NULL;
    const char *letters =
        is_preview ? NULL : arena_printf(arena, "%s/dead-letters", options->data_dir);
    job->dead_letters = deadletters_open(world, letters);
    LetterLimits limits = {.most = plan->settings.letters_max,
                           .most_per_minute = plan->settings.letters_max_per_minute};
    deadletters_limit(job->dead_letters, &limits, job_wake, job);
    if (options->beside != NULL)
        job->hub = options->beside->hub;
    else if (options->data_dir != NULL)
        job->hub =
            embedded_hub_new(world, options->home != NULL ? options->home : options->data_dir,
                             options->hub_listen, options->hub_advertise);
    Status status = is_preview ? OK : recover_open(job, error);
    if (status == OK && options->hub_listen != NULL && options->beside == NULL)
        status = embedded_hub_need(job->hub, error);
    if (status == OK && !is_preview && plan->settings.spills_state)
        status = job_open_spill(job, error);
    if (status == OK)
        status = recover_check(job, error);
    if (status == OK) {
        move_allow(job);
        deploy(job);
        status = job_open_tasks(job, error);
        if (status != OK && atomic_load(&job->board.is_moving))
            status = move_restore(job, error);
    }
    if (status != OK) {
        job_close(job);
        return status;
    }
    *out = job;
    return OK;
}

enum { CANCEL_REPEAT_US = 100 * 1000 };

/* Threads that wait for room, for rows or for a server all look up. Said again until all have
 * heard: one may have been on its way into a blocking call. */
static void job_cancel(Job *job)
{
    atomic_store(&job->board.is_stopping, true);
    while (runners_alive(job) > 0) {
        for (int32_t i = 0; i < job->task_count; i++)
            task_interrupt(job->tasks[i]);
        runners_wake(job);
        runners_await(job, CANCEL_REPEAT_US);
    }
}

static Status job_finish(Job *job, Status status, Error *error)
{
    Board *board = &job->board;
    if (status != OK)
        board_fail(board, error, status);
    bool is_cancelled = atomic_load(&board->is_stopping) || job->options.preview != NULL;
    if (is_cancelled)
        job_cancel(job);
    runners_join(job);
    if (board->has_failed || board->has_parted) {
        *error = board->has_failed ? board->error : board->parting;
        if (board->has_failed && board->has_parted)
            log_event(LOG_ERROR, "job", "before that: %s", board->parting.text);
        return error->status;
    }
    if (job->has_ended && !is_cancelled)
        return recover_clean(job, error);
    return OK;
}

static Status job_run_once(Job *job, Error *error)
{
    Status status = runners_start(job, error);
    if (status == OK)
        status = checkpoint_run(job, error);
    return job_finish(job, status, error);
}

Status job_run(Job *job, Error *error)
{
    job->started_us = world_monotonic_us(job->world);
    if (job->was_over) {
        job_notice(job, "the run before had come to its end, and was ended before it could say so; "
                        "the next one starts from the beginning");
        job->has_ended = true;
        return recover_clean(job, error);
    }
    if (job->task_count == 0) /* only definitions: nobody would tell of the end */
        return OK;
    Status status = job_run_once(job, error);
    while (move_is_due(job, status)) {
        status = move_go_on(job, status, error);
        if (status == OK)
            status = job_run_once(job, error);
    }
    if (move_has_stopped(job, status)) {
        error_clear(error);
        status = OK;
    }
    if (status != OK)
        status = recover_explain(job, status, error);
    atomic_store(&job->is_running, false);
    job->duration_us = world_monotonic_us(job->world) - job->started_us;
    return status;
}

void job_stop(Job *job)
{
    atomic_store(&job->is_stop_wanted, true);
    waker_wake(job->board.coordinator);
}

int64_t job_ask_for_all(Job *job)
{
    int64_t wish = atomic_fetch_add(&job->board.wish, 1) + 1;
    waker_wake(job->board.coordinator); /* a checkpoint under way hurries */
    runners_wake(job);
    return wish;
}

bool job_has_all(const Job *job, int64_t wish)
{
    return atomic_load(&job->board.wish_granted) >= wish;
}

void job_take_over(Job *job)
{
    Job *old = job->options.beside;
    assert(old != NULL && !job_is_running(old));
    recover_take_over(job);
    job->hub = old->hub;
    old->hub = NULL;
    old->is_replaced = true;
    if (job->board.memory_limit > 0)
        job_set_ceiling(job);
    else if (old->board.memory_limit > 0)
        ceiling_set(0);
    job->options.beside = NULL;
    atomic_store(&job->board.is_beside, false);
}

static void job_free_task(Task *task)
{
    if (!task->is_closed)
        task_close(task);
    pthread_mutex_destroy(&task->close_mutex);
    memory_free(task->row_errors);
    arena_free(task->context.scratch);
    arena_free(task->context.query);
}

static void job_free_channels(Job *job)
{
    for (int32_t i = 0; i < job->channel_count; i++)
        channel_free(job->channels[i]);
    for (int32_t i = 0; i < job->runner_count; i++)
        if (!job->runners[i].is_shared)
            waker_free(job->runners[i].waker);
    job->channel_count = job->runner_count = 0;
}

void job_free_tasks(Job *job)
{
    for (int32_t i = 0; i < job->task_count; i++)
        job_free_task(job->tasks[i]);
    job->task_count = 0;
    job_free_channels(job);
}

void job_close(Job *job)
{
    if (job == NULL)
        return;
    job_free_tasks(job);
    for (int32_t i = 0; i < job->plan->root_count; i++)
        served_free(job->tables[i]);
    bool is_beside = atomic_load(&job->board.is_beside);
    if (!is_beside)
        embedded_hub_free(job->hub);
    if (job->board.memory_limit > 0 && !is_beside && !job->is_replaced)
        ceiling_set(0);
    spill_free(job->board.spill);
    pieces_free(&job->board.pieces);
    snapshot_close(job->restored);
    store_close(job->store);
    deadletters_close(job->dead_letters);
    for (int32_t i = 0; job->previews != NULL && i < job->plan->root_count; i++)
        pthread_mutex_destroy(&job->previews[i].mutex);
    pthread_mutex_destroy(&job->board.mutex);
    waker_free(job->board.coordinator);
    recover_leave(job);
    recover_close(job);
    arena_free(job->arena);
}

static Status check_source(const PlanNode *node, const TaskContext *context, Error *error)
{
    const SourceKind *kind = connector_find(node->source.table->connector)->source;
    if (kind->is_of_hub != NULL && kind->is_of_hub(node->source.table))
        return OK; /* whose topics are made when they are first asked for */
    SourceReader *reader = source_make_reader(kind, node, context);
    Metric uncounted = {0};
    reader->records = &uncounted;
    Status status = kind->open(reader, (Str){0}, error);
    kind->close(reader);
    return status;
}

static Status check_lookup(const PlanNode *node, const TaskContext *context, Error *error)
{
    if (node->lookup_join.scan != NULL)
        return check_source(node->lookup_join.scan, context, error);
    const LookupKind *kind = connector_find(node->lookup_join.table->connector)->lookup;
    LookupReader *reader = lookup_make_reader(kind, node, context);
    Status status = kind->open(reader, error);
    kind->close(reader);
    arena_free(reader->arena);
    return status;
}

Status job_check_input(World *world, const Plan *plan, const PlanNode *node, Error *error)
{
    TaskContext context = {
        .world = world,
        .query = arena_new(0),
        .dead_letters = deadletters_open(world, NULL),
        .settings = &plan->settings,
    };
    Status status = OK;
    if (node->kind == PLAN_SOURCE)
        status = check_source(node, &context, error);
    else if (node->kind == PLAN_LOOKUP_JOIN)
        status = check_lookup(node, &context, error);
    deadletters_close(context.dead_letters);
    arena_free(context.query);
    return status;
}

/* ---- Looking in -------------------------------------------------------------------------- */

const char *job_pipeline(const Job *job)
{
    return job->pipeline;
}

bool job_is_running(const Job *job)
{
    return atomic_load(&job->is_running);
}

DeadLetters *job_dead_letters(const Job *job)
{
    return job->options.preview != NULL ? NULL : job->dead_letters;
}

Operator *job_root_operator(const Job *job, int32_t root)
{
    const PlanNode *node = job->plan->roots[root];
    const Task *task = job->tasks_of[job->layout->fragment_of[node->id]->id][0];
    for (int32_t i = 0; i < task->operator_count; i++)
        if (task->operators[i]->node == node)
            return task->operators[i];
    assert(!"a root has an operator");
    return NULL;
}

int32_t job_served_count(const Job *job)
{
    int32_t count = 0;
    for (int32_t i = 0; job->options.preview == NULL && i < job->plan->root_count; i++)
        count += job->plan->roots[i]->kind == PLAN_SERVE;
    return count;
}

ServedTable *job_served_at(const Job *job, int32_t index)
{
    for (int32_t i = 0; i < job->plan->root_count; i++)
        if (job->plan->roots[i]->kind == PLAN_SERVE && index-- == 0)
            return operator_served_table(job_root_operator(job, i));
    assert(!"the index is below job_served_count");
    return NULL;
}

int32_t job_source_count(const Job *job)
{
    int32_t count = 0;
    for (int32_t i = 0; i < job->task_count; i++)
        count += job->tasks[i]->fragment->head->kind == PLAN_SOURCE;
    return count;
}

SourceView job_source_at(const Job *job, int32_t index)
{
    for (int32_t i = 0; i < job->task_count; i++) {
        const Task *task = job->tasks[i];
        if (task->fragment->head->kind == PLAN_SOURCE && index-- == 0)
            return (SourceView){.table = task->fragment->head->source.table->name,
                                .progress = &task->reader->progress,
                                .records = metric_value(task->reader->records)};
    }
    assert(!"the index is below job_source_count");
    return (SourceView){0};
}

/* Metrics go by label, which several sinks of one table share: each metric counts once. A preview
 * is no operator of the plan and has none. */
int64_t job_rows_out(const Job *job)
{
    int64_t sum = 0;
    for (int32_t i = 0; i < job->plan->root_count; i++) {
        const Metric *metric = job_root_operator(job, i)->records_in;
        bool is_counted = metric == NULL;
        for (int32_t k = 0; k < i && !is_counted; k++)
            is_counted = job_root_operator(job, k)->records_in == metric;
        sum += is_counted ? 0 : metric_value(metric);
    }
    return sum;
}

static int64_t job_rows_in(const Job *job)
{
    int64_t sum = 0;
    for (int32_t i = 0; i < job->task_count; i++) {
        const SourceReader *reader = job->tasks[i]->reader;
        bool is_counted = reader == NULL;
        for (int32_t k = 0; k < i && !is_counted; k++)
            is_counted =
                job->tasks[k]->reader != NULL && job->tasks[k]->reader->records == reader->records;
        sum += is_counted ? 0 : metric_value(reader->records);
    }
    return sum;
}

JobSummary job_summary(const Job *job)
{
    JobSummary summary = {
        .dead_letters = deadletters_count(job->dead_letters),
        .checkpoints = job->checkpoint_count,
        .duration_us = job->duration_us,
        .has_ended = job->has_ended,
        .kept_checkpoint = job->kept_checkpoint,
    };
    if (job->duration_us == 0 && job->started_us != 0)
        summary.duration_us = world_monotonic_us(job->world) - job->started_us;
    summary.rows_in = job_rows_in(job);
    summary.rows_out = job_rows_out(job);
    summary.rows_behind = summary.rows_out - job->rows_kept;
    summary.rows_late = metrics_sum("weir_late_records_total");
    return summary;
}
