/* The state of a join in checkpoints: both sides, key by key, and back.
 *
 *   side   flags u8, keys u64, then per key: key, rows u32, then per row:
 *          written u64, hash u32, count u32, associations u32 (those that flags name), body */
#include "exec/regular_join/regular_join.h"

#include <assert.h>

enum {
    HAS_WRITTEN = 1,
    HAS_HASH = 2,
    HAS_COUNT = 4,
    HAS_ASSOCIATIONS = 8,
};

static uint8_t side_flags(const JoinSide *side)
{
    return (uint8_t)((side->written_at >= 0 ? HAS_WRITTEN : 0) |
                     (side->hash_at >= 0 ? HAS_HASH : 0) | (side->count_at >= 0 ? HAS_COUNT : 0) |
                     (side->associations_at >= 0 ? HAS_ASSOCIATIONS : 0));
}

static void save_u32(Buffer *out, const uint8_t *row, int32_t at)
{
    uint32_t value;
    if (at < 0)
        return;
    memcpy(&value, row + at, sizeof value);
    buffer_append_u32(out, value);
}

static void save_row(const JoinSide *side, const uint8_t *row, Buffer *out)
{
    if (side->written_at >= 0) {
        uint64_t written;
        memcpy(&written, row + side->written_at, sizeof written);
        buffer_append_u64(out, written);
    }
    save_u32(out, row, side->hash_at);
    save_u32(out, row, side->count_at);
    save_u32(out, row, side->associations_at);
    row_save(side->layout, row, out);
}

static void save_side(const JoinSide *side, Buffer *out)
{
    buffer_append_u8(out, side_flags(side));
    buffer_append_u64(out, (uint64_t)table_count(side->table));
    int64_t cursor = 0;
    for (const uint8_t *value = table_next(side->table, &cursor); value != NULL;
         value = table_next(side->table, &cursor)) {
        const RowSet *set = (const RowSet *)(const void *)value;
        table_save_key(side->table, value, out);
        buffer_append_u32(out, (uint32_t)rowset_count(set));
        uint8_t *one;
        int32_t count;
        uint8_t *const *rows = rowset_rows(set, &one, &count);
        for (int32_t i = 0; i < count; i++) {
            if (rows[i] != NULL)
                save_row(side, rows[i], out);
        }
    }
}

Status join_snapshot(Operator *op, int64_t checkpoint, Buffer *out)
{
    Join *join = (Join *)op;
    (void)checkpoint;
    for (int32_t i = 0; i < 2; i++)
        save_side(&join->sides[i], out);
    return OK;
}

/* ---- Back ------------------------------------------------------------------------------ */

/* What stands before the body of a row. */
typedef struct SavedHeader {
    uint64_t written;
    uint32_t hash, count, associations;
} SavedHeader;

static SavedHeader load_header(uint8_t flags, ByteReader *in)
{
    SavedHeader header = {.count = 1};
    if ((flags & HAS_WRITTEN) != 0)
        header.written = byte_reader_u64(in);
    if ((flags & HAS_HASH) != 0)
        header.hash = byte_reader_u32(in);
    if ((flags & HAS_COUNT) != 0)
        header.count = byte_reader_u32(in);
    if ((flags & HAS_ASSOCIATIONS) != 0)
        header.associations = byte_reader_u32(in);
    return header;
}

static void put_u32(uint8_t *row, int32_t at, uint32_t value)
{
    if (at >= 0)
        memcpy(row + at, &value, sizeof value);
}

static bool load_row(JoinSide *side, uint8_t flags, RowSet *set, int64_t now_us, ByteReader *in)
{
    SavedHeader header = load_header(flags, in);
    uint8_t *row = row_load(side->layout, side->heap, in);
    if (row == NULL)
        return false;
    /* State saved before it was to expire is as old as this moment. */
    int64_t written_us = (flags & HAS_WRITTEN) != 0 ? (int64_t)header.written : now_us;
    if (side->written_at >= 0)
        memcpy(row + side->written_at, &written_us, sizeof written_us);
    put_u32(row, side->hash_at, header.hash);
    put_u32(row, side->count_at, header.count);
    put_u32(row, side->associations_at, header.associations);
    if (set == NULL)
        side_free_row(side, row);
    else
        rowset_append(&side->rows, set, row, &side->set_bytes);
    return true;
}

static bool load_key(Join *join, JoinSide *side, uint8_t flags, ByteReader *in)
{
    int64_t now_us = world_now_us(join->base.task->world);
    uint64_t hash = table_peek_hash(in);
    uint8_t *value = table_load_key(side->table, in);
    uint32_t count = byte_reader_u32(in);
    if (value == NULL || in->is_short)
        return false;
    bool is_mine = operator_owns_hash(&join->base, hash);
    RowSet *set = (RowSet *)(void *)value;
    bool is_whole = set->bits == 0;
    for (uint32_t i = 0; i < count && is_whole; i++)
        is_whole = load_row(side, flags, is_mine ? set : NULL, now_us, in);
    if (set->bits == 0)
        table_delete(side->table, value);
    return is_whole;
}

static bool load_side(Join *join, JoinSide *side, ByteReader *in)
{
    uint8_t flags = byte_reader_u8(in);
    uint64_t count = byte_reader_u64(in);
    uint8_t must = HAS_HASH | HAS_COUNT | HAS_ASSOCIATIONS;
    bool is_whole = !in->is_short && ((flags ^ side_flags(side)) & must) == 0;
    for (uint64_t i = 0; i < count && is_whole; i++)
        is_whole = load_key(join, side, flags, in);
    return is_whole;
}

Status join_restore(Operator *op, Str state)
{
    Join *join = (Join *)op;
    ByteReader in = byte_reader(state);
    if (load_side(join, &join->sides[0], &in) && load_side(join, &join->sides[1], &in) &&
        byte_reader_left(&in) == 0)
        return OK;
    return fail(op->task->error, ERR_CORRUPT, "WR4201", "the state of %s is damaged",
                op->node->label);
}
