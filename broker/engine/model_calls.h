/* SPDX-License-Identifier: Apache-2.0 */
/* The functions by which one file of the engine uses another, by file. Part of model.h, which comes first. */
#ifndef JOINQ_ENGINE_MODEL_CALLS_H
#define JOINQ_ENGINE_MODEL_CALLS_H

#include "model.h"

/* ---- effects.c ---- */
bool effects_room(const struct engine_effects *fx);      /* for the largest single thing a handler says */
bool effects_list_room(const struct engine_effects *fx); /* for an answer to list besides */
struct engine_effect *effect_new(struct engine *e, enum engine_effect_kind kind, struct engine_session_id session,
                                 uint32_t request, const struct queue *q);
struct engine_text effects_text(struct engine_effects *fx, const char *data, uint32_t size);
void effects_release(struct engine_effects *fx, struct engine_body body);
void effects_refuse(struct engine_effects *fx, struct engine_body body); /* of a message that never was */
struct engine_range *effects_range(struct engine_effects *fx, struct engine_range range);
void answer_rests_on(struct engine_effect *a, const struct queue *q); /* and leaves when that is durable (OUT-1) */
/* Fills in a failure: returns the code. */
int answer_fail(struct engine *e, struct engine_effect *a, enum jqw_code code, enum engine_why why,
                const struct queue *q, uint64_t limit);
bool effects_text_room(const struct engine_effects *fx, uint32_t size);
struct engine_record *group_open(struct engine *e, struct queue *q, struct queue *other);
void group_close(struct engine *e, struct engine_record *group, struct queue *q, struct queue *other);
/* What has expired and waits for the journal lies among the delayed, and counts as ready (OUT-2). */
static inline uint64_t queue_ready(const struct queue *q)
{
    return q->ready + q->wilted;
}
static inline uint64_t queue_delayed(const struct queue *q)
{
    return q->delayed_count - q->wilted;
}
/* Not of one that is deleted: after the record of that, another would make no sense. */
static inline bool queue_records(const struct engine *e, const struct queue *q)
{
    return q->options.durable && !q->deleted && !e->replaying;
}
void rests_add(struct rests *rests, const struct rests *more);
struct rests rests_of(const struct queue *q);
/* What has taken part in a request rests on the last of its records (OUT-1): each durable queue in its own way, which is added to *all;
 * then one in memory on all that they do. */
void rests_share(const struct engine *e, struct queue *q, struct rests *all);
void rests_take(struct queue *q, const struct rests *all);
void answer_rests(struct engine_effect *a, const struct rests *more);
struct engine_state *effects_state(struct engine_effects *fx); /* NULL: no room */
/* Of no queue, or one that is not changed. */
struct engine_record *record_add(struct engine *e, uint64_t incarnation, enum engine_record_kind kind);
struct engine_record *record_new(struct engine *e, struct queue *q,
                                 enum engine_record_kind kind); /* NULL: there are none of it */

/* ---- queue.c ---- */
/* unread.c */
void unread(struct engine *e, struct session *s, const struct engine_command *c);
/* Ends a lease on a message whose body could not be read. */
void unread_return(struct engine *e, struct run *r, uint64_t sequence, struct message *m);

struct queue *queue_by_incarnation(const struct engine *e, uint64_t incarnation);
/* The queue that a command names, or NULL in *out; or why there can be none such. */
JQ_MUST_USE int queue_look(struct engine *e, const struct engine_command *c, struct engine_effect *a,
                           struct queue **out);
struct queue *queue_new(struct engine *e, struct engine_text name); /* NULL: no memory */
/* maker.c: the same for a command, within what its maker may make. JQ_OK or JQ_OVERLOADED. */
int queue_make(struct engine *e, const struct engine_command *c, struct engine_effect *a, struct queue **out);
void maker_disown(struct engine *e, struct queue *q);
JQ_MUST_USE int queue_find(struct engine *e, const struct engine_command *c, struct engine_effect *a,
                           struct queue **out);
JQ_MUST_USE int queue_find_or_make(struct engine *e, const struct engine_command *c, struct engine_effect *a,
                                   struct queue **out, bool *made);
