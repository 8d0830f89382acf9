/* Connections against small listeners of the test's own, on threads. */
#include "base/testing.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/socket.h"

enum { SECOND_US = 1000000 };

/* A listener on a free port that nobody answers until the test accepts. */
static int listen_anywhere(int32_t *port)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 4), 0);
    socklen_t length = sizeof address;
    getsockname(listener, (struct sockaddr *)&address, &length);
    *port = ntohs(address.sin_port);
    return listener;
}

static Socket *connect_to(int32_t port)
{
    Error error = {0};
    Socket *sock = socket_new(world_system());
    SocketTarget target = {.host = "127.0.0.1", .port = port};
    assert_int_equal(socket_connect(sock, &target, SECOND_US, &error), OK);
    return sock;
}

static void bytes_go_both_ways_and_the_end_is_seen(void **state)
{
    (void)state;
    int32_t port = 0;
    int listener = listen_anywhere(&port);
    Socket *sock = connect_to(port);
    int peer = accept(listener, NULL, NULL);
    Error error = {0};
    assert_int_equal(socket_write(sock, "hello", 5, SECOND_US, &error), OK);
    char bytes[8];
    assert_int_equal(recv(peer, bytes, 5, MSG_WAITALL), 5);
    assert_memory_equal(bytes, "hello", 5);
    int64_t got = 0;
    assert_int_equal(socket_read(sock, bytes, 8, 1000, &got, &error), ERR_AGAIN);
    assert_int_equal(send(peer, "abc", 3, 0), 3);
    assert_int_equal(socket_read_full(sock, bytes, 3, SECOND_US, &error), OK);
    assert_memory_equal(bytes, "abc", 3);
    close(peer);
    assert_int_equal(socket_read(sock, bytes, 8, SECOND_US, &got, &error), ERR_END);
    /* The first write may still be taken by the kernel; none may raise SIGPIPE. */
    Status status = OK;
    for (int i = 0; i < 100 && status == OK; i++) {
        status = socket_write(sock, "x", 1, SECOND_US, &error);
        usleep(1000);
    }
    assert_int_equal(status, ERR_UNAVAILABLE);
    assert_true(error.is_retriable);
    socket_free(sock);
    close(listener);
}

static void nobody_listening_is_unavailable(void **state)
{
    (void)state;
    int32_t port = 0;
    int listener = listen_anywhere(&port);
    close(listener);
    Error error = {0};
    Socket *sock = socket_new(world_system());
    SocketTarget target = {.host = "127.0.0.1", .port = port};
    assert_int_equal(socket_connect(sock, &target, SECOND_US, &error), ERR_UNAVAILABLE);
    assert_string_equal(error.code, "WR5101");
    assert_true(error.is_retriable);
    SocketTarget gone = {.path = "/nowhere/socket"};
    assert_int_equal(socket_connect(sock, &gone, SECOND_US, &error), ERR_UNAVAILABLE);
    SocketTarget nameless = {.host = "no such host", .port = 1};
    assert_int_equal(socket_connect(sock, &nameless, SECOND_US, &error), ERR_INVALID);
    socket_free(sock);
}

static void *interrupt_soon(void *argument)
{
    usleep(20000);
    socket_interrupt(argument);
    return NULL;
}

static void a_waiting_read_is_interrupted(void **state)
{
    (void)state;
    int32_t port = 0;
    int listener = listen_anywhere(&port);
    Socket *sock = connect_to(port);
    pthread_t thread;
    pthread_create(&thread, NULL, interrupt_soon, sock);
    char byte;
    int64_t got = 0;
    Error error = {0};
    int64_t began_us = world_monotonic_us(world_system());
    assert_int_equal(socket_read(sock, &byte, 1, 20 * SECOND_US, &got, &error), ERR_CANCELLED);
    assert_true(world_monotonic_us(world_system()) - began_us < 5 * SECOND_US);
    assert_int_equal(socket_pause(sock, 20 * SECOND_US), ERR_CANCELLED);
    assert_true(socket_is_interrupted(sock));
    pthread_join(thread, NULL);
    socket_free(sock);
    close(listener);
}

static void a_full_peer_is_waited_for_and_given_up(void **state)
{
    (void)state;
    int32_t port = 0;
    int listener = listen_anywhere(&port);
    Socket *sock = connect_to(port);
    static char megabyte[1 << 20];
    Error error = {0};
    Status status = OK;
    for (int i = 0; i < 64 && status == OK; i++)
        status = socket_write(sock, megabyte, sizeof megabyte, 20000, &error);
    assert_int_equal(status, ERR_UNAVAILABLE);
    assert_string_equal(error.code, "WR5103");
    socket_free(sock);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_go_both_ways_and_the_end_is_seen),
        cmocka_unit_test(nobody_listening_is_unavailable),
        cmocka_unit_test(a_waiting_read_is_interrupted),
        cmocka_unit_test(a_full_peer_is_waited_for_and_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
