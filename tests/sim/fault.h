/* SPDX-License-Identifier: Apache-2.0 */
/* Allocations that fail. The executable is linked so that malloc, calloc and realloc of everything in it come here first; while
 * nothing is armed they are the ones of the C library. */
#ifndef JOINQ_SIM_FAULT_H
#define JOINQ_SIM_FAULT_H

#include <stdbool.h>
#include <stdint.h>

/* Lets `after` allocations through, then fails `times` of them. */
void fault_arm(uint32_t after, uint32_t times);
/* Ends it; returns how many failed. */
uint32_t fault_disarm(void);

#endif
