/* Evaluating nodes over rows: memoised results, NULLs of strict functions, constants, errors.
 *
 * A node remembers its last result and the rows it was computed for. A request for a part of
 * those rows is answered from memory; so a subtree shared by two branches of a CASE is
 * computed once if it was needed before the branches, and else once per branch, for that
 * branch's rows only. */
#include <stdarg.h>
#include <stdio.h>

#include "expr/internal.h"
#include "expr/program.h"

#include "data/value.h"

enum { TEXT_CHUNK_BYTES = 16384 };

/* ---- Rows ------------------------------------------------------------------------------ */

const Rows *eval_rows(Eval *eval, const int32_t *rows, int32_t count, const Rows *parent)
{
    assert(count >= 0);
    assert(parent == NULL || count <= parent->selection.count);
    if (parent != NULL && count == parent->selection.count)
        return parent;
    Rows *made = arena_allocate(eval->scratch, sizeof(Rows));
    *made = (Rows){.selection = {.rows = rows, .count = count}, .parent = parent};
    return made;
}

const Rows *eval_rows_without(Eval *eval, const Rows *rows, const Rows *taken)
{
    if (taken->selection.count == 0)
        return rows;
    int32_t left = rows->selection.count - taken->selection.count;
    assert(left >= 0);
    int32_t *out = arena_allocate(eval->scratch, (int64_t)sizeof(int32_t) * (left + 1));
    int32_t kept = 0;
    int32_t at = 0;
    for (int32_t i = 0; i < rows->selection.count; i++) {
        int32_t row = selection_row(rows->selection, i);
        if (at < taken->selection.count && selection_row(taken->selection, at) == row)
            at++;
        else
            out[kept++] = row;
    }
    assert(kept == left);
    return eval_rows(eval, out, kept, rows);
}

static bool rows_cover(const Rows *have, const Rows *want)
{
    for (; want != NULL; want = want->parent)
        if (want == have)
            return true;
    return false;
}

Selection call_dense_rows(const Call *call)
{
    Selection rows = call->rows;
    if (rows.rows != NULL && rows.count * 4 >= call->capacity)
        return (Selection){.count = call->capacity};
    return rows;
}

/* ---- Columns --------------------------------------------------------------------------- */

Column eval_null(Eval *eval, Type type)
{
    return column_new_constant(eval->scratch, type);
}

Column eval_column(Eval *eval, Type type)
{
    Column column = {.type = type, .physical = type_physical(type)};
    int64_t bytes = (int64_t)physical_bytes(column.physical) * eval->span;
    column.values = arena_allocate(eval->scratch, bytes);
    if (column.physical == PHYSICAL_STRING)
        memset(column.values, 0, (size_t)bytes);
    return column;
}

#define SCATTER_NAME scatter_1
#define SCATTER_TYPE uint8_t
#include "expr/kernels/scatter.inc"
#define SCATTER_NAME scatter_2
#define SCATTER_TYPE uint16_t
#include "expr/kernels/scatter.inc"
#define SCATTER_NAME scatter_4
#define SCATTER_TYPE uint32_t
#include "expr/kernels/scatter.inc"
#define SCATTER_NAME scatter_8
#define SCATTER_TYPE uint64_t
#include "expr/kernels/scatter.inc"
#define SCATTER_NAME scatter_16
#define SCATTER_TYPE Uint128
#include "expr/kernels/scatter.inc"

static void eval_copy_valid(Eval *eval, Column *out, const Column *from, Selection rows)
{
    if (from->valid == NULL)
        return;
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        if (!bitmap_get(from->valid, column_index(from, row)))
            column_set_null(out, eval->scratch, row, eval->span);
    }
}

void eval_copy(Eval *eval, Column *out, const Column *from, const Rows *rows)
{
    assert(out->physical == from->physical);
    Selection selection = rows->selection;
    switch (physical_bytes(out->physical)) {
    case 1: scatter_1(selection, from->values, from->is_constant, out->values); break;
    case 2: scatter_2(selection, from->values, from->is_constant, out->values); break;
    case 4: scatter_4(selection, from->values, from->is_constant, out->values); break;
    case 8: scatter_8(selection, from->values, from->is_constant, out->values); break;
    case 16: scatter_16(selection, from->values, from->is_constant, out->values); break;
    default: break;
    }
    eval_copy_valid(eval, out, from, selection);
}

/* ---- Text and errors ------------------------------------------------------------------- */

char *eval_text_reserve(Eval *eval, int64_t bytes)
{
    assert(bytes >= 0);
    if (bytes > eval->text_bytes) {
        eval->text_bytes = bytes > TEXT_CHUNK_BYTES ? bytes : TEXT_CHUNK_BYTES;
        eval->text = arena_allocate(eval->scratch, eval->text_bytes);
    }
    return eval->text;
}

