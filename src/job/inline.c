/* The operators of a plan, connected to each other directly. */
#include "job/inline.h"

#include <assert.h>

#include "base/memory.h"
#include "exec/exec.h"
#include "job/internal.h"

struct Inline {
    const Plan *plan;
    InlineOptions options;
    World *world;
    TaskContext context;
    RowError *row_errors;
    Operator **operators; /* by node id; sources have a stand-in */
    bool *has_ended;      /* by node id, of sources */
    int64_t checkpoint;
    Error error;
};

/* ---- The end of materialized tables -------------------------------------------------------- */

typedef struct Tap {
    Operator base;
    const Inline *line;
    int32_t root;
} Tap;

static Status tap_push(Operator *op, int32_t input, Batch *batch)
{
    const Tap *tap = (const Tap *)op;
    assert(input == 0);
    tap->line->options.tap(tap->line->options.tap_context, tap->root, batch);
    return OK;
}

static Status tap_advance(Operator *op, Timestamp watermark)
{
    (void)op, (void)watermark;
    return OK;
}

static const OperatorKind tap_kind = {
    .name = "tap", .size = sizeof(Tap), .push = tap_push, .advance = tap_advance};

/* ---- Row by row ---------------------------------------------------------------------------- */

/* Stands on every edge, so that an operator sees the rows of a batch one after the other: what it
 * makes of them does not depend on what came together. */
static Status single_push(Operator *op, int32_t input, Batch *batch)
{
    assert(input == 0);
    Selection all = batch->selection;
    for (int32_t i = 0; i < all.count; i++) {
        int32_t row = selection_row(all, i);
        batch->selection = (Selection){.rows = &row, .count = 1};
        TRY(operator_emit(op, batch));
    }
    return OK;
}

static const OperatorKind single_kind = {
    .name = "single", .size = sizeof(Operator), .push = single_push};

static const OperatorKind inline_source_kind = {.name = "source", .size = sizeof(Operator)};

/* ---- Making them --------------------------------------------------------------------------- */

static void inline_make_taps(Inline *line)
{
    for (int32_t i = 0; i < line->plan->root_count; i++) {
        const PlanNode *root = line->plan->roots[i];
        if (root->kind != PLAN_SERVE || line->options.tap == NULL)
            continue;
        Tap *tap = (Tap *)operator_make(&line->context, &tap_kind, root, 1);
        tap->line = line;
        tap->root = i;
        operator_connect(line->operators[root->id], &tap->base, 0);
    }
}

static void inline_connect(Inline *line, const PlanNode *from, const PlanNode *to, int32_t input)
{
    Operator *last = line->operators[from->id];
    if (!line->options.keeps_batches) {
        Operator *single = operator_make(&line->context, &single_kind, to, 1);
        operator_connect(last, single, 0);
        last = single;
    }
    operator_connect(last, line->operators[to->id], input);
}

/* All operators anew, in an arena of their own, connected but not open. */
static void inline_make(Inline *line)
{
    const Plan *plan = line->plan;
    line->context.query = arena_new(0);
    line->operators = ARENA_ARRAY(line->context.query, Operator *, plan->node_count);
    for (int32_t i = 0; i < plan->node_count; i++) {
        const PlanNode *node = plan->nodes[i];
        assert(node->id == i);
        line->operators[i] = node->input_count == 0
                                 ? operator_make(&line->context, &inline_source_kind, node, 1)
                                 : operator_new(&line->context, node);
        for (int32_t k = 0; k < node->input_count; k++)
            inline_connect(line, node->inputs[k], node, k);
    }
    inline_make_taps(line);
}

/* What a call leaves behind. */
static Status inline_done(Inline *line, Status status, Error *error)
{
    arena_reset(line->context.scratch);
    line->context.eval.error_count = 0;
    for (int32_t i = 0; status == OK && i < line->plan->node_count; i++)
        status = operator_make_room(line->operators[i]);
    if (status != OK) {
        *error = line->error;
        error->status = status;
    }
    return status;
}

