/* Batches and rows as bytes: selections, constants, kinds and NULLs survive copying. */
#include "base/testing.h"

#include <math.h>

#include "base/hash.h"
#include "base/memory.h"
#include "data/batch.h"
#include "data/rowcode.h"

static const char *const LONG_TEXT = "a text that does not fit into twelve bytes";

static Schema wide_schema(void)
{
    static Field fields[10];
    const TypeId ids[10] = {TYPE_BOOLEAN, TYPE_TINYINT, TYPE_SMALLINT,  TYPE_INT,  TYPE_BIGINT,
                            TYPE_FLOAT,   TYPE_DOUBLE,  TYPE_TIMESTAMP, TYPE_DATE, TYPE_VARCHAR};
    for (int i = 0; i < 10; i++)
        fields[i] = (Field){.name = STR("f"), .type = type_simple(ids[i])};
    fields[7].type = type_decimal(38, 3);
    return (Schema){.fields = fields, .count = 10};
}

static void fill(Batch *batch, int32_t rows, int32_t capacity)
{
    Column *columns = batch->columns;
    for (int32_t i = 0; i < rows; i++) {
        ((uint8_t *)columns[0].values)[i] = (uint8_t)(i & 1);
        ((int8_t *)columns[1].values)[i] = (int8_t)-i;
        ((int16_t *)columns[2].values)[i] = (int16_t)(i * 7);
        ((int32_t *)columns[3].values)[i] = i * -100000;
        ((int64_t *)columns[4].values)[i] = (int64_t)i << 40;
        ((float *)columns[5].values)[i] = (float)i / 3;
        ((double *)columns[6].values)[i] = i / 7.0;
        ((Int128 *)columns[7].values)[i] = ((Int128)i << 90) - 1;
        ((int32_t *)columns[8].values)[i] = -i;
        Str text = i % 2 ? str_from(LONG_TEXT) : STR("short");
        ((StrView *)columns[9].values)[i] = str_view_copy(batch->arena, text);
    }
    for (int32_t i = 0; i < rows; i += 5)
        for (int32_t c = 0; c < 10; c++)
            column_set_null(&columns[c], batch->arena, i, capacity);
    batch->row_count = rows;
    batch_select_all(batch);
}

static void assert_rows_equal(const Batch *a, int32_t row_a, const Batch *b, int32_t row_b)
{
    Buffer left = {0};
    Buffer right = {0};
    rowcode_write(&left, a, row_a, NULL, a->column_count);
    rowcode_write(&right, b, row_b, NULL, b->column_count);
    assert_int_equal(left.length, right.length);
    assert_memory_equal(left.data, right.data, left.length);
    assert_int_equal(batch_kind(a, row_a), batch_kind(b, row_b));
    buffer_free(&left);
    buffer_free(&right);
}

static void append_copies_every_physical_through_a_selection(void **state)
{
    (void)state;
    Schema schema = wide_schema();
    Batch *from = batch_new(&schema, 200);
    fill(from, 200, 200);
    batch_need_kinds(from, 200);
    for (int32_t i = 0; i < 200; i++)
        from->kinds[i] = (uint8_t)(i % 4);
    int32_t picked[100];
    for (int32_t i = 0; i < 100; i++)
        picked[i] = i * 2 + (i % 3 == 0);
    Batch *into = batch_new(&schema, 350);
    batch_append(into, from, (Selection){.rows = picked, .count = 100}, 350);
    batch_append(into, from, from->selection, 350);
    assert_int_equal(into->row_count, 300);
    for (int32_t i = 0; i < 100; i++)
        assert_rows_equal(into, i, from, picked[i]);
    for (int32_t i = 0; i < 200; i++)
        assert_rows_equal(into, 100 + i, from, i);
    batch_free(from);
    assert_true(str_is(str_view_str((StrView *)into->columns[9].values + 101), LONG_TEXT));
    batch_free(into);
}

