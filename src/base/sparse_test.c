/* Bytes without their zeros: whatever goes in comes out, and nothing else is taken for it. */
#include "base/testing.h"

#include "base/random.h"
#include "base/sparse.h"

static void expect_back(Str bytes, int64_t packed_bytes)
{
    Buffer packed = {0}, back = {0};
    buffer_append_text(&packed, "before");
    sparse_pack(bytes, &packed);
    Str own = str_make(packed.data + 6, packed.length - 6);
    if (packed_bytes >= 0)
        assert_int_equal(own.length, packed_bytes);
    buffer_append_text(&back, "<");
    assert_true(sparse_unpack(own, &back));
    assert_int_equal(back.length, 1 + bytes.length);
    assert_memory_equal(back.data, "<", 1);
    if (bytes.length > 0)
        assert_memory_equal(back.data + 1, bytes.data, (size_t)bytes.length);
    buffer_free(&packed);
    buffer_free(&back);
}

static void zeros_are_left_out_and_come_back(void **state)
{
    (void)state;
    static const char zeros[17];
    expect_back(str_make(zeros, 0), 4);
    expect_back(str_make(zeros, 1), 4 + 1);
    expect_back(str_make(zeros, 8), 4 + 1);
    expect_back(str_make(zeros, 17), 4 + 3);
    expect_back(STR("\0\0\0\5\0\0\0\0\1\0\0\0\0\0\0\2"), 4 + 2 + 3);
    expect_back(STR("12345678"), 4 + 9);
    expect_back(STR("123456789"), 4 + 9 + 2);
}

static void whatever_goes_in_comes_out(void **state)
{
    (void)state;
    uint64_t random = 7;
    char bytes[300];
    for (int32_t round = 0; round < 20000; round++) {
        int32_t length = (int32_t)random_below(&random, sizeof bytes + 1);
        int64_t zeros = random_below(&random, 5);
        for (int32_t i = 0; i < length; i++)
            bytes[i] = (char)(random_below(&random, 4) < zeros ? 0 : random_below(&random, 256));
        expect_back(str_make(bytes, length), -1);
    }
}

static void what_has_few_zeros_is_not_worth_it(void **state)
{
    (void)state;
    char bytes[20000];
    memset(bytes, 7, sizeof bytes);
    assert_false(sparse_is_worth(str_make(bytes, sizeof bytes)));
    assert_false(sparse_is_worth(str_make(bytes, 0)));
    for (size_t i = 0; i < sizeof bytes; i += 4)
        bytes[i] = 0;
    assert_true(sparse_is_worth(str_make(bytes, sizeof bytes)));
    assert_true(sparse_is_worth(str_make(bytes, 8)));
}

static void what_is_malformed_is_refused(void **state)
{
    (void)state;
    Buffer packed = {0}, out = {0};
    sparse_pack(STR("\0\0\0\5\0\0\0\0\1\0\0"), &packed);
    for (int64_t length = 0; length < packed.length; length++)
        assert_false(sparse_unpack(str_make(packed.data, length), &out));
    buffer_append_u8(&packed, 0);
    assert_false(sparse_unpack(buffer_str(&packed), &out));
    assert_false(sparse_unpack(STR("\377\377\377\377\0"), &out));
    assert_int_equal(out.length, 0);
    buffer_free(&packed);
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeros_are_left_out_and_come_back),
        cmocka_unit_test(whatever_goes_in_comes_out),
        cmocka_unit_test(what_has_few_zeros_is_not_worth_it),
        cmocka_unit_test(what_is_malformed_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
