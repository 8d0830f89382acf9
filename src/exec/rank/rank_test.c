/* Top-N against a model that keeps all rows and sorts them: whatever comes, the changelog must turn
 * what was emitted before into the ranks of the model, and no step may contradict what is there. */
#include "exec/testing.h"

#include "base/hash.h"
#include "data/rowcode.h"

enum { KEYS = 5, VALUES = 9, ROWS_MAX = 4000, CAPACITY = 64, SHARDS = 2, TEXT_MAX = 120 };

typedef struct Row {
    int32_t key, value; /* 0 is NULL */
    int32_t id;
} Row;

typedef struct Trial {
    uint64_t seed;
    BenchWorld world;
    Bench bench[SHARDS];
    BenchChain *chain;
    PlanNode source, node;
    PlanNode *inputs[1];
    Field fields[4];
    SortColumn order;
    PlanTable table;
    int32_t shard_count;
    Operator *ops[SHARDS];
    Capture *captures[SHARDS];
    Row rows[ROWS_MAX]; /* all that are live, by key in order of rank */
    int32_t row_count;
    int32_t next_id;
    char (*seen)[TEXT_MAX]; /* what the changelog says is there */
    int32_t seen_count;
} Trial;

static int32_t trial_below(Trial *trial, int32_t bound)
{
    trial->seed = hash_u64(trial->seed + 0x9e3779b97f4a7c15ULL);
    return (int32_t)((trial->seed >> 11) % (uint64_t)bound);
}

static const int32_t key_columns[] = {0};
static const int32_t row_key_columns[] = {0, 2};
static const ColumnList key_list = {key_columns, 1};

static void trial_open_shards(Trial *trial, int32_t count)
{
    trial->shard_count = count;
    for (int32_t i = 0; i < count; i++) {
        Bench *bench = &trial->bench[i];
        bench->task.world = &trial->world.base;
        bench->task.shard = i;
        bench->task.shard_count = count;
        trial->ops[i] = operator_new(&bench->task, &trial->node);
        assert_int_equal(trial->ops[i]->kind->open(trial->ops[i]), OK);
        trial->captures[i] = capture_new(bench);
        operator_connect(trial->ops[i], &trial->captures[i]->base, 0);
    }
    chain_follow(trial->chain, trial->bench, trial->ops, count);
}

static Trial *trial_new(uint64_t seed, RankStrategy strategy)
{
    Trial *trial = memory_allocate_zeroed((int64_t)sizeof *trial);
    trial->seed = seed;
    bench_world_open(&trial->world);
    trial->seen = memory_allocate((int64_t)TEXT_MAX * ROWS_MAX);
    for (int32_t i = 0; i < SHARDS; i++)
        bench_open(&trial->bench[i]);
    bench_spill(trial->bench, SHARDS, seed / 2);
    trial->table = (PlanTable){.name = STR("t")};
    trial->fields[0] = (Field){STR("k"), type_simple(TYPE_BIGINT)};
    trial->fields[1] = (Field){STR("v"), type_simple(TYPE_BIGINT)};
    trial->fields[2] = (Field){STR("id"), type_string()};
    trial->fields[3] = (Field){STR("rn"), type_not_null(type_simple(TYPE_BIGINT))};
    trial->source = (PlanNode){.kind = PLAN_SOURCE,
                               .schema = {.fields = trial->fields, .count = 3},
                               .source = {.table = &trial->table}};
    trial->inputs[0] = &trial->source;
    trial->order = (SortColumn){1, trial_below(trial, 2) == 0, trial_below(trial, 2) == 0};
    trial->node = (PlanNode){.kind = PLAN_RANK,
                             .label = "top",
                             .inputs = trial->inputs,
                             .input_count = 1,
                             .changelog = CHANGELOG_ALL,
                             .distribution = DISTRIBUTION_HASH,
                             .distribution_keys = &key_list};
    trial->node.rank.keys = key_columns;
    trial->node.rank.key_count = 1;
    trial->node.rank.order = &trial->order;
    trial->node.rank.order_count = 1;
    trial->node.rank.first = trial_below(trial, 3) == 0 ? 2 : 1;
    trial->node.rank.last = trial->node.rank.first + trial_below(trial, 4);
    if (trial_below(trial, 6) == 0)
        trial->node.rank.last = 80;
    trial->node.rank.last_column = -1;
    trial->node.rank.has_number = trial_below(trial, 2) == 0;
    trial->node.rank.strategy = strategy;
    trial->node.rank.row_keys = row_key_columns;
    trial->node.rank.row_key_count = 2;
    trial->node.schema =
        (Schema){.fields = trial->fields, .count = 3 + trial->node.rank.has_number};
    return trial;
}

