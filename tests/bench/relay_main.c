/* SPDX-License-Identifier: Apache-2.0 */
/* The programs around the relay, in one. Started by tests/bench/run. */
#include "body.h"
#include "relay.h"
#include "tool.h"
#include <stdio.h>
#include <string.h>

static const char usage[] = "usage: bench-relay serve BOUND | produce PORT COUNT SIZE GROUP | consume PORT COUNT\n"
                            "       bench-relay loop | loop-send PORT BYTES | loop-receive PORT BYTES\n";

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    uint64_t n[4] = {0};
    for (int i = 2; i < argc && i < 6; i++)
        n[i - 2] = number_of(argv[i]);
    if (strcmp(what, "serve") == 0 && argc == 3)
        relay_serve(n[0]);
    else if (strcmp(what, "produce") == 0 && argc == 6 && n[2] >= BODY_SIZE_MIN && n[2] <= BODY_SIZE_MAX && n[3] > 0)
        relay_produce(n[0], n[1], n[2], n[3]);
    else if (strcmp(what, "consume") == 0 && argc == 4)
        relay_consume(n[0], n[1]);
    else if (strcmp(what, "loop") == 0 && argc == 2)
        loop_serve();
    else if (strcmp(what, "loop-send") == 0 && argc == 4)
        loop_send(n[0], n[1]);
    else if (strcmp(what, "loop-receive") == 0 && argc == 4)
        loop_receive(n[0], n[1]);
    else {
        fputs(usage, stderr);
        return 2;
    }
    return 0;
}
