/* Parquet files: what goes in comes out, for every type and for NULLs. */
#include "base/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/world.h"
#include "data/nested.h"
#include "data/value.h"
#include "lake/parquet.h"

enum { COLUMNS = 20, ROWS = 5000 };

static Schema all_types(void)
{
    static Field fields[COLUMNS];
    const Type types[COLUMNS] = {
        type_simple(TYPE_BOOLEAN),
        type_simple(TYPE_TINYINT),
        type_simple(TYPE_SMALLINT),
        type_simple(TYPE_INT),
        type_simple(TYPE_BIGINT),
        type_simple(TYPE_FLOAT),
        type_simple(TYPE_DOUBLE),
        type_decimal(4, 2),
        type_decimal(9, 0),
        type_decimal(18, 6),
        type_decimal(38, 10),
        type_string(),
        type_bytes(),
        type_simple(TYPE_DATE),
        type_simple(TYPE_TIME),
        type_timestamp(3),
        type_timestamp(9),
        type_timestamp_ltz(3),
        type_timestamp_ltz(9),
        type_simple(TYPE_INTERVAL_MILLIS),
    };
    static char names[COLUMNS][16];
    for (int i = 0; i < COLUMNS; i++) {
        snprintf(names[i], sizeof names[i], "c \"%d\"", i);
        fields[i] = (Field){.name = str_from(names[i]), .type = types[i]};
    }
    return (Schema){.fields = fields, .count = COLUMNS};
}

static Value make_value(Type type, int64_t n)
{
    static char text[64];
    Value value = {.type = type, .is_null = n % 7 == 3};
    snprintf(text, sizeof text, n % 2 ? "t%lld" : "a longer text number %lld", (long long)n);
    switch (type_physical(type)) {
    case PHYSICAL_STRING: value.text = str_from(text); break;
    case PHYSICAL_F32:
    case PHYSICAL_F64: value.real = (double)(n - 100) / 4; break;
    case PHYSICAL_I128:
        value.wide = type.id == TYPE_DECIMAL && type.precision == 4 ? (n % 10000) - 5000
                                                                    : (Int128)(n - 100) * 1000;
        if (type.id == TYPE_DECIMAL && type.precision == 38)
            value.wide *= (Int128)1000000000000000000;
        break;
    case PHYSICAL_BOOL: value.integer = n & 1; break;
    case PHYSICAL_I8: value.integer = n % 256 - 128; break;
    case PHYSICAL_I16: value.integer = n - 100; break;
    case PHYSICAL_I32: value.integer = type.id == TYPE_TIME ? n * 1000 : n - 100; break;
    case PHYSICAL_I64: value.integer = (n - 100) * 1000000; break;
    case PHYSICAL_NONE: break;
    }
    return value;
}

static void write_file(const Schema *schema, const char *path, Str compression)
{
    ParquetWriter *writer;
    Error error = {0};
    if (parquet_writer_open(schema, compression, &writer, &error) != OK)
        fail_msg("%s", error.text);
    int32_t columns[COLUMNS];
    for (int32_t i = 0; i < COLUMNS; i++)
        columns[i] = i;
    Batch *batch = batch_new(schema, BATCH_ROWS_MAX);
    for (int32_t n = 0; n < ROWS;) {
        batch_reset(batch, schema, BATCH_ROWS_MAX);
        for (; batch->row_count < 1999 && n < ROWS; batch->row_count++, n++) {
            for (int32_t i = 0; i < COLUMNS; i++) {
                Value value = make_value(schema->fields[i].type, n);
                value_set(&batch->columns[i], batch->arena, batch->row_count, BATCH_ROWS_MAX,
                          &value);
            }
        }
        batch_select_all(batch);
        assert_int_equal(parquet_writer_append(writer, batch, batch->selection, columns, &error),
                         OK);
    }
    assert_int_equal(parquet_writer_rows(writer), ROWS);
    assert_true(parquet_writer_bytes(writer) > ROWS * 100);
    if (parquet_writer_finish(writer, path, &error) != OK)
        fail_msg("%s", error.text);
    parquet_writer_free(writer);
    batch_free(batch);
}

