/* Window joins: both ends of the same window are equal. */
#include "plan/join_time.h"
#include "plan/window_property.h"

/* The key that compares such columns of both sides, or -1. */
static int32_t window_key(const JoinSpec *spec, const bool *left, const bool *right)
{
    for (int32_t i = 0; i < spec->keys.count; i++) {
        const JoinKey *key = LIST_AT(spec->keys, i, JoinKey);
        if (key->left->kind == EXPR_COLUMN && key->right->kind == EXPR_COLUMN &&
            left[key->left->column] && right[key->right->column])
            return i;
    }
    return -1;
}

static void window_explain_regular(Planner *planner, const JoinSpec *spec, bool is_whole)
{
    Diagnostic *d =
        WARN(planner, "WR2124", spec->span, "%s",
             is_whole ? "the windows of both sides are cut differently: this is a regular join, "
                        "which keeps all rows"
                      : "only one end of the windows is compared: this is a regular join, which "
                        "keeps all rows");
    diagnostic_help(d, "%s",
                    is_whole ? "use the same window function with the same sizes on both sides"
                             : "write ON l.window_start = r.window_start AND l.window_end = "
                               "r.window_end");
}

Rel *join_window(Planner *planner, const JoinSpec *spec)
{
    if (spec->as_of != NULL)
        return NULL;
    const WindowProperty *left = rel_window(planner, spec->left);
    const WindowProperty *right = rel_window(planner, spec->right);
    if (left == NULL || right == NULL)
        return NULL;
    int32_t start = window_key(spec, left->starts, right->starts);
    int32_t end = window_key(spec, left->ends, right->ends);
    if (start < 0 && end < 0)
        return NULL;
    if (start < 0 || end < 0 || !window_same(&left->spec, &right->spec)) {
        window_explain_regular(planner, spec, start >= 0 && end >= 0);
        return NULL;
    }
    if (left->spec.is_processing_time)
        window_refuse_processing_time(planner, spec->span, "a join of");
    TimedJoin made = timed_join(planner, spec, &spec->others);
    Rel *rel = rel_new(planner, PLAN_WINDOW_JOIN, &spec->schema, made.inputs, 2);
    rel->span = spec->span;
    rel->node.window_join.join = made.join;
    for (int32_t i = 0; i < 2; i++)
        rel->node.window_join.ends[i] = made.join.keys[i].columns[end];
    rel->node.window_join.is_local_time = left->spec.is_local_time;
    return rel_intern(planner, rel);
}
