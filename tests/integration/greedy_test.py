#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that ask for much with little: the limit on memory holds for what they make the broker keep and say, and nobody else
waits for what they make it look through."""

import os
import select
import sys
import unittest

sys.dont_write_bytecode = True

import harness
from wire_case import WireCase, resident_kib
from wire_client import BUSY, INVALID, LEASE_LOST, OK, OVERLOADED, Client, frame, packing

NONE = packing.Pairs()


class Memory(WireCase):
    """A broker with little memory."""

    arguments = (*WireCase.arguments, "--max-memory", "16M")

    def setUp(self):
        super().setUp()
        self.before = resident_kib(self.broker.process.pid)

    def tearDown(self):
        self.is_bounded()

    def is_bounded(self):
        if "JOINQ_SANITIZED" not in os.environ:
            self.assertLess(resident_kib(self.broker.process.pid), self.before + 40 * 1024)

    def asked(self, client, frames):
        """Sends these, numbered from 2, in one go; returns the codes of their answers."""
        client.send_bytes(b"".join(frames))
        return {client.receive()[2] for _ in frames}

    def pours(self, request, connections=40):
        """Many connections that ask and do not read; what they took is given back when they have gone."""
        clients = [self.client(self.unix) for _ in range(connections)]
        for client in clients:
            client.socket.setblocking(False)
            left = memoryview(request)
            while left and select.select([], [client.socket], [], 0.1)[1]:
                left = left[client.socket.send(left) :]
        for client in clients:
            self.assertTrue(select.select([client.socket], [], [], harness.PATIENCE)[0], "an answer begins")
        self.assertEqual(self.witness.ask("LIST", 0, 1)[1], OK)
        self.is_bounded()
        for client in clients:
            client.close()
        self.has_memory()

    def has_memory(self):
        self.until(lambda: self.witness.put("witness-too", [b"x"])[1] == OK, "there is memory again")
        self.assertEqual(self.witness.ask("DELETE", "witness-too", 0, 0)[1], OK)

    def is_alone(self):
        return ((0, "connections"), (1, 1)) in self.witness.ask("BROKER", 0)[-1]

    def fill(self):
        """Not even a queue is made any more."""
        names = (f"fill-{number}" for number in range(100_000))
        while self.witness.ask("DECLARE", next(names), 0, 0, NONE)[1] == OK:
            pass

    def test_peeks_that_nobody_reads(self):
        """proves: PUT-4 FLW-1"""
        for _ in range(8):
            self.assertEqual(self.witness.put("q", [b"x" * 900_000])[1], OK)
        self.pours(frame("PEEK", 2, "q", 0, 9) * 3)
        self.assertEqual(self.witness.ask("PURGE", "q", 0)[1], OK)

    def test_lists_that_nobody_reads(self):
        """proves: PUT-4 FLW-1"""
        for number in range(60):
            self.assertEqual(self.witness.ask("DECLARE", "q" * 200 + str(number), 0, 0, NONE)[1], OK)
        self.pours(frame("LIST", 2, 0, 100) * 2000)

    def test_a_peek_where_memory_is_short(self):
        self.assertEqual(self.witness.ask("DECLARE", "small", 0, 0, NONE)[1], OK)
        for queue, size in ("q", 100_000), ("small", 1000):  # a large one refused may leave room for one more when it has gone
            while self.witness.put(queue, [b"x" * size])[1] == OK:
                pass
        self.assertEqual(self.witness.ask("PEEK", "q", 0, 50)[:2], ["RESULT", OVERLOADED])
        self.assertEqual(self.witness.ask("PEEK", "q", 0, 1)[1], OVERLOADED)
        got = self.witness.get("q", 100)
        (first, count, attempt, _), = got[7]
        self.assertEqual(self.witness.ask("DONE", [[got[3], first, count, attempt]])[1], OK)
        peeked = self.witness.ask("PEEK", "q", 0, 1)
        self.assertEqual((peeked[:2], len(peeked[-1])), (["PEEKED", OK], 1))
        for queue in "q", "small":
            self.assertEqual(self.witness.ask("PURGE", queue, 0)[1], OK)

    def test_large_batches_where_memory_is_short(self):
        """proves: PUT-4 FLW-1"""
        client = self.client()
        while client.put("q", [b"x" * 100_000])[1] == OK:
            pass
        codes = self.asked(client, [frame("PUT", i, "q", 0, 0, 0, [b""] * 1000, NONE) for i in range(2, 202)])
        self.assertIn(OVERLOADED, codes)
        self.assertEqual(client.ask("PURGE", "q", 0)[1], OK)

    def test_ends_without_end(self):
        """proves: PUT-4"""
        client = self.client()
        client.ask("DECLARE", "q", 0, 0, NONE)
        codes = set()
        for _ in range(3):
            codes |= self.asked(client, [frame("PUT_END", i, "q", 0, 1000) for i in range(2, 1002)])
        self.assertEqual(codes, {OK, OVERLOADED})
        self.assertEqual(client.ask("PURGE", "q", 0)[1], OK)

    def test_producers_without_end(self):
        client = self.client()
        codes = set()
        for queue in range(10):
            client.ask("DECLARE", f"q{queue}", 0, 0, NONE)
            for part in range(0, 12_000, 1000):
                name = f"{part}-" + "y" * 200 + "-"
                codes |= self.asked(
                    client, [frame("FINISH", i, f"q{queue}", 0, name + str(i)) for i in range(2, 1002)]
                )
        self.assertLessEqual({OK, INVALID, OVERLOADED}, codes)
        for queue in range(10):
            client.ask("DELETE", f"q{queue}", 0, 0)
        self.has_memory()

    def test_gets_without_end(self):
        """What waits takes memory, too. proves: PUT-4"""
        self.assertEqual(self.witness.ask("DECLARE", "q", 0, 0, NONE)[1], OK)
        clients = [self.client(self.unix) for _ in range(80)]
        for client in clients:
            waiting_max = client.welcome[8]
            client.send_bytes(b"".join(frame("GET", i, "q", 0, None, 1, 0, [], [], [], 0) for i in range(2, 2 + waiting_max)))
        self.until(lambda: self.witness.put("other", [b"x"])[1] == OVERLOADED, "what waits fills the memory")
        for client in clients:
            client.close()
        self.until(self.is_alone, "what they sent is carried out, and they are gone")
        self.has_memory()

    def test_closes_without_end(self):
        """Closes wait for an earlier put of their connection: beyond some, they are told that there are too many."""
        client = self.client()
        client.ask("DECLARE", "q", 0, 0, packing.Pairs([(1, 1)]))
        self.assertEqual(client.put("q", [b""])[1], OK)
        client.send("PUT", "q", 0, None, 0, [b""], NONE, request=100_000)
        client.send_bytes(b"".join(frame("CLOSE", i, "q", 0, 2) for i in range(1000, 11_000)))
        refused = 10_000 + 1 - client.welcome[8]
        self.assertEqual({client.receive()[2] for _ in range(refused)}, {BUSY})
        self.assertEqual(client.ask("LIST", 0, 1)[1], OK)
        self.assertEqual(self.witness.ask("DELETE", "q", 0, 0)[1], OK)

    def test_a_done_in_two_pieces_where_memory_is_short(self):
        """proves: PUT-4"""
        client = self.client()
        client.put("q", [b"x"])
        got = client.get("q", 1)
        self.fill()
        (first, count, attempt, _), = got[7]
        done = frame("DONE", 5000, [[got[3], first, count, attempt]] + [[got[3], 1 << 60, 1, 1]] * 999)
        client.send_bytes(done[:-10])
        self.assertEqual(self.witness.ask("LIST", 0, 1)[1], OK)
        client.send_bytes(done[-10:])
        self.assertEqual(client.receive()[1:3], [5000, LEASE_LOST])
        for number in range(100):
            self.assertEqual(self.witness.ask("DELETE", f"fill-{number}", 0, 0)[1], OK)
        self.has_memory()


class Looking(WireCase):
    """Much to look through for a small answer."""

    def test_peeks_behind_a_million_ends(self):
        """proves: FLW-1"""
        client, reader = self.client(), Client(self.unix)
        self.addCleanup(reader.close)
        client.ask("DECLARE", "q", 0, 0, NONE)
        for _ in range(1000):
            client.send_bytes(frame("PUT_END", 2, "q", 0, 1000))
            self.assertEqual(client.receive()[2], OK)
        client.put("q", [b"behind"])
        client.send_bytes(frame("PEEK", 2, "q", 0, 1) * 900)
        self.assertEqual(reader.put("other", [b""])[1], OK)
        self.assertEqual({tuple(client.receive()[2:3]) for _ in range(900)}, {(OK,)})
        self.assertEqual(client.ask("PURGE", "q", 0)[1], OK)


if __name__ == "__main__":
    unittest.main()