static Status inline_open_operators(Inline *line)
{
    for (int32_t i = 0; i < line->plan->node_count; i++) {
        Operator *op = line->operators[i];
        if (op->kind->open != NULL)
            TRY(op->kind->open(op));
    }
    return OK;
}

static Status inline_start_operators(Inline *line)
{
    for (int32_t i = 0; i < line->plan->node_count; i++) {
        Operator *op = line->operators[i];
        TRY(operator_start(op));
    }
    return OK;
}

static void inline_close_operators(Inline *line)
{
    for (int32_t i = 0; i < line->plan->node_count; i++) {
        operator_close(line->operators[i]);
    }
}

static Status inline_read_values(Inline *line, Error *error)
{
    for (int32_t i = 0; i < line->plan->node_count; i++)
        if (line->plan->nodes[i]->kind == PLAN_VALUES)
            TRY(inline_read(line, line->plan->nodes[i], error));
    return OK;
}

Status inline_open(World *world, const Plan *plan, const InlineOptions *options, Inline **out,
                   Error *error)
{
    Inline *line = memory_allocate_zeroed((int64_t)sizeof *line);
    line->plan = plan;
    line->options = *options;
    line->world = world;
    line->row_errors = memory_allocate((int64_t)sizeof(RowError) * ROW_ERRORS_MAX);
    line->has_ended = memory_allocate_zeroed(plan->node_count + 1);
    line->context = (TaskContext){.world = world,
                                  .scratch = arena_new(0),
                                  .dead_letters = options->dead_letters,
                                  .shard_count = 1,
                                  .settings = &plan->settings,
                                  .spill = options->spill,
                                  .error = &line->error};
    line->context.eval = (EvalContext){.world = world,
                                       .scratch = line->context.scratch,
                                       .zone = plan->settings.zone,
                                       .watermark = TIMESTAMP_MIN,
                                       .errors = line->row_errors};
    inline_make(line);
    Status status = inline_open_operators(line);
    if (status == OK)
        status = inline_start_operators(line);
    status = inline_done(line, status, error);
    if (status == OK)
        status = inline_read_values(line, error);
    if (status != OK) {
        inline_close(line);
        return status;
    }
    *out = line;
    return OK;
}

void inline_close(Inline *line)
{
    if (line == NULL)
        return;
    inline_close_operators(line);
    arena_free(line->context.query);
    arena_free(line->context.scratch);
    memory_free(line->row_errors);
    memory_free(line->has_ended);
    memory_free(line);
}

/* ---- What comes in ------------------------------------------------------------------------- */

static Status inline_push_rows(Inline *line, const PlanNode *source, Batch *batch, Error *error)
{
    line->context.eval.error_count = 0;
    return inline_done(line, operator_emit(line->operators[source->id], batch), error);
}

Status inline_push(Inline *line, const PlanNode *source, Batch *batch, Error *error)
{
    assert(!line->has_ended[source->id]);
    if (batch->row_count <= BATCH_ROWS_MAX)
        return inline_push_rows(line, source, batch, error);
    Column *columns = arena_allocate(batch->arena, (int64_t)sizeof(Column) * batch->column_count);
    for (int32_t first = 0; first < batch->row_count; first += BATCH_ROWS_MAX) {
        Batch window = batch_window(batch, first, columns);
        TRY(inline_push_rows(line, source, &window, error));
    }
    return OK;
}

Status inline_end(Inline *line, const PlanNode *source, Error *error)
{
    if (line->has_ended[source->id])
        return OK;
    line->has_ended[source->id] = true;
    return inline_done(line, operator_advance(line->operators[source->id], TIMESTAMP_MAX), error);
}

static Status inline_poll(Inline *line, SourceReader *reader, Error *error)
{
    for (;;) {
        Batch *batch = NULL;
        Status status = reader->kind->poll(reader, &batch, error);
        if (status == ERR_AGAIN)
            continue;
        if (status != OK)
            return status == ERR_END ? OK : status;
        status = inline_push(line, reader->node, batch, error);
        batch_free(batch);
        TRY(status);
    }
}

