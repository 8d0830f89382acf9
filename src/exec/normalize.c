/* Upserts by key made a full changelog: the ChangelogNormalize of Flink.
 *
 *   +I +U   unknown key: +I new; the same row again: nothing, unless rows expire; else -U old,
 *           +U new
 *   -U -D   known key: -D with the row as it was stored; unknown: nothing */
#include "exec/operators.h"

#include <assert.h>

#include "base/memory.h"
#include "data/rowcode.h"
#include "state/table.h"

/* What is kept for a key: the last row as rowcode, owned. */
typedef struct StoredRow {
    char *bytes;
    int64_t length;
    int64_t written_us;
} StoredRow;

typedef struct NormalizeOperator {
    Operator base;
    TableKey key;
    StateTable *table;
    Batch *out;
    Buffer row; /* rowcode of the row at hand */
    Sweep sweep;
    bool has_before; /* a consumer wants -U */
    Arena *lent;
} NormalizeOperator;

/* ---- Checkpoints ------------------------------------------------------------------------- */

static void normalize_store(StoredRow *stored, Str bytes, int64_t now_us)
{
    if (stored->length != bytes.length || stored->bytes == NULL)
        stored->bytes = memory_resize(stored->bytes, bytes.length);
    memcpy(stored->bytes, bytes.data, (size_t)bytes.length);
    stored->length = bytes.length;
    stored->written_us = now_us;
}

static void normalize_save(void *owner, const uint8_t *value, Buffer *out)
{
    const StoredRow *stored = (const StoredRow *)(const void *)value;
    (void)owner;
    buffer_append_u64(out, (uint64_t)stored->written_us);
    buffer_append_bytes(out, str_make(stored->bytes, stored->length));
}

static bool normalize_load(void *owner, uint8_t *value, ByteReader *in)
{
    (void)owner;
    int64_t written_us = (int64_t)byte_reader_u64(in);
    Str bytes = byte_reader_bytes(in);
    if (in->is_short || bytes.length == 0)
        return false;
    normalize_store((StoredRow *)(void *)value, bytes, written_us);
    return true;
}

static void normalize_clear(void *owner, uint8_t *value)
{
    (void)owner;
    memory_free(((StoredRow *)(void *)value)->bytes);
}

static const TableCodec normalize_codec = {
    .save = normalize_save, .load = normalize_load, .clear = normalize_clear};

/* ---- Rows -------------------------------------------------------------------------------- */

static Status normalize_open(Operator *op)
{
    NormalizeOperator *self = (NormalizeOperator *)op;
    const PlanNode *node = op->node;
    Type *types = ARENA_ARRAY(op->task->query, Type, node->normalize.key_count);
    for (int32_t i = 0; i < node->normalize.key_count; i++)
        types[i] = node->schema.fields[node->normalize.keys[i]].type;
    self->key = table_key(op->task->query, types, node->normalize.key_count);
    self->table =
        operator_new_table(op, 0, &self->key, (int32_t)sizeof(StoredRow), &normalize_codec);
    operator_spill_table(op, self->table);
    self->out = batch_new(&node->schema, BATCH_ROWS_MAX);
    self->has_before = (node->changelog & CHANGELOG_UPDATE_BEFORE) != 0;
    self->lent = arena_new(0);
    return OK;
}

static Status normalize_flush(NormalizeOperator *self)
{
    if (self->out->row_count == 0)
        return OK;
    TRY(operator_emit_lending(&self->base, self->out, self->lent));
    batch_reset(self->out, &self->base.node->schema, BATCH_ROWS_MAX);
    return OK;
}

static Status normalize_append(NormalizeOperator *self, Str bytes, RowKind kind)
{
    if (self->out->row_count == BATCH_ROWS_MAX)
        TRY(normalize_flush(self));
    if (!rowcode_read(bytes, self->out, BATCH_ROWS_MAX, kind))
        return operator_is_damaged(&self->base);
    return OK;
}

