/* Pairs of input rows and rows of the other side, and the condition that they must meet. */
#include "exec/regular_join/regular_join.h"

#include <assert.h>

#include "base/memory.h"

static void pairs_reserve(Pairs *pairs, int32_t more)
{
    if (pairs->count + more <= pairs->capacity)
        return;
    int32_t capacity = pairs->capacity == 0 ? BATCH_ROWS_MAX : pairs->capacity * 2;
    while (capacity < pairs->count + more)
        capacity *= 2;
    pairs->rows = memory_resize(pairs->rows, (int64_t)sizeof(int32_t) * capacity);
    pairs->others = memory_resize(pairs->others, (int64_t)sizeof(uint8_t *) * capacity);
    pairs->capacity = capacity;
}

void pairs_add(Join *join, int32_t other_side, int32_t row, const RowSet *set)
{
    const JoinSide *side = &join->sides[other_side];
    Pairs *pairs = &join->pairs;
    uint8_t *one;
    int32_t count;
    uint8_t *const *rows = rowset_rows(set, &one, &count);
    for (int32_t i = 0; i < count; i++) {
        if (rows[i] == NULL || side_is_expired(side, rows[i], join->now_us))
            continue;
        int32_t times = side_count(side, rows[i]);
        pairs_reserve(pairs, times);
        for (int32_t k = 0; k < times; k++) {
            pairs->rows[pairs->count] = row;
            pairs->others[pairs->count] = rows[i];
            pairs->count++;
        }
    }
}

/* One batch of pairs, of which the condition sees the columns it reads. */
static Selection pairs_test_run(const JoinInput *input, int32_t first, int32_t count)
{
    Join *join = input->join;
    TaskContext *task = join->base.task;
    Column *columns = ARENA_ARRAY(join->tested, Column, join->condition_schema.count + 1);
    emit_columns(input, (RowPairs){join->pairs.rows + first, join->pairs.others + first, count},
                 join->condition_columns, columns, join->tested);
    Batch batch = {.column_count = join->condition_schema.count,
                   .row_count = count,
                   .columns = columns,
                   .selection = {.count = count}};
    EvalContext eval = task->eval;
    eval.scratch = join->tested;
    eval.error_count = 0;
    Selection kept = program_select(join->condition, &eval, &batch);
    for (int32_t i = 0; i < eval.error_count; i++) {
        const RowError *error = &eval.errors[i];
        int32_t row = join->pairs.rows[first + error->row];
        Letter about = operator_letter_about(&join->base, input->side, STAGE_COMPUTE, error->code,
                                             error->reason);
        operator_write_letter(&join->base, &about, input->batch, row);
    }
    return kept;
}

void pairs_test(const JoinInput *input)
{
    Join *join = input->join;
    Pairs *pairs = &join->pairs;
    int32_t kept = 0;
    for (int32_t first = 0; first < pairs->count; first += BATCH_ROWS_MAX) {
        int32_t left = pairs->count - first;
        int32_t count = left < BATCH_ROWS_MAX ? left : BATCH_ROWS_MAX;
        Selection rows = pairs_test_run(input, first, count);
        for (int32_t i = 0; i < rows.count; i++) {
            int32_t at = first + selection_row(rows, i);
            pairs->rows[kept] = pairs->rows[at];
            pairs->others[kept] = pairs->others[at];
            kept++;
        }
        arena_reset(join->tested);
    }
    pairs->count = kept;
}
