/* Schemas against what Avro's Java library makes of them (avro_evolution_vectors.py), and against
 * what the specification forbids. */
#include "base/testing.h"
#include "format/avro_evolution.h"

typedef struct Vector {
    const char *reader, *writer;
    const char *text;    /* of the reader; "": it is no schema */
    const char *verdict; /* COMPATIBLE, INCOMPATIBLE; NONE: one is no schema */
} Vector;

static const Vector vectors[] = {
#include "format/avro_evolution_vectors.inc"
};

static Status canonical(Arena *arena, const char *json, Str *text, AvroSchema **out, Error *error)
{
    AvroSource source = {.text = str_from(json), .is_new = true};
    return avro_canonical(arena, &source, false, text, out, error);
}

static void test_as_javas_library(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        const Vector *vector = &vectors[i];
        Arena *arena = arena_new(0);
        AvroSchema *reader, *writer;
        Str text, other;
        Error error = {0};
        bool is_schema = canonical(arena, vector->reader, &text, &reader, &error) == OK;
        if (is_schema != (vector->text[0] != '\0'))
            fail_msg("vector %zu: %s\n%s", i, vector->reader, error.text);
        if (is_schema && !str_is(text, vector->text))
            fail_msg("vector %zu: %s\nwanted %s\nfound  %.*s", i, vector->reader, vector->text,
                     STR_ARGS(text));
        if (is_schema && canonical(arena, vector->writer, &other, &writer, &error) == OK) {
            List why = {0};
            bool can = avro_can_read(arena, reader, writer, &why, &error) == OK;
            if (can != (strcmp(vector->verdict, "COMPATIBLE") == 0))
                fail_msg("vector %zu: reader %s\nwriter %s\nwanted %s, because of %s", i,
                         vector->reader, vector->writer, vector->verdict,
                         why.count > 0 ? LIST_AT(why, 0, const char) : "nothing");
            assert_int_equal(why.count == 0, can);
        } else {
            assert_string_equal(vector->verdict, "NONE");
        }
        arena_free(arena);
    }
}

static void test_what_is_no_new_schema(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "null",
        "7",
        "\"nothing\"",
        "{}",
        "[[\"int\"]]",
        "[\"int\",\"int\"]",
        "[{\"type\":\"array\",\"items\":\"int\"},{\"type\":\"array\",\"items\":\"long\"}]",
        "{\"type\":\"record\",\"name\":\"a-b\",\"fields\":[]}",
        "{\"type\":\"record\",\"name\":\"int\",\"fields\":[]}",
        "{\"type\":\"record\",\"name\":\"a\",\"namespace\":\"b.9\",\"fields\":[]}",
        "{\"type\":\"record\",\"name\":\"a\"}",
        "{\"type\":\"record\",\"name\":\"a\",\"fields\":[{\"name\":\"x\",\"type\":\"int\"},"
        "{\"name\":\"x\",\"type\":\"int\"}]}",
        "{\"type\":\"record\",\"name\":\"a\",\"fields\":[{\"name\":\"x\",\"type\":\"int\","
        "\"default\":\"1\"}]}",
        "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"A\"]}",
        "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A-B\"]}",
        "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\"],\"default\":\"B\"}",
        "{\"type\":\"fixed\",\"name\":\"f\",\"size\":-1}",
        "[{\"type\":\"fixed\",\"name\":\"f\",\"size\":1},{\"type\":\"fixed\",\"name\":\"f\","
        "\"size\":2}]",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        Arena *arena = arena_new(0);
        AvroSchema *ignored;
        Str text;
        Error error = {0};
        if (canonical(arena, bad[i], &text, &ignored, &error) == OK)
            fail_msg("%s was taken", bad[i]);
        assert_string_equal(error.code, "WR3512");
        arena_free(arena);
    }
}

