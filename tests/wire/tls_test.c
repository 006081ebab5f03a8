/* SPDX-License-Identifier: Apache-2.0 */
/* What is special about TLS as a transport: bytes that no event announces, halves of records, ends that are none, who the other is, and
 * that a handshake goes on whichever pieces come. Between the two ends stands a relay that lets through as much as a test wants. */
#include "codes.h"
#include "tls.h"
#include "tls_files.h"
#include "tls_inside.h"
#include "transport_conformance.h"
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
    struct issued ca, broker, ann;
    struct jqw_tls *server, *client;
    struct jqw_transport a, b; /* the client's end, the broker's end */
    int far_a, far_b;          /* the relay's ends of their sockets */
};

static const char *file_of(struct issued *issued, const char *name)
{
    static char paths[8][96];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s", folder_path(name));
    if (strstr(name, ".key"))
        key_write(issued, path);
    else
        certificate_write(issued, path);
    return path;
}

static struct jqw_tls *context(const struct jqw_tls_options *options)
{
    char why[300] = "";
    struct jqw_tls *tls = NULL;
    int code = jqw_tls_new(options, &tls, why, sizeof why);
    if (code != JQ_OK)
        fail_msg("%s", why);
    return tls;
}

/* A pair of sockets: the near end is a transport's, the far one the relay's. */
static int far_end(struct jqw_transport *t)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    jqw_transport_socket(t, fds[0], true);
    return fds[1];
}

static void ends_connect(struct world *w)
{
    w->far_a = far_end(&w->a);
    w->far_b = far_end(&w->b);
    assert_int_equal(jqw_transport_tls(&w->a, w->client, "broker.example"), JQ_OK);
    assert_int_equal(jqw_transport_tls(&w->b, w->server, NULL), JQ_OK);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    folder_make();
    issue(&w->ca, NULL, "a CA", NULL, 10);
    issue(&w->broker, &w->ca, "broker", "DNS:broker.example", 10);
    issue(&w->ann, &w->ca, "ann", NULL, 10);
    const char *ca = file_of(&w->ca, "ca.pem");
    w->server = context(&(struct jqw_tls_options){.server = true,
                                                  .cert = file_of(&w->broker, "b.pem"),
                                                  .key = file_of(&w->broker, "b.key"),
                                                  .ca = ca,
                                                  .optional = true});
    w->client = context(
        &(struct jqw_tls_options){.cert = file_of(&w->ann, "a.pem"), .key = file_of(&w->ann, "a.key"), .ca = ca});
    tls_keep_old(w->client);
    ends_connect(w);
    *state = w;
    return 0;
}

static void ends_close(struct world *w)
{
    w->a.ops->close(&w->a);
    w->b.ops->close(&w->b);
    close(w->far_a);
    close(w->far_b);
}

static int teardown(void **state)
{
    static const char *const names[] = {"ca.pem", "b.pem", "b.key", "a.pem", "a.key", "r.crl"};
    struct world *w = *state;
    ends_close(w);
    jqw_tls_unref(w->server);
    jqw_tls_unref(w->client);
    issued_free(&w->ca);
    issued_free(&w->broker);
    issued_free(&w->ann);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)unlink(folder_path(names[i]));
    folder_remove();
    free(w);
    return 0;
}

/* ---- the relay ---- */

/* Lets up to so many bytes through; returns how many there were. */
static size_t pass(int from, int to, size_t most)
{
    char bytes[4096];
    size_t passed = 0;
    while (passed < most) {
        size_t want = most - passed < sizeof bytes ? most - passed : sizeof bytes;
        ssize_t got = recv(from, bytes, want, 0);
        if (got <= 0)
            break;
        assert_int_equal(send(to, bytes, (size_t)got, MSG_NOSIGNAL), got);
        passed += (size_t)got;
    }
    return passed;
}

static void pass_all(struct world *w)
{
    while (pass(w->far_a, w->far_b, SIZE_MAX) + pass(w->far_b, w->far_a, SIZE_MAX) > 0)
        continue;
}

