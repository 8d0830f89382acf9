/* WHERE and SELECT: narrow the selection, then make the output's columns. For append-only readers
 * of a changelog, every row becomes an insert on the way.
 *
 * Rows are not copied, and columns that pass unchanged are passed by reference; only computed
 * ones are new. Updates need no special case: they come as two rows, and each is judged alone.
 *
 * Text that is computed may be of any size (REPEAT): a batch is worked on in slices of as many rows
 * as have taken a few megabytes so far, so that wide rows do not take memory for 2,048 of them. */
#include "exec/operators.h"

#include <assert.h>

#include "base/ceiling.h"

typedef struct CalcOperator {
    Operator base;
    Program *filter;   /* NULL: all rows */
    Program *project;  /* the expressions that are not plain columns; NULL if there is none */
    int32_t *computed; /* output columns of `project`, in its order */
    int32_t computed_count;
    bool makes_text;    /* on the way or in the end: then … */
    int32_t slice_rows; /* … that many rows are computed at once … */
    Arena *sliced;      /* … with this scratch … */
    Arena *lent;        /* … and this one for those downstream */
} CalcOperator;

enum { SLICE_ROWS_FIRST = 4, SLICE_BYTES_MAX = 4 << 20, SLICE_PART = 64 };

static bool expr_makes_text(const Expr *expr)
{
    if (expr->kind == EXPR_COLUMN || expr->kind == EXPR_LITERAL)
        return false;
    if (type_physical(expr->type) == PHYSICAL_STRING)
        return true;
    for (int32_t i = 0; i < expr->arg_count; i++)
        if (expr_makes_text(expr->args[i]))
            return true;
    return false;
}

static void calc_open_slices(CalcOperator *calc)
{
    const PlanNode *node = calc->base.node;
    calc->makes_text = node->calc.filter != NULL && expr_makes_text(node->calc.filter);
    for (int32_t i = 0; node->calc.exprs != NULL && i < node->schema.count; i++)
        calc->makes_text = calc->makes_text || expr_makes_text(node->calc.exprs[i]);
    if (!calc->makes_text)
        return;
    calc->slice_rows = SLICE_ROWS_FIRST;
    calc->sliced = arena_new(0);
    calc->lent = arena_new(0);
}

static Status calc_open(Operator *op)
{
    CalcOperator *calc = (CalcOperator *)op;
    const PlanNode *node = op->node;
    const Schema *input = &node->inputs[0]->schema;
    Arena *arena = op->task->query;
    Error *error = op->task->error;
    calc_open_slices(calc);
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
    }
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

/* Narrow the selection and work out what goes out: whether there is anything. What goes out is a
 * view, since kinds and columns of the batch are others' too. */
static bool calc_work(CalcOperator *calc, Batch *batch, Batch *out)
{
    Operator *op = &calc->base;
    if (calc->filter != NULL) {
        op->task->eval.error_count = 0;
        Selection kept = program_select(calc->filter, &op->task->eval, batch);
        operator_reject_errors(op, batch);
        batch->selection = kept;
    }
    if (batch->selection.count == 0)
        return false;
    *out = *batch;
    if (op->node->calc.exprs == NULL && !op->node->calc.makes_append)
        return true;
    out->arena = NULL;
    if (op->node->calc.exprs != NULL) {
        out->columns = calc_project(calc, batch);
        out->column_count = op->node->schema.count;
        out->selection = batch->selection;
    }
    if (op->node->calc.makes_append)
        out->kinds = NULL;
    return true;
}

/* How many rows the next slice may have, after one of so many. */
static void calc_learn(CalcOperator *calc, int32_t rows)
{
    int64_t bytes = arena_bytes(calc->sliced), most = ceiling_share(SLICE_PART, SLICE_BYTES_MAX);
    if (bytes > most) {
        int64_t fewer = rows * (most / 2) / bytes;
        calc->slice_rows = fewer > 1 ? (int32_t)fewer : 1;
        arena_free(calc->sliced); /* a reset keeps what was large */
        calc->sliced = arena_new(0);
        return;
    }
    arena_reset(calc->sliced);
    if (bytes < most / 4 && rows == calc->slice_rows && rows < BATCH_ROWS_MAX)
        calc->slice_rows *= 2;
}

static Status calc_push_slice(CalcOperator *calc, const Batch *batch, Selection rows)
{
    Operator *op = &calc->base;
    Arena *scratch = op->task->scratch;
    Batch part = *batch, out;
    part.arena = NULL;
    part.selection = rows;
    op->task->scratch = op->task->eval.scratch = calc->sliced;
    bool has_rows = calc_work(calc, &part, &out);
    op->task->scratch = op->task->eval.scratch = scratch;
    Status status = has_rows ? operator_emit_lending(op, &out, calc->lent) : OK;
    calc_learn(calc, rows.count);
    return status;
}

static Status calc_push_slices(CalcOperator *calc, const Batch *batch)
{
    Selection all = batch->selection;
    if (all.count <= calc->slice_rows)
        return calc_push_slice(calc, batch, all);
    int32_t *rows = ARENA_ARRAY(calc->base.task->scratch, int32_t, all.count);
    for (int32_t i = 0; i < all.count; i++)
        rows[i] = selection_row(all, i);
    for (int32_t done = 0; done < all.count;) {
        int32_t left = all.count - done;
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
    if (calc->makes_text)
        return calc_push_slices(calc, batch);
    Batch out;
    return calc_work(calc, batch, &out) ? operator_emit(op, &out) : OK;
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
