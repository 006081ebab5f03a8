/* SPDX-License-Identifier: Apache-2.0 */
/* A body store for tests: hands out handles by text and watches how the engine releases them. It keeps no bytes. A body usually has a
 * chunk of its own, so that a release too early or too often is caught at that very body; the bodies of a range (1..1000) share
 * one, as the batches of the real store do. */
#ifndef SCENARIO_BODIES_H
#define SCENARIO_BODIES_H

#include "engine.h"
#include "text.h"

struct bodies {
    struct body_chunk *chunks; /* chunk n is chunks[n - 1] */
    uint32_t count, room;
    uint64_t held;
};

void bodies_fini(struct bodies *bodies);
/* One body called `text`; "text:100" is 100 bytes long, otherwise as long as its text. */
struct engine_body bodies_add(struct bodies *bodies, const char *text);
/* `count` bodies called first, first + 1, ... in one chunk. */
void bodies_add_range(struct bodies *bodies, uint64_t first, uint32_t count, struct engine_body *out);
/* Adds the name of a body that is still held, or says in *problem (static text) what is wrong with it. */
void bodies_show(const struct bodies *bodies, struct engine_body body, struct text *out, const char **problem);
/* After a crash: none is held but those that are named again. */
void bodies_forget(struct bodies *bodies);
void bodies_remember(struct bodies *bodies, struct engine_body body);
/* NULL, or what is wrong with this release (static text). */
JQ_MUST_USE const char *bodies_release(struct bodies *bodies, const struct engine_release *release);

#endif
