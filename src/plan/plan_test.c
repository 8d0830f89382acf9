/* Golden plans: what EXPLAIN says of each kind of query. */
#include "plan/plan_testing.h"

#define ORDERS                                                                                     \
    "CREATE TABLE orders (id BIGINT NOT NULL, store INT, amount DECIMAL(12, 2), status STRING, "   \
    "ts TIMESTAMP(3), note STRING, WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen');\n"

#define CDC                                                                                        \
    "CREATE TABLE pay (id BIGINT, store INT, amount DECIMAL(12, 2), ts TIMESTAMP(3), kind STRING " \
    "NOT NULL METADATA FROM 'row_kind' VIRTUAL, WATERMARK FOR ts AS ts, PRIMARY KEY (id) NOT "     \
    "ENFORCED) WITH ('connector' = 'mysql-cdc', 'hostname' = 'h');\n"

#define UPS                                                                                        \
    "CREATE TABLE ups (id BIGINT, a INT, b STRING, PRIMARY KEY (id) NOT ENFORCED) WITH "           \
    "('connector' = 'upsert-source');\n"

#define OUT                                                                                        \
    "CREATE TABLE p1 (a BIGINT) WITH ('connector' = 'print');\n"                                   \
    "CREATE TABLE p2 (a STRING, b BIGINT) WITH ('connector' = 'print');\n"                         \
    "CREATE TABLE p4 (a TIMESTAMP(3), b TIMESTAMP(3), c BIGINT, d DECIMAL(38, 2)) WITH "           \
    "('connector' = 'print');\n"                                                                   \
    "CREATE TABLE kv (k INT, v DECIMAL(38, 2), PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = " \
    "'redis');\n"                                                                                  \
    "CREATE TABLE files (a STRING, b BIGINT) PARTITIONED BY (a) WITH ('connector' = "              \
    "'filesystem', 'path' = '/x', 'format' = 'json');\n"

static void test_projection_reaches_source(void **state)
{
    (void)state;
    assert_plan(ORDERS OUT "INSERT INTO p2 SELECT status, id FROM orders WHERE amount > 10;",
                "#3 sink p2 [I]  print\n"
                "   exactly once in state; print: at least once, rows after the last checkpoint "
                "may come again\n"
                "   single\n"
                "└─ #2 filter and project [I]  status, id WHERE amount > 10.00\n"
                "   └─ #1 watermark ts [I]  ts\n"
                "      └─ #0 source orders [I]  datagen, unbounded: id, amount, status, ts\n");
}

static void test_count_star_reads_one_column(void **state)
{
    (void)state;
    assert_plan(ORDERS OUT "INSERT INTO p1 SELECT COUNT(*) FROM orders;",
                "#4 sink p1 [I,UB,UA]  print\n"
                "   exactly once in state; print: at least once, rows after the last checkpoint "
                "may come again\n"
                "   single\n"
                "└─ #3 group [I,UB,UA]  COUNT(*) AS EXPR$0\n"
                "      single\n"
                "   └─ #2 project [I]\n"
                "      └─ #1 watermark ts [I]  ts\n"
                "         └─ #0 source orders [I]  datagen, unbounded: ts\n");
}

static void test_hop_over_changes(void **state)
{
    (void)state;
    assert_plan(
        CDC OUT "INSERT INTO kv SELECT store, SUM(amount) FROM TABLE(HOP(TABLE pay, "
                "DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '30' MINUTE)) WHERE id > 5 "
                "GROUP BY store, window_start, window_end;",
        "#4 sink kv [I]  redis, key (k)\n"
        "   exactly once in state; redis: idempotent by key k, rows after the last checkpoint may "
        "come again\n"
        "   hash by (store)\n"
        "└─ #3 hop 30 min/1 min by store [I]  SUM(amount) AS EXPR$1\n"
        "      hash by (store)\n"
        "   └─ #2 filter and project [I,UB,UA,D]  store, ts, amount WHERE id > 5\n"
        "      └─ #1 watermark ts [I,UB,UA,D]  ts\n"
        "         └─ #0 source pay [I,UB,UA,D]  mysql-cdc, unbounded: id, store, amount, "
        "ts, key (id)\n");
}

