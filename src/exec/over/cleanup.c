/* Keys that are forgotten when their last row is out of every frame that can still come: RANGE with
 * a bound. */
#include "exec/over/over.h"

static Timestamp over_cleanup_time(const Over *self, const OverState *state)
{
    return state->triggered + self->preceding + MICROS_PER_MILLI;
}

void over_queue_cleanup(Over *self, OverState *state)
{
    if (state->is_queued || !self->is_bounded || self->is_rows)
        return;
    state->is_queued = true;
    if (over_spills(self))
        due_put(&self->due_cleanups, self->table, (const uint8_t *)state,
                over_cleanup_time(self, state));
    else
        time_queue_put(&self->cleanups, over_cleanup_time(self, state), state);
}

/* The time that the state was queued for has come. */
static void over_look_after(Over *self, OverState *state, Timestamp time)
{
    state->is_queued = false;
    if (over_cleanup_time(self, state) > time)
        over_queue_cleanup(self, state);
    else if (state->waiting.count == 0)
        table_delete(self->table, (uint8_t *)state);
}

static Status over_visit_cleanups(void *context, const StateTable *bucket,
                                  const uint8_t *const *values, int32_t count)
{
    Over *self = context;
    for (int32_t i = 0; i < count;) {
        int32_t end = i + table_expect_from(self->table, bucket, values + i, count - i);
        for (; i < end; i++) {
            uint8_t *value = table_find_from(self->table, bucket, values[i]);
            if (value != NULL)
                over_look_after(self, over_state(value), self->now);
        }
        TRY(table_make_room(self->table, self->base.task->error));
        if (over_pauses(self, &self->due_cleanups, count - i))
            return OK;
    }
    return OK;
}

Status over_clean_up_due(Over *self)
{
    return due_go_on(&self->due_cleanups, over_visit_cleanups, self);
}

void over_clean_up(Over *self, Timestamp time)
{
    TimeItem item;
    while (time_queue_take(&self->cleanups, time, &item))
        over_look_after(self, item.value, item.time);
}
