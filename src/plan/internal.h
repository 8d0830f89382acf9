/* What the files of plan/ share.
 *
 * Binding makes Rels: plan nodes with what only planning needs. They are interned by what they
 * compute, so that two statements that scan one table or expand one view meet in one Rel. Then
 * passes over the whole graph change it in place:
 *
 *   bind_* ──> Rel graph ── connect, share, normalize, merge, changelog, prune ──> finish ──> Plan
 *
 * A mistake is reported once, where it is; what depends on it gets the error type (expr_poison,
 * type_is_poison) and stays silent. */
#ifndef WEIR_PLAN_INTERNAL_H
#define WEIR_PLAN_INTERNAL_H

#include "plan/catalog.h"
#include "plan/plan.h"
#include "plan/scope.h"
#include "plan/session.h"
#include "sql/ast.h"
#include "sql/extension.h"

enum {
    PLAN_COLUMNS_MAX = 2000,            /* of one relation */
    PLAN_RELS_MAX = 20000,              /* of one script */
    PLAN_DEPTH_MAX = 200,               /* relations on top of each other: views of views */
    PLAN_EXPR_NODES_MAX = 20000,        /* of one merged expression */
    PLAN_BOUND_NODES_MAX = 100000,      /* of one expression as written */
    PLAN_TYPE_NODES_MAX = 10000,        /* of one type */
    PLAN_BYTES_MAX = 400 * 1024 * 1024, /* of a plan in the making, its syntax tree included */
};

/* ---- Relations ------------------------------------------------------------------------- */

typedef struct TableEntry TableEntry;
typedef struct Rel Rel;

/* A set of columns in which no two rows are equal, in order of the columns. */
typedef struct ColumnSet {
    int32_t *columns;
    int32_t count;
} ColumnSet;

/* table.exec.sink.upsert-materialize */
typedef enum Ordering {
    ORDERING_AUTO, /* where the key is not the one that changes go by */
    ORDERING_NONE,
    ORDERING_FORCE,
} Ordering;

struct Rel {
    PlanNode node;         /* first: a Rel * is a PlanNode * */
    int32_t serial;        /* order of creation: inputs before consumers */
    int32_t depth;         /* of the tree below */
    TableEntry *looked_up; /* PLAN_LOOKUP_JOIN */
    TableEntry *entry;     /* PLAN_SOURCE, PLAN_SINK; PLAN_CALC of a table on a shared source */
    Span span;             /* of what asked for it, for messages */
    Str owner;             /* PLAN_SINK, PLAN_SERVE: the target as written */
    bool is_single_row;    /* PLAN_SERVE of at most one row: all columns are its key */
    /* PLAN_SINK, PLAN_SERVE: whether changes are put in order for its key, and for how long. */
    Ordering ordering;
    int64_t ordering_ttl_us;
    ConflictRule conflict_rule; /* PLAN_SINK */
    List unique_keys;           /* ColumnSet, filled by rel_unique_keys */
    bool has_unique_keys;
    int8_t has_outer; /* rel_has_outer: -1 no, 1 yes, 0 not known yet */
    /* Passes. */
    bool is_refused; /* a mistake about it was reported */
    bool is_reached;
    int32_t consumer_count;
    bool needs_update_before;
    bool *needed;  /* columns that a consumer reads */
    int32_t *map;  /* column -> column after pruning, -1 when gone */
    int32_t width; /* columns before pruning */
    Rel *stand_in; /* takes this one's place */
    /* What stands for the session's zone in the identities of what depends on it; 0: nothing. */
    uint64_t zone_salt;
    uint64_t identity;
    uint64_t *column_identities;
    struct ColumnUse *uses; /* pass_fields: of each output column */
    int32_t grown_count;    /* PLAN_WINDOW_ASSIGN: columns that it added behind all others */
};

/* A relation with the names under which its columns are known here. */
typedef struct Bound {
    Rel *rel;      /* NULL after a mistake that leaves nothing to go on with */
    Schema schema; /* types as rel's */
    Span *spans;   /* of what made each column */
} Bound;

static inline Rel *rel_input(const Rel *rel, int32_t index)
{
    return (Rel *)rel->node.inputs[index];
}

/* ---- Tables ---------------------------------------------------------------------------- */

typedef struct TableColumn {
    Field field; /* as the table shows it, time attribute included */
    SqlColumnKind kind;
    Span span;
    int32_t physical; /* index into PlanTable.physical, or -1 */
    int32_t base;     /* index into TableEntry.base, or -1 for computed ones */
    Str metadata_key; /* SQL_COLUMN_METADATA */
    int32_t metadata; /* index into the connector's list once it is known, or -1 */
    bool is_virtual;
    Expr *computed; /* over TableEntry.base */
} TableColumn;

