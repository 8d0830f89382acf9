/* Values as texts of Redis. */
#include "base/testing.h"

#include "connect/redis/command.h"

static void assert_text(Value value, bool is_plain, const char *expected)
{
    Buffer out = {0};
    redis_append_text(&out, &value, is_plain);
    assert_string_equal(buffer_terminated(&out), expected);
    buffer_free(&out);
}

static void times_are_milliseconds_rounded_down(void **state)
{
    (void)state;
    Type micros = {.id = TYPE_TIMESTAMP, .precision = 6};
    Type nanos = {.id = TYPE_TIMESTAMP, .precision = 9};
    assert_text((Value){.type = micros, .integer = 1999}, false, "1");
    assert_text((Value){.type = micros, .integer = -1}, false, "-1");
    assert_text((Value){.type = micros, .integer = -1000}, false, "-1");
    assert_text((Value){.type = nanos, .wide = 1999999}, false, "1");
    assert_text((Value){.type = nanos, .wide = -1}, false, "-1");
    assert_text((Value){.type = nanos, .wide = -1000000}, false, "-1");
    assert_text((Value){.type = nanos, .wide = -1000001}, false, "-2");
}

static void hashes_have_times_as_texts(void **state)
{
    (void)state;
    Type nanos = {.id = TYPE_TIMESTAMP, .precision = 9};
    assert_text((Value){.type = nanos, .wide = -1}, true, "1969-12-31 23:59:59.999999999");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_milliseconds_rounded_down),
        cmocka_unit_test(hashes_have_times_as_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
