/* Tables that read the same: one source, whatever each makes of it. */
#include "plan/plan_testing.h"

#define WITH_HOST " WITH ('connector' = 'mysql-cdc', 'hostname' = 'h', 'port' = '1'"
#define PAY_COLUMNS                                                                                \
    "id BIGINT NOT NULL, store INT, amount DECIMAL(12, 2), ts TIMESTAMP(3), WATERMARK FOR ts AS "  \
    "ts, PRIMARY KEY (id) NOT ENFORCED"
#define PAY "CREATE TABLE pay (" PAY_COLUMNS ")" WITH_HOST ");\n"
/* Other columns, in another order, the options too. */
#define CHANGES                                                                                    \
    "CREATE TABLE changes (note STRING, id BIGINT NOT NULL, kind STRING NOT NULL METADATA FROM "   \
    "'row_kind' VIRTUAL, store INT, PRIMARY KEY (id) NOT ENFORCED) WITH ('flat' = 'true', "        \
    "'port' = '1', 'connector' = 'mysql-cdc', 'hostname' = 'h');\n"
#define OUT                                                                                        \
    "CREATE TABLE p1 (a BIGINT) WITH ('connector' = 'print');\n"                                   \
    "CREATE TABLE kv (k INT, v BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = "         \
    "'redis');\n"                                                                                  \
    "CREATE TABLE files (a STRING, b BIGINT) WITH ('connector' = 'filesystem', 'path' = '/x', "    \
    "'format' = 'json');\n"
#define FROM_PAY "INSERT INTO kv SELECT store, COUNT(*) FROM pay GROUP BY store;\n"
#define FROM_CHANGES "INSERT INTO files SELECT kind, id FROM changes WHERE note <> 'x';\n"

#define AT_LEAST_ONCE                                                                              \
    "   exactly once in state; print: at least once, rows after the last checkpoint may come "     \
    "again\n"
#define COMMITS "   exactly once in state; filesystem: exactly once, commits with the checkpoint\n"

static int32_t source_count(const char *script)
{
    Planned planned = planned_make(script);
    assert_non_null(planned.plan);
    int32_t count = 0;
    for (int32_t i = 0; i < planned.plan->node_count; i++)
        count += planned.plan->nodes[i]->kind == PLAN_SOURCE;
    planned_free(&planned);
    return count;
}

static const PlanNode *node_of(const Planned *planned, PlanKind kind)
{
    assert_non_null(planned->plan);
    for (int32_t i = 0; i < planned->plan->node_count; i++)
        if (planned->plan->nodes[i]->kind == kind)
            return planned->plan->nodes[i];
    fail_msg("no such node");
    return NULL;
}

static void test_changes_and_inserts_of_one_source(void **state)
{
    (void)state;
    assert_plan(
        PAY CHANGES OUT FROM_CHANGES FROM_PAY,
        "#2 sink files [I]  filesystem json\n" COMMITS "   single\n"
        "└─ #1 filter and project [I]  kind, id WHERE note <> 'x', as append-only\n"
        "   └─ #0 source pay [I,UB,UA,D]  mysql-cdc, unbounded: id, store, ts, note, kind, "
        "key (id)  (shared by 2)\n"
        "\n"
        "#7 sink kv [I,UA,D]  redis, key (k)\n"
        "   exactly once in state; redis: idempotent by key k, rows after the last checkpoint may "
        "come again\n"
        "   hash by (store)\n"
        "└─ #6 group by store [I,UA,D]  COUNT(*) AS EXPR$1\n"
        "      hash by (store)\n"
        "   └─ #5 project [I,UB,UA,D]  store\n"
        "      └─ #4 watermark ts [I,UB,UA,D]  ts\n"
        "         └─ #3 project [I,UB,UA,D]  store, ts\n"
        "            └─ #0 source pay [I,UB,UA,D]  (shared, see above)\n");
}

