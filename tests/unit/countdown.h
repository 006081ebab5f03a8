/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is refused when told: malloc and its siblings are wrapped by the linker, for the programs that are made with this file. */
#ifndef JOINQ_TESTS_UNIT_COUNTDOWN_H
#define JOINQ_TESTS_UNIT_COUNTDOWN_H

#include <stdbool.h>

enum { NEVER = 1000 * 1000 * 1000 };

struct countdown {
    bool armed;    /* what is tested is running; whoever tests it is never refused */
    bool for_good; /* all after the first failure fail too */
    long left;     /* allocations before it */
    long live;     /* allocations of what is tested that are not freed */
};
extern struct countdown memory;

#endif
