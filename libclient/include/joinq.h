/* SPDX-License-Identifier: Apache-2.0 */
/* joinq.h: queues that wait, join and end, in a broker. The one public header of libjoinq.
 *
 * A producer:
 *
 *     joinq *q;
 *     struct joinq_queue_options options = JOINQ_QUEUE_OPTIONS_INIT;
 *     options.max_messages = 100;                                          // then a put waits for room
 *     options.producers = 1;                                               // ends once one producer has finished
 *     int code = joinq_connect(&q, NULL, NULL);                            // NULL: JOINQ_URL, or the user's own broker
 *     if (code != JOINQ_OK)
 *         return code;
 *     code = joinq_declare(q, "jobs", &options);
 *     if (code == JOINQ_OK)
 *         code = joinq_attach(q, "jobs", "reader-1", 0, NULL);
 *     while (code == JOINQ_OK && read_job(&job))
 *         code = joinq_put(q, "jobs", job.data, job.size, JOINQ_FOREVER);
 *     if (code == JOINQ_OK)
 *         code = joinq_finish(q, "jobs", "reader-1");
 *     if (code != JOINQ_OK)
 *         fprintf(stderr, "%s\n", joinq_error(q));
 *     joinq_free(q);
 *
 * A worker:
 *
 *     struct joinq_batch *batch;
 *     int code;
 *     while ((code = joinq_get(q, "jobs", JOINQ_FOREVER, &batch)) == JOINQ_OK) {
 *         const struct joinq_message *m = joinq_batch_message(batch, 0);
 *         work(m->data, m->size);
 *         if (joinq_done(q, batch, 0, 1) != JOINQ_OK)                      // until then it comes back if this process dies
 *             fprintf(stderr, "%s\n", joinq_error(q));
 *         joinq_batch_free(batch);
 *     }
 *     // code is JOINQ_END: nothing can come any more
 *
 * Waiting for all of it, with a deadline:
 *
 *     struct joinq_joined joined = JOINQ_JOINED_INIT;
 *     if (joinq_join(q, "jobs", 60 * 1000, &joined) == JOINQ_TIMEOUT)
 *         printf("%" PRIu64 " left\n", joined.remaining);
 *
 * Many requests on their way at once (pipelining): joinq_submit_put and joinq_submit_get return at once with a ticket;
 * joinq_wait brings the outcome. Everything submitted leaves in one write when something waits, or at joinq_flush.
 *
 * Times are milliseconds; JOINQ_FOREVER waits without limit, 0 does not wait; any other negative time is JOINQ_INVALID.
 * Deadlines are the broker's. Every function that returns an int returns a joinq_code; what it hands out through a
 * pointer is set only where the function says so. Unless it says otherwise a function borrows its arguments until it
 * returns, may block until its request is answered, and can return JOINQ_DISCONNECTED (the connection ended: the outcome
 * of a request that was on its way is not known), JOINQ_PROTOCOL (the same, and it ended because the broker made no sense),
 * JOINQ_INVALID, JOINQ_OVERLOADED (out of memory, here or there), JOINQ_BUSY (too many requests waiting) and JOINQ_INTERNAL.
 * A connection that breaks is made again for joinq_options.reconnect_ms, by whichever call waits next (which may take up to 250 ms
 * longer than it was told). Requests that were on their way are sent again, with what is left of their time, and those that must not happen
 * twice do not: put, put_end, forward, task_done and move go by numbers that the broker knows again. Only a broker that has
 * forgotten this client, or another one in its place, cannot say what came of them: JOINQ_DISCONNECTED. So are delete, purge and reopen
 * that were on their way. Producers are attached again. Leases are lost: done, nack, release and touch are
 * JOINQ_LEASE_LOST, also where they were on their way and may have been heard. What was delivered on receipt and not confirmed yet is
 * asked for again, unless it was to be cancelled: CANCELLED. A get, put or join whose time passes meanwhile is
 * JOINQ_TIMEOUT (a join does not know then what remains: UINT64_MAX), but JOINQ_DISCONNECTED where it may have been done; one that does
 * not wait is kept until there is a connection. At most 1,024 puts and the like can be on their way at once: one more waits a moment
 * for an answer, and is JOINQ_BUSY where none comes.
 *
 * A signal does not end a wait: a program that is to stop in the middle of one submits its request, watches joinq_fd, and
 * then cancels or forgets it.
 *
 * A handle keeps to the queue that it first met under a name. Once that was deleted, or lost with its broker, requests for the
 * name are JOINQ_NO_QUEUE or JOINQ_DISCONNECTED, whatever queue has the name now, until joinq_declare meets it anew: nothing turns
 * a lost queue into an end or a finished join. So is a request that was on its way before anything was answered about its queue, and
 * finds another run of the broker when the connection is made again: JOINQ_DISCONNECTED, unless the queue is durable and was
 * made before this client connected.
 *
 * Threads: a handle and its batches belong to one thread at a time; different handles are independent. The library never
 * prints, exits, or touches signals, and keeps no global state.
 *
 * Since 0.1.0 unless a function says otherwise. */