static void test_view_is_computed_once(void **state)
{
    (void)state;
    assert_plan(
        CDC OUT
        "CREATE VIEW s AS SELECT store, window_end, SUM(amount) AS total FROM TABLE(TUMBLE(TABLE "
        "pay, DESCRIPTOR(ts), INTERVAL '1' HOUR)) GROUP BY window_start, window_end, store;\n"
        "CREATE MATERIALIZED TABLE m (PRIMARY KEY (store) NOT ENFORCED) WITH ('ttl' = '1 d') "
        "FRESHNESS = INTERVAL '1' MINUTE AS SELECT * FROM s;\n"
        "INSERT INTO kv SELECT store, total FROM s;",
        "#5 serve m [I]  key (store), freshness 1 min, ttl 1 d\n"
        "   exactly once in state; m: exactly once, restored with the checkpoint\n"
        "   single\n"
        "└─ #4 project [I]  store, window_end, total\n"
        "   └─ #3 tumble 1 h by store [I]  SUM(amount) AS total  (shared by 2)\n"
        "         hash by (store)\n"
        "      └─ #2 project [I,UB,UA,D]  store, ts, amount\n"
        "         └─ #1 watermark ts [I,UB,UA,D]  ts\n"
        "            └─ #0 source pay [I,UB,UA,D]  mysql-cdc, unbounded: store, amount, ts, key "
        "(id)\n"
        "\n"
        "#7 sink kv [I]  redis, key (k)\n"
        "   exactly once in state; redis: idempotent by key k, rows after the last checkpoint may "
        "come again\n"
        "   hash by (store)\n"
        "└─ #6 project [I]  store, total\n"
        "   └─ #3 tumble 1 h by store [I]  (shared, see above)\n");
}

static void test_one_source_for_all_statements(void **state)
{
    (void)state;
    assert_plan(CDC OUT "EXECUTE STATEMENT SET BEGIN\n"
                        "INSERT INTO p1 SELECT id FROM pay;\n"
                        "INSERT INTO p2 SELECT kind, id FROM pay;\n"
                        "END;",
                "#3 sink p1 [I,UB,UA,D]  print\n"
                "   exactly once in state; print: at least once, rows after the last checkpoint "
                "may come again\n"
                "   single\n"
                "└─ #2 project [I,UB,UA,D]  id\n"
                "   └─ #1 watermark ts [I,UB,UA,D]  ts  (shared by 2)\n"
                "      └─ #0 source pay [I,UB,UA,D]  mysql-cdc, unbounded: id, ts, kind, key (id)\n"
                "\n"
                "#5 sink p2 [I,UB,UA,D]  print\n"
                "   exactly once in state; print: at least once, rows after the last checkpoint "
                "may come again\n"
                "   single\n"
                "└─ #4 project [I,UB,UA,D]  kind, id\n"
                "   └─ #1 watermark ts [I,UB,UA,D]  (shared, see above)\n");
}

static void test_update_before_only_where_needed(void **state)
{
    (void)state;
    assert_plan(
        ORDERS OUT "INSERT INTO kv SELECT store, SUM(amount) FROM orders GROUP BY store;",
        "#4 sink kv [I,UA]  redis, key (k)\n"
        "   exactly once in state; redis: idempotent by key k, rows after the last checkpoint may "
        "come again\n"
        "   hash by (store)\n"
        "└─ #3 group by store [I,UA]  SUM(amount) AS EXPR$1\n"
        "      hash by (store)\n"
        "   └─ #2 project [I]  store, amount\n"
        "      └─ #1 watermark ts [I]  ts\n"
        "         └─ #0 source orders [I]  datagen, unbounded: store, amount, ts\n");
}

static void test_having_needs_update_before(void **state)
{
    (void)state;
    assert_plan(
        ORDERS OUT
        "INSERT INTO kv SELECT store, SUM(amount) FROM orders GROUP BY store HAVING COUNT(*) > 2;",
        "#5 sink kv [I,UB,UA]  redis, key (k)\n"
        "   exactly once in state; redis: idempotent by key k, rows after the last checkpoint may "
        "come again\n"
        "   hash by (store)\n"
        "└─ #4 filter and project [I,UB,UA]  store, EXPR$1 WHERE $a1 > 2\n"
        "   └─ #3 group by store [I,UB,UA]  SUM(amount) AS EXPR$1, COUNT(*) AS $a1\n"
        "         hash by (store)\n"
        "      └─ #2 project [I]  store, amount\n"
        "         └─ #1 watermark ts [I]  ts\n"
        "            └─ #0 source orders [I]  datagen, unbounded: store, amount, ts\n");
}

