/* URLs of databases, what the texts of their results mean, and the statements that write rows. */
#include "base/testing.h"

#include <mysql.h>

#include "connect/jdbc/mysql.h"
#include "connect/jdbc/postgres.h"
#include "connect/jdbc/sink.h"
#include "data/value.h"

static void assert_url(const char *text, JdbcKind kind, const char *host, int32_t port,
                       const char *database)
{
    Arena *arena = arena_new(0);
    JdbcUrl url;
    assert_null(jdbc_url_parse(arena, str_from(text), &url));
    assert_int_equal(url.kind, kind);
    assert_string_equal(url.host, host);
    assert_int_equal(url.port, port);
    assert_string_equal(url.database, database);
    arena_free(arena);
}

static void urls_are_taken_apart(void **state)
{
    (void)state;
    assert_url("jdbc:mysql://db:3307/shop", JDBC_MYSQL, "db", 3307, "shop");
    assert_url("jdbc:mariadb://db/shop", JDBC_MYSQL, "db", 3306, "shop");
    assert_url("jdbc:postgresql://db/shop?sslmode=require", JDBC_POSTGRES, "db", 5432, "shop");
    assert_url("jdbc:postgresql://db", JDBC_POSTGRES, "db", 5432, "");
    assert_url("jdbc:mysql://[::1]:3307/a_b", JDBC_MYSQL, "::1", 3307, "a_b");
    assert_url("jdbc:mysql://10.0.0.1/?useSSL=true", JDBC_MYSQL, "10.0.0.1", 3306, "");
}

static void other_urls_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"jdbc:oracle:thin:@db",
                                      "mysql://db/shop",
                                      "jdbc:mysql:///x",
                                      "jdbc:mysql://db:0/x",
                                      "jdbc:mysql://db:65536/x",
                                      "jdbc:mysql://db:port/x",
                                      ""};
    Arena *arena = arena_new(0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        JdbcUrl url;
        assert_non_null(jdbc_url_parse(arena, str_from(bad[i]), &url));
    }
    arena_free(arena);
}

/* Seconds for pgjdbc, milliseconds for Connector/J. */
static void a_silence_ends_when_the_url_says(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t silence_us;
    } urls[] = {{"jdbc:postgresql://db/x?socketTimeout=7", 7000000},
                {"jdbc:mysql://db/x?sslMode=DISABLED&socketTimeout=1500", 1500000},
                {"jdbc:mysql://db/x?socketTimeout=3600000", INT64_C(3600000000)},
                {"jdbc:mysql://db/x?sockettimeout=0", 0},
                {"jdbc:postgresql://db/x", 300000000}};
    Arena *arena = arena_new(0);
    JdbcUrl url;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        assert_null(jdbc_url_parse(arena, str_from(urls[i].text), &url));
        assert_int_equal(url.silence_us, urls[i].silence_us);
        assert_int_equal(url.says_silence, strstr(urls[i].text, "ocket") != NULL);
    }
    assert_non_null(jdbc_url_parse(arena, STR("jdbc:postgresql://db/x?socketTimeout=5s"), &url));
    assert_non_null(jdbc_url_parse(arena, STR("jdbc:mysql://db/x?socketTimeout=-1"), &url));
    arena_free(arena);
}

static void parameters_are_found(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    JdbcUrl url;
    assert_null(
        jdbc_url_parse(arena, STR("jdbc:mysql://db/x?a=1&SSLMODE=VERIFY_CA&empty=&alone"), &url));
    assert_string_equal(jdbc_url_parameter(arena, &url, "sslMode"), "VERIFY_CA");
    assert_string_equal(jdbc_url_parameter(arena, &url, "empty"), "");
    assert_string_equal(jdbc_url_parameter(arena, &url, "alone"), "");
    assert_null(jdbc_url_parameter(arena, &url, "b"));
    arena_free(arena);
}

/* What `text` means, printed; "-" for nothing. */
static void assert_value(JdbcKind kind, const char *text, Type type, const char *expected)
{
    Buffer scratch = {0}, out = {0};
    Value value;
    if (jdbc_value(kind, str_from(text), type, &scratch, &value))
        value_print(&out, &value, VALUE_PLAIN, NULL);
    else
        buffer_append_char(&out, '-');
    assert_string_equal(buffer_terminated(&out), expected);
    buffer_free(&scratch);
    buffer_free(&out);
}

