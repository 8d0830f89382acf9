/* canal-json and maxwell-json: records of changes to row kinds and back. */
#include "base/testing.h"

#include "format/format_testing.h"

static const Field fields[] = {{STR("id"), {.id = TYPE_INT, .is_nullable = true}},
                               {STR("v"), {.id = TYPE_VARCHAR, .is_nullable = true}}};
static const Schema schema = {.fields = fields, .count = 2};

/* `rejects`: what each of them says, in order, ended by NULL. */
static void expect(const char *format, const char *const *options, const char *text,
                   const char *rows, const char *const *rejects)
{
    FormatBench *bench = bench_new(format, &schema, options);
    assert_int_equal(bench_open(bench, NULL), OK);
    for (int32_t capacity = 1; capacity <= 130; capacity = capacity * 3 - 1 + (capacity == 1)) {
        Buffer out = {0};
        bench->rejects.length = 0;
        bench_decode(bench, str_from(text), capacity, &out);
        assert_string_equal(buffer_terminated(&out), rows);
        const char *at = buffer_terminated(&bench->rejects);
        for (int32_t i = 0; rejects[i] != NULL; i++) {
            at = strstr(at, rejects[i]);
            if (at == NULL)
                print_message("%s is not in %s\n", rejects[i], bench->rejects.data);
            assert_non_null(at);
            at = strchr(at, '\n') + 1;
        }
        assert_int_equal(*at, '\0');
        buffer_free(&out);
    }
    bench_free(bench);
}

static const char *const none[] = {NULL};

static void canal_gives_the_rows_of_its_lists(void **state)
{
    (void)state;
    expect("canal-json", NULL,
           "{\"data\":[{\"id\":\"1\",\"v\":\"a\"},{\"v\":\"b\",\"id\":2}],\"old\":null,\"type\":"
           "\"INSERT\"}\n"
           "{\"data\":[],\"type\":\"INSERT\"}\n"
           "{\"type\":\"UPDATE\",\"old\":[{\"v\":\"a\"},{\"id\":2,\"v\":null}],"
           "\"data\":[{\"id\":1,\"v\":\"c\"},{\"id\":3,\"v\":\"d\"}]}\n"
           "{\"data\":[{\"id\":1,\"v\":\"c\"},{}],\"type\":\"DELETE\"}\n"
           "{\"data\":null,\"type\":\"CREATE\",\"sql\":\"create table t (a int)\"}\n"
           "{\"data\":null,\"type\":\"ALTER\",\"isDdl\":true}\n",
           "+I 1|a\n+I 2|b\n-U 1|a\n+U 1|c\n-U 2|\\N\n+U 3|d\n-D 1|c\n-D \\N|\\N\n", none);
}

static void what_old_does_not_name_is_as_it_was(void **state)
{
    (void)state;
    /* Each row by itself: Flink takes a name that any of the old rows has for all of them. */
    expect("canal-json", NULL,
           "{\"type\":\"UPDATE\",\"data\":[{\"id\":1,\"v\":\"c\"},{\"id\":2,\"v\":\"d\"}],"
           "\"old\":[{\"v\":\"a\"},{\"id\":9}]}\n",
           "-U 1|a\n+U 1|c\n-U 9|d\n+U 2|d\n", none);
    expect("maxwell-json", NULL,
           "{\"type\":\"update\",\"data\":{\"id\":1,\"v\":\"c\"},\"old\":{\"v\":null}}\n"
           "{\"old\":{},\"type\":\"update\",\"data\":{\"id\":1,\"v\":\"c\"}}\n",
           "-U 1|\\N\n+U 1|c\n-U 1|c\n+U 1|c\n", none);
}

static void maxwell_gives_one_row(void **state)
{
    (void)state;
    expect("maxwell-json", NULL,
           "{\"database\":\"d\",\"data\":{\"id\":1,\"v\":\"a\"},\"type\":\"insert\"}\n"
           "{\"type\":\"bootstrap-start\",\"data\":{}}\n"
           "{\"type\":\"bootstrap-insert\",\"data\":{\"id\":2,\"v\":\"b\"}}\n"
           "{\"type\":\"bootstrap-complete\",\"data\":{}}\n"
           "{\"type\":\"table-alter\",\"old\":{\"columns\":[]},\"def\":{}}\n"
           "{\"type\":\"delete\",\"data\":{\"id\":1,\"v\":\"a\"}}\n",
           "+I 1|a\n+I 2|b\n-D 1|a\n", none);
}

