/* Parquet: what is written is read back, in every type, with NULLs, by name; damage is said. */
#include "base/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/world.h"
#include "data/value.h"
#include "lake/parquet.h"

enum { COLUMNS = 16 };

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/weir-parquet-XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    Error error;
    return world_remove_tree(world_system(), folder, &error) == OK ? 0 : -1;
}

static Schema make_schema(Arena *arena)
{
    Type types[COLUMNS] = {
        type_simple(TYPE_BOOLEAN),
        type_simple(TYPE_TINYINT),
        type_simple(TYPE_SMALLINT),
        type_simple(TYPE_INT),
        type_simple(TYPE_BIGINT),
        type_simple(TYPE_FLOAT),
        type_simple(TYPE_DOUBLE),
        type_decimal(4, 2),
        type_decimal(9, 3),
        type_decimal(18, 0),
        type_decimal(38, 10),
        type_string(),
        type_bytes(),
        type_simple(TYPE_DATE),
        type_timestamp(6),
        type_timestamp_ltz(3),
    };
    Field *fields = ARENA_ARRAY(arena, Field, COLUMNS);
    for (int i = 0; i < COLUMNS; i++)
        fields[i] = (Field){.name = str_from(arena_printf(arena, "c\"%d", i)), .type = types[i]};
    return (Schema){.fields = fields, .count = COLUMNS};
}

static Value make_value(Arena *arena, Type type, int column, int row)
{
    Value value = {.type = type, .is_null = (row + column) % 7 == 0};
    int64_t number = (row * 31 + column) % 100 - 50;
    if (type_physical(type) == PHYSICAL_STRING)
        value.text = str_from(arena_printf(arena, "text \xc3\xa9 %d%s", row,
                                           row % 2 == 0 ? " and longer than inline" : ""));
    else if (type_physical(type) == PHYSICAL_I128)
        value.wide = number;
    else if (type.id == TYPE_FLOAT || type.id == TYPE_DOUBLE)
        value.real = (double)number / 4;
    else
        value.integer = type.id == TYPE_BOOLEAN ? (number & 1) : number;
    if (type.id == TYPE_DECIMAL && type.precision == 38)
        value.wide = (Int128)number * 1000000000000000000 * 1000000000000;
    if (type_is_timestamp(type))
        value.integer = number * 86400000000000 + row * 1000;
    return value;
}

static Batch *make_batch(Arena *arena, const Schema *schema, int first_row, int rows)
{
    Batch *batch = batch_new(schema, BATCH_ROWS_MAX);
    for (int row = 0; row < rows; row++)
        for (int i = 0; i < schema->count; i++) {
            Value value = make_value(arena, schema->fields[i].type, i, first_row + row);
            value_set(&batch->columns[i], batch->arena, row, BATCH_ROWS_MAX, &value);
        }
    batch->row_count = rows;
    batch_select_all(batch);
    return batch;
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Schema schema = make_schema(arena);
    const char *path = arena_printf(arena, "%s/it's.parquet", folder);
    Error error = {0};
    ParquetWriter *writer;
    assert_int_equal(parquet_writer_open(arena, &schema, NULL, &writer, &error), OK);
    for (int k = 0; k < 3; k++) {
        Batch *batch = make_batch(arena, &schema, k * 2000, 2000);
        int32_t rows[1000];
        for (int i = 0; i < 1000; i++)
            rows[i] = i * 2;
        if (k == 1)
            batch->selection = (Selection){.rows = rows, .count = 1000};
        assert_int_equal(parquet_writer_append(writer, batch, NULL, &error), OK);
        batch_free(batch);
    }
    assert_int_equal(parquet_writer_rows(writer), 5000);
    assert_true(parquet_writer_bytes(writer) > 5000 * 100);
    assert_int_equal(parquet_writer_finish(writer, path, &error), OK);
    assert_int_equal(parquet_writer_rows(writer), 0);
    parquet_writer_close(writer);

    ParquetReader *reader;
    int32_t columns[] = {11, 0, 10, 7, 4, 15, 14, 12, 8, 9, 13, 1, 2, 3, 5, 6};
    assert_int_equal(parquet_reader_open(path, &schema, columns, COLUMNS, &reader, &error), OK);
    Schema wanted = schema_pick(arena, &schema, columns, COLUMNS);
    int seen = 0;
    for (;;) {
        Batch *batch = batch_new(&wanted, BATCH_ROWS_MAX);
        Status status = parquet_reader_next(reader, batch, 0, &error);
        for (int row = 0; status == OK && row < batch->row_count; row++, seen++) {
            int number = seen < 2000 ? seen : seen < 3000 ? 2000 + (seen - 2000) * 2 : seen + 1000;
            for (int i = 0; i < COLUMNS; i++) {
                Value got = value_get(&batch->columns[i], row);
                Value put = make_value(arena, wanted.fields[i].type, columns[i], number);
                assert_int_equal(got.is_null, put.is_null);
                assert_true(got.is_null || value_equal(&got, &put));
            }
        }
        batch_free(batch);
        if (status == ERR_END)
            break;
        assert_int_equal(status, OK);
    }
    assert_int_equal(seen, 5000);
    parquet_reader_close(reader);
    arena_free(arena);
}

