/* Rows in compact form: what goes in comes out, equal rows are equal bytes; sets of rows against
 * plain lists. */
#include "base/testing.h"

#include "base/hash.h"
#include "base/memory.h"
#include "state/rowset.h"

enum { ROWS = 64, LIVE = 400 };

static const char *text_of(int32_t i)
{
    static const char *const texts[] = {"", "short", "a text that does not fit into twelve bytes"};
    return texts[i % 3];
}

static Schema rows_schema(void)
{
    static Field fields[6];
    const TypeId ids[6] = {TYPE_BOOLEAN, TYPE_SMALLINT, TYPE_INT,
                           TYPE_BIGINT,  TYPE_DOUBLE,   TYPE_VARCHAR};
    for (int i = 0; i < 6; i++)
        fields[i] = (Field){.name = STR("f"), .type = type_simple(ids[i])};
    fields[1].type = type_decimal(30, 2);
    fields[5].type = type_string();
    return (Schema){.fields = fields, .count = 6};
}

static Batch *rows_batch(const Schema *schema)
{
    Batch *batch = batch_new(schema, ROWS);
    Column *columns = batch->columns;
    for (int32_t i = 0; i < ROWS; i++) {
        ((uint8_t *)columns[0].values)[i] = (uint8_t)(i & 1);
        ((Int128 *)columns[1].values)[i] = ((Int128)i << 80) - 5;
        ((int32_t *)columns[2].values)[i] = -i;
        ((int64_t *)columns[3].values)[i] = (int64_t)i << 33;
        ((double *)columns[4].values)[i] = i / 3.0;
        ((StrView *)columns[5].values)[i] = str_view_borrow(str_from(text_of(i)));
        if (i % 7 == 0)
            column_set_null(&columns[i / 7 % 6], batch->arena, i, ROWS);
    }
    batch->row_count = ROWS;
    batch_select_all(batch);
    return batch;
}

static uint8_t *row_make(Blocks *heap, const RowLayout *layout, const Batch *batch, int32_t row)
{
    uint8_t *out = blocks_take(heap, row_size(layout, batch, row));
    memset(out, 0, (size_t)layout->header_bytes);
    row_write(layout, batch, row, out);
    assert_int_equal(row_stored_size(layout, out), row_size(layout, batch, row));
    return out;
}

static void assert_columns_equal(const Column *a, const Column *b)
{
    for (int32_t i = 0; i < ROWS; i++) {
        assert_int_equal(column_is_null(a, i), column_is_null(b, i));
        if (column_is_null(a, i))
            continue;
        int32_t width = physical_bytes(a->physical);
        if (a->physical == PHYSICAL_STRING)
            assert_true(
                str_view_equal((const StrView *)a->values + i, (const StrView *)b->values + i));
        else
            assert_memory_equal((const char *)a->values + (int64_t)i * width,
                                (const char *)b->values + (int64_t)i * width, width);
    }
}

static void rows_come_out_as_they_went_in(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Schema schema = rows_schema();
    Batch *batch = rows_batch(&schema);
    RowLayout *layout = row_layout(arena, &schema, 8);
    Blocks blocks = {0}, *heap = &blocks;
    uint8_t *rows[ROWS];
    for (int32_t i = 0; i < ROWS; i++)
        rows[i] = row_make(heap, layout, batch, i);
    for (int32_t c = 0; c < schema.count; c++) {
        Column column = column_new(arena, schema.fields[c].type, ROWS);
        row_gather(layout, c, (const uint8_t *const *)rows, ROWS, &column, arena);
        assert_columns_equal(&column, &batch->columns[c]);
    }
    blocks_close(heap);
    batch_free(batch);
    arena_free(arena);
}

static void no_row_gives_nulls(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Schema schema = rows_schema();
    Batch *batch = rows_batch(&schema);
    RowLayout *layout = row_layout(arena, &schema, 0);
    Blocks blocks = {0}, *heap = &blocks;
    const uint8_t *rows[2] = {NULL, row_make(heap, layout, batch, 1)};
    for (int32_t c = 0; c < schema.count; c++) {
        Column column = column_new(arena, schema.fields[c].type, 2);
        row_gather(layout, c, rows, 2, &column, arena);
        assert_true(column_is_null(&column, 0));
        assert_false(column_is_null(&column, 1));
    }
    blocks_close(heap);
    batch_free(batch);
    arena_free(arena);
}

static void equal_rows_are_equal_through_snapshots(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Schema schema = rows_schema();
    Batch *batch = rows_batch(&schema);
    RowLayout *layout = row_layout(arena, &schema, 16);
    Blocks blocks = {0}, *heap = &blocks;
    Buffer saved = {0};
    uint8_t *rows[ROWS];
    for (int32_t i = 0; i < ROWS; i++) {
        rows[i] = row_make(heap, layout, batch, i);
        row_save(layout, rows[i], &saved);
    }
    ByteReader in = byte_reader(buffer_str(&saved));
    for (int32_t i = 0; i < ROWS; i++) {
        uint8_t *again = row_load(layout, heap, &in);
        assert_non_null(again);
        assert_true(row_equal(layout, rows[i], again));
        assert_true(i == 0 || !row_equal(layout, rows[i - 1], again));
        const int32_t columns[] = {3, 5};
        assert_true(row_equal_columns(layout, rows[i], again, columns, 2));
    }
    assert_int_equal(byte_reader_left(&in), 0);
    buffer_free(&saved);
    blocks_close(heap);
    batch_free(batch);
    arena_free(arena);
}

