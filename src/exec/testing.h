/* For the unit tests of exec/: a task without a job, and an operator at the end of the chain that
 * writes down what reaches it. */
#ifndef WEIR_EXEC_TESTING_H
#define WEIR_EXEC_TESTING_H

#include <stdlib.h>

#include "base/testing.h"

#include "base/hash.h"
#include "base/memory.h"
#include "data/rowcode.h"
#include "data/value.h"
#include "exec/exec.h"

/* Takes the place of the real list of connectors, which the tests of operators do not need. */
static const Connector *bench_connector;

const Connector *connector_find(const ConnectorInfo *info)
{
    (void)info;
    return bench_connector;
}

/* A clock that the tests set. */
typedef struct BenchWorld {
    World base;
    WorldKind kind;
    int64_t now_us;
} BenchWorld;

static inline int64_t bench_now(World *world)
{
    return ((BenchWorld *)world)->now_us;
}

static inline void bench_world_open(BenchWorld *world)
{
    *world = (BenchWorld){.kind = *world_system()->kind, .now_us = 1};
    world->kind.now_us = bench_now;
    world->kind.uptime_us = NULL;
    world->base.kind = &world->kind;
}

typedef struct BenchChain BenchChain;

typedef struct Bench {
    TaskContext task;
    BenchChain *chain; /* of the checkpoints that are taken while it is pushed to, or NULL */
    EvalContext *eval;
    RowError *errors;
    Error error;
    PlanSettings settings;
} Bench;

static inline void bench_open(Bench *bench)
{
    *bench = (Bench){0};
    bench->errors = memory_allocate((int64_t)sizeof(RowError) * ROW_ERRORS_MAX);
    bench->task = (TaskContext){.world = world_system(),
                                .query = arena_new(0),
                                .scratch = arena_new(0),
                                .shard_count = 1,
                                .settings = &bench->settings,
                                .error = &bench->error};
    bench->task.eval = (EvalContext){.world = world_system(),
                                     .scratch = bench->task.scratch,
                                     .zone = timezone_utc(),
                                     .watermark = TIMESTAMP_MIN,
                                     .errors = bench->errors};
}

/* Of every second seed, all state that can leaves memory after each batch. Before operators open.
 */
static inline void bench_spill(Bench *benches, int32_t count, uint64_t seed)
{
    for (int32_t i = 0; i < count && seed % 2 == 1; i++)
        benches[i].task.spill = spill_new(world_system(), NULL, 0);
}

static inline void bench_close(Bench *bench)
{
    if (bench->task.dead_letters != NULL)
        deadletters_close(bench->task.dead_letters);
    spill_free(bench->task.spill);
    arena_free(bench->task.query);
    arena_free(bench->task.scratch);
    memory_free(bench->errors);
}

/* Writes "+I a,b,c" lines for rows, "W <micros>" for watermarks if asked to, "idle 1". */
typedef struct Capture {
    Operator base;
    Buffer text;
    bool has_watermarks;
    int64_t rows;
} Capture;

static inline Status capture_push(Operator *op, int32_t input, Batch *batch)
{
    Capture *capture = (Capture *)op;
    (void)input;
    for (int32_t i = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        buffer_append_text(&capture->text, row_kind_text(batch_kind(batch, row)));
        for (int32_t c = 0; c < batch->column_count; c++) {
            Value value = value_get(&batch->columns[c], row);
            buffer_append_char(&capture->text, c == 0 ? ' ' : ',');
            value_print(&capture->text, &value, VALUE_PRINT, timezone_utc());
        }
        buffer_append_char(&capture->text, '\n');
        capture->rows++;
    }
    return OK;
}

static inline Status capture_advance(Operator *op, Timestamp watermark)
{
    Capture *capture = (Capture *)op;
    if (capture->has_watermarks)
        buffer_printf(&capture->text, "W %lld\n", (long long)watermark);
    return OK;
}

static inline Status capture_idle(Operator *op, bool is_idle)
{
    Capture *capture = (Capture *)op;
    if (capture->has_watermarks)
        buffer_printf(&capture->text, "idle %d\n", is_idle);
    return OK;
}

static inline void capture_close(Operator *op)
{
    buffer_free(&((Capture *)op)->text);
}

