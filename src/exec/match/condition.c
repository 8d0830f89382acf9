/* The conditions of DEFINE, for many matches and rows at a time.
 *
 * A condition is asked for a row as if the row were the variable's next one. Its columns are slots:
 * values of rows that the match has already, of the row at hand, or aggregates over both. */
#include "exec/match/match.h"

/* ---- Slots ----------------------------------------------------------------------------- */

/* The row that the slot reads, or NULL. */
static const MatchRow *slot_row(const MatchOperator *self, const PlanMatchSlot *slot,
                                const MatchPair *pair)
{
    const MatchKey *key = pair->work->key;
    int64_t first = 0, count = 0;
    if (pair->match != NULL)
        count = match_range(self, pair->match->start, pair->match->counts, slot->variable, &first);
    int64_t total = count + slot->has_current;
    if (slot->offset >= total)
        return NULL;
    int64_t at = slot->kind == MATCH_SLOT_FIRST ? slot->offset : total - 1 - slot->offset;
    return at == count ? pair->work->row : match_row(key, first + at);
}

static void slot_fill_rows(MatchOperator *self, const PlanMatchSlot *slot, const MatchPair *pairs,
                           int32_t count, uint64_t uses, Column *out)
{
    const MatchRow **rows = ARENA_ARRAY(self->arena, const MatchRow *, count);
    for (int32_t i = 0; i < count; i++) {
        if ((self->automaton.states[pairs[i].state].needs & uses) != 0)
            rows[i] = slot_row(self, slot, &pairs[i]);
    }
    match_rows_gather(self->layout, rows, count, slot->column, out, self->arena);
}

/* The arguments of the aggregate in the rows at hand, as columns over the pairs. */
static Column *slot_arguments(MatchOperator *self, const PlanAggregate *aggregate,
                              const MatchPair *pairs, int32_t count)
{
    const MatchRow **rows = ARENA_ARRAY(self->arena, const MatchRow *, count);
    Column *args = ARENA_ARRAY(self->arena, Column, 2);
    for (int32_t i = 0; i < count; i++)
        rows[i] = pairs[i].work->row;
    for (int32_t a = 0; a < aggregate->call->arg_count; a++) {
        Type type = self->layout->types[aggregate->args[a]];
        args[a] = column_new(self->arena, type, count);
        match_rows_gather(self->layout, rows, count, aggregate->args[a], &args[a], self->arena);
    }
    return args;
}

/* What the aggregate would be with the row at hand. */
static void slot_fill_aggregate(MatchOperator *self, const MatchAggregate *one,
                                const MatchPair *pairs, int32_t count, uint64_t uses, Column *out)
{
    const PlanMatchSlot *slot = &match_node(self)->match.slots[one->slot];
    const AggregateCall *call = slot->aggregate.call;
    int32_t bytes = aggregate_state_bytes(call);
    uint8_t *memory = arena_allocate_zeroed(self->arena, (int64_t)bytes * count);
    uint8_t **states = ARENA_ARRAY(self->arena, uint8_t *, count);
    int32_t *rows = ARENA_ARRAY(self->arena, int32_t, count);
    int32_t asked = 0;
    for (int32_t i = 0; i < count; i++) {
        if ((self->automaton.states[pairs[i].state].needs & uses) == 0)
            continue;
        states[asked] = memory + (int64_t)bytes * i;
        rows[asked++] = i;
        if (pairs[i].match != NULL)
            aggregate_merge(call, states[asked - 1], (const uint8_t *)pairs[i].match + one->offset);
    }
    if (slot->has_current && asked > 0)
        aggregate_update(call, states, 0, slot_arguments(self, &slot->aggregate, pairs, count),
                         (Selection){.rows = rows, .count = asked}, NULL);
    for (int32_t i = 0; i < asked; i++) {
        aggregate_result(call, states[i], out, self->arena, rows[i], count);
        if (aggregate_owns_heap(call))
            aggregate_destroy(call, states[i]);
    }
}