static void trial_close_shards(Trial *trial)
{
    for (int32_t i = 0; i < trial->shard_count; i++) {
        operator_close(trial->ops[i]);
        capture_close(&trial->captures[i]->base);
    }
}

static void trial_free(Trial *trial)
{
    trial_close_shards(trial);
    for (int32_t i = 0; i < SHARDS; i++)
        bench_close(&trial->bench[i]);
    memory_free(trial->seen);
    chain_free(trial->chain);
    memory_free(trial);
}

/* ---- The model --------------------------------------------------------------------------- */

static int32_t value_compare(const Trial *trial, int32_t a, int32_t b)
{
    if (a == b)
        return 0;
    if (a == 0 || b == 0)
        return (a == 0) == trial->order.has_nulls_last ? 1 : -1;
    return (a < b) == trial->order.is_descending ? 1 : -1;
}

/* Behind the rows of its key that are as good or better. */
static void model_insert(Trial *trial, Row row)
{
    int32_t at = trial->row_count;
    assert_true(at < ROWS_MAX);
    while (at > 0 && trial->rows[at - 1].key > row.key)
        at--;
    while (at > 0 && trial->rows[at - 1].key == row.key &&
           value_compare(trial, trial->rows[at - 1].value, row.value) > 0)
        at--;
    memmove(trial->rows + at + 1, trial->rows + at, (size_t)(trial->row_count - at) * sizeof(Row));
    trial->rows[at] = row;
    trial->row_count++;
}

static void model_take(Trial *trial, int32_t at)
{
    trial->row_count--;
    memmove(trial->rows + at, trial->rows + at + 1, (size_t)(trial->row_count - at) * sizeof(Row));
}

static void row_text(const Trial *trial, const Row *row, int64_t rank, Buffer *out)
{
    out->length = 0;
    buffer_printf(out, row->key == 0 ? "null" : "%d", row->key);
    buffer_printf(out, row->value == 0 ? ",null" : ",%d", row->value);
    buffer_printf(out, row->id % 3 == 0 ? ",a row with the number %d" : ",%d", row->id);
    if (trial->node.rank.has_number)
        buffer_printf(out, ",%ld", (long)rank);
}

static int32_t seen_find(const Trial *trial, Str text)
{
    for (int32_t i = 0; i < trial->seen_count; i++)
        if (str_is(text, trial->seen[i]))
            return i;
    return -1;
}

/* The changelog gives the ranks of the model, neither more nor less. */
static void model_check(const Trial *trial)
{
    Buffer text = {0};
    int32_t expected = 0;
    int64_t rank = 0;
    for (int32_t i = 0; i < trial->row_count; i++) {
        rank = i > 0 && trial->rows[i - 1].key == trial->rows[i].key ? rank + 1 : 1;
        if (rank < trial->node.rank.first || rank > trial->node.rank.last)
            continue;
        expected++;
        row_text(trial, &trial->rows[i], rank, &text);
        if (seen_find(trial, buffer_str(&text)) < 0)
            fail_msg("`%s` is missing", buffer_terminated(&text));
    }
    assert_int_equal(trial->seen_count, expected);
    buffer_free(&text);
}

