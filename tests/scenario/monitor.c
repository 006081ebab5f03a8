/* SPDX-License-Identifier: Apache-2.0 */
/* A session of the runner's own: after each act it looks at all queues, and finds what must hold at any moment. It must not
 * change anything, and it knows nothing of the script. */
#include "world.h"

#include <inttypes.h>
#include <string.h>

static void show_stat(struct world *world, const struct engine_stat *stat)
{
    static const char fields[] =
        "OK closed . ready . delayed . leased . ready_bytes . unfinished . ends . put . done . dead . expired . "
        "discarded . moved_in . moved_out . dead_in . delivered . redelivered . lease_expired . task_done . "
        "getters_waiting . putters_waiting . joiners_waiting . producers_attached . producers_finished . "
        "max_messages . max_bytes . lease_ms . producers . bound . accounting . durable .";
    text_add(&world->snapshot, "%.*s %" PRIu64 " ", (int)stat->name.size, stat->name.data, stat->incarnation);
    show_stat_fields(stat, fields, &world->snapshot);
    text_add(&world->snapshot, "\n");
}

/* proves: CSV-1 */
static void check_sums(struct world *world, const struct engine_stat *stat)
{
    uint64_t in = stat->put + stat->moved_in + stat->dead_in;
    uint64_t here = stat->ready + stat->delayed + stat->leased;
    uint64_t gone = stat->expired + stat->discarded + stat->moved_out;
    const char *problem = NULL;
    if (stat->options.accounting == ENGINE_LEASE) {
        if (in != stat->done + here + stat->dead + gone)
            problem = "what came in is not what is there and what went";
        else if (stat->unfinished != here)
            problem = "unfinished is not ready + delayed + leased";
    } else if (stat->unfinished + stat->task_done > in || stat->unfinished + stat->task_done + gone < in) {
        problem = "unfinished is not what was put, less task_dones and what was lowered";
    }
    if (stat->redelivered > stat->delivered || stat->closed > 2)
        problem = "impossible counts";
    if (problem)
        world_problem(world, "queue %.*s: %s: %s", (int)stat->name.size, stat->name.data, problem,
                      text_string(&world->snapshot));
}

void monitor_hear(struct world *world, const struct engine_effect *effect)
{
    if (effect->kind != ENGINE_STATS)
        return;
    world->page.count = effect->stats.count;
    world->page.more = effect->stats.more;
    for (uint32_t i = 0; i < effect->stats.count && i < ENGINE_LIST_MAX; i++) {
        const struct engine_stat *stat = &effect->stats.item[i];
        char *name = arena_copy(&world->arena, stat->name.data, stat->name.size);
        world->page.queues[i] = (struct engine_queue_ref){{name, stat->name.size}, stat->incarnation};
        world_learn(world, name, stat->incarnation);
        show_stat(world, stat);
        check_sums(world, stat);
    }
}

static void check_totals(struct world *world)
{
    struct engine_totals totals;
    engine_totals(world->engine, &totals);
    if (totals.slice_max > ENGINE_SLICE)
        world_problem(world, "%" PRIu64 " messages in one slice", totals.slice_max);
}

static void next_page(struct world *world, uint64_t after)
{
    const struct engine_command list = {.op = ENGINE_LIST,
                                        .session = world->monitor->id,
                                        .request = ++world->request_last,
                                        .list = {.after = after, .max = ENGINE_LIST_MAX}};
    world->page = (struct monitor_page){0};
    world_step(world, &list, 1, false);
}

void monitor_look(struct world *world)
{
    check_totals(world);
    if (world->by_hand) /* a step of ours would do some of what the script counts */
        return;
    text_clear(&world->snapshot);
    next_page(world, 0);
    while (world->page.more && world->page.count)
        next_page(world, world->page.queues[world->page.count - 1].incarnation);
}

void monitor_delete_all(struct world *world)
{
    for (next_page(world, 0); world->page.count && !world_broken(world); next_page(world, 0)) {
        for (uint32_t i = 0; i < world->page.count; i++) {
            const struct engine_command delete = {.op = ENGINE_DELETE,
                                                  .session = world->monitor->id,
                                                  .request = ++world->request_last,
                                                  .queue = world->page.queues[i]};
            world_step(world, &delete, 1, true);
            world_settle(world);
        }
    }
}