static void texts_are_read_by_type(void **state)
{
    (void)state;
    assert_value(JDBC_POSTGRES, "t", type_simple(TYPE_BOOLEAN), "true");
    assert_value(JDBC_POSTGRES, "f", type_simple(TYPE_BOOLEAN), "false");
    assert_value(JDBC_MYSQL, "1", type_simple(TYPE_BOOLEAN), "true");
    assert_value(JDBC_MYSQL, "0", type_simple(TYPE_BOOLEAN), "false");
    assert_value(JDBC_MYSQL, "2", type_simple(TYPE_BOOLEAN), "-");
    assert_value(JDBC_MYSQL, "-128", type_simple(TYPE_TINYINT), "-128");
    assert_value(JDBC_MYSQL, "128", type_simple(TYPE_TINYINT), "-");
    assert_value(JDBC_MYSQL, "twelve", type_simple(TYPE_INT), "-");
    assert_value(JDBC_MYSQL, "2024-02-29", type_simple(TYPE_DATE), "2024-02-29");
    assert_value(JDBC_MYSQL, "2024-02-29 12:34:56.987654", type_timestamp(3),
                 "2024-02-29 12:34:56.987");
    assert_value(JDBC_POSTGRES, "1969-12-31 23:59:59.9999", type_timestamp(3),
                 "1969-12-31 23:59:59.999");
}

static void bytes_of_postgresql_are_hexadecimal(void **state)
{
    (void)state;
    Buffer scratch = {0};
    Value value;
    Type bytes = type_simple(TYPE_VARBINARY);
    assert_true(jdbc_value(JDBC_POSTGRES, STR("\\x00fF"), bytes, &scratch, &value) == false);
    assert_true(jdbc_value(JDBC_POSTGRES, STR("\\x00ff"), bytes, &scratch, &value));
    assert_int_equal(value.text.length, 2);
    assert_memory_equal(value.text.data, "\x00\xff", 2);
    assert_false(jdbc_value(JDBC_POSTGRES, STR("\\x0"), bytes, &scratch, &value));
    assert_false(jdbc_value(JDBC_POSTGRES, STR("00ff"), bytes, &scratch, &value));
    buffer_free(&scratch);
}

/* ---- Statements -------------------------------------------------------------------------- */

/* A table shop.T(id, Note, n) by its key (n, id), and two of its rows. */
typedef struct Written {
    JdbcUrl url;
    PlanTable table;
    JdbcSession session;
    Field fields[3];
    Schema schema;
    int32_t key[2];
    JdbcTarget target;
    Batch *batch;
    JdbcRow rows[2];
    Buffer out;
} Written;

static void written_open(Written *w, JdbcKind kind)
{
    *w = (Written){.url = {.kind = kind, .host = "db"},
                   .table = {.name = STR("t")},
                   .fields = {{STR("id"), type_not_null(type_simple(TYPE_BIGINT))},
                              {STR("Note"), type_string()},
                              {STR("n"), type_not_null(type_decimal(10, 2))}},
                   .key = {2, 0}};
    w->schema = (Schema){.fields = w->fields, .count = 3};
    w->session.url = &w->url;
    w->session.table = &w->table;
    w->session.table_name = STR("shop.T");
    w->target = (JdbcTarget){.session = &w->session,
                             .columns = &w->schema,
                             .key = w->key,
                             .key_count = 2,
                             .packet_bytes = 1 << 20};
    w->batch = batch_new(&w->schema, 2);
    const Value values[2][3] = {
        {{.type = w->fields[0].type, .integer = -7},
         {.type = w->fields[1].type, .text = STR("it's \\ a\ttab\n")},
         {.type = w->fields[2].type, .wide = 1050}},
        {{.type = w->fields[0].type, .integer = INT64_MIN},
         {.type = w->fields[1].type, .is_null = true},
         {.type = w->fields[2].type, .wide = -5}},
    };
    batch_need_kinds(w->batch, 2);
    w->batch->kinds[1] = ROW_DELETE;
    for (int32_t row = 0; row < 2; row++) {
        for (int32_t i = 0; i < 3; i++) {
            if (values[row][i].is_null)
                column_set_null(&w->batch->columns[i], w->batch->arena, row, 2);
            else
                value_set(&w->batch->columns[i], w->batch->arena, row, 2, &values[row][i]);
        }
        w->rows[row] = (JdbcRow){.batch = w->batch, .row = row};
    }
    w->batch->row_count = 2;
    batch_select_all(w->batch);
}

static void written_close(Written *w)
{
    batch_free(w->batch);
    buffer_free(&w->out);
    buffer_free(&w->target.rows);
    buffer_free(&w->session.statement);
    buffer_free(&w->session.text);
    buffer_free(&w->session.reason);
}

