/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that outlive their broker: each does its work with a handle of its own and writes down what it was told. Whether that
 * was true is for crash_test.py to say, which reads what they wrote. */
#ifndef JOINQ_TEST_CRASH_LOAD_H
#define JOINQ_TEST_CRASH_LOAD_H

#include <joinq.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { BATCH = 20, FILLER = 400000, NAME = 32 };

struct load {
    const char *url, *folder; /* the folder takes a log of each client */
    uint64_t seed;
    uint64_t order; /* of the queue "work": joinq_order */
    bool big;       /* many bodies are long: the journal fills segments */
};

struct client {
    joinq *q;
    const struct load *load;
    const char *name; /* in its bodies, as a producer, and of its log */
    FILE *log;
    uint64_t chance;
    uint64_t asked_ns; /* when the request was made that is answered next */
    unsigned made;     /* bodies so far */
};

struct role {
    const char *name, *queue, *to;
    void (*run)(struct client *, const struct role *);
};

void client_open(struct client *client, const struct load *load, const char *name);
void client_close(struct client *client);
/* Ends the session in the middle of what it does, and begins another. */
void client_renew(struct client *client);
uint32_t pick(struct client *client, uint32_t below);

/* A line of the log: when it was told, when it had been asked, and what. The time of asking is noted by ask(). */
void ask(struct client *client);
__attribute__((format(printf, 2, 3))) void told(struct client *client, const char *format, ...);
/* Whether the disk refused it: nothing has happened, and it is asked again, in a moment. */
bool refused(int code);
/* What no crash explains: it is written down, and the process ends. */
_Noreturn void wrong(struct client *client, const char *what, int code);

/* Bodies say who made them, and can be checked. */
struct span {
    unsigned first, count;
};
struct bodies {
    struct joinq_body item[BATCH];
    char text[BATCH * 200 + FILLER];
    struct span span;
};
void bodies_make(struct client *client, struct bodies *bodies, unsigned count);
/* Its first word, after a look at the rest. */
void body_word(struct client *client, const struct joinq_message *message, char word[NAME]);

void told_got(struct client *client, const char *verb, const char *queue, const struct joinq_batch *batch);
/* What came of messages first, first + 1, ... of a batch. */
void told_settled(struct client *client, const char *verb, const char *queue, int code, const struct joinq_batch *batch,
                  size_t first, size_t count);

/* Done and put in one; what is asked of it, and what came of it. */
struct passing {
    const char *queue, *to[2]; /* from where; one target or two */
    struct joinq_batch *batch;
    size_t first, count;
};
int pass_on(struct client *client, const struct passing *passing, struct bodies *bodies);

void told_back(struct client *client, const char *queue, struct joinq_batch *batch, size_t first, size_t count,
               bool failed);
/* With the dones of what the one before brought: *held, which is then NULL. */
int get_some(struct client *client, const char *queue, bool auto_done, struct joinq_batch **held,
             struct joinq_batch **batch);

void attach(struct client *client, const char *queue);
void finish(struct client *client, const char *queue);

void run_producer(struct client *client, const struct role *role);
void run_consumer(struct client *client, const struct role *role);
void run_forwarder(struct client *client, const struct role *role);
void run_counter(struct client *client, const struct role *role);
void run_owner(struct client *client, const struct role *role);
void run_mover(struct client *client, const struct role *role);
void run_forgetful(struct client *client, const struct role *role);
void run_joiner(struct client *client, const struct role *role);
void joiner_stop(void);
/* Producers and owners begin nothing more: what there is drains. */
bool enough(void);

#endif
