/* SPDX-License-Identifier: Apache-2.0 */
/* joinq-scenario: plays scenario scripts against the engine (README.md). With --sweep it plays every case again with the first, the
 * second, ... the last allocation of the engine failing; with --wrong every case must fail. */
#include "play.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct run {
    struct play_options options;
    bool sweep;
    bool wrong; /* every case must fail */
    unsigned cases, failed;
    uint64_t replays;
};

static int usage(void)
{
    (void)fprintf(stderr,
                  "usage: joinq-scenario [--sweep | --snapshots | --wrong] [--verbose] [--case TEXT] FILE...\n");
    return 2;
}

static bool sweep_case(struct run *run, const struct script *script, const struct script_case *the_case,
                       uint64_t allocations)
{
    struct play_options options = run->options;
    bool passed = true;
    for (options.fail_at = 1; options.fail_at <= allocations && passed; options.fail_at++) {
        passed = play_case(script, the_case, &options).passed;
        run->replays++;
    }
    return passed;
}

static void run_case(struct run *run, const struct script *script, const struct script_case *the_case)
{
    if (run->options.only && !strstr(the_case->name, run->options.only))
        return;
    struct play_result result = play_case(script, the_case, &run->options);
    if (result.passed && run->sweep)
        result.passed = sweep_case(run, script, the_case, result.allocations);
    if (run->wrong && result.passed)
        (void)fprintf(stderr, "%s:%d: case \"%s\" is wrong and passes\n", script->path, the_case->line, the_case->name);
    run->cases++;
    run->failed += result.passed == run->wrong;
}

static bool run_file(struct run *run, const char *path)
{
    struct script script;
    bool read = script_read(&script, path);
    for (const struct script_case *the_case = script.cases; read && the_case; the_case = the_case->next)
        run_case(run, &script, the_case);
    script_fini(&script);
    return read;
}

/* An engine that finds itself broken traps. */
static void trapped(int number)
{
    play_trapped();
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

int main(int count, char **arguments)
{
    struct run run = {0};
    int at = 1;
    bool read = true;
    (void)signal(SIGILL, trapped);
    (void)signal(SIGTRAP, trapped);
    for (; at < count && strncmp(arguments[at], "--", 2) == 0; at++) {
        if (strcmp(arguments[at], "--sweep") == 0)
            run.sweep = true;
        else if (strcmp(arguments[at], "--snapshots") == 0)
            run.options.snapshots = true;
        else if (strcmp(arguments[at], "--wrong") == 0)
            run.wrong = run.options.quiet = true;
        else if (strcmp(arguments[at], "--verbose") == 0)
            run.options.verbose = true;
        else if (strcmp(arguments[at], "--case") == 0 && at + 1 < count)
            run.options.only = arguments[++at];
        else
            return usage();
    }
    if (at == count)
        return usage();
    for (; at < count; at++)
        read = run_file(&run, arguments[at]) && read;
    printf("%u cases, %u failed", run.cases, run.failed);
    if (run.sweep)
        printf(", %" PRIu64 " replays", run.replays);
    printf("\n");
    return read && run.cases && !run.failed ? 0 : 1;
}
