/* Golden findings: the mistakes users make, and what they are told. */
#include "plan/plan_testing.h"

#define TABLES                                                                                     \
    "CREATE TABLE orders (id BIGINT, store INT, amount DECIMAL(12, 2), status STRING, ts "         \
    "TIMESTAMP(3), epoch BIGINT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' " \
    "= 'datagen');\n"                                                                              \
    "CREATE TABLE cdc (id BIGINT, b STRING) WITH ('connector' = 'mysql-cdc', 'hostname' = 'h');\n" \
    "CREATE TABLE p1 (a BIGINT) WITH ('connector' = 'print');\n"                                   \
    "CREATE TABLE p2 (a STRING, b BIGINT NOT NULL) WITH ('connector' = 'print');\n"                \
    "CREATE TABLE files (a STRING, b BIGINT) WITH ('connector' = 'filesystem', 'path' = '/x', "    \
    "'format' = 'json');\n"                                                                        \
    "CREATE TABLE kv (k STRING, v BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = "      \
    "'redis');\n"                                                                                  \
    "CREATE VIEW w AS SELECT id FROM orders;\n"

static void test_names(void **state)
{
    (void)state;
    assert_plan(
        TABLES "INSERT INTO p1 SELECT idd FROM orders;\n"
               "INSERT INTO p1 SELECT id FROM ordrs;\n"
               "INSERT INTO p1 SELECT o.id FROM orders AS x;\n"
               "INSERT INTO pp SELECT id FROM orders;\n"
               "INSERT INTO p1 SELECT id FROM a.b.c.d;\n"
               "INSERT INTO p1 SELECT id FROM nowhere.orders;\n"
               "INSERT INTO p1 SELECT id, store FROM orders AS o (a, b);",
        "WR2041 at <idd>: column `idd` not found in table `orders` | help: did you mean `id`? | "
        "note: columns are id, store, amount, status, ts, epoch\n"
        "WR2001 at <ordrs>: table `ordrs` not found | help: did you mean `orders`?\n"
        "WR2040 at <o.id>: table `o` is not in FROM | note: FROM has `x`\n"
        "WR2001 at <pp>: table `pp` not found | help: did you mean `p1` or `p2`?\n"
        "WR2002 at <a.b.c.d>: a table name has at most three parts: catalog.database.table\n"
        "WR2003 at <nowhere.orders>: database `nowhere` does not exist in catalog "
        "`default_catalog`\n"
        "WR2031 at <orders AS o (a, b)>: 2 names are given for 6 columns\n");
}

static void test_several_mistakes_of_one_statement(void **state)
{
    (void)state;
    assert_plan(TABLES "INSERT INTO p2 SELECT statu, QQQQ(id) FROM orders WHERE amout > 1 AND "
                       "SUM(amount) > 2 GROUP BY stor;",
                "WR2041 at <amout>: column `amout` not found in table `orders` | help: did you "
                "mean `amount`? | note: columns are id, store, amount, status, ts, epoch\n"
                "WR2046 at <SUM(amount)>: aggregate function `SUM` is not allowed in WHERE | help: "
                "filter groups with HAVING\n"
                "WR2041 at <stor>: column `stor` not found in table `orders` | help: did you mean "
                "`store`? | note: columns are id, store, amount, status, ts, epoch\n"
                "WR2041 at <statu>: column `statu` not found in table `orders` | help: did you "
                "mean `status`? | note: columns are id, store, amount, status, ts, epoch\n"
                "WR2042 at <QQQQ>: function `QQQQ` not found\n");
}

static void test_table_functions_not_found(void **state)
{
    (void)state;
    assert_plan(TABLES "INSERT INTO p1 SELECT id FROM TABLE(TUMBEL(TABLE orders, DESCRIPTOR(ts), "
                       "INTERVAL '1' MINUTE));",
                "WR2042 at <TUMBEL>: table function `TUMBEL` not found | help: did you mean "
                "`TUMBLE`? | note: table functions are TUMBLE, HOP and CUMULATE\n");
}

