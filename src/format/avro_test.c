/* Avro: what fastavro wrote is read as it was meant, what is written is read by fastavro (in
 * test/e2e/avro_test.py) and by ourselves, and bytes that are no records are refused. */
#include "base/testing.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "format/avro_read.h"
#include "format/avro_table.h"
#include "format/avro_write.h"
#include "format/format_testing.h"

typedef struct Vector {
    const char *column, *writer, *reader, *expected, *hex;
    int64_t length;
} Vector;

static const Vector vectors[] = {
#include "format/avro_vectors.inc"
};

/* The type of the column `v` that a vector is read into. */
static Type column_type(Arena *arena, const char *name)
{
    static const Str parts[] = {STR("x"), STR("y")};
    Type *row = ARENA_ARRAY(arena, Type, 2);
    row[0] = type_simple(TYPE_INT);
    row[1] = type_string();
    const struct {
        const char *name;
        Type type;
    } types[] = {
        {"INT", type_simple(TYPE_INT)},
        {"INT NOT NULL", type_not_null(type_simple(TYPE_INT))},
        {"SMALLINT", type_simple(TYPE_SMALLINT)},
        {"BIGINT", type_simple(TYPE_BIGINT)},
        {"BOOLEAN", type_simple(TYPE_BOOLEAN)},
        {"FLOAT", type_simple(TYPE_FLOAT)},
        {"DOUBLE", type_simple(TYPE_DOUBLE)},
        {"STRING", type_string()},
        {"BYTES", type_bytes()},
        {"DECIMAL", type_decimal(10, 2)},
        {"DATE", type_simple(TYPE_DATE)},
        {"TIME", type_simple(TYPE_TIME)},
        {"TIMESTAMP", type_timestamp(3)},
        {"ARRAY", type_array(arena, type_simple(TYPE_INT))},
        {"MAP", type_map(arena, type_string(), type_simple(TYPE_BIGINT))},
        {"ROW", type_row(row, parts, 2)},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].name, name) == 0)
            return types[i].type;
    fail_msg("no type %s", name);
    return types[0].type;
}

static Str from_hex(Arena *arena, const char *hex, int64_t length)
{
    char *bytes = arena_allocate_zeroed(arena, length + 1);
    for (int64_t i = 0; i < length; i++) {
        unsigned byte;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        bytes[i] = (char)byte;
    }
    return str_make(bytes, length);
}

/* What the column has of the record, or the code with a blank behind it; `bytes` may be cut. */
static void read_vector(Arena *arena, const Vector *vector, Str bytes, Buffer *out)
{
    Field field = {STR("v"), column_type(arena, vector->column)};
    Schema schema = {.fields = &field, .count = 1};
    const int32_t columns[] = {0};
    DecoderSpec spec = {.record = &schema, .columns = columns, .column_count = 1};
    AvroSchema *writer, *reader = NULL;
    AvroReader *resolved;
    AvroReading reading = {0};
    Error error = {0};
    assert_int_equal(avro_schema_parse(arena, str_from(vector->writer), &writer, &error), OK);
    if (vector->reader[0] != '\0')
        assert_int_equal(avro_schema_parse(arena, str_from(vector->reader), &reader, &error), OK);
    if (avro_reader_new(arena, &spec, writer, reader, &resolved, &error) != OK) {
        buffer_printf(out, "%s ", error.code);
        return;
    }
    Batch *batch = batch_new(&schema, 2);
    if (!avro_read_message(resolved, &reading, bytes, batch, 2)) {
        assert_non_null(reading.code);
        buffer_printf(out, "%s ", reading.code);
    } else {
        Value value = value_get(&batch->columns[0], 0);
        if (value.is_null)
            buffer_append_text(out, "\\N");
        else
            value_print(out, &value, type_is_bytes(field.type) ? VALUE_JSON : VALUE_PLAIN, NULL);
    }
    avro_reading_free(&reading);
    batch_free(batch);
}

static void what_fastavro_wrote_is_read(void **state)
{
    (void)state;
    Buffer out = {0};
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        const Vector *vector = &vectors[i];
        Arena *arena = arena_new(0);
        out.length = 0;
        read_vector(arena, vector, from_hex(arena, vector->hex, vector->length), &out);
        const char *expected = vector->expected;
        char quoted[64];
        if (strcmp(vector->column, "BYTES") == 0) {
            snprintf(quoted, sizeof quoted, "\"%s\"", expected);
            expected = quoted;
        }
        if (strcmp(buffer_terminated(&out), expected) != 0)
            print_message("%s from %s\n", vector->column, vector->writer);
        assert_string_equal(buffer_terminated(&out), expected);
        arena_free(arena);
    }
    buffer_free(&out);
}

