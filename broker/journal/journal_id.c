/* SPDX-License-Identifier: Apache-2.0 */
/* The data id, with the secret that is a part of it: a small file that is made at the first start. Each segment has it in its header too,
 * so that a repair can make the file anew. */
#include "journal_file.h"
#include "journal_format.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char id_name[] = "data-id";

static int says(char text[JOURNAL_TEXT_SIZE], const char *what, int error)
{
    snprintf(text, JOURNAL_TEXT_SIZE, "file '%s' of the data folder: %s: %s", id_name, what, strerrordesc_np(error));
    return JQ_STORAGE;
}

/* Under another name first: it is there whole or not at all. */
static int make(struct journal_io *io, const uint8_t id[JOURNAL_ID_SIZE])
{
    uint8_t bytes[JOURNAL_ID_SIZE];
    memcpy(bytes, id, sizeof bytes);
    struct iovec part = {bytes, sizeof bytes};
    struct journal_io_request requests[] = {
        {.op = JOURNAL_IO_UNLINK, .name = "data-id.new"},
        {.op = JOURNAL_IO_CREATE, .name = "data-id.new"},
        {.op = JOURNAL_IO_WRITE, .name = "data-id.new", .parts = &part, .part_count = 1},
        {.op = JOURNAL_IO_SYNC, .name = "data-id.new"},
        {.op = JOURNAL_IO_RENAME, .name = "data-id.new", .to = "data-id"},
        {.op = JOURNAL_IO_SYNC_FOLDER},
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        int error = journal_io_run(io, &requests[i]);
        if (error && i > 0)
            return error;
    }
    return 0;
}

static int read_id(struct journal_io *io, uint8_t id[JOURNAL_ID_SIZE], bool *whole)
{
    uint8_t bytes[JOURNAL_ID_SIZE + 1];
    struct journal_io_request read = {.op = JOURNAL_IO_READ, .name = "data-id", .size = sizeof bytes, .bytes = bytes};
    int error = journal_io_run(io, &read);
    *whole = !error && read.got == JOURNAL_ID_SIZE;
    if (*whole)
        memcpy(id, bytes, JOURNAL_ID_SIZE);
    return error;
}

/* ---- what the segments say ---- */

struct headers {
    struct journal_io *io;
    const uint8_t *known; /* or NULL */
    uint8_t id[JOURNAL_ID_SIZE];
    uint64_t segments; /* that have one */
    bool known_found, differ;
};

static void look_at(void *user, const char *name, uint64_t size)
{
    struct headers *headers = user;
    uint8_t bytes[JOURNAL_SEGMENT_HEADER];
    struct journal_io_request read = {.op = JOURNAL_IO_READ, .size = sizeof bytes, .bytes = bytes};
    struct journal_header header;
    uint64_t number;
    (void)size;
    if (!journal_segment_number(name, &number))
        return;
    journal_segment_name(number, read.name);
    if (journal_io_run(headers->io, &read) != 0 || read.got < sizeof bytes ||
        journal_header_get(bytes, &header) != JOURNAL_HEADER_GOOD)
        return;
    headers->differ |= headers->segments > 0 && memcmp(headers->id, header.id, sizeof header.id) != 0;
    headers->known_found |= headers->known && memcmp(headers->known, header.id, sizeof header.id) == 0;
    memcpy(headers->id, header.id, sizeof header.id);
    headers->segments++;
}

static int look(struct headers *headers)
{
    struct journal_io_request list = {.op = JOURNAL_IO_LIST, .entry = look_at, .user = headers};
    return journal_io_run(headers->io, &list);
}

/* ---- */

int journal_id(struct journal_io *io, const uint8_t *fresh, uint8_t id[JOURNAL_ID_SIZE], char text[JOURNAL_TEXT_SIZE])
{
    struct headers headers = {.io = io};
    bool whole;
    int error = read_id(io, id, &whole);
    if (whole)
        return JQ_OK;
    if (!error) {
        snprintf(text, JOURNAL_TEXT_SIZE,
                 "file '%s' of the data folder is damaged: it has not %d bytes. Restore it from a copy, or run 'joinqd "
                 "--repair', which makes it anew of what the segments say",
                 id_name, JOURNAL_ID_SIZE);
        return JQ_STORAGE;
    }
    if (error != ENOENT)
        return says(text, "it cannot be read", error);
    error = look(&headers);
    if (!error && (headers.segments || !fresh)) {
        snprintf(text, JOURNAL_TEXT_SIZE, "file '%s' of the data folder is missing%s", id_name,
                 headers.segments ? ", but there are segments. Restore it from a copy, or run 'joinqd --repair', which "
                                    "makes it anew of what they say"
                                  : ": there is no data in it");
        return JQ_STORAGE;
    }
    if (!error)
        error = make(io, fresh);
    if (error)
        return says(text, "it cannot be made", error);
    memcpy(id, fresh, JOURNAL_ID_SIZE);
    return JQ_OK;
}

int journal_id_repair(struct journal_io *io, bool *made, char text[JOURNAL_TEXT_SIZE])
{
    uint8_t id[JOURNAL_ID_SIZE];
    bool whole;
    int error = read_id(io, id, &whole);
    struct headers headers = {.io = io, .known = whole ? id : NULL};
    *made = false;
    if (error && error != ENOENT)
        return says(text, "it cannot be read", error);
    error = look(&headers);
    if (!error && (headers.known_found || !headers.segments || headers.differ))
        return JQ_OK; /* nothing is known that is better */
    if (!error)
        error = make(io, headers.id);
    *made = !error;
    return error ? says(text, "it cannot be made", error) : JQ_OK;
}
