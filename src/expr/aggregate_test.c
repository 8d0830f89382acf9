/* Aggregates against recomputation: rows added and taken back, slices merged and subtracted,
 * saved and loaded, for every kind and type. */
#include "base/testing.h"

#include <math.h>

#include "base/memory.h"
#include "data/value.h"
#include "expr/expr.h"

enum { ROWS = 200, TYPES = 11 };

static uint64_t random_state = 88172645463325252ULL;

static uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static Type type_at(int32_t index)
{
    switch (index) {
    case 0: return type_simple(TYPE_TINYINT);
    case 1: return type_simple(TYPE_SMALLINT);
    case 2: return type_simple(TYPE_INT);
    case 3: return type_simple(TYPE_BIGINT);
    case 4: return type_decimal(10, 2);
    case 5: return type_decimal(38, 4);
    case 6: return type_simple(TYPE_DOUBLE);
    case 7: return type_simple(TYPE_FLOAT);
    case 8: return type_simple(TYPE_DATE);
    case 9: return type_string();
    default: return type_timestamp(9);
    }
}

/* Small numbers, so that values repeat and real sums are exact. */
static Value random_value(Arena *arena, Type type)
{
    int64_t number = (int64_t)(random_next() % 41) - 20;
    Value value = {.type = type, .is_null = random_next() % 5 == 0};
    switch (type_physical(type)) {
    case PHYSICAL_F32:
    case PHYSICAL_F64: value.real = (double)number / 4; break;
    case PHYSICAL_I128: value.wide = (Int128)number << (type.precision == 38 ? 60 : 1); break;
    case PHYSICAL_STRING:
        value.text = str_from(
            arena_printf(arena, number % 2 == 0 ? "%lld" : "a long text, %lld", (long long)number));
        break;
    case PHYSICAL_NONE:
    case PHYSICAL_BOOL:
    case PHYSICAL_I8:
    case PHYSICAL_I16:
    case PHYSICAL_I32:
    case PHYSICAL_I64: value.integer = number; break;
    }
    return value;
}

/* A batch of one column; rows `live` of it are in force. */
typedef struct Sample {
    Batch *batch;
    bool live[ROWS];
} Sample;

static Sample sample_new(Type type)
{
    Field field = {.name = STR("x"), .type = type};
    Schema schema = {.fields = &field, .count = 1};
    Sample sample = {.batch = batch_new(&schema, ROWS)};
    for (int32_t i = 0; i < ROWS; i++) {
        Value value = random_value(sample.batch->arena, type);
        value_set(&sample.batch->columns[0], sample.batch->arena, i, ROWS, &value);
    }
    sample.batch->row_count = ROWS;
    return sample;
}

static void update_rows(const AggregateCall *call, uint8_t *state, const Sample *sample,
                        const int32_t *rows, int32_t count, uint8_t kind)
{
    uint8_t *states[ROWS];
    uint8_t kinds[ROWS];
    for (int32_t i = 0; i < ROWS; i++) {
        states[i] = state;
        kinds[i] = kind;
    }
    bool is_plain = kind == ROW_INSERT && random_next() % 2 == 0;
    aggregate_update(call, states, 0, sample->batch->columns, (Selection){rows, count},
                     is_plain ? NULL : kinds);
}

static uint8_t *state_new(const AggregateCall *call)
{
    return memory_allocate_zeroed(aggregate_state_bytes(call));
}

static void state_free(const AggregateCall *call, uint8_t *state)
{
    aggregate_destroy(call, state);
    memory_free(state);
}

static char *state_text(Arena *arena, const AggregateCall *call, const uint8_t *state)
{
    Column out = column_new(arena, call->result, 1);
    aggregate_result(call, state, &out, arena, 0, 1);
    Value value = value_get(&out, 0);
    Buffer buffer = {0};
    if (value.is_null)
        buffer_append_text(&buffer, "NULL");
    else if (out.physical == PHYSICAL_F64 || out.physical == PHYSICAL_F32)
        buffer_printf(&buffer, "%.5f", value.real + 1e-8); /* off the ties of rounding */
    else
        value_print(&buffer, &value, VALUE_PLAIN, timezone_utc());
    char *text = arena_copy(arena, buffer_terminated(&buffer), buffer.length + 1);
    if (strcmp(text, "-0.00000") == 0)
        text++;
    buffer_free(&buffer);
    return text;
}

/* What the live rows give when they are added at once to an empty accumulator. */
static char *recompute(Arena *arena, const AggregateCall *call, const Sample *sample)
{
    int32_t rows[ROWS];
    int32_t count = 0;
    for (int32_t i = 0; i < ROWS; i++)
        if (sample->live[i])
            rows[count++] = i;
    uint8_t *state = state_new(call);
    update_rows(call, state, sample, rows, count, ROW_INSERT);
    char *text = state_text(arena, call, state);
    state_free(call, state);
    return text;
}

