/* UNNEST: each row beside the elements of its collection, with the row's kind: what takes a row
 * back takes back all that came of it. Nothing is kept.
 *
 *     row ──> collection ──> elements, into columns of their own ──> pairs (row, element) ──> emit
 *
 * Elements are lent: texts lie where the collection lies. A batch of elements is emitted when it
 * is full and when the rows end. */
#include <assert.h>

#include "data/nested.h"
#include "exec/join/output.h"
#include "exec/operators.h"

typedef struct UnnestOperator {
    Operator base;
    Program *collection;
    JoinOutput output;
    Batch elements;     /* columns for BATCH_ROWS_MAX elements; those that nobody reads are empty */
    Arena *arena;       /* of what the elements hold besides */
    bool is_rows;       /* elements are rows: their fields are the columns */
    int32_t *slots;     /* of rows: where the fields are */
    int32_t ordinality; /* column of the element's number, or -1 */
    uint8_t matched[BATCH_ROWS_MAX]; /* by row of the input batch: it went out with an element */
} UnnestOperator;

static Type collection_type(const UnnestOperator *unnest)
{
    return unnest->base.node->unnest.collection->type;
}

static Status unnest_open(Operator *op)
{
    UnnestOperator *unnest = (UnnestOperator *)op;
    const PlanNode *node = op->node;
    Arena *arena = op->task->query;
    Expr *collection = node->unnest.collection;
    const Schema *elements = &node->unnest.elements;
    TRY(program_compile(arena, &collection, 1, &node->inputs[0]->schema, &unnest->collection,
                        op->task->error));
    TRY(join_output_open_over(&unnest->output, op, &node->unnest.join, elements));
    unnest->output.passes_kinds = true;
    unnest->arena = arena_new(0);
    unnest->elements.column_count = elements->count;
    unnest->elements.columns = ARENA_ARRAY(arena, Column, elements->count + 1);
    for (int32_t i = 0; i < elements->count; i++)
        unnest->elements.columns[i] = column_new(arena, elements->fields[i].type, BATCH_ROWS_MAX);
    unnest->ordinality = node->unnest.has_ordinality ? elements->count - 1 : -1;
    Type type = collection_type(unnest);
    unnest->is_rows = type.id != TYPE_MAP && type.children[0].id == TYPE_ROW;
    if (unnest->is_rows) {
        int32_t fields = type.children[0].child_count;
        unnest->slots = ARENA_ARRAY(arena, int32_t, fields + 1);
        for (int32_t i = 0; i < fields; i++)
            unnest->slots[i] = nested_row_slot(type.children[0], i);
    }
    return OK;
}

static void unnest_close(Operator *op)
{
    UnnestOperator *unnest = (UnnestOperator *)op;
    if (unnest->arena != NULL)
        join_output_close(&unnest->output);
    arena_free(unnest->arena);
}

/* ---- Elements -------------------------------------------------------------------------- */

/* Emit what there is, and begin anew. */
static Status unnest_flush(UnnestOperator *unnest)
{
    TRY(join_output_flush(&unnest->output));
    unnest->elements.row_count = 0;
    for (int32_t i = 0; i < unnest->elements.column_count; i++)
        unnest->elements.columns[i].valid = NULL;
    arena_reset(unnest->arena);
    return OK;
}

static bool unnest_reads(const UnnestOperator *unnest, int32_t column)
{
    return unnest->output.is_read[unnest->output.left_count + column];
}

static void element_load(UnnestOperator *unnest, int32_t column, const char *base, const char *slot)
{
    if (!unnest_reads(unnest, column))
        return;
    int32_t row = unnest->elements.row_count;
    Column *into = &unnest->elements.columns[column];
    if (base == NULL)
        column_set_null(into, unnest->arena, row, BATCH_ROWS_MAX);
    else
        nested_slot_load(into, row, base, slot);
}

static void element_load_item(UnnestOperator *unnest, int32_t column, const NestedArray *array,
                              int32_t index)
{
    bool is_null = nested_array_is_null(array, index);
    element_load(unnest, column, is_null ? NULL : array->base,
                 is_null ? NULL : nested_array_slot(array, index));
}

static void element_load_fields(UnnestOperator *unnest, const NestedArray *array, int32_t index)
{
    Str row = nested_array_bytes(array, index);
    int32_t fields = unnest->elements.column_count - (unnest->ordinality >= 0);
    for (int32_t i = 0; i < fields; i++) {
        bool is_null = nested_row_is_null(row.data, i);
        element_load(unnest, i, is_null ? NULL : row.data, row.data + unnest->slots[i]);
    }
}

