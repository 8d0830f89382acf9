/* The cast matrix and the values of casts. */
#include "expr/expr_testing.h"

static void texts_become_values_or_reject(void **state)
{
    (void)state;
    static const Golden goldens[] = {
        {"(CAST '12.9' INT)", "INT NOT NULL", "12"},
        {"(CAST ' +7 ' INT)", NULL, "7"},
        {"(CAST '-.5' INT)", NULL, "0"},
        {"(CAST '.' INT)", NULL, "0"},
        {"(CAST '' INT)", NULL, "WR4102"},
        {"(CAST '.' INT)", NULL, "0"},
        {"(TRY_CAST 'x' INT)", "INT", "<NULL>"},
        {"(CAST '128' TINYINT)", NULL, "WR4103"},
        {"(CAST '-128' TINYINT)", "TINYINT NOT NULL", "-128"},
        {"(CAST '9223372036854775807' BIGINT)", NULL, "9223372036854775807"},
        {"(CAST '-9223372036854775808' BIGINT)", NULL, "-9223372036854775808"},
        {"(CAST '9223372036854775808' BIGINT)", NULL, "WR4103"},
        {"(CAST '99999999999999999999999' BIGINT)", NULL, "WR4103"},
        {"(TRY_CAST '300' TINYINT)", NULL, "<NULL>"},
        {"(CAST STRING'NULL' INT)", NULL, "<NULL>"},
        {"(CAST 'Yes' BOOLEAN)", "BOOLEAN NOT NULL", "TRUE"},
        {"(CAST ' f ' BOOLEAN)", NULL, "WR4102"},
        {"(CAST '2' BOOLEAN)", NULL, "WR4102"},
        {"(CAST '1e3' DOUBLE)", "DOUBLE NOT NULL", "1000.0"},
        {"(CAST '1.5d' DOUBLE)", NULL, "1.5"},
        {"(CAST '.5' FLOAT)", "FLOAT NOT NULL", "0.5"},
        {"(CAST '5.' DOUBLE)", NULL, "5.0"},
        {"(CAST 'NaN' DOUBLE)", NULL, "NaN"},
        {"(CAST '-Infinity' DOUBLE)", NULL, "-Infinity"},
        {"(CAST 'inf' DOUBLE)", NULL, "WR4102"},
        {"(CAST '.' DOUBLE)", NULL, "WR4102"},
        {"(CAST '1.005' DECIMAL(4,2))", "DECIMAL(4, 2) NOT NULL", "1.01"},
        {"(CAST '100' DECIMAL(4,2))", NULL, "WR4103"},
        {"(CAST 'x' DECIMAL(4,2))", NULL, "WR4102"},
        {"(CAST '2024-02-30' DATE)", NULL, "WR4102"},
        {"(CAST '2024-2' DATE)", "DATE NOT NULL", "2024-02-01"},
        {"(CAST '2024-02-03 10:00:00' DATE)", NULL, "2024-02-03"},
        {"(CAST '8:5' TIME)", "TIME(0) NOT NULL", "08:05:00"},
        {"(CAST '24:00:00' TIME)", NULL, "WR4102"},
        {"(CAST '2024-01-01 10:20:30.123456' TIMESTAMP(3))", "TIMESTAMP(3) NOT NULL",
         "2024-01-01 10:20:30.123"},
        {"(CAST '2024-01-01' TIMESTAMP(0))", NULL, "2024-01-01 00:00:00"},
        {"(CAST '2024-01-01T10:20:30' TIMESTAMP(3))", NULL, "WR4102"},
        {"(CAST '2024-01-01 10:20:30.123456789' TIMESTAMP(9))", NULL,
         "2024-01-01 10:20:30.123456789"},
        {"(CAST '1969-12-31 23:59:59.123456789' TIMESTAMP(7))", NULL,
         "1969-12-31 23:59:59.1234567"},
    };
    GOLDEN_CHECK(goldens);
}

