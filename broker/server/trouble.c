/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong with the disk, where, and what came of it, in one line. */
#include "log.h"
#include "state.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const uint64_t TELL_NS = UINT64_C(10000000000); /* each kind is told once in so long */

static const char *const done_about_it[JOURNAL_TROUBLES] = {
    [JOURNAL_WRITE_FAILED] =
        "nothing that was acknowledged is lost: what is not on the disk yet is written to another file",
    [JOURNAL_SYNC_FAILED] =
        "nothing that was acknowledged is lost: what is not on the disk yet is written to another file",
    [JOURNAL_MAKE_FAILED] = "it is tried again every few seconds; meanwhile the last of the log that there is fills",
    [JOURNAL_READ_FAILED] =
        "messages there are given back and tried again later; joinqd --check-data says what is damaged",
    [JOURNAL_DISK_SLOW] = "answers of durable queues wait for it",
};

static void what_of(const struct journal_trouble *trouble, char *to, size_t size)
{
    const char *why = trouble->error ? strerror(trouble->error) : "it is not what was written";
    uint64_t ms = trouble->took_ns / 1000000;
    switch (trouble->kind) {
    case JOURNAL_WRITE_FAILED:
    case JOURNAL_SYNC_FAILED:
        snprintf(to, size, "a %s failed: %s; the file is given up from %" PRIu64 " on",
                 trouble->kind == JOURNAL_SYNC_FAILED ? "sync" : "write", why, trouble->offset);
        break;
    case JOURNAL_MAKE_FAILED:
        snprintf(to, size, "the next file of the log cannot be made: %s", why);
        break;
    case JOURNAL_READ_FAILED:
        snprintf(to, size, "cannot be read at %" PRIu64 ": %s", trouble->offset, why);
        break;
    default:
        snprintf(to, size, "the disk has taken %" PRIu64 ".%" PRIu64 " s for one write or sync", ms / 1000,
                 ms % 1000 / 100);
        break;
    }
}

void trouble_hear(void *user, const struct journal_trouble *heard)
{
    struct server *server = user;
    struct trouble *trouble = &server->storage.trouble;
    uint64_t now = server_now(), *told = &trouble->told_ns[heard->kind], *untold = &trouble->untold[heard->kind];
    char what[256], more[64] = "";
    if (*told && now - *told < TELL_NS) {
        ++*untold;
        return;
    }
    if (*untold)
        snprintf(more, sizeof more, " (and %" PRIu64 " times more since the last such line)", *untold);
    what_of(heard, what, sizeof what);
    server_error("%s/%s: %s; %s%s", server->config.data, heard->file, what, done_about_it[heard->kind], more);
    *told = now;
    *untold = 0;
}
