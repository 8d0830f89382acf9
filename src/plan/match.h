/* Binding of MATCH_RECOGNIZE: what its files share. */
#ifndef WEIR_PLAN_MATCH_H
#define WEIR_PLAN_MATCH_H

#include "plan/internal.h"

enum { MATCH_VARIABLES_MAX = 64, MATCH_STATES_MAX = 10000, MATCH_NO_VARIABLE = -2 };

/* While the expressions of one clause are bound: ExprBinder.match. */
struct MatchBinder {
    const SqlMatch *sql;
    Scope scope;          /* of the input */
    GroupColumns columns; /* what the operator reads of it */
    PlanMatchVariable *variables;
    int32_t variable_count;
    List slots;       /* PlanMatchSlot: the columns of the clause's expressions */
    int32_t defining; /* the variable whose condition is bound; MATCH_NO_VARIABLE in MEASURES */
    int32_t time;     /* of ORDER BY: a column of the input */
    bool is_processing_time;
    /* Inside FIRST or LAST, or an aggregate. */
    const SqlCall *around;
    bool is_first;
    int64_t offset;
    int32_t around_variable; /* the one that is used in it so far */
};

/* The variables of the pattern; false after a report. */
bool match_bind_pattern(Planner *planner, MatchBinder *match);
int32_t match_find_variable(const MatchBinder *match, Str name);

/* In expressions: a column, or `*handled` false for calls that mean the same everywhere. */
Expr *match_bind_column(ExprBinder *binder, const SqlPath *path, Span span);
Expr *match_bind_call(ExprBinder *binder, const SqlExpr *expr, bool *handled);

#endif