Status inline_read(Inline *line, const PlanNode *source, Error *error)
{
    const SourceKind *kind = &values_source;
    if (source->kind == PLAN_SOURCE)
        kind = connector_find(source->source.table->connector)->source;
    Metric uncounted = {0};
    SourceReader *reader = source_make_reader(kind, source, &line->context);
    reader->records = &uncounted;
    Status status = kind->open(reader, (Str){0}, error);
    if (status == OK)
        status = inline_poll(line, reader, error);
    kind->close(reader);
    return status == OK ? inline_end(line, source, error) : status;
}

/* Whether all rows of the node come from the source, by operators that only look at rows. */
static bool inline_is_above(const PlanNode *node, const PlanNode *source)
{
    while (node != source && node->input_count == 1)
        node = node->inputs[0];
    return node == source;
}

Status inline_advance(Inline *line, const PlanNode *source, Timestamp watermark, bool *has_any,
                      Error *error)
{
    for (int32_t i = 0; i < line->plan->node_count; i++) {
        const PlanNode *node = line->plan->nodes[i];
        if (node->kind != PLAN_WATERMARK || !inline_is_above(node, source))
            continue;
        *has_any = true;
        TRY(inline_done(line, operator_raise_watermark(line->operators[i], watermark), error));
    }
    return OK;
}

Status inline_tick(Inline *line, Error *error)
{
    int64_t now_us = world_now_us(line->world);
    for (int32_t i = 0; i < line->plan->node_count; i++) {
        Operator *op = line->operators[i];
        if (op->kind->tick != NULL)
            TRY(inline_done(line, op->kind->tick(op, now_us), error));
    }
    return OK;
}

/* ---- Restarting ---------------------------------------------------------------------------- */

static Status inline_snapshot(Inline *line, Buffer *states)
{
    line->checkpoint++;
    for (int32_t i = 0; i < line->plan->node_count; i++) {
        Operator *op = line->operators[i];
        TRY(operator_save(op, line->checkpoint, &states[i]));
    }
    for (int32_t i = 0; i < line->plan->node_count; i++) {
        Operator *op = line->operators[i];
        if (op->kind->committed != NULL)
            TRY(op->kind->committed(op, line->checkpoint));
    }
    return OK;
}

static Status inline_restore(Inline *line, const Buffer *states)
{
    TRY(inline_open_operators(line));
    for (int32_t i = 0; i < line->plan->node_count; i++) {
        Operator *op = line->operators[i];
        if (states[i].length > 0)
            TRY(operator_load(op, buffer_str(&states[i]), &(StateOrigin){0, 1}));
    }
    return inline_start_operators(line);
}

/* Watermarks are in no snapshot: sources bring them again. */
static Status inline_restore_time(Inline *line, Operator *const *before)
{
    for (int32_t i = 0; i < line->plan->node_count; i++) {
        TRY(operator_take_over_time(line->operators[i], before[i]));
        if (line->has_ended[i])
            TRY(operator_advance(line->operators[i], TIMESTAMP_MAX));
    }
    return OK;
}

Status inline_restart(Inline *line, Error *error)
{
    int32_t count = line->plan->node_count;
    Buffer *states = memory_allocate_zeroed((int64_t)sizeof(Buffer) * (count + 1));
    Status status = inline_snapshot(line, states);
    Operator **before = line->operators;
    Arena *arena = line->context.query;
    if (status == OK) {
        inline_close_operators(line);
        inline_make(line);
        status = inline_restore(line, states);
        if (status == OK)
            status = inline_restore_time(line, before);
        arena_free(arena);
    }
    for (int32_t i = 0; i < count; i++)
        buffer_free(&states[i]);
    memory_free(states);
    return inline_done(line, status, error);
}
