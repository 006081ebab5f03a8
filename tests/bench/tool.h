/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs of the bench share: numbers from arguments, the clock, blocking sockets, and dying with a sentence. */
#ifndef JOINQ_BENCH_TOOL_H
#define JOINQ_BENCH_TOOL_H

#include <stddef.h>
#include <stdint.h>

/* Prints the sentence and exits with 1; or what failed, and errno. */
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void die_errno(const char *what) __attribute__((noreturn));

uint64_t number_of(const char *text); /* decimal; dies */
uint64_t clock_ns(void);              /* monotonic, the same in all processes */
void *allocate(size_t size);          /* dies */

int tcp_listen(uint16_t *port); /* on 127.0.0.1, any port */
int tcp_accept(int listener);   /* no delay */
int tcp_connect(uint64_t port); /* to 127.0.0.1, no delay */
void write_all(int fd, const void *bytes, size_t size);
size_t read_some(int fd, void *to, size_t size); /* at least one byte; 0 at the end */

/* Lets the orchestrator start all loads at once: prints "ready", and returns when a line was read. */
void wait_for_start(void);

#endif
