/* From SQL trees to a graph of physical operators.
 *
 *   SqlScript ── binder ──> logical nodes ── rewrites, changelog inference ──> PlanNode DAG
 *
 * All statements of a script make one Plan; tables scanned or views computed by several of
 * them appear once, with several consumers. A plan is immutable and lives in its arena. */
#ifndef WEIR_PLAN_PLAN_H
#define WEIR_PLAN_PLAN_H

#include "base/arena.h"
#include "base/list.h"
#include "base/map.h"
#include "base/status.h"
#include "base/world.h"
#include "data/bound.h"
#include "data/datetime.h"
#include "data/schema.h"
#include "data/sortkey.h"
#include "expr/expr.h"
#include "plan/connector.h"
#include "plan/result.h"
#include "sql/diagnostics.h"
#include "store/store.h"

typedef enum PlanKind {
    PLAN_SOURCE,             /* reads a table: no input */
    PLAN_VALUES,             /* constant rows: no input */
    PLAN_CALC,               /* WHERE and SELECT: filter, then project */
    PLAN_WATERMARK,          /* gives the stream its event time */
    PLAN_WINDOW_ASSIGN,      /* a window TVF without aggregation: rows x windows */
    PLAN_WINDOW_AGGREGATE,   /* GROUP BY window_start, window_end, keys */
    PLAN_OVER,               /* calls with OVER: a row of the input with their results */
    PLAN_RANK,               /* Top-N: OVER with ROW_NUMBER and a filter on it */
    PLAN_DEDUPLICATE,        /* Top-1 by time: the first or last row of each key */
    PLAN_WINDOW_RANK,        /* Top-N of each window, when it is over */
    PLAN_SORT,               /* ORDER BY time, over a stream */
    PLAN_GROUP_AGGREGATE,    /* GROUP BY keys; DISTINCT is one without calls */
    PLAN_NORMALIZE,          /* upserts by key made a full changelog */
    PLAN_UNION,              /* UNION ALL */
    PLAN_REGULAR_JOIN,       /* whatever rows are known of both sides */
    PLAN_UNNEST,             /* rows beside the elements of a collection of each */
    PLAN_INTERVAL_JOIN,      /* rows whose times lie within bounds of each other */
    PLAN_TEMPORAL_JOIN,      /* rows with the version of their time: FOR SYSTEM_TIME AS OF */
    PLAN_WINDOW_JOIN,        /* rows of the same window */
    PLAN_LOOKUP_JOIN,        /* rows with what a table outside has for them now */
    PLAN_REPLICATE,          /* each row as often as its last column says */
    PLAN_SINGLE_ROW,         /* at most one row per key, else the job fails */
    PLAN_UPSERT_MATERIALIZE, /* changes by another key put in order for a sink's */
    PLAN_MATCH,              /* MATCH_RECOGNIZE */
    PLAN_SINK,               /* writes a table through a connector */
    PLAN_SERVE,              /* keeps a materialized table */
} PlanKind;

typedef enum Distribution {
    DISTRIBUTION_ANY,    /* as the input comes */
    DISTRIBUTION_HASH,   /* rows of equal keys meet on one shard */
    DISTRIBUTION_SINGLE, /* all rows on one shard */
} Distribution;

/* Columns of a schema, in an order that means something. */
typedef struct ColumnList {
    const int32_t *columns;
    int32_t count;
} ColumnList;

/* An aggregate call of an aggregation: argument columns of the input, and a filter column. */
typedef struct PlanAggregate {
    const AggregateCall *call;
    int32_t args[AGGREGATE_ARGS_MAX];
    int32_t filter; /* a BOOLEAN column of the input, or -1 */
    Str name;       /* of the output column */
} PlanAggregate;

typedef enum WindowKind {
    WINDOW_TUMBLE,
    WINDOW_HOP,
    WINDOW_CUMULATE,
    WINDOW_SESSION,
} WindowKind;