static AggregateCall *bind(Arena *arena, const char *name, Type type, bool is_distinct,
                           bool has_retractions)
{
    AggregateCall *call = NULL;
    Error error;
    if (aggregate_bind(str_from(name), arena, &type, 1, is_distinct, has_retractions, &call,
                       &error) != OK)
        return NULL;
    return call;
}

static void check_saved(const AggregateCall *call, const uint8_t *state, const char *expected)
{
    Arena *arena = arena_new(0);
    Buffer buffer = {0};
    aggregate_save(call, state, &buffer);
    uint8_t *loaded = state_new(call);
    ByteReader reader = byte_reader(buffer_str(&buffer));
    assert_true(aggregate_load(call, loaded, &reader));
    assert_int_equal(byte_reader_left(&reader), 0);
    assert_string_equal(state_text(arena, call, loaded), expected);
    state_free(call, loaded);
    /* Cut short, the bytes are refused. */
    uint8_t *broken = state_new(call);
    reader = byte_reader(str_make(buffer.data, buffer.length - 1));
    assert_false(aggregate_load(call, broken, &reader));
    state_free(call, broken);
    buffer_free(&buffer);
    arena_free(arena);
}

/* Add and take back random rows; after each round the result is that of the rows left. FIRST
 * and LAST depend on the order, so rows come in order and leave in order. */
static void check_retraction(const AggregateCall *call, Type type)
{
    Arena *arena = arena_new(0);
    Sample sample = sample_new(type);
    uint8_t *state = state_new(call);
    int32_t next = 0;
    int32_t gone = 0;
    while (gone < ROWS) {
        int32_t rows[ROWS];
        int32_t count = 0;
        bool adds = next < ROWS && (random_next() % 5 < 3 || gone == next);
        int32_t *cursor = adds ? &next : &gone;
        int32_t end = adds ? ROWS : next;
        for (int32_t want = 1 + (int32_t)(random_next() % 8); want > 0 && *cursor < end; want--) {
            rows[count] = (*cursor)++;
            sample.live[rows[count++]] = adds;
        }
        update_rows(call, state, &sample, rows, count, adds ? ROW_INSERT : ROW_UPDATE_BEFORE);
        char *expected = recompute(arena, call, &sample);
        char *found = state_text(arena, call, state);
        if (strcmp(found, expected) != 0)
            fail_msg("%s of %s: %s, expected %s", aggregate_name(call), type_text(arena, type),
                     found, expected);
        check_saved(call, state, expected);
        arena_reset(arena);
    }
    state_free(call, state);
    batch_free(sample.batch);
    arena_free(arena);
}

/* Slices merged into one, and the oldest subtracted again, as a sliding window does. */
static void check_slices(const AggregateCall *call, Type type)
{
    enum { SLICE = 20, SLICES = ROWS / SLICE, WINDOW = 4 };
    Arena *arena = arena_new(0);
    Sample sample = sample_new(type);
    uint8_t *slices[SLICES];
    uint8_t *window = state_new(call);
    for (int32_t s = 0; s < SLICES; s++) {
        slices[s] = state_new(call);
        int32_t rows[SLICE];
        for (int32_t i = 0; i < SLICE; i++) {
            rows[i] = s * SLICE + i;
            sample.live[rows[i]] = true;
        }
        update_rows(call, slices[s], &sample, rows, SLICE, ROW_INSERT);
        aggregate_merge(call, window, slices[s]);
        if (s >= WINDOW && aggregate_is_invertible(call)) {
            aggregate_subtract(call, window, slices[s - WINDOW]);
            for (int32_t i = 0; i < SLICE; i++)
                sample.live[(s - WINDOW) * SLICE + i] = false;
        }
        char *expected = recompute(arena, call, &sample);
        char *found = state_text(arena, call, window);
        if (strcmp(found, expected) != 0)
            fail_msg("%s of %s: %s, expected %s", aggregate_name(call), type_text(arena, type),
                     found, expected);
        arena_reset(arena);
    }
    for (int32_t s = 0; s < SLICES; s++)
        state_free(call, slices[s]);
    state_free(call, window);
    batch_free(sample.batch);
    arena_free(arena);
}

static const char *const names[] = {
    "COUNT",   "SUM",         "AVG",     "MIN",       "MAX",     "FIRST_VALUE",  "LAST_VALUE",
    "VAR_POP", "STDDEV_SAMP", "LISTAGG", "ARRAY_AGG", "COLLECT", "JSON_ARRAYAGG"};

