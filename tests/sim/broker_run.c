/* SPDX-License-Identifier: Apache-2.0 */
/* A run of the broker: what it takes for the clock, for chance, for the event loop and for its data folder is here, by --wrap. */
#include "bridge.h"
#include "broker.h"
#include "codes.h"
#include "log.h"
#include "store.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SEGMENT = 16 * 1024, SECOND = 1000000000 };

/* ---- what is put in place of the world ---- */

int __wrap_clock_gettime(clockid_t clock, struct timespec *to);
int __wrap_jqw_random(void *to, size_t size);
struct journal_io *__wrap_journal_io_threads_new(const char *folder, void (*wake)(void *), void *user, char *text,
                                                 size_t size);
void __wrap_ev_timer_start(struct ev_loop *loop, ev_timer *timer);
void __wrap_ev_prepare_start(struct ev_loop *loop, ev_prepare *watcher);
void __wrap_ev_check_start(struct ev_loop *loop, ev_check *watcher);
void __wrap_ev_signal_start(struct ev_loop *loop, ev_signal *watcher);
void __wrap_ev_async_start(struct ev_loop *loop, ev_async *watcher);
struct ev_loop *__wrap_ev_loop_new(unsigned flags);
struct ev_loop *__real_ev_loop_new(unsigned flags);
void __wrap_ev_idle_start(struct ev_loop *loop, ev_idle *watcher);
void __wrap_ev_loop_destroy(struct ev_loop *loop);
void __wrap_store_resident_max(struct store *store, uint64_t bytes);
void __real_store_resident_max(struct store *store, uint64_t bytes);
void __wrap_store_disk(struct store *store, const struct store_disk *disk, uint64_t bytes);
void __real_store_disk(struct store *store, const struct store_disk *disk, uint64_t bytes);
void __wrap_bridge_effect(struct server *server, const struct engine_effect *effect);
void __real_bridge_effect(struct server *server, const struct engine_effect *effect);
bool __wrap_journal_release(struct journal *journal, uint64_t segment);
bool __real_journal_release(struct journal *journal, uint64_t segment);
void __wrap_server_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

int __wrap_clock_gettime(clockid_t clock, struct timespec *to)
{
    uint64_t at = sim_now->now + (clock == CLOCK_REALTIME ? sim_now->wall : 0);
    *to = (struct timespec){.tv_sec = (time_t)(at / SECOND), .tv_nsec = (long)(at % SECOND)};
    return 0;
}

int __wrap_jqw_random(void *to, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)to)[i] = (uint8_t)random_next(&sim_now->random);
    return JQ_OK;
}

struct journal_io *__wrap_journal_io_threads_new(const char *folder, void (*wake)(void *), void *user, char *text,
                                                 size_t size)
{
    (void)folder;
    (void)wake;
    (void)user;
    (void)text;
    (void)size;
    return &sim_now->disk.io;
}

/* Nothing comes by itself: run_turn asks what is due. */
void __wrap_ev_timer_start(struct ev_loop *loop, ev_timer *timer)
{
    (void)loop;
    (void)timer;
}

void __wrap_ev_prepare_start(struct ev_loop *loop, ev_prepare *watcher)
{
    (void)loop;
    (void)watcher;
}

void __wrap_ev_check_start(struct ev_loop *loop, ev_check *watcher)
{
    (void)loop;
    (void)watcher;
}

void __wrap_ev_signal_start(struct ev_loop *loop, ev_signal *watcher)
{
    (void)loop;
    (void)watcher;
}

void __wrap_ev_async_start(struct ev_loop *loop, ev_async *watcher)
{
    (void)loop;
    (void)watcher;
}

void __wrap_ev_idle_start(struct ev_loop *loop, ev_idle *watcher)
{
    (void)loop;
    (void)watcher;
}

/* One for all. */
struct ev_loop *__wrap_ev_loop_new(unsigned flags)
{
    static struct ev_loop *loop;
    if (!loop)
        loop = __real_ev_loop_new(flags);
    return loop;
}

void __wrap_ev_loop_destroy(struct ev_loop *loop)
{
    (void)loop;
}

/* Less than any broker has, so that bodies must be read back. */
static uint64_t resident(uint64_t bytes)
{
    return bytes < sim_now->resident_max ? bytes : sim_now->resident_max;
}