typedef struct WindowSpec {
    WindowKind kind;
    int32_t time_column; /* of the input: the rowtime attribute */
    int64_t size_ms;     /* CUMULATE: the maximum size; SESSION: the gap */
    int64_t slide_ms;    /* HOP: slide; CUMULATE: step; TUMBLE: = size */
    int64_t offset_ms;
    bool is_local_time;      /* the attribute is TIMESTAMP_LTZ: windows align to the session zone */
    bool is_attached;        /* rows have their window already: time_column is window_end */
    bool is_processing_time; /* rows have the time at which they come */
} WindowSpec;

/* What to put in an output column of a window operator besides keys and results. */
typedef enum WindowColumn { WINDOW_START, WINDOW_END, WINDOW_TIME } WindowColumn;

/* What a call with OVER computes from the rows of its frame. */
typedef enum OverFunction {
    OVER_AGGREGATE,
    OVER_ROW_NUMBER,
    OVER_RANK,
    OVER_DENSE_RANK,
    OVER_FUNCTIONS,
} OverFunction;

typedef struct PlanOverCall {
    OverFunction function;
    PlanAggregate aggregate; /* OVER_AGGREGATE */
    Type result;
    Str name; /* of the output column */
} PlanOverCall;

typedef enum FrameBound {
    FRAME_UNBOUNDED_PRECEDING,
    FRAME_PRECEDING,
    FRAME_CURRENT_ROW,
    FRAME_FOLLOWING,
    FRAME_UNBOUNDED_FOLLOWING,
} FrameBound;

/* The rows around the current one that a call with OVER sees. */
typedef struct OverFrame {
    bool is_rows; /* counted in rows, else by the value of ORDER BY (RANGE) */
    FrameBound from, to;
    int64_t from_offset, to_offset; /* rows, or milliseconds */
} OverFrame;

/* How Top-N keeps rows, which depends on its input. */
typedef enum RankStrategy {
    RANK_APPEND,      /* rows only come */
    RANK_UPDATE_FAST, /* rows are updated by key and only get better */
    RANK_RETRACT,     /* anything can happen: every row is kept */
} RankStrategy;

typedef enum JoinKind {
    JOIN_INNER,
    JOIN_LEFT,
    JOIN_RIGHT,
    JOIN_FULL,
    JOIN_SEMI, /* left rows that have a match on the right */
    JOIN_ANTI, /* left rows that have none */
} JoinKind;

/* Which rows of two inputs meet, and what comes of it. "Both sides" are the columns of input 0,
 * then those of input 1. */
typedef struct PlanJoin {
    JoinKind kind;
    ColumnList keys[2];       /* of each input: pairs of one type that must be equal */
    const bool *matches_null; /* by pair: IS NOT DISTINCT FROM instead of =; NULL: none is */
    Expr *condition;          /* over both sides, besides; or NULL */
    const int32_t *columns;   /* output column i is this one of both sides */
} PlanJoin;

/* A variable of MATCH_RECOGNIZE's pattern, which is a sequence of them. */
typedef struct PlanMatchVariable {
    Str name;
    int32_t min, max; /* rows; max -1: no bound */
    bool is_reluctant;
    Expr *condition; /* BOOLEAN over PlanNode.match.slots as columns; NULL: any row */
} PlanMatchVariable;

/* A value taken from the rows of a match. */
typedef enum MatchSlotKind {
    MATCH_SLOT_FIRST,     /* `column` of the row `offset` behind the variable's first one */
    MATCH_SLOT_LAST,      /* … before its last one */
    MATCH_SLOT_AGGREGATE, /* over the variable's rows */
    MATCH_SLOT_ROWTIME,   /* MATCH_ROWTIME(): when the match was complete */
} MatchSlotKind;

enum { MATCH_ALL_VARIABLES = -1 };

typedef struct PlanMatchSlot {
    MatchSlotKind kind;
    int32_t variable; /* or MATCH_ALL_VARIABLES */
    bool has_current; /* in a condition: the row at hand counts as one of the variable's */
    int32_t column;   /* of the input */
    int64_t offset;
    PlanAggregate aggregate;
    Field field; /* name and type of the value */
} PlanMatchSlot;

typedef enum MatchSkip {
    MATCH_SKIP_TO_NEXT_ROW,
    MATCH_SKIP_PAST_LAST_ROW,
    MATCH_SKIP_TO_FIRST, /* of skip_variable */
    MATCH_SKIP_TO_LAST,
} MatchSkip;

