/* The running aggregate of the open window. */
#include "exec/window/running.h"

#include <assert.h>
#include <string.h>

WindowLayout window_layout(Arena *arena, const PlanAggregate *aggregates, int32_t count,
                           WindowKind kind)
{
    WindowLayout layout = {0};
    /* Only HOP ever takes a slice out of its window. */
    bool has_stacks = kind == WINDOW_HOP;
    AccumulatorChoice sums = has_stacks ? CHOOSE_INVERTIBLE : CHOOSE_ALL;
    layout.sums = accumulators_choose(arena, aggregates, count, sums);
    if (has_stacks)
        layout.others = accumulators_choose(arena, aggregates, count, CHOOSE_OTHERS);
    int32_t others = layout.others.bytes;
    layout.slice_sums = (int32_t)sizeof(SliceHead);
    layout.slice_others = layout.slice_sums + layout.sums.bytes;
    layout.slice_undo = layout.slice_others + others;
    layout.slice_has_undo = layout.slice_undo + others;
    layout.slice_bytes = layout.slice_has_undo + (layout.others.count > 0 ? 8 : 0);
    layout.running_sums = (int32_t)sizeof(RunningHead);
    layout.running_front = layout.running_sums + layout.sums.bytes;
    layout.running_back = layout.running_front + others;
    layout.running_bytes = layout.running_back + others;
    return layout;
}

static inline SliceHead *slice_head(uint8_t *value)
{
    return (SliceHead *)(void *)value;
}

static inline RunningHead *running_head(uint8_t *value)
{
    return (RunningHead *)(void *)value;
}

static void running_clear_value(const WindowLayout *layout, uint8_t *value)
{
    accumulators_clear(&layout->sums, value + layout->running_sums);
    accumulators_clear(&layout->others, value + layout->running_front);
    accumulators_clear(&layout->others, value + layout->running_back);
}

void slice_clear(const WindowLayout *layout, StateTable *slice)
{
    if (!layout->sums.owns_heap && !layout->others.owns_heap)
        return;
    int64_t cursor = 0;
    for (uint8_t *value = table_next(slice, &cursor); value != NULL;
         value = table_next(slice, &cursor)) {
        accumulators_clear(&layout->sums, value + layout->slice_sums);
        accumulators_clear(&layout->others, value + layout->slice_others);
        accumulators_clear(&layout->others, value + layout->slice_undo);
    }
}

void running_open(Running *running, Arena *arena, const TableKey *key, const WindowLayout *layout)
{
    *running = (Running){.layout = layout, .front_last = INT64_MIN};
    running->table = table_new(key, layout->running_bytes);
    running->merged = ARENA_ARRAY(arena, uint8_t, layout->others.bytes);
}

void running_reset(Running *running)
{
    const WindowLayout *layout = running->layout;
    int64_t cursor = 0;
    if (layout->sums.owns_heap || layout->others.owns_heap)
        for (uint8_t *value = table_next(running->table, &cursor); value != NULL;
             value = table_next(running->table, &cursor))
            running_clear_value(layout, value);
    table_clear(running->table);
    running->front_last = INT64_MIN;
    running->is_stale = false;
}

void running_close(Running *running)
{
    if (running->table == NULL)
        return;
    running_reset(running);
    table_free(running->table);
    running->table = NULL;
}

void running_enter(Running *running, const StateTable *slice)
{
    const WindowLayout *layout = running->layout;
    int64_t cursor = 0;
    for (uint8_t *from = table_next(slice, &cursor); from != NULL;
         from = table_next(slice, &cursor)) {
        uint8_t *into = table_find_or_insert_from(running->table, slice, from);
        RunningHead *head = running_head(into);
        slice_head(from)->running = into;
        head->records += slice_head(from)->records;
        head->slices++;
        accumulators_merge(&layout->sums, into + layout->running_sums, from + layout->slice_sums);
        if (layout->others.count == 0)
            continue;
        head->has_back = true;
        accumulators_merge(&layout->others, into + layout->running_back,
                           from + layout->slice_others);
    }
}

