/* Types and values of arithmetic, comparison, logic and conditionals. */
#include "expr/expr_testing.h"

static void integers_keep_the_wider_type_and_wrap(void **state)
{
    (void)state;
    static const Golden goldens[] = {
        {"(+ 1 2)", "INT NOT NULL", "3"},
        {"(+ TINYINT'100' TINYINT'100')", "TINYINT NOT NULL", "-56"},
        {"(+ SMALLINT'32767' TINYINT'1')", "SMALLINT NOT NULL", "-32768"},
        {"(* 65536 65536)", "INT NOT NULL", "0"},
        {"(- INT'-2147483648' 1)", "INT NOT NULL", "2147483647"},
        {"(+ 1 3000000000)", "BIGINT NOT NULL", "3000000001"},
        {"(* BIGINT'9223372036854775807' 2)", "BIGINT NOT NULL", "-2"},
        {"(/ 1 2)", "INT NOT NULL", "0"},
        {"(/ -7 2)", "INT NOT NULL", "-3"},
        {"(/ 7 0)", "INT NOT NULL", "WR4101"},
        {"(/ NULL 0)", "INT", "<NULL>"},
        {"(/ INT'-2147483648' -1)", "INT NOT NULL", "-2147483648"},
        {"(% -7 3)", "INT NOT NULL", "-1"},
        {"(MOD 7 BIGINT'-3')", "BIGINT NOT NULL", "1"},
        {"(MOD BIGINT'7' TINYINT'4')", "TINYINT NOT NULL", "3"},
        {"(% INT'-2147483648' -1)", "INT NOT NULL", "0"},
        {"(% 1 0)", "INT NOT NULL", "WR4101"},
        {"(- TINYINT'-128')", "TINYINT NOT NULL", "-128"},
        {"(+ 5)", "INT NOT NULL", "5"},
        {"(+ 1 NULL)", "INT", "<NULL>"},
        {"(+ INT'NULL' 1)", "INT", "<NULL>"},
    };
    GOLDEN_CHECK(goldens);
}

static void reals_follow_ieee(void **state)
{
    (void)state;
    static const Golden goldens[] = {
        {"(/ 1e0 2)", "DOUBLE NOT NULL", "0.5"},
        {"(/ 1e0 0)", "DOUBLE NOT NULL", "Infinity"},
        {"(- (/ 0e0 0) 1)", "DOUBLE NOT NULL", "NaN"},
        {"(+ FLOAT'1.5' 1)", "FLOAT NOT NULL", "2.5"},
        {"(* FLOAT'1.5' FLOAT'2')", "FLOAT NOT NULL", "3.0"},
        {"(+ FLOAT'1.5' 1.25)", "DOUBLE NOT NULL", "2.75"},
        {"(+ FLOAT'1.5' 1e0)", "DOUBLE NOT NULL", "2.5"},
        {"(% 1e0 2)", NULL, "WR2301"},
        {"(- 1.5e0)", "DOUBLE NOT NULL", "-1.5"},
    };
    GOLDEN_CHECK(goldens);
}

