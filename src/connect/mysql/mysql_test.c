/* The decoder's parts at their edges: numbers on the wire, DDL, GTIDs, types, passwords. */
#include "base/testing.h"

#include <string.h>

#include "connect/mysql/auth.h"
#include "connect/mysql/ddl.h"
#include "connect/mysql/gtid.h"
#include "connect/mysql/json.h"
#include "connect/mysql/source.h"

static const MysqlColumn *column_of(const MysqlTable *table, const char *name)
{
    int32_t at = mysql_table_find(table, str_from(name));
    assert_true(at >= 0);
    return &table->columns[at];
}

/* "a b c" */
static void assert_columns(const MysqlTable *table, const char *expected)
{
    Buffer names = {0};
    assert_non_null(table);
    for (int32_t i = 0; i < table->count; i++)
        buffer_printf(&names, "%s%.*s", i > 0 ? " " : "", STR_ARGS(table->columns[i].name));
    assert_string_equal(buffer_terminated(&names), expected);
    buffer_free(&names);
}

static MysqlTable *created(Arena *arena, const char *sql)
{
    List changes = ddl_read(arena, STR("d"), str_from(sql));
    assert_int_equal(changes.count, 1);
    const DdlChange *change = LIST_AT(changes, 0, DdlChange);
    assert_int_equal(change->kind, DDL_CREATED);
    if (change->after != NULL)
        ddl_settle(change->after, STR("utf8mb4"));
    return change->after;
}

static void create_table_is_understood(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    MysqlTable *table = created(
        arena,
        "CREATE TABLE IF NOT EXISTS `t x` (`id` bigint(20) unsigned NOT NULL AUTO_INCREMENT, "
        "/* a comment, with (parens */ e ENUM('a,b','c''d') DEFAULT 'a,b', d decimal(10,2) "
        "DEFAULT (1 + 2), s varchar(20) CHARACTER SET latin1 COMMENT 'x, y', t text, b blob, "
        "g int GENERATED ALWAYS AS (id + 1) VIRTUAL, ts timestamp(3) NULL, "
        "PRIMARY KEY (`id`), KEY `k` (`d`,`s`), CONSTRAINT c CHECK (d > 0)) "
        "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin");
    assert_columns(table, "id e d s t b g ts");
    assert_true(str_is(table->name, "t x"));
    assert_true(column_of(table, "ID")->is_unsigned);
    assert_int_equal(column_of(table, "id")->type, MYSQL_LONGLONG);
    assert_int_equal(column_of(table, "e")->member_count, 2);
    assert_true(str_is(column_of(table, "e")->members[1], "c'd"));
    assert_int_equal(column_of(table, "d")->length, 10);
    assert_int_equal(column_of(table, "d")->scale, 2);
    assert_int_equal(column_of(table, "s")->charset, CHARSET_LATIN1);
    assert_int_equal(column_of(table, "t")->charset, CHARSET_UTF8);
    assert_int_equal(column_of(table, "b")->charset, CHARSET_BINARY);
    assert_true(column_of(table, "g")->is_virtual);
    assert_int_equal(column_of(table, "ts")->scale, 3);
    assert_int_equal(column_of(created(arena, "CREATE TABLE t (a TEXT)"), "a")->charset,
                     CHARSET_UTF8); /* the database's */
    table =
        created(arena, "CREATE TABLE t (a CHAR(5) NOT NULL COLLATE latin1_bin, b LONG VARBINARY, "
                       "c CHAR(3) BYTE, d VARCHAR(9) BINARY CHARACTER SET latin1, e INT AS (a) "
                       "PERSISTENT, f INT AS (a), g TEXT COLLATE uca1400_ai_ci, period INT)");
    assert_columns(table, "a b c d e f g period");
    static const Charset charsets[] = {CHARSET_LATIN1, CHARSET_BINARY, CHARSET_BINARY,
                                       CHARSET_LATIN1};
    for (int32_t i = 0; i < 4; i++)
        assert_int_equal(table->columns[i].charset, charsets[i]);
    assert_false(column_of(table, "e")->is_virtual);
    assert_true(column_of(table, "f")->is_virtual);
    assert_int_equal(column_of(table, "g")->charset, CHARSET_UTF8);
    /* What is not understood is not guessed. */
    static const char *const beyond[] = {
        "CREATE TABLE t (a INT) SELECT 1 AS b", "CREATE TABLE t SELECT 1 AS b",
        "CREATE TABLE t (a NUMBER(5))", "CREATE TABLE t (a INT) WITH SYSTEM VERSIONING",
        "CREATE TABLE t ()"};
    for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++)
        assert_null(created(arena, beyond[i]));
    arena_free(arena);
}

