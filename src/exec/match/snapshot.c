/* The state of MATCH_RECOGNIZE in a checkpoint: for each key its rows and matches; then the rows
 * that wait for the watermark, with their keys. */
#include "exec/match/match.h"

enum { MATCH_STATE_VERSION = 1 };

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

typedef struct PendingSave {
    const MatchOperator *self;
    Buffer *out;
} PendingSave;

static void pending_save(const PendingRow *row, void *context)
{
    const PendingSave *save = context;
    table_save_key(save->self->table, row->key, save->out);
    match_row_save(save->self->layout, row->row, save->out);
}

Status match_snapshot(Operator *op, int64_t checkpoint, Buffer *out)
{
    MatchOperator *self = (MatchOperator *)op;
    (void)checkpoint;
    buffer_append_u8(out, MATCH_STATE_VERSION);
    buffer_append_u64(out, (uint64_t)table_count(self->table));
    int64_t cursor = 0;
    for (const uint8_t *value = table_next(self->table, &cursor); value != NULL;
         value = table_next(self->table, &cursor)) {
        const MatchKey *key = (const MatchKey *)(const void *)value;
        assert(key->due == NULL);
        table_save_key(self->table, value, out);
        buffer_append_u64(out, (uint64_t)key->first);
        buffer_append_u32(out, (uint32_t)(key->next - key->first));
        for (int64_t n = key->first; n < key->next; n++)
            match_row_save(self->layout, match_row(key, n), out);
        queue_save(self, &key->unfinished, out);
        queue_save(self, &key->finished, out);
    }
    buffer_append_u64(out, (uint64_t)self->pending.count);
    PendingSave save = {.self = self, .out = out};
    pending_visit(&self->pending, pending_save, &save);
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

static bool key_load(MatchOperator *self, MatchKey *key, ByteReader *in)
{
    key->first = key->next = (int64_t)byte_reader_u64(in);
    int64_t count = byte_reader_u32(in);
    if (in->is_short || key->first < 0 || key->first > INT64_MAX / 2)
        return false;
    for (int64_t i = 0; i < count; i++) {
        MatchRow *row = match_row_load(self->layout, self->heap, in);
        if (row == NULL)
            return false;
        key_append_row(self, key, row);
    }
    return queue_load(self, key, &key->unfinished, in) && queue_load(self, key, &key->finished, in);
}

/* Keys may also have been made by rows that wait, from another shard's snapshot. */
static bool keys_load(MatchOperator *self, ByteReader *in)
{
    int64_t count = (int64_t)byte_reader_u64(in);
    for (int64_t i = 0; i < count; i++) {
        bool is_own = operator_owns_hash(&self->base, table_peek_hash(in));
        MatchKey *key = (MatchKey *)(void *)table_load_key(self->table, in);
        if (key == NULL || key->next != 0 || key->unfinished.count != 0 || !key_load(self, key, in))
            return false;
        if (is_own) {
            key_schedule(self, key);
            continue;
        }
        key_clear(self, key);
        table_delete(self->table, (uint8_t *)key);
    }
    return !in->is_short;
}

static bool waiting_load(MatchOperator *self, ByteReader *in)
{
    int64_t count = (int64_t)byte_reader_u64(in);
    for (int64_t i = 0; i < count; i++) {
        bool is_own = operator_owns_hash(&self->base, table_peek_hash(in));
        uint8_t *value = table_load_key(self->table, in);
        if (value == NULL)
            return false;
        MatchKey *key = (MatchKey *)(void *)value;
        MatchRow *row = match_row_load(self->layout, self->heap, in);
        if (row == NULL)
            return false;
        if (is_own) {
            key->waiting++;
            pending_add(&self->pending, (PendingRow){.time = row->time, .key = value, .row = row});
            continue;
        }
        match_row_free(self->layout, self->heap, row);
        if (key->waiting == 0 && key->next == key->first && key->unfinished.count == 0)
            table_delete(self->table, value);
    }
    return !in->is_short;
}

Status match_restore(Operator *op, Str state)
{
    MatchOperator *self = (MatchOperator *)op;
    ByteReader in = byte_reader(state);
    if (byte_reader_u8(&in) == MATCH_STATE_VERSION && keys_load(self, &in) &&
        waiting_load(self, &in) && byte_reader_left(&in) == 0)
        return OK;
    return fail(op->task->error, ERR_CORRUPT, "WR4201", "the state of %s is damaged",
                op->node->label);
}
