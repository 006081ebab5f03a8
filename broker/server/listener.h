/* SPDX-License-Identifier: Apache-2.0 */
/* A socket that is listened on: accepts within bounds, refuses what is too much, and makes way when descriptors run out. It must
 * not know what is said over a connection. */
#ifndef JOINQ_SERVER_LISTENER_H
#define JOINQ_SERVER_LISTENER_H

#include "base.h"
#include "url.h"
#include <ev.h>
#include <stdbool.h>

struct server;

struct listener {
    struct server *server;
    struct jqw_url url;
    unsigned methods; /* auth_method: how clients are let in; 0: nothing was said */
    int fd;
    bool given;                   /* by whoever started the broker */
    bool allow_anonymous_network; /* as configured */
    ev_io io;
};

/* server_listen() is in listener.c, too. */
void listeners_init(struct server *server);
void listeners_close(struct server *server); /* and removes the files of Unix sockets */
void listeners_pause(struct server *server); /* until listeners_resume, or for a second */
void listeners_resume(struct server *server);
void listeners_go_on(struct server *server); /* there is room for handshakes again (share.h) */

#endif
