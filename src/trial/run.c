/* One case from its statements to its last expectation. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/memory.h"
#include "trial/internal.h"

enum {
    FIXES_MAX = 1000,
    TICKS_MAX = 200,           /* of one `advance clock` */
    TICK_LEAST_US = 50 * 1000, /* the job ticks as often */
    PIPELINE_BYTES_MAX = 16 * 1024 * 1024,
};

/* ---- Results --------------------------------------------------------------------------------- */

void run_fail(TrialRun *run, int32_t line, const char *format, ...)
{
    Buffer *report = &run->result->report;
    run->has_failed = true;
    char text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buffer_printf(report, "%s:%d: %s\n", run->file->path, line, text);
}

void run_fix(TrialRun *run, const SectionBody *body, const char *text)
{
    TrialResult *result = run->result;
    if (result->fix_count == FIXES_MAX)
        return;
    int64_t start = body->text.data - run->file->text.data;
    assert(start >= 0 && start <= run->file->text.length);
    TrialFix *fixes = ARENA_ARRAY(result->arena, TrialFix, result->fix_count + 1);
    for (int32_t i = 0; i < result->fix_count; i++)
        fixes[i] = result->fixes[i];
    fixes[result->fix_count++] =
        (TrialFix){.start = start, .end = start + body->text.length, .text = text};
    result->fixes = fixes;
}

void run_fail_error(TrialRun *run, int32_t line, const Error *error)
{
    run_fail(run, line, "error[%s]: %s", error->code, error->text);
}

void trial_result_free(TrialResult *result)
{
    buffer_free(&result->report);
    buffer_free(&result->answer);
    arena_free(result->arena);
    *result = (TrialResult){0};
}

/* ---- Statements ------------------------------------------------------------------------------ */

static void text_keep(char *text, Str all, const List *bodies)
{
    for (int32_t i = 0; i < bodies->count; i++) {
        Str body = LIST_AT(*bodies, i, SectionBody)->text;
        if (body.length > 0)
            memcpy(text + (body.data - all.data), body.data, (size_t)body.length);
    }
}

/* The file with everything but the case's statements blanked, so that messages point into it. */
static void run_set_source(TrialRun *run)
{
    Str all = run->file->text;
    char *text = arena_copy(run->arena, all.data, all.length);
    for (int64_t i = 0; i < all.length; i++)
        text[i] = text[i] == '\n' ? '\n' : ' ';
    text_keep(text, all, &run->file->setup);
    text_keep(text, all, &run->test->sql);
    run->source = (Source){
        .name = run->file->path, .text = str_make(text, all.length), .allows_open_end = true};
}

static void append_bodies(Buffer *out, const List *bodies)
{
    for (int32_t i = 0; i < bodies->count; i++) {
        buffer_append_str(out, LIST_AT(*bodies, i, SectionBody)->text);
        buffer_append_char(out, '\n');
    }
}

/* The user's own file, found from where the test file is. */
static const char *pipeline_path(const TrialFile *file, const TrialCase *test, Arena *arena)
{
    Str path = str_from(file->path);
    while (path.length > 0 && path.data[path.length - 1] != '/')
        path.length--;
    if (test->pipeline.data[0] == '/')
        path.length = 0;
    return arena_printf(arena, "%.*s%.*s", STR_ARGS(path), STR_ARGS(test->pipeline));
}

Status trial_read_pipeline(World *world, const TrialFile *file, const TrialCase *test, Arena *arena,
                           Str *out, Error *error)
{
    return world_read_file(world, pipeline_path(file, test, arena), PIPELINE_BYTES_MAX, arena, out,
                           error);
}

/* The user's own file, then what the test adds. */
static bool run_read_pipeline(TrialRun *run)
{
    Str text;
    Error error = {0};
    World *world = run->world.real;
    if (trial_read_pipeline(world, run->file, run->test, run->arena, &text, &error) != OK) {
        run_fail_error(run, run->test->pipeline_line, &error);
        return false;
    }
    Buffer all = {0};
    buffer_append_str(&all, text);
    buffer_append_char(&all, '\n');
    append_bodies(&all, &run->file->setup);
    append_bodies(&all, &run->test->sql);
    run->source = (Source){.name = pipeline_path(run->file, run->test, run->arena),
                           .text = str_copy(run->arena, buffer_str(&all)),
                           .allows_open_end = true};
    buffer_free(&all);
    return true;
}

static const TrialStep *run_step(const TrialRun *run, int32_t index)
{
    return LIST_AT(run->test->steps, index, TrialStep);
}

