/* Inside the aggregates: a kind is a table of functions over accumulators, chosen by
 * aggregate_bind for the call's types. */
#ifndef WEIR_EXPR_AGGREGATE_AGGREGATE_H
#define WEIR_EXPR_AGGREGATE_AGGREGATE_H

#include "expr/expr.h"

/* The arguments of aggregate_update. */
typedef struct AggregateRows {
    uint8_t *const *states;
    int32_t offset;
    const Column *args;
    Selection rows;
    const uint8_t *kinds;
} AggregateRows;

static inline void *aggregate_state(const AggregateRows *in, int32_t index)
{
    return in->states[index] + in->offset;
}

static inline void *aggregate_into(const AggregatePairs *pairs, int32_t index)
{
    return pairs->into[index] + pairs->into_offset;
}

static inline const void *aggregate_from(const AggregatePairs *pairs, int32_t index)
{
    return pairs->from[index] + pairs->from_offset;
}

/* 1 for a row that is added, -1 for one that is taken back. */
static inline int64_t aggregate_weight(const uint8_t *kinds, int32_t row)
{
    return kinds == NULL ? 1 : 1 - 2 * (int64_t)(kinds[row] & 1);
}

struct AggregateKind {
    const char *name;
    int32_t state_bytes;
    bool owns_heap;
    const AggregateKind *inner; /* of DISTINCT: what the distinct values are fed to */
    void (*update)(const AggregateCall *call, const AggregateRows *in);
    void (*merge)(const AggregateCall *call, uint8_t *into, const uint8_t *from);
    void (*subtract)(const AggregateCall *call, uint8_t *into, const uint8_t *from); /* or NULL */
    /* Sets the value at `row`; false: NULL. */
    bool (*result)(const AggregateCall *call, const uint8_t *state, Column *out, Arena *arena,
                   int32_t row);
    /* The same for many at once, where that pays; NULL: one by one. The weight is 1 or -1. A run
     * of results gives up (false) where one of them is NULL, whatever it has written. */
    void (*combine_run)(const AggregatePairs *pairs, int64_t weight);
    bool (*result_run)(const AggregateStates *states, Column *out, int32_t row);
    /* NULL where the state is plain memory: it is then saved as its words. */
    void (*destroy)(const AggregateCall *call, uint8_t *state);
    void (*save)(const AggregateCall *call, const uint8_t *state, Buffer *out);
    bool (*load)(const AggregateCall *call, uint8_t *state, ByteReader *in);
};

/* Where the i-th result of a run goes, counted from its first row. */
static inline int32_t aggregate_run_row(const AggregateStates *in, int32_t i)
{
    return in->rows == NULL ? i : in->rows[i];
}

extern const AggregateKind count_kind, count_rows_kind, listagg_kind, array_kind, json_array_kind,
    percentile_kind, approximate_kind;

/* The kind for an argument type, or NULL if the type does not fit. */
const AggregateKind *sum_kind(Type arg);
const AggregateKind *average_kind(Type arg);
const AggregateKind *extreme_kind(Type arg, bool is_max);
const AggregateKind *bag_kind(Type arg, bool is_max); /* MIN and MAX that can take back */
const AggregateKind *sequence_kind(Type arg, bool is_last, bool has_retractions);
const AggregateKind *variance_kind(Type arg, const char *name);

const AggregateKind *array_agg_kind(Type arg, bool ignores_nulls);
const AggregateKind *json_array_agg_kind(Type arg, bool keeps_nulls);
const AggregateKind *json_object_agg_kind(Type key, Type value, bool keeps_nulls);
const AggregateKind *collect_kind(Type arg);
/* LISTAGG and ARRAY_AGG of DISTINCT values; NULL for other kinds. */
const AggregateKind *distinct_order_kind(const AggregateKind *kind);

/* LAG, only with OVER. */
extern const AggregateKind lag_kind;

/* DISTINCT around another kind. */
AggregateKind distinct_kind(const AggregateKind *inner);

/* A text in heap memory; all zero is none. */
typedef struct TextBox {
    char *data; /* NULL: none */
    int32_t length;
    int32_t capacity;
} TextBox;

void text_box_set(TextBox *box, Str text);
void text_box_free(TextBox *box);

#endif