#ifndef JOINQ_H
#define JOINQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define JOINQ_API   __attribute__((visibility("default")))
#define JOINQ_CHECK __attribute__((warn_unused_result))
#else
#define JOINQ_API
#define JOINQ_CHECK
#endif

#define JOINQ_VERSION "0.1.0"
#define JOINQ_FOREVER ((int64_t)-1)
#define JOINQ_PORT    19025
enum { JOINQ_BATCH_MAX = 1000 /* messages in one put or get */ };

/* Outcomes. Below 16 they are results and no errors. The numbers are permanent. */
enum joinq_code {
    JOINQ_OK = 0,
    JOINQ_EMPTY = 1,         /* nothing ready, and told not to wait */
    JOINQ_FULL = 2,          /* no room, and told not to wait */
    JOINQ_TIMEOUT = 3,       /* waited as long as told */
    JOINQ_CLOSED = 4,        /* no puts any more */
    JOINQ_END = 5,           /* nothing can come any more */
    JOINQ_PRODUCER_LOST = 6, /* the stream ended truncated */
    JOINQ_LEASE_LOST = 7,    /* no longer yours */
    JOINQ_CANCELLED = 8,     /* by joinq_cancel */
    JOINQ_NO_QUEUE = 16,     /* no such queue, or deleted */
    JOINQ_EXISTS = 17,       /* declared otherwise, or name in use */
    JOINQ_INVALID = 18,      /* the request makes no sense as it is */
    JOINQ_TOO_LARGE = 19,    /* beyond a limit that does not change by waiting */
    JOINQ_DENIED = 20,       /* not permitted */
    JOINQ_AUTH_FAILED = 21,  /* not who you say you are */
    JOINQ_OVERLOADED = 22,   /* a memory or rate limit, try later */
    JOINQ_BUSY = 23,         /* too many waiting requests on this connection */
    JOINQ_STORAGE = 24,      /* the disk refused, nothing happened */
    JOINQ_PROTOCOL = 25,     /* the other side sent what makes no sense; the connection is closed */
    JOINQ_DISCONNECTED = 26, /* no connection, or the queue was lost with its broker */
    JOINQ_INTERNAL = 27      /* a bug in joinq */
};

/* "FULL", "the queue is full"; "UNKNOWN" for what is no code. Static strings, any thread. */
JOINQ_API const char *joinq_code_name(int code);
JOINQ_API const char *joinq_code_text(int code);

typedef struct joinq joinq; /* a client: one connection to a broker */
struct joinq_batch;         /* messages that one get brought, with their leases */

/* ---- connecting ------------------------------------------------------------------------------------------------------ */

struct joinq_options {
    size_t size;                /* sizeof this struct, set by the initialiser */
    const char *name;           /* who this is, for people: shown in the broker's logs; NULL: none */
    int64_t connect_timeout_ms; /* for connection and hello together; default 10,000 */
    int64_t
        reconnect_ms; /* how long a connection that broke is tried to be made again; default 30,000; 0: not at all */
    int64_t
        reconnect_interval_ms; /* the longest pause between tries, which grow from 20 ms; 1 or more; default 5,000 */
    /* To agree with the broker to be heard every few seconds (5), and to hear it: who hangs, or cannot be reached though the connection
     * stands, loses it, and a client its leases with it. Functions that wait see to that; between calls no more than that may pass
     * (joinq_patience_ms). Default false. */
    bool ping;
    /* Who this is, to be proved by the password: NULL takes the user of the URL ("joinqs://user@host"), and the first line of the file
     * that JOINQ_PASSWORD_FILE names. Neither is sent: both ends prove that they know it (SCRAM-SHA-256). The handle keeps a copy, and
     * wipes it when it is freed. Where the broker no longer takes it, a connection that broke is not tried again. */
    const char *user;     /* 1 to 255 of A-Z a-z 0-9 . _ - + */
    const char *password; /* 1 to 1,024 bytes, taken as they are */
    /* For joinqs:// (TLS): paths of files in PEM form. NULL takes the variable named here from the environment, if it is set; "" is none.
     * What they hold is read for each connection. Since 0.1. */
    const char *ca;   /* whom to trust (JOINQ_CA); none: whom the system trusts */
    const char *cert; /* this client's certificate (JOINQ_CERT) ... */
    const char *key;  /* ... and its key (JOINQ_KEY), which others than its owner and group may not read */
    /* SHA-256 of the broker's certificate in hexadecimal digits (JOINQ_FINGERPRINT): this one is trusted and no other, whatever its host
     * name and dates; its CA counts only where `ca` is given, too. */
    const char *fingerprint;
};
#define JOINQ_OPTIONS_INIT                                                                                \
    {                                                                                                     \
        sizeof(struct joinq_options), NULL, 10000, 30000, 5000, false, NULL, NULL, NULL, NULL, NULL, NULL \
    }

