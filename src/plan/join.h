/* Joins: from the tree that FROM writes to Rels.
 *
 *   bind_from ──> From ── from_filter: WHERE goes to where it belongs ──> from_build ──> Rel
 *                  │                                                          │
 *                  └─ scope: the names for ON, WHERE                          └─ join_choose
 *
 * Which operator computes a join is known only when all its conditions are, those of WHERE
 * included; so FROM stays a tree until then. join_choose asks one chooser after the other (join.c):
 * the first that knows the form of the JoinSpec makes the Rel. The last one makes the regular join,
 * which takes anything and whose output has no time attributes. */
#ifndef WEIR_PLAN_JOIN_H
#define WEIR_PLAN_JOIN_H

#include "plan/internal.h"

/* One relation, or a join of two. Columns are counted as in `scope`: those of left, then those of
 * right. */
struct From {
    const SqlTable *ast; /* NULL for what no FROM has written, such as the join of a subquery */
    Span span;
    Scope scope;
    Rel *rel;       /* of a leaf; NULL if it is broken */
    List filters;   /* Expr: conjuncts over the columns, after the join */
    bool is_failed; /* a condition has a mistake: names are good, but nothing can be built */
    /* Of a join: */
    From *left, *right; /* NULL in a leaf */
    JoinKind kind;
    List conditions; /* Expr: conjuncts over the columns of left, then of right */
    bool has_on;     /* ON says more than TRUE */
    List outer_on;   /* Expr: of the conditions those with outer columns, for portable_from */
    bool is_lateral; /* right may refer to left by outer columns of depth 1 */
    Expr *as_of;     /* FOR SYSTEM_TIME AS OF of right, over left; or NULL */
    /* Of a leaf that is UNNEST, which has no rel: the collection, over the left side by outer
     * columns of depth 1; else NULL. */
    Expr *collection;
};

/* A pair of equal expressions of the same type. */
typedef struct JoinKey {
    Expr *left;           /* over the columns of left */
    Expr *right;          /* over the columns of right */
    bool is_null_matched; /* IS NOT DISTINCT FROM */
} JoinKey;

/* A join of two relations with everything that is known of it. */
typedef struct JoinSpec {
    JoinKind kind;
    Span span;
    Rel *left, *right;
    const SqlTable *left_ast, *right_ast; /* as From.ast: hints and FOR SYSTEM_TIME AS OF */
    List keys;                            /* JoinKey */
    List others;                          /* Expr: conjuncts over left's columns, then right's */
    Expr *as_of;                          /* FOR SYSTEM_TIME AS OF of right, over left; or NULL */
    /* Of the output: columns of left, then (not for SEMI and ANTI) of right; those of an outer
     * join's inner side are nullable, time attributes are still those of the inputs. */
    Schema schema;
} JoinSpec;

/* FROM with the names it gives; outer is planner->outer. Mistakes are reported; what could not be
 * bound makes the scope broken. */
From *bind_from(Planner *planner, const SqlTable *table);
/* A relation as a leaf. */
From *from_leaf(Planner *planner, const SqlTable *ast, const Scope *scope, Rel *rel, Span span);
/* Adds a conjunct over the columns: it goes as far down as outer joins let it. */
void from_filter(Planner *planner, From *from, Expr *conjunct);
/* A condition of the join itself, as ON gives it. */
void from_condition(Planner *planner, From *join, Expr *conjunct);
/* ON of a join, whose names are known. What stands in its place then: joins of subqueries may be
 * above it (join_on.c). */
From *join_bind_on(Planner *planner, From *join, const SqlExpr *on);
/* The relation joined with another, which gets no names. Conditions are over the columns of left,
 * then of rel. */
From *from_join_rel(Planner *planner, From *left, JoinKind kind, Rel *rel, const List *conditions,
                    Span span);
/* Whether the expression is NULL when all columns from first to end are; only if that is known. */
bool expr_is_null_when(const Expr *expr, int32_t first, int32_t end);
/* Whether the expression cannot be TRUE when all columns from first to end are NULL. */
bool expr_rejects_nulls(const Expr *expr, int32_t first, int32_t end);
/* The relation, its columns as in the scope, whose types are brought in line with it. The scope
 * must not be broken, FROM not failed. NULL after a report. */
Rel *from_build(Planner *planner, From *from);

/* UNNEST as a leaf; beside the rows of join->left; alone. */
From *from_unnest(Planner *planner, const SqlTable *table);
Rel *unnest_build_join(Planner *planner, const From *join, Rel *left);
Rel *unnest_build(Planner *planner, const From *leaf);

/* ---- state_ttl.c ----------------------------------------------------------------------- */

bool state_ttl_is_hint(const SqlHint *hint);
/* How long the rows of the relation are kept: as a hint says, else table.exec.state.ttl. `hints`
 * and `table` may be NULL. */
int64_t state_ttl_us(Planner *planner, const List *hints, const SqlTable *table);
/* Reports names that FROM does not have, and what is no duration. */
void state_ttl_check(Planner *planner, const List *hints, const SqlTable *from);

/* ---- join_build.c ---------------------------------------------------------------------- */

/* Rel of the join, its schema's names and order as in the spec; NULL after a report. */
Rel *join_choose(Planner *planner, const JoinSpec *spec);
Rel *join_regular(Planner *planner, const JoinSpec *spec);
/* Adds the conjuncts over both sides' columns to the spec, as keys where they can be. */
void join_split(Planner *planner, const List *conditions, JoinSpec *spec);

#endif
