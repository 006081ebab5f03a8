#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Exactly once, done-and-put, gets from several queues, priorities, dead letters and export, through a broker."""

import os

import harness
from wire_case import WireCase
from wire_client import END, INVALID, LEASE_LOST, NO_QUEUE, OK, packing

NEVER = None
DEAD, AUTO, DROP = 1, 1, 4
BATCH, SECOND_BATCH = [b"a", b"b"], [b"c"]


def once(number, slot=0, **options):
    keys = {"delay_ms": 1, "ttl_ms": 2, "priority": 3}
    return packing.Pairs([(keys[name], value) for name, value in options.items()] + [(4, slot), (5, number)])


def given(**options):
    return once(0, 0, **options)


def queue(name, **fields):
    keys = {"incarnation": 1, "count": 2, "priority": 5}
    return packing.Pairs([(0, name)] + [(keys[field], value) for field, value in fields.items()])


def lease(got):
    """The first range of a GOT, to be settled."""
    first, count, attempt, _ = got[7][0]
    return [got[3], first, count, attempt]


class Once(WireCase):
    def again(self, client_id):
        return self.client(client=client_id)

    # proves: ONE-1
    def test_what_is_sent_again_is_answered_again_and_not_done_again(self):
        me = os.urandom(16)
        client = self.again(me)
        self.assertFalse(client.welcome[3])
        first = client.ask("PUT", "q", 0, 0, 0, BATCH, once(1))
        self.assertEqual(client.ask("PUT", "q", 0, 0, 0, BATCH, once(1)), first)
        client.close()
        client = self.again(me)
        self.assertTrue(client.welcome[3])
        self.assertEqual(client.ask("PUT", "q", 0, 0, 0, BATCH, once(1)), first)
        self.assertEqual(client.stat("q")[15], len(BATCH))
        self.assertEqual(client.ask("PUT", "q", 0, 0, 0, SECOND_BATCH, once(2))[1], OK)
        self.assertEqual(client.ask("PUT", "q", 0, 0, 0, BATCH, once(1))[1], INVALID)
        self.assertEqual(client.stat("q")[15], len(BATCH + SECOND_BATCH))

    # proves: ONE-1
    def test_every_request_that_must_not_happen_twice(self):
        client = self.client()
        client.ask("DECLARE", "counted", 0, 0, packing.Pairs([(6, 1)]))
        client.put("counted", [b"1", b"2", b"3"])
        client.put("q", [b"1", b"2", b"3"])
        for _ in range(2):
            self.assertEqual(client.ask("TASK_DONE", "counted", 0, 2, once(1))[4], 1)
            self.assertEqual(client.ask("MOVE", "q", 0, "witness2", 0, 2, once(1, 1))[1:5:3], [16, 0])
        client.ask("DECLARE", "to", 0, 0, packing.Pairs())
        for _ in range(2):
            self.assertEqual(client.ask("MOVE", "q", 0, "to", 0, 2, once(2, 1))[1:5:3], [OK, 2])
            self.assertEqual(client.ask("PUT_END", "q", 0, 1, once(1, 2))[1], OK)
        self.assertEqual((client.stat("to")[9], client.stat("q")[9], client.stat("q")[14]), (2, 1, 1))

    # proves: FWD-1 ONE-1
    def test_done_and_put(self):
        client = self.client()
        client.put("in", [b"1", b"2"])
        got = client.get("in", most=2)
        targets = [queue("out", count=2), queue("log", count=1)]
        self.assertEqual(client.ask("FORWARD", NEVER, [lease(got)], targets, [b"x", b"y", b"z"], given())[1], NO_QUEUE)
        for name in ("out", "log"):
            client.ask("DECLARE", name, 0, 0, packing.Pairs())
        forward = ("FORWARD", NEVER, [lease(got)], targets, [b"x", b"y", b"z"], once(1))
        for _ in range(2):
            self.assertEqual(client.ask(*forward)[1:4:2], [OK, 5])
        self.assertEqual((client.stat("in")[13], client.stat("out")[9], client.stat("log")[9]), (0, 2, 1))
        lost = client.ask("FORWARD", NEVER, [lease(got)], targets, [b"x", b"y", b"z"], once(2))
        self.assertEqual((lost[1], lost[4]), (LEASE_LOST, [lease(got)]))
        for count in (1, 3):
            wrong = [queue("out", count=count)]
            self.assertEqual(client.ask("FORWARD", NEVER, [], wrong, [b"x", b"y"], once(3))[1], INVALID)
        self.assertEqual(client.ask("FORWARD", NEVER, [], [queue("out")], [b"x"], once(3))[1], INVALID)
        self.assertEqual(client.stat("out")[9], 2)

    # proves: GET-2
    def test_a_get_from_several_queues_says_from_which(self):
        client = self.client()
        client.put("second", [b"of the second"])
        got = client.ask("GET", "first", 0, 0, 5, AUTO, [], [], [queue("second"), queue("third")], 0)
        self.assertEqual((got[1], got[6], got[-1]), (OK, 1, [b"of the second"]))
        for name in ("first", "second", "third"):
            client.ask("CLOSE", name, 0, 0)
        client.send("RECEIVED", got[4], request=0)
        others = [queue("second"), queue("third")]
        self.assertEqual(client.ask("GET", "first", 0, NEVER, 5, AUTO, [], [], others, 0)[1], END)
        self.assertEqual(client.ask("GET", "first", 0, 0, 5, AUTO, [], [], [queue("first")], 0)[1], INVALID)

    # proves: DCL-4
    def test_priorities_are_numbers_or_bytes(self):
        client = self.client()
        for name, priorities in (("numbers", (7, -(2**63), 2**63 - 1, 0)), ("bytes", (b"b", b"", b"ab", b"\xff" * 255))):
            client.ask("DECLARE", name, 0, 0, packing.Pairs([(7, 2)]))
            for priority in priorities:
                body = repr(priority).encode()
                self.assertEqual(client.ask("PUT", name, 0, 0, 0, [body], given(priority=priority))[1], OK)
            got = client.get(name, most=9, flags=AUTO)
            self.assertEqual(got[-1], [repr(priority).encode() for priority in sorted(priorities)])
        self.assertEqual(client.ask("PUT", "numbers", 0, 0, 0, [b""], given(priority=b"a"))[1], INVALID)
        self.assertEqual(client.ask("PUT", "fifo", 0, 0, 0, [b""], given(priority=0))[1], INVALID)

    # proves: LSE-5
    def test_a_dead_letter_says_where_it_comes_from(self):
        client = self.client()
        client.ask("DECLARE", "dead", 0, 0, packing.Pairs())
        client.ask("DECLARE", "jobs", 0, 0, packing.Pairs([(15, "dead")]))
        client.put("jobs", [b"good", b"bad"])
        good = client.get("jobs")
        bad = client.get("jobs")
        self.assertEqual((good[8], bad[8]), ([], []))
        client.ask("NACK", [lease(bad)], 0, DEAD)
        (detail,) = client.get("dead")[8]
        detail = dict(detail)
        self.assertEqual((detail.get(0, 0), detail[6], detail[7], detail[8]), (0, 2, "jobs", lease(bad)[1]))

    def test_an_export_brings_everything_page_by_page(self):
        client = self.client()
        client.ask("DECLARE", "q", 0, 0, packing.Pairs([(7, 2)]))
        bodies = [b"%d" % number for number in range(7)]
        for number, body in enumerate(bodies):
            client.ask("PUT", "q", 0, 0, 0, [body], given(priority=-number, ttl_ms=10**9))
        client.ask("PUT", "q", 0, 0, 0, [b"later"], given(delay_ms=10**8))
        self.assertEqual(client.get("q")[-1], [bodies[-1]])
        found, states, at = [], [], 0
        while True:
            page = client.ask("EXPORT", "q", 0, at, 3)
            self.assertEqual((page[0], page[1]), ("EXPORTED", OK))
            found += page[-1]
            states += [dict(detail).get(1, 0) for detail in page[6]]
            at = page[4]
            if at == 0:
                break
        self.assertEqual(found, bodies + [b"later"])
        self.assertEqual(states, [0] * 6 + [2, 1])
        self.assertEqual(client.stat("q")[9], 6)
        self.assertEqual(client.ask("EXPORT", "missing", 0, 0, 3)[1], 16)


if __name__ == "__main__":
    harness.main()
