/* MATCH_RECOGNIZE: rows of a key, in order of time, against a pattern.
 *
 *     row ──> late? ──> wait for the watermark ──> by key ──> conditions ──> step ──> matches out
 *
 * The rows that a watermark makes due are worked off in waves: each takes the next row of every
 * key, so that conditions are evaluated for many keys at a time. With processing time rows are due
 * as they come. */
#include "exec/match/match.h"

#include <stddef.h>

#include "base/memory.h"

/* ---- Opening --------------------------------------------------------------------------- */

static void match_open_slots(MatchOperator *self)
{
    const PlanNode *node = match_node(self);
    Arena *arena = self->base.task->query;
    int32_t count = node->match.slot_count;
    Field *fields = ARENA_ARRAY(arena, Field, count + 1);
    self->aggregates = ARENA_ARRAY(arena, MatchAggregate, count + 1);
    int32_t at = (self->counts_offset + 4 * node->match.variable_count + 7) / 8 * 8;
    for (int32_t i = 0; i < count; i++) {
        fields[i] = node->match.slots[i].field;
        if (node->match.slots[i].kind != MATCH_SLOT_AGGREGATE)
            continue;
        const AggregateCall *call = node->match.slots[i].aggregate.call;
        self->aggregates[self->aggregate_count++] = (MatchAggregate){.slot = i, .offset = at};
        at += aggregate_state_bytes(call);
        self->owns_heap = self->owns_heap || aggregate_owns_heap(call);
    }
    self->match_bytes = at;
    self->slot_schema = (Schema){.fields = fields, .count = count};
    self->slot_uses = ARENA_ARRAY(arena, uint64_t, count + 1);
}

typedef struct SlotMarks {
    uint64_t *uses;
    int32_t variable;
} SlotMarks;

static void match_mark_slot(Expr *column, void *context)
{
    const SlotMarks *marks = context;
    marks->uses[column->column] |= (uint64_t)1 << marks->variable;
}

static Status match_open_conditions(MatchOperator *self)
{
    const PlanNode *node = match_node(self);
    TaskContext *task = self->base.task;
    self->conditions = ARENA_ARRAY(task->query, Program *, node->match.variable_count);
    for (int32_t v = 0; v < node->match.variable_count; v++) {
        Expr *condition = node->match.variables[v].condition;
        if (condition == NULL)
            continue;
        SlotMarks marks = {.uses = self->slot_uses, .variable = v};
        expr_visit_columns(condition, match_mark_slot, &marks);
        TRY(program_compile(task->query, &condition, 1, &self->slot_schema, &self->conditions[v],
                            task->error));
    }
    return OK;
}

static Status match_open(Operator *op)
{
    MatchOperator *self = (MatchOperator *)op;
    const PlanNode *node = op->node;
    Arena *arena = op->task->query;
    const Schema *input = &node->inputs[0]->schema;
    Type *types = ARENA_ARRAY(arena, Type, node->match.key_count + 1);
    for (int32_t i = 0; i < node->match.key_count; i++)
        types[i] = input->fields[node->match.keys[i]].type;
    self->key = table_key(arena, types, node->match.key_count);
    self->table = operator_new_table(op, 0, &self->key, (int32_t)sizeof(MatchKey), &match_codec);
    operator_spill_table(op, self->table);
    if (op->task->spill != NULL)
        match_open_spilled(self);
    self->blocks = &self->memory;
    self->layout = match_row_layout(arena, input);
    self->automaton = match_automaton(arena, node->match.variables, node->match.variable_count);
    self->counts_offset = (int32_t)offsetof(Match, counts);
    self->arena = arena_new(0);
    self->lent = arena_new(0);
    self->late = metric_get(METRIC_COUNTER, "weir_late_records_total", operator_labels(op, ""),
                            "Rows that came too late.", 1);
    self->null_time = metric_get(METRIC_COUNTER, "weir_null_time_records_total",
                                 operator_labels(op, ""), "Rows without event time.", 1);
    self->given_up = metric_get(METRIC_COUNTER, "weir_match_given_up_total",
                                operator_labels(op, ""), "Unfinished matches given up.", 1);
    self->state_bytes = metric_get(METRIC_GAUGE, "weir_state_size_bytes", operator_shard_labels(op),
                                   "Bytes of keyed state.", 1);
    match_open_slots(self);
    return match_open_conditions(self);
}