/* If the request that made it failed with this code. */
void queue_unmake(struct engine *e, struct queue *q, struct engine_effect *a, int code);
void queue_mark(struct engine *e, struct queue *q); /* something changed that waiters may wait for */
void queue_work(struct engine *e, struct queue *q); /* has slices to do */
void queue_destroy(struct engine *e, struct queue *q);
bool queue_storage_ok(const struct engine *e, const struct queue *q);
/* For what makes the log grow for good: a full disk has no room for it, but for what will give room back. */
bool queue_growth_ok(const struct engine *e, const struct queue *q);
/* Something is under way in slices that what is asked of the queue may rest on: what comes back, or, where it must be on disk,
 * what goes. */
static inline bool queue_busy(const struct queue *q)
{
    return q->returns || q->expiring || q->withering || (q->sweeps && q->options.durable);
}
static inline bool queue_is_counter(const struct queue *q)
{
    return q->options.accounting == ENGINE_COUNTER;
}
uint64_t queue_unfinished(const struct queue *q);
void queue_removed(struct queue *q, uint64_t sequence);
void queue_lowered(struct queue *q, uint64_t sequence);
void queue_throws_away(struct queue *q, uint64_t letters);

/* ---- ready.c: which message is next, and what comes back ---- */
void delays_init(struct engine *e);
uint32_t message_put_time(const struct engine *e, const struct message *m); /* in 10 ms; out of several, of the first */
uint64_t message_due(const struct engine *e, const struct message *m);      /* of one that is delayed */
JQ_MUST_USE bool delay_reserve(struct engine *e, struct queue *q, uint32_t more);
JQ_MUST_USE bool ready_reserve(struct queue *q, uint64_t more);  /* room for `more` beyond all that is out or delayed */
struct message *ready_next(struct queue *q, uint64_t *sequence); /* NULL: none */
void ready_take(struct queue *q, uint64_t sequence);             /* the one ready_next gave */
void ready_hold(struct queue *q, uint64_t sequence,
                struct message *m); /* it is ready no more; where it stood it is passed over */
void ready_return(struct engine *e, struct queue *q, uint64_t sequence, struct message *m);
void ready_delay(struct engine *e, struct queue *q, uint64_t sequence, struct message *m, uint64_t due);
/* Of one that is delayed; where it stood among those it is passed over. */
void message_due_set(const struct engine *e, const struct message *m, uint64_t due);
void ready_plan(struct engine *e, struct queue *q);              /* when ready_due is to look next */
void ready_due(struct engine *e, struct queue *q, uint64_t now); /* delayed ones whose time has come */
void message_finish(struct engine *e, struct queue *q, uint64_t sequence, struct message *m); /* out of the log */
void message_forget(struct engine *e, struct queue *q, uint64_t sequence,
                    struct message *m); /* likewise, but its body is somebody else's now */
/* A new message is ready, at the end of the log. */
void ready_arrive(struct queue *q, uint64_t sequence, struct message *m, uint64_t priority);
uint32_t put_time(const struct engine *e);

/* ---- client.c ---- */
enum { ONCE_GO_ON = -3 }; /* otherwise a code, with the answer filled in */
JQ_MUST_USE bool client_opens(struct engine *e, struct session *s,
                              const struct engine_command *c); /* false: call again */
void client_leaves(struct engine *e, struct session *s);
void client_due(struct engine *e, struct client *client);
JQ_MUST_USE int client_restore(struct engine *e, const struct engine_record *record);
void clients_free(struct engine *e);
JQ_MUST_USE int once_begin(struct engine *e, struct session *s, const struct engine_command *c,
                           struct engine_effect *a);
void once_keep(struct engine *e, const struct once *once, struct queue *q, uint64_t count);
void once_rests(const struct once *once, const struct rests *more);    /* what is kept does */
void once_end(const struct once *once, const struct engine_effect *a); /* NULL: it is never answered */

