/* Subqueries: how they are bound, and how they are joined to the query around them.
 *
 * A subquery is bound as any query; what it takes from outside are outer columns in its Rel.
 * Joining it pulls every condition with outer columns up to its top (decorrelate.c), where it
 * becomes a condition of the join:
 *
 *     EXISTS, IN              SEMI join, if they are conjuncts of WHERE; NOT: ANTI join
 *     a query as a value      LEFT join, behind a check that it has one row at most
 *     > ANY, > ALL            LEFT join with its least and greatest value (quantified.c)
 *     EXISTS, IN elsewhere    LEFT join of the distinct rows that would match, and IS NOT NULL
 *     LATERAL                 the join that FROM says */
#ifndef WEIR_PLAN_SUBQUERY_H
#define WEIR_PLAN_SUBQUERY_H

#include "plan/join.h"

/* ---- decorrelate.c --------------------------------------------------------------------- */

/* A relation without the outer columns it had. */
typedef struct Pulled {
    Rel *rel;
    Expr **columns; /* what each column was, over rel's columns and outer ones */
    int32_t column_count;
    List conditions; /* Expr: conjuncts over the same: which rows belong to an outer row */
    bool is_one_row; /* an aggregate without keys: where no row belongs to an outer row, there is
                        one all the same: `columns` read with NULLs */
} Pulled;

/* The query around a subquery. */
typedef struct Around {
    From *from;           /* its FROM, as far as it is bound; or NULL … */
    Rel *rel;             /* … and this relation instead */
    Expr *const *columns; /* what the scope's columns are over it; NULL: the same */
} Around;

bool rel_has_outer(Rel *rel);
/* The expressions of a relation that may have outer columns, one after the other; NULL at the end.
 */
Expr *rel_expr(const Rel *rel, int32_t index);
/* Appends the outer columns of the relation that the list does not have. */
void rel_collect_outer(Planner *planner, Rel *rel, List *out);
/* Whether the expression reads columns of the relation itself. */
bool expr_has_inner(const Expr *expr);
/* False after a report at `span`. */
bool rel_pull(Planner *planner, Rel *rel, const Around *around, Span span, Pulled *out);
/* Leaves out the columns of rel that neither the columns nor the conditions read. */
void pulled_narrow(Planner *planner, Pulled *pulled);
/* Makes the columns NULL by themselves where a join finds no row. */
void pulled_pad(Planner *planner, Pulled *pulled, Span span);
/* An expression of Pulled in a join: outer columns are the join's left ones, rel's come behind. */
Expr *pulled_expr(Planner *planner, Expr *expr, int32_t left_width);

/* ---- subquery.c ------------------------------------------------------------------------ */

/* A function of one argument or two (b may be NULL). */
Expr *subquery_call(Planner *planner, const char *name, Expr *a, Expr *b, Span span);
/* TRUE where found is, else NULL where unknown (or NULL: nowhere) is TRUE, else FALSE; negated. */
Expr *subquery_verdict(Planner *planner, Expr *found, Expr *unknown, bool is_negated, Span span);
/* CASE WHEN condition THEN value END */
Expr *subquery_if(Planner *planner, Expr *condition, Expr *value, Span span);
/* The outer column of depth 1 as one of the relation around; NULL after a report. */
Expr *around_column(Planner *planner, const Around *around, Expr *column, Span span);

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
bool subquery_is_predicate(Planner *planner, const SqlExpr *expr);
/* Joins it to the relation; false after a report. */
bool bind_subquery_predicate(ExprBinder *binder, const SqlExpr *expr);

/* The value of a subquery joined to *from, over whose columns its outer ones are replaced by
 * `columns` (NULL: they are its columns). NULL after a report. */
Expr *subquery_join(Planner *planner, From **from, const Subquery *subquery, Expr *const *columns);
/* SQL `expr` with what stands for subqueries replaced by values[i]. */
Expr *expr_with_subqueries(Planner *planner, Expr *expr, Expr *const *values);

/* ---- portable_subquery.c --------------------------------------------------------------- */

/* Names a subquery that Flink cannot plan, before it is joined; a conjunct of WHERE or not. */
void portable_subquery(Planner *planner, const Subquery *subquery, Span span, bool is_predicate);
/* It was joined to the query around by these. */
void portable_joined(Planner *planner, const List *conditions);
void portable_lateral(Planner *planner, const From *join, const Rel *left, Rel *right);
/* The subquery stands in ON of a join whose first table has so many columns. */
void portable_on_subquery(Planner *planner, const Subquery *subquery, int32_t first_width);
/* Keeps the condition of the join, if it has outer columns … */
void portable_on_add(Planner *planner, From *join, Expr *conjunct);
/* … until WHERE is known, which must have the same ones. */
void portable_from(Planner *planner, const From *from);

/* ---- quantified.c ------------------------------------------------------------------------ */

/* = ANY as IN and <> ALL as NOT IN; other expressions as they are. */
const SqlExpr *quantified_as_in(Planner *planner, const SqlExpr *expr);
Expr *bind_quantified(ExprBinder *binder, const SqlExpr *expr);
/* What the operand is compared with, in one row; NULL after a report. */
Rel *quantified_rel(Planner *planner, const Subquery *subquery);
/* The comparison, over what the columns of that row have become; NULL after a report. */
Expr *quantified_value(Planner *planner, const Subquery *subquery, Expr *const *columns);

#endif
