/* WHERE and SELECT: narrow the selection, then make the output's columns. For append-only readers
 * of a changelog, every row becomes an insert on the way.
 *
 * Rows are not copied, and columns that pass unchanged are passed by reference; only computed
 * ones are new. Updates need no special case: they come as two rows, and each is judged alone.
 *
 * Text that is computed may be of any size (REPEAT): a batch is worked on in slices of as many rows
 * as have made a few megabytes so far, so that wide rows do not take memory for 2,048 of them. */
#include "exec/operators.h"

#include <assert.h>

typedef struct CalcOperator {
    Operator base;
    Program *filter;   /* NULL: all rows */
    Program *project;  /* the expressions that are not plain columns; NULL if there is none */
    int32_t *computed; /* output columns of `project`, in its order */
    int32_t computed_count;
    bool makes_text;    /* some of the computed columns are of no fixed size … */
    int32_t slice_rows; /* … and that many rows are computed at once */
    Arena *sliced;      /* the scratch of one slice, and that of those downstream meanwhile */
    Arena *lent;
} CalcOperator;

enum { SLICE_ROWS_FIRST = 64, SLICE_TEXT_BYTES_MAX = 4 << 20 };

static Status calc_open(Operator *op)
{
    CalcOperator *calc = (CalcOperator *)op;
    const PlanNode *node = op->node;
    const Schema *input = &node->inputs[0]->schema;
    Arena *arena = op->task->query;
    Error *error = op->task->error;
    if (node->calc.filter != NULL)
        TRY(program_compile(arena, &node->calc.filter, 1, input, &calc->filter, error));
    if (node->calc.exprs == NULL)
        return OK;
    Expr **exprs = ARENA_ARRAY(arena, Expr *, node->schema.count);
    calc->computed = ARENA_ARRAY(arena, int32_t, node->schema.count);
    for (int32_t i = 0; i < node->schema.count; i++) {
        if (node->calc.exprs[i]->kind == EXPR_COLUMN)
            continue;
        exprs[calc->computed_count] = node->calc.exprs[i];
        calc->computed[calc->computed_count++] = i;
        calc->makes_text |= type_physical(node->schema.fields[i].type) == PHYSICAL_STRING;
    }
    calc->slice_rows = calc->makes_text ? SLICE_ROWS_FIRST : BATCH_ROWS_MAX;
    calc->sliced = calc->makes_text ? arena_new(0) : NULL;
    calc->lent = calc->makes_text ? arena_new(0) : NULL;
    if (calc->computed_count == 0)
        return OK;
    return program_compile(arena, exprs, calc->computed_count, input, &calc->project, error);
}

/* The output's columns, for the rows of the batch; rejects the rows that fail. */
static Column *calc_project(CalcOperator *calc, Batch *batch)
{
    Operator *op = &calc->base;
    const PlanNode *node = op->node;
    Arena *scratch = op->task->scratch;
    Column *columns = ARENA_ARRAY(scratch, Column, node->schema.count);
    for (int32_t i = 0; i < node->schema.count; i++)
        if (node->calc.exprs[i]->kind == EXPR_COLUMN)
            columns[i] = batch->columns[node->calc.exprs[i]->column];
    if (calc->project == NULL)
        return columns;
    Column *results = ARENA_ARRAY(scratch, Column, calc->computed_count);
    op->task->eval.error_count = 0;
    program_run(calc->project, &op->task->eval, batch, results);
    operator_reject_errors(op, batch);
    for (int32_t i = 0; i < calc->computed_count; i++)
        columns[calc->computed[i]] = results[i];
    return columns;
}

/* What goes out for the batch: a view, since its kinds and columns are others' too. */
static Batch calc_output(CalcOperator *calc, Batch *batch)
{
    const PlanNode *node = calc->base.node;
    Batch out = *batch;
    out.arena = NULL;
    if (node->calc.exprs != NULL) {
        out.columns = calc_project(calc, batch);
        out.column_count = node->schema.count;
        out.selection = batch->selection;
    }
    if (node->calc.makes_append)
        out.kinds = NULL;
    return out;
}

