/* The rows of one input of a join, by key.
 *
 * Three shapes, as the unique keys of the input allow: one row per key of the join; rows told apart
 * by a unique key; rows that are told apart by nothing, where equal ones are counted. Rows of an
 * input that takes nothing back and has no unique key are not searched for at all. */
#include "exec/regular_join/regular_join.h"

#include <assert.h>

#include "base/memory.h"

enum { SWEEP_ENTRIES = 4096 }; /* looked at in one tick */

static int32_t header_take(int32_t *bytes, int32_t width, bool is_wanted)
{
    if (!is_wanted)
        return -1;
    int32_t at = *bytes;
    *bytes += width;
    return at;
}

static void side_lay_out(Join *join, JoinSide *side, int32_t index)
{
    const PlanNode *node = join->base.node;
    bool is_searched = node->regular_join.has_retractions[index] || side->is_unique;
    bool has_associations = side->is_padded || (index == 0 && join_is_semi(join));
    int32_t bytes = 0;
    side->written_at = header_take(&bytes, 8, side->ttl_us > 0);
    side->hash_at = header_take(&bytes, 4, is_searched && !side->is_one_row);
    side->count_at = header_take(&bytes, 4, side->hash_at >= 0 && !side->is_unique);
    side->associations_at = header_take(&bytes, 4, has_associations);
    Arena *arena = join->base.task->query;
    side->layout = row_layout(arena, side->schema, (bytes + 7) / 8 * 8);
    side->rows = (RowSetKind){.layout = side->layout, .hash_at = side->hash_at};
    side->hashed_count = side->schema->count;
    side->hashed = ARENA_ARRAY(arena, int32_t, side->schema->count + 1);
    for (int32_t i = 0; i < side->schema->count; i++)
        side->hashed[i] = i;
    if (side->is_unique && !side->is_one_row) {
        const ColumnList *unique = &node->regular_join.unique[index];
        side->rows.columns = unique->columns;
        side->rows.column_count = unique->count;
        side->hashed_count = unique->count;
        for (int32_t i = 0; i < unique->count; i++)
            side->hashed[i] = unique->columns[i];
    }
}

static bool columns_contain(const ColumnList *list, int32_t column)
{
    for (int32_t i = 0; i < list->count; i++) {
        if (list->columns[i] == column)
            return true;
    }
    return false;
}

void side_open(Join *join, int32_t index)
{
    const PlanNode *node = join->base.node;
    Arena *arena = join->base.task->query;
    JoinSide *side = &join->sides[index];
    side->schema = &node->inputs[index]->schema;
    side->keys = node->regular_join.join.keys[index];
    Type *types = ARENA_ARRAY(arena, Type, side->keys.count + 1);
    for (int32_t i = 0; i < side->keys.count; i++)
        types[i] = side->schema->fields[side->keys.columns[i]].type;
    side->key = table_key(arena, types, side->keys.count);
    side->is_unique = node->regular_join.has_unique[index];
    side->is_one_row = side->is_unique;
    for (int32_t i = 0; i < node->regular_join.unique[index].count; i++)
        side->is_one_row &=
            columns_contain(&side->keys, node->regular_join.unique[index].columns[i]);
    ChangelogMode mode = node->inputs[index]->changelog;
    side->is_upserted = side->is_unique && (mode & CHANGELOG_UPDATE_AFTER) != 0 &&
                        (mode & CHANGELOG_UPDATE_BEFORE) == 0;
    JoinKind kind = node->regular_join.join.kind;
    side->is_padded = index == 0 ? kind == JOIN_LEFT || kind == JOIN_FULL
                                 : kind == JOIN_RIGHT || kind == JOIN_FULL;
    side->ttl_us = node->regular_join.state_ttl_us[index];
    side_lay_out(join, side, index);
    side->world = join->base.task->world;
    side->table = table_new(&side->key, (int32_t)sizeof(RowSet));
    table_describe(side->table, &side_codec, side);
    keyed_add(join->base.keyed, (KeyedId){.kind = (uint8_t)index}, side->table);
    operator_spill_table(&join->base, side->table);
}

void side_close(JoinSide *side)
{
    if (side->table == NULL)
        return;
    /* To look at each row for its size took 3 % of q23, on one thread. */
    side->is_closing = true;
    table_free(side->table);
    side->table = NULL;
    assert(side->set_bytes == 0);
    blocks_close(&side->heap);
    buffer_free(&side->probe);
}

int64_t side_bytes(const JoinSide *side)
{
    return table_bytes(side->table) + side->heap.held_bytes + side->set_bytes;
}

/* ---- Headers --------------------------------------------------------------------------- */

static void header_put_u32(uint8_t *row, int32_t at, uint32_t value)
{
    if (at >= 0)
        memcpy(row + at, &value, sizeof value);
}

static void header_touch(const JoinSide *side, uint8_t *row, int64_t now_us)
{
    if (side->written_at >= 0)
        memcpy(row + side->written_at, &now_us, sizeof now_us);
}

bool side_is_expired(const JoinSide *side, const uint8_t *row, int64_t now_us)
{
    if (side->written_at < 0)
        return false;
    int64_t written_us;
    memcpy(&written_us, row + side->written_at, sizeof written_us);
    return now_us - written_us >= side->ttl_us;
}

int32_t side_count(const JoinSide *side, const uint8_t *row)
{
    if (side->count_at < 0)
        return 1;
    uint32_t count;
    memcpy(&count, row + side->count_at, sizeof count);
    return (int32_t)count;
}

