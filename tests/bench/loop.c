/* SPDX-License-Identifier: Apache-2.0 */
/* The bare loop that the relay itself is held against: bytes from one connection to another, 64 KiB at a time, and nothing
 * else. */
#include "relay.h"
#include "tool.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIECE = 64 * 1024 };

void loop_serve(void)
{
    uint16_t port;
    int listener = tcp_listen(&port);
    uint8_t *piece = allocate(PIECE);
    printf("port %u\n", port);
    fflush(stdout);
    int from = tcp_accept(listener), to = tcp_accept(listener);
    size_t size;
    while ((size = read_some(from, piece, PIECE)) > 0)
        write_all(to, piece, size);
    close(listener);
    close(from);
    close(to);
    free(piece);
}

void loop_send(uint64_t port, uint64_t bytes)
{
    uint8_t *piece = allocate(PIECE);
    int fd = tcp_connect(port);
    wait_for_start();
    printf("started %" PRIu64 "\n", clock_ns());
    for (uint64_t left = bytes; left > 0;) {
        size_t size = left < PIECE ? (size_t)left : PIECE;
        write_all(fd, piece, size);
        left -= size;
    }
    close(fd);
    free(piece);
}

void loop_receive(uint64_t port, uint64_t bytes)
{
    uint8_t *piece = allocate(PIECE);
    int fd = tcp_connect(port);
    wait_for_start();
    for (uint64_t left = bytes; left > 0;) {
        size_t size = read_some(fd, piece, PIECE);
        if (size == 0)
            die("loop: it ended early");
        left -= size;
    }
    printf("ended %" PRIu64 "\nverified %" PRIu64 "\n", clock_ns(), bytes);
    close(fd);
    free(piece);
}