/* Connects to `url` ("joinq://host[:port]", "joinqs://host[:port]", "unix:///path"); NULL takes JOINQ_URL from the environment, and
 * where that is not set the socket of the user's own broker: $XDG_RUNTIME_DIR/joinq/joinqd.sock, or /run/joinq/joinqd.sock. Over joinqs
 * the broker's certificate has to be for `host`. *out is set on success only, and owned by the caller: joinq_free. If `error` is not NULL
 * the sentence that says what went
 * wrong is copied there, up to error_size bytes with the NUL. May block for connect_timeout_ms. Codes: OK, INVALID
 * (URL, options, files), DISCONNECTED (nobody is there, or its certificate is not trusted), TIMEOUT, OVERLOADED, PROTOCOL, AUTH_FAILED
 * (no password or certificate, or not the right one, on either side). */
JOINQ_API JOINQ_CHECK int joinq_connect_error(joinq **out, const char *url, const struct joinq_options *options,
                                              char *error, size_t error_size);
JOINQ_API JOINQ_CHECK int joinq_connect(joinq **out, const char *url, const struct joinq_options *options);

/* Ends the connection and frees the handle (NULL is allowed). Leases still held go back to their queues, waiting
 * requests are withdrawn, what was submitted and not flushed is not sent. Batches stay valid until joinq_batch_free,
 * but their leases are lost. Does not block. */
JOINQ_API void joinq_free(joinq *client);

/* The sentence for the last call on this handle that did not return OK, from the broker where it had something to say: "queue
 * 'jobs' is closed". Never NULL; valid until the next call on the handle. */
JOINQ_API const char *joinq_error(const joinq *client);

/* ---- queues ------------------------------------------------------------------------------------------------------------ */

enum joinq_bound { JOINQ_BOUND_QUEUED = 0, JOINQ_BOUND_OUTSTANDING = 1 };
enum joinq_accounting { JOINQ_ACCOUNTING_LEASE = 0, JOINQ_ACCOUNTING_COUNTER = 1 };

enum joinq_order { JOINQ_ORDER_FIFO = 0, JOINQ_ORDER_LIFO = 1, JOINQ_ORDER_PRIORITY = 2 };
enum joinq_on_producer_lost { JOINQ_LOST_WAIT = 0, JOINQ_LOST_END = 1, JOINQ_LOST_FAIL = 2 };
enum joinq_lifetime { JOINQ_LIFETIME_PERMANENT = 0, JOINQ_LIFETIME_SESSION = 1, JOINQ_LIFETIME_USERS = 2 };
#define JOINQ_PRODUCERS_AUTO UINT64_MAX /* as a number of producers: closes when the last known name has finished */

/* Times are in milliseconds. */
struct joinq_queue_options {
    size_t size;
    uint64_t max_messages;  /* 0: no bound */
    uint64_t max_bytes;     /* 0: no bound; bytes of bodies */
    enum joinq_bound bound; /* what the bounds count: queued, or queued and leased */
    enum joinq_accounting accounting;
    uint64_t lease_ms;  /* a lease older than this is taken back; 0: leases end with their session only */
    uint64_t producers; /* the queue closes itself when so many have finished; 0: it does not */
    bool existing_ok;   /* any shape will do if it exists */
    enum joinq_order order;
    uint32_t max_deliveries; /* then a message is dead; 0: never. Needs dead_letter or dead_drop; at most 65,535 */
    const char *dead_letter; /* the queue where dead and expired messages go; NULL: none */
    bool dead_drop;          /* dead messages are dropped, and counted */
    uint64_t ttl_ms;         /* of messages put without one; 0: no limit */
    enum joinq_on_producer_lost on_producer_lost;
    uint64_t producer_grace_ms; /* without a session for so long a producer is lost; 0: 10 s */
    enum joinq_lifetime lifetime;
    uint64_t
        idle_delete_ms; /* permanent: deleted when empty and unwanted for so long, 0 never; users: after the last one */
    uint64_t sync_ms;   /* durable: 0 always, otherwise within this time */
    bool durable;       /* survives the broker; INVALID where the broker keeps no data */
};
#define JOINQ_QUEUE_OPTIONS_INIT                                                                           \
    {                                                                                                      \
        sizeof(struct joinq_queue_options), 0, 0, JOINQ_BOUND_QUEUED, JOINQ_ACCOUNTING_LEASE, 0, 0, false, \
            JOINQ_ORDER_FIFO, 0, NULL, false, 0, JOINQ_LOST_WAIT, 0, JOINQ_LIFETIME_PERMANENT, 0, 0, false \
    }

/* Creates a queue, or does nothing if it was declared with the same options. A name is 1 to 255 bytes of A-Z a-z 0-9 . _ - / :
 * options NULL: the defaults. Codes: OK, EXISTS, INVALID. */
