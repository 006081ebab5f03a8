/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's load: a producer with a window, and a consumer that verifies. The same bodies, groups and window as joinq-bench. */
#include "body.h"
#include "relay.h"
#include "tool.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BUFFER_SIZE = 8 * 1024 * 1024 };

struct producer {
    int fd;
    struct body_pattern pattern;
    uint64_t count, sent, answered;
    uint64_t size, group;
    uint8_t *out;
    size_t out_size;
};

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void group_write(struct producer *p)
{
    uint64_t last = smaller(p->sent + p->group, p->count);
    for (; p->sent < last; p->sent++) {
        struct relay_header header = {(uint32_t)p->size, p->sent + 1 == last ? RELAY_LAST : RELAY_MESSAGE};
        memcpy(p->out + p->out_size, &header, sizeof header);
        body_write(&p->pattern, p->sent, p->out + p->out_size + sizeof header, p->size);
        p->out_size += sizeof header + p->size;
    }
}

static void answers_read(struct producer *p)
{
    struct relay_header answers[64];
    size_t got = read_some(p->fd, answers, sizeof answers);
    if (got == 0 || got % sizeof answers[0] != 0) /* they are written whole */
        die("relay producer: the relay ended");
    p->answered = smaller(p->answered + got / sizeof answers[0] * p->group, p->count);
}

void relay_produce(uint64_t port, uint64_t count, uint64_t size, uint64_t group)
{
    struct producer *p = allocate(sizeof *p);
    p->fd = tcp_connect(port);
    p->count = count;
    p->size = size;
    p->group = group;
    p->out = allocate(BUFFER_SIZE);
    body_pattern_init(&p->pattern);
    if ((RELAY_WINDOW + group) * (size + sizeof(struct relay_header)) > BUFFER_SIZE)
        die("relay producer: too large");
    wait_for_start();
    uint64_t start = clock_ns();
    while (p->answered < count) {
        while (p->sent < count && p->sent + group - p->answered <= RELAY_WINDOW)
            group_write(p);
        write_all(p->fd, p->out, p->out_size);
        p->out_size = 0;
        answers_read(p);
    }
    printf("started %" PRIu64 "\n", start);
    close(p->fd);
    free(p->out);
    free(p);
}

struct consumer {
    int fd;
    struct body_pattern pattern;
    uint64_t verified;
    uint8_t *in;
    size_t in_size;
};

static void frame_verify(struct consumer *c, const uint8_t *body, size_t size)
{
    if (body_sequence(body) != c->verified || !body_verify(&c->pattern, body, size))
        die("relay consumer: message %" PRIu64 " is not what was sent", c->verified);
    c->verified++;
}

static void more_read(struct consumer *c)
{
    size_t got = read_some(c->fd, c->in + c->in_size, BUFFER_SIZE - c->in_size);
    if (got == 0)
        die("relay consumer: the relay ended");
    c->in_size += got;
}

/* Takes one batch apart while it comes. Returns how many messages it had. */
static uint32_t batch_take(struct consumer *c)
{
    struct relay_header head, header;
    c->in_size = 0;
    while (c->in_size < sizeof head)
        more_read(c);
    memcpy(&head, c->in, sizeof head);
    size_t at = sizeof head;
    for (uint32_t i = 0; i < head.size;) {
        if (c->in_size - at >= sizeof header) {
            memcpy(&header, c->in + at, sizeof header);
            if (c->in_size - at >= sizeof header + header.size) {
                frame_verify(c, c->in + at + sizeof header, header.size);
                at += sizeof header + header.size;
                i++;
                continue;
            }
        }
        more_read(c);
    }
    return head.size;
}

void relay_consume(uint64_t port, uint64_t count)
{
    struct consumer *c = allocate(sizeof *c);
    c->fd = tcp_connect(port);
    c->in = allocate(BUFFER_SIZE);
    body_pattern_init(&c->pattern);
    wait_for_start();
    struct relay_header take = {0, RELAY_TAKE};
    while (c->verified < count) {
        write_all(c->fd, &take, sizeof take);
        take.size = batch_take(c);
    }
    uint64_t end = clock_ns();
    write_all(c->fd, &take, sizeof take);
    printf("ended %" PRIu64 "\nverified %" PRIu64 "\n", end, c->verified);
    close(c->fd);
    free(c->in);
    free(c);
}
