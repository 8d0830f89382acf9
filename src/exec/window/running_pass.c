/* Passes over the running values of a window. */
#include "exec/window/running_pass.h"

#include <assert.h>

#include "base/memory.h"
#include "state/edit.h"

struct RunningPass {
    TableEdit *edit;
    int64_t first, last;  /* of the window */
    bool turns;           /* the front is built anew … */
    bool clears;          /* … from here on */
    int64_t enters_from;  /* slices before this one are in the window already */
    int64_t lowest, next; /* slices that are still to be gone through, the last one first */
    TableBeside beside[RUNNING_BESIDE_MAX + 2]; /* slices, then what leaves */
    int64_t numbers[RUNNING_BESIDE_MAX];
    int32_t slice_count, beside_count;
    int32_t leaving, undone; /* which of these; -1: none */
};

RunningPass *running_pass_new(StateTable *table)
{
    RunningPass *pass = memory_allocate_zeroed((int64_t)sizeof *pass);
    pass->edit = edit_new(table);
    return pass;
}

void running_pass_free(RunningPass *pass)
{
    if (pass == NULL)
        return;
    edit_free(pass->edit);
    memory_free(pass);
}

/* ---- What happens to a page -------------------------------------------------------------- */

/* The next values of a table beside the page, and the running values of their keys. */
static bool running_pass_take(RunningPass *pass, int32_t which, RunningRun *run)
{
    TableBeside *beside = &pass->beside[which];
    run->count = edit_beside(pass->edit, beside, run->from, RUNNING_RUN_MAX);
    edit_find_or_insert(pass->edit, beside->table, (const uint8_t *const *)run->from, run->count,
                        run->into);
    return run->count > 0;
}

static FrontUndo running_undo_beside(uint8_t *value)
{
    return (FrontUndo){value, value + sizeof(int64_t)};
}

static void running_pass_undo(Running *running)
{
    RunningRun run;
    while (running_pass_take(running->pass, running->pass->undone, &run))
        for (int32_t i = 0; i < run.count; i++)
            running_undo_value(running->layout, run.into[i], running_undo_beside(run.from[i]));
}

static void running_pass_leave(Running *running)
{
    RunningRun run;
    while (running_pass_take(running->pass, running->pass->leaving, &run)) {
        running_subtract_run(running, &run);
        for (int32_t i = 0; i < run.count; i++) {
            RunningHead *head = running_head(run.into[i]);
            assert(head->slices > 0);
            if (--head->slices == 0)
                edit_delete(running->pass->edit, run.into[i]);
        }
    }
}

static void running_pass_clear(Running *running)
{
    TableEdit *edit = running->pass->edit;
    for (int32_t i = 0; i < edit_count(edit); i++) {
        uint8_t *value = edit_value(edit, i);
        if (value == NULL)
            continue;
        edit_touch(edit, value);
        running_clear_stacks(running->layout, value);
    }
}

static void running_pass_turn_run(Running *running, const StateTable *slice, int64_t number,
                                  const RunningRun *run)
{
    StateTable *undos = slices_get(&running->undos, number);
    for (int32_t i = 0; i < run->count; i++) {
        uint8_t *undo = table_find_or_insert_from(undos, slice, run->from[i]);
        running_turn_value(running->layout, run->into[i], run->from[i], running_undo_beside(undo));
    }
}

static Status running_pass_slice(Running *running, int32_t which)
{
    RunningPass *pass = running->pass;
    int64_t number = pass->numbers[which];
    RunningRun run;
    while (running_pass_take(pass, which, &run)) {
        bool enters = number >= pass->enters_from;
        if (enters)
            running_add_run(running, &run);
        if (enters && !pass->turns)
            running_push_run(running, &run);
        for (int32_t i = 0; enters && i < run.count; i++)
            running_head(run.into[i])->slices++;
        if (pass->turns)
            running_pass_turn_run(running, pass->beside[which].table, number, &run);
    }
    return pass->turns ? table_make_room(slices_get(&running->undos, number), running->error) : OK;
}

Status running_pass_next(Running *running, bool *is_there)
{
    RunningPass *pass = running->pass;
    TRY(edit_next(pass->edit, pass->beside, pass->beside_count, is_there, running->error));
    if (!*is_there)
        return OK;
    if (pass->undone >= 0)
        running_pass_undo(running);
    if (pass->leaving >= 0)
        running_pass_leave(running);
    if (pass->clears)
        running_pass_clear(running);
    for (int32_t i = 0; i < pass->slice_count; i++)
        TRY(running_pass_slice(running, i));
    return OK;
}

