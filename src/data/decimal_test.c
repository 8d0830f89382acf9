/* Decimals at their edges: rounding, 38 digits, products of 256 bits. */
#include "base/testing.h"

#include <math.h>

#include "data/decimal.h"
#include "data/wide.h"

static Int128 number(const char *text)
{
    Int128 value;
    bool is_overflow;
    assert_true(decimal_parse(str_from(text), 38, 0, &value, &is_overflow));
    return value;
}

static const char *plain(Int128 value, int32_t scale)
{
    static Buffer buffers[4];
    static int next;
    Buffer *buffer = &buffers[next++ % 4];
    buffer->length = 0;
    decimal_print(buffer, value, scale);
    return buffer_terminated(buffer);
}

#define NINES "99999999999999999999999999999999999999" /* 38 of them */

static void parse_case(const char *text, int32_t precision, int32_t scale, const char *expected)
{
    Int128 value;
    bool is_overflow;
    bool is_parsed = decimal_parse(str_from(text), precision, scale, &value, &is_overflow);
    if (expected == NULL) {
        assert_false(is_parsed);
        assert_false(is_overflow);
    } else if (expected[0] == 'o') {
        assert_false(is_parsed);
        assert_true(is_overflow);
    } else {
        assert_true(is_parsed);
        assert_string_equal(plain(value, scale), expected);
    }
}

