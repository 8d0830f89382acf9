/* Statements in, canonical text out; and out again the same. */
#include "base/testing.h"

#include <string.h>

#include "sql/internal.h"

typedef struct Pair {
    const char *sql;
    const char *printed; /* NULL: the same */
} Pair;

/* The canonical text of a script that must be right, in the arena. */
static const char *parse_and_print(Arena *arena, const char *sql)
{
    Source *source = ARENA_NEW(arena, Source);
    *source = (Source){.name = "test.sql", .text = str_from(sql)};
    Diagnostics *list = diagnostics_new(arena, source);
    SqlScript *script = NULL;
    Status status = sql_parse(source, arena, list, &script);
    Buffer out = {0};
    if (status != OK) {
        diagnostics_render(list, false, &out);
        print_error("%s\n", buffer_terminated(&out));
    }
    assert_int_equal(status, OK);
    sql_print_script(&out, script);
    const char *text = str_terminated(arena, buffer_str(&out));
    buffer_free(&out);
    return text;
}

static void check_pairs(const Pair *pairs, size_t count, const char *before)
{
    Arena *arena = arena_new(0);
    for (size_t i = 0; i < count; i++) {
        const char *sql = arena_printf(arena, "%s%s;\n", before, pairs[i].sql);
        const char *expected = pairs[i].printed != NULL ? pairs[i].printed : pairs[i].sql;
        const char *printed = parse_and_print(arena, sql);
        assert_string_equal(printed, arena_printf(arena, "%s%s;\n", before, expected));
        assert_string_equal(parse_and_print(arena, printed), printed);
    }
    arena_free(arena);
}

#define CHECK(pairs, before) check_pairs((pairs), sizeof(pairs) / sizeof((pairs)[0]), (before))

static void test_expressions(void **state)
{
    (void)state;
    static const Pair pairs[] = {
        {"1 + 2 * 3 - 4 / 5 % 6", NULL},
        {"(1 + 2) * (3 - 4)", NULL},
        {"1 - (2 - 3)", NULL},
        {"((1 - 2)) - 3", "1 - 2 - 3"},
        {"-1 - -2", NULL},
        {"- - 1", "-(-1)"},
        {"a or b and not c = d", "`a` OR `b` AND NOT `c` = `d`"},
        {"(a or b) and c", "(`a` OR `b`) AND `c`"},
        {"not (a and b)", "NOT (`a` AND `b`)"},
        {"a = b is not null", "`a` = `b` IS NOT NULL"},
        {"a = (b is null)", "`a` = (`b` IS NULL)"},
        {"a is not distinct from b and c", "`a` IS NOT DISTINCT FROM `b` AND `c`"},
        {"a is json object", "`a` IS JSON OBJECT"},
        {"a is unknown or b is not true", "`a` IS UNKNOWN OR `b` IS NOT TRUE"},
        {"a || b + c", "`a` || `b` + `c`"},
        {"a between 1 and 2 and b", "`a` BETWEEN 1 AND 2 AND `b`"},
        {"a not between symmetric b and c + 1", "`a` NOT BETWEEN SYMMETRIC `b` AND `c` + 1"},
        {"a in (1, 2) or b not in (select c from t)",
         "`a` IN (1, 2) OR `b` NOT IN (SELECT `c` FROM `t`)"},
        {"a like 'x!%' escape '!'", "`a` LIKE 'x!%' ESCAPE '!'"},
        {"a not similar to 'x|y'", "`a` NOT SIMILAR TO 'x|y'"},
        {"a <> all (select b from t)", "`a` <> ALL (SELECT `b` FROM `t`)"},
        {"a > all (1, b)", "`a` > ALL (1, `b`)"},
        {"a = some (values 1)", "`a` = ANY (VALUES (1))"},
        {"exists (select 1)", "EXISTS (SELECT 1)"},
        {"(select 1) + 1", "(SELECT 1) + 1"},
        {"((select 1) + 1)", "(SELECT 1) + 1"},
        {"case when a then 1 else 2 end", "CASE WHEN `a` THEN 1 ELSE 2 END"},
        {"case a when 1 then 'x' end", "CASE `a` WHEN 1 THEN 'x' END"},
        {"cast(a as decimal(10, 2))", "CAST(`a` AS DECIMAL(10, 2))"},
        {"try_cast(a as string)", "TRY_CAST(`a` AS STRING)"},
        {"(a, b) overlaps (c, d)", "ROW(`a`, `b`) OVERLAPS ROW(`c`, `d`)"},
        {"t.a[1].b['k']", "`t`.`a`[1].`b`['k']"},
        {"(t.r).f", "(`t`.`r`).`f`"},
        {"array[1, 2][1]", "(ARRAY[1, 2])[1]"},
        {"map['k', 1]", "MAP['k', 1]"},
        {"array[]", "ARRAY[]"},
        {"`from`.`a``b`", "`from`.`a``b`"},
        {"größe", "`größe`"},
    };
    CHECK(pairs, "SELECT ");
}

