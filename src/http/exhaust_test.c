/* Memory runs out in the midst of a request: the process ends with its one message, whichever
 * allocation it was, and answers what it can answer in full. */
#include "base/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/exhaust_testing.h"
#include "base/socket.h"
#include "http/http.h"

enum { WAIT_US = 10 * 1000 * 1000, ANSWER_BYTES = 64 * 1024, ROWS = 500 };

/* Something of what a handler does: a decoded segment, parameters, the body, a header, JSON. */
static void put_rows(HttpRequest *request)
{
    int64_t limit;
    if (!http_number(request, "limit", 1, 1000, 10, &limit))
        return;
    JsonWriter json = {.out = &request->body};
    json_begin_object(&json);
    json_key(&json, "name");
    json_str(&json, request->segments[0]);
    json_key(&json, "bytes");
    json_int(&json, request->content.length);
    json_key(&json, "start");
    json_str(&json, str_make(request->content.data, limit));
    json_end_object(&json);
    http_add_header(request, "X-Limit", arena_printf(request->arena, "%lld", (long long)limit));
    request->status = MHD_HTTP_OK;
}

static const HttpRoute routes[] = {
    HTTP_COMMON_ROUTES,
    {"POST", "/v1/tables/{name}/rows", put_rows, "Rows.", "limit", 0},
};

/* A request with a body that is packed. */
static int64_t make_post(char *into, int64_t room)
{
    static char rows[ROWS * 16];
    static unsigned char packed[sizeof rows];
    int64_t length = 0;
    for (int32_t i = 0; i < ROWS; i++)
        length += snprintf(rows + length, sizeof rows - (size_t)length, "{\"n\":%d}\n", i);
    z_stream stream = {.next_in = (Bytef *)rows,
                       .avail_in = (uInt)length,
                       .next_out = packed,
                       .avail_out = sizeof packed};
    if (deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
        deflate(&stream, Z_FINISH) != Z_STREAM_END)
        abort();
    int64_t bytes = (int64_t)stream.total_out;
    deflateEnd(&stream);
    int64_t head = snprintf(into, (size_t)room,
                            "POST /v1/tables/a%%20b/rows?limit=7 HTTP/1.1\r\nHost: x\r\n"
                            "Content-Encoding: gzip\r\nContent-Length: %lld\r\n"
                            "Connection: close\r\n\r\n",
                            (long long)bytes);
    memcpy(into + head, packed, (size_t)bytes);
    return head + bytes;
}

/* The answer must be whole and hold the text: in a process without memory there is none. */
static void ask(const HttpServer *server, Str request, const char *wanted)
{
    Error error = {0};
    int64_t port = 0;
    str_parse_int64(str_from(strrchr(http_url(server), ':') + 1), &port);
    Socket *socket = socket_new(world_system());
    SocketTarget target = {.host = "127.0.0.1", .port = (int32_t)port};
    static char answer[ANSWER_BYTES];
    int64_t length = 0, got = 0;
    if (socket_connect(socket, &target, WAIT_US, &error) != OK ||
        socket_write(socket, request.data, request.length, WAIT_US, &error) != OK)
        abort();
    while (length < ANSWER_BYTES - 1 &&
           socket_read(socket, answer + length, ANSWER_BYTES - 1 - length, WAIT_US, &got, &error) ==
               OK)
        length += got;
    answer[length] = '\0';
    if (strstr(answer, wanted) == NULL) {
        fprintf(stderr, "no %s in: %s\n", wanted, answer);
        abort();
    }
    socket_free(socket);
}

static void serve(void *context)
{
    (void)context;
    Error error = {0};
    HttpServer *server;
    HttpConfig config = {.world = world_system(),
                         .listen = "127.0.0.1:0",
                         .name = "test",
                         .routes = routes,
                         .route_count = (int32_t)(sizeof routes / sizeof routes[0]),
                         .content_bytes_max = 1 << 20};
    if (http_start(&config, &server, &error) != OK)
        abort();
    static char post[ANSWER_BYTES];
    int64_t bytes = make_post(post, sizeof post);
    ask(server, str_make(post, bytes), "{\"name\":\"a b\",\"bytes\":");
    ask(server, STR("GET /openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        "/v1/tables/{name}/rows");
    ask(server, STR("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), "200 OK");
    ask(server, STR("GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        "application/problem+json");
    http_stop(server);
}

static void test_a_request_without_memory_ends_the_process(void **state)
{
    (void)state;
    ExhaustResult result = exhaust_run(&(Exhaust){.operation = serve});
    assert_string_equal(result.wrong != NULL ? result.wrong : "", "");
    print_message("%lld allocations\n", (long long)result.attempts);
    assert_true(result.attempts > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_without_memory_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