static int64_t read_file(const Schema *schema, const char *path, int64_t skip, int32_t capacity)
{
    ParquetReader *reader;
    Error error = {0};
    ParquetScan scan = {.wanted = schema, .first_row = skip};
    if (parquet_reader_open(path, &scan, &reader, &error) != OK)
        fail_msg("%s", error.text);
    Batch *batch = batch_new(schema, capacity);
    int64_t n = skip;
    Status status = parquet_reader_next(reader, batch, capacity, &error);
    while (status == OK) {
        for (int32_t row = 0; row < batch->row_count; row++, n++) {
            for (int32_t i = 0; i < schema->count; i++) {
                Value expected = make_value(schema->fields[i].type, n);
                Value got = value_get(&batch->columns[i], row);
                assert_true(value_equal(&got, &expected));
            }
        }
        batch_reset(batch, schema, capacity);
        status = parquet_reader_next(reader, batch, capacity, &error);
    }
    assert_int_equal(status, ERR_END);
    batch_free(batch);
    parquet_reader_free(reader);
    return n;
}

static void all_types_come_back(void **state)
{
    (void)state;
    char folder[] = "/tmp/parquet-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[64];
    snprintf(path, sizeof path, "%s/it's a file.parquet", folder);
    Schema schema = all_types();
    write_file(&schema, path, STR("ZSTD"));
    assert_int_equal(read_file(&schema, path, 0, BATCH_ROWS_MAX), ROWS);
    assert_int_equal(read_file(&schema, path, 2500, 100), ROWS);
    Arena *arena = arena_new(0);
    const int32_t picks[] = {15, 4, 11};
    Schema some = schema_pick(arena, &schema, picks, 3);
    assert_int_equal(read_file(&some, path, ROWS - 1, 7), ROWS);
    Schema none = {0};
    assert_int_equal(read_file(&none, path, 0, 100), ROWS);
    arena_free(arena);
    assert_int_equal(world_remove_tree(world_system(), folder, NULL), OK);
}

/* The n-th array: n % 40 rows, some of them NULL; every 11th array is NULL itself. */
static void set_nested(Column *column, Arena *arena, NestedBuilder *builder, int32_t row, int64_t n)
{
    Type type = column->type;
    Value value = {.type = type, .is_null = n % 11 == 5};
    nested_begin(builder, type);
    for (int64_t k = 0; k < n % 40; k++) {
        Value number = {.type = type_simple(TYPE_BIGINT), .integer = n * k};
        Value text = make_value(type_string(), n + k);
        if (k % 9 == 4) {
            nested_put_null(builder);
            continue;
        }
        nested_begin(builder, type.children[0]);
        nested_put_value(builder, &number);
        nested_put_value(builder, &text);
        nested_end(builder);
    }
    nested_end(builder);
    value.text = nested_result(builder);
    value_set(column, arena, row, BATCH_ROWS_MAX, &value);
}

static void nested_batch(Batch *batch, const Schema *schema, NestedBuilder *builder, int64_t n)
{
    batch_reset(batch, schema, BATCH_ROWS_MAX);
    for (int32_t row = 0; row < BATCH_ROWS_MAX; row++)
        set_nested(&batch->columns[0], batch->arena, builder, row, n + row);
    batch->row_count = BATCH_ROWS_MAX;
    batch_select_all(batch);
}