/* What an end waits for, as poll would tell it: whether it may go on. */
static bool may_go_on(struct jqw_transport *t)
{
    int wanted = t->ops->wanted(t, JQW_WANT_READ);
    struct pollfd watched = {.fd = t->ops->fd(t)};
    watched.events = (short)((wanted & JQW_WANT_READ ? POLLIN : 0) | (wanted & JQW_WANT_WRITE ? POLLOUT : 0));
    return poll(&watched, 1, 0) == 1;
}

/* The handshake, by its events only, so many bytes at a time. */
static void shake_hands(struct world *w, size_t piece)
{
    int rounds = 0, a = JQ_EMPTY, b = JQ_EMPTY;
    while (a != JQ_OK || b != JQ_OK) {
        a = jqw_tls_handshake(&w->a);
        b = jqw_tls_handshake(&w->b);
        size_t passed = pass(w->far_a, w->far_b, piece) + pass(w->far_b, w->far_a, piece);
        assert_true((a == JQ_OK && b == JQ_OK) || passed > 0 || may_go_on(&w->a) || may_go_on(&w->b));
        assert_true(rounds++ < 100000);
    }
    pass_all(w);
}

static void say(struct jqw_transport *t, const char *text)
{
    struct iovec iov = {.iov_base = (char *)(uintptr_t)text, .iov_len = strlen(text)};
    assert_int_equal(jqw_writev(t, &iov, 1), (ssize_t)strlen(text));
}

static void hears(struct jqw_transport *t, const char *text)
{
    char heard[100] = "";
    assert_int_equal(jqw_read(t, heard, strlen(text)), (ssize_t)strlen(text));
    assert_string_equal(heard, text);
}

static void hears_nothing(struct jqw_transport *t)
{
    char byte;
    assert_int_equal(jqw_read(t, &byte, 1), JQW_IO_AGAIN);
}

static int unread(const struct jqw_transport *t)
{
    int bytes = -1;
    assert_int_equal(ioctl(t->ops->fd(t), FIONREAD, &bytes), 0);
    return bytes;
}

/* ---- tests ---- */

static void handshake_in_pieces(void **state)
{
    struct world *w = *state;
    shake_hands(w, 1);
    say(&w->a, "hello");
    pass_all(w);
    hears(&w->b, "hello");
}

/* Reading at one end and writing at the other is as good as asking for the handshake. */
static void read_and_write_shake_hands(void **state)
{
    struct world *w = *state;
    char byte = 'x';
    struct iovec iov = {.iov_base = &byte, .iov_len = 1};
    ssize_t put = JQW_IO_AGAIN;
    assert_false(jqw_tls_established(&w->a) || jqw_tls_established(&w->b));
    for (int i = 0; put == JQW_IO_AGAIN; i++) {
        hears_nothing(&w->a);
        pass_all(w);
        put = jqw_writev(&w->b, &iov, 1);
        pass_all(w);
        assert_true(i < 100);
    }
    assert_int_equal(put, 1);
    hears(&w->a, "x");
    assert_true(jqw_tls_established(&w->a) && jqw_tls_established(&w->b));
}

/* The first trap: bytes inside, and nothing in the socket. */
static void bytes_inside_are_pending(void **state)
{
    struct world *w = *state;
    shake_hands(w, SIZE_MAX);
    say(&w->a, "one");
    say(&w->a, "two");
    pass_all(w);
    assert_false(w->b.ops->pending(&w->b));
    hears(&w->b, "o");
    assert_int_equal(unread(&w->b), 0);
    assert_true(w->b.ops->pending(&w->b));
    hears(&w->b, "ne");
    assert_true(w->b.ops->pending(&w->b));
    hears(&w->b, "two");
    hears_nothing(&w->b);
    assert_false(w->b.ops->pending(&w->b));
}

