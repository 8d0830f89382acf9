/* What the files of expr/ share: the catalogue's rows, binding, and the evaluator.
 *
 * A Function is one row of a family's table. Binding turns arguments into an Expr; compiling
 * turns an Expr into a Node with its kernel; evaluating asks a Node for a Column over some
 * Rows. A strict function's kernel sees only rows whose arguments are all valid and writes
 * into call->out; a lazy one evaluates its own arguments, each for the rows that need it. */
#ifndef WEIR_EXPR_INTERNAL_H
#define WEIR_EXPR_INTERNAL_H

#include "base/list.h"
#include "expr/expr.h"

typedef struct Node Node;
typedef struct Eval Eval;
typedef struct Call Call;

/* ---- The catalogue --------------------------------------------------------------------- */

typedef void (*Kernel)(Call *call);

/* Writes to `out` (room for rows.count) those of `rows` for which a ∘ b is TRUE, where `valid`
 * (NULL: everywhere) has the rows in which both are not NULL; returns how many. */
typedef int32_t (*SelectKernel)(Selection rows, const uint64_t *valid, const Column *a,
                                const Column *b, int32_t *restrict out);

/* What a typing function works on. It may put casts into args, and sets `result`, or
 * `rewritten` when the call is only another way to write an expression of other functions. */
typedef struct Binding {
    Arena *arena;
    const Function *function;
    Expr **args;
    int32_t arg_count;
    Type result;
    Expr *rewritten;
    int32_t bad_arg; /* -1: the call as a whole */
    Error *error;
} Binding;

typedef enum FunctionFlag {
    FUNCTION_LAZY = 1,      /* evaluates its own arguments */
    FUNCTION_NULLS = 2,     /* its kernel sees NULL arguments; otherwise NULL in, NULL out */
    FUNCTION_VOLATILE = 4,  /* may differ from row to row: RAND, UUID */
    FUNCTION_CLOCK = 8,     /* depends on the clock or the watermark */
    FUNCTION_ZONE = 16,     /* depends on the session's time zone, if instants are about */
    FUNCTION_FALLIBLE = 32, /* may reject a row */
    FUNCTION_TOTAL = 64,    /* defined and cheap for any bits: may run over unselected rows */
    FUNCTION_COSTLY = 128,  /* regular expressions, parsing, printing: evaluated last */
    FUNCTION_LOCAL = 256,   /* depends on the session's time zone, whatever its arguments are */
} FunctionFlag;

/* `types` describes plain signatures: one letter per argument, '?' before the first optional
 * one, '*' behind the last if it repeats, then '>' and the result; a trailing '!' says that
 * the result may be NULL for arguments that are not.
 *
 *   s text   b bytes   S text or bytes   i integer (arrives as BIGINT)   d number (as DOUBLE)
 *   n number, as it is   B BOOLEAN   x anything   t DATE, TIME or a timestamp
 *   results also: I INT   L BIGINT   Y TINYINT   D DATE   0 the type of the first argument */
struct Function {
    FunctionInfo info; /* signature NULL: not listed */
    const char *types;
    Status (*bind)(Binding *binding); /* NULL: by `types` */
    Kernel kernel;
    Kernel (*resolve)(const Expr *call); /* when kernel is NULL: by the types of the call */
    SelectKernel (*resolve_select)(const Expr *call);
    /* What a kernel wants ready, made once per program: a compiled pattern, a set. May give
     * NULL. */
    void *(*prepare)(Arena *arena, const Expr *call);
    uint32_t flags;
};

/* One family's rows. */
typedef struct FunctionFamily {
    const Function *functions;
    int32_t count;
} FunctionFamily;

extern const FunctionFamily arithmetic_family, math_family, rounding_family, random_family,
    comparison_family, membership_family, logic_family, conditional_family, conversion_family,
    string_family, text_family, pattern_family, encoding_family, temporal_family, calendar_family,
    clock_family, url_family, class_family, json_family, json_make_family, session_family,
    grouping_family, access_family, construct_family, array_family, array_set_family, map_family;

int32_t aggregate_info_count(void);
const FunctionInfo *aggregate_info_at(int32_t index);

#define FUNCTION_COUNT(table) ((int32_t)(sizeof(table) / sizeof(table)[0]))

/* ---- Typing ---------------------------------------------------------------------------- */

