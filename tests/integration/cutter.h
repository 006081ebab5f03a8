/* SPDX-License-Identifier: Apache-2.0 */
/* A proxy in front of a broker that cuts one connection after so many bytes in one direction. It runs in a thread of its own. */
#ifndef JOINQ_TEST_CUTTER_H
#define JOINQ_TEST_CUTTER_H

#include <stdint.h>

enum cut_direction { CUT_REQUESTS, CUT_ANSWERS, CUT_NOTHING };

struct cutter;

struct cutter *cutter_start(const char *broker); /* NULL: it could not; the URL of a Unix socket */
void cutter_stop(struct cutter *cutter);
const char *cutter_url(const struct cutter *cutter);
/* The next connection is cut once `at` bytes have gone in that direction; those after it are not. Counts anew. */
void cutter_set(struct cutter *cutter, enum cut_direction direction, uint64_t at);
uint64_t cutter_bytes(struct cutter *cutter, enum cut_direction direction); /* since cutter_set */
uint64_t cutter_cuts(struct cutter *cutter);                                /* ever */

#endif