/* Each of them cut at each byte, and with a byte more: never a row, never a crash. */
static void records_that_are_cut_are_refused(void **state)
{
    (void)state;
    Buffer out = {0};
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        const Vector *vector = &vectors[i];
        if (strncmp(vector->expected, "WR", 2) == 0 || vector->length > 64)
            continue;
        for (int64_t length = 0; length <= vector->length + 1; length++) {
            if (length == vector->length)
                continue;
            Arena *arena = arena_new(0);
            Str whole = from_hex(arena, vector->hex, vector->length);
            char *exact = memory_allocate(length + 1); /* so that reading beyond it is seen */
            exact[length > 0 ? length - 1 : 0] = 0;
            memcpy(exact, whole.data, (size_t)(length < whole.length ? length : whole.length));
            out.length = 0;
            read_vector(arena, vector, str_make(exact, length), &out);
            assert_true(str_has_prefix(buffer_str(&out), STR("WR35")));
            memory_free(exact);
            arena_free(arena);
        }
    }
    buffer_free(&out);
}

static void bombs_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *column, *writer, *hex;
    } cases[] = {
        /* 2^60 items of no bytes; a block of -2^63 items; a text of 2^62 bytes. */
        {"ARRAY", "{\"type\":\"array\",\"items\":[\"null\",\"int\"]}", "8080808080808080200000"},
        {"ARRAY", "{\"type\":\"array\",\"items\":\"int\"}", "ffffffffffffffffff0100"},
        {"STRING", "\"string\"", "808080808080808040"},
        {"STRING", "\"string\"", "ffffffffffffffffffffff"},
        /* What is stepped over counts, too. */
        {"INT", "{\"type\":\"array\",\"items\":\"null\"}", "80808080808080802000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Arena *arena = arena_new(0);
        Buffer out = {0};
        bool is_skipped = strcmp(cases[i].column, "INT") == 0;
        Vector vector = {.column = cases[i].column, .reader = ""};
        vector.writer =
            arena_printf(arena,
                         "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"%s\","
                         "\"type\":%s}]}",
                         is_skipped ? "w" : "v", cases[i].writer);
        int64_t length = (int64_t)strlen(cases[i].hex) / 2;
        read_vector(arena, &vector, from_hex(arena, cases[i].hex, length), &out);
        assert_string_equal(buffer_terminated(&out), "WR3511 ");
        buffer_free(&out);
        arena_free(arena);
    }
}

static void a_list_without_end_is_stepped_over_within_limits(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Buffer bytes = {0}, out = {0};
    for (int32_t i = 0; i < 100000; i++)
        buffer_append_u8(&bytes, 2); /* the branch with another node */
    Vector vector = {.column = "INT",
                     .reader = "",
                     .writer = "{\"type\":\"record\",\"name\":\"n\",\"fields\":[{\"name\":\"next\","
                               "\"type\":[\"null\",\"n\"]}]}"};
    read_vector(arena, &vector, buffer_str(&bytes), &out);
    assert_string_equal(buffer_terminated(&out), "WR3511 ");
    buffer_free(&bytes);
    buffer_free(&out);
    arena_free(arena);
}

static void schemas_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "{",
        "1",
        "\"decimal\"",
        "{}",
        "{\"type\":\"record\"}",
        "[\"null\",[\"int\"]]",
        "{\"type\":\"record\",\"name\":\"r\"}",
        "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\"}]}",
        "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a-b\",\"type\":\"int\"}]}",
        "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"int\","
        "\"default\":"
        "\"x\"}]}",
        "{\"type\":\"array\"}",
        "{\"type\":\"fixed\",\"name\":\"f\"}",
        "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":3}",
        ("[{\"type\":\"fixed\",\"name\":\"f\",\"size\":1},{\"type\":\"fixed\",\"name\":\"f\","
         "\"size\":2}]"),
    };
    Arena *arena = arena_new(0);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        AvroSchema *schema;
        Error error = {0};
        assert_int_equal(avro_schema_parse(arena, str_from(texts[i]), &schema, &error),
                         ERR_INVALID);
        assert_string_equal(error.code, "WR3512");
    }
    Buffer deep = {0};
    for (int32_t i = 0; i < 200; i++)
        buffer_append_text(&deep, "{\"type\":\"array\",\"items\":");
    buffer_append_text(&deep, "\"int\"");
    for (int32_t i = 0; i < 200; i++)
        buffer_append_text(&deep, "}");
    AvroSchema *schema;
    assert_int_equal(avro_schema_parse(arena, buffer_str(&deep), &schema, NULL), ERR_INVALID);
    buffer_free(&deep);
    arena_free(arena);
}

