/* Words without the zeros at their ends, and back. */
#include "base/testing.h"

#include "state/wordpack.h"

static int64_t expect_back(uint64_t word)
{
    char bytes[WORDPACK_BYTES_MAX];
    int64_t length = wordpack_put(bytes, word) - bytes;
    ByteReader in = byte_reader(str_make(bytes, length));
    assert_int_equal(wordpack_take(&in), word);
    assert_false(in.is_short);
    assert_int_equal(byte_reader_left(&in), 0);
    for (int64_t cut = 0; cut < length; cut++) {
        in = byte_reader(str_make(bytes, cut));
        assert_int_equal(wordpack_take(&in), 0);
        assert_true(in.is_short);
    }
    return length;
}

static void words_come_back(void **state)
{
    (void)state;
    assert_int_equal(expect_back(0), 1);
    assert_int_equal(expect_back(1), 2);
    assert_int_equal(expect_back(300), 3);
    assert_int_equal(expect_back(UINT64_MAX), 9);
    for (int32_t first = 0; first < 64; first++)
        for (int32_t last = first; last < 64; last++) {
            uint64_t ends = (uint64_t)1 << first | (uint64_t)1 << last;
            assert_int_equal(expect_back(ends), 2 + last / 8 - first / 8);
        }
}

static void what_is_malformed_counts_as_short(void **state)
{
    (void)state;
    const char bytes[] = {0x18, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    ByteReader in = byte_reader(str_make(bytes, sizeof bytes));
    assert_int_equal(wordpack_take(&in), 0);
    assert_true(in.is_short);
    const char wide[] = {15, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    in = byte_reader(str_make(wide, sizeof wide));
    assert_int_equal(wordpack_take(&in), 0);
    assert_true(in.is_short);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_come_back),
        cmocka_unit_test(what_is_malformed_counts_as_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