/* ---- marks.c ---- */
void marks_gone(struct queue *q, uint64_t sequence);
void marks_reach(struct queue *q);
JQ_MUST_USE int mark_make(struct engine *e, struct queue *q, struct engine_effect *a, uint64_t *out);
/* As it was before a crash, whether it is known by now or not; state NULL: this one and all before it are reached. JQ_OK, JQ_OVERLOADED, or JQ_STORAGE. */
JQ_MUST_USE int mark_restore(struct queue *q, uint64_t mark, const struct engine_mark_state *state);
JQ_MUST_USE int mark_find(struct engine *e, const struct queue *q, uint64_t mark, struct engine_effect *a);
uint64_t mark_remaining(const struct queue *q, uint64_t mark);

/* ---- origin.c ---- */
struct origin *origin_find(const struct queue *q, const uint8_t *client);
JQ_MUST_USE bool origin_take(struct queue *q, const struct client *client, struct origin **out);
void origin_put(struct origin *o, uint32_t count);
void origin_leave(struct queue *q, struct origin *o);
void origin_tidy(struct queue *q, struct origin *o);
void origin_gone(struct engine *e, struct queue *q, uint16_t place);
void origins_fini(struct queue *q);

/* ---- extra.c ---- */
static inline struct extra *message_extra(const struct engine *e, const struct message *m)
{
    return m->extended ? pool_at(&e->extras, m->attempt) : NULL;
}
static inline uint32_t message_attempt(const struct engine *e, const struct message *m)
{
    return JQ_UNLIKELY(m->extended) ? message_extra(e, m)->attempt : m->attempt;
}
static inline uint32_t *message_attempt_at(const struct engine *e, struct message *m)
{
    return JQ_UNLIKELY(m->extended) ? &message_extra(e, m)->attempt : &m->attempt;
}
/* Room for what the messages of an arrival have beyond the usual. False: no memory. */
JQ_MUST_USE bool extras_reserve(struct engine *e, struct queue *q, uint32_t count, bool expires);
struct extra *extra_new(struct engine *e, struct message *m, uint64_t sequence);
/* What one message has is the other's from now on. */
struct extra *extra_pass(struct engine *e, struct queue *q, struct message *from, struct message *to,
                         uint64_t sequence);
void extra_free(struct engine *e, struct queue *q, struct message *m); /* nothing if it has none */
/* When it expires, from now on looked at, or not, as its state says. */
void extra_ttl(struct engine *e, struct queue *q, struct extra *x, uint64_t expires_ns);
void extra_ttl_stop(struct engine *e, struct queue *q, const struct message *m);
bool extra_expired(const struct engine *e, const struct message *m);
void ttl_plan(struct engine *e, struct queue *q);
void ttl_due(struct engine *e, struct queue *q);
/* Memory for setting so many aside that have expired, where that is to be done. */
JQ_MUST_USE bool wither_reserve(struct engine *e, struct queue *q, uint32_t most);
uint32_t wither_some(struct engine *e, struct queue *q, uint32_t budget);
void wilted_resume(struct engine *e, struct queue *q); /* the journal accepts again */
void message_expire(struct engine *e, struct queue *q, uint64_t sequence, struct message *m);
JQ_MUST_USE int priority_check(struct engine *e, const struct queue *q, const struct engine_put_options *o,
                               struct engine_effect *a);
/* The key of a put's messages, whose level is in use by `count` more. False: no memory. */
JQ_MUST_USE bool priority_take(struct queue *q, const struct engine_put_options *o, uint32_t count, uint64_t *key);
void priority_fix(struct queue *q, const struct engine_put_options *o);
void priority_give(struct queue *q, uint64_t key, uint32_t count);
uint64_t priority_lowest(const struct queue *q); /* of messages that say none */

