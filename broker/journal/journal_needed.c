/* SPDX-License-Identifier: Apache-2.0 */
/* The file needed-N: magic, crc of the rest, version, data id, N, until. One that is not whole says nothing. */
#include "journal_needed.h"
#include "codes.h"
#include "journal_bytes.h"
#include "journal_crc.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char prefix[] = "needed-";
static const uint8_t magic[8] = "joinqmin";

enum { AT_CRC = 8, AT_VERSION = 12, AT_ID = 16, AT_FROM = 48, AT_UNTIL = 56, NEEDED_VERSION = 1 };

static void encode(uint8_t bytes[JOURNAL_NEEDED_SIZE], const uint8_t *id, struct journal_span span)
{
    memset(bytes, 0, JOURNAL_NEEDED_SIZE);
    memcpy(bytes, magic, sizeof magic);
    put_u32(bytes + AT_VERSION, NEEDED_VERSION);
    memcpy(bytes + AT_ID, id, JOURNAL_ID_SIZE);
    put_u64(bytes + AT_FROM, span.from);
    put_u64(bytes + AT_UNTIL, span.until);
    put_u32(bytes + AT_CRC, journal_crc(0, bytes + AT_VERSION, JOURNAL_NEEDED_SIZE - AT_VERSION));
}

static void name_of(uint64_t from, char name[JOURNAL_NAME_SIZE])
{
    snprintf(name, JOURNAL_NAME_SIZE, "%s%020" PRIu64, prefix, from);
}

/* ---- reading ---- */

enum { FILES_MAX = 16 /* more than crashes leave */ };

struct files {
    uint64_t from[FILES_MAX];
    unsigned count;
};

static void on_entry(void *user, const char *name, uint64_t size)
{
    struct files *files = user;
    char own[JOURNAL_NAME_SIZE];
    (void)size;
    if (strncmp(name, prefix, sizeof prefix - 1) != 0 || files->count == FILES_MAX)
        return;
    uint64_t from = strtoull(name + sizeof prefix - 1, NULL, 10);
    name_of(from, own);
    if (from > 0 && strcmp(name, own) == 0)
        files->from[files->count++] = from;
}

/* Whether the file is whole. */
static int read_one(struct journal_io *io, const uint8_t *id, uint64_t from, uint64_t *until, bool *good)
{
    uint8_t bytes[JOURNAL_NEEDED_SIZE + 1], wanted[JOURNAL_NEEDED_SIZE];
    struct journal_io_request read = {.op = JOURNAL_IO_READ, .size = sizeof bytes, .bytes = bytes};
    name_of(from, read.name);
    int error = journal_io_run(io, &read);
    *good = !error && read.got == sizeof wanted;
    if (!*good)
        return error;
    *until = get_u64(bytes + AT_UNTIL);
    encode(wanted, id, (struct journal_span){from, *until});
    *good = memcmp(bytes, wanted, sizeof wanted) == 0 && *until >= from;
    return 0;
}

static int look(struct journal_io *io, const uint8_t *id, struct files *files, struct journal_span *said)
{
    struct journal_io_request list = {.op = JOURNAL_IO_LIST, .entry = on_entry, .user = files};
    int error = journal_io_run(io, &list);
    *said = (struct journal_span){.from = 1};
    for (unsigned i = 0; i < files->count && !error; i++) {
        bool good;
        uint64_t until;
        error = read_one(io, id, files->from[i], &until, &good);
        if (good && files->from[i] > said->from)
            *said = (struct journal_span){files->from[i], until};
    }
    return error;
}

static int says(char text[JOURNAL_TEXT_SIZE], int error)
{
    if (!error)
        return JQ_OK;
    snprintf(text, JOURNAL_TEXT_SIZE, "a file '%sN' of the data folder: %s", prefix, strerrordesc_np(error));
    return JQ_STORAGE;
}

int journal_needed_look(struct journal_io *io, const uint8_t id[JOURNAL_ID_SIZE], struct journal_span *said,
                        char text[JOURNAL_TEXT_SIZE])
{
    struct files files = {.count = 0};
    return says(text, look(io, id, &files, said));
}

/* A process that was killed may have left it in the page cache alone: it is written once more, and synced, before anything that says
 * less goes, and before anything is done because of it. */
