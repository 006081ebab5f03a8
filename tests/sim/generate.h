/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the generator say to each other. */
#ifndef JOINQ_SIM_GENERATE_H
#define JOINQ_SIM_GENERATE_H

#include "sim.h"

/* Queues that are missing are mostly declared before somebody makes them by using them. */
void generate_missing(struct sim *sim);
/* One command on a queue as a whole. */
void generate_on_queue(struct sim *sim, struct sim_session *session, enum engine_op op);

#endif
