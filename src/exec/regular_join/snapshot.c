/* The state of a join in checkpoints: the rows of each side, key by key, and back.
 *
 *   key   flags u8, rows u32, then per row:
 *         written u64, hash u32, count u32, associations u32 (those that flags name), body */
#include "exec/regular_join/regular_join.h"

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

static void set_save(void *owner, const uint8_t *value, Buffer *out)
{
    const JoinSide *side = owner;
    const RowSet *set = (const RowSet *)(const void *)value;
    buffer_append_u8(out, side_flags(side));
    buffer_append_u32(out, (uint32_t)rowset_count(set));
    uint8_t *one;
    int32_t count;
    uint8_t *const *rows = rowset_rows(set, &one, &count);
    for (int32_t i = 0; i < count; i++) {
        if (rows[i] != NULL)
            save_row(side, rows[i], out);
    }
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

static bool load_row(JoinSide *side, uint8_t flags, RowSet *set, ByteReader *in)
{
    SavedHeader header = load_header(flags, in);
    uint8_t *row = row_load(side->layout, &side->heap, in);
    if (row == NULL)
        return false;
    /* State saved before it was to expire is as old as this moment. */
    int64_t written_us =
        (flags & HAS_WRITTEN) != 0 ? (int64_t)header.written : world_now_us(side->world);
    if (side->written_at >= 0)
        memcpy(row + side->written_at, &written_us, sizeof written_us);
    put_u32(row, side->hash_at, header.hash);
    put_u32(row, side->count_at, header.count);
    put_u32(row, side->associations_at, header.associations);
    rowset_append(&side->rows, set, row, &side->set_bytes);
    return true;
}

static bool set_load(void *owner, uint8_t *value, ByteReader *in)
{
    JoinSide *side = owner;
    uint8_t flags = byte_reader_u8(in);
    uint32_t count = byte_reader_u32(in);
    uint8_t must = HAS_HASH | HAS_COUNT | HAS_ASSOCIATIONS;
    bool is_whole = !in->is_short && count > 0 && ((flags ^ side_flags(side)) & must) == 0;
    for (uint32_t i = 0; i < count && is_whole; i++)
        is_whole = load_row(side, flags, (RowSet *)(void *)value, in);
    return is_whole;
}

static void set_clear(void *owner, uint8_t *value)
{
    JoinSide *side = owner;
    RowSet *set = (RowSet *)(void *)value;
    uint8_t *one;
    int32_t count;
    uint8_t *const *rows = rowset_rows(set, &one, &count);
    for (int32_t i = 0; !side->is_closing && i < count; i++) {
        if (rows[i] != NULL)
            side_free_row(side, rows[i]);
    }
    rowset_clear(set, &side->set_bytes);
}

static int64_t set_owned(const void *owner)
{
    const JoinSide *side = owner;
    return blocks_used_bytes(&side->heap) + side->set_bytes;
}

const TableCodec side_codec = {
    .save = set_save, .load = set_load, .clear = set_clear, .owned_bytes = set_owned};