static void records_that_are_no_changes_are_rejected(void **state)
{
    (void)state;
    static const char *const canal[] = {
        "{\"type\":\"X\"}",
        "WR3506 unknown \"type\" value \"X\"",
        "{\"data\":[]}",
        "WR3506 unknown \"type\" value null",
        "{\"type\":\"INSERT\",\"data\":null}",
        "WR3506 the \"data\" field of the record is no list",
        "{\"type\":\"INSERT\",\"data\":{\"id\":1}}",
        "WR3506 the \"data\" field",
        "{\"type\":\"INSERT\",\"data\":[null]}",
        "WR3501 the record is not a json object",
        "{\"type\":\"INSERT\",\"data\":[{\"id\":1},]}",
        "WR3501",
        "{\"type\":\"INSERT\",\"data\":[{\"id\":1}{\"id\":2}]}",
        "WR3501 malformed json: \"data\"",
        "{\"type\":\"INSERT\",\"data\":[{\"id\":1},{\"id\":\"x\"}]}",
        "WR3502 field `id`",
        "{\"type\":\"UPDATE\",\"data\":[{\"id\":1}]}",
        "WR3506 the \"old\" field",
        "{\"type\":\"UPDATE\",\"data\":[{\"id\":1},{\"id\":1}],\"old\":[{}]}",
        "WR3506 \"old\" has fewer rows",
        "{\"type\":\"TRUNCATE\",\"isDdl\":true,\"data\":null}",
        "WR3506 the source lost all rows",
        "{\"type\":\"INSERT\",\"data\":[{\"id\":1}",
        "WR3501",
        "[]",
        "WR3501",
        "null",
        "WR3501",
        NULL,
    };
    static const char *const maxwell[] = {
        "{\"type\":\"INSERT\",\"data\":{}}",
        "WR3506 unknown \"type\" value \"INSERT\"",
        "{\"type\":\"insert\",\"data\":[]}",
        "WR3501",
        "{\"type\":\"update\",\"data\":{}}",
        "WR3506 the \"old\" field of the record is no row",
        "{\"type\":\"delete\"}",
        "WR3506 the \"data\" field of the record is no row",
        "{\"type\":\"table-drop\"}",
        "WR3506 the source lost all rows",
        NULL,
    };
    const struct {
        const char *format, *good;
        const char *const *cases;
    } all[] = {{"canal-json", "{\"type\":\"INSERT\",\"data\":[{\"id\":7}]}\n", canal},
               {"maxwell-json", "{\"type\":\"insert\",\"data\":{\"id\":7}}\n", maxwell}};
    for (size_t f = 0; f < sizeof all / sizeof all[0]; f++) {
        for (int32_t i = 0; all[f].cases[i] != NULL; i += 2) {
            Buffer text = {0};
            buffer_printf(&text, "%s%s\n%s", all[f].good, all[f].cases[i], all[f].good);
            expect(all[f].format, NULL, buffer_terminated(&text), "+I 7|\\N\n+I 7|\\N\n",
                   (const char *const[]){all[f].cases[i + 1], NULL});
            buffer_free(&text);
        }
    }
    const char *const ignores[] = {"ignore-parse-errors", "true", NULL};
    expect("canal-json", ignores,
           "{\"type\":\"X\"}\n{\"type\":\"INSERT\",\"data\":[{\"id\":\"x\",\"v\":\"a\"}]}\n{\n",
           "+I \\N|a\n", none);
}