/* ---- Working off ----------------------------------------------------------------------- */

void match_activate(MatchOperator *self, MatchKey *key, MatchRow *row)
{
    row->next = NULL;
    if (key->due == NULL)
        key->due = row;
    else
        key->due_last->next = row;
    key->due_last = row;
    if (key->is_active)
        return;
    key->is_active = true;
    if (self->active_count == self->active_capacity) {
        self->active_capacity = self->active_capacity * 2 + 64;
        self->active =
            memory_resize(self->active, (int64_t)sizeof(MatchKey *) * self->active_capacity);
    }
    self->active[self->active_count++] = key;
}

static MatchWork match_next_work(MatchOperator *self, MatchKey *key, int32_t pair)
{
    MatchRow *row = key->due;
    key->due = row->next;
    match_expire(self, key, row->time);
    return (MatchWork){.key = key, .row = row, .first_pair = pair};
}

static int32_t match_add_pairs(const MatchOperator *self, const MatchWork *work, MatchPair *pairs)
{
    const MatchQueue *unfinished = &work->key->unfinished;
    int32_t count = unfinished->count;
    if (count == 0) {
        pairs[0] = (MatchPair){.work = work, .state = self->automaton.start};
        return 1;
    }
    for (int32_t i = 0; i < count; i++) {
        const Match *match = unfinished->items[i];
        pairs[i] = (MatchPair){.match = match,
                               .work = work,
                               .state = match == NULL ? self->automaton.start : match->state};
    }
    return count;
}

/* The next row of keys from number `from` on, as many as make a batch of pairs; how many keys.
 * Those that have more rows are moved up to `*kept`. */
static int64_t match_chunk(MatchOperator *self, int64_t from, int64_t *kept, Status *status)
{
    int64_t left = self->active_count - from;
    int32_t room = left < BATCH_ROWS_MAX ? (int32_t)left : BATCH_ROWS_MAX;
    MatchWork *works = ARENA_ARRAY(self->arena, MatchWork, room);
    int32_t count = 0;
    int64_t pair_count = 0;
    while (count < room && pair_count < BATCH_ROWS_MAX) {
        MatchKey *key = self->active[from + count];
        works[count] = match_next_work(self, key, (int32_t)pair_count);
        pair_count += key->unfinished.count == 0 ? 1 : key->unfinished.count;
        count++;
    }
    MatchPair *pairs = ARENA_ARRAY(self->arena, MatchPair, pair_count);
    for (int32_t i = 0; i < count; i++)
        match_add_pairs(self, &works[i], pairs + works[i].first_pair);
    MatchTruths truths = match_conditions(self, pairs, (int32_t)pair_count);
    for (int32_t i = 0; i < count; i++)
        match_step(self, &works[i], &truths);
    *status = match_emit(self);
    for (int32_t i = 0; i < count; i++) {
        MatchKey *key = works[i].key;
        key->is_active = key->due != NULL;
        if (key->is_active)
            self->active[(*kept)++] = key;
        key_schedule(self, key);
        key_settle(self, key);
    }
    arena_reset(self->arena);
    return count;
}

Status match_work(MatchOperator *self)
{
    Status status = OK;
    while (self->active_count > 0 && status == OK) {
        int64_t kept = 0, from = 0;
        while (from < self->active_count && status == OK)
            from += match_chunk(self, from, &kept, &status);
        self->active_count = kept;
    }
    return status;
}

