/* Joins against a model that goes row by row, as Flink's description of its operators says, over
 * plain lists: the changelogs must be equal line by line, whatever the batches, and what they add
 * up to must be the join of the rows that are left. */
#include "exec/testing.h"

#include "base/hash.h"
#include "data/rowcode.h"
#include "exec/regular_join/regular_join.h"

enum { KEYS = 6, VALUES = 4, LIVE = 60, CAPACITY = 256, TEXT_BYTES = 96, SHARDS = 2 };

typedef enum Shape { SHAPE_NOTHING, SHAPE_UNIQUE, SHAPE_ONE_ROW } Shape;

typedef struct Row {
    int32_t key; /* 0: NULL */
    int32_t id;
    int32_t value;
} Row;

typedef struct ModelRow {
    Row row;
    int32_t associations;
} ModelRow;

typedef struct Trial {
    uint64_t seed;
    BenchWorld world;
    Bench bench[SHARDS];
    BenchChain *chain;
    PlanTable tables[2];
    PlanNode sources[2], node;
    PlanNode *inputs[2];
    Field fields[4], outputs[8];
    int32_t output_columns[8];
    bool null_matched[1];
    Shape shapes[2];
    bool has_retractions[2];
    int32_t shard_count;
    Operator *ops[SHARDS];
    Capture *captures[SHARDS];
    ModelRow live[2][LIVE];
    int32_t live_count[2];
    int32_t next_id;
    Buffer expected[SHARDS];
    bool has_condition;
} Trial;

static int64_t trial_below(Trial *trial, int64_t bound)
{
    trial->seed = hash_u64(trial->seed + 0x9e3779b97f4a7c15ULL);
    return (int64_t)(trial->seed >> 11) % bound;
}

static const int32_t key_columns[] = {0};
static const int32_t id_columns[] = {1};

static bool kind_is_semi(JoinKind kind)
{
    return kind == JOIN_SEMI || kind == JOIN_ANTI;
}

/* ---- The operator ---------------------------------------------------------------------- */

/* left.value <> right.value */
static Expr *trial_condition(Trial *trial)
{
    Arena *arena = trial->bench[0].task.query;
    Type type = trial->fields[2].type;
    Expr **args = ARENA_ARRAY(arena, Expr *, 2);
    args[0] = expr_column(arena, 2, type);
    args[1] = expr_column(arena, 6, type);
    Expr *condition = NULL;
    int32_t bad_arg;
    Error error = {0};
    assert_int_equal(
        function_bind(function_find(STR("<>")), arena, args, 2, &condition, &bad_arg, &error), OK);
    return condition;
}

static void trial_plan(Trial *trial, JoinKind kind)
{
    static const char *const names[] = {"k", "id", "v", "s"};
    for (int32_t i = 0; i < 4; i++)
        trial->fields[i] =
            (Field){str_from(names[i]), i == 3 ? type_string() : type_simple(TYPE_BIGINT)};
    trial->node = (PlanNode){.kind = PLAN_REGULAR_JOIN,
                             .label = "join",
                             .inputs = trial->inputs,
                             .input_count = 2,
                             .distribution = DISTRIBUTION_HASH};
    for (int32_t i = 0; i < 2; i++) {
        trial->tables[i] = (PlanTable){.name = STR("t")};
        trial->sources[i] =
            (PlanNode){.kind = PLAN_SOURCE,
                       .schema = {.fields = trial->fields, .count = 4},
                       .changelog = trial->has_retractions[i] ? CHANGELOG_ALL : CHANGELOG_APPEND,
                       .source = {.table = &trial->tables[i]}};
        trial->inputs[i] = &trial->sources[i];
        trial->node.regular_join.join.keys[i] = (ColumnList){.columns = key_columns, .count = 1};
        trial->node.regular_join.has_retractions[i] = trial->has_retractions[i];
        trial->node.regular_join.has_unique[i] = trial->shapes[i] != SHAPE_NOTHING;
        trial->node.regular_join.unique[i] = (ColumnList){
            .columns = trial->shapes[i] == SHAPE_UNIQUE ? id_columns : key_columns, .count = 1};
    }
    trial->node.distribution_keys = trial->node.regular_join.join.keys;
    trial->node.regular_join.join.kind = kind;
    trial->node.regular_join.join.matches_null = trial->null_matched;
    if (trial->has_condition)
        trial->node.regular_join.join.condition = trial_condition(trial);
    int32_t width = kind_is_semi(kind) ? 4 : 8;
    for (int32_t i = 0; i < width; i++) {
        trial->output_columns[i] = i;
        trial->outputs[i] = trial->fields[i % 4];
    }
    trial->node.regular_join.join.columns = trial->output_columns;
    trial->node.schema = (Schema){.fields = trial->outputs, .count = width};
}

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