/* Or whoever asks would ask for ever. */
static void half_a_record_is_not_pending(void **state)
{
    struct world *w = *state;
    shake_hands(w, SIZE_MAX);
    say(&w->a, "whole");
    say(&w->a, "half");
    for (size_t piece = 1; pass(w->far_a, w->far_b, piece) > 0; piece = 1) {
        char heard[10];
        ssize_t got = jqw_read(&w->b, heard, sizeof heard);
        assert_true(got == JQW_IO_AGAIN || got == 5 || got == 4);
        assert_false(w->b.ops->pending(&w->b) && got == JQW_IO_AGAIN);
        assert_int_equal(w->b.ops->wanted(&w->b, JQW_WANT_READ), JQW_WANT_READ);
    }
    say(&w->a, "together");
    pass_all(w);
    hears(&w->b, "together");
}

/* What brings no bytes does not hold up a read, and what lies behind it is announced. */
static void other_keys_in_between(void **state)
{
    struct world *w = *state;
    char heard[10];
    shake_hands(w, SIZE_MAX);
    for (int i = 0; i < 50 && !tls_is_old(); i++) {
        const struct tls_end *end = jqw_tls_end(i % 2 ? &w->b : &w->a);
        assert_int_equal(SSL_key_update(end->ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        say(&w->a, "a");
        say(&w->b, "b");
        pass_all(w);
        ssize_t got;
        while ((got = jqw_read(&w->b, heard, sizeof heard)) == JQW_IO_AGAIN)
            assert_true(w->b.ops->pending(&w->b));
        assert_int_equal(got, 1);
        while ((got = jqw_read(&w->a, heard, sizeof heard)) == JQW_IO_AGAIN)
            assert_true(w->a.ops->pending(&w->a));
        assert_int_equal(got, 1);
    }
}

static void end_inside_is_pending(void **state)
{
    struct world *w = *state;
    char heard[10];
    shake_hands(w, SIZE_MAX);
    say(&w->a, "last");
    w->a.ops->shutdown(&w->a);
    pass_all(w);
    assert_int_equal(jqw_read(&w->b, heard, sizeof heard), 4);
    assert_int_equal(unread(&w->b), 0);
    assert_true(w->b.ops->pending(&w->b));
    assert_int_equal(jqw_read(&w->b, heard, sizeof heard), JQW_IO_CLOSED);
    assert_false(w->b.ops->pending(&w->b));
    say(&w->b, "still here");
    pass_all(w);
    hears(&w->a, "still here");
}

static void cut_is_no_end(void **state)
{
    struct world *w = *state;
    const char *text;
    char heard[10];
    shake_hands(w, SIZE_MAX);
    say(&w->a, "last");
    pass_all(w);
    shutdown(w->far_b, SHUT_WR);
    assert_int_equal(jqw_read(&w->b, heard, sizeof heard), 4);
    assert_int_equal(jqw_read(&w->b, heard, sizeof heard), JQW_IO_ERROR);
    assert_int_equal(errno, ECONNRESET);
    assert_int_equal(jqw_tls_problem(&w->b, &text), JQW_TLS_CUT);
    assert_string_equal(text, "the client ended the connection without a goodbye");
    assert_int_equal(jqw_read(&w->b, heard, sizeof heard), JQW_IO_ERROR);
}

static void changed_on_its_way_is_an_error(void **state)
{
    struct world *w = *state;
    char bytes[200], heard[10];
    shake_hands(w, SIZE_MAX);
    say(&w->a, "secret");
    ssize_t got = recv(w->far_a, bytes, sizeof bytes, 0);
    assert_true(got > 10);
    bytes[got - 1] ^= 1;
    assert_int_equal(send(w->far_b, bytes, (size_t)got, 0), got);
    assert_int_equal(jqw_read(&w->b, heard, sizeof heard), JQW_IO_ERROR);
    assert_int_equal(errno, EPROTO);
    assert_int_equal(jqw_tls_problem(&w->b, NULL), JQW_TLS_FAILED);
    pass_all(w);
    assert_int_equal(jqw_read(&w->a, heard, sizeof heard), JQW_IO_ERROR);
}

/* What the system did not take is offered again, and what wants to be written is waited for. */
static void full_is_waited_for(void **state)
{
    static char much[1 << 20], back[1 << 20];
    struct world *w = *state;
    size_t sent = 0, heard = 0;
    shake_hands(w, SIZE_MAX);
    for (size_t i = 0; i < sizeof much; i++)
        much[i] = (char)(i * 7 + i / 255);
    while (heard < sizeof much) {
        struct iovec iov[2] = {{much + sent, (sizeof much - sent) / 2}, {NULL, 0}};
        iov[1] = (struct iovec){much + sent + iov[0].iov_len, sizeof much - sent - iov[0].iov_len};
        ssize_t put = sent < sizeof much ? jqw_writev(&w->a, iov, 2) : JQW_IO_AGAIN;
        sent += put > 0 ? (size_t)put : 0;
        if (put == JQW_IO_AGAIN && sent < sizeof much)
            assert_int_equal(w->a.ops->wanted(&w->a, JQW_WANT_WRITE), JQW_WANT_WRITE);
        pass(w->far_a, w->far_b, 30000);
        ssize_t got = jqw_read(&w->b, back + heard, sizeof back - heard);
        assert_true(got > 0 || got == JQW_IO_AGAIN);
        heard += got > 0 ? (size_t)got : 0;
    }
    assert_memory_equal(back, much, sizeof much);
}

/* A little of what is on its way arrives, and is read. */
static ssize_t trickle(struct world *w)
{
    static char bytes[65536];
    pass(w->far_a, w->far_b, 4000);
    return jqw_read(&w->b, bytes, sizeof bytes);
}

/* A goodbye for which there was no room is said when there is. The size of the last record decides whether there is. */
static void goodbye_waits_for_room(void **state)
{
    static char bytes[16384];
    struct world *w = *state;
    int waited = 0;
    for (size_t last = 1; last < 16384; last += 500) {
        struct iovec iov = {bytes, sizeof bytes};
        ssize_t got = 0;
        shake_hands(w, SIZE_MAX);
        while (jqw_writev(&w->a, &iov, 1) == (ssize_t)sizeof bytes)
            continue;
        while (jqw_writev(&w->a, &iov, 1) == JQW_IO_AGAIN)
            trickle(w);
        iov.iov_len = last;
        while (jqw_writev(&w->a, &iov, 1) == JQW_IO_AGAIN)
            trickle(w);
        w->a.ops->shutdown(&w->a);
        waited += w->a.ops->wanted(&w->a, 0) == JQW_WANT_WRITE;
        for (int i = 0; i < 1000 && got != JQW_IO_CLOSED; i++) {
            got = trickle(w);
            assert_true(got > 0 || got == JQW_IO_AGAIN || got == JQW_IO_CLOSED);
            (void)w->a.ops->ready(&w->a, JQW_WANT_WRITE);
        }
        assert_int_equal(got, JQW_IO_CLOSED);
        assert_int_equal(w->a.ops->wanted(&w->a, 0), 0);
        ends_close(w);
        ends_connect(w);
    }
    assert_true(waited > 0);
}

static void plain_is_told_from_tls(void **state)
{
    struct world *w = *state;
    const char *text;
    char byte;
    assert_int_equal(send(w->far_b, "\0\0\0\1", 4, 0), 4);
    assert_int_equal(jqw_read(&w->b, &byte, 1), JQW_IO_ERROR);
    assert_int_equal(jqw_tls_problem(&w->b, &text), JQW_TLS_PLAIN);
    assert_string_equal(text, "the client does not speak TLS");
    assert_int_equal(jqw_tls_handshake(&w->a), JQ_EMPTY);
    assert_int_equal(send(w->far_a, "\0\0\0\20hello hello hello", 20, 0), 20);
    assert_int_equal(jqw_tls_handshake(&w->a), JQ_DISCONNECTED);
    assert_int_equal(jqw_tls_problem(&w->a, &text), JQW_TLS_PLAIN);
    assert_string_equal(text, "the broker does not speak TLS here");
}

static void nothing_and_an_end_is_nobodys_fault(void **state)
{
    struct world *w = *state;
    char byte;
    hears_nothing(&w->b);
    assert_int_equal(w->b.ops->wanted(&w->b, JQW_WANT_READ), JQW_WANT_READ);
    shutdown(w->far_b, SHUT_WR);
    assert_int_equal(jqw_read(&w->b, &byte, 1), JQW_IO_CLOSED);
    assert_int_equal(jqw_tls_problem(&w->b, NULL), JQW_TLS_NONE);
}

static void both_know_of_each_other(void **state)
{
    struct world *w = *state;
    char name[20], small[3];
    uint8_t one[JQW_TLS_EXPORTER_SIZE], two[JQW_TLS_EXPORTER_SIZE], other[JQW_TLS_EXPORTER_SIZE];
    assert_int_equal(jqw_tls_peer_name(&w->b, name, sizeof name), 0);
    assert_int_equal(jqw_tls_exporter(&w->a, one), JQ_INVALID);
    shake_hands(w, SIZE_MAX);
    assert_int_equal(jqw_tls_peer_name(&w->b, name, sizeof name), 3);
    assert_string_equal(name, "ann");
    assert_int_equal(jqw_tls_peer_name(&w->b, small, sizeof small), 0);
    assert_string_equal(small, "");
    assert_int_equal(jqw_tls_peer_name(&w->a, name, sizeof name), 6);
    assert_string_equal(jqw_tls_version(&w->a), tls_is_old() ? "TLSv1.2" : "TLSv1.3");
    assert_string_equal(jqw_tls_cipher(&w->b), jqw_tls_cipher(&w->a));
    assert_int_equal(jqw_tls_exporter(&w->a, one), JQ_OK);
    assert_int_equal(jqw_tls_exporter(&w->b, two), JQ_OK);
    assert_memory_equal(one, two, sizeof one);
    ends_close(w);
    ends_connect(w);
    shake_hands(w, SIZE_MAX);
    assert_int_equal(jqw_tls_exporter(&w->a, other), JQ_OK);
    assert_memory_not_equal(one, other, sizeof one);
}

/* The beginning of a name is not the name, and one that goes on behind a NUL is none. */
static void no_name_is_no_name(void **state)
{
    struct world *w = *state;
    char name[20];
    jqw_tls_unref(w->client);
    ends_close(w);
    w->client = context(&(struct jqw_tls_options){.ca = folder_path("ca.pem")});
    ends_connect(w);
    shake_hands(w, SIZE_MAX);
    assert_int_equal(jqw_tls_peer_name(&w->b, name, sizeof name), 0);
    assert_string_equal(name, "");
}

/* Another certificate is for connections that are made from then on. */
static void a_context_outlives_its_owner(void **state)
{
    struct world *w = *state;
    jqw_tls_unref(w->server);
    w->server = NULL;
    shake_hands(w, SIZE_MAX);
    say(&w->b, "yes");
    pass_all(w);
    hears(&w->a, "yes");
}

#define OVER_TLS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OVER_TLS(handshake_in_pieces),
        OVER_TLS(read_and_write_shake_hands),
        OVER_TLS(bytes_inside_are_pending),
        OVER_TLS(half_a_record_is_not_pending),
        OVER_TLS(other_keys_in_between),
        OVER_TLS(end_inside_is_pending),
        OVER_TLS(cut_is_no_end),
        OVER_TLS(changed_on_its_way_is_an_error),
        OVER_TLS(full_is_waited_for),
        OVER_TLS(goodbye_waits_for_room),
        OVER_TLS(plain_is_told_from_tls),
        OVER_TLS(nothing_and_an_end_is_nobodys_fault),
        OVER_TLS(both_know_of_each_other),
        OVER_TLS(no_name_is_no_name),
        OVER_TLS(a_context_outlives_its_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