/* Keys whose first unfinished match is too old at this time. */
static Status match_fire_timers(MatchOperator *self, Timestamp time)
{
    MatchKey *keys[256];
    for (;;) {
        int32_t count = 0;
        for (MatchKey *key; count < 256 && (key = timer_pop(self, time)) != NULL;) {
            table_touch(self->table, (const uint8_t *)key);
            match_expire(self, key, time);
            key_schedule(self, key);
            keys[count++] = key;
        }
        TRY(match_emit(self));
        for (int32_t i = 0; i < count; i++)
            key_settle(self, keys[i]);
        arena_reset(self->arena);
        if (count == 0)
            return OK;
    }
}

/* ---- Rows in --------------------------------------------------------------------------- */

/* The batch's selection without rows that have no event time or are late. */
static void match_reject(MatchOperator *self, Batch *batch)
{
    Operator *op = &self->base;
    const Column *time = &batch->columns[op->node->match.time_column];
    assert(time->physical == PHYSICAL_I64);
    const Timestamp *times = time->values;
    uint8_t *is_rejected = NULL;
    for (int32_t i = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        bool is_null = column_is_null(time, row);
        if (!is_null && times[column_index(time, row)] > op->watermark)
            continue;
        if (is_rejected == NULL)
            is_rejected = arena_allocate_zeroed(op->task->scratch, batch->row_count);
        is_rejected[row] = 1;
        metric_add(is_null ? self->null_time : self->late, 1);
        if (is_null)
            operator_letter(op, batch, row, STAGE_COMPUTE, "WR4301",
                            "the event time of the row is NULL");
        else
            operator_letter(op, batch, row, STAGE_LATE, "WR4302",
                            "the row came after the watermark had passed it");
    }
    if (is_rejected != NULL)
        batch->selection = selection_without(batch->selection, is_rejected, op->task->scratch);
}

/* -1, 0, 1 by the columns of ORDER BY. */
static int match_compare(const MatchOperator *self, const MatchRow *a, const MatchRow *b)
{
    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    const PlanNode *node = match_node(self);
    for (int32_t i = 0; i < node->match.order_count; i++) {
        int compared = match_row_compare(self->layout, a, b, &node->match.order[i], self->arena);
        if (compared != 0)
            return compared;
    }
    return 0;
}

/* A stable sort by halves. */
void match_sort_rows(const MatchOperator *self, PendingRow *rows, int64_t count, PendingRow *other)
{
    if (count < 2)
        return;
    int64_t half = count / 2, i = 0, j = half, n = 0;
    match_sort_rows(self, rows, half, other);
    match_sort_rows(self, rows + half, count - half, other);
    while (i < half && j < count)
        other[n++] = match_compare(self, rows[i].row, rows[j].row) <= 0 ? rows[i++] : rows[j++];
    while (i < half)
        other[n++] = rows[i++];
    memcpy(rows, other, sizeof(PendingRow) * (size_t)n);
}

static void match_sort(const MatchOperator *self, PendingRow *rows, int64_t count)
{
    if (match_node(self)->match.order_count == 0)
        return;
    PendingRow *other = memory_allocate((int64_t)sizeof(PendingRow) * count);
    for (int64_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && rows[to].time == rows[from].time; to++)
            continue;
        match_sort_rows(self, rows + from, to - from, other);
    }
    memory_free(other);
}

static Status match_due(MatchOperator *self, PendingRow *rows, int64_t count)
{
    match_sort(self, rows, count);
    for (int64_t i = 0; i < count; i++) {
        MatchKey *key = (MatchKey *)(void *)rows[i].key;
        table_touch(self->table, rows[i].key);
        key_wait_no_more(key, rows[i].row);
        match_activate(self, key, rows[i].row);
    }
    return match_work(self);
}

static Timestamp match_now(const MatchOperator *self)
{
    int64_t now_us = world_now_us(self->base.task->world);
    return floor_div(now_us, MICROS_PER_MILLI) * MICROS_PER_MILLI;
}