static void damaged_rows_are_refused(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Schema schema = rows_schema();
    Batch *batch = rows_batch(&schema);
    RowLayout *layout = row_layout(arena, &schema, 0);
    Blocks blocks = {0}, *heap = &blocks;
    Buffer saved = {0};
    row_save(layout, row_make(heap, layout, batch, 2), &saved);
    for (int64_t cut = 0; cut < saved.length; cut++) {
        ByteReader in = byte_reader(str_make(saved.data, cut));
        assert_null(row_load(layout, heap, &in));
    }
    saved.data[0] = (char)(saved.data[0] - 1); /* the row is a byte shorter than its text says */
    ByteReader in = byte_reader(buffer_str(&saved));
    assert_null(row_load(layout, heap, &in));
    buffer_free(&saved);
    blocks_close(heap);
    batch_free(batch);
    arena_free(arena);
}

static uint64_t next_seed(uint64_t *seed)
{
    *seed = hash_u64(*seed + 0x9e3779b97f4a7c15ULL);
    return *seed >> 11;
}

/* A set of numbers with repetitions, once as rows and once as a list. */
typedef struct SetTrial {
    RowLayout *layout;
    Blocks heap;
    RowSetKind kind;
    RowSet set;
    int64_t bytes;
    int64_t list[LIVE];
    int32_t count;
} SetTrial;

static uint8_t *trial_row(SetTrial *trial, int64_t value)
{
    uint8_t *row = blocks_take(&trial->heap, trial->layout->fixed_bytes);
    memset(row, 0, (size_t)trial->layout->fixed_bytes);
    uint32_t hash = (uint32_t)hash_u64((uint64_t)value);
    memcpy(row, &hash, sizeof hash);
    memcpy(row + trial->layout->places[0].offset, &value, sizeof value);
    return row;
}

static int64_t trial_value(const SetTrial *trial, const uint8_t *row)
{
    int64_t value;
    memcpy(&value, row + trial->layout->places[0].offset, sizeof value);
    return value;
}

static void trial_compare(const SetTrial *trial)
{
    uint8_t *one;
    int32_t count, at = 0;
    uint8_t *const *rows = rowset_rows(&trial->set, &one, &count);
    assert_int_equal(rowset_count(&trial->set), trial->count);
    for (int32_t i = 0; i < count; i++)
        if (rows[i] != NULL)
            assert_int_equal(trial_value(trial, rows[i]), trial->list[at++]);
    assert_int_equal(at, trial->count);
    if (trial->count > 0)
        assert_int_equal(trial_value(trial, rowset_first(&trial->set)), trial->list[0]);
    if (trial->count > 0)
        assert_int_equal(trial_value(trial, rowset_last(&trial->set)),
                         trial->list[trial->count - 1]);
}

/* The first of the equal rows goes. */
static void trial_remove(SetTrial *trial, int64_t value)
{
    uint8_t *probe = trial_row(trial, value);
    int32_t position = rowset_find(&trial->kind, &trial->set, probe), at = 0;
    blocks_give(&trial->heap, probe, trial->layout->fixed_bytes);
    while (at < trial->count && trial->list[at] != value)
        at++;
    assert_int_equal(position >= 0, at < trial->count);
    if (position < 0)
        return;
    uint8_t *row = rowset_at(&trial->set, position);
    rowset_remove(&trial->kind, &trial->set, position, &trial->bytes);
    blocks_give(&trial->heap, row, trial->layout->fixed_bytes);
    trial->count--;
    for (int32_t i = at; i < trial->count; i++)
        trial->list[i] = trial->list[i + 1];
}

static void sets_are_lists_in_order(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Field field = {.name = STR("v"), .type = type_simple(TYPE_BIGINT)};
    Schema schema = {.fields = &field, .count = 1};
    SetTrial trial = {.layout = row_layout(arena, &schema, 8)};
    trial.kind = (RowSetKind){.layout = trial.layout};
    uint64_t seed = 3;
    for (int32_t round = 0; round < 20000; round++) {
        int64_t value = (int64_t)(next_seed(&seed) % 60);
        /* Grows for a while, then shrinks to nothing, again and again. */
        bool grows = round / 500 % 2 == 0;
        if (trial.count < LIVE && next_seed(&seed) % 4 < (grows ? 3 : 1)) {
            rowset_append(&trial.kind, &trial.set, trial_row(&trial, value), &trial.bytes);
            trial.list[trial.count++] = value;
        } else {
            trial_remove(&trial, value);
        }
        trial_compare(&trial);
    }
    while (trial.count > 0)
        trial_remove(&trial, trial.list[0]);
    assert_int_equal(trial.set.bits, 0);
    assert_int_equal(trial.bytes, 0);
    blocks_close(&trial.heap);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_out_as_they_went_in),
        cmocka_unit_test(no_row_gives_nulls),
        cmocka_unit_test(equal_rows_are_equal_through_snapshots),
        cmocka_unit_test(damaged_rows_are_refused),
        cmocka_unit_test(sets_are_lists_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
