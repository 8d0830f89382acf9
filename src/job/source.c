/* Source tasks: read, push down the chain, and start the barriers. */
#include "job/internal.h"

#include "base/ceiling.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "data/value.h"

/* A batch with fewer rows than this is handed on at once: the source is waiting for its rows one
 * by one, and so may the user. */
enum { SOURCE_TRICKLE_ROWS = 256 };

/* Nothing new for this long, after the snapshot: all that is there has been read. */
enum { SOURCE_QUIET_US = 500 * 1000 };

/* What was made so long after a moment comes behind all that was there then: a second is the unit
 * of some sources, and as much again. */
enum { SOURCE_LATER_US = 2 * 1000 * 1000 };

/* Operators emit through outputs; a source has a reader instead of an operator, so this stands in
 * for one. */
static const OperatorKind source_stand_in = {.name = "source", .size = sizeof(Operator)};

SourceReader *source_make_reader(const SourceKind *kind, const PlanNode *node,
                                 const TaskContext *context)
{
    assert(kind->size >= (int32_t)sizeof(SourceReader));
    SourceReader *reader = arena_allocate_zeroed(context->query, kind->size);
    reader->kind = kind;
    reader->node = node;
    reader->holder = ceiling_holder(node->label);
    reader->world = context->world;
    reader->arena = context->query;
    reader->dead_letters = context->dead_letters;
    reader->letter_folders = context->letter_folders;
    reader->zone = context->settings->zone;
    reader->decode_threads = 1;
    reader->hub = context->hub;
    reader->begin = context->begin;
    reader->tells_end = context->tells_end;
    reader->metric_labels = context->metric_labels != NULL ? context->metric_labels : "";
    reader->memory_bytes = context->settings->memory_limit_bytes;
    return reader;
}

void source_attach(Task *task, const PlanNode *node)
{
    task->head = operator_make(&task->context, &source_stand_in, node, 1);
    const SourceKind *kind = &values_source;
    if (node->kind == PLAN_SOURCE)
        kind = connector_find(node->source.table->connector)->source;
    assert(kind != NULL);
    task->reader = source_make_reader(kind, node, &task->context);
    task->reader->decode_threads = task->board->core_count;
    task->context.splits = &task->reader->splits;
}

/* As much of the batch at hand as there is room for. */
static Status source_feed(Task *task)
{
    while (task->feed.batch != NULL && task_drain(task)) {
        TRY(feed_step(task));
        TRY(pressure_check(task->board, &task->error));
    }
    return OK;
}

static Status source_take(Task *task, Batch *batch)
{
    int64_t rows = batch->selection.count;
    metric_add(task->reader->records, rows);
    if (rows > 0)
        feed_begin(task, NULL, batch);
    else
        batch_free(batch);
    TRY(source_feed(task));
    if (rows < SOURCE_TRICKLE_ROWS)
        task_flush(task);
    return OK;
}

/* ---- All that is there now ----------------------------------------------------------------- */

/* A wish is new: from where on is it granted? */
static Status source_hear_wish(Task *task, int64_t wish)
{
    SourceReader *reader = task->reader;
    Error error = {0};
    Status status = reader->kind->note_end == NULL ? OK : reader->kind->note_end(reader, &error);
    if (status != OK && error.is_retriable) {
        log_event(LOG_WARN, "source", "%s: %s; asking again", reader->node->label, error.text);
        return OK;
    }
    if (status != OK) {
        task->error = error;
        return status;
    }
    task->wish = wish;
    task->wished_us = world_clock_us(task->context.world);
    task->quiet_since_us = 0;
    return OK;
}

/* Whether what was read reaches as far as what there was at the time of the wish: by the source's
 * own word; else by quiet, or because changes come that were made later. */