static MysqlTable *altered(Arena *arena, const MysqlTable *table, const char *sql)
{
    return ddl_alter(arena, table, str_from(sql), STR("utf8mb4"));
}

static void alter_table_is_followed(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    MysqlTable *table = created(arena, "CREATE TABLE t (a INT, b TEXT, c INT) CHARSET=latin1");
    static const char *const cases[][2] = {
        {"ALTER TABLE t ADD d INT", "a b c d"},
        {"ALTER TABLE `d`.`t` ADD COLUMN d INT FIRST, ADD e VARCHAR(3) AFTER a", "d a e b c"},
        {"alter online table t add column (x int, y decimal(3,1)), drop b", "a c x y"},
        {"ALTER TABLE t ADD IF NOT EXISTS a INT", "a b c"},
        {"ALTER TABLE t ADD INDEX i (a, b), ADD UNIQUE KEY (c), ADD CONSTRAINT FOREIGN KEY (a) "
         "REFERENCES u (b, c) ON DELETE CASCADE, ADD z INT",
         "a b c z"},
        {"ALTER TABLE t CHANGE b bb INT NOT NULL DEFAULT 5 AFTER c", "a c bb"},
        {"ALTER TABLE t MODIFY c BIGINT FIRST", "c a b"},
        {"ALTER TABLE t RENAME COLUMN b TO `new name`, RENAME INDEX i TO j", "a new name c"},
        {"ALTER TABLE t DROP COLUMN IF EXISTS nothing, DROP PRIMARY KEY, DROP INDEX i", "a b c"},
        {"ALTER TABLE t ENGINE=InnoDB, COMMENT='a, b (c'", "a b c"},
        {"ALTER TABLE t WAIT 5 ADD d INT", "a b c d"},
        /* All items speak of the columns as they were; places, of those there are by then. */
        {"ALTER TABLE t RENAME COLUMN a TO b, RENAME COLUMN b TO a", "b a c"},
        {"ALTER TABLE t CHANGE a b INT, CHANGE b a TEXT", "b a c"},
        {"ALTER TABLE t ADD a BIGINT, DROP a", "b c a"},
        {"ALTER TABLE t CHANGE b x INT AFTER c, ADD y INT AFTER x, ADD z INT FIRST", "z a c x y"},
        {"ALTER TABLE t MODIFY a INT AFTER c, MODIFY b TEXT AFTER a", "c a b"},
        {"ALTER TABLE t ADD (d INT, INDEX (d)), DROP COLUMN IF EXISTS x", "a b c d"},
        {"ALTER TABLE t MODIFY COLUMN IF EXISTS x INT, RENAME COLUMN IF EXISTS x TO y", "a b c"},
        {"ALTER TABLE t ALTER a SET DEFAULT (1, 2), ALTER COLUMN c DROP DEFAULT", "a b c"},
        {"ALTER TABLE t ORDER BY a, b", "a b c"},
        {"ALTER TABLE t ADD d INT PARTITION BY RANGE (a) (PARTITION p0 VALUES LESS THAN (1), "
         "PARTITION p1 VALUES LESS THAN MAXVALUE)",
         "a b c d"},
        {"ALTER TABLE t REORGANIZE PARTITION p0 INTO (PARTITION a VALUES IN (1, 2))", "a b c"},
        {"ALTER TABLE t DROP PARTITION p0, p1", "a b c"},
        {"ALTER TABLE t ADD PERIOD FOR x (a, c), ADD period INT, ADD system INT",
         "a b c period system"},
        {"ALTER TABLE t ADD d INT, ALGORITHM=INSTANT, LOCK NONE, FORCE", "a b c d"},
        {"ALTER TABLE t AUTO_INCREMENT 5, STATS_PERSISTENT = 1, UNION=(x, y), ENABLE KEYS",
         "a b c"},
        {"ALTER TABLE t ADD d INT /*!50600 FIRST */, ALGORITHM=INPLACE, LOCK=NONE", "d a b c"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_columns(altered(arena, table, cases[i][0]), cases[i][1]);
    const MysqlTable *converted =
        altered(arena, table, "ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4");
    assert_int_equal(column_of(converted, "b")->charset, CHARSET_UTF8);
    assert_int_equal(column_of(table, "b")->charset, CHARSET_LATIN1);
    assert_int_equal(column_of(altered(arena, table, "ALTER TABLE t ADD d TEXT"), "d")->charset,
                     CHARSET_LATIN1);
    assert_int_equal(
        column_of(altered(arena, table, "ALTER TABLE t CONVERT TO CHARACTER SET DEFAULT"), "b")
            ->charset,
        CHARSET_UTF8);
    assert_true(str_is(altered(arena, table, "ALTER TABLE t RENAME = x.y, DROP a")->name, "y"));
    /* What does not fit is not guessed. */
    static const char *const beyond[] = {
        "ALTER TABLE t DROP COLUMN nothing",     "ALTER TABLE t ADD COLUMN a INT",
        "ALTER TABLE t ADD d SOMETHING(3)",      "ALTER TABLE t CHANGE nothing x INT",
        "ALTER TABLE t ADD d INT AFTER nothing", "ALTER TABLE t CHANGE a b INT",
        "ALTER TABLE t TRANSMOGRIFY a",          "ALTER TABLE t ADD SYSTEM VERSIONING",
        "ALTER TABLE t DROP a, DROP b, DROP c",  "ALTER TABLE t DROP a, MODIFY a INT"};
    for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++)
        assert_null(altered(arena, table, beyond[i]));
    arena_free(arena);
}

static void keys_move_with_their_columns(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    MysqlTable *table = created(arena, "CREATE TABLE t (a INT, b INT, c INT, d INT)");
    static const int32_t key[] = {2, 0}; /* PRIMARY KEY (c, a) */
    table->key = key;
    table->key_count = 2;
    MysqlTable *after =
        altered(arena, table, "ALTER TABLE t ADD x INT FIRST, CHANGE c cc BIGINT AFTER d, DROP b");
    assert_columns(after, "x a d cc");
    assert_int_equal(after->key_count, 2);
    assert_int_equal(after->key[0], 3);
    assert_int_equal(after->key[1], 1);
    const MysqlTable *swapped =
        altered(arena, after, "ALTER TABLE t RENAME COLUMN a TO cc, RENAME COLUMN cc TO a");
    assert_int_equal(swapped->key[1], 1);
    assert_int_equal(altered(arena, after, "ALTER TABLE t DROP PRIMARY KEY")->key_count, 0);
    after = altered(arena, after, "ALTER TABLE t RENAME COLUMN a TO z, DROP cc");
    assert_int_equal(after->key_count, 0);
    arena_free(arena);
}

/* "kind database.name>database.name, …" */
static void assert_changes(Arena *arena, const char *sql, const char *expected)
{
    static const char *const kinds[] = {"create", "copy",     "change",   "rename",       "drop",
                                        "empty",  "sequence", "database", "drop database"};
    Buffer text = {0};
    List changes = ddl_read(arena, STR("d"), str_from(sql));
    for (int32_t i = 0; i < changes.count; i++) {
        const DdlChange *change = LIST_AT(changes, i, DdlChange);
        buffer_printf(&text, "%s%s %.*s.%.*s", i > 0 ? ", " : "", kinds[change->kind],
                      STR_ARGS(change->database), STR_ARGS(change->name));
        if (change->other_name.length > 0)
            buffer_printf(&text, ">%.*s.%.*s", STR_ARGS(change->other_database),
                          STR_ARGS(change->other_name));
        if (change->kind == DDL_DATABASE)
            buffer_printf(&text, "%.*s", STR_ARGS(change->charset));
    }
    assert_string_equal(buffer_terminated(&text), expected);
    buffer_free(&text);
}

static void tables_of_a_statement_are_found(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"RENAME TABLE a TO b, x.c TO `y`.`d e`", "rename d.a>d.b, rename x.c>y.d e"},
        {"RENAME TABLE IF EXISTS a WAIT 5 TO b", "rename d.a>d.b"},
        {"DROP TABLE IF EXISTS `t1`,`t2` /* generated */", "drop d.t1, drop d.t2"},
        {"TRUNCATE t", "empty d.t"},
        {"ALTER TABLE x.t ADD a INT", "change x.t"},
        {"ALTER TABLE t TRUNCATE PARTITION p", "change d.t, empty d.t"},
        {"ALTER TABLE t CONVERT PARTITION p TO TABLE u", "change d.t, copy d.u>d.t, empty d.t"},
        {"CREATE OR REPLACE TABLE t LIKE x.u", "copy d.t>x.u"},
        {"CREATE TABLE t (LIKE u)", "copy d.t>d.u"},
        {"CREATE TABLE `like` (a INT)", "create d.like"},
        {"CREATE SEQUENCE IF NOT EXISTS s", "sequence d.s"},
        {"DROP SEQUENCE s", "drop d.s"},
        {"CREATE DATABASE IF NOT EXISTS x DEFAULT CHARACTER SET = latin1", "database x.latin1"},
        {"CREATE OR REPLACE SCHEMA x", "drop database x., database x."},
        {"ALTER DATABASE COLLATE latin1_bin", "database d.latin1"},
        {"DROP DATABASE `x`", "drop database x."},
        {"CREATE INDEX i ON t (a)", ""},
        {"DROP INDEX i ON t", ""},
        {"GRANT x", ""},
        {"CREATE VIEW v AS SELECT 1", ""},
        {"CREATE TEMPORARY TABLE t (a INT)", ""},
        {"", ""},
        {"ANALYZE TABLE t", ""}};
    Arena *arena = arena_new(0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_changes(arena, cases[i][0], cases[i][1]);
    arena_free(arena);
}