static void test_no_cascades(void **state)
{
    (void)state;
    assert_plan(TABLES
                "CREATE TABLE bad (id BIGINT, id INT) WITH ('connector' = 'print');\n"
                "CREATE VIEW v AS SELECT nope FROM orders;\n"
                "INSERT INTO p1 SELECT x + 1 FROM v WHERE y > 1;\n"
                "INSERT INTO bad SELECT id, 1 FROM v;\n"
                "INSERT INTO p1 SELECT id FROM (SELECT nope2 AS id FROM orders) WHERE id > 3;",
                "WR2021 at <id>: column `id` is declared twice\n"
                "WR2041 at <nope>: column `nope` not found in table `orders` | note: columns are "
                "id, store, amount, status, ts, epoch\n"
                "WR2041 at <nope2>: column `nope2` not found in table `orders` | note: columns are "
                "id, store, amount, status, ts, epoch\n");
}

static void test_grouping(void **state)
{
    (void)state;
    assert_plan(TABLES "INSERT INTO p1 SELECT id FROM orders GROUP BY store;\n"
                       "INSERT INTO p1 SELECT COUNT(SUM(id)) FROM orders;\n"
                       "INSERT INTO p1 SELECT id FROM orders WHERE COUNT(*) > 1;\n"
                       "INSERT INTO p1 SELECT SUM(id) FROM orders HAVING amount > 1;\n"
                       "INSERT INTO p1 SELECT COUNT(*) FROM orders GROUP BY 1;\n"
                       "INSERT INTO p1 SELECT GROUPING(id) FROM orders GROUP BY ROLLUP (store);",
                "WR2061 at <id>: column `id` is not being grouped | help: add it to GROUP BY, or "
                "put it into an aggregate such as MAX(id)\n"
                "WR2046 at <SUM(id)>: aggregate functions cannot be nested\n"
                "WR2046 at <COUNT(*)>: aggregate function `COUNT` is not allowed in WHERE | help: "
                "filter groups with HAVING\n"
                "WR2061 at <amount>: column `amount` is not being grouped | help: add it to GROUP "
                "BY, or put it into an aggregate such as MAX(amount)\n"
                "warning WR2062 at <1>: GROUP BY a constant puts all rows into one group | help: "
                "name the column: numbers do not stand for positions in GROUP BY\n"
                "WR2529 at <GROUPING(id)>: `GROUPING` takes columns of GROUP BY\n");
}

static void test_types(void **state)
{
    (void)state;
    assert_plan(TABLES "INSERT INTO p2 SELECT amount, id FROM orders;\n"
                       "INSERT INTO p1 SELECT id FROM orders WHERE status;\n"
                       "INSERT INTO p1 SELECT CAST(ts AS BIGINT) FROM orders;\n"
                       "INSERT INTO p1 SELECT '1' + id FROM orders;\n"
                       "INSERT INTO p1 SELECT id FROM orders UNION ALL SELECT status FROM orders;\n"
                       "INSERT INTO p1 VALUES (1), ('a');\n"
                       "INSERT INTO p1 VALUES (1), (2, 3);\n"
                       "INSERT INTO p1 SELECT 12345678901234567890123456789012345678901;",
                "WR2103 at <amount>: column `a` of `p2` is STRING, but the query gives DECIMAL(12, "
                "2) | help: convert it: CAST(… AS STRING) | note: query schema: [amount: "
                "DECIMAL(12, 2), id: BIGINT] | note: sink schema: [a: STRING, b: BIGINT NOT NULL]\n"
                "WR2048 at <status>: WHERE needs a condition, but this is STRING\n"
                "WR2043 at <CAST(ts AS BIGINT)>: TIMESTAMP(3) cannot be cast to BIGINT | help: use "
                "UNIX_TIMESTAMP(CAST(timestamp AS STRING))\n"
                "WR2301 at <'1' + id>: `+` cannot be applied to CHAR(1) and BIGINT | help: "
                "convert the text: CAST(… AS BIGINT)\n"
                "WR2033 at <SELECT status FROM orders>: column 1 of UNION is BIGINT on the left "
                "and STRING on the right\n"
                "WR2033 at <('a')>: CHAR(1) does not go with INT in the rows before\n"
                "WR2032 at <(2, 3)>: this row has 2 values, the first one has 1\n"
                "WR2051 at <12345678901234567890123456789012345678901>: number "
                "12345678901234567890123456789012345678901 is out of range | help: numbers in SQL "
                "text have 64 bits, points left out: write a larger one as text, CAST('…' AS "
                "DECIMAL(38, 0)), or as a DOUBLE, 1.5E40\n");
}