static void test_literals(void **state)
{
    (void)state;
    static const Pair pairs[] = {
        {"12, 12.50, .5, 1., 1.5E3, 1e-7", "12, 12.50, .5, 1., 1.5E3, 1e-7"},
        {"'it''s', '', 'a\nb'", NULL},
        {"U&'\\00e9\\+01F600 \\\\', U&'#00e9' UESCAPE '#'", "'é😀 \\', 'é'"},
        {"E'a\\n\\t\\'\\\\\\101\\u00e9'", "'a\n\t''\\Aé'"},
        {"X'1f00', x''", "X'1F00', X''"},
        {"true, FALSE, Unknown, null", "TRUE, FALSE, UNKNOWN, NULL"},
        {"DATE '2024-02-29', TIME '12:34:56', TIMESTAMP '2024-02-29 12:34:56.123456'", NULL},
        {"INTERVAL '90' SECOND, INTERVAL '0.5' SECOND, INTERVAL -'1' DAY, INTERVAL '-1' DAY", NULL},
        {"INTERVAL '30' minutes, INTERVAL '100' SECOND(3), INTERVAL '1.5' SECOND(3, 1)",
         "INTERVAL '30' MINUTE, INTERVAL '100' SECOND(3), INTERVAL '1.5' SECOND(3, 1)"},
        {"INTERVAL '2-3' YEAR TO MONTH, INTERVAL '1 02:03:04.567' DAY TO SECOND(3)", NULL},
        {"INTERVAL '1 02' DAY TO HOUR, INTERVAL '02:03' HOUR TO MINUTE", NULL},
        {"current_date, LOCALTIMESTAMP", "CURRENT_DATE, LOCALTIMESTAMP"},
    };
    CHECK(pairs, "SELECT ");
}

static void test_calls(void **state)
{
    (void)state;
    static const Pair pairs[] = {
        {"count(*), count(distinct a, b), sum(all x)",
         "COUNT(*), COUNT(DISTINCT `a`, `b`), SUM(`x`)"},
        {"extract(minute from t), floor(t to hour), ceil(x)",
         "EXTRACT(MINUTE FROM `t`), FLOOR(`t` TO HOUR), CEIL(`x`)"},
        {"timestampadd(sql_tsi_day, 1, t), timestampdiff(month, a, b)",
         "TIMESTAMPADD(DAY, 1, `t`), TIMESTAMPDIFF(MONTH, `a`, `b`)"},
        {"position('a' in b), position(('a' || 'b') in c)",
         "POSITION('a' IN `b`), POSITION(('a' || 'b') IN `c`)"},
        {"substring(s from 1 for 2), substring(s, 3)", "SUBSTRING(`s`, 1, 2), SUBSTRING(`s`, 3)"},
        {"trim(s), trim(both from s), trim(leading 'x' from s), trim('y' from s)",
         "TRIM(`s`), TRIM(`s`), TRIM(LEADING 'x' FROM `s`), TRIM(BOTH 'y' FROM `s`)"},
        {"overlay(s placing r from 1 for 2)", "OVERLAY(`s` PLACING `r` FROM 1 FOR 2)"},
        {"json_value(j, '$.a' returning int null on empty default 0 on error)",
         "JSON_VALUE(`j`, '$.a' RETURNING INT NULL ON EMPTY DEFAULT 0 ON ERROR)"},
        {"json_query(j, '$' with wrapper empty array on error)",
         "JSON_QUERY(`j`, '$' WITH UNCONDITIONAL ARRAY WRAPPER EMPTY ARRAY ON ERROR)"},
        {"json_object('a' value 1, key 'b' value 2 absent on null), json_array(1, 2)",
         "JSON_OBJECT(KEY 'a' VALUE 1, KEY 'b' VALUE 2 ABSENT ON NULL), JSON_ARRAY(1, 2)"},
        {"sum(x) filter (where y > 1) over (partition by k order by ts desc nulls first)",
         "SUM(`x`) FILTER (WHERE `y` > 1) OVER (PARTITION BY `k` ORDER BY `ts` DESC NULLS FIRST)"},
        {"lag(x) ignore nulls over w", "LAG(`x`) IGNORE NULLS OVER `w`"},
        {"sum(x) over (w rows between unbounded preceding and 1 following)",
         "SUM(`x`) OVER (`w` ROWS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING)"},
        {"sum(x) over (range interval '1' hour preceding)",
         "SUM(`x`) OVER (RANGE BETWEEN INTERVAL '1' HOUR PRECEDING AND CURRENT ROW)"},
        {"a.b.my_function(x), `Mixed`(1), if(a, b, c), left(s, 1)",
         "`a`.`b`.`my_function`(`x`), `Mixed`(1), IF(`a`, `b`, `c`), LEFT(`s`, 1)"},
        {"listagg(a) within group (order by b)", "LISTAGG(`a`) WITHIN GROUP (ORDER BY `b`)"},
    };
    CHECK(pairs, "SELECT ");
}

