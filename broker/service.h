/* SPDX-License-Identifier: Apache-2.0 */
/* The service manager that started joinqd, which is systemd or speaks its protocols: what it is told, and the sockets that it passes. Where
 * there is none, and in a build without libsystemd, nobody is told and nothing is passed. It must not know the loop. */
#ifndef JOINQ_BROKER_SERVICE_H
#define JOINQ_BROKER_SERVICE_H

#include "base.h"
#include "url.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SERVICE_SOCKETS_MAX = 16 };

struct service_socket {
    int fd; /* 0: taken */
    struct jqw_url url;
};

struct service_sockets {
    struct service_socket list[SERVICE_SOCKETS_MAX];
    unsigned count, left; /* left: of those nobody has taken */
};

/* Lines of sd_notify(3). */
void service_tell(const char *lines);
void service_tell_reloading(void); /* until the next READY=1 */
/* How often it wants to hear that the loop turns (half of its patience); 0: it does not. */
uint64_t service_alive_ns(void);

/* The sockets that it passes; once. One named joinqs in its unit is for TLS. JQ_OK, or JQ_INVALID with `why` filled. */
JQ_MUST_USE int service_sockets(struct service_sockets *out, char *why, size_t why_size);
/* Takes the one that listens where the URL says; 0: there is none. */
int service_take(struct service_sockets *sockets, const struct jqw_url *url);

#endif