/* What Flink 1.20.3's AvroSchemaConverter and AvroRowDataSerializationSchema make of a table with
 * every type that they take, of a row of it, and of one of NULLs. */
static const char *const flinks_schema =
    "{\"type\":\"record\",\"name\":\"record\",\"namespace\":\"org.apache.flink.avro.gener"
    "ated\",\"fields\":[{\"name\":\"b\",\"type\":[\"null\",\"boolean\"],\"default\":null}"
    ",{\"name\":\"ti\",\"type\":[\"null\",\"int\"],\"default\":null},{\"name\":\"si\",\"t"
    "ype\":[\"null\",\"int\"],\"default\":null},{\"name\":\"i\",\"type\":\"int\"},{\"name"
    "\":\"l\",\"type\":[\"null\",\"long\"],\"default\":null},{\"name\":\"f\",\"type\":[\""
    "null\",\"float\"],\"default\":null},{\"name\":\"d\",\"type\":[\"null\",\"double\"],"
    "\"default\":null},{\"name\":\"s\",\"type\":[\"null\",\"string\"],\"default\":null},{"
    "\"name\":\"c\",\"type\":[\"null\",\"string\"],\"default\":null},{\"name\":\"y\",\"ty"
    "pe\":[\"null\",\"bytes\"],\"default\":null},{\"name\":\"m\",\"type\":[\"null\",{\"ty"
    "pe\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":10,\"scale\":2}],\"default"
    "\":null},{\"name\":\"dt\",\"type\":[\"null\",{\"type\":\"int\",\"logicalType\":\"dat"
    "e\"}],\"default\":null},{\"name\":\"t\",\"type\":[\"null\",{\"type\":\"int\",\"logic"
    "alType\":\"time-millis\"}],\"default\":null},{\"name\":\"ts\",\"type\":[\"null\",{\""
    "type\":\"long\",\"logicalType\":\"timestamp-millis\"}],\"default\":null},{\"name\":"
    "\"ar\",\"type\":[\"null\",{\"type\":\"array\",\"items\":[\"null\",\"int\"]}],\"defau"
    "lt\":null},{\"name\":\"mp\",\"type\":[\"null\",{\"type\":\"map\",\"values\":[\"null"
    "\",\"long\"]}],\"default\":null},{\"name\":\"ms\",\"type\":[\"null\",{\"type\":\"map"
    "\",\"values\":[\"null\",\"int\"]}],\"default\":null},{\"name\":\"r\",\"type\":[\"nul"
    "l\",{\"type\":\"record\",\"name\":\"record_r\",\"fields\":[{\"name\":\"x\",\"type\":"
    "[\"null\",\"int\"],\"default\":null},{\"name\":\"q\",\"type\":[\"null\",{\"type\":\""
    "record\",\"name\":\"record_r_q\",\"fields\":[{\"name\":\"z\",\"type\":[\"null\",\"st"
    "ring\"],\"default\":null}]}],\"default\":null}]}],\"default\":null}]}";
static const char *const flinks_rows[][2] = {
    {"0201020902d8040e02808080808040020000c03f0200000000000002c0020a6772c3bc6e020661626302044142"
     "0204cfc7028cb50202f6b9992902f6a1c9a2be6302060202000205000202026b02120002020265020400020208020"
     "204696e",
     "+I true|-5|300|7|1099511627776|1.5|-2.25|grün|abc|AB|-123.45|2024-02-29|12:00:00.123|"
     "2024-02-29 00:00:00.123|[1,null,-3]|{\"k\":9}|{\"e\":2}|{\"x\":4,\"q\":{\"z\":\"in\"}}\n"},
    {"000000000000000000000000000000000000",
     "+I \\N|\\N|\\N|0|\\N|\\N|\\N|\\N|\\N|\\N|\\N|\\N|\\N|\\N|\\N|\\N|\\N|\\N\n"},
};

