/* SPDX-License-Identifier: Apache-2.0 */
/* Frames that were begun and are not whole yet. A client that is let in has spans for them, each as long as the time for hello: in one the
 * frame comes to its end, or grows by BEGUN_RATE bytes for each second of it. After two without either the connection is ended, so that
 * nobody holds a connection and memory by a byte now and then. It must not know what is in a frame. */
#ifndef JOINQ_SERVER_BEGUN_H
#define JOINQ_SERVER_BEGUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BEGUN_RATE = 1024 };

struct connection;
struct server;

struct begun {
    struct connection *prev, *next; /* in server->begun: the first is due first */
    uint64_t due_ns;                /* 0: there is none */
    size_t size;                    /* what there was of it when the span began */
    uint8_t slow;                   /* spans in a row in which too little came */
};

/* What was read has been looked at; `taken`: frames were whole. */
void begun_look(struct connection *connection, bool taken);
void begun_end(struct connection *connection);
uint64_t begun_due(const struct server *server); /* UINT64_MAX: never */
/* Ends those that are too slow. */
void begun_turn(struct server *server, uint64_t now_ns);

#endif
