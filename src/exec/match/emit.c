/* Complete matches as rows of the output. */
#include "exec/match/match.h"

/* ---- Dead letters ---------------------------------------------------------------------- */

void match_letter(MatchOperator *self, const MatchRow *row, const char *code, const char *reason)
{
    const Schema *schema = &match_node(self)->inputs[0]->schema;
    Batch one = {.column_count = schema->count, .row_count = 1};
    one.columns = ARENA_ARRAY(self->arena, Column, schema->count + 1);
    for (int32_t c = 0; c < schema->count; c++) {
        one.columns[c] = column_new(self->arena, schema->fields[c].type, 1);
        match_rows_gather(self->layout, &row, 1, c, &one.columns[c], self->arena);
    }
    operator_letter(&self->base, &one, 0, STAGE_COMPUTE, code, reason);
}

/* ---- Measures -------------------------------------------------------------------------- */

/* The row that the slot reads in a complete match, or NULL. */
static const MatchRow *measure_row(const MatchOperator *self, const PlanMatchSlot *slot,
                                   const MatchFound *found)
{
    int64_t first;
    int64_t count = match_range(self, found->start, found->counts, slot->variable, &first);
    if (slot->offset >= count)
        return NULL;
    int64_t at = slot->kind == MATCH_SLOT_FIRST ? slot->offset : count - 1 - slot->offset;
    return match_row(found->key, first + at);
}

static void measure_fill_rows(MatchOperator *self, const PlanMatchSlot *slot,
                              const MatchFound *found, int32_t count, Column *out)
{
    const MatchRow **rows = ARENA_ARRAY(self->arena, const MatchRow *, count);
    for (int32_t i = 0; i < count; i++)
        rows[i] = measure_row(self, slot, &found[i]);
    match_rows_gather(self->layout, rows, count, slot->column, out, self->arena);
}

/* Rows of matches on their way into accumulators, as many as a batch may have. */
typedef struct Folding {
    MatchOperator *self;
    const PlanAggregate *aggregate;
    const MatchRow *rows[BATCH_ROWS_MAX];
    uint8_t *states[BATCH_ROWS_MAX];
    int32_t count;
} Folding;

static void folding_flush(Folding *folding)
{
    MatchOperator *self = folding->self;
    const PlanAggregate *aggregate = folding->aggregate;
    if (folding->count == 0)
        return;
    Column args[2];
    for (int32_t a = 0; a < aggregate->call->arg_count; a++) {
        int32_t column = aggregate->args[a];
        Type type = self->layout->types[column];
        args[a] = column_new(self->arena, type, folding->count);
        match_rows_gather(self->layout, folding->rows, folding->count, column, &args[a],
                          self->arena);
    }
    aggregate_update(aggregate->call, folding->states, 0, args,
                     (Selection){.count = folding->count}, NULL);
    folding->count = 0;
}

static void measure_fill_aggregate(MatchOperator *self, const PlanMatchSlot *slot,
                                   const MatchFound *found, int32_t count, Column *out)
{
    const AggregateCall *call = slot->aggregate.call;
    int32_t bytes = aggregate_state_bytes(call);
    uint8_t *memory = arena_allocate_zeroed(self->arena, (int64_t)bytes * count);
    Folding *folding = ARENA_NEW(self->arena, Folding);
    folding->self = self;
    folding->aggregate = &slot->aggregate;
    for (int32_t i = 0; i < count; i++) {
        int64_t first;
        int64_t rows = match_range(self, found[i].start, found[i].counts, slot->variable, &first);
        for (int64_t r = 0; r < rows; r++) {
            if (folding->count == BATCH_ROWS_MAX)
                folding_flush(folding);
            folding->rows[folding->count] = match_row(found[i].key, first + r);
            folding->states[folding->count++] = memory + (int64_t)bytes * i;
        }
    }
    folding_flush(folding);
    for (int32_t i = 0; i < count; i++) {
        uint8_t *state = memory + (int64_t)bytes * i;
        aggregate_result(call, state, out, self->arena, i, count);
        if (aggregate_owns_heap(call))
            aggregate_destroy(call, state);
    }
}

static void measure_fill(MatchOperator *self, const PlanMatchSlot *slot, const MatchFound *found,
                         int32_t count, Column *out)
{
    switch (slot->kind) {
    case MATCH_SLOT_FIRST:
    case MATCH_SLOT_LAST: measure_fill_rows(self, slot, found, count, out); break;
    case MATCH_SLOT_AGGREGATE: measure_fill_aggregate(self, slot, found, count, out); break;
    case MATCH_SLOT_ROWTIME:
        for (int32_t i = 0; i < count; i++)
            ((Timestamp *)out->values)[i] = found[i].time;
        break;
    }
}

static Status emit_part(MatchOperator *self, const MatchFound *found, int32_t count)
{
    const PlanNode *node = match_node(self);
    Schema key_schema = {.fields = node->schema.fields, .count = node->match.key_count};
    Batch *keys = batch_new(&key_schema, count);
    const uint8_t **values = ARENA_ARRAY(self->arena, const uint8_t *, count);
    for (int32_t i = 0; i < count; i++)
        values[i] = (const uint8_t *)found[i].key;
    if (key_schema.count > 0)
        table_read_keys(self->table, values, count, keys, count);
    Batch out = {
        .column_count = node->schema.count, .row_count = count, .selection = {.count = count}};
    out.columns = ARENA_ARRAY(self->arena, Column, out.column_count + 1);
    for (int32_t i = 0; i < key_schema.count; i++)
        out.columns[i] = keys->columns[i];
    for (int32_t i = 0; i < node->match.measure_count; i++) {
        Column *column = &out.columns[key_schema.count + i];
        *column = column_new(self->arena, node->match.measures[i].field.type, count);
        measure_fill(self, &node->match.measures[i], found, count, column);
    }
    Status status = operator_emit_lending(&self->base, &out, self->lent);
    batch_free(keys);
    return status;
}

Status match_emit(MatchOperator *self)
{
    const _Atomic bool *is_stopping = self->base.task->is_stopping;
    Status status = OK;
    for (int32_t from = 0; from < self->found_count && status == OK; from += BATCH_ROWS_MAX) {
        int32_t left = self->found_count - from;
        status = emit_part(self, self->found + from, left < BATCH_ROWS_MAX ? left : BATCH_ROWS_MAX);
    }
    self->found_count = 0;
    for (int32_t i = 0; i < self->doomed.count; i++)
        match_free(self, self->doomed.items[i]);
    self->doomed.count = 0;
    if (status == OK && is_stopping != NULL &&
        atomic_load_explicit(is_stopping, memory_order_relaxed))
        return ERR_CANCELLED;
    return status;
}
