/* SPDX-License-Identifier: Apache-2.0 */
/* The options of a queue on the command line, for declare and alter. What they mean is the broker's to say. */
#ifndef JOINQ_CLI_QUEUE_OPTIONS_H
#define JOINQ_CLI_QUEUE_OPTIONS_H

#include "cli.h"

struct queue_settings {
    uint64_t max_messages, max_bytes, bound, accounting, order, max_deliveries, on_producer_lost, lifetime, if_exists;
    int64_t lease_ms, ttl_ms, producer_grace_ms, idle_delete_ms, sync_ms;
    const char *producers, *dead_letter;
    bool durable;
};

enum { QUEUE_UNSET = -1 /* in alter: what a number or time is that was not given */ };

extern const struct option_spec queue_options_declare[], queue_options_alter[];

/* As the library has them. ARGUMENTS_OK, or the status of a usage error, which has been told. */
int queue_options_take(const struct cli *cli, const struct queue_settings *given, struct joinq_queue_options *out);

#endif