static void test_tables(void **state)
{
    (void)state;
    static const Pair pairs[] = {
        {"c.d.t as x (a, b)", "`c`.`d`.`t` AS `x` (`a`, `b`)"},
        {"t /*+ options('k'='v') */ u", "`t` /*+ OPTIONS('k' = 'v') */ AS `u`"},
        {"a, b join c on a.x = c.x", "`a`, (`b` JOIN `c` ON `a`.`x` = `c`.`x`)"},
        {"a left outer join b using (k) natural join c cross join d",
         "`a` LEFT JOIN `b` USING (`k`) NATURAL JOIN `c` CROSS JOIN `d`"},
        {"a full join (b join c on true) on false",
         "`a` FULL JOIN (`b` JOIN `c` ON TRUE) ON FALSE"},
        {"o join r for system_time as of o.ts as r on o.k = r.k",
         "`o` JOIN `r` FOR SYSTEM_TIME AS OF `o`.`ts` AS `r` ON `o`.`k` = `r`.`k`"},
        {"table(tumble(table t, descriptor(ts), interval '1' minute))",
         "TABLE(TUMBLE(TABLE `t`, DESCRIPTOR(`ts`), INTERVAL '1' MINUTE))"},
        {"hop(table t, descriptor(ts), interval '1' minute, interval '30' minute) w",
         "TABLE(HOP(TABLE `t`, DESCRIPTOR(`ts`), INTERVAL '1' MINUTE, INTERVAL '30' MINUTE)) "
         "AS `w`"},
        {"table(tumble(data => table t, timecol => descriptor(ts), size => interval '1' day))",
         "TABLE(TUMBLE(DATA => TABLE `t`, TIMECOL => DESCRIPTOR(`ts`), "
         "SIZE => INTERVAL '1' DAY))"},
        {"table(session(table t partition by a, b, descriptor(ts), interval '1' minute))",
         "TABLE(SESSION(TABLE `t` PARTITION BY (`a`, `b`), DESCRIPTOR(`ts`), "
         "INTERVAL '1' MINUTE))"},
        {"t cross join unnest(arr) with ordinality as u (x, n)",
         "`t` CROSS JOIN UNNEST(`arr`) WITH ORDINALITY AS `u` (`x`, `n`)"},
        {"t, lateral table(f(a)) as u (x), lateral (select 1)",
         "`t`, LATERAL TABLE(F(`a`)) AS `u` (`x`), LATERAL (SELECT 1)"},
        {"(values (1, 'a'), (2, 'b')) as v (x, y)",
         "(VALUES (1, 'a'), (2, 'b')) AS `v` (`x`, `y`)"},
        {"((select a from t) union select b from u)",
         "(SELECT `a` FROM `t` UNION SELECT `b` FROM `u`)"},
    };
    CHECK(pairs, "SELECT * FROM ");
}

static void test_match_recognize(void **state)
{
    (void)state;
    static const Pair pairs[] = {
        {"t match_recognize (partition by a order by ts, b desc measures a.x as y, first(b.x, 1) "
         "as z "
         "one row per match after match skip past last row pattern (a b+ c*? d? e{2} f{3,} g{1,4}? "
         "h{,5}) within interval '1' hour define a as a.x > 1, b as b.x < last(b.x, 1))",
         "`t` MATCH_RECOGNIZE (PARTITION BY `a` ORDER BY `ts`, `b` DESC MEASURES `a`.`x` AS `y`, "
         "FIRST(`b`.`x`, 1) AS `z` ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW PATTERN (`a` "
         "`b`+ "
         "`c`*? `d`? `e`{2} `f`{3,} `g`{1,4}? `h`{,5}) WITHIN INTERVAL '1' HOUR DEFINE `a` AS "
         "`a`.`x` > 1, `b` AS `b`.`x` < LAST(`b`.`x`, 1))"},
        {"(select 1) match_recognize (all rows per match after match skip to next row "
         "pattern (^ (a | b c)+ permute(d, e) {- f -} $) subset u = (a, b) define a as true) as m "
         "(x)",
         "(SELECT 1) MATCH_RECOGNIZE (ALL ROWS PER MATCH AFTER MATCH SKIP TO NEXT ROW PATTERN (^ "
         "(`a` | `b` `c`)+ PERMUTE(`d`, `e`) {- `f` -} $) SUBSET `u` = (`a`, `b`) DEFINE `a` AS "
         "TRUE) "
         "AS `m` (`x`)"},
        {"t match_recognize (measures final last(a.x) as l, running sum(a.x) as s after match skip "
         "to "
         "first b pattern (a b) define a as a.x = 1)",
         "`t` MATCH_RECOGNIZE (MEASURES FINAL LAST(`a`.`x`) AS `l`, RUNNING SUM(`a`.`x`) AS `s` "
         "AFTER "
         "MATCH SKIP TO FIRST `b` PATTERN (`a` `b`) DEFINE `a` AS `a`.`x` = 1)"},
        /* The words may be names: SKIP TO LAST means the variable `last` here. */
        {"t match_recognize (after match skip to last pattern (last) define last as true)",
         "`t` MATCH_RECOGNIZE (AFTER MATCH SKIP TO LAST `last` PATTERN (`last`) DEFINE `last` AS "
         "TRUE)"},
    };
    CHECK(pairs, "SELECT * FROM ");
}