static void test_group_of_group(void **state)
{
    (void)state;
    assert_plan(ORDERS OUT "INSERT INTO p1 SELECT COUNT(*) FROM (SELECT store, COUNT(*) AS n FROM "
                           "orders GROUP BY store) GROUP BY n;",
                "#7 sink p1 [I,UB,UA,D]  print\n"
                "   exactly once in state; print: at least once, rows after the last checkpoint "
                "may come again\n"
                "   single\n"
                "└─ #6 project [I,UB,UA,D]  EXPR$0\n"
                "   └─ #5 group by n [I,UB,UA,D]  COUNT(*) AS EXPR$0\n"
                "         hash by (n)\n"
                "      └─ #4 project [I,UB,UA]  n\n"
                "         └─ #3 group by store [I,UB,UA]  COUNT(*) AS n\n"
                "               hash by (store)\n"
                "            └─ #2 project [I]  store\n"
                "               └─ #1 watermark ts [I]  ts\n"
                "                  └─ #0 source orders [I]  datagen, unbounded: store, ts\n");
}

static void test_upsert_source_is_normalized(void **state)
{
    (void)state;
    assert_plan(UPS OUT "INSERT INTO p2 SELECT b, id FROM ups WHERE a > 3;",
                "#3 sink p2 [I,UB,UA,D]  print\n"
                "   exactly once in state; print: at least once, rows after the last checkpoint "
                "may come again\n"
                "   single\n"
                "└─ #2 filter and project [I,UB,UA,D]  b, id WHERE a > 3\n"
                "   └─ #1 normalize by id [I,UB,UA,D]\n"
                "         hash by (id)\n"
                "      └─ #0 source ups [I,UA,D]  upsert-source, unbounded: id, a, b, key (id)\n");
}

static void test_distinct_is_a_group_without_calls(void **state)
{
    (void)state;
    assert_plan(ORDERS OUT "INSERT INTO p2 SELECT DISTINCT status, id FROM orders;",
                "#4 sink p2 [I,UB,UA]  print\n"
                "   exactly once in state; print: at least once, rows after the last checkpoint "
                "may come again\n"
                "   single\n"
                "└─ #3 distinct by status, id [I,UB,UA]\n"
                "      hash by (status, id)\n"
                "   └─ #2 project [I]  status, id\n"
                "      └─ #1 watermark ts [I]  ts\n"
                "         └─ #0 source orders [I]  datagen, unbounded: id, status, ts\n");
}

static void test_union_casts_to_common_types(void **state)
{
    (void)state;
    assert_plan(
        ORDERS CDC OUT "INSERT INTO p1 SELECT id FROM orders UNION ALL SELECT store FROM pay;",
        "#7 sink p1 [I,UB,UA,D]  print\n"
        "   exactly once in state; print: at least once, rows after the last checkpoint may come "
        "again\n"
        "   single\n"
        "└─ #6 union [I,UB,UA,D]\n"
        "   └─ #2 project [I]  id\n"
        "      └─ #1 watermark ts [I]  ts\n"
        "         └─ #0 source orders [I]  datagen, unbounded: id, ts\n"
        "   └─ #5 project [I,UB,UA,D]  CAST(store AS BIGINT) AS id\n"
        "      └─ #4 watermark ts [I,UB,UA,D]  ts\n"
        "         └─ #3 source pay [I,UB,UA,D]  mysql-cdc, unbounded: store, ts, key (id)\n");
}

static void test_filter_distinct_and_expressions(void **state)
{
    (void)state;
    assert_plan(
        ORDERS OUT
        "INSERT INTO p4 SELECT window_start, window_end, COUNT(DISTINCT status) + 1, SUM(amount * "
        "2) FILTER (WHERE status = 'paid') FROM TABLE(CUMULATE(TABLE orders, DESCRIPTOR(ts), "
        "INTERVAL '1' HOUR, INTERVAL '1' DAY)) GROUP BY window_start, window_end;",
        "#5 sink p4 [I]  print\n"
        "   exactly once in state; print: at least once, rows after the last checkpoint may come "
        "again\n"
        "   single\n"
        "└─ #4 project [I]  window_start, window_end, $a0 + 1 AS EXPR$2, EXPR$3\n"
        "   └─ #3 cumulate 1 d/1 h [I]  COUNT(DISTINCT status) AS $a0, SUM($f2) FILTER $f3 AS "
        "EXPR$3\n"
        "         single\n"
        "      └─ #2 project [I]  ts, status, amount * 2 AS $f2, status = 'paid' AS $f3\n"
        "         └─ #1 watermark ts [I]  ts\n"
        "            └─ #0 source orders [I]  datagen, unbounded: amount, status, ts\n");
}

