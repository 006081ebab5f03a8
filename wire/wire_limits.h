/* SPDX-License-Identifier: Apache-2.0 */
/* Every limit of the protocol, in one place. A peer that goes beyond one gets the answer named here;
 * hello tells the client the values that the broker was configured with (never above these). */
#ifndef JOINQ_WIRE_WIRE_LIMITS_H
#define JOINQ_WIRE_WIRE_LIMITS_H

enum {
    JQW_PRODUCER_GRACE_MS = 10000,     /* where none is given */
    JQW_PORT = 19025,                  /* 0x4A51, "JQ" */
    JQW_VERSION = 1,                   /* of the protocol */
    JQW_NAME_MAX = 255,                /* bytes of a queue or producer name: INVALID */
    JQW_BATCH_MAX = 1000,              /* messages in a put, a get or a peek: INVALID */
    JQW_RANGES_MAX = 1000,             /* ranges in one list of a request: INVALID */
    JQW_SETTLE_MAX = 1000,             /* messages settled by the ranges of one list of a request: INVALID */
    JQW_LOST_MAX = 2000,               /* ranges in one list of an answer or event */
    JQW_LIST_MAX = 100,                /* queues in one answer to list */
    JQW_FIGURES_MAX = 200,             /* figures of a broker in one answer */
    JQW_TARGETS_MAX = 16,              /* puts of one forward: INVALID */
    JQW_GET_OTHERS_MAX = 15,           /* queues of one get besides the first: INVALID */
    JQW_SLOTS_MAX = 1024,              /* slots of one client: INVALID */
    JQW_PRIORITY_MAX = 255,            /* bytes of a priority: INVALID */
    JQW_MESSAGE_MAX = 8 * 1024 * 1024, /* bytes of a body: TOO_LARGE */
    JQW_FRAME_MAX = 16 * 1024 * 1024,  /* bytes of a frame after its length: PROTOCOL */
    JQW_FRAME_HEADER = 4,              /* bytes of the big-endian length */
    JQW_DEPTH_MAX = 4,                 /* nested arrays and maps in a frame: PROTOCOL */
    JQW_VALUES_MAX = 65536,            /* msgpack values in a frame, nested ones and keys too: PROTOCOL */
    JQW_LINES_MAX = 4096,              /* bytes of the lines of an answer */
    JQW_TEXT_MAX = 400,                /* bytes of an error text */
    JQW_OPTIONS_MAX = 32,              /* pairs in an options map: PROTOCOL */
};
#define JQW_TIMEOUT_FOREVER UINT64_MAX              /* in memory; nil on the wire */
#define JQW_TIMEOUT_MS_MAX  UINT64_C(3155760000000) /* a hundred years; beyond: INVALID */

_Static_assert(JQW_MESSAGE_MAX < JQW_FRAME_MAX, "a frame holds a message of the largest size");
_Static_assert(JQW_BATCH_MAX <= JQW_SETTLE_MAX, "what one get brings, one done can finish");
_Static_assert(JQW_LOST_MAX >= 2 * JQW_SETTLE_MAX, "what was lost of a get's two lists fits its answer");
_Static_assert(JQW_VALUES_MAX > 5 * (JQW_LOST_MAX + JQW_BATCH_MAX) + 25 * JQW_BATCH_MAX,
               "no message within its limits has too many values");

#endif