static void test_queries(void **state)
{
    (void)state;
    static const Pair pairs[] = {
        {"SELECT DISTINCT a x, t.*, 1 AS `y z` FROM t",
         "SELECT DISTINCT `a` AS `x`, `t`.*, 1 AS `y z` FROM `t`"},
        {"SELECT /*+ LOOKUP('table'='d'), BROADCAST(a, b) */ 1",
         "SELECT /*+ LOOKUP('table' = 'd'), BROADCAST(`a`, `b`) */ 1"},
        {"SELECT 1 FROM t WHERE a GROUP BY b, (c + 1) * 2, (d, e), () HAVING f ORDER BY 1 "
         "LIMIT 10 OFFSET 5",
         "SELECT 1 FROM `t` WHERE `a` GROUP BY `b`, (`c` + 1) * 2, (`d`, `e`), () HAVING `f` "
         "ORDER BY 1 LIMIT 10 OFFSET 5"},
        {"SELECT 1 FROM t GROUP BY GROUPING SETS ((a, b), a, ()), CUBE (c), ROLLUP (d, e)",
         "SELECT 1 FROM `t` GROUP BY GROUPING SETS ((`a`, `b`), `a`, ()), CUBE (`c`), "
         "ROLLUP (`d`, `e`)"},
        {"SELECT SUM(a) OVER w FROM t WINDOW w AS (ORDER BY b), v AS (w) QUALIFY rn = 1",
         "SELECT SUM(`a`) OVER `w` FROM `t` WINDOW `w` AS (ORDER BY `b`), `v` AS (`w`) "
         "QUALIFY `rn` = 1"},
        {"SELECT 1 UNION SELECT 2 INTERSECT SELECT 3 EXCEPT ALL SELECT 4", NULL},
        {"SELECT 1 UNION (SELECT 2 UNION ALL SELECT 3)", NULL},
        {"(SELECT 1 UNION SELECT 2) INTERSECT SELECT 3", NULL},
        {"((SELECT 1))", "SELECT 1"},
        {"(SELECT 1 LIMIT 1) LIMIT 2", NULL},
        {"WITH a AS (SELECT 1), b (x) AS (VALUES 1) SELECT * FROM a, b",
         "WITH `a` AS (SELECT 1), `b` (`x`) AS (VALUES (1)) SELECT * FROM `a`, `b`"},
        {"SELECT 1 FETCH FIRST 3 ROWS ONLY", "SELECT 1 LIMIT 3"},
        {"SELECT 1 FETCH NEXT ROW ONLY", "SELECT 1 LIMIT 1"},
        {"VALUES 1, (2), ROW(3, 4)", "VALUES (1), (2), (3, 4)"},
    };
    CHECK(pairs, "");
}

static void test_types(void **state)
{
    (void)state;
    static const Pair pairs[] = {
        {"INT NOT NULL", NULL},
        {"integer null", "INT"},
        {"varchar", "STRING"},
        {"character varying(5)", "VARCHAR(5)"},
        {"char", "CHAR(1)"},
        {"binary(3)", "BINARY(3)"},
        {"varbinary", "BYTES"},
        {"dec", "DECIMAL(10, 0)"},
        {"numeric(38)", "DECIMAL(38, 0)"},
        {"double precision", "DOUBLE"},
        {"time", "TIME(0)"},
        {"timestamp", "TIMESTAMP(6)"},
        {"timestamp(3) without time zone", "TIMESTAMP(3)"},
        {"timestamp(9) with local time zone not null", "TIMESTAMP_LTZ(9) NOT NULL"},
        {"array<map<string, int not null>>", "ARRAY<MAP<STRING, INT NOT NULL>>"},
        {"row<a int 'x', `b c` row(d multiset<date>)> not null",
         "ROW<`a` INT 'x', `b c` ROW<`d` MULTISET<DATE>>> NOT NULL"},
        {"row<int, string>", "ROW<`f0` INT, `f1` STRING>"},
        {"int array array", "ARRAY<ARRAY<INT>>"},
    };
    Arena *arena = arena_new(0);
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        const char *expected = pairs[i].printed != NULL ? pairs[i].printed : pairs[i].sql;
        const char *printed =
            parse_and_print(arena, arena_printf(arena, "SELECT CAST(a AS %s);", pairs[i].sql));
        assert_string_equal(printed, arena_printf(arena, "SELECT CAST(`a` AS %s);\n", expected));
        assert_string_equal(parse_and_print(arena, printed), printed);
    }
    arena_free(arena);
}