static void numbers_narrow_as_java_does(void **state)
{
    (void)state;
    static const Golden goldens[] = {
        {"(CAST 300 TINYINT)", "TINYINT NOT NULL", "44"},
        {"(CAST 3000000000 INT)", NULL, "-1294967296"},
        {"(CAST 1e20 BIGINT)", NULL, "9223372036854775807"},
        {"(CAST -1e20 INT)", NULL, "-2147483648"},
        {"(CAST 1e20 SMALLINT)", NULL, "-1"},
        {"(CAST -1.9e0 INT)", NULL, "-1"},
        {"(CAST (/ 0e0 0) INT)", NULL, "0"},
        {"(CAST 12.99 INT)", NULL, "12"},
        {"(CAST -12.99 INT)", NULL, "-12"},
        {"(CAST 12.5 DOUBLE)", "DOUBLE NOT NULL", "12.5"},
        {"(CAST 12.5 FLOAT)", "FLOAT NOT NULL", "12.5"},
        {"(CAST 2.5e0 DECIMAL(3,0))", NULL, "3"},
        {"(CAST 12.345 DECIMAL(5,2))", "DECIMAL(5, 2) NOT NULL", "12.35"},
        {"(CAST -12.345 DECIMAL(5,2))", NULL, "-12.35"},
        {"(CAST 1234 DECIMAL(5,2))", NULL, "<NULL>"},
        {"(CAST 123.45 DECIMAL(3,1))", NULL, "<NULL>"},
        {"(CAST 5 BOOLEAN)", NULL, "TRUE"},
        {"(CAST TRUE INT)", NULL, "1"},
        {"(CAST TRUE DECIMAL(3,1))", NULL, "1.0"},
        {"(CAST FALSE DOUBLE)", NULL, "0.0"},
        {"(CAST 1.5 BOOLEAN)", NULL, ""},
        {"(CAST MONTHS'14' INT)", NULL, "14"},
        {"(CAST 14 MONTHS)", NULL, "+1-02"},
        {"(CAST 5 TIMESTAMP(3))", NULL, ""},
        {"(CAST DECIMAL(20,0)'18446744073709551617' BIGINT)", NULL, "1"},
    };
    GOLDEN_CHECK(goldens);
}

static void values_print_as_flink_prints_them(void **state)
{
    (void)state;
    static const Golden goldens[] = {
        {"(CAST TRUE STRING)", "STRING NOT NULL", "TRUE"},
        {"(CAST 12.50 STRING)", NULL, "12.50"},
        {"(CAST 1e10 STRING)", NULL, "1.0E10"},
        {"(CAST FLOAT'0.1' STRING)", NULL, "0.1"},
        {"(CAST -5 CHAR(4))", "CHAR(4) NOT NULL", "-5  "},
        {"(CAST 12345 VARCHAR(3))", "VARCHAR(3) NOT NULL", "123"},
        {"(CAST 'héllo wörld, long' VARCHAR(14))", NULL, "héllo wörld, l"},
        {"(CAST 'hé' CHAR(4))", NULL, "hé  "},
        {"(CAST 'abc' VARCHAR(10))", "VARCHAR(10) NOT NULL", "abc"},
        {"(CAST TIMESTAMP(3)'2024-01-01 00:00:00' STRING)", NULL, "2024-01-01 00:00:00.000"},
        {"(CAST TIMESTAMP(0)'2024-01-01 00:00:00' STRING)", NULL, "2024-01-01 00:00:00"},
        {"(CAST DATE'2024-01-01' STRING)", NULL, "2024-01-01"},
        {"(CAST TIME'08:05:00' STRING)", NULL, "08:05:00"},
        {"(CAST MILLIS'93784567' STRING)", NULL, "+1 02:03:04.567"},
        {"(CAST MONTHS'15' STRING)", NULL, "+1-03"},
        {"(CAST INT'NULL' STRING)", "STRING", "<NULL>"},
        {"(CAST (CAST 'abc' BYTES) STRING)", NULL, "abc"},
        {"(CAST (CAST 'ab' BINARY(4)) VARCHAR(2))", NULL, "ab"},
        {"(TYPEOF (CAST 'ab' BINARY(4)))", NULL, "BINARY(4) NOT NULL"},
        {"(TYPEOF 'abc')", NULL, "CHAR(3) NOT NULL"},
    };
    GOLDEN_CHECK(goldens);
}

