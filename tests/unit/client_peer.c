/* SPDX-License-Identifier: Apache-2.0 */
/* A broker of a test: says what it is told to say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client_peer.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void peer_init(struct peer *peer)
{
    memset(peer, 0, sizeof *peer);
    peer->parser.frame_max = JQW_FRAME_MAX;
}

void peer_fini(struct peer *peer)
{
    jqw_buffer_fini(&peer->in);
    jqw_buffer_fini(&peer->out);
    jqw_buffer_fini(&peer->held);
}

void peer_collect(struct peer *peer, struct jqc_core *core)
{
    size_t size;
    const uint8_t *bytes = jqc_core_output(core, &size);
    if (size == 0)
        return;
    assert_int_equal(jqw_buffer_append(&peer->in, bytes, size), JQ_OK);
    jqc_core_sent(core, size);
}

bool peer_next(struct peer *peer)
{
    struct jqw_frame frame;
    size_t consumed, wanted;
    enum jqw_frame_status status =
        jqw_frame_next(&peer->parser, peer->in.data, peer->in.size, &frame, &consumed, &wanted);
    assert_int_not_equal(status, JQW_FRAME_ERROR);
    if (status == JQW_FRAME_NONE)
        return false;
    peer->held.size = 0;
    assert_int_equal(jqw_buffer_append(&peer->held, frame.data, frame.size), JQ_OK);
    jqw_buffer_consume(&peer->in, consumed);
    const char *why = "";
    assert_int_equal(jqw_decode(peer->held.data, peer->held.size, &peer->seen, &peer->scratch, &why), JQ_OK);
    return true;
}

struct jqw_message *peer_expect(struct peer *peer, enum jqw_op op)
{
    assert_true(peer_next(peer));
    assert_string_equal(jqw_op_name(peer->seen.op), jqw_op_name(op));
    return &peer->seen;
}

void peer_say(struct peer *peer, const struct jqw_message *message)
{
    assert_int_equal(jqw_encode(&peer->out, message), JQ_OK);
}

void peer_result(struct peer *peer, uint32_t request, int code, uint64_t incarnation, uint64_t count)
{
    struct jqw_message message = {.op = JQW_RESULT,
                                  .request = request,
                                  .result = {.code = (uint32_t)code, .incarnation = incarnation, .count = count}};
    peer_say(peer, &message);
}

size_t body_of(uint64_t sequence, char to[32])
{
    return (size_t)snprintf(to, 32, "%.*s%" PRIu64, (int)(sequence % 7), "......", sequence);
}

void peer_got(struct peer *peer, uint32_t request, uint64_t incarnation, uint64_t receipt, uint64_t first,
              uint32_t count)
{
    static char texts[PEER_BODIES_MAX][32];
    struct jqw_bytes item[PEER_BODIES_MAX];
    const struct jqw_run run = {first, count, 1, 0};
    for (uint32_t i = 0; i < count; i++)
        item[i] = (struct jqw_bytes){(const uint8_t *)texts[i], body_of(first + i, texts[i])};
    struct jqw_message message = {.op = JQW_GOT,
                                  .request = request,
                                  .got = {.code = JQ_OK,
                                          .incarnation = incarnation,
                                          .receipt = receipt,
                                          .runs = &run,
                                          .run_count = 1,
                                          .bodies = {.item = item, .count = count}}};
    peer_say(peer, &message);
}

void peer_got_none(struct peer *peer, uint32_t request, int code, uint64_t receipt)
{
    static const struct jqw_run end = {.first = PEER_END, .count = 1, .attempt = 1};
    struct jqw_message message = {
        .op = JQW_GOT, .request = request, .got = {.code = (uint32_t)code, .receipt = receipt}};
    if (code == JQ_END && receipt) {
        message.got.incarnation = 7;
        message.got.runs = &end;
        message.got.run_count = 1;
    }
    peer_say(peer, &message);
}

void peer_feed(struct peer *peer, struct jqc_core *core, size_t piece)
{
    size_t fed = 0;
    while (fed < peer->out.size) {
        uint8_t *to;
        size_t room, size = peer->out.size - fed;
        assert_int_equal(jqc_core_room(core, &to, &room), JQ_OK);
        assert_true(room > 0);
        if (piece > 0 && size > piece)
            size = piece;
        if (size > room)
            size = room;
        memcpy(to, peer->out.data + fed, size);
        jqc_core_filled(core, size);
        fed += size;
    }
    peer->out.size = 0;
}

void batch_check(const struct joinq_batch *batch, uint64_t first, uint32_t count)
{
    assert_int_equal(joinq_batch_count(batch), count);
    for (uint32_t i = 0; i < count; i++) {
        const struct joinq_message *message = joinq_batch_message(batch, i);
        char text[32];
        size_t size = body_of(first + i, text);
        assert_int_equal(message->sequence, first + i);
        assert_int_equal(message->size, size);
        assert_memory_equal(message->data, text, size);
    }
    assert_null(joinq_batch_message(batch, count));
}