static void flinks_records_are_ours(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    static const Str outer[] = {STR("x"), STR("q")}, inner[] = {STR("z")};
    Type text = type_string();
    Type parts[] = {type_simple(TYPE_INT), type_row(&text, inner, 1)};
    Type clock = type_simple(TYPE_TIME);
    clock.precision = 3;
    const Field fields[] = {
        {STR("b"), type_simple(TYPE_BOOLEAN)},
        {STR("ti"), type_simple(TYPE_TINYINT)},
        {STR("si"), type_simple(TYPE_SMALLINT)},
        {STR("i"), type_not_null(type_simple(TYPE_INT))},
        {STR("l"), type_simple(TYPE_BIGINT)},
        {STR("f"), type_simple(TYPE_FLOAT)},
        {STR("d"), type_simple(TYPE_DOUBLE)},
        {STR("s"), type_string()},
        {STR("c"), type_char(3)},
        {STR("y"), type_bytes()},
        {STR("m"), type_decimal(10, 2)},
        {STR("dt"), type_simple(TYPE_DATE)},
        {STR("t"), clock},
        {STR("ts"), type_timestamp(3)},
        {STR("ar"), type_array(arena, type_simple(TYPE_INT))},
        {STR("mp"), type_map(arena, type_string(), type_simple(TYPE_BIGINT))},
        {STR("ms"), type_multiset(arena, type_string())},
        {STR("r"), type_row(parts, outer, 2)},
    };
    Schema schema = {.fields = fields, .count = sizeof fields / sizeof fields[0]};
    Buffer out = {0}, bytes = {0};
    assert_int_equal(avro_schema_derive(arena, &schema, true, &out, NULL), OK);
    assert_string_equal(buffer_terminated(&out), flinks_schema);
    FormatBench *bench = bench_new("avro", &schema, NULL);
    assert_int_equal(bench_open(bench, NULL), OK);
    assert_int_equal(bench_open_encoder(bench, NULL), OK);
    for (size_t i = 0; i < sizeof flinks_rows / sizeof flinks_rows[0]; i++) {
        const char *hex = flinks_rows[i][0];
        Str record = from_hex(arena, hex, (int64_t)strlen(hex) / 2);
        Batch *batch = batch_new(&schema, 1);
        out.length = bytes.length = 0;
        bench->format->decoder->decode_message(bench->decoder, record, batch, 1);
        bench_print(batch, &out);
        assert_string_equal(buffer_terminated(&out), flinks_rows[i][1]);
        assert_null(bench->format->encoder->encode(bench->encoder, batch, 0, &bytes));
        assert_true(str_equal(buffer_str(&bytes), record));
        batch_free(batch);
    }
    buffer_free(&out);
    buffer_free(&bytes);
    bench_free(bench);
    arena_free(arena);
}

/* With the other mapping of times, as Flink derives it then. */
static void tables_have_flinks_schema(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    static const Str parts[] = {STR("x"), STR("y")};
    Type row[] = {type_not_null(type_simple(TYPE_INT)), type_timestamp(6)};
    const Field fields[] = {{STR("id"), type_not_null(type_simple(TYPE_BIGINT))},
                            {STR("d"), type_decimal(10, 2)},
                            {STR("m"), type_map(arena, type_string(), type_simple(TYPE_DATE))},
                            {STR("r"), type_row(row, parts, 2)},
                            {STR("z"), type_timestamp_ltz(3)}};
    Schema schema = {.fields = fields, .count = 5};
    Buffer out = {0};
    Error error = {0};
    assert_int_equal(avro_schema_derive(arena, &schema, false, &out, &error), OK);
    assert_string_equal(
        buffer_terminated(&out),
        "{\"type\":\"record\",\"name\":\"record\",\"namespace\":\"org.apache.flink.avro."
        "generated\","
        "\"fields\":[{\"name\":\"id\",\"type\":\"long\"},{\"name\":\"d\",\"type\":[\"null\",{"
        "\"type\":"
        "\"bytes\",\"logicalType\":\"decimal\",\"precision\":10,\"scale\":2}],\"default\":null},"
        "{\"name\":\"m\",\"type\":[\"null\",{\"type\":\"map\",\"values\":[\"null\",{\"type\":"
        "\"int\","
        "\"logicalType\":\"date\"}]}],\"default\":null},{\"name\":\"r\",\"type\":[\"null\",{"
        "\"type\":"
        "\"record\",\"name\":\"record_r\",\"fields\":[{\"name\":\"x\",\"type\":\"int\"},{\"name\":"
        "\"y\","
        "\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"local-timestamp-micros\"}],"
        "\"default\":"
        "null}]}],\"default\":null},{\"name\":\"z\",\"type\":[\"null\",{\"type\":\"long\","
        "\"logicalType\":\"timestamp-millis\"}],\"default\":null}]}");
    out.length = 0;
    assert_int_equal(avro_schema_derive(arena, &schema, true, &out, &error), ERR_INVALID);
    assert_string_equal(error.code, "WR3504");
    buffer_free(&out);
    arena_free(arena);
}

