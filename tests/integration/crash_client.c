/* SPDX-License-Identifier: Apache-2.0 */
/* A client of the crash test: its handle, its log, its bodies. It must not know what the clients do. */
#include "crash_load.h"
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- the log ---- */

void ask(struct client *client)
{
    client->asked_ns = now_ns();
}

void told(struct client *client, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(client->log, "%" PRIu64 " %" PRIu64 " ", now_ns(), client->asked_ns);
    vfprintf(client->log, format, arguments);
    fputc('\n', client->log);
    fflush(client->log);
    va_end(arguments);
}

bool refused(int code)
{
    if (code == JOINQ_STORAGE)
        (void)poll(NULL, 0, 2);
    return code == JOINQ_STORAGE;
}

_Noreturn void wrong(struct client *client, const char *what, int code)
{
    const char *why = code == JOINQ_OK ? "" : joinq_error(client->q);
    told(client, "wrong %s %s: %s", what, joinq_code_name(code), why);
    fprintf(stderr, "%s: %s: %s %s\n", client->name, what, joinq_code_name(code), why);
    _exit(3); /* the others are in the middle of something */
}

/* ---- the handle ---- */

/* xorshift64* */
uint32_t pick(struct client *client, uint32_t below)
{
    client->chance ^= client->chance >> 12;
    client->chance ^= client->chance << 25;
    client->chance ^= client->chance >> 27;
    return (uint32_t)((client->chance * UINT64_C(2685821657736338717)) >> 32) % below;
}

static void client_connect(struct client *client)
{
    struct joinq_options options = JOINQ_OPTIONS_INIT;
    int code;
    options.name = client->name;
    options.connect_timeout_ms = 60000;
    options.reconnect_ms = 600000;
    options.reconnect_interval_ms = 20;
    do { /* a connection that never was is the program's to make again */
        code = joinq_connect(&client->q, client->load->url, &options);
    } while (code == JOINQ_DISCONNECTED);
    if (code == JOINQ_OK)
        return;
    fprintf(stderr, "%s: cannot connect: %s\n", client->name, joinq_code_name(code));
    exit(3);
}

void client_renew(struct client *client)
{
    joinq_free(client->q);
    client_connect(client);
}

void client_open(struct client *client, const struct load *load, const char *name)
{
    char path[4096];
    *client = (struct client){.load = load, .name = name, .chance = load->seed * 2 + 1};
    for (const char *at = name; *at; at++)
        client->chance = client->chance * 1099511628211u + (unsigned char)*at;
    for (int i = 0; i < 16; i++)
        (void)pick(client, 2);
    snprintf(path, sizeof path, "%s/%s.log", load->folder, name);
    client->log = fopen(path, "w");
    if (!client->log) {
        perror(path);
        exit(3);
    }
    client_connect(client);
    ask(client);
}

void client_close(struct client *client)
{
    joinq_free(client->q);
    fclose(client->log);
}

/* ---- bodies ---- */

/* Most are short; some do not fit where many do. */
static size_t filler_size(const struct client *client, unsigned number)
{
    unsigned mixed = number * 2654435761u >> 8, rare = client->load->big ? 8 : 50;
    return mixed % rare == 0 ? mixed % (client->load->big ? FILLER : 40000) : mixed % 100;
}

static char filler_at(unsigned number, size_t i)
{
    return (char)('a' + (number + i) % 26);
}

/* Long ones come alone. */
void bodies_make(struct client *client, struct bodies *bodies, unsigned count)
{
    char *at = bodies->text;
    bodies->span.first = client->made;
    bodies->span.count = 0;
    while (bodies->span.count < count) {
        unsigned number = client->made;
        size_t filler = filler_size(client, number);
        if (filler > 100 && bodies->span.count > 0)
            return;
        int size = snprintf(at, NAME, "%s-%u ", client->name, number);
        for (size_t i = 0; i < filler; i++)
            at[size + (int)i] = filler_at(number, i);
        bodies->item[bodies->span.count++] = (struct joinq_body){at, (size_t)size + filler};
        at += (size_t)size + filler;
        client->made++;
        if (filler > 100)
            return;
    }
}

void body_word(struct client *client, const struct joinq_message *message, char word[NAME])
{
    const char *text = message->data, *space = message->size ? memchr(text, ' ', message->size) : NULL;
    size_t size = space ? (size_t)(space - text) : NAME;
    if (size >= NAME)
        wrong(client, "a body without a word", 0);
    memcpy(word, text, size);
    word[size] = '\0';
    const char *dash = strchr(word, '-');
    unsigned number = dash ? (unsigned)strtoul(dash + 1, NULL, 10) : 0;
    bool good = dash && message->size == size + 1 + filler_size(client, number);
    for (size_t i = 0; good && i < filler_size(client, number); i++)
        good = space[1 + i] == filler_at(number, i);
    if (!good)
        wrong(client, "a body that nobody put", 0);
}

/* ---- what is told of batches ---- */

void told_got(struct client *client, const char *verb, const char *queue, const struct joinq_batch *batch)
{
    for (size_t i = 0; i < joinq_batch_count(batch); i++) {
        const struct joinq_message *m = joinq_batch_message(batch, i);
        char word[NAME];
        body_word(client, m, word);
        told(client, "%s %s %" PRIu64 " %s %" PRIu32, verb, queue, m->sequence, word, m->deliveries);
    }
}

void told_settled(struct client *client, const char *verb, const char *queue, int code, const struct joinq_batch *batch,
                  size_t first, size_t count)
{
    char list[BATCH * 24] = "";
    size_t used = 0;
    for (size_t i = first; i < first + count; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, " %" PRIu64, joinq_batch_message(batch, i)->sequence);
    told(client, "%s %s %s%s", verb, queue, joinq_code_name(code), list);
}
