/* Columnar rows: the unit that flows.
 *
 *     Batch ── row_count = 5, selection = {1, 3}, kinds = {+I, -U, +U, +I, +I} or NULL
 *       ├─ columns[0]  values [ a0 a1 a2 a3 a4 ]   valid 0b11011 or NULL
 *       └─ columns[1]  values [ c ]  is_constant: the one value stands for every row
 *
 * Who owns what. A batch made by batch_new owns its columns' memory and the strings in them
 * through its arena; batch_free ends all of it. It may be handed to another thread, never
 * shared by two. A view is a Batch struct on the stack or in a scratch arena whose columns
 * point into other batches; it owns nothing and lives as long as what it points to. A pushed
 * batch belongs to the callee until it returns; whoever keeps rows copies them.
 *
 * Column data is never written after the batch has been pushed: operators narrow the
 * selection or make new columns. The layout of a column (values, 64-bit validity words with
 * 1 = valid, 16-byte string views) is DuckDB's vector layout, so strings and bitmaps hand
 * over without a copy. */
#ifndef WEIR_DATA_BATCH_H
#define WEIR_DATA_BATCH_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "data/schema.h"
#include "data/type.h"

enum { BATCH_ROWS_MAX = 2048 }; /* what one batch holds at the most */

/* Bytes as Flink numbers them. */
typedef enum RowKind {
    ROW_INSERT = 0,        /* +I */
    ROW_UPDATE_BEFORE = 1, /* -U */
    ROW_UPDATE_AFTER = 2,  /* +U */
    ROW_DELETE = 3,        /* -D */
} RowKind;

/* -U and -D take a row back. */
static inline bool row_kind_is_retraction(uint8_t kind)
{
    return kind == ROW_UPDATE_BEFORE || kind == ROW_DELETE;
}

/* "+I", "-U", "+U", "-D". */
const char *row_kind_text(RowKind kind);

/* A string in 16 bytes: up to 12 inline, else 4 bytes of prefix and a pointer. Unused inline
 * bytes are zero, so two short views are equal exactly when their 16 bytes are. */
typedef struct StrView {
    uint32_t length;
    char prefix[4]; /* the first 4 bytes of 12 when inline */
    union {
        char rest[8];
        const char *pointer;
    };
} StrView;

enum { STR_VIEW_INLINE_MAX = 12 };
static_assert(sizeof(StrView) == 16, "the layout is shared with DuckDB");

/* A view that borrows `str`'s bytes when they do not fit inline. */
static inline StrView str_view_borrow(Str str)
{
    StrView view = {.length = (uint32_t)str.length};
    if (str.length <= STR_VIEW_INLINE_MAX) {
        if (str.length > 0)
            memcpy(view.prefix, str.data, (size_t)str.length);
    } else {
        memcpy(view.prefix, str.data, sizeof view.prefix);
        view.pointer = str.data;
    }
    return view;
}

/* A view whose bytes are inline or copied to the arena. */
static inline StrView str_view_copy(Arena *arena, Str str)
{
    if (str.length > STR_VIEW_INLINE_MAX)
        str.data = arena_copy(arena, str.data, str.length);
    return str_view_borrow(str);
}

/* The bytes; for an inline view they live in `*view` itself. */
static inline Str str_view_str(const StrView *view)
{
    return str_make(view->length <= STR_VIEW_INLINE_MAX ? view->prefix : view->pointer,
                    view->length);
}

static inline bool str_view_equal(const StrView *a, const StrView *b)
{
    uint64_t head_a, head_b;
    memcpy(&head_a, a, sizeof head_a);
    memcpy(&head_b, b, sizeof head_b);
    if (head_a != head_b)
        return false;
    if (a->length <= STR_VIEW_INLINE_MAX)
        return memcmp(a->rest, b->rest, sizeof a->rest) == 0;
    return memcmp(a->pointer, b->pointer, a->length) == 0;
}

typedef __int128 Int128;
typedef unsigned __int128 Uint128;

/* One column. `values` is an array of the type's physical, `valid` a bitmap or NULL when no
 * value is NULL. The value under a cleared bit is unspecified but readable (zero for
 * strings). A constant column has one value, one validity bit and stands for all rows. */
typedef struct Column {
    Type type;
    Physical physical;
    bool is_constant;
    void *values;
    uint64_t *valid;
} Column;

/* Index of `row` in the arrays: 0 for constants. */
static inline int32_t column_index(const Column *column, int32_t row)
{
    return column->is_constant ? 0 : row;
}

