/* The names that expressions may use: the relations of FROM, one behind the other.
 *
 *   FROM orders AS o JOIN payments USING (id)
 *
 *     schema    | o.id  o.store | payments.id  payments.amount |   what an EXPR_COLUMN counts by
 *     tables    | o             | payments                     |   for names with a qualifier
 *     columns     id → o.id, store, amount                         for names without one, and `*`
 *
 * A name is read as Flink reads it: [[catalog.]database.]table or alias, column, fields of a ROW;
 * the longest prefix that names a relation wins. A name that no column has may be a field of one
 * (HiddenField). What no relation here has is looked for in the scope outside (LATERAL, subqueries)
 * and becomes an outer column, see expr_outer_depth. */
#ifndef WEIR_PLAN_SCOPE_H
#define WEIR_PLAN_SCOPE_H

#include "base/list.h"
#include "data/schema.h"
#include "expr/expr.h"
#include "sql/ast.h"

typedef struct Planner Planner;
typedef struct ExprBinder ExprBinder;

/* A relation under the name it has in FROM: a run of the scope's columns. */
typedef struct ScopeTable {
    Str alias;            /* no data: none */
    Str path;             /* of a table: catalog.database.table, for qualified names */
    int32_t first, count; /* columns of the scope's schema */
    bool is_broken;       /* it could not be bound: any name may be its, silently */
} ScopeTable;

/* A column as names without a qualifier and `*` find it. */
typedef struct ScopeColumn {
    Str name;
    Expr *expr;    /* over the scope's schema: a column, or what USING makes of two */
    int32_t table; /* index of its relation, or -1 for a column of USING */
} ScopeColumn;

typedef struct Scope Scope;
struct Scope {
    Schema schema; /* columns that no name finds may stand behind those of the tables */
    ScopeTable *tables;
    int32_t table_count;
    ScopeColumn *columns; /* in the order of `*` */
    int32_t column_count;
    const Scope *outer; /* around a subquery, or NULL */
    bool is_broken;     /* one of the tables is */
};

/* One relation; alias and path may be without data. */
Scope scope_of(Planner *planner, Str alias, Str path, const Schema *schema);
/* The relations of left, then those of right; `outer` is left's. */
Scope scope_join(Planner *planner, const Scope *left, const Scope *right);
/* The schema is now this one, which has the same columns and perhaps more behind them. */
void scope_retype(Planner *planner, Scope *scope, const Schema *schema);
/* Makes of two columns of one name, found without qualifier in left and right, one that stands
 * first of all in `*`. `index` counts the columns made so for this join. */
void scope_merge_column(Planner *planner, Scope *scope, Str name, Expr *expr, int32_t index);
/* How many columns without qualifier have the name; the first one is *out. */
int32_t scope_find(const Scope *scope, Str name, const ScopeColumn **out);
/* The relation that the first `part_count` parts of the path mean, or NULL. */
const ScopeTable *scope_find_table(Planner *planner, const Scope *scope, const SqlPath *path,
                                   int32_t part_count);
/* A column by its name; poison after a report. */
Expr *bind_column(ExprBinder *binder, const SqlPath *path, Span span);

/* "table `x` is not in FROM", with what is there instead. */
void scope_report_table(Planner *planner, const Scope *scope, const SqlPath *path,
                        int32_t part_count, Span span);

/* ---- Outer columns --------------------------------------------------------------------- */

/* Columns of the scope around a subquery, while the subquery has not been joined to it: depth 1 is
 * the scope directly outside. */
Expr *expr_outer_column(Arena *arena, int32_t depth, int32_t column, Type type);
/* 0 for a column of the relation itself. */
int32_t expr_outer_depth(const Expr *column);
/* Its number in the scope that it is of. */
int32_t expr_outer_index(const Expr *column);
/* Whether one of the columns below is an outer one. */
bool expr_has_outer(const Expr *expr);

#endif
