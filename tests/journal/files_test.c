/* SPDX-License-Identifier: Apache-2.0 */
/* The journal on real files with threads: the lock, the data id, a few runs of it, bodies read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "journal_crc.h"
#include "journal_file.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SEGMENT = 256 * 1024, BODIES = 100, BODY = 300, BATCHES = 40 };

struct fixture {
    char folder[64];
    int woken; /* eventfd */
    struct journal_io *io;
    struct journal *journal;
    struct journal_report report;
    uint8_t id[JOURNAL_ID_SIZE];
    uint8_t *chunk;
    uint32_t chunk_size;
    struct engine_body bodies[BODIES];
    uint64_t last, seen;
    struct journal_place place;
    uint32_t placed_size, placed_crc, placed, held;
    int read_code;
};

static void wake(void *user)
{
    uint64_t one = 1;
    assert_int_equal(write(((struct fixture *)user)->woken, &one, sizeof one), sizeof one);
}

static const uint8_t *at(void *user, uint32_t chunk, uint32_t offset)
{
    (void)chunk;
    return ((struct fixture *)user)->chunk + offset;
}

static void hold(void *user, uint32_t chunk)
{
    ((struct fixture *)user)->held += chunk;
}

static void drop(void *user, uint32_t chunk)
{
    ((struct fixture *)user)->held -= chunk;
}

static void placed(void *user, uint32_t chunk, uint32_t offset, uint32_t size, uint32_t count,
                   struct journal_place place, uint32_t crc)
{
    assert_true(count > 0);
    struct fixture *f = user;
    assert_true(chunk == 1 && offset == 0 && size == f->chunk_size && f->held > 0);
    f->place = place;
    f->placed_size = size;
    f->placed_crc = crc;
    f->placed++;
}

static int see(void *user, uint64_t wall_ns, const struct engine_record *records, uint32_t count)
{
    struct fixture *f = user;
    assert_int_equal(wall_ns, 5);
    f->seen += count;
    assert_int_equal(records[count - 1].number, f->seen);
    return JQ_OK;
}

static void start(struct fixture *f, uint8_t fresh)
{
    char text[JOURNAL_TEXT_SIZE];
    uint8_t bytes[JOURNAL_ID_SIZE];
    memset(bytes, fresh, sizeof bytes);
    f->io = journal_io_threads_new(f->folder, wake, f, text, sizeof text);
    assert_non_null(f->io);
    assert_int_equal(journal_id(f->io, bytes, f->id, text), JQ_OK);
    f->seen = 0;
    struct journal_config config = {.io = f->io,
                                    .from = 1,
                                    .segment_size = SEGMENT,
                                    .bodies = {.at = at, .hold = hold, .placed = placed, .drop = drop, .user = f},
                                    .replay = {.records = see, .user = f}};
    memcpy(config.id, f->id, sizeof config.id);
    assert_int_equal(journal_open(&config, &f->journal, &f->report), JQ_OK);
    f->last = f->report.last;
}

static void stop(struct fixture *f)
{
    journal_free(f->journal);
    journal_io_free(f->io);
}

static void init(struct fixture *f)
{
    *f = (struct fixture){.folder = "journal-test-XXXXXX", .woken = eventfd(0, EFD_CLOEXEC)};
    assert_true(f->woken >= 0 && mkdtemp(f->folder));
    f->chunk = malloc(BODIES * (BODY + 3));
    assert_non_null(f->chunk);
    for (uint32_t i = 0; i < BODIES; i++) {
        uint8_t *body = f->chunk + f->chunk_size;
        f->bodies[i] = (struct engine_body){.chunk = 1, .offset = f->chunk_size, .length = BODY};
        memset(body, (int)i, BODY + 3);
        body[0] = 0xc5;
        body[1] = BODY >> 8;
        body[2] = BODY & 0xff;
        f->chunk_size += BODY + 3;
    }
    start(f, 7);
}

static void fini(struct fixture *f)
{
    char command[128];
    pid_t child = fork();
    snprintf(command, sizeof command, "%s", f->folder);
    if (child == 0) {
        execlp("rm", "rm", "-r", command, (char *)NULL);
        _exit(1);
    }
    int status;
    assert_true(waitpid(child, &status, 0) == child && status == 0);
    close(f->woken);
    free(f->chunk);
}

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* Until the I/O says something, or the journal wants to be called again. */
static void wait_for_wake(struct fixture *f)
{
    struct pollfd fd = {.fd = f->woken, .events = POLLIN};
    uint64_t count, next = journal_next(f->journal), begin = now();
    uint64_t wait_ms = next <= begin ? 0 : (next - begin) / 1000000 + 1;
    int found = poll(&fd, 1, wait_ms < 20000 ? (int)wait_ms : 20000);
    assert_true(found == 1 || (found == 0 && next != ENGINE_FOREVER));
    if (found)
        assert_int_equal(read(f->woken, &count, sizeof count), sizeof count);
    journal_io_poll(f->io);
    journal_tick(f->journal, now());
}