/* A column that orders rows of equal time. */
typedef struct PlanMatchOrder {
    int32_t column;
    bool is_descending;
    bool has_nulls_last;
} PlanMatchOrder;

/* A table as the catalog knows it after binding: enough to open its connector. */
typedef struct PlanTable {
    Str name; /* `orders` */
    Str path; /* `default_catalog.default_database.orders` */
    const ConnectorInfo *connector;
    TableOptions options;
    Schema physical;    /* physical columns, in declared order */
    const int32_t *key; /* PRIMARY KEY, indexes into physical */
    int32_t key_count;
    const int32_t *partition; /* PARTITIONED BY, indexes into physical */
    int32_t partition_count;
} PlanTable;

/* Of several rows under one key of a sink, which one it has. */
typedef enum ConflictRule {
    CONFLICT_LAST,  /* the one that came last */
    CONFLICT_FIRST, /* the one that came first */
    CONFLICT_FAIL,  /* there must not be several */
} ConflictRule;

typedef struct PlanNode PlanNode;
struct PlanNode {
    PlanKind kind;
    int32_t id;        /* position in Plan.nodes */
    const char *uid;   /* stable across edits elsewhere in the script: names its state */
    const char *label; /* for EXPLAIN and metrics: "source orders" */
    Schema schema;     /* of the output */
    PlanNode **inputs;
    int32_t input_count;
    ChangelogMode changelog; /* row kinds of the output */

    /* How this node wants its inputs spread; the job puts an exchange where it is not so. Keys that
     * meet have the same types. */
    Distribution distribution;
    const ColumnList *distribution_keys; /* one per input, never empty, for DISTRIBUTION_HASH */

