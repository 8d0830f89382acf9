/* "Did you mean": names near to the one that was not found. */
#include <assert.h>

#include "sql/diagnostics.h"

enum {
    SUGGESTION_DISTANCE_MAX = 2,
    SUGGESTION_PREFIX_MIN = 3, /* characters two names must share to count as a prefix */
    SUGGESTION_FAR = 1000,
};

static bool suggest_shares_prefix(Str name, Str candidate)
{
    Str shorter = name.length < candidate.length ? name : candidate;
    Str longer = name.length < candidate.length ? candidate : name;
    if (shorter.length < SUGGESTION_PREFIX_MIN)
        return false;
    return str_equal_ignoring_case(shorter, str_make(longer.data, shorter.length));
}

/* Lower is nearer. Short names allow fewer mistakes: with two, any two letters would do. */
static int suggest_distance(Str name, Str candidate)
{
    if (str_equal(name, candidate))
        return SUGGESTION_FAR;
    if (str_equal_ignoring_case(name, candidate))
        return 0;
    int allowed = name.length <= 3 ? 1 : SUGGESTION_DISTANCE_MAX;
    int distance = str_edit_distance(name, candidate, allowed);
    if (distance <= allowed && distance < name.length)
        return distance;
    if (suggest_shares_prefix(name, candidate))
        return SUGGESTION_DISTANCE_MAX + 1;
    return SUGGESTION_FAR;
}

int32_t diagnostics_find_similar(const Str *candidates, int32_t count, Str name,
                                 Str best[SUGGESTIONS_MAX])
{
    assert(count >= 0);
    int distances[SUGGESTIONS_MAX] = {0};
    int32_t found = 0;
    for (int32_t i = 0; i < count; i++) {
        int distance = suggest_distance(name, candidates[i]);
        if (distance == SUGGESTION_FAR)
            continue;
        bool is_known = false;
        for (int32_t k = 0; k < found; k++)
            is_known |= str_equal(best[k], candidates[i]);
        if (is_known)
            continue;
        /* Insertion sort that drops the worst; equal ones keep the candidates' order. */
        int32_t at = found;
        while (at > 0 && distances[at - 1] > distance)
            at--;
        if (at == SUGGESTIONS_MAX)
            continue;
        if (found < SUGGESTIONS_MAX)
            found++;
        for (int32_t k = found - 1; k > at; k--) {
            best[k] = best[k - 1];
            distances[k] = distances[k - 1];
        }
        best[at] = candidates[i];
        distances[at] = distance;
    }
    assert(found <= SUGGESTIONS_MAX);
    return found;
}

bool diagnostic_suggest(Diagnostic *diagnostic, const Str *candidates, int32_t count, Str name)
{
    if (!diagnostic->is_kept)
        return false;
    Str best[SUGGESTIONS_MAX];
    int32_t found = diagnostics_find_similar(candidates, count, name, best);
    if (found == 0)
        return false;
    Arena *arena = diagnostic->arena;
    const char *texts[SUGGESTIONS_MAX] = {0};
    for (int32_t i = 0; i < found; i++) {
        texts[i] = str_terminated(arena, best[i]);
        list_append(&diagnostic->suggestions, arena, (void *)texts[i]);
    }
    if (found == 1)
        diagnostic_help(diagnostic, "did you mean `%s`?", texts[0]);
    else if (found == 2)
        diagnostic_help(diagnostic, "did you mean `%s` or `%s`?", texts[0], texts[1]);
    else
        diagnostic_help(diagnostic, "did you mean `%s`, `%s` or `%s`?", texts[0], texts[1],
                        texts[2]);
    return true;
}
