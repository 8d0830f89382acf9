/* Calls with OVER while a SELECT is bound, and what becomes of them.
 *
 *     CALC (items, QUALIFY)
 *       OVER (its input's columns, then results)
 *         CALC or GROUP BY (what the calls, their windows and the items read)
 *
 * In the expressions of the items a call is a column from OVER_COLUMN_FIRST on, in order of first
 * use. A filter on ROW_NUMBER makes Top-N of it later, see top_n.c. */
#ifndef WEIR_PLAN_OVER_H
#define WEIR_PLAN_OVER_H

#include "plan/internal.h"

enum { OVER_COLUMN_FIRST = 1 << 19 }; /* above all columns of a scope, below outer ones */

/* An item of ORDER BY. */
typedef struct OrderUse {
    Expr *expr;
    bool is_descending;
    bool has_nulls_last;
} OrderUse;

typedef struct OverUse {
    OverFunction function;
    AggregateUse *aggregate; /* OVER_AGGREGATE */
    bool is_lag;             /* which has no frame */
    Type result;
    List partition; /* Expr */
    List order;     /* OrderUse */
    OverFrame frame;
    Span span;
} OverUse;

enum { OVER_NAMES_MAX = 16 };

struct OverQuery {
    const List *windows; /* SqlWindow, of the WINDOW clause */
    List uses;           /* OverUse */
};

/* A call with OVER as a column; poison after a report. */
Expr *bind_over_call(ExprBinder *binder, const SqlExpr *expr);
const char *over_function_name(OverFunction function);
/* Whether the function exists only with OVER. */
bool over_is_function(Str name);
/* Appends the names of those to `out`, which has room for OVER_NAMES_MAX; how many. */
int32_t over_names(Str *out);
/* ORDER BY: NULL is the least value unless NULLS says otherwise. */
OrderUse *order_use(Planner *planner, const SqlOrderItem *item, Expr *expr);

/* The items of the group, with their calls, over its input (grouped, if it is so). `qualify` may
 * be NULL. */
Bound over_build(Planner *planner, const GroupQuery *group, OverQuery *over, Expr *qualify,
                 bool is_grouped);

#endif
