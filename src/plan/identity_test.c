/* Uids that survive edits elsewhere, and the parts of a plan that EXPLAIN does not show. */
#include "plan/plan_testing.h"

#define ORDERS                                                                                     \
    "CREATE TABLE orders (id BIGINT NOT NULL, store INT, amount DECIMAL(12, 2), status STRING, "   \
    "ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen');\n"
#define OUT                                                                                        \
    "CREATE TABLE kv (k INT, v DECIMAL(38, 2), PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = " \
    "'redis');\nCREATE TABLE p1 (a BIGINT) WITH ('connector' = 'print');\n"
#define QUERY "INSERT INTO kv SELECT store, SUM(amount) FROM orders WHERE id > 3 GROUP BY store;\n"

static const PlanNode *node_of(const Planned *planned, PlanKind kind)
{
    assert_non_null(planned->plan);
    for (int32_t i = 0; i < planned->plan->node_count; i++) {
        if (planned->plan->nodes[i]->kind == kind)
            return planned->plan->nodes[i];
    }
    fail_msg("no such node");
    return NULL;
}

/* The uids of the first aggregation in both scripts. */
static void check_uids(const char *a, const char *b, PlanKind kind, bool is_same)
{
    Planned one = planned_make(a), other = planned_make(b);
    const char *uid = node_of(&one, kind)->uid;
    assert_int_equal(strcmp(uid, node_of(&other, kind)->uid) == 0, is_same);
    planned_free(&one);
    planned_free(&other);
}

static void test_edits_elsewhere_keep_uids(void **state)
{
    (void)state;
    const char *before = ORDERS OUT QUERY;
    const char *others = ORDERS OUT "INSERT INTO p1 SELECT id FROM orders WHERE status = 'x';\n"
                                    "INSERT INTO p1 SELECT COUNT(*) FROM orders;\n" QUERY;
    Planned one = planned_make(before), other = planned_make(others);
    const char *uid = node_of(&one, PLAN_GROUP_AGGREGATE)->uid;
    bool is_found = false;
    for (int32_t i = 0; i < other.plan->node_count; i++)
        is_found = is_found || strcmp(other.plan->nodes[i]->uid, uid) == 0;
    assert_true(is_found);
    assert_string_equal(node_of(&one, PLAN_SOURCE)->uid, node_of(&other, PLAN_SOURCE)->uid);
    planned_free(&one);
    planned_free(&other);
    /* Columns in another order, one more of them, the query behind a view, other aliases. */
    const char *moved =
        "CREATE TABLE orders (extra INT, status STRING, amount DECIMAL(12, 2), store INT, id "
        "BIGINT "
        "NOT NULL, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen');\n" OUT
        "CREATE VIEW v AS SELECT amount AS x, store AS y, id AS z FROM orders;\n"
        "INSERT INTO kv SELECT y, SUM(x) AS total FROM v WHERE z > 3 GROUP BY y;\n";
    check_uids(before, moved, PLAN_GROUP_AGGREGATE, true);
    check_uids(before, moved, PLAN_SOURCE, true);
    check_uids(before, moved, PLAN_SINK, true);
}

static void test_another_meaning_is_another_uid(void **state)
{
    (void)state;
    const char *before = ORDERS OUT QUERY;
    static const char *const others[] = {
        ORDERS OUT "INSERT INTO kv SELECT store, SUM(amount) FROM orders WHERE id > 4 GROUP BY "
                   "store;",
        ORDERS OUT "INSERT INTO kv SELECT store, MAX(amount) FROM orders WHERE id > 3 GROUP BY "
                   "store;",
        ORDERS OUT "INSERT INTO kv SELECT store, SUM(amount * 2) FROM orders WHERE id > 3 GROUP "
                   "BY store;",
        ORDERS OUT "INSERT INTO kv SELECT store, SUM(DISTINCT amount) FROM orders WHERE id > 3 "
                   "GROUP BY store;",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        check_uids(before, others[i], PLAN_GROUP_AGGREGATE, false);
        check_uids(before, others[i], PLAN_SOURCE, true);
        check_uids(before, others[i], PLAN_SINK, true);
    }
}