typedef enum EntryState { ENTRY_UNCHECKED, ENTRY_GOOD, ENTRY_BAD } EntryState;

struct TableEntry {
    PlanTable table;
    TableColumn *columns;
    int32_t column_count;
    Schema schema;   /* all columns, for readers */
    Schema base;     /* physical, then metadata columns, as declared */
    Expr *watermark; /* over `schema`, or NULL */
    int32_t watermark_column;
    const SqlDistribution *distribution; /* or NULL */
    OptionEntry *options;
    int32_t option_count;
    int32_t *hints; /* which of the options come from a hint */
    int32_t hint_count;
    Span span; /* of the name */
    EntryState state;
    bool is_checked_as_source, is_checked_as_sink;
    bool is_good_as_source, is_good_as_sink;
    bool is_bounded;
    ChangelogMode read_mode, write_mode;
};

/* ORDER BY and LIMIT of a query, while it is bound (bind_order.c). */
typedef struct OrderQuery {
    const SqlQuery *query;
    List columns;          /* SortColumn of the result with the hidden columns behind it */
    List hidden;           /* Expr */
    int32_t visible_count; /* columns of the result */
    bool is_nested;        /* in another query */
    bool is_bound, is_failed;
} OrderQuery;

/* ---- The planner ----------------------------------------------------------------------- */

typedef struct Cte Cte;
struct Cte {
    Str name;
    Bound query;
    Cte *outer;
};

/* What a definition of the catalog means to this plan. */
typedef struct ObjectBinding {
    bool is_done;      /* bound, or found to be wrong */
    bool is_begun;     /* being bound: a use of it now is a circle */
    TableEntry *entry; /* OBJECT_TABLE, or NULL after a mistake */
    Bound query;       /* the others */
} ObjectBinding;

/* What outlives a plan. */
struct PlanSession {
    PlanContext context;
    Arena *arena;
    List texts;   /* SessionText */
    List sources; /* Source, of the texts */
    Catalog catalog;
    Map *settings;  /* key -> const char *, as SET so far */
    Map *initial;   /* what RESET goes back to */
    Map *overrides; /* the command line's, above them */
    Map *jars;      /* path -> anything */
    Map *functions; /* of CREATE FUNCTION, see user_function.c */
    Map *errors;    /* path -> CatalogObject, of TABLE$errors */
    Map *stars;     /* address of a `*` in a view -> List of Str, its columns */
    int32_t object_count;
    int32_t text_end; /* spans below it are taken */
};

struct Planner {
    PlanSession *session;
    const PlanContext *context;
    Arena *arena;
    Diagnostics *diagnostics;
    List bindings;      /* ObjectBinding or NULL, by id of the object */
    List added;         /* CatalogObject, defined by this planner's statements */
    List replaced;      /* CatalogObject, in whose place others were added */
    Str dropped;        /* see PlanStep */
    Map *interned;      /* digest -> Rel */
    List rels;          /* all, in order of creation */
    List roots;         /* PLAN_SINK and PLAN_SERVE */
    List tables;        /* PlanTable; see Plan.tables */
    List results;       /* StatementResult */
    Cte *ctes;          /* innermost first */
    const List *hints;  /* SqlHint of the SELECT whose FROM is being built, or NULL */
    List used_hints;    /* const SqlHint, those of LOOKUP that a table was found for */
    OrderQuery *order;  /* ORDER BY of the query whose SELECT is bound next, or NULL */
    const Scope *outer; /* around the query that is being bound, or NULL */
    int32_t query_depth;
    bool is_nested_next; /* the query that is bound next stands in another */
    bool is_in_view;     /* binding the query of a view */
    bool is_full;        /* beyond PLAN_BYTES_MAX, which was reported */
    /* For portable_subquery: of subqueries that refer past the query next to them the Span, and
     * each Expr by which they were joined to it. */
    List far_subqueries, far_conditions;
    bool is_partial; /* the parser dropped statements: missing tables are not reported */
};

/* Add an error; labels, notes and suggestions go to the result. */
#define REPORT(planner, code, span, ...)                                                           \
    diagnostics_add((planner)->diagnostics, DIAGNOSTIC_ERROR, (code), (span), __VA_ARGS__)
#define WARN(planner, code, span, ...)                                                             \
    diagnostics_add((planner)->diagnostics, DIAGNOSTIC_WARNING, (code), (span), __VA_ARGS__)