    union {
        struct {
            const PlanTable *table;
            /* Output column i is physical column `columns[i]` of the table if >= 0, else
             * metadata -columns[i] - 1 (see metadata_at). Only what is used is here. */
            const int32_t *columns;
            /* Of each output column, where single fields of a ROW are read; else NULL. */
            const FieldPath *paths;
            /* Rows that do not meet them are asked for by nobody, and may be left out. */
            const ColumnBound *bounds;
            int32_t bound_count;
            bool is_bounded;
        } source;
        struct {
            Expr *const *rows; /* row-major: row_count x schema.count */
            int32_t row_count;
        } values;
        struct {
            Expr *filter;       /* BOOLEAN over the input, or NULL */
            Expr *const *exprs; /* one per output column; NULL: the input as it is */
            bool makes_append;  /* every row becomes +I, whatever it was */
        } calc;
        struct {
            const int32_t *keys; /* PARTITION BY, columns of the input */
            int32_t key_count;
            const SortColumn *order;
            int32_t order_count;
            OverFrame frame;
            const PlanOverCall *calls;
            int32_t call_count;
            int64_t state_ttl_us;
            /* output: the input's columns, results */
        } over;
        struct {
            const int32_t *keys;
            int32_t key_count;
            const SortColumn *order;
            int32_t order_count;
            int64_t first, last; /* the ranks that are let through, from 1 */
            int32_t last_column; /* that says the last rank, in the first row of a key; -1 */
            bool has_number;     /* the rank is the last column of the output */
            RankStrategy strategy;
            const int32_t *row_keys; /* RANK_UPDATE_FAST: the key of the input's rows */
            int32_t row_key_count;
            bool is_final; /* batch mode: +I at the end of input, nothing before */
            int64_t state_ttl_us;
            /* output: the input's columns, rank; -U is emitted if it is in `changelog`. */
        } rank;
        struct {
            const SortColumn *order; /* the first: a rowtime attribute, ascending */
            int32_t order_count;
        } sort;
        struct {
            const int32_t *keys;
            int32_t key_count;
            int32_t time_column; /* the event time; -1: rows count in the order they come */
            bool keeps_last;
            bool has_inserts; /* the first row of a key is +I, not +U */
            int64_t state_ttl_us;
            /* -U is emitted if it is in `changelog`. */
        } deduplicate;
        struct {
            const int32_t *keys; /* PARTITION BY, with the window's columns */
            int32_t key_count;
            const SortColumn *order;
            int32_t order_count;
            int64_t first, last;
            bool has_number;
            bool prefers_later; /* of rows that are equal by ORDER BY */
            int32_t end_column; /* of the input: window_end */
            bool is_local_time; /* of windows over TIMESTAMP_LTZ */
            /* output: the input's columns, rank */
        } window_rank;
        struct {
            int32_t time_column;     /* of input and output alike */
            Expr *watermark;         /* over the input; same type as the column */
            int64_t interval_us;     /* pipeline.auto-watermark-interval; 0: after each batch */
            int64_t idle_timeout_us; /* 0: never idle */
        } watermark;
        struct {
            WindowSpec window;   /* output: input columns, then start, end, time */
            const int32_t *keys; /* SESSION: PARTITION BY, columns of the input */
            int32_t key_count;
            bool takes_groups; /* SESSION of GROUP BY: its keys are those of the group */
        } window_assign;
        struct {
            WindowSpec window;
            const int32_t *keys; /* columns of the input */
            int32_t key_count;
            const PlanAggregate *aggregates;
            int32_t aggregate_count;
            const WindowColumn *window_columns;
            int32_t window_column_count;
            bool has_retractions; /* of the input */
            /* output: keys, results, window columns */
        } window_aggregate;
        struct {
            const int32_t *keys;
            int32_t key_count;
            const PlanAggregate *aggregates;
            int32_t aggregate_count;
            bool has_retractions;
            bool emits_update_before; /* a consumer needs -U */
            bool is_final; /* batch mode: +I of every group at the end of input, nothing before */
            int64_t state_ttl_us; /* 0: keep */
            /* output: keys, results */
        } group_aggregate;
        struct {
            const int32_t *keys;
            int32_t key_count;
            int64_t state_ttl_us;
            /* -U is emitted if it is in `changelog`. */
        } normalize;
        struct {
            ColumnList keys;
            int64_t state_ttl_us; /* 0: keep */
        } single_row;
        struct {
            ColumnList key;        /* the sink's */
            ColumnList upsert_key; /* by which rows are found again … */
            bool has_upsert_key;   /* … else by all their columns */
            ConflictRule rule;
            int64_t state_ttl_us; /* 0: keep */
        } upsert_materialize;
        /* Arrays of two: of input 0, of input 1. */
        struct {
            PlanJoin join;
            ColumnList unique[2]; /* columns in which no two rows are equal, perhaps none … */
            bool has_unique[2];   /* … if this says so */
            bool has_retractions[2];
            int64_t state_ttl_us[2]; /* 0: keep */
            bool is_final;           /* batch mode: only rows that stay */
        } regular_join;
        struct {
            Expr *collection;    /* over the input: ARRAY, MAP or MULTISET */
            PlanJoin join;       /* of the input and `elements`: INNER or LEFT, no keys */
            Schema elements;     /* the columns of an element; its number, from 1, is the last */
            bool has_ordinality; /* … if it is there */
        } unnest;
        struct {
            PlanJoin join;      /* not SEMI, not ANTI */
            bool is_event_time; /* else rows have the time at which they come */
            int32_t times[2];   /* of each input: its rowtime attribute */
            /* lower_us <= left time - right time <= upper_us */
            int64_t lower_us, upper_us;
            int64_t cleanup_us; /* state may stay that much longer than it is needed */
        } interval_join;
        struct {
            PlanJoin join;    /* INNER or LEFT */
            int32_t times[2]; /* the time that is asked for, and that of a version */
            int64_t state_ttl_us;
        } temporal_join;
        struct {
            PlanJoin join;      /* the windows' columns are among the keys */
            int32_t ends[2];    /* of each input: its window_end */
            bool is_local_time; /* of windows over TIMESTAMP_LTZ */
        } window_join;
        struct {
            /* INNER or LEFT. The right side are the columns of `right`; keys[1] counts those of
             * `fetched`. */
            PlanJoin join;
            const PlanTable *table;
            Schema fetched;         /* what the table is asked for … */
            const int32_t *columns; /* … column i is its physical column columns[i] */
            Schema right;
            Expr *const *exprs; /* of `right`, over `fetched` */
            LookupCache cache;
            bool is_async;         /* several requests are under way at a time */
            bool is_ordered;       /* rows leave in the order in which they came */
            int32_t capacity;      /* keys asked for at a time, when async */
            int64_t timeout_us;    /* of a request, when async */
            int32_t attempts;      /* to ask for a key that has no row; 1: once */
            int64_t retry_us;      /* between them */
            const PlanNode *scan;  /* PLAN_SOURCE of `fetched`, for a full cache */
            bool remembers;        /* what was found for a row goes with it when it is taken back */
            ColumnList memory_key; /* a unique key of the input, or all its columns */
            int64_t state_ttl_us;  /* … and is forgotten after that long; 0: never */
        } lookup_join;
        struct {
            const int32_t *keys; /* PARTITION BY */
            int32_t key_count;
            int32_t time_column; /* -1: processing time */
            const PlanMatchOrder *order;
            int32_t order_count;
            const PlanMatchVariable *variables;
            int32_t variable_count;
            MatchSkip skip;
            int32_t skip_variable;
            int64_t within_us;          /* 0: a match may take any time */
            int32_t unfinished_max;     /* partial matches of one key */
            const PlanMatchSlot *slots; /* columns of the variables' conditions */
            int32_t slot_count;
            const PlanMatchSlot *measures;
            int32_t measure_count;
            /* output: keys, measures */
        } match;
        struct {
            const PlanTable *table; /* schema = the input's; column i goes to writes[i] */
            const int32_t *writes;  /* as source.columns: >= 0 physical, else metadata */
            ChangelogMode accepts;  /* row kinds the connector takes; -U rows may come
                                       although it does not: it skips them */
            bool drops_null_rows;   /* table.exec.sink.not-null-enforcer = DROP */
            bool is_overwrite;      /* the rows take the place of what is there */
        } sink;
        struct {
            Str name;
            Str path;
            const int32_t *key; /* columns of the output; PRIMARY KEY or the query's upsert key */
            int32_t key_count;  /* 0: append-only, every row is kept under a row number */
            int64_t ttl_us;     /* 0: keep */
            int64_t freshness_us;
            const char *comment;
        } serve;
    };
};