/* The front takes in one more slice on its left; what it was is kept in the slice. */
static void running_turn_slice(Running *running, StateTable *slice)
{
    const WindowLayout *layout = running->layout;
    int64_t cursor = 0;
    for (uint8_t *from = table_next(slice, &cursor); from != NULL;
         from = table_next(slice, &cursor)) {
        uint8_t *into = slice_head(from)->running;
        assert(into != NULL);
        uint8_t *front = into + layout->running_front;
        uint8_t *undo = from + layout->slice_undo;
        RunningHead *head = running_head(into);
        accumulators_clear(&layout->others, undo);
        from[layout->slice_has_undo] = head->has_front;
        if (head->has_front) {
            accumulators_move(&layout->others, undo, front);
            accumulators_merge(&layout->others, front, undo);
        }
        accumulators_merge(&layout->others, front, from + layout->slice_others);
        head->has_front = true;
    }
}

/* All slices first … last become the front; the back is empty. */
static void running_turn(Running *running, Slices *slices, int64_t first, int64_t last)
{
    const WindowLayout *layout = running->layout;
    int64_t cursor = 0;
    for (uint8_t *value = table_next(running->table, &cursor); value != NULL;
         value = table_next(running->table, &cursor)) {
        RunningHead *head = running_head(value);
        accumulators_clear(&layout->others, value + layout->running_front);
        accumulators_clear(&layout->others, value + layout->running_back);
        head->has_front = false;
        head->has_back = false;
    }
    for (int32_t i = slices_count(slices) - 1; i >= 0; i--) {
        const Slice *slice = slices_at(slices, i);
        if (slice->number >= first && slice->number <= last)
            running_turn_slice(running, slice->table);
    }
    running->front_last = last;
    running->is_stale = false;
}

void running_settle(Running *running, Slices *slices, int64_t first, int64_t last)
{
    if (running->layout->others.count == 0)
        return;
    if (running->is_stale || first > running->front_last)
        running_turn(running, slices, first, last);
}

/* Put the front of one key back to what it was before the slice came in. */
static void running_undo(const WindowLayout *layout, uint8_t *into, uint8_t *from)
{
    uint8_t *front = into + layout->running_front;
    accumulators_clear(&layout->others, front);
    running_head(into)->has_front = from[layout->slice_has_undo] != 0;
    accumulators_move(&layout->others, front, from + layout->slice_undo);
}

void running_leave(Running *running, Slices *slices, int64_t number)
{
    const WindowLayout *layout = running->layout;
    StateTable *slice = slices_find(slices, number);
    if (slice == NULL)
        return;
    assert(layout->others.count == 0 || number <= running->front_last);
    assert(!running->is_stale);
    int64_t cursor = 0;
    for (uint8_t *from = table_next(slice, &cursor); from != NULL;
         from = table_next(slice, &cursor)) {
        uint8_t *into = slice_head(from)->running;
        assert(into != NULL);
        RunningHead *head = running_head(into);
        assert(head->slices > 0);
        head->slices--;
        if (head->slices == 0) {
            running_clear_value(layout, into);
            table_delete(running->table, into);
            continue;
        }
        head->records -= slice_head(from)->records;
        accumulators_subtract(&layout->sums, into + layout->running_sums,
                              from + layout->slice_sums);
        if (layout->others.count > 0)
            running_undo(layout, into, from);
    }
}

void running_results(Running *running, const uint8_t *value, Column *columns, Arena *arena,
                     int32_t row, int32_t capacity)
{
    const WindowLayout *layout = running->layout;
    const RunningHead *head = (const RunningHead *)(const void *)value;
    accumulators_result(&layout->sums, value + layout->running_sums, columns, arena, row, capacity);
    if (layout->others.count == 0)
        return;
    const uint8_t *front = value + layout->running_front;
    const uint8_t *back = value + layout->running_back;
    if (!head->has_front || !head->has_back) {
        accumulators_result(&layout->others, head->has_front ? front : back, columns, arena, row,
                            capacity);
        return;
    }
    accumulators_merge(&layout->others, running->merged, front);
    accumulators_merge(&layout->others, running->merged, back);
    accumulators_result(&layout->others, running->merged, columns, arena, row, capacity);
    accumulators_clear(&layout->others, running->merged);
}
