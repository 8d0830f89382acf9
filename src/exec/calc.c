/* WHERE and SELECT: narrow the selection, then make the output's columns. For append-only readers
 * of a changelog, every row becomes an insert on the way.
 *
 * Rows are not copied, and columns that pass unchanged are passed by reference; only computed
 * ones are new. Updates need no special case: they come as two rows, and each is judged alone. */
#include "exec/operators.h"

#include <assert.h>

typedef struct CalcOperator {
    Operator base;
    Program *filter;   /* NULL: all rows */
    Program *project;  /* the expressions that are not plain columns; NULL if there is none */
    int32_t *computed; /* output columns of `project`, in its order */
    int32_t computed_count;
} CalcOperator;

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
    Batch out = *batch; /* a view: the kinds and columns of the batch are others' too */
    out.arena = NULL;
    if (op->node->calc.exprs != NULL) {
        out.columns = calc_project(calc, batch);
        out.column_count = op->node->schema.count;
        out.selection = batch->selection;
    }
    if (op->node->calc.makes_append)
        out.kinds = NULL;
    return operator_emit(op, &out);
}

const OperatorKind calc_operator = {
    .name = "calc",
    .size = sizeof(CalcOperator),
    .open = calc_open,
    .push = calc_push,
};