static const MatchAggregate *slot_aggregate(const MatchOperator *self, int32_t slot)
{
    for (int32_t i = 0; i < self->aggregate_count; i++) {
        if (self->aggregates[i].slot == slot)
            return &self->aggregates[i];
    }
    return NULL;
}

/* All slots for the pairs, of which there are at most as many as a batch may have rows. */
static Batch slots_fill(MatchOperator *self, const MatchPair *pairs, int32_t count, uint64_t asked)
{
    const PlanNode *node = match_node(self);
    Batch batch = {.column_count = node->match.slot_count, .row_count = count};
    batch.columns = ARENA_ARRAY(self->arena, Column, node->match.slot_count + 1);
    for (int32_t s = 0; s < node->match.slot_count; s++) {
        const PlanMatchSlot *slot = &node->match.slots[s];
        if ((self->slot_uses[s] & asked) == 0) {
            batch.columns[s] = column_new_constant(self->arena, slot->field.type);
            continue;
        }
        batch.columns[s] = column_new(self->arena, slot->field.type, count);
        if (slot->kind == MATCH_SLOT_AGGREGATE)
            slot_fill_aggregate(self, slot_aggregate(self, s), pairs, count, self->slot_uses[s],
                                &batch.columns[s]);
        else
            slot_fill_rows(self, slot, pairs, count, self->slot_uses[s], &batch.columns[s]);
    }
    return batch;
}

/* ---- Truths ---------------------------------------------------------------------------- */

static Selection pairs_that_need(const MatchOperator *self, const MatchPair *pairs, int32_t count,
                                 int32_t variable)
{
    int32_t *rows = ARENA_ARRAY(self->arena, int32_t, count);
    int32_t kept = 0;
    for (int32_t i = 0; i < count; i++) {
        rows[kept] = i;
        kept += (int32_t)(self->automaton.states[pairs[i].state].needs >> variable & 1);
    }
    return (Selection){.rows = rows, .count = kept};
}

/* The truths of the pairs from number `from` on, which the batch stands for. */
static void condition_run(MatchOperator *self, int32_t variable, Batch *batch, int32_t from,
                          MatchTruths *truths, int32_t count)
{
    EvalContext eval = self->base.task->eval;
    eval.scratch = self->arena;
    eval.watermark = self->base.watermark;
    eval.error_count = 0;
    int32_t variables = truths->variables;
    Selection holds = program_select(self->conditions[variable], &eval, batch);
    for (int32_t i = 0; i < holds.count; i++)
        truths->values[(from + selection_row(holds, i)) * variables + variable] = TRUTH_TRUE;
    if (eval.error_count > 0 && truths->errors == NULL)
        truths->errors = ARENA_ARRAY(self->arena, RowError, count * variables);
    for (int32_t i = 0; i < eval.error_count; i++) {
        int32_t at = (from + eval.errors[i].row) * variables + variable;
        truths->values[at] = TRUTH_ERROR;
        truths->errors[at] = eval.errors[i];
    }
}

MatchTruths match_conditions(MatchOperator *self, const MatchPair *pairs, int32_t count)
{
    int32_t variables = match_node(self)->match.variable_count;
    MatchTruths truths = {.variables = variables};
    truths.values = arena_allocate_zeroed(self->arena, (int64_t)count * variables);
    for (int32_t from = 0; from < count; from += BATCH_ROWS_MAX) {
        const MatchPair *part = pairs + from;
        int32_t rows = count - from < BATCH_ROWS_MAX ? count - from : BATCH_ROWS_MAX;
        uint64_t asked = 0;
        for (int32_t i = 0; i < rows; i++)
            asked |= self->automaton.states[part[i].state].needs;
        Batch batch = slots_fill(self, part, rows, asked);
        for (int32_t v = 0; v < variables; v++) {
            if ((asked >> v & 1) == 0)
                continue;
            batch.selection = pairs_that_need(self, part, rows, v);
            condition_run(self, v, &batch, from, &truths, count);
        }
    }
    for (int32_t v = 0; v < variables; v++) {
        for (int32_t i = 0; self->conditions[v] == NULL && i < count; i++)
            truths.values[i * variables + v] = TRUTH_TRUE;
    }
    return truths;
}