static void test_statements(void **state)
{
    (void)state;
    static const Pair pairs[] = {
        {"SET 'a.b' = 'c d'", NULL},
        {"SET execution.runtime-mode=streaming", "SET 'execution.runtime-mode' = 'streaming'"},
        {"SET", NULL},
        {"SET a /*\xf3*/ . b=c  d", "SET 'a . b' = 'c d'"},
        {"RESET 'a'", NULL},
        {"CREATE TEMPORARY VIEW IF NOT EXISTS v (a) COMMENT 'x' AS SELECT 1",
         "CREATE TEMPORARY VIEW IF NOT EXISTS `v` (`a`) COMMENT 'x' AS SELECT 1"},
        {"INSERT INTO t (a, b) VALUES (1, DEFAULT)",
         "INSERT INTO `t` (`a`, `b`) VALUES (1, DEFAULT)"},
        {"INSERT OVERWRITE t PARTITION (d = '1', e) SELECT 1",
         "INSERT OVERWRITE `t` PARTITION (`d` = '1', `e`) SELECT 1"},
        {"EXECUTE INSERT INTO t (SELECT 1)", "INSERT INTO `t` SELECT 1"},
        {"BEGIN STATEMENT SET; INSERT INTO a SELECT CASE WHEN b THEN 1 END FROM t; END",
         "EXECUTE STATEMENT SET BEGIN\n"
         "  INSERT INTO `a` SELECT CASE WHEN `b` THEN 1 END FROM `t`;\nEND"},
        {"EXPLAIN PLAN FOR SELECT 1", "EXPLAIN SELECT 1"},
        {"EXPLAIN PLAN_ADVICE, CHANGELOG_MODE INSERT INTO t SELECT 1",
         "EXPLAIN CHANGELOG_MODE, PLAN_ADVICE INSERT INTO `t` SELECT 1"},
        {"SHOW TABLES IN db NOT LIKE 'a%'", "SHOW TABLES FROM `db` NOT LIKE 'a%'"},
        {"SHOW CREATE MATERIALIZED TABLE t", "SHOW CREATE MATERIALIZED TABLE `t`"},
        {"DESC t", "DESCRIBE `t`"},
        {"USE c.d", "USE `c`.`d`"},
        {"DROP TABLE IF EXISTS t", "DROP TABLE IF EXISTS `t`"},
        {"ALTER TABLE t RENAME a TO b", "ALTER TABLE `t` RENAME `a` TO `b`"},
        {"ALTER MATERIALIZED TABLE t SUSPEND", "ALTER MATERIALIZED TABLE `t` SUSPEND"},
        {"CREATE FUNCTION f AS 'a.b' LANGUAGE java", "CREATE FUNCTION `f` AS 'a.b' LANGUAGE JAVA"},
        {"CREATE TABLE t LIKE s (EXCLUDING ALL OVERWRITING OPTIONS)",
         "CREATE TABLE `t`\nLIKE `s` (EXCLUDING ALL OVERWRITING OPTIONS)"},
        {"CREATE TABLE t WITH ('a'='b') AS SELECT 1",
         "CREATE TABLE `t`\nWITH (\n  'a' = 'b'\n)\nAS SELECT 1"},
    };
    CHECK(pairs, "");
}

