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
        {"(+ FLOAT'1.5' 1e0)", "FLOAT NOT NULL", "2.5"},
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
        {"(IF NULL 1 2)", "INT", "2"},
        {"(NULLIF 1 1)", "INT", "<NULL>"},
        {"(NULLIF 1 2)", "INT", "1"},
        {"(IFNULL INT'NULL' 2)", "INT NOT NULL", "2"},
        {"(IF 1 2 3)", NULL, "WR2303"},
        {"(IF TRUE 2)", NULL, "WR2302"},
    };
    GOLDEN_CHECK(goldens);
}

/* Against Python's integers of any length. */
static void random_vectors_agree(void **state)
{
    (void)state;
    static const Golden goldens[] = {
#include "expr/arithmetic_vectors.inc"
    };
    GOLDEN_CHECK(goldens);
}

enum { MANY_ROWS = 300 };

/* Two columns of INT, a in -8 … 8 and b in -2 … 2, with NULLs. */
static Batch *many_rows(const Schema *schema)
{
    Batch *batch = batch_new(schema, MANY_ROWS);
    for (int32_t i = 0; i < MANY_ROWS; i++) {
        ((int32_t *)batch->columns[0].values)[i] = i % 17 - 8;
        ((int32_t *)batch->columns[1].values)[i] = i % 5 - 2;
        for (int32_t c = 0; c < 2; c++)
            if (i % (7 + 4 * c) == 0)
                column_set_null(&batch->columns[c], batch->arena, i, MANY_ROWS);
    }
    batch->row_count = MANY_ROWS;
    return batch;
}

static Expr *number(Arena *arena, int32_t value)
{
    Value literal = {.type = type_not_null(type_simple(TYPE_INT)), .integer = value};
    return expr_literal(arena, literal);
}

static Expr *binary(Arena *arena, const char *name, Expr *a, Expr *b)
{
    return golden_bind(arena, name, (Expr *[]){a, b}, 2);
}

/* CASE WHEN b <> 0 AND a > -5 THEN a / b ELSE a * 2 END; WHERE a < b OR a / b = 1. */
static void check_many(Program *const *programs, const Batch *batch)
{
    Arena *arena = arena_new(0);
    RowError *errors = ARENA_ARRAY(arena, RowError, ROW_ERRORS_MAX);
    EvalContext context = {.scratch = arena, .errors = errors};
    Column out;
    program_run(programs[0], &context, batch, &out);
    assert_int_equal(context.error_count, 0);
    Selection kept = program_select(programs[1], &context, batch);
    int32_t at = 0;
    int32_t rejected = 0;
    for (int32_t i = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        int32_t x = ((int32_t *)batch->columns[0].values)[row];
        int32_t y = ((int32_t *)batch->columns[1].values)[row];
        bool is_null_x = column_is_null(&batch->columns[0], row);
        bool is_null_y = column_is_null(&batch->columns[1], row);
        assert_int_equal(column_is_null(&out, row), is_null_x);
        bool is_guarded = !is_null_y && y != 0 && x > -5;
        if (!is_null_x)
            assert_int_equal(((int32_t *)out.values)[row], is_guarded ? x / y : x * 2);
        if (is_null_x || is_null_y)
            continue;
        rejected += x >= y && y == 0;
        if (x < y || (y != 0 && x / y == 1))
            assert_int_equal(selection_row(kept, at++), row);
    }
    assert_int_equal(kept.count, at);
    assert_int_equal(context.error_count, rejected);
    assert_true(rejected > 0);
    arena_free(arena);
}

/* Many rows with NULLs and holes in the selection, dense and sparse: the same as row by row. */
static void kernels_agree_with_single_rows(void **state)
{
    (void)state;
    static const int32_t steps[] = {1, 4, 13};
    Arena *arena = arena_new(0);
    Field fields[2] = {{STR("a"), type_simple(TYPE_INT)}, {STR("b"), type_simple(TYPE_INT)}};
    Schema schema = {.fields = fields, .count = 2};
    Batch *batch = many_rows(&schema);
    Expr *a = expr_column(arena, 0, fields[0].type);
    Expr *b = expr_column(arena, 1, fields[1].type);
    Expr *quotient = binary(arena, "/", a, b);
    Expr *guard = binary(arena, "AND", binary(arena, "<>", b, number(arena, 0)),
                         binary(arena, ">", a, number(arena, -5)));
    Expr *branches[] = {guard, quotient, binary(arena, "*", a, number(arena, 2))};
    Expr *chosen = golden_bind(arena, "CASE", branches, 3);
    Expr *where = binary(arena, "OR", binary(arena, "<", a, b),
                         binary(arena, "=", quotient, number(arena, 1)));
    Program *programs[2];
    assert_int_equal(program_compile(arena, &chosen, 1, &schema, &programs[0], NULL), OK);
    assert_int_equal(program_compile(arena, &where, 1, &schema, &programs[1], NULL), OK);
    for (int32_t s = 0; s < 3; s++) {
        int32_t rows[MANY_ROWS];
        int32_t count = 0;
        for (int32_t i = 0; i < MANY_ROWS; i += steps[s])
            rows[count++] = i;
        batch->selection = (Selection){.rows = s == 0 ? NULL : rows, .count = count};
        check_many(programs, batch);
    }
    batch_free(batch);
    arena_free(arena);
}

/* EXPLAIN's form, which is also what makes a plan's stable names. */
static void expressions_print_as_sql(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"(+ (* 1 2) 3)", "(c * c) + c"},
        {"(AND (AND TRUE TRUE) (IS_NOT_NULL 1))", "c AND c AND (c IS NOT NULL)"},
        {"(CASE TRUE 1 2)", "CASE WHEN c THEN c ELSE c END"},
        {"(CAST 1 STRING)", "CAST(c AS STRING)"},
        {"(NOT (= 1 1))", "NOT (c = c)"},
        {"(LIKE 'a' \"it's%\")", "c LIKE 'it''s%'"},
        {"(EXTRACT \"HOUR\" TIMESTAMP(3)'2024-01-01 00:00:00')", "EXTRACT('HOUR', c)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        GoldenReader reader = {.arena = arena_new(0), .at = cases[i][0], .as_columns = true};
        Expr *expr = golden_read(&reader);
        Field fields[GOLDEN_COLUMNS_MAX];
        for (int32_t k = 0; k < GOLDEN_COLUMNS_MAX; k++)
            fields[k] = (Field){.name = STR("c")};
        Schema schema = {.fields = fields, .count = GOLDEN_COLUMNS_MAX};
        Buffer text = {0};
        expr_print(&text, expr, &schema);
        assert_string_equal(buffer_terminated(&text), cases[i][1]);
        int32_t map[GOLDEN_COLUMNS_MAX] = {0};
        assert_true(expr_equal(expr, expr));
        if (reader.value_count > 1)
            assert_false(expr_equal(expr, expr_remap(reader.arena, expr, map)));
        buffer_free(&text);
        arena_free(reader.arena);
    }
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
        cmocka_unit_test(random_vectors_agree),
        cmocka_unit_test(kernels_agree_with_single_rows),
        cmocka_unit_test(expressions_print_as_sql),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
