/* Pairs of rows on their way out of a join. */
#include "exec/join/output.h"

#include <assert.h>

#include "data/value.h"
#include "exec/operators.h"

static void output_mark_column(Expr *column, void *context)
{
    ((bool *)context)[column->column] = true;
}

Status join_output_open_over(JoinOutput *out, Operator *op, const PlanJoin *join,
                             const Schema *right)
{
    Arena *arena = op->task->query;
    const Schema *left = &op->node->inputs[0]->schema;
    int32_t count = left->count + right->count;
    Field *fields = ARENA_ARRAY(arena, Field, count + 1);
    for (int32_t i = 0; i < count; i++)
        fields[i] = i < left->count ? left->fields[i] : right->fields[i - left->count];
    *out = (JoinOutput){
        .op = op,
        .join = join,
        .both = {.fields = fields, .count = count},
        .left_count = left->count,
        .is_read = ARENA_ARRAY(arena, bool, count + 1),
        .sides = {ARENA_ARRAY(arena, PairSide, BATCH_ROWS_MAX),
                  ARENA_ARRAY(arena, PairSide, BATCH_ROWS_MAX)},
        .are_rejected = ARENA_ARRAY(arena, uint8_t, BATCH_ROWS_MAX),
        .gathered = arena_new(0),
        .scratch = arena_new(0),
    };
    for (int32_t i = 0; i < op->node->schema.count; i++) {
        assert(join->columns[i] >= 0 && join->columns[i] < count);
        out->is_read[join->columns[i]] = true;
    }
    if (join->condition == NULL)
        return OK;
    expr_visit_columns(join->condition, output_mark_column, out->is_read);
    Expr *condition = join->condition;
    return program_compile(arena, &condition, 1, &out->both, &out->condition, op->task->error);
}

Status join_output_open(JoinOutput *out, Operator *op, const PlanJoin *join)
{
    assert(op->node->input_count == 2);
    return join_output_open_over(out, op, join, &op->node->inputs[1]->schema);
}

void join_output_take_kept(JoinOutput *out, const KeptRows *left, const KeptRows *right)
{
    out->layouts[0] = left->layout;
    out->layouts[1] = right->layout;
}

void join_output_close(JoinOutput *out)
{
    arena_free(out->gathered);
    arena_free(out->scratch);
    out->gathered = out->scratch = NULL;
}

/* ---- Gathering --------------------------------------------------------------------------- */

#define GATHER(type)                                                                               \
    for (int32_t i = 0; i < count; i++) {                                                          \
        if (sides[i].batch == NULL)                                                                \
            continue;                                                                              \
        const Column *from = &sides[i].batch->columns[at];                                         \
        ((type *)column->values)[i] =                                                              \
            ((const type *)from->values)[column_index(from, sides[i].row)];                        \
    }                                                                                              \
    break

/* Strings are lent: they lie where the rows do. */
static void gather_values(Column *column, const PairSide *sides, int32_t count, int32_t at)
{
    switch (physical_bytes(column->physical)) {
    case 1: GATHER(uint8_t);
    case 2: GATHER(uint16_t);
    case 4: GATHER(uint32_t);
    case 8: GATHER(uint64_t);
    case 16: GATHER(Int128);
    default: break;
    }
}

static void gather_nulls(Column *column, Arena *arena, const PairSide *sides, int32_t count,
                         int32_t at)
{
    for (int32_t i = 0; i < count; i++)
        if (sides[i].batch == NULL || column_is_null(&sides[i].batch->columns[at], sides[i].row))
            column_set_null(column, arena, i, count);
}

static Column gather_batches(Arena *arena, Type type, const PairSide *sides, int32_t count,
                             int32_t at)
{
    Column column = column_new(arena, type, count);
    gather_values(&column, sides, count, at);
    gather_nulls(&column, arena, sides, count, at);
    return column;
}

/* Column `at` of one side of the pairs first … first + count - 1. */
static Column gather_side(const JoinOutput *out, int32_t side, int32_t first, int32_t count,
                          int32_t at)
{
    const PairSide *sides = out->sides[side] + first;
    Type type = out->both.fields[side == 0 ? at : out->left_count + at].type;
    if (!out->has_kept[side])
        return gather_batches(out->gathered, type, sides, count, at);
    Column column = column_new(out->gathered, type, count);
    row_gather(out->layouts[side], at, out->kept[side] + first, count, &column, out->gathered);
    return column;
}

