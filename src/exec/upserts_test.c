/* The operators that keep the rows of each key as they come (normalize, upsert-materialize,
 * single-row) against plain lists: line by line, across checkpoints and numbers of shards. */
#include "exec/testing.h"

enum { KEYS = 9, ROWS_MAX = 6, CAPACITY = 64, SHARDS = 2 };

typedef struct Row {
    int32_t key, id, value;
} Row;

/* The live rows of a key, in the order in which they came. */
typedef struct Live {
    Row rows[ROWS_MAX];
    int32_t count;
} Live;

typedef struct Trial {
    uint64_t seed;
    Bench bench[SHARDS];
    BenchChain *chain;
    PlanNode source, node;
    PlanNode *inputs[1];
    Field fields[3];
    int32_t shard_count;
    Operator *ops[SHARDS];
    Capture *captures[SHARDS];
    Live live[KEYS];
    int32_t next_id;
    Buffer said; /* what the row at hand must give */
    Buffer expected[SHARDS];
} Trial;

static int32_t trial_below(Trial *trial, int32_t bound)
{
    trial->seed = hash_u64(trial->seed + 0x9e3779b97f4a7c15ULL);
    return (int32_t)((trial->seed >> 11) % (uint64_t)bound);
}

static const int32_t key_columns[] = {0};
static const int32_t id_columns[] = {1};
static const ColumnList key_list = {.columns = key_columns, .count = 1};

static void trial_plan(Trial *trial, PlanKind kind)
{
    trial->fields[0] = (Field){STR("k"), type_string()};
    trial->fields[1] = (Field){STR("id"), type_simple(TYPE_BIGINT)};
    trial->fields[2] = (Field){STR("v"), type_simple(TYPE_BIGINT)};
    Schema schema = {.fields = trial->fields, .count = 3};
    trial->source = (PlanNode){.kind = PLAN_SOURCE, .schema = schema};
    trial->inputs[0] = &trial->source;
    trial->node = (PlanNode){.kind = kind,
                             .label = "rows",
                             .inputs = trial->inputs,
                             .input_count = 1,
                             .schema = schema,
                             .changelog = CHANGELOG_ALL,
                             .distribution = DISTRIBUTION_HASH,
                             .distribution_keys = &key_list};
    if (kind == PLAN_NORMALIZE) {
        trial->node.normalize.keys = key_columns;
        trial->node.normalize.key_count = 1;
    } else if (kind == PLAN_SINGLE_ROW) {
        trial->node.single_row.keys = key_list;
    } else {
        trial->node.upsert_materialize.key = key_list;
        trial->node.upsert_materialize.has_upsert_key = trial_below(trial, 2) == 0;
        trial->node.upsert_materialize.upsert_key = (ColumnList){.columns = id_columns, .count = 1};
        trial->node.upsert_materialize.rule = (ConflictRule)trial_below(trial, 2);
    }
}

static void trial_open_shards(Trial *trial, int32_t count)
{
    trial->shard_count = count;
    for (int32_t i = 0; i < count; i++) {
        trial->bench[i].task.shard = i;
        trial->bench[i].task.shard_count = count;
        trial->ops[i] = operator_new(&trial->bench[i].task, &trial->node);
        assert_int_equal(trial->ops[i]->kind->open(trial->ops[i]), OK);
        trial->captures[i] = capture_new(&trial->bench[i]);
        operator_connect(trial->ops[i], &trial->captures[i]->base, 0);
    }
    chain_follow(trial->chain, trial->bench, trial->ops, count);
}

static void trial_close_shards(Trial *trial)
{
    for (int32_t i = 0; i < trial->shard_count; i++) {
        operator_close(trial->ops[i]);
        capture_close(&trial->captures[i]->base);
    }
}

/* ---- The model --------------------------------------------------------------------------- */

