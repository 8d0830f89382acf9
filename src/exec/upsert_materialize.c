/* Changes brought into the order that a sink by key needs, where the key of the sink is not the one
 * that changes go by: Flink's SinkUpsertMaterializer.
 *
 * For each key the rows that are live are kept in the order in which they came, and the last one is
 * what the sink has.
 *
 *   +I +U   behind the others, or in place of the row with its upsert key: +I if the list was
 * empty, else +U -U -D   out of the list; -D if it is empty now, +U of the new last one if this was
 * the last, else nothing. A row that is not there is none to take back: it has expired. */
#include "exec/operators.h"

#include <assert.h>

#include "base/memory.h"
#include "data/rowcode.h"
#include "state/rowset.h"
#include "state/table.h"

/* The value of a key. */
typedef struct LiveRows {
    RowSet set;
    int64_t written_us;
} LiveRows;

enum { HEADER_BYTES = 8 }; /* u32: hash of the columns by which a row is found again */

typedef struct Materialize {
    Operator base;
    TableKey key;
    StateTable *table; /* key -> LiveRows */
    RowLayout *layout;
    Blocks heap;
    RowSetKind rows;
    ColumnList compared;
    int64_t set_bytes;
    uint8_t **out; /* rows to be given out */
    uint8_t *kinds;
    int32_t count;
    uint8_t **freed; /* rows that are to be freed once all is given out */
    int32_t freed_count;
    Arena *made, *lent;
    int64_t now_us;
    int64_t sweep;
    Metric *state_bytes;
} Materialize;

/* ---- Checkpoints ------------------------------------------------------------------------ */

static void materialize_free_row(Materialize *self, uint8_t *row)
{
    blocks_give(&self->heap, row, row_stored_size(self->layout, row));
}

static void materialize_forget(Materialize *self, LiveRows *live)
{
    uint8_t *one;
    int32_t count;
    uint8_t *const *rows = rowset_rows(&live->set, &one, &count);
    for (int32_t i = 0; i < count; i++) {
        if (rows[i] != NULL)
            materialize_free_row(self, rows[i]);
    }
    rowset_clear(&live->set, &self->set_bytes);
}

static void materialize_save(void *owner, const uint8_t *value, Buffer *out)
{
    const Materialize *self = owner;
    const LiveRows *live = (const LiveRows *)(const void *)value;
    buffer_append_u64(out, (uint64_t)live->written_us);
    buffer_append_u32(out, (uint32_t)rowset_count(&live->set));
    uint8_t *one;
    int32_t count;
    uint8_t *const *rows = rowset_rows(&live->set, &one, &count);
    for (int32_t i = 0; i < count; i++) {
        if (rows[i] == NULL)
            continue;
        buffer_append(out, rows[i], sizeof(uint32_t));
        row_save(self->layout, rows[i], out);
    }
}

static bool materialize_load(void *owner, uint8_t *value, ByteReader *in)
{
    Materialize *self = owner;
    LiveRows *live = (LiveRows *)(void *)value;
    live->written_us = (int64_t)byte_reader_u64(in);
    uint32_t count = byte_reader_u32(in);
    for (uint32_t i = 0; i < count && !in->is_short; i++) {
        uint32_t hash = byte_reader_u32(in);
        uint8_t *row = row_load(self->layout, &self->heap, in);
        if (row == NULL)
            return false;
        memcpy(row, &hash, sizeof hash);
        rowset_append(&self->rows, &live->set, row, &self->set_bytes);
    }
    return !in->is_short && count > 0;
}

static void materialize_clear(void *owner, uint8_t *value)
{
    materialize_forget(owner, (LiveRows *)(void *)value);
}

static int64_t materialize_owned(const void *owner)
{
    const Materialize *self = owner;
    return blocks_used_bytes(&self->heap) + self->set_bytes;
}

static const TableCodec materialize_codec = {.save = materialize_save,
                                             .load = materialize_load,
                                             .clear = materialize_clear,
                                             .owned_bytes = materialize_owned};

/* ---- Opening --------------------------------------------------------------------------- */