static const OperatorKind capture_kind = {
    .name = "capture",
    .size = sizeof(Capture),
    .push = capture_push,
    .advance = capture_advance,
    .idle = capture_idle,
    .close = capture_close,
};

static inline Capture *capture_new(Bench *bench)
{
    return (Capture *)operator_make(&bench->task, &capture_kind, NULL, 1);
}

static inline const char *capture_text(Capture *capture)
{
    return buffer_terminated(&capture->text);
}

static inline void capture_clear(Capture *capture)
{
    capture->text.length = 0;
}

static inline int compare_lines(const void *a, const void *b)
{
    return str_compare(*(const Str *)a, *(const Str *)b);
}

/* The lines in order, so that two outputs can be compared as sets. */
static inline void sort_lines(Arena *arena, Buffer *text)
{
    int64_t count = 0;
    for (int64_t i = 0; i < text->length; i++)
        count += text->data[i] == '\n';
    Str *lines = ARENA_ARRAY(arena, Str, count);
    Str rest = buffer_str(text);
    for (int64_t i = 0; i < count; i++)
        lines[i] = str_split(rest, '\n', &rest);
    qsort(lines, (size_t)count, sizeof *lines, compare_lines);
    Buffer sorted = {0};
    for (int64_t i = 0; i < count; i++) {
        buffer_append_str(&sorted, lines[i]);
        buffer_append_char(&sorted, '\n');
    }
    buffer_free(text);
    *text = sorted;
}

/* ---- Checkpoints ------------------------------------------------------------------------- */

enum { BENCH_SHARDS_MAX = 4, BENCH_ROWS_MAX = 2048, BENCH_STEP_BYTES_MAX = 200 };

/* What an operator was given. */
typedef struct BenchMessage {
    int32_t shard, input;
    Batch *batch; /* NULL: a watermark */
    Timestamp watermark;
} BenchMessage;

/* Checkpoints of operators that are worked with meanwhile: barriers fall between batches by chance,
 * and what is to be saved then is saved bit by bit while the next batches are pushed. So a value
 * that changes without the checkpoint being told is wrong in this one, or missing in the next. New
 * operators that go on from the last barrier are given again what came since, and must say again
 * what was said then. */
struct BenchChain {
    Operator *ops[BENCH_SHARDS_MAX]; /* by shard; each has a capture as its output */
    int32_t count;
    uint64_t seed;
    int32_t passes;                   /* since the last full one; 0: no barrier yet */
    int32_t writers;                  /* shards that the records are of */
    Buffer records[BENCH_SHARDS_MAX]; /* of these passes */
    Buffer rests[BENCH_SHARDS_MAX];   /* what is not in tables, at the last barrier */
    BenchMessage *messages;           /* since then */
    int32_t message_count, message_capacity;
    Buffer said; /* since then */
};

static inline BenchChain *chain_new(uint64_t seed)
{
    BenchChain *chain = memory_allocate_zeroed((int64_t)sizeof *chain);
    chain->seed = seed;
    return chain;
}

static inline int64_t chain_below(BenchChain *chain, int64_t bound)
{
    chain->seed = hash_u64(chain->seed + 0x9e3779b97f4a7c15ULL);
    return (int64_t)(chain->seed >> 11) % bound;
}

static inline void chain_forget_messages(BenchChain *chain)
{
    for (int32_t i = 0; i < chain->message_count; i++)
        if (chain->messages[i].batch != NULL)
            batch_free(chain->messages[i].batch);
    chain->message_count = 0;
    chain->said.length = 0;
}

/* NULL is allowed. */
static inline void chain_free(BenchChain *chain)
{
    if (chain == NULL)
        return;
    chain_forget_messages(chain);
    memory_free(chain->messages);
    for (int32_t i = 0; i < BENCH_SHARDS_MAX; i++) {
        buffer_free(&chain->records[i]);
        buffer_free(&chain->rests[i]);
    }
    buffer_free(&chain->said);
    memory_free(chain);
}

/* These operators are the ones to take checkpoints of. `chain` NULL: there are none to be taken. */
static inline void chain_follow(BenchChain *chain, Bench *benches, Operator *const *ops,
                                int32_t count)
{
    if (chain == NULL)
        return;
    assert_in_range(count, 1, BENCH_SHARDS_MAX);
    chain->count = count;
    chain->passes = 0;
    for (int32_t i = 0; i < count; i++) {
        chain->ops[i] = ops[i];
        benches[i].chain = chain;
    }
}

