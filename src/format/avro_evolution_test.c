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
            bool can = avro_can_read(arena, reader, writer, &why);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_javas_library),
        cmocka_unit_test(test_what_is_no_new_schema),
        cmocka_unit_test(test_names_of_other_schemas),
        cmocka_unit_test(test_properties_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