static void test_columns_of_the_shared_table(void **state)
{
    (void)state;
    Planned planned = planned_make(PAY CHANGES OUT FROM_CHANGES FROM_PAY);
    const PlanNode *source = node_of(&planned, PLAN_SOURCE);
    const PlanTable *table = source->source.table;
    assert_int_equal(source->schema.count, 5);
    for (int32_t i = 0; i < 4; i++) {
        int32_t column = source->source.columns[i];
        assert_in_range(column, 0, table->physical.count - 1);
        Str name = table->physical.fields[column].name;
        assert_true(str_equal(name, source->schema.fields[i].name));
    }
    assert_int_equal(source->source.columns[4], -2); /* row_kind, the second of the list */
    assert_int_equal(table->key_count, 1);
    assert_true(str_is(table->physical.fields[table->key[0]].name, "id"));
    assert_true(str_is(table->name, "pay"));
    planned_free(&planned);
}

static void test_what_is_not_shared(void **state)
{
    (void)state;
    assert_int_equal(source_count(PAY CHANGES OUT FROM_PAY FROM_CHANGES), 1);
    static const char *const others[] = {
        /* Another option; a type; nullability; the key; a connector that does not say it can. */
        "CREATE TABLE changes (note STRING, id BIGINT NOT NULL, kind STRING NOT NULL METADATA "
        "FROM 'row_kind' VIRTUAL, PRIMARY KEY (id) NOT ENFORCED)" WITH_HOST
        ", 'username' = 'u', 'flat' = 'true');\n",
        "CREATE TABLE changes (note STRING, id BIGINT NOT NULL, amount STRING, kind STRING NOT "
        "NULL METADATA FROM 'row_kind' VIRTUAL, PRIMARY KEY (id) NOT ENFORCED)" WITH_HOST
        ", 'flat' = 'true');\n",
        "CREATE TABLE changes (note STRING, id BIGINT NOT NULL, store INT NOT NULL, kind STRING "
        "NOT NULL METADATA FROM 'row_kind' VIRTUAL, PRIMARY KEY (id) NOT ENFORCED)" WITH_HOST
        ", 'flat' = 'true');\n",
        "CREATE TABLE changes (note STRING NOT NULL, id BIGINT NOT NULL, kind STRING NOT NULL "
        "METADATA FROM 'row_kind' VIRTUAL, PRIMARY KEY (note) NOT ENFORCED)" WITH_HOST
        ", 'flat' = 'true');\n",
        ("CREATE TABLE changes (note STRING, id BIGINT NOT NULL, kind STRING) WITH ('connector' = "
         "'datagen');\n"),
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        Buffer script = {0};
        buffer_printf(&script, "%s%s%s", PAY OUT, others[i], FROM_PAY FROM_CHANGES);
        assert_int_equal(source_count(buffer_terminated(&script)), 2);
        buffer_free(&script);
    }
    assert_int_equal(
        source_count("CREATE TABLE a (id BIGINT) WITH ('connector' = 'datagen');\nCREATE TABLE b "
                     "(id BIGINT) WITH ('connector' = 'datagen');\n" OUT
                     "INSERT INTO p1 SELECT id FROM a;\nINSERT INTO p1 SELECT id FROM b;\n"),
        2);
}

/* Of three the first two agree, and the third only with one of them. */
static void test_all_members_agree(void **state)
{
    (void)state;
    assert_int_equal(
        source_count(PAY "CREATE TABLE b (id BIGINT NOT NULL, note STRING, PRIMARY KEY (id) NOT "
                         "ENFORCED)" WITH_HOST ");\n"
                         "CREATE TABLE c (id BIGINT NOT NULL, note INT, PRIMARY KEY (id) NOT "
                         "ENFORCED)" WITH_HOST ");\n" OUT FROM_PAY
                         "INSERT INTO p1 SELECT id FROM b WHERE note = 'x';\n"
                         "INSERT INTO p1 SELECT id FROM c WHERE note = 1;\n"),
        2);
}

