/* SPDX-License-Identifier: Apache-2.0 */
/* The disk in memory; see disk.h. */
#include "disk.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR = 512, NONE = -1 };

static struct disk *disk_of(struct journal_io *io)
{
    return (struct disk *)io;
}

/* ---- the folder ---- */

static struct disk_entry *entry_of(struct disk_entry *folder, const char *name)
{
    for (int i = 0; i < DISK_FILES; i++) {
        if (*folder[i].name && strcmp(folder[i].name, name) == 0)
            return &folder[i];
    }
    return NULL;
}

static void entry_set(struct disk_entry *folder, const char *name, int file)
{
    struct disk_entry *entry = entry_of(folder, name);
    for (int i = 0; !entry && i < DISK_FILES; i++)
        entry = *folder[i].name ? NULL : &folder[i];
    JQ_ASSERT(entry);
    memcpy(entry->name, name, strlen(name) + 1);
    entry->file = file;
}

static void entry_clear(struct disk_entry *folder, const char *name)
{
    struct disk_entry *entry = entry_of(folder, name);
    if (entry)
        *entry->name = '\0';
}

static struct disk_file *file_of(struct disk *disk, const char *name)
{
    struct disk_entry *entry = entry_of(disk->cached, name);
    return entry ? &disk->files[entry->file] : NULL;
}

static void file_free(struct disk_file *file)
{
    free(file->cache);
    free(file->disk);
    *file = (struct disk_file){0};
}

/* Files without a name in either folder are gone. */
static void files_sweep(struct disk *disk)
{
    bool named[DISK_FILES] = {0};
    for (int i = 0; i < DISK_FILES; i++) {
        if (*disk->cached[i].name)
            named[disk->cached[i].file] = true;
        if (*disk->durable[i].name)
            named[disk->durable[i].file] = true;
    }
    for (int i = 0; i < DISK_FILES; i++) {
        if (!named[i])
            file_free(&disk->files[i]);
    }
}

static uint64_t disk_used(const struct disk *disk)
{
    uint64_t used = 0;
    for (int i = 0; i < DISK_FILES; i++)
        used += *disk->cached[i].name ? disk->files[disk->cached[i].file].cache_size : 0;
    return used;
}

/* ---- content ---- */

static void resize(uint8_t **bytes, uint64_t *size, uint64_t to)
{
    uint8_t *grown = realloc(*bytes, to ? to : 1);
    JQ_ASSERT(grown);
    if (to > *size)
        memset(grown + *size, 0, to - *size);
    *bytes = grown;
    *size = to;
}

static void persist(struct disk_file *file, uint64_t offset, uint64_t size)
{
    if (offset >= file->cache_size)
        return;
    size = size < file->cache_size - offset ? size : file->cache_size - offset;
    if (offset + size > file->disk_size)
        resize(&file->disk, &file->disk_size, offset + size);
    memcpy(file->disk + offset, file->cache + offset, size);
}

/* Of what was not synced: nothing, all, up to some byte, or some sectors. */
static void persist_some(struct disk *disk, struct disk_file *file)
{
    for (int i = 0; i < file->dirty_count; i++) {
        uint64_t offset = file->dirty[i].offset, size = file->dirty[i].size;
        switch (random_below(disk->random, 4)) {
        case 0:
            disk->coverage.lost++;
            break;
        case 1:
            persist(file, offset, size);
            break;
        case 2:
            disk->coverage.torn++;
            persist(file, offset, random_below(disk->random, (uint32_t)size + 1));
            break;
        default:
            disk->coverage.torn++;
            for (uint64_t at = 0; at < size; at += SECTOR) {
                if (random_chance(disk->random, 60))
                    persist(file, offset + at, size - at < SECTOR ? size - at : SECTOR);
            }
        }
    }
    file->dirty_count = 0;
}

static void persist_all(struct disk_file *file)
{
    resize(&file->disk, &file->disk_size, file->cache_size);
    memcpy(file->disk, file->cache, file->cache_size);
    file->dirty_count = 0;
}

/* ---- operations ---- */

static int do_write(struct disk *disk, const struct journal_io_request *request, bool fails)
{
    struct disk_file *file = file_of(disk, request->name);
    uint64_t at = request->offset, left = 0;
    if (!file)
        return ENOENT;
    for (int i = 0; i < request->part_count; i++)
        left += request->parts[i].iov_len;
    if (fails)
        left = random_below(disk->random, (uint32_t)left + 1);
    disk->coverage.writes++;
    disk->coverage.failed_writes += fails;
    JQ_ASSERT(file->dirty_count < DISK_DIRTY);
    if (left > 0) {
        file->dirty[file->dirty_count].offset = at;
        file->dirty[file->dirty_count++].size = left;
    }
    if (at + left > file->cache_size)
        resize(&file->cache, &file->cache_size, at + left);
    for (int i = 0; left > 0; i++) {
        uint64_t size = request->parts[i].iov_len < left ? request->parts[i].iov_len : left;
        memcpy(file->cache + at, request->parts[i].iov_base, size);
        at += size;
        left -= size;
    }
    return fails ? EIO : 0;
}