/* Whether the rows themselves are kept, not only their times. */
static inline bool deduplicate_keeps_rows(const PlanNode *node)
{
    return (node->changelog & CHANGELOG_UPDATE_BEFORE) != 0 ||
           (node->deduplicate.time_column < 0 && node->deduplicate.keeps_last);
}

/* Settings of SET that the runtime reads, parsed and checked. */
typedef struct PlanSettings {
    const char *pipeline_name;
    bool is_batch;                  /* execution.runtime-mode */
    int32_t parallelism;            /* parallelism.default; 0: as many as there are cores */
    int64_t checkpoint_interval_us; /* 0: only at stop */
    int64_t checkpoint_timeout_us;  /* after which people are told; 0: never */
    int64_t checkpoint_min_pause_us;
    int32_t checkpoints_retained;
    bool checkpoints_incremental;
    const char *checkpoint_dir;   /* execution.checkpointing.dir; NULL or empty: the data folder */
    const char *savepoint_dir;    /* execution.checkpointing.savepoint-dir; likewise: none */
    StoreOptions store;           /* s3.*: how to open either, if it is a bucket */
    const char *recovery_path;    /* execution.state-recovery.path; NULL or empty: none */
    bool ignores_unclaimed_state; /* of it */
    const TimeZone *zone;         /* table.local-time-zone */
    int64_t watermark_interval_us;
    int64_t idle_timeout_us;
    int64_t state_ttl_us;
    int64_t memory_limit_bytes; /* weir.memory.limit; 0: none */
    bool spills_state;          /* state.backend.type is not memory */
    bool may_spill_state;       /* nobody has said: where it has no room below the limit */
    int64_t state_memory_bytes; /* what it may have where it spills; 0: by memory_limit_bytes */
    int64_t letters_max, letters_max_per_minute; /* weir.dead-letters.*; 0: any number */
    const Map *all;                              /* every key as given: Str -> const char * */
} PlanSettings;