static int64_t column_text_bytes(const Column *column, Selection rows)
{
    int64_t bytes = 0;
    const StrView *values = column->values;
    for (int32_t i = 0; i < rows.count; i++)
        bytes += values[column_index(column, selection_row(rows, i))].length;
    return bytes;
}

/* How many rows the next slice may have. */
static void calc_learn(CalcOperator *calc, const Batch *out)
{
    int64_t bytes = 0;
    for (int32_t i = 0; i < calc->computed_count; i++) {
        const Column *column = &out->columns[calc->computed[i]];
        if (column->physical == PHYSICAL_STRING)
            bytes += column_text_bytes(column, out->selection);
    }
    if (bytes > SLICE_TEXT_BYTES_MAX) {
        int64_t rows = out->selection.count * (int64_t)(SLICE_TEXT_BYTES_MAX / 2) / bytes;
        calc->slice_rows = rows > 1 ? (int32_t)rows : 1;
    } else if (bytes < SLICE_TEXT_BYTES_MAX / 4 && calc->slice_rows < BATCH_ROWS_MAX) {
        calc->slice_rows *= 2;
    }
}

static Status calc_push_slice(CalcOperator *calc, const Batch *batch, Selection rows)
{
    Operator *op = &calc->base;
    Arena *scratch = op->task->scratch;
    Batch part = *batch;
    part.arena = NULL;
    part.selection = rows;
    op->task->scratch = op->task->eval.scratch = calc->sliced;
    Batch out = calc_output(calc, &part);
    op->task->scratch = op->task->eval.scratch = scratch;
    calc_learn(calc, &out);
    Status status = operator_emit_lending(op, &out, calc->lent);
    arena_reset(calc->sliced);
    return status;
}

static Status calc_push_slices(CalcOperator *calc, const Batch *batch)
{
    int32_t count = batch->selection.count;
    int32_t *rows = ARENA_ARRAY(calc->base.task->scratch, int32_t, count);
    for (int32_t i = 0; i < count; i++)
        rows[i] = selection_row(batch->selection, i);
    for (int32_t done = 0; done < count;) {
        int32_t left = count - done;
        int32_t taken = left < calc->slice_rows ? left : calc->slice_rows;
        TRY(calc_push_slice(calc, batch, (Selection){.rows = rows + done, .count = taken}));
        done += taken;
    }
    return OK;
}

static Status calc_push(Operator *op, int32_t input, Batch *batch)
{
    CalcOperator *calc = (CalcOperator *)op;
    assert(input == 0 && batch->selection.count > 0);
    op->task->eval.watermark = op->watermark;
    if (calc->filter != NULL) {
        op->task->eval.error_count = 0;
        Selection kept = program_select(calc->filter, &op->task->eval, batch);
        operator_reject_errors(op, batch);
        batch->selection = kept;
    }
    if (batch->selection.count == 0)
        return OK;
    if (op->node->calc.exprs == NULL && !op->node->calc.makes_append)
        return operator_emit(op, batch);
    if (calc->makes_text && batch->selection.count > calc->slice_rows)
        return calc_push_slices(calc, batch);
    Batch out = calc_output(calc, batch);
    if (calc->makes_text)
        calc_learn(calc, &out);
    return operator_emit(op, &out);
}

static void calc_close(Operator *op)
{
    CalcOperator *calc = (CalcOperator *)op;
    arena_free(calc->sliced);
    arena_free(calc->lent);
    calc->sliced = calc->lent = NULL;
}

const OperatorKind calc_operator = {
    .name = "calc",
    .size = sizeof(CalcOperator),
    .open = calc_open,
    .push = calc_push,
    .close = calc_close,
};