static int do_sync(struct disk *disk, const struct journal_io_request *request, bool fails)
{
    struct disk_file *file = file_of(disk, request->name);
    if (!file)
        return ENOENT;
    disk->coverage.syncs++;
    disk->coverage.failed_syncs += fails;
    if (fails)
        persist_some(disk, file); /* and the rest is forgotten: the next sync succeeds without it */
    else {
        for (int i = 0; i < file->dirty_count; i++)
            persist(file, file->dirty[i].offset, file->dirty[i].size);
        file->dirty_count = 0;
    }
    return fails ? EIO : 0;
}

static int do_create(struct disk *disk, const struct journal_io_request *request, bool fails)
{
    disk->coverage.creates++;
    if (file_of(disk, request->name))
        return EEXIST;
    if (disk_used(disk) + request->size > disk->capacity) {
        disk->coverage.full++;
        return ENOSPC;
    }
    if (fails) {
        disk->coverage.failed_creates++;
        return EIO;
    }
    files_sweep(disk);
    int n = 0;
    while (n < DISK_FILES && disk->files[n].used)
        n++;
    JQ_ASSERT(n < DISK_FILES);
    struct disk_file *file = &disk->files[n];
    file->used = true;
    resize(&file->cache, &file->cache_size, request->size);
    persist_all(file);
    entry_set(disk->cached, request->name, n);
    return 0;
}

static int do_truncate(struct disk *disk, const struct journal_io_request *request)
{
    struct disk_file *file = file_of(disk, request->name);
    if (!file)
        return ENOENT;
    resize(&file->cache, &file->cache_size, request->size);
    persist_all(file);
    return 0;
}

static int do_rename(struct disk *disk, const struct journal_io_request *request)
{
    struct disk_entry *entry = entry_of(disk->cached, request->name);
    if (!entry)
        return ENOENT;
    int file = entry->file;
    entry_clear(disk->cached, request->name);
    entry_set(disk->cached, request->to, file);
    return 0;
}

static int do_unlink(struct disk *disk, const struct journal_io_request *request)
{
    bool there = file_of(disk, request->name);
    entry_clear(disk->cached, request->name);
    return there ? 0 : ENOENT;
}

static int do_read(struct disk *disk, struct journal_io_request *request)
{
    const struct disk_file *file = file_of(disk, request->name);
    if (!file)
        return ENOENT;
    uint64_t left = request->offset < file->cache_size ? file->cache_size - request->offset : 0;
    request->got = request->size < left ? request->size : left;
    if (strcmp(disk->bad_name, request->name) == 0 && request->offset <= disk->bad_offset &&
        disk->bad_offset < request->offset + request->got)
        return EIO;
    if (request->got)
        memcpy(request->bytes, file->cache + request->offset, request->got);
    return 0;
}

static int do_list(struct disk *disk, const struct journal_io_request *request)
{
    for (int i = 0; i < DISK_FILES; i++) {
        const struct disk_entry *entry = &disk->cached[i];
        if (*entry->name)
            request->entry(request->user, entry->name, disk->files[entry->file].cache_size);
    }
    return 0;
}

static int carry_out(struct disk *disk, struct journal_io_request *request, bool fails)
{
    switch (request->op) {
    case JOURNAL_IO_WRITE:
        return do_write(disk, request, fails);
    case JOURNAL_IO_SYNC:
        return do_sync(disk, request, fails);
    case JOURNAL_IO_CREATE:
        return do_create(disk, request, fails);
    default:
        break;
    }
    disk->coverage.failed_others += fails;
    if (fails)
        return EIO;
    switch (request->op) {
    case JOURNAL_IO_SYNC_FOLDER:
        memcpy(disk->durable, disk->cached, sizeof disk->durable);
        return 0;
    case JOURNAL_IO_RENAME:
        return do_rename(disk, request);
    case JOURNAL_IO_UNLINK:
        return do_unlink(disk, request);
    case JOURNAL_IO_TRUNCATE:
        return do_truncate(disk, request);
    case JOURNAL_IO_READ:
        return do_read(disk, request);
    case JOURNAL_IO_CLAIM:
    case JOURNAL_IO_UNCLAIM:
        return 0; /* nobody copies it */
    default:
        return do_list(disk, request);
    }
}

/* ---- the table ---- */

static void queue(struct journal_io_request **list, struct journal_io_request *request)
{
    while (*list)
        list = &(*list)->next;
    request->next = NULL;
    *list = request;
}

static struct journal_io_request *unqueue(struct journal_io_request **list)
{
    struct journal_io_request *request = *list;
    if (request)
        *list = request->next;
    return request;
}

static void disk_submit(struct journal_io *io, struct journal_io_request *request)
{
    queue(&disk_of(io)->lanes[journal_io_lane(request->op)], request);
}