static void times_move_through_the_zone(void **state)
{
    (void)state;
    static const Golden goldens[] = {
        {"(CAST TIMESTAMP(3)'2024-01-01 00:00:00' TIMESTAMP_LTZ(3))", "TIMESTAMP_LTZ(3) NOT NULL",
         "2024-01-01 00:00:00.000"},
        {"(CAST TIMESTAMP_LTZ(3)'2024-01-01 20:00:00' TIMESTAMP(3))", NULL,
         "2024-01-02 04:00:00.000"},
        {"(CAST TIMESTAMP_LTZ(3)'2024-01-01 20:00:00' DATE)", NULL, "2024-01-02"},
        {"(CAST TIMESTAMP_LTZ(3)'2024-01-01 20:00:00' TIME)", NULL, "04:00:00"},
        {"(CAST TIMESTAMP_LTZ(3)'2024-01-01 20:00:00' STRING)", NULL, "2024-01-02 04:00:00.000"},
        {"(CAST '2024-01-02 04:00:00' TIMESTAMP_LTZ(3))", NULL, "2024-01-02 04:00:00.000"},
        {"(= (CAST '2024-01-02 04:00:00' TIMESTAMP_LTZ(3)) TIMESTAMP_LTZ(3)'2024-01-01 20:00:00')",
         NULL, "TRUE"},
        {"(CAST DATE'2024-01-02' TIMESTAMP(3))", NULL, "2024-01-02 00:00:00.000"},
        {"(CAST TIME'08:05:00' TIMESTAMP(0))", NULL, "1970-01-01 08:05:00"},
        {"(CAST TIMESTAMP(3)'1969-12-31 23:00:00' DATE)", NULL, "1969-12-31"},
        {"(CAST TIMESTAMP(6)'1969-12-31 23:59:59.999999' TIMESTAMP(3))", NULL,
         "1969-12-31 23:59:59.999"},
        {"(CAST TIMESTAMP(9)'1969-12-31 23:59:59.999999999' TIMESTAMP(6))", NULL,
         "1969-12-31 23:59:59.999999"},
        {"(CAST TIMESTAMP(3)'2024-01-01 00:00:00.5' TIMESTAMP(9))", NULL,
         "2024-01-01 00:00:00.500000000"},
        {"(HOUR TIMESTAMP_LTZ(3)'2024-01-01 20:00:00')", "BIGINT NOT NULL", "4"},
        {"(HOUR TIMESTAMP(3)'2024-01-01 20:00:00')", NULL, "20"},
        {"(FLOOR TIMESTAMP_LTZ(3)'2024-01-01 20:00:00' \"DAY\")", NULL, "2024-01-02 00:00:00.000"},
        {"(DATE_FORMAT TIMESTAMP_LTZ(3)'2024-01-01 20:00:00' 'yyyy-MM-dd HH:mm xxx')", NULL,
         "2024-01-02 04:00 +08:00"},
        {"(FROM_UNIXTIME 44)", NULL, "1970-01-01 08:00:44"},
        {"(UNIX_TIMESTAMP '1970-01-01 08:00:44')", "BIGINT NOT NULL", "44"},
        {"(UNIX_TIMESTAMP '1970-01-01 08:00:44 +0000' 'yyyy-MM-dd HH:mm:ss Z')", NULL, "28844"},
        {"(UNIX_TIMESTAMP 'x')", NULL, "-9223372036854775808"},
        {"(CONVERT_TZ '1970-01-01 00:00:00' 'UTC' 'America/Los_Angeles')", NULL,
         "1969-12-31 16:00:00"},
        {"(CONVERT_TZ '1970-01-01 00:00:00' 'UTC' 'Nowhere')", NULL, "<NULL>"},
    };
    golden_check(goldens, sizeof goldens / sizeof goldens[0], "Asia/Shanghai");
}

