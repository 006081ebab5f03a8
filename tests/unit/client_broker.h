/* SPDX-License-Identifier: Apache-2.0 */
/* A process that plays a broker for one connection, by a script: for tests of the blocking client. */
#ifndef JOINQ_TEST_CLIENT_BROKER_H
#define JOINQ_TEST_CLIENT_BROKER_H

#include "client_peer.h"
#include <stdbool.h>
#include <sys/types.h>

struct broker {
    struct peer peer;
    int listener, fd;
    pid_t pid; /* of its process; 0 in it */
    char url[64];
    uint8_t instance; /* of which run of the broker it speaks */
    uint8_t data;     /* which data it has; 0: none that outlives it */
    uint64_t incarnation_next;
    bool forgets;     /* clients, at once */
    uint64_t ping_ms; /* how often it wants to hear them */
};

/* ---- for the test ---- */

/* Listens on the loopback and runs the script in a process of its own, which accepts one connection first. */
void broker_start(struct broker *broker, void (*script)(struct broker *));
/* Waits until the script has come to its end; it must have been content. */
void broker_end(struct broker *broker);

/* ---- for the script, which fails by a failed assertion ---- */

/* Waits for the next message from the client, which must be this one. */
struct jqw_message *broker_expect(struct broker *broker, enum jqw_op op);
/* Sends what broker->peer has said. */
void broker_send(struct broker *broker);
/* Takes hello and answers it; a message may be so large. */
void broker_welcome(struct broker *broker, uint64_t message_max);
/* Answers the hello that was taken last. */
void broker_greet(struct broker *broker, uint64_t message_max);
/* Breaks the connection, and accepts the next one. */
void broker_break(struct broker *broker);
/* Waits until the client has closed the connection. */
void broker_expect_end(struct broker *broker);

#endif