/* A DISTINCT value keeps the place of its first row when that is taken back and another one stays:
 * that is not the order of the rows left. */
static bool keeps_place(const AggregateCall *call)
{
    const char *name = aggregate_name(call);
    return call->is_distinct && (strcmp(name, "LISTAGG") == 0 || strcmp(name, "ARRAY_AGG") == 0);
}

/* Spreads of decimals beyond a double's digits are rounded on the way. */
static bool is_rounded(const char *name, Type type)
{
    return type.precision == 38 && (strncmp(name, "VAR", 3) == 0 || strncmp(name, "STD", 3) == 0);
}

static void rows_are_taken_back(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    int32_t checked = 0;
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        for (int32_t t = 0; t < TYPES; t++) {
            for (int32_t is_distinct = 0; is_distinct < 2; is_distinct++) {
                AggregateCall *call = bind(arena, names[n], type_at(t), is_distinct, true);
                if (call == NULL || is_rounded(names[n], type_at(t)) || keeps_place(call))
                    continue;
                check_retraction(call, type_at(t));
                checked++;
            }
        }
    }
    assert_true(checked > 80);
    arena_free(arena);
}

static void slices_merge_and_subtract(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        for (int32_t t = 0; t < TYPES; t++) {
            for (int32_t variant = 0; variant < 4; variant++) {
                AggregateCall *call =
                    bind(arena, names[n], type_at(t), variant & 1, (variant & 2) != 0);
                if (call != NULL && !is_rounded(names[n], type_at(t)))
                    check_slices(call, type_at(t));
            }
        }
    }
    arena_free(arena);
}

static void which_kinds_are_invertible(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Type integer = type_simple(TYPE_INT);
    Type real = type_simple(TYPE_DOUBLE);
    assert_true(aggregate_is_invertible(bind(arena, "SUM", integer, false, false)));
    assert_true(aggregate_is_invertible(bind(arena, "SUM", type_decimal(38, 2), false, false)));
    assert_false(aggregate_is_invertible(bind(arena, "SUM", real, false, false)));
    assert_false(aggregate_is_invertible(bind(arena, "AVG", real, false, true)));
    assert_false(aggregate_is_invertible(bind(arena, "MIN", integer, false, false)));
    assert_true(aggregate_is_invertible(bind(arena, "MIN", integer, false, true)));
    assert_true(aggregate_is_invertible(bind(arena, "COUNT", type_string(), true, false)));
    assert_false(aggregate_is_invertible(bind(arena, "SUM", real, true, false)));
    assert_int_equal(aggregate_state_bytes(bind(arena, "SUM", integer, false, false)), 16);
    assert_int_equal(aggregate_state_bytes(bind(arena, "SUM", type_decimal(10, 2), false, false)),
                     24);
    arena_free(arena);
}

static void results_have_flink_types(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int32_t type;
        const char *result; /* NULL: refused */
    } cases[] = {
        {"COUNT", 9, "BIGINT NOT NULL"},
        {"SUM", 0, "TINYINT"},
        {"SUM", 2, "INT"},
        {"SUM", 4, "DECIMAL(38, 2)"},
        {"SUM", 7, "FLOAT"},
        {"SUM", 9, NULL},
        {"AVG", 2, "INT"},
        {"AVG", 4, "DECIMAL(38, 6)"},
        {"AVG", 6, "DOUBLE"},
        {"AVG", 8, NULL},
        {"MIN", 9, "STRING"},
        {"MAX", 10, "TIMESTAMP(9)"},
        {"FIRST_VALUE", 8, "DATE"},
        {"VAR_POP", 2, "INT"},
        {"STDDEV", 4, "DECIMAL(38, 6)"},
        {"LISTAGG", 9, "STRING"},
        {"LISTAGG", 2, NULL},
    };
    Arena *arena = arena_new(0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AggregateCall *call = bind(arena, cases[i].name, type_at(cases[i].type), false, false);
        if (cases[i].result == NULL) {
            assert_null(call);
            continue;
        }
        assert_non_null(call);
        assert_string_equal(type_text(arena, call->result), cases[i].result);
    }
    assert_true(aggregate_exists(STR("count")));
    assert_false(aggregate_exists(STR("abs")));
    arena_free(arena);
}

/* Fold `values` of the type in, and give the result as text. */
static const char *fold(Arena *arena, const char *name, Type type, const int64_t *values,
                        int32_t count)
{
    AggregateCall *call = bind(arena, name, type, false, false);
    Column column = column_new(arena, type, count);
    uint8_t *states[16];
    uint8_t *state = state_new(call);
    for (int32_t i = 0; i < count; i++) {
        Value value = {.type = type, .integer = values[i]};
        if (type.id == TYPE_DECIMAL)
            value.wide = values[i];
        value_set(&column, arena, i, count, &value);
        states[i] = state;
    }
    aggregate_update(call, states, 0, &column, (Selection){.count = count}, NULL);
    const char *text = state_text(arena, call, state);
    state_free(call, state);
    return text;
}