static void decimals_follow_the_formulas(void **state)
{
    (void)state;
    static const Golden goldens[] = {
        {"(+ 1.5 2.25)", "DECIMAL(4, 2) NOT NULL", "3.75"},
        {"(+ 1.5 2)", "DECIMAL(12, 1) NOT NULL", "3.5"},
        {"(- 1.5 2.25)", "DECIMAL(4, 2) NOT NULL", "-0.75"},
        {"(* 0.908 BIGINT'1000')", "DECIMAL(24, 3) NOT NULL", "908.000"},
        {"(* DECIMAL(3,3)'0.908' BIGINT'1000')", "DECIMAL(23, 3) NOT NULL", "908.000"},
        {"(/ 1.0 2)", "DECIMAL(13, 12) NOT NULL", "0.500000000000"},
        {"(/ 2.0 3)", "DECIMAL(13, 12) NOT NULL", "0.666666666667"},
        {"(/ -2.0 3)", "DECIMAL(13, 12) NOT NULL", "-0.666666666667"},
        {"(/ 1.0 0)", NULL, "WR4101"},
        {"(% 7.5 2)", "DECIMAL(2, 1) NOT NULL", "1.5"},
        {"(% -7.5 2.0)", "DECIMAL(2, 1) NOT NULL", "-1.5"},
        {"(% DECIMAL(10,0)'7' 4)", "DECIMAL(10, 0) NOT NULL", "3"},
        {"(% DECIMAL(10,0)'7' DECIMAL(3,0)'4')", "DECIMAL(3, 0) NOT NULL", "3"},
        {"(+ DECIMAL(38,0)'99999999999999999999999999999999999999' 1)", NULL, "<NULL>"},
        {"(* DECIMAL(20,5)'1.00001' DECIMAL(20,5)'1.00001')", "DECIMAL(38, 7) NOT NULL",
         "1.0000200"},
        {"(* DECIMAL(38,10)'2' DECIMAL(38,10)'3')", "DECIMAL(38, 6) NOT NULL", "6.000000"},
        {"(/ DECIMAL(38,10)'1' DECIMAL(38,10)'3')", "DECIMAL(38, 6) NOT NULL", "0.333333"},
        {"(+ DECIMAL(38,10)'1.5' DECIMAL(38,2)'2.25')", "DECIMAL(38, 6) NOT NULL", "3.750000"},
        {"(- 10.50)", "DECIMAL(4, 2) NOT NULL", "-10.50"},
        {"(+ DECIMAL(17,2)'999999999999999.99' DECIMAL(17,2)'0.01')", "DECIMAL(18, 2) NOT NULL",
         "1000000000000000.00"},
    };
    GOLDEN_CHECK(goldens);
}

static void times_and_intervals_add(void **state)
{
    (void)state;
    static const Golden goldens[] = {
        {"(+ TIMESTAMP(3)'2024-01-31 10:00:00' MONTHS'1')", "TIMESTAMP(3) NOT NULL",
         "2024-02-29 10:00:00.000"},
        {"(+ MILLIS'1500' TIMESTAMP(3)'2024-01-31 10:00:00')", "TIMESTAMP(3) NOT NULL",
         "2024-01-31 10:00:01.500"},
        {"(- TIMESTAMP(3)'1970-01-01 00:00:00' MILLIS'1')", "TIMESTAMP(3) NOT NULL",
         "1969-12-31 23:59:59.999"},
        {"(- TIMESTAMP(9)'2024-01-01 00:00:00.000000001' MILLIS'1')", "TIMESTAMP(9) NOT NULL",
         "2023-12-31 23:59:59.999000001"},
        {"(+ TIMESTAMP(9)'2024-01-31 00:00:00.000000001' MONTHS'1')", "TIMESTAMP(9) NOT NULL",
         "2024-02-29 00:00:00.000000001"},
        {"(+ DATE'2024-02-28' MILLIS'172800000')", "DATE NOT NULL", "2024-03-01"},
        {"(- DATE'2024-03-31' MONTHS'1')", "DATE NOT NULL", "2024-02-29"},
        {"(+ TIME'23:30:00' MILLIS'3600000')", "TIME(0) NOT NULL", "00:30:00"},
        {"(- TIME'00:30:00' MILLIS'3600000')", "TIME(0) NOT NULL", "23:30:00"},
        {"(* MILLIS'1000' 3)", NULL, "+0 00:00:03.000"},
        {"(* 3 MONTHS'5')", NULL, "+1-03"},
        {"(+ MONTHS'5' MONTHS'10')", NULL, "+1-03"},
        {"(- MONTHS'5')", NULL, "-0-05"},
        {"(+ 'a' 1)", NULL, "WR2301"},
        {"(+ DATE'2024-01-01' DATE'2024-01-01')", NULL, "WR2301"},
        {"(+ TIME'00:00:00' MONTHS'1')", NULL, "WR2301"},
    };
    GOLDEN_CHECK(goldens);
}