typedef struct Plan {
    Arena *arena;
    PlanNode **nodes; /* topological: inputs before consumers */
    int32_t node_count;
    PlanNode **roots; /* PLAN_SINK and PLAN_SERVE */
    int32_t root_count;
    PlanSettings settings;
    List results; /* StatementResult, in order of the statements */
    List tables;  /* const PlanTable *, with PlanContext.checks_all: all that are declared */
} Plan;

/* A table for which another connector may stand in. Lives as long as the plan. */
typedef struct StandInColumn {
    Str name;
    Type type;
    Str metadata_key; /* no data: a physical column */
    bool is_virtual;  /* metadata that cannot be written */
} StandInColumn;

typedef struct StandInTable {
    Str name, path;
    bool is_sink;                   /* the first use of it writes */
    const ConnectorInfo *connector; /* its own; NULL if it names none */
    const StandInColumn *columns;   /* in declared order, without computed ones */
    int32_t column_count;
    const OptionEntry *options; /* as declared; the connector that stands in takes the same */
    int32_t option_count;
    int32_t key_count; /* of the PRIMARY KEY */
} StandInTable;

/* What planning takes besides the script. */
typedef struct PlanContext {
    World *world;
    const Registry *registry;
    /* Settings of the command line, above every SET of the script. Their spans are unused. */
    const OptionEntry *overrides;
    int32_t override_count;
    bool checks_all; /* also the options of tables that no statement uses (`weir check`) */

    /* Asked for each table that is used: the connector to take in place of its own, or NULL to
     * leave it. May be asked again for the same table. With it a table may lack the 'connector'
     * option. NULL: nothing stands in. */
    const ConnectorInfo *(*stand_in)(void *context, const StandInTable *table);
    void *stand_in_context;

    /* Takes the rows of a query that stands alone: the query becomes a PLAN_SINK of this connector,
     * named `query` (the next one `query_2`). NULL: such a query is a mistake, as in a file. */
    const ConnectorInfo *collector;
} PlanContext;

/* Parse and plan a whole script. Every mistake found is in `diagnostics`; ERR_INVALID if there
 * is one. A script without any INSERT or materialized table gives a plan without roots. */
Status plan_script(const PlanContext *context, const Source *source, Arena *arena,
                   Diagnostics *diagnostics, Plan **out);

/* The constants of `VALUES (…)` with one row, which is the whole of `values`, as a row of the
 * schema. Text is read as CAST reads it; numbers must fit. Mistakes are in `diagnostics`; values
 * live in the arena. */
typedef struct RowRequest {
    const Source *values;
    const Schema *schema;
    const TimeZone *zone;
} RowRequest;
Status plan_row(const PlanContext *context, const RowRequest *request, Arena *arena,
                Diagnostics *diagnostics, Value *out);

/* Whether the rows of the table wait for their checkpoint: see ConnectorInfo.holds_rows. */
bool plan_table_holds_rows(const PlanTable *table);

/* A uid ends with @ and the session's zone where what the state means depends on that; NULL: it
 * does not, or an older weir wrote the uid, which did not say. */
const char *plan_uid_zone(const char *uid);
/* The same operator, perhaps in another zone. */
bool plan_uid_is_same_but_zone(const char *a, const char *b);
/* Whether state that was saved under the uid `found` is that of the operator `uid`. */
bool plan_uid_takes(const char *uid, const char *found);

/* What an operator keeps from one batch to the next, and where. */
typedef enum StatePlace {
    STATE_NONE,
    STATE_IN_MEMORY,
    STATE_MAY_SPILL, /* not with state.backend.type = 'hashmap'; exec/ says so to its table */
} StatePlace;

StatePlace plan_state_place(const PlanNode *node);
/* What else a script can do about the memory that it takes, as an advice: "let it expire with …".
 * NULL: nothing. */
const char *plan_state_relief(const PlanNode *node);

/* The plan as an indented tree with changelog modes, keys and the guarantee of each path. */
void plan_explain(const Plan *plan, Buffer *out);
void plan_explain_json(const Plan *plan, Buffer *out);
/* Graphviz. */
void plan_explain_dot(const Plan *plan, Buffer *out);

#endif