static void edges_are_those_of_flink(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Type integer = type_simple(TYPE_INT);
    assert_string_equal(fold(arena, "SUM", integer, (int64_t[]){INT32_MAX, 1}, 2), "-2147483648");
    assert_string_equal(fold(arena, "AVG", integer, (int64_t[]){INT32_MAX, 1}, 2), "1073741824");
    assert_string_equal(fold(arena, "AVG", integer, (int64_t[]){-1, -2}, 2), "-1");
    assert_string_equal(fold(arena, "AVG", type_decimal(5, 2), (int64_t[]){100, 100, 101}, 3),
                        "1.003333");
    assert_string_equal(fold(arena, "SUM", integer, NULL, 0), "NULL");
    assert_string_equal(fold(arena, "COUNT", integer, NULL, 0), "0");
    assert_string_equal(fold(arena, "VAR_POP", integer, (int64_t[]){1, 2, 4}, 3), "1");
    assert_string_equal(fold(arena, "VAR_SAMP", integer, (int64_t[]){7}, 1), "NULL");
    assert_string_equal(fold(arena, "VAR_POP", type_decimal(5, 2), (int64_t[]){100, 300}, 2),
                        "1.000000");
    arena_free(arena);
}

/* SUM(DECIMAL(38)) leaves the 38 digits, and comes back when rows are taken back. */
static void a_decimal_sum_overflows_to_null_and_recovers(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Type type = type_decimal(38, 0);
    AggregateCall *call = bind(arena, "SUM", type, false, true);
    Column column = column_new_constant(arena, type);
    column.valid[0] = 1;
    Int128 huge = 1;
    for (int i = 0; i < 37; i++)
        huge *= 10;
    *(Int128 *)column.values = huge * 9;
    uint8_t *accumulator = state_new(call);
    uint8_t *states[1] = {accumulator};
    uint8_t added = ROW_INSERT, taken = ROW_DELETE;
    for (int i = 0; i < 10; i++)
        aggregate_update(call, states, 0, &column, (Selection){.count = 1}, &added);
    assert_string_equal(state_text(arena, call, accumulator), "NULL");
    for (int i = 0; i < 9; i++)
        aggregate_update(call, states, 0, &column, (Selection){.count = 1}, &taken);
    assert_string_equal(state_text(arena, call, accumulator),
                        "90000000000000000000000000000000000000");
    *(Int128 *)column.values = -huge * 9;
    for (int i = 0; i < 10; i++)
        aggregate_update(call, states, 0, &column, (Selection){.count = 1}, &added);
    for (int i = 0; i < 9; i++)
        aggregate_update(call, states, 0, &column, (Selection){.count = 1}, &taken);
    assert_string_equal(state_text(arena, call, accumulator), "0");
    state_free(call, accumulator);
    arena_free(arena);
}

static void pairs_are_counted_once(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Type types[2] = {type_simple(TYPE_INT), type_string()};
    AggregateCall *call;
    assert_int_equal(aggregate_bind(STR("COUNT"), arena, types, 2, true, false, &call, NULL), OK);
    Column columns[2] = {column_new(arena, types[0], 5), column_new(arena, types[1], 5)};
    static const char *const texts[5] = {"a", "a", "b", "a", "b"};
    static const int32_t numbers[5] = {1, 1, 1, 2, 1};
    uint8_t *accumulator = state_new(call);
    uint8_t *states[5];
    for (int32_t i = 0; i < 5; i++) {
        ((int32_t *)columns[0].values)[i] = numbers[i];
        ((StrView *)columns[1].values)[i] = str_view_borrow(str_from(texts[i]));
        states[i] = accumulator;
    }
    column_set_null(&columns[1], arena, 4, 5);
    aggregate_update(call, states, 0, columns, (Selection){.count = 5}, NULL);
    assert_string_equal(state_text(arena, call, accumulator), "3");
    state_free(call, accumulator);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_taken_back),
        cmocka_unit_test(slices_merge_and_subtract),
        cmocka_unit_test(which_kinds_are_invertible),
        cmocka_unit_test(results_have_flink_types),
        cmocka_unit_test(edges_are_those_of_flink),
        cmocka_unit_test(a_decimal_sum_overflows_to_null_and_recovers),
        cmocka_unit_test(pairs_are_counted_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