/* ---- letter.c ---- */
JQ_MUST_USE bool source_make(struct queue *q); /* before letters may leave; false: no memory */
void source_unref(struct source *source);
JQ_MUST_USE bool letters_reserve(struct engine *e, struct queue *to, uint64_t count);
bool message_dies(const struct queue *q, const struct message *m); /* with the next delivery that fails */
bool death_storage_ok(const struct engine *e, const struct queue *q);
/* Ends a message that has left its state already. */
void message_die(struct engine *e, struct queue *q, uint64_t sequence, struct message *m, enum engine_reason reason);
uint64_t letters_from(const struct queue *q); /* how many of it, or that come to it, may become letters */
/* So many more messages are leased, or have a time to live: they may become letters at any moment. */
void letters_change(struct engine *e, struct queue *q, int64_t leased, int64_t expiring);
/* Room at its end for so many messages, beside the letters that are due. */
JQ_MUST_USE bool queue_reserve(struct queue *q, uint64_t count);
void letter_detail(struct engine *e, struct engine_effect *a, uint32_t index, const struct message *m);
bool letter_room(const struct engine *e, const struct message *m); /* in the effects, for its detail */

/* ---- session.c ---- */
struct session *session_find(const struct engine *e, struct engine_session_id id);
struct session *session_open(struct engine *e, struct engine_session_id id); /* NULL: no memory */
bool session_end(struct engine *e, struct session *s);                       /* false: no room, call again */
void session_block(struct engine *e, struct session *s, bool blocked);
void session_unpass(struct session *s, const struct queue *q);
struct member *member_find(const struct engine *e, const struct session *s, const struct queue *q);
JQ_MUST_USE struct member *member_get(struct engine *e, struct session *s, struct queue *q); /* NULL: no memory */
void member_tidy(struct engine *e, struct member *m); /* frees it if it has nothing */
void member_free(struct engine *e, struct member *m); /* out of queue->returns */
struct member *member_nobody(struct engine *e,
                             struct queue *q); /* in queue->stuck, to be given leases. NULL: no memory */
void member_hold(struct member *m, int64_t leased, int64_t receipts); /* keeps the sums */
void member_idle(struct member *m, int change);

/* ---- waiter.c ---- */
/* A waiter in no line yet. JQ_OK; JQ_BUSY or JQ_OVERLOADED with the answer filled in. */
JQ_MUST_USE int waiter_new(struct engine *e, struct session *s, struct queue *q, enum waiter_kind kind,
                           const struct engine_command *c, uint64_t timeout_ns, struct engine_effect *a,
                           struct waiter **out);
void waiter_line(struct engine *e, struct waiter *w,
                 struct member *m); /* joins the line of its queue; m as its member */
void waiter_pass(struct waiter *w, bool passed);
void waiter_late(struct waiter *w, enum jqw_code code); /* is not to wait, but its queue is busy */
void waiter_orphan(struct engine *e, struct waiter *w); /* its session has ended, its work goes on */
void waiter_free(struct engine *e, struct waiter *w);   /* out of everything; its bodies must be gone or released */
void waiter_end(struct engine *e, struct waiter *w, enum jqw_code code, enum engine_why why); /* answers, frees */
void waiter_drop_bodies(struct engine *e, struct waiter *w);
/* By its request id, if that still can be. */
bool waiter_withdraw(struct engine *e, struct session *s, uint32_t request, enum jqw_code code, enum engine_why why);
void waiter_deadline(struct engine *e, struct waiter *w);
struct waiter *waiter_find(const struct engine *e, struct engine_session_id session, uint32_t request);
void waiter_unline(struct engine *e, struct waiter *w); /* out of its line; it lives on */
/* A put that came at `order` is answered. */
void member_puts_over(struct engine *e, struct member *m);
void member_put_gone(struct engine *e, struct member *m, uint64_t order);
void member_after(struct engine *e, struct member *m,
                  struct waiter *w); /* it waits until the member's puts are answered */

/* ---- forward.c ---- */
bool forward_serve(struct engine *e, struct queue *q, struct waiter *w);
void forward_leave(struct engine *e, struct waiter *w, bool over);
void forward_drop_bodies(struct engine *e, struct waiter *w);
void forward_free(struct forward *f);
bool forward_concerns(struct engine *e, const struct waiter *w, const struct queue *q); /* whether it puts there */

/* ---- put.c ---- */
uint64_t queue_depth(const struct queue *q); /* what its bound counts */
uint64_t queue_depth_bytes(const struct queue *q);
bool put_late(struct engine *e, struct waiter *w); /* answers one that is not to wait any longer */
JQ_MUST_USE int put_check(struct engine *e, struct session *s, struct queue *q, const struct engine_target *target,
                          struct engine_effect *a);