void __wrap_store_resident_max(struct store *store, uint64_t bytes)
{
    __real_store_resident_max(store, resident(bytes));
}

void __wrap_store_disk(struct store *store, const struct store_disk *disk, uint64_t bytes)
{
    __real_store_disk(store, disk, resident(bytes));
}

void __wrap_bridge_effect(struct server *server, const struct engine_effect *effect)
{
    given_handed_out(sim_now, effect);
    __real_bridge_effect(server, effect);
}

bool __wrap_journal_release(struct journal *journal, uint64_t segment)
{
    bool goes = __real_journal_release(journal, segment);
    sim_now->coverage.released += goes;
    if (goes)
        sim_say("segment %" PRIu64 " is released", segment);
    return goes;
}

void __wrap_server_log(const char *format, ...)
{
    va_list arguments;
    if (!sim_now->verbose)
        return;
    printf("    log: ");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

/* ---- a run ---- */

void run_start(struct sim *sim)
{
    struct server_config config;
    server_config_init(&config);
    config.data = "the disk";
    config.segment_size = SEGMENT;
    config.memory_max = 64 * 1024 * 1024;
    if (server_new(&config, &sim->server) != JQ_OK)
        sim_fail("the broker does not start");
    sim_say("started, durable %" PRIu64, sim->server->turn.durable);
}

uint64_t run_next(const struct sim *sim)
{
    uint64_t engine = engine_next(sim->server->turn.engine), storage = storage_next(sim->server);
    return engine < storage ? engine : storage;
}

void run_turn(struct sim *sim)
{
    struct server *server = sim->server;
    uint64_t snapshot = server->storage.snapshot.last;
    if (server->deadline_at <= sim->now)
        ev_invoke(server->loop, &server->deadline, EV_TIMER);
    ev_invoke(server->loop, &server->turn.begins, EV_CHECK);
    for (uint32_t i = 0; i < CLIENTS; i++)
        client_read(&sim->clients[i]);
    ev_invoke(server->loop, &server->turn.ends, EV_PREPARE);
    if (server->status)
        sim_fail("the broker ends by itself");
    sim->coverage.snapshots += server->storage.snapshot.last && server->storage.snapshot.last != snapshot;
    for (uint32_t i = 0; i < CLIENTS; i++)
        client_hear(&sim->clients[i]);
}

static void count_store(struct sim *sim)
{
    struct store_totals totals;
    store_totals(sim->server->store, &totals);
    sim->coverage.loads += totals.loads;
    sim->coverage.unread += totals.failures;
}

void run_stop(struct sim *sim, enum stop how)
{
    static const char *const names[] = {"power loss", "killed", "ended"};
    struct turn *turn = &sim->server->turn;
    uint64_t durable = turn->durable;
    sim_say("%s: written %" PRIu64 ", durable %" PRIu64, names[how], turn->written, durable);
    count_store(sim);
    given_stopped(sim);
    sim->queues[FLEETING].doomed =
        sim->queues[FLEETING].incarnation ? sim->queues[FLEETING].incarnation : sim->queues[FLEETING].doomed;
    sim->queues[FLEETING].incarnation = 0;
    if (how == STOP_POWER) {
        disk_crash(&sim->disk);
        given_power(sim, durable);
        sim->coverage.powers++;
    } else if (how == STOP_KILL) {
        disk_kill(&sim->disk);
        sim->coverage.kills++;
    } else {
        sim->coverage.ends++;
    }
    server_free(sim->server);
    sim->server = NULL;
    disk_forget(&sim->disk);
    disk_back(&sim->disk);
    for (uint32_t i = 0; i < CLIENTS; i++)
        client_break(&sim->clients[i]);
    sim->now += sim_below(sim, 50) * (uint64_t)MS;
    bool sets = sim_chance(sim, 20);
    sim->clocks += sets;
    if (sets) /* somebody sets the clock: not back where what is in memory has its numbers by it */
        sim->wall = sim->queues[FLEETING].doomed ? sim->wall + SECOND * (uint64_t)sim_below(sim, 1000)
                                                 : SECOND * (UINT64_C(1000000) + sim_below(sim, 100000));
    sim->coverage.restarts++;
}