static const char *key_text(const Trial *trial, int32_t key)
{
    return arena_printf(trial->bench[0].task.query, key % 2 == 0 ? "k%d" : "a key that is long, %d",
                        key);
}

static void model_say(Trial *trial, const char *kind, Row row)
{
    buffer_printf(&trial->said, "%s %s,%d,%d\n", kind, key_text(trial, row.key), row.id, row.value);
}

static void live_remove(Live *live, int32_t at)
{
    live->count--;
    memmove(live->rows + at, live->rows + at + 1, sizeof(Row) * (size_t)(live->count - at));
}

static void model_normalize(Trial *trial, Live *live, Row row, RowKind kind)
{
    Row old = live->rows[0];
    if (row_kind_is_retraction((uint8_t)kind)) {
        if (live->count > 0)
            model_say(trial, "-D", old);
        live->count = 0;
        return;
    }
    bool is_same = live->count > 0 && old.id == row.id && old.value == row.value;
    if (live->count > 0 && !is_same)
        model_say(trial, "-U", old);
    if (!is_same)
        model_say(trial, live->count > 0 ? "+U" : "+I", row);
    *live = (Live){.rows = {row}, .count = 1};
}

static int32_t live_find(const Live *live, int32_t id)
{
    for (int32_t i = 0; i < live->count; i++)
        if (live->rows[i].id == id)
            return i;
    return -1;
}

static void model_materialize(Trial *trial, Live *live, Row row, RowKind kind)
{
    bool is_first = trial->node.upsert_materialize.rule == CONFLICT_FIRST;
    int32_t at = live_find(live, row.id);
    if (!row_kind_is_retraction((uint8_t)kind)) {
        bool was_empty = live->count == 0;
        if (at < 0)
            at = live->count++;
        live->rows[at] = row;
        if (!is_first || at == 0)
            model_say(trial, was_empty ? "+I" : "+U", row);
        return;
    }
    if (at < 0)
        return;
    bool is_chosen = at == (is_first ? 0 : live->count - 1);
    live_remove(live, at);
    if (live->count == 0)
        model_say(trial, "-D", row);
    else if (is_chosen)
        model_say(trial, "+U", live->rows[is_first ? 0 : live->count - 1]);
}

static void model_take(Trial *trial, Row row, RowKind kind)
{
    Live *live = &trial->live[row.key];
    if (trial->node.kind == PLAN_NORMALIZE) {
        model_normalize(trial, live, row, kind);
    } else if (trial->node.kind == PLAN_SINGLE_ROW) {
        bool is_gone = row_kind_is_retraction((uint8_t)kind);
        model_say(trial, is_gone ? "-D" : "+I", row);
        *live = (Live){.rows = {row}, .count = !is_gone};
    } else {
        model_materialize(trial, live, row, kind);
    }
}

/* ---- Driving ----------------------------------------------------------------------------- */

/* A change that the operator may be given. */
static Row trial_row(Trial *trial, RowKind *kind)
{
    Row row = {trial_below(trial, KEYS), ++trial->next_id, trial_below(trial, 2)};
    const Live *live = &trial->live[row.key];
    bool is_normalize = trial->node.kind == PLAN_NORMALIZE;
    int32_t room = trial->node.kind == PLAN_SINGLE_ROW ? 1 : ROWS_MAX;
    bool is_back = live->count == room || (live->count > 0 && trial_below(trial, 2) == 0);
    *kind = is_back ? ROW_DELETE : ROW_INSERT;
    if (is_normalize)
        *kind = (RowKind)trial_below(trial, 4);
    if (live->count > 0 && (is_back || is_normalize)) {
        row = live->rows[trial_below(trial, live->count)];
        row.value = is_normalize ? trial_below(trial, 2) : row.value;
    } else if (live->count > 0 && trial->node.upsert_materialize.has_upsert_key &&
               trial->node.kind == PLAN_UPSERT_MATERIALIZE && trial_below(trial, 2) == 0) {
        row.id = live->rows[trial_below(trial, live->count)].id;
        *kind = ROW_UPDATE_AFTER;
    }
    return row;
}

