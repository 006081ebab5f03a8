/* SPDX-License-Identifier: Apache-2.0 */
/* joinq-sim: runs seeds, and says how to see again what went wrong. */
#include "coverage.h"
#include "sim.h"
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct arguments {
    uint64_t first, seeds;
    uint32_t steps, kill_rounds, stress_rounds;
    bool verbose, require_coverage, twice;
};

/* What was being played, for the handler of a trap. */
static char replay[128];

static void usage(FILE *out)
{
    fputs("usage: joinq-sim [--seeds N] [--first S] [--seed S] [--steps N] [--verbose] [--twice] [--require-coverage]\n"
          "       joinq-sim --kill-rounds N | --stress-rounds N [--first S] [--verbose]\n"
          "\n"
          "Drives the engine with random histories and compares all that it says with a reference model; then, with "
          "crashes, all\n"
          "that it can do, and holds that against what must be true of any history.\n"
          "\n"
          "  --seeds N            play N seeds (100)\n"
          "  --first S            the first of them (1)\n"
          "  --seed S             only this one\n"
          "  --steps N            steps in each (600)\n"
          "  --verbose            print every command and effect\n"
          "  --twice              play each seed twice; both must say the same\n"
          "  --require-coverage   fail if something that should happen at times never did\n"
          "  --stress-rounds N    only the second half of each seed: what the model does not know, with crashes\n"
          "  --kill-rounds N      instead: producers, workers that die at random instants, and a join\n",
          out);
}

static uint64_t number(const char *text)
{
    char *end;
    uint64_t value = strtoull(text, &end, 10);
    if (*text && !*end)
        return value;
    fprintf(stderr, "joinq-sim: '%s' is not a number\n", text);
    exit(2);
}

static void parse(int argc, char **argv, struct arguments *arguments)
{
    static const struct option options[] = {
        {"seeds", required_argument, NULL, 'n'},
        {"first", required_argument, NULL, 'f'},
        {"seed", required_argument, NULL, 's'},
        {"steps", required_argument, NULL, 't'},
        {"verbose", no_argument, NULL, 'v'},
        {"twice", no_argument, NULL, '2'},
        {"require-coverage", no_argument, NULL, 'c'},
        {"kill-rounds", required_argument, NULL, 'k'},
        {"stress-rounds", required_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        uint64_t value = optarg ? number(optarg) : 0;
        if (option == 'n')
            arguments->seeds = value;
        else if (option == 'f')
            arguments->first = value;
        else if (option == 's')
            arguments->first = value, arguments->seeds = 1;
        else if (option == 't')
            arguments->steps = (uint32_t)value;
        else if (option == 'k')
            arguments->kill_rounds = (uint32_t)value;
        else if (option == 'r')
            arguments->stress_rounds = (uint32_t)value;
        else if (option == 'v' || option == '2' || option == 'c')
            *(option == 'v'   ? &arguments->verbose
              : option == '2' ? &arguments->twice
                              : &arguments->require_coverage) = true;
        else {
            usage(option == 'h' ? stdout : stderr);
            exit(option == 'h' ? 0 : 2);
        }
    }
}

static void trapped(int number_of)
{
    ssize_t ignored = write(STDERR_FILENO, replay, strlen(replay));
    (void)ignored;
    signal(number_of, SIG_DFL);
    raise(number_of);
}

void sim_playing(const char *how, uint64_t seed, uint32_t steps)
{
    char with_steps[32] = "";
    if (steps)
        snprintf(with_steps, sizeof with_steps, " --steps %u", steps);
    snprintf(replay, sizeof replay,
             "a trap in the engine or the model\n  replay:   joinq-sim %s %" PRIu64 "%s --verbose\n", how, seed,
             with_steps);
}

static bool play(uint64_t seed, const struct arguments *arguments, uint64_t *hash)
{
    struct sim_options options = {.seed = seed, .steps = arguments->steps, .verbose = arguments->verbose};
    sim_playing("--seed", seed, arguments->steps);
    struct sim *sim = sim_new(&options);
    bool good = sim_play(sim);
    *hash = sim->hash;
    sim_free(sim);
    return good && stress_round(seed, arguments->verbose, hash);
}

/* Memory lies elsewhere the second time. */
static bool play_again(uint64_t seed, const struct arguments *arguments, uint64_t first)
{
    uint64_t second;
    void *aside = malloc(123457);
    bool good = play(seed, arguments, &second);
    free(aside);
    if (good && first != second)
        printf("seed %" PRIu64 ": the same commands at the same times had other effects\n", seed);
    return good && first == second;
}

/* On a terminal. */
static void progress(uint64_t done, uint64_t all)
{
    static time_t last;
    time_t now = time(NULL);
    if (!isatty(STDERR_FILENO) || (now == last && done < all))
        return;
    last = now;
    fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " seeds%s", done, all, done == all ? "\n" : "");
}

static int play_all(const struct arguments *arguments)
{
    uint64_t hash = 0, all = 0;
    for (uint64_t i = 0; i < arguments->seeds; i++) {
        uint64_t seed = arguments->first + i;
        if (!play(seed, arguments, &hash))
            return 1;
        if (arguments->twice && !play_again(seed, arguments, hash))
            return 1;
        progress(i + 1, arguments->seeds);
        all = (all ^ hash) * UINT64_C(0x9e3779b97f4a7c15);
    }
    unsigned missing = coverage_print(stdout);
    printf("%" PRIu64 " seeds of %u steps, trace %016" PRIx64 "\n", arguments->seeds, arguments->steps, all);
    return arguments->require_coverage && missing ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.first = 1, .seeds = 100, .steps = 600};
    parse(argc, argv, &arguments);
    signal(SIGILL, trapped);
    signal(SIGTRAP, trapped);
    signal(SIGABRT, trapped);
    signal(SIGSEGV, trapped);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (arguments.kill_rounds)
        return kill_rounds(arguments.kill_rounds, arguments.first, arguments.verbose) ? 0 : 1;
    if (arguments.stress_rounds)
        return stress_rounds(arguments.stress_rounds, arguments.first, arguments.verbose) ? 0 : 1;
    return play_all(&arguments);
}