static bool lane_step(struct disk *disk, uint32_t lane)
{
    struct journal_io_request *request = unqueue(&disk->lanes[lane]);
    if (!request)
        return false;
    bool fails = random_below(disk->random, 100) < disk->fault_percent;
    request->took_ns = disk->sync_ns;
    request->error = disk->dead ? EIO : carry_out(disk, request, fails);
    queue(&disk->complete, request);
    return true;
}

bool disk_step(struct disk *disk)
{
    uint32_t first = random_below(disk->random, JOURNAL_LANES);
    for (uint32_t i = 0; i < JOURNAL_LANES; i++) {
        if (lane_step(disk, (first + i) % JOURNAL_LANES))
            return true;
    }
    return false;
}

static void disk_poll(struct journal_io *io)
{
    struct disk *disk = disk_of(io);
    struct journal_io_request *complete = disk->complete;
    disk->complete = NULL;
    for (struct journal_io_request *request; (request = unqueue(&complete));)
        request->done(request);
}

static void disk_drain(struct journal_io *io)
{
    struct disk *disk = disk_of(io);
    do {
        while (disk_step(disk))
            continue;
        disk_poll(io);
    } while (disk->lanes[0] || disk->lanes[1] || disk->lanes[2] || disk->complete);
}

static void disk_run(struct journal_io *io, struct journal_io_request *request)
{
    request->error = carry_out(disk_of(io), request, false);
}

static void disk_no_free(struct journal_io *io)
{
    (void)io;
}

static const struct journal_io_ops disk_ops = {
    .submit = disk_submit,
    .poll = disk_poll,
    .drain = disk_drain,
    .run = disk_run,
    .free = disk_no_free,
};

void disk_init(struct disk *disk, struct random *random)
{
    *disk = (struct disk){.io = {&disk_ops}, .random = random, .capacity = UINT64_MAX};
}

void disk_fini(struct disk *disk)
{
    for (int i = 0; i < DISK_FILES; i++)
        file_free(&disk->files[i]);
}

/* ---- the end ---- */

/* Some of what was submitted still happens. */
static void happen_some(struct disk *disk)
{
    for (uint32_t lane = 0; lane < JOURNAL_LANES; lane++) {
        struct journal_io_request *request = disk->lanes[lane];
        while (request && random_chance(disk->random, 50)) {
            (void)carry_out(disk, request, random_chance(disk->random, 20));
            request = request->next;
        }
    }
}

void disk_kill(struct disk *disk)
{
    disk->coverage.kills++;
    happen_some(disk);
    disk->dead = true;
}

static bool has_name(const struct disk *disk, int file)
{
    for (int i = 0; i < DISK_FILES; i++) {
        if (*disk->cached[i].name && disk->cached[i].file == file)
            return true;
    }
    return false;
}

/* Each change of the folder since its last sync has come as far as the disk, or not. */
static void folder_some(struct disk *disk)
{
    for (int i = 0; i < DISK_FILES; i++) {
        struct disk_entry *was = &disk->durable[i];
        if (*was->name && !has_name(disk, was->file) && random_chance(disk->random, 50))
            *was->name = '\0';
    }
    for (int i = 0; i < DISK_FILES; i++) {
        const struct disk_entry *now = &disk->cached[i];
        if (!*now->name || entry_of(disk->durable, now->name))
            continue;
        bool comes = random_chance(disk->random, 50);
        disk->coverage.entries_lost += !comes;
        if (!comes)
            continue;
        for (int k = 0; k < DISK_FILES; k++) { /* a rename is whole */
            if (*disk->durable[k].name && disk->durable[k].file == now->file)
                *disk->durable[k].name = '\0';
        }
        entry_set(disk->durable, now->name, now->file);
    }
}

void disk_crash(struct disk *disk)
{
    disk->coverage.crashes++;
    happen_some(disk);
    for (int i = 0; i < DISK_FILES; i++) {
        if (disk->files[i].used)
            persist_some(disk, &disk->files[i]);
    }
    folder_some(disk);
    memcpy(disk->cached, disk->durable, sizeof disk->cached);
    files_sweep(disk);
    for (int i = 0; i < DISK_FILES; i++) {
        struct disk_file *file = &disk->files[i];
        if (!file->used)
            continue;
        resize(&file->cache, &file->cache_size, file->disk_size);
        memcpy(file->cache, file->disk, file->disk_size);
    }
    disk->dead = true;
}

void disk_forget(struct disk *disk)
{
    memset(disk->lanes, 0, sizeof disk->lanes);
    disk->complete = NULL;
}

void disk_back(struct disk *disk)
{
    JQ_ASSERT(!disk->lanes[0] && !disk->lanes[1] && !disk->lanes[2] && !disk->complete);
    disk->dead = false;
}

uint8_t *disk_bytes(struct disk *disk, const char *name, uint64_t *size)
{
    struct disk_file *file = file_of(disk, name);
    if (!file)
        return NULL;
    *size = file->cache_size;
    return file->cache;
}
