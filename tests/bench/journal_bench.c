/* SPDX-License-Identifier: Apache-2.0 */
/* The journal against the disk's own floor, in one run and one folder: a loop that appends 64 KiB and syncs, and the journal with batches
 * of 250 puts of 100 bytes, each of which waits for its sync; then how fast it is read again. */
#include "journal_file.h"
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { RAW = 64 * 1024, PUTS = 250, BODY = 100, WINDOW_BATCHES = 64, SECONDS = 3 };

struct bench {
    int woken;
    uint8_t *chunk;
    struct engine_body bodies[PUTS];
    uint64_t bytes, records;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void need(bool what, const char *name)
{
    if (what)
        return;
    perror(name);
    exit(1);
}

static void wake(void *user)
{
    uint64_t one = 1;
    need(write(((struct bench *)user)->woken, &one, sizeof one) == sizeof one, "eventfd");
}

static const uint8_t *at(void *user, uint32_t chunk, uint32_t offset)
{
    (void)chunk;
    return ((struct bench *)user)->chunk + offset;
}

static int see_run(void *user, struct journal_place place, uint32_t size, uint32_t count, uint32_t crc,
                   const uint8_t *bytes, uint32_t *chunk, uint32_t *offset)
{
    (void)place;
    (void)count;
    (void)crc;
    (void)bytes;
    ((struct bench *)user)->bytes += size;
    *chunk = 1;
    *offset = 0;
    return JQ_OK;
}

static int see_records(void *user, uint64_t wall_ns, const struct engine_record *records, uint32_t count)
{
    (void)wall_ns;
    (void)records;
    ((struct bench *)user)->records += count;
    return JQ_OK;
}

/* Bytes a second. */
static double raw(const char *folder, double seconds)
{
    char path[4096];
    static uint8_t bytes[RAW];
    uint64_t written = 0;
    memset(bytes, 0x5a, sizeof bytes);
    snprintf(path, sizeof path, "%s/raw", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    need(fd >= 0, path);
    double begin = now(), end;
    do {
        need(write(fd, bytes, sizeof bytes) == RAW && fdatasync(fd) == 0, path);
        written += RAW;
        end = now();
    } while (end - begin < seconds);
    close(fd);
    unlink(path);
    return (double)written / (end - begin);
}

static struct journal *begin_journal(struct bench *bench, struct journal_io *io, struct journal_report *report)
{
    struct journal *journal;
    struct journal_config config = {.io = io,
                                    .from = 1,
                                    .bodies = {.at = at, .user = bench},
                                    .replay = {.records = see_records, .adopt = see_run, .user = bench}};
    if (journal_open(&config, &journal, report) == JQ_OK)
        return journal;
    fprintf(stderr, "%s\n", report->text);
    exit(1);
}

/* Until the I/O says something, or the journal wants to be called again. */
static void wait_for_wake(struct bench *bench, struct journal_io *io, struct journal *journal)
{
    uint64_t count, next = journal_next(journal), begin = (uint64_t)(now() * 1e9);
    uint64_t wait_ms = next <= begin ? 0 : (next - begin) / 1000000 + 1;
    struct pollfd woken = {.fd = bench->woken, .events = POLLIN};
    if (poll(&woken, 1, next == ENGINE_FOREVER ? -1 : (int)wait_ms) > 0)
        need(read(bench->woken, &count, sizeof count) == sizeof count, "eventfd");
    journal_io_poll(io);
    journal_tick(journal, (uint64_t)(now() * 1e9));
}

/* Bytes of bodies a second that are durable, with so many batches under way at most. */
static double fill(struct bench *bench, struct journal_io *io, struct journal *journal, double seconds)
{
    uint64_t last = 0;
    double begin = now(), end;
    do {
        struct engine_record record = {.kind = ENGINE_RECORD_PUT,
                                       .number = ++last,
                                       .incarnation = 1,
                                       .first = last * PUTS,
                                       .count = PUTS,
                                       .bodies = bench->bodies};
        struct journal_batch batch = {.records = &record, .count = 1};
        need(journal_append(journal, &batch) == JQ_OK, "append");
        journal_tick(journal, (uint64_t)(now() * 1e9));
        while (last - journal_durable(journal) >= WINDOW_BATCHES)
            wait_for_wake(bench, io, journal);
        end = now();
    } while (end - begin < seconds);
    while (journal_durable(journal) < last)
        wait_for_wake(bench, io, journal);
    end = now();
    printf("journal          %8.1f thousand puts a second, %.1f MB/s of bodies\n",
           (double)last * PUTS / (end - begin) / 1e3, (double)last * PUTS * BODY / (end - begin) / 1e6);
    return (double)last * PUTS * (BODY + 2) / (end - begin);
}

int main(int argc, char **argv)
{
    char path[4096], text[JOURNAL_TEXT_SIZE];
    struct journal_report report;
    struct bench bench = {.woken = eventfd(0, EFD_CLOEXEC), .chunk = malloc(PUTS * (BODY + 2))};
    double seconds = argc > 2 ? strtod(argv[2], NULL) : SECONDS;
    if (argc < 2) {
        fprintf(stderr, "usage: journal-bench FOLDER [SECONDS]\nFOLDER is on the disk in question; FOLDER/journal is "
                        "made, and stays\n");
        return 2;
    }
    need(bench.woken >= 0 && bench.chunk, "begin");
    for (uint32_t i = 0; i < PUTS; i++) {
        bench.bodies[i] = (struct engine_body){.chunk = 1, .offset = i * (BODY + 2), .length = BODY};
        memset(bench.chunk + (size_t)i * (BODY + 2), 'x', BODY + 2);
    }
    double floor = raw(argv[1], seconds);
    printf("64 KiB and sync  %8.1f MB/s, %.0f syncs a second\n", floor / 1e6, floor / RAW);
    snprintf(path, sizeof path, "%s/journal", argv[1]);
    struct journal_io *io = journal_io_threads_new(path, wake, &bench, text, sizeof text);
    need(io, text);
    struct journal *journal = begin_journal(&bench, io, &report);
    need(report.records == 0, "FOLDER/journal is not empty");
    double got = fill(&bench, io, journal, seconds);
    printf("ratio            %8.2f\n", got / floor);
    journal_free(journal);
    double begin = now();
    journal = begin_journal(&bench, io, &report);
    double took = now() - begin;
    printf("recovery         %8.1f MB/s, %.2f million messages a second\n", (double)report.bytes / took / 1e6,
           (double)bench.records * PUTS / took / 1e6);
    journal_free(journal);
    journal_io_free(io);
    free(bench.chunk);
    return 0;
}