static void test_window_over_window(void **state)
{
    (void)state;
    assert_plan(
        ORDERS OUT
        "CREATE VIEW m AS SELECT store, window_start AS ws, window_end AS we, window_time AS rt, "
        "SUM(amount) AS s FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) "
        "GROUP BY window_start, window_end, window_time, store;\n"
        "INSERT INTO p4 SELECT window_start, window_end, COUNT(*), SUM(s) FROM TABLE(TUMBLE(DATA "
        "=> TABLE m, TIMECOL => DESCRIPTOR(rt), SIZE => INTERVAL '1' HOUR)) GROUP BY window_start, "
        "window_end;",
        "#7 sink p4 [I]  print\n"
        "   exactly once in state; print: at least once, rows after the last checkpoint may come "
        "again\n"
        "   single\n"
        "└─ #6 project [I]  window_start, window_end, EXPR$2, EXPR$3\n"
        "   └─ #5 tumble 1 h [I]  COUNT(*) AS EXPR$2, SUM(s) AS EXPR$3\n"
        "         single\n"
        "      └─ #4 project [I]  window_time AS rt, s\n"
        "         └─ #3 tumble 1 min by store [I]  SUM(amount) AS s\n"
        "               hash by (store)\n"
        "            └─ #2 project [I]  store, ts, amount\n"
        "               └─ #1 watermark ts [I]  ts\n"
        "                  └─ #0 source orders [I]  datagen, unbounded: store, amount, ts\n");
}

static void test_windows_are_grouped_again(void **state)
{
    (void)state;
    assert_plan(
        ORDERS OUT "CREATE VIEW m AS SELECT store, window_start, window_end, SUM(amount) AS s FROM "
                   "TABLE(HOP(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '5' "
                   "MINUTE)) GROUP BY window_start, window_end, store;\n"
                   "INSERT INTO p4 SELECT window_start, window_end, COUNT(*), MAX(s) FROM m GROUP "
                   "BY window_start, window_end;",
        "#6 sink p4 [I]  print\n"
        "   exactly once in state; print: at least once, rows after the last checkpoint may come "
        "again\n"
        "   single\n"
        "└─ #5 attached hop 5 min/1 min by window_start, window_end [I]  COUNT(*) AS EXPR$2, "
        "MAX(s) AS EXPR$3\n"
        "      hash by (window_start, window_end)\n"
        "   └─ #4 project [I]  window_start, window_end, s\n"
        "      └─ #3 hop 5 min/1 min by store [I]  SUM(amount) AS s\n"
        "            hash by (store)\n"
        "         └─ #2 project [I]  store, ts, amount\n"
        "            └─ #1 watermark ts [I]  ts\n"
        "               └─ #0 source orders [I]  datagen, unbounded: store, amount, ts\n");
}

static void test_one_window_column_is_an_ordinary_group(void **state)
{
    (void)state;
    assert_plan(ORDERS OUT "INSERT INTO p1 SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE orders, "
                           "DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_end;",
                "#6 sink p1 [I,UB,UA]  print\n"
                "   exactly once in state; print: at least once, rows after the last checkpoint "
                "may come again\n"
                "   single\n"
                "└─ #5 project [I,UB,UA]  EXPR$0\n"
                "   └─ #4 group by window_end [I,UB,UA]  COUNT(*) AS EXPR$0\n"
                "         hash by (window_end)\n"
                "      └─ #3 project [I]  window_end\n"
                "         └─ #2 tumble 1 min [I]\n"
                "            └─ #1 watermark ts [I]  ts\n"
                "               └─ #0 source orders [I]  datagen, unbounded: ts\n");
}