/* False when there is nothing to run: after a mistake, or because one was expected. */
static bool run_plan(TrialRun *run)
{
    static const OptionEntry overrides[] = {
        /* Rows come one by one, and each tells its time at once. */
        {.key = STR("pipeline.auto-watermark-interval"), .value = STR("0 ms")},
    };
    run->context = (PlanContext){
        .world = &run->world.base,
        .registry = connect_registry(),
        .overrides = overrides,
        .override_count = 1,
        .stand_in = trial_table_stand_in,
        .stand_in_context = run,
        .collector = &run->collector.info,
    };
    run->diagnostics = diagnostics_new(run->arena, &run->source);
    if (run->options->has_answer)
        diagnostics_set_target(run->diagnostics, FLINK_1_20);
    Status status =
        plan_script(&run->context, &run->source, run->arena, run->diagnostics, &run->plan);
    const TrialStep *last = run_step(run, run->test->steps.count - 1);
    if (last->kind == STEP_EXPECT_ERROR) {
        expect_step(run, last);
        return false;
    }
    if (status == OK)
        return true;
    run_fail(run, run->test->line, "the statements have mistakes");
    diagnostics_render(run->diagnostics, run->options->has_color, &run->result->report);
    return false;
}

/* ---- Feeding --------------------------------------------------------------------------------- */

/* `VALUES` and the row, as a text of its own. */
bool run_bind_row(TrialRun *run, const TrialTable *table, const FedRow *row, Value *out)
{
    if (!row->is_good) {
        run_fail(run, row->line, "a row is needed, such as (1, 'a') or -D (1, 'a')");
        return false;
    }
    Source source = {.name = run->file->path, .allows_open_end = true};
    source.text = str_from(arena_printf(run->arena, "VALUES %.*s", STR_ARGS(row->values)));
    Diagnostics *diagnostics = diagnostics_new(run->arena, &source);
    RowRequest request = {&source, &table->fed, run->plan->settings.zone};
    if (plan_row(&run->context, &request, run->arena, diagnostics, out) == OK)
        return true;
    const Diagnostic *first = diagnostics_at(diagnostics, 0);
    assert(first->level == DIAGNOSTIC_ERROR);
    const char *help = first->helps.count > 0 ? LIST_AT(first->helps, 0, const char) : NULL;
    run_fail(run, row->line, "error[%s]: %s%s%s", first->code, first->message,
             help == NULL ? "" : "; ", help == NULL ? "" : help);
    return false;
}

typedef struct Feed {
    TrialRun *run;
    Inline *line;
    TrialTable *table;
    const Value **rows; /* that wait for their batch */
    RowKind *kinds;
    int32_t row_count, row_capacity;
} Feed;

bool run_has_ways(const TrialRun *run)
{
    return run->test->only_inline.data == NULL && !trial_has_lookup(run);
}

static bool feed_flush(Feed *feed, int32_t line)
{
    TrialRun *run = feed->run;
    Error error = {0};
    Status status = OK;
    for (int32_t i = 0; status == OK && feed->row_count > 0 && i < run->plan->node_count; i++) {
        const PlanNode *node = run->plan->nodes[i];
        if (node->kind != PLAN_SOURCE || trial_table_of(node->source.table) != feed->table)
            continue;
        Batch *batch =
            trial_table_batch(feed->table, node, feed->rows, feed->kinds, feed->row_count);
        status = inline_push(feed->line, node, batch, &error);
        batch_free(batch);
    }
    feed->row_count = 0;
    if (status == OK && run->options->is_resuming && run_has_ways(run))
        status = inline_restart(feed->line, &error);
    if (status != OK)
        run_fail_error(run, line, &error);
    return status == OK;
}

static bool feed_row(Feed *feed, const FedRow *row)
{
    TrialRun *run = feed->run;
    Value *values = ARENA_ARRAY(run->arena, Value, feed->table->fed.count + 1);
    if (!run_bind_row(run, feed->table, row, values))
        return false;
    trial_lookup_feed(run, feed->table, values, row->kind);
    feed->rows[feed->row_count] = values;
    feed->kinds[feed->row_count++] = row->kind;
    bool is_full = !run->is_batched || feed->row_count == feed->row_capacity;
    return is_full ? feed_flush(feed, row->line) : true;
}

TrialTable *run_read_table(TrialRun *run, const TrialStep *step)
{
    TrialTable *table = trial_table_find(run, step->table);
    if (table != NULL && table->looked_up != NULL)
        return table;
    for (int32_t i = 0; table != NULL && i < run->plan->node_count; i++) {
        const PlanNode *node = run->plan->nodes[i];
        if (node->kind == PLAN_SOURCE && trial_table_of(node->source.table) == table)
            return table;
    }
    run_fail(run, step->line, "no statement of the case reads table `%.*s`", STR_ARGS(step->table));
    return NULL;
}