static bool source_has_all(const Task *task)
{
    SourceReader *reader = task->reader;
    if (reader->kind->note_end != NULL)
        return reader->kind->has_reached_end(reader);
    if (atomic_load(&reader->progress.phase) == PHASE_SNAPSHOT)
        return false;
    int64_t now_us = world_monotonic_us(task->context.world);
    return (task->quiet_since_us != 0 && now_us - task->quiet_since_us >= SOURCE_QUIET_US) ||
           atomic_load(&reader->progress.event_time_us) >= task->wished_us + SOURCE_LATER_US;
}

/* Between two polls: all that was polled has been pushed. */
static Status source_look_at_wish(Task *task)
{
    int64_t wish = atomic_load(&task->board->wish);
    if (wish > task->wish)
        TRY(source_hear_wish(task, wish));
    if (task->wish > atomic_load(&task->granted) && source_has_all(task)) {
        atomic_store(&task->granted, task->wish);
        waker_wake(task->board->coordinator);
    }
    return OK;
}

static void source_note_quiet(Task *task)
{
    int64_t now_us = world_monotonic_us(task->context.world);
    /* Records that are all refused are something, too. */
    int64_t bytes = atomic_load(&task->reader->progress.bytes_done);
    if (task->quiet_since_us == 0 || bytes != task->quiet_bytes)
        task->quiet_since_us = now_us;
    task->quiet_bytes = bytes;
    if (now_us - task->quiet_since_us < SOURCE_QUIET_US || atomic_load(&task->is_quiet) ||
        atomic_load(&task->reader->progress.phase) == PHASE_SNAPSHOT)
        return;
    atomic_store(&task->is_quiet, true);
    waker_wake(task->board->coordinator);
}

static Status source_poll(Task *task)
{
    Batch *batch = NULL;
    memory_hold(task->reader->holder);
    Status status = task->reader->kind->poll(task->reader, &batch, &task->error);
    memory_hold(NULL);
    if (status == OK) {
        task->quiet_since_us = 0;
        return source_take(task, batch);
    }
    if (status == ERR_AGAIN) {
        task_flush(task);
        source_note_quiet(task);
        return OK;
    }
    if (status != ERR_END && task->error.is_in_place) {
        task->has_parted = true;
        task_flush(task);
        board_part(task->board, &task->error);
        return OK;
    }
    if (status != ERR_END)
        return status;
    atomic_store(&task->reader->progress.phase, PHASE_FINISHED);
    TRY(operator_advance(task->head, TIMESTAMP_MAX));
    arena_reset(task->context.scratch);
    task_end(task);
    return OK;
}

static bool source_is_ready(const Task *task)
{
    SourceReader *reader = task->reader;
    return reader->helper_count == 0 || reader->kind->is_ready(reader);
}

bool source_help(Task *task, int32_t helper)
{
    SourceReader *reader = task->reader;
    Board *board = task->board;
    assert(helper < reader->helper_count);
    if (!atomic_load(&board->is_started) || !pressure_allows_reading(board))
        return false;
    /* Behind the last barrier nothing is read. */
    if (atomic_load(&board->is_stopping) || atomic_load(&board->barrier_is_last))
        return false;
    memory_hold(reader->holder);
    bool has_helped = reader->kind->help(reader, helper);
    memory_hold(NULL);
    return has_helped;
}