/* Some more of the pass under way; whether it is over. */
static inline bool chain_step(BenchChain *chain, int64_t bytes)
{
    bool is_over = true;
    for (int32_t i = 0; i < chain->count; i++) {
        KeyedState *keyed = chain->ops[i]->keyed;
        if (keyed != NULL && keyed_is_saving(keyed))
            is_over &= keyed_step(keyed, bytes, &chain->records[i]);
    }
    return is_over;
}

static inline void chain_barrier(BenchChain *chain, bool is_full)
{
    chain_forget_messages(chain);
    chain->passes = is_full ? 1 : chain->passes + 1;
    chain->writers = chain->count;
    for (int32_t i = 0; i < chain->count; i++) {
        Operator *op = chain->ops[i];
        if (is_full)
            chain->records[i].length = 0;
        chain->rests[i].length = 0;
        if (op->kind->snapshot != NULL)
            assert_int_equal(op->kind->snapshot(op, chain->passes, &chain->rests[i]), OK);
        if (op->keyed != NULL)
            keyed_begin(op->keyed, is_full);
    }
}

static inline void chain_barrier_by_chance(BenchChain *chain)
{
    chain_barrier(chain, chain->passes == 0 || chain_below(chain, 6) == 0);
}

static inline Buffer *chain_heard(const Operator *op)
{
    return &((Capture *)op->outputs[0])->text;
}

/* Before the operator of a shard is given something. Barriers come in front of batches for all
 * shards. */
static inline void chain_before(BenchChain *chain, Operator *op, BenchMessage message)
{
    if (op == chain->ops[0] && message.batch != NULL && chain_below(chain, 3) == 0 &&
        chain_step(chain, 1))
        chain_barrier_by_chance(chain);
    if (chain->message_count == chain->message_capacity) {
        chain->message_capacity = chain->message_capacity == 0 ? 16 : chain->message_capacity * 2;
        chain->messages =
            memory_resize(chain->messages, (int64_t)sizeof(BenchMessage) * chain->message_capacity);
    }
    if (message.batch != NULL)
        message.batch = batch_copy(message.batch);
    chain->messages[chain->message_count++] = message;
}

/* And after it: `heard` is how much its output had. */
static inline void chain_after(BenchChain *chain, Operator *op, int64_t heard)
{
    const Buffer *text = chain_heard(op);
    buffer_append_str(&chain->said, str_make(text->data + heard, text->length - heard));
    chain_step(chain, 1 + chain_below(chain, BENCH_STEP_BYTES_MAX));
}

/* What the operator has left for later, with its turns for checkpoints in between. */
static inline void bench_go_on(Operator *op, BenchChain *chain)
{
    while (op->has_more) {
        if (chain != NULL)
            chain_step(chain, 1 + chain_below(chain, BENCH_STEP_BYTES_MAX));
        assert_int_equal(operator_go_on(op), OK);
        arena_reset(op->task->scratch);
        assert_int_equal(operator_make_room(op), OK);
    }
}

static inline void bench_give(Bench *bench, Operator *op, BenchMessage message)
{
    BenchChain *chain =
        message.batch != NULL && message.batch->selection.count == 0 ? NULL : bench->chain;
    int64_t heard = chain == NULL ? 0 : chain_heard(op)->length;
    if (chain != NULL)
        chain_before(chain, op, message);
    if (message.batch != NULL)
        assert_int_equal(operator_push(op, message.input, message.batch), OK);
    else
        assert_int_equal(operator_receive_watermark(op, message.input, message.watermark), OK);
    arena_reset(bench->task.scratch);
    assert_int_equal(operator_make_room(op), OK);
    bench_go_on(op, chain);
    if (chain != NULL)
        chain_after(chain, op, heard);
}

/* What the task does with a batch that came in: push, then forget the temporaries. */
static inline void bench_push(Bench *bench, Operator *op, int32_t input, Batch *batch)
{
    bench_give(bench, op,
               (BenchMessage){.shard = bench->task.shard, .input = input, .batch = batch});
}

