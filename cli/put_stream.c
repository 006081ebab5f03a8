/* SPDX-License-Identifier: Apache-2.0 */
/* Messages from a source into a queue, in batches, several of them on their way at once. What is read at one time goes out at once,
 * so that a slow typist is as well served as a fast pipe. It knows no command line. */
#include "put_stream.h"
#include "caught.h"
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    FULL_NOTICE_MS = 300,
    WITHDRAW_MS = 2000 /* for what was sent to be answered, once it is over */
};

static void fail(struct put_stream *stream, int code)
{
    if (stream->code != JOINQ_OK)
        return;
    const char *text = joinq_error(stream->cli->client);
    stream->code = code;
    snprintf(stream->error, sizeof stream->error, "%s", text[0] != '\0' ? text : joinq_code_text(code));
}

/* ---- out -------------------------------------------------------------------------------------------------------------- */

/* A message beyond the batch size fills the window by itself: if it is refused, nothing behind it is on its way. */
static bool has_room(const struct put_stream *stream)
{
    if (stream->flight_count == 0)
        return true;
    bool waits_for_room = stream->timeout_ms == JOINQ_FOREVER;
    size_t last = stream->flights[stream->flight_count - 1].bytes;
    return waits_for_room && stream->flight_count < PUT_WINDOW && last <= PUT_BATCH_BYTES &&
           stream->bytes <= PUT_BATCH_BYTES;
}

static bool has_read_all(const struct put_stream *stream)
{
    return stream->state == PUT_SOURCE_END || stream->state == PUT_SOURCE_FAILED;
}

static void gather(struct put_stream *stream)
{
    struct joinq_body body;
    if (has_read_all(stream))
        return;
    put_source_release(&stream->source);
    while (stream->count < stream->batch) {
        stream->state = put_source_next(&stream->source, &body);
        if (stream->state != PUT_SOURCE_READY)
            return;
        if (stream->count > 0 && stream->bytes + body.size > PUT_BATCH_BYTES) {
            put_source_again(&stream->source);
            return;
        }
        stream->bodies[stream->count++] = body;
        stream->bytes += body.size;
    }
}

static void submit(struct put_stream *stream)
{
    struct joinq_put_options options = JOINQ_PUT_OPTIONS_INIT;
    options.delay_ms = stream->delay_ms;
    options.ttl_ms = stream->ttl_ms;
    options.has_priority = stream->has_priority;
    options.priority = stream->priority;
    options.timeout_ms = stream->timeout_ms;
    options.partial = true;
    struct put_flight *flight = &stream->flights[stream->flight_count];
    *flight = (struct put_flight){0, stream->count, stream->bytes};
    int code =
        joinq_submit_put(stream->cli->client, stream->queue, stream->bodies, stream->count, &options, &flight->ticket);
    if (code != JOINQ_OK) {
        fail(stream, code);
        return;
    }
    if (stream->flight_count++ == 0)
        stream->answered_ms = cli_now_ms();
    stream->count = stream->bytes = 0;
}

static void submit_ready(struct put_stream *stream)
{
    while (stream->code == JOINQ_OK && has_room(stream)) {
        if (stream->count == 0)
            gather(stream);
        if (stream->count == 0 || !has_room(stream))
            return;
        submit(stream);
    }
}

/* ---- back ------------------------------------------------------------------------------------------------------------- */

/* Some of a batch found room before the time was up, or there was none: the rest is put again, and the time runs anew. */
static void put_rest_again(struct put_stream *stream, const struct put_flight *flight, size_t accepted)
{
    stream->count = flight->count - accepted;
    memmove(stream->bodies, stream->bodies + accepted, stream->count * sizeof stream->bodies[0]);
    for (size_t i = 0; i < stream->count; i++)
        stream->bytes += stream->bodies[i].size;
}

static void take_outcome(struct put_stream *stream, const struct joinq_outcome *outcome)
{
    unsigned at = 0;
    while (at < stream->flight_count && stream->flights[at].ticket != outcome->ticket)
        at++;
    if (at == stream->flight_count)
        return;
    struct put_flight flight = stream->flights[at];
    stream->flight_count--;
    memmove(stream->flights + at, stream->flights + at + 1, (stream->flight_count - at) * sizeof flight);
    stream->answered_ms = cli_now_ms();
    stream->accepted += outcome->count;
    bool some = outcome->count > 0 && outcome->count < flight.count;
    if (some && (outcome->code == JOINQ_OK || outcome->code == JOINQ_TIMEOUT))
        put_rest_again(stream, &flight, (size_t)outcome->count);
    else if (outcome->code == JOINQ_OK)
        stream->accepted_bytes += flight.bytes + flight.count;
    else if (outcome->code != JOINQ_CANCELLED)
        fail(stream, outcome->code);
}

/* Writes what was submitted, and takes what has been answered: in this order, for writing may read answers, and the descriptor is
 * silent about them then. */
static void collect(struct put_stream *stream)
{
    int flushed = joinq_flush(stream->cli->client);
    if (flushed != JOINQ_OK)
        fail(stream, flushed);
    while (stream->flight_count > 0) {
        struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
        int code = joinq_wait(stream->cli->client, 0, 0, &outcome);
        if (code == JOINQ_EMPTY || code == JOINQ_TIMEOUT)
            return;
        if (code != JOINQ_OK) {
            fail(stream, code);
            return;
        }
        take_outcome(stream, &outcome);
    }
}

