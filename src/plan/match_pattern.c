/* PATTERN: a sequence of variables with quantifiers, and what Flink cannot match. */
#include <assert.h>

#include "plan/match.h"

static Diagnostic *pattern_unsupported(Planner *planner, Span span, const char *what)
{
    Diagnostic *d = REPORT(planner, "WR2099", span, "%s is not supported in PATTERN", what);
    diagnostic_note(d, "a pattern is a sequence of variables, each with a quantifier or without");
    return d;
}

int32_t match_find_variable(const MatchBinder *match, Str name)
{
    for (int32_t i = 0; i < match->variable_count; i++) {
        if (str_equal(match->variables[i].name, name))
            return i;
    }
    return -1;
}

/* ---- Quantifiers ----------------------------------------------------------------------- */

static bool quantifier_check(Planner *planner, const SqlPattern *pattern)
{
    Span span = pattern->quantifier_span;
    if (pattern->max != SQL_PATTERN_UNBOUNDED && pattern->max < pattern->min) {
        REPORT(planner, "WR2153", span, "at least %lld rows and at most %lld cannot be",
               (long long)pattern->min, (long long)pattern->max);
        return false;
    }
    if (pattern->lacks_min) {
        Diagnostic *d = REPORT(planner, "WR2153", span, "a quantifier begins with a number");
        diagnostic_help(d, "write {0,%lld}", (long long)pattern->max);
        return false;
    }
    if (pattern->max == 0) {
        Diagnostic *d = REPORT(planner, "WR2153", span, "a variable must be able to have a row");
        diagnostic_help(d, "leave the variable out");
        return false;
    }
    if (pattern->min == 0 && pattern->max == 1 && pattern->is_reluctant) {
        Diagnostic *d = REPORT(planner, "WR2153", span, "an optional variable cannot be reluctant");
        diagnostic_help(d, "write `?` instead of `??`");
        return false;
    }
    int64_t rows = pattern->max > pattern->min ? pattern->max : pattern->min;
    if (rows > MATCH_STATES_MAX) {
        REPORT(planner, "WR2153", span, "a quantifier may count to %d", MATCH_STATES_MAX);
        return false;
    }
    return true;
}

/* Whether the variable takes as many rows as it can get, and what comes next must wait. */
static bool variable_is_greedy(const PlanMatchVariable *variable)
{
    return !variable->is_reluctant && variable->max != 1 && variable->min != variable->max;
}

/* ---- Variables ------------------------------------------------------------------------- */

static bool pattern_add(Planner *planner, MatchBinder *match, const SqlPattern *variable,
                        const SqlPattern *quantifier)
{
    Str name = variable->name.text;
    if (match_find_variable(match, name) >= 0) {
        Diagnostic *d = REPORT(planner, "WR2152", variable->span,
                               "pattern variable `%.*s` stands twice in PATTERN", STR_ARGS(name));
        diagnostic_help(d, "give the second one another name, and define it alike");
        return false;
    }
    if (match->variable_count == MATCH_VARIABLES_MAX) {
        REPORT(planner, "WR2152", variable->span, "a pattern may have %d variables",
               MATCH_VARIABLES_MAX);
        return false;
    }
    PlanMatchVariable *added = &match->variables[match->variable_count++];
    *added = (PlanMatchVariable){.name = name, .min = 1, .max = 1};
    if (quantifier == NULL)
        return true;
    added->min = (int32_t)quantifier->min;
    added->max = quantifier->max == SQL_PATTERN_UNBOUNDED ? -1 : (int32_t)quantifier->max;
    added->is_reluctant = quantifier->is_reluctant;
    bool is_single = added->min == 0 && (added->max == 1 || added->max == -1);
    if (is_single && match->variable_count > 1 && variable_is_greedy(added - 1)) {
        Str before = (added - 1)->name;
        Diagnostic *d =
            REPORT(planner, "WR2156", quantifier->span,
                   "an optional variable cannot follow the greedy one `%.*s`", STR_ARGS(before));
        diagnostic_help(d, "make `%.*s` reluctant, as in `%.*s*?`, or require a row here",
                        STR_ARGS(before), STR_ARGS(before));
        return false;
    }
    return true;
}

static bool pattern_flatten(Planner *planner, MatchBinder *match, const SqlPattern *pattern)
{
    switch (pattern->kind) {
    case SQL_PATTERN_VARIABLE: return pattern_add(planner, match, pattern, NULL);
    case SQL_PATTERN_CONCAT:
        for (int32_t i = 0; i < pattern->items.count; i++) {
            if (!pattern_flatten(planner, match, LIST_AT(pattern->items, i, SqlPattern)))
                return false;
        }
        return true;
    case SQL_PATTERN_QUANTIFIED:
        if (pattern->operand->kind == SQL_PATTERN_VARIABLE)
            return quantifier_check(planner, pattern) &&
                   pattern_add(planner, match, pattern->operand, pattern);
        pattern_unsupported(planner, pattern->span, "a quantifier for a group");
        return false;
    case SQL_PATTERN_ALTERNATION:
        pattern_unsupported(planner, pattern->span, "an alternative");
        return false;
    case SQL_PATTERN_PERMUTE: pattern_unsupported(planner, pattern->span, "PERMUTE"); return false;
    case SQL_PATTERN_EXCLUSION:
        pattern_unsupported(planner, pattern->span, "an exclusion {- -}");
        return false;
    }
    return false;
}

static bool pattern_check_rows(Planner *planner, const MatchBinder *match)
{
    Span span = match->sql->pattern_span;
    int64_t rows = 0;
    bool is_empty = true;
    for (int32_t i = 0; i < match->variable_count; i++) {
        const PlanMatchVariable *variable = &match->variables[i];
        is_empty = is_empty && variable->min == 0;
        rows += variable->max > variable->min ? variable->max : variable->min;
    }
    if (is_empty) {
        Diagnostic *d = REPORT(planner, "WR2154", span, "the pattern could match no row at all");
        diagnostic_help(d, "at least one variable must have a row: write `+` instead of `*`");
        return false;
    }
    if (rows > MATCH_STATES_MAX) {
        REPORT(planner, "WR2153", span, "the quantifiers of a pattern may count to %d together",
               MATCH_STATES_MAX);
        return false;
    }
    const PlanMatchVariable *last = &match->variables[match->variable_count - 1];
    if (!variable_is_greedy(last))
        return true;
    Diagnostic *d = REPORT(planner, "WR2155", span,
                           "the last variable `%.*s` is greedy: the match would never be complete",
                           STR_ARGS(last->name));
    diagnostic_help(d,
                    "end the pattern with a plain variable, or write a `?` behind the quantifier");
    return false;
}

bool match_bind_pattern(Planner *planner, MatchBinder *match)
{
    match->variables = ARENA_ARRAY(planner->arena, PlanMatchVariable, MATCH_VARIABLES_MAX);
    if (match->sql->starts_strict || match->sql->ends_strict) {
        pattern_unsupported(planner, match->sql->pattern_span, "an anchor (^ or $)");
        return false;
    }
    return pattern_flatten(planner, match, match->sql->pattern) &&
           pattern_check_rows(planner, match);
}