static void test_insert(void **state)
{
    (void)state;
    assert_plan(
        TABLES "INSERT INTO p2 (a) SELECT status FROM orders;\n"
               "INSERT INTO p2 (a, bb) SELECT status, id FROM orders;\n"
               "INSERT INTO p2 (b, b) SELECT id, id FROM orders;\n"
               "INSERT INTO p2 SELECT status FROM orders;\n"
               "INSERT INTO w SELECT id FROM orders;\n"
               "INSERT OVERWRITE p1 SELECT id FROM orders;\n"
               "INSERT INTO orders SELECT 1;",
        "WR2105 at <p2>: column `b` of `p2` is NOT NULL and gets no value | help: name it "
        "in the column list and give it a value\n"
        "WR2041 at <bb>: column `bb` not found in table `p2` | help: did you mean `b`? | "
        "note: columns are a, b\n"
        "WR2102 at <b>: column `b` is given twice\n"
        "WR2104 at <p2>: `p2` takes 2 columns, but the query gives 1 | note: query schema: "
        "[status: STRING] | note: sink schema: [a: STRING, b: BIGINT NOT NULL]\n"
        "WR2107 at <w>: view `w` cannot be written\n"
        "WR2110 at <p1>: connector 'print' cannot overwrite | help: write INSERT INTO, which adds "
        "rows\n"
        "WR3015 at <orders>: connector 'datagen' can only be used as a source: table "
        "`orders` cannot be written\n");
}

static void test_create_table(void **state)
{
    (void)state;
    assert_plan(
        TABLES
        "CREATE TABLE a1 (a INT, b AS a + 1, c AS b + 1) WITH ('connector' = 'print');\n"
        "CREATE TABLE a2 (a INT, PRIMARY KEY (aa) NOT ENFORCED) WITH ('connector' = 'print');\n"
        "CREATE TABLE a3 (a INT, b AS a + 1, PRIMARY KEY (b) NOT ENFORCED) WITH ('connector' = "
        "'print');\n"
        "CREATE TABLE a4 (a INT, PRIMARY KEY (a, a) NOT ENFORCED) WITH ('connector' = 'print');\n"
        "CREATE TABLE a5 (a TIMESTAMP(6), WATERMARK FOR a AS a) WITH ('connector' = 'print');\n"
        "CREATE TABLE a6 (a BIGINT, WATERMARK FOR a AS a) WITH ('connector' = 'print');\n"
        "CREATE TABLE a7 (ts TIMESTAMP(3), WATERMARK FOR tss AS ts) WITH ('connector' = 'print');\n"
        "CREATE TABLE a8 (ts TIMESTAMP(3), WATERMARK FOR ts AS 5) WITH ('connector' = 'print');\n"
        "CREATE TABLE a9 (a INT) PARTITIONED BY (b) WITH ('connector' = 'print');\n"
        "CREATE TABLE orders (a INT) WITH ('connector' = 'print');\n"
        "CREATE TABLE b2 (LIKE orders);\n"
        "CREATE TABLE b3 WITH ('connector' = 'print') AS SELECT 1;\n"
        "CREATE VIEW b4 (x, y) AS SELECT 1 AS a;",
        "WR1013 at <LIKE>: `LIKE` is a reserved word | help: to use it as a name put it in "
        "backticks: `LIKE`\n"
        "WR1028 at <orders>: unknown type `orders`\n"
        "WR2022 at <b>: computed column `c` cannot use computed column `b` | help: repeat its "
        "expression here\n"
        "WR2023 at <aa>: invalid primary key: column `aa` does not exist | help: did you mean `a`? "
        "| note: columns are a\n"
        "WR2024 at <b>: invalid primary key: column `b` is not a physical column | note: columns "
        "are a\n"
        "WR2025 at <a>: column `a` is named twice in the primary key\n"
        "WR2027 at <a>: a watermark needs a column of type TIMESTAMP(p) or TIMESTAMP_LTZ(p) with p "
        "from 0 to 3, but this is TIMESTAMP(6) | help: declare it as TIMESTAMP(3)\n"
        "WR2027 at <a>: a watermark needs a column of type TIMESTAMP(p) or TIMESTAMP_LTZ(p) with p "
        "from 0 to 3, but this is BIGINT | help: add a computed column: ts AS "
        "TO_TIMESTAMP_LTZ(column, 3)\n"
        "WR2026 at <tss>: watermark column `tss` does not exist | help: did you mean `ts`? | note: "
        "columns are ts\n"
        "WR2028 at <5>: the watermark is INT, but the column `ts` is TIMESTAMP(3)\n"
        "WR2023 at <b>: invalid partition key: column `b` does not exist | note: columns are a\n"
        "WR2004 at <orders>: table `orders` already exists | help: choose another name, or write "
        "IF NOT EXISTS to keep the first\n"
        "WR2031 at <b4>: 2 names are given for 1 column\n");
}