static void append_flattens_constants_and_mixes_null_maps(void **state)
{
    (void)state;
    Field fields[2] = {{.type = type_string()}, {.type = type_simple(TYPE_BIGINT)}};
    Schema schema = {.fields = fields, .count = 2};
    Batch *into = batch_new(&schema, 300);
    Arena *arena = arena_new(0);
    Column columns[2] = {column_new_constant(arena, fields[0].type),
                         column_new_constant(arena, fields[1].type)};
    assert_true(column_is_null(&columns[0], 77));
    ((StrView *)columns[0].values)[0] = str_view_borrow(str_from(LONG_TEXT));
    columns[0].valid[0] = 1;
    Batch view = {.column_count = 2, .row_count = 130, .columns = columns};
    batch_select_all(&view);
    batch_append(into, &view, view.selection, 300);
    columns[1].valid = NULL;
    ((int64_t *)columns[1].values)[0] = 42;
    batch_append(into, &view, view.selection, 300);
    arena_free(arena);
    for (int32_t i = 0; i < 260; i++) {
        assert_true(str_is(str_view_str((StrView *)into->columns[0].values + i), LONG_TEXT));
        assert_int_equal(column_is_null(&into->columns[1], i), i < 130);
        if (i >= 130)
            assert_int_equal(((int64_t *)into->columns[1].values)[i], 42);
    }
    assert_null(into->kinds);
    batch_free(into);
}

static void kinds_appear_when_the_second_batch_brings_them(void **state)
{
    (void)state;
    Field field = {.type = type_simple(TYPE_INT)};
    Schema schema = {.fields = &field, .count = 1};
    Batch *from = batch_new(&schema, 2);
    from->row_count = 2;
    batch_select_all(from);
    Batch *into = batch_new(&schema, 6);
    batch_append(into, from, from->selection, 6);
    batch_need_kinds(from, 2);
    from->kinds[1] = ROW_DELETE;
    batch_append(into, from, from->selection, 6);
    from->kinds = NULL;
    batch_append(into, from, from->selection, 6);
    for (int32_t i = 0; i < 6; i++)
        assert_int_equal(batch_kind(into, i), i == 3 ? ROW_DELETE : ROW_INSERT);
    batch_free(from);
    batch_free(into);
}

static void copy_and_reset_keep_books(void **state)
{
    (void)state;
    int64_t before = memory_used_bytes();
    Schema schema = wide_schema();
    Batch *from = batch_new(&schema, 64);
    fill(from, 64, 64);
    int32_t picked[3] = {1, 5, 63};
    from->selection = (Selection){.rows = picked, .count = 3};
    Batch *copy = batch_copy(from);
    assert_int_equal(copy->row_count, 3);
    for (int32_t i = 0; i < 3; i++)
        assert_rows_equal(copy, i, from, picked[i]);
    batch_reset(from, &schema, 64);
    assert_int_equal(from->row_count, 0);
    assert_null(from->columns[0].valid);
    fill(from, 64, 64);
    assert_rows_equal(copy, 2, from, 63);
    assert_true(batch_bytes(from) > 0);
    batch_free(copy);
    batch_free(from);
    assert_int_equal(memory_used_bytes(), before);
}

static void rowcode_reads_back_what_it_wrote(void **state)
{
    (void)state;
    Schema schema = wide_schema();
    Batch *from = batch_new(&schema, 100);
    fill(from, 100, 100);
    Batch *into = batch_new(&schema, 100);
    Buffer bytes = {0};
    for (int32_t i = 0; i < 100; i++) {
        bytes.length = 0;
        rowcode_write(&bytes, from, i, NULL, 10);
        assert_true(rowcode_read(buffer_str(&bytes), into, 100, (RowKind)(i % 4)));
        for (int64_t cut = 0; cut < bytes.length && into->row_count < 100; cut++)
            assert_false(rowcode_read(str_make(bytes.data, cut), into, 100, ROW_INSERT));
    }
    assert_int_equal(into->row_count, 100);
    batch_need_kinds(from, 100);
    for (int32_t i = 0; i < 100; i++) {
        from->kinds[i] = (uint8_t)(i % 4);
        assert_rows_equal(from, i, into, i);
    }
    buffer_append_u8(&bytes, 0);
    into->row_count = 0;
    batch_select_all(into);
    assert_false(rowcode_read(buffer_str(&bytes), into, 100, ROW_INSERT));
    buffer_free(&bytes);
    batch_free(from);
    batch_free(into);
}