static bool step_feed(TrialRun *run, Inline *line, const TrialStep *step)
{
    Feed feed = {.run = run, .line = line};
    feed.table = run_read_table(run, step);
    if (feed.table == NULL)
        return false;
    feed.row_capacity = run->is_batched ? BATCH_ROWS_MAX : 1;
    feed.rows = ARENA_ARRAY(run->arena, const Value *, feed.row_capacity);
    feed.kinds = ARENA_ARRAY(run->arena, RowKind, feed.row_capacity);
    FedCursor cursor = fed_cursor(&step->body);
    FedRow row;
    while (fed_next(&cursor, &row))
        if (!feed_row(&feed, &row))
            return false;
    return feed_flush(&feed, step->line);
}

/* ---- Steps ----------------------------------------------------------------------------------- */

static bool step_watermark(TrialRun *run, Inline *line, const TrialStep *step, Error *error)
{
    const TrialTable *table = run_read_table(run, step);
    bool has_any = false;
    Status status = OK;
    for (int32_t i = 0; table != NULL && status == OK && i < run->plan->node_count; i++) {
        const PlanNode *node = run->plan->nodes[i];
        if (node->kind == PLAN_SOURCE && trial_table_of(node->source.table) == table)
            status = inline_advance(line, node, step->watermark, &has_any, error);
    }
    if (table != NULL && !has_any)
        run_fail(run, step->line, "table `%.*s` has no WATERMARK that a statement uses",
                 STR_ARGS(step->table));
    if (status != OK)
        run_fail_error(run, step->line, error);
    return status == OK && has_any;
}

/* In steps, because timers are due one after the other. */
static bool step_clock(TrialRun *run, Inline *line, const TrialStep *step, Error *error)
{
    int64_t tick_us = step->clock_us / TICKS_MAX;
    if (tick_us < TICK_LEAST_US)
        tick_us = TICK_LEAST_US;
    int64_t end_us = run->world.now_us + step->clock_us;
    Status status = OK;
    while (status == OK && run->world.now_us < end_us) {
        int64_t left_us = end_us - run->world.now_us;
        run->world.now_us += left_us < tick_us ? left_us : tick_us;
        status = inline_tick(line, error);
    }
    if (status != OK)
        run_fail_error(run, step->line, error);
    return status == OK;
}

static bool run_end_input(TrialRun *run, Inline *line, int32_t at_line)
{
    Error error = {0};
    for (int32_t i = 0; i < run->plan->node_count; i++) {
        const PlanNode *node = run->plan->nodes[i];
        if (node->kind != PLAN_SOURCE || inline_end(line, node, &error) == OK)
            continue;
        run_fail_error(run, at_line, &error);
        return false;
    }
    return true;
}

static bool run_do_step(TrialRun *run, Inline *line, const TrialStep *step)
{
    Error error = {0};
    bool is_good = true;
    if (step->kind == STEP_FEED)
        is_good = step_feed(run, line, step);
    else if (step->kind == STEP_ADVANCE_WATERMARK)
        is_good = step_watermark(run, line, step, &error);
    else if (step->kind == STEP_ADVANCE_CLOCK)
        is_good = step_clock(run, line, step, &error);
    else if (!run->is_second)
        expect_step(run, step);
    if (is_good && step->kind == STEP_FEED && inline_tick(line, &error) != OK) {
        run_fail_error(run, step->line, &error);
        return false;
    }
    return is_good;
}

/* The first of the expectations at the end, before which the input ends. */
static int32_t run_last_group(const TrialRun *run)
{
    int32_t first = run->test->steps.count;
    while (first > 0 && step_is_expectation(run_step(run, first - 1)->kind))
        first--;
    return first;
}

/* Tables that nothing feeds are read by their own connectors. */
static bool run_read_real(TrialRun *run, Inline *line)
{
    Error error = {0};
    for (int32_t i = 0; i < run->plan->node_count; i++) {
        const PlanNode *node = run->plan->nodes[i];
        if (node->kind != PLAN_SOURCE || !trial_table_of(node->source.table)->is_real)
            continue;
        if (!node->source.is_bounded) {
            run_fail(run, run->test->line, "table `%.*s` has no end: feed it",
                     STR_ARGS(node->source.table->name));
            return false;
        }
        if (inline_read(line, node, &error) == OK)
            continue;
        run_fail_error(run, run->test->line, &error);
        return false;
    }
    return true;
}