/* State of one type cannot be read as another; rows that are served are those of one query. */
static void test_another_type_or_query_is_another_uid(void **state)
{
    (void)state;
#define AMOUNTS(type) "CREATE TABLE o (id BIGINT, s " type ") WITH ('connector' = 'datagen');\n"
#define SERVED(columns)                                                                            \
    "CREATE MATERIALIZED TABLE c FRESHNESS = INTERVAL '1' SECOND AS SELECT id, " columns           \
    " FROM o GROUP BY id;\n"
    const char *before = AMOUNTS("DECIMAL(10, 2)") SERVED("SUM(s) AS t, MAX(s) AS m");
    static const PlanKind kinds[] = {PLAN_GROUP_AGGREGATE, PLAN_SERVE};
    for (int32_t i = 0; i < 2; i++) {
        check_uids(before, AMOUNTS("DECIMAL(10, 4)") SERVED("SUM(s) AS t, MAX(s) AS m"), kinds[i],
                   false);
        check_uids(before, AMOUNTS("INT") SERVED("SUM(s) AS t, MAX(s) AS m"), kinds[i], false);
        check_uids(before, AMOUNTS("DECIMAL(10, 2) NOT NULL") SERVED("SUM(s) AS t, MAX(s) AS m"),
                   kinds[i], true);
    }
    check_uids(before, AMOUNTS("DECIMAL(10, 2)") SERVED("MAX(s) AS m, SUM(s) AS t"), PLAN_SERVE,
               false);
    check_uids(before, AMOUNTS("DECIMAL(10, 2)") SERVED("MAX(s) AS t, SUM(s) AS m"), PLAN_SERVE,
               false);
    check_uids(before, AMOUNTS("DECIMAL(10, 2)") SERVED("SUM(s) AS t, MIN(s) AS m"), PLAN_SERVE,
               false);
#undef SERVED
#undef AMOUNTS
}

static void test_batch_mode_has_state_of_its_own(void **state)
{
    (void)state;
    const char *orders = "CREATE TABLE orders (id BIGINT, store INT, amount DECIMAL(12, 2)) WITH "
                         "('connector' = 'datagen', 'number-of-rows' = '9');\n";
    Buffer stream = {0}, batch = {0};
    buffer_printf(&stream, "%s%s", orders, OUT QUERY);
    buffer_printf(&batch, "SET 'execution.runtime-mode' = 'batch';\n%s%s", orders, OUT QUERY);
    const char *a = buffer_terminated(&stream), *b = buffer_terminated(&batch);
    check_uids(a, b, PLAN_GROUP_AGGREGATE, false);
    check_uids(a, b, PLAN_SOURCE, true);
    buffer_free(&stream);
    buffer_free(&batch);
}

/* Whether the first such node of the query is another in another session zone; `query` is over
 * INSTANTS. */
static bool is_zoned(const char *query, PlanKind kind)
{
#define INSTANTS                                                                                   \
    "CREATE TABLE t (k INT, n BIGINT, s STRING, rt TIMESTAMP_LTZ(3), ts TIMESTAMP(3), WATERMARK "  \
    "FOR %s AS %s) WITH ('connector' = 'datagen');\nINSERT INTO p1 %s;\n"
    bool is_local = strstr(query, "(ts)") != NULL;
    const char *time = is_local ? "ts" : "rt";
    static const char *const zones[] = {"UTC", "Europe/Berlin"};
    Planned planned[2];
    const char *uids[2];
    for (int32_t i = 0; i < 2; i++) {
        Buffer script = {0};
        buffer_printf(&script, OUT "SET 'table.local-time-zone' = '%s';\n" INSTANTS, zones[i], time,
                      time, query);
        planned[i] = planned_make(buffer_terminated(&script));
        uids[i] = node_of(&planned[i], kind)->uid;
        buffer_free(&script);
    }
    bool is_same = strcmp(uids[0], uids[1]) == 0;
    assert_true(plan_uid_is_same_but_zone(uids[0], uids[1]));
    assert_int_equal(plan_uid_takes(uids[0], uids[1]), is_same);
    if (is_same) {
        assert_null(plan_uid_zone(uids[0]));
    } else {
        char before[64];
        snprintf(before, sizeof before, "%.*s", (int)strcspn(uids[0], "@"), uids[0]);
        assert_string_equal(plan_uid_zone(uids[1]), zones[1]);
        assert_true(plan_uid_takes(uids[0], before) && plan_uid_takes(uids[1], before));
    }
    planned_free(&planned[0]);
    planned_free(&planned[1]);
    return !is_same;
#undef INSTANTS
}