Status binding_fail(Binding *binding, int32_t bad_arg, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Replace an argument by its cast. */
void binding_cast(Binding *binding, int32_t index, Type to);

/* "`+` cannot be applied to STRING and INT". */
Status binding_refuse(Binding *binding);

/* All arguments from `first` on cast to their common type; `what` names them in the message. */
Status binding_unify(Binding *binding, int32_t first, const char *what, Type *common);

/* What a function without `bind` gets: arguments and result by the letters of `types`. */
Status binding_by_types(Binding *binding);

bool binding_any_nullable(const Binding *binding);

/* Function `name` applied, with its own typing. */
Status bind_named(Arena *arena, const char *name, Expr **args, int32_t arg_count, Expr **out,
                  Error *error);

/* The call without typing. */
Expr *expr_call(Arena *arena, const Function *function, Expr **args, int32_t arg_count, Type type);

/* The call's value when all arguments are literals and nothing else matters, else itself. */
Expr *expr_fold(Arena *arena, Expr *call);

bool expr_is_null_literal(const Expr *expr);

/* Integers as the DECIMAL that holds them; a decimal as it is. */
Type type_as_decimal(Type type);

/* p and s before and after the cut to 38 digits. */
Type type_adjust_decimal(int32_t precision, int32_t scale);

/* CAST or TRY_CAST. */
bool function_is_cast(const Function *function);
bool function_is_try_cast(const Function *function);
uint32_t cast_flags(Type from, Type to, bool is_try);
/* TIMESTAMP_LTZ, or a nested type with one in it. */
bool type_has_instant(Type type);
Kernel cast_resolve(const Expr *call);

/* ---- Evaluation ------------------------------------------------------------------------ */

/* Some of the batch's rows. Lives in scratch, so that a pointer means one set of rows for the
 * whole run; `parent` has at least the same rows. */
typedef struct Rows Rows;
struct Rows {
    Selection selection;
    const Rows *parent;
};

struct Node {
    const Expr *expr;
    Kernel kernel;
    SelectKernel select;
    void *prepared;
    Node **args;
    int32_t arg_count;
    uint32_t flags;   /* of the function */
    bool is_fallible; /* this or anything below can reject a row */
    bool is_volatile; /* this or anything below may differ from row to row */
    int32_t cost;     /* of one row, in the time of an addition, with all below */
    /* The last result and the rows it stands for; of this run if run equals the eval's. */
    int64_t run;
    const Rows *rows;
    Column result;
};

/* One run of a program. */
struct Eval {
    EvalContext *context;
    const Batch *batch; /* NULL when folding */
    Arena *scratch;
    int64_t run;
    int32_t span;            /* rows that lie in the batch */
    const Rows *constant_of; /* errors of the constant being computed go to these rows */
    char *text;              /* room left for the bytes of strings */
    int64_t text_bytes;
    uint64_t failed[BATCH_ROWS_MAX / 64];
};

/* One strict call being computed: out[row] for `rows` from args. All constant: one row, 0. */
struct Call {
    Eval *eval;
    const Node *node;
    void *prepared;
    Selection rows;
    const Rows *lazy_rows; /* the same for a lazy kernel */
    int32_t capacity;      /* of out */
    Column *args;          /* of a strict kernel */
    Column out;
};

/* The node's value for the rows. */
Column eval_node(Eval *eval, Node *node, const Rows *rows);

/* The rows among `rows` for which the BOOLEAN node is TRUE. */
const Rows *eval_select(Eval *eval, Node *node, const Rows *rows);

/* A part of `parent`, the rows array borrowed from scratch. */
const Rows *eval_rows(Eval *eval, const int32_t *rows, int32_t count, const Rows *parent);

/* `rows` without those of `taken`, a part of them. */
const Rows *eval_rows_without(Eval *eval, const Rows *rows, const Rows *taken);

/* An unset flat column over the batch's span, or a constant NULL. */
Column eval_column(Eval *eval, Type type);
Column eval_null(Eval *eval, Type type);

/* out[row] = from[row] for the rows; `out` is flat, of the same physical. */
void eval_copy(Eval *eval, Column *out, const Column *from, const Rows *rows);

/* A lazy kernel's value: one argument for the rows of the call. */
Column call_arg(Call *call, int32_t index);

void call_set_null(Call *call, int32_t row);
/* Reject the row; its value becomes NULL. Texts are printf's. */
void call_reject(Call *call, int32_t row, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Room for the bytes of a string of at most `bytes`; then take those that were used. */
char *eval_text_reserve(Eval *eval, int64_t bytes);
StrView eval_text_take(Eval *eval, int64_t length);

static inline void call_set_str(Call *call, int32_t row, Str str)
{
    ((StrView *)call->out.values)[row] = str_view_borrow(str);
}

static inline void call_set_view(Call *call, int32_t row, StrView view)
{
    ((StrView *)call->out.values)[row] = view;
}

/* A text whose bytes may die: copied. */
void call_set_copy(Call *call, int32_t row, Str str);

/* An argument as a kernel reads it: values[row * stride]. */
typedef struct StrArg {
    const StrView *values;
    int32_t stride;
} StrArg;

typedef struct IntArg {
    const int64_t *values;
    int32_t stride;
} IntArg;

typedef struct DateArg {
    const int32_t *values;
    int32_t stride;
} DateArg;

typedef struct DoubleArg {
    const double *values;
    int32_t stride;
} DoubleArg;

static inline int32_t column_stride(const Column *column)
{
    return column->is_constant ? 0 : 1;
}

static inline StrArg call_str_arg(const Call *call, int32_t index)
{
    assert(call->args[index].physical == PHYSICAL_STRING);
    return (StrArg){call->args[index].values, column_stride(&call->args[index])};
}

static inline IntArg call_int_arg(const Call *call, int32_t index)
{
    assert(call->args[index].physical == PHYSICAL_I64);
    return (IntArg){call->args[index].values, column_stride(&call->args[index])};
}

static inline DateArg call_date_arg(const Call *call, int32_t index)
{
    assert(call->args[index].physical == PHYSICAL_I32);
    return (DateArg){call->args[index].values, column_stride(&call->args[index])};
}

static inline DoubleArg call_double_arg(const Call *call, int32_t index)
{
    assert(call->args[index].physical == PHYSICAL_F64);
    return (DoubleArg){call->args[index].values, column_stride(&call->args[index])};
}

static inline Str str_arg(const StrArg *arg, int32_t row)
{
    return str_view_str(&arg->values[row * arg->stride]);
}

static inline int64_t int_arg(const IntArg *arg, int32_t row)
{
    return arg->values[row * arg->stride];
}

static inline int32_t date_arg(const DateArg *arg, int32_t row)
{
    return arg->values[row * arg->stride];
}

static inline double double_arg(const DoubleArg *arg, int32_t row)
{
    return arg->values[row * arg->stride];
}

/* Rows to compute for a total kernel: all of the span when that is cheaper than picking. */
Selection call_dense_rows(const Call *call);

#endif
