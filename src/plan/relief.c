/* Where operators keep their state, and what a script can say so that it needs less memory: for
 * those who have run out of it. */
#include "plan/kind.h"

StatePlace plan_state_place(const PlanNode *node)
{
    bool is_stateless =
        node->kind == PLAN_WINDOW_ASSIGN && node->window_assign.window.kind != WINDOW_SESSION;
    return is_stateless ? STATE_NONE : rel_kind(node->kind)->state;
}

#define EXPIRY "let it expire sooner with table.exec.state.ttl"

/* Those that are not here keep what their windows and bounds ask for. */
static const char *const reliefs[] = {
    [PLAN_OVER] = EXPIRY,
    [PLAN_RANK] = EXPIRY,
    [PLAN_DEDUPLICATE] = EXPIRY,
    [PLAN_GROUP_AGGREGATE] = EXPIRY,
    [PLAN_NORMALIZE] = EXPIRY,
    [PLAN_REGULAR_JOIN] = EXPIRY,
    [PLAN_TEMPORAL_JOIN] = EXPIRY,
    [PLAN_SINGLE_ROW] = EXPIRY,
    [PLAN_UPSERT_MATERIALIZE] = EXPIRY,
    [PLAN_MATCH] = "end its matches sooner with WITHIN",
    [PLAN_SERVE] = "let its rows expire sooner with the option 'ttl'",
};

const char *plan_state_relief(const PlanNode *node)
{
    size_t count = sizeof reliefs / sizeof reliefs[0];
    return (size_t)node->kind < count ? reliefs[node->kind] : NULL;
}