static void test_window_without_group(void **state)
{
    (void)state;
    assert_plan(ORDERS OUT "INSERT INTO p4 SELECT window_start, window_end, id, amount FROM "
                           "TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE));",
                "#4 sink p4 [I]  print\n"
                "   exactly once in state; print: at least once, rows after the last checkpoint "
                "may come again\n"
                "   single\n"
                "└─ #3 project [I]  window_start AS a, window_end AS b, id AS c, CAST(amount AS "
                "DECIMAL(38, 2)) AS d\n"
                "   └─ #2 tumble 1 min [I]\n"
                "      └─ #1 watermark ts [I]  ts\n"
                "         └─ #0 source orders [I]  datagen, unbounded: id, amount, ts\n");
}

static void test_filter_on_the_window_goes_above(void **state)
{
    (void)state;
    assert_plan(ORDERS OUT "INSERT INTO p4 SELECT window_start, window_end, COUNT(*), MAX(amount) "
                           "FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) "
                           "WHERE window_start > TIMESTAMP '2020-01-01 00:00:00' AND amount > 1 "
                           "GROUP BY window_end, window_start HAVING COUNT(*) > 1;",
                "#5 sink p4 [I]  print\n"
                "   exactly once in state; print: at least once, rows after the last checkpoint "
                "may come again\n"
                "   single\n"
                "└─ #4 filter and project [I]  window_start AS a, window_end AS b, EXPR$2 AS c, "
                "CAST(EXPR$3 AS DECIMAL(38, 2)) AS d WHERE (window_start > TIMESTAMP '2020-01-01 "
                "00:00:00.000') AND (EXPR$2 > 1)\n"
                "   └─ #3 tumble 1 min [I]  COUNT(*) AS EXPR$2, MAX(amount) AS EXPR$3\n"
                "         single\n"
                "      └─ #2 filter and project [I]  ts, amount WHERE amount > 1.00\n"
                "         └─ #1 watermark ts [I]  ts\n"
                "            └─ #0 source orders [I]  datagen, unbounded: amount, ts\n");
}

static void test_values_and_missing_columns(void **state)
{
    (void)state;
    assert_plan(OUT "INSERT INTO p2 (b) VALUES (1), (2 + 3);",
                "#2 sink p2 [I]  print\n"
                "   exactly once in state; print: at least once, rows after the last checkpoint "
                "may come again\n"
                "   single\n"
                "└─ #1 project [I]  NULL AS a, CAST(EXPR$0 AS BIGINT) AS b\n"
                "   └─ #0 values [I]  2 rows\n");
}

static void test_select_without_from(void **state)
{
    (void)state;
    assert_plan(OUT "INSERT INTO p2 SELECT 'a', 1;",
                "#2 sink p2 [I]  print\n"
                "   exactly once in state; print: at least once, rows after the last checkpoint "
                "may come again\n"
                "   single\n"
                "└─ #1 project [I]  CAST(EXPR$0 AS STRING) AS a, CAST(EXPR$1 AS BIGINT) AS b\n"
                "   └─ #0 values [I]  1 row\n");
}

static void test_with_is_a_macro(void **state)
{
    (void)state;
    assert_plan(ORDERS OUT "INSERT INTO p1 WITH x AS (SELECT id AS i FROM orders), y (j) AS "
                           "(SELECT i + 1 FROM x) SELECT j * 2 FROM y WHERE j > 3;",
                "#3 sink p1 [I]  print\n"
                "   exactly once in state; print: at least once, rows after the last checkpoint "
                "may come again\n"
                "   single\n"
                "└─ #2 filter and project [I]  (id + 1) * 2 AS EXPR$0 WHERE (id + 1) > 3\n"
                "   └─ #1 watermark ts [I]  ts\n"
                "      └─ #0 source orders [I]  datagen, unbounded: id, ts\n");
}

