/* SPDX-License-Identifier: Apache-2.0 */
/* Requests about queues as a whole, from message to command: part of the bridge's table. */
#ifndef JOINQ_SERVER_BRIDGE_QUEUES_H
#define JOINQ_SERVER_BRIDGE_QUEUES_H

#include "bridge_state.h"

typedef void take_message(struct connection *, const struct jqw_message *);

take_message take_declare, take_alter, take_delete, take_purge, take_reopen, take_pause, take_mark, take_move,
    take_ping, take_why, take_export, take_broker;

#endif