static void assert_gtids(const char *text, const char *expected)
{
    GtidSet set = {0};
    assert_true(gtid_parse(&set, str_from(text)));
    Buffer printed = {0};
    gtid_print(&printed, &set);
    assert_string_equal(buffer_terminated(&printed), expected);
    buffer_free(&printed);
    gtid_free(&set);
}

static void gtids_join_and_print(void **state)
{
    (void)state;
    assert_gtids("0-1-100,5-2-7", "0-1-100,5-2-7");
    assert_gtids(" 0-1-100, 0-2-101 ", "0-2-101");
    assert_gtids("3E11FA47-71CA-11E1-9E33-C80AA9429562:23:1-3:4,"
                 "3e11fa47-71ca-11e1-9e33-c80aa9429562:5:tag:7-8",
                 "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:23,"
                 "3e11fa47-71ca-11e1-9e33-c80aa9429562:tag:7-8");
    GtidSet set = {0};
    static const char *const wrong[] = {"1-2",
                                        "x-1-2",
                                        "3e11fa47:1",
                                        "0-1--5",
                                        "1:2:3",
                                        "3e11fa47-71ca-11e1-9e33-c80aa9429562:5-3",
                                        "0-1-1,3e11fa47-71ca-11e1-9e33-c80aa9429562:5"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(gtid_parse(&set, str_from(wrong[i])));
    gtid_clear(&set);
    /* In any order the set comes out the same, and is what was added. */
    Gtid gtid = {.uuid = {1}};
    for (uint64_t i = 0; i < 100; i++) {
        gtid.number = i * 37 % 100 + 1;
        assert_false(gtid_contains(&set, &gtid));
        gtid_add(&set, &gtid);
        assert_true(gtid_contains(&set, &gtid));
    }
    assert_int_equal(set.origins[0].count, 1);
    assert_int_equal(set.origins[0].intervals[0].end, 101);
    gtid_free(&set);
}

static void assert_json(const char *bytes, int64_t length, const char *expected)
{
    Buffer out = {0};
    bool is_good = mysql_json_print(str_make(bytes, length), &out);
    assert_int_equal(is_good, expected != NULL);
    if (expected != NULL)
        assert_string_equal(buffer_terminated(&out), expected);
    buffer_free(&out);
}

static void binary_json_becomes_text(void **state)
{
    (void)state;
    assert_json("", 0, "null");
    assert_json("\x04\x01", 2, "true");
    assert_json("\x05\xff\xff", 3, "-1");
    assert_json("\x0c\x02"
                "a\"",
                4, "\"a\\\"\"");
    assert_json("\x00\x01\x00\x0d\x00\x0b\x00\x02\x00\x05\x07\x00"
                "ab",
                14, "{\"ab\": 7}");
    assert_json("\x0b\x00\x00\x00\x00\x00\x00\xf8\x3f", 9, "1.5");
    static const struct {
        double real;
        const char *text; /* as MySQL 8.0.15 prints it */
    } doubles[] = {
        {0.0, "0.0"},
        {-0.0, "-0.0"},
        {100, "100.0"},
        {1e14, "100000000000000.0"},
        {1e15, "1e15"},
        {-1e100, "-1e100"},
        {1234567890123456.7, "1234567890123456.8"},
        {1e-14, "0.00000000000001"},
        {1e-16, "1e-16"},
        {5e-324, "5e-324"},
        {0.30000000000000004, "0.30000000000000004"},
        {1.7976931348623157e308, "1.7976931348623157e308"},
    };
    for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++) {
        char bytes[9] = {0x0b};
        memcpy(bytes + 1, &doubles[i].real, sizeof doubles[i].real);
        assert_json(bytes, sizeof bytes, doubles[i].text);
    }
    /* Offsets beyond the end, a size beyond the bytes, an array that holds itself. */
    assert_json("\x00\x01\x00\xff\x00\x0b\x00\x02\x00", 9, NULL);
    assert_json("\x02\x01\x00\x07\x00\x0c\xff\x00", 8, NULL);
    assert_json("\x02\x01\x00\x07\x00\x02\x00\x00", 8, NULL);
    assert_json("\x63", 1, NULL);
}