JOINQ_API JOINQ_CHECK int joinq_declare(joinq *client, const char *queue, const struct joinq_queue_options *options);
/* Deletes it; its waiters get NO_QUEUE. if_empty: INVALID unless nothing is unfinished. *discarded (may be NULL) on OK. */
JOINQ_API JOINQ_CHECK int joinq_delete(joinq *client, const char *queue, bool if_empty, uint64_t *discarded);
/* Which options joinq_alter changes; order, accounting and durability stay what they are. */
enum joinq_given {
    JOINQ_GIVEN_MAX_MESSAGES = 1 << 1,
    JOINQ_GIVEN_MAX_BYTES = 1 << 2,
    JOINQ_GIVEN_LEASE_MS = 1 << 3,
    JOINQ_GIVEN_PRODUCERS = 1 << 4,
    JOINQ_GIVEN_BOUND = 1 << 5,
    JOINQ_GIVEN_MAX_DELIVERIES = 1 << 8,
    JOINQ_GIVEN_TTL_MS = 1 << 9,
    JOINQ_GIVEN_ON_PRODUCER_LOST = 1 << 10,
    JOINQ_GIVEN_PRODUCER_GRACE_MS = 1 << 11,
    JOINQ_GIVEN_LIFETIME = 1 << 12,
    JOINQ_GIVEN_IDLE_DELETE_MS = 1 << 13,
    JOINQ_GIVEN_SYNC_MS = 1 << 14,
    JOINQ_GIVEN_DEAD_LETTER = 1 << 15, /* dead_letter and dead_drop */
};
/* Changes what the bits of `given` name, to what options say. A bound may shrink below what is there: nothing is dropped, puts wait.
 * Blocks until it is answered. Codes: OK, NO_QUEUE, INVALID. Since 0.1. */
JOINQ_API JOINQ_CHECK int joinq_alter(joinq *client, const char *queue, unsigned given,
                                      const struct joinq_queue_options *options);
/* Begins a closed queue anew: gets that wait hear the old end, producer names are free again. Of an open one it does nothing.
 * *generation (may be NULL) on OK. Codes: OK, NO_QUEUE. Since 0.1. */
JOINQ_API JOINQ_CHECK int joinq_reopen(joinq *client, const char *queue, uint64_t *generation);
enum joinq_paused { JOINQ_PAUSE_PUTS = 1, JOINQ_PAUSE_GETS = 2 };
/* Paused puts wait as if the queue were full, paused gets as if it were empty; resume ends that. `which`: puts, gets or both.
 * Codes: OK, NO_QUEUE, INVALID. Since 0.1. */
JOINQ_API JOINQ_CHECK int joinq_pause(joinq *client, const char *queue, unsigned which);
JOINQ_API JOINQ_CHECK int joinq_resume(joinq *client, const char *queue, unsigned which);
/* Moves up to `count` (0: all) ready messages to another queue that exists, as far as there is room. *moved (may be NULL) on OK.
 * Codes: OK, CLOSED, NO_QUEUE, INVALID. Since 0.1. */
JOINQ_API JOINQ_CHECK int joinq_move(joinq *client, const char *from, const char *to, uint64_t count, uint64_t *moved);
/* Who and what waiting joins, puts and gets of the queue wait for: sentences, one a line, with cycles of full queues named. *lines is the
 * caller's: joinq_lines_free. Codes: OK, NO_QUEUE. Since 0.1. */
JOINQ_API JOINQ_CHECK int joinq_why(joinq *client, const char *queue, char **lines);
JOINQ_API void joinq_lines_free(char *lines);
/* Asks the broker for an answer, and nothing else. Codes: OK. Since 0.1. */
JOINQ_API JOINQ_CHECK int joinq_ping(joinq *client);
/* Discards what is ready or delayed. *discarded (may be NULL) on OK. Codes: OK, NO_QUEUE. */
JOINQ_API JOINQ_CHECK int joinq_purge(joinq *client, const char *queue, uint64_t *discarded);

struct joinq_stat {
    const char *name;
    uint64_t incarnation, max_messages, max_bytes, bound, accounting, lease_ms, producers;
    uint64_t closed; /* 0 open, 1 closed, 2 closed at once */
    uint64_t ready, delayed, leased, ready_bytes, unfinished, ends;
    uint64_t put, done, dead, expired, discarded, moved_in, moved_out, dead_in;
    uint64_t delivered, redelivered, lease_expired, task_done;
    uint64_t getters_waiting, putters_waiting, joiners_waiting, producers_attached, producers_finished;
    uint64_t age_ms; /* of the oldest ready message */
    uint64_t order, max_deliveries, ttl_ms, on_producer_lost, producer_grace_ms, lifetime, idle_delete_ms, sync_ms;
    uint64_t dead_drop;      /* 1: dead letters are dropped */
    uint64_t paused;         /* 1 puts, 2 gets, 3 both */
    uint64_t truncated;      /* 1: it ends with PRODUCER_LOST */
    uint64_t generation;     /* from 1; one more with each reopen */
    uint64_t producers_lost; /* names that are lost and have not finished */
    uint64_t unreadable;     /* hand-outs whose bodies could not be read from the disk, in this run of the broker */
};
struct joinq_stats; /* a list of them */

