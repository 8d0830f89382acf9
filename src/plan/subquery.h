/* Subqueries: how they are bound, and how they are joined to the query around them.
 *
 * A subquery is bound as any query; what it takes from outside are outer columns in its Rel.
 * Joining it pulls every condition with outer columns up to its top (decorrelate.c), where it
 * becomes a condition of the join:
 *
 *     EXISTS, IN              SEMI join, if they are conjuncts of WHERE; NOT: ANTI join
 *     a query as a value      LEFT join, behind a check that it has one row at most
 *     EXISTS, IN elsewhere    LEFT join of the distinct rows that would match, and IS NOT NULL
 *     LATERAL                 the join that FROM says */
#ifndef WEIR_PLAN_SUBQUERY_H
#define WEIR_PLAN_SUBQUERY_H

#include "plan/join.h"

/* ---- decorrelate.c --------------------------------------------------------------------- */

/* A relation without the outer columns it had. */
typedef struct Pulled {
    Rel *rel;
    Expr **columns;  /* what each column was, over rel's columns and outer ones */
    List conditions; /* Expr: conjuncts over the same: which rows belong to an outer row */
    bool is_one_row; /* an aggregate without keys: where no row belongs to an outer row, there is
                        one all the same: `columns` read with NULLs */
} Pulled;

bool rel_has_outer(const Rel *rel);
/* Whether the expression reads columns of the relation itself. */
bool expr_has_inner(const Expr *expr);
/* False after a report at `span`. */
bool rel_pull(Planner *planner, Rel *rel, Span span, Pulled *out);
/* Leaves out the columns of rel that neither the columns, of which there are so many, nor the
 * conditions read. */
void pulled_narrow(Planner *planner, int32_t column_count, Pulled *pulled);
/* An expression of Pulled in a join: outer columns are the join's left ones, rel's come behind. */
Expr *pulled_expr(Planner *planner, Expr *expr, int32_t left_width);

/* ---- subquery.c ------------------------------------------------------------------------ */

/* Above all columns of a scope and behind the aggregates, below calls with OVER. */
enum { SUBQUERY_COLUMN_FIRST = (1 << 18) + (1 << 17), SUBQUERY_COLUMN_END = 1 << 19 };

/* A subquery in SELECT or HAVING, which is a column from SUBQUERY_COLUMN_FIRST on until it is known
 * whether the query is grouped. */
typedef struct Subquery {
    const SqlExpr *ast;
    Rel *rel;
    List operands; /* Expr: of IN, over the scope */
    bool is_in_aggregate;
} Subquery;

/* EXISTS, IN, and queries as values; poison after a report. */
Expr *bind_subquery(ExprBinder *binder, const SqlExpr *expr);
/* A conjunct of WHERE that is [NOT] EXISTS or [NOT] IN of a subquery, or one after NOT. */
bool subquery_is_predicate(const SqlExpr *expr);
/* Joins it to the relation; false after a report. */
bool bind_subquery_predicate(ExprBinder *binder, const SqlExpr *expr);

/* The relation with a column more that is TRUE, or with nothing but that. */
Rel *rel_marked(Planner *planner, Rel *rel, bool keeps_columns);
/* The value where the condition is TRUE, else NULL. */
Expr *subquery_when(Planner *planner, Expr *condition, Expr *value, Span span);
/* The value of a subquery joined to *from, over whose columns its outer ones are replaced by
 * `columns` (NULL: they are its columns). NULL after a report. */
Expr *subquery_join(Planner *planner, From **from, const Subquery *subquery, Expr *const *columns);
/* SQL `expr` with what stands for subqueries replaced by values[i]. */
Expr *expr_with_subqueries(Planner *planner, Expr *expr, Expr *const *values);

#endif