static void trial_close_shards(Trial *trial)
{
    for (int32_t i = 0; i < trial->shard_count; i++) {
        operator_close(trial->ops[i]);
        capture_close(&trial->captures[i]->base);
    }
}

static const char *value_text(int32_t value)
{
    static const char *const texts[] = {"", "short", "a text of more than twelve bytes", NULL};
    return texts[value];
}

static void trial_put(Batch *batch, Row row, RowKind kind)
{
    int32_t at = batch->row_count++;
    assert_true(at < CAPACITY);
    batch->kinds[at] = (uint8_t)kind;
    put_i64(batch, 0, at, row.key);
    if (row.key == 0)
        column_set_null(&batch->columns[0], batch->arena, at, CAPACITY);
    put_i64(batch, 1, at, row.id);
    put_i64(batch, 2, at, row.value);
    const char *text = value_text(row.value);
    if (text == NULL)
        column_set_null(&batch->columns[3], batch->arena, at, CAPACITY);
    else
        ((StrView *)batch->columns[3].values)[at] = str_view_borrow(str_from(text));
}

static int32_t trial_shard_of(Trial *trial, int32_t key)
{
    Batch *batch = batch_new(&trial->sources[0].schema, CAPACITY);
    batch_need_kinds(batch, CAPACITY);
    trial_put(batch, (Row){.key = key}, ROW_INSERT);
    batch_select_all(batch);
    uint64_t hash;
    rowcode_hash(batch, key_columns, 1, batch->selection, &hash);
    batch_free(batch);
    return exchange_shard_of(hash, trial->shard_count);
}

static void trial_push(Trial *trial, int32_t side, Batch *batch)
{
    batch_select_all(batch);
    uint64_t hashes[CAPACITY];
    rowcode_hash(batch, key_columns, 1, batch->selection, hashes);
    for (int32_t shard = 0; shard < trial->shard_count; shard++) {
        int32_t rows[CAPACITY];
        int32_t count = 0;
        for (int32_t row = 0; row < batch->row_count; row++)
            if (exchange_shard_of(hashes[row], trial->shard_count) == shard)
                rows[count++] = row;
        Batch view = *batch;
        view.selection = (Selection){.rows = rows, .count = count};
        if (count > 0)
            bench_push(&trial->bench[shard], trial->ops[shard], side, &view);
    }
}

/* ---- The model ------------------------------------------------------------------------- */

static bool rows_are_equal(Row a, Row b)
{
    return a.key == b.key && a.id == b.id && a.value == b.value;
}

static bool rows_match(const Trial *trial, Row left, Row right)
{
    return left.key != 0 && left.key == right.key &&
           (!trial->has_condition || left.value != right.value);
}

static void row_text(Buffer *out, const Row *row)
{
    if (row == NULL) {
        buffer_append_text(out, "null,null,null,null");
        return;
    }
    if (row->key == 0)
        buffer_append_text(out, "null");
    else
        buffer_printf(out, "%d", row->key);
    const char *text = value_text(row->value);
    buffer_printf(out, ",%d,%d,%s", row->id, row->value, text == NULL ? "null" : text);
}