static void test_names_of_other_schemas(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    const Str before[] = {STR("{\"type\":\"enum\",\"name\":\"shop.State\",\"symbols\":[\"A\"]}")};
    AvroSource source = {
        .text = STR("{\"type\":\"record\",\"name\":\"shop.Order\",\"fields\":[{\"name\":\"s\","
                    "\"type\":\"shop.State\"},{\"name\":\"t\",\"type\":{\"type\":\"State\"}}]}"),
        .before = before,
        .before_count = 1,
        .is_new = true};
    AvroSchema *schema;
    Str text;
    assert_int_equal(avro_canonical(arena, &source, false, &text, &schema, NULL), OK);
    assert_true(str_is(text, "{\"type\":\"record\",\"name\":\"Order\",\"namespace\":\"shop\","
                             "\"fields\":[{\"name\":\"s\",\"type\":\"State\"},{\"name\":\"t\","
                             "\"type\":\"State\"}]}"));
    assert_int_equal(schema->fields[0].schema->kind, AVRO_ENUM);
    arena_free(arena);
}

static void test_properties_in_order(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    AvroSource source = {
        .text = STR("{\"zeta\":1,\"type\":\"int\",\"alpha\":[1,{\"b\":2,\"a\":1}],\"zeta\":2}")};
    AvroSchema *schema;
    Str text;
    assert_int_equal(avro_canonical(arena, &source, true, &text, &schema, NULL), OK);
    assert_true(str_is(text, "{\"type\":\"int\",\"alpha\":[1,{\"b\":2,\"a\":1}],\"zeta\":2}"));
    arena_free(arena);
}

/* A schema whose defaults name more bytes than there are: each record's is ten of the one before.
 */
static void test_defaults_within_defaults(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Buffer text = {0};
    AvroSchema *ignored;
    Str canonized;
    Error error = {0};
    buffer_append_text(&text, "[{\"type\":\"record\",\"name\":\"R0\",\"fields\":[{\"name\":\"a\","
                              "\"type\":\"string\",\"default\":\"0123456789\"}]}");
    for (int32_t level = 1; level < 13; level++) {
        buffer_printf(&text, ",{\"type\":\"record\",\"name\":\"R%d\",\"fields\":[", level);
        for (int32_t i = 0; i < 10; i++)
            buffer_printf(&text, "%s{\"name\":\"f%d\",\"type\":\"R%d\",\"default\":{}}",
                          i == 0 ? "" : ",", i, level - 1);
        buffer_append_text(&text, "]}");
    }
    buffer_append_text(&text, "]");
    assert_int_equal(canonical(arena, buffer_terminated(&text), &canonized, &ignored, &error),
                     ERR_INVALID);
    assert_string_equal(error.code, "WR3512");
    assert_non_null(strstr(error.text, "too large"));
    buffer_free(&text);
    arena_free(arena);
}

/* A default that fits no branch until all ways through the unions have been tried. */
static void test_defaults_of_unions(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Buffer text = {0};
    AvroSchema *ignored;
    Str canonized;
    Error error = {0};
    buffer_append_text(
        &text, "{\"type\":\"record\",\"name\":\"T\",\"fields\":[{\"name\":\"u\",\"type\":[");
    buffer_append_text(&text,
                       "{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"n\",\"type\":"
                       "[\"null\",\"A\",{\"type\":\"record\",\"name\":\"B\",\"fields\":[{\"name\":"
                       "\"n\",\"type\":[\"null\",\"A\",\"B\"]}]}]}]},\"B\"],\"default\":");
    for (int32_t i = 0; i < 28; i++)
        buffer_append_text(&text, "{\"n\":");
    buffer_append_text(&text, "7");
    for (int32_t i = 0; i < 28; i++)
        buffer_append_text(&text, "}");
    buffer_append_text(&text, "}]}");
    assert_int_equal(canonical(arena, buffer_terminated(&text), &canonized, &ignored, &error),
                     ERR_INVALID);
    assert_string_equal(error.code, "WR3512");
    assert_non_null(strstr(error.text, "too much work"));
    buffer_free(&text);
    arena_free(arena);
}

