/* The first or last row of each key: DEDUPLICATE.
 *
 *   first to come      +I                       nothing more is emitted; what is kept is that it
 * was last to come       +I, then -U old +U new   the same row again: nothing, unless rows expire
 *   first by event     +I, then -U old +U new   when a row is earlier than the one there is
 *   last by event      +I, then -U old +U new   when a row is as late or later
 *
 * The input only has rows that come. Where nobody needs -U, a key costs its time, not its row: rows
 * then go out as they came in, with other kinds. */
#include "exec/operators.h"

#include <assert.h>

#include "data/rowcode.h"
#include "exec/rowout.h"
#include "state/blocks.h"
#include "state/table.h"

typedef struct KeptRow {
    int64_t written_us; /* wall clock, for the time to live */
    Timestamp time;     /* event time */
    char *bytes;        /* rowcode, if rows are kept */
    int32_t length;
    bool is_there;
} KeptRow;

typedef struct Deduplicate {
    Operator base;
    TableKey key;
    StateTable *table;
    Blocks blocks;
    RowOut out;
    Buffer bytes; /* rowcode of the row at hand */
    bool keeps_rows;
    bool has_before;
    Sweep sweep;
    Metric *state_bytes;
} Deduplicate;

/* ---- Checkpoints ------------------------------------------------------------------------- */

enum { DEDUPLICATE_STATE_VERSION = 2 };

static void deduplicate_store(Deduplicate *self, KeptRow *kept, Str bytes)
{
    if (kept->bytes == NULL || kept->length != bytes.length) {
        blocks_give(&self->blocks, kept->bytes, kept->length + 1);
        kept->bytes = blocks_take(&self->blocks, bytes.length + 1);
        kept->length = (int32_t)bytes.length;
    }
    memcpy(kept->bytes, bytes.data, (size_t)bytes.length);
}

static void deduplicate_forget(Deduplicate *self, KeptRow *kept)
{
    blocks_give(&self->blocks, kept->bytes, kept->length + 1);
    *kept = (KeptRow){0};
}

static void deduplicate_save(void *owner, const uint8_t *value, Buffer *out)
{
    const Deduplicate *self = owner;
    const KeptRow *kept = (const KeptRow *)(const void *)value;
    buffer_append_u8(out, kept->is_there);
    buffer_append_u64(out, (uint64_t)kept->written_us);
    buffer_append_u64(out, (uint64_t)kept->time);
    if (self->keeps_rows)
        buffer_append_bytes(out, str_make(kept->bytes, kept->length));
}

static bool deduplicate_load(void *owner, uint8_t *value, ByteReader *in)
{
    Deduplicate *self = owner;
    KeptRow *kept = (KeptRow *)(void *)value;
    kept->is_there = byte_reader_u8(in) != 0;
    kept->written_us =
        operator_load_written(&self->base, self->base.node->deduplicate.state_ttl_us, in);
    kept->time = (Timestamp)byte_reader_u64(in);
    Str bytes = self->keeps_rows ? byte_reader_bytes(in) : STR("");
    if (in->is_short)
        return false;
    if (self->keeps_rows)
        deduplicate_store(self, kept, bytes);
    return true;
}

static void deduplicate_clear(void *owner, uint8_t *value)
{
    deduplicate_forget(owner, (KeptRow *)(void *)value);
}

static int64_t deduplicate_owned(const void *owner)
{
    return blocks_used_bytes(&((const Deduplicate *)owner)->blocks);
}

static const TableCodec deduplicate_codec = {.save = deduplicate_save,
                                             .load = deduplicate_load,
                                             .clear = deduplicate_clear,
                                             .owned_bytes = deduplicate_owned};

static Status deduplicate_snapshot(Operator *op, int64_t checkpoint, Buffer *out)
{
    (void)checkpoint;
    buffer_append_u8(out, DEDUPLICATE_STATE_VERSION);
    buffer_append_u8(out, ((const Deduplicate *)op)->keeps_rows);
    return OK;
}

static Status deduplicate_restore(Operator *op, Str state)
{
    ByteReader in = byte_reader(state);
    uint8_t version = byte_reader_u8(&in);
    bool kept_rows = byte_reader_u8(&in) != 0;
    bool is_whole = !in.is_short && byte_reader_left(&in) == 0 &&
                    kept_rows == ((const Deduplicate *)op)->keeps_rows;
    return version == DEDUPLICATE_STATE_VERSION && is_whole ? OK : operator_is_damaged(op);
}

/* ---- Rows -------------------------------------------------------------------------------- */

static Status deduplicate_open(Operator *op)
{
    Deduplicate *self = (Deduplicate *)op;
    const PlanNode *node = op->node;
    Type *types = ARENA_ARRAY(op->task->query, Type, node->deduplicate.key_count + 1);
    for (int32_t i = 0; i < node->deduplicate.key_count; i++)
        types[i] = node->schema.fields[node->deduplicate.keys[i]].type;
    self->key = table_key(op->task->query, types, node->deduplicate.key_count);
    self->table =
        operator_new_table(op, 0, &self->key, (int32_t)sizeof(KeptRow), &deduplicate_codec);
    operator_spill_table(op, self->table);
    self->keeps_rows = deduplicate_keeps_rows(node);
    self->has_before = (node->changelog & CHANGELOG_UPDATE_BEFORE) != 0;
    rowout_open(&self->out, op, node->schema.count);
    self->state_bytes = metric_get(METRIC_GAUGE, "weir_state_size_bytes", operator_shard_labels(op),
                                   "Bytes of keyed state.", 1);
    return OK;
}

static bool deduplicate_is_expired(const Deduplicate *self, const KeptRow *kept, int64_t now_us)
{
    int64_t ttl_us = self->base.node->deduplicate.state_ttl_us;
    return ttl_us > 0 && kept->is_there && now_us - kept->written_us >= ttl_us;
}