static inline bool bitmap_get(const uint64_t *bitmap, int32_t row)
{
    return (bitmap[row >> 6] >> (row & 63)) & 1;
}

static inline void bitmap_set(uint64_t *bitmap, int32_t row, bool value)
{
    uint64_t bit = (uint64_t)1 << (row & 63);
    bitmap[row >> 6] = value ? bitmap[row >> 6] | bit : bitmap[row >> 6] & ~bit;
}

static inline int32_t bitmap_words(int32_t rows)
{
    return (rows + 63) / 64;
}

static inline bool column_is_null(const Column *column, int32_t row)
{
    return column->valid != NULL && !bitmap_get(column->valid, column_index(column, row));
}

/* Whether any of its first `rows` is marked as NULL. */
bool column_has_nulls(const Column *column, int32_t rows);

/* The live rows of a batch, ascending. `rows` NULL means 0 … count - 1. */
typedef struct Selection {
    const int32_t *rows;
    int32_t count;
} Selection;

static inline int32_t selection_row(Selection selection, int32_t index)
{
    return selection.rows == NULL ? index : selection.rows[index];
}

typedef struct Batch {
    int32_t column_count;
    int32_t row_count; /* rows that lie in the columns; <= BATCH_ROWS_MAX, but for what
                          SourceKind.poll gives */
    Column *columns;
    Selection selection; /* the rows that count */
    uint8_t *kinds;      /* RowKind of each row, or NULL: all +I */
    int32_t split;       /* what the source has the rows from (SourceSplits), from 1; 0: not said */
    Arena *arena;        /* owner of all of it; NULL for a view */
} Batch;

static inline RowKind batch_kind(const Batch *batch, int32_t row)
{
    return batch->kinds == NULL ? ROW_INSERT : (RowKind)batch->kinds[row];
}

/* An empty owned batch with room for `capacity` rows in each column; row_count and selection
 * are 0. Columns start all valid (`valid` NULL, see column_set_null). */
Batch *batch_new(const Schema *schema, int32_t capacity);

/* NULL is allowed. */
void batch_free(Batch *batch);

/* Empty it for reuse, keeping its memory; column arrays stay as they are, strings go. */
void batch_reset(Batch *batch, const Schema *schema, int32_t capacity);
/* The same for a batch that only batch_append fills: numbers in the arrays are not zeroed first. */
void batch_reset_for_append(Batch *batch, const Schema *schema, int32_t capacity);

/* All rows 0 … row_count - 1 count. */
void batch_select_all(Batch *batch);

/* Room for kinds (all +I so far) if there is none yet. */
void batch_need_kinds(Batch *batch, int32_t capacity);

/* More room in an owned batch, in which `rows` rows lie already: for a record that holds more of
 * them than anybody reckoned with. All columns get their bitmap, so that whoever still counts with
 * the old capacity does no harm. Who read pointers out of the columns reads them again. */
void batch_grow(Batch *batch, int32_t rows, int32_t capacity);

/* A view of the rows from `first` (a multiple of 64) on, at most BATCH_ROWS_MAX of them, of a batch
 * whose rows all count. `columns` has room for the batch's; it holds the view's. */
Batch batch_window(const Batch *batch, int32_t first, Column *columns);

/* An array of values and no NULLs in the arena. */
Column column_new(Arena *arena, Type type, int32_t capacity);

/* A constant column of the type, NULL until its value is set. */
Column column_new_constant(Arena *arena, Type type);

/* Mark `row` NULL; makes the bitmap (for `capacity` rows) on first use. */
void column_set_null(Column *column, Arena *arena, int32_t row, int32_t capacity);

/* A value of another row of a column of the same physical, NULL or not; both are flat, and texts
 * are in `arena` already. */
void column_copy_row(Column *into, Arena *arena, int32_t row, int32_t capacity, const Column *from,
                     int32_t from_row);

/* Append the selected rows of `from` (same types) to the owned batch `into`, with kinds and
 * strings copied, constants made flat, the selection extended to them. `into` must have room:
 * into->row_count + rows.count <= its capacity. */
void batch_append(Batch *into, const Batch *from, Selection rows, int32_t capacity);

/* How many of the first of the rows have at most `bytes` of text outside of their columns in all;
 * *taken says how much those have. */
int32_t batch_rows_within(const Batch *batch, Selection rows, int64_t bytes, int64_t *taken);

/* An owned batch of the selected rows. */
Batch *batch_copy(const Batch *from);

/* Bytes the batch's arena holds. */
int64_t batch_bytes(const Batch *batch);

#endif
