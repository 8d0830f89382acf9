/* Units, typed options and references. */
#include "base/testing.h"

#include "base/buffer.h"
#include "plan/options.h"

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us; /* -1: no duration */
    } cases[] = {
        {"10", 10000},
        {"10 ms", 10000},
        {"10ms", 10000},
        {" 5 s ", 5000000},
        {"1 MIN", 60000000},
        {"2 minutes", 120000000},
        {"3 h", 10800000000},
        {"1 d", 86400000000},
        {"7 days", 604800000000},
        {"250 us", 250},
        {"0", 0},
        {"PT1H", 3600000000},
        {"PT1M30S", 90000000},
        {"P1DT2H", 93600000000},
        {"pt0.5s", 500000},
        {"", -1},
        {"s", -1},
        {"10 parsec", -1},
        {"-5 s", -1},
        {"1.5 s", -1},
        {"PT", -1},
        {"P1H", -1},
        {"PT1.5H", -1},
        {"99999999999999999999 d", -1},
        {"9223372036854775807 d", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t us = 0;
        bool is_parsed = duration_parse(str_from(cases[i].text), &us);
        assert_int_equal(is_parsed, cases[i].us >= 0);
        if (is_parsed)
            assert_int_equal(us, cases[i].us);
    }
}

static void test_sizes(void **state)
{
    (void)state;
    int64_t bytes;
    assert_true(bytes_parse(STR("64mb"), &bytes));
    assert_int_equal(bytes, 64 << 20);
    assert_true(bytes_parse(STR("1 gb"), &bytes));
    assert_int_equal(bytes, 1 << 30);
    assert_true(bytes_parse(STR("17"), &bytes));
    assert_int_equal(bytes, 17);
    assert_true(bytes_parse(STR("3 kibibytes"), &bytes));
    assert_int_equal(bytes, 3072);
    assert_false(bytes_parse(STR("3 potatoes"), &bytes));
    assert_false(bytes_parse(STR("9999999 tb tb"), &bytes));
    assert_false(bytes_parse(STR("99999999 tb"), &bytes));
}

static const OptionSpec SPECS[] = {
    {.key = "text", .type = OPTION_TEXT, .default_text = "here"},
    {.key = "none", .type = OPTION_TEXT},
    {.key = "count", .type = OPTION_INT, .default_text = "7"},
    {.key = "ratio", .type = OPTION_DOUBLE, .default_text = "0.5"},
    {.key = "flag", .type = OPTION_BOOL, .default_text = "true"},
    {.key = "wait", .type = OPTION_DURATION, .default_text = "30 s"},
    {.key = "size", .type = OPTION_BYTES, .default_text = "1 kb"},
    {.key = "mode", .type = OPTION_ENUM, .default_text = "initial", .choices = "initial|latest"},
    {.key = "fields.#.min", .type = OPTION_INT, .default_text = "-1"},
    {.key = "password", .type = OPTION_TEXT, .is_secret = true},
};
enum { SPEC_COUNT = sizeof SPECS / sizeof SPECS[0] };

typedef struct Seen {
    Buffer text;
} Seen;

static void seen_report(void *context, const OptionEntry *entry, const char *code,
                        const char *message, const char *help)
{
    (void)entry;
    Seen *seen = context;
    buffer_printf(&seen->text, "%s %s%s%s\n", code, message, help != NULL ? " | " : "",
                  help != NULL ? help : "");
}

static Status bind(Arena *arena, const OptionEntry *entries, int32_t count, Seen *seen,
                   OptionSet **out)
{
    static const char *const free_prefixes[] = {"properties.", NULL};
    OptionTable table = {SPECS, SPEC_COUNT, "x."};
    OptionRequest request = {.entries = entries,
                             .entry_count = count,
                             .tables = &table,
                             .table_count = 1,
                             .free_prefixes = free_prefixes,
                             .owner = "format 'x'",
                             .report = seen_report,
                             .context = seen};
    return options_bind(arena, &request, out);
}

#define ENTRY(k, v)                                                                                \
    {                                                                                              \
        .key = STR(k), .value = STR(v)                                                             \
    }

