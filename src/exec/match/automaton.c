/* Variables with quantifiers to states, from the last one to the first. */
#include "exec/match/automaton.h"

#include <assert.h>

/* States that the variables need together. */
static int64_t automaton_room(const PlanMatchVariable *variables, int32_t count)
{
    int64_t room = 0;
    for (int32_t i = 0; i < count; i++) {
        int32_t rows = variables[i].max > variables[i].min ? variables[i].max : variables[i].min;
        room += rows + 2;
    }
    return room;
}

static int32_t automaton_add(MatchAutomaton *automaton, int32_t variable, int32_t take,
                             int32_t proceed)
{
    automaton->states[automaton->count] =
        (MatchState){.variable = variable, .take = take, .proceed = proceed, .unless = MATCH_NONE};
    return automaton->count++;
}

/* The state behind a greedy variable is not for the rows of that variable. */
static void automaton_guard(MatchAutomaton *automaton, int32_t sink, int32_t variable)
{
    if (sink == MATCH_FINAL)
        return;
    assert(automaton->states[sink].unless == MATCH_NONE);
    automaton->states[sink].unless = variable;
}

/* The states of one variable in front of `sink`; returns the first of them. */
static int32_t automaton_variable(MatchAutomaton *automaton, const PlanMatchVariable *variable,
                                  int32_t index, int32_t sink)
{
    bool is_optional = variable->min == 0;
    bool is_looping = variable->max < 0;
    int32_t rows = is_optional ? 1 : variable->min; /* that must come if any does */
    int32_t next = sink;
    bool is_single = variable->max == 1;
    if (!variable->is_reluctant && !is_single && variable->min != variable->max &&
        (is_looping || rows != variable->max))
        automaton_guard(automaton, sink, index);
    if (is_looping) {
        next = automaton_add(automaton, index, MATCH_NONE, sink);
        automaton->states[next].take = next;
    }
    for (int32_t i = rows; i < variable->max; i++)
        next = automaton_add(automaton, index, next, sink);
    for (int32_t i = 1; i < rows; i++)
        next = automaton_add(automaton, index, next, MATCH_NONE);
    return automaton_add(automaton, index, next, is_optional ? sink : MATCH_NONE);
}

static uint64_t variable_bit(const PlanMatchVariable *variables, int32_t variable)
{
    bool is_asked = variable >= 0 && variables[variable].condition != NULL;
    return is_asked ? (uint64_t)1 << variable : 0;
}

/* The guards of the states that a match passes on its way to the end. */
static uint64_t automaton_guards(const MatchAutomaton *automaton,
                                 const PlanMatchVariable *variables, int32_t state)
{
    uint64_t needs = 0;
    for (; state >= 0; state = automaton->states[state].proceed)
        needs |= variable_bit(variables, automaton->states[state].unless);
    return needs;
}

static uint64_t automaton_needs(const MatchAutomaton *automaton, const PlanMatchVariable *variables,
                                int32_t state)
{
    uint64_t needs = 0;
    for (; state >= 0; state = automaton->states[state].proceed) {
        const MatchState *at = &automaton->states[state];
        needs |= variable_bit(variables, at->variable) | variable_bit(variables, at->unless);
        needs |= automaton_guards(automaton, variables, at->take);
    }
    return needs;
}

MatchAutomaton match_automaton(Arena *arena, const PlanMatchVariable *variables, int32_t count)
{
    assert(count > 0 && count <= 64);
    MatchAutomaton automaton = {
        .states = ARENA_ARRAY(arena, MatchState, automaton_room(variables, count))};
    int32_t sink = MATCH_FINAL;
    for (int32_t i = count - 1; i >= 0; i--)
        sink = automaton_variable(&automaton, &variables[i], i, sink);
    automaton.start = sink;
    for (int32_t i = 0; i < automaton.count; i++)
        automaton.states[i].needs = automaton_needs(&automaton, variables, i);
    return automaton;
}
