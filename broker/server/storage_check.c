/* SPDX-License-Identifier: Apache-2.0 */
/* joinqd --check-data: every byte of a data folder is read, every checksum verified, and all records carried out in an engine that is
 * thrown away. It changes nothing, and needs no memory for bodies. */
#include "codes.h"
#include "engine.h"
#include "journal_needed.h"
#include "server.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct check {
    const char *folder;
    struct engine *engine;
    uint64_t wrong;
};

static void on_found(void *user, const char *file, uint64_t offset, uint64_t size, const char *text)
{
    struct check *check = user;
    printf("%s/%s: at %" PRIu64 ", %" PRIu64 " bytes: %s\n", check->folder, file, offset, size, text);
    check->wrong++;
}

static void on_gap(void *user, uint64_t first, uint64_t last)
{
    struct check *check = user;
    printf("%s: records %" PRIu64 " to %" PRIu64 " are lost\n", check->folder, first, last);
    engine_replay_repairs(check->engine);
}

static int on_records(void *user, uint64_t wall_ns, const struct engine_record *records, uint32_t count)
{
    struct check *check = user;
    (void)wall_ns;
    int code = engine_replay(check->engine, 1, 0, records, count);
    if (code != JQ_STORAGE)
        return code;
    printf("%s: records from %" PRIu64 " on make no sense after what came before\n", check->folder, records->number);
    engine_replay_repairs(check->engine);
    check->wrong++;
    return JQ_OK;
}

static void nothing(void *user)
{
    (void)user;
}

static int look_through(struct check *check, struct journal_io *io, char text[JOURNAL_TEXT_SIZE])
{
    struct journal_report report = {0};
    struct journal_config config = {.io = io,
                                    .replay = {.records = on_records, .gap = on_gap, .found = on_found, .user = check}};
    uint8_t none[JOURNAL_ID_SIZE] = {0};
    int code = journal_id(io, none, config.id, text);
    if (code == JQ_OK)
        code = journal_needed_look(io, config.id, &config.from, text);
    if (code != JQ_OK)
        return code;
    code = journal_check(&config, &report);
    memcpy(text, report.text, sizeof report.text);
    if (code == JQ_OK && engine_replay_end(check->engine) != JQ_OK) {
        printf("%s: the records say of some queue only a part\n", check->folder);
        check->wrong++;
    }
    if (code == JQ_OK || check->wrong)
        printf("%s: %" PRIu64 " records in %" PRIu64 " bytes, %" PRIu64 " damaged\n", check->folder, report.records,
               report.bytes, check->wrong);
    return code;
}

int server_check_data(const char *folder)
{
    char text[JOURNAL_TEXT_SIZE] = "";
    const struct engine_config engine = {.incarnation_first = 1, .client_forget_ns = ENGINE_FOREVER};
    struct check check = {.folder = folder, .engine = engine_new(&engine)};
    struct journal_io *io = check.engine ? journal_io_threads_new(folder, nothing, NULL, text, sizeof text) : NULL;
    int code = io ? look_through(&check, io, text) : JQ_STORAGE;
    if (code != JQ_OK && !check.wrong)
        fprintf(stderr, "joinqd: %s: %s\n", folder, *text ? text : "out of memory");
    journal_io_free(io);
    engine_free(check.engine);
    return code != JQ_OK || check.wrong > 0;
}