/* One queue, or all of them in order of their creation. *out is the caller's: joinq_stats_free. Codes: OK, NO_QUEUE. */
JOINQ_API JOINQ_CHECK int joinq_stat(joinq *client, const char *queue, struct joinq_stats **out);
JOINQ_API JOINQ_CHECK int joinq_list(joinq *client, struct joinq_stats **out);
JOINQ_API size_t joinq_stats_count(const struct joinq_stats *stats);
JOINQ_API const struct joinq_stat *joinq_stats_at(const struct joinq_stats *stats, size_t index);
JOINQ_API void joinq_stats_free(struct joinq_stats *stats);

/* One thing that the broker tells of itself, by name: those of PROTOCOL.md section 8, how many requests of each kind there were
 * (requests_put, ...) and how many answers of each code (answers_ok, ...). */
struct joinq_figure {
    const char *name;
    uint64_t value;
};
struct joinq_broker_stat {
    const char *version;  /* of joinqd */
    const char *instance; /* this run of it, 32 hexadecimal digits */
    const char *data;     /* its data, likewise; "": it keeps none */
    const struct joinq_figure *figures;
    size_t figure_count;
};
/* The broker itself. *out is the caller's: joinq_broker_stat_free. Codes: OK. Since 0.1. */
JOINQ_API JOINQ_CHECK int joinq_broker_stat(joinq *client, struct joinq_broker_stat **out);
JOINQ_API void joinq_broker_stat_free(struct joinq_broker_stat *stat);

/* ---- put --------------------------------------------------------------------------------------------------------------- */

struct joinq_body {
    const void *data;
    size_t size;
};
struct joinq_put_options {
    size_t size;
    int64_t timeout_ms; /* JOINQ_FOREVER, 0, or so long */
    bool partial;       /* as many as fit; otherwise all or nothing */
    int64_t delay_ms;   /* becomes ready so long after it was accepted */
    int64_t ttl_ms;     /* expires so long after it was accepted; 0: as the queue says */
    bool has_priority;  /* where the queue's order is by priority: the lowest goes first */
    int64_t priority;
    const void *priority_bytes; /* not NULL: these, up to 255 bytes, in place of the number; a queue has one kind */
    size_t priority_size;
    uint64_t generation; /* of the queue that is meant: CLOSED once it was reopened since; 0: any */
};
#define JOINQ_PUT_OPTIONS_INIT                                                             \
    {                                                                                      \
        sizeof(struct joinq_put_options), JOINQ_FOREVER, false, 0, 0, false, 0, NULL, 0, 0 \
    }

/* Puts one message; returns when the broker has it. Creates the queue with defaults if there is none.
 * Codes: OK, FULL, TIMEOUT, CLOSED, TOO_LARGE, NO_QUEUE (deleted while waiting), EXISTS (producer taken over), CANCELLED. */
JOINQ_API JOINQ_CHECK int joinq_put(joinq *client, const char *queue, const void *data, size_t size,
                                    int64_t timeout_ms);
/* Puts 1 to JOINQ_BATCH_MAX messages as one batch. *accepted (may be NULL) is set whatever the code: always the first so many. */
JOINQ_API JOINQ_CHECK int joinq_put_many(joinq *client, const char *queue, const struct joinq_body *bodies,
                                         size_t count, const struct joinq_put_options *options, size_t *accepted);

/* ---- get --------------------------------------------------------------------------------------------------------------- */

struct joinq_get_options {
    size_t size;
    int64_t timeout_ms;
    size_t max;     /* messages at most, 1 to JOINQ_BATCH_MAX; as many as are ready come */
    bool auto_done; /* finished on receipt: no done needed, none possible */
    bool final;     /* END only when no lease is out at all; otherwise END when every lease out belongs to a client that
                            itself waits in a get on this queue */
    struct joinq_batch
        *done; /* all of what this batch still holds is finished in the same request; its leases are then gone,
                                 the batch remains the caller's. Where the get is an error (codes from 16) it holds
                                 them still, and joinq_done tells the truth. NULL: none */
    const char *const
        *others; /* further queues, up to JOINQ_GET_OTHERS_MAX: messages come from one of them, taken in turn
                                  (joinq_batch_place); END when all have ended at one moment */
    size_t other_count;
    uint64_t generation; /* of one queue that is meant: END, or PRODUCER_LOST, once it was reopened since; 0: any */
};
enum { JOINQ_GET_OTHERS_MAX = 15 };
#define JOINQ_GET_OPTIONS_INIT                                                             \
    {                                                                                      \
        sizeof(struct joinq_get_options), JOINQ_FOREVER, 1, false, false, NULL, NULL, 0, 0 \
    }