static void test_raw_changes_are_not_normalized(void **state)
{
    (void)state;
    assert_plan("CREATE TABLE u (id BIGINT, a INT, b STRING, PRIMARY KEY (id) NOT ENFORCED) WITH "
                "('connector' = 'upsert-source');\n"
                "CREATE TABLE f (id BIGINT, b STRING, PRIMARY KEY (id) NOT ENFORCED) WITH "
                "('connector' = 'upsert-source', 'flat' = 'true');\n" OUT
                "INSERT INTO p1 SELECT id + a FROM u;\nINSERT INTO files SELECT b, id FROM f;\n",
                "#4 sink p1 [I,UB,UA,D]  print\n" AT_LEAST_ONCE "   single\n"
                "└─ #3 project [I,UB,UA,D]  id + CAST(a AS BIGINT) AS EXPR$0\n"
                "   └─ #2 normalize by id [I,UB,UA,D]\n"
                "         hash by (id)\n"
                "      └─ #1 project [I,UA,D]  id, a\n"
                "         └─ #0 source u [I,UA,D]  upsert-source, unbounded: id, a, b, key (id)  "
                "(shared by 2)\n"
                "\n"
                "#6 sink files [I]  filesystem json\n" COMMITS "   single\n"
                "└─ #5 project [I]  b, id, as append-only\n"
                "   └─ #0 source u [I,UA,D]  (shared, see above)\n");
}

static void test_two_readers_of_inserts(void **state)
{
    (void)state;
    assert_plan(CHANGES "CREATE TABLE again (id BIGINT NOT NULL, store INT, k STRING NOT NULL "
                        "METADATA FROM 'row_kind' VIRTUAL, PRIMARY KEY (id) NOT ENFORCED)" WITH_HOST
                        ", 'flat' = 'true');\n" OUT "INSERT INTO files SELECT kind, id FROM "
                        "changes;\nINSERT INTO files SELECT k, store FROM again;\n",
                "#2 sink files [I]  filesystem json\n" COMMITS "   single\n"
                "└─ #1 project [I]  kind, id\n"
                "   └─ #0 source changes [I]  mysql-cdc, unbounded: id, store, kind, key (id)  "
                "(shared by 2)\n"
                "\n"
                "#4 sink files [I]  filesystem json\n" COMMITS "   single\n"
                "└─ #3 project [I]  kind AS a, CAST(store AS BIGINT) AS b\n"
                "   └─ #0 source changes [I]  (shared, see above)\n");
}

static void test_a_hint_may_flatten(void **state)
{
    (void)state;
    const char *script =
        PAY OUT FROM_PAY "INSERT INTO p1 SELECT id FROM pay /*+ OPTIONS('flat' = 'true') */;\n";
    assert_int_equal(source_count(script), 1);
    Planned planned = planned_make(script);
    assert_int_equal(planned.plan->root_count, 2);
    assert_int_equal(planned.plan->roots[0]->changelog,
                     CHANGELOG_INSERT | CHANGELOG_UPDATE_AFTER | CHANGELOG_DELETE);
    assert_int_equal(planned.plan->roots[1]->changelog, CHANGELOG_APPEND);
    planned_free(&planned);
}

static void check_same_uid(const char *a, const char *b, PlanKind kind)
{
    Planned one = planned_make(a), other = planned_make(b);
    const char *uid = node_of(&one, kind)->uid;
    bool is_found = false;
    for (int32_t i = 0; i < other.plan->node_count; i++)
        is_found = is_found || strcmp(other.plan->nodes[i]->uid, uid) == 0;
    if (!is_found)
        print_error("%s\nis not in the plan of\n%s", uid, b);
    assert_true(is_found);
    for (int32_t i = 0; i < other.plan->node_count; i++)
        for (int32_t k = 0; k < i; k++)
            assert_string_not_equal(other.plan->nodes[i]->uid, other.plan->nodes[k]->uid);
    planned_free(&one);
    planned_free(&other);
}