/* A union of records, each with a field of the one before; the last is first in the union. */
static AvroSchema *chain(Arena *arena, int32_t length, const char *last)
{
    Buffer text = {0};
    AvroSchema *schema;
    Error error = {0};
    buffer_append_text(&text, "[");
    for (int32_t i = 0; i < length; i++) {
        buffer_printf(&text,
                      "%s{\"type\":\"record\",\"name\":\"R%d\",\"fields\":[{\"name\":\"next\",",
                      i == 0 ? "" : ",", i);
        if (i == 0)
            buffer_printf(&text, "\"type\":\"%s\"}]}", last);
        else
            buffer_printf(&text, "\"type\":\"R%d\"}]}", i - 1);
    }
    buffer_append_text(&text, "]");
    AvroSource source = {.text = buffer_str(&text), .is_new = true};
    Map *named;
    if (avro_schema_read(arena, &source, &named, &schema, &error) != OK)
        fail_msg("%s", error.text);
    buffer_free(&text);
    return schema->branches[length - 1];
}

static void test_long_chains_of_names(void **state)
{
    (void)state;
    const struct {
        int32_t length;
        const char *last;
        Status status;
    } cases[] = {{400, "int", OK}, {400, "string", ERR_INVALID}, {9999, "int", ERR_LIMIT}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Arena *arena = arena_new(0);
        List why = {0};
        Error error = {0};
        AvroSchema *reader = chain(arena, cases[i].length, cases[i].last);
        AvroSchema *writer = chain(arena, cases[i].length, "int");
        assert_int_equal(avro_can_read(arena, reader, writer, &why, &error), cases[i].status);
        if (cases[i].status == ERR_INVALID)
            assert_non_null(strstr(LIST_AT(why, 0, const char),
                                   "/fields/0/type/fields/0/type: int was written, which cannot"));
        if (cases[i].status == ERR_LIMIT)
            assert_string_equal(error.code, "WR3512");
        arena_free(arena);
    }
}

/* Fields with many aliases, of which none is there, and then one that is twice. */
static void test_many_fields_and_aliases(void **state)
{
    (void)state;
    enum { FIELDS = 2000, ALIASES = 50 };
    Arena *arena = arena_new(0);
    Buffer text = {0};
    AvroSchema *reader, *writer;
    Str canonized;
    Error error = {0};
    List why = {0};
    buffer_append_text(&text, "{\"type\":\"record\",\"name\":\"R\",\"fields\":[");
    for (int32_t i = 0; i < FIELDS; i++) {
        buffer_printf(&text, "%s{\"name\":\"f%d\",\"type\":\"int\",\"aliases\":[\"f%d\"",
                      i == 0 ? "" : ",", i, i);
        for (int32_t k = 0; k < ALIASES; k++)
            buffer_printf(&text, ",\"a%d_%d\"", i, k);
        buffer_append_text(&text, "]}");
    }
    buffer_append_text(&text, "]}");
    assert_int_equal(canonical(arena, buffer_terminated(&text), &canonized, &reader, &error), OK);
    assert_int_equal(avro_can_read(arena, reader, reader, &why, &error), OK);
    assert_int_equal(
        canonical(arena,
                  "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":"
                  "\"int\"},{\"name\":\"b\",\"type\":\"int\"}]}",
                  &canonized, &writer, &error),
        OK);
    assert_int_equal(
        canonical(arena,
                  "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"x\",\"type\":"
                  "\"int\",\"aliases\":[\"a\",\"a\",\"b\"]}]}",
                  &canonized, &reader, &error),
        OK);
    assert_int_equal(avro_can_read(arena, reader, writer, &why, &error), ERR_INVALID);
    assert_non_null(strstr(LIST_AT(why, 0, const char), "several fields"));
    buffer_free(&text);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_javas_library),
        cmocka_unit_test(test_what_is_no_new_schema),
        cmocka_unit_test(test_names_of_other_schemas),
        cmocka_unit_test(test_properties_in_order),
        cmocka_unit_test(test_defaults_within_defaults),
        cmocka_unit_test(test_defaults_of_unions),
        cmocka_unit_test(test_long_chains_of_names),
        cmocka_unit_test(test_many_fields_and_aliases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