static void gather_kept(JoinOutput *out, int32_t side)
{
    if (!out->has_kept[side])
        return;
    out->kept[side] = ARENA_ARRAY(out->gathered, const uint8_t *, out->count);
    for (int32_t i = 0; i < out->count; i++)
        out->kept[side][i] = (const uint8_t *)out->sides[side][i].kept;
}

/* All columns that are read, of both sides or of the right alone. */
static void gather_columns(JoinOutput *out, Column *columns, int32_t first)
{
    for (int32_t side = 0; side < 2; side++)
        gather_kept(out, side);
    for (int32_t i = first; i < out->both.count; i++) {
        bool is_left = i < out->left_count;
        columns[i] = out->is_read[i] ? gather_side(out, !is_left, 0, out->count,
                                                   is_left ? i : i - out->left_count)
                                     : column_new_constant(out->gathered, out->both.fields[i].type);
    }
}

static uint8_t *gather_kinds(JoinOutput *out)
{
    if (!out->passes_kinds)
        return NULL;
    uint8_t *kinds = arena_allocate(out->gathered, out->count);
    for (int32_t i = 0; i < out->count; i++)
        kinds[i] = out->has_kept[0]
                       ? out->sides[0][i].kept->kind
                       : (uint8_t)batch_kind(out->sides[0][i].batch, out->sides[0][i].row);
    return kinds;
}

/* ---- Condition --------------------------------------------------------------------------- */

static bool pair_is_padded(const JoinOutput *out, int32_t i)
{
    return out->sides[0][i].batch == NULL || out->sides[1][i].batch == NULL;
}

/* All columns of one pair, also those that are not gathered. */
static Batch output_whole_pair(JoinOutput *out, int32_t pair)
{
    Batch whole = {.column_count = out->both.count,
                   .row_count = 1,
                   .columns = ARENA_ARRAY(out->gathered, Column, out->both.count),
                   .selection = {.count = 1}};
    for (int32_t i = 0; i < out->both.count; i++) {
        bool is_left = i < out->left_count;
        Column column = gather_side(out, !is_left, pair, 1, is_left ? i : i - out->left_count);
        Value value = value_get(&column, 0);
        whole.columns[i] = column_new_constant(out->gathered, out->both.fields[i].type);
        if (!value.is_null)
            value_set(&whole.columns[i], out->gathered, 0, 1, &value);
    }
    return whole;
}

static void output_reject_errors(JoinOutput *out)
{
    EvalContext *eval = &out->op->task->eval;
    memset(out->are_rejected, 0, (size_t)out->count);
    for (int32_t i = 0; i < eval->error_count; i++) {
        Batch whole = output_whole_pair(out, eval->errors[i].row);
        Letter letter = {.table = operator_letter_table(out->op->node),
                         .schema = &out->both,
                         .stage = STAGE_COMPUTE,
                         .code = eval->errors[i].code,
                         .reason = eval->errors[i].reason};
        operator_write_letter(out->op, &letter, &whole, 0);
        out->are_rejected[eval->errors[i].row] = 1;
    }
    eval->error_count = 0;
}

/* The pairs that hold, padded rows among them, in their order. */
static Selection output_select(JoinOutput *out, const Batch *pairs)
{
    TaskContext *task = out->op->task;
    int32_t *asked = ARENA_ARRAY(out->gathered, int32_t, out->count);
    int32_t *kept = ARENA_ARRAY(out->gathered, int32_t, out->count);
    int32_t asked_count = 0;
    for (int32_t i = 0; i < out->count; i++) {
        asked[asked_count] = i;
        asked_count += !pair_is_padded(out, i);
    }
    Batch view = *pairs;
    view.selection = (Selection){.rows = asked, .count = asked_count};
    Arena *scratch = task->eval.scratch;
    task->eval.scratch = out->scratch;
    task->eval.watermark = out->op->watermark;
    task->eval.error_count = 0;
    Selection holds = {0};
    if (asked_count > 0)
        holds = program_select(out->condition, &task->eval, &view);
    output_reject_errors(out);
    int32_t count = 0, next = 0;
    for (int32_t i = 0; i < out->count; i++) {
        bool is_held = next < holds.count && selection_row(holds, next) == i;
        next += is_held;
        kept[count] = i;
        count += is_held || pair_is_padded(out, i);
    }
    task->eval.scratch = scratch;
    arena_reset(out->scratch);
    return (Selection){.rows = kept, .count = count};
}