static Status materialize_open(Operator *op)
{
    Materialize *self = (Materialize *)op;
    const PlanNode *node = op->node;
    Arena *arena = op->task->query;
    ColumnList key = node->upsert_materialize.key;
    Type *types = ARENA_ARRAY(arena, Type, key.count + 1);
    for (int32_t i = 0; i < key.count; i++)
        types[i] = node->schema.fields[key.columns[i]].type;
    self->key = table_key(arena, types, key.count);
    self->table =
        operator_new_table(op, 0, &self->key, (int32_t)sizeof(LiveRows), &materialize_codec);
    operator_spill_table(op, self->table);
    self->layout = row_layout(arena, &node->schema, HEADER_BYTES);
    self->compared = node->upsert_materialize.upsert_key;
    self->rows = (RowSetKind){.layout = self->layout};
    if (node->upsert_materialize.has_upsert_key) {
        self->rows.columns = self->compared.columns;
        self->rows.column_count = self->compared.count;
    }
    self->out = memory_allocate((int64_t)sizeof(uint8_t *) * BATCH_ROWS_MAX);
    self->kinds = memory_allocate(BATCH_ROWS_MAX);
    self->freed = memory_allocate((int64_t)sizeof(uint8_t *) * BATCH_ROWS_MAX * 2);
    self->made = arena_new(0);
    self->lent = arena_new(0);
    self->state_bytes = metric_get(METRIC_GAUGE, "weir_state_size_bytes", operator_shard_labels(op),
                                   "Bytes of keyed state.", 1);
    return OK;
}

/* ---- Out ------------------------------------------------------------------------------- */

static Status materialize_flush(Materialize *self)
{
    const PlanNode *node = self->base.node;
    Status status = OK;
    if (self->count > 0) {
        Column *columns = ARENA_ARRAY(self->made, Column, node->schema.count + 1);
        for (int32_t i = 0; i < node->schema.count; i++) {
            columns[i] = column_new(self->made, node->schema.fields[i].type, self->count);
            row_gather(self->layout, i, (const uint8_t *const *)self->out, self->count, &columns[i],
                       self->made);
        }
        Batch batch = {.column_count = node->schema.count,
                       .row_count = self->count,
                       .columns = columns,
                       .selection = {.count = self->count},
                       .kinds = self->kinds};
        status = operator_emit_lending(&self->base, &batch, self->lent);
        arena_reset(self->made);
    }
    self->count = 0;
    for (int32_t i = 0; i < self->freed_count; i++)
        materialize_free_row(self, self->freed[i]);
    self->freed_count = 0;
    return status;
}

static void materialize_give(Materialize *self, uint8_t *row, RowKind kind)
{
    assert(self->count < BATCH_ROWS_MAX);
    self->out[self->count] = row;
    self->kinds[self->count] = (uint8_t)kind;
    self->count++;
}

/* The row may be among those to be given out. One row of the input frees two at most. */
static void materialize_free_later(Materialize *self, uint8_t *row)
{
    assert(self->freed_count < 2 * BATCH_ROWS_MAX);
    self->freed[self->freed_count++] = row;
}

/* ---- Changes --------------------------------------------------------------------------- */

static bool materialize_is_expired(const Materialize *self, const LiveRows *live)
{
    int64_t ttl_us = self->base.node->upsert_materialize.state_ttl_us;
    return ttl_us > 0 && live->set.bits != 0 && self->now_us - live->written_us >= ttl_us;
}

/* The row that the sink has. */
static uint8_t *materialize_chosen(const Materialize *self, const LiveRows *live)
{
    return self->base.node->upsert_materialize.rule == CONFLICT_FIRST ? rowset_first(&live->set)
                                                                      : rowset_last(&live->set);
}

static Status materialize_add(Materialize *self, LiveRows *live, uint8_t *row)
{
    RowKind kind = live->set.bits == 0 ? ROW_INSERT : ROW_UPDATE_AFTER;
    int32_t position = self->rows.columns == NULL ? -1 : rowset_find(&self->rows, &live->set, row);
    if (position >= 0) {
        materialize_free_later(self, rowset_at(&live->set, position));
        rowset_replace(&live->set, position, row);
    } else {
        rowset_append(&self->rows, &live->set, row, &self->set_bytes);
    }
    live->written_us = self->now_us;
    ConflictRule rule = self->base.node->upsert_materialize.rule;
    if (rule == CONFLICT_FAIL && rowset_count(&live->set) > 1)
        return fail(self->base.task->error, ERR_INVALID, "WR4306",
                    "%s: two rows have one key, and ON CONFLICT DO ERROR refuses that",
                    self->base.node->label);
    if (rule != CONFLICT_FIRST || materialize_chosen(self, live) == row)
        materialize_give(self, row, kind);
    return OK;
}