int32_t running_pass_values(const Running *running, int32_t *at, uint8_t **values, int32_t room)
{
    const TableEdit *edit = running->pass->edit;
    int32_t count = 0, end = edit_count(edit);
    for (; *at < end && count < room; ++*at) {
        uint8_t *value = edit_value(edit, *at);
        if (value != NULL && running_head(value)->records != 0)
            values[count++] = value;
    }
    return count;
}

void running_pass_close(Running *running)
{
    edit_close(running->pass->edit);
}

/* ---- From window to window --------------------------------------------------------------- */

static int32_t running_pass_beside(RunningPass *pass, StateTable *table)
{
    if (table == NULL)
        return -1;
    pass->beside[pass->beside_count] = (TableBeside){.table = table};
    return pass->beside_count++;
}

/* As many of the slices that are left as go beside the table at a time. */
static void running_pass_gather(RunningPass *pass, const Slices *slices)
{
    pass->slice_count = pass->beside_count = 0;
    int32_t i = slices_count(slices) - 1;
    for (; i >= 0 && slices_at(slices, i)->number >= pass->lowest; i--) {
        const Slice *slice = slices_at(slices, i);
        if (slice->number > pass->next)
            continue;
        if (pass->slice_count == RUNNING_BESIDE_MAX)
            break;
        pass->next = slice->number - 1;
        pass->numbers[pass->slice_count++] = slice->number;
        running_pass_beside(pass, slice->table);
    }
    bool is_all = i < 0 || slices_at(slices, i)->number < pass->lowest;
    pass->next = is_all ? pass->lowest - 1 : pass->next;
}

/* All pages, of which nobody wants the rows. */
static Status running_pass_all(Running *running)
{
    bool is_there = true;
    while (is_there) {
        TRY(running_pass_next(running, &is_there));
        if (is_there)
            running_pass_close(running);
    }
    return OK;
}

/* The last of the passes is ready to go. */
static Status running_pass_prepare(Running *running, const Slices *slices, StateTable *leaving,
                                   StateTable *undone)
{
    RunningPass *pass = running->pass;
    pass->clears = pass->turns;
    for (;;) {
        running_pass_gather(pass, slices);
        pass->leaving = running_pass_beside(pass, leaving);
        pass->undone = running_pass_beside(pass, undone);
        TRY(edit_begin(pass->edit, pass->beside, pass->beside_count, running->error));
        if (pass->next < pass->lowest)
            return OK;
        TRY(running_pass_all(running));
        leaving = undone = NULL;
        pass->clears = false;
    }
}

static void running_drop_undos(Running *running)
{
    while (slices_count(&running->undos) > 0)
        slices_drop(&running->undos, slices_at(&running->undos, 0)->number);
}

Status running_pass_begin(Running *running, Slices *slices, int64_t first, int64_t last)
{
    RunningPass *pass = running->pass;
    pass->first = first;
    pass->last = pass->next = pass->enters_from = last;
    pass->turns = running_must_turn(running, first);
    pass->lowest = pass->turns ? first : last;
    if (pass->turns)
        running_drop_undos(running);
    StateTable *leaving = NULL, *undone = NULL;
    if (running->layout->keeps_slices)
        leaving = slices_find(slices, first - 1);
    if (running->layout->others.count > 0 && !pass->turns)
        undone = slices_find(&running->undos, first - 1);
    return running_pass_prepare(running, slices, leaving, undone);
}

void running_pass_end(Running *running)
{
    const RunningPass *pass = running->pass;
    if (pass->undone >= 0)
        slices_drop(&running->undos, pass->first - 1);
    if (!pass->turns)
        return;
    running->front_last = pass->last;
    running->is_stale = false;
}

Status running_pass_restore(Running *running, Slices *slices, int64_t last)
{
    RunningPass *pass = running->pass;
    pass->last = pass->next = last;
    pass->enters_from = pass->lowest = INT64_MIN + 1;
    pass->turns = running->layout->others.count > 0;
    TRY(running_pass_prepare(running, slices, NULL, NULL));
    TRY(running_pass_all(running));
    running_pass_end(running);
    return OK;
}