static void lists_longer_than_a_vector_come_back(void **state)
{
    (void)state;
    char folder[] = "/tmp/parquet-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[64];
    snprintf(path, sizeof path, "%s/nested.parquet", folder);
    Arena *arena = arena_new(0);
    const Type parts[] = {type_simple(TYPE_BIGINT), type_string()};
    const Str names[] = {STR("a"), STR("b")};
    Field field = {STR("l"), type_array(arena, type_row(parts, names, 2))};
    Schema schema = {.fields = &field, .count = 1};
    NestedBuilder builder = {0};
    Batch *batch = batch_new(&schema, BATCH_ROWS_MAX);
    ParquetWriter *writer;
    Error error = {0};
    assert_int_equal(parquet_writer_open(&schema, STR("SNAPPY"), &writer, &error), OK);
    const int32_t column = 0;
    for (int32_t i = 0; i < 2; i++) {
        nested_batch(batch, &schema, &builder, (int64_t)i * BATCH_ROWS_MAX);
        assert_int_equal(parquet_writer_append(writer, batch, batch->selection, &column, &error),
                         OK);
    }
    assert_int_equal(parquet_writer_finish(writer, path, &error), OK);
    parquet_writer_free(writer);
    ParquetReader *reader;
    ParquetScan scan = {.wanted = &schema};
    assert_int_equal(parquet_reader_open(path, &scan, &reader, &error), OK);
    Batch *back = batch_new(&schema, BATCH_ROWS_MAX);
    int64_t n = 0;
    while (parquet_reader_next(reader, back, BATCH_ROWS_MAX, &error) == OK) {
        nested_batch(batch, &schema, &builder, n);
        for (int32_t row = 0; row < back->row_count; row++, n++) {
            Value expected = value_get(&batch->columns[0], row);
            Value got = value_get(&back->columns[0], row);
            assert_true(value_equal(&got, &expected));
        }
        batch_reset(back, &schema, BATCH_ROWS_MAX);
    }
    assert_int_equal(n, BATCH_ROWS_MAX * 2);
    parquet_reader_free(reader);
    nested_builder_free(&builder);
    batch_free(batch);
    batch_free(back);
    arena_free(arena);
    assert_int_equal(world_remove_tree(world_system(), folder, NULL), OK);
}

/* -1, 0, 1 for types that bounds are made of. */
static int value_order(const Value *a, const Value *b)
{
    if (type_is_text(a->type))
        return str_compare(a->text, b->text);
    if (a->type.id == TYPE_DECIMAL)
        return (a->wide > b->wide) - (a->wide < b->wide);
    return (a->integer > b->integer) - (a->integer < b->integer);
}

static bool meets(const ColumnBound *bound, const Value *value)
{
    int order = value->is_null ? 0 : value_order(value, &bound->value);
    char wanted = (char)(order < 0 ? '<' : order > 0 ? '>' : '=');
    return !value->is_null && strchr(bound->sign, wanted) != NULL;
}

/* Rows that meet both, from one on, each with the row it is. */
static void check_bounds(const Schema *schema, const char *path, const ColumnBound *bounds,
                         int64_t first)
{
    ParquetScan scan = {.wanted = schema, .bounds = bounds, .bound_count = 2, .first_row = first};
    ParquetReader *reader;
    Error error = {0};
    if (parquet_reader_open(path, &scan, &reader, &error) != OK)
        fail_msg("%s", error.text);
    Batch *batch = batch_new(schema, BATCH_ROWS_MAX);
    int64_t n = first;
    int32_t row = 0;
    for (; n < ROWS; n++) {
        static char texts[2][64];
        Value values[2];
        bool meets_all = true;
        for (int32_t i = 0; i < 2; i++) {
            values[i] = make_value(schema->fields[bounds[i].column].type, n);
            if (type_is_text(values[i].type)) {
                memcpy(texts[i], values[i].text.data, (size_t)values[i].text.length);
                values[i].text.data = texts[i];
            }
            meets_all = meets_all && meets(&bounds[i], &values[i]);
        }
        if (!meets_all)
            continue;
        if (row == batch->row_count) {
            batch_reset(batch, schema, BATCH_ROWS_MAX);
            row = 0;
            assert_int_equal(parquet_reader_next(reader, batch, BATCH_ROWS_MAX, &error), OK);
        }
        for (int32_t i = 0; i < 2; i++) {
            Value got = value_get(&batch->columns[bounds[i].column], row);
            assert_true(value_equal(&got, &values[i]));
        }
        row++;
        if (row == batch->row_count)
            assert_int_equal(parquet_reader_row(reader), n + 1);
    }
    assert_int_equal(row, batch->row_count);
    assert_int_equal(parquet_reader_next(reader, batch, BATCH_ROWS_MAX + 1, &error), ERR_END);
    batch_free(batch);
    parquet_reader_free(reader);
}

