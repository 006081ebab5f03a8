#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the broker's memory grows by: for each message, for each client that waits, and not at all by what passed through."""

import resource
import struct
import sys

sys.dont_write_bytecode = True

import harness
from wire_case import WireCase
from wire_client import OK, OPS, Client, codec, frame, packing

BODY = b"x" * 100
EMPTY_MAP = packing.Pairs()


class Memory(WireCase):
    def put_many(self, client, queue, total, batch, window=40):
        """Puts so many messages, in batches, with some requests unanswered at a time."""
        answers = iter(range(0, total, batch))
        for sent, at in enumerate(range(0, total, batch)):
            client.send("PUT", queue, 0, None, 0, [BODY] * min(batch, total - at), EMPTY_MAP)
            if sent >= window:
                self.assertEqual(client.receive()[2], OK)
                next(answers)
        for _ in answers:
            self.assertEqual(client.receive()[2], OK)

    def a_million_messages(self, batch):
        client = self.client(self.unix)
        self.put_many(client, "warm", 2000, batch)
        self.assertEqual(client.ask("PURGE", "warm", 0)[1], OK)
        before = self.resident()
        self.put_many(client, "million", 1_000_000, batch)
        self.assertEqual(self.witness.stat("million")[9], 1_000_000)
        self.assertLess((self.resident() - before) * 1024 / 1_000_000, 150)

    def test_a_million_messages_in_groups(self):
        self.a_million_messages(250)

    def test_a_million_messages_in_large_groups(self):
        self.a_million_messages(1000)

    def test_a_million_messages_in_small_groups(self):
        self.a_million_messages(17)

    def test_a_client_that_waits(self):
        """5,000 connections that wait in get, and are all told the end."""
        count = 5000
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < count + 100:
            self.skipTest(f"no more than {hard} descriptors are allowed here")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 100), hard))
        before = self.resident()
        clients = [Client(self.unix) for _ in range(count)]
        for client in clients:
            client.send("GET", "line", 0, None, 1, 0, [], [], [], 0)
        self.until(lambda: self.waiting("line") == count, "all of them wait")
        self.assertLess((self.resident() - before) * 1024 / count, 2048)
        self.assertEqual(self.witness.ask("CLOSE", "line", 0, 0)[1], OK)
        for client in clients:
            self.assertEqual(client.receive()[2], 5)
            client.close()

    def test_what_passes_through(self):
        """Ten million messages through a queue of bound 1,000 leave the resident size where it was."""
        client = self.client(self.unix)
        self.assertEqual(client.ask("DECLARE", "pipe", 0, 0, packing.Pairs([(1, 1000)]))[1], OK)
        self.pass_through(client, 1, 100)
        before = self.resident()
        self.pass_through(client, 101, 10_000)
        self.assertLess(self.resident() - before, 1024)

    def test_few_survivors(self):
        """What little stays of much that passed holds little memory, and is what it was."""
        client = self.client(self.unix)
        self.assertEqual(client.ask("DECLARE", "pipe", 0, 0, packing.Pairs([(1, 1000)]))[1], OK)
        kept = [b"%d " % i + bytes(1000) for i in range(300)]
        for i, body in enumerate(kept):
            self.assertEqual(client.ask("PUT", "kept", 0, None, 0, [body], EMPTY_MAP)[1], OK)
            self.pass_through(client, 1 + 3 * i, 3)
        self.assertLess(self.resident(), 32 * 1024)
        self.assertEqual(client.ask("GET", "kept", 0, 0, 300, 0, [], [], [], 0)[-1], kept)

    def pass_through(self, client, first_batch, batches):
        """Batches of 1,000: put, then got and the last one done. Numbers of messages begin at 1 and follow on one another."""
        put = frame("PUT", 7, "pipe", 0, 0, 0, [BODY] * 1000, EMPTY_MAP)
        incarnation = self.witness.stat("pipe")[1]
        for batch in range(first_batch, first_batch + batches):
            first = (batch - 1) * 1000 + 1
            done = [[incarnation, first - 1000, 1000, 1]] if batch > 1 else []
            client.send_bytes(put + frame("GET", 8, "pipe", 0, None, 1000, 0, done, [], [], 0))
            self.assertEqual(self.head(client)[:3], [OPS["RESULT"], 7, OK])
            self.assertEqual(self.head(client)[:3], [OPS["GOT"], 8, OK])

    def head(self, client):
        """The first values of the next frame, without reading all of it."""
        self.assertTrue(client._fill(4))
        (length,) = struct.unpack(">I", client.buffer[:4])
        self.assertTrue(client._fill(4 + length))
        reader = packing.Reader(client.buffer[5:40], codec.DEPTH_MAX, codec.VALUES_MAX)
        client.buffer = client.buffer[4 + length :]
        return [reader.value() for _ in range(3)]


if __name__ == "__main__":
    harness.main()
