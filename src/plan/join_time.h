/* What the choosers of joins that know time share. Each gives NULL for a JoinSpec that is not of
 * its form, and after a report. */
#ifndef WEIR_PLAN_JOIN_TIME_H
#define WEIR_PLAN_JOIN_TIME_H

#include "plan/join.h"

Rel *join_lookup(Planner *planner, const JoinSpec *spec);
Rel *join_temporal(Planner *planner, const JoinSpec *spec);
Rel *join_window(Planner *planner, const JoinSpec *spec);
Rel *join_interval(Planner *planner, const JoinSpec *spec);

/* The join with its keys as columns of the inputs: key i of the spec is keys[side].columns[i].
 * Keys that are no columns are computed below, behind the inputs' own columns. */
typedef struct TimedJoin {
    PlanJoin join;
    Rel *inputs[2];
} TimedJoin;
TimedJoin timed_join(Planner *planner, const JoinSpec *spec, const List *conditions);

/* The value of an expression without columns; false if it has none or is NULL. */
bool constant_integer(Planner *planner, Expr *expr, int64_t *out);

/* A column by which a message can name it. */
Str join_column_name(const JoinSpec *spec, int32_t side, int32_t column);

#endif