/* How many of the first bodies there is room for, once so much has left. */
uint32_t put_fitting(const struct queue *q, const struct engine_body *bodies, uint32_t count, uint64_t freed_messages,
                     uint64_t freed_bytes);
/* Memory for an arrival, one of several with `all` messages. False: none, and nothing has changed. */
JQ_MUST_USE bool put_prepare(struct engine *e, struct queue *q, struct arrival *arrival, uint32_t all);
void put_unprepare(struct queue *q, const struct arrival *arrival);
void put_commit(struct engine *e, struct queue *q, const struct arrival *arrival);
JQ_MUST_USE int options_make_sense(struct engine *e, const struct queue *q, const struct engine_put_options *o,
                                   struct engine_effect *a);
JQ_MUST_USE bool put_accept(struct engine *e, struct queue *q,
                            struct arrival *arrival); /* false: no memory, and nothing has changed */
bool put_serve(struct engine *e, struct queue *q);    /* the first waiting put; true: something moved */

/* ---- get.c ---- */
bool get_serve(struct engine *e, struct queue *q); /* the first waiting get; true: something moved */
bool get_ended(const struct queue *q, const struct member *asking,
               bool final); /* asking: a get that does not wait, or NULL */
void waiter_lost(struct engine *e, const struct waiter *w, struct engine_effect *a);
/* A get's own steps: a waiter for it; the dones and releases it carries; what is ready; what it keeps while it waits. */
JQ_MUST_USE int get_waiter(struct engine *e, struct member *m, const struct engine_command *c, struct engine_effect *a,
                           struct waiter **out);
void get_carried(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a);
int get_hand_out(struct engine *e, struct member *m, uint32_t max, bool auto_, struct engine_effect *a);
void get_keep(struct engine *e, struct waiter *w, const struct engine_command *c, const struct engine_effect *a);

/* ---- get_many.c ---- */
JQ_MUST_USE int get_many(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a);
void parts_free(struct engine *e, struct waiter *root);
bool parts_unsettled(const struct waiter *root, const struct queue *but);
const struct queue *parts_ended(const struct waiter *root);

/* ---- lease.c ---- */
JQ_MUST_USE bool lease_reserve(struct engine *e, struct session *s, struct queue *q, uint64_t messages, bool receipt);
JQ_MUST_USE bool receipts_reserve(struct session *s, uint64_t more);
struct run *run_new(struct engine *e, struct member *m, uint64_t first, uint32_t attempt, uint64_t receipt,
                    uint64_t deadline);
void run_timed(struct engine *e, struct run *r, uint64_t deadline);
void run_pass(struct engine *e, struct run *r, struct member *nobody); /* it was told to nobody, and ends untold */
void run_shrink(struct engine *e, struct run *r, uint32_t settled);    /* so many are held no more; frees it at 0 */
void lease_return(struct engine *e, struct run *r, uint64_t sequence, struct message *m, bool counted, bool dead,
                  uint64_t delay_ns);
void lease_finish(struct engine *e, struct run *r, uint64_t sequence, struct message *m);
void record_one(struct engine *e, struct queue *q, enum engine_record_kind kind, uint64_t sequence);
void record_discard(struct engine *e, struct queue *q, uint64_t sequence, bool lowers);
void expiry_plan(struct engine *e, struct queue *q);
static inline uint64_t milliseconds(uint64_t ms) /* in ns */
{
    return ms < ENGINE_FOREVER / 1000000 ? ms * 1000000 : ENGINE_FOREVER - 1;
}
uint64_t deadline_after(const struct engine *e, uint64_t delay_ns);
uint64_t lease_deadline(const struct engine *e, const struct queue *q); /* of a lease that begins now */

/* ---- slice.c: what is done a little at a time ---- */
bool engine_slices(struct engine *e); /* as far as the budget of this step goes; true: something moved */
void expiry_due(struct engine *e, struct queue *q);
void session_received(struct engine *e, struct session *s, uint64_t receipt);
void slices_resume(struct engine *e);                 /* the journal accepts again */
void slices_retry(struct engine *e, struct queue *q); /* there may be memory where there was none */

