/* The work of OVER: rows into accumulators, out of them when they leave the frame, results.
 *
 * ROWS goes in waves: rows of different keys do not touch each other, so as many as come before a
 * key comes twice are worked out at once. RANGE goes by runs of one time. Rows leave the frame
 * before others enter it, as in Flink, so that sums of reals round alike. */
#include "exec/over/over.h"

#include <assert.h>

#include "data/rowcode.h"

/* ---- Leaving the frame ------------------------------------------------------------------- */

static void over_evict_flush(Over *self)
{
    Batch *batch = self->evicting;
    if (batch->row_count == 0)
        return;
    batch_select_all(batch);
    accumulators_update(&self->evicted, self->evicting_states, (int32_t)sizeof(OverState), batch,
                        batch->selection, self->work);
    batch_reset(batch, &self->args_schema, BATCH_ROWS_MAX);
}

/* The oldest row of the state leaves. */
static void over_evict(Over *self, OverState *state)
{
    if (self->evicting->row_count == BATCH_ROWS_MAX)
        over_evict_flush(self);
    OrderedRow *row = ordered_take(&state->kept, &self->blocks, 0);
    self->evicting_states[self->evicting->row_count] = (uint8_t *)state;
    bool is_whole = rowcode_read(ordered_bytes(row), self->evicting, BATCH_ROWS_MAX, ROW_DELETE);
    assert(is_whole);
    ordered_row_free(&self->blocks, row);
}

static void over_keep(Over *self, const OverRows *rows)
{
    char room[9];
    Str key = over_time_key(rows->time, room);
    for (int32_t i = 0; self->is_bounded && i < rows->count; i++) {
        OverState *state = over_state(rows->states[i]);
        self->bytes.length = 0;
        rowcode_write(&self->bytes, rows->batch, rows->rows[i], self->args,
                      self->args_schema.count);
        ordered_insert(&state->kept, &self->blocks, state->kept.count,
                       ordered_row_new(&self->blocks, key, buffer_str(&self->bytes)));
    }
}

/* ---- Results ----------------------------------------------------------------------------- */

static void over_number(const Over *self, const OverRows *rows, int32_t call)
{
    OverFunction function = self->base.node->over.calls[call].function;
    int64_t *numbers = rows->results[call].values;
    for (int32_t i = 0; i < rows->count; i++) {
        const OverState *state = over_state(rows->states[i]);
        switch (function) {
        case OVER_ROW_NUMBER: numbers[rows->rows[i]] = state->rows; break;
        case OVER_RANK: numbers[rows->rows[i]] = state->before + 1; break;
        case OVER_DENSE_RANK: numbers[rows->rows[i]] = state->ranks; break;
        case OVER_AGGREGATE:
        case OVER_FUNCTIONS: return;
        }
    }
}

static bool over_is_dense(const OverRows *rows)
{
    return rows->rows[rows->count - 1] - rows->rows[0] == rows->count - 1;
}

static void over_results(const Over *self, const OverRows *rows)
{
    for (int32_t i = 0; i < self->base.node->over.call_count; i++)
        over_number(self, rows, i);
    if (over_is_dense(rows)) {
        AggregateStates states = {.states = (const uint8_t *const *)rows->states,
                                  .offset = (int32_t)sizeof(OverState),
                                  .count = rows->count};
        accumulators_result_run(&self->group, &states, rows->results, rows->arena, rows->rows[0],
                                rows->capacity);
        return;
    }
    for (int32_t i = 0; i < rows->count; i++)
        accumulators_result(&self->group, rows->states[i] + sizeof(OverState), rows->results,
                            rows->arena, rows->rows[i], rows->capacity);
}

static void over_update(Over *self, const OverRows *rows)
{
    Batch view = *rows->batch;
    view.kinds = NULL;
    accumulators_update(&self->group, rows->states, (int32_t)sizeof(OverState), &view,
                        (Selection){.rows = rows->rows, .count = rows->count}, self->work);
}

/* ---- ROWS -------------------------------------------------------------------------------- */

/* Rows of different keys. */
static void over_work_wave(Over *self, const OverRows *wave)
{
    for (int32_t i = 0; self->is_bounded && self->is_rows && i < wave->count; i++) {
        OverState *state = over_state(wave->states[i]);
        if (state->kept.count > self->preceding)
            over_evict(self, state);
    }
    over_evict_flush(self);
    over_update(self, wave);
    for (int32_t i = 0; i < wave->count; i++)
        over_state(wave->states[i])->rows++;
    over_results(self, wave);
    over_keep(self, wave);
}

void over_work_rows(Over *self, const OverRows *rows)
{
    int32_t first = 0;
    for (int32_t i = 0; i <= rows->count; i++) {
        OverState *state = i < rows->count ? over_state(rows->states[i]) : NULL;
        if (state != NULL && state->run != self->run) {
            state->run = self->run;
            continue;
        }
        OverRows wave = *rows;
        wave.rows += first;
        wave.states += first;
        wave.count = i - first;
        if (wave.count > 0)
            over_work_wave(self, &wave);
        self->run++;
        first = i;
        if (state != NULL)
            state->run = self->run;
    }
}

/* ---- RANGE ------------------------------------------------------------------------------- */

/* A key comes for the first time in this run. */
static void over_begin_run(Over *self, OverState *state, Timestamp time)
{
    state->run = self->run;
    state->before = state->rows;
    state->ranks++;
    while (self->is_bounded && state->kept.count > 0 &&
           over_key_time(ordered_key(ordered_at(&state->kept, 0))) < time - self->preceding)
        over_evict(self, state);
}

