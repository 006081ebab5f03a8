/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody who wants the broker to serve nobody else. Connections come back when they are ended. It ends when it is killed. */
#include "buffer.h"
#include "codes.h"
#include "message.h"
#include "tool.h"
#include "transport.h"
#include "wire_limits.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    EVENTS = 256,
    FLOOD_REQUESTS = 2000, /* of one write */
    LARGE = 1024 * 1024,   /* a message that is asked for again and again, and never read */
    LARGE_PEEKS = 200,
    TRICKLE_MS = 1000,
};

struct attack;

struct enemy {
    int fd;
    size_t said; /* bytes */
};

struct attack {
    const char *kind;
    uint64_t port, count;
    int epoll;
    struct enemy *enemies;
    struct jqw_buffer speech; /* what each says, or how it begins; random ids are put into it */
    size_t client_at;         /* where the id of the client is in it */
    bool reads;               /* and throws away what comes */
    bool returns;             /* when it is answered it goes, and comes again */
    bool repeats;             /* what follows the hello is said again and again */
    size_t hello_size;
    size_t first; /* bytes that are said at once; the rest one a second, or never */
};

static void add(struct jqw_buffer *to, const struct jqw_message *message)
{
    if (jqw_encode(to, message) != JQ_OK)
        die("no memory");
}

static const uint8_t nobody[16] = "the client's id!";

static void add_hello(struct attack *attack)
{
    struct jqw_message hello = {
        .op = JQW_HELLO, .request = 1, .hello = {.version = JQW_VERSION, .client = {nobody, sizeof nobody}}};
    add(&attack->speech, &hello);
    attack->hello_size = attack->speech.size;
    uint8_t *at = memmem(attack->speech.data, attack->speech.size, nobody, sizeof nobody);
    attack->client_at = (size_t)(at - attack->speech.data);
}

/* The first words of a handshake of TLS, after which the broker has worked and waits. */
static void add_client_hello(struct attack *attack)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = context ? SSL_new(context) : NULL;
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    char *bytes;
    if (!ssl || !in || !out)
        die("no memory");
    SSL_set_bio(ssl, in, out);
    (void)SSL_connect(ssl);
    long size = BIO_get_mem_data(out, &bytes);
    if (size <= 0 || jqw_buffer_append(&attack->speech, bytes, (size_t)size) != JQ_OK)
        die("no hello of TLS");
    SSL_free(ssl);
    SSL_CTX_free(context);
    attack->first = attack->hello_size = attack->speech.size;
}

static struct jqw_queue queue(void)
{
    static const char name[] = "attacked";
    return (struct jqw_queue){.name = {(const uint8_t *)name, sizeof name - 1}};
}

static void add_pings(struct attack *attack)
{
    for (uint32_t i = 0; i < FLOOD_REQUESTS; i++)
        add(&attack->speech, &(struct jqw_message){.op = JQW_PING, .request = 2 + i});
}

/* A large message, and many wishes to see it. */
static void add_peeks(struct attack *attack)
{
    uint8_t *body = allocate(LARGE);
    memset(body, 'x', LARGE);
    const struct jqw_bytes item = {body, LARGE};
    add(&attack->speech, &(struct jqw_message){.op = JQW_PUT,
                                               .request = 2,
                                               .put = {.queue = queue(), .bodies = {.item = &item, .count = 1}}});
    for (uint32_t i = 0; i < LARGE_PEEKS; i++)
        add(&attack->speech,
            &(struct jqw_message){.op = JQW_PEEK, .request = 3 + i, .count = {.queue = queue(), .count = 1}});
    free(body);
}

static void prepare(struct attack *attack)
{
    const char *kind = attack->kind;
    attack->returns = strcmp(kind, "returns-tls") == 0;
    if (attack->returns || strcmp(kind, "half-open-tls") == 0) {
        add_client_hello(attack);
        return;
    }
    add_hello(attack);
    if (strcmp(kind, "half-open") == 0)
        attack->first = 3; /* not even a length */
    else if (strcmp(kind, "idle") == 0)
        attack->first = attack->speech.size;
    else if (strcmp(kind, "trickle") == 0)
        attack->first = attack->speech.size, add_pings(attack);
    else if (strcmp(kind, "never-reads") == 0)
        add_peeks(attack), attack->first = attack->speech.size;
    else if (strcmp(kind, "flood") == 0)
        add_pings(attack), attack->first = attack->speech.size, attack->reads = attack->repeats = true;
    else
        die("no attack is called '%s'", kind);
}

