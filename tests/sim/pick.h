/* SPDX-License-Identifier: Apache-2.0 */
/* Random choices for the generator: sessions, queues, times, bodies. Knows the model only to be to the point. */
#ifndef JOINQ_SIM_PICK_H
#define JOINQ_SIM_PICK_H

#include "sim.h"

/* Which queue a command is meant for; most of the time one that is like it, if there is one. */
enum pick_queue {
    PICK_ANY,
    PICK_OPEN, /* or missing */
    PICK_CLOSED,
    PICK_COUNTER, /* with something unfinished */
    PICK_MINE,    /* on which a put of this session waits */
};

bool pick_chance(struct sim *sim, uint32_t percent);
uint32_t pick_between(struct sim *sim, uint32_t low, uint32_t high);
struct engine_text pick_text(const char *string);
struct engine_text pick_name(uint32_t queue); /* of the queues of this seed */
/* The text of a queue's name that stays. */
struct engine_text pick_known(const char *name);
struct sim_session *pick_session(struct sim *sim);
uint64_t pick_timeout(struct sim *sim);
uint64_t pick_delay(struct sim *sim, uint32_t percent);
/* Names a queue: by its name alone, with its incarnation, or, at times, wrongly. NULL: there is none. */
const struct model_queue *pick_queue(struct sim *sim, struct sim_command *command, enum pick_queue kind);
/* How many messages: at times one too few or too many. */
uint32_t pick_count(struct sim *sim, uint32_t usual);
void pick_bodies(struct sim *sim, struct sim_command *command, uint32_t count);
/* Options for a queue that is there (to be altered, or declared again), or NULL. */
void pick_options(struct sim *sim, const struct model_queue *queue, struct engine_queue_options *options);
/* Mostly one that makes sense on the queue. */
void pick_priority(struct sim *sim, const struct model_queue *queue, struct engine_put_options *options);
/* A slot and a number: the next one, mostly, or the last one again. */
void pick_once(struct sim *sim, const struct sim_session *session, struct engine_command *command);
uint64_t pick_generation(struct sim *sim, const struct model_queue *queue);

#endif