static void only_included_tables_are_read(void **state)
{
    (void)state;
    const char *const options[] = {"database.include", "shop|ware", "table.include", "o.*", NULL};
    expect(
        "canal-json", options,
        "{\"database\":\"shop\",\"table\":\"orders\",\"type\":\"INSERT\",\"data\":[{\"id\":1}]}\n"
        "{\"database\":\"shops\",\"table\":\"orders\",\"type\":\"INSERT\",\"data\":[{\"id\":2}]}\n"
        "{\"database\":\"ware\",\"table\":\"to\",\"type\":\"nonsense\"}\n"
        "{\"database\":\"ware\",\"table\":\"o\",\"type\":\"INSERT\",\"data\":[{\"id\":4}]}\n"
        "{\"database\":\"w\\u0061re\",\"table\":\"o\",\"type\":\"INSERT\",\"data\":[{\"id\":5}]}\n"
        "{\"table\":\"o\",\"type\":\"INSERT\",\"data\":[{\"id\":6}]}\n",
        "+I 1|\\N\n+I 4|\\N\n+I 5|\\N\n",
        (const char *const[]){"WR3506 the \"database\" field of the record is no text", NULL});
    const char *const wrong[] = {"table.include", "(", NULL};
    FormatBench *bench = bench_new("canal-json", &schema, wrong);
    Error error = {0};
    assert_int_equal(bench_open(bench, &error), ERR_INVALID);
    assert_string_equal(error.code, "WR3505");
    bench_free(bench);
}

/* One record may have more rows than a batch, and is then in one batch as a whole, or in none. */
static void a_record_may_have_any_number_of_rows(void **state)
{
    (void)state;
    enum { ROWS = 5000 };
    FormatBench *bench = bench_new("canal-json", &schema, NULL);
    assert_int_equal(bench_open(bench, NULL), OK);
    Buffer text = {0}, old = {0};
    buffer_append_text(&text, "{\"type\":\"UPDATE\",\"data\":[");
    for (int32_t i = 0; i < ROWS; i++) {
        buffer_printf(&text, "%s{\"id\":%d,\"v\":\"a long text for row %d\"}", i > 0 ? "," : "", i,
                      i);
        buffer_printf(&old, "%s{%s}", i > 0 ? "," : "", i % 2 == 0 ? "" : "\"v\":null");
    }
    buffer_printf(&text, "],\"old\":[%s]}", buffer_terminated(&old));
    Batch *batch = batch_new(&schema, BATCH_ROWS_MAX);
    const DecoderKind *kind = bench->format->decoder;
    kind->decode_message(bench->decoder, STR("{\"type\":\"INSERT\",\"data\":[{\"id\":-1}]}"), batch,
                         BATCH_ROWS_MAX);
    kind->decode_message(bench->decoder, buffer_str(&text), batch, BATCH_ROWS_MAX);
    assert_int_equal(bench->rejects.length, 0);
    assert_int_equal(batch->row_count, 2 * ROWS + 1);
    Column columns[2];
    int32_t seen = 0;
    for (int32_t first = 0; first < batch->row_count; first += BATCH_ROWS_MAX) {
        Batch window = batch_window(batch, first, columns);
        for (int32_t i = 0; i < window.selection.count; i++, seen++) {
            Value id = value_get(&columns[0], i), v = value_get(&columns[1], i);
            int32_t number = (seen - 1) / 2;
            assert_int_equal(id.integer, seen == 0 ? -1 : number);
            assert_int_equal(window.kinds[i], seen == 0       ? ROW_INSERT
                                              : seen % 2 == 1 ? ROW_UPDATE_BEFORE
                                                              : ROW_UPDATE_AFTER);
            assert_int_equal(v.is_null, seen == 0 || (seen % 2 == 1 && number % 2 == 1));
        }
    }
    assert_int_equal(seen, 2 * ROWS + 1);
    text.length -= 2; /* cut off: none of its rows comes */
    batch_reset(batch, &schema, BATCH_ROWS_MAX);
    kind->decode_message(bench->decoder, buffer_str(&text), batch, BATCH_ROWS_MAX);
    assert_int_equal(batch->row_count, 0);
    assert_true(bench->rejects.length > 0);
    buffer_free(&text);
    buffer_free(&old);
    batch_free(batch);
    bench_free(bench);
}

