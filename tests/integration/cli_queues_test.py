#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Commands about queues as a whole, through the tool and a broker: alter, pause, reopen, move, orders, dead letters, lifetimes."""

import os

import harness
from wire_client import OK, Client, packing


class Queues(harness.BrokerCase):
    # proves: DCL-3
    def test_alter_changes_what_is_given(self):
        self.joinq("declare", "q", "--max", "3", "--lease", "10s")
        self.joinq("put", "q", "a", "b", "c")
        self.assertEqual(self.objects("alter", "q", "--max", "1"), [{"queue": "q"}])
        stat = self.stat("q")
        self.assertEqual((stat["max_messages"], stat["lease_ms"], stat["ready"]), (1, 10000, 3))
        self.joinq("put", "q", "d", "--nowait", status=3)
        self.joinq("alter", "q", "--max", "0", "--lease", "0s", "--ttl", "5m", "--producers", "auto")
        stat = self.stat("q")
        self.assertEqual((stat["max_messages"], stat["lease_ms"], stat["ttl_ms"]), (0, 0, 300000))
        self.assertEqual(stat["producers"], 2**64 - 1)
        self.joinq("alter", "q", status=2)
        self.joinq("alter", "none", "--max", "1", status=1)
        self.joinq("alter", "q", "--order", "lifo", status=2)

    # proves: DCL-1 DCL-2 DCL-4
    def test_every_option_of_declare(self):
        self.joinq("declare", "bad")
        options = ["--order", "priority", "--max-deliveries", "3", "--dead-letter", "bad", "--ttl", "1h", "--producers", "auto",
                   "--on-producer-lost", "fail", "--producer-grace", "3s", "--idle-delete", "1m"]
        self.joinq("declare", "q", *options)
        self.joinq("declare", "q", *options)
        stat = self.stat("q")
        self.assertEqual((stat["order"], stat["max_deliveries"], stat["producer_grace_ms"], stat["idle_delete_ms"]),
                         (2, 3, 3000, 60000))
        self.fails(1, "joinq: declare: queue 'q' exists with another order", "declare", "q")
        self.joinq("declare", "r", "--max-deliveries", "3", status=1)
        self.joinq("declare", "r", "--dead-letter", "none-such", status=1)
        self.joinq("declare", "r", "--producers", "some", status=2)

    # proves: PSE-1
    def test_pause_and_resume(self):
        self.joinq("put", "q", "a")
        self.joinq("pause", "q", "--gets")
        self.assertEqual(self.stat("q")["paused"], 2)
        self.assertIn("  open, gets paused", self.lines("list")[1])
        self.joinq("get", "q", "--nowait", status=3)
        self.joinq("put", "q", "b", "--nowait")
        self.joinq("pause", "q")
        self.joinq("put", "q", "c", "--nowait", status=3)
        self.assertIn("  open, paused", self.lines("list")[1])
        self.joinq("resume", "q", "--gets")
        self.assertIn("  open, puts paused", self.lines("list")[1])
        self.joinq("resume", "q")
        self.assertEqual(self.lines("get", "q", "-n", "2"), ["a", "b"])
        self.joinq("pause", "none", status=1)

    # proves: END-7
    def test_reopen(self):
        self.joinq("put", "q", "a", "--close")
        self.joinq("put", "q", "b", status=4)
        self.assertEqual(self.joinq("reopen", "q"), "generation 2\n")
        self.joinq("put", "q", "b", "--close")
        self.assertEqual(self.lines("get", "q", "--all"), ["a", "b"])
        self.assertEqual(self.objects("reopen", "q"), [{"queue": "q", "generation": 3}])

    # proves: ADM-1 ADM-2
    def test_move(self):
        self.joinq("put", "old", "a", "b", "c")
        self.joinq("declare", "new", "--max", "2")
        self.assertEqual(self.joinq("move", "old", "new", "-n", "1"), "1 moved\n")
        self.assertEqual(self.objects("move", "old", "new"), [{"queue": "old", "moved": 1}])
        self.assertEqual(self.lines("get", "new", "-n", "2"), ["a", "b"])
        self.joinq("close", "new")
        self.joinq("move", "old", "new", status=4)
        self.joinq("move", "old", "none", status=1)

    # proves: JON-3
    def test_join_of_what_is_there_now(self):
        self.joinq("put", "q", "a")
        waits = self.spawn("join", "q", "--snapshot")
        self.until_stat("q", joiners_waiting=1)
        self.joinq("put", "q", "b")
        self.assertEqual(self.lines("get", "q", "-n", "1"), ["a"])
        self.ends(waits)
        self.assertEqual(self.stat("q")["unfinished"], 1)

    # proves: LSE-5
    def test_where_dead_letters_go_cannot_be_deleted(self):
        self.joinq("declare", "bad")
        self.joinq("declare", "q", "--max-deliveries", "1", "--dead-letter", "bad")
        self.joinq("delete", "bad", status=1)
        self.joinq("alter", "q", "--max-deliveries", "0", "--dead-letter", "none")
        self.joinq("delete", "bad")

    # proves: ADM-1
    def test_why(self):
        self.joinq("put", "q", "a", "b")
        self.assertEqual(self.lines("why", "q"), ["nothing waits for queue 'q'"])
        holder = self.spawn("work", "q", "--", "sleep", "60")
        self.until_stat("q", leased=1)
        waits = self.spawn("join", "q")
        self.until_stat("q", joiners_waiting=1)
        said = self.lines("why", "q")
        self.assertRegex(said[0], r"^a join waits for 1 leased message, held by client '[^']+' for (less than a second|\d+ s)$")
        self.assertEqual(said[1], "a join waits for 1 ready message that no consumer has taken")
        self.assertEqual(self.objects("why", "q")[0]["queue"], "q")
        self.fails(1, "joinq: why: no queue 'none'", "why", "none")
        holder.kill()
        waits.kill()

    # proves: ADM-1
    def test_why_is_not_forged(self):
        """Clients and producers may call themselves what they like; a sentence stays one line, and does nothing to a terminal."""
        with Client(self.broker.url, hello=False) as client:
            client.ask("HELLO", 1, os.urandom(16), "x' for 1 s\nall is well\x1b[2J\u202e\0y", 0)
            client.put("q", [b"x"])
            client.get("q")
            client.send("JOIN", "q", 0, None, 0, 0)
            self.until_stat("q", joiners_waiting=1)
            (said,) = self.lines("why", "q")
            self.assertRegex(said, r"^a join waits for 1 leased message, held by client 'x\? for 1 s\?all is well\?\[2J\?+y' for ")
        options = packing.Pairs([(4, 1), (10, 0), (11, 1)])  # one producer, lost after a millisecond
        with Client(self.broker.url) as client:
            self.assertEqual(client.ask("DECLARE", "p", 0, 0, options)[1], OK)
            self.assertEqual(client.ask("ATTACH", "p", 0, "a\n\u00fc", 0)[1], OK)
        with Client(self.broker.url) as client:
            client.send("GET", "p", 0, None, 1, 0, [], [], [], 0)
            self.until(lambda: "lost" in self.joinq("why", "p"), "the producer is lost")
            said = self.lines("why", "p")
        self.assertTrue(any(line.startswith("a get waits for producer 'a?\u00fc', which is lost") for line in said), said)

    def test_why_a_put_waits(self):
        self.joinq("declare", "q", "--max", "1")
        self.joinq("put", "q", "a")
        waits = self.spawn("put", "q", "b")
        self.until_stat("q", putters_waiting=1)
        self.assertRegex(self.lines("why", "q")[0], r"^a put of client '[^']+' waits for room: queue 'q' has 1 of 1 messages$")
        waits.kill()

    # proves: PUT-5 LSE-7
    def test_delay_and_ttl(self):
        self.joinq("put", "q", "a", "--delay", "1h")
        self.joinq("put", "q", "b", "--ttl", "10ms")
        self.assertEqual(self.stat("q")["delayed"], 1)
        self.until_stat("q", expired=1)
        self.joinq("put", "q", "c", "--delay", "2s", "--ttl", "1s", status=1)

    # proves: DCL-5
    def test_a_queue_of_its_users(self):
        self.joinq("declare", "q", "--lifetime", "users")
        self.until(lambda: self.joinq("list") == "", "the queue goes with its last user")


if __name__ == "__main__":
    harness.main()