/* ---- settle.c ---- */
JQ_MUST_USE int settle_check(struct engine *e, const struct engine_command *c, enum engine_op op,
                             struct engine_ranges ranges, struct engine_effect *a);
JQ_MUST_USE bool settle_reserve(struct engine *e, const struct engine_command *c, enum engine_op op,
                                struct engine_ranges ranges);
/* Appends what of the range is not held to the effects' ranges; how many. */
uint32_t settle_lost(struct engine *e, struct session *s, const struct engine_range *range, enum engine_op op);
void settle_suspend(struct engine *e, struct session *s, struct engine_ranges ranges); /* they do not expire */
void settle_resume(struct engine *e, struct session *s, struct engine_ranges ranges);
/* How many were settled; those that were not held are appended to the effects' ranges, *lost of them. */
uint32_t settle(struct engine *e, struct session *s, const struct engine_command *c, enum engine_op op,
                struct engine_ranges ranges, uint32_t *lost);

/* ---- declare.c ---- */
/* Whether options make sense for this queue (NULL: one to be made), where its dead letters would go in *letters. */
JQ_MUST_USE int options_check(struct engine *e, const struct queue *q, struct engine_text name,
                              const struct engine_queue_options *o, struct engine_effect *a, struct queue **letters);
/* What declares `q` (NULL: to be made) first does; s may be NULL after a crash. */
JQ_MUST_USE int queue_declare(struct engine *e, struct session *s, struct queue *q, const struct engine_command *c,
                              struct engine_effect *a);
void queue_vanish(struct engine *e, struct queue *q); /* at once, with all it holds: after a crash */
void lifetime_plan(struct engine *e, struct queue *q);
void lifetime_due(struct engine *e, struct queue *q);
void lifetime_use(struct engine *e, struct member *m);
void lifetime_unuse(struct engine *e, struct member *m);
void lifetime_disown(struct queue *q);
/* The session makes it, or makes it what it is. False: no memory. */
JQ_MUST_USE bool lifetime_of(struct engine *e, struct session *s, struct queue *q,
                             const struct engine_queue_options *o);
void letters_link(struct engine *e, struct queue *q, struct queue *letters); /* NULL: to nowhere */
bool put_too_large(const struct queue *q, const struct waiter *w, uint64_t *limit);

/* ---- reopen.c ---- */
void queue_reopen(struct engine *e, struct queue *q); /* of a closed one */
void reopen_now(struct engine *e, struct waiter *w);  /* one that waited for what comes back */
enum jqw_code queue_end_code(const struct queue *q);  /* END or PRODUCER_LOST */
enum engine_why queue_end_why(const struct queue *q);
enum jqw_code generation_end_code(const struct queue *q, uint64_t generation); /* of one before this */

/* ---- close.c ---- */
JQ_MUST_USE bool close_rest(struct engine *e,
                            struct queue *q); /* after a crash: what an immediate close had left. False: no memory */
void queue_close(struct engine *e, struct queue *q);
void close_after(struct engine *e, struct waiter *w); /* a close(after_mine) whose time has come */
void sweep_free(struct sweep *sweep);                 /* NULL is allowed */
/* Whether a purge or close that waits for what comes back, or what goes with these, was there before this one: then it goes first. */
static inline bool sweeps(const struct waiter *w)
{
    return w->kind == WAITER_SWEEP || w->kind == WAITER_CLOSE;
}

static inline bool behind_sweep(const struct queue *q, const struct waiter *w)
{
    return q->blocked_sweeps && w->order > q->blocked_sweeps->order;
}
void sweep_next(struct engine *e, struct queue *q); /* a purge or immediate close, now that the queue is not busy */
uint32_t sweep_some(struct engine *e, struct queue *q, uint32_t budget);
uint32_t delete_some(struct engine *e, struct queue *q, uint32_t budget);

/* ---- ends.c ---- */
void put_end_now(struct engine *e, struct waiter *w); /* one that waited while its queue was busy */
void ends_discard(struct engine *e, struct queue *q); /* some of them */

