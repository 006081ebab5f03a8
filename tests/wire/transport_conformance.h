/* SPDX-License-Identifier: Apache-2.0 */
/* What the conformance suite asks of a kind of transport: two connected ends. */
#ifndef JOINQ_TESTS_WIRE_TRANSPORT_CONFORMANCE_H
#define JOINQ_TESTS_WIRE_TRANSPORT_CONFORMANCE_H

#include "transport.h"

struct kind {
    const char *name;
    void (*connect)(struct jqw_transport *a, struct jqw_transport *b);
};

extern const struct kind kind_tcp;
extern const struct kind kind_tls;
extern const struct kind kind_unix;
extern const struct kind kind_pair;

struct jqw_tls;
/* Whether this run is over TLS 1.2; and makes a context that is to be used in such a run one that has no newer. */
bool tls_is_old(void);
void tls_keep_old(struct jqw_tls *tls);

/* A folder of this test run's own, for sockets. */
void folder_make(void);
void folder_remove(void);
/* A path in it; static storage, until the next call. */
const char *folder_path(const char *name);

/* Waits until the descriptor is ready for the events of poll; fails the test after five seconds. */
void wait_ready(int fd, short events);

#endif
