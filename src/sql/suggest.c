/* "Did you mean": names near to the one that was not found. */
#include <assert.h>
#include <string.h>

#include "sql/diagnostics.h"

enum {
    SUGGESTION_PREFIX_MIN = 3, /* characters two names must share to count as a prefix */
    SUGGESTION_BYTES_MAX = 64, /* longer names resemble nothing */
    /* Costs of slips: what fingers do often costs less. */
    COST_SIGN = 5, /* `-`, `_` or `.` for another of them, too many or too few */
    COST_DOUBLE = 7,
    COST_SWAP = 8,
    COST_BESIDE = 9, /* the key beside */
    COST_LEFT_OUT = 10,
    COST_TOO_MANY = 12,
    COST_OTHER = 13,
    COST_FIRST = 4, /* more, if the first letter is not the same */
    COST_PREFIX = 100,
    COST_FAR = 1000,
};

static bool suggest_shares_prefix(Str name, Str candidate)
{
    Str shorter = name.length < candidate.length ? name : candidate;
    Str longer = name.length < candidate.length ? candidate : name;
    if (shorter.length < SUGGESTION_PREFIX_MIN)
        return false;
    return str_equal_ignoring_case(shorter, str_make(longer.data, shorter.length));
}

static char suggest_fold(Str text, int64_t i)
{
    char c = text.data[i];
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool suggest_is_sign(char c)
{
    return c == '-' || c == '_' || c == '.';
}

static bool suggest_is_beside(char a, char b)
{
    static const char keys[] = "qwertyuiop asdfghjkl zxcvbnm 1234567890";
    const char *at = a == ' ' ? NULL : strchr(keys, a);
    return at != NULL && ((at > keys && at[-1] == b) || at[1] == b);
}

static int cost_replace(char written, char meant)
{
    if (written == meant)
        return 0;
    if (suggest_is_sign(written) && suggest_is_sign(meant))
        return COST_SIGN;
    return suggest_is_beside(written, meant) ? COST_BESIDE : COST_OTHER;
}

/* One letter of `text` that the other does not have. */
static int cost_lone(Str text, int64_t i, int cost)
{
    char c = suggest_fold(text, i);
    if (suggest_is_sign(c))
        return COST_SIGN;
    return i > 0 && suggest_fold(text, i - 1) == c ? COST_DOUBLE : cost;
}

static int cost_least(int a, int b)
{
    return a < b ? a : b;
}

/* What the slips between the two cost, by Damerau and Levenshtein. */
static int suggest_cost(Str name, Str candidate)
{
    int rows[3][SUGGESTION_BYTES_MAX + 1];
    assert(name.length <= SUGGESTION_BYTES_MAX && candidate.length <= SUGGESTION_BYTES_MAX);
    rows[0][0] = 0;
    for (int64_t j = 1; j <= candidate.length; j++)
        rows[0][j] = rows[0][j - 1] + cost_lone(candidate, j - 1, COST_LEFT_OUT);
    for (int64_t i = 1; i <= name.length; i++) {
        int *row = rows[i % 3];
        const int *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        char x = suggest_fold(name, i - 1);
        row[0] = above[0] + cost_lone(name, i - 1, COST_TOO_MANY);
        for (int64_t j = 1; j <= candidate.length; j++) {
            char y = suggest_fold(candidate, j - 1);
            int best = above[j - 1] + cost_replace(x, y);
            best = cost_least(best, above[j] + cost_lone(name, i - 1, COST_TOO_MANY));
            best = cost_least(best, row[j - 1] + cost_lone(candidate, j - 1, COST_LEFT_OUT));
            if (i > 1 && j > 1 && x != y && x == suggest_fold(candidate, j - 2) &&
                y == suggest_fold(name, i - 2))
                best = cost_least(best, before[j - 2] + COST_SWAP);
            row[j] = best;
        }
    }
    bool is_begun = suggest_fold(name, 0) == suggest_fold(candidate, 0) ||
                    (name.length > 1 && suggest_fold(name, 1) == suggest_fold(candidate, 0));
    return rows[name.length % 3][candidate.length] + (is_begun ? 0 : COST_FIRST);
}

/* Lower is nearer. Short names allow fewer mistakes: with two, any two letters would do. */
static int suggest_distance(Str name, Str candidate)
{
    if (str_equal(name, candidate))
        return COST_FAR;
    if (str_equal_ignoring_case(name, candidate))
        return 0;
    if (name.length == 0 || name.length > SUGGESTION_BYTES_MAX || candidate.length == 0 ||
        candidate.length > SUGGESTION_BYTES_MAX)
        return COST_FAR;
    int allowed = name.length <= 3 ? 1 : name.length < 16 ? 2 : 3;
    int distance = str_edit_distance(name, candidate, allowed);
    if (distance <= allowed && distance < name.length)
        return suggest_cost(name, candidate);
    return suggest_shares_prefix(name, candidate) ? COST_PREFIX : COST_FAR;
}

int32_t diagnostics_find_similar(const Str *candidates, int32_t count, Str name,
                                 Str best[SUGGESTIONS_MAX])
{
    assert(count >= 0);
    int distances[SUGGESTIONS_MAX] = {0};
    int32_t found = 0;
    for (int32_t i = 0; i < count; i++) {
        int distance = suggest_distance(name, candidates[i]);
        if (distance == COST_FAR)
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