static int make_durable(struct journal_io *io, const uint8_t *id, struct journal_span span)
{
    uint8_t bytes[JOURNAL_NEEDED_SIZE];
    struct iovec part = {bytes, sizeof bytes};
    struct journal_io_request write = {.op = JOURNAL_IO_WRITE, .parts = &part, .part_count = 1};
    struct journal_io_request sync = {.op = JOURNAL_IO_SYNC}, folder = {.op = JOURNAL_IO_SYNC_FOLDER};
    encode(bytes, id, span);
    name_of(span.from, write.name);
    name_of(span.from, sync.name);
    int error = journal_io_run(io, &write);
    if (!error)
        error = journal_io_run(io, &sync);
    return error ? error : journal_io_run(io, &folder);
}

int journal_needed_hold(struct journal_io *io, const uint8_t id[JOURNAL_ID_SIZE], char text[JOURNAL_TEXT_SIZE])
{
    struct files files = {.count = 0};
    struct journal_span said;
    int error = look(io, id, &files, &said);
    if (!error && said.until)
        error = make_durable(io, id, said);
    for (unsigned i = 0; i < files.count && !error; i++) {
        struct journal_io_request unlink = {.op = JOURNAL_IO_UNLINK};
        name_of(files.from[i], unlink.name);
        if (files.from[i] < said.from) /* one that says more and is not whole is not ours to judge */
            error = journal_io_run(io, &unlink);
    }
    return says(text, error);
}

int journal_needed_forget(struct journal_io *io, char text[JOURNAL_TEXT_SIZE])
{
    struct files files = {.count = 0};
    struct journal_io_request list = {.op = JOURNAL_IO_LIST, .entry = on_entry, .user = &files};
    struct journal_io_request folder = {.op = JOURNAL_IO_SYNC_FOLDER};
    int error = journal_io_run(io, &list);
    for (unsigned i = 0; i < files.count && !error; i++) {
        struct journal_io_request unlink = {.op = JOURNAL_IO_UNLINK};
        name_of(files.from[i], unlink.name);
        error = journal_io_run(io, &unlink);
    }
    return says(text, error ? error : journal_io_run(io, &folder));
}

/* ---- writing ---- */

static void go_on(struct journal_io_request *request);

static void end(struct journal_needed *needed, int error)
{
    if (!error)
        needed->said = needed->span.from;
    needed->busy = false;
    needed->done(needed->user, needed->span.from, error);
}

enum { STEP_AGAIN, STEP_CREATE, STEP_WRITE, STEP_SYNC, STEP_FOLDER, STEP_OLD, STEPS };

static void submit(struct journal_needed *needed)
{
    static const enum journal_io_op steps[STEPS] = {
        [STEP_AGAIN] = JOURNAL_IO_UNLINK, /* what a failed attempt left */
        [STEP_CREATE] = JOURNAL_IO_CREATE,      [STEP_WRITE] = JOURNAL_IO_WRITE, [STEP_SYNC] = JOURNAL_IO_SYNC,
        [STEP_FOLDER] = JOURNAL_IO_SYNC_FOLDER, [STEP_OLD] = JOURNAL_IO_UNLINK,
    };
    if (needed->step == STEPS || (needed->step == STEP_OLD && !needed->said)) {
        end(needed, 0);
        return;
    }
    needed->part = (struct iovec){needed->bytes, sizeof needed->bytes};
    needed->request = (struct journal_io_request){.op = steps[needed->step],
                                                  .size = sizeof needed->bytes,
                                                  .parts = &needed->part,
                                                  .part_count = 1,
                                                  .done = go_on,
                                                  .user = needed};
    name_of(needed->step == STEP_OLD ? needed->said : needed->span.from, needed->request.name);
    journal_io_submit(needed->io, &needed->request);
}

/* What is left over of files that say less does no harm. */
static void go_on(struct journal_io_request *request)
{
    struct journal_needed *needed = request->user;
    if (request->error && request->op != JOURNAL_IO_UNLINK) {
        end(needed, request->error);
        return;
    }
    needed->step++;
    submit(needed);
}

void journal_needed_write(struct journal_needed *needed, struct journal_span span)
{
    JQ_ASSERT(!needed->busy && span.from > needed->said && span.until >= span.from);
    needed->busy = true;
    needed->span = span;
    needed->step = 0;
    encode(needed->bytes, needed->id, span);
    submit(needed);
}
