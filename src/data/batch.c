/* Batches: making, filling and copying columns. */
#include "data/batch.h"

#include "base/memory.h"

#define APPEND_NAME append_1
#define APPEND_TYPE uint8_t
#include "data/append.inc"
#define APPEND_NAME append_2
#define APPEND_TYPE uint16_t
#include "data/append.inc"
#define APPEND_NAME append_4
#define APPEND_TYPE uint32_t
#include "data/append.inc"
#define APPEND_NAME append_8
#define APPEND_TYPE uint64_t
#include "data/append.inc"
#define APPEND_NAME append_16
#define APPEND_TYPE Uint128
#include "data/append.inc"
#define APPEND_NAME append_string
#define APPEND_TYPE StrView
#include "data/append.inc"

const char *row_kind_text(RowKind kind)
{
    static const char *const texts[] = {"+I", "-U", "+U", "-D"};
    assert(kind <= ROW_DELETE);
    return texts[kind];
}

/* The values of a column, 16-byte aligned by the arena. Zeroed so that what lies under a
 * NULL can be read by kernels that do not branch. */
static Column column_make(Arena *arena, Type type, int32_t capacity)
{
    Column column = {.type = type, .physical = type_physical(type)};
    int64_t bytes = (int64_t)physical_bytes(column.physical) * capacity;
    column.values = arena_allocate_zeroed(arena, bytes);
    return column;
}

Column column_new(Arena *arena, Type type, int32_t capacity)
{
    assert(capacity >= 0);
    return column_make(arena, type, capacity);
}

Column column_new_constant(Arena *arena, Type type)
{
    Column column = column_make(arena, type, 1);
    column.is_constant = true;
    column.valid = arena_allocate_zeroed(arena, sizeof(uint64_t));
    return column;
}

static void column_need_bitmap(Column *column, Arena *arena, int32_t capacity)
{
    if (column->valid != NULL)
        return;
    int64_t bytes = (int64_t)bitmap_words(capacity) * (int64_t)sizeof(uint64_t);
    column->valid = arena_allocate(arena, bytes);
    memset(column->valid, 0xff, (size_t)bytes);
}

void column_set_null(Column *column, Arena *arena, int32_t row, int32_t capacity)
{
    assert(row >= 0 && row < capacity);
    int32_t index = column_index(column, row);
    column_need_bitmap(column, arena, column->is_constant ? 1 : capacity);
    bitmap_set(column->valid, index, false);
    if (column->physical == PHYSICAL_STRING)
        ((StrView *)column->values)[index] = (StrView){0};
}

void column_copy_row(Column *into, Arena *arena, int32_t row, int32_t capacity, const Column *from,
                     int32_t from_row)
{
    assert(into->physical == from->physical && !into->is_constant && !from->is_constant);
    if (column_is_null(from, from_row)) {
        column_set_null(into, arena, row, capacity);
        return;
    }
    int64_t width = physical_bytes(into->physical);
    memcpy((char *)into->values + width * row, (const char *)from->values + width * from_row,
           (size_t)width);
    if (into->valid != NULL)
        bitmap_set(into->valid, row, true);
}

static void batch_lay_out(Batch *batch, const Schema *schema, int32_t capacity)
{
    for (int32_t i = 0; i < schema->count; i++)
        batch->columns[i] = column_make(batch->arena, schema->fields[i].type, capacity);
    batch->row_count = 0;
    batch->selection = (Selection){0};
    batch->kinds = NULL;
}

/* For so many rows, with kinds and marks of NULL: a piece of their own for these would be twice as
 * large as this one. */
static int64_t batch_room_bytes(const Schema *schema, int32_t capacity)
{
    enum { ALIGNMENT = 16 };
    int64_t marks = (int64_t)bitmap_words(capacity) * (int64_t)sizeof(uint64_t) + ALIGNMENT;
    int64_t bytes = capacity + ALIGNMENT;
    for (int32_t i = 0; i < schema->count; i++) {
        Physical physical = type_physical(schema->fields[i].type);
        bytes += (int64_t)physical_bytes(physical) * capacity + ALIGNMENT + marks;
    }
    return bytes;
}

Batch *batch_new(const Schema *schema, int32_t capacity)
{
    assert(capacity >= 0);
    int64_t column_bytes = (int64_t)sizeof(Column) * schema->count;
    Batch *batch = memory_allocate_zeroed((int64_t)sizeof(Batch) + column_bytes);
    batch->column_count = schema->count;
    batch->columns = (Column *)(void *)(batch + 1);
    batch->arena = arena_new(batch_room_bytes(schema, capacity));
    batch_lay_out(batch, schema, capacity);
    return batch;
}

void batch_free(Batch *batch)
{
    if (batch == NULL)
        return;
    assert(batch->arena != NULL);
    arena_free(batch->arena);
    memory_free(batch);
}