static void a_column_that_the_file_lacks_is_null(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Field fields[] = {{.name = STR("a"), .type = type_simple(TYPE_INT)},
                      {.name = STR("b"), .type = type_string()}};
    Schema both = {.fields = fields, .count = 2};
    Schema first = {.fields = fields, .count = 1};
    const char *path = arena_printf(arena, "%s/one.parquet", folder);
    Error error = {0};
    ParquetWriter *writer;
    assert_int_equal(parquet_writer_open(arena, &first, "zstd", &writer, &error), OK);
    Batch *batch = make_batch(arena, &first, 1, 3);
    assert_int_equal(parquet_writer_append(writer, batch, NULL, &error), OK);
    batch_free(batch);
    assert_int_equal(parquet_writer_finish(writer, path, &error), OK);
    parquet_writer_close(writer);
    ParquetReader *reader;
    int32_t columns[] = {1, 0};
    assert_int_equal(parquet_reader_open(path, &both, columns, 2, &reader, &error), OK);
    Schema wanted = schema_pick(arena, &both, columns, 2);
    batch = batch_new(&wanted, BATCH_ROWS_MAX);
    assert_int_equal(parquet_reader_next(reader, batch, 0, &error), OK);
    assert_int_equal(batch->row_count, 3);
    assert_true(column_is_null(&batch->columns[0], 0));
    assert_false(column_is_null(&batch->columns[1], 0));
    batch_free(batch);
    parquet_reader_close(reader);
    arena_free(arena);
}

static void what_cannot_be_is_said(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Error error = {0};
    Field fields[] = {{.name = STR("a"), .type = type_simple(TYPE_INTERVAL_MILLIS)}};
    Schema schema = {.fields = fields, .count = 1};
    ParquetWriter *writer;
    assert_int_equal(parquet_writer_open(arena, &schema, NULL, &writer, &error), ERR_INVALID);
    assert_non_null(strstr(error.text, "`a`"));
    const char *path = arena_printf(arena, "%s/not.parquet", folder);
    assert_int_equal(world_replace_file(world_system(), path, STR("not parquet at all"), &error),
                     OK);
    fields[0].type = type_simple(TYPE_INT);
    int32_t column = 0;
    ParquetReader *reader;
    assert_int_equal(parquet_reader_open(path, &schema, &column, 1, &reader, &error), ERR_DECODE);
    assert_non_null(strstr(error.text, "not.parquet"));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(a_column_that_the_file_lacks_is_null),
        cmocka_unit_test(what_cannot_be_is_said),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
