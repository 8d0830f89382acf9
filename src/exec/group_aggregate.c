/* GROUP BY without a window: one accumulator row per key, and a changelog of its results.
 *
 *     new key: +I        changed: -U old, +U new        no records left: -D old
 *
 * A change is emitted once per key and batch, in the order in which the batch first touches the
 * keys; Flink without mini-batch emits for every row. The result is the same, only intermediate
 * steps are fewer. A key whose result did not change emits nothing, unless state expires: then
 * the pair keeps the state of those downstream alive. SELECT DISTINCT is this without calls. In
 * batch mode there are final rows only: group_final.c. */
#include "exec/group_aggregate.h"

#include <assert.h>
#include <stddef.h>

enum { GROUP_KEYS_MAX = BATCH_ROWS_MAX / 2 }; /* of an emitted batch: each may take two rows */

static Status group_open(Operator *op)
{
    GroupAggregate *self = (GroupAggregate *)op;
    const PlanNode *node = op->node;
    Arena *arena = op->task->query;
    int32_t key_count = node->group_aggregate.key_count;
    assert(node->schema.count == key_count + node->group_aggregate.aggregate_count);
    Type *types = ARENA_ARRAY(arena, Type, key_count);
    for (int32_t i = 0; i < key_count; i++)
        types[i] = node->inputs[0]->schema.fields[node->group_aggregate.keys[i]].type;
    self->key = table_key(arena, types, key_count);
    self->group = accumulators_choose_counted(
        arena, node->group_aggregate.aggregates, node->group_aggregate.aggregate_count,
        (int32_t)offsetof(GroupHead, records) - (int32_t)sizeof(GroupHead));
    self->clock = group_clock(node->group_aggregate.state_ttl_us);
    group_clock_set(&self->clock, world_now_us(op->task->world));
    self->codec = group_codec(self);
    self->table = operator_new_table(op, 0, &self->key,
                                     (int32_t)sizeof(GroupHead) + self->group.bytes, &self->codec);
    operator_spill_table(op, self->table);
    self->key_schema = (Schema){.fields = node->schema.fields, .count = key_count};
    self->result_schema = (Schema){.fields = node->schema.fields + key_count,
                                   .count = node->group_aggregate.aggregate_count};
    self->keys_out = batch_new(&self->key_schema, BATCH_ROWS_MAX);
    self->lent = arena_new(0);
    self->state_bytes = metric_get(METRIC_GAUGE, "weir_state_size_bytes", operator_shard_labels(op),
                                   "Bytes of keyed state.", 1);
    return OK;
}

/* Some of the keys that a batch touches, as many as fit a batch of their results, which lie at rows
 * 2k (before) and 2k + 1 (after) of the k-th key. */
typedef struct GroupChunk {
    Column *results;
    uint8_t *was_live; /* it had records */
} GroupChunk;

enum { GROUP_CHUNKS_MAX = BATCH_ROWS_MAX / GROUP_KEYS_MAX };

/* The keys that a batch touches, in order of first touch. */
typedef struct GroupTouched {
    uint8_t **values;
    int32_t *rows; /* of the batch, with the key */
    int32_t count;
    GroupChunk chunks[GROUP_CHUNKS_MAX];
} GroupTouched;

static int32_t chunk_keys(const GroupTouched *touched, int32_t chunk)
{
    int32_t left = touched->count - chunk * GROUP_KEYS_MAX;
    return left < GROUP_KEYS_MAX ? left : GROUP_KEYS_MAX;
}

/* The results of the keys that have records now, a column at a time: key by key it was a fifth of
 * all. */
static void chunk_set_results(GroupAggregate *self, GroupTouched *touched, int32_t number,
                              bool is_after)
{
    Arena *scratch = self->base.task->scratch;
    int32_t keys = chunk_keys(touched, number);
    const uint8_t **states = ARENA_ARRAY(scratch, const uint8_t *, keys);
    int32_t *rows = ARENA_ARRAY(scratch, int32_t, keys);
    int32_t count = 0;
    for (int32_t k = 0; k < keys; k++) {
        uint8_t *value = touched->values[number * GROUP_KEYS_MAX + k];
        states[count] = value;
        rows[count] = 2 * k + is_after;
        count += group_head(value)->records != 0;
    }
    AggregateStates run = {
        .states = states, .rows = rows, .offset = (int32_t)sizeof(GroupHead), .count = count};
    accumulators_result_run(&self->group, &run, touched->chunks[number].results, scratch, 0,
                            2 * keys);
}