/* Zeros and NaNs of both signs are one key. */
static void equal_floats_are_equal_bytes_and_hashes(void **state)
{
    (void)state;
    Field fields[2] = {{.type = type_simple(TYPE_DOUBLE)}, {.type = type_simple(TYPE_FLOAT)}};
    Schema schema = {.fields = fields, .count = 2};
    Batch *batch = batch_new(&schema, 4);
    const double values[4] = {0.0, -0.0, (double)NAN, -(double)NAN};
    for (int32_t i = 0; i < 4; i++) {
        ((double *)batch->columns[0].values)[i] = values[i];
        ((float *)batch->columns[1].values)[i] = (float)values[i];
    }
    batch->row_count = 4;
    batch_select_all(batch);
    assert_rows_equal(batch, 0, batch, 1);
    assert_rows_equal(batch, 2, batch, 3);
    uint64_t hashes[4];
    rowcode_hash(batch, NULL, 2, batch->selection, hashes);
    assert_true(hashes[0] == hashes[1] && hashes[2] == hashes[3] && hashes[0] != hashes[2]);
    batch_free(batch);
}

static void hash_is_one_for_flat_constant_selected_and_nullable(void **state)
{
    (void)state;
    Schema schema = wide_schema();
    Batch *flat = batch_new(&schema, 100);
    fill(flat, 100, 100);
    uint64_t hashes[100];
    rowcode_hash(flat, NULL, 10, flat->selection, hashes);
    for (int32_t row = 0; row < 100; row++) {
        Column columns[10];
        for (int32_t c = 0; c < 10; c++) {
            columns[c] = flat->columns[c];
            columns[c].is_constant = true;
            int32_t width = physical_bytes(columns[c].physical);
            columns[c].values = (char *)columns[c].values + row * width;
            static uint64_t words[10];
            words[c] = bitmap_get(flat->columns[c].valid, row);
            columns[c].valid = words[c] ? NULL : &words[c];
        }
        Batch view = {.column_count = 10, .row_count = 90, .columns = columns};
        const int32_t rows[2] = {3, 88};
        uint64_t out[100] = {0};
        rowcode_hash(&view, NULL, 10, (Selection){.rows = rows, .count = 2}, out);
        assert_true(out[3] == hashes[row] && out[88] == hashes[row]);
        assert_true(out[4] == 0);
    }
    const int32_t only[1] = {9};
    rowcode_hash(flat, only, 1, flat->selection, hashes);
    assert_true(hashes[1] == hashes[3] && hashes[2] != hashes[1] && hashes[0] != hashes[2]);
    batch_free(flat);
}

/* Many rows of whole numbers are hashed at once where the processor can; the hash of a number alone
 * says what it must be, as it stands in checkpoints. */
