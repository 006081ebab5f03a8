/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the reference model say to each other. */
#ifndef JOINQ_SIM_MODEL_INTERNAL_H
#define JOINQ_SIM_MODEL_INTERNAL_H

#include "sim_model.h"

/* A larger array if it is full. Never fails: a simulation without memory ends. */
void *model_room(void *items, size_t *capacity, size_t count, size_t size);

/* model.c: words */
struct model_effect *model_say(struct model *model, enum engine_op op, uint64_t session, uint32_t request, int code,
                               int why);
void model_rests(struct model_effect *effect, size_t queue);
void model_atom(struct model *model, enum engine_record_kind kind, size_t queue, uint64_t value);
struct model_atom *model_atom_of(struct model *model, enum engine_record_kind kind, size_t queue);
/* Something that came back is to be discarded, and the journal is in the way: what waits on the queue waits for it. */
bool model_stalled(const struct model *model, size_t queue);
bool model_refuses(const struct model *model, size_t queue); /* a record of this queue would not be taken */
const struct model_effect *model_hint(const struct model *model, uint64_t session, uint32_t request);
/* What the engine has shown as the next item of this effect, or NULL. */
const struct model_item *model_hinted_item(const struct model *model, const struct model_effect *effect);
int model_hinted(const struct model *model, const struct engine_command *command); /* the code; -1: none yet */
void model_release(struct model *model, const struct engine_body *body);
void model_add_item(struct model *model, struct model_effect *effect, const struct model_message *message);
bool model_text_is(const struct engine_text *text, const char *name);
void model_copy_name(char *out, const struct engine_text *text);

/* model.c: time */
void model_say_expired(struct model *model, size_t queue, size_t index);

/* model_queue.c: one queue */
enum model_find { MODEL_FIND, MODEL_CREATE };
/* The queue of a command; SIZE_MAX with what to answer. */
size_t model_find(struct model *model, const struct engine_command *command, enum model_find how, int *code, int *why);
uint64_t model_count_state(const struct model_queue *queue, enum model_state state);
uint64_t model_unfinished(const struct model_queue *queue);
uint64_t model_waiting(const struct model_queue *queue); /* ready + delayed */
bool model_counter(const struct model_queue *queue);
/* A request that failed has made no queue. */
void model_unmake(struct model *model, size_t count_before);
bool model_fits(const struct model_queue *queue, uint64_t count, uint64_t bytes);
bool model_too_large(const struct model_queue *queue, const struct engine_body *bodies, uint32_t count, bool partial);
void model_accept(struct model *model, struct model_wait *put, uint32_t count);
void model_finish_message(struct model *model, size_t queue, size_t index);
void model_discard_message(struct model *model, size_t queue, size_t index, bool optional);
uint64_t model_discard_waiting(struct model *model, size_t queue);
void model_discard_sentinels(struct model *model, size_t queue);
void model_end_sentinels(struct model *model, size_t queue);
/* A lease or an unconfirmed delivery ends without an end of the message. */
void model_return(struct model *model, size_t queue, size_t index, bool counted, bool dead, uint64_t delay_ns);
struct model_message *model_append(struct model_queue *queue);
void model_take_out(struct model_queue *queue, size_t index); /* its body is not released */
void model_close_queue(struct model *model, size_t queue, bool immediate);

/* model_pair.c: waiters */
struct model_wait *model_park(struct model *model, const struct engine_command *command, size_t queue,
                              uint64_t timeout_ns);
void model_unpark(struct model *model, size_t index);
/* Answers a waiter and takes it out. */
void model_answer_wait(struct model *model, size_t index, int code, int why);
void model_pair(struct model *model, size_t queue);
void model_pair_all(struct model *model);
size_t model_waits_of(const struct model *model, uint64_t session);
uint64_t model_waiting_bytes(const struct model *model, uint64_t session);
bool model_has_put(const struct model *model, uint64_t session, size_t queue);
size_t model_wait_of(const struct model *model, uint64_t session, uint32_t request); /* SIZE_MAX: none */
void model_say_joined(struct model *model, const struct model_wait *wait, int code);

