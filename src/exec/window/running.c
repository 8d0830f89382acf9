/* The running aggregate of the open window. */
#include "exec/window/running.h"

#include "exec/window/running_pass.h"

#include <assert.h>
#include <string.h>

void running_open(Running *running, Arena *arena, const WindowLayout *layout, StateTable *table,
                  Error *error)
{
    *running = (Running){.layout = layout, .table = table, .front_last = INT64_MIN, .error = error};
    running->merged = ARENA_ARRAY(arena, uint8_t, layout->others.bytes);
}

void running_reset(Running *running)
{
    running->table = keyed_renew(running->table);
    running->front_last = INT64_MIN;
    running->is_stale = false;
    running->entered = 0;
}

void running_close(Running *running)
{
    running_pass_free(running->pass);
    slices_free(&running->undos);
    table_free(running->table);
    running->table = NULL;
}

/* ---- Keys and their slices --------------------------------------------------------------- */

/* A new value in a slice, not in any chain yet. */
static uint8_t *running_append(Slices *slices, const StateTable *keys, uint8_t *running,
                               int64_t number)
{
    uint8_t *value = table_append_from(slices_get(slices, number), keys, running);
    slice_head(value)->running = running;
    running_head(running)->slices++;
    return value;
}

/* The place in the chain where the slice is or belongs, or NULL if it is too far. */
static SliceLink *running_walk(RunningHead *head, int64_t number)
{
    SliceLink *link = &head->newest;
    for (int32_t i = 0; i < CHAIN_STEPS_MAX; i++) {
        if (link->value == NULL || link->number <= number)
            return link;
        link = &slice_head(link->value)->older;
    }
    return NULL;
}

/* A value that is there already is about to change. */
static uint8_t *running_touched(Slices *slices, int64_t number, uint8_t *value)
{
    slices_touch(slices, number, value);
    return value;
}

static uint8_t *running_search(Slices *slices, const StateTable *keys, uint8_t *running,
                               int64_t number)
{
    uint8_t *value = table_find_from(slices_get(slices, number), keys, running);
    if (value == NULL)
        return running_append(slices, keys, running, number);
    return running_touched(slices, number, value);
}

uint8_t *running_slice_value(Slices *slices, const StateTable *keys, uint8_t *running,
                             int64_t number)
{
    RunningHead *head = running_head(running);
    SliceLink *link = &head->newest;
    if (link->number == number && link->value != NULL)
        return running_touched(slices, number, link->value);
    bool is_newest = link->value == NULL || link->number < number;
    if (!is_newest) {
        link = head->is_scattered ? NULL : running_walk(head, number);
        if (link == NULL) {
            head->is_scattered = true;
            return running_search(slices, keys, running, number);
        }
        if (link->value != NULL && link->number == number)
            return running_touched(slices, number, link->value);
    }
    uint8_t *value = running_append(slices, keys, running, number);
    slice_head(value)->older = *link;
    *link = (SliceLink){.number = number, .value = value};
    return value;
}

void running_link(Running *running, const Slice *slice)
{
    int64_t cursor = 0;
    for (uint8_t *value = table_next(slice->table, &cursor); value != NULL;
         value = table_next(slice->table, &cursor)) {
        uint8_t *into = table_find_or_insert_from(running->table, slice->table, value);
        RunningHead *head = running_head(into);
        assert(head->newest.value == NULL || head->newest.number < slice->number);
        slice_head(value)->running = into;
        slice_head(value)->older = head->newest;
        head->newest = (SliceLink){.number = slice->number, .value = value};
        head->slices++;
    }
}

/* ---- Entering and leaving ---------------------------------------------------------------- */

static AggregatePairs running_pairs(const RunningRun *run, int32_t into, int32_t from)
{
    return (AggregatePairs){.into = (uint8_t *const *)run->into,
                            .from = (const uint8_t *const *)run->from,
                            .into_offset = into,
                            .from_offset = from,
                            .count = run->count};
}

void running_add_run(Running *running, const RunningRun *run)
{
    const WindowLayout *layout = running->layout;
    AggregatePairs sums = running_pairs(run, layout->running_sums, layout->slice_sums);
    for (int32_t i = 0; i < run->count; i++)
        running_head(run->into[i])->records += slice_head(run->from[i])->records;
    accumulators_merge_run(&layout->sums, &sums);
}

void running_push_run(Running *running, const RunningRun *run)
{
    const WindowLayout *layout = running->layout;
    AggregatePairs others = running_pairs(run, layout->running_back, layout->slice_others);
    for (int32_t i = 0; i < run->count; i++)
        running_head(run->into[i])->has_back = layout->others.count > 0;
    accumulators_merge_run(&layout->others, &others);
}

void running_subtract_run(Running *running, const RunningRun *run)
{
    const WindowLayout *layout = running->layout;
    AggregatePairs sums = running_pairs(run, layout->running_sums, layout->slice_sums);
    accumulators_subtract_run(&layout->sums, &sums);
    for (int32_t i = 0; i < run->count; i++)
        running_head(run->into[i])->records -= slice_head(run->from[i])->records;
}

/* The next values of a slice, none at the end. */
static bool running_take_run(const Running *running, const StateTable *slice, int64_t *cursor,
                             RunningRun *run)
{
    run->count = table_read_run(slice, cursor, run->from, RUNNING_RUN_MAX);
    for (int32_t i = 0; i < run->count; i++)
        run->into[i] = running->layout->has_chains
                           ? slice_head(run->from[i])->running
                           : table_find_or_insert_from(running->table, slice, run->from[i]);
    return run->count > 0;
}