static void comparisons_know_three_values(void **state)
{
    (void)state;
    static const Golden goldens[] = {
        {"(= 1 1)", "BOOLEAN NOT NULL", "TRUE"},
        {"(= 1 NULL)", "BOOLEAN", "<NULL>"},
        {"(<> 1 2)", "BOOLEAN NOT NULL", "TRUE"},
        {"(< TINYINT'1' 1.5)", "BOOLEAN NOT NULL", "TRUE"},
        {"(<= 1.50 1.5)", "BOOLEAN NOT NULL", "TRUE"},
        {"(> 'b' 'abc')", "BOOLEAN NOT NULL", "TRUE"},
        {"(>= 'a long text of many bytes' 'a long text of many byteS')", NULL, "TRUE"},
        {"(< 'a long text of many bytes' 'a long text of many bytes!')", NULL, "TRUE"},
        {"(< 'é' 'z')", NULL, "FALSE"},
        {"(= 'abc' 'abc ')", NULL, "FALSE"},
        {"(= DATE'2024-01-02' '2024-01-02')", NULL, "TRUE"},
        {"(< '2024-01-01' TIMESTAMP(3)'2024-01-02 00:00:00')", NULL, "TRUE"},
        {"(< DATE'2024-01-02' TIMESTAMP(3)'2024-01-02 00:00:01')", NULL, "TRUE"},
        {"(= TIMESTAMP(3)'2024-01-02 00:00:01' TIMESTAMP(9)'2024-01-02 00:00:01.000000000')", NULL,
         "TRUE"},
        {"(= '1' 1)", NULL, "WR2301"},
        {"(= TRUE 1)", NULL, "WR2301"},
        {"(= TRUE FALSE)", NULL, "FALSE"},
        {"(= DECIMAL(38,0)'1' DECIMAL(38,38)'0.1')", NULL, "FALSE"},
        {"(> DECIMAL(38,0)'1' DECIMAL(38,38)'0.99999999999999999999999999999999999999')", NULL,
         "TRUE"},
        {"(= (/ 0e0 0) (/ 0e0 0))", NULL, "FALSE"},
        {"(<> (/ 0e0 0) 1e0)", NULL, "TRUE"},
        {"(IS_DISTINCT_FROM 1 NULL)", "BOOLEAN NOT NULL", "TRUE"},
        {"(IS_DISTINCT_FROM INT'NULL' NULL)", "BOOLEAN NOT NULL", "FALSE"},
        {"(IS_NOT_DISTINCT_FROM 'a' 'a')", "BOOLEAN NOT NULL", "TRUE"},
        {"(BETWEEN 2 1 3)", "BOOLEAN NOT NULL", "TRUE"},
        {"(BETWEEN 2 NULL 1)", NULL, "FALSE"},
        {"(BETWEEN 2 NULL 3)", NULL, "<NULL>"},
        {"(GREATEST 1 3 2)", "INT NOT NULL", "3"},
        {"(GREATEST 'a' 'abc' 'ab')", "VARCHAR(3) NOT NULL", "abc"},
        {"(LEAST 1 2.5 NULL)", NULL, "<NULL>"},
        {"(LEAST 1 2.5)", "DECIMAL(11, 1) NOT NULL", "1.0"},
    };
    GOLDEN_CHECK(goldens);
}