/* Takes back what still waits for room, and learns of everything what became of it; but for what waits for a disk that does not answer. */
static void withdraw(struct put_stream *stream)
{
    bool hit;
    int64_t until_ms = cli_now_ms() + WITHDRAW_MS;
    for (unsigned i = 0; i < stream->flight_count; i++) {
        if (joinq_cancel(stream->cli->client, stream->flights[i].ticket, &hit) == JOINQ_DISCONNECTED)
            return;
    }
    while (stream->flight_count > 0) {
        struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
        int64_t left_ms = until_ms - cli_now_ms();
        if (joinq_wait(stream->cli->client, stream->flights[0].ticket, left_ms > 0 ? left_ms : 0, &outcome) != JOINQ_OK)
            return;
        take_outcome(stream, &outcome);
    }
}

/* ---- waiting ---------------------------------------------------------------------------------------------------------- */

static void draw(struct put_stream *stream)
{
    char text[64];
    snprintf(text, sizeof text, "%" PRIu64 " messages", stream->accepted);
    if (progress_due(&stream->progress))
        progress_draw(&stream->progress, stream->accepted_bytes, stream->input_bytes, text);
}

/* Says once, to a person, why nothing moves. */
static void notice_full(struct put_stream *stream)
{
    struct joinq_stats *stats;
    bool quiet = stream->told_full || stream->flight_count == 0 || joinq_fd(stream->cli->client) < 0;
    if (quiet || cli_now_ms() - stream->answered_ms < FULL_NOTICE_MS)
        return;
    stream->told_full = true;
    int code = caught_let_go() ? joinq_stat(stream->cli->client, stream->queue, &stats) : JOINQ_CANCELLED;
    caught_again();
    if (code != JOINQ_OK)
        return;
    if (joinq_stats_at(stats, 0)->putters_waiting > 0) {
        progress_clear(&stream->progress);
        cli_error(stream->cli, 0, "queue full, waiting");
    } else {
        stream->told_full = false;
        stream->answered_ms = cli_now_ms();
    }
    joinq_stats_free(stats);
}

static int patience_ms(const struct put_stream *stream)
{
    int64_t connection = stream->flight_count > 0 ? joinq_patience_ms(stream->cli->client) : JOINQ_FOREVER;
    if (connection != JOINQ_FOREVER)
        return (int)connection;
    if (stream->progress.on)
        return PROGRESS_EVERY_MS;
    return stream->told_full || stream->flight_count == 0 ? -1 : FULL_NOTICE_MS;
}

static void wait(struct put_stream *stream)
{
    bool reads = stream->state == PUT_SOURCE_WAIT && stream->count == 0 && has_room(stream);
    int connection =
        stream->flight_count > 0 ? joinq_fd(stream->cli->client) : -1; /* otherwise nobody would read from it */
    struct pollfd wanted[3] = {{.fd = caught_fd(), .events = POLLIN},
                               {.fd = reads ? STDIN_FILENO : -1, .events = POLLIN},
                               {.fd = connection, .events = POLLIN}};
    if (poll(wanted, 3, patience_ms(stream)) > 0 && wanted[1].revents != 0 && caught_stop() == 0)
        put_source_fill(&stream->source);
    draw(stream);
    notice_full(stream);
}

static bool has_more_at_hand(const struct put_stream *stream)
{
    return (stream->state == PUT_SOURCE_READY || stream->count > 0) && has_room(stream);
}

static bool is_complete(const struct put_stream *stream)
{
    return has_read_all(stream) && stream->count == 0 && stream->flight_count == 0;
}

static int result(struct put_stream *stream)
{
    char accepted[96] = "";
    bool answered = stream->code != JOINQ_DISCONNECTED && stream->code != JOINQ_PROTOCOL && stream->flight_count == 0;
    bool unknown = stream->interrupted && (stream->code == JOINQ_DISCONNECTED || stream->flight_count > 0);
    if (stream->accepted > 0 || unknown)
        snprintf(accepted, sizeof accepted, "; %s%" PRIu64 " accepted%s", answered ? "" : "at least ", stream->accepted,
                 unknown ? ", the rest is not known" : "");
    if (stream->code != JOINQ_OK && !unknown)
        return cli_error(stream->cli, cli_status_of(stream->code), "%s%s", stream->error, accepted);
    if (!is_complete(stream) || stream->interrupted)
        return cli_error(stream->cli, CLI_STOPPED, "interrupted%s", accepted);
    if (stream->state == PUT_SOURCE_FAILED)
        return cli_error(stream->cli, CLI_FAILED, "%s%s", stream->source.error, accepted);
    return CLI_DONE;
}

int put_stream_run(struct put_stream *stream)
{
    stream->state = PUT_SOURCE_READY;
    stream->batch = stream->progress.on ? PUT_BATCH_SHOWN : PUT_BATCH;
    stream->told_full = isatty(STDERR_FILENO) != 1;
    while (stream->code == JOINQ_OK && !is_complete(stream)) {
        submit_ready(stream);
        collect(stream);
        stream->interrupted = caught_stop() != 0 && !is_complete(stream);
        if (stream->interrupted)
            break;
        if (stream->code == JOINQ_OK && !has_more_at_hand(stream) && !is_complete(stream))
            wait(stream);
    }
    withdraw(stream);
    progress_clear(&stream->progress);
    return result(stream);
}
