/* The state of MATCH_RECOGNIZE in a checkpoint: for each key its rows, its matches, and the rows
 * that wait for the watermark; the watermark. */
#include "exec/match/match.h"

/* 1: all keys at the barrier, and no watermark. */
enum { MATCH_STATE_VERSION = 2 };

/* ---- Out ------------------------------------------------------------------------------- */

static void match_save(const MatchOperator *self, const Match *match, Buffer *out)
{
    int32_t variables = match_node(self)->match.variable_count;
    buffer_append_u64(out, (uint64_t)match_start(match));
    if (match == NULL)
        return;
    buffer_append_u64(out, (uint64_t)match->started);
    buffer_append_u32(out, (uint32_t)match->state);
    for (int32_t i = 0; i < variables; i++)
        buffer_append_u32(out, (uint32_t)match->counts[i]);
    for (int32_t i = 0; i < self->aggregate_count; i++) {
        const MatchAggregate *one = &self->aggregates[i];
        aggregate_save(match_node(self)->match.slots[one->slot].aggregate.call,
                       (const uint8_t *)match + one->offset, out);
    }
}

static void queue_save(const MatchOperator *self, const MatchQueue *queue, Buffer *out)
{
    buffer_append_u32(out, (uint32_t)queue->count);
    for (int32_t i = 0; i < queue->count; i++)
        match_save(self, queue->items[i], out);
}

static void key_save(void *owner, const uint8_t *value, Buffer *out)
{
    const MatchOperator *self = owner;
    const MatchKey *key = (const MatchKey *)(const void *)value;
    assert(key->due == NULL);
    buffer_append_u64(out, (uint64_t)key->first);
    buffer_append_u32(out, (uint32_t)(key->next - key->first));
    for (int64_t n = key->first; n < key->next; n++)
        match_row_save(self->layout, match_row(key, n), out);
    queue_save(self, &key->unfinished, out);
    queue_save(self, &key->finished, out);
    uint32_t waiting = 0;
    int64_t start = out->length;
    buffer_append_u32(out, 0);
    for (const MatchRow *row = key->waiting; row != NULL; row = row->next, waiting++)
        match_row_save(self->layout, row, out);
    memcpy(out->data + start, &waiting, sizeof waiting);
}

Status match_snapshot(Operator *op, int64_t checkpoint, Buffer *out)
{
    (void)checkpoint;
    operator_save_watermark(op, MATCH_STATE_VERSION, out);
    return OK;
}

/* ---- In -------------------------------------------------------------------------------- */

/* Whether the rows of the match are those of the key, so that it may be asked for them. */
static bool match_is_sound(const MatchOperator *self, const MatchKey *key, const Match *match)
{
    int64_t first;
    for (int32_t i = 0; i < match_node(self)->match.variable_count; i++) {
        if (match->counts[i] < 0 || match->counts[i] > key->next - key->first)
            return false;
    }
    int64_t rows = match_range(self, match->start, match->counts, MATCH_ALL_VARIABLES, &first);
    bool is_state =
        match->state == MATCH_FINAL || (match->state >= 0 && match->state < self->automaton.count);
    return is_state && match->start >= key->first && rows > 0 && match->start + rows <= key->next;
}

static bool match_load(MatchOperator *self, MatchKey *key, MatchQueue *queue, ByteReader *in)
{
    int64_t start = (int64_t)byte_reader_u64(in);
    if (in->is_short)
        return false;
    if (start == INT64_MAX) {
        queue_add(queue, self->blocks, NULL);
        return true;
    }
    Timestamp started = (Timestamp)byte_reader_u64(in);
    Match *match = match_new(self, start, started);
    queue_add(queue, self->blocks, match);
    match->state = (int32_t)byte_reader_u32(in);
    for (int32_t i = 0; i < match_node(self)->match.variable_count; i++)
        match->counts[i] = (int32_t)byte_reader_u32(in);
    for (int32_t i = 0; i < self->aggregate_count; i++) {
        const MatchAggregate *one = &self->aggregates[i];
        if (!aggregate_load(match_node(self)->match.slots[one->slot].aggregate.call,
                            match_accumulator(match, one), in))
            return false;
    }
    return !in->is_short && match_is_sound(self, key, match);
}

static bool queue_load(MatchOperator *self, MatchKey *key, MatchQueue *queue, ByteReader *in)
{
    int64_t count = byte_reader_u32(in);
    for (int64_t i = 0; i < count; i++) {
        if (!match_load(self, key, queue, in))
            return false;
    }
    return !in->is_short;
}

static bool rows_load(MatchOperator *self, MatchKey *key, ByteReader *in)
{
    key->first = key->next = (int64_t)byte_reader_u64(in);
    int64_t count = byte_reader_u32(in);
    if (in->is_short || key->first < 0 || key->first > INT64_MAX / 2)
        return false;
    for (int64_t i = 0; i < count; i++) {
        MatchRow *row = match_row_load(self->layout, &self->heap, in);
        if (row == NULL)
            return false;
        key_append_row(self, key, row);
    }
    return true;
}

static bool waiting_load(MatchOperator *self, MatchKey *key, ByteReader *in)
{
    int64_t count = byte_reader_u32(in);
    for (int64_t i = 0; i < count; i++) {
        MatchRow *row = match_row_load(self->layout, &self->heap, in);
        if (row == NULL)
            return false;
        (void)key_wait(key, row);
    }
    return !in->is_short;
}

static bool key_load(void *owner, uint8_t *value, ByteReader *in)
{
    MatchOperator *self = owner;
    MatchKey *key = (MatchKey *)(void *)value;
    bool is_sound = rows_load(self, key, in) && queue_load(self, key, &key->unfinished, in) &&
                    queue_load(self, key, &key->finished, in) && waiting_load(self, key, in);
    const Match *first = key->unfinished.count > 0 ? key->unfinished.items[0] : NULL;
    /* Of a key that had left memory it stands in the table of what is due, perhaps earlier. */
    key->has_timer = match_spills(self) && first != NULL && match_node(self)->match.within_us > 0;
    if (key->has_timer)
        key->timer = first->started + match_node(self)->match.within_us;
    return is_sound;
}

static void key_clear_value(void *owner, uint8_t *value)
{
    key_clear(owner, (MatchKey *)(void *)value);
}

static int64_t key_owned(const void *owner)
{
    const MatchOperator *self = owner;
    return blocks_used_bytes(self->blocks) + blocks_used_bytes(&self->heap);
}

const TableCodec match_codec = {
    .save = key_save, .load = key_load, .clear = key_clear_value, .owned_bytes = key_owned};

Status match_restore(Operator *op, Str state)
{
    return operator_load_watermark(op, MATCH_STATE_VERSION, state);
}

Status match_resume(Operator *op)
{
    MatchOperator *self = (MatchOperator *)op;
    int64_t cursor = 0;
    if (match_spills(self))
        return match_resume_spilled(self);
    for (uint8_t *value = table_next(self->table, &cursor); value != NULL;
         value = table_next(self->table, &cursor)) {
        MatchKey *key = (MatchKey *)(void *)value;
        key_schedule(self, key);
        for (MatchRow *row = key->waiting; row != NULL; row = row->next)
            pending_add(&self->pending, (PendingRow){.time = row->time, .key = value, .row = row});
    }
    return OK;
}