static void test_materialized_table_is_read_by_others(void **state)
{
    (void)state;
    assert_plan(ORDERS OUT "CREATE MATERIALIZED TABLE t FRESHNESS = INTERVAL '10' SECOND AS SELECT "
                           "status, COUNT(*) AS n FROM orders GROUP BY status;\n"
                           "INSERT INTO p2 SELECT status, n FROM t WHERE n > 1;",
                "#4 serve t [I,UB,UA]  key (status), freshness 10 s\n"
                "   exactly once in state; t: exactly once, restored with the checkpoint\n"
                "   single\n"
                "└─ #3 group by status [I,UB,UA]  COUNT(*) AS n  (shared by 2)\n"
                "      hash by (status)\n"
                "   └─ #2 project [I]  status\n"
                "      └─ #1 watermark ts [I]  ts\n"
                "         └─ #0 source orders [I]  datagen, unbounded: status, ts\n"
                "\n"
                "#6 sink p2 [I,UB,UA]  print\n"
                "   exactly once in state; print: at least once, rows after the last checkpoint "
                "may come again\n"
                "   single\n"
                "└─ #5 filter [I,UB,UA]  WHERE n > 1\n"
                "   └─ #3 group by status [I,UB,UA]  (shared, see above)\n");
}

static void test_global_aggregate_is_one_row(void **state)
{
    (void)state;
    assert_plan(ORDERS OUT "CREATE MATERIALIZED TABLE t FRESHNESS = INTERVAL '10' SECOND AS SELECT "
                           "SUM(amount) AS total FROM orders;",
                "#4 serve t [I,UB,UA]  key (total), freshness 10 s\n"
                "   exactly once in state; t: exactly once, restored with the checkpoint\n"
                "   single\n"
                "└─ #3 group [I,UB,UA]  SUM(amount) AS total\n"
                "      single\n"
                "   └─ #2 project [I]  amount\n"
                "      └─ #1 watermark ts [I]  ts\n"
                "         └─ #0 source orders [I]  datagen, unbounded: amount, ts\n");
}

static void test_append_only_materialized_table(void **state)
{
    (void)state;
    assert_plan(ORDERS OUT "CREATE MATERIALIZED TABLE t FRESHNESS = INTERVAL '10' SECOND AS SELECT "
                           "id, note FROM orders;",
                "#3 serve t [I]  append-only, freshness 10 s\n"
                "   exactly once in state; t: exactly once, restored with the checkpoint\n"
                "   single\n"
                "└─ #2 project [I]  id, note\n"
                "   └─ #1 watermark ts [I]  ts\n"
                "      └─ #0 source orders [I]  datagen, unbounded: id, ts, note\n");
}

static void test_hint_makes_another_source(void **state)
{
    (void)state;
    assert_plan(ORDERS OUT
                "INSERT INTO p1 SELECT id FROM orders;\n"
                "INSERT INTO p1 SELECT id FROM orders /*+ OPTIONS('rows-per-second' = '1') */;",
                "#3 sink p1 [I]  print\n"
                "   exactly once in state; print: at least once, rows after the last checkpoint "
                "may come again\n"
                "   single\n"
                "└─ #2 project [I]  id\n"
                "   └─ #1 watermark ts [I]  ts\n"
                "      └─ #0 source orders [I]  datagen, unbounded: id, ts\n"
                "\n"
                "#7 sink p1 [I]  print\n"
                "   exactly once in state; print: at least once, rows after the last checkpoint "
                "may come again\n"
                "   single\n"
                "└─ #6 project [I]  id\n"
                "   └─ #5 watermark ts [I]  ts\n"
                "      └─ #4 source orders [I]  datagen, unbounded: id, ts\n");
}

static void test_static_partition(void **state)
{
    (void)state;
    assert_plan(ORDERS OUT "INSERT INTO files PARTITION (a = 'x') SELECT id FROM orders;",
                "#3 sink files [I]  filesystem json, partitioned by (a)\n"
                "   exactly once in state; filesystem: exactly once, commits with the checkpoint\n"
                "   single\n"
                "└─ #2 project [I]  'x' AS a, id AS b\n"
                "   └─ #1 watermark ts [I]  ts\n"
                "      └─ #0 source orders [I]  datagen, unbounded: id, ts\n");
}