StrView eval_text_take(Eval *eval, int64_t length)
{
    assert(length >= 0 && length <= eval->text_bytes);
    StrView view = str_view_borrow(str_make(eval->text, length));
    if (length > STR_VIEW_INLINE_MAX) {
        eval->text += length;
        eval->text_bytes -= length;
    }
    return view;
}

void call_set_copy(Call *call, int32_t row, Str str)
{
    char *into = eval_text_reserve(call->eval, str.length);
    if (str.length > 0)
        memcpy(into, str.data, (size_t)str.length);
    call_set_view(call, row, eval_text_take(call->eval, str.length));
}

void call_set_null(Call *call, int32_t row)
{
    column_set_null(&call->out, call->eval->scratch, row, call->capacity);
}

static void eval_reject(Eval *eval, int32_t row, const char *code, char *reason)
{
    assert(row >= 0 && row < BATCH_ROWS_MAX);
    if (bitmap_get(eval->failed, row))
        return;
    bitmap_set(eval->failed, row, true);
    EvalContext *context = eval->context;
    assert(context->error_count < ROW_ERRORS_MAX);
    context->errors[context->error_count++] =
        (RowError){.row = row, .code = code, .reason = reason};
}

void call_reject(Call *call, int32_t row, const char *code, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert(length >= 0);
    char *reason = (char *)(uintptr_t)str_terminated(call->eval->scratch, str_from(text));
    call_set_null(call, row);
    const Rows *rows = call->eval->constant_of;
    if (!call->out.is_constant) {
        eval_reject(call->eval, row, code, reason);
        return;
    }
    for (int32_t i = 0; i < rows->selection.count; i++)
        eval_reject(call->eval, selection_row(rows->selection, i), code, reason);
}

/* ---- Nodes ----------------------------------------------------------------------------- */

Column call_arg(Call *call, int32_t index)
{
    assert((call->node->flags & FUNCTION_LAZY) != 0);
    assert(index >= 0 && index < call->node->arg_count);
    return eval_node(call->eval, call->node->args[index], call->lazy_rows);
}

/* The rows in which no argument is NULL, as a bitmap; NULL if that is all of them. The bitmap
 * of a single argument is shared unless the kernel may clear more bits. */
static uint64_t *valid_of_args(Eval *eval, const Column *args, int32_t count, bool is_shared)
{
    uint64_t *valid = NULL;
    bool is_owned = false;
    int32_t words = bitmap_words(eval->span);
    for (int32_t i = 0; i < count; i++) {
        const uint64_t *next = args[i].valid;
        if (next == NULL || args[i].is_constant)
            continue;
        if (valid == NULL) {
            valid = args[i].valid;
            continue;
        }
        if (!is_owned)
            valid = arena_copy(eval->scratch, valid, words * (int64_t)sizeof(uint64_t));
        is_owned = true;
        for (int32_t w = 0; w < words; w++)
            valid[w] &= next[w];
    }
    if (valid != NULL && !is_owned && !is_shared)
        valid = arena_copy(eval->scratch, valid, words * (int64_t)sizeof(uint64_t));
    return valid;
}

static Selection select_valid(Eval *eval, Selection rows, const uint64_t *valid)
{
    int32_t *out = arena_allocate(eval->scratch, (int64_t)sizeof(int32_t) * rows.count);
    int32_t kept = 0;
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        out[kept] = row;
        kept += bitmap_get(valid, row);
    }
    return kept == rows.count ? rows : (Selection){.rows = out, .count = kept};
}

static Column eval_constant(Call *call, const Rows *rows)
{
    Eval *eval = call->eval;
    const Rows *outer = eval->constant_of;
    eval->constant_of = rows;
    call->rows = (Selection){.count = 1};
    call->capacity = 1;
    call->out = column_new_constant(eval->scratch, call->node->expr->type);
    call->out.valid[0] = 1;
    call->node->kernel(call);
    eval->constant_of = outer;
    assert(call->out.is_constant);
    return call->out;
}

static Column eval_strict(Eval *eval, Node *node, const Rows *rows)
{
    Type type = node->expr->type;
    bool sees_nulls = (node->flags & FUNCTION_NULLS) != 0;
    bool is_total = (node->flags & FUNCTION_TOTAL) != 0;
    bool is_constant = (node->flags & FUNCTION_VOLATILE) == 0;
    int64_t bytes = (int64_t)sizeof(Column) * node->arg_count;
    Column *args = arena_allocate(eval->scratch, bytes);
    for (int32_t i = 0; i < node->arg_count; i++) {
        args[i] = eval_node(eval, node->args[i], rows);
        is_constant = is_constant && args[i].is_constant;
        if (!sees_nulls && args[i].is_constant && column_is_null(&args[i], 0))
            return eval_null(eval, type);
    }
    Call call = {.eval = eval,
                 .node = node,
                 .prepared = node->prepared,
                 .rows = rows->selection,
                 .capacity = eval->span,
                 .args = args};
    if (is_constant)
        return eval_constant(&call, rows);
    uint64_t *valid = sees_nulls ? NULL : valid_of_args(eval, args, node->arg_count, is_total);
    if (valid != NULL && !is_total)
        call.rows = select_valid(eval, call.rows, valid);
    if (call.rows.count == 0)
        return eval_null(eval, type);
    call.out = eval_column(eval, type);
    call.out.valid = valid;
    node->kernel(&call);
    return call.out;
}

