/* For the kinds of joins that are bound in time. */
#ifndef WEIR_PLAN_KIND_PAIR_H
#define WEIR_PLAN_KIND_PAIR_H

#include "base/memory.h"
#include "plan/kind.h"

void pair_digest(Buffer *out, const Rel *rel, const PlanJoin *join);
void pair_keys(Planner *planner, Rel *rel, const PlanJoin *join);
void pair_mark(const Rel *rel, const PlanJoin *join, bool *const *below);
/* Returns the maps of the inputs' columns. */
int32_t **pair_prune(Planner *planner, Rel *rel, PlanJoin *join);
uint64_t pair_identify(Rel *rel, const PlanJoin *join);
const char *join_kind_text(JoinKind kind);
void pair_label(Buffer *out, const PlanNode *node, const char *name, const PlanJoin *join);
/* ", if a > b", or nothing. */
void pair_explain_condition(Buffer *out, const PlanNode *node, const PlanJoin *join);
void pair_explain_condition_over(Buffer *out, const Schema *left, const Schema *right,
                                 const PlanJoin *join);
void pair_distribute(Planner *planner, PlanNode *node, const PlanJoin *join);
/* An input that is not append-only is a mistake. `what` begins the sentence. */
void pair_report_updates(Planner *planner, Rel *rel, const char *what);

#endif
