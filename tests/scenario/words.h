/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a request as its verb uses them up: names, numbers, times, queues, leases. */
#ifndef SCENARIO_WORDS_H
#define SCENARIO_WORDS_H

#include "ask.h"

struct words {
    struct ask *ask;
    struct world *world;
    const struct script_request *script;
    bool *used;
};

void words_wrong(struct words *w, const char *problem);
char *words_next(struct words *w); /* the next unused word; NULL when there is none */
bool words_flag(struct words *w, const char *name);
char *words_value(struct words *w, const char *name); /* of name=value; NULL if it is not given */
uint64_t words_number(struct words *w, const char *text, uint64_t otherwise);
uint64_t words_duration(struct words *w, const char *text, uint64_t otherwise); /* ns */
/* prio=-7, or prio:=bytes */
void words_priority(struct words *w, struct engine_put_options *options);
uint64_t words_timeout(struct words *w);
struct engine_text words_text(const char *text);
uint64_t words_incarnation(struct words *w, char *name, bool *named); /* of "jobs" or "jobs@2"; cuts the name */
uint64_t words_queue_called(struct words *w, char *name);             /* NULL: none is named, which is wrong */
uint64_t words_queue(struct words *w);                                /* the queue of the command; its incarnation */
struct engine_range *words_ranges(struct words *w, const char *list, uint64_t home, uint32_t *count); /* owned */

/* ask_once.c: clients that come back, and what goes from queue to queue. */
void ask_hello(struct words *w);
void ask_forward(struct words *w);
void ask_move(struct words *w);
void ask_once(struct words *w); /* once=SLOT/NUMBER, of any verb */

/* ask_queues.c: verbs about queues as a whole. */
void ask_declare(struct words *w);
void ask_alter(struct words *w);
void ask_delete(struct words *w);
void ask_pause(struct words *w);

#endif
