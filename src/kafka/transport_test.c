/* How what is sent is paced, by where the other side is. */
#include "base/testing.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "kafka/transport.h"

/* Addresses of this machine; who comes from one to the other might as well be elsewhere. */
enum { HERE = INADDR_LOOPBACK, THERE = INADDR_LOOPBACK + 1 };

typedef struct Bench {
    uv_loop_t loop;
    uv_tcp_t listener;
    TransportPacing usual;
    Transport *accepted;
} Bench;

static struct sockaddr_in address_of(uint32_t host, uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(host)};
}

static void closed(Transport *transport)
{
    transport_free_parts(transport);
    memory_free(transport);
}

static void accept_one(uv_stream_t *listener, int status)
{
    Bench *bench = listener->data;
    assert_int_equal(status, 0);
    bench->accepted = memory_allocate_zeroed((int64_t)sizeof *bench->accepted);
    bench->accepted->on_closed = closed;
    transport_init(bench->accepted, &bench->loop);
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&bench->accepted->socket), 0);
    uv_stop(&bench->loop);
}

static void control_of_socket(int socket, char *control)
{
    socklen_t length = sizeof((TransportPacing *)NULL)->control;
    memset(control, 0, length);
    assert_int_equal(getsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, control, &length), 0);
}

/* The congestion control of a connection from that host to this one. */
static void control_from(Bench *bench, uint32_t host, bool is_paced, char *control)
{
    struct sockaddr_in from = address_of(host, 0), to;
    int length = sizeof to;
    assert_int_equal(uv_tcp_getsockname(&bench->listener, (struct sockaddr *)&to, &length), 0);
    int client = socket(AF_INET, SOCK_STREAM, 0), accepted;
    assert_int_equal(bind(client, (struct sockaddr *)&from, sizeof from), 0);
    assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof to), 0);
    uv_run(&bench->loop, UV_RUN_DEFAULT);
    if (is_paced)
        transport_pace(bench->accepted, &bench->usual);
    assert_int_equal(uv_fileno((uv_handle_t *)&bench->accepted->socket, &accepted), 0);
    control_of_socket(accepted, control);
    transport_close(bench->accepted);
    close(client);
}

static void test_who_is_here_is_never_paced_and_others_as_the_system_has_it(void **state)
{
    (void)state;
    Bench bench = {0};
    char usual[16], control[16];
    int fresh = socket(AF_INET, SOCK_STREAM, 0);
    control_of_socket(fresh, usual);
    close(fresh);
    struct sockaddr_in here = address_of(HERE, 0);
    uv_loop_init(&bench.loop);
    uv_tcp_init(&bench.loop, &bench.listener);
    bench.listener.data = &bench;
    assert_int_equal(uv_tcp_bind(&bench.listener, (struct sockaddr *)&here, 0), 0);
    transport_listen_unpaced(&bench.listener, &bench.usual);
    assert_string_equal(bench.usual.control, usual);
    assert_int_equal(uv_listen((uv_stream_t *)&bench.listener, 8, accept_one), 0);

    /* From the beginning: what has been paced once goes on with it under another control. */
    control_from(&bench, HERE, false, control);
    assert_string_equal(control, "reno");
    control_from(&bench, HERE, true, control);
    assert_string_equal(control, "reno");
    control_from(&bench, THERE, true, control);
    assert_string_equal(control, usual);

    uv_close((uv_handle_t *)&bench.listener, NULL);
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&bench.loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_is_here_is_never_paced_and_others_as_the_system_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
