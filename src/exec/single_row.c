/* A query as a value: at most one row per key, else the job fails, as Flink's does by SINGLE_VALUE.
 * An update comes and goes as a delete and an insert. */
#include "exec/operators.h"

#include <assert.h>

#include "state/table.h"

/* The value of a key: whether its row is there, and since when. */
typedef struct SingleRow {
    int64_t is_there;
    int64_t written_us;
} SingleRow;

typedef struct SingleRows {
    Operator base;
    TableKey key;
    StateTable *table;
    int64_t sweep;
} SingleRows;

/* A row is there in whatever is saved: keys without one go with their batch. */
static void single_save(void *owner, const uint8_t *value, Buffer *out)
{
    (void)owner;
    buffer_append_u64(out, (uint64_t)((const SingleRow *)(const void *)value)->written_us);
}

static bool single_load(void *owner, uint8_t *value, ByteReader *in)
{
    (void)owner;
    *(SingleRow *)(void *)value =
        (SingleRow){.is_there = true, .written_us = (int64_t)byte_reader_u64(in)};
    return !in->is_short;
}

static const TableCodec single_codec = {.save = single_save, .load = single_load};

static Status single_open(Operator *op)
{
    SingleRows *self = (SingleRows *)op;
    ColumnList keys = op->node->single_row.keys;
    Type *types = ARENA_ARRAY(op->task->query, Type, keys.count + 1);
    for (int32_t i = 0; i < keys.count; i++)
        types[i] = op->node->schema.fields[keys.columns[i]].type;
    self->key = table_key(op->task->query, types, keys.count);
    self->table = operator_new_table(op, 0, &self->key, (int32_t)sizeof(SingleRow), &single_codec);
    return OK;
}

static bool single_is_expired(const SingleRows *self, const SingleRow *row, int64_t now_us)
{
    int64_t ttl_us = self->base.node->single_row.state_ttl_us;
    return ttl_us > 0 && now_us - row->written_us >= ttl_us;
}

/* What becomes of the row's kind; false for a second row. */
static bool single_take(SingleRow *single, uint8_t *kind, int64_t now_us)
{
    bool is_retraction = row_kind_is_retraction(*kind);
    if (!is_retraction && single->is_there)
        return false;
    single->is_there = !is_retraction;
    single->written_us = now_us;
    *kind = is_retraction ? ROW_DELETE : ROW_INSERT;
    return true;
}

static Status single_push(Operator *op, int32_t input, Batch *batch)
{
    SingleRows *self = (SingleRows *)op;
    Arena *scratch = op->task->scratch;
    assert(input == 0 && batch->selection.count > 0);
    int64_t now_us = world_now_us(op->task->world);
    Selection rows = batch->selection;
    uint8_t *kinds = arena_allocate_zeroed(scratch, batch->row_count);
    if (batch->kinds != NULL)
        memcpy(kinds, batch->kinds, (size_t)batch->row_count);
    uint8_t **values = arena_allocate(scratch, (int64_t)sizeof(uint8_t *) * rows.count);
    TableKeys keys =
        table_keys(&self->key, batch, op->node->single_row.keys.columns, rows, scratch);
    table_find_or_insert(self->table, &keys, 0, rows.count, values);
    for (int32_t i = 0; i < rows.count; i++) {
        SingleRow *single = (SingleRow *)(void *)values[i];
        if (single_is_expired(self, single, now_us))
            single->is_there = false;
        if (!single_take(single, &kinds[selection_row(rows, i)], now_us))
            return fail(op->task->error, ERR_INVALID, "WR4305",
                        "a query as a value has more than one row");
    }
    for (int32_t i = 0; i < rows.count; i++) {
        const SingleRow *single = (const SingleRow *)(const void *)values[i];
        if (!single->is_there && table_hash_of(self->table, values[i]) != 0)
            table_delete(self->table, values[i]);
    }
    Batch out = *batch;
    out.kinds = kinds;
    out.arena = NULL;
    return operator_emit(op, &out);
}

static Status single_tick(Operator *op, int64_t now_us)
{
    enum { LOOKED_AT = 1024 };
    SingleRows *self = (SingleRows *)op;
    if (op->node->single_row.state_ttl_us == 0)
        return OK;
    uint8_t *values[LOOKED_AT];
    int32_t count = table_next_run(self->table, &self->sweep, values, LOOKED_AT);
    if (count == 0)
        self->sweep = 0;
    for (int32_t i = 0; i < count; i++) {
        if (single_is_expired(self, (const SingleRow *)(const void *)values[i], now_us))
            table_delete(self->table, values[i]);
    }
    return OK;
}

static void single_close(Operator *op)
{
    SingleRows *self = (SingleRows *)op;
    table_free(self->table);
    self->table = NULL;
}

const OperatorKind single_row_operator = {
    .name = "single-row",
    .size = sizeof(SingleRows),
    .open = single_open,
    .push = single_push,
    .tick = single_tick,
    .snapshot = operator_snapshot_keyed,
    .restore = operator_restore_keyed,
    .close = single_close,
};
