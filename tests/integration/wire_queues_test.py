#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the protocol says of marks, of whose messages a join waits for, generations and pings, through a broker."""

import harness
from wire_case import WireCase
from wire_client import CLOSED, INVALID, OK, TIMEOUT, packing

MINE, SNAPSHOT = 1, 2
ME = bytes(range(16))


class Queues(WireCase):
    # proves: JON-4
    def test_a_client_waits_for_its_own_messages_with_another_connection_too(self):
        mine, other = self.client(client=ME), self.client()
        mine.put("q", [b"a"])
        other.put("q", [b"b"])
        self.assertEqual(mine.ask("JOIN", "q", 0, 0, MINE, 0)[1:2] + mine.ask("JOIN", "q", 0, 0, MINE, 0)[4:5], [TIMEOUT, 1])
        mine.close()
        again = self.client(client=ME)
        self.assertEqual(again.ask("JOIN", "q", 0, 0, MINE, 0)[1], TIMEOUT)
        got = other.get("q")
        first, count, attempt, _ = got[7][0]
        other.ask("DONE", [[got[3], first, count, attempt]])
        self.assertEqual(again.ask("JOIN", "q", 0, 0, MINE, 0)[1], OK)
        self.assertEqual(again.ask("JOIN", "q", 0, 0, 0, 0)[1], TIMEOUT)

    # proves: JON-3
    def test_a_mark(self):
        client = self.client()
        client.put("q", [b"a"])
        mark = client.ask("MARK", "q", 0)[4]
        client.put("q", [b"b"])
        self.assertEqual(client.ask("JOIN", "q", 0, 0, 0, mark)[1:5:3], [TIMEOUT, 1])
        got = client.get("q")
        first, count, attempt, _ = got[7][0]
        client.ask("DONE", [[got[3], first, count, attempt]])
        self.assertEqual(client.ask("JOIN", "q", 0, 0, 0, mark)[1], OK)
        self.assertEqual(client.ask("JOIN", "q", 0, 0, 0, mark + 99)[1], INVALID)
        self.assertEqual(client.ask("JOIN", "q", 0, 0, SNAPSHOT, 0)[1], TIMEOUT)

    # proves: END-7
    def test_a_put_names_its_generation(self):
        client = self.client()
        client.put("q", [b"a"])
        client.ask("CLOSE", "q", 0, 0)
        self.assertEqual(client.ask("REOPEN", "q", 0)[4], 2)
        self.assertEqual(client.ask("ATTACH", "q", 0, "p", 0)[6], 2)
        self.assertEqual(client.ask("PUT", "q", 0, 0, 0, [b"b"], packing.Pairs([(6, 1)]))[1], CLOSED)
        self.assertEqual(client.ask("PUT", "q", 0, 0, 0, [b"b"], packing.Pairs([(6, 2)]))[1], OK)

    def test_a_ping_brings_back_what_it_carries(self):
        self.assertEqual(self.client().ask("PING", 2**63), ["RESULT", OK, "", 0, 2**63])


if __name__ == "__main__":
    harness.main()
