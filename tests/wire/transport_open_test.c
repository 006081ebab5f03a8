/* SPDX-License-Identifier: Apache-2.0 */
/* Listening, connecting and accepting: ports, modes of sockets, stale ones and live ones, and refusals. */
#include "codes.h"
#include "tls.h"
#include "transport_conformance.h"
#include "url.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct jqw_url tcp_url(void)
{
    return (struct jqw_url){.scheme = JQW_URL_TCP, .host = "127.0.0.1"};
}

static struct jqw_url unix_url(const char *name)
{
    struct jqw_url url = {.scheme = JQW_URL_UNIX};
    snprintf(url.path, sizeof url.path, "%s", folder_path(name));
    return url;
}

static int listen_at(struct jqw_url url)
{
    int fd = -1;
    assert_int_equal(jqw_transport_listen(&url, 8, &fd), JQ_OK);
    return fd;
}

static int setup(void **state)
{
    (void)state;
    folder_make();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(folder_path("s"));
    folder_remove();
    return 0;
}

static void port_0_becomes_a_port(void **state)
{
    (void)state;
    struct jqw_url first = tcp_url(), second = tcp_url();
    int a, b;
    assert_int_equal(jqw_transport_listen(&first, 8, &a), JQ_OK);
    assert_int_equal(jqw_transport_listen(&second, 8, &b), JQ_OK);
    assert_true(first.port != 0 && second.port != 0 && first.port != second.port);
    second.port = first.port;
    int none = -1;
    assert_int_equal(jqw_transport_listen(&second, 8, &none), JQ_DISCONNECTED);
    assert_int_equal(errno, EADDRINUSE);
    assert_int_equal(none, -1);
    close(a);
    close(b);
}

static void nobody_to_accept_is_empty(void **state)
{
    (void)state;
    int fd = listen_at(unix_url("s"));
    struct jqw_transport t;
    assert_int_equal(jqw_transport_accept(fd, true, &t), JQ_EMPTY);
    close(fd);
}

static void unix_socket_is_for_its_user_alone(void **state)
{
    (void)state;
    mode_t before = umask(0);
    int fd = listen_at(unix_url("s"));
    umask(before);
    struct stat st;
    assert_int_equal(stat(folder_path("s"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    close(fd);
}

static void stale_socket_is_replaced(void **state)
{
    (void)state;
    close(listen_at(unix_url("s")));
    int fd = listen_at(unix_url("s"));
    struct jqw_url url = unix_url("s");
    struct jqw_transport a, b;
    assert_int_equal(jqw_transport_connect(&a, &url, 0), JQ_OK);
    assert_int_equal(jqw_transport_accept(fd, true, &b), JQ_OK);
    a.ops->close(&a);
    b.ops->close(&b);
    close(fd);
}

static void live_socket_is_left_alone(void **state)
{
    (void)state;
    int fd = listen_at(unix_url("s")), none = -1;
    struct jqw_url url = unix_url("s");
    assert_int_equal(jqw_transport_listen(&url, 8, &none), JQ_DISCONNECTED);
    assert_int_equal(errno, EADDRINUSE);
    struct jqw_transport t;
    assert_int_equal(jqw_transport_connect(&t, &url, 0), JQ_OK);
    t.ops->close(&t);
    close(fd);
}

static void file_is_left_alone(void **state)
{
    (void)state;
    struct jqw_url url = unix_url("s");
    close(open(url.path, O_WRONLY | O_CREAT, 0600));
    int none = -1;
    assert_int_equal(jqw_transport_listen(&url, 8, &none), JQ_DISCONNECTED);
    assert_int_equal(errno, EADDRINUSE);
    assert_int_equal(access(url.path, F_OK), 0);
}

static void nobody_listens(void **state)
{
    (void)state;
    struct jqw_url url = tcp_url();
    int fd;
    assert_int_equal(jqw_transport_listen(&url, 8, &fd), JQ_OK);
    close(fd);
    struct jqw_transport t;
    int code = jqw_transport_connect(&t, &url, 0);
    if (code == JQ_OK) {
        wait_ready(t.ops->fd(&t), POLLOUT);
        code = jqw_transport_connected(&t);
        t.ops->close(&t);
    }
    assert_int_equal(code, JQ_DISCONNECTED);
    assert_int_equal(errno, ECONNREFUSED);
    url = unix_url("s");
    assert_int_equal(jqw_transport_connect(&t, &url, 0), JQ_DISCONNECTED);
    assert_int_equal(errno, ENOENT);
}

static void addresses_run_out(void **state)
{
    (void)state;
    struct jqw_transport t;
    struct jqw_url tcp = tcp_url(), path = unix_url("s");
    assert_int_equal(jqw_transport_connect(&t, &tcp, 1), JQ_NO_QUEUE);
    assert_int_equal(jqw_transport_connect(&t, &path, 1), JQ_NO_QUEUE);
}

static void other_transports_have_no_tls(void **state)
{
    struct jqw_transport a, b;
    const char *text;
    uint8_t bytes[JQW_TLS_EXPORTER_SIZE];
    (void)state;
    assert_int_equal(jqw_transport_pair(&a, &b, 10), JQ_OK);
    assert_true(jqw_tls_established(&a));
    assert_int_equal(jqw_tls_handshake(&a), JQ_OK);
    assert_int_equal(jqw_tls_problem(&a, &text), JQW_TLS_NONE);
    assert_int_equal(jqw_tls_exporter(&a, bytes), JQ_INVALID);
    assert_string_equal(jqw_tls_version(&a), "");
    a.ops->close(&a);
    b.ops->close(&b);
}

static void random_bytes_differ(void **state)
{
    (void)state;
    unsigned char a[16] = {0}, b[16] = {0};
    assert_int_equal(jqw_random(a, sizeof a), JQ_OK);
    assert_int_equal(jqw_random(b, sizeof b), JQ_OK);
    assert_memory_not_equal(a, b, sizeof a);
    assert_int_equal(jqw_random(a, 0), JQ_OK);
}

#define OPENS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPENS(port_0_becomes_a_port),
        OPENS(nobody_to_accept_is_empty),
        OPENS(stale_socket_is_replaced),
        OPENS(unix_socket_is_for_its_user_alone),
        OPENS(live_socket_is_left_alone),
        OPENS(file_is_left_alone),
        OPENS(nobody_listens),
        OPENS(addresses_run_out),
        OPENS(other_transports_have_no_tls),
        OPENS(random_bytes_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
