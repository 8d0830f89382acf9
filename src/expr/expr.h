/* Typed expressions: the function catalogue, binding, and compilation to vector kernels.
 *
 * Life of an expression: the planner's binder turns SQL into a tree of Expr with
 * function_bind, expr_cast and their kind; program_compile turns a list of trees into a
 * Program once; program_run evaluates it for the selected rows of a batch, a column at a
 * time, without a call or an allocation per row. Rules for types, casts and NULL are Flink
 * 1.20's. */
#ifndef WEIR_EXPR_EXPR_H
#define WEIR_EXPR_EXPR_H

#include "base/arena.h"
#include "base/status.h"
#include "base/world.h"
#include "data/batch.h"
#include "data/datetime.h"
#include "data/value.h"

/* A scalar function or operator of the catalogue; opaque outside expr/. */
typedef struct Function Function;

typedef enum ExprKind {
    EXPR_COLUMN,  /* a column of the input batch */
    EXPR_LITERAL, /* a constant, possibly NULL */
    EXPR_CALL,    /* everything else: operators, CASE, CAST, AND, functions */
} ExprKind;

/* In the plan's arena, immutable once bound, shared freely. */
typedef struct Expr Expr;
struct Expr {
    ExprKind kind;
    Type type;
    int32_t span_start, span_end; /* bytes of the source text, for messages; 0, 0 if none */
    int32_t column;               /* EXPR_COLUMN: index in the input batch */
    Value literal;                /* EXPR_LITERAL */
    const Function *function;     /* EXPR_CALL */
    Expr **args;
    int32_t arg_count;
};

Expr *expr_column(Arena *arena, int32_t column, Type type);
Expr *expr_literal(Arena *arena, Value value);

/* How a cast may happen: table B.4 of the dialect. */
typedef enum CastKind {
    CAST_NONE,     /* not possible */
    CAST_IMPLICIT, /* also allowed without CAST, in INSERT and for arguments */
    CAST_EXPLICIT, /* only by CAST */
    CAST_FALLIBLE, /* by CAST, and bad data rejects the row (TRY_CAST: NULL) */
} CastKind;
CastKind cast_kind(Type from, Type to);

/* What to write instead where cast_kind is CAST_NONE; NULL if there is nothing to say. */
const char *cast_advice(Type from, Type to);

/* The expression as `to`, itself when the type is equal already. `is_try` is TRY_CAST.
 * The caller has checked cast_kind. */
Expr *expr_cast(Arena *arena, Expr *expr, Type to, bool is_try);

/* The common type of CASE, COALESCE, UNION, IN, its children made in the arena; false if there
 * is none. */
bool type_common(Arena *arena, Type a, Type b, Type *out);

/* By name, ASCII case ignored; operators by their SQL sign ("+", "=", "||", "AND", "NOT",
 * "IS NULL", "LIKE", "BETWEEN", "CASE", "[]" …). NULL if unknown. */
const Function *function_find(Str name);
const char *function_name(const Function *function);

/* Make a call: check number and types of the arguments, add implicit casts, derive the result
 * type, fold constants. On a mistake ERR_INVALID with a message such as a user wants it
 * ("`+` cannot be applied to STRING and INT"), and *bad_arg the argument to point at, or -1
 * for the call as a whole. */
Status function_bind(const Function *function, Arena *arena, Expr **args, int32_t arg_count,
                     Expr **out, int32_t *bad_arg, Error *error);

/* Same result whenever the arguments are the same: false for NOW(), RAND(), UUID(). */
bool expr_is_deterministic(const Expr *expr);

/* Something in it gives another result in another session zone for the same arguments. */
bool expr_depends_on_zone(const Expr *expr);

/* Same tree. */
bool expr_equal(const Expr *a, const Expr *b);

/* Calls `visit` for each EXPR_COLUMN below (to collect or renumber columns). */
void expr_visit_columns(Expr *expr, void (*visit)(Expr *column, void *context), void *context);

/* A deep copy whose columns are map[column]. */
Expr *expr_remap(Arena *arena, const Expr *expr, const int32_t *map);

/* SQL text with column names from the schema: for EXPLAIN, stable identifiers and tests. */
void expr_print(Buffer *out, const Expr *expr, const Schema *input);

/* What the catalogue holds, for SHOW FUNCTIONS, suggestions and the generated reference. */
typedef struct FunctionInfo {
    const char *name;
    const char *family;    /* "string", "temporal", … */
    const char *signature; /* "SPLIT_INDEX(s STRING, sep STRING, i INT) -> STRING" */
    const char *help;
    bool is_aggregate;
} FunctionInfo;
int32_t function_info_count(void);
const FunctionInfo *function_info_at(int32_t index);

/* ---- Evaluation ------------------------------------------------------------------------ */

enum { ROW_ERRORS_MAX = BATCH_ROWS_MAX };

/* A row whose evaluation failed (division by zero, a cast of bad text): it becomes a dead
 * letter; its result is NULL and must not be used. */
typedef struct RowError {
    int32_t row;
    const char *code; /* "WR4101" */
    char *reason;     /* in the scratch arena */
} RowError;

/* What evaluation may know besides the batch. One per task; `errors` is emptied by the caller
 * before each run. At most one error per row is kept. */
