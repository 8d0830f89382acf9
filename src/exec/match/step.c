/* One row for one key: which matches go on with it, which are complete, which are skipped.
 *
 * The order in which matches are looked at and put into the queues is that of Flink's NFA, because
 * it decides which of several matches from the same row comes out. */
#include "exec/match/match.h"

/* ---- Conditions ------------------------------------------------------------------------ */

typedef struct Step {
    MatchOperator *self;
    MatchWork *work;
    const MatchTruths *truths;
    int32_t pair;
    MatchQueue unfinished, complete; /* after the row */
} Step;

static bool step_holds(Step *step, int32_t variable)
{
    int32_t at = step->pair * step->truths->variables + variable;
    uint8_t truth = step->truths->values[at];
    if (truth == TRUTH_ERROR && !step->work->has_letter) {
        step->work->has_letter = true;
        const RowError *error = &step->truths->errors[at];
        match_letter(step->self, step->work->row, error->code, error->reason);
    }
    return truth == TRUTH_TRUE;
}

static bool step_may_pass(Step *step, const MatchState *state)
{
    return state->unless == MATCH_NONE || !step_holds(step, state->unless);
}

/* Whether the end is reached from the state without a further row. */
static bool step_may_end(Step *step, int32_t state)
{
    const MatchState *states = step->self->automaton.states;
    while (state >= 0 && states[state].proceed != MATCH_NONE && step_may_pass(step, &states[state]))
        state = states[state].proceed;
    return state == MATCH_FINAL;
}

/* ---- Taking the row -------------------------------------------------------------------- */

/* The row counts in the aggregates of its variable. */
static void step_accumulate(Step *step, Match *match, int32_t variable)
{
    MatchOperator *self = step->self;
    const MatchRow *row = step->work->row;
    for (int32_t i = 0; i < self->aggregate_count; i++) {
        const MatchAggregate *one = &self->aggregates[i];
        const PlanMatchSlot *slot = &match_node(self)->match.slots[one->slot];
        if (slot->variable != variable && slot->variable != MATCH_ALL_VARIABLES)
            continue;
        const AggregateCall *call = slot->aggregate.call;
        Column args[2];
        for (int32_t a = 0; a < call->arg_count; a++) {
            int32_t column = slot->aggregate.args[a];
            args[a] = column_new(self->arena, self->layout->types[column], 1);
            match_rows_gather(self->layout, &row, 1, column, &args[a], self->arena);
        }
        uint8_t *state = match_accumulator(match, one);
        aggregate_update(call, &state, 0, args, (Selection){.count = 1}, NULL);
    }
}

/* The match with the row mapped to the variable. */
static Match *step_take(Step *step, const Match *match, int32_t variable)
{
    MatchKey *key = step->work->key;
    Match *taken = match != NULL ? match_clone(step->self, match)
                                 : match_new(step->self, key->next - 1, step->work->row->time);
    taken->counts[variable]++;
    step_accumulate(step, taken, variable);
    return taken;
}

/* What becomes of one match. The ways on are those of its state and of all that it may pass to,
 * nearest first; at the end of each the match may also be complete. */
static void step_match(Step *step, const Match *match)
{
    MatchOperator *self = step->self;
    const MatchState *states = self->automaton.states;
    int32_t at = match == NULL ? self->automaton.start : match->state;
    while (at >= 0) {
        const MatchState *state = &states[at];
        if (step_holds(step, state->variable) && step_may_pass(step, state)) {
            Match *taken = step_take(step, match, state->variable);
            bool may_end = state->take >= 0 && step_may_end(step, state->take);
            Match *ended = may_end ? match_clone(self, taken) : NULL;
            taken->state = state->take;
            if (state->take == MATCH_FINAL)
                queue_add(&step->complete, self->blocks, taken);
            else
                queue_add(&step->unfinished, self->blocks, taken);
            if (ended != NULL) {
                ended->state = MATCH_FINAL;
                queue_add(&step->complete, self->blocks, ended);
            }
        }
        at = state->proceed != MATCH_NONE && step_may_pass(step, state) ? state->proceed
                                                                        : MATCH_NONE;
    }
}

/* ---- What is complete ------------------------------------------------------------------ */

static void found_add(MatchOperator *self, MatchKey *key, Match *match, Timestamp time)
{
    if (self->found_count == self->found_capacity) {
        int32_t grown = self->found_capacity * 2;
        int32_t capacity = grown < 64 ? 64 : grown;
        MatchFound *found = blocks_take(self->blocks, (int64_t)sizeof(MatchFound) * capacity);
        if (self->found_count > 0)
            memcpy(found, self->found, sizeof(MatchFound) * (size_t)self->found_count);
        blocks_give(self->blocks, self->found, (int64_t)sizeof(MatchFound) * self->found_capacity);
        self->found = found;
        self->found_capacity = capacity;
    }
    self->found[self->found_count++] =
        (MatchFound){.key = key, .counts = match->counts, .start = match->start, .time = time};
}