static void rows_of_postgresql_come_from_a_temporary_table(void **state)
{
    (void)state;
    Written w;
    written_open(&w, JDBC_POSTGRES);
    jdbc_pg_write_upsert(&w.target, &w.out);
    assert_string_equal(
        buffer_terminated(&w.out),
        "INSERT INTO \"shop\".T (\"id\", Note, \"n\") SELECT \"id\", Note, \"n\" FROM "
        "pg_temp.weir_rows WHERE NOT weir_removed ON CONFLICT (\"n\", \"id\") DO "
        "UPDATE SET Note = EXCLUDED.Note");
    w.out.length = 0;
    jdbc_pg_write_delete(&w.target, &w.out);
    assert_string_equal(buffer_terminated(&w.out),
                        "DELETE FROM \"shop\".T AS weir_target USING pg_temp.weir_rows AS weir_row "
                        "WHERE weir_removed AND weir_target.\"n\" = weir_row.\"n\" AND "
                        "weir_target.\"id\" = weir_row.\"id\"");
    /* Nothing but a key: there is nothing to update. */
    w.schema.count = 1;
    w.key[0] = 0;
    w.target.key_count = 1;
    w.out.length = 0;
    jdbc_pg_write_upsert(&w.target, &w.out);
    assert_true(str_has_suffix(buffer_str(&w.out), STR("ON CONFLICT (\"id\") DO NOTHING")));
    written_close(&w);
}

static void assert_copied(const Value *value, const char *expected)
{
    Buffer out = {0}, scratch = {0};
    jdbc_copy_value(&out, value, &scratch);
    assert_string_equal(buffer_terminated(&out), expected);
    buffer_free(&out);
    buffer_free(&scratch);
}

static void values_are_escaped_for_copy(void **state)
{
    (void)state;
    Written w;
    written_open(&w, JDBC_POSTGRES);
    const Batch *batch = w.batch;
    assert_copied(&(Value){.type = type_string(), .is_null = true}, "\\N");
    assert_copied(&(Value){.type = type_string(), .text = STR("\\N")}, "\\\\N");
    assert_copied(&(Value){.type = type_string(), .text = STR("")}, "");
    assert_copied(&(Value){.type = type_string(), .text = STR("a\rb\x01")}, "a\\rb\x01");
    assert_copied(&(Value){.type = type_bytes(), .text = STR("\x00\xff")}, "\\\\x00ff");
    Value text = value_get(&batch->columns[1], 0), least = value_get(&batch->columns[0], 1);
    assert_copied(&text, "it's \\\\ a\\ttab\\n");
    assert_copied(&least, "-9223372036854775808");
    written_close(&w);
}

static void assert_statement(Written *w, bool is_removal, int32_t next_after, const char *expected)
{
    int32_t next = 0;
    assert_int_equal(jdbc_mysql_write(&w->target, w->rows, 2, is_removal, &next, NULL), OK);
    assert_int_equal(next, next_after);
    assert_string_equal(buffer_terminated(&w->target.rows), expected);
}

static void rows_of_mysql_are_literals(void **state)
{
    (void)state;
    Written w;
    written_open(&w, JDBC_MYSQL);
    MYSQL *mysql = mysql_init(NULL);
    w.session.connection = mysql;
    assert_statement(
        &w, false, 2,
        "INSERT INTO `shop`.`T` (`id`, `Note`, `n`) VALUES (-7, 'it\\'s \\\\ a\ttab\\n', "
        "10.50) ON DUPLICATE KEY UPDATE `Note` = VALUES(`Note`)");
    assert_statement(&w, true, 2,
                     "DELETE FROM `shop`.`T` WHERE (`n` = -0.05 AND `id` = -9223372036854775808)");
    /* Two rows do not fit into one statement, and one longer than any is refused alone. */
    w.batch->kinds[1] = ROW_INSERT;
    w.target.packet_bytes = 1024 + 165;
    assert_statement(
        &w, false, 1,
        "INSERT INTO `shop`.`T` (`id`, `Note`, `n`) VALUES (-7, 'it\\'s \\\\ a\ttab\\n', "
        "10.50) ON DUPLICATE KEY UPDATE `Note` = VALUES(`Note`)");
    w.target.packet_bytes = 1024 + 100;
    int32_t next = 0;
    assert_int_equal(jdbc_mysql_write(&w.target, w.rows, 2, false, &next, NULL), ERR_LIMIT);
    assert_int_equal(w.session.refusal, REFUSED_ROW);
    mysql_close(mysql);
    written_close(&w);
}

