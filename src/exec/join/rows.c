/* What the joins that keep rows by key have in common. */
#include "exec/join/rows.h"

#include <assert.h>

#include "data/rowcode.h"
#include "exec/operators.h"

/* ---- Chains ------------------------------------------------------------------------------ */

void row_chain_insert(RowChain *chain, KeptRow *row)
{
    KeptRow *before = chain->last;
    while (before != NULL && before->time > row->time)
        before = before->previous;
    row->previous = before;
    row->next = before == NULL ? chain->first : before->next;
    if (row->next == NULL)
        chain->last = row;
    else
        row->next->previous = row;
    if (before == NULL)
        chain->first = row;
    else
        before->next = row;
}

void row_chain_append(RowChain *chain, KeptRow *row)
{
    row->previous = chain->last;
    row->next = NULL;
    if (chain->last == NULL)
        chain->first = row;
    else
        chain->last->next = row;
    chain->last = row;
}

void row_chain_remove(RowChain *chain, KeptRow *row)
{
    if (row->previous == NULL)
        chain->first = row->next;
    else
        row->previous->next = row->next;
    if (row->next == NULL)
        chain->last = row->previous;
    else
        row->next->previous = row->previous;
    row->previous = row->next = NULL;
}

/* ---- Keys -------------------------------------------------------------------------------- */

TableKey join_table_key(const Operator *op, const PlanJoin *join)
{
    Arena *arena = op->task->query;
    const ColumnList *keys = &join->keys[0];
    Type *types = ARENA_ARRAY(arena, Type, keys->count + 1);
    for (int32_t i = 0; i < keys->count; i++)
        types[i] = op->node->inputs[0]->schema.fields[keys->columns[i]].type;
    return table_key(arena, types, keys->count);
}

static bool key_matches_null(const PlanJoin *join, int32_t key)
{
    return join->matches_null != NULL && join->matches_null[key];
}

/* Set the flags of the rows that have NULL in a key for which that means no partner. */
static bool rows_flag_nulls(const PlanJoin *join, int32_t input, const Batch *batch, uint8_t *flags)
{
    bool has_nulls = false;
    for (int32_t k = 0; k < join->keys[input].count; k++) {
        const Column *column = &batch->columns[join->keys[input].columns[k]];
        if (column->valid == NULL || key_matches_null(join, k))
            continue;
        for (int32_t i = 0; i < batch->selection.count; i++) {
            int32_t row = selection_row(batch->selection, i);
            bool is_null = column_is_null(column, row);
            flags[row] |= is_null;
            has_nulls |= is_null;
        }
    }
    return has_nulls;
}

JoinRows join_rows(const Operator *op, const PlanJoin *join, const TableKey *key, int32_t input,
                   const Batch *batch)
{
    Arena *scratch = op->task->scratch;
    JoinRows rows = {.keyed = batch->selection};
    uint8_t *flags = arena_allocate_zeroed(scratch, batch->row_count);
    if (rows_flag_nulls(join, input, batch, flags)) {
        rows.keyed = selection_without(batch->selection, flags, scratch);
        for (int32_t i = 0; i < batch->row_count; i++)
            flags[i] = !flags[i];
        rows.unkeyed = selection_without(batch->selection, flags, scratch);
    }
    if (rows.keyed.count > 0)
        rows.keys = table_keys(key, batch, join->keys[input].columns, rows.keyed, scratch);
    return rows;
}

JoinRows join_rows_unkeyed(const Operator *op, const PlanJoin *join, const TableKey *key,
                           int32_t input, const Batch *batch, const JoinRows *rows)
{
    JoinRows unkeyed = {.keyed = rows->unkeyed};
    if (unkeyed.keyed.count > 0)
        unkeyed.keys =
            table_keys(key, batch, join->keys[input].columns, unkeyed.keyed, op->task->scratch);
    return unkeyed;
}

/* ---- Time -------------------------------------------------------------------------------- */

void join_reject_null_times(Operator *op, int32_t input, int32_t time_column, Batch *batch,
                            Metric *null_times)
{
    const Column *times = &batch->columns[time_column];
    if (times->valid == NULL)
        return;
    uint8_t *are_null = arena_allocate_zeroed(op->task->scratch, batch->row_count);
    Letter letter = operator_letter_about(op, input, STAGE_COMPUTE, "WR4301",
                                          "the event time of the row is NULL");
    int32_t count = 0;
    for (int32_t i = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        if (!column_is_null(times, row))
            continue;
        are_null[row] = 1;
        count++;
        operator_write_letter(op, &letter, batch, row);
    }
    if (count == 0)
        return;
    metric_add(null_times, count);
    batch->selection = selection_without(batch->selection, are_null, op->task->scratch);
}