/* ---- What goes in and comes out ---------------------------------------------------------- */

static void batch_put(Batch *batch, Row row, RowKind kind)
{
    int32_t at = batch->row_count++;
    batch_need_kinds(batch, CAPACITY);
    batch->kinds[at] = (uint8_t)kind;
    put_i64(batch, 0, at, row.key);
    put_i64(batch, 1, at, row.value);
    if (row.key == 0)
        column_set_null(&batch->columns[0], batch->arena, at, CAPACITY);
    if (row.value == 0)
        column_set_null(&batch->columns[1], batch->arena, at, CAPACITY);
    char *id =
        arena_printf(batch->arena, row.id % 3 == 0 ? "a row with the number %d" : "%d", row.id);
    ((StrView *)batch->columns[2].values)[at] = str_view_borrow(str_from(id));
}

static void trial_push(Trial *trial, Batch *batch)
{
    uint64_t hashes[CAPACITY];
    batch_select_all(batch);
    rowcode_hash(batch, key_columns, 1, batch->selection, hashes);
    for (int32_t shard = 0; shard < trial->shard_count; shard++) {
        int32_t rows[CAPACITY];
        int32_t count = 0;
        for (int32_t row = 0; row < batch->row_count; row++)
            if (exchange_shard_of(hashes[row], trial->shard_count) == shard)
                rows[count++] = row;
        Batch view = *batch;
        view.selection = (Selection){.rows = rows, .count = count};
        bench_push(&trial->bench[shard], trial->ops[shard], 0, &view);
    }
}

static void trial_apply(Trial *trial)
{
    for (int32_t shard = 0; shard < trial->shard_count; shard++) {
        Str text = str_from(capture_text(trial->captures[shard]));
        while (text.length > 0) {
            Str rest;
            Str line = str_split(text, '\n', &rest);
            Str row = str_make(line.data + 3, line.length - 3);
            text = rest;
            if (line.data[0] == '+') {
                assert_true(trial->seen_count < ROWS_MAX && row.length < TEXT_MAX);
                memcpy(trial->seen[trial->seen_count], row.data, (size_t)row.length);
                trial->seen[trial->seen_count++][row.length] = '\0';
                continue;
            }
            int32_t at = seen_find(trial, row);
            if (at < 0)
                fail_msg("`%.*s` is taken back and not there", STR_ARGS(line));
            memcpy(trial->seen[at], trial->seen[--trial->seen_count], TEXT_MAX);
        }
        capture_clear(trial->captures[shard]);
    }
}

static Row row_random(Trial *trial)
{
    return (Row){.key = trial_below(trial, KEYS),
                 .value = trial_below(trial, VALUES + 1),
                 .id = trial->next_id++};
}

static void change_retract(Trial *trial, Batch *batch)
{
    if (trial->row_count == 0 || trial_below(trial, 5) < 3) {
        Row row = row_random(trial);
        batch_put(batch, row, ROW_INSERT);
        model_insert(trial, row);
        return;
    }
    int32_t at = trial_below(trial, trial->row_count);
    Row old = trial->rows[at];
    bool is_update = trial_below(trial, 2) == 0;
    batch_put(batch, old, is_update ? ROW_UPDATE_BEFORE : ROW_DELETE);
    model_take(trial, at);
    if (!is_update)
        return;
    old.value = trial_below(trial, VALUES + 1);
    batch_put(batch, old, ROW_UPDATE_AFTER);
    model_insert(trial, old);
}

