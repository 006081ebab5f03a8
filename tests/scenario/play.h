/* SPDX-License-Identifier: Apache-2.0 */
/* Plays the cases of a script against an engine and compares what it says, word for word. */
#ifndef SCENARIO_PLAY_H
#define SCENARIO_PLAY_H

#include "script.h"

struct play_options {
    const char *only; /* cases whose name contains it; NULL: all */
    bool verbose;     /* print what was said, also when it was right */
    bool quiet;       /* do not say what is wrong */
    bool snapshots;   /* one before each crash; cases that look at records are left out */
    uint64_t fail_at; /* the allocation that fails; 0: none */
};

struct play_result {
    bool passed;
    uint64_t allocations; /* that the engine made */
};

/* One case; what is wrong is said on standard error. */
struct play_result play_case(const struct script *script, const struct script_case *the_case,
                             const struct play_options *options);

/* For a signal handler, when the engine has trapped: says on standard error where that was. */
void play_trapped(void);

#endif