static void test_options(void **state)
{
    (void)state;
    assert_plan(
        TABLES
        "CREATE TABLE c1 (a BIGINT) WITH ('connector' = 'prnt');\n"
        "INSERT INTO c1 SELECT id FROM orders;\n"
        "CREATE TABLE c2 (a BIGINT) WITH ('conector' = 'print');\n"
        "INSERT INTO c2 SELECT id FROM orders;\n"
        "CREATE TABLE c9 (a BIGINT) WITH ('path' = 'x');\n"
        "INSERT INTO p1 SELECT a FROM c9;\n"
        "CREATE TABLE c3 (a STRING, b BIGINT) WITH ('connector' = 'filesystem', 'fromat' = "
        "'json');\n"
        "INSERT INTO c3 SELECT status, id FROM orders;\n"
        "CREATE TABLE c4 (a BIGINT) WITH ('connector' = 'datagen', 'rows-per-secnd' = '5', "
        "'number-of-rows' = 'many', 'fields.a.kind' = 'randm', 'fields.a.kind' = 'random');\n"
        "INSERT INTO p1 SELECT a FROM c4;\n"
        "CREATE TABLE c5 (a BIGINT) WITH ('connector' = 'mysql-cdc', 'password' = 'topsecret', "
        "'port' = 'x');\n"
        "INSERT INTO p1 SELECT a FROM c5;\n"
        "CREATE TABLE c6 (a BIGINT, t STRING METADATA FROM 'tabel_name' VIRTUAL, n INT METADATA "
        "FROM 'op_ts' VIRTUAL) WITH ('connector' = 'mysql-cdc', 'hostname' = 'h');\n"
        "INSERT INTO p1 SELECT a FROM c6;\n"
        "CREATE TABLE c7 (a BIGINT) WITH ('connector' = 'mysql-cdc', 'hostname' = "
        "'${env:WEIR_SURELY_NOT_SET}');\n"
        "INSERT INTO p1 SELECT a FROM c7;\n"
        "INSERT INTO p1 SELECT a FROM p1;\n"
        "CREATE TABLE c8 (a STRING, b BIGINT) WITH ('connector' = 'filesystem', 'path' = 'x', "
        "'format' = 'json', 'json.ignore-parse-error' = 'true');\n"
        "INSERT INTO c8 SELECT status, id FROM orders;",
        "WR3010 at <'prnt'>: connector 'prnt' not found | help: did you mean `print`? | note: "
        "connectors are datagen, mysql-cdc, upsert-source, filesystem, redis, print\n"
        "WR3001 at <'conector'>: unsupported option `conector` | help: did you mean `connector`?\n"
        "WR3001 at <'fromat'>: unsupported option `fromat` | help: did you mean `format`?\n"
        "WR3013 at <t STRING METADATA FROM 'tabel_name' VIRTUAL>: invalid metadata key "
        "'tabel_name' in column `t` of table `c6` | help: did you mean `table_name`? | note: "
        "connector 'mysql-cdc' has op_ts, row_kind, table_name\n"
        "WR3014 at <n INT METADATA FROM 'op_ts' VIRTUAL>: metadata 'op_ts' is TIMESTAMP_LTZ(3) NOT "
        "NULL and cannot be read as INT\n"
        "WR3001 at <'json.ignore-parse-error'>: unsupported option `json.ignore-parse-error` for "
        "connector 'filesystem' | help: did you mean `json.ignore-parse-errors`? supported options "
        "are path, source.monitor-interval, sink.rolling-policy.file-size, connector, format, "
        "json.ignore-parse-errors | note: in the options of table `c8`\n"
        "WR3011 at <c9>: table `c9` has no 'connector' option | help: add WITH ('connector' = '…', "
        "…); `weir connector list` shows them\n"
        "WR3001 at <'rows-per-secnd'>: unsupported option `rows-per-secnd` for connector 'datagen' "
        "| help: did you mean `rows-per-second`? supported options are rows-per-second, "
        "number-of-rows, fields.#.kind, fields.#.min, fields.#.max, connector | note: in the "
        "options of table `c4`\n"
        "WR3003 at <'many'>: invalid value 'many' for option `number-of-rows`: expected a whole "
        "number | note: in the options of table `c4`\n"
        "WR3003 at <'randm'>: invalid value 'randm' for option `fields.a.kind`: expected one of "
        "random, sequence | help: did you mean 'random'? | note: in the options of table `c4`\n"
        "WR3003 at <'x'>: invalid value 'x' for option `port`: expected a whole number | note: in "
        "the options of table `c5`\n"
        "WR3002 at <c5>: required option `hostname` of connector 'mysql-cdc' is missing | help: "
        "the server | note: in the options of table `c5`\n"
        "WR3005 at <'${env:WEIR_SURELY_NOT_SET}'>: environment variable `WEIR_SURELY_NOT_SET` is "
        "not set | help: set it before the start: export WEIR_SURELY_NOT_SET=… | note: in the "
        "options of table `c7`\n"
        "WR3015 at <p1>: connector 'print' can only be used as a sink: table `p1` cannot be "
        "read\n");
}

