/* URLs of databases, and what the texts of their results mean. */
#include "base/testing.h"

#include "connect/jdbc/jdbc.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_taken_apart),
        cmocka_unit_test(other_urls_are_refused),
        cmocka_unit_test(parameters_are_found),
        cmocka_unit_test(texts_are_read_by_type),
        cmocka_unit_test(bytes_of_postgresql_are_hexadecimal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