static bool normalize_is_expired(const NormalizeOperator *self, const StoredRow *stored,
                                 int64_t now_us)
{
    int64_t ttl_us = self->base.node->normalize.state_ttl_us;
    return ttl_us > 0 && stored->bytes != NULL && now_us - stored->written_us >= ttl_us;
}

static Status normalize_upsert(NormalizeOperator *self, StoredRow *stored, Str bytes,
                               int64_t now_us)
{
    Str old = str_make(stored->bytes, stored->length);
    if (stored->bytes == NULL) {
        TRY(normalize_append(self, bytes, ROW_INSERT));
    } else if (!str_equal(old, bytes) || self->base.node->normalize.state_ttl_us > 0) {
        if (self->has_before)
            TRY(normalize_append(self, old, ROW_UPDATE_BEFORE));
        TRY(normalize_append(self, bytes, ROW_UPDATE_AFTER));
    } else {
        return OK;
    }
    normalize_store(stored, bytes, now_us);
    return OK;
}

static Status normalize_row(NormalizeOperator *self, const Batch *batch, int32_t row,
                            StoredRow *stored, int64_t now_us)
{
    if (normalize_is_expired(self, stored, now_us)) {
        memory_free(stored->bytes);
        *stored = (StoredRow){0};
    }
    if (row_kind_is_retraction((uint8_t)batch_kind(batch, row))) {
        if (stored->bytes == NULL)
            return OK;
        TRY(normalize_append(self, str_make(stored->bytes, stored->length), ROW_DELETE));
        memory_free(stored->bytes);
        *stored = (StoredRow){0};
        return OK;
    }
    self->row.length = 0;
    rowcode_write(&self->row, batch, row, NULL, batch->column_count);
    return normalize_upsert(self, stored, buffer_str(&self->row), now_us);
}

static Status normalize_push(Operator *op, int32_t input, Batch *batch)
{
    NormalizeOperator *self = (NormalizeOperator *)op;
    assert(input == 0);
    int64_t now_us = world_now_us(op->task->world);
    Selection rows = batch->selection;
    uint8_t **values = ARENA_ARRAY(op->task->scratch, uint8_t *, rows.count);
    TableKeys keys =
        table_keys(&self->key, batch, op->node->normalize.keys, rows, op->task->scratch);
    table_find_or_insert(self->table, &keys, 0, rows.count, values);
    for (int32_t i = 0; i < rows.count; i++) {
        StoredRow *stored = (StoredRow *)(void *)values[i];
        TRY(normalize_row(self, batch, selection_row(rows, i), stored, now_us));
    }
    /* Entries that end up empty go only now: rows of the batch may share them. */
    for (int32_t i = 0; i < rows.count; i++) {
        table_find(self->table, &keys, i, 1, values);
        if (values[0] != NULL && ((StoredRow *)(void *)values[0])->bytes == NULL)
            table_delete(self->table, values[0]);
    }
    return normalize_flush(self);
}

static bool normalize_is_over(const Operator *op, const uint8_t *value, int64_t now_us)
{
    return normalize_is_expired((const NormalizeOperator *)op,
                                (const StoredRow *)(const void *)value, now_us);
}

static Status normalize_tick(Operator *op, int64_t now_us)
{
    NormalizeOperator *self = (NormalizeOperator *)op;
    int64_t ttl_us = op->node->normalize.state_ttl_us;
    operator_sweep(op, &self->sweep, self->table, ttl_us, now_us, normalize_is_over);
    return OK;
}

static void normalize_close(Operator *op)
{
    NormalizeOperator *self = (NormalizeOperator *)op;
    if (self->table == NULL)
        return;
    table_free(self->table);
    self->table = NULL;
    batch_free(self->out);
    buffer_free(&self->row);
    arena_free(self->lent);
}

const OperatorKind normalize_operator = {
    .name = "normalize",
    .size = sizeof(NormalizeOperator),
    .open = normalize_open,
    .push = normalize_push,
    .tick = normalize_tick,
    .snapshot = operator_snapshot_keyed,
    .restore = operator_restore_keyed,
    .close = normalize_close,
};