static void logic_knows_three_values(void **state)
{
    (void)state;
    static const Golden goldens[] = {
        {"(AND TRUE TRUE)", "BOOLEAN NOT NULL", "TRUE"},
        {"(AND TRUE NULL)", "BOOLEAN", "<NULL>"},
        {"(AND NULL FALSE)", NULL, "FALSE"},
        {"(AND BOOLEAN'NULL' BOOLEAN'NULL')", NULL, "<NULL>"},
        {"(OR FALSE NULL)", NULL, "<NULL>"},
        {"(OR NULL TRUE)", NULL, "TRUE"},
        {"(OR FALSE FALSE)", "BOOLEAN NOT NULL", "FALSE"},
        {"(NOT TRUE)", "BOOLEAN NOT NULL", "FALSE"},
        {"(NOT BOOLEAN'NULL')", NULL, "<NULL>"},
        {"(IS_NULL NULL)", "BOOLEAN NOT NULL", "TRUE"},
        {"(IS_NOT_NULL 1)", "BOOLEAN NOT NULL", "TRUE"},
        {"(IS_TRUE NULL)", "BOOLEAN NOT NULL", "FALSE"},
        {"(IS_NOT_TRUE BOOLEAN'NULL')", NULL, "TRUE"},
        {"(IS_FALSE FALSE)", NULL, "TRUE"},
        {"(IS_NOT_FALSE BOOLEAN'NULL')", NULL, "TRUE"},
        {"(IS_UNKNOWN NULL)", NULL, "TRUE"},
        {"(IS_NOT_UNKNOWN FALSE)", NULL, "TRUE"},
        {"(AND 1 TRUE)", NULL, "WR2301"},
    };
    GOLDEN_CHECK(goldens);
}

static void branches_are_computed_only_where_taken(void **state)
{
    (void)state;
    static const Golden goldens[] = {
        {"(CASE (<> 0 0) (/ 1 0) 7)", "INT NOT NULL", "7"},
        {"(CASE (= 0 0) 7 (/ 1 0))", "INT NOT NULL", "7"},
        {"(CASE (= 0 1) 7)", "INT", "<NULL>"},
        {"(CASE NULL 1 TRUE 2 3)", "INT NOT NULL", "2"},
        {"(CASE TRUE 'a' 'bcd')", "VARCHAR(3) NOT NULL", "a"},
        {"(CASE TRUE 1 2.5)", "DECIMAL(11, 1) NOT NULL", "1.0"},
        {"(CASE FALSE 1 NULL)", "INT", "<NULL>"},
        {"(CASE TRUE 1 'a')", NULL, "WR2304"},
        {"(CASE 1 2 3)", NULL, "WR2303"},
        {"(COALESCE NULL 2 (/ 1 0))", "INT NOT NULL", "2"},
        {"(COALESCE INT'NULL' INT'NULL')", "INT", "<NULL>"},
        {"(COALESCE INT'NULL' (/ 1 0))", "INT NOT NULL", "WR4101"},
        {"(COALESCE NULL NULL)", NULL, "WR2304"},
        {"(AND (<> 0 0) (= (/ 1 0) 1))", NULL, "FALSE"},
        {"(OR (= 0 0) (= (/ 1 0) 1))", NULL, "TRUE"},
        {"(IF TRUE 1 2)", "INT NOT NULL", "1"},
        {"(IF NULL 1 2)", "INT NOT NULL", "2"},
        {"(NULLIF 1 1)", "INT", "<NULL>"},
        {"(NULLIF 1 2)", "INT", "1"},
        {"(IFNULL INT'NULL' 2)", "INT NOT NULL", "2"},
        {"(IF 1 2 3)", NULL, "WR2303"},
        {"(IF TRUE 2)", NULL, "WR2302"},
    };
    GOLDEN_CHECK(goldens);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_keep_the_wider_type_and_wrap),
        cmocka_unit_test(reals_follow_ieee),
        cmocka_unit_test(decimals_follow_the_formulas),
        cmocka_unit_test(times_and_intervals_add),
        cmocka_unit_test(comparisons_know_three_values),
        cmocka_unit_test(logic_knows_three_values),
        cmocka_unit_test(branches_are_computed_only_where_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