static inline void bench_watermark(Bench *bench, Operator *op, int32_t input, Timestamp watermark)
{
    bench_give(bench, op,
               (BenchMessage){.shard = bench->task.shard, .input = input, .watermark = watermark});
}

/* The operators go, at any moment: what is needed of them is taken. */
static inline void chain_end(BenchChain *chain)
{
    bool is_stopped = chain->passes == 0 || chain_below(chain, 4) == 0;
    chain_step(chain, INT64_MAX);
    if (is_stopped)
        chain_barrier_by_chance(chain);
    chain_step(chain, INT64_MAX);
}

/* The rows of a message that are for this operator. */
static inline void chain_replay_batch(Operator *op, const BenchMessage *message)
{
    const ColumnList *keys = &op->node->distribution_keys[message->input];
    int32_t rows[BENCH_ROWS_MAX];
    uint64_t hashes[BENCH_ROWS_MAX];
    int32_t count = 0;
    Batch view = *message->batch;
    assert_in_range(view.row_count, 1, BENCH_ROWS_MAX);
    rowcode_hash(&view, keys->columns, keys->count, view.selection, hashes);
    for (int32_t row = 0; row < view.row_count; row++)
        if (exchange_shard_of(hashes[row], op->task->shard_count) == op->task->shard)
            rows[count++] = row;
    view.selection = (Selection){.rows = rows, .count = count};
    assert_int_equal(operator_push(op, message->input, &view), OK);
}

static inline void chain_replay(BenchChain *chain, const BenchMessage *message, Buffer *said)
{
    for (int32_t i = 0; i < chain->count; i++) {
        Operator *op = chain->ops[i];
        if (message->batch != NULL)
            chain_replay_batch(op, message);
        else
            assert_int_equal(operator_receive_watermark(op, message->input, message->watermark),
                             OK);
        arena_reset(op->task->scratch);
        bench_go_on(op, NULL);
        Capture *capture = (Capture *)op->outputs[0];
        buffer_append_str(said, buffer_str(&capture->text));
        capture_clear(capture);
        capture->rows = 0;
    }
}

/* New operators, perhaps another number of them, go on from the last barrier: each takes what is
 * its own of everything. */
static inline void chain_resume(BenchChain *chain)
{
    for (int32_t i = 0; i < chain->count; i++) {
        Operator *op = chain->ops[i];
        for (int32_t k = 0; k < chain->writers; k++) {
            StateOrigin origin = {k, chain->writers};
            assert_int_equal(operator_load_records(op, buffer_str(&chain->records[k]), &origin),
                             OK);
            assert_int_equal(op->kind->restore(op, buffer_str(&chain->rests[k])), OK);
        }
        assert_int_equal(operator_start(op), OK);
    }
    Buffer said = {0};
    for (int32_t i = 0; i < chain->message_count; i++)
        chain_replay(chain, &chain->messages[i], &said);
    sort_lines(chain->ops[0]->task->query, &said);
    sort_lines(chain->ops[0]->task->query, &chain->said);
    assert_string_equal(buffer_terminated(&said), buffer_terminated(&chain->said));
    buffer_free(&said);
    chain_forget_messages(chain);
}

/* What each operator keeps, in one piece, as a savepoint takes it. */
static inline void bench_save(Operator *const *ops, int32_t count, Buffer *saved)
{
    for (int32_t i = 0; i < count; i++)
        assert_int_equal(operator_save(ops[i], 1, &saved[i]), OK);
}

/* New operators, perhaps another number of them, go on from there: each takes what is its own of
 * everything. */
static inline void bench_restore(Operator *const *ops, int32_t count, Buffer *saved,
                                 int32_t saved_count)
{
    for (int32_t i = 0; i < count; i++) {
        for (int32_t k = 0; k < saved_count; k++)
            assert_int_equal(
                operator_load(ops[i], buffer_str(&saved[k]), &(StateOrigin){k, saved_count}), OK);
        assert_int_equal(operator_start(ops[i]), OK);
    }
    for (int32_t k = 0; k < saved_count; k++)
        buffer_free(&saved[k]);
}

/* A column of int64 values appended row by row by the tests. */
static inline void put_i64(Batch *batch, int32_t column, int32_t row, int64_t value)
{
    ((int64_t *)batch->columns[column].values)[row] = value;
}

#endif