static void put(struct fixture *f)
{
    struct engine_record record = {
        .kind = ENGINE_RECORD_PUT, .number = ++f->last, .first = 1, .count = BODIES, .bodies = f->bodies};
    struct journal_batch batch = {.wall_ns = 5, .records = &record, .count = 1};
    assert_int_equal(journal_append(f->journal, &batch), JQ_OK);
    journal_tick(f->journal, now());
}

static void read_done(void *user, int code, uint8_t *buffer)
{
    struct fixture *f = user;
    assert_true(code != JQ_OK || memcmp(buffer, f->chunk, f->chunk_size) == 0);
    f->read_code = code;
}

static int read_back(struct fixture *f, uint32_t crc)
{
    uint8_t *buffer = malloc(f->placed_size);
    assert_non_null(buffer);
    f->read_code = -1;
    assert_int_equal(journal_read(f->journal, f->place, f->placed_size, crc, buffer, read_done, f), JQ_OK);
    while (f->read_code < 0)
        wait_for_wake(f);
    free(buffer);
    return f->read_code;
}

static void several_runs(void **state)
{
    (void)state;
    struct fixture f;
    size_t count;
    init(&f);
    for (int run = 1; run <= 3; run++) {
        for (int i = 0; i < BATCHES; i++) {
            put(&f);
            put(&f); /* most of the time while the other is under way */
            while (i % 8 == 0 && journal_durable(f.journal) < f.last)
                wait_for_wake(&f);
        }
        while (journal_durable(f.journal) < f.last)
            wait_for_wake(&f);
        assert_true(f.placed == f.last && f.held == 0);
        assert_int_equal(read_back(&f, f.placed_crc), JQ_OK);
        assert_int_equal(read_back(&f, f.placed_crc + 1), JQ_STORAGE);
        (void)journal_segments(f.journal, &count);
        assert_true(count > 1);
        stop(&f);
        start(&f, 9); /* the id stays what it was */
        assert_true(f.id[0] == 7 && f.seen == f.last && f.last == (uint64_t)run * 2 * BATCHES);
    }
    stop(&f);
    fini(&f);
}

/* What was appended when it ends is written: the owner waits for more if it wants more. */
static void ends_with_work_under_way(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    for (int i = 0; i < 10; i++)
        put(&f);
    stop(&f);
    assert_int_equal(f.held, 0);
    start(&f, 9);
    assert_int_equal(f.last, 10);
    stop(&f);
    fini(&f);
}

/* Appends for ever, and says what is written. */
static void run_until_killed(struct fixture *f, int pipe)
{
    start(f, 9);
    for (;;) {
        put(f);
        if (f->last % 3 == 0)
            wait_for_wake(f);
        uint64_t written = journal_state(f->journal).written;
        if (write(pipe, &written, sizeof written) != sizeof written)
            _exit(1);
    }
}

static void a_killed_process_loses_nothing_written(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    stop(&f);
    for (int round = 0; round < 5; round++) {
        int ends[2], status;
        uint64_t written = 0;
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0)
            run_until_killed(&f, ends[1]);
        close(ends[1]);
        for (int i = 0; i < 200 + round * 37; i++)
            assert_int_equal(read(ends[0], &written, sizeof written), sizeof written);
        assert_int_equal(kill(child, SIGKILL), 0);
        while (read(ends[0], &written, sizeof written) == sizeof written)
            continue;
        close(ends[0]);
        assert_int_equal(waitpid(child, &status, 0), child);
        start(&f, 9);
        assert_true(f.last >= written && f.seen == f.last && written > 0);
        stop(&f);
    }
    fini(&f);
}

static void one_process_a_folder(void **state)
{
    (void)state;
    struct fixture f;
    char text[JOURNAL_TEXT_SIZE], pid[32];
    init(&f);
    snprintf(pid, sizeof pid, "pid %ld", (long)getpid());
    assert_null(journal_io_threads_new(f.folder, NULL, NULL, text, sizeof text));
    assert_non_null(strstr(text, f.folder));
    assert_non_null(strstr(text, pid));
    stop(&f);
    start(&f, 9);
    stop(&f);
    assert_null(journal_io_threads_new("no/such/folder", NULL, NULL, text, sizeof text));
    assert_non_null(strstr(text, "No such file"));
    fini(&f);
}

/* proves: RST-2 */
static void a_lost_id_is_not_another_one(void **state)
{
    (void)state;
    struct fixture f;
    char text[JOURNAL_TEXT_SIZE], name[128];
    uint8_t fresh[JOURNAL_ID_SIZE] = {1}, id[JOURNAL_ID_SIZE];
    bool made = true;
    init(&f);
    put(&f);
    stop(&f);
    snprintf(name, sizeof name, "%s/data-id", f.folder);
    assert_int_equal(unlink(name), 0);
    f.io = journal_io_threads_new(f.folder, wake, &f, text, sizeof text);
    assert_non_null(f.io);
    assert_int_equal(journal_id(f.io, fresh, id, text), JQ_STORAGE);
    assert_non_null(strstr(text, "--repair"));
    assert_int_equal(journal_id_repair(f.io, &made, text), JQ_OK);
    assert_true(made);
    assert_int_equal(journal_id(f.io, fresh, id, text), JQ_OK);
    assert_memory_equal(id, f.id, sizeof id);
    journal_io_free(f.io);
    start(&f, 9);
    assert_int_equal(f.seen, 1);
    stop(&f);
    fini(&f);
}