/* One line: own and other as left and right. */
static void model_emit(Trial *trial, int32_t side, const Row *own, const Row *other, RowKind kind)
{
    Buffer *out = &trial->expected[trial_shard_of(trial, own != NULL ? own->key : other->key)];
    buffer_printf(out, "%s ", row_kind_text(kind));
    const Row *left = side == 0 ? own : other, *right = side == 0 ? other : own;
    if (kind_is_semi(trial->node.regular_join.join.kind)) {
        row_text(out, left);
    } else {
        row_text(out, left);
        buffer_append_char(out, ',');
        row_text(out, right);
    }
    buffer_append_char(out, '\n');
}

static bool model_is_padded(const Trial *trial, int32_t side)
{
    JoinKind kind = trial->node.regular_join.join.kind;
    return kind == JOIN_FULL || kind == (side == 0 ? JOIN_LEFT : JOIN_RIGHT);
}

static bool model_counts(const Trial *trial, int32_t side)
{
    return trial->has_retractions[side] && trial->shapes[side] == SHAPE_NOTHING;
}

static void model_insert(Trial *trial, int32_t side, Row row, int32_t associations)
{
    ModelRow *rows = trial->live[side];
    int32_t count = trial->live_count[side]++, at = count;
    assert_true(count < LIVE);
    for (int32_t i = 0; model_counts(trial, side) && i < count; i++) {
        if (!rows_are_equal(rows[i].row, row))
            continue;
        rows[i].associations = associations;
        at = i + 1;
    }
    for (int32_t i = count; i > at; i--)
        rows[i] = rows[i - 1];
    rows[at] = (ModelRow){row, associations};
}

static void model_remove(Trial *trial, int32_t side, Row row)
{
    ModelRow *rows = trial->live[side];
    for (int32_t i = 0; i < trial->live_count[side]; i++) {
        if (!rows_are_equal(rows[i].row, row))
            continue;
        trial->live_count[side]--;
        for (int32_t k = i; k < trial->live_count[side]; k++)
            rows[k] = rows[k + 1];
        return;
    }
    fail_msg("the model takes back a row that is not there");
}

/* Places among the rows of the other side. */
typedef struct Matches {
    int32_t at[LIVE];
    int32_t count;
} Matches;

/* Each match that had `before` matches is shown or hidden, then has `step` more. */
static void model_associate(Trial *trial, int32_t side, const Matches *matches, int32_t before,
                            int32_t step, RowKind kind)
{
    ModelRow *rows = trial->live[1 - side];
    int32_t old[LIVE];
    for (int32_t i = 0; i < matches->count; i++)
        old[i] = rows[matches->at[i]].associations;
    for (int32_t i = 0; i < matches->count; i++) {
        if (old[i] == before)
            model_emit(trial, side, NULL, &rows[matches->at[i]].row, kind);
        rows[matches->at[i]].associations = old[i] + step;
    }
}

static void model_semi(Trial *trial, int32_t side, Row row, RowKind kind, const Matches *matches)
{
    int32_t count = matches->count;
    bool is_anti = trial->node.regular_join.join.kind == JOIN_ANTI;
    bool is_retraction = row_kind_is_retraction((uint8_t)kind);
    if (side == 0 && (count == 0) == is_anti)
        model_emit(trial, 0, &row, NULL, kind);
    if (side == 1 && is_retraction)
        model_associate(trial, 1, matches, 1, -1, is_anti ? ROW_INSERT : kind);
    else if (side == 1)
        model_associate(trial, 1, matches, 0, 1, is_anti ? ROW_DELETE : kind);
    if (is_retraction)
        model_remove(trial, side, row);
    else
        model_insert(trial, side, row, count);
}

static void model_regular(Trial *trial, int32_t side, Row row, RowKind kind, const Matches *matches)
{
    int32_t count = matches->count;
    bool is_padded = model_is_padded(trial, side), is_other = model_is_padded(trial, 1 - side);
    const ModelRow *others = trial->live[1 - side];
    if (row_kind_is_retraction((uint8_t)kind)) {
        model_remove(trial, side, row);
        if (count == 0 && is_padded)
            model_emit(trial, side, &row, NULL, ROW_DELETE);
        for (int32_t i = 0; i < count; i++)
            model_emit(trial, side, &row, &others[matches->at[i]].row,
                       is_padded ? ROW_DELETE : kind);
        if (is_other)
            model_associate(trial, side, matches, 1, -1, ROW_INSERT);
        return;
    }
    if (count == 0 && is_padded)
        model_emit(trial, side, &row, NULL, ROW_INSERT);
    if (is_other)
        model_associate(trial, side, matches, 0, 1, ROW_DELETE);
    for (int32_t i = 0; i < count; i++)
        model_emit(trial, side, &row, &others[matches->at[i]].row,
                   is_padded || is_other ? ROW_INSERT : kind);
    model_insert(trial, side, row, count);
}