/* Find out which keys the batch touches, and what they give so far. */
static void group_touch(GroupAggregate *self, const Batch *batch, uint8_t **values,
                        GroupTouched *touched)
{
    Arena *scratch = self->base.task->scratch;
    Selection rows = batch->selection;
    touched->values = ARENA_ARRAY(scratch, uint8_t *, rows.count);
    touched->rows = ARENA_ARRAY(scratch, int32_t, rows.count);
    for (int32_t i = 0; i < rows.count; i++) {
        GroupHead *head = group_head(values[i]);
        if (head->touched != 0)
            continue;
        if (group_is_expired(&self->clock, head)) {
            accumulators_clear(&self->group, group_state(values[i]));
            head->records = 0;
        }
        touched->values[touched->count] = values[i];
        touched->rows[touched->count++] = selection_row(rows, i);
        head->touched = touched->count;
    }
    for (int32_t number = 0; number * GROUP_KEYS_MAX < touched->count; number++) {
        GroupChunk *chunk = &touched->chunks[number];
        int32_t keys = chunk_keys(touched, number);
        chunk->was_live = ARENA_ARRAY(scratch, uint8_t, keys);
        for (int32_t k = 0; k < keys; k++)
            chunk->was_live[k] =
                group_head(touched->values[number * GROUP_KEYS_MAX + k])->records != 0;
        chunk->results = ARENA_ARRAY(scratch, Column, self->result_schema.count);
        for (int32_t i = 0; i < self->result_schema.count; i++)
            chunk->results[i] = column_new(scratch, self->result_schema.fields[i].type, 2 * keys);
        chunk_set_results(self, touched, number, false);
    }
}

/* Count the rows in. Retractions of keys that have no records are left out: returns the rows that
 * count, with their values in place. */
static Selection group_count(GroupAggregate *self, const Batch *batch, uint8_t **values)
{
    Selection rows = batch->selection;
    int32_t *kept = ARENA_ARRAY(self->base.task->scratch, int32_t, rows.count);
    int32_t count = 0;
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        GroupHead *head = group_head(values[i]);
        bool is_back = row_kind_is_retraction((uint8_t)batch_kind(batch, row));
        if (is_back && head->records == 0)
            continue;
        head->records += is_back ? -1 : 1;
        values[count] = values[i];
        kept[count++] = row;
    }
    return (Selection){.rows = kept, .count = count};
}

static bool result_is_equal(const Column *column, int32_t a, int32_t b)
{
    bool is_null = column_is_null(column, a);
    if (is_null || column_is_null(column, b))
        return is_null && column_is_null(column, b);
    int32_t width = physical_bytes(column->physical);
    const char *values = column->values;
    if (column->physical == PHYSICAL_I64)
        return ((const int64_t *)column->values)[a] == ((const int64_t *)column->values)[b];
    if (column->physical == PHYSICAL_STRING)
        return str_view_equal((const StrView *)column->values + a,
                              (const StrView *)column->values + b);
    return memcmp(values + (int64_t)a * width, values + (int64_t)b * width, (size_t)width) == 0;
}

static bool group_is_unchanged(const GroupAggregate *self, const GroupChunk *chunk, int32_t k)
{
    for (int32_t i = 0; i < self->result_schema.count; i++)
        if (!result_is_equal(&chunk->results[i], 2 * k, 2 * k + 1))
            return false;
    return true;
}

/* Which of a key's two rows go out, and as what. */
static int32_t group_judge(const GroupAggregate *self, const GroupChunk *chunk, int32_t k,
                           bool is_live, int32_t *rows, uint8_t *kinds)
{
    const PlanNode *node = self->base.node;
    int32_t before = 2 * k, after = before + 1;
    if (!chunk->was_live[k] && !is_live)
        return 0;
    if (!chunk->was_live[k] || !is_live) {
        rows[0] = is_live ? after : before;
        kinds[rows[0]] = is_live ? ROW_INSERT : ROW_DELETE;
        return 1;
    }
    if (node->group_aggregate.state_ttl_us == 0 && group_is_unchanged(self, chunk, k))
        return 0;
    kinds[before] = ROW_UPDATE_BEFORE;
    kinds[after] = ROW_UPDATE_AFTER;
    rows[0] = node->group_aggregate.emits_update_before ? before : after;
    rows[1] = after;
    return node->group_aggregate.emits_update_before ? 2 : 1;
}

