/* SPDX-License-Identifier: Apache-2.0 */
/* Reads vectors, from a text or out of PROTOCOL.md: lines that begin with one of these words. Other lines are for people.
 *
 *     vector  NAME
 *     value   what the frame says, as in [12, 4, "jobs", 0, nil]     (may be missing where code is an error)
 *     means   the same as joinq reads it, where that differs: defaults filled in, unknown fields left out
 *     code    what decoding comes to; OK unless told
 *     bytes   the frame in hex with its length, on one line or several
 *
 * Names of a vector that is not in the shortest form, or leaves something out, end in "-loose": it is read, but not written. */
#ifndef JOINQ_TESTS_WIRE_VECTORS_H
#define JOINQ_TESTS_WIRE_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VECTOR_BYTES_MAX = 4096, VECTOR_TEXT_MAX = 8192 };

struct vector {
    char name[100];
    char value[VECTOR_TEXT_MAX];
    char means[VECTOR_TEXT_MAX]; /* value where nothing is said */
    char code[32];
    uint8_t bytes[VECTOR_BYTES_MAX];
    size_t size;
};

/* Calls back for each vector of the file; returns how many there were. What cannot be read fails the test. */
size_t vectors_read(const char *path, void (*check)(const struct vector *vector, void *context), void *context);

/* True if the name ends so. */
bool vector_is(const struct vector *vector, const char *ending);

/* A whole file as a string; freed by the caller. */
char *file_text(const char *path);

#endif