static void packed_decimals_of_all_sizes_read(void **state)
{
    (void)state;
    /* 1234567890.1234 and its negative in DECIMAL(14, 4), from MySQL's own documentation. */
    static const uint8_t positive[] = {0x81, 0x0d, 0xfb, 0x38, 0xd2, 0x04, 0xd2};
    static const uint8_t negative[] = {0x7e, 0xf2, 0x04, 0xc7, 0x2d, 0xfb, 0x2d};
    BinlogColumn column = {.type = MYSQL_NEWDECIMAL, .meta = 14 | 4 << 8};
    assert_true(value_prepare(&column));
    assert_int_equal(column.fixed_bytes, 7);
    Cell cell;
    const char *why = NULL;
    Buffer scratch = {0};
    assert_non_null(value_read(&column, positive, positive + 7, &scratch, &cell, &why));
    assert_true(cell.wide == 12345678901234);
    assert_non_null(value_read(&column, negative, negative + 7, &scratch, &cell, &why));
    assert_true(cell.wide == -12345678901234);
    assert_null(value_read(&column, negative, negative + 6, &scratch, &cell, &why));
    column.meta = 66;
    assert_false(value_prepare(&column));
    buffer_free(&scratch);
}

static void latin1_becomes_utf8(void **state)
{
    (void)state;
    Buffer out = {0};
    charset_convert(CHARSET_LATIN1, STR("a\xe4\x80\xff"), &out);
    assert_string_equal(buffer_terminated(&out), "aä€ÿ");
    buffer_free(&out);
}

