/* SPDX-License-Identifier: Apache-2.0 */
/* Allocations that fail when told: malloc, calloc and realloc of the whole program come through here (the linker's --wrap).
 * Only what is allocated between begin and end is counted and can fail. */
#ifndef SCENARIO_FAULT_H
#define SCENARIO_FAULT_H

#include <stdbool.h>
#include <stdint.h>

/* The nth allocation from here on fails; 0: none does. */
void fault_begin(uint64_t nth);
/* How many there were; *failed: one of them was refused. */
uint64_t fault_end(bool *failed);

#endif