Status source_step(Task *task, bool *progressed)
{
    Board *board = task->board;
    if (task_waits_for_pieces(task)) {
        task_drain(task);
        return OK;
    }
    if (task_has_more(task)) {
        if (!task_drain(task))
            return OK;
        *progressed = true;
        TRY(task_go_on(task));
        TRY(task_make_room(task));
        task_drain(task);
        return OK;
    }
    if (task->feed.batch != NULL) {
        int32_t done = task->feed.done;
        TRY(source_feed(task));
        *progressed = task->feed.batch == NULL || task->feed.done != done;
        if (task->feed.batch != NULL || task_has_more(task))
            return OK;
        task_flush(task);
    }
    int64_t wanted = atomic_load(&board->barrier_wanted);
    if (wanted > task->barrier) {
        *progressed = true;
        TRY(task_take_barrier(task, wanted, atomic_load(&board->barrier_is_last)));
    }
    if (!task_drain(task) || task->has_ended || task->has_parted || task->is_last_taken)
        return OK;
    if (!atomic_load(&board->is_started) || !deadletters_has_room(task->context.dead_letters))
        return OK;
    if (!pressure_allows_reading(board) || !source_is_ready(task))
        return OK;
    *progressed = true;
    TRY(source_poll(task));
    if (task->feed.batch == NULL && !task_has_more(task))
        TRY(source_look_at_wish(task));
    TRY(task_make_room(task));
    TRY(pressure_check(board, &task->error));
    task_drain(task);
    return OK;
}

/* ---- Constant rows ----------------------------------------------------------------------- */

typedef struct ValuesReader {
    SourceReader base;
    bool is_done;
} ValuesReader;

static Status values_open(SourceReader *base, Str state, Error *error)
{
    (void)error;
    ValuesReader *reader = (ValuesReader *)base;
    reader->is_done = state.length > 0 && state.data[0] != 0;
    return OK;
}

/* Evaluate all cells over one row without columns, then lay the results out as rows. */
static Status values_fill(ValuesReader *reader, Arena *arena, Batch *batch, Error *error)
{
    const PlanNode *node = reader->base.node;
    int32_t columns = node->schema.count;
    int32_t cells = node->values.row_count * columns;
    Schema nothing = {0};
    Program *program;
    TRY(program_compile(arena, node->values.rows, cells, &nothing, &program, error));
    EvalContext context = {
        .world = reader->base.world,
        .scratch = arena,
        .zone = reader->base.zone,
        .watermark = TIMESTAMP_MIN,
        .errors = ARENA_ARRAY(arena, RowError, ROW_ERRORS_MAX),
    };
    Batch row = {.row_count = 1, .selection = {.count = 1}};
    Column *results = ARENA_ARRAY(arena, Column, cells);
    program_run(program, &context, &row, results);
    if (context.error_count > 0)
        return fail(error, ERR_INVALID, context.errors[0].code, "a row of VALUES: %s",
                    context.errors[0].reason);
    for (int32_t i = 0; i < cells; i++) {
        Value value = value_get(&results[i], 0);
        if (value.is_null)
            column_set_null(&batch->columns[i % columns], batch->arena, i / columns,
                            node->values.row_count);
        else
            value_set(&batch->columns[i % columns], batch->arena, i / columns,
                      node->values.row_count, &value);
    }
    batch->row_count = node->values.row_count;
    batch_select_all(batch);
    return OK;
}

static Status values_poll(SourceReader *base, Batch **out, Error *error)
{
    ValuesReader *reader = (ValuesReader *)base;
    const PlanNode *node = base->node;
    if (reader->is_done || node->values.row_count == 0)
        return ERR_END;
    if (node->values.row_count > BATCH_ROWS_MAX)
        return fail(error, ERR_LIMIT, "WR4403", "VALUES has %d rows, more than the %d allowed",
                    node->values.row_count, BATCH_ROWS_MAX);
    Arena *arena = arena_new(0);
    Batch *batch = batch_new(&node->schema, node->values.row_count);
    Status status = values_fill(reader, arena, batch, error);
    arena_free(arena);
    if (status != OK) {
        batch_free(batch);
        return status;
    }
    reader->is_done = true;
    *out = batch;
    return OK;
}

static void values_snapshot(SourceReader *base, Buffer *out)
{
    buffer_append_u8(out, ((ValuesReader *)base)->is_done);
}

static void values_close(SourceReader *base)
{
    (void)base;
}

const SourceKind values_source = {
    .size = sizeof(ValuesReader),
    .open = values_open,
    .poll = values_poll,
    .snapshot = values_snapshot,
    .close = values_close,
};