void running_enter(Running *running, const StateTable *slice)
{
    RunningRun run;
    int64_t cursor = 0;
    while (running_take_run(running, slice, &cursor, &run)) {
        running->entered += running->layout->has_chains ? run.count : 0;
        running_add_run(running, &run);
        running_push_run(running, &run);
    }
}

/* ---- The front --------------------------------------------------------------------------- */

/* There is one as soon as the slice is in the front. */
static FrontUndo running_undo_of(const WindowLayout *layout, uint8_t *value)
{
    return (FrontUndo){value + layout->slice_has_undo, value + layout->slice_undo};
}

void running_clear_stacks(const WindowLayout *layout, uint8_t *into)
{
    RunningHead *head = running_head(into);
    accumulators_clear(&layout->others, into + layout->running_front);
    accumulators_clear(&layout->others, into + layout->running_back);
    head->has_front = false;
    head->has_back = false;
}

void running_turn_value(const WindowLayout *layout, uint8_t *into, const uint8_t *from,
                        FrontUndo undo)
{
    uint8_t *front = into + layout->running_front;
    RunningHead *head = running_head(into);
    accumulators_clear(&layout->others, undo.others);
    *undo.has_front = head->has_front;
    if (head->has_front) {
        accumulators_move(&layout->others, undo.others, front);
        accumulators_merge(&layout->others, front, undo.others);
    }
    accumulators_merge(&layout->others, front, from + layout->slice_others);
    head->has_front = true;
}

static void running_turn_slice(Running *running, const StateTable *slice)
{
    const WindowLayout *layout = running->layout;
    RunningRun run;
    int64_t cursor = 0;
    while (running_take_run(running, slice, &cursor, &run))
        for (int32_t i = 0; i < run.count; i++)
            running_turn_value(layout, run.into[i], run.from[i],
                               running_undo_of(layout, run.from[i]));
}

bool running_must_turn(const Running *running, int64_t first)
{
    return running->layout->others.count > 0 && (running->is_stale || first > running->front_last);
}

void running_settle(Running *running, Slices *slices, int64_t first, int64_t last)
{
    if (!running_must_turn(running, first))
        return;
    int64_t cursor = 0;
    for (uint8_t *value = table_next(running->table, &cursor); value != NULL;
         value = table_next(running->table, &cursor))
        running_clear_stacks(running->layout, value);
    for (int32_t i = slices_count(slices) - 1; i >= 0; i--) {
        const Slice *slice = slices_at(slices, i);
        if (slice->number >= first && slice->number <= last)
            running_turn_slice(running, slice->table);
    }
    running->front_last = last;
    running->is_stale = false;
}

/* ---- Leaving ----------------------------------------------------------------------------- */

void running_undo_value(const WindowLayout *layout, uint8_t *into, FrontUndo undo)
{
    uint8_t *front = into + layout->running_front;
    accumulators_clear(&layout->others, front);
    running_head(into)->has_front = *undo.has_front != 0;
    accumulators_move(&layout->others, front, undo.others);
}

/* Values whose last slice leaves go with it. */
static void running_drop(Running *running, uint8_t *into)
{
    RunningHead *head = running_head(into);
    assert(head->slices > 0);
    if (--head->slices == 0)
        table_delete(running->table, into);
}

void running_leave(Running *running, Slices *slices, int64_t number)
{
    const WindowLayout *layout = running->layout;
    const StateTable *slice = slices_find(slices, number);
    if (slice == NULL)
        return;
    assert(layout->others.count == 0 || number <= running->front_last);
    assert(!running->is_stale && layout->has_chains);
    RunningRun run;
    int64_t cursor = 0;
    while (running_take_run(running, slice, &cursor, &run)) {
        running_subtract_run(running, &run);
        running->entered -= run.count;
        for (int32_t i = 0; i < run.count; i++) {
            if (layout->others.count > 0)
                running_undo_value(layout, run.into[i], running_undo_of(layout, run.from[i]));
            running_drop(running, run.into[i]);
        }
    }
    assert(running->entered >= 0);
}

/* The result of the stacks of one value. */
static void running_stack_results(Running *running, const uint8_t *value, Column *columns,
                                  Arena *arena, int32_t row)
{
    const WindowLayout *layout = running->layout;
    const RunningHead *head = (const RunningHead *)(const void *)value;
    const uint8_t *front = value + layout->running_front;
    const uint8_t *back = value + layout->running_back;
    if (!head->has_front || !head->has_back) {
        accumulators_result(&layout->others, head->has_front ? front : back, columns, arena, row,
                            BATCH_ROWS_MAX);
        return;
    }
    accumulators_merge(&layout->others, running->merged, front);
    accumulators_merge(&layout->others, running->merged, back);
    accumulators_result(&layout->others, running->merged, columns, arena, row, BATCH_ROWS_MAX);
    accumulators_clear(&layout->others, running->merged);
}

void running_results(Running *running, const uint8_t *const *values, int32_t count, Column *columns,
                     Arena *arena, int32_t row)
{
    const WindowLayout *layout = running->layout;
    AggregateStates sums = {.states = values, .offset = layout->running_sums, .count = count};
    accumulators_result_run(&layout->sums, &sums, columns, arena, row, BATCH_ROWS_MAX);
    for (int32_t i = 0; layout->others.count > 0 && i < count; i++)
        running_stack_results(running, values[i], columns, arena, row + i);
}