/* ---- producer.c ---- */
JQ_MUST_USE int producer_check(struct engine *e, struct queue *q, const struct member *m, struct engine_effect *a);
bool producers_over(const struct queue *q); /* so that it closes itself */
void producer_finish(struct engine *e, struct queue *q, struct producer *p);
struct producer *producer_find(const struct queue *q, struct engine_text name);            /* NULL: none */
struct producer *producer_new(struct engine *e, struct queue *q, struct engine_text name); /* NULL: no memory */
JQ_MUST_USE int producer_find_or_create(struct engine *e, struct queue *q, const struct engine_command *c,
                                        struct engine_effect *a, struct producer **out);
void producer_waits(struct engine *e, struct producer *p); /* for its holder to come back, from now on */
void producer_detach(struct engine *e, struct member *m);
void producer_due(struct engine *e, struct producer *p);   /* its grace is over */
void producers_owed(struct engine *e, struct queue *q);    /* the journal accepts again */
void producers_altered(struct engine *e, struct queue *q); /* what the queue's options say of them */
void producers_forget(struct engine *e, struct queue *q);

/* ---- move.c ---- */
bool move_waits(const struct engine *e, const struct queue *from); /* its target is busy, though not for good */
uint32_t move_some(struct engine *e, struct queue *from, uint32_t budget);

/* ---- snapshot.c ---- */
void snapshot_some(struct engine *e, uint32_t budget);
void snapshot_client_goes(struct engine *e, const struct client *client);

/* ---- replay.c ---- */
void replay_release(const struct engine *e, struct engine_body body);

/* ---- nameless.c ---- */
void nameless_free(struct engine *e);

/* ---- restore.c: a snapshot is read back ---- */
/* One record of it; q: its queue, NULL if it is not known. JQ_OK, JQ_OVERLOADED, JQ_STORAGE. */
JQ_MUST_USE int restore_record(struct engine *e, struct queue *q, const struct engine_record *record);
JQ_MUST_USE int restore_messages(struct engine *e, struct queue *q, const struct engine_record *record,
                                 struct arrival *arrival);
/* Options without the queue for letters, which may not be known yet; then, in the queue, where they will go. */
struct engine_queue_options restore_without_letters(const struct engine_record *record);
JQ_MUST_USE int restore_letters(struct queue *q, const struct engine_queue_options *options);
JQ_MUST_USE int restore_declared(struct queue *q, const struct engine_record *record); /* these are the first, too */
void restore_deleted(struct engine *e, struct engine_text name);                       /* a queue of this name */
bool restore_unseen(const struct queue *q, uint64_t sequence); /* a message that the snapshot has not come to */
JQ_MUST_USE int restore_end(struct engine *e, struct queue *q);
void restore_repair(struct queue *q);
void restore_free(struct queue *q);

/* ---- survey.c ---- */
struct queue *queue_from(const struct engine *e, uint64_t incarnation); /* the first of this one or a later; NULL */
void survey(struct engine *e, const struct engine_command *c);
void bodies_move(struct engine *e, const struct engine_command *c);

/* ---- join.c ---- */
void join_answer(struct engine_effect *a, const struct queue *q, const struct waiter *w);
struct waiter *join_satisfied(const struct queue *q); /* the next waiting one; NULL: none */
void join_leave(struct waiter *w);

/* ---- pair.c ---- */
bool queue_pair(struct engine *e, struct queue *q); /* false: no room in the effects, call again */

/* Handlers: a code with the answer filled in, or ENGINE_PARKED, or ENGINE_AGAIN. */
typedef int engine_handler(struct engine *e, struct session *s, const struct engine_command *c,
                           struct engine_effect *a);
engine_handler handle_declare, handle_delete, handle_put, handle_put_end, handle_get, handle_settle, handle_task_done,
    handle_join, handle_close, handle_purge, handle_attach, handle_finish, handle_cancel, handle_stat, handle_list,
    handle_peek, handle_alter, handle_forward, handle_mark, handle_reopen, handle_pause, handle_move, handle_explain,
    handle_export;

#endif