/* Gets one message, leased to this client until done, nack, release, or the end of the connection. *out is set on OK, and the
 * caller's: joinq_batch_free. Codes: OK, EMPTY, TIMEOUT, END, PRODUCER_LOST, NO_QUEUE, CANCELLED. */
JOINQ_API JOINQ_CHECK int joinq_get(joinq *client, const char *queue, int64_t timeout_ms, struct joinq_batch **out);
JOINQ_API JOINQ_CHECK int joinq_get_many(joinq *client, const char *queue, const struct joinq_get_options *options,
                                         struct joinq_batch **out);

struct joinq_message {
    const void *data; /* lies in the batch */
    size_t size;
    uint64_t incarnation; /* incarnation and sequence: the id of the message */
    uint64_t sequence;
    uint32_t attempt;    /* rises with each hand-out */
    uint32_t deliveries; /* leases on it that ended without an end of the message */
};
JOINQ_API size_t joinq_batch_count(const struct joinq_batch *batch);
/* Valid until joinq_batch_free. index below the count. */
JOINQ_API const struct joinq_message *joinq_batch_message(const struct joinq_batch *batch, size_t index);
/* From which of the queues of its get the batch is: 0 the first, 1 the first of others, and so on. Since 0.1. */
JOINQ_API size_t joinq_batch_place(const struct joinq_batch *batch);

/* What is known of a message beyond the message itself. Since 0.1. */
enum joinq_state { JOINQ_IS_READY = 0, JOINQ_IS_DELAYED = 1, JOINQ_IS_LEASED = 2 };
enum joinq_reason {
    JOINQ_NOT_DEAD = 0,
    JOINQ_DEAD_DELIVERIES = 1, /* more than max_deliveries */
    JOINQ_DEAD_NACK = 2,
    JOINQ_DEAD_EXPIRED = 3
};
struct joinq_detail {
    uint64_t state;             /* joinq_state */
    uint64_t delay_ms;          /* until it is ready */
    uint64_t ttl_ms;            /* until it expires; 0: never */
    uint64_t age_ms;            /* since it was put */
    bool has_priority;          /* where its queue goes by that */
    int64_t priority;           /* the number, or ... */
    const void *priority_bytes; /* ... these, if not NULL */
    size_t priority_size;
    uint64_t reason;            /* joinq_reason: a dead letter, why ... */
    const char *source;         /* ... of which queue ... */
    uint64_t source_sequence;   /* ... which message of it ... */
    uint64_t source_age_ms;     /* ... how long ago ... */
    uint64_t source_deliveries; /* ... after how many deliveries */
};
/* NULL: nothing more is known. Of a get only dead letters are told of, of an export every message. Valid until joinq_batch_free. */
JOINQ_API const struct joinq_detail *joinq_batch_detail(const struct joinq_batch *batch, size_t index);

/* How many dones carried by the get that brought this batch came too late. */
JOINQ_API size_t joinq_batch_lost(const struct joinq_batch *batch);
/* Frees the messages (NULL is allowed). Leases not finished or given back are still held until the connection ends. Does not block. */
JOINQ_API void joinq_batch_free(struct joinq_batch *batch);

/* Messages first, first + 1, ... of a batch (count of them): finish them; give them back as failed (delivery count rises), to be ready
 * after delay_ms; send them to where the queue's dead letters go, and never back; give them back untouched; renew their time limit.
 * joinq_lost says how many were no longer held. Codes: OK, LEASE_LOST (some or all; the others are settled), INVALID (not in the
 * batch, or not leased; dead, and the queue has neither dead_letter nor dead_drop: they are held as before). */
JOINQ_API JOINQ_CHECK int joinq_done(joinq *client, struct joinq_batch *batch, size_t first, size_t count);
JOINQ_API JOINQ_CHECK int joinq_nack(joinq *client, struct joinq_batch *batch, size_t first, size_t count,
                                     int64_t delay_ms);
JOINQ_API JOINQ_CHECK int joinq_nack_dead(joinq *client, struct joinq_batch *batch, size_t first, size_t count);
JOINQ_API JOINQ_CHECK int joinq_release(joinq *client, struct joinq_batch *batch, size_t first, size_t count);
JOINQ_API JOINQ_CHECK int joinq_touch(joinq *client, struct joinq_batch *batch, size_t first, size_t count);
/* How many messages of the last done, nack, release or touch, or of the dones that the last get carried, were no
 * longer held. */
JOINQ_API size_t joinq_lost(const joinq *client);

/* Messages that are ready, without taking them: no leases, no change. *out as in get. Codes: OK (perhaps none), NO_QUEUE. */
JOINQ_API JOINQ_CHECK int joinq_peek(joinq *client, const char *queue, size_t max, struct joinq_batch **out);

/* Messages in order of sequence, whatever their state, from the sequence `from` (0: the first) on, with all that is known of each;
 * changes nothing. *next is where to go on, 0: that was all; a batch may be empty and yet have a next. *out as in get, without leases.
 * Codes: OK, NO_QUEUE, INVALID. Since 0.1. */