/* A row of everything, written by the format and read back, with NULLs and without. */
static void rows_come_back(void **state)
{
    (void)state;
    uint64_t random = 20240301;
    Arena *arena = arena_new(0);
    const Field fields[] = {
        {STR("a"), type_not_null(type_simple(TYPE_BIGINT))},
        {STR("b"), type_simple(TYPE_TINYINT)},
        {STR("c"), type_decimal(38, 10)},
        {STR("d"), type_string()},
        {STR("e"), type_timestamp_ltz(6)},
        {STR("f"), type_simple(TYPE_TIME)},
        {STR("g"), type_array(arena, type_string())},
        {STR("h"), type_simple(TYPE_FLOAT)},
        {STR("i"), type_timestamp(6)},
        {STR("j"), type_bytes()},
    };
    Schema schema = {.fields = fields, .count = sizeof fields / sizeof fields[0]};
    const char *const options[] = {"timestamp_mapping.legacy", "false", NULL};
    FormatBench *bench = bench_new("avro", &schema, options);
    Error error = {0};
    assert_int_equal(bench_open(bench, &error), OK);
    assert_int_equal(bench_open_encoder(bench, &error), OK);
    NestedBuilder builder = {0};
    for (int32_t round = 0; round < 300; round++) {
        Batch *batch = batch_new(&schema, 1), *back = batch_new(&schema, 1);
        for (int32_t c = 0; c < schema.count; c++) {
            uint64_t bits = random_next(&random);
            int64_t number = (int64_t)random_next(&random) >> (bits % 64);
            Value value = {.type = fields[c].type, .is_null = c > 0 && bits % 5 == 0};
            char text[64];
            int length = snprintf(text, sizeof text, "%llx", (unsigned long long)bits);
            switch ((int)type_physical(value.type)) {
            case PHYSICAL_I8: value.integer = (int8_t)number; break;
            case PHYSICAL_I32: value.integer = (int64_t)(bits % 86400000); break;
            case PHYSICAL_I128: value.wide = (Int128)number * (int64_t)(bits >> 2 | 1); break;
            case PHYSICAL_F32: value.real = (double)(float)number / 8; break;
            case PHYSICAL_STRING: value.text = str_make(text, length); break;
            default: value.integer = number; break;
            }
            if (type_is_nested(value.type)) {
                nested_begin(&builder, value.type);
                for (uint64_t i = 0; i < bits % 4; i++)
                    nested_put_str(&builder, str_make(text, length));
                nested_put_null(&builder);
                nested_end(&builder);
                value.text = nested_result(&builder);
            }
            value_set(&batch->columns[c], batch->arena, 0, 1, &value);
        }
        batch->row_count = 1;
        batch_select_all(batch);
        Buffer bytes = {0}, before = {0}, after = {0};
        assert_null(bench->format->encoder->encode(bench->encoder, batch, 0, &bytes));
        bench->format->decoder->decode_message(bench->decoder, buffer_str(&bytes), back, 1);
        bench_print(batch, &before);
        bench_print(back, &after);
        if (bench->rejects.length > 0)
            print_message("%s\n", buffer_terminated(&bench->rejects));
        assert_string_equal(buffer_terminated(&after), buffer_terminated(&before));
        buffer_free(&bytes);
        buffer_free(&before);
        buffer_free(&after);
        batch_free(batch);
        batch_free(back);
    }
    nested_builder_free(&builder);
    bench_free(bench);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fastavro_wrote_is_read),
        cmocka_unit_test(records_that_are_cut_are_refused),
        cmocka_unit_test(bombs_are_refused),
        cmocka_unit_test(a_list_without_end_is_stepped_over_within_limits),
        cmocka_unit_test(schemas_that_are_none_are_refused),
        cmocka_unit_test(flinks_records_are_ours),
        cmocka_unit_test(tables_have_flinks_schema),
        cmocka_unit_test(rows_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