static void test_state_of_a_zone_is_told_from_others(void **state)
{
    (void)state;
#define WINDOW(of, what)                                                                           \
    "SELECT " what " FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(" of "), INTERVAL '1' DAY))"
#define GROUPED(by) "SELECT COUNT(*) FROM t GROUP BY " by
    static const struct {
        const char *query;
        PlanKind kind;
        bool is_zoned;
    } cases[] = {
        {WINDOW("rt", "COUNT(*)") " GROUP BY window_start, window_end", PLAN_WINDOW_AGGREGATE,
         true},
        {WINDOW("ts", "COUNT(*)") " GROUP BY window_start, window_end", PLAN_WINDOW_AGGREGATE,
         false},
        {WINDOW("rt", "COUNT(*)") " GROUP BY window_start", PLAN_GROUP_AGGREGATE, true},
        {WINDOW("ts", "COUNT(*)") " GROUP BY window_start", PLAN_GROUP_AGGREGATE, false},
        {GROUPED("CAST(rt AS DATE)"), PLAN_GROUP_AGGREGATE, true},
        {GROUPED("DATE_FORMAT(rt, 'yyyy')"), PLAN_GROUP_AGGREGATE, true},
        {GROUPED("DATE_FORMAT(ts, 'yyyy')"), PLAN_GROUP_AGGREGATE, false},
        {GROUPED("FLOOR(rt TO DAY)"), PLAN_GROUP_AGGREGATE, true},
        {GROUPED("FLOOR(n)"), PLAN_GROUP_AGGREGATE, false},
        {GROUPED("JSON_STRING(n)"), PLAN_GROUP_AGGREGATE, false},
        {GROUPED("FROM_UNIXTIME(n)"), PLAN_GROUP_AGGREGATE, true},
        {GROUPED("UNIX_TIMESTAMP(s)"), PLAN_GROUP_AGGREGATE, true},
        {GROUPED("CONVERT_TZ(s, 'UTC', 'Asia/Tokyo')"), PLAN_GROUP_AGGREGATE, false},
        {GROUPED("rt"), PLAN_GROUP_AGGREGATE, false},
        {"SELECT COUNT(*) FROM t WHERE HOUR(rt) > 8 GROUP BY k", PLAN_GROUP_AGGREGATE, true},
        {"SELECT COUNT(*) FROM t WHERE rt > TO_TIMESTAMP_LTZ(n, 3) GROUP BY k",
         PLAN_GROUP_AGGREGATE, false},
        {"SELECT COUNT(*) FROM t WHERE rt > ts GROUP BY k", PLAN_GROUP_AGGREGATE, true},
        /* What is only handed up next to the state is not in it. */
        {"SELECT HOUR(rt) FROM t", PLAN_SOURCE, false},
        {"SELECT CAST(HOUR(rt) AS BIGINT) FROM t", PLAN_SINK, false},
        {"SELECT x FROM t MATCH_RECOGNIZE (PARTITION BY k ORDER BY rt MEASURES A.n AS x PATTERN (A "
         "B) DEFINE B AS HOUR(B.rt) > 8)",
         PLAN_MATCH, true},
        {"SELECT x FROM t MATCH_RECOGNIZE (PARTITION BY k ORDER BY rt MEASURES A.n AS x PATTERN (A "
         "B) DEFINE B AS B.rt > A.rt)",
         PLAN_MATCH, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (is_zoned(cases[i].query, cases[i].kind) != cases[i].is_zoned)
            fail_msg("%s", cases[i].query);
#undef WINDOW
#undef GROUPED
}

static void test_uids_are_unique(void **state)
{
    (void)state;
    Planned planned = planned_make(ORDERS OUT "INSERT INTO p1 SELECT id FROM orders;\n"
                                              "INSERT INTO p1 SELECT id + 1 FROM orders;\n"
                                              "INSERT INTO p1 SELECT id FROM orders;\n");
    const Plan *plan = planned.plan;
    assert_int_equal(plan->root_count, 3);
    for (int32_t i = 0; i < plan->node_count; i++) {
        for (int32_t j = 0; j < i; j++)
            assert_string_not_equal(plan->nodes[i]->uid, plan->nodes[j]->uid);
    }
    planned_free(&planned);
}

static void test_inputs_come_first(void **state)
{
    (void)state;
    Planned planned = planned_make(ORDERS OUT QUERY QUERY);
    for (int32_t i = 0; i < planned.plan->node_count; i++) {
        const PlanNode *node = planned.plan->nodes[i];
        assert_int_equal(node->id, i);
        for (int32_t k = 0; k < node->input_count; k++)
            assert_true(node->inputs[k]->id < i);
    }
    planned_free(&planned);
}

static void test_sources_read_only_what_is_used(void **state)
{
    (void)state;
    Planned planned = planned_make(
        "CREATE TABLE c (id BIGINT, a INT, b STRING, k STRING METADATA FROM 'row_kind' VIRTUAL, t "
        "STRING METADATA FROM 'table_name' VIRTUAL, PRIMARY KEY (id) NOT ENFORCED) WITH "
        "('connector' = 'mysql-cdc', 'hostname' = 'h');\n"
        "CREATE TABLE o2 (x STRING, y STRING) WITH ('connector' = 'print');\n"
        "INSERT INTO o2 SELECT t, b FROM c;\n");
    const PlanNode *source = node_of(&planned, PLAN_SOURCE);
    assert_int_equal(source->schema.count, 2);
    assert_int_equal(source->source.columns[0], 2);
    assert_int_equal(source->source.columns[1], -3);
    assert_true(str_is(source->schema.fields[1].name, "t"));
    assert_false(source->schema.fields[1].type.is_nullable);
    const PlanNode *sink = node_of(&planned, PLAN_SINK);
    assert_int_equal(sink->sink.writes[0], 0);
    assert_int_equal(sink->sink.writes[1], 1);
    assert_int_equal(sink->sink.accepts, CHANGELOG_ALL);
    planned_free(&planned);
}

static void test_window_aggregate_columns(void **state)
{
    (void)state;
    Planned planned = planned_make(
        ORDERS "CREATE TABLE o2 (a INT, b TIMESTAMP(3), c BIGINT) WITH ('connector' = 'print');\n"
               "INSERT INTO o2 SELECT store, window_end, COUNT(*) FILTER (WHERE status = 'x') FROM "
               "TABLE(HOP(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '30' MINUTE, "
               "INTERVAL '10' SECOND)) GROUP BY store, window_start, window_end;\n");
    const PlanNode *node = node_of(&planned, PLAN_WINDOW_AGGREGATE);
    assert_int_equal(node->window_aggregate.window.kind, WINDOW_HOP);
    assert_int_equal(node->window_aggregate.window.size_ms, 1800000);
    assert_int_equal(node->window_aggregate.window.slide_ms, 60000);
    assert_int_equal(node->window_aggregate.window.offset_ms, 10000);
    assert_false(node->window_aggregate.window.is_local_time);
    assert_int_equal(node->window_aggregate.key_count, 1);
    assert_int_equal(node->window_aggregate.aggregate_count, 1);
    assert_int_equal(node->window_aggregate.window_column_count, 1);
    assert_int_equal(node->window_aggregate.window_columns[0], WINDOW_END);
    assert_false(node->window_aggregate.has_retractions);
    const Schema *input = &node->inputs[0]->schema;
    int32_t filter = node->window_aggregate.aggregates[0].filter;
    assert_true(filter >= 0 && filter < input->count);
    assert_int_equal(input->fields[filter].type.id, TYPE_BOOLEAN);
    int32_t time = node->window_aggregate.window.time_column;
    assert_true(str_is(input->fields[time].name, "ts"));
    assert_int_equal(node->distribution, DISTRIBUTION_HASH);
    assert_int_equal(node->distribution_keys[0].columns[0], node->window_aggregate.keys[0]);
    assert_int_equal(node->schema.count, 3);
    planned_free(&planned);
}

/* The key of a table that is read stays a key through casts and prefixes, not through others. */
static void test_keys_through_expressions(void **state)
{
    (void)state;
    static const struct {
        const char *expr;
        bool is_key;
    } cases[] = {
        {"CAST(id AS STRING)", true},
        {"CONCAT('order:', CAST(id AS STRING))", true},
        {"'a' || CAST(CAST(id AS BIGINT) AS STRING)", true},
        {"CAST(id AS VARCHAR(3))", false},
        {"CAST(CAST(id AS SMALLINT) AS STRING)", false},
        {"CAST(id + 1 AS STRING)", false},
        {"CONCAT(b, CAST(id AS STRING))", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Buffer script = {0};
        buffer_printf(&script,
                      "CREATE TABLE c (id INT, b STRING, PRIMARY KEY (id) NOT ENFORCED) WITH "
                      "('connector' = 'mysql-cdc', 'hostname' = 'h');\n"
                      "CREATE TABLE kv (k STRING, v STRING, PRIMARY KEY (k) NOT ENFORCED) WITH "
                      "('connector' = 'redis');\nINSERT INTO kv SELECT %s, b FROM c;\n",
                      cases[i].expr);
        Planned planned = planned_make(buffer_terminated(&script));
        assert_int_equal(planned.status, OK);
        /* Where it is none, changes are put in order for the sink's key first. */
        const PlanNode *before = planned.plan->roots[0]->inputs[0];
        bool is_key = before->kind != PLAN_UPSERT_MATERIALIZE;
        if (is_key != cases[i].is_key)
            fprintf(stderr, "wrong: %s\n", cases[i].expr);
        assert_int_equal(is_key, cases[i].is_key);
        buffer_free(&script);
        planned_free(&planned);
    }
}

static void test_settings(void **state)
{
    (void)state;
    Planned planned = planned_make("SET 'execution.checkpointing.interval' = '10 s';\n"
                                   "SET parallelism.default = 3;\n"
                                   "SET 'pipeline.name' = 'n';\n"
                                   "SET 'table.exec.state.ttl' = '1 h';\n"
                                   "SET 'weir.memory.limit' = '64 mb';\n"
                                   "SET 'table.local-time-zone' = 'UTC';\n"
                                   "SET 'state.checkpoints.num-retained' = '4';\n"
                                   "SET 'pipeline.auto-watermark-interval' = '1 s';\n"
                                   "RESET 'pipeline.name';\n" ORDERS OUT QUERY);
    const PlanSettings *settings = &planned.plan->settings;
    assert_int_equal(settings->checkpoint_interval_us, 10000000);
    assert_int_equal(settings->parallelism, 3);
    assert_null(settings->pipeline_name);
    assert_int_equal(settings->state_ttl_us, 3600000000);
    assert_int_equal(settings->memory_limit_bytes, 64 << 20);
    assert_int_equal(settings->checkpoints_retained, 4);
    assert_int_equal(settings->watermark_interval_us, 1000000);
    assert_false(settings->is_batch);
    assert_int_equal(node_of(&planned, PLAN_GROUP_AGGREGATE)->group_aggregate.state_ttl_us,
                     3600000000);
    assert_int_equal(node_of(&planned, PLAN_WATERMARK)->watermark.interval_us, 1000000);
    planned_free(&planned);
}

static void test_other_forms_of_explain(void **state)
{
    (void)state;
    Planned planned = planned_make("SET 'weir.memory.limit' = '1 gb';\n" ORDERS OUT
                                   "CREATE MATERIALIZED TABLE m WITH ('ttl' = '1 h') FRESHNESS = "
                                   "INTERVAL '1' MINUTE AS SELECT id FROM orders;\n");
    Buffer text = {0};
    plan_explain_json(planned.plan, &text);
    const char *json = buffer_terminated(&text);
    assert_non_null(strstr(json, "\"schema\":\"weir.v1.Plan\""));
    assert_non_null(strstr(json, "\"changelog\":\"[I]\""));
    text.length = 0;
    plan_explain_dot(planned.plan, &text);
    assert_non_null(strstr(buffer_terminated(&text), "n0 -> n1 [label=\"[I]\"]"));
    buffer_free(&text);
    planned_free(&planned);
}

static void test_nothing_to_run(void **state)
{
    (void)state;
    Planned planned = planned_make(ORDERS);
    assert_int_equal(planned.status, OK);
    assert_int_equal(planned.plan->root_count, 0);
    assert_int_equal(planned.plan->node_count, 0);
    planned_free(&planned);
    planned = planned_make("");
    assert_int_equal(planned.status, OK);
    planned_free(&planned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edits_elsewhere_keep_uids),
        cmocka_unit_test(test_another_meaning_is_another_uid),
        cmocka_unit_test(test_another_type_or_query_is_another_uid),
        cmocka_unit_test(test_batch_mode_has_state_of_its_own),
        cmocka_unit_test(test_state_of_a_zone_is_told_from_others),
        cmocka_unit_test(test_uids_are_unique),
        cmocka_unit_test(test_inputs_come_first),
        cmocka_unit_test(test_sources_read_only_what_is_used),
        cmocka_unit_test(test_window_aggregate_columns),
        cmocka_unit_test(test_keys_through_expressions),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_other_forms_of_explain),
        cmocka_unit_test(test_nothing_to_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
