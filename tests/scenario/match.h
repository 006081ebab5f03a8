/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine said in an act against what the script expects. */
#ifndef SCENARIO_MATCH_H
#define SCENARIO_MATCH_H

#include "world.h"

/* Adds to *wrong what differs first, and sets *line to where the script says otherwise; nothing if all is as expected. */
void match_act(struct world *world, const struct script_act *act, bool records, int *line, struct text *wrong);
/* Adds what was said in the act that runs, as it would stand in a script. */
void match_show(const struct world *world, bool records, struct text *out);

#endif