/* A row of the model gets better by one, or stays as it is. */
static void change_update(Trial *trial, Batch *batch)
{
    if (trial->row_count == 0 || trial_below(trial, 4) == 0) {
        Row row = row_random(trial);
        row.value = 500;
        batch_put(batch, row, ROW_INSERT);
        model_insert(trial, row);
        return;
    }
    int32_t at = trial_below(trial, trial->row_count);
    Row row = trial->rows[at];
    int32_t step = trial_below(trial, 4);
    if (trial_below(trial, 2) == 0)
        batch_put(batch, row, ROW_UPDATE_BEFORE);
    row.value += trial->order.is_descending ? step : -step;
    batch_put(batch, row, ROW_UPDATE_AFTER);
    if (step == 0)
        return;
    model_take(trial, at);
    model_insert(trial, row);
}

static void trial_step(Trial *trial)
{
    Schema schema = {.fields = trial->fields, .count = 3};
    Batch *batch = batch_new(&schema, CAPACITY);
    int32_t changes = 1 + trial_below(trial, 24);
    for (int32_t i = 0; i < changes; i++) {
        switch (trial->node.rank.strategy) {
        case RANK_APPEND: {
            Row row = row_random(trial);
            batch_put(batch, row, ROW_INSERT);
            model_insert(trial, row);
            break;
        }
        case RANK_RETRACT: change_retract(trial, batch); break;
        case RANK_UPDATE_FAST: change_update(trial, batch); break;
        }
    }
    trial_push(trial, batch);
    batch_free(batch);
    trial_apply(trial);
    model_check(trial);
}

/* Go on from the last checkpoint, with another number of shards. */
static void trial_recover(Trial *trial, int32_t shard_count)
{
    chain_end(trial->chain);
    trial_close_shards(trial);
    trial_open_shards(trial, shard_count);
    chain_resume(trial->chain);
}

static void trial_run(uint64_t seed, RankStrategy strategy)
{
    Trial *trial = trial_new(seed, strategy);
    trial->chain = chain_new(seed);
    trial_open_shards(trial, 1 + (int32_t)(seed % 2));
    for (int32_t step = 0; step < 40; step++) {
        trial_step(trial);
        if (trial_below(trial, 8) == 0)
            trial_recover(trial, 1 + trial_below(trial, SHARDS));
    }
    trial_free(trial);
}

static void test_rows_that_only_come(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++)
        trial_run(seed, RANK_APPEND);
}

static void test_rows_that_are_taken_back(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++)
        trial_run(seed, RANK_RETRACT);
}

static void test_rows_that_get_better(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++)
        trial_run(seed, RANK_UPDATE_FAST);
}

/* ---- One by one -------------------------------------------------------------------------- */

static Trial *trial_of(RankStrategy strategy, int64_t last, bool has_number)
{
    Trial *trial = trial_new(1, strategy);
    trial->order = (SortColumn){1, true, true};
    trial->node.rank.first = 1;
    trial->node.rank.last = last;
    trial->node.rank.has_number = has_number;
    trial->node.schema.count = 3 + has_number;
    return trial;
}

static const char *trial_take(Trial *trial, Row row, RowKind kind)
{
    Schema schema = {.fields = trial->fields, .count = 3};
    Batch *batch = batch_new(&schema, CAPACITY);
    batch_put(batch, row, kind);
    capture_clear(trial->captures[0]);
    trial_push(trial, batch);
    batch_free(batch);
    return capture_text(trial->captures[0]);
}

/* Without -U, a change of rank is a +U alone. */
static void test_old_rows_only_where_wanted(void **state)
{
    (void)state;
    Trial *trial = trial_of(RANK_APPEND, 2, true);
    trial->node.changelog &= ~CHANGELOG_UPDATE_BEFORE;
    trial_open_shards(trial, 1);
    assert_string_equal(trial_take(trial, (Row){1, 5, 1}, ROW_INSERT), "+I 1,5,1,1\n");
    assert_string_equal(trial_take(trial, (Row){1, 6, 2}, ROW_INSERT), "+U 1,6,2,1\n+I 1,5,1,2\n");
    trial_free(trial);
}