static void materialize_retract(Materialize *self, LiveRows *live, uint8_t *row)
{
    int32_t position = rowset_find(&self->rows, &live->set, row);
    if (position < 0) {
        materialize_free_row(self, row);
        return;
    }
    uint8_t *old = rowset_at(&live->set, position);
    bool is_chosen = old == materialize_chosen(self, live);
    rowset_remove(&self->rows, &live->set, position, &self->set_bytes);
    live->written_us = self->now_us;
    materialize_free_later(self, old);
    materialize_free_later(self, row);
    if (live->set.bits == 0)
        materialize_give(self, row, ROW_DELETE);
    else if (is_chosen)
        materialize_give(self, materialize_chosen(self, live), ROW_UPDATE_AFTER);
}

static Status materialize_row(Materialize *self, const Batch *batch, int32_t row, uint64_t hash,
                              LiveRows *live)
{
    if (self->count == BATCH_ROWS_MAX || self->freed_count + 2 > 2 * BATCH_ROWS_MAX)
        TRY(materialize_flush(self));
    if (materialize_is_expired(self, live)) {
        TRY(materialize_flush(self));
        materialize_forget(self, live);
    }
    uint8_t *kept = blocks_take(&self->heap, row_size(self->layout, batch, row));
    uint32_t short_hash = (uint32_t)hash;
    memcpy(kept, &short_hash, sizeof short_hash);
    row_write(self->layout, batch, row, kept);
    if (row_kind_is_retraction((uint8_t)batch_kind(batch, row)))
        materialize_retract(self, live, kept);
    else
        TRY(materialize_add(self, live, kept));
    return OK;
}

static Status materialize_push(Operator *op, int32_t input, Batch *batch)
{
    Materialize *self = (Materialize *)op;
    Arena *scratch = op->task->scratch;
    assert(input == 0 && batch->selection.count > 0);
    self->now_us = world_now_us(op->task->world);
    Selection rows = batch->selection;
    const ColumnList *key = &op->node->upsert_materialize.key;
    TableKeys keys = table_keys(&self->key, batch, key->columns, rows, scratch);
    uint8_t **values = arena_allocate(scratch, (int64_t)sizeof(uint8_t *) * rows.count);
    uint64_t *hashes = arena_allocate(scratch, (int64_t)sizeof(uint64_t) * batch->row_count);
    if (self->rows.columns == NULL)
        rowcode_hash(batch, NULL, batch->column_count, rows, hashes);
    else
        rowcode_hash(batch, self->compared.columns, self->compared.count, rows, hashes);
    table_find_or_insert(self->table, &keys, 0, rows.count, values);
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        TRY(materialize_row(self, batch, row, hashes[row], (LiveRows *)(void *)values[i]));
    }
    TRY(materialize_flush(self));
    /* Keys without rows go only now: rows of the batch may share them. */
    for (int32_t i = 0; i < rows.count; i++) {
        if (((LiveRows *)(void *)values[i])->set.bits == 0 &&
            table_hash_of(self->table, values[i]) != 0)
            table_delete(self->table, values[i]);
    }
    return OK;
}

static Status materialize_tick(Operator *op, int64_t now_us)
{
    enum { LOOKED_AT = 256 };
    Materialize *self = (Materialize *)op;
    metric_set(self->state_bytes,
               table_bytes(self->table) + self->heap.held_bytes + self->set_bytes);
    if (op->node->upsert_materialize.state_ttl_us == 0)
        return OK;
    self->now_us = now_us;
    uint8_t *values[LOOKED_AT];
    int32_t count = table_next_run(self->table, &self->sweep, values, LOOKED_AT);
    if (count == 0)
        self->sweep = 0;
    for (int32_t i = 0; i < count; i++) {
        if (materialize_is_expired(self, (const LiveRows *)(const void *)values[i]))
            table_delete(self->table, values[i]);
    }
    return OK;
}

static void materialize_close(Operator *op)
{
    Materialize *self = (Materialize *)op;
    if (self->table == NULL)
        return;
    table_free(self->table);
    self->table = NULL;
    blocks_close(&self->heap);
    memory_free(self->out);
    memory_free(self->kinds);
    memory_free(self->freed);
    arena_free(self->made);
    arena_free(self->lent);
}

const OperatorKind upsert_materialize_operator = {
    .name = "upsert-materialize",
    .size = sizeof(Materialize),
    .open = materialize_open,
    .push = materialize_push,
    .tick = materialize_tick,
    .snapshot = operator_snapshot_keyed,
    .restore = operator_restore_keyed,
    .close = materialize_close,
};