static void model_change(Trial *trial, int32_t side, Row row, RowKind kind)
{
    Matches matches = {0};
    for (int32_t i = 0; i < trial->live_count[1 - side]; i++) {
        Row other = trial->live[1 - side][i].row;
        if (side == 0 ? rows_match(trial, row, other) : rows_match(trial, other, row))
            matches.at[matches.count++] = i;
    }
    if (kind_is_semi(trial->node.regular_join.join.kind))
        model_semi(trial, side, row, kind, &matches);
    else
        model_regular(trial, side, row, kind, &matches);
}

/* ---- Trials ---------------------------------------------------------------------------- */

static bool key_is_taken(const Trial *trial, int32_t side, int32_t key)
{
    for (int32_t i = 0; i < trial->live_count[side]; i++)
        if (trial->live[side][i].row.key == key)
            return true;
    return false;
}

static Row trial_row(Trial *trial, int32_t side)
{
    Row row = {.key = (int32_t)trial_below(trial, KEYS),
               .id = ++trial->next_id,
               .value = (int32_t)trial_below(trial, VALUES)};
    if (trial->shapes[side] == SHAPE_NOTHING)
        row.id = (int32_t)trial_below(trial, 2);
    return row;
}

static void trial_add(Trial *trial, int32_t side, Batch *batch, Row row, RowKind kind)
{
    if (trial->live_count[side] == LIVE)
        return;
    if (trial->shapes[side] == SHAPE_ONE_ROW && key_is_taken(trial, side, row.key))
        return;
    trial_put(batch, row, kind);
    model_change(trial, side, row, kind);
}

static void trial_change(Trial *trial, int32_t side, Batch *batch)
{
    Row row = trial_row(trial, side);
    bool takes_back =
        trial->has_retractions[side] && trial->live_count[side] > 0 && trial_below(trial, 2) == 0;
    if (!takes_back) {
        trial_add(trial, side, batch, row, ROW_INSERT);
        return;
    }
    Row old = trial->live[side][trial_below(trial, trial->live_count[side])].row;
    bool is_update = trial_below(trial, 2) == 0;
    RowKind kind = is_update ? ROW_UPDATE_BEFORE : ROW_DELETE;
    trial_put(batch, old, kind);
    model_change(trial, side, old, kind);
    row.id = old.id;
    if (is_update)
        trial_add(trial, side, batch, row, ROW_UPDATE_AFTER);
}

static void trial_check(Trial *trial)
{
    for (int32_t i = 0; i < trial->shard_count; i++) {
        assert_string_equal(capture_text(trial->captures[i]),
                            buffer_terminated(&trial->expected[i]));
        capture_clear(trial->captures[i]);
        trial->expected[i].length = 0;
    }
}

static void trial_recover(Trial *trial, int32_t shards)
{
    chain_end(trial->chain);
    trial_close_shards(trial);
    trial_open_shards(trial, shards);
    chain_resume(trial->chain);
}

static Trial *trial_new(uint64_t seed)
{
    Trial *trial = memory_allocate_zeroed((int64_t)sizeof *trial);
    trial->seed = seed;
    bench_world_open(&trial->world);
    for (int32_t i = 0; i < SHARDS; i++)
        bench_open(&trial->bench[i]);
    return trial;
}

static void trial_free(Trial *trial)
{
    trial_close_shards(trial);
    for (int32_t i = 0; i < SHARDS; i++) {
        bench_close(&trial->bench[i]);
        buffer_free(&trial->expected[i]);
    }
    chain_free(trial->chain);
    memory_free(trial);
}