static void test_unused_tables_are_not_checked(void **state)
{
    (void)state;
    assert_plan(TABLES "CREATE TABLE c1 (a BIGINT) WITH ('connector' = 'nonsense');\n"
                       "CREATE VIEW c2 AS SELECT a FROM c1;",
                "");
}

static void test_changelogs(void **state)
{
    (void)state;
    assert_plan(
        TABLES "INSERT INTO files SELECT status, COUNT(*) FROM orders GROUP BY status;\n"
               "INSERT INTO files SELECT DISTINCT status, id FROM orders;\n"
               "INSERT INTO files SELECT b, id FROM cdc;\n"
               "CREATE MATERIALIZED TABLE m FRESHNESS = INTERVAL '1' MINUTE AS SELECT * FROM cdc;",
        "WR2087 at <m>: materialized table `m` gets updates and needs a key | help: write PRIMARY "
        "KEY (…) NOT ENFORCED behind its name\n"
        "WR2085 at <files>: sink `files` does not take updates and deletes, which come from table "
        "`cdc` | help: write to a table with a PRIMARY KEY whose connector takes updates\n"
        "WR2085 at <files>: sink `files` does not take updates, which come from DISTINCT | help: "
        "group by window_start and window_end of a window for a final row per group, or write to a "
        "table with a PRIMARY KEY that takes updates\n"
        "WR2085 at <files>: sink `files` does not take updates, which come from GROUP BY | help: "
        "group by window_start and window_end of a window for a final row per group, or write to a "
        "table with a PRIMARY KEY that takes updates\n");
}