void batch_reset_for_append(Batch *batch, const Schema *schema, int32_t capacity)
{
    assert(batch->arena != NULL);
    assert(batch->column_count == schema->count);
    arena_reset(batch->arena);
    batch->columns = (Column *)(void *)(batch + 1);
    for (int32_t i = 0; i < schema->count; i++) {
        Type type = schema->fields[i].type;
        Physical physical = type_physical(type);
        if (physical == PHYSICAL_STRING) {
            batch->columns[i] = column_make(batch->arena, type, capacity);
            continue;
        }
        int64_t bytes = (int64_t)physical_bytes(physical) * capacity;
        batch->columns[i] = (Column){
            .type = type, .physical = physical, .values = arena_allocate(batch->arena, bytes)};
    }
    batch->row_count = 0;
    batch->selection = (Selection){0};
    batch->kinds = NULL;
}

void batch_reset(Batch *batch, const Schema *schema, int32_t capacity)
{
    assert(batch->arena != NULL);
    assert(batch->column_count == schema->count);
    batch->columns = (Column *)(void *)(batch + 1);
    arena_reset(batch->arena);
    batch_lay_out(batch, schema, capacity);
}

void batch_select_all(Batch *batch)
{
    batch->selection = (Selection){.count = batch->row_count};
}

void batch_need_kinds(Batch *batch, int32_t capacity)
{
    assert(batch->arena != NULL);
    assert(capacity >= batch->row_count);
    if (batch->kinds == NULL)
        batch->kinds = arena_allocate_zeroed(batch->arena, capacity);
}

static void column_grow(Column *column, Arena *arena, int32_t rows, int32_t capacity)
{
    Column grown = column_make(arena, column->type, capacity);
    int64_t width = physical_bytes(column->physical);
    if (rows > 0)
        memcpy(grown.values, column->values, (size_t)(width * rows));
    column_need_bitmap(&grown, arena, capacity);
    if (column->valid != NULL)
        memcpy(grown.valid, column->valid, sizeof(uint64_t) * (size_t)bitmap_words(rows));
    *column = grown;
}

void batch_grow(Batch *batch, int32_t rows, int32_t capacity)
{
    assert(batch->arena != NULL);
    assert(rows >= 0 && rows <= capacity);
    for (int32_t i = 0; i < batch->column_count; i++) {
        assert(!batch->columns[i].is_constant);
        column_grow(&batch->columns[i], batch->arena, rows, capacity);
    }
    if (batch->kinds == NULL)
        return;
    uint8_t *kinds = arena_allocate_zeroed(batch->arena, capacity);
    memcpy(kinds, batch->kinds, (size_t)rows);
    batch->kinds = kinds;
}

Batch batch_window(const Batch *batch, int32_t first, Column *columns)
{
    assert(first % 64 == 0 && first < batch->row_count);
    assert(batch->selection.rows == NULL && batch->selection.count == batch->row_count);
    Batch window = *batch;
    int32_t left = batch->row_count - first;
    window.row_count = left < BATCH_ROWS_MAX ? left : BATCH_ROWS_MAX;
    window.selection = (Selection){.count = window.row_count};
    window.columns = columns;
    window.kinds = batch->kinds == NULL ? NULL : batch->kinds + first;
    window.arena = NULL;
    for (int32_t i = 0; i < batch->column_count; i++) {
        columns[i] = batch->columns[i];
        if (columns[i].is_constant)
            continue;
        columns[i].values =
            (char *)columns[i].values + (int64_t)first * physical_bytes(columns[i].physical);
        if (columns[i].valid != NULL)
            columns[i].valid += first / 64;
    }
    return window;
}

/* Give views that point outside the batch bytes of its own, in one piece. */
static void strings_take(Arena *arena, StrView *views, int32_t count)
{
    int64_t bytes = 0;
    for (int32_t i = 0; i < count; i++)
        bytes += views[i].length > STR_VIEW_INLINE_MAX ? views[i].length : 0;
    if (bytes == 0)
        return;
    char *at = arena_allocate(arena, bytes);
    for (int32_t i = 0; i < count; i++) {
        if (views[i].length <= STR_VIEW_INLINE_MAX)
            continue;
        memcpy(at, views[i].pointer, views[i].length);
        views[i].pointer = at;
        at += views[i].length;
    }
}

static void column_append_values(Column *into, Arena *arena, int32_t at, const Column *from,
                                 Selection rows)
{
    int32_t width = physical_bytes(from->physical);
    char *out = (char *)into->values + (int64_t)at * width;
    if (from->physical == PHYSICAL_STRING) {
        append_string(out, from->values, from->is_constant, rows);
        strings_take(arena, (StrView *)(void *)out, rows.count);
        return;
    }
    switch (width) {
    case 1: append_1(out, from->values, from->is_constant, rows); break;
    case 2: append_2(out, from->values, from->is_constant, rows); break;
    case 4: append_4(out, from->values, from->is_constant, rows); break;
    case 8: append_8(out, from->values, from->is_constant, rows); break;
    case 16: append_16(out, from->values, from->is_constant, rows); break;
    default: break;
    }
}