static void test_management(void **state)
{
    (void)state;
    static const Pair pairs[] = {
        {"ALTER TABLE t ADD a INT NOT NULL COMMENT 'x' FIRST",
         "ALTER TABLE `t` ADD (\n  `a` INT NOT NULL COMMENT 'x' FIRST\n)"},
        {"ALTER TABLE t ADD (a AS b + 1 AFTER b, WATERMARK FOR ts AS ts)",
         "ALTER TABLE `t` ADD (\n  `a` AS `b` + 1 AFTER `b`,\n  WATERMARK FOR `ts` AS `ts`\n)"},
        {"ALTER TABLE t ADD CONSTRAINT p PRIMARY KEY (a) NOT ENFORCED",
         "ALTER TABLE `t` ADD (\n  CONSTRAINT `p` PRIMARY KEY (`a`) NOT ENFORCED\n)"},
        {"ALTER TABLE IF EXISTS t MODIFY m BIGINT METADATA FROM 'k' VIRTUAL",
         "ALTER TABLE IF EXISTS `t` MODIFY (\n  `m` BIGINT METADATA FROM 'k' VIRTUAL\n)"},
        {"ALTER TABLE t ADD IF NOT EXISTS PARTITION (a = 1) WITH ('k' = 'v') PARTITION (a = 2)",
         "ALTER TABLE `t` ADD IF NOT EXISTS PARTITION (`a` = 1) WITH (\n  'k' = 'v'\n) PARTITION "
         "(`a` = 2)"},
        {"ALTER TABLE t ADD DISTRIBUTION BY HASH (a) INTO 3 BUCKETS",
         "ALTER TABLE `t` ADD DISTRIBUTION BY HASH(`a`) INTO 3 BUCKETS"},
        {"ALTER TABLE t DROP a", "ALTER TABLE `t` DROP (`a`)"},
        {"ALTER TABLE t DROP (a, b)", "ALTER TABLE `t` DROP (`a`, `b`)"},
        {"ALTER TABLE t DROP PRIMARY KEY", "ALTER TABLE `t` DROP PRIMARY KEY"},
        {"ALTER TABLE t DROP CONSTRAINT p", "ALTER TABLE `t` DROP CONSTRAINT `p`"},
        {"ALTER TABLE t DROP WATERMARK", "ALTER TABLE `t` DROP WATERMARK"},
        {"ALTER TABLE t DROP DISTRIBUTION", "ALTER TABLE `t` DROP DISTRIBUTION"},
        {"ALTER TABLE t DROP IF EXISTS PARTITION (a = 1), PARTITION (a = 2)",
         "ALTER TABLE `t` DROP IF EXISTS PARTITION (`a` = 1), PARTITION (`a` = 2)"},
        {"ALTER TABLE t RESET ()", "ALTER TABLE `t` RESET ()"},
        {"ALTER VIEW v AS SELECT 1", "ALTER VIEW `v` AS SELECT 1"},
        {"ALTER VIEW v RENAME TO w", "ALTER VIEW `v` RENAME TO `w`"},
        {"ALTER DATABASE d SET ('k' = 'v')", "ALTER DATABASE `d` SET (\n  'k' = 'v'\n)"},
        {"ALTER CATALOG c COMMENT 'x'", "ALTER CATALOG `c` COMMENT 'x'"},
        {"ALTER TEMPORARY SYSTEM FUNCTION f AS 'a' LANGUAGE SCALA",
         "ALTER TEMPORARY SYSTEM FUNCTION `f` AS 'a' LANGUAGE SCALA"},
        {"CREATE TEMPORARY FUNCTION f AS 'a' USING JAR '/x', JAR '/y'",
         "CREATE TEMPORARY FUNCTION `f` AS 'a' USING JAR '/x', JAR '/y'"},
        {"CREATE OR REPLACE TABLE t AS SELECT 1", "CREATE OR REPLACE TABLE `t`\nAS SELECT 1"},
        {"REPLACE TABLE t AS SELECT 1", "REPLACE TABLE `t`\nAS SELECT 1"},
        {"DROP DATABASE IF EXISTS c.d CASCADE", "DROP DATABASE IF EXISTS `c`.`d` CASCADE"},
        {"TRUNCATE TABLE t", "TRUNCATE TABLE `t`"},
        {"LOAD MODULE m WITH ('a' = 'b')", "LOAD MODULE `m` WITH (\n  'a' = 'b'\n)"},
        {"UNLOAD MODULE m", "UNLOAD MODULE `m`"},
        {"USE MODULES a, b", "USE MODULES `a`, `b`"},
        {"ADD JAR '/x.jar'", NULL},
        {"REMOVE JAR '/x.jar'", NULL},
        {"STOP JOB 'a' WITH SAVEPOINT WITH DRAIN", NULL},
        {"DESCRIBE JOB 'a'", NULL},
        {"SHOW PARTITIONS t PARTITION (a = 'x')", "SHOW PARTITIONS `t` PARTITION (`a` = 'x')"},
        {"SHOW FULL MODULES", NULL},
        {"SHOW JARS", NULL},
        {"SHOW CREATE CATALOG c", "SHOW CREATE CATALOG `c`"},
        {"SHOW PROCEDURES LIKE 'a'", NULL},
        {"exit", "QUIT"},
        {"Clear", "CLEAR"},
        {"HELP", NULL},
    };
    CHECK(pairs, "");
}