static void run_steps(TrialRun *run, Inline *line)
{
    int32_t last_group = run_last_group(run);
    if (!run_read_real(run, line))
        return;
    for (int32_t i = 0; i < run->test->steps.count; i++) {
        const TrialStep *step = run_step(run, i);
        if (i == last_group && !run_end_input(run, line, step->line))
            return;
        if (!run_do_step(run, line, step))
            return;
    }
    if (run->letters_seen == run->letters.count || run->is_second)
        return;
    run_fail(run, run->test->line, "dead letters that no `--- expect dead letters` names");
    for (int32_t i = run->letters_seen; i < run->letters.count; i++)
        buffer_printf(&run->result->report, "    + %.*s\n",
                      STR_ARGS(*LIST_AT(run->letters, i, Str)));
}

static void run_letter(void *context, const DeadLetter *letter)
{
    TrialRun *run = context;
    pthread_mutex_lock(&run->lock);
    Str *text = ARENA_NEW(run->arena, Str);
    *text = str_from(arena_printf(run->arena, "%.*s %s", STR_ARGS(letter->table), letter->code));
    list_append(&run->letters, run->arena, text);
    pthread_mutex_unlock(&run->lock);
}

/* ---- A case ---------------------------------------------------------------------------------- */

void run_inline(TrialRun *run)
{
    DeadLetters *letters = deadletters_open(&run->world.base, NULL);
    deadletters_observe(letters, run_letter, run);
    Spill *spill = run->options->is_spilling ? spill_new(&run->world.base, NULL, 0) : NULL;
    InlineOptions options = {.dead_letters = letters,
                             .spill = spill,
                             .tap = capture_tap,
                             .tap_context = run,
                             .keeps_batches = run->is_batched};
    Inline *line = NULL;
    Error error = {0};
    if (inline_open(&run->world.base, run->plan, &options, &line, &error) == OK)
        run_steps(run, line);
    else
        run_fail_error(run, run->test->line, &error);
    inline_close(line);
    spill_free(spill);
    deadletters_close(letters);
}

bool run_prepare(TrialRun *run)
{
    trial_table_init_collector(run);
    if (run->test->pipeline.data == NULL)
        run_set_source(run);
    else if (!run_read_pipeline(run))
        return false;
    if (!run_plan(run))
        return false;
    for (int32_t i = 0; i < run->tables.count; i++)
        trial_table_finish(run, LIST_AT(run->tables, i, TrialTable));
    trial_lookup_prepare(run);
    captures_make(run);
    return true;
}

TrialRun *run_new(World *world, const TrialFile *file, const TrialCase *test,
                  const TrialOptions *options, TrialResult *result)
{
    TrialRun *run = memory_allocate_zeroed((int64_t)sizeof *run);
    run->file = file;
    run->test = test;
    run->options = options;
    run->result = result;
    run->arena = arena_new(0);
    pthread_mutex_init(&run->lock, NULL);
    trial_world_init(&run->world, world);
    return run;
}

void run_free(TrialRun *run)
{
    pthread_mutex_destroy(&run->lock);
    arena_free(run->arena);
    memory_free(run);
}

void trial_run(World *world, const TrialFile *file, const TrialCase *test,
               const TrialOptions *options, TrialResult *result)
{
    int64_t start_us = world_monotonic_us(world);
    result->arena = arena_new(0);
    TrialRun *run = run_new(world, file, test, options, result);
    if (run_prepare(run)) {
        run_inline(run);
        if (!run->has_failed)
            run_again(run);
    }
    if (options->has_answer)
        run_answer(run, &result->answer);
    result->is_passed = !run->has_failed;
    result->duration_us = world_monotonic_us(world) - start_us;
    run_free(run);
}

/* ---- Updating -------------------------------------------------------------------------------- */

void trial_update(const TrialFile *file, const TrialResult *results, Buffer *out)
{
    int64_t at = 0;
    for (int32_t i = 0; i < file->cases.count; i++) {
        for (int32_t k = 0; k < results[i].fix_count; k++) {
            const TrialFix *fix = &results[i].fixes[k];
            assert(fix->start >= at && fix->end >= fix->start);
            buffer_append(out, file->text.data + at, fix->start - at);
            if (fix->start > 0 && file->text.data[fix->start - 1] != '\n')
                buffer_append_char(out, '\n');
            buffer_append_text(out, fix->text);
            at = fix->end;
        }
    }
    buffer_append(out, file->text.data + at, file->text.length - at);
}