static void batch_put(const Trial *trial, Batch *batch, Row row, RowKind kind)
{
    int32_t at = batch->row_count++;
    Str key = str_from(key_text(trial, row.key));
    ((StrView *)batch->columns[0].values)[at] = str_view_copy(batch->arena, key);
    put_i64(batch, 1, at, row.id);
    put_i64(batch, 2, at, row.value);
    batch->kinds[at] = (uint8_t)kind;
}

static int32_t trial_shard_of(const Trial *trial, const Batch *batch, int32_t row)
{
    uint64_t hashes[CAPACITY];
    Selection one = {.rows = &row, .count = 1};
    rowcode_hash(batch, key_columns, 1, one, hashes);
    return exchange_shard_of(hashes[row], trial->shard_count);
}

static void trial_step(Trial *trial)
{
    Batch *batch = batch_new(&trial->source.schema, CAPACITY);
    int32_t rows[SHARDS][CAPACITY], counts[SHARDS] = {0};
    batch_need_kinds(batch, CAPACITY);
    for (int32_t i = 1 + trial_below(trial, CAPACITY - 1); i > 0; i--) {
        RowKind kind;
        Row row = trial_row(trial, &kind);
        batch_put(trial, batch, row, kind);
        int32_t at = batch->row_count - 1, shard = trial_shard_of(trial, batch, at);
        rows[shard][counts[shard]++] = at;
        trial->said.length = 0;
        model_take(trial, row, kind);
        buffer_append_str(&trial->expected[shard], buffer_str(&trial->said));
    }
    for (int32_t i = 0; i < trial->shard_count; i++) {
        Batch view = *batch;
        view.selection = (Selection){.rows = rows[i], .count = counts[i]};
        bench_push(&trial->bench[i], trial->ops[i], 0, &view);
        assert_string_equal(capture_text(trial->captures[i]),
                            buffer_terminated(&trial->expected[i]));
        capture_clear(trial->captures[i]);
        trial->expected[i].length = 0;
    }
    batch_free(batch);
}

static void trial_recover(Trial *trial, int32_t shards)
{
    chain_end(trial->chain);
    trial_close_shards(trial);
    trial_open_shards(trial, shards);
    chain_resume(trial->chain);
}

static void run_trial(PlanKind kind, uint64_t seed)
{
    Trial *trial = memory_allocate_zeroed((int64_t)sizeof *trial);
    trial->seed = seed;
    for (int32_t i = 0; i < SHARDS; i++)
        bench_open(&trial->bench[i]);
    trial_plan(trial, kind);
    trial->chain = chain_new(seed);
    bench_spill(trial->bench, SHARDS, seed);
    trial_open_shards(trial, 1);
    for (int32_t step = 0; step < 40; step++) {
        trial_step(trial);
        if (trial_below(trial, 6) == 0)
            trial_recover(trial, 1 + trial_below(trial, SHARDS));
    }
    trial_close_shards(trial);
    for (int32_t i = 0; i < SHARDS; i++) {
        bench_close(&trial->bench[i]);
        buffer_free(&trial->expected[i]);
    }
    buffer_free(&trial->said);
    chain_free(trial->chain);
    memory_free(trial);
}

static void run_kind(PlanKind kind)
{
    for (uint64_t seed = 1; seed <= 60; seed++)
        run_trial(kind, seed);
}

static void test_normalize(void **state)
{
    (void)state;
    run_kind(PLAN_NORMALIZE);
}

static void test_upsert_materialize(void **state)
{
    (void)state;
    run_kind(PLAN_UPSERT_MATERIALIZE);
}

static void test_single_row(void **state)
{
    (void)state;
    run_kind(PLAN_SINGLE_ROW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normalize),
        cmocka_unit_test(test_upsert_materialize),
        cmocka_unit_test(test_single_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
