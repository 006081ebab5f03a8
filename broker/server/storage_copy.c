/* SPDX-License-Identifier: Apache-2.0 */
/* joinqd --copy-data: a backup of a data folder, also while a broker works on it; what was copied is verified before it is said to be
 * good. */
#include "codes.h"
#include "journal_copy.h"
#include "server.h"
#include <inttypes.h>
#include <stdio.h>

static void nothing(void *user)
{
    (void)user;
}

static int fail(const char *folder, const char *text)
{
    fprintf(stderr, "joinqd: %s: %s\n", folder, *text ? text : "out of memory");
    return 1;
}

int server_copy_data(const char *from, const char *to)
{
    char text[JOURNAL_TEXT_SIZE] = "";
    struct journal_copied copied;
    struct journal_io *source = journal_io_threads_copying(from, text, sizeof text);
    if (!source)
        return fail(from, text);
    struct journal_io *target = journal_io_threads_new(to, nothing, NULL, text, sizeof text);
    int code = target ? journal_copy(source, target, &copied, text) : JQ_STORAGE;
    journal_io_free(target);
    journal_io_free(source);
    if (code != JQ_OK)
        return fail(to, text);
    printf("%s: %" PRIu64 " files, %" PRIu64 " bytes copied from %s\n", to, copied.files, copied.bytes, from);
    return server_check_data(to);
}