static void output_tell(JoinOutput *out, Selection holds)
{
    for (int32_t i = 0; i < holds.count; i++) {
        int32_t pair = selection_row(holds, i);
        if (pair_is_padded(out, pair))
            continue;
        for (int32_t side = 0; side < 2; side++)
            if (out->sides[side][pair].is_matched != NULL)
                *out->sides[side][pair].is_matched = 1;
    }
}

/* Take the right row away from the pairs that do not hold. Those that could not be asked are in the
 * dead letters, and stay out. */
static Selection output_pad_failed(JoinOutput *out, Batch *pairs, Selection holds)
{
    int32_t *rows = ARENA_ARRAY(out->gathered, int32_t, out->count);
    int32_t count = 0;
    for (int32_t i = 0, next = 0; i < out->count; i++) {
        bool is_held = next < holds.count && selection_row(holds, next) == i;
        next += is_held;
        if (!is_held && !out->are_rejected[i])
            out->sides[1][i] = (PairSide){0};
        rows[count] = i;
        count += is_held || !out->are_rejected[i];
    }
    gather_columns(out, pairs->columns, out->left_count);
    return (Selection){.rows = rows, .count = count};
}

/* ---- Adding and flushing ----------------------------------------------------------------- */

static Status output_emit(JoinOutput *out, const Batch *pairs, Selection holds)
{
    const PlanNode *node = out->op->node;
    Batch rows = batch_pick(pairs, out->join->columns, node->schema.count, out->gathered);
    rows.selection = holds;
    rows.kinds = gather_kinds(out);
    /* The columns have the output's types: a padded side may be NULL where the input is not. */
    for (int32_t i = 0; i < node->schema.count; i++)
        rows.columns[i].type = node->schema.fields[i].type;
    return operator_emit_lending(out->op, &rows, out->scratch);
}

Status join_output_flush(JoinOutput *out)
{
    if (out->count == 0)
        return OK;
    Batch pairs = {.column_count = out->both.count,
                   .row_count = out->count,
                   .columns = ARENA_ARRAY(out->gathered, Column, out->both.count),
                   .selection = {.count = out->count}};
    gather_columns(out, pairs.columns, 0);
    Selection holds = pairs.selection;
    if (out->condition != NULL && !out->is_tested)
        holds = output_select(out, &pairs);
    output_tell(out, holds);
    if (out->pads_failed && holds.count < out->count)
        holds = output_pad_failed(out, &pairs, holds);
    Status status = OK;
    if (holds.count > 0 && !out->is_silent)
        status = output_emit(out, &pairs, holds);
    out->count = 0;
    arena_reset(out->gathered);
    return status;
}

/* Whether the row is gathered as those of its side are. */
static inline bool output_can_take(const JoinOutput *out, int32_t side, const PairSide *row)
{
    return row->batch == NULL || (row->row == PAIR_IS_KEPT) == out->has_kept[side];
}

/* The rows of a side are gathered in another way from here on. */
static Status output_turn(JoinOutput *out, int32_t side, const PairSide *row)
{
    TRY(join_output_flush(out));
    out->has_kept[side] = row->row == PAIR_IS_KEPT;
    assert(!out->has_kept[side] || out->layouts[side] != NULL);
    return OK;
}

Status join_output_add(JoinOutput *out, PairSide left, PairSide right)
{
    if (join_output_is_full(out))
        TRY(join_output_flush(out));
    if (!output_can_take(out, 0, &left))
        TRY(output_turn(out, 0, &left));
    if (!output_can_take(out, 1, &right))
        TRY(output_turn(out, 1, &right));
    out->sides[0][out->count] = left;
    out->sides[1][out->count] = right;
    out->count++;
    return OK;
}

Status join_output_pad(JoinOutput *out, int32_t side, PairSide row)
{
    assert(side == 0 || side == 1);
    assert(!out->passes_kinds || side == 0);
    row.is_matched = NULL;
    return side == 0 ? join_output_add(out, row, (PairSide){0})
                     : join_output_add(out, (PairSide){0}, row);
}
