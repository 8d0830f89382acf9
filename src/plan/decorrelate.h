/* What the files share that take outer columns out of relations. */
#ifndef WEIR_PLAN_DECORRELATE_H
#define WEIR_PLAN_DECORRELATE_H

#include "plan/subquery.h"

/* A subquery on its way out of its outer columns. */
typedef struct Pull {
    Planner *planner;
    const Around *around;
    Span span;     /* of the subquery, for messages */
    int32_t steps; /* relations that were pulled: one that is read twice counts twice */
} Pull;

/* ---- decorrelate.c --------------------------------------------------------------------- */

/* False after a report. */
bool pull_rel(Pull *pull, Rel *rel, Pulled *out);
bool pull_refuse(Pull *pull, const char *what);
bool exprs_have_outer(const List *exprs);
/* Whether one of the columns of the relation that was pulled is made of outer ones. */
bool pulled_has_outer(const Pulled *pulled);

/* ---- decorrelate_keys.c ---------------------------------------------------------------- */

/* outer = inner; which argument is which. */
bool condition_is_key(const Expr *condition, Expr **outer, Expr **inner);
bool pull_aggregate(Pull *pull, Rel *rel, Pulled *out);
bool pull_single(Pull *pull, Rel *rel, Pulled *out);
bool pull_over(Pull *pull, Rel *rel, Pulled *out);
bool pull_rank(Pull *pull, Rel *rel, Pulled *out);

/* ---- decorrelate_ground.c -------------------------------------------------------------- */

/* Appends the outer columns of the expression that the list does not have. */
void outer_collect(Planner *planner, Expr *expr, List *out);
/* The expression with the outer columns replaced by the values of the same place. */
Expr *outer_replace(Planner *planner, Expr *expr, const List *outer, const List *values);
/* Brings the outer columns that `in` reads, and those that are wanted besides (or NULL), into its
 * relation: no column of it has any after that, and its conditions are `outer = column`, one for
 * each. `outer` and `values` (or NULL) become the outer columns and what they are over the
 * relation. False after a report. */
bool pull_ground(Pull *pull, const List *wanted, Pulled *in, List *outer, List *values);
/* outer = column, NULLs being equal. */
Expr *outer_condition(Planner *planner, Expr *outer, Expr *column);

#endif
