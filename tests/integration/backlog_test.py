#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Backlogs of durable queues that are larger than the memory that the broker may take: their bodies are read back from the log."""

import json
import os
import shutil
import signal
import sys
import tempfile

sys.dont_write_bytecode = True

import harness
from wire_case import resident_kib
from wire_client import EMPTY, OK, Client, packing

MIB = 1024 * 1024
LIMIT = 64 * MIB
BODY = 16 * 1024
BATCH = 32
STORAGE = 24


def body(number):
    return b"%08d" % number * (BODY // 8)


class Backlog(harness.BrokerCase):
    def setUp(self):
        self.data = tempfile.mkdtemp(prefix="joinq-data-")
        self.addCleanup(shutil.rmtree, self.data, True)
        self.arguments = ("--data", self.data, "--max-memory", "64M")
        super().setUp()
        self.client = self.connect()
        self.peak = 0

    def connect(self):
        client = Client(self.broker.url)
        self.addCleanup(client.close)
        self.assertEqual(client.ask("DECLARE", "jobs", 0, 3, packing.Pairs())[1], OK)
        return client

    def restart(self):
        os.kill(self.broker.process.pid, signal.SIGKILL)
        self.broker.process.wait(harness.PATIENCE)
        harness.end_group(self.broker.process)
        self.addCleanup(self.broker.remove)
        self.broker = harness.Broker(*self.arguments)
        self.client = self.connect()

    def look(self):
        self.peak = max(self.peak, resident_kib(self.broker.process.pid))

    def fill(self, count, first=0, batch=BATCH):
        for first in range(first, count, batch):
            bodies = [body(number) for number in range(first, min(count, first + batch))]
            self.assertEqual(self.client.put("jobs", bodies)[1], OK)
            self.look()

    def consume(self, first, count):
        """Gets so many, each done with the get of the next; they have to be those."""
        done = []
        while count > 0:
            answer = self.client.get("jobs", min(BATCH, count), done=done)
            self.assertEqual(answer[1], OK)
            for got in answer[-1]:
                self.assertEqual(got, body(first))
                first, count = first + 1, count - 1
            done = [[answer[3], *run[:3]] for run in answer[7]]
            self.look()
        self.assertEqual(self.client.ask("DONE", done)[1], OK)

    def assert_bounded(self):
        if "JOINQ_SANITIZED" not in os.environ:  # there, memory is not what it would be
            self.assertLess(self.peak * 1024, LIMIT)

    def test_four_times_as_large(self):
        """proves: RST-2"""
        count = 4 * LIMIT // BODY
        self.fill(count)
        self.consume(0, count // 2)
        self.assert_bounded()
        self.restart()
        self.look()
        self.assertEqual(self.client.stat("jobs")[9], count - count // 2)
        self.consume(count // 2, count - count // 2)
        self.assertEqual(self.client.get("jobs")[1], EMPTY)
        self.assert_bounded()

    def test_what_moves_is_not_read(self):
        count = 4 * LIMIT // BODY
        self.fill(count)
        self.assertEqual(self.client.ask("DECLARE", "others", 0, 3, packing.Pairs())[1], OK)
        self.assertEqual(self.client.ask("MOVE", "jobs", 0, "others", 0, count // 4, packing.Pairs())[1], OK)
        self.restart()
        self.look()
        self.consume(count // 4, 100)
        self.assertEqual(self.client.get("others", 10)[-1], [body(number) for number in range(10)])
        self.assert_bounded()

    def test_all_of_it_is_exported(self):
        """proves: RST-2"""
        count = 4 * LIMIT // BODY
        self.fill(count)
        self.restart()
        self.environment["JOINQ_URL"] = self.broker.url
        export = self.spawn("export", "jobs", stderr=None)
        for number in range(count):
            line = export.stdout.readline()
            self.assertIn(b"%08d" % number, line)
            if number % BATCH == 0:
                self.assertEqual(json.loads(line)["body"].encode(), body(number))
                self.look()
        self.assertEqual(export.stdout.read(), b"")
        self.ends(export)
        self.assert_bounded()
        figures = self.objects("stat")[0]
        self.assertGreater(figures["bodies_reads"], 0)
        self.assertGreater(figures["bodies_on_disk_bytes"], count * BODY // 2)
        self.assertLessEqual(figures["memory_used"], figures["memory_limit"])
        self.assertEqual((figures["journal_read_errors"], figures["messages_unreadable"]), (0, 0))

    def place(self, number):
        """(path, offset) of a body on the disk."""
        for name in sorted(os.listdir(self.data)):
            path = os.path.join(self.data, name)
            with open(path, "rb") as file:
                at = file.read().find(body(number)[:64])
            if at >= 0:
                return path, at
        return self.fail("it is nowhere")

    def write_at(self, place, data):
        with open(place[0], "r+b") as file:
            file.seek(place[1])
            file.write(data)

    def test_what_cannot_be_read_waits(self):
        """proves: GET-3"""
        count = 2 * LIMIT // BODY
        spoilt = count * 3 // 8  # not in memory, and read before there is much to be cleaned up
        self.fill(spoilt)
        self.fill(spoilt + BATCH, spoilt, batch=1)  # what is put together is verified together
        self.fill(count, spoilt + BATCH)
        place = self.place(spoilt)
        self.write_at(place, b"spoilt")
        had = self.consume_what_is_ready()
        self.assertEqual(set(range(count)) - had, {spoilt})
        stat = self.client.stat("jobs")
        self.assertGreater(stat[46], 0)
        self.assertEqual(stat[13], 1)
        self.write_at(place, body(spoilt)[:6])
        while len(had) < count:
            had |= self.consume_what_is_ready(timeout=None)
        self.assertEqual(had, set(range(count)))

    def consume_what_is_ready(self, timeout=0):
        """The numbers of what was had, until there is nothing, or nothing that can be read."""
        had, code = set(), OK
        while code == OK:
            answer = self.client.get("jobs", 4, timeout=timeout)
            code, timeout = answer[1], 0
            self.assertIn(code, (OK, EMPTY, STORAGE))
            for got in answer[-1] if code == OK else ():
                had.add(int(got[:8]))
                self.assertEqual(got, body(int(got[:8])))
            if code == OK:
                self.assertEqual(self.client.ask("DONE", [[answer[3], *run[:3]] for run in answer[7]])[1], OK)
        return had


if __name__ == "__main__":
    harness.main()
