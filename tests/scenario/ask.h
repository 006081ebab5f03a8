/* SPDX-License-Identifier: Apache-2.0 */
/* A request of a script as a command of the engine: the verbs and their words. README.md lists them. */
#ifndef SCENARIO_ASK_H
#define SCENARIO_ASK_H

#include "world.h"

struct ask {
    struct engine_command command;
    struct request *request; /* NULL: a verb that has no answer */
    bool ends;               /* the session ends with it */
    const char *problem;     /* static text: what is wrong with the words; NULL: nothing */
    /* of the command; freed with ask_fini */
    struct engine_body *bodies;
    struct engine_range *ranges, *release;
    uint32_t range_count, release_count;
    struct engine_target *targets;
    struct engine_queue_ref *others;
};

/* Makes the command, and the request in the world; new bodies each time that it is called. */
void ask_init(struct ask *ask, struct world *world, const struct script_request *script);
void ask_fini(struct ask *ask);

#endif
