/* The pattern as states: what the rows of a partial match may go on with.
 *
 *     (a b+ c)    a ──row──> b ──row──> b… ──row──┐
 *                                       │ ^───────┘
 *                                       └──> c ──row──> MATCH_FINAL
 *
 * A state takes a row for one variable, or is passed without one. This is the automaton that
 * Flink's CEP library builds for strictly contiguous patterns, its treatment of greedy quantifiers
 * included: behind a greedy variable neither way is open for a row that the variable could have. */
#ifndef WEIR_EXEC_MATCH_AUTOMATON_H
#define WEIR_EXEC_MATCH_AUTOMATON_H

#include <stdint.h>

#include "base/arena.h"
#include "plan/plan.h"

enum {
    MATCH_FINAL = -1, /* as a state: the match is complete */
    MATCH_NONE = -2,
};

typedef struct MatchState {
    int32_t variable; /* a row is taken for it … */
    int32_t take;     /* … and leads here */
    int32_t proceed;  /* the state without a row, or MATCH_NONE */
    int32_t unless;   /* both only if the row cannot be this variable's; or MATCH_NONE */
    uint64_t needs;   /* bits of the variables whose conditions decide about a row here */
} MatchState;

typedef struct MatchAutomaton {
    MatchState *states;
    int32_t count;
    int32_t start;
} MatchAutomaton;

MatchAutomaton match_automaton(Arena *arena, const PlanMatchVariable *variables, int32_t count);

#endif