/* one function for each operation: model_flow.c, model_settle.c, model_admin.c, model_producer.c */
void model_put(struct model *model, const struct engine_command *command);
void model_get(struct model *model, const struct engine_command *command);
void model_join(struct model *model, const struct engine_command *command);
void model_task_done(struct model *model, const struct engine_command *command);
void model_put_end(struct model *model, const struct engine_command *command);
void model_settle(struct model *model, const struct engine_command *command);
void model_accepts(struct model *model);
void model_received(struct model *model, const struct engine_command *command);
void model_session_end(struct model *model, const struct engine_command *command);
void model_declare(struct model *model, const struct engine_command *command);
uint64_t model_delete_queue(struct model *model, size_t queue); /* how many messages went */
void model_delete(struct model *model, const struct engine_command *command);
void model_close(struct model *model, const struct engine_command *command);
void model_purge(struct model *model, const struct engine_command *command);
void model_peek(struct model *model, const struct engine_command *command);
void model_stat_one(struct model *model, const struct engine_command *command);
void model_list(struct model *model, const struct engine_command *command);
void model_attach(struct model *model, const struct engine_command *command);
void model_finish(struct model *model, const struct engine_command *command);
void model_all_finished(struct model *model, size_t queue); /* closes it if as many as it takes have */
void model_finish_now(struct model *model, size_t queue, size_t producer);
void model_cancel(struct model *model, const struct engine_command *command);

/* model_alter.c */
void model_alter(struct model *model, const struct engine_command *command);
/* The reason that names the first option that differs; ENGINE_WHY_NONE if none does. */
int model_difference(const struct engine_queue_options *a, const struct engine_queue_options *b);
int model_options_alone(const struct engine_queue_options *o, int *why);
int model_options_check(const struct model *model, size_t q, const struct engine_text *name,
                        const struct engine_queue_options *o, int *why);
size_t model_letters_of(const struct model *model, size_t q); /* where its dead letters go; SIZE_MAX: nowhere */
uint64_t model_senders(const struct model *model, size_t q);  /* how many send theirs here */

/* model_once.c */
struct model_client *model_client(struct model *model, uint32_t id);
bool model_client_opens(struct model *model, uint32_t id, uint64_t session);
void model_client_leaves(struct model *model, uint64_t session);
void model_clients_due(struct model *model);
uint64_t model_clients_next(const struct model *model);
bool model_once(struct model *model, const struct engine_command *command);
void model_once_refused(struct model *model, const struct engine_command *command);
void model_once_keep(struct model *model);
void model_once_withdraw(struct model *model, const struct model_wait *wait);

/* model_death.c */
struct model_message *model_head(struct model_queue *queue, uint64_t taken); /* the next of those not yet shown */
int model_put_options_check(const struct model_queue *queue, const struct engine_put_options *o, int *why);
void model_put_options_take(struct model_wait *put, const struct engine_put_options *o);
void model_message_options(const struct model *model, struct model_queue *queue, struct model_message *message,
                           const struct model_wait *put);
bool model_other_kind(const struct model_queue *queue, const struct model_wait *put);
bool model_dies(struct model *model, size_t queue, size_t index, bool counted, bool dead);
void model_expire(struct model *model, size_t queue, size_t index);
void model_expire_due(struct model *model, size_t queue);
void model_moment(struct model *model);     /* an instant begins, or a command */
void model_sure(struct model_queue *queue); /* what is unfinished is known */
void model_learn(struct model_queue *queue, struct model_message *message, const struct model_item *shown);

/* model_reopen.c */
void model_pause(struct model *model, const struct engine_command *command);
void model_reopen(struct model *model, const struct engine_command *command);
int model_generation_end(const struct model_queue *queue, uint64_t generation);

/* model_producer.c */
void model_detach(struct model *model, size_t queue, uint64_t session);
void model_producers_due(struct model *model, size_t queue); /* whose grace is over */
void model_producers_owed(struct model *model, size_t queue);
void model_producers_altered(struct model *model, size_t queue);
uint64_t model_producers_next(const struct model_queue *queue);

/* model_settle.c */
enum model_ranges { MODEL_RANGES_GOOD, MODEL_RANGES_TOO_MANY, MODEL_RANGES_COUNTER, MODEL_RANGES_REFUSED };
enum model_ranges model_check_ranges(const struct model *model, const struct engine_command *command, enum engine_op op,
                                     const struct engine_ranges *ranges);
/* Settles and returns how many were; what was lost is appended to model->lost. */
uint64_t model_settle_ranges(struct model *model, const struct engine_command *command, enum engine_op op,
                             const struct engine_ranges *ranges);

#endif