static void test_group_window_is_a_window(void **state)
{
    (void)state;
    assert_plan(ORDERS OUT "INSERT INTO p4 SELECT HOP_START(ts, INTERVAL '1' MINUTE, INTERVAL '5' "
                           "MINUTE), HOP_END(ts, INTERVAL '1' MINUTE, INTERVAL '5' MINUTE), "
                           "COUNT(*), SUM(amount) FROM orders WHERE id > 3 GROUP BY store, HOP(ts, "
                           "INTERVAL '1' MINUTE, INTERVAL '5' MINUTE) HAVING COUNT(*) > 1;",
                "#5 sink p4 [I]  print\n"
                "   exactly once in state; print: at least once, rows after the last checkpoint "
                "may come again\n"
                "   single\n"
                "└─ #4 filter and project [I]  $window_start AS EXPR$0, $window_end AS EXPR$1, "
                "EXPR$2, EXPR$3 WHERE EXPR$2 > 1\n"
                "   └─ #3 hop 5 min/1 min by store [I]  COUNT(*) AS EXPR$2, SUM(amount) AS EXPR$3\n"
                "         hash by (store)\n"
                "      └─ #2 filter and project [I]  store, ts, amount WHERE id > 3\n"
                "         └─ #1 watermark ts [I]  ts\n"
                "            └─ #0 source orders [I]  datagen, unbounded: id, store, amount, ts\n");
}

static void test_self_union_shares_its_input(void **state)
{
    (void)state;
    assert_plan(ORDERS OUT "INSERT INTO p1 SELECT id FROM orders UNION ALL SELECT id FROM orders;",
                "#4 sink p1 [I]  print\n"
                "   exactly once in state; print: at least once, rows after the last checkpoint "
                "may come again\n"
                "   single\n"
                "└─ #3 union [I]\n"
                "   └─ #2 project [I]  id  (shared by 2)\n"
                "      └─ #1 watermark ts [I]  ts\n"
                "         └─ #0 source orders [I]  datagen, unbounded: id, ts\n"
                "   └─ #2 project [I]  (shared, see above)\n");
}

static void test_groups_of_batch_mode_are_inserts(void **state)
{
    (void)state;
    assert_plan("SET 'execution.runtime-mode' = 'batch';\nSET 'table.exec.state.ttl' = '1 h';\n"
                "CREATE TABLE b (a STRING, v INT) WITH ('connector' = 'datagen', 'number-of-rows' "
                "= '5');\n" OUT
                "INSERT INTO files SELECT a, COUNT(*) FROM (SELECT DISTINCT a, v FROM b) GROUP BY "
                "a HAVING COUNT(*) > 1;\n",
                "#5 sink files [I]  filesystem json, partitioned by (a)\n"
                "   exactly once in state; filesystem: exactly once, commits with the checkpoint\n"
                "   single\n"
                "└─ #4 filter [I]  WHERE EXPR$1 > 1\n"
                "   └─ #3 group by a [I]  COUNT(*) AS EXPR$1, at the end of input\n"
                "         hash by (a)\n"
                "      └─ #2 project [I]  a\n"
                "         └─ #1 distinct by a, v [I]  at the end of input\n"
                "               hash by (a, v)\n"
                "            └─ #0 source b [I]  datagen, bounded: a, v\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_projection_reaches_source),
        cmocka_unit_test(test_count_star_reads_one_column),
        cmocka_unit_test(test_hop_over_changes),
        cmocka_unit_test(test_view_is_computed_once),
        cmocka_unit_test(test_one_source_for_all_statements),
        cmocka_unit_test(test_update_before_only_where_needed),
        cmocka_unit_test(test_having_needs_update_before),
        cmocka_unit_test(test_group_of_group),
        cmocka_unit_test(test_upsert_source_is_normalized),
        cmocka_unit_test(test_distinct_is_a_group_without_calls),
        cmocka_unit_test(test_union_casts_to_common_types),
        cmocka_unit_test(test_filter_distinct_and_expressions),
        cmocka_unit_test(test_window_over_window),
        cmocka_unit_test(test_windows_are_grouped_again),
        cmocka_unit_test(test_one_window_column_is_an_ordinary_group),
        cmocka_unit_test(test_window_without_group),
        cmocka_unit_test(test_filter_on_the_window_goes_above),
        cmocka_unit_test(test_values_and_missing_columns),
        cmocka_unit_test(test_select_without_from),
        cmocka_unit_test(test_with_is_a_macro),
        cmocka_unit_test(test_materialized_table_is_read_by_others),
        cmocka_unit_test(test_global_aggregate_is_one_row),
        cmocka_unit_test(test_append_only_materialized_table),
        cmocka_unit_test(test_hint_makes_another_source),
        cmocka_unit_test(test_static_partition),
        cmocka_unit_test(test_group_window_is_a_window),
        cmocka_unit_test(test_self_union_shares_its_input),
        cmocka_unit_test(test_groups_of_batch_mode_are_inserts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
