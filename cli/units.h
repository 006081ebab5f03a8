/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, sizes and times as people write them. It knows nothing else. */
#ifndef JOINQ_CLI_UNITS_H
#define JOINQ_CLI_UNITS_H

#include <stdbool.h>
#include <stdint.h>

/* Each is false, and leaves *out alone, if the whole text is not such a number or does not fit. */
bool units_count(const char *text, uint64_t *out);
bool units_size(const char *text, uint64_t *out);   /* bytes; K, M, G are 1024 of the one before */
bool units_time_ms(const char *text, int64_t *out); /* with its unit: ms, s, m, h; a bare 0 is a time too */

#endif
