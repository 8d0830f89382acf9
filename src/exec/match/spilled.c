/* MATCH_RECOGNIZE where state may leave memory. Nothing points at a key from outside of its table:
 *
 *     due_rows     keys by the earliest of their rows that wait       (exec/due.h)
 *     due_timers   keys by when their first match is too old
 *
 * When a watermark has come, the rows up to it of some keys come back and are worked off, as many
 * as memory has room for, then those of others; after all of them, matches that are too old. */
#include "base/memory.h"
#include "exec/match/match.h"

/* Of what has come back into memory to be worked off together. */
enum { TAKEN_ROWS_MAX = 8 * BATCH_ROWS_MAX, TAKEN_BYTES_MAX = 1 << 20 };

void match_open_spilled(MatchOperator *self)
{
    due_open(&self->due_rows, &self->base, &self->key);
    due_open(&self->due_timers, &self->base, &self->key);
}

void match_close_spilled(MatchOperator *self)
{
    due_close(&self->due_rows);
    due_close(&self->due_timers);
}

void match_wait_spilled(MatchOperator *self, MatchKey *key, MatchRow *row)
{
    if (key_wait(key, row))
        due_put(&self->due_rows, self->table, (const uint8_t *)key, row->time);
}

static bool match_pauses(MatchOperator *self, DueKeys *due, int32_t left)
{
    if (!operator_is_to_pause(&self->base))
        return false;
    due_pause(due, left);
    self->base.has_more = true;
    return true;
}

/* ---- Rows -------------------------------------------------------------------------------- */

static int64_t match_held(const MatchOperator *self)
{
    return self->blocks->held_bytes + self->heap.held_bytes;
}

/* How many of the key's rows are due. */
static int64_t key_count_due(const MatchOperator *self, const MatchKey *key)
{
    int64_t count = 0;
    for (const MatchRow *row = key->waiting; row != NULL; row = row->next)
        count += row->time <= self->now;
    return count;
}

/* What is left waits again. */
static void key_wait_on(MatchOperator *self, MatchKey *key)
{
    if (key->waiting == NULL)
        return;
    key->waits_from = key->waiting->time;
    for (const MatchRow *row = key->waiting; row != NULL; row = row->next)
        key->waits_from = row->time < key->waits_from ? row->time : key->waits_from;
    due_put(&self->due_rows, self->table, (const uint8_t *)key, key->waits_from);
}

static void key_take_due(MatchOperator *self, MatchKey *key)
{
    int64_t count = key_count_due(self, key), taken = 0;
    if (count > 0) {
        table_touch(self->table, (const uint8_t *)key);
        PendingRow *rows = memory_allocate((int64_t)sizeof(PendingRow) * 2 * count);
        for (MatchRow *row = key->waiting, *next; row != NULL; row = next) {
            next = row->next;
            if (row->time > self->now)
                continue;
            key_wait_no_more(key, row);
            rows[taken++] = (PendingRow){.time = row->time, .row = row};
        }
        match_sort_rows(self, rows, count, rows + count);
        for (int64_t i = 0; i < count; i++)
            match_activate(self, key, rows[i].row);
        memory_free(rows);
        self->taken_rows += count;
    }
    key_wait_on(self, key);
}

static Status match_work_taken(MatchOperator *self)
{
    TRY(match_work(self));
    self->taken_rows = 0;
    return table_make_room(self->table, self->base.task->error);
}

static Status match_visit_rows(void *context, const StateTable *bucket,
                               const uint8_t *const *values, int32_t count)
{
    MatchOperator *self = context;
    for (int32_t i = 0; i < count;) {
        int32_t end = i + table_expect_from(self->table, bucket, values + i, count - i);
        for (; i < end; i++) {
            uint8_t *value = table_find_from(self->table, bucket, values[i]);
            if (value != NULL)
                key_take_due(self, (MatchKey *)(void *)value);
            if (self->taken_rows < TAKEN_ROWS_MAX && match_held(self) <= self->held_most)
                continue;
            TRY(match_work_taken(self));
            if (match_pauses(self, &self->due_rows, count - i - 1))
                return OK;
        }
    }
    return OK;
}

static Status match_work_due(MatchOperator *self)
{
    self->held_most = match_held(self) + TAKEN_BYTES_MAX;
    TRY(due_go_on(&self->due_rows, match_visit_rows, self));
    return match_work_taken(self);
}

/* ---- Matches that are too old ------------------------------------------------------------ */

static bool key_is_old(const MatchOperator *self, const MatchKey *key)
{
    const Match *first = key->unfinished.count > 0 ? key->unfinished.items[0] : NULL;
    if (first == NULL)
        return false;
    return self->now == TIMESTAMP_MAX ||
           self->now - first->started >= match_node(self)->match.within_us;
}

/* They come out together, and the keys go back. */
static Status match_end_old(MatchOperator *self, MatchKey *const *keys, int32_t count)
{
    TRY(match_emit(self));
    for (int32_t i = 0; i < count; i++)
        key_settle(self, keys[i]);
    arena_reset(self->arena);
    return table_make_room(self->table, self->base.task->error);
}

static Status match_visit_timers(void *context, const StateTable *bucket,
                                 const uint8_t *const *values, int32_t count)
{
    MatchOperator *self = context;
    MatchKey *keys[DUE_RUN_MAX];
    assert(count <= DUE_RUN_MAX);
    for (int32_t i = 0; i < count;) {
        int32_t end = i + table_expect_from(self->table, bucket, values + i, count - i), old = 0;
        for (; i < end; i++) {
            MatchKey *key = (MatchKey *)(void *)table_find_from(self->table, bucket, values[i]);
            if (key == NULL)
                continue;
            key->has_timer = false;
            if (key_is_old(self, key)) {
                table_touch(self->table, (const uint8_t *)key);
                match_expire(self, key, self->now);
                keys[old++] = key;
            }
            key_schedule(self, key);
        }
        TRY(match_end_old(self, keys, old));
        if (match_pauses(self, &self->due_timers, count - i))
            return OK;
    }
    return OK;
}

/* ---- Time -------------------------------------------------------------------------------- */

Status match_go_on(Operator *op)
{
    MatchOperator *self = (MatchOperator *)op;
    if (self->has_rows) {
        TRY(match_work_due(self));
        if (op->has_more)
            return OK;
        self->has_rows = false;
        due_begin(&self->due_timers, self->now);
    }
    TRY(due_go_on(&self->due_timers, match_visit_timers, self));
    return op->has_more || !self->has_watermark ? OK : operator_advance(op, op->watermark);
}

Status match_advance_spilled(MatchOperator *self, Timestamp time, bool has_rows, bool has_watermark)
{
    self->now = time;
    self->has_rows = has_rows;
    self->has_watermark = has_watermark;
    due_begin(has_rows ? &self->due_rows : &self->due_timers, time);
    return match_go_on(&self->base);
}

Status match_resume_spilled(MatchOperator *self)
{
    uint8_t *values[DUE_RUN_MAX];
    int64_t cursor = 0;
    int32_t count;
    TRY(table_put_away(self->table, self->base.task->error));
    while ((count = table_read_run(self->table, &cursor, values, DUE_RUN_MAX)) > 0) {
        for (int32_t i = 0; i < count; i++) {
            const MatchKey *key = (const MatchKey *)(const void *)values[i];
            if (key->has_timer)
                due_put(&self->due_timers, self->table, values[i], key->timer);
            if (key->waiting != NULL)
                due_put(&self->due_rows, self->table, values[i], key->waits_from);
        }
        TRY(due_make_room(&self->due_rows));
    }
    return OK;
}
