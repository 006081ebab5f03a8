/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn it is: which connections are read, and how much of each, so that who sends a flood of requests does not keep those waiting
 * who send a few (FLW-1).
 *
 * While there are such modest ones, a connection that sends more than its share of a turn is greedy until all that it has sent is
 * taken: it waits in a line, whose first is served a slice in turns in which nobody modest was, or in each of so many. A group of
 * messages is one frame: who sends those is modest. While nobody is, everybody is served much at a time.
 *
 * A handshake of TLS is work of the broker's that costs the other end nothing. While there are modest connections, handshakes go on one after
 * the other, and rest for three times as long as each step has taken.
 *
 * Beside that a connection may be bound to so many requests a second: what it sends beyond waits where it is. */
#ifndef JOINQ_SERVER_SHARE_H
#define JOINQ_SERVER_SHARE_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connection;
struct server;

struct share {
    struct connection *first, *last; /* the line, by next_more */
    uint32_t frames;                 /* that it was served in this turn */
    uint32_t quiet;                  /* turns since somebody modest was served; no more are counted than matter */
    bool modest;                     /* somebody was in this one */
    bool crowded;                    /* or lately */
    uint8_t skipped;                 /* turns in a row in which the line waited */
    struct connection *throttled;    /* by next_more: until the next span */
    ev_timer span;
    struct connection *shakes, *shakes_last; /* by next_more: handshakes that wait for their turn, ... */
    uint32_t shaking;                        /* ... so many, ... */
    bool full;                               /* somebody was told that there is no room for more */
    uint64_t shake_at_ns;                    /* ... which is not before then */
    ev_timer shake_again;
};
enum { SHAKES_MAX = 1024 }; /* that wait: seconds for the last of them */

void share_init(struct server *server);
void share_fini(struct server *server);
/* Whether one more handshake could come to its turn in time; if not, listeners_go_on is called when it could. */
bool share_has_room(struct server *server);

/* There is something to read: now, or in its turn. */
void share_read(struct connection *connection);
/* Of the line, what this turn has room for; before its commands are carried out. */
void share_turn(struct server *server);

/* How many frames of it this turn takes, and how many bytes are read at once of those that there is room for. */
uint32_t share_frames(const struct connection *connection);
size_t share_bytes(const struct connection *connection, size_t room);
/* So many were taken. */
void share_took(struct connection *connection, uint32_t frames);

#endif