static void test_windows(void **state)
{
    (void)state;
    assert_plan(TABLES
                "INSERT INTO p1 SELECT id FROM TABLE(HOP(TABLE orders, DESCRIPTOR(ts), INTERVAL "
                "'30' MINUTE, INTERVAL '1' MINUTE));\n"
                "INSERT INTO p1 SELECT id FROM TABLE(CUMULATE(TABLE orders, DESCRIPTOR(ts), "
                "INTERVAL '7' MINUTE, INTERVAL '1' HOUR));\n"
                "INSERT INTO p1 SELECT id FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(epoch), "
                "INTERVAL '1' MINUTE));\n"
                "INSERT INTO p1 SELECT id FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(tz), INTERVAL "
                "'1' MINUTE));\n"
                "INSERT INTO p1 SELECT id FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL "
                "'1' MONTH));\n"
                "INSERT INTO p1 SELECT id FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL "
                "'1' MINUTE, INTERVAL '2' MINUTE));\n"
                "INSERT INTO p1 SELECT id FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts)));\n"
                "INSERT INTO p1 SELECT id FROM TABLE(TUMBLE(DATA => TABLE orders, TIMECOL => "
                "DESCRIPTOR(ts), SIZ => INTERVAL '1' MINUTE));\n"
                "INSERT INTO p1 SELECT id FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), 5));",
                "WR2096 at <HOP(TABLE orders, DESCRIPTOR(ts), INTERVAL '30' MINUTE, INTERVAL '1' "
                "MINUTE)>: HOP needs a size that is a multiple of its slide, but got size 60000 ms "
                "and slide 1800000 ms | help: the slide comes first, then the size\n"
                "WR2096 at <CUMULATE(TABLE orders, DESCRIPTOR(ts), INTERVAL '7' MINUTE, INTERVAL "
                "'1' HOUR)>: CUMULATE needs a size that is a multiple of its step, but got size "
                "3600000 ms and step 420000 ms\n"
                "WR2093 at <epoch>: the window function needs a time attribute, but `epoch` is "
                "BIGINT | help: the time attribute here is `ts`\n"
                "WR2041 at <tz>: column `tz` not found | help: did you mean `ts`? | note: columns "
                "are id, store, amount, status, ts, epoch\n"
                "WR2094 at <INTERVAL '1' MONTH>: a window takes DAY, HOUR, MINUTE and SECOND, not "
                "MONTH or YEAR\n"
                "WR2097 at <TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '2' "
                "MINUTE)>: the offset of TUMBLE must be smaller than its size\n"
                "WR2090 at <TUMBLE(TABLE orders, DESCRIPTOR(ts))>: TUMBLE lacks its argument SIZE "
                "| help: write TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)\n"
                "WR2090 at <SIZ>: TUMBLE has no parameter `SIZ` | help: did you mean `SIZE`?\n"
                "WR2094 at <5>: only constant intervals are possible for windows | help: write "
                "TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)\n");
}

static void test_group_windows(void **state)
{
    (void)state;
    assert_plan(
        TABLES
        "INSERT INTO p1 SELECT COUNT(*) FROM orders GROUP BY TUMBLE(epoch, INTERVAL '1' MINUTE);\n"
        "INSERT INTO p1 SELECT COUNT(*) FROM orders GROUP BY CUMULATE(ts, INTERVAL '1' MINUTE);\n"
        "CREATE VIEW lw AS SELECT TUMBLE_START(ts, INTERVAL '2' MINUTE) FROM orders GROUP BY "
        "TUMBLE(ts, INTERVAL '1' MINUTE);\n"
        "INSERT INTO p1 SELECT TUMBLE_START(ts, INTERVAL '2' MINUTE) FROM orders;",
        "WR2093 at <epoch>: a group window needs a time attribute, but this is BIGINT\n"
        "WR2099 at <CUMULATE(ts, INTERVAL '1' MINUTE)>: this form of a group window is not "
        "supported yet\n"
        "WR2098 at <TUMBLE_START(ts, INTERVAL '2' MINUTE)>: this is no part of the window in GROUP "
        "BY | help: give TUMBLE_START, _END or _ROWTIME the same arguments\n"
        "WR2099 at <TUMBLE_START(ts, INTERVAL '2' MINUTE)>: a group window as an expression is not "
        "supported yet | help: use the window table function: FROM TABLE(TUMBLE(TABLE t, "
        "DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end\n");
}

