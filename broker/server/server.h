/* SPDX-License-Identifier: Apache-2.0 */
/* The broker as main.c sees it: limits, listeners, and a run that ends with an exit status. The event loop and everything
 * that it drives are behind this header. */
#ifndef JOINQ_SERVER_SERVER_H
#define JOINQ_SERVER_SERVER_H

#include "base.h"
#include "engine_command.h"
#include "tls.h"
#include "url.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Limits on what clients may take. What goes beyond gets the code named here. */
struct server_config {
    uint32_t connections_max; /* OVERLOADED, and closed; no more than the descriptors allow */
    uint32_t address_max;     /* of them, that come from one address, or user of this machine; the same. 0: no bound */
    uint32_t requests_max;    /* that a connection makes in a second; further ones wait to be read. 0: no bound */
    uint64_t idle_ns;   /* after which a connection that says, waits for and holds nothing is DISCONNECTED. 0: never */
    uint32_t frame_max; /* bytes of a frame: PROTOCOL; at most JQW_FRAME_MAX */
    uint32_t message_max;       /* bytes of a body: TOO_LARGE; at most JQW_MESSAGE_MAX */
    uint32_t waiting_max;       /* waiting requests of a connection: BUSY */
    uint64_t waiting_bytes_max; /* bodies of waiting puts of a connection: OVERLOADED */
    uint64_t out_max;           /* unwritten bytes beyond which a connection is not read and its gets are passed over */
    uint64_t memory_max;        /* bytes that the broker takes for clients: OVERLOADED */
    uint64_t hello_ns;          /* time for hello, and for a password: PROTOCOL */
    uint64_t refuse_ns;         /* after which a wrong password is told: AUTH_FAILED */
    uint64_t ping_ns;   /* how often a client that agreed to it is to be heard: three times without, DISCONNECTED */
    uint64_t linger_ns; /* time that a connection that ends has for each piece of its last answers */
    struct jqw_tls_options tls;        /* as configured; server_tls says what holds. Texts are borrowed */
    bool repair;                       /* the data: what can be read of it is kept, and the run is over */
    const char *data;                  /* the folder for durable queues; NULL: there are none. Borrowed */
    uint32_t segment_size;             /* bytes of a file of the log, as far as its records let it */
    uint64_t drain_ns;                 /* time in which a broker that was told to end has ended */
    void (*notify)(const char *lines); /* tells the service manager, as sd_notify(3) says; NULL: there is none */
    uint64_t alive_ns;                 /* how often it is told that the loop turns; 0: never */
};

/* The defaults; memory_max is half of what the machine has. */
void server_config_init(struct server_config *config);

struct auth_source;
struct jqw_transport;
struct server;

JQ_MUST_USE int server_new(const struct server_config *config,
                           struct server **server); /* JQ_OK or JQ_OVERLOADED, JQ_INTERNAL */
void server_free(struct server *server);

/* Where to listen, and who may come there. */
struct server_listener {
    struct jqw_url url;
    unsigned methods; /* auth_method: how clients are let in; 0: as it is where nothing is said */
    int given_fd;     /* a socket that listens there already, whose file is not ours; taken. 0: there is none */
    bool other_users; /* a Unix socket is for all users of the machine, not only for its own */
    bool
        allow_anonymous_network; /* an address that is not of the loopback may be used without knowing who comes: DENIED */
};

/* Listens. JQ_OK, or a code with `why` filled. The URL gets the real port. */
JQ_MUST_USE int server_listen(struct server *server, struct server_listener *listener, char *why, size_t why_size);

/* Why such a listener would be refused, as far as can be told without listening; NULL: it would not. `access`: there are users or
 * permissions; `clients_known`: over TLS nobody comes in without a certificate. */
const char *server_would_refuse(const struct server_listener *listener, bool access, bool clients_known);

/* Whether with these certificates, and with or without users and permissions, no listener would let in who proves nothing. JQ_OK, or
 * JQ_DENIED with `why`. */
JQ_MUST_USE int server_stays_closed(struct server *server, const struct jqw_tls_options *tls, bool access, char *why,
                                    size_t why_size);

/* What came of something that the broker asked of its own engine. */
struct server_answer {
    int code;
    char text[512];
    bool differs; /* EXISTS: `option` is `is` in the queue that is there; of a dead letter that is nothing */
    enum engine_option option;
    uint64_t is;
};

/* Whether there is a queue of this name. */
bool server_has_queue(struct server *server, const char *name);
/* Undoes the declare of a queue that nobody has used yet. */
void server_undeclare(struct server *server, const char *name);
/* Declares a queue. JQ_OK, also if it was declared so before, or the answer's code. Not while it ends. */
JQ_MUST_USE int server_declare(struct server *server, const char *name, const struct engine_queue_options *options,
                               struct server_answer *answer);

/* Users and permissions, at the beginning and whenever they change: connections of users that are no more, or whose password is another
 * one, are ended, and those that came in by nothing because there were neither. JQ_OK, or with nothing changed JQ_INVALID with `why`, or
 * JQ_OVERLOADED. */
JQ_MUST_USE int server_access(struct server *server, const struct auth_source *source, char *why, size_t why_size);

/* The certificates of TLS connections that are made after a commit; those that there are go on with theirs. options->cert NULL: there
 * is no TLS. JQ_OK; or JQ_INVALID or JQ_OVERLOADED with one line in `why`, and nothing is prepared. */
JQ_MUST_USE int server_tls_prepare(struct server *server, const struct jqw_tls_options *options, char *why,
                                   size_t why_size);
void server_tls_commit(struct server *server);
bool server_tls_knows_clients(const struct jqw_tls_options *options); /* nobody comes in without a certificate */
void server_tls_drop(struct server *server);                          /* what was prepared, if anything */

/* A part of this process that is a client of the broker over a pair of transports in memory, and lives in its loop. Borrowed; one. */
struct server_guest {
    int fd;                      /* run is called when it can be read, ... */
    struct jqw_transport *other; /* ... when there are bytes at the guest's end of the pair, ... */
    uint64_t (*run)(
        void *user); /* ... and after so many nanoseconds (UINT64_MAX: never). It must not change the server */
    void *user;
};

/* Takes the broker's end of the pair. JQ_OK or JQ_OVERLOADED, with nothing taken. When the broker is told to end, the connection ends at
 * once; the guest is run until the broker has ended. */
JQ_MUST_USE int server_guest(struct server *server, const struct server_guest *guest, struct jqw_transport *transport);

uint64_t server_now(void); /* monotonic nanoseconds */

/* Why nothing should be put by new clients: the broker ends, or what is durable would be refused or not be answered. Static text; NULL:
 * there is no reason. */
const char *server_unready(const struct server *server);

/* Looks through the data folder, and changes nothing: says on standard output what is wrong. Returns the exit status. */
JQ_MUST_USE int server_check_data(const char *folder);

/* Makes a copy of a data folder, verifies it, and says what came of it. Returns the exit status. */
JQ_MUST_USE int server_copy_data(const char *from, const char *to);

/* Called in the loop when SIGHUP comes. */
void server_on_reload(struct server *server, void (*reload)(void *user), void *user);
/* Takes other limits while it runs: numbers and times, but for ping_ns. */
void server_reconfigure(struct server *server, const struct server_config *config);

/* Serves until SIGTERM or SIGINT and what they begin is over; returns the exit status. */
JQ_MUST_USE int server_run(struct server *server);

#endif