/* For password `secret` and the scramble below, computed by Python's hashlib. */
static const char NATIVE_ANSWER[] =
    "\x7a\xbe\x1a\x87\x76\xb5\x9e\x93\x10\x59\x45\x1f\x81\xe5\x96\xa6"
    "\x0d\xbb\xf7\xa8";
static const char SHA2_ANSWER[] =
    "\x1a\x2d\xa2\x57\x3c\x2f\xaa\x36\x7e\x2a\xfd\xdb\x54\xcd\xfd\x11"
    "\xa9\x5e\xd2\x2e\xef\x01\x67\x15\x11\x96\xa6\xfc\x8e\x3d\x38\x13";

static void passwords_are_answered(void **state)
{
    (void)state;
    static const char scramble[] = "01234567890123456789";
    Buffer native = {0}, sha2 = {0}, none = {0};
    Error error = {0};
    Str salt = str_make(scramble, 20);
    assert_int_equal(
        auth_answer(STR("mysql_native_password"), STR("secret"), salt, &native, &error), OK);
    assert_int_equal(auth_answer(STR("caching_sha2_password"), STR("secret"), salt, &sha2, &error),
                     OK);
    assert_int_equal(auth_answer(STR("mysql_native_password"), STR(""), salt, &none, &error), OK);
    assert_int_equal(native.length, 20);
    assert_memory_equal(native.data, NATIVE_ANSWER, 20);
    assert_int_equal(sha2.length, 32);
    assert_memory_equal(sha2.data, SHA2_ANSWER, 32);
    assert_int_equal(none.length, 0);
    assert_int_equal(auth_answer(STR("dialog"), STR("x"), salt, &none, &error), ERR_INVALID);
    buffer_free(&native);
    buffer_free(&sha2);
    buffer_free(&none);
}