static void test_ambiguous_window_columns(void **state)
{
    (void)state;
    assert_plan(TABLES
                "CREATE VIEW m AS SELECT window_start, window_end, window_time, COUNT(*) AS n FROM "
                "TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY "
                "window_start, window_end, window_time;\n"
                "INSERT INTO p1 SELECT SUM(n) FROM TABLE(TUMBLE(TABLE m, DESCRIPTOR(window_time), "
                "INTERVAL '1' HOUR)) GROUP BY window_start, window_end;",
                "WR2050 at <window_start>: column `window_start` is ambiguous | help: give one of "
                "the two another name in a view or subquery\n"
                "WR2050 at <window_end>: column `window_end` is ambiguous | help: give one of the "
                "two another name in a view or subquery\n");
}

static void test_settings(void **state)
{
    (void)state;
    assert_plan(
        TABLES "SET 'execution.checkpointing.intervall' = '10 s';\n"
               "SET 'execution.checkpointing.interval' = 'ten';\n"
               "SET 'execution.runtime-mode' = 'btch';\n"
               "SET 'table.local-time-zone' = 'Mars/Olympus';\n"
               "SET 'execution.checkpointing.num-retained' = '0';\n"
               "SET 'parallelism.default' = '0';\n"
               "SET 'weir.dead-letters.max' = '-1';\n"
               "SET 'pipeline.name' = ' ';\n"
               "SET 'my.own' = 'x';\n"
               "SET 'sql-client.execution.result-mode' = 'tableau';",
        "warning WR2011 at <'execution.checkpointing.intervall'>: unknown setting "
        "`execution.checkpointing.intervall` | help: did you mean "
        "`execution.checkpointing.interval`?\n"
        "WR2012 at <'ten'>: invalid value 'ten' for option `execution.checkpointing.interval`: "
        "expected a duration such as '500 ms', '10 s' or '1 min'\n"
        "WR2012 at <'btch'>: invalid value 'btch' for option `execution.runtime-mode`: expected "
        "one of streaming, batch, automatic | help: did you mean 'batch'?\n"
        "WR2012 at <'Mars/Olympus'>: invalid time zone 'Mars/Olympus' | help: use a time zone "
        "database id such as 'America/Los_Angeles', a fixed offset such as 'GMT+08:00', or 'UTC'\n"
        "WR2012 at <'0'>: invalid value '0' for option `execution.checkpointing.num-retained`: "
        "expected a whole number from 1 to 1000\n"
        "WR2012 at <'0'>: invalid value '0' for option `parallelism.default`: expected a whole "
        "number from 1 to 32768\n"
        "WR2012 at <'-1'>: invalid value '-1' for option `weir.dead-letters.max`: expected a whole "
        "number from 0 on\n"
        "WR2012 at <' '>: `pipeline.name` is empty | help: give it a name, or leave it out: then "
        "the script's file names it\n"
        "warning WR2011 at <'my.own'>: unknown setting `my.own` | note: it is kept, but nothing "
        "reads it\n");
}

static void test_batch_needs_an_end(void **state)
{
    (void)state;
    assert_plan(TABLES "SET 'execution.runtime-mode' = 'batch';\n"
                       "INSERT INTO p1 SELECT id FROM orders;",
                "WR2081 at <orders>: querying an unbounded table `orders` in batch mode is not "
                "allowed | help: SET 'execution.runtime-mode' = 'streaming', or choose options "
                "with which reading ends\n");
}

static void test_hints(void **state)
{
    (void)state;
    assert_plan(TABLES
                "INSERT INTO p1 SELECT id FROM orders /*+ OPTION('a' = 'b') */;\n"
                "INSERT INTO p1 SELECT id FROM w /*+ OPTIONS('a' = 'b') */;\n"
                "SET 'table.dynamic-table-options.enabled' = 'false';\n"
                "INSERT INTO p1 SELECT id FROM orders /*+ OPTIONS('rows-per-second' = '1') */;",
                "WR2071 at <OPTION>: unknown hint `OPTION` | help: did you mean `OPTIONS`?\n"
                "WR2073 at <OPTIONS>: `w` is no table: it cannot take options by a hint\n"
                "WR2072 at <OPTIONS>: the OPTIONS hint is allowed only when "
                "'table.dynamic-table-options.enabled' is true\n");
}

