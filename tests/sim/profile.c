/* SPDX-License-Identifier: Apache-2.0 */
/* What a seed tries: each leaves something out, so that what is left comes more often and deeper. */
#include "sim.h"

static const uint32_t usual[ENGINE_OP_COUNT] = {
    [ENGINE_SESSION_END] = 3, [ENGINE_OUTPUT_BLOCKED] = 3, [ENGINE_RECEIVED] = 10, [ENGINE_DECLARE] = 5,
    [ENGINE_DELETE] = 5,      [ENGINE_PUT] = 28,           [ENGINE_GET] = 28,      [ENGINE_DONE] = 14,
    [ENGINE_NACK] = 6,        [ENGINE_RELEASE] = 4,        [ENGINE_TOUCH] = 4,     [ENGINE_TASK_DONE] = 6,
    [ENGINE_JOIN] = 6,        [ENGINE_CLOSE] = 3,          [ENGINE_PUT_END] = 3,   [ENGINE_ATTACH] = 5,
    [ENGINE_FINISH] = 4,      [ENGINE_CANCEL] = 4,         [ENGINE_STAT] = 2,      [ENGINE_LIST] = 1,
    [ENGINE_PEEK] = 2,        [ENGINE_RELOCATE] = 3,       [ENGINE_PURGE] = 1,     [ENGINE_PAUSE] = 4,
    [ENGINE_ALTER] = 3,       [ENGINE_REOPEN] = 3,
};

static void choose_weights(struct sim_profile *profile, struct random *random)
{
    static const uint32_t factors[] = {0, 1, 2, 2, 2, 3, 6};
    for (int op = 0; op < ENGINE_OP_COUNT; op++) {
        uint32_t factor = factors[random_below(random, sizeof factors / sizeof *factors)];
        bool always = op == ENGINE_PUT || op == ENGINE_GET || op == ENGINE_SESSION_END || op == ENGINE_DELETE;
        profile->weights[op] = usual[op] * (always && !factor ? 2 : factor);
    }
    profile->weights[ENGINE_SESSION_OPEN] = profile->weights[ENGINE_JOURNAL] = profile->weights[ENGINE_SURVEY] = 0;
}

void profile_choose(struct sim_profile *profile, struct random *random)
{
    *profile = (struct sim_profile){
        .sessions = random_between(random, 3, SIM_SESSIONS),
        .queues = random_between(random, 1, SIM_QUEUES),
        .big = random_chance(random, 3),
        .heavy = random_chance(random, 8),
        .durable = random_chance(random, 50),
        .faults = random_chance(random, 25),
        .limits = random_chance(random, 25),
        .sentinels = random_chance(random, 60),
        .blocks = random_chance(random, 60),
    };
    profile->deaths = !profile->big && !profile->heavy && random_chance(random, 50);
    profile->once = !profile->big && random_chance(random, 40);
    profile->orders = !profile->big && random_chance(random, 40);
    profile->refuses = profile->durable && !profile->deaths && random_chance(random, 50);
    choose_weights(profile, random);
    if (!profile->sentinels)
        profile->weights[ENGINE_PUT_END] = 0;
    if (!profile->blocks)
        profile->weights[ENGINE_OUTPUT_BLOCKED] = 0;
    if (profile->big) {
        profile->heavy = false;
        profile->limits = false; /* what waits for slices counts to them */
        profile->weights[ENGINE_PUT] *= 2;
        profile->weights[ENGINE_GET] *= 2;
    }
}