JOINQ_API JOINQ_CHECK int joinq_export(joinq *client, const char *queue, uint64_t from, size_t max,
                                       struct joinq_batch **out, uint64_t *next);

/* ---- done and put in one ----------------------------------------------------------------------------------------------- */

struct joinq_target {
    const char *queue; /* must exist */
    const struct joinq_body *bodies;
    size_t count;
    const struct joinq_put_options *options; /* without timeout_ms and partial; NULL: the defaults */
};
enum { JOINQ_TARGETS_MAX = 16 };

/* Finishes messages first, first + 1, ... of a batch (count of them; batch NULL: none) and puts to other queues, all or nothing: whatever
 * breaks, either all of it has happened or nothing has. If not all fits it waits, and the leases do not expire meanwhile. At most
 * JOINQ_TARGETS_MAX queues and JOINQ_BATCH_MAX messages. Codes: OK; LEASE_LOST (joinq_lost of them are no longer held; nothing has
 * happened, and the others are held still), FULL, TIMEOUT, CLOSED, NO_QUEUE, TOO_LARGE, EXISTS, CANCELLED, INVALID: nothing has happened,
 * and the leases are held still. Since 0.1. */
JOINQ_API JOINQ_CHECK int joinq_forward(joinq *client, struct joinq_batch *batch, size_t first, size_t count,
                                        const struct joinq_target *targets, size_t target_count, int64_t timeout_ms);

/* Counter queues: so many are finished. INVALID if that is more than are unfinished. *unfinished (may be NULL) on OK. */
JOINQ_API JOINQ_CHECK int joinq_task_done(joinq *client, const char *queue, uint32_t count, uint64_t *unfinished);

/* ---- join and end ------------------------------------------------------------------------------------------------------ */

struct joinq_joined {
    size_t size;
    uint64_t remaining;                             /* unfinished now */
    uint64_t done, dead, expired, discarded, moved; /* since the call */
};
#define JOINQ_JOINED_INIT                             \
    {                                                 \
        sizeof(struct joinq_joined), 0, 0, 0, 0, 0, 0 \
    }

/* A mark: what was put to the queue before this moment. *mark on OK, never 0. Codes: OK, NO_QUEUE, OVERLOADED (too many marks that
 * are not yet reached). Since 0.1. */
JOINQ_API JOINQ_CHECK int joinq_mark(joinq *client, const char *queue, uint64_t *mark);
struct joinq_join_options {
    size_t size;
    int64_t timeout_ms; /* JOINQ_FOREVER, 0, or so long */
    uint64_t mark;      /* wait only for what was put before it; 0: for everything */
    bool snapshot;      /* wait only for what was put before this call */
    bool mine;          /* wait only for what this client put; INVALID on a counter queue, and with a mark */
};
#define JOINQ_JOIN_OPTIONS_INIT                                           \
    {                                                                     \
        sizeof(struct joinq_join_options), JOINQ_FOREVER, 0, false, false \
    }
/* joinq_join with options (NULL: the defaults). Codes as of joinq_join, and INVALID. Since 0.1. */
JOINQ_API JOINQ_CHECK int joinq_join_with(joinq *client, const char *queue, const struct joinq_join_options *options,
                                          struct joinq_joined *out);
/* Waits until nothing is unfinished. *out (may be NULL) is set on OK and TIMEOUT. Codes: OK, TIMEOUT, NO_QUEUE, CANCELLED. */
JOINQ_API JOINQ_CHECK int joinq_join(joinq *client, const char *queue, int64_t timeout_ms, struct joinq_joined *out);

/* Later puts are CLOSED, what is there is still delivered, then every get of every consumer is END. immediate: what is ready or
 * delayed is discarded as well (*discarded, may be NULL). after_mine: takes effect when this client's earlier puts are answered. */
JOINQ_API JOINQ_CHECK int joinq_close(joinq *client, const char *queue, bool immediate, bool after_mine,
                                      uint64_t *discarded);
/* Puts 1 to JOINQ_BATCH_MAX one-shot ends behind what was put before: each answers one get with END. Codes: OK, CLOSED,
 * NO_QUEUE, INVALID. */
JOINQ_API JOINQ_CHECK int joinq_put_end(joinq *client, const char *queue, uint32_t count);

struct joinq_attached {
    size_t size;
    bool finished;       /* this name has finished before */
    uint64_t accepted;   /* messages accepted under it */
    uint64_t generation; /* of the queue */
};
#define JOINQ_ATTACHED_INIT                        \
    {                                              \
        sizeof(struct joinq_attached), false, 0, 0 \
    }
enum { JOINQ_TAKEOVER = 1 };

/* Puts of this client into the queue now count as the producer's. flags: JOINQ_TAKEOVER takes the name over from a live client.
 * *out (may be NULL) on OK. Codes: OK, EXISTS, INVALID, NO_QUEUE. */