static Status match_push(Operator *op, int32_t input, Batch *batch)
{
    MatchOperator *self = (MatchOperator *)op;
    assert(input == 0 && batch->selection.count > 0);
    int32_t time_column = op->node->match.time_column;
    if (time_column >= 0)
        match_reject(self, batch);
    Selection selection = batch->selection;
    if (selection.count == 0)
        return OK;
    Arena *scratch = op->task->scratch;
    uint8_t **keys = arena_allocate(scratch, (int64_t)sizeof(uint8_t *) * selection.count);
    MatchRow **rows = arena_allocate(scratch, (int64_t)sizeof(MatchRow *) * selection.count);
    TableKeys table_of = table_keys(&self->key, batch, op->node->match.keys, selection, scratch);
    table_find_or_insert(self->table, &table_of, 0, selection.count, keys);
    match_rows_new(self->layout, &self->heap, batch, rows);
    PendingRow *pending = arena_allocate(scratch, (int64_t)sizeof(PendingRow) * selection.count);
    Timestamp now = time_column < 0 ? match_now(self) : 0;
    const Column *time = time_column < 0 ? NULL : &batch->columns[time_column];
    for (int32_t i = 0; i < selection.count; i++) {
        int32_t row = selection_row(selection, i);
        rows[i]->time =
            time == NULL ? now : ((const Timestamp *)time->values)[column_index(time, row)];
        if (time != NULL && match_spills(self)) {
            match_wait_spilled(self, (MatchKey *)(void *)keys[i], rows[i]);
            continue;
        }
        (void)key_wait((MatchKey *)(void *)keys[i], rows[i]);
        pending[i] = (PendingRow){.time = rows[i]->time, .key = keys[i], .row = rows[i]};
        if (time != NULL)
            pending_add(&self->pending, pending[i]);
    }
    return time == NULL ? match_due(self, pending, selection.count) : OK;
}

static Status match_advance(Operator *op, Timestamp watermark)
{
    MatchOperator *self = (MatchOperator *)op;
    if (op->node->match.time_column >= 0 && match_spills(self))
        return match_advance_spilled(self, watermark, true, true);
    if (op->node->match.time_column >= 0) {
        PendingRow *due;
        int64_t count = pending_take(&self->pending, watermark, &due);
        if (count > 0)
            TRY(match_due(self, due, count));
        TRY(match_fire_timers(self, watermark));
    }
    return operator_advance(op, watermark);
}

static Status match_tick(Operator *op, int64_t now_us)
{
    MatchOperator *self = (MatchOperator *)op;
    (void)now_us;
    metric_set(self->state_bytes, table_bytes(self->table) + self->blocks->held_bytes +
                                      self->heap.held_bytes + pending_bytes(&self->pending) +
                                      due_bytes(&self->due_rows) + due_bytes(&self->due_timers));
    if (op->node->match.time_column >= 0)
        return OK;
    /* A match that is too old now was it a millisecond ago: no row of its time can come. */
    Timestamp time = match_now(self) - MICROS_PER_MILLI;
    return match_spills(self) ? match_advance_spilled(self, time, false, false)
                              : match_fire_timers(self, time);
}

static void match_close(Operator *op)
{
    MatchOperator *self = (MatchOperator *)op;
    if (self->table == NULL)
        return;
    pending_free(&self->pending);
    match_close_spilled(self);
    table_free(self->table);
    self->table = NULL;
    for (int32_t i = 0; i < self->doomed.count; i++)
        match_free(self, self->doomed.items[i]);
    queue_free(&self->doomed, self->blocks);
    blocks_give(self->blocks, self->found, (int64_t)sizeof(MatchFound) * self->found_capacity);
    memory_free(self->timers);
    memory_free(self->active);
    blocks_close(self->blocks);
    blocks_close(&self->heap);
    arena_free(self->arena);
    arena_free(self->lent);
}

const OperatorKind match_operator = {
    .name = "match",
    .size = sizeof(MatchOperator),
    .open = match_open,
    .push = match_push,
    .advance = match_advance,
    .go_on = match_go_on,
    .tick = match_tick,
    .snapshot = match_snapshot,
    .restore = match_restore,
    .start = match_resume,
    .close = match_close,
};