static void tables_are_spelled_out(void **state)
{
    (void)state;
    Written w;
    written_open(&w, JDBC_POSTGRES);
    jdbc_create_table(&w.target, JDBC_POSTGRES, &w.out);
    assert_string_equal(
        buffer_terminated(&w.out),
        "CREATE TABLE \"shop\".T (\"id\" BIGINT NOT NULL, Note TEXT, \"n\" DECIMAL(10, "
        "2) NOT NULL, PRIMARY KEY (\"n\", \"id\"))");
    w.out.length = 0;
    w.fields[0].type = type_not_null(type_string());
    jdbc_create_table(&w.target, JDBC_MYSQL, &w.out);
    assert_string_equal(buffer_terminated(&w.out),
                        "CREATE TABLE `shop`.`T` (`id` VARCHAR(255) NOT NULL, `Note` LONGTEXT, `n` "
                        "DECIMAL(10, 2) NOT NULL, PRIMARY KEY (`n`, `id`))");
    written_close(&w);
}

static void rows_survive_as_bytes(void **state)
{
    (void)state;
    Written w;
    written_open(&w, JDBC_POSTGRES);
    JdbcRows rows = {0};
    jdbc_rows_add(&rows, &w.schema, w.batch);
    assert_int_equal(jdbc_batch_save(rows.batches[0], 0, INT64_MAX, &w.out), 2);
    assert_true(jdbc_batch_load(&rows, &w.schema, buffer_str(&w.out)));
    assert_int_equal(rows.row_count, 4);
    const Batch *back = rows.batches[1];
    assert_int_equal(batch_kind(back, 0), ROW_INSERT);
    assert_int_equal(batch_kind(back, 1), ROW_DELETE);
    for (int32_t row = 0; row < 2; row++)
        for (int32_t i = 0; i < 3; i++) {
            Value a = value_get(&w.batch->columns[i], row), b = value_get(&back->columns[i], row);
            assert_true(a.is_null == b.is_null && (a.is_null || value_equal(&a, &b)));
        }
    /* Cut anywhere, or with a kind that there is not, they are refused. */
    for (int64_t length = 0; length < w.out.length; length++)
        assert_false(jdbc_batch_load(&rows, &w.schema, str_make(w.out.data, length)));
    w.out.data[8] = 4;
    assert_false(jdbc_batch_load(&rows, &w.schema, buffer_str(&w.out)));
    assert_int_equal(rows.row_count, 4);
    /* At least one row at a time. */
    w.out.length = 0;
    assert_int_equal(jdbc_batch_save(w.batch, 0, 1, &w.out), 1);
    /* What does not fit is left for the next: a statement is as long as the server takes it. */
    w.out.length = 0;
    assert_int_equal(jdbc_batch_save(w.batch, 0, INT64_MAX, &w.out), 2);
    int64_t both = w.out.length;
    w.out.length = 0;
    assert_int_equal(jdbc_batch_save(w.batch, 0, both, &w.out), 2);
    assert_int_equal(w.out.length, both);
    w.out.length = 0;
    assert_int_equal(jdbc_batch_save(w.batch, 0, both - 1, &w.out), 1);
    assert_true(w.out.length < both);
    jdbc_rows_clear(&rows);
    written_close(&w);
}

static void types_that_can_be_written(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    assert_true(jdbc_writes_type(JDBC_MYSQL, type_timestamp_ltz(3)));
    assert_false(jdbc_writes_type(JDBC_MYSQL, type_array(arena, type_simple(TYPE_INT))));
    assert_true(jdbc_writes_type(JDBC_POSTGRES, type_array(arena, type_simple(TYPE_INT))));
    assert_false(jdbc_writes_type(JDBC_POSTGRES,
                                  type_array(arena, type_array(arena, type_simple(TYPE_INT)))));
    assert_false(jdbc_writes_type(JDBC_POSTGRES, type_map(arena, type_string(), type_string())));
    assert_false(jdbc_writes_type(JDBC_POSTGRES, type_simple(TYPE_INTERVAL_MILLIS)));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_taken_apart),
        cmocka_unit_test(other_urls_are_refused),
        cmocka_unit_test(a_silence_ends_when_the_url_says),
        cmocka_unit_test(parameters_are_found),
        cmocka_unit_test(texts_are_read_by_type),
        cmocka_unit_test(bytes_of_postgresql_are_hexadecimal),
        cmocka_unit_test(rows_of_postgresql_come_from_a_temporary_table),
        cmocka_unit_test(values_are_escaped_for_copy),
        cmocka_unit_test(rows_of_mysql_are_literals),
        cmocka_unit_test(tables_are_spelled_out),
        cmocka_unit_test(rows_survive_as_bytes),
        cmocka_unit_test(types_that_can_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
