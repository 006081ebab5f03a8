/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a queue, on standard output. */
#ifndef JOINQ_CLI_STAT_PRINT_H
#define JOINQ_CLI_STAT_PRINT_H

#include "printer.h"
#include <joinq.h>

void stat_print_json(struct printer *out, const struct joinq_stat *stat);
void stat_print_lines(struct printer *out, const struct joinq_stat *stat);
void stat_print_broker_json(struct printer *out, const struct joinq_broker_stat *stat);
void stat_print_broker(struct printer *out, const struct joinq_broker_stat *stat);
/* "open, gets paused", or "closed, 3 unfinished, no consumer"; text in `to`. */
const char *stat_state(const struct joinq_stat *stat, char *to, size_t size);

#endif