static void hash_of_many_numbers_is_that_of_each(void **state)
{
    (void)state;
    enum { ROWS = 100 };
    Field fields[2] = {{.type = type_simple(TYPE_BIGINT)}, {.type = type_simple(TYPE_INT)}};
    Schema schema = {.fields = fields, .count = 2};
    Batch *batch = batch_new(&schema, ROWS);
    int64_t *wide = batch->columns[0].values;
    int32_t *narrow = batch->columns[1].values;
    int32_t part[ROWS], gaps[ROWS];
    for (int32_t i = 0; i < ROWS; i++) {
        wide[i] = (int64_t)((uint64_t)(i - 50) * 0x9e3779b97f4a7c15ULL);
        narrow[i] = (int32_t)((uint32_t)(i - 50) * 0x9e3779b9U);
        part[i] = i + 3;
        gaps[i] = 2 * i;
    }
    batch->row_count = ROWS;
    const Selection selections[] = {{NULL, ROWS}, {part, 90}, {part + 5, 1}, {gaps, ROWS / 2}};
    const int32_t indexes[] = {1, 0};
    for (size_t s = 0; s < sizeof selections / sizeof *selections; s++) {
        Selection rows = selections[s];
        uint64_t one[2][ROWS] = {{0}}, both[ROWS], each;
        for (int32_t c = 0; c < 2; c++)
            rowcode_hash(batch, &indexes[c], 1, rows, one[c]);
        rowcode_hash(batch, indexes, 2, rows, both);
        int32_t hashed = 0;
        for (int32_t row = 0; row < ROWS; row++)
            hashed += one[0][row] != 0;
        assert_int_equal(hashed, rows.count);
        for (int32_t i = 0; i < rows.count; i++) {
            int32_t row = selection_row(rows, i);
            assert_true(one[0][row] == rowcode_hash_word((uint64_t)(int64_t)narrow[row]));
            assert_true(one[1][row] == rowcode_hash_word((uint64_t)wide[row]));
            each = hash_combine(one[0][row], hash_u64((uint64_t)wide[row]));
            assert_true(both[row] == each);
        }
    }
    batch_free(batch);
}

static void types_print_as_describe_shows_them(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    assert_string_equal(type_text(arena, type_decimal(10, 2)), "DECIMAL(10, 2)");
    assert_string_equal(type_text(arena, type_not_null(type_simple(TYPE_INT))), "INT NOT NULL");
    assert_string_equal(type_text(arena, type_string()), "STRING");
    assert_string_equal(type_text(arena, type_bytes()), "BYTES");
    assert_string_equal(type_text(arena, type_varchar(7)), "VARCHAR(7)");
    assert_string_equal(type_text(arena, type_simple(TYPE_TIME)), "TIME(0)");
    Type time = type_timestamp(3);
    time.time_attribute = TIME_ROWTIME;
    assert_string_equal(type_text(arena, time), "TIMESTAMP(3) *ROWTIME*");
    Type children[2] = {type_string(), time};
    Str names[2] = {STR("a"), STR("b")};
    Type row = {.id = TYPE_ROW, .is_nullable = true, .children = children};
    row.child_names = names;
    row.child_count = 2;
    assert_string_equal(type_text(arena, row), "ROW<`a` STRING, `b` TIMESTAMP(3) *ROWTIME*>");
    assert_true(type_equal(type_not_null(time), type_timestamp(3)));
    assert_false(type_equal(type_timestamp(3), type_timestamp(6)));
    assert_int_equal(type_physical(type_timestamp(6)), PHYSICAL_I64);
    assert_int_equal(type_physical(type_timestamp_ltz(7)), PHYSICAL_I128);
    arena_free(arena);
}

static void schemas_find_and_pick(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Field fields[2] = {{.name = STR("a"), .type = type_string()},
                       {.name = STR("b"), .type = type_simple(TYPE_INT)}};
    Schema schema = {.fields = fields, .count = 2};
    assert_int_equal(schema_find(&schema, STR("b")), 1);
    assert_int_equal(schema_find(&schema, STR("B")), -1);
    const int32_t picks[3] = {1, 0, 1};
    Schema picked = schema_pick(arena, &schema, picks, 3);
    assert_int_equal(picked.count, 3);
    assert_true(str_is(picked.fields[2].name, "b"));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(append_copies_every_physical_through_a_selection),
        cmocka_unit_test(append_flattens_constants_and_mixes_null_maps),
        cmocka_unit_test(kinds_appear_when_the_second_batch_brings_them),
        cmocka_unit_test(copy_and_reset_keep_books),
        cmocka_unit_test(rowcode_reads_back_what_it_wrote),
        cmocka_unit_test(equal_floats_are_equal_bytes_and_hashes),
        cmocka_unit_test(hash_is_one_for_flat_constant_selected_and_nullable),
        cmocka_unit_test(hash_of_many_numbers_is_that_of_each),
        cmocka_unit_test(types_print_as_describe_shows_them),
        cmocka_unit_test(schemas_find_and_pick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