static void the_matrix_says_what_is_implicit(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
        CastKind kind;
    } cases[] = {
        {"INT", "BIGINT", CAST_IMPLICIT},
        {"BIGINT", "INT", CAST_EXPLICIT},
        {"BIGINT", "DECIMAL(10,2)", CAST_IMPLICIT},
        {"INT", "STRING", CAST_EXPLICIT},
        {"STRING", "INT", CAST_FALLIBLE},
        {"STRING", "CHAR(3)", CAST_EXPLICIT},
        {"CHAR(3)", "STRING", CAST_IMPLICIT},
        {"STRING", "BYTES", CAST_EXPLICIT},
        {"DATE", "TIMESTAMP(3)", CAST_EXPLICIT},
        {"TIMESTAMP(3)", "DATE", CAST_IMPLICIT},
        {"TIMESTAMP(3)", "TIMESTAMP_LTZ(3)", CAST_IMPLICIT},
        {"TIMESTAMP_LTZ(3)", "DATE", CAST_EXPLICIT},
        {"INT", "TIMESTAMP(3)", CAST_NONE},
        {"TIMESTAMP(3)", "BIGINT", CAST_NONE},
        {"DOUBLE", "DECIMAL(10,2)", CAST_IMPLICIT},
        {"DOUBLE", "FLOAT", CAST_EXPLICIT},
        {"BOOLEAN", "INT", CAST_EXPLICIT},
        {"DECIMAL(10,2)", "BOOLEAN", CAST_NONE},
        {"MONTHS", "MILLIS", CAST_NONE},
        {"INT", "MILLIS", CAST_EXPLICIT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CastKind kind =
            cast_kind(golden_type(str_from(cases[i].from)), golden_type(str_from(cases[i].to)));
        if (kind != cases[i].kind)
            fail_msg("%s to %s: %d", cases[i].from, cases[i].to, kind);
    }
    assert_int_equal(cast_kind(type_simple(TYPE_NULL), type_simple(TYPE_INT)), CAST_IMPLICIT);
    assert_non_null(cast_advice(type_simple(TYPE_INT), type_timestamp(3)));
}

/* What type_common makes of two types, both ways. */
static void common_types_widen(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b, *common;
    } cases[] = {
        {"TINYINT", "BIGINT", "BIGINT"},
        {"INT", "DECIMAL(5,2)", "DECIMAL(12,2)"},
        {"DECIMAL(38,0)", "DECIMAL(10,5)", "DECIMAL(38,0)"},
        {"DECIMAL(5,2)", "FLOAT", "DOUBLE"},
        {"BIGINT", "FLOAT", "FLOAT"},
        {"CHAR(3)", "CHAR(5)", "VARCHAR(5)"},
        {"CHAR(3)", "STRING", "STRING"},
        {"DATE", "TIMESTAMP(3)", "TIMESTAMP(3)"},
        {"TIMESTAMP(3)", "TIMESTAMP_LTZ(6)", "TIMESTAMP_LTZ(6)"},
        {"INT", "STRING", NULL},
        {"BOOLEAN", "INT", NULL},
        {"TIME", "TIMESTAMP(3)", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Type a = golden_type(str_from(cases[i].a));
        Type b = golden_type(str_from(cases[i].b));
        Type one, other;
        bool has = type_common(NULL, a, b, &one);
        assert_int_equal(has, cases[i].common != NULL);
        assert_int_equal(type_common(NULL, b, a, &other), has);
        if (has) {
            assert_true(type_equal(one, golden_type(str_from(cases[i].common))));
            assert_true(type_equal(one, other));
        }
    }
    /* Of two reals the first decides. */
    Type both[2] = {type_simple(TYPE_FLOAT), type_simple(TYPE_DOUBLE)}, common;
    for (int32_t i = 0; i < 2; i++) {
        assert_true(type_common(NULL, both[i], both[1 - i], &common));
        assert_int_equal(common.id, both[i].id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_become_values_or_reject),
        cmocka_unit_test(numbers_narrow_as_java_does),
        cmocka_unit_test(values_print_as_flink_prints_them),
        cmocka_unit_test(times_move_through_the_zone),
        cmocka_unit_test(the_matrix_says_what_is_implicit),
        cmocka_unit_test(common_types_widen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