static void parsing_rounds_half_up_and_tells_overflow(void **state)
{
    (void)state;
    parse_case("12.345", 10, 2, "12.35");
    parse_case("-12.345", 10, 2, "-12.35");
    parse_case("12.3449999999999999999999999999999999999999999999999", 10, 2, "12.34");
    parse_case("0.005", 10, 2, "0.01");
    parse_case("-0.004", 10, 2, "0.00");
    parse_case("99.995", 4, 2, "overflow");
    parse_case("99.994", 4, 2, "99.99");
    parse_case("1e2", 10, 2, "100.00");
    parse_case("1E+2", 10, 2, "100.00");
    parse_case("15e-1", 10, 0, "2");
    parse_case("1e-39", 38, 38, "0.00000000000000000000000000000000000000");
    parse_case("5e-39", 38, 38, "0.00000000000000000000000000000000000001");
    parse_case("1e100000000", 38, 0, "overflow");
    parse_case("1e-100000000", 38, 0, "0");
    parse_case("0e100000000", 38, 0, "0");
    parse_case(NINES, 38, 0, NINES);
    parse_case("-" NINES, 38, 0, "-" NINES);
    parse_case(NINES ".4999", 38, 0, NINES);
    parse_case(NINES ".5", 38, 0, "overflow");
    parse_case(NINES "0", 38, 0, "overflow");
    parse_case(NINES "0e-1", 38, 0, NINES);
    parse_case(NINES "5e-1", 38, 0, "overflow");
    parse_case("000000000000000000000000000000000000000000000000000012.5", 4, 1, "12.5");
    parse_case("0.00000000000000000000000000000000000000000000000125e48", 4, 1, "1.3");
    parse_case("1234567890123456789.987654321", 38, 9, "1234567890123456789.987654321");
    parse_case("+.5", 3, 1, "0.5");
    parse_case("5.", 3, 1, "5.0");
    const char *const wrong[] = {"",   ".",   "-",     "+-1", "1e",  "1e+", "1.2.3", "1 ",
                                 " 1", "0x1", "1e1.5", "NaN", "--1", "1,5", "1e1x",  "\xc2"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        parse_case(wrong[i], 10, 2, NULL);
}

static void printing_is_plain_or_as_java_prints(void **state)
{
    (void)state;
    const struct {
        const char *digits;
        int32_t scale;
        const char *plain, *java, *stripped;
    } cases[] = {
        {"0", 2, "0.00", "0.00", "0"},
        {"0", 38, "0.00000000000000000000000000000000000000", "0E-38", "0"},
        {"10000", 2, "100.00", "100.00", "1E+2"},
        {"-10000", 2, "-100.00", "-100.00", "-1E+2"},
        {"1050", 2, "10.50", "10.50", "10.5"},
        {"27", 9, "0.000000027", "2.7E-8", "2.7E-8"},
        {"1", 6, "0.000001", "0.000001", "0.000001"},
        {"1", 7, "0.0000001", "1E-7", "1E-7"},
        {"454621864049246170", 0, "454621864049246170", "454621864049246170",
         "4.5462186404924617E+17"},
        {"-" NINES, 38, "-0." NINES, "-0." NINES, "-0." NINES},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Int128 value = number(cases[i].digits);
        Buffer java = {0};
        Buffer stripped = {0};
        decimal_print_java(&java, value, cases[i].scale);
        decimal_print_stripped(&stripped, value, cases[i].scale);
        assert_string_equal(plain(value, cases[i].scale), cases[i].plain);
        assert_string_equal(buffer_terminated(&java), cases[i].java);
        assert_string_equal(buffer_terminated(&stripped), cases[i].stripped);
        buffer_free(&java);
        buffer_free(&stripped);
    }
}

static void sums_pass_through_256_bits(void **state)
{
    (void)state;
    Int128 nines = number(NINES);
    Int128 out;
    assert_true(decimal_add(nines, 38, 1, 38, 37, &out));
    assert_string_equal(plain(out, 37), "1.0000000000000000000000000000000000000");
    assert_false(decimal_add(nines, 0, 1, 0, 0, &out));
    assert_true(decimal_add(nines, 0, -1, 0, 0, &out));
    assert_true(out == nines - 1);
    assert_true(decimal_add(nines, 0, 4, 1, 0, &out) && out == nines);
    assert_false(decimal_add(nines, 0, 5, 1, 0, &out));
    assert_true(decimal_subtract(nines, 0, nines, 38, 0, &out));
    assert_string_equal(plain(out, 0), "99999999999999999999999999999999999998");
    assert_true(decimal_subtract(nines, 38, nines, 0, 0, &out));
    assert_string_equal(plain(out, 0), "-99999999999999999999999999999999999998");
}

static void products_and_quotients_round_once(void **state)
{
    (void)state;
    Int128 nines = number(NINES);
    Int128 out;
    assert_true(decimal_multiply(nines, 38, nines, 38, 38, &out));
    assert_string_equal(plain(out, 38), "0.99999999999999999999999999999999999998");
    assert_false(decimal_multiply(nines, 0, 2, 0, 0, &out));
    assert_true(decimal_multiply(nines, 38, -nines, 0, 0, &out));
    assert_string_equal(plain(out, 0), "-99999999999999999999999999999999999998");
    assert_true(decimal_multiply(15, 1, 15, 1, 1, &out) && out == 23);
    assert_true(decimal_multiply(-15, 1, 15, 1, 1, &out) && out == -23);
    assert_true(decimal_multiply(number("10000000000000000000"), 0, number("1000000000000000000"),
                                 0, 0, &out));
    assert_true(decimal_divide(1, 0, 3, 0, 38, &out));
    assert_string_equal(plain(out, 38), "0.33333333333333333333333333333333333333");
    assert_true(decimal_divide(-2, 0, 3, 0, 6, &out) && out == -666667);
    assert_true(decimal_divide(nines, 38, nines, 0, 38, &out) && out == 1);
    assert_true(decimal_divide(nines, 0, nines, 38, 0, &out) == false);
    assert_true(decimal_divide(nines, 0, nines, 37, 0, &out));
    assert_string_equal(plain(out, 0), "10000000000000000000000000000000000000");
    assert_true(decimal_divide(1, 38, nines, 0, 0, &out) && out == 0);
    assert_true(decimal_divide(nines, 38, 1, 0, 0, &out) && out == 1);
    assert_true(decimal_divide(nines, 38, 2, 0, 0, &out) && out == 0);
    assert_true(decimal_divide(number("5"), 1, 1, 0, 0, &out) && out == 1);
    assert_true(decimal_divide(-number("5"), 1, 1, 0, 0, &out) && out == -1);
    assert_true(decimal_modulo(-75, 1, 2, 0, 1, &out) && out == -15);
    assert_true(decimal_modulo(75, 1, -2, 0, 1, &out) && out == 15);
    assert_true(decimal_modulo(nines, 0, 7, 38, 38, &out));
    assert_true(decimal_modulo(nines, 38, nines, 0, 38, &out) && out == nines);
}

static void scales_compare_and_change(void **state)
{
    (void)state;
    Int128 nines = number(NINES);
    Int128 out;
    assert_true(decimal_compare(10, 1, 1, 0) == 0);
    assert_true(decimal_compare(nines, 38, 1, 0) < 0);
    assert_true(decimal_compare(nines, 0, nines, 38) > 0);
    assert_true(decimal_compare(-nines, 0, -nines, 38) < 0);
    assert_true(decimal_compare(-1, 0, 1, 38) < 0);
    assert_true(decimal_rescale(-25, 1, 0, &out) && out == -3);
    assert_true(decimal_rescale(24, 1, 0, &out) && out == 2);
    assert_false(decimal_rescale(1, 0, 38, &out));
    assert_true(decimal_rescale(0, 0, 38, &out) && out == 0);
    assert_true(decimal_rescale(nines, 38, 0, &out) && out == 1);
    assert_false(decimal_fits(decimal_power10(38), 38));
    assert_true(decimal_fits(-nines, 38));
}

static void doubles_convert_by_their_exact_value(void **state)
{
    (void)state;
    Int128 out;
    assert_true(decimal_from_double(0.125, 10, 2, &out) && out == 13);
    assert_true(decimal_from_double(-0.125, 10, 2, &out) && out == -13);
    /* 1.005 lies a little below itself in binary, which its digits do not say. */
    assert_true(decimal_from_double(1.005, 10, 2, &out) && out == 101);
    assert_true(decimal_from_double(0.1, 38, 30, &out));
    assert_string_equal(plain(out, 30), "0.100000000000000000000000000000");
    assert_true(decimal_from_double(1e37, 38, 0, &out));
    assert_string_equal(plain(out, 0), "10000000000000000000000000000000000000");
    assert_true(decimal_from_double(9.9e37, 38, 0, &out));
    assert_string_equal(plain(out, 0), "99000000000000000000000000000000000000");
    assert_false(decimal_from_double(1e38, 38, 0, &out));
    assert_false(decimal_from_double(1e300, 38, 0, &out));
    assert_true(decimal_from_double(1e-300, 38, 38, &out) && out == 0);
    assert_true(decimal_from_double(5e-324, 38, 38, &out) && out == 0);
    assert_false(decimal_from_double((double)NAN, 38, 0, &out));
    assert_false(decimal_from_double((double)INFINITY, 38, 0, &out));
    assert_false(decimal_from_double(9.995, 3, 2, &out) && out > 999);
    assert_true(decimal_to_double(1050, 2) == 10.5);
    assert_true(decimal_to_double(number(NINES), 38) == 1.0);
    assert_true(decimal_to_double(number("123456789012345678901234567890"), 10) ==
                12345678901234567890.123456789);
}

static void wide_division_agrees_with_multiplication(void **state)
{
    (void)state;
    Uint128 seed = 0x9e3779b97f4a7c15ULL;
    for (int i = 0; i < 2000; i++) {
        seed = seed * 0x2360ed051fc65da4ULL + 12345;
        Uint128 a = seed ^ (seed >> 64) << 64;
        Uint128 b = (seed >> (i % 100)) | 1;
        Uint128 remainder;
        Wide product = wide_add(wide_product(a, b), wide_from(b - 1));
        Wide quotient = wide_divide(product, b, &remainder);
        assert_true(quotient.high == 0 && quotient.low == a && remainder == b - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parsing_rounds_half_up_and_tells_overflow),
        cmocka_unit_test(printing_is_plain_or_as_java_prints),
        cmocka_unit_test(sums_pass_through_256_bits),
        cmocka_unit_test(products_and_quotients_round_once),
        cmocka_unit_test(scales_compare_and_change),
        cmocka_unit_test(doubles_convert_by_their_exact_value),
        cmocka_unit_test(wide_division_agrees_with_multiplication),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
