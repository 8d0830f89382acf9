/* State of operators: saved at a barrier, at once or bit by bit, and brought back. */
#include <assert.h>

#include "exec/operators.h"

StateTable *operator_new_table(Operator *op, uint8_t kind, const TableKey *key, int32_t value_bytes,
                               const TableCodec *codec)
{
    if (op->keyed == NULL)
        op->keyed = keyed_new(NULL);
    StateTable *table = table_new(key, value_bytes);
    table_describe(table, codec, op);
    keyed_add(op->keyed, (KeyedId){.kind = kind}, table);
    return table;
}

void operator_spill_table(Operator *op, StateTable *table)
{
    if (op->task->spill != NULL)
        table_spill(table, op->task->spill);
}

StateTable *operator_new_derived_table(Operator *op, const TableKey *key, int32_t value_bytes,
                                       const TableCodec *codec, void *owner)
{
    assert(op->task->spill != NULL);
    if (op->derived == NULL)
        op->derived = keyed_new(NULL);
    StateTable *table = table_new(key, value_bytes);
    table_describe(table, codec, owner);
    keyed_add(op->derived, (KeyedId){0}, table);
    table_spill(table, op->task->spill);
    return table;
}

Status operator_make_room(Operator *op)
{
    if (op->task->spill == NULL)
        return OK;
    if (op->keyed != NULL)
        TRY(keyed_make_room(op->keyed, op->task->error));
    return op->derived == NULL ? OK : keyed_make_room(op->derived, op->task->error);
}

Status operator_is_damaged(const Operator *op)
{
    return fail(op->task->error, ERR_CORRUPT, "WR4201", "the state of %s is damaged",
                op->node->label);
}

static bool choice_is_owned(const void *context, uint64_t hash)
{
    return operator_owns_hash(context, hash);
}

static bool choice_is_written(const void *context, uint64_t hash)
{
    const StateOrigin *origin = context;
    return exchange_shard_of(hash, origin->shard_count) == origin->shard;
}

Status operator_load_records(Operator *op, Str records, const StateOrigin *origin)
{
    bool is_own =
        op->node->distribution != DISTRIBUTION_HASH ||
        (origin->shard_count == op->task->shard_count && origin->shard == op->task->shard);
    KeyedChoice owned = {op, choice_is_owned}, written = {origin, choice_is_written};
    if (op->keyed != NULL &&
        keyed_load(op->keyed, records, is_own ? NULL : &owned, is_own ? NULL : &written))
        return OK;
    return operator_is_damaged(op);
}

Status operator_save(Operator *op, int64_t checkpoint, Buffer *out)
{
    if (op->keyed != NULL) {
        Buffer records = {0};
        keyed_begin(op->keyed, true);
        bool is_all = keyed_step(op->keyed, INT64_MAX, &records);
        assert(is_all);
        buffer_append_bytes(out, buffer_str(&records));
        buffer_free(&records);
    }
    return op->kind->snapshot == NULL ? OK : op->kind->snapshot(op, checkpoint, out);
}

Status operator_load(Operator *op, Str state, const StateOrigin *origin)
{
    assert(op->kind->restore != NULL);
    ByteReader in = byte_reader(state);
    if (op->keyed != NULL)
        TRY(operator_load_records(op, byte_reader_bytes(&in), origin));
    if (in.is_short)
        return operator_is_damaged(op);
    return op->kind->restore(op, byte_reader_take(&in, byte_reader_left(&in)));
}

enum { KEYED_VERSION = 2 };

Status operator_snapshot_keyed(Operator *op, int64_t checkpoint, Buffer *out)
{
    assert(op->keyed != NULL);
    (void)checkpoint;
    buffer_append_u8(out, KEYED_VERSION);
    return OK;
}

Status operator_restore_keyed(Operator *op, Str state)
{
    ByteReader in = byte_reader(state);
    bool is_known = byte_reader_u8(&in) == KEYED_VERSION;
    return is_known && byte_reader_left(&in) == 0 ? OK : operator_is_damaged(op);
}

void operator_save_watermark(const Operator *op, uint8_t version, Buffer *out)
{
    buffer_append_u8(out, version);
    buffer_append_u64(out, (uint64_t)op->watermark);
}

Status operator_load_watermark(Operator *op, uint8_t version, Str state)
{
    ByteReader in = byte_reader(state);
    bool is_known = byte_reader_u8(&in) == version;
    operator_restore_watermark(op, (Timestamp)byte_reader_u64(&in));
    bool is_whole = !in.is_short && byte_reader_left(&in) == 0;
    return is_known && is_whole ? OK : operator_is_damaged(op);
}

void operator_close(Operator *op)
{
    keyed_free(op->keyed);
    keyed_free(op->derived);
    op->keyed = op->derived = NULL;
    if (op->kind->close != NULL)
        op->kind->close(op);
}
