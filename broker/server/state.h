/* SPDX-License-Identifier: Apache-2.0 */
/* All that a server has, for the files of this folder. */
#ifndef JOINQ_SERVER_STATE_H
#define JOINQ_SERVER_STATE_H

#include "addresses.h"
#include "auth.h"
#include "bridge_compact.h"
#include "connection.h"
#include "figures.h"
#include "guest.h"
#include "listener.h"
#include "output.h"
#include "places.h"
#include "server.h"
#include "sessions.h"
#include "share.h"
#include "storage.h"
#include "tls.h"
#include "turn.h"
#include "unread.h"

enum {
    INPUT_SIZE = 256 * 1024, /* bytes read from a connection in a turn */
    INPUT_LOOKS_MAX = 16,    /* of them, such as ask for much to be looked through */
    HELLO_FRAME_MAX = 4096,  /* bytes of a frame before the hello is through */
    LISTENERS_MAX = 16,
    OUT_SHORT = 64 * 1024,       /* bytes of unwritten output that a connection may have where memory is short */
    POOL_HIGH = 4 * 1024 * 1024, /* bytes of output in memory beyond which it is written before the turn ends */
};

struct bridge;

struct server {
    struct server_config config;
    struct ev_loop *loop;
    struct turn turn;
    struct storage storage;
    struct bridge *bridge;
    struct store *store;
    struct compact compact;
    struct output_pool pool;
    struct sessions sessions;
    struct listener listeners[LISTENERS_MAX];
    uint32_t listener_count;
    struct guest guest;
    uint8_t instance[16];     /* this run of the broker */
    uint8_t *input;           /* INPUT_SIZE bytes, for whichever connection is being read */
    uint64_t input_bytes;     /* memory of all incomplete frames */
    uint64_t transport_bytes; /* and of TLS */
    bool read_some;           /* bodies were read since held answers were last looked at */
    uint64_t memory_room;     /* what puts may still take in this turn */
    uint32_t connections;
    struct counters counters;
    struct connection *dirty_first, *dirty_last;
    struct share share;
    struct address *addresses;  /* uthash: that connections come from, where they are counted */
    struct connection *sent;    /* to whose hosts something may be on its way */
    struct connection *dead;    /* to be freed */
    struct unread *unread;      /* answers that are not given, for their bodies cannot be read */
    struct connection *holding; /* with answers that wait for the journal */
    struct auth *auth;
    struct auth_failures *failures; /* where wrong passwords came from */
    struct deadlines greeting, idle, refused, silent, ending;
    struct connection *begun; /* with frames that are not whole */
    ev_timer deadline;
    uint64_t deadline_at; /* when it comes; UINT64_MAX: it is not set */
    ev_timer ask_peers;
    ev_timer accept_again; /* after accept failed for want of descriptors or memory */
    ev_signal sigterm, sigint, sighup;
    void (*reload)(void *user);
    void *reload_user;
    struct server_tls {
        struct jqw_tls *context; /* of new connections; NULL: none is configured */
        bool clients_known;      /* no client comes in without a certificate */
        struct jqw_tls *next;    /* prepared to take its place; owned */
        bool next_knows_clients;
    } tls;
    bool draining;
    ev_timer drained;
    ev_timer alive;
    struct {
        bool open;
        struct server_answer answer; /* the last */
    } own;                           /* the session of the broker itself */
    int status;                      /* of the process, when the loop has ended */
};

/* About what one of each takes of the limit on memory, with what the allocator adds. */
enum {
    MESSAGE_BYTES = 32,
    LEASE_BYTES = 64,
    WAITER_BYTES = 256,
    MEMBER_BYTES = 256,
    PRODUCER_BYTES = 256,
    QUEUE_BYTES = 1536,
    CONNECTION_BYTES = 1024,
    TLS_BYTES = 16 * 1024,
    TLS_HANDSHAKE_BYTES = 48 * 1024, /* until it has said hello */
    CLIENT_BYTES = 256,
    SLOT_BYTES = 64,
};

/* Takes the descriptors that are needed, and allows no more connections than there are for. */
void server_limit_connections(struct server_config *config);

/* reload.c */
void reload_start(struct server *server);
void reload_stop(struct server *server);

/* What is taken of the limit, by what it is for. */
struct memory {
    uint64_t bodies, messages, leases, waiters, queues, clients, connections, input, output;
};
void server_memory(const struct server *server, struct memory *out);
uint64_t server_memory_sum(const struct memory *memory);
/* Asks whether so many bytes more are within the limit, all counted, and takes them for this turn. */
bool server_memory_allows(struct server *server, uint64_t bytes);
uint64_t server_memory_default(void);

/* tls.c: its handshake, or its first reading, has failed; says why. */
void server_tls_failed(struct connection *connection);

/* peers.c: watches over hosts that something was sent to. */
void peers_init(struct server *server);
void peers_add(struct connection *connection);

void server_deadline_init(struct server *server);
/* Sees to it that the timer comes when the next connection is due. */
void server_deadline_arm(struct server *server);
/* Puts a connection at the end of a list, or takes it out of whichever it is in. */
void server_deadline_set(struct connection *connection, struct deadlines *list, uint64_t duration_ns);
void server_deadline_clear(struct connection *connection);
/* From now on it must not be idle for too long. */
void server_idle_begin(struct connection *connection);

#endif