/* What became of the keys of a chunk, as one batch. */
static Status group_emit(GroupAggregate *self, const Batch *batch, GroupTouched *touched,
                         int32_t number)
{
    Operator *op = &self->base;
    Arena *scratch = op->task->scratch;
    GroupChunk *chunk = &touched->chunks[number];
    int32_t keys = chunk_keys(touched, number);
    chunk_set_results(self, touched, number, true);
    int32_t *rows = ARENA_ARRAY(scratch, int32_t, 2 * keys);
    int32_t *key_rows = ARENA_ARRAY(scratch, int32_t, 2 * keys);
    uint8_t *kinds = ARENA_ARRAY(scratch, uint8_t, 2 * keys);
    int32_t count = 0;
    for (int32_t k = 0; k < keys; k++) {
        int32_t at = number * GROUP_KEYS_MAX + k;
        key_rows[2 * k] = key_rows[2 * k + 1] = touched->rows[at];
        bool is_live = group_head(touched->values[at])->records != 0;
        count += group_judge(self, chunk, k, is_live, rows + count, kinds);
    }
    if (count == 0)
        return OK;
    batch_reset(self->keys_out, &self->key_schema, BATCH_ROWS_MAX);
    Batch from = batch_pick(batch, op->node->group_aggregate.keys, self->key_schema.count, scratch);
    from.kinds = NULL;
    batch_append(self->keys_out, &from, (Selection){.rows = key_rows, .count = 2 * keys},
                 BATCH_ROWS_MAX);
    Batch out = {.column_count = op->node->schema.count, .row_count = 2 * keys, .kinds = kinds};
    out.columns = ARENA_ARRAY(scratch, Column, out.column_count);
    out.selection = (Selection){.rows = rows, .count = count};
    for (int32_t i = 0; i < self->key_schema.count; i++)
        out.columns[i] = self->keys_out->columns[i];
    for (int32_t i = 0; i < self->result_schema.count; i++)
        out.columns[self->key_schema.count + i] = chunk->results[i];
    return operator_emit_lending(op, &out, self->lent);
}

/* Keys without records go only when all is emitted; the others are written now. */
static void group_settle(GroupAggregate *self, GroupTouched *touched)
{
    for (int32_t k = 0; k < touched->count; k++) {
        GroupHead *head = group_head(touched->values[k]);
        head->touched = 0;
        head->written = self->clock.written;
        if (head->records == 0)
            table_delete(self->table, touched->values[k]);
    }
}

static Status group_push(Operator *op, int32_t input, Batch *batch)
{
    GroupAggregate *self = (GroupAggregate *)op;
    assert(input == 0 && batch->selection.count > 0);
    if (op->node->group_aggregate.is_final)
        return group_final_push(self, batch);
    Arena *scratch = op->task->scratch;
    Selection rows = batch->selection;
    if (self->clock.ttl_us > 0)
        group_clock_set(&self->clock, world_now_us(op->task->world));
    uint8_t **values = arena_allocate(scratch, (int64_t)sizeof(uint8_t *) * rows.count);
    TableKeys keys = table_keys(&self->key, batch, op->node->group_aggregate.keys, rows, scratch);
    table_find_or_insert(self->table, &keys, 0, rows.count, values);
    GroupTouched touched = {0};
    group_touch(self, batch, values, &touched);
    Selection counted = group_count(self, batch, values);
    accumulators_update(&self->group, values, (int32_t)sizeof(GroupHead), batch, counted, scratch);
    Status status = OK;
    for (int32_t number = 0; number * GROUP_KEYS_MAX < touched.count && status == OK; number++)
        status = group_emit(self, batch, &touched, number);
    group_settle(self, &touched);
    return status;
}

static Status group_advance(Operator *op, Timestamp watermark)
{
    if (op->node->group_aggregate.is_final && watermark == TIMESTAMP_MAX)
        TRY(group_final_end((GroupAggregate *)op));
    return operator_advance(op, watermark);
}

static bool group_is_over(const Operator *op, const uint8_t *value, int64_t now_us)
{
    (void)now_us;
    return group_is_expired(&((const GroupAggregate *)op)->clock,
                            (const GroupHead *)(const void *)value);
}

static Status group_tick(Operator *op, int64_t now_us)
{
    GroupAggregate *self = (GroupAggregate *)op;
    metric_set(self->state_bytes, table_bytes(self->table));
    group_clock_set(&self->clock, now_us);
    operator_sweep(op, &self->sweep, self->table, self->clock.ttl_us, now_us, group_is_over);
    return OK;
}

static void group_close(Operator *op)
{
    GroupAggregate *self = (GroupAggregate *)op;
    if (self->table == NULL)
        return;
    table_free(self->table);
    self->table = NULL;
    batch_free(self->keys_out);
    arena_free(self->lent);
}

const OperatorKind group_aggregate_operator = {
    .name = "group-aggregate",
    .size = sizeof(GroupAggregate),
    .open = group_open,
    .push = group_push,
    .advance = group_advance,
    .tick = group_tick,
    .snapshot = group_snapshot,
    .restore = group_restore,
    .close = group_close,
};