/* The rows that one run over a batch works on. */
typedef struct Unnesting {
    UnnestOperator *unnest;
    const Batch *batch;
    int32_t row;
    int32_t number;        /* of the element, from 1 */
    int32_t element_count; /* of the row so far */
} Unnesting;

/* One element beside the row. NULL in the place of a row is no element, as in Flink. */
static Status unnest_element(Unnesting *at, const NestedArray *keys, const NestedArray *values,
                             int32_t index)
{
    UnnestOperator *unnest = at->unnest;
    at->number++;
    if (unnest->is_rows && nested_array_is_null(keys, index))
        return OK;
    if (unnest->elements.row_count == BATCH_ROWS_MAX || join_output_is_full(&unnest->output))
        TRY(unnest_flush(unnest));
    if (unnest->is_rows)
        element_load_fields(unnest, keys, index);
    else
        element_load_item(unnest, 0, keys, index);
    if (values != NULL)
        element_load_item(unnest, 1, values, index);
    int32_t row = unnest->elements.row_count++;
    at->element_count++;
    if (unnest->ordinality >= 0)
        ((int32_t *)unnest->elements.columns[unnest->ordinality].values)[row] = at->number;
    PairSide left = {.batch = at->batch, .row = at->row};
    left.is_matched = &unnest->matched[at->row];
    return join_output_add(&unnest->output, left,
                           (PairSide){.batch = &unnest->elements, .row = row});
}

static Status unnest_multiset(Unnesting *at, Str bytes, Type type)
{
    NestedMap map = nested_map(bytes, type);
    for (int32_t i = 0; i < map.keys.count; i++) {
        int64_t count = nested_array_value(&map.values, i, nested_value_type(type)).integer;
        for (int64_t k = 0; k < count; k++)
            TRY(unnest_element(at, &map.keys, NULL, i));
    }
    return OK;
}

static Status unnest_row(Unnesting *at, Str bytes, Type type)
{
    if (type.id == TYPE_MULTISET)
        return unnest_multiset(at, bytes, type);
    NestedMap map = {0};
    if (type.id == TYPE_MAP)
        map = nested_map(bytes, type);
    else
        map.keys = nested_array(bytes, type.children[0]);
    for (int32_t i = 0; i < map.keys.count; i++)
        TRY(unnest_element(at, &map.keys, type.id == TYPE_MAP ? &map.values : NULL, i));
    return OK;
}

/* ---- Rows ------------------------------------------------------------------------------ */

/* LEFT JOIN: a row of which nothing went out, in its place among the others. With a condition that
 * is known only when its pairs have been flushed. */
static Status unnest_pad(UnnestOperator *unnest, const Batch *batch, int32_t row)
{
    if (join_output_is_full(&unnest->output))
        TRY(unnest_flush(unnest));
    return join_output_pad(&unnest->output, 0, (PairSide){.batch = batch, .row = row});
}

static Status unnest_rows(UnnestOperator *unnest, const Batch *batch, const Column *collections)
{
    const PlanJoin *join = &unnest->base.node->unnest.join;
    bool is_left = join->kind == JOIN_LEFT;
    Type type = collection_type(unnest);
    for (int32_t i = 0; i < batch->selection.count; i++) {
        Unnesting at = {.unnest = unnest, .batch = batch};
        at.row = selection_row(batch->selection, i);
        unnest->matched[at.row] = 0;
        if (!column_is_null(collections, at.row)) {
            int32_t index = column_index(collections, at.row);
            TRY(unnest_row(&at, str_view_str((const StrView *)collections->values + index), type));
        }
        bool is_asked = is_left && join->condition != NULL && at.element_count > 0;
        if (is_asked)
            TRY(unnest_flush(unnest));
        if (is_left && (is_asked ? !unnest->matched[at.row] : at.element_count == 0))
            TRY(unnest_pad(unnest, batch, at.row));
    }
    return unnest_flush(unnest);
}

static Status unnest_push(Operator *op, int32_t input, Batch *batch)
{
    UnnestOperator *unnest = (UnnestOperator *)op;
    assert(input == 0 && batch->selection.count > 0);
    assert(batch->row_count <= BATCH_ROWS_MAX);
    Column collections;
    op->task->eval.watermark = op->watermark;
    op->task->eval.error_count = 0;
    program_run(unnest->collection, &op->task->eval, batch, &collections);
    operator_reject_errors(op, batch);
    return batch->selection.count == 0 ? OK : unnest_rows(unnest, batch, &collections);
}

const OperatorKind unnest_operator = {
    .name = "unnest",
    .size = sizeof(UnnestOperator),
    .open = unnest_open,
    .push = unnest_push,
    .close = unnest_close,
};
