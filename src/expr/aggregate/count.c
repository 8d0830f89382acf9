/* COUNT(*) and COUNT(x). */
#include "expr/aggregate/aggregate.h"

static void count_rows_update(const AggregateCall *call, const AggregateRows *in)
{
    (void)call;
    if (in->kinds == NULL) {
        for (int32_t i = 0; i < in->rows.count; i++)
            *(int64_t *)aggregate_state(in, i) += 1;
        return;
    }
    for (int32_t i = 0; i < in->rows.count; i++)
        *(int64_t *)aggregate_state(in, i) +=
            aggregate_weight(in->kinds, selection_row(in->rows, i));
}

static void count_update(const AggregateCall *call, const AggregateRows *in)
{
    bool has_nulls = false;
    for (int32_t k = 0; k < call->arg_count; k++)
        has_nulls = has_nulls || in->args[k].valid != NULL;
    if (!has_nulls) {
        count_rows_update(call, in);
        return;
    }
    const Column *a = &in->args[0];
    const Column *b = &in->args[call->arg_count - 1];
    for (int32_t i = 0; i < in->rows.count; i++) {
        int32_t row = selection_row(in->rows, i);
        int64_t is_valid = !(column_is_null(a, row) || column_is_null(b, row));
        *(int64_t *)aggregate_state(in, i) += is_valid * aggregate_weight(in->kinds, row);
    }
}

static void count_merge(const AggregateCall *call, uint8_t *into, const uint8_t *from)
{
    (void)call;
    *(int64_t *)(void *)into += *(const int64_t *)(const void *)from;
}

static void count_subtract(const AggregateCall *call, uint8_t *into, const uint8_t *from)
{
    (void)call;
    *(int64_t *)(void *)into -= *(const int64_t *)(const void *)from;
}

static void count_combine_run(const AggregatePairs *pairs, int64_t weight)
{
    for (int32_t i = 0; i < pairs->count; i++)
        *(int64_t *)aggregate_into(pairs, i) += *(const int64_t *)aggregate_from(pairs, i) * weight;
}

static bool count_result_run(const AggregateStates *in, Column *out, int32_t row)
{
    int64_t *values = (int64_t *)out->values + row;
    for (int32_t i = 0; i < in->count; i++)
        values[aggregate_run_row(in, i)] =
            *(const int64_t *)(const void *)(in->states[i] + in->offset);
    return true;
}

static bool count_result(const AggregateCall *call, const uint8_t *state, Column *out, Arena *arena,
                         int32_t row)
{
    (void)call;
    (void)arena;
    ((int64_t *)out->values)[row] = *(const int64_t *)(const void *)state;
    return true;
}

const AggregateKind count_kind = {
    .name = "COUNT",
    .state_bytes = sizeof(int64_t),
    .update = count_update,
    .merge = count_merge,
    .subtract = count_subtract,
    .result = count_result,
    .combine_run = count_combine_run,
    .result_run = count_result_run,
};

const AggregateKind count_rows_kind = {
    .name = "COUNT",
    .state_bytes = sizeof(int64_t),
    .update = count_rows_update,
    .merge = count_merge,
    .subtract = count_subtract,
    .result = count_result,
    .combine_run = count_combine_run,
    .result_run = count_result_run,
};
