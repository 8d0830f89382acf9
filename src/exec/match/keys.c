/* The rows and matches of a key, and when they are too old. */
#include "exec/match/match.h"

#include "base/memory.h"

enum { KEY_ROWS_MIN = 2, TIMERS_MIN = 64 };

/* ---- Rows ------------------------------------------------------------------------------ */

bool key_wait(MatchKey *key, MatchRow *row)
{
    bool is_first = key->waiting == NULL || row->time < key->waits_from;
    if (is_first)
        key->waits_from = row->time;
    row->previous = key->waiting_last;
    row->next = NULL;
    if (key->waiting_last == NULL)
        key->waiting = row;
    else
        key->waiting_last->next = row;
    key->waiting_last = row;
    return is_first;
}

void key_wait_no_more(MatchKey *key, MatchRow *row)
{
    if (row->previous == NULL)
        key->waiting = row->next;
    else
        row->previous->next = row->next;
    if (row->next == NULL)
        key->waiting_last = row->previous;
    else
        row->next->previous = row->previous;
    row->previous = row->next = NULL;
}

static void key_grow_rows(MatchOperator *self, MatchKey *key)
{
    int32_t capacity = key->row_capacity == 0 ? KEY_ROWS_MIN : key->row_capacity * 2;
    MatchRow **rows = blocks_take(self->blocks, (int64_t)sizeof(MatchRow *) * capacity);
    for (int64_t n = key->first; n < key->next; n++)
        rows[n & (capacity - 1)] = match_row(key, n);
    blocks_give(self->blocks, key->rows, (int64_t)sizeof(MatchRow *) * key->row_capacity);
    key->rows = rows;
    key->row_capacity = capacity;
}

void key_append_row(MatchOperator *self, MatchKey *key, MatchRow *row)
{
    if (key->next - key->first == key->row_capacity)
        key_grow_rows(self, key);
    key->rows[key->next & (key->row_capacity - 1)] = row;
    key->next++;
}

static void key_drop_rows(MatchOperator *self, MatchKey *key, int64_t before)
{
    for (; key->first < before; key->first++)
        match_row_free(self->layout, &self->heap, match_row(key, key->first));
    if (key->first < key->next || key->row_capacity == 0)
        return;
    blocks_give(self->blocks, key->rows, (int64_t)sizeof(MatchRow *) * key->row_capacity);
    key->rows = NULL;
    key->row_capacity = 0;
}

/* ---- Matches --------------------------------------------------------------------------- */

Match *match_new(MatchOperator *self, int64_t start, Timestamp started)
{
    Match *match = blocks_take(self->blocks, self->match_bytes);
    memset(match, 0, (size_t)self->match_bytes);
    match->start = start;
    match->started = started;
    match->state = self->automaton.start;
    return match;
}

static const AggregateCall *aggregate_call(const MatchOperator *self, const MatchAggregate *one)
{
    return match_node(self)->match.slots[one->slot].aggregate.call;
}

Match *match_clone(MatchOperator *self, const Match *match)
{
    Match *copy = blocks_take(self->blocks, self->match_bytes);
    memcpy(copy, match, (size_t)self->match_bytes);
    for (int32_t i = 0; self->owns_heap && i < self->aggregate_count; i++) {
        const AggregateCall *call = aggregate_call(self, &self->aggregates[i]);
        if (!aggregate_owns_heap(call))
            continue;
        uint8_t *into = match_accumulator(copy, &self->aggregates[i]);
        memset(into, 0, (size_t)aggregate_state_bytes(call));
        aggregate_merge(call, into, (const uint8_t *)match + self->aggregates[i].offset);
    }
    return copy;
}

void match_free(MatchOperator *self, Match *match)
{
    if (match == NULL)
        return;
    for (int32_t i = 0; self->owns_heap && i < self->aggregate_count; i++) {
        const AggregateCall *call = aggregate_call(self, &self->aggregates[i]);
        if (aggregate_owns_heap(call))
            aggregate_destroy(call, match_accumulator(match, &self->aggregates[i]));
    }
    blocks_give(self->blocks, match, self->match_bytes);
}

static void queue_clear(MatchOperator *self, MatchQueue *queue)
{
    for (int32_t i = 0; i < queue->count; i++)
        match_free(self, queue->items[i]);
    queue_free(queue, self->blocks);
}

void key_clear(MatchOperator *self, MatchKey *key)
{
    queue_clear(self, &key->unfinished);
    queue_clear(self, &key->finished);
    key_drop_rows(self, key, key->next);
    for (MatchRow *row = key->waiting, *next; row != NULL; row = next) {
        next = row->next;
        match_row_free(self->layout, &self->heap, row);
    }
    key->waiting = key->waiting_last = NULL;
}

void key_settle(MatchOperator *self, MatchKey *key)
{
    int64_t needed = key->next;
    if (key->unfinished.count > 0 && match_start(key->unfinished.items[0]) < needed)
        needed = match_start(key->unfinished.items[0]);
    if (key->finished.count > 0 && match_start(key->finished.items[0]) < needed)
        needed = match_start(key->finished.items[0]);
    key_drop_rows(self, key, needed);
    if (key->finished.count == 0)
        queue_free(&key->finished, self->blocks);
    bool is_idle =
        key->unfinished.count <= 1 &&
        match_start(key->unfinished.count == 0 ? NULL : key->unfinished.items[0]) == INT64_MAX;
    if (!is_idle)
        return;
    queue_free(&key->unfinished, self->blocks);
    if (key->waiting == NULL && key->due == NULL && key->finished.count == 0 &&
        (!key->has_timer || match_spills(self)))
        table_delete(self->table, (uint8_t *)key);
}

/* ---- Timers ---------------------------------------------------------------------------- */

static void timer_push(MatchOperator *self, MatchTimer timer)
{
    if (self->timer_count == self->timer_capacity) {
        int32_t grown = self->timer_capacity * 2;
        self->timer_capacity = grown < TIMERS_MIN ? TIMERS_MIN : grown;
        self->timers =
            memory_resize(self->timers, (int64_t)sizeof(MatchTimer) * self->timer_capacity);
    }
    int32_t at = self->timer_count++;
    while (at > 0 && self->timers[(at - 1) / 2].at > timer.at) {
        self->timers[at] = self->timers[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    self->timers[at] = timer;
}

void key_schedule(MatchOperator *self, MatchKey *key)
{
    int64_t within_us = match_node(self)->match.within_us;
    if (within_us == 0 || key->has_timer || key->unfinished.count == 0)
        return; /* the timer that it has is no later */
    const Match *first = key->unfinished.items[0];
    if (first == NULL)
        return;
    key->has_timer = true;
    key->timer = first->started + within_us;
    if (match_spills(self))
        due_put(&self->due_timers, self->table, (const uint8_t *)key, key->timer);
    else
        timer_push(self, (MatchTimer){.at = key->timer, .key = key});
}

MatchKey *timer_pop(MatchOperator *self, Timestamp time)
{
    if (self->timer_count == 0 || self->timers[0].at > time)
        return NULL;
    MatchKey *key = self->timers[0].key;
    MatchTimer last = self->timers[--self->timer_count];
    int32_t at = 0;
    for (;;) {
        int32_t child = 2 * at + 1;
        if (child >= self->timer_count)
            break;
        if (child + 1 < self->timer_count && self->timers[child + 1].at < self->timers[child].at)
            child++;
        if (self->timers[child].at >= last.at)
            break;
        self->timers[at] = self->timers[child];
        at = child;
    }
    self->timers[at] = last;
    key->has_timer = false;
    return key;
}