static void positions_go_by_number_of_file(void **state)
{
    (void)state;
    BinlogPosition a = {.file = "binlog.000009", .offset = 500};
    BinlogPosition b = {.file = "binlog.000010", .offset = 4};
    BinlogPosition c = {.file = "binlog.1000000", .offset = 4};
    assert_true(binlog_position_compare(&a, &b) < 0);
    assert_true(binlog_position_compare(&c, &b) > 0);
    assert_true(binlog_position_compare(&b, &b) == 0);
}

static void lengths_on_the_wire_are_bounded(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {0, 250, 251, 65535, 65536, 0xffffff, 0x1000000, UINT64_MAX};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        Buffer out = {0};
        wire_append_lenenc(&out, numbers[i]);
        ByteReader reader = byte_reader(buffer_str(&out));
        assert_true(wire_lenenc(&reader) == numbers[i]);
        assert_false(reader.is_short);
        reader = byte_reader(str_make(out.data, out.length - 1));
        (void)wire_lenenc(&reader);
        assert_true(reader.is_short);
        buffer_free(&out);
    }
    ByteReader reader = byte_reader(STR("\xfe\xff\xff\xff\xff\xff\xff\xff\xff"));
    assert_null(wire_lenenc_bytes(&reader).data);
    assert_true(reader.is_short);
}

/* ---- statements ---- */

static bool stops(MysqlSource *source, const QueryEvent *query)
{
    Error error = {0};
    return statement_check(source, query, &error) != OK;
}