/* What stock Flink does not have; `name` is NULL, or says which. */
#define EXTENSION(planner, which, span, name)                                                      \
    extension_report((planner)->diagnostics, EXTENSION_##which, (span), (name))

/* ---- plan.c ---------------------------------------------------------------------------- */

void planner_begin(Planner *planner, PlanSession *session, Arena *arena, Diagnostics *diagnostics);
void bind_statement(Planner *planner, const SqlStatement *statement);
/* The plan of what was bound; NULL if there is a mistake. */
Plan *planner_finish(Planner *planner);
/* Takes what the planner's statements have added out of the catalog again. */
void planner_undo(Planner *planner);
/* "`what` is not supported yet". */
Diagnostic *planner_unsupported(Planner *planner, Span span, const char *what);
/* A note "columns are a, b, c". */
void diagnostic_note_columns(Diagnostic *diagnostic, const Schema *schema);
/* The same for a relation that has `count` columns of the schema from `first` on. */
void diagnostic_note_table(Diagnostic *diagnostic, Str name, int32_t first, int32_t count,
                           const Schema *schema);
void diagnostic_suggest_columns(Planner *planner, Diagnostic *diagnostic, const Schema *schema,
                                Str name);

/* ---- settings.c ------------------------------------------------------------------------ */

/* Takes over the settings of the command line. */
void settings_override(Planner *planner);
void settings_set(Planner *planner, const SqlSetting *setting);
void settings_reset(Planner *planner, const SqlSetting *setting);
/* The value or the key's default; NULL if neither. */
const char *settings_text(const Planner *planner, const char *key);
int64_t settings_duration_us(const Planner *planner, const char *key);
bool settings_is(const Planner *planner, const char *key, const char *value);
bool settings_is_batch(const Planner *planner);
/* table.local-time-zone, or what the environment says. */
const TimeZone *settings_zone(const Planner *planner);
void settings_finish(Planner *planner, PlanSettings *out);
/* All keys there are, Str * in the list. */
void settings_names(Arena *arena, List *out);

/* ---- catalog.c ------------------------------------------------------------------------- */

void catalog_init(PlanSession *session);
NamedCatalog *catalog_named(const PlanSession *session, Str name);
CatalogDatabase *catalog_database(const PlanSession *session, Str catalog, Str database);
/* The same; NULL after a report. */
NamedCatalog *catalog_find_named(Planner *planner, Str name, Span span);
CatalogDatabase *catalog_find_database(Planner *planner, Str catalog, Str database, Span span);
/* A name of one or two parts, [catalog.]database; reports more. */
bool catalog_database_path(Planner *planner, const SqlPath *path, Str *catalog, Str *database);
/* The full path; reports one that has too many parts or an unknown catalog or database. */
bool catalog_resolve(Planner *planner, const SqlPath *path, ObjectPath *out);
/* What stands there, temporary objects first; or NULL. */
CatalogObject *catalog_object_at(const PlanSession *session, const ObjectPath *path);
/* NULL after a report (or silently, for an object with mistakes: *is_broken). */
CatalogObject *catalog_find(Planner *planner, const SqlPath *path, bool *is_broken);
/* The same for what is only read: also TABLE$errors (errors_table.c). */
CatalogObject *catalog_find_readable(Planner *planner, const SqlPath *path, bool *is_broken);
/* Add a new object; NULL if the name is taken (reported unless `if_not_exists`). It is broken until
 * its definition is found to be right. */
CatalogObject *catalog_add(Planner *planner, const SqlPath *path, ObjectKind kind,
                           bool is_temporary, bool if_not_exists);
void catalog_put(PlanSession *session, CatalogObject *object);
void catalog_remove(PlanSession *session, const CatalogObject *object);
/* Put a changed copy in the object's place, unless its definition is wrong. */
bool catalog_redefine(Planner *planner, CatalogObject *object, CatalogObject changed);
void catalog_rename(Planner *planner, CatalogObject *object, const SqlName *name);
/* The option's place in a list of SqlOption, or -1. */
int32_t sql_options_find(const List *options, Str key);
/* Replaces the option of the same key. */
void sql_options_put(List *options, Arena *arena, SqlOption *option);
void catalog_use(Planner *planner, const SqlUse *use);
void catalog_create(Planner *planner, const SqlCreateObject *create);
void catalog_create_database(Planner *planner, const SqlCreateObject *create);
/* "table", "view", "materialized table" */
const char *object_word(ObjectKind kind);
Str sql_path_text(Arena *arena, const SqlPath *path);
static inline SqlName *sql_path_last(const SqlPath *path)
{
    return LIST_AT(path->parts, path->parts.count - 1, SqlName);
}

/* ---- portable.c ------------------------------------------------------------------------ */

/* Name what stock Flink does not have of a call, an aggregate with its clauses, a cast, two inputs
 * of UNION and its kind. Arguments are as written, before casts. */
void portable_call(Planner *planner, const char *name, Expr *const *args, int32_t count, Span span);
void portable_aggregate(Planner *planner, const SqlExpr *call, Expr *const *args);
void portable_cast(Planner *planner, Type from, Type to, bool is_try, Span span);
void portable_union(Planner *planner, Type a, Type b, Span span);
/* A value of a SELECT or VALUES. */
void portable_item(Planner *planner, const Expr *item, Span span);
/* AggregateUse over windows, of GROUP BY HOP(…) or of a window function. */
void portable_window(Planner *planner, WindowKind kind, bool is_group_window, const List *uses);
/* The condition reads a column below `width`. */
bool portable_reads(Expr *condition, int32_t width);
/* Flink sees two columns there where USING has made one. */
bool portable_is_ambiguous(const char *place);
void portable_plus(Planner *planner, Expr *operand, Span span);

/* ---- drop.c ---------------------------------------------------------------------------- */

void bind_drop(Planner *planner, const SqlDrop *drop);
void bind_truncate(Planner *planner, const SqlPath *path);

/* ---- like.c, bind_ctas.c, alter.c, alter_table.c ---------------------------------------- */

/* The definition with what LIKE takes over; NULL after a report. */
const SqlCreateTable *table_like(Planner *planner, const SqlCreateTable *create);
void bind_create_table_as(Planner *planner, const SqlCreateTable *create);
void bind_alter(Planner *planner, const SqlAlter *alter);
void alter_table(Planner *planner, const SqlAlter *alter, CatalogObject *object);

/* ---- partition.c, user_function.c ------------------------------------------------------- */

void alter_partitions(Planner *planner, const SqlAlter *alter, CatalogObject *object);
void show_partitions(Planner *planner, const SqlShow *show);
void bind_create_function(Planner *planner, const SqlCreateObject *create);
void bind_drop_function(Planner *planner, const SqlDrop *drop);
void bind_alter_function(Planner *planner, const SqlAlter *alter);
/* The function of the catalogue that the name stands for; NULL if it is none of the user's. */
const char *user_function_find(Planner *planner, const SqlPath *path);
/* Put the names that can be used in a database into the map. */
void user_functions_list(Planner *planner, Str catalog, Str database, Map *names);

/* ---- result.c -------------------------------------------------------------------------- */

/* A result of this planner's statement. */
StatementResult *result_new(Planner *planner, const char *const *columns, int32_t count);
/* Copies the cells; one without data is NULL. */
void result_add(Planner *planner, StatementResult *result, const Str *cells);
void result_add_text(Planner *planner, Str text);
void result_sort(StatementResult *result);

/* ---- show.c, show_create.c, describe.c, environment.c, bind_explain.c ------------------- */

void bind_show(Planner *planner, const SqlShow *show);
/* Whether LIKE of the statement lets the name through. */
bool show_matches(const SqlShow *show, Str name);
void show_create_object(Planner *planner, const SqlShow *show);
void show_create_catalog(Planner *planner, const SqlShow *show);
/* The constraint's name, made of the columns if it has none. */
Str primary_key_name(Arena *arena, const SqlPrimaryKey *key);
void bind_describe(Planner *planner, const SqlDescribe *describe, Span span);
/* The columns as a result; those that `filter` lets through, if it is given. */
void describe_object(Planner *planner, const CatalogObject *object, Span span,
                     const SqlShow *filter);
void bind_module(Planner *planner, const SqlModule *module);
void bind_jar(Planner *planner, const SqlJar *jar);
void show_modules(Planner *planner, const SqlShow *show);
void show_jars(Planner *planner);
void show_no_jobs(Planner *planner);
void report_no_job(Planner *planner, Str job, Span span);
void bind_explain(Planner *planner, const SqlExplain *explain);

/* ---- definition.c ---------------------------------------------------------------------- */

/* The table as this plan reads and writes it; NULL, silently, if its definition is wrong. */
TableEntry *object_table(Planner *planner, const CatalogObject *object, Span span);
/* The query of a view or materialized table; without `rel` if it is wrong. */
Bound object_query(Planner *planner, const CatalogObject *object, Span span);
/* Something that views may be made of has changed: later uses see it. */
void objects_forget_queries(Planner *planner);
/* A `*` in a view keeps the columns that it had when the view was defined: their names. NULL where
 * it has those from `first` on. */
const List *object_star(Planner *planner, const SqlExpr *star, const List *names, int32_t first);
/* Its definition is just being bound. */
bool object_is_begun(Planner *planner, const CatalogObject *object);
/* Bind the definition of an object that is new or changed, reporting its mistakes. */
void object_define(Planner *planner, CatalogObject *object);

/* ---- limit.c --------------------------------------------------------------------------- */

/* False beyond PLAN_BYTES_MAX, after a report the first time. */
bool planner_has_room(Planner *planner, Span span);
/* False after a report. */
bool expr_is_small(Planner *planner, const Expr *expr, Span span);
bool type_is_small(Planner *planner, Type type, Span span);

/* ---- expr_util.c ----------------------------------------------------------------------- */

/* The type of what could not be bound. */
Type type_poison(void);
bool type_is_poison(Type type);
Expr *expr_poison(Arena *arena);
static inline bool expr_is_poison(const Expr *expr)
{
    return type_is_poison(expr->type);
}
/* The tree with column i replaced by replacements[i]. */
Expr *expr_substitute(Arena *arena, Expr *expr, Expr *const *replacements);
/* Nodes of the tree, at most limit + 1. */
int32_t expr_size(const Expr *expr, int32_t limit);
/* Canonical text: columns as $index. */
void expr_digest(Buffer *out, const Expr *expr);
/* a AND b, either may be NULL. */
Expr *expr_and(Arena *arena, Expr *a, Expr *b);
/* The conjuncts of an AND tree, appended to the list. */
void expr_conjuncts(Arena *arena, Expr *expr, List *out);
void expr_mark_columns(const Expr *expr, bool *columns);
Type type_plain(Type type); /* without time attribute */

/* ---- rel.c: constructors --------------------------------------------------------------- */

Rel *rel_new(Planner *planner, PlanKind kind, const Schema *schema, Rel *const *inputs,
             int32_t input_count);
/* The Rel that computes the same, if there is one already, else this. */
Rel *rel_intern(Planner *planner, Rel *rel);
Rel *rel_calc(Planner *planner, Rel *input, Expr *filter, Expr *const *exprs, const Schema *schema);
Bound bound_make(Planner *planner, Rel *rel, const Schema *schema, Span span);
/* The columns as expressions. */
Expr **rel_columns(Planner *planner, const Schema *schema);
/* The name, or, if it is taken, with the first number behind it that makes it new: `name0`. It is
 * taken from then on; `taken` begins as an empty map. */
Str field_name_add(Planner *planner, Map *taken, Str name);
/* The fields of a, then of b. */
Schema schema_concat(Arena *arena, const Schema *a, const Schema *b);
/* The same, counted from `first` on. */
Expr **rel_columns_at(Planner *planner, const Schema *schema, int32_t first);
void window_digest(Buffer *out, const WindowSpec *window);
void rel_digest(Buffer *out, const Rel *rel);

/* ---- bind_expr.c, bind_call.c, bind_json.c, literal.c
 * ----------------------------------------------- */

typedef struct OverQuery OverQuery;

/* What the items of a SELECT are called; names without alias are not here. */
typedef struct SelectAliases {
    Str *names;
    Expr **exprs;
    int32_t count;
    bool come_first; /* before columns of the same name */
} SelectAliases;

typedef struct MatchBinder MatchBinder;
typedef struct From From;

/* Aggregates are columns from here on in the expressions of a SELECT, above all of a scope. */
enum { AGGREGATE_COLUMN_FIRST = 1 << 18 };

typedef struct AggregateUse {
    Str name;
    Expr *args[AGGREGATE_ARGS_MAX];
    int32_t arg_count;
    Expr *filter; /* or NULL */
    bool is_distinct;
    AggregateCall *call;
    Span span;
} AggregateUse;

struct ExprBinder {
    Planner *planner;
    const Scope *scope; /* NULL: constants only */
    /* Where aggregate calls go; they become columns from AGGREGATE_COLUMN_FIRST on. NULL: not
     * allowed. */
    List *aggregates;
    /* Where subqueries go: they are joined to *from at once, or kept (Subquery) and become columns
     * until they are. Both NULL: not allowed. */
    From **from;
    List *subqueries;
    const char *place; /* "WHERE", for messages */
    int32_t on_width;  /* in ON: the columns of the join's first table; else 0 */
    bool is_in_aggregate;
    /* TUMBLE(ts, …) or HOP(ts, …) of GROUP BY, whose columns are the scope's last three; NULL. */
    const SqlExpr *window;
    OverQuery *over; /* where calls with OVER go; NULL: not allowed */
    /* Items of SELECT that names may mean which no relation has, or NULL. */
    const SelectAliases *aliases;
    /* The expression stands in MATCH_RECOGNIZE; NULL elsewhere. */
    MatchBinder *match;
};

/* Never NULL; poison after a report. */
Expr *bind_expr(ExprBinder *binder, const SqlExpr *expr);
/* The same, and the type must be BOOLEAN. */
Expr *bind_condition(ExprBinder *binder, const SqlExpr *expr);
/* "Did you mean" a function, or another word that may be called here. */
void function_suggest(const ExprBinder *binder, Diagnostic *diagnostic, Str name);
Expr *bind_call(ExprBinder *binder, const SqlExpr *expr);
Expr *bind_function(ExprBinder *binder, const char *name, Expr **args, int32_t arg_count,
                    Span span);
Expr *bind_json_call(ExprBinder *binder, const SqlExpr *expr);
/* An aggregate with its arguments, which are bound by `args`; NULL after a report. */
AggregateUse *bind_aggregate_use(ExprBinder *args, const SqlExpr *expr);
Expr *bind_literal(Planner *planner, const SqlExpr *expr);
/* The exact number with a minus sign before it, which is one literal: -2147483648 is an INT. */
Expr *bind_negative(Planner *planner, const SqlExpr *number);

/* ---- bind_nested.c --------------------------------------------------------------------- */

/* ARRAY[…], MAP[…], ROW(…); array[index], map[key]; (expression).field. */
Expr *bind_constructor(ExprBinder *binder, const SqlExpr *expr);
Expr *bind_subscript(ExprBinder *binder, const SqlExpr *expr);
Expr *bind_field_of(ExprBinder *binder, const SqlExpr *expr);
/* A field of a ROW; poison after a report. */
Expr *bind_field(ExprBinder *binder, Expr *row, const SqlName *field, Span span);
Expr *bind_field_at(ExprBinder *binder, Expr *row, int32_t field, Span span);
/* A field that is named without the column it is in, as Flink finds it: the least deep one. */
typedef struct HiddenField {
    const ScopeColumn *column;
    int32_t depth; /* ROWs between the column and the field's own */
    int32_t count; /* of the fields so named at this depth; 0: none */
} HiddenField;

/* Of the columns of a relation, or of all (NULL). */
HiddenField scope_hidden_field(const Scope *scope, const ScopeTable *table, Str name);
/* Poison after a report that there are several. */
Expr *bind_hidden_field(ExprBinder *binder, const HiddenField *hidden, Str name, Span span);
/* (a, b) = (c, d), (a, b) IN ((c, d), …), field by field; NULL if the expression is none. */
Expr *bind_row_comparison(ExprBinder *binder, const SqlExpr *expr);
Expr *bind_row_in(ExprBinder *binder, const SqlExpr *expr);
/* What the `*` of column.* takes the fields of, poison after a report; NULL if the path does not
 * begin with a column. */
Expr *bind_row_star(ExprBinder *binder, const SqlPath *path, Span span);

/* ---- bind_order.c ---------------------------------------------------------------------- */

bool query_has_order(const SqlQuery *query);
/* What is ordered by, bound in a SELECT: its exprs and their names; hidden ones are to be added. */
void order_bind(ExprBinder *binder, OrderQuery *order, const List *exprs, const List *names);
/* The same over the result of a query that is no SELECT. */
void order_bind_result(Planner *planner, OrderQuery *order, const Bound *bound);
/* Sorts or cuts, and takes the hidden columns away; no relation after a report. */
Bound order_build(Planner *planner, const OrderQuery *order, Bound bound);

/* ---- foreign_function.c ---------------------------------------------------------------- */

/* What a function of another database is called here; NULL if it is not known. */
const char *foreign_function_ours(Str name);

/* ---- bind_table.c ---------------------------------------------------------------------- */

void bind_create_table(Planner *planner, const SqlCreateTable *create);
/* What the definition of a table means; NULL after a report. */
TableEntry *bind_table(Planner *planner, const CatalogObject *object);
/* The rows of a table. */
Bound bind_scan(Planner *planner, TableEntry *entry, Span span);
/* The table with OPTIONS hints merged; the entry itself without any. */
TableEntry *bind_hints(Planner *planner, TableEntry *entry, const List *hints);

/* ---- table_check.c --------------------------------------------------------------------- */

void table_check_columns(Planner *planner, const SqlCreateTable *create);
bool table_bind_keys(Planner *planner, const SqlCreateTable *create, TableEntry *entry);
bool table_bind_partition(Planner *planner, const SqlCreateTable *create, TableEntry *entry);
bool table_bind_distribution(Planner *planner, const SqlCreateTable *create, TableEntry *entry);
bool table_bind_watermark(Planner *planner, const SqlCreateTable *create, TableEntry *entry);

/* ---- connect_table.c ------------------------------------------------------------------- */

/* Find the connector and check the options; once per entry. */
bool entry_connect(Planner *planner, TableEntry *entry);
/* Further checks for the way the table is used. `span`: of the use. */
bool entry_connect_source(Planner *planner, TableEntry *entry, Span span);
bool entry_connect_sink(Planner *planner, TableEntry *entry, Span span);
/* The table is asked for rows by these of its physical columns. */
bool entry_connect_lookup(Planner *planner, TableEntry *entry, const ColumnList *keys);
/* The connector's type of a metadata column. */
Type entry_metadata_type(Planner *planner, const TableEntry *entry, const TableColumn *column);

/* ---- bind_query.c, bind_from.c --------------------------------------------------------- */

Bound bind_query(Planner *planner, const SqlQuery *query);
/* A query in another one: in what order its rows come has no meaning. */
Bound bind_nested_query(Planner *planner, const SqlQuery *query);
/* UNION, INTERSECT, EXCEPT. */
Bound bind_set(Planner *planner, const SqlQuery *query);
/* A relation of FROM that is no join. */
Bound bind_leaf(Planner *planner, const SqlTable *table, Scope *scope);
/* bind_match.c */
Bound bind_match(Planner *planner, const SqlTable *table);
void bind_create_view(Planner *planner, const SqlCreateView *create);
/* What the definition of a view means; without `rel` after a report. */
Bound bind_view(Planner *planner, const SqlCreateView *create);
/* Rename columns; reports a wrong number. */
bool bound_rename(Planner *planner, Bound *bound, const List *names, Span span);

/* ---- bind_aggregate.c ------------------------------------------------------------------ */

/* What SELECT … GROUP BY … HAVING computes. */
typedef struct GroupQuery {
    Bound input;                  /* filtered by WHERE */
    List keys;                    /* Expr over the input */
    List aggregates;              /* AggregateUse over the input */
    List subqueries;              /* Subquery */
    Expr *const *subquery_values; /* of those that are joined to the grouped relation */
    /* Over the input's columns, aggregates and subqueries. */
    Expr **items;
    int32_t item_count;
    Expr *having;
    Schema schema; /* of the items */
    Span span;
    const List *hints;     /* SqlHint, of the SELECT; or NULL */
    const SqlTable *from;  /* or NULL */
    bool has_group_window; /* GROUP BY TUMBLE(…) */
} GroupQuery;

Bound bind_group(Planner *planner, GroupQuery *group);

/* GROUP BY with GROUPING SETS, ROLLUP or CUBE (bind_grouping.c): distinct keys, and sets of them.
 */
typedef struct GroupingSets {
    List keys; /* Expr over the input */
    List sets; /* private */
    bool is_failed;
} GroupingSets;

bool grouping_has_sets(const List *groups);
void grouping_bind(ExprBinder *binder, const List *groups, GroupingSets *grouping);
/* Whether items or HAVING ask for GROUPING, GROUPING_ID or GROUP_ID. */
bool grouping_is_used(const GroupQuery *group);
/* The group's keys as the only set. */
void grouping_set_of_keys(Planner *planner, const GroupQuery *group, GroupingSets *grouping);
/* The group's input, keys, items and HAVING for all sets at once; false after a report. */
bool grouping_expand(Planner *planner, GroupQuery *group, const GroupingSets *grouping);
Bound bind_distinct(Planner *planner, Bound input, Span span);
/* Columns of the input for keys, arguments and filters, computed below where needed. */
typedef struct GroupColumns {
    Rel *input;
    List exprs; /* Expr, one per column of the new input */
    List names; /* Str * */
} GroupColumns;
int32_t group_column(Planner *planner, GroupColumns *columns, Expr *expr, Str name);
PlanAggregate *group_aggregates(Planner *planner, GroupColumns *columns, const List *uses);
Rel *group_columns_rel(Planner *planner, GroupColumns *columns, Expr *filter);
void group_name_results(const GroupQuery *group, PlanAggregate *aggregates);
Str group_key_name(const GroupQuery *group, const Expr *key);
/* The items and HAVING over `rel`, in which keys[i] stands for the i-th key of the group and
 * results[i] for the i-th aggregate; `filter` is over rel too, or NULL. Reports columns that are
 * not grouped. */
Bound group_items(Planner *planner, GroupQuery *group, Rel *rel, Expr *filter, Expr *const *keys,
                  Expr *const *results);

/* ---- window.c, window_group.c ---------------------------------------------------------- */

bool window_is_function(const SqlExpr *call);
/* The windows from before there were table functions: the call in GROUP BY, or NULL. */
const SqlExpr *group_window_find(const List *groups);
/* Gives the input its window; false after a report. */
bool bind_group_window(Planner *planner, const SqlExpr *call, Bound *input, Scope *scope);
/* TUMBLE_START(ts, …) and its kind as a column of the scope; poison after a report. */
Expr *bind_group_window_part(ExprBinder *binder, const SqlExpr *call);
Bound bind_window(Planner *planner, const SqlExpr *call);
/* GROUP BY of both window columns: true, and the result in *out. */
bool bind_window_group(Planner *planner, GroupQuery *group, Bound *out);
/* The same for rows that have their window already (window_attached.c). */
bool bind_attached_group(Planner *planner, GroupQuery *group, Bound *out);
/* A column that is only handed up by CALCs: where it comes from. */
Rel *rel_trace(Rel *rel, int32_t *column);

/* ---- bind_insert.c, bind_collect.c,
 * bind_materialized.c--------------------------------------------- */

void bind_insert(Planner *planner, const SqlInsert *insert);
/* A query alone, whose rows go to the context's collector. */
void bind_collect(Planner *planner, const SqlQuery *query, Span span);
void bind_create_materialized(Planner *planner, const SqlCreateMaterializedTable *create);

/* ---- keys.c ---------------------------------------------------------------------------- */

/* ColumnSets, best first. An empty set: at most one row. */
const List *rel_unique_keys(Planner *planner, Rel *rel);
/* The unique key that lies within the columns, or NULL. */
const ColumnSet *rel_key_within(Planner *planner, Rel *rel, const int32_t *columns, int32_t count);

/* ---- sinks.c --------------------------------------------------------------------------- */

/* Puts an operator before sinks whose key is not the one that changes go by; true if there is one.
 * Row kinds must be known. */
bool sinks_materialize(Planner *planner);
/* Refusals, and whether -U is needed. */
void sink_check(Planner *planner, Rel *sink);
void serve_check(Planner *planner, Rel *serve);

/* ---- passes ---------------------------------------------------------------------------- */

void pass_reach(Planner *planner);     /* what the roots need, inputs first; counts consumers */
bool pass_connect(Planner *planner);   /* connectors of all reached sources */
void pass_share(Planner *planner);     /* one source for tables that read the same */
void pass_stand_in(Planner *planner);  /* what reads a Rel with a stand-in reads that instead */
void pass_normalize(Planner *planner); /* PLAN_NORMALIZE behind upsert sources */
void pass_merge(Planner *planner);     /* CALC over CALC */
void pass_top_n(Planner *planner);     /* filters on ROW_NUMBER */
void top_n_keys(Planner *planner, Rel *calc); /* the key of what such a filter is to become */
void pass_changelog(Planner *planner);        /* row kinds; -U only where it is needed */
void pass_fields(Planner *planner);           /* columns of which only fields are read */
void pass_prune(Planner *planner);            /* columns nobody reads */
void pass_bounds(Planner *planner);           /* comparisons that sources can go by */
void pass_determinism(Planner *planner);      /* what does not come again the same */
Plan *pass_finish(Planner *planner);          /* order, distribution, uids, labels */
/* Fills identity and column_identities, those of the inputs being there; see Rel.zone_salt. */
void pass_identity(Planner *planner, Rel *rel, uint64_t zone_salt);
const char *node_label(Arena *arena, const PlanNode *node);
void explain_details(Buffer *out, const PlanNode *node);
/* How rows of one input, or of all, are spread. */
void explain_distribution(Buffer *out, const PlanNode *node, int32_t input);
void explain_distributions(Buffer *out, const PlanNode *node);
void explain_guarantee(Buffer *out, const PlanNode *root);
void changelog_print(Buffer *out, ChangelogMode mode);
void duration_print(Buffer *out, int64_t ms);

#endif
