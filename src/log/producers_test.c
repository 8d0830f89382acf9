/* Snapshots of producers, and for how long one is known. */
#include "base/testing.h"

#include "base/hash.h"
#include "log/producers.h"

/* A snapshot of the version that took the time of the records for it. */
static void test_a_snapshot_without_times_forgets_nobody(void **state)
{
    (void)state;
    Buffer text = {0};
    Producers *producers = producers_new();
    BatchHeader header = {.producer_id = 4, .base_sequence = 0};
    producers_note(producers, &header, false, 1000);
    producers_write(producers, 7, 20, &text);
    for (int32_t version = 3; version >= 2; version--) {
        memcpy(text.data, version == 3 ? "WPP3" : "WPP2", 4);
        uint32_t seal = crc32c(7, text.data, text.length - 4);
        memcpy(text.data + text.length - 4, &seal, sizeof seal);
        assert_true(producers_read(producers, buffer_str(&text), 7, false, 20, 5000));
        producers_expire(producers, 4000, 0);
        assert_int_equal(producers_find(producers, 4) != NULL, version == 2);
    }
    assert_true(producers_read(producers, buffer_str(&text), 7, false, 20, 500));
    assert_int_equal(producers_find(producers, 4)->used_ms, 500);
    producers_free(producers);
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_snapshot_without_times_forgets_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