static void statements_that_may_change_rows_are_told(void **state)
{
    (void)state;
    static const char *const stopping[] = {
        "UPDATE o.x SET a = 1",
        "SET STATEMENT a = (SELECT 1 FOR UPDATE), b = 2 FOR UPDATE s.t SET n = 1",
        "WITH c AS (SELECT 1) DELETE FROM s.t",
        "(SELECT s.f())",
        "VALUES (s.f())",
        "ANALYZE FORMAT=JSON UPDATE t SET n = 1",
        "CREATE OR REPLACE TABLE s.t (a INT) (SELECT 1 AS a)",
        "CREATE TABLE s.t (a INT) PARTITION BY LIST (a) (PARTITION p VALUES IN (1)) VALUES (1)",
        "CREATE TABLE s.t TABLE o.x",
        "CREATE TEMPORARY TABLE a AS SELECT o.f() AS b",
        "CREATE TABLE o.x AS SELECT * FROM s.t, o.looks",
        "CREATE TABLE o.x AS SELECT * FROM s.t JOIN o.looks USING (a)",
        "CREATE TABLE o.x AS SELECT * FROM s.t WHERE a IN (SELECT b FROM looks)",
        "LOAD DATA INFILE 'x' INTO TABLE mysql.a",
        "INSERT INTO mysql.a VALUES (s.count(1))",
        "INSERT INTO mysql.a VALUES (\"now\"())",
        "INSERT INTO mysql.a VALUES (`now`())",
        "INSERT INTO mysql.a VALUES (count (1))",
        "INSERT INTO mysql.a VALUES ('\\' f()'')",
        "UPDATE mysql.a, s.t SET a.n = 1",
        "DELETE FROM mysql.a, s.t USING mysql.a JOIN s.t",
        "DELETE mysql.a FROM mysql.a JOIN s.t",
        "DELETE FROM `s`.`t`",
        "DELETE FROM `o`.`x` WHERE a = 1",
        "FROBNICATE t",
    };
    static const char *const passing[] = {
        "# Dummy event replacing event type 160 that slave cannot handle.",
        "SET PASSWORD FOR u = 'x'",
        "ANALYZE TABLE t",
        "CREATE TABLE s.t (a INT) PARTITION BY RANGE (a) (PARTITION p VALUES LESS THAN (5))",
        "CREATE TABLE s.t (a INT COMMENT 'SELECT', `select` INT)",
        "CREATE TRIGGER s.f AFTER INSERT ON s.t FOR EACH ROW UPDATE s.t SET n = 1",
        "CREATE TEMPORARY TABLE a AS SELECT 1",
        "CREATE TABLE o.x AS SELECT a, COUNT(*) FROM s.t AS b WHERE (a) IN (1, 2) GROUP BY a, n",
        "INSERT INTO mysql.rds_heartbeat2(id, value) values (1,16) ON DUPLICATE KEY UPDATE id = 1",
        "DELETE FROM mysql.rds_sysinfo where name = 'innodb_txn_key'",
        "UPDATE mysql.a AS b SET b.n = NOW()",
        "DELETE FROM `o`.`x`", /* by MySQL itself */
    };
    Error error = {0};
    MysqlSource source = {0};
    assert_int_equal(table_filter_new(STR("s"), STR("t"), &source.filter, &error), OK);
    (void)book_add(&source, &(MysqlTable){.database = STR("s"), .name = STR("t")});
    for (size_t i = 0; i < sizeof stopping / sizeof *stopping; i++) {
        QueryEvent query = {.database = STR("s"), .sql = statement_text(str_from(stopping[i]))};
        query.is_backslash_plain = true;
        if (!stops(&source, &query))
            fail_msg("passes: %s", stopping[i]);
    }
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++) {
        QueryEvent query = {.database = STR("s"), .sql = statement_text(str_from(passing[i]))};
        if (stops(&source, &query))
            fail_msg("stops: %s", passing[i]);
    }
    table_filter_free(source.filter);
    book_free(&source);
}

static void databases_that_a_statement_touches_count(void **state)
{
    (void)state;
    Error error = {0};
    MysqlSource source = {0};
    assert_int_equal(table_filter_new(STR("s"), STR("t"), &source.filter, &error), OK);
    /* An empty name stands for others. */
    static const struct {
        Str touched;
        bool stops;
    } touched[] = {{{.data = "o\0p", .length = 4}, false},
                   {{.data = "o\0s", .length = 4}, true},
                   {{.data = "", .length = 1}, true}};
    for (size_t i = 0; i < sizeof touched / sizeof *touched; i++) {
        QueryEvent query = {.sql = STR("UPDATE v SET n = 1"), .has_touched = true};
        query.touched = touched[i].touched;
        assert_int_equal(stops(&source, &query), touched[i].stops);
    }
    table_filter_free(source.filter);
}

