/* SPDX-License-Identifier: Apache-2.0 */
/* Memory, or the end of the program: what was leased goes back with the connection. */
#ifndef JOINQ_CLI_ALLOCATE_H
#define JOINQ_CLI_ALLOCATE_H

#include <stddef.h>

void *allocate(size_t size); /* zeroed; never NULL */
void *allocate_again(void *memory, size_t size);

#endif
