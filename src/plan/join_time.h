/* What the choosers of joins that know time share. Each gives NULL for a JoinSpec that is not of
 * its form, and after a report. */
#ifndef WEIR_PLAN_JOIN_TIME_H
#define WEIR_PLAN_JOIN_TIME_H

#include "plan/join.h"

Rel *join_lookup(Planner *planner, const JoinSpec *spec);
Rel *join_temporal(Planner *planner, const JoinSpec *spec);
Rel *join_window(Planner *planner, const JoinSpec *spec);
Rel *join_interval(Planner *planner, const JoinSpec *spec);

/* The LOOKUP hint of SELECT. After FROM is built: report those that no table of it was found for.
 */
bool lookup_is_hint(const SqlHint *hint);
void lookup_check_hints(Planner *planner, const List *hints);

/* The join with its keys as columns of the inputs: key i of the spec is keys[side].columns[i].
 * Keys that are no columns are computed below, behind the inputs' own columns. */
typedef struct TimedJoin {
    PlanJoin join;
    Rel *inputs[2];
} TimedJoin;
TimedJoin timed_join(Planner *planner, const JoinSpec *spec, const List *conditions);

/* Columns of one input: its own, and those that are computed for keys. */
typedef struct KeyInput {
    Rel *rel;
    Expr **exprs;
    Field *fields;
    int32_t count;
} KeyInput;
/* With room for `key_count` more. */
KeyInput key_input(Planner *planner, Rel *rel, int32_t key_count);
/* The column that holds the expression over the input's own columns. */
int32_t key_column(Planner *planner, KeyInput *input, Expr *key);
Rel *key_rel(Planner *planner, const KeyInput *input);
/* The conditions together over both sides, whose columns have the numbers map[i]; or NULL. */
Expr *join_condition(Planner *planner, const List *conditions, const int32_t *map);

/* The value of an expression without columns; false if it has none or is NULL. */
bool constant_integer(Planner *planner, Expr *expr, int64_t *out);

/* A column by which a message can name it. */
Str join_column_name(const JoinSpec *spec, int32_t side, int32_t column);

#endif
