/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever waits is in a list: there are as many as pages being made. */
#include "asker.h"
#include "codes.h"
#include "frame.h"
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { READ_SIZE = 64 * 1024 };

struct question {
    uint32_t request;
    asker_heard *heard; /* NULL: forgotten */
    void *user;
    struct question *next;
};

struct asker {
    struct jqw_transport *end;
    struct jqw_frame_parser parser;
    struct jqw_buffer in, out;
    struct question *questions;
    uint32_t request_last;
    bool over;
    struct jqw_scratch scratch;
};

static int say_hello(struct asker *asker)
{
    static const char name[] = "http";
    uint8_t client[16];
    int code = jqw_random(client, sizeof client);
    struct jqw_message hello = {
        .op = JQW_HELLO,
        .request = ++asker->request_last,
        .hello = {.version = JQW_VERSION,
                  .client = {client, sizeof client},
                  .name = {(const uint8_t *)name, sizeof name - 1}},
    };
    return code == JQ_OK ? jqw_encode(&asker->out, &hello) : code;
}

struct asker *asker_new(struct jqw_transport *end)
{
    struct asker *asker = calloc(1, sizeof *asker);
    if (!asker)
        return NULL;
    asker->end = end;
    asker->parser.frame_max = JQW_FRAME_MAX;
    if (say_hello(asker) == JQ_OK)
        return asker;
    asker_free(asker);
    return NULL;
}

void asker_free(struct asker *asker)
{
    if (!asker)
        return;
    struct question *question, *next;
    LL_FOREACH_SAFE(asker->questions, question, next)
    free(question);
    jqw_buffer_fini(&asker->in);
    jqw_buffer_fini(&asker->out);
    free(asker);
}

int asker_ask(struct asker *asker, struct jqw_message *request, asker_heard *heard, void *user)
{
    if (asker->over)
        return JQ_DISCONNECTED;
    struct question *question = malloc(sizeof *question);
    if (!question)
        return JQ_OVERLOADED;
    asker->request_last += asker->request_last == UINT32_MAX ? 2 : 1; /* 0 is no request */
    request->request = asker->request_last;
    *question = (struct question){.request = request->request, .heard = heard, .user = user};
    int code = jqw_encode(&asker->out, request);
    if (code == JQ_OK)
        LL_PREPEND(asker->questions, question);
    else
        free(question);
    return code;
}

void asker_forget(struct asker *asker, const void *user)
{
    struct question *question;
    LL_FOREACH(asker->questions, question)
    if (question->user == user)
        question->heard = NULL;
}

static void answered(struct asker *asker, const struct jqw_message *answer)
{
    struct question *question;
    LL_SEARCH_SCALAR(asker->questions, question, request, answer->request);
    if (!question)
        return; /* the welcome, or an event */
    LL_DELETE(asker->questions, question);
    if (question->heard)
        question->heard(question->user, answer);
    free(question);
}

/* The broker has ended the connection: it is about to end itself. */
static void end(struct asker *asker)
{
    asker->over = true;
    while (asker->questions) {
        struct question *question = asker->questions;
        LL_DELETE(asker->questions, question);
        if (question->heard)
            question->heard(question->user, NULL);
        free(question);
    }
}

static bool take_frame(struct asker *asker)
{
    struct jqw_frame frame;
    struct jqw_message answer;
    size_t consumed;
    const char *why;
    enum jqw_frame_status status =
        jqw_frame_next(&asker->parser, asker->in.data, asker->in.size, &frame, &consumed, NULL);
    if (status == JQW_FRAME_NONE)
        return false;
    if (status == JQW_FRAME_ERROR || jqw_decode(frame.data, frame.size, &answer, &asker->scratch, &why) != JQ_OK) {
        end(asker);
        return false;
    }
    answered(asker, &answer);
    jqw_buffer_consume(&asker->in, consumed);
    return true;
}

/* False: there is nothing more. */
static bool read_some(struct asker *asker)
{
    if (jqw_buffer_reserve(&asker->in, READ_SIZE) != JQ_OK)
        return false;
    ssize_t got = jqw_read(asker->end, asker->in.data + asker->in.size, READ_SIZE);
    if (got == JQW_IO_AGAIN)
        return false;
    if (got < 0) {
        end(asker);
        return false;
    }
    asker->in.size += (size_t)got;
    return true;
}

static void write_some(struct asker *asker)
{
    if (asker->over || asker->out.size == 0)
        return;
    const struct iovec iov = {asker->out.data, asker->out.size};
    ssize_t wrote = jqw_writev(asker->end, &iov, 1);
    if (wrote > 0)
        jqw_buffer_consume(&asker->out, (size_t)wrote);
    else if (wrote != JQW_IO_AGAIN)
        end(asker);
}

void asker_run(struct asker *asker)
{
    while (!asker->over && read_some(asker))
        while (!asker->over && take_frame(asker))
            continue;
    write_some(asker);
}
