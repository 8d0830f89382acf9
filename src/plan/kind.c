/* The list of kinds, by PlanKind. */
#include "plan/kind.h"

#include <assert.h>

static const RelKind *const kinds[] = {
    [PLAN_SOURCE] = &source_kind,
    [PLAN_VALUES] = &values_kind,
    [PLAN_CALC] = &calc_kind,
    [PLAN_WATERMARK] = &watermark_kind,
    [PLAN_WINDOW_ASSIGN] = &window_assign_kind,
    [PLAN_WINDOW_AGGREGATE] = &window_aggregate_kind,
    [PLAN_GROUP_AGGREGATE] = &group_aggregate_kind,
    [PLAN_NORMALIZE] = &normalize_kind,
    [PLAN_OVER] = &over_kind,
    [PLAN_RANK] = &rank_kind,
    [PLAN_SORT] = &sort_kind,
    [PLAN_DEDUPLICATE] = &deduplicate_kind,
    [PLAN_WINDOW_RANK] = &window_rank_kind,
    [PLAN_UNION] = &union_kind,
    [PLAN_REGULAR_JOIN] = &regular_join_kind,
    [PLAN_INTERVAL_JOIN] = &interval_join_kind,
    [PLAN_TEMPORAL_JOIN] = &temporal_join_kind,
    [PLAN_WINDOW_JOIN] = &window_join_kind,
    [PLAN_REPLICATE] = &replicate_kind,
    [PLAN_SINGLE_ROW] = &single_row_kind,
    [PLAN_UPSERT_MATERIALIZE] = &upsert_materialize_kind,
    [PLAN_UNNEST] = &unnest_kind,
    [PLAN_LOOKUP_JOIN] = &lookup_join_kind,
    [PLAN_MATCH] = &match_kind,
    [PLAN_SINK] = &sink_kind,
    [PLAN_SERVE] = &serve_kind,
};

const RelKind *rel_kind(PlanKind kind)
{
    assert((size_t)kind < sizeof kinds / sizeof kinds[0]);
    assert(kinds[kind] != NULL && kinds[kind]->kind == kind);
    return kinds[kind];
}