static void tables_of_sessions_are_known(void **state)
{
    (void)state;
    Error error = {0};
    MysqlSource source = {
        .stream = {.event = {.server_id = 1, .flags = EVENT_FLAG_THREAD_SPECIFIC}}};
    static const struct {
        uint32_t thread_id;
        const char *sql;
        bool stops;
    } steps[] = {
        {7, "INSERT INTO t VALUES (1)", true},
        {7, "CREATE TEMPORARY TABLE IF NOT EXISTS t (a INT)", false},
        {7, "INSERT INTO t VALUES (1)", false},
        {7, "INSERT INTO s.t SELECT a FROM t", false},
        {7, "INSERT INTO o.t VALUES (1)", true},
        {8, "INSERT INTO t VALUES (1)", true},
        {7, "ALTER TABLE t ADD b INT", false},
        {7, "DELETE FROM `t` WHERE a = 1", false},
        {7, "ALTER TABLE t RENAME u", false},
        {7, "DELETE FROM t", true},
        {7, "CREATE TEMPORARY TABLE u (a INT)", false},
        {7, "DROP /*!40005 TEMPORARY */ TABLE IF EXISTS `v`, `u`", false},
        {7, "DELETE FROM u", true},
    };
    assert_int_equal(table_filter_new(STR("s"), STR("t"), &source.filter, &error), OK);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        QueryEvent query = {.database = STR("s"), .thread_id = steps[i].thread_id};
        query.sql = str_from(steps[i].sql);
        if (stops(&source, &query) != steps[i].stops)
            fail_msg("step %d: %s", (int)i, steps[i].sql);
        temporary_follow(&source, &query);
    }
    QueryEvent make = {.database = STR("s"), .sql = STR("CREATE TEMPORARY TABLE t (a INT)")};
    temporary_follow(&source, &make);
    QueryEvent change = {.database = STR("s"), .sql = STR("DELETE FROM t")};
    QueryEvent truncate = {.database = STR("s"), .sql = STR("TRUNCATE TABLE t")};
    assert_true(statement_is_of_temporary(&source, &truncate));
    assert_false(stops(&source, &change));
    Buffer saved = {0};
    temporary_write_state(&source, &saved);
    temporary_forget_server(&source, 1);
    assert_true(stops(&source, &change));
    ByteReader reader = byte_reader(buffer_str(&saved));
    temporary_read_state(&source, &reader);
    assert_false(stops(&source, &change));
    source.stream.event.flags = 0; /* it uses none */
    assert_true(stops(&source, &change));
    buffer_free(&saved);
    temporary_free(&source);
    table_filter_free(source.filter);
}

static void sessions_of_statements_are_read(void **state)
{
    (void)state;
    /* MySQL: flags, mode, catalogue, character sets, time zone, invoker, databases, microseconds.
     */
    static const char session[] = "\x00\1\0\0\0"
                                  "\x01\0\0\x10\0\0\0\0\0"
                                  "\x06\3std"
                                  "\x04\x2d\0\x2d\0\x2d\0"
                                  "\x05\6SYSTEM"
                                  "\x0b\1u\1h"
                                  "\x0c\2o\0s\0"
                                  "\x0d\1\2\3";
    int32_t session_bytes = (int32_t)sizeof session - 1;
    Buffer body = {0};
    buffer_append_u32(&body, 77);
    buffer_append_u32(&body, 0);
    buffer_append_u8(&body, 1);
    buffer_append_u16(&body, 0);
    buffer_append_u16(&body, (uint16_t)session_bytes);
    buffer_append_str(&body, str_make("file of a load", 13));
    buffer_append_str(&body, str_make(session, session_bytes));
    buffer_append_str(&body, str_make("d\0LOAD DATA", 11));
    Event event = {.type = EVENT_EXECUTE_LOAD, .body = buffer_str(&body)};
    QueryEvent query;
    Error error = {0};
    Buffer scratch = {0};
    assert_int_equal(event_read_query(&event, &scratch, &query, &error), OK);
    assert_int_equal(query.thread_id, 77);
    assert_true(query.is_backslash_plain);
    assert_true(query.has_touched);
    assert_memory_equal(query.touched.data, "o\0s", 4);
    assert_int_equal(query.touched.length, 4);
    assert_true(str_is(query.database, "d"));
    assert_true(str_is(query.sql, "LOAD DATA"));
    buffer_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create_table_is_understood),
        cmocka_unit_test(alter_table_is_followed),
        cmocka_unit_test(keys_move_with_their_columns),
        cmocka_unit_test(tables_of_a_statement_are_found),
        cmocka_unit_test(statements_that_may_change_rows_are_told),
        cmocka_unit_test(databases_that_a_statement_touches_count),
        cmocka_unit_test(tables_of_sessions_are_known),
        cmocka_unit_test(sessions_of_statements_are_read),
        cmocka_unit_test(gtids_join_and_print),
        cmocka_unit_test(binary_json_becomes_text),
        cmocka_unit_test(packed_decimals_of_all_sizes_read),
        cmocka_unit_test(latin1_becomes_utf8),
        cmocka_unit_test(passwords_are_answered),
        cmocka_unit_test(positions_go_by_number_of_file),
        cmocka_unit_test(lengths_on_the_wire_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