static void bounds_leave_rows_out(void **state)
{
    (void)state;
    static const char *const signs[] = {"=", "<>", "<", "<=", ">", ">="};
    static const int32_t columns[] = {1, 2, 3, 4, 7, 8, 9, 10, 11, 13};
    char folder[] = "/tmp/parquet-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[64], text[64];
    snprintf(path, sizeof path, "%s/bounds.parquet", folder);
    Schema schema = all_types();
    write_file(&schema, path, STR("SNAPPY"));
    for (size_t c = 0; c < sizeof columns / sizeof columns[0]; c++) {
        for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
            int32_t column = columns[c];
            Value edge = make_value(schema.fields[column].type, 1234);
            snprintf(text, sizeof text, "%.*s", (int)edge.text.length,
                     type_is_text(edge.type) ? edge.text.data : "");
            if (type_is_text(edge.type))
                edge.text = str_from(text);
            Value even = {.type = type_simple(TYPE_BIGINT), .integer = 4000000000};
            ColumnBound bounds[] = {{column, signs[i], edge}, {4, "<", even}};
            check_bounds(&schema, path, bounds, i % 2 == 0 ? 0 : 1777);
        }
    }
    assert_int_equal(world_remove_tree(world_system(), folder, NULL), OK);
}

/* A file whose own column has the name that DuckDB gives to numbers of rows; a text that ends
 * early. */
static void bounds_are_a_wish(void **state)
{
    (void)state;
    char folder[] = "/tmp/parquet-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[64];
    snprintf(path, sizeof path, "%s/numbers.parquet", folder);
    Field fields[COLUMNS];
    Schema schema = all_types();
    memcpy(fields, schema.fields, sizeof fields);
    fields[4].name = STR("file_row_number");
    schema.fields = fields;
    write_file(&schema, path, STR("SNAPPY"));
    const int32_t picks[] = {4, 11};
    Arena *arena = arena_new(0);
    Schema some = schema_pick(arena, &schema, picks, 2);
    const ColumnBound bounds[] = {
        {0, ">=", {.type = type_simple(TYPE_BIGINT), .integer = (4000 - 100) * 1000000LL}},
        {1, "<>", {.type = type_string(), .text = STR("t\0'")}}};
    for (int32_t first = 0; first < 2; first++) {
        ParquetScan scan = {
            .wanted = &some, .bounds = bounds + first, .bound_count = 1, .first_row = 3990};
        ParquetReader *reader;
        Error error = {0};
        assert_int_equal(parquet_reader_open(path, &scan, &reader, &error), OK);
        Batch *batch = batch_new(&some, BATCH_ROWS_MAX);
        int64_t last = 0;
        while (parquet_reader_next(reader, batch, BATCH_ROWS_MAX, &error) == OK) {
            Value got = value_get(&batch->columns[0], batch->row_count - 1);
            last = got.is_null ? last : got.integer / 1000000 + 100;
            batch_reset(batch, &some, BATCH_ROWS_MAX);
        }
        assert_int_equal(last, ROWS - 1);
        assert_int_equal(parquet_reader_row(reader), ROWS);
        batch_free(batch);
        parquet_reader_free(reader);
    }
    arena_free(arena);
    assert_int_equal(world_remove_tree(world_system(), folder, NULL), OK);
}

static void what_cannot_be_read_says_why(void **state)
{
    (void)state;
    ParquetReader *reader;
    Error error = {0};
    Schema schema = all_types();
    ParquetScan scan = {.wanted = &schema};
    assert_int_equal(parquet_reader_open("/nowhere.parquet", &scan, &reader, &error),
                     ERR_NOT_FOUND);
    assert_true(strlen(error.text) > 0);
    ParquetWriter *writer;
    assert_int_equal(parquet_writer_open(&schema, STR("SNAPPY"), &writer, &error), OK);
    assert_int_not_equal(parquet_writer_finish(writer, "/nowhere/x.parquet", &error), OK);
    parquet_writer_free(writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_types_come_back),
        cmocka_unit_test(lists_longer_than_a_vector_come_back),
        cmocka_unit_test(bounds_leave_rows_out),
        cmocka_unit_test(bounds_are_a_wish),
        cmocka_unit_test(what_cannot_be_read_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