static void run_trial(uint64_t seed, JoinKind kind)
{
    Trial *trial = trial_new(seed);
    for (int32_t i = 0; i < 2; i++) {
        trial->has_retractions[i] = trial_below(trial, 3) > 0;
        trial->shapes[i] = (Shape)trial_below(trial, 3);
        /* Nothing is searched by a key that rows of an append-only input are not kept by. */
        if (!trial->has_retractions[i] && trial->shapes[i] == SHAPE_UNIQUE)
            trial->shapes[i] = SHAPE_NOTHING;
    }
    trial->has_condition = trial_below(trial, 2) == 0;
    trial_plan(trial, kind);
    trial->chain = chain_new(seed);
    bench_spill(trial->bench, SHARDS, seed % 8 == 1);
    trial_open_shards(trial, 1);
    for (int32_t step = 0; step < 40; step++) {
        int32_t side = (int32_t)trial_below(trial, 2);
        Batch *batch = batch_new(&trial->sources[side].schema, CAPACITY);
        batch_need_kinds(batch, CAPACITY);
        int64_t changes = 1 + trial_below(trial, 20);
        for (int64_t i = 0; i < changes; i++)
            trial_change(trial, side, batch);
        trial_push(trial, side, batch);
        batch_free(batch);
        trial_check(trial);
        if (trial_below(trial, 6) == 0)
            trial_recover(trial, 1 + (int32_t)trial_below(trial, SHARDS));
    }
    trial_free(trial);
}

static void run_kind(JoinKind kind)
{
    for (uint64_t seed = 1; seed <= 200; seed++)
        run_trial(seed + (uint64_t)kind * 1000, kind);
}

static void test_inner(void **state)
{
    (void)state;
    run_kind(JOIN_INNER);
}

static void test_left(void **state)
{
    (void)state;
    run_kind(JOIN_LEFT);
}

static void test_right(void **state)
{
    (void)state;
    run_kind(JOIN_RIGHT);
}

static void test_full(void **state)
{
    (void)state;
    run_kind(JOIN_FULL);
}

static void test_semi(void **state)
{
    (void)state;
    run_kind(JOIN_SEMI);
}

static void test_anti(void **state)
{
    (void)state;
    run_kind(JOIN_ANTI);
}

/* ---- Batch mode ------------------------------------------------------------------------ */

/* The lines without the changes that took each other back, in order. */
static void fold(Arena *arena, const char *text, Buffer *out)
{
    int32_t count = 0, capacity = 4096;
    Str *lines = ARENA_ARRAY(arena, Str, capacity);
    for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1) {
        Str row = str_make(text + 3, end - text - 3);
        if (text[0] == '+') {
            assert_true(count < capacity);
            lines[count++] = row;
        }
        for (int32_t i = 0; text[0] == '-' && i < count; i++) {
            if (!str_equal(lines[i], row))
                continue;
            lines[i] = lines[--count];
            break;
        }
    }
    qsort(lines, (size_t)count, sizeof lines[0], compare_lines);
    for (int32_t i = 0; i < count; i++)
        buffer_printf(out, "%.*s\n", (int)lines[i].length, lines[i].data);
}

static int32_t kept_rows(const JoinSide *side)
{
    int32_t all = 0;
    int64_t cursor = 0;
    for (const uint8_t *value = table_next(side->table, &cursor); value != NULL;
         value = table_next(side->table, &cursor)) {
        uint8_t *one;
        int32_t count;
        uint8_t *const *rows = rowset_rows((const RowSet *)(const void *)value, &one, &count);
        for (int32_t i = 0; i < count; i++)
            all += rows[i] != NULL;
    }
    return all;
}

static void end_side(Trial *trial, int32_t side)
{
    assert_int_equal(operator_receive_watermark(trial->ops[0], side, TIMESTAMP_MAX), OK);
}