static void test_sharing_keeps_uids(void **state)
{
    (void)state;
    /* Both aggregate the same, one counts payments and the other changes. */
    const char *alone = PAY CHANGES OUT FROM_PAY;
    const char *changes =
        PAY CHANGES OUT "INSERT INTO kv SELECT store, COUNT(*) FROM changes GROUP BY store;\n";
    const char *both = PAY CHANGES OUT
        "INSERT INTO kv SELECT store, COUNT(*) FROM changes GROUP BY store;\n" FROM_PAY;
    check_same_uid(alone, both, PLAN_SOURCE);
    check_same_uid(alone, both, PLAN_WATERMARK);
    check_same_uid(alone, both, PLAN_GROUP_AGGREGATE);
    check_same_uid(changes, both, PLAN_GROUP_AGGREGATE);
    /* The order of statements and what else is read do not matter. */
    check_same_uid(both, PAY CHANGES OUT FROM_PAY FROM_CHANGES, PLAN_SOURCE);
    check_same_uid(both, CHANGES PAY OUT FROM_CHANGES FROM_PAY, PLAN_SOURCE);
    /* A metadata column is the same under another name, and behind another table's name. */
    const char *by_kind = "INSERT INTO kv SELECT CHAR_LENGTH(kind), COUNT(*) FROM changes GROUP BY "
                          "CHAR_LENGTH(kind);\n";
    Buffer one = {0}, other = {0};
    buffer_printf(&one, "%s%s", PAY CHANGES OUT, by_kind);
    buffer_printf(&other, "%s%s%s",
                  "CREATE TABLE pay (id BIGINT NOT NULL, k STRING NOT NULL METADATA FROM "
                  "'row_kind' VIRTUAL, PRIMARY KEY (id) NOT ENFORCED)" WITH_HOST ");\n" CHANGES OUT,
                  "INSERT INTO kv SELECT CHAR_LENGTH(k), COUNT(*) FROM pay GROUP BY "
                  "CHAR_LENGTH(k);\n",
                  by_kind);
    check_same_uid(buffer_terminated(&one), buffer_terminated(&other), PLAN_GROUP_AGGREGATE);
    buffer_free(&one);
    buffer_free(&other);
}

/* The same columns in the same order: nothing to compute, but another name for state. */
static void test_twins_keep_their_names(void **state)
{
    (void)state;
    const char *twin = "CREATE TABLE twin (" PAY_COLUMNS ")" WITH_HOST ");\n";
    const char *count = "INSERT INTO kv SELECT store, COUNT(*) FROM twin GROUP BY store;\n";
    Buffer one = {0}, other = {0};
    buffer_printf(&one, "%s%s%s", OUT, twin, count);
    buffer_printf(&other, "%s%s%s%s", PAY OUT, twin, FROM_PAY, count);
    assert_int_equal(source_count(buffer_terminated(&other)), 1);
    check_same_uid(buffer_terminated(&one), buffer_terminated(&other), PLAN_GROUP_AGGREGATE);
    buffer_free(&one);
    buffer_free(&other);
}

static void test_refused_changes_name_their_table(void **state)
{
    (void)state;
    Planned planned =
        planned_make(PAY "CREATE TABLE twin (id BIGINT NOT NULL, note STRING, PRIMARY KEY (id) NOT "
                         "ENFORCED)" WITH_HOST ");\n" OUT FROM_PAY
                         "INSERT INTO files SELECT note, id FROM twin WHERE id > 1;\n");
    assert_int_equal(planned.status, ERR_INVALID);
    assert_int_equal(diagnostics_count(planned.diagnostics), 1);
    assert_non_null(strstr(diagnostics_at(planned.diagnostics, 0)->message, "table `twin`"));
    planned_free(&planned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes_and_inserts_of_one_source),
        cmocka_unit_test(test_columns_of_the_shared_table),
        cmocka_unit_test(test_what_is_not_shared),
        cmocka_unit_test(test_all_members_agree),
        cmocka_unit_test(test_raw_changes_are_not_normalized),
        cmocka_unit_test(test_two_readers_of_inserts),
        cmocka_unit_test(test_a_hint_may_flatten),
        cmocka_unit_test(test_sharing_keeps_uids),
        cmocka_unit_test(test_twins_keep_their_names),
        cmocka_unit_test(test_refused_changes_name_their_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