JoinDelays join_delays_open(const Operator *op)
{
    static const char *const inputs[] = {"left", "right"};
    JoinDelays delays;
    for (int32_t i = 0; i < 2; i++)
        delays.inputs[i] = metric_get(
            METRIC_GAUGE, "weir_join_input_delay_seconds",
            operator_labels(op, arena_printf(op->task->query, "input=\"%s\",shard=\"%d\"",
                                             inputs[i], op->task->shard)),
            "How far the watermark of an input of a join is behind the wall clock.", 1000000);
    return delays;
}

void join_delays_tick(const JoinDelays *delays, const Operator *op, int64_t now_us)
{
    for (int32_t i = 0; i < 2; i++) {
        Timestamp watermark = op->inputs[i].watermark;
        if (op->inputs[i].is_idle || watermark == TIMESTAMP_MAX)
            metric_set(delays->inputs[i], 0);
        else if (watermark > 0)
            metric_set(delays->inputs[i], now_us - watermark);
    }
}

/* ---- Checkpoints ------------------------------------------------------------------------- */

void row_chain_save(const RowChain *chain, const KeptRows *kept, Buffer *out)
{
    int64_t start = out->length;
    uint32_t count = 0;
    buffer_append_u32(out, 0);
    for (const KeptRow *row = chain->first; row != NULL; row = row->next) {
        buffer_append_u64(out, (uint64_t)row->time);
        buffer_append_u8(out, row->is_matched);
        kept_save(kept, row, out);
        count++;
    }
    memcpy(out->data + start, &count, sizeof count);
}

bool row_chain_load(RowChain *chain, KeptRows *kept, uint8_t *entry, ByteReader *in)
{
    uint32_t count = byte_reader_u32(in);
    for (uint32_t i = 0; i < count; i++) {
        Timestamp time = (Timestamp)byte_reader_u64(in);
        uint8_t is_matched = byte_reader_u8(in);
        KeptRow *row = kept_load(kept, in);
        if (row == NULL)
            return false;
        row->time = time;
        row->is_matched = is_matched;
        row->entry = entry;
        row_chain_append(chain, row);
    }
    return !in->is_short;
}

void row_chain_clear(RowChain *chain, KeptRows *kept)
{
    for (KeptRow *row = chain->first, *next; row != NULL; row = next) {
        next = row->next;
        kept_remove(kept, row);
    }
    *chain = (RowChain){0};
}

/* ---- Rows of both inputs, by key --------------------------------------------------------- */

void join_entry_keep(JoinEntry *entry, int32_t input, KeptRow *row)
{
    row->entry = (uint8_t *)entry;
    if (entry->is_unkeyed)
        row_chain_append(&entry->chains[input], row);
    else
        row_chain_insert(&entry->chains[input], row);
}

static void join_entry_save(void *owner, const uint8_t *value, Buffer *out)
{
    const JoinEntry *entry = (const JoinEntry *)(const void *)value;
    const KeptRows *kept = owner;
    buffer_append_u8(out, entry->is_unkeyed);
    for (int32_t i = 0; i < 2; i++)
        row_chain_save(&entry->chains[i], &kept[i], out);
}

void row_chain_sort(RowChain *chain)
{
    KeptRow *row = chain->first;
    *chain = (RowChain){0};
    while (row != NULL) {
        KeptRow *next = row->next;
        row_chain_insert(chain, row);
        row = next;
    }
}

static bool join_entry_load(void *owner, uint8_t *value, ByteReader *in)
{
    KeptRows *kept = owner;
    JoinEntry *entry = join_entry(value);
    uint8_t is_unkeyed = byte_reader_u8(in);
    entry->is_unkeyed = is_unkeyed == 1;
    for (int32_t i = 0; i < 2; i++) {
        if (!row_chain_load(&entry->chains[i], &kept[i], value, in))
            return false;
        if (entry->is_unkeyed)
            row_chain_sort(&entry->chains[i]);
    }
    return is_unkeyed <= 1 && !join_entry_is_empty(entry);
}

static void join_entry_clear(void *owner, uint8_t *value)
{
    KeptRows *kept = owner;
    for (int32_t i = 0; i < 2; i++)
        row_chain_clear(&join_entry(value)->chains[i], &kept[i]);
}

const TableCodec join_entry_codec = {
    .save = join_entry_save, .load = join_entry_load, .clear = join_entry_clear};

static int64_t join_entries_owned(const void *owner)
{
    const KeptRows *kept = owner;
    return blocks_used_bytes(&kept[0].heap) + blocks_used_bytes(&kept[1].heap);
}

/* Of the only table that has these rows. */
static const TableCodec join_entries_codec = {.save = join_entry_save,
                                              .load = join_entry_load,
                                              .clear = join_entry_clear,
                                              .owned_bytes = join_entries_owned};

StateTable *join_entries_new(Operator *op, const TableKey *key, KeptRows *kept)
{
    assert(op->keyed == NULL);
    op->keyed = keyed_new(NULL);
    StateTable *table = table_new(key, (int32_t)sizeof(JoinEntry));
    table_describe(table, &join_entries_codec, kept);
    keyed_add(op->keyed, (KeyedId){0}, table);
    return table;
}