void side_set_associations(const JoinSide *side, uint8_t *row, int32_t associations, int64_t now_us)
{
    /* A match whose row was expired on one side only may be counted down more often than up. */
    header_put_u32(row, side->associations_at, associations > 0 ? (uint32_t)associations : 0);
    header_touch(side, row, now_us);
}

const uint64_t *side_hashes(const JoinSide *side, const Batch *batch, Arena *arena)
{
    if (side->hash_at < 0)
        return NULL;
    uint64_t *hashes = arena_allocate(arena, (int64_t)sizeof(uint64_t) * batch->row_count);
    rowcode_hash(batch, side->hashed, side->hashed_count, batch->selection, hashes);
    return hashes;
}

/* ---- Changes --------------------------------------------------------------------------- */

void side_free_row(JoinSide *side, uint8_t *row)
{
    blocks_give(&side->heap, row, row_stored_size(side->layout, row));
}

/* The row, header included, in `out`. */
static void side_write(const JoinInput *input, const JoinSide *side, int32_t row, uint8_t *out)
{
    row_write(side->layout, input->batch, row, out);
    if (side->hash_at >= 0)
        header_put_u32(out, side->hash_at, (uint32_t)input->row_hashes[row]);
    header_put_u32(out, side->count_at, 1);
    header_touch(side, out, input->join->now_us);
}

/* An equal row is there: it counts for one more, or the new one takes its place. */
static void side_add_to(const JoinInput *input, JoinSide *side, RowSet *set, int32_t position,
                        uint8_t *added)
{
    uint8_t *old = rowset_at(set, position);
    int64_t now_us = input->join->now_us;
    if (side->count_at >= 0 && !side_is_expired(side, old, now_us))
        header_put_u32(added, side->count_at, (uint32_t)side_count(side, old) + 1);
    rowset_replace(set, position, added);
    side_free_row(side, old);
}

void side_add(const JoinInput *input, RowSet *set, int32_t row, int32_t associations)
{
    JoinSide *side = &input->join->sides[input->side];
    uint8_t *added = blocks_take(&side->heap, row_size(side->layout, input->batch, row));
    side_write(input, side, row, added);
    header_put_u32(added, side->associations_at, (uint32_t)associations);
    int32_t position = -1;
    if (side->is_one_row)
        position = set->bits == 0 ? -1 : 0;
    else if (side->hash_at >= 0)
        position = rowset_find(&side->rows, set, added);
    if (position >= 0)
        side_add_to(input, side, set, position, added);
    else
        rowset_append(&side->rows, set, added, &side->set_bytes);
}

static int32_t side_find(const JoinInput *input, JoinSide *side, const RowSet *set, int32_t row)
{
    if (set->bits == 0)
        return -1;
    if (side->is_one_row)
        return 0;
    assert(side->hash_at >= 0);
    side->probe.length = 0;
    uint8_t *probe =
        (uint8_t *)buffer_reserve(&side->probe, row_size(side->layout, input->batch, row));
    side_write(input, side, row, probe);
    return rowset_find(&side->rows, set, probe);
}

bool side_is_replacing(const JoinInput *input, const RowSet *set, int32_t row)
{
    JoinSide *side = &input->join->sides[input->side];
    if (!side->is_upserted || set == NULL)
        return false;
    int32_t position = side_find(input, side, set, row);
    return position >= 0 && !side_is_expired(side, rowset_at(set, position), input->join->now_us);
}

void side_retract(const JoinInput *input, RowSet *set, int32_t row)
{
    JoinSide *side = &input->join->sides[input->side];
    int32_t position = side_find(input, side, set, row);
    if (position < 0)
        return;
    uint8_t *old = rowset_at(set, position);
    int32_t count = side_count(side, old);
    if (count > 1 && !side_is_expired(side, old, input->join->now_us)) {
        header_put_u32(old, side->count_at, (uint32_t)count - 1);
        header_touch(side, old, input->join->now_us);
        return;
    }
    rowset_remove(&side->rows, set, position, &side->set_bytes);
    side_free_row(side, old);
}

/* ---- Expiry ---------------------------------------------------------------------------- */

static void side_expire(JoinSide *side, uint8_t *value, int64_t now_us)
{
    RowSet *set = (RowSet *)(void *)value;
    uint8_t *one;
    int32_t count;
    /* From the end: removing may shorten the run, or end it. */
    rowset_rows(set, &one, &count);
    for (int32_t i = count - 1; i >= 0 && set->bits != 0; i--) {
        int32_t used;
        uint8_t *const *rows = rowset_rows(set, &one, &used);
        uint8_t *row = i < used ? rows[i] : NULL;
        if (row == NULL || !side_is_expired(side, row, now_us))
            continue;
        table_touch(side->table, value);
        rowset_remove(&side->rows, set, i, &side->set_bytes);
        side_free_row(side, row);
    }
    if (set->bits == 0)
        table_delete(side->table, value);
}

void side_sweep(JoinSide *side, int64_t now_us)
{
    if (side->ttl_us == 0)
        return;
    uint8_t *values[256];
    int32_t left = SWEEP_ENTRIES;
    int32_t room = (int32_t)(sizeof values / sizeof values[0]);
    while (left > 0) {
        int32_t count = table_next_run(side->table, &side->sweep, values, room);
        if (count == 0) {
            side->sweep = 0;
            return;
        }
        for (int32_t i = 0; i < count; i++)
            side_expire(side, values[i], now_us);
        left -= count;
    }
}