static void test_values_and_defaults(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Seen seen = {0};
    OptionSet *set;
    const OptionEntry given[] = {ENTRY("x.count", "12"),          ENTRY("x.mode", "LATEST"),
                                 ENTRY("x.fields.a.b.min", "3"),  ENTRY("x.password", "secret"),
                                 ENTRY("properties.token", "t0"), ENTRY("x.flag", "FALSE")};
    assert_int_equal(bind(arena, given, 6, &seen, &set), OK);
    assert_int_equal(seen.text.length, 0);
    assert_int_equal(options_int(set, "x.count"), 12);
    assert_true(str_is(options_text(set, "x.mode"), "latest"));
    assert_int_equal(options_int(set, "x.fields.a.b.min"), 3);
    assert_int_equal(options_int(set, "x.fields.other.min"), -1);
    assert_false(options_bool(set, "x.flag"));
    assert_true(str_is(options_text(set, "x.text"), "here"));
    assert_string_equal(options_terminated(set, "x.text"), "here");
    assert_null(options_text(set, "x.none").data);
    assert_false(options_has(set, "x.none"));
    assert_true(options_has(set, "x.count"));
    assert_true(options_double(set, "x.ratio") == 0.5);
    assert_int_equal(options_duration_us(set, "x.wait"), 30000000);
    assert_int_equal(options_bytes(set, "x.size"), 1024);
    assert_int_equal(options_count(set), 6);
    assert_true(str_is(options_shown(set, 0), "12"));
    assert_true(str_is(options_shown(set, 3), "******"));
    assert_true(str_is(options_shown(set, 4), "******"));
    arena_free(arena);
}

static void test_mistakes(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Seen seen = {0};
    OptionSet *set;
    const OptionEntry given[] = {ENTRY("x.cuont", "12"),   ENTRY("x.count", "many"),
                                 ENTRY("x.mode", "latst"), ENTRY("x.flag", "true"),
                                 ENTRY("x.flag", "true"),  ENTRY("x.fields..min", "1")};
    assert_int_equal(bind(arena, given, 6, &seen, &set), ERR_INVALID);
    const char *text = buffer_terminated(&seen.text);
    assert_non_null(strstr(text, "WR3001 unsupported option `x.cuont` for format 'x' | did you "
                                 "mean `x.count`?"));
    assert_non_null(strstr(text, "WR3003 invalid value 'many' for option `x.count`: expected a "
                                 "whole number"));
    assert_non_null(strstr(text, "did you mean 'latest'?"));
    assert_non_null(strstr(text, "WR3004 option `x.flag` is given twice"));
    assert_non_null(strstr(text, "unsupported option `x.fields..min`"));
    buffer_free(&seen.text);
    arena_free(arena);
}

static const char *test_environment(World *world, const char *name)
{
    (void)world;
    return strcmp(name, "PASS") == 0 ? "s3cret" : NULL;
}

static void test_references(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    WorldKind kind = *world_system()->kind;
    kind.environment = test_environment;
    World world = {.kind = &kind};
    Seen seen = {0};
    OptionEntry entry = ENTRY("x.text", "a-${env:PASS}-b-$c-${other}");
    assert_int_equal(option_resolve(&world, arena, &entry, seen_report, &seen), OK);
    assert_true(str_is(entry.value, "a-s3cret-b-$c-${other}"));
    assert_true(str_is(entry.written, "a-${env:PASS}-b-$c-${other}"));

    OptionSet *set;
    entry.key = STR("x.count");
    assert_int_equal(bind(arena, &entry, 1, &seen, &set), ERR_INVALID);
    assert_null(strstr(buffer_terminated(&seen.text), "s3cret"));
    entry.key = STR("x.text");
    assert_int_equal(bind(arena, &entry, 1, &seen, &set), OK);
    assert_true(str_is(options_shown(set, 0), "a-${env:PASS}-b-$c-${other}"));

    OptionEntry missing = ENTRY("x.text", "${env:NOPE}");
    assert_int_equal(option_resolve(&world, arena, &missing, seen_report, &seen), ERR_INVALID);
    OptionEntry file = ENTRY("x.text", "${file:/nonexistent/secret}");
    assert_int_equal(option_resolve(&world, arena, &file, seen_report, &seen), ERR_INVALID);
    OptionEntry open = ENTRY("x.text", "${env:PASS");
    assert_int_equal(option_resolve(&world, arena, &open, seen_report, &seen), OK);
    assert_null(open.written.data);
    buffer_free(&seen.text);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),           cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_values_and_defaults), cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