/* Whether a row at `time` takes the place of the one that is there. */
static bool deduplicate_wins(const Deduplicate *self, const KeptRow *kept, Timestamp time)
{
    const PlanNode *node = self->base.node;
    if (!kept->is_there)
        return true;
    if (node->deduplicate.time_column < 0)
        return node->deduplicate.keeps_last;
    return node->deduplicate.keeps_last ? time >= kept->time : time < kept->time;
}

/* The selected rows by whether they go out, and as what. */
typedef struct DeduplicateRows {
    const Batch *batch;
    KeptRow **kept; /* by position in the selection */
    int64_t now_us;
    int32_t *rows; /* that go out, of a batch without -U */
    uint8_t *kinds;
    int32_t count;
} DeduplicateRows;

static Timestamp deduplicate_time(const Deduplicate *self, const Batch *batch, int32_t row)
{
    int32_t column = self->base.node->deduplicate.time_column;
    if (column < 0)
        return 0;
    const Column *time = &batch->columns[column];
    assert(time->physical == PHYSICAL_I64);
    return column_is_null(time, row) ? TIMESTAMP_MIN
                                     : ((const int64_t *)time->values)[column_index(time, row)];
}

/* The row is the one of its key now. With rows kept, it goes out with the one before. */
static Status deduplicate_take(Deduplicate *self, DeduplicateRows *in, int32_t row, KeptRow *kept,
                               Timestamp time)
{
    const PlanNode *node = self->base.node;
    bool is_first = !kept->is_there;
    RowKind kind = is_first && node->deduplicate.has_inserts ? ROW_INSERT : ROW_UPDATE_AFTER;
    if (self->keeps_rows) {
        self->bytes.length = 0;
        rowcode_write(&self->bytes, in->batch, row, NULL, node->schema.count);
        Str bytes = buffer_str(&self->bytes), old = str_make(kept->bytes, kept->length);
        bool is_same = !is_first && node->deduplicate.time_column < 0 && str_equal(old, bytes);
        if (is_same && node->deduplicate.state_ttl_us == 0)
            return OK;
        if (!is_first && self->has_before)
            TRY(rowout_append(&self->out, old, ROW_UPDATE_BEFORE));
        TRY(rowout_append(&self->out, bytes, kind));
        deduplicate_store(self, kept, bytes);
    } else {
        in->kinds[row] = (uint8_t)kind;
        in->rows[in->count++] = row;
    }
    kept->is_there = true;
    kept->time = time;
    kept->written_us = in->now_us;
    return OK;
}

static Status deduplicate_row(Deduplicate *self, DeduplicateRows *in, int32_t row, KeptRow *kept)
{
    if (deduplicate_is_expired(self, kept, in->now_us))
        deduplicate_forget(self, kept);
    Timestamp time = deduplicate_time(self, in->batch, row);
    return deduplicate_wins(self, kept, time) ? deduplicate_take(self, in, row, kept, time) : OK;
}

static Status deduplicate_push(Operator *op, int32_t input, Batch *batch)
{
    Deduplicate *self = (Deduplicate *)op;
    const PlanNode *node = op->node;
    Arena *scratch = op->task->scratch;
    Selection rows = batch->selection;
    assert(input == 0);
    DeduplicateRows in = {.batch = batch};
    in.now_us = node->deduplicate.state_ttl_us > 0 ? world_now_us(op->task->world) : 0;
    in.kept = arena_allocate(scratch, (int64_t)sizeof(KeptRow *) * rows.count);
    in.rows = arena_allocate(scratch, (int64_t)sizeof(int32_t) * rows.count);
    in.kinds = arena_allocate_zeroed(scratch, batch->row_count);
    TableKeys keys = table_keys(&self->key, batch, node->deduplicate.keys, rows, scratch);
    table_find_or_insert(self->table, &keys, 0, rows.count, (uint8_t **)in.kept);
    for (int32_t i = 0; i < rows.count; i++)
        TRY(deduplicate_row(self, &in, selection_row(rows, i), in.kept[i]));
    if (self->keeps_rows)
        return rowout_flush(&self->out);
    Batch view = *batch;
    view.kinds = node->changelog == CHANGELOG_APPEND ? NULL : in.kinds;
    view.selection = (Selection){.rows = in.rows, .count = in.count};
    return operator_emit(op, &view);
}

static bool deduplicate_is_over(const Operator *op, const uint8_t *value, int64_t now_us)
{
    return deduplicate_is_expired((const Deduplicate *)op, (const KeptRow *)(const void *)value,
                                  now_us);
}

static Status deduplicate_tick(Operator *op, int64_t now_us)
{
    Deduplicate *self = (Deduplicate *)op;
    metric_set(self->state_bytes, table_bytes(self->table) + self->blocks.held_bytes);
    int64_t ttl_us = op->node->deduplicate.state_ttl_us;
    operator_sweep(op, &self->sweep, self->table, ttl_us, now_us, deduplicate_is_over);
    return OK;
}

static void deduplicate_close(Operator *op)
{
    Deduplicate *self = (Deduplicate *)op;
    if (self->table == NULL)
        return;
    table_free(self->table);
    self->table = NULL;
    blocks_close(&self->blocks);
    rowout_close(&self->out);
    buffer_free(&self->bytes);
}

const OperatorKind deduplicate_operator = {
    .name = "deduplicate",
    .size = sizeof(Deduplicate),
    .open = deduplicate_open,
    .push = deduplicate_push,
    .tick = deduplicate_tick,
    .snapshot = deduplicate_snapshot,
    .restore = deduplicate_restore,
    .close = deduplicate_close,
};
