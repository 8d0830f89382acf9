/* What is due when, against sets of times: keys whose tables leave memory after each step are put
 * for the earliest of what they have, and each watermark must take all that it has reached, once.
 */
#include "exec/testing.h"

#include "exec/due.h"
#include "exec/operators.h"

enum { KEYS = 40, TIMES_MAX = 64, STEPS = 50, TRIALS = 40 };

typedef struct Trial {
    uint64_t seed;
    Bench bench;
    Operator op;
    TableKey key;
    StateTable *table; /* the keys by their number */
    DueKeys due;
    Timestamp times[KEYS][TIMES_MAX];
    int32_t counts[KEYS];
    Timestamp taken;
    int64_t visits, empty_visits;
    bool pauses, has_paused; /* visits end before all keys have been looked at */
} Trial;

static int64_t trial_below(Trial *trial, int64_t bound)
{
    trial->seed = hash_u64(trial->seed + 1);
    return (int64_t)(trial->seed >> 2) % bound;
}

/* The value says which key it is. */
static void number_save(void *owner, const uint8_t *value, Buffer *out)
{
    (void)owner;
    buffer_append_u64(out, *(const uint64_t *)(const void *)value);
}

static bool number_load(void *owner, uint8_t *value, ByteReader *in)
{
    (void)owner;
    *(uint64_t *)(void *)value = byte_reader_u64(in);
    return !in->is_short;
}

static const TableCodec number_codec = {.save = number_save, .load = number_load};

static uint8_t *trial_value(Trial *trial, int32_t key)
{
    Field field = {STR("k"), type_simple(TYPE_BIGINT)};
    Schema schema = {.fields = &field, .count = 1};
    Batch *batch = batch_new(&schema, 1);
    put_i64(batch, 0, batch->row_count++, key);
    batch_select_all(batch);
    uint8_t *value;
    const int32_t column = 0;
    TableKeys keys =
        table_keys(&trial->key, batch, &column, batch->selection, trial->bench.task.scratch);
    table_find_or_insert(trial->table, &keys, 0, 1, &value);
    *(uint64_t *)(void *)value = (uint64_t)key;
    batch_free(batch);
    return value;
}

static Timestamp trial_first(const Trial *trial, int32_t key)
{
    Timestamp first = INT64_MAX;
    for (int32_t i = 0; i < trial->counts[key]; i++)
        first = trial->times[key][i] < first ? trial->times[key][i] : first;
    return first;
}

static void trial_put(Trial *trial, int32_t key, Timestamp time)
{
    if (trial->counts[key] == TIMES_MAX)
        return;
    uint8_t *value = trial_value(trial, key);
    if (time < trial_first(trial, key))
        due_put(&trial->due, trial->table, value, time);
    trial->times[key][trial->counts[key]++] = time;
}

static Status trial_visit(void *context, const StateTable *bucket, const uint8_t *const *values,
                          int32_t count)
{
    Trial *trial = context;
    int32_t looks = trial->pauses ? (int32_t)trial_below(trial, count + 1) : count;
    for (int32_t i = 0; i < looks; i++) {
        uint8_t *value = table_find_from(trial->table, bucket, values[i]);
        assert_non_null(value);
        int32_t key = (int32_t) * (const uint64_t *)(const void *)value, left = 0;
        assert_in_range(key, 0, KEYS - 1);
        trial->visits++;
        trial->empty_visits += trial_first(trial, key) > trial->taken;
        for (int32_t k = 0; k < trial->counts[key]; k++)
            if (trial->times[key][k] > trial->taken)
                trial->times[key][left++] = trial->times[key][k];
        trial->counts[key] = left;
        if (left > 0)
            due_put(&trial->due, trial->table, value, trial_first(trial, key));
    }
    trial->has_paused = trial->pauses && (looks < count || trial_below(trial, 2) == 0);
    if (trial->has_paused)
        due_pause(&trial->due, count - looks);
    return table_make_room(trial->table, &trial->bench.error);
}

static void trial_take(Trial *trial, Timestamp time)
{
    trial->taken = time;
    due_begin(&trial->due, time);
    do {
        trial->has_paused = false;
        assert_int_equal(due_go_on(&trial->due, trial_visit, trial), OK);
        assert_int_equal(operator_make_room(&trial->op), OK);
    } while (trial->has_paused);
    for (int32_t key = 0; key < KEYS; key++)
        assert_true(trial_first(trial, key) > time || trial->counts[key] == 0);
}

static void trial_open(Trial *trial, uint64_t seed)
{
    static const Type bigint = {.id = TYPE_BIGINT};
    *trial = (Trial){.seed = seed, .taken = TIMESTAMP_MIN, .pauses = seed % 2 == 1};
    bench_open(&trial->bench);
    bench_spill(&trial->bench, 1, 1);
    trial->op.task = &trial->bench.task;
    trial->key = table_key(trial->bench.task.query, &bigint, 1);
    trial->table = operator_new_table(&trial->op, 0, &trial->key, 8, &number_codec);
    operator_spill_table(&trial->op, trial->table);
    due_open(&trial->due, &trial->op, &trial->key);
}

static void trial_close(Trial *trial)
{
    due_close(&trial->due);
    table_free(trial->table);
    keyed_free(trial->op.keyed);
    keyed_free(trial->op.derived);
    bench_close(&trial->bench);
}

/* Times near and far, before the epoch and behind the watermark; steps of all sizes. */
static void run_trial(uint64_t seed)
{
    Trial trial;
    trial_open(&trial, seed);
    int64_t ms = MICROS_PER_MILLI, reach = (int64_t)1 << (2 + trial_below(&trial, 34));
    Timestamp now = (trial_below(&trial, 3) - 1) * 1000 * reach * ms;
    for (int32_t step = 0; step < STEPS; step++) {
        for (int64_t i = trial_below(&trial, 20); i > 0; i--)
            trial_put(&trial, (int32_t)trial_below(&trial, KEYS),
                      now + (trial_below(&trial, reach) - reach / 8) * ms);
        assert_int_equal(operator_make_room(&trial.op), OK);
        now += trial_below(&trial, 1 + reach / (1 << trial_below(&trial, 6))) * ms;
        if (now > trial.taken)
            trial_take(&trial, now);
        assert_int_equal(operator_make_room(&trial.op), OK);
        arena_reset(trial.bench.task.scratch);
    }
    trial_take(&trial, TIMESTAMP_MAX);
    assert_int_equal(due_bytes(&trial.due), 0);
    for (int32_t key = 0; key < KEYS; key++)
        assert_int_equal(trial.counts[key], 0);
    assert_true(trial.visits > trial.empty_visits);
    trial_close(&trial);
}

static void test_all_that_is_due_is_taken(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= TRIALS; seed++)
        run_trial(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_that_is_due_is_taken)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