static void test_not_yet(void **state)
{
    (void)state;
    assert_plan(
        TABLES "INSERT INTO p1 SELECT id FROM orders ORDER BY id;\n"
               "INSERT INTO p1 SELECT id FROM orders LIMIT -5;\n"
               "SELECT 1;\n"
               "CREATE FUNCTION f AS 'x';\n",
        "WR2523 at <id>: a stream cannot be sorted by a column that is no time attribute | help: "
        "add LIMIT to keep the first rows, sort by the column of WATERMARK, or set "
        "'execution.runtime-mode' = 'batch' for bounded input\n"
        "WR2521 at <-5>: LIMIT takes a whole number, written out\n"
        "WR2100 at <SELECT>: a query alone gives its rows to nobody | help: write INSERT INTO "
        "table before it, or CREATE MATERIALIZED TABLE name FRESHNESS = INTERVAL '1' SECOND AS\n"
        "WR2415 at <'x'>: class 'x' cannot run here: weir runs no Java | help: `weir functions` "
        "lists the functions there are | note: the classes that are built in are "
        "com.github.nexmark.flink.udf.CountChar\n");
}

static void test_catalog(void **state)
{
    (void)state;
    assert_plan(
        TABLES "CREATE DATABASE d;\n"
               "CREATE TABLE d.t (a BIGINT) WITH ('connector' = 'print');\n"
               "INSERT INTO default_catalog.d.t SELECT orders.id FROM default_database.orders;\n"
               "USE d;\n"
               "INSERT INTO t SELECT id FROM orders;\n"
               "USE dd;\n"
               "DROP TABLE t;\n"
               "DROP VIEW IF EXISTS nothing;\n"
               "DROP TABLE nothing;\n"
               "CREATE TABLE IF NOT EXISTS d.t2 (a INT) WITH ('connector' = 'print');",
        "WR2001 at <orders>: table `orders` not found | help: `orders` is in another database: "
        "write default_database.orders\n"
        "WR2003 at <dd>: database `dd` does not exist in catalog `default_catalog` | help: "
        "did you mean `d`?\n"
        "WR2001 at <nothing>: table `nothing` not found | help: create it before this "
        "statement with CREATE TABLE nothing (…) WITH (…)\n");
}

/* Each relation reads the one before it twice: to take the outer column out is to double them. */
static void test_subquery_that_grows(void **state)
{
    (void)state;
    Buffer exists = {0}, sql = {0}, expected = {0};
    buffer_append_text(&exists, "EXISTS (WITH c0 AS (SELECT id FROM w WHERE id > o.store)");
    for (int32_t i = 1; i < 40; i++)
        buffer_printf(&exists, ", c%d AS (SELECT a.id FROM c%d AS a JOIN c%d AS b ON a.id = b.id)",
                      i, i - 1, i - 1);
    buffer_append_text(&exists, " SELECT 1 FROM c39)");
    const char *text = buffer_terminated(&exists);
    buffer_printf(&sql, TABLES "INSERT INTO p1 SELECT id FROM orders AS o WHERE %s;", text);
    buffer_printf(&expected, "WR2039 at <%s>: the subquery is too large to plan\n", text);
    assert_plan(buffer_terminated(&sql), buffer_terminated(&expected));
    buffer_free(&expected);
    buffer_free(&sql);
    buffer_free(&exists);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_table_functions_not_found),
        cmocka_unit_test(test_several_mistakes_of_one_statement),
        cmocka_unit_test(test_no_cascades),
        cmocka_unit_test(test_grouping),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_insert),
        cmocka_unit_test(test_create_table),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_unused_tables_are_not_checked),
        cmocka_unit_test(test_changelogs),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_group_windows),
        cmocka_unit_test(test_ambiguous_window_columns),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_batch_needs_an_end),
        cmocka_unit_test(test_hints),
        cmocka_unit_test(test_not_yet),
        cmocka_unit_test(test_catalog),
        cmocka_unit_test(test_subquery_that_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
