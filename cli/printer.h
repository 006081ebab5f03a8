/* SPDX-License-Identifier: Apache-2.0 */
/* Standard output as a buffer that knows how much of it really went out: a message counts as handed over only once it did.
 * It knows no connection and no message. */
#ifndef JOINQ_CLI_PRINTER_H
#define JOINQ_CLI_PRINTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct printer {
    int fd;
    char *data; /* not written yet: from `start` to `end` */
    size_t start, end, capacity;
    uint64_t sent; /* bytes written, ever */
    bool stubborn; /* a signal does not stop a write that has begun */
    int error;     /* errno of the write that failed; EINTR: a signal asked to stop. Nothing is written after it. */
};

void printer_init(struct printer *printer, int fd);
void printer_fini(struct printer *printer);
void printer_bytes(struct printer *printer, const void *data, size_t size);
void printer_text(struct printer *printer, const char *text);
void printer_format(struct printer *printer, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Where the next byte will stand, counted as `sent` counts. */
uint64_t printer_position(const struct printer *printer);
/* Writes out what is buffered. False if it could not, now or earlier; or if a signal asked to stop meanwhile. */
bool printer_flush(struct printer *printer);

#endif