static void test_ends_of_statements(void **state)
{
    (void)state;
    const struct {
        const char *text;
        const char *complete; /* what may be run */
    } cases[] = {
        {"", ""},
        {"SELECT 1", ""},
        {"SELECT 1;", "SELECT 1;"},
        {"SELECT 1; SELECT 2", "SELECT 1;"},
        {"SELECT 1; SELECT 2;\n", "SELECT 1; SELECT 2;"},
        {"SELECT ';' AS a", ""},
        {"SELECT 'it''s;' AS `b;`;", "SELECT 'it''s;' AS `b;`;"},
        {"SELECT 1 -- ; not here\n", ""},
        {"SELECT /* ; */ 1;", "SELECT /* ; */ 1;"},
        {"SELECT 'open;", ""},
        {"BEGIN STATEMENT SET; INSERT INTO a SELECT 1;", ""},
        {"BEGIN STATEMENT SET; INSERT INTO a SELECT CASE WHEN b THEN 1 END; END; SELECT",
         "BEGIN STATEMENT SET; INSERT INTO a SELECT CASE WHEN b THEN 1 END; END;"},
        {"EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; END;",
         "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; END;"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(sql_statements_end(str_from(cases[i].text)), strlen(cases[i].complete));
    assert_true(sql_is_blank(STR(" -- nothing\n /* at all */ ")));
    assert_false(sql_is_blank(STR("  ; ")));
}

static void test_create_table(void **state)
{
    (void)state;
    static const Pair pairs[] = {
        {"create table if not exists c.d.t (\n"
         "  id bigint primary key not enforced,\n"
         "  ts timestamp(3) metadata from 'op_ts' virtual comment 'when',\n"
         "  k string not null metadata,\n"
         "  c as id + 1,\n"
         "  watermark for ts as ts - interval '5' second)\n"
         "comment 'orders' distributed by hash(id) into 4 buckets partitioned by (k)\n"
         "with ('connector' = 'print')",
         "CREATE TABLE IF NOT EXISTS `c`.`d`.`t` (\n"
         "  `id` BIGINT,\n"
         "  `ts` TIMESTAMP(3) METADATA FROM 'op_ts' VIRTUAL COMMENT 'when',\n"
         "  `k` STRING NOT NULL METADATA,\n"
         "  `c` AS `id` + 1,\n"
         "  WATERMARK FOR `ts` AS `ts` - INTERVAL '5' SECOND,\n"
         "  PRIMARY KEY (`id`) NOT ENFORCED\n"
         ") COMMENT 'orders'\n"
         "DISTRIBUTED BY HASH(`id`) INTO 4 BUCKETS\n"
         "PARTITIONED BY (`k`)\n"
         "WITH (\n"
         "  'connector' = 'print'\n"
         ")"},
        {"create materialized table m constraint pk primary key (a) not enforced\n"
         "with ('ttl'='1 h') freshness = interval '30' second refresh_mode = full as select 1 a",
         "CREATE MATERIALIZED TABLE `m` (\n"
         "  CONSTRAINT `pk` PRIMARY KEY (`a`) NOT ENFORCED\n"
         ")\n"
         "WITH (\n"
         "  'ttl' = '1 h'\n"
         ")\n"
         "FRESHNESS = INTERVAL '30' SECOND\n"
         "REFRESH_MODE = FULL\n"
         "AS SELECT 1 AS `a`"},
    };
    CHECK(pairs, "");
}

/* ---- What the printed text does not show ---- */

static SqlExpr *parse_expr_text(Arena *arena, const char *text)
{
    Source *source = ARENA_NEW(arena, Source);
    *source = (Source){.name = "test.sql", .text = str_from(text)};
    SqlExpr *expr = NULL;
    assert_int_equal(sql_parse_expr(source, arena, diagnostics_new(arena, source), &expr), OK);
    return expr;
}

static void test_literal_values(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    const SqlLiteral *literal = &parse_expr_text(arena, "0012.50")->literal;
    assert_int_equal(literal->precision, 6);
    assert_int_equal(literal->scale, 2);
    literal = &parse_expr_text(arena, "0.05")->literal;
    assert_int_equal(literal->precision, 3);
    assert_int_equal(literal->scale, 2);
    assert_int_equal(parse_expr_text(arena, "0")->literal.precision, 1);
    assert_int_equal(parse_expr_text(arena, "'日本'")->literal.precision, 2);
    literal = &parse_expr_text(arena, "INTERVAL '1 02:03:04.567' DAY TO SECOND")->literal;
    assert_int_equal(literal->kind, SQL_INTERVAL_MILLIS);
    assert_int_equal(literal->interval, 93784567);
    literal = &parse_expr_text(arena, "INTERVAL -'2-3' YEAR TO MONTH")->literal;
    assert_int_equal(literal->kind, SQL_INTERVAL_MONTHS);
    assert_int_equal(literal->interval, -27);
    assert_int_equal(parse_expr_text(arena, "INTERVAL -'-5' MINUTE")->literal.interval, 300000);
    assert_int_equal(parse_expr_text(arena, "INTERVAL '0.0015' SECOND")->literal.interval, 1);
    assert_int_equal(parse_expr_text(arena, "INTERVAL '2' WEEK")->literal.interval, 1209600000);
    assert_int_equal(
        parse_expr_text(arena, "TIMESTAMP '2024-01-01 00:00:00.12'")->literal.precision, 2);
    arena_free(arena);
}

static void test_spans(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    const SqlExpr *expr = parse_expr_text(arena, " a + (b . c)*  2 ");
    assert_int_equal(expr->span.start, 1);
    assert_int_equal(expr->span.end, 16);
    assert_int_equal(expr->binary.op_span.start, 3);
    const SqlExpr *product = expr->binary.right;
    assert_int_equal(product->span.start, 5);
    assert_int_equal(product->binary.left->column->span.start, 6);
    assert_int_equal(product->binary.left->column->span.end, 11);
    arena_free(arena);
}

static void test_keywords_are_sorted(void **state)
{
    (void)state;
    for (int keyword = NO_KEYWORD + 1; keyword < KEYWORD_END; keyword++)
        assert_int_equal(keyword_find(keyword_text((Keyword)keyword)), keyword);
    assert_int_equal(keyword_find(STR("sElEcT")), KW_SELECT);
    assert_int_equal(keyword_find(STR("selects")), NO_KEYWORD);
    assert_true(sql_is_reserved(STR("timestamp")));
    assert_false(sql_is_reserved(STR("key")));
}

/* Text that nests or chains `count` times. */
static Status parse_repeated(const char *before, const char *repeated, const char *after,
                             int32_t count)
{
    Arena *arena = arena_new(0);
    Buffer text = {0};
    buffer_append_text(&text, before);
    for (int32_t i = 0; i < count; i++)
        buffer_append_text(&text, repeated);
    buffer_append_text(&text, after);
    Source source = {.name = "test.sql", .text = buffer_str(&text), .allows_open_end = true};
    SqlScript *script = NULL;
    Status status = sql_parse(&source, arena, diagnostics_new(arena, &source), &script);
    buffer_free(&text);
    arena_free(arena);
    return status;
}

/* The first error, its note included, for what is too long or too deep. */
static void assert_limit(const char *before, const char *repeated, const char *after, int32_t count,
                         const char *code, const char *note)
{
    Arena *arena = arena_new(0);
    Buffer text = {0};
    buffer_append_text(&text, before);
    for (int32_t i = 0; i < count; i++)
        buffer_append_text(&text, repeated);
    buffer_append_text(&text, after);
    Source source = {.name = "test.sql", .text = buffer_str(&text), .allows_open_end = true};
    Diagnostics *list = diagnostics_new(arena, &source);
    SqlScript *script = NULL;
    assert_int_not_equal(sql_parse(&source, arena, list, &script), OK);
    const Diagnostic *first = diagnostics_at(list, 0);
    assert_string_equal(first->code, code);
    assert_int_equal(first->notes.count, 1);
    assert_string_equal(LIST_AT(first->notes, 0, const char), note);
    buffer_free(&text);
    arena_free(arena);
}

static void test_limits_are_named(void **state)
{
    (void)state;
    assert_limit("SELECT ", "(", "1", 201, "WR1018", "the limit is 200 levels");
    assert_limit("SELECT CAST(a AS ", "ARRAY<", "INT", 201, "WR1018", "the limit is 200 levels");
    assert_limit("SELECT 1", " + 1", "", 1001, "WR1019", "the limit is 1000");
    assert_limit("SELECT a", "a", " FROM t", 1024, "WR1005", "a name may have 1024 bytes");
    assert_limit("SELECT `", "a", "` FROM t", 1025, "WR1005", "a name may have 1024 bytes");
    assert_limit("SELECT '", "a", "'", SQL_STRING_BYTES_MAX + 1, "WR1007",
                 "a literal may have 1048576 bytes");
    assert_limit("", ";", "", SQL_TOKENS_MAX + 1, "WR1001", "the limit is 1 Mi words and signs");
    assert_limit("", " ", "", SQL_SCRIPT_BYTES_MAX + 1, "WR1001", "the limit is 16 MiB");
}

/* Much that is long is also fast: names of many parts, and more errors than are shown. */
static void test_long_scripts(void **state)
{
    (void)state;
    assert_int_equal(parse_repeated("SELECT a", ".a", "", 100000), OK);
    assert_int_equal(parse_repeated("", "SELCT a FROM t;", "", 20000), ERR_INVALID);
    assert_int_equal(parse_repeated("", "\\", "", 100000), ERR_INVALID);
}

static void test_limits(void **state)
{
    (void)state;
    assert_int_equal(parse_repeated("SELECT 1", " + 1", "", 900), OK);
    assert_int_equal(parse_repeated("SELECT 1", " + 1", "", 100000), ERR_INVALID);
    assert_int_equal(parse_repeated("SELECT 1", " UNION SELECT 1", "", 900), OK);
    assert_int_equal(parse_repeated("SELECT 1", " UNION SELECT 1", "", 100000), ERR_INVALID);
    assert_int_equal(parse_repeated("SELECT * FROM a", ", a", "", 100000), ERR_INVALID);
    assert_int_equal(parse_repeated("SELECT ", "(", "1", 100000), ERR_INVALID);
    assert_int_equal(parse_repeated("SELECT ", "(SELECT ", "1", 100000), ERR_INVALID);
    assert_int_equal(parse_repeated("SELECT ", "NOT ", "1", 100000), ERR_INVALID);
    assert_int_equal(parse_repeated("SELECT ", "- ", "1", 100000), ERR_INVALID);
    assert_int_equal(parse_repeated("SELECT ", "CASE WHEN ", "1", 100000), ERR_INVALID);
    assert_int_equal(parse_repeated("SELECT CAST(a AS ", "ARRAY<", "INT", 100000), ERR_INVALID);
    assert_int_equal(parse_repeated("SELECT CAST(a AS INT", " ARRAY", ")", 100000), ERR_INVALID);
    assert_int_equal(parse_repeated("SELECT a", "[1]", "", 100000), ERR_INVALID);
    assert_int_equal(parse_repeated("SELECT 1 FROM ", "(", "a", 100000), ERR_INVALID);
    assert_int_equal(parse_repeated("SELECT 1 FROM a GROUP BY ", "ROLLUP(", "a", 100000),
                     ERR_INVALID);
    assert_int_equal(parse_repeated("SELECT '", "xxxxxxxxxx", "'", SQL_STRING_BYTES_MAX / 10 + 1),
                     ERR_INVALID);
    assert_int_equal(parse_repeated("", ";", "", SQL_TOKENS_MAX + 1), ERR_LIMIT);
    assert_int_equal(parse_repeated("", "                ", "", SQL_SCRIPT_BYTES_MAX / 16 + 1),
                     ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expressions),     cmocka_unit_test(test_literals),
        cmocka_unit_test(test_calls),           cmocka_unit_test(test_tables),
        cmocka_unit_test(test_match_recognize), cmocka_unit_test(test_queries),
        cmocka_unit_test(test_types),           cmocka_unit_test(test_statements),
        cmocka_unit_test(test_management),      cmocka_unit_test(test_ends_of_statements),
        cmocka_unit_test(test_create_table),    cmocka_unit_test(test_literal_values),
        cmocka_unit_test(test_spans),           cmocka_unit_test(test_keywords_are_sorted),
        cmocka_unit_test(test_limits),          cmocka_unit_test(test_limits_are_named),
        cmocka_unit_test(test_long_scripts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