/* Set `count` bits from `at` to one value, whole words at a time. */
static void bitmap_fill(uint64_t *bitmap, int32_t at, int32_t count, bool value)
{
    int32_t end = at + count;
    while (at < end) {
        int32_t bit = at & 63;
        int32_t run = 64 - bit < end - at ? 64 - bit : end - at;
        uint64_t mask = run == 64 ? UINT64_MAX : (((uint64_t)1 << run) - 1) << bit;
        bitmap[at >> 6] = value ? bitmap[at >> 6] | mask : bitmap[at >> 6] & ~mask;
        at += run;
    }
}

static bool bitmap_is_full(const uint64_t *bitmap, int32_t bits)
{
    for (int32_t word = 0; word < bits / 64; word++)
        if (bitmap[word] != UINT64_MAX)
            return false;
    uint64_t rest = ((uint64_t)1 << (bits & 63)) - 1;
    return (bits & 63) == 0 || (bitmap[bits / 64] & rest) == rest;
}

/* To look at all the words of the bitmap pays for so many rows of a list. */
enum { LISTED_ROWS_MIN = 64 };

bool column_has_nulls(const Column *column, int32_t rows)
{
    return column->valid != NULL && !bitmap_is_full(column->valid, column->is_constant ? 1 : rows);
}

/* Whether any of these rows may be marked as NULL, in a column of `from_rows`. */
static bool column_may_have_nulls(const Column *column, Selection rows, int32_t from_rows)
{
    if (rows.rows == NULL)
        return column_has_nulls(column, rows.count);
    return rows.count < LISTED_ROWS_MIN ? column->valid != NULL
                                        : column_has_nulls(column, from_rows);
}

static void column_append_valid(Column *into, Arena *arena, int32_t at, const Column *from,
                                Selection rows, int32_t capacity)
{
    column_need_bitmap(into, arena, capacity);
    if (from->is_constant) {
        bitmap_fill(into->valid, at, rows.count, bitmap_get(from->valid, 0));
        return;
    }
    for (int32_t i = 0; i < rows.count; i++)
        bitmap_set(into->valid, at + i, bitmap_get(from->valid, selection_row(rows, i)));
}

static void batch_append_kinds(Batch *into, const Batch *from, Selection rows, int32_t capacity)
{
    if (from->kinds == NULL && into->kinds == NULL)
        return;
    batch_need_kinds(into, capacity);
    uint8_t *out = into->kinds + into->row_count;
    if (from->kinds == NULL)
        memset(out, ROW_INSERT, (size_t)rows.count);
    else
        append_1(out, from->kinds, false, rows);
}

void batch_append(Batch *into, const Batch *from, Selection rows, int32_t capacity)
{
    assert(into->arena != NULL && into->column_count == from->column_count);
    assert(into->row_count + rows.count <= capacity);
    assert(into->selection.rows == NULL && into->selection.count == into->row_count);
    if (rows.count == 0)
        return;
    for (int32_t i = 0; i < from->column_count; i++) {
        Column *column = &into->columns[i];
        assert(column->physical == from->columns[i].physical && !column->is_constant);
        column_append_values(column, into->arena, into->row_count, &from->columns[i], rows);
        if (column_may_have_nulls(&from->columns[i], rows, from->row_count))
            column_append_valid(column, into->arena, into->row_count, &from->columns[i], rows,
                                capacity);
        else if (column->valid != NULL)
            bitmap_fill(column->valid, into->row_count, rows.count, true);
    }
    batch_append_kinds(into, from, rows, capacity);
    into->row_count += rows.count;
    batch_select_all(into);
}

static int64_t row_text_bytes(const Batch *batch, int32_t row)
{
    int64_t bytes = 0;
    for (int32_t i = 0; i < batch->column_count; i++) {
        const Column *column = &batch->columns[i];
        if (column->physical != PHYSICAL_STRING)
            continue;
        int64_t length = ((const StrView *)column->values)[column_index(column, row)].length;
        bytes += length > STR_VIEW_INLINE_MAX ? length : 0;
    }
    return bytes;
}

int32_t batch_rows_within(const Batch *batch, Selection rows, int64_t bytes, int64_t *taken)
{
    *taken = 0;
    bool has_text = false;
    for (int32_t i = 0; i < batch->column_count; i++)
        has_text = has_text || batch->columns[i].physical == PHYSICAL_STRING;
    for (int32_t i = 0; has_text && i < rows.count; i++) {
        int64_t more = row_text_bytes(batch, selection_row(rows, i));
        if (*taken + more > bytes)
            return i;
        *taken += more;
    }
    return rows.count;
}

Batch *batch_copy(const Batch *from)
{
    Field *fields = memory_allocate((int64_t)sizeof(Field) * from->column_count);
    for (int32_t i = 0; i < from->column_count; i++)
        fields[i] = (Field){.type = from->columns[i].type};
    Schema schema = {.fields = fields, .count = from->column_count};
    Batch *copy = batch_new(&schema, from->selection.count);
    memory_free(fields);
    batch_append(copy, from, from->selection, from->selection.count);
    return copy;
}

int64_t batch_bytes(const Batch *batch)
{
    return batch->arena == NULL ? 0 : arena_bytes(batch->arena);
}