static Column eval_lazy(Eval *eval, Node *node, const Rows *rows)
{
    Call call = {.eval = eval,
                 .node = node,
                 .prepared = node->prepared,
                 .rows = rows->selection,
                 .lazy_rows = rows,
                 .capacity = eval->span};
    node->kernel(&call);
    return call.out;
}

Column eval_node(Eval *eval, Node *node, const Rows *rows)
{
    const Expr *expr = node->expr;
    if (expr->kind == EXPR_COLUMN)
        return eval->batch->columns[expr->column];
    if (expr->kind == EXPR_LITERAL)
        return node->result;
    if (rows->selection.count == 0)
        return eval_null(eval, expr->type);
    if (node->run == eval->run && rows_cover(node->rows, rows))
        return node->result;
    Column result = (node->flags & FUNCTION_LAZY) != 0 ? eval_lazy(eval, node, rows)
                                                       : eval_strict(eval, node, rows);
    result.type = expr->type;
    node->result = result;
    node->run = eval->run;
    node->rows = rows;
    return result;
}

/* ---- Selecting ------------------------------------------------------------------------- */

static const Rows *select_bools(Eval *eval, const Column *column, const Rows *rows)
{
    assert(column->physical == PHYSICAL_BOOL);
    const uint8_t *values = column->values;
    if (column->is_constant) {
        bool is_true = values[0] != 0 && !column_is_null(column, 0);
        return is_true ? rows : eval_rows(eval, NULL, 0, rows);
    }
    Selection selection = rows->selection;
    int64_t bytes = (int64_t)sizeof(int32_t) * selection.count;
    int32_t *restrict out = arena_allocate(eval->scratch, bytes);
    int32_t kept = 0;
    for (int32_t i = 0; i < selection.count; i++) {
        int32_t row = selection_row(selection, i);
        out[kept] = row;
        kept += (values[row] != 0) & (column->valid == NULL || bitmap_get(column->valid, row));
    }
    return eval_rows(eval, out, kept, rows);
}

static const Rows *select_any(Eval *eval, Node *node, const Rows *rows)
{
    uint64_t marks[BATCH_ROWS_MAX / 64] = {0};
    const Rows *left = rows;
    for (int32_t i = 0; i < node->arg_count; i++) {
        const Rows *taken = eval_select(eval, node->args[i], left);
        if (taken == rows)
            return rows;
        for (int32_t k = 0; k < taken->selection.count; k++)
            bitmap_set(marks, selection_row(taken->selection, k), true);
        left = eval_rows_without(eval, left, taken);
    }
    Selection kept = select_valid(eval, rows->selection, marks);
    return eval_rows(eval, kept.rows, kept.count, rows);
}

static const Rows *select_comparison(Eval *eval, Node *node, const Rows *rows)
{
    Column args[2] = {eval_node(eval, node->args[0], rows), eval_node(eval, node->args[1], rows)};
    bool has_null = false;
    for (int32_t i = 0; i < 2; i++)
        has_null = has_null || (args[i].is_constant && column_is_null(&args[i], 0));
    if (has_null)
        return eval_rows(eval, NULL, 0, rows);
    const uint64_t *valid = valid_of_args(eval, args, 2, true);
    int64_t bytes = (int64_t)sizeof(int32_t) * rows->selection.count;
    int32_t *out = arena_allocate(eval->scratch, bytes);
    int32_t kept = node->select(rows->selection, valid, &args[0], &args[1], out);
    assert(kept <= rows->selection.count);
    return eval_rows(eval, out, kept, rows);
}

const Rows *eval_select(Eval *eval, Node *node, const Rows *rows)
{
    if (rows->selection.count == 0)
        return rows;
    bool is_known = node->run == eval->run && rows_cover(node->rows, rows);
    if (node->expr->kind == EXPR_CALL && !is_known) {
        if (node_is(node, "AND")) {
            for (int32_t i = 0; i < node->arg_count; i++)
                rows = eval_select(eval, node->args[i], rows);
            return rows;
        }
        if (node_is(node, "OR"))
            return select_any(eval, node, rows);
        if (node->select != NULL)
            return select_comparison(eval, node, rows);
    }
    Column column = eval_node(eval, node, rows);
    return select_bools(eval, &column, rows);
}
