/* The HTTP API over a real socket: answers, errors, limits and followers. */
#include "base/testing.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/exhaust_testing.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "base/socket.h"
#include "serve/serve.h"

enum { WAIT_US = 5000000 };

static const Field fields[] = {
    {.name = {.data = "store", .length = 5}, .type = {.id = TYPE_INT, .is_nullable = true}},
    {.name = {.data = "day", .length = 3},
     .type = {.id = TYPE_VARCHAR, .is_nullable = true, .precision = TYPE_LENGTH_MAX}},
    {.name = {.data = "amount", .length = 6},
     .type = {.id = TYPE_DECIMAL, .is_nullable = true, .precision = 10, .scale = 2}},
};
static const Schema schema = {.fields = fields, .count = 3};
static const int32_t key[] = {0, 1};

typedef struct Bench {
    ServedTable *table;
    Server *server;
    Socket *socket;
    Buffer answer;
} Bench;

static void put(ServedTable *table, RowKind kind, int32_t store, const char *day, int64_t cents)
{
    Batch *batch = batch_new(&schema, 1);
    Value values[] = {
        {.type = fields[0].type, .integer = store},
        {.type = fields[1].type, .text = str_from(day)},
        {.type = fields[2].type, .wide = cents},
    };
    for (int i = 0; i < 3; i++)
        value_set(&batch->columns[i], batch->arena, 0, 1, &values[i]);
    batch_need_kinds(batch, 1);
    batch->kinds[0] = (uint8_t)kind;
    batch->row_count = 1;
    batch_select_all(batch);
    served_apply(table, batch);
    batch_free(batch);
}

static int set_up(void **state)
{
    Bench *bench = memory_allocate_zeroed(sizeof *bench);
    ServedSpec spec = {.name = "sales",
                       .comment = "per store",
                       .schema = &schema,
                       .key = key,
                       .key_count = 2,
                       .freshness_us = 60000000};
    bench->table = served_new(world_system(), &spec);
    for (int i = 0; i < 10; i++)
        put(bench->table, ROW_INSERT, i, "mon,day", i * 100);
    ServeConfig config = {.world = world_system(),
                          .listen = "127.0.0.1:0",
                          .pipeline = "test",
                          .tables = &bench->table,
                          .table_count = 1};
    Error error = {0};
    if (serve_start(&config, &bench->server, &error) != OK)
        return -1;
    bench->socket = socket_new(world_system());
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    Bench *bench = *state;
    socket_free(bench->socket);
    serve_stop(bench->server);
    served_free(bench->table);
    buffer_free(&bench->answer);
    memory_free(bench);
    return 0;
}

static void send_request(Bench *bench, const char *request)
{
    Error error = {0};
    const char *url = serve_url(bench->server);
    int64_t port = 0;
    assert_true(str_parse_int64(str_from(strrchr(url, ':') + 1), &port));
    SocketTarget target = {.host = "127.0.0.1", .port = (int32_t)port};
    socket_close(bench->socket);
    assert_int_equal(socket_connect(bench->socket, &target, WAIT_US, &error), OK);
    assert_int_equal(
        socket_write(bench->socket, request, (int64_t)strlen(request), WAIT_US, &error), OK);
    bench->answer.length = 0;
}

/* Read until the text is there or the other side closes. */
static const char *read_until(Bench *bench, const char *text)
{
    Error error = {0};
    for (;;) {
        if (text != NULL && strstr(buffer_terminated(&bench->answer), text) != NULL)
            break;
        int64_t got = 0;
        char *into = buffer_reserve(&bench->answer, 4096);
        if (socket_read(bench->socket, into, 4096, WAIT_US, &got, &error) != OK)
            break;
        bench->answer.length += got;
    }
    return buffer_terminated(&bench->answer);
}

static const char *ask(Bench *bench, const char *method, const char *path, const char *headers)
{
    char request[16384];
    snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n",
             method, path, headers);
    send_request(bench, request);
    return read_until(bench, NULL);
}

static void expect(Bench *bench, const char *path, const char *status, const char *part)
{
    const char *answer = ask(bench, "GET", path, "");
    if (strncmp(answer + 9, status, 3) != 0 || strstr(answer, part) == NULL)
        fail_msg("GET %s: wanted %s with %s, got: %s", path, status, part, answer);
}

static void tables_are_listed_and_described(void **state)
{
    Bench *bench = *state;
    expect(bench, "/v1/tables", "200",
           "{\"schema\":\"weir.v1.TableList\",\"items\":[{\"name\":\"sales\"");
    expect(bench, "/v1/tables/sales", "200",
           "\"primary_key\":[\"store\",\"day\"],\"columns\":"
           "[{\"name\":\"store\",\"type\":\"INT\"},{\"name\":\"day\",\"type\":\"STRING\"},"
           "{\"name\":\"amount\",\"type\":\"DECIMAL(10, 2)\"}]");
    expect(bench, "/v1/tables/sales", "200", "\"watermark\":null");
    served_set_watermark(bench->table, 1767225600000000);
    expect(bench, "/v1/tables/sales", "200", "X-Weir-Watermark: 2026-01-01T00:00:00.000Z");
}

