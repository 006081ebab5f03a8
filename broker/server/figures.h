/* SPDX-License-Identifier: Apache-2.0 */
/* What the broker tells of itself: counters that the server's files raise where things happen, and all of it put together when somebody
 * asks, as plain numbers. Who shows them, and how, it must not know. */
#ifndef JOINQ_SERVER_FIGURES_H
#define JOINQ_SERVER_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct server;

enum { FIGURE_REQUESTS = 64, FIGURE_CODES = 32 }; /* opcodes of requests and numbers of codes are below */

/* One addition each where it happens. */
struct counters {
    uint64_t began_ns; /* monotonic */
    uint64_t accepted, refused;
    uint64_t requests[FIGURE_REQUESTS]; /* by opcode */
    uint64_t answers[FIGURE_CODES];     /* by code */
    uint64_t turns, turns_time_ns, turns_max_ns;
    uint64_t turn_began_ns; /* of this one */
    uint64_t messages_unreadable;
    uint64_t segments_rewritten, snapshots;
};

struct figures {
#define JQ_FIGURE(name, kind, meaning) uint64_t name;
#include "figures.def"
#undef JQ_FIGURE
    const uint64_t *requests_by; /* FIGURE_REQUESTS of them */
    const uint64_t *answers_by;  /* FIGURE_CODES of them */
};

/* In the order of figures.def. Those of the journal are only told by a broker that has one. */
struct figure_kind {
    const char *name, *meaning;
    size_t at; /* in struct figures */
    bool counter;
};
extern const struct figure_kind figure_kinds[];
extern const size_t figure_kind_count;
bool figure_is_journals(const struct figure_kind *kind);

/* Borrows from the server. It looks at each queue, so not often. */
void figures_fill(struct server *server, struct figures *out);

#endif