/* The number of the row before which matches that have begun are skipped; -1 where the variable
 * to skip to is not there, or is where the match began: that would never end. */
static int64_t match_skip_to(MatchOperator *self, const Match *match)
{
    const PlanNode *node = match_node(self);
    int64_t first;
    int64_t rows = match_range(self, match->start, match->counts, MATCH_ALL_VARIABLES, &first);
    if (node->match.skip == MATCH_SKIP_TO_NEXT_ROW)
        return match->start + 1;
    if (node->match.skip == MATCH_SKIP_PAST_LAST_ROW)
        return match->start + rows;
    int64_t count =
        match_range(self, match->start, match->counts, node->match.skip_variable, &first);
    int64_t to = node->match.skip == MATCH_SKIP_TO_FIRST ? first : first + count - 1;
    return count == 0 || to == match->start ? -1 : to;
}

/* The time of the last row. */
static Timestamp match_ended(MatchOperator *self, const MatchKey *key, const Match *match)
{
    int64_t first;
    int64_t rows = match_range(self, match->start, match->counts, MATCH_ALL_VARIABLES, &first);
    return match_row(key, first + rows - 1)->time;
}

/* The matches that are complete and have nothing unfinished before them come out. */
static void key_complete(MatchOperator *self, MatchKey *key, Timestamp time)
{
    while (key->finished.count > 0) {
        Match *earliest = key->finished.items[0];
        if (key->unfinished.count > 0 && match_start(key->unfinished.items[0]) < earliest->start)
            return;
        queue_poll(&key->finished);
        int64_t to = match_skip_to(self, earliest);
        if (to < 0) {
            match_letter(self, match_row(key, key->next - 1), "WR4320",
                         "the match cannot be followed by another: the variable to skip to has "
                         "no row, or is where the match began");
            to = earliest->start + 1;
        } else {
            found_add(self, key, earliest,
                      time == TIMESTAMP_MAX ? match_ended(self, key, earliest) : time);
        }
        queue_remove_before(&key->unfinished, to, &self->doomed, self->blocks);
        queue_remove_before(&key->finished, to, &self->doomed, self->blocks);
        queue_append(&self->doomed, self->blocks, earliest);
    }
}

/* ---- The row --------------------------------------------------------------------------- */

static void key_give_up(MatchOperator *self, MatchWork *work)
{
    MatchKey *key = work->key;
    int32_t limit = match_node(self)->match.unfinished_max;
    const char *reason = arena_printf(
        self->arena, "%d unfinished matches were given up: a key may have %d at a time",
        key->unfinished.count - 1, limit);
    match_letter(self, work->row, "WR4321", reason);
    metric_add(self->given_up, key->unfinished.count - 1);
    queue_remove_before(&key->unfinished, INT64_MAX, &self->doomed, self->blocks);
}

void match_step(MatchOperator *self, MatchWork *work, const MatchTruths *truths)
{
    MatchKey *key = work->key;
    key_append_row(self, key, work->row);
    Step step = {.self = self, .work = work, .truths = truths};
    int32_t count = key->unfinished.count;
    for (int32_t i = 0; i < count || (count == 0 && i == 0); i++) {
        Match *match = count == 0 ? NULL : key->unfinished.items[i];
        step.pair = work->first_pair + i;
        step_match(&step, match);
        if (match == NULL)
            queue_add(&step.unfinished, self->blocks, NULL);
        match_free(self, match);
    }
    queue_free(&key->unfinished, self->blocks);
    key->unfinished = step.unfinished;
    for (int32_t i = 0; i < step.complete.count; i++)
        queue_add(&key->finished, self->blocks, step.complete.items[i]);
    queue_free(&step.complete, self->blocks);
    key_complete(self, key, work->row->time);
    if (key->unfinished.count > match_node(self)->match.unfinished_max)
        key_give_up(self, work);
}

static bool match_is_old(const MatchOperator *self, const Match *match, Timestamp time)
{
    if (match == NULL)
        return false;
    return time == TIMESTAMP_MAX || time - match->started >= match_node(self)->match.within_us;
}

void match_expire(MatchOperator *self, MatchKey *key, Timestamp time)
{
    MatchQueue *unfinished = &key->unfinished;
    if (match_node(self)->match.within_us == 0 || unfinished->count == 0 ||
        !match_is_old(self, unfinished->items[0], time))
        return;
    MatchQueue kept = {0};
    for (int32_t i = 0; i < unfinished->count; i++) {
        if (match_is_old(self, unfinished->items[i], time))
            match_free(self, unfinished->items[i]);
        else
            queue_add(&kept, self->blocks, unfinished->items[i]);
    }
    queue_free(unfinished, self->blocks);
    *unfinished = kept;
    key_complete(self, key, time);
}
