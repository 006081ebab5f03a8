/* SPDX-License-Identifier: Apache-2.0 */
/* What a service manager is told of the broker's state, and that its loop turns. Who that is, is main's affair. */
#ifndef JOINQ_SERVER_NOTIFY_H
#define JOINQ_SERVER_NOTIFY_H

struct server;

/* Lines of the protocol of sd_notify(3). */
__attribute__((format(printf, 2, 3))) void server_notify(const struct server *server, const char *format, ...);

/* Tells it now and then, from the loop, that it turns. */
void notify_start(struct server *server);
void notify_stop(struct server *server);

#endif
