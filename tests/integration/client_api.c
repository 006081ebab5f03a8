/* SPDX-License-Identifier: Apache-2.0 */
/* A broker for all tests of a program, and what they say over and over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client_api.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
    pid_t pid;
    char folder[64];
    char url[128];
} broker;

/* ---- a broker for all tests, a client and a queue for each --------------------------------------------------------------- */

int broker_start(void **state)
{
    (void)state;
    int out[2];
    const char *joinqd = getenv("JOINQD");
    snprintf(broker.folder, sizeof broker.folder, "/tmp/joinq-api-XXXXXX");
    if (!joinqd || !mkdtemp(broker.folder) || pipe(out) != 0)
        return -1;
    snprintf(broker.url, sizeof broker.url, "unix://%s/socket", broker.folder);
    broker.pid = fork();
    if (broker.pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        close(out[1]);
        execl(joinqd, joinqd, "--listen", broker.url, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    FILE *said = fdopen(out[0], "r");
    char line[256] = "";
    while (said && fgets(line, sizeof line, said) && !strstr(line, "ready"))
        continue;
    if (said)
        fclose(said);
    return strstr(line, "ready") ? 0 : -1;
}

int broker_stop(void **state)
{
    (void)state;
    int status = -1;
    kill(broker.pid, SIGTERM);
    waitpid(broker.pid, &status, 0);
    rmdir(broker.folder);
    return status;
}

const char *broker_url(void)
{
    return broker.url;
}

joinq *connect_one(void)
{
    joinq *q;
    assert_int_equal(joinq_connect(&q, broker.url, NULL), JOINQ_OK);
    return q;
}

int client_start(void **state)
{
    *state = connect_one();
    return 0;
}

int client_stop(void **state)
{
    joinq_free(*state);
    return 0;
}

void ok(joinq *q, int code)
{
    if (code != JOINQ_OK)
        print_error("%s: %s\n", joinq_code_name(code), joinq_error(q));
    assert_int_equal(code, JOINQ_OK);
}

void put_text(joinq *q, const char *queue, const char *text)
{
    ok(q, joinq_put(q, queue, text, strlen(text), 0));
}

void expect_text(const struct joinq_batch *batch, size_t index, const char *text)
{
    const struct joinq_message *message = joinq_batch_message(batch, index);
    assert_non_null(message);
    assert_int_equal(message->size, strlen(text));
    assert_memory_equal(message->data, text, message->size);
}

struct joinq_batch *get_some(joinq *q, const char *queue, size_t max)
{
    struct joinq_get_options options = JOINQ_GET_OPTIONS_INIT;
    struct joinq_batch *batch;
    options.timeout_ms = 0;
    options.max = max;
    ok(q, joinq_get_many(q, queue, &options, &batch));
    return batch;
}

void expect_empty(joinq *q, const char *queue)
{
    struct joinq_batch *batch;
    assert_int_equal(joinq_get(q, queue, 0, &batch), JOINQ_EMPTY);
}

struct joinq_stat stat_of(joinq *q, const char *queue)
{
    struct joinq_stats *stats;
    ok(q, joinq_stat(q, queue, &stats));
    assert_int_equal(joinq_stats_count(stats), 1);
    struct joinq_stat stat = *joinq_stats_at(stats, 0);
    assert_string_equal(stat.name, queue);
    assert_null(joinq_stats_at(stats, 1));
    joinq_stats_free(stats);
    stat.name = queue;
    return stat;
}
