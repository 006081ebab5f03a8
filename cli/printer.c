/* SPDX-License-Identifier: Apache-2.0 */
/* Standard output as a buffer that knows how much of it really went out: a message counts as handed over only once it did.
 * It knows no connection and no message. */
#include "printer.h"
#include "allocate.h"
#include "caught.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void printer_init(struct printer *printer, int fd)
{
    memset(printer, 0, sizeof *printer);
    printer->fd = fd;
}

void printer_fini(struct printer *printer)
{
    free(printer->data);
    printer->data = NULL;
    printer->start = printer->end = printer->capacity = 0;
}

static void printer_reserve(struct printer *printer, size_t size)
{
    if (printer->start == printer->end)
        printer->start = printer->end = 0;
    size_t wanted = printer->end + size;
    if (wanted <= printer->capacity)
        return;
    printer->capacity = wanted < 4096 ? 8192 : wanted * 2;
    printer->data = allocate_again(printer->data, printer->capacity);
}

void printer_bytes(struct printer *printer, const void *data, size_t size)
{
    if (size == 0)
        return;
    printer_reserve(printer, size);
    memcpy(printer->data + printer->end, data, size);
    printer->end += size;
}

void printer_text(struct printer *printer, const char *text)
{
    printer_bytes(printer, text, strlen(text));
}

void printer_format(struct printer *printer, const char *format, ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    int size = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (size > 0)
        printer_bytes(printer, text, (size_t)size < sizeof text ? (size_t)size : sizeof text - 1);
}

uint64_t printer_position(const struct printer *printer)
{
    return printer->sent + (printer->end - printer->start);
}

/* Waits until a write of PIPE_BUF bytes will not block, or a signal asks to stop: false, with the error set. */
static bool printer_wait(struct printer *printer)
{
    int signals = printer->stubborn ? -1 : caught_fd();
    struct pollfd wanted[2] = {{.fd = printer->fd, .events = POLLOUT}, {.fd = signals, .events = POLLIN}};
    while (printer->stubborn || caught_stop() == 0) {
        if (poll(wanted, 2, -1) < 0 && errno != EINTR)
            printer->error = errno;
        if (printer->error != 0)
            return false;
        if (wanted[0].revents != 0)
            return true;
    }
    printer->error = EINTR;
    return false;
}

bool printer_flush(struct printer *printer)
{
    while (printer->error == 0 && printer->start < printer->end && printer_wait(printer)) {
        size_t left = printer->end - printer->start;
        ssize_t written = write(printer->fd, printer->data + printer->start, left < PIPE_BUF ? left : PIPE_BUF);
        if (written > 0) {
            printer->start += (size_t)written;
            printer->sent += (uint64_t)written;
        } else if (written < 0 && errno != EINTR && errno != EAGAIN) {
            printer->error = errno;
        }
    }
    return printer->error == 0;
}