/* What can be said now. False: the connection is over. */
static bool speak(const struct attack *attack, struct enemy *enemy, size_t until)
{
    while (enemy->said < until) {
        ssize_t sent = send(enemy->fd, attack->speech.data + enemy->said, until - enemy->said, MSG_NOSIGNAL);
        if (sent < 0)
            return errno == EAGAIN || errno == EINTR;
        enemy->said += (size_t)sent;
        if (enemy->said == attack->speech.size && attack->repeats)
            enemy->said = attack->hello_size;
    }
    return true;
}

static void begin(struct attack *attack, struct enemy *enemy)
{
    uint8_t id[16];
    enemy->fd = tcp_connect(attack->port);
    enemy->said = 0;
    if (jqw_random(id, sizeof id) != JQ_OK)
        die("no randomness");
    if (attack->client_at)
        memcpy(attack->speech.data + attack->client_at, id, sizeof id);
    bool hello_whole = speak(attack, enemy, attack->first < attack->hello_size ? attack->first : attack->hello_size);
    if (!hello_whole || fcntl(enemy->fd, F_SETFL, O_NONBLOCK) < 0)
        die_errno("hello");
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = enemy};
    if (attack->first > attack->hello_size)
        event.events |= EPOLLOUT;
    if (!attack->reads && attack->first > attack->hello_size)
        event.events &= ~(uint32_t)EPOLLIN;
    event.events |= attack->repeats ? 0 : (uint32_t)EPOLLET;
    if (epoll_ctl(attack->epoll, EPOLL_CTL_ADD, enemy->fd, &event) < 0)
        die_errno("epoll");
}

static void begin_again(struct attack *attack, struct enemy *enemy)
{
    close(enemy->fd);
    begin(attack, enemy);
}

/* False: the connection is over. */
static bool hear(const struct attack *attack, const struct enemy *enemy)
{
    static char waste[256 * 1024];
    if (strcmp(attack->kind, "never-reads") == 0)
        return true;
    for (;;) {
        ssize_t got = recv(enemy->fd, waste, sizeof waste, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            return false;
        if (got < 0 || !attack->reads)
            return !attack->returns;
    }
}

/* One byte more of each. */
static void trickle(struct attack *attack)
{
    for (uint64_t i = 0; i < attack->count; i++)
        if (!speak(attack, &attack->enemies[i], attack->enemies[i].said + 1))
            begin_again(attack, &attack->enemies[i]);
}

static void run(struct attack *attack)
{
    struct epoll_event events[EVENTS];
    bool trickles = strcmp(attack->kind, "trickle") == 0;
    for (;;) {
        int count = epoll_wait(attack->epoll, events, EVENTS, trickles ? TRICKLE_MS : -1);
        if (count < 0 && errno != EINTR)
            die_errno("epoll_wait");
        for (int i = 0; i < count; i++) {
            struct enemy *enemy = events[i].data.ptr;
            bool stands = !(events[i].events & (EPOLLHUP | EPOLLRDHUP | EPOLLERR));
            if (stands && events[i].events & EPOLLIN)
                stands = hear(attack, enemy);
            if (stands && events[i].events & EPOLLOUT)
                stands = speak(attack, enemy, attack->first);
            if (!stands)
                begin_again(attack, enemy);
        }
        if (trickles)
            trickle(attack);
    }
}

int main(int argc, char **argv)
{
    if (argc != 4)
        die("usage: bench-attacker half-open|half-open-tls|returns-tls|idle|trickle|never-reads|flood PORT COUNT");
    struct attack attack = {.kind = argv[1], .port = number_of(argv[2]), .count = number_of(argv[3])};
    attack.epoll = epoll_create1(EPOLL_CLOEXEC);
    attack.enemies = allocate(attack.count * sizeof *attack.enemies);
    prepare(&attack);
    if (setpriority(PRIO_PROCESS, 0, 19) != 0)
        die_errno("setpriority");
    for (uint64_t i = 0; i < attack.count; i++)
        begin(&attack, &attack.enemies[i]);
    puts("ready");
    fflush(stdout);
    run(&attack);
}