void over_take_peers(Over *self, const OverRows *rows, bool is_first)
{
    if (is_first)
        self->run++;
    for (int32_t i = 0; i < rows->count; i++) {
        OverState *state = over_state(rows->states[i]);
        if (state->run != self->run)
            over_begin_run(self, state, rows->time);
        state->rows++;
    }
    over_evict_flush(self);
    over_update(self, rows);
    over_keep(self, rows);
}

void over_give_peers(Over *self, const OverRows *rows)
{
    over_results(self, rows);
    for (int32_t i = 0; self->is_bounded && i < rows->count; i++) {
        OverState *state = over_state(rows->states[i]);
        over_queue_cleanup(self, state);
    }
}

/* ---- Rows that waited -------------------------------------------------------------------- */

/* How many of the rows that wait, from `first` on, at most `most`, the output takes before it emits
 * any: none may go out before its results are there. One it takes in any case, if it is not full.
 */
static int32_t over_fitting(const Over *self, int64_t first, int32_t most)
{
    int64_t room = rowout_room_bytes(&self->out);
    int32_t count = 0;
    while (count < most) {
        int32_t run_count;
        OrderedRow *const *run = ordered_run(&self->pending, first + count, &run_count);
        for (int32_t k = 0; k < run_count && count < most; k++, count++) {
            if (room < 0)
                return count;
            room -= run[k]->row_bytes;
        }
    }
    return count;
}

/* The rows first … first + count - 1 that wait, at the end of the output's batch, which has room.
 */
static Status over_decode(Over *self, int64_t first, int32_t count, OverRows *rows)
{
    int32_t *numbers = ARENA_ARRAY(self->work, int32_t, count);
    *rows = (OverRows){.rows = numbers, .count = count, .capacity = BATCH_ROWS_MAX};
    rows->states = ARENA_ARRAY(self->work, uint8_t *, count);
    for (int32_t i = 0; i < count;) {
        int32_t run_count;
        OrderedRow *const *run = ordered_run(&self->pending, first + i, &run_count);
        for (int32_t k = 0; k < run_count && i < count; k++, i++) {
            rows->states[i] = run[k]->owner;
            table_touch(self->table, rows->states[i]);
            TRY(rowout_append(&self->out, ordered_bytes(run[k]), ROW_INSERT));
            numbers[i] = rowout_last(&self->out);
        }
    }
    rows->batch = self->out.batch;
    rows->results = self->out.batch->columns + self->out.width;
    rows->arena = self->out.batch->arena;
    return OK;
}

static Status over_make_room(Over *self, int64_t wanted)
{
    if (wanted > BATCH_ROWS_MAX - self->out.batch->row_count || rowout_room_bytes(&self->out) < 0)
        TRY(rowout_flush(&self->out));
    arena_reset(self->work);
    return OK;
}

/* Rows with the key of the first that waits, of the first `due`. */
static int64_t over_count_peers(const Over *self, int64_t due)
{
    Str key = ordered_key(ordered_at(&self->pending, 0));
    int32_t count;
    OrderedRow *const *run = ordered_run(&self->pending, 0, &count);
    for (int32_t i = 1; i < count; i++)
        if (!str_equal(ordered_key(run[i]), key))
            return i;
    int64_t peers = ordered_upper(&self->pending, key);
    return peers < due ? peers : due;
}

/* As many of `left` rows from `first` on as a batch holds. */
static Status over_decode_batch(Over *self, int64_t first, int64_t left, OverRows *rows)
{
    TRY(over_make_room(self, BATCH_ROWS_MAX));
    int32_t most = left < BATCH_ROWS_MAX ? (int32_t)left : BATCH_ROWS_MAX;
    return over_decode(self, first, over_fitting(self, first, most), rows);
}

/* More rows of one time than a batch holds: all are taken in before the first is given out. */
static Status over_work_many_peers(Over *self, int64_t peers, Timestamp time)
{
    OverRows rows;
    for (int64_t first = 0; first < peers; first += rows.count) {
        TRY(over_decode_batch(self, first, peers - first, &rows));
        rows.time = time;
        over_take_peers(self, &rows, first == 0);
        rowout_drop(&self->out);
    }
    for (int64_t left = peers; left > 0; left -= rows.count) {
        TRY(over_decode_batch(self, 0, left, &rows));
        over_give_peers(self, &rows);
        over_drop(self, rows.count);
    }
    return OK;
}

static Status over_work_peers(Over *self, int64_t due, int64_t *done)
{
    int64_t peers = over_count_peers(self, due);
    Timestamp time = over_key_time(ordered_key(ordered_at(&self->pending, 0)));
    *done = peers;
    TRY(over_make_room(self, peers));
    if (peers > BATCH_ROWS_MAX || over_fitting(self, 0, (int32_t)peers) < peers)
        return over_work_many_peers(self, peers, time);
    OverRows rows;
    TRY(over_decode(self, 0, (int32_t)peers, &rows));
    rows.time = time;
    over_take_peers(self, &rows, true);
    over_give_peers(self, &rows);
    over_drop(self, peers);
    return OK;
}

Status over_work_pending(Over *self, int64_t due)
{
    assert(due <= self->pending.count);
    while (due > 0) {
        int64_t done = 0;
        if (!self->is_rows) {
            TRY(over_work_peers(self, due, &done));
        } else {
            TRY(over_make_room(self, 1));
            int32_t room = BATCH_ROWS_MAX - self->out.batch->row_count;
            done = over_fitting(self, 0, due < room ? (int32_t)due : room);
            OverRows rows;
            TRY(over_decode(self, 0, (int32_t)done, &rows));
            over_work_rows(self, &rows);
            over_drop(self, done);
        }
        due -= done;
    }
    return rowout_flush(&self->out);
}
