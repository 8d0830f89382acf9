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
    self->table = operator_new_table(op, 0, &self->key,
                                     (int32_t)sizeof(GroupHead) + self->group.bytes, &group_codec);
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

/* The keys that a batch touches, in order of first touch. Results lie at rows 2k (before) and
 * 2k + 1 (after) of key k. */
typedef struct GroupTouched {
    uint8_t **values;
    int32_t *rows; /* of the batch, with the key */
    bool *was_live;
    int32_t count;
    Column *results;
    int32_t capacity;
} GroupTouched;

static void group_results(GroupAggregate *self, GroupTouched *touched, int32_t k, bool is_after)
{
    accumulators_result(&self->group, group_state(touched->values[k]), touched->results,
                        self->base.task->scratch, 2 * k + is_after, touched->capacity);
}

/* Count the rows in, note which keys they touch and what those gave before. Retractions of keys
 * that have no records are left out. Returns the rows that count, with their values in place. */
static Selection group_touch(GroupAggregate *self, const Batch *batch, uint8_t **values,
                             GroupTouched *touched)
{
    Selection rows = batch->selection;
    int32_t *kept = arena_allocate(self->base.task->scratch, (int64_t)sizeof(int32_t) * rows.count);
    int32_t count = 0;
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        GroupHead *head = group_head(values[i]);
        if (head->touched == 0) {
            if (group_is_expired(&self->clock, head)) {
                accumulators_clear(&self->group, group_state(values[i]));
                head->records = 0;
            }
            int32_t k = touched->count++;
            touched->values[k] = values[i];
            touched->rows[k] = row;
            touched->was_live[k] = head->records != 0;
            head->touched = k + 1;
            if (touched->was_live[k])
                group_results(self, touched, k, false);
        }
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
    if (column->physical == PHYSICAL_STRING)
        return str_view_equal((const StrView *)column->values + a,
                              (const StrView *)column->values + b);
    return memcmp(values + (int64_t)a * width, values + (int64_t)b * width, (size_t)width) == 0;
}

static bool group_is_unchanged(const GroupAggregate *self, const GroupTouched *touched, int32_t k)
{
    for (int32_t i = 0; i < self->result_schema.count; i++)
        if (!result_is_equal(&touched->results[i], 2 * k, 2 * k + 1))
            return false;
    return true;
}

/* Which of a key's two rows go out, and as what. */
static int32_t group_judge(GroupAggregate *self, GroupTouched *touched, int32_t k, int32_t *rows,
                           uint8_t *kinds)
{
    const PlanNode *node = self->base.node;
    GroupHead *head = group_head(touched->values[k]);
    bool is_live = head->records != 0;
    int32_t before = 2 * (k % GROUP_KEYS_MAX), after = before + 1;
    if (!touched->was_live[k] && !is_live)
        return 0;
    if (!is_live) {
        kinds[before] = ROW_DELETE;
        rows[0] = before;
        return 1;
    }
    group_results(self, touched, k, true);
    if (!touched->was_live[k]) {
        kinds[after] = ROW_INSERT;
        rows[0] = after;
        return 1;
    }
    if (node->group_aggregate.state_ttl_us == 0 && group_is_unchanged(self, touched, k))
        return 0;
    kinds[before] = ROW_UPDATE_BEFORE;
    kinds[after] = ROW_UPDATE_AFTER;
    rows[0] = node->group_aggregate.emits_update_before ? before : after;
    rows[1] = after;
    return node->group_aggregate.emits_update_before ? 2 : 1;
}

/* The results from row `start` on, as columns of their own. `start` is a multiple of 64. */
static Column column_from(const Column *column, int32_t start)
{
    Column view = *column;
    int64_t width = physical_bytes(column->physical);
    view.values = (char *)column->values + start * width;
    if (column->valid != NULL)
        view.valid = column->valid + start / 64;
    return view;
}

/* Keys first … end - 1 of the touched ones as one batch. */
static Status group_emit(GroupAggregate *self, const Batch *batch, GroupTouched *touched,
                         int32_t first)
{
    Operator *op = &self->base;
    Arena *scratch = op->task->scratch;
    int32_t left = touched->count - first;
    int32_t keys = left < GROUP_KEYS_MAX ? left : GROUP_KEYS_MAX;
    int32_t *rows = ARENA_ARRAY(scratch, int32_t, 2 * keys);
    int32_t *key_rows = ARENA_ARRAY(scratch, int32_t, 2 * keys);
    uint8_t *kinds = ARENA_ARRAY(scratch, uint8_t, 2 * keys);
    int32_t count = 0;
    for (int32_t k = 0; k < keys; k++) {
        key_rows[2 * k] = key_rows[2 * k + 1] = touched->rows[first + k];
        count += group_judge(self, touched, first + k, rows + count, kinds);
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
        out.columns[self->key_schema.count + i] = column_from(&touched->results[i], 2 * first);
    return operator_emit_lending(op, &out, self->lent);
}

static GroupTouched group_touched_new(GroupAggregate *self, int32_t rows)
{
    Arena *scratch = self->base.task->scratch;
    GroupTouched touched = {.capacity = 2 * rows};
    touched.values = arena_allocate(scratch, (int64_t)sizeof(uint8_t *) * rows);
    touched.rows = arena_allocate(scratch, (int64_t)sizeof(int32_t) * rows);
    touched.was_live = arena_allocate(scratch, rows);
    touched.results = ARENA_ARRAY(scratch, Column, self->result_schema.count);
    for (int32_t i = 0; i < self->result_schema.count; i++)
        touched.results[i] =
            column_new(scratch, self->result_schema.fields[i].type, touched.capacity);
    return touched;
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
    GroupTouched touched = group_touched_new(self, rows.count);
    Selection counted = group_touch(self, batch, values, &touched);
    accumulators_update(&self->group, values, (int32_t)sizeof(GroupHead), batch, counted, scratch);
    Status status = OK;
    for (int32_t first = 0; first < touched.count && status == OK; first += GROUP_KEYS_MAX)
        status = group_emit(self, batch, &touched, first);
    group_settle(self, &touched);
    return status;
}

static Status group_advance(Operator *op, Timestamp watermark)
{
    if (op->node->group_aggregate.is_final && watermark == TIMESTAMP_MAX)
        TRY(group_final_end((GroupAggregate *)op));
    return operator_advance(op, watermark);
}

static Status group_tick(Operator *op, int64_t now_us)
{
    GroupAggregate *self = (GroupAggregate *)op;
    metric_set(self->state_bytes, table_bytes(self->table));
    if (self->clock.ttl_us == 0 || now_us - self->swept_us < self->clock.ttl_us)
        return OK;
    self->swept_us = now_us;
    group_clock_set(&self->clock, now_us);
    int64_t cursor = 0;
    for (uint8_t *value = table_next(self->table, &cursor); value != NULL;
         value = table_next(self->table, &cursor))
        if (group_is_expired(&self->clock, group_head(value)))
            table_delete(self->table, value);
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