static void rows_are_found_by_key_filter_and_page(void **state)
{
    Bench *bench = *state;
    expect(bench, "/v1/tables/sales/rows/7,mon%2Cday", "200",
           "{\"store\":7,\"day\":\"mon,day\",\"amount\":7.00}");
    expect(bench, "/v1/tables/sales/rows?store=3", "200",
           "{\"items\":[{\"store\":3,\"day\":\"mon,day\",\"amount\":3.00}],\"next_cursor\":null}");
    expect(bench, "/v1/tables/sales/rows?amount=gt:7.5&limit=1", "200",
           "{\"items\":[{\"store\":8,\"day\":\"mon,day\",\"amount\":8.00}],\"next_cursor\":\"");
    const char *cursor = strstr(bench->answer.data, "next_cursor\":\"") + 14;
    char path[512];
    snprintf(path, sizeof path, "/v1/tables/sales/rows?amount=gt:7.5&limit=1&cursor=%.*s",
             (int)(strchr(cursor, '"') - cursor), cursor);
    expect(bench, path, "200", "{\"store\":9,");
    expect(bench, "/v1/tables/sales/rows?day=mon%2cday&limit=1000", "200", "\"store\":9");
}

static void mistakes_get_a_problem_that_says_what_to_do(void **state)
{
    Bench *bench = *state;
    expect(bench, "/v1/tables/sale", "404", "\"suggestions\":[\"did you mean `sales`?\"]");
    expect(bench, "/v1/tables/sales/rows?stor=1", "400", "did you mean `store`?");
    expect(bench, "/v1/tables/sales/rows?store=x", "400", "`x` is not a value of type INT");
    expect(bench, "/v1/tables/sales/rows?limit=0", "400", "\"code\":\"WR6006\"");
    expect(bench, "/v1/tables/sales/rows?cursor=zz", "400", "\"code\":\"WR6003\"");
    expect(bench, "/v1/tables/sales/rows?store=%zz", "400", "\"code\":\"WR6014\"");
    Buffer many = {0};
    buffer_append_text(&many, "/v1/tables/sales/rows?limit=5");
    for (int32_t i = 0; i < 100; i++)
        buffer_append_text(&many, "&limit=5");
    buffer_append_text(&many, "&store=3"); /* must not be left out without a word */
    expect(bench, buffer_terminated(&many), "400", "\"code\":\"WR6007\"");
    buffer_free(&many);
    expect(bench, "/v1/tables/sales/rows/7", "400", "separate the columns of a key with commas");
    expect(bench, "/v1/tables/sales/rows/7,nobody", "404", "\"code\":\"WR6009\"");
    expect(bench, "/v1/nothing", "404", "application/problem+json");
    const char *answer = ask(bench, "DELETE", "/v1/tables", "");
    assert_non_null(strstr(answer, "405"));
    assert_non_null(strstr(answer, "Allow: GET, HEAD"));
}

static void an_etag_spares_the_body(void **state)
{
    Bench *bench = *state;
    const char *answer = ask(bench, "GET", "/v1/tables/sales/rows", "");
    const char *etag = strstr(answer, "ETag: ") + 6;
    char header[128];
    snprintf(header, sizeof header, "If-None-Match: %.*s\r\n", (int)(strchr(etag, '\r') - etag),
             etag);
    answer = ask(bench, "GET", "/v1/tables/sales/rows", header);
    assert_non_null(strstr(answer, "304"));
    put(bench->table, ROW_UPDATE_AFTER, 1, "mon,day", 1);
    answer = ask(bench, "GET", "/v1/tables/sales/rows", header);
    assert_non_null(strstr(answer, "200 OK"));
    /* The description shows the watermark, so it is another one when that moves. */
    answer = ask(bench, "GET", "/v1/tables/sales", "");
    etag = strstr(answer, "ETag: ") + 6;
    snprintf(header, sizeof header, "If-None-Match: %.*s\r\n", (int)(strchr(etag, '\r') - etag),
             etag);
    assert_non_null(strstr(ask(bench, "GET", "/v1/tables/sales", header), "304"));
    served_set_watermark(bench->table, 1767225600000000);
    assert_non_null(strstr(ask(bench, "GET", "/v1/tables/sales", header), "200 OK"));
}