/* proves: OUT-1 */
static void a_file_without_a_name_is_not_durable(void **state)
{
    (void)state;
    struct fixture f;
    char name[128];
    init(&f);
    struct iovec part = {f.chunk, f.chunk_size};
    struct journal_io_request create = {.op = JOURNAL_IO_CREATE, .name = "some"};
    struct journal_io_request write = {.op = JOURNAL_IO_WRITE, .name = "some", .parts = &part, .part_count = 1};
    struct journal_io_request sync = {.op = JOURNAL_IO_SYNC, .name = "some"};
    assert_true(journal_io_run(f.io, &create) == 0 && journal_io_run(f.io, &write) == 0);
    assert_int_equal(journal_io_run(f.io, &sync), 0);
    snprintf(name, sizeof name, "%s/some", f.folder);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(journal_io_run(f.io, &write), 0);
    assert_int_equal(journal_io_run(f.io, &sync), ENOENT);
    stop(&f);
    fini(&f);
}

static void run_write(struct fixture *f, const char *name, uint64_t offset, void *bytes, size_t size, bool at_end)
{
    struct iovec part = {bytes, size};
    struct journal_io_request write = {
        .op = JOURNAL_IO_WRITE, .offset = offset, .parts = &part, .part_count = 1, .at_end = at_end};
    snprintf(write.name, sizeof write.name, "%s", name);
    assert_int_equal(journal_io_run(f->io, &write), 0);
}

/* What the file has: so many bytes of the first value, the rest of the second. */
static void assert_content(const struct fixture *f, const char *name, size_t first, int value, int rest)
{
    static uint8_t bytes[SEGMENT + 1];
    char path[128];
    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, sizeof bytes, file), SEGMENT);
    fclose(file);
    for (size_t i = 0; i < SEGMENT; i++)
        assert_int_equal(bytes[i], i < first ? value : rest);
}

/* Where blocks that are only reserved begin; the file's size: nowhere. */
static off_t reserved_from(const struct fixture *f, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && fsync(fd) == 0);
    off_t hole = lseek(fd, 0, SEEK_HOLE);
    close(fd);
    return hole;
}

/* Blocks behind a small write are written too, once, and nothing that is in a file is changed by that.
 * proves: RST-2 */
static void what_is_only_reserved_is_written_ahead(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    uint8_t *full = malloc(SEGMENT);
    assert_non_null(full);
    memset(full, 0xee, SEGMENT);
    struct journal_io_request create = {.op = JOURNAL_IO_CREATE, .name = "new", .size = SEGMENT};
    assert_int_equal(journal_io_run(f.io, &create), 0);
    bool told = reserved_from(&f, "new") == 0; /* not every file system knows */
    run_write(&f, "new", 0, full, 100, true);
    assert_content(&f, "new", 100, 0xee, 0);
    off_t ahead = reserved_from(&f, "new");
    assert_true(!told || ahead > 16 * 1024);
    run_write(&f, "new", 100, full, 100, true);
    assert_true(reserved_from(&f, "new") == ahead);
    run_write(&f, "new", SEGMENT - 10, full, 10, true);
    run_write(&f, "new", 0, full, SEGMENT, true);
    uint8_t few[10] = {0};
    run_write(&f, "new", 0, few, sizeof few, true);
    assert_content(&f, "new", sizeof few, 0, 0xee);
    struct journal_io_request rename = {.op = JOURNAL_IO_RENAME, .name = "new", .to = "again"};
    assert_int_equal(journal_io_run(f.io, &rename), 0);
    run_write(&f, "again", 0, few, sizeof few, true);
    assert_content(&f, "again", sizeof few, 0, 0xee);
    /* A hole may be zeros of somebody's message: what follows it stays. */
    struct journal_io_request sparse = {.op = JOURNAL_IO_CREATE, .name = "sparse", .size = SEGMENT};
    assert_int_equal(journal_io_run(f.io, &sparse), 0);
    run_write(&f, "sparse", SEGMENT / 8, full, SEGMENT - SEGMENT / 8, false);
    run_write(&f, "again", 0, few, sizeof few, true); /* then the other one is looked at anew */
    run_write(&f, "sparse", 0, full, 100, false);
    assert_true(!told || reserved_from(&f, "sparse") <= 64 * 1024);
    run_write(&f, "sparse", 100, full, SEGMENT / 8 - 100, false);
    assert_content(&f, "sparse", SEGMENT, 0xee, 0);
    free(full);
    stop(&f);
    fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_runs),
        cmocka_unit_test(ends_with_work_under_way),
        cmocka_unit_test(a_killed_process_loses_nothing_written),
        cmocka_unit_test(one_process_a_folder),
        cmocka_unit_test(a_lost_id_is_not_another_one),
        cmocka_unit_test(a_file_without_a_name_is_not_durable),
        cmocka_unit_test(what_is_only_reserved_is_written_ahead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