JOINQ_API JOINQ_CHECK int joinq_attach(joinq *client, const char *queue, const char *producer, unsigned flags,
                                       struct joinq_attached *out);
/* The producer has put its last. Takes effect when this client's earlier puts are answered. Codes: OK, EXISTS, INVALID, NO_QUEUE. */
JOINQ_API JOINQ_CHECK int joinq_finish(joinq *client, const char *queue, const char *producer);

/* ---- pipelining -------------------------------------------------------------------------------------------------------- */

typedef uint32_t joinq_ticket; /* 0 is none */

/* As joinq_put_many and joinq_get_many, but return when the request is in the output buffer (they may write and read if that has
 * grown large, and block only while the broker takes nothing). Bodies are copied; nothing is borrowed after the return, but
 * for options->done, whose leases are taken over at once (an outcome from 16 on may have left them: joinq_done). *ticket is set on
 * OK, and must be waited for. */
JOINQ_API JOINQ_CHECK int joinq_submit_put(joinq *client, const char *queue, const struct joinq_body *bodies,
                                           size_t count, const struct joinq_put_options *options, joinq_ticket *ticket);
JOINQ_API JOINQ_CHECK int joinq_submit_get(joinq *client, const char *queue, const struct joinq_get_options *options,
                                           joinq_ticket *ticket);
JOINQ_API JOINQ_CHECK int joinq_submit_done(joinq *client, struct joinq_batch *batch, size_t first, size_t count,
                                            joinq_ticket *ticket);
JOINQ_API JOINQ_CHECK int joinq_submit_forward(joinq *client, struct joinq_batch *batch, size_t first, size_t count,
                                               const struct joinq_target *targets, size_t target_count,
                                               int64_t timeout_ms, joinq_ticket *ticket);
/* Writes what was submitted. While a connection that broke is being made again it does not wait for that, and OK says only that
 * what was submitted will go out then. Codes: OK, DISCONNECTED. */
JOINQ_API JOINQ_CHECK int joinq_flush(joinq *client);

struct joinq_outcome {
    size_t size;
    joinq_ticket ticket;
    int code;       /* as the blocking function would have returned */
    uint64_t count; /* accepted (put), settled (done) */
    uint64_t lost;
    struct joinq_batch *batch; /* get with OK: the caller's */
};
#define JOINQ_OUTCOME_INIT                             \
    {                                                  \
        sizeof(struct joinq_outcome), 0, 0, 0, 0, NULL \
    }

/* Waits for one ticket, or (ticket 0) for whichever is answered next. A deadline here does not cancel the request. OK: *out
 * is set, out->code says what came of the request, and the ticket is used up. EMPTY (told not to wait) or TIMEOUT: not answered
 * yet. INVALID: no such ticket, or none at all. When the connection ends every ticket left has the outcome DISCONNECTED (or
 * PROTOCOL). Answers on receipt (auto_done) are confirmed in their order: taking one confirms those that came before it, too; the
 * confirmation is written before the return, and blocks while the broker takes nothing. */
JOINQ_API JOINQ_CHECK int joinq_wait(joinq *client, joinq_ticket ticket, int64_t timeout_ms, struct joinq_outcome *out);
/* Asks the broker to give up a submitted request. *hit: it was still waiting and its own outcome is CANCELLED; otherwise its outcome
 * is what it is (CANCELLED too, if a delivery on receipt went with its connection). The ticket must be waited for in either case.
 * While there is no connection the request is given up at once: CANCELLED, or DISCONNECTED where it may have been done. A broker
 * that does not answer within 5 s is not waited for: DISCONNECTED, and what becomes of the request is not known yet. */
JOINQ_API JOINQ_CHECK int joinq_cancel(joinq *client, joinq_ticket ticket, bool *hit);
/* Gives up a submitted request for good: asks the broker to cancel it, and uses the ticket up. What a get still brings is given back
 * untouched; what became of a put is not known. Does not wait for an answer. Codes: OK, INVALID, DISCONNECTED. */
JOINQ_API JOINQ_CHECK int joinq_forget(joinq *client, joinq_ticket ticket);

/* The descriptor of the connection, to be watched for reading by programs that wait for several things; -1 when there is none.
 * Nothing may be read or written there. Any call may read answers to what was submitted, and those are not announced here again:
 * joinq_flush first, then joinq_wait without waiting until it says EMPTY, and then watch, for joinq_patience_ms at most. */
JOINQ_API int joinq_fd(const joinq *client);
/* After how many milliseconds at most joinq_wait (without a ticket that waits, joinq_ping) is to be called again though the descriptor
 * is silent: JOINQ_FOREVER while there is a connection; less while one that broke is being made again, which is what that call does
 * then, and less where joinq_options.ping was set. */
JOINQ_API int64_t joinq_patience_ms(const joinq *client);

#ifdef __cplusplus
}
#endif

#endif
