/* SPDX-License-Identifier: Apache-2.0 */
/* The blocking driver: the core on a transport, with poll and the clock. All public functions that wait are made of these. It must
 * not know what requests mean. */
#ifndef JOINQ_JQC_DRIVER_H
#define JOINQ_JQC_DRIVER_H

#include "joinq.h"
#include "jqc_core.h"
#include "jqc_scram.h"
#include "jqc_tls.h"
#include "transport.h"
#include "url.h"

enum { JQC_CLIENT_ID_SIZE = 16 };

/* What it takes to connect again, and when that is tried next. Times on the clock of jqc_deadline. */
struct jqc_reconnect {
    struct jqw_url url;
    uint8_t id[JQC_CLIENT_ID_SIZE];
    char name[JQW_NAME_MAX + 1];
    int64_t try_ms; /* JOINQ_FOREVER; 0: not at all, and until the first welcome */
    int64_t interval_ms, interval_max_ms;
    int64_t next_ns, give_up_ns;
    int64_t stood_ns; /* when the connection was last seen to stand */
    int64_t since_ns; /* the connection was made again; 0: never */
    bool greeting;    /* a try is under way */
};

/* Signs of life, where both agreed to them. */
struct jqc_pings {
    bool wanted;
    int64_t next_ns;  /* when the next one is due */
    unsigned unheard; /* so many were sent since something was read */
};

struct joinq {
    struct jqc_core core;
    struct jqw_transport transport; /* ops NULL: none yet, or no more */
    struct jqc_tls tls;
    struct jqc_reconnect reconnect;
    struct jqc_pings pings;
    struct jqc_credentials credentials;
    uint64_t stale; /* dones of the get that is being prepared that were lost with an earlier connection */
    size_t lost;    /* joinq_lost */
    struct jqw_bytes items[JQW_BATCH_MAX]; /* bodies of the put that is being encoded */
    char error[JQW_TEXT_MAX + 1];          /* joinq_error */
};

#define JQC_DEADLINE_NONE INT64_MAX

/* A time from now on the monotonic clock, in ns. JOINQ_FOREVER: JQC_DEADLINE_NONE. */
int64_t jqc_deadline(int64_t timeout_ms);

/* Writes what can be written without waiting. */
void jqc_write(struct joinq *client);
/* Writes everything, or what another connection that is awaited will carry is kept. JQ_OK, or JQ_DISCONNECTED. */
JQ_MUST_USE int jqc_flush(struct joinq *client);
/* Writes the output that there is now; does not wait for another connection. JQ_OK, or JQ_DISCONNECTED: not all of it was written. */
JQ_MUST_USE int jqc_flush_here(struct joinq *client);
/* If all slots are in use waits a moment for an answer, and so reads. False: there is none. */
bool jqc_slot_await(struct joinq *client);
/* After a submission that nobody waits for yet: keeps the output within bounds; waits only while the broker takes nothing. */
void jqc_throttle(struct joinq *client);
/* Waits until the request is answered, or (NULL) any that is to be taken by ticket. JQ_OK or JQ_TIMEOUT. A lost connection answers all. */
JQ_MUST_USE int jqc_await(struct joinq *client, const struct jqc_request *request, int64_t deadline_ns);
/* Waits until the descriptor is ready for JQW_WANT_* or the deadline has passed: JQ_OK (something may be done) or JQ_TIMEOUT. */
JQ_MUST_USE int jqc_poll(int fd, int wanted, int64_t deadline_ns);

/* When the next sign of life is due; JQC_DEADLINE_NONE: none was agreed. */
int64_t jqc_ping_due(const struct joinq *client);
/* Closes the transport, if there is one. */
void jqc_transport_close(struct joinq *client);

/* ---- reconnect.c ---- */

/* The connection has ended. True: it is to be made again. */
JQ_MUST_USE bool jqc_reconnect_begin(struct joinq *client);
/* Instead of waiting for bytes while there is no connection: waits for the next try, or tries. JQ_OK or JQ_TIMEOUT. */
JQ_MUST_USE int jqc_reconnect_step(struct joinq *client, int64_t deadline_ns);
/* connect.c: connects and says hello; the sentence is set where that fails. */
JQ_MUST_USE int jqc_connect(struct joinq *client, int64_t deadline_ns);
int jqc_cannot_connect(struct joinq *client, int code, const char *why); /* the sentence; returns the code */

/* ---- login.c ---- */

/* Who the user is, and its password: from the options, or from the URL and the file that JOINQ_PASSWORD_FILE names. JQ_OK, or JQ_INVALID,
 * or JQ_AUTH_FAILED with the sentence set. */
JQ_MUST_USE int jqc_credentials_set(struct joinq *client, const struct joinq_options *options);
/* Says hello on a new connection, and proves who the user is if there is one. */
JQ_MUST_USE int jqc_login(struct joinq *client, int64_t deadline_ns);

#endif