static void metadata_stand_behind_the_columns(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Type map = type_map(arena, type_string(), type_simple(TYPE_INT));
    Type list = type_array(arena, type_string());
    /* Wanted: v; then table, sql-type, pk-names, ingestion-timestamp twice, event-timestamp. */
    const Field wanted[] = {{STR("v"), type_string()},
                            {STR("t"), type_string()},
                            {STR("s"), map},
                            {STR("p"), list},
                            {STR("i"), type_timestamp_ltz(3)},
                            {STR("j"), type_timestamp_ltz(3)},
                            {STR("e"), type_timestamp_ltz(3)}};
    const int32_t metadata[] = {1, 2, 3, 4, 4, 5};
    FormatBench *bench = bench_new("canal-json", &schema, NULL);
    bench_want(bench, (const int32_t[]){1}, 1);
    bench->wanted = (Schema){.fields = wanted, .count = 7};
    assert_int_equal(bench_open_metadata(bench, metadata, 6, NULL), OK);
    Buffer out = {0};
    bench_decode(bench,
                 STR("{\"data\":[{\"v\":\"a\"},{\"v\":\"b\"}],\"sqlType\":{\"id\":4,\"v\":12},"
                     "\"pkNames\":[\"id\"],\"table\":\"o\",\"ts\":1589373560798,\"es\":0,"
                     "\"type\":\"INSERT\"}\n"
                     "{\"data\":[{\"v\":\"c\"}],\"type\":\"DELETE\"}\n"
                     "{\"data\":[{\"v\":\"d\"}],\"ts\":9223372036854775807,\"type\":\"DELETE\"}\n"),
                 8, &out);
    assert_string_equal(buffer_terminated(&out),
                        "+I a|o|{\"id\":4,\"v\":12}|[\"id\"]|2020-05-13 12:39:20.798Z|"
                        "2020-05-13 12:39:20.798Z|1970-01-01 00:00:00Z\n"
                        "+I b|o|{\"id\":4,\"v\":12}|[\"id\"]|2020-05-13 12:39:20.798Z|"
                        "2020-05-13 12:39:20.798Z|1970-01-01 00:00:00Z\n"
                        "-D c|\\N|\\N|\\N|\\N|\\N|\\N\n");
    assert_non_null(strstr(buffer_terminated(&bench->rejects), "WR3502 field `ts` is out of"));
    buffer_free(&out);
    bench_free(bench);
    arena_free(arena);
}

static void writing_knows_two_types(void **state)
{
    (void)state;
    static const struct {
        const char *format, *insert, *delete;
    } cases[] = {{"canal-json", "{\"data\":[{\"id\":0,\"v\":\"\"}],\"type\":\"INSERT\"}",
                  "{\"data\":[{\"id\":0,\"v\":\"\"}],\"type\":\"DELETE\"}"},
                 {"maxwell-json", "{\"data\":{\"id\":0,\"v\":\"\"},\"type\":\"insert\"}",
                  "{\"data\":{\"id\":0,\"v\":\"\"},\"type\":\"delete\"}"}};
    for (size_t f = 0; f < sizeof cases / sizeof cases[0]; f++) {
        FormatBench *bench = bench_new(cases[f].format, &schema, NULL);
        assert_int_equal(bench_open_encoder(bench, NULL), OK);
        Batch *batch = batch_new(&schema, 4);
        batch->row_count = 4;
        batch_select_all(batch);
        batch_need_kinds(batch, 4);
        for (int32_t i = 0; i < 4; i++) {
            Buffer out = {0};
            batch->kinds[i] = (uint8_t)i;
            assert_null(bench->format->encoder->encode(bench->encoder, batch, i, &out));
            assert_string_equal(buffer_terminated(&out), row_kind_is_retraction((uint8_t)i)
                                                             ? cases[f].delete
                                                             : cases[f].insert);
            buffer_free(&out);
        }
        batch_free(batch);
        bench_free(bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canal_gives_the_rows_of_its_lists),
        cmocka_unit_test(what_old_does_not_name_is_as_it_was),
        cmocka_unit_test(maxwell_gives_one_row),
        cmocka_unit_test(records_that_are_no_changes_are_rejected),
        cmocka_unit_test(only_included_tables_are_read),
        cmocka_unit_test(a_record_may_have_any_number_of_rows),
        cmocka_unit_test(metadata_stand_behind_the_columns),
        cmocka_unit_test(writing_knows_two_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
