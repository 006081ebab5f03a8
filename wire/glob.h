/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of names: '*' stands for any bytes, none too, whatever they are; every other byte for itself. */
#ifndef JOINQ_WIRE_GLOB_H
#define JOINQ_WIRE_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/* The last '*' takes one byte more whenever what follows it does not fit. */
static inline bool jqw_glob(const char *pattern, size_t pattern_size, const char *text, size_t size)
{
    const char *pattern_end = pattern + pattern_size, *text_end = text + size, *star = NULL, *taken = text;
    while (text < text_end) {
        if (pattern < pattern_end && *pattern == '*') {
            star = pattern++;
            taken = text;
        } else if (pattern < pattern_end && *pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++taken;
        } else {
            return false;
        }
    }
    while (pattern < pattern_end && *pattern == '*')
        pattern++;
    return pattern == pattern_end;
}

#endif