/* A key that was not written for the time to live is as if it had never been. */
static void test_state_expires(void **state)
{
    (void)state;
    RankStrategy strategies[] = {RANK_APPEND, RANK_RETRACT, RANK_UPDATE_FAST};
    for (int32_t i = 0; i < 3; i++) {
        Trial *trial = trial_of(strategies[i], 1, false);
        trial->node.rank.state_ttl_us = 1000;
        trial_open_shards(trial, 1);
        assert_string_equal(trial_take(trial, (Row){1, 5, 1}, ROW_INSERT), "+I 1,5,1\n");
        trial->world.now_us += 999;
        assert_string_equal(trial_take(trial, (Row){1, 4, 2}, ROW_INSERT), "");
        trial->world.now_us += 1000;
        assert_string_equal(trial_take(trial, (Row){1, 3, 4}, ROW_INSERT), "+I 1,3,4\n");
        trial->world.now_us += 5000;
        assert_int_equal(trial->ops[0]->kind->tick(trial->ops[0], trial->world.now_us), OK);
        assert_string_equal(trial_take(trial, (Row){1, 1, 5}, ROW_INSERT), "+I 1,1,5\n");
        trial_free(trial);
    }
}

/* What is taken back after its state expired is passed over. */
static void test_unknown_rows_are_passed_over(void **state)
{
    (void)state;
    Trial *trial = trial_of(RANK_RETRACT, 2, true);
    trial_open_shards(trial, 1);
    assert_string_equal(trial_take(trial, (Row){1, 5, 1}, ROW_DELETE), "");
    assert_string_equal(trial_take(trial, (Row){1, 5, 1}, ROW_INSERT), "+I 1,5,1,1\n");
    assert_string_equal(trial_take(trial, (Row){1, 5, 2}, ROW_DELETE), "");
    assert_string_equal(trial_take(trial, (Row){1, 5, 1}, ROW_DELETE), "-D 1,5,1,1\n");
    trial_free(trial);
}

/* Batch mode: the ranks at the end of input, once. */
static void test_final_rows(void **state)
{
    (void)state;
    Trial *trial = trial_of(RANK_APPEND, 2, true);
    trial->node.rank.is_final = true;
    trial_open_shards(trial, 1);
    assert_string_equal(trial_take(trial, (Row){1, 5, 1}, ROW_INSERT), "");
    assert_string_equal(trial_take(trial, (Row){1, 6, 2}, ROW_INSERT), "");
    assert_string_equal(trial_take(trial, (Row){1, 4, 4}, ROW_INSERT), "");
    bench_watermark(&trial->bench[0], trial->ops[0], 0, TIMESTAMP_MAX);
    assert_string_equal(capture_text(trial->captures[0]), "+I 1,6,2,1\n+I 1,5,1,2\n");
    trial_free(trial);
}

static void test_damaged_state_is_refused(void **state)
{
    (void)state;
    Trial *trial = trial_of(RANK_UPDATE_FAST, 3, true);
    trial_open_shards(trial, 1);
    for (int32_t id = 1; id < 9; id++)
        trial_take(trial, (Row){1 + id % 3, id, id}, ROW_INSERT);
    Buffer saved = {0};
    assert_int_equal(operator_save(trial->ops[0], 1, &saved), OK);
    for (int64_t cut = 0; cut < saved.length; cut += 7) {
        trial_close_shards(trial);
        trial_open_shards(trial, 1);
        assert_int_not_equal(
            operator_load(trial->ops[0], str_make(saved.data, cut), &(StateOrigin){0, 1}), OK);
    }
    buffer_free(&saved);
    trial_free(trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_that_only_come),
        cmocka_unit_test(test_rows_that_are_taken_back),
        cmocka_unit_test(test_rows_that_get_better),
        cmocka_unit_test(test_old_rows_only_where_wanted),
        cmocka_unit_test(test_state_expires),
        cmocka_unit_test(test_unknown_rows_are_passed_over),
        cmocka_unit_test(test_final_rows),
        cmocka_unit_test(test_damaged_state_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