static void followers_see_changes_as_they_happen_and_resume(void **state)
{
    Bench *bench = *state;
    send_request(bench, "GET /v1/tables/sales/changes HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_non_null(strstr(read_until(bench, ": follow"), "text/event-stream"));
    put(bench->table, ROW_UPDATE_AFTER, 1, "mon,day", 4242);
    put(bench->table, ROW_DELETE, 2, "mon,day", 0);
    const char *answer = read_until(bench, "id: 12");
    assert_non_null(strstr(answer, "id: 11\nevent: change\ndata: {\"op\":\"+U\",\"seq\":11,\"row\":"
                                   "{\"store\":1,\"day\":\"mon,day\",\"amount\":42.42}}\n\n"));
    send_request(bench, "GET /v1/tables/sales/changes HTTP/1.1\r\nHost: x\r\n"
                        "Last-Event-ID: 11\r\n\r\n");
    answer = read_until(bench, "\"seq\":12");
    assert_non_null(strstr(answer, "{\"op\":\"-D\",\"seq\":12"));
    assert_null(strstr(answer, "\"seq\":11"));
    send_request(bench, "GET /v1/tables/sales/changes?since=999 HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_non_null(strstr(read_until(bench, "event: lost"), "event: lost"));
}

static void stopping_ends_waiting_followers(void **state)
{
    Bench *bench = *state;
    send_request(bench, "GET /v1/tables/sales/changes HTTP/1.1\r\nHost: x\r\n\r\n");
    read_until(bench, ": follow");
    serve_stop(bench->server);
    bench->server = NULL;
    read_until(bench, NULL);
    assert_non_null(strstr(bench->answer.data, ": follow"));
}

static bool never_ready(void *context, Buffer *why)
{
    (void)context;
    buffer_append_text(why, "the snapshot is not complete");
    return false;
}

static void health_metrics_and_description_answer(void **state)
{
    Bench *bench = *state;
    metric_add(metric_get(METRIC_COUNTER, "weir_test_total", "", "A test.", 1), 3);
    expect(bench, "/livez", "200", "ok\n");
    expect(bench, "/readyz", "200", "ready\n");
    expect(bench, "/metrics", "200", "# TYPE weir_test_total counter\nweir_test_total 3\n");
    expect(bench, "/openapi.json", "200", "\"/v1/tables/{name}/rows/{key}\":{\"get\":");
    serve_stop(bench->server);
    bench->server = NULL;
    ServeConfig config = {.world = world_system(),
                          .listen = "127.0.0.1:0",
                          .pipeline = "test",
                          .is_ready = never_ready};
    Error error = {0};
    assert_int_equal(serve_start(&config, &bench->server, &error), OK);
    expect(bench, "/readyz", "503", "the snapshot is not complete");
}

static void a_listener_beyond_loopback_must_be_insisted_on(void **state)
{
    (void)state;
    Server *server = NULL;
    Error error = {0};
    ServeConfig config = {.world = world_system(), .listen = "0.0.0.0:0", .pipeline = "test"};
    assert_int_equal(serve_start(&config, &server, &error), ERR_PERMISSION);
    config.listen = "not an address";
    assert_int_equal(serve_start(&config, &server, &error), ERR_INVALID);
    config.listen = "0.0.0.0:0";
    config.allows_plaintext = true;
    assert_int_equal(serve_start(&config, &server, &error), OK);
    config.listen = strstr(serve_url(server), "//") + 2;
    Server *second = NULL;
    assert_int_equal(serve_start(&config, &second, &error), ERR_UNAVAILABLE);
    serve_stop(server);
}

/* In a process of its own, where cmocka does not reach. */
static void answer_once(void *context)
{
    static const char *const wanted[][2] = {
        {"/v1/tables/sales/rows?store=3", "\"amount\":3.00}],\"next_cursor\":null}"},
        {"/v1/tables/sales/rows/3,mon%2Cday", "\"amount\":3.00}"},
        {"/metrics", "weir_http_requests_total"},
    };
    void *bench;
    (void)context;
    if (set_up(&bench) != 0)
        abort();
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (strstr(ask(bench, "GET", wanted[i][0], ""), wanted[i][1]) == NULL)
            abort();
    tear_down(&bench);
}

static void an_answer_is_whole_or_the_process_ends_with_a_message(void **state)
{
    (void)state;
    ExhaustResult result = exhaust_run(&(Exhaust){.operation = answer_once});
    assert_string_equal(result.wrong != NULL ? result.wrong : "", "");
    assert_true(result.attempts > 20);
}

int main(void)
{
#define SERVED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SERVED(tables_are_listed_and_described),
        SERVED(rows_are_found_by_key_filter_and_page),
        SERVED(mistakes_get_a_problem_that_says_what_to_do),
        SERVED(an_etag_spares_the_body),
        SERVED(followers_see_changes_as_they_happen_and_resume),
        SERVED(stopping_ends_waiting_followers),
        SERVED(health_metrics_and_description_answer),
        cmocka_unit_test(an_answer_is_whole_or_the_process_ends_with_a_message),
        cmocka_unit_test(a_listener_beyond_loopback_must_be_insisted_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