/* One side ends before the other, whose rows are not kept from then on. */
static void run_batch_trial(uint64_t seed, JoinKind kind)
{
    Trial *trial = trial_new(seed);
    trial->shapes[0] = trial_below(trial, 2) == 0 ? SHAPE_ONE_ROW : SHAPE_NOTHING;
    trial->has_condition = trial_below(trial, 2) == 0;
    trial_plan(trial, kind);
    trial->node.regular_join.is_final = true;
    trial->chain = chain_new(seed);
    trial_open_shards(trial, 1);
    const Join *join = (const Join *)trial->ops[0];
    int32_t first = (int32_t)trial_below(trial, 2);
    int64_t end_step = trial_below(trial, 12);
    int32_t kept = 0;
    for (int32_t step = 0; step < 16; step++) {
        if (step == end_step) {
            end_side(trial, first);
            kept = kept_rows(&join->sides[1 - first]);
        }
        int32_t side = step >= end_step ? 1 - first : (int32_t)trial_below(trial, 2);
        Batch *batch = batch_new(&trial->sources[side].schema, CAPACITY);
        batch_need_kinds(batch, CAPACITY);
        for (int64_t changes = 1 + trial_below(trial, 6); changes > 0; changes--)
            trial_change(trial, side, batch);
        trial_push(trial, side, batch);
        batch_free(batch);
    }
    assert_int_equal(kept_rows(&join->sides[1 - first]), kept);
    end_side(trial, 1 - first);
    Buffer ours = {0}, theirs = {0};
    fold(trial->bench[0].task.query, capture_text(trial->captures[0]), &ours);
    fold(trial->bench[0].task.query, buffer_terminated(&trial->expected[0]), &theirs);
    assert_string_equal(buffer_terminated(&ours), buffer_terminated(&theirs));
    buffer_free(&ours);
    buffer_free(&theirs);
    trial_free(trial);
}

static void test_batch_mode(void **state)
{
    (void)state;
    static const JoinKind kinds[] = {JOIN_INNER, JOIN_LEFT, JOIN_RIGHT,
                                     JOIN_FULL,  JOIN_SEMI, JOIN_ANTI};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        for (uint64_t seed = 1; seed <= 100; seed++)
            run_batch_trial(seed + i * 1000, kinds[i]);
}

/* ---- Expiry ---------------------------------------------------------------------------- */

static void push_one(Trial *trial, int32_t id)
{
    Batch *batch = batch_new(&trial->sources[0].schema, CAPACITY);
    batch_need_kinds(batch, CAPACITY);
    trial_put(batch, (Row){.key = 1, .id = id}, ROW_INSERT);
    trial_push(trial, 0, batch);
    batch_free(batch);
}

/* Of two rows of one key the older one expires, between a full checkpoint and the next. */
static void test_expired_rows_leave_checkpoints(void **state)
{
    (void)state;
    Trial *trial = trial_new(1);
    trial_plan(trial, JOIN_INNER);
    trial->node.regular_join.state_ttl_us[0] = 100;
    trial->chain = chain_new(1);
    trial_open_shards(trial, 1);
    push_one(trial, 1);
    trial->world.now_us += 60;
    push_one(trial, 2);
    chain_step(trial->chain, INT64_MAX);
    chain_barrier(trial->chain, true);
    chain_step(trial->chain, INT64_MAX);
    trial->world.now_us += 60;
    assert_int_equal(trial->ops[0]->kind->tick(trial->ops[0], trial->world.now_us), OK);
    chain_barrier(trial->chain, false);
    chain_step(trial->chain, INT64_MAX);
    Buffer saved[2] = {0};
    bench_save(trial->ops, 1, &saved[0]);
    trial_close_shards(trial);
    trial_open_shards(trial, 1);
    chain_resume(trial->chain);
    bench_save(trial->ops, 1, &saved[1]);
    assert_int_equal(saved[0].length, saved[1].length);
    assert_memory_equal(saved[0].data, saved[1].data, saved[0].length);
    for (int32_t i = 0; i < 2; i++)
        buffer_free(&saved[i]);
    trial_free(trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inner),      cmocka_unit_test(test_left),
        cmocka_unit_test(test_right),      cmocka_unit_test(test_full),
        cmocka_unit_test(test_semi),       cmocka_unit_test(test_anti),
        cmocka_unit_test(test_batch_mode), cmocka_unit_test(test_expired_rows_leave_checkpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