typedef struct EvalContext {
    World *world;
    Arena *scratch;       /* results and temporaries; reset by the owner after the batch */
    const TimeZone *zone; /* table.local-time-zone */
    Timestamp watermark;  /* CURRENT_WATERMARK; TIMESTAMP_MIN if none yet */
    RowError *errors;     /* room for ROW_ERRORS_MAX */
    int32_t error_count;
} EvalContext;

typedef struct Program Program;

/* Compile `count` expressions over batches of `input`. Equal subtrees are computed once. The
 * program lives in the arena and belongs to one task (it has scratch state). */
Status program_compile(Arena *arena, Expr *const *exprs, int32_t count, const Schema *input,
                       Program **out, Error *error);

/* Evaluate for the rows of batch->selection. out[i] receives a view: a column of the batch, a
 * constant, or memory in context->scratch; rows outside the selection are unspecified. Failing
 * rows are added to context->errors. */
void program_run(Program *program, EvalContext *context, const Batch *batch, Column *out);

/* The selected rows for which the program's first expression (BOOLEAN) is TRUE, as a new
 * selection in scratch. Failing rows are errors and not kept. */
Selection program_select(Program *program, EvalContext *context, const Batch *batch);

/* ---- Aggregates ------------------------------------------------------------------------ */

typedef struct AggregateKind AggregateKind;

enum { AGGREGATE_ARGS_MAX = 3 };

/* One aggregate call, bound. `args` are columns of the batch that the operator hands in;
 * FILTER is the operator's work (it narrows the rows). */
typedef struct AggregateCall {
    const AggregateKind *kind;
    int32_t arg_count;
    Type arg_types[AGGREGATE_ARGS_MAX];
    Type result;
    bool is_distinct;
    bool has_retractions; /* rows of the input can be taken back */
} AggregateCall;

enum { LAG_OFFSET_MAX = 100000 };

/* By name, case ignored: COUNT, SUM, AVG, MIN, MAX, FIRST_VALUE, LAST_VALUE, …; COUNT(*) is
 * COUNT with no argument. */
bool aggregate_exists(Str name);
/* What an argument must be cast to before aggregate_bind; false: nothing. The caller checks whether
 * that cast is possible. */
bool aggregate_argument(Str name, int32_t index, Type given, Type *wanted);
Status aggregate_bind(Str name, Arena *arena, const Type *args, int32_t arg_count, bool is_distinct,
                      bool has_retractions, AggregateCall **out, Error *error);
const char *aggregate_name(const AggregateCall *call);

/* The accumulator of a call: `state_bytes` of plain memory, a multiple of 8, zeroed before
 * first use (all zero is the empty accumulator). Some kinds own heap memory behind it
 * (distinct sets, retractable MIN/MAX): those need aggregate_destroy, and are copied only by
 * aggregate_merge into an empty one. */
int32_t aggregate_state_bytes(const AggregateCall *call);
bool aggregate_owns_heap(const AggregateCall *call);
/* COUNT(*): its state is an int64_t, the number of rows. */
bool aggregate_counts_rows(const AggregateCall *call);

/* Fold rows in: for the i-th selected row r, states[i] + state_offset is its accumulator and
 * args[k] its values; kinds[r] (or NULL: all +I) says whether it is added or taken back.
 * SQL's NULL rules apply inside. */
void aggregate_update(const AggregateCall *call, uint8_t *const *states, int32_t state_offset,
                      const Column *args, Selection rows, const uint8_t *kinds);

/* The i-th of two runs of accumulators: into[i] + into_offset and from[i] + from_offset. No
 * accumulator comes twice. */
typedef struct AggregatePairs {
    uint8_t *const *into;
    const uint8_t *const *from;
    int32_t into_offset, from_offset;
    int32_t count;
} AggregatePairs;

/* into += from. */
void aggregate_merge_run(const AggregateCall *call, const AggregatePairs *pairs);
void aggregate_merge(const AggregateCall *call, uint8_t *into, const uint8_t *from);

/* into -= from, only where aggregate_is_invertible. */
bool aggregate_is_invertible(const AggregateCall *call);
void aggregate_subtract_run(const AggregateCall *call, const AggregatePairs *pairs);
void aggregate_subtract(const AggregateCall *call, uint8_t *into, const uint8_t *from);

/* Write the result to row `row` of a flat column of type `result` with room for `capacity`. */
void aggregate_result(const AggregateCall *call, const uint8_t *state, Column *out, Arena *arena,
                      int32_t row, int32_t capacity);

/* Many results, the i-th accumulator's at states[i] + offset going to row `row` + i, or to row
 * `row` + rows[i]. */
typedef struct AggregateStates {
    const uint8_t *const *states;
    const int32_t *rows; /* NULL: one after the other */
    int32_t offset;
    int32_t count;
} AggregateStates;

void aggregate_result_run(const AggregateCall *call, const AggregateStates *states, Column *out,
                          Arena *arena, int32_t row, int32_t capacity);

void aggregate_destroy(const AggregateCall *call, uint8_t *state);

/* Into and out of snapshots. Load needs an empty accumulator; false on malformed bytes. */
void aggregate_save(const AggregateCall *call, const uint8_t *state, Buffer *out);
/* How many bytes that appends where it is the state as it lies in memory; 0: it is not. */
int32_t aggregate_plain_bytes(const AggregateCall *call);
bool aggregate_load(const AggregateCall *call, uint8_t *state, ByteReader *in);

#endif
