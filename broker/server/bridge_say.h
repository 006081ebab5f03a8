/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the bridge that say something share. */
#ifndef JOINQ_SERVER_BRIDGE_SAY_H
#define JOINQ_SERVER_BRIDGE_SAY_H

#include "bridge_state.h"

/* Where what is said goes, and about what. */
struct saying {
    struct server *server;
    const struct engine_effect *effect;
    struct output *out;
    struct jqw_bytes text;
};

/* Encodes a message as the answer and appends it. */
int bridge_say(const struct saying *saying, struct jqw_message *message);
/* Appends what stands in the bridge's frame. */
int bridge_append_frame(const struct saying *saying);
struct jqw_ranges bridge_lost(struct bridge *bridge, const struct engine_range *from, uint32_t count);
struct jqw_bytes bridge_bytes(struct engine_text text);

/* bridge_messages.c */
/* Asks for the bodies of an effect; whether some have to be read first. */
bool bridge_bodies_absent(struct server *server, const struct engine_effect *effect);
int bridge_say_got(const struct saying *saying);
int bridge_say_peeked(const struct saying *saying);
int bridge_say_exported(const struct saying *saying);

#endif
