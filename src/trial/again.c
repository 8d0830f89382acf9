/* The same case in other ways, which must leave the same rows: with batches in place of single
 * rows, or as a real job with threads, exchanges and shards. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "job/job.h"
#include "trial/internal.h"

enum { INDENT = 4, JOB_BATCH_ROWS = 3 };

/* ---- Comparing ------------------------------------------------------------------------------- */

static void again_compare(TrialRun *first, TrialRun *second, const char *how)
{
    for (int32_t i = 0; i < first->captures.count; i++) {
        const Capture *capture = LIST_AT(first->captures, i, Capture);
        const Capture *other = LIST_AT(second->captures, i, Capture);
        assert(str_equal(capture->name, other->name));
        Lines expected = capture_rows(first, capture), actual = capture_rows(second, other);
        if (lines_equal(expected, actual))
            continue;
        run_fail(first, first->test->line, "rows of `%.*s` differ %s (- row by row, + %s)",
                 STR_ARGS(capture->name), how, how);
        lines_compare(expected, actual, INDENT, first->options->has_color, &first->result->report);
    }
}

/* A run of the same case, ready for its steps. */
static TrialRun *again_new(TrialRun *first)
{
    TrialRun *second =
        run_new(first->world.real, first->file, first->test, first->options, first->result);
    second->is_second = true;
    bool is_ready = run_prepare(second);
    assert(is_ready);
    return second;
}

static void again_batched(TrialRun *first)
{
    TrialRun *second = again_new(first);
    second->is_batched = true;
    run_inline(second);
    if (second->has_failed)
        run_fail(first, first->test->line, "failed in batches");
    else
        again_compare(first, second, "in batches");
    run_free(second);
}

/* ---- As a job -------------------------------------------------------------------------------- */

typedef struct RowsReader {
    SourceReader base;
    const TrialTable *table;
    int32_t next;
} RowsReader;

static Status rows_open(SourceReader *base, Str state, Error *error)
{
    (void)error;
    RowsReader *reader = (RowsReader *)base;
    reader->table = trial_table_of(base->node->source.table);
    ByteReader in = byte_reader(state);
    reader->next = state.length > 0 ? (int32_t)byte_reader_u32(&in) : 0;
    return OK;
}

static Status rows_poll(SourceReader *base, Batch **out, Error *error)
{
    (void)error;
    RowsReader *reader = (RowsReader *)base;
    const Value *rows[JOB_BATCH_ROWS];
    RowKind kinds[JOB_BATCH_ROWS];
    int32_t count = 0;
    while (count < JOB_BATCH_ROWS && reader->next < reader->table->rows.count) {
        const TableRow *row = LIST_AT(reader->table->rows, reader->next++, TableRow);
        rows[count] = row->values;
        kinds[count++] = row->kind;
    }
    if (count == 0)
        return ERR_END;
    *out = trial_table_batch(reader->table, base->node, rows, kinds, count);
    return OK;
}

static void rows_snapshot(SourceReader *base, Buffer *out)
{
    buffer_append_u32(out, (uint32_t)((RowsReader *)base)->next);
}

static void rows_close(SourceReader *base)
{
    (void)base;
}

const SourceKind table_rows_source = {
    .size = sizeof(RowsReader),
    .open = rows_open,
    .poll = rows_poll,
    .snapshot = rows_snapshot,
    .close = rows_close,
};

/* Everything that the case feeds, ahead of time. */
static bool job_collect_rows(TrialRun *run)
{
    for (int32_t i = 0; i < run->test->steps.count; i++) {
        const TrialStep *step = LIST_AT(run->test->steps, i, TrialStep);
        if (step->kind != STEP_FEED)
            continue;
        TrialTable *table = run_read_table(run, step);
        FedCursor cursor = fed_cursor(&step->body);
        FedRow row;
        while (table != NULL && fed_next(&cursor, &row)) {
            Value *values = ARENA_ARRAY(run->arena, Value, table->fed.count + 1);
            TableRow *fed = ARENA_NEW(run->arena, TableRow);
            *fed = (TableRow){.values = values, .kind = row.kind};
            if (!run_bind_row(run, table, &row, values))
                return false;
            list_append(&table->rows, run->arena, fed);
        }
        if (table == NULL)
            return false;
    }
    return true;
}

/* Time that moves between rows, rows that are late by it, and what a table holds at a moment are
 * not the same in a job. */
static bool job_can_run(const TrialRun *run)
{
    for (int32_t i = 0; i < run->test->steps.count; i++) {
        StepKind kind = LIST_AT(run->test->steps, i, TrialStep)->kind;
        if (kind == STEP_ADVANCE_CLOCK || kind == STEP_ADVANCE_WATERMARK)
            return false;
    }
    return run->letters.count == 0 && run->plan->root_count > 0;
}

static bool plan_serves(const Plan *plan)
{
    for (int32_t i = 0; i < plan->root_count; i++)
        if (plan->roots[i]->kind == PLAN_SERVE)
            return true;
    return false;
}

static bool job_preview(void *context, int32_t root, const Batch *batch)
{
    capture_tap(context, root, batch);
    return true;
}

static const char *again_folder(World *world)
{
    const char *folder = world_environment(world, "TMPDIR");
    return folder != NULL && folder[0] != '\0' ? folder : "/tmp";
}

/* With materialized tables as a preview, which shows their rows; else as any pipeline runs. */
static Status job_run_case(TrialRun *run, Error *error)
{
    World *world = &run->world.base;
    const char *folder =
        arena_printf(run->arena, "%s/weir-test-%d-%016llx", again_folder(run->world.real),
                     (int)getpid(), (unsigned long long)world->kind->random_u64(world));
    JobOptions options = {.pipeline = "test",
                          .data_dir = folder,
                          .is_fresh = true,
                          .parallelism = run->options->shard_count};
    if (plan_serves(run->plan)) {
        options.preview = job_preview;
        options.preview_context = run;
    }
    Job *job = NULL;
    Status status = job_open(world, run->plan, &options, &job, error);
    if (status == OK)
        status = job_run(job, error);
    job_close(job);
    Error ignored = {0};
    Status removed = world_remove_tree(world, folder, &ignored);
    (void)removed;
    return status;
}

static void again_sharded(TrialRun *first)
{
    TrialRun *second = again_new(first);
    trial_world_let_run(&second->world);
    Error error = {0};
    if (!job_collect_rows(second))
        run_fail(first, first->test->line, "failed as a job");
    else if (job_run_case(second, &error) != OK)
        run_fail_error(first, first->test->line, &error);
    else
        again_compare(first, second,
                      arena_printf(first->arena, "in %d shards", first->options->shard_count));
    run_free(second);
}

void run_again(TrialRun *first)
{
    if (!run_has_ways(first))
        return;
    if (first->options->is_batched)
        again_batched(first);
    if (first->options->shard_count > 0 && job_can_run(first) && !first->has_failed)
        again_sharded(first);
}
