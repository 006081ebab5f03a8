#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the log of durable queues takes on the disk: under steady load at most 3 x the live bytes and three segments, and after a burst 2 x the
live bytes, beside the segment that is being written and the next one, which are there whole from the beginning."""

import os
import random
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True

import harness
from wire_client import OK, Client, packing

MIB = 1024 * 1024
SEGMENT = 64 * MIB
RECORD = 40  # bytes that a message takes beside its body in a record
DEAD = 1
UNFINISHED = 13


class DiskCase(harness.BrokerCase):
    memory = "256M"

    def setUp(self):
        self.data = tempfile.mkdtemp(prefix="joinq-data-")
        self.addCleanup(shutil.rmtree, self.data, True)
        self.arguments = ("--data", self.data, "--max-memory", self.memory)
        super().setUp()
        self.client = Client(self.broker.url)
        self.addCleanup(self.client.close)
        self.random = random.Random(4)
        self.sizes = {}  # of the bodies of each queue

    def declare(self, queue, size, *options):
        self.assertEqual(self.client.ask("DECLARE", queue, 0, 2, packing.Pairs(options))[1], OK)
        self.sizes[queue] = size

    def put(self, queue, count, *options, batch=32):
        size = self.sizes[queue]
        for first in range(0, count, batch):
            bodies = [self.random.randbytes(16) * (size // 16) for _ in range(min(batch, count - first))]
            self.assertEqual(self.client.ask("PUT", queue, 0, 0, 0, bodies, packing.Pairs(options))[1], OK)

    def take(self, queue, count, keep=0, batch=32, end=("DONE",)):
        """Has so many, and finishes all but each `keep`th, which stays leased."""
        seen = 0
        while seen < count:
            answer = self.client.get(queue, min(batch, count - seen))
            self.assertEqual(answer[1], OK)
            ranges = []
            for first, some, attempt, *_ in answer[7]:
                for sequence in range(first, first + some):
                    seen += 1
                    if not keep or seen % keep:
                        ranges.append([answer[3], sequence, 1, attempt])
            self.assertEqual(self.client.ask(end[0], ranges, *end[1:])[1], OK)

    def live(self):
        return sum(self.client.stat(queue)[UNFINISHED] * (size + RECORD) for queue, size in self.sizes.items())

    def disk(self):
        """Bytes; a file may go while it is looked at."""
        total = 0
        for entry in os.scandir(self.data):
            try:
                total += entry.stat().st_blocks * 512
            except FileNotFoundError:
                pass
        return total

    def assert_steady(self):
        self.assertLessEqual(self.disk(), 3 * self.live() + 3 * SEGMENT)

    def assert_settles(self):
        most = 2 * self.live() + 2 * SEGMENT
        self.until(lambda: self.disk() <= most + MIB, f"no more than {most / MIB:.0f} MiB on the disk")


class DiskUse(DiskCase):
    def test_steady_load_around_messages_that_stay(self):
        """One is leased all the time, some are delayed, some dead, and some have their turn last."""
        self.declare("held", 16 * 1024)
        self.declare("dead", 16 * 1024)
        self.declare("jobs", 16 * 1024, (15, "dead"))
        self.declare("urgent", 16 * 1024, (7, 2))
        self.put("held", 1)
        self.assertEqual(self.client.get("held")[1], OK)
        self.put("jobs", 100, (1, 3_600_000))
        self.put("urgent", 100, (3, 9))
        for _ in range(30):
            self.put("jobs", 500)
            self.put("urgent", 300, (3, 1))
            self.take("jobs", 495)
            self.take("jobs", 5, end=("NACK", 0, DEAD))
            self.take("urgent", 300)
            self.assert_steady()
        self.assert_settles()

    def test_few_of_many_are_left(self):
        """Each hundredth stays leased, and what was around it goes."""
        self.declare("jobs", 16 * 1024)
        self.put("jobs", 15_000)
        self.take("jobs", 15_000, keep=100)
        self.assert_settles()

    def test_many_queues_and_large_bodies(self):
        for number in range(100):
            self.declare(f"queue-{number}", 8 * 1024)
            self.put(f"queue-{number}", 100)
        self.declare("large", MIB)
        self.put("large", 120, batch=4)
        for number in range(100):
            self.take(f"queue-{number}", 95)
        self.take("large", 110, batch=8)
        self.assert_settles()


class LittleMemory(DiskCase):
    """Less is alive in each segment than half of it, and more than is held in memory at once to be written anew."""

    memory = "64M"

    def peak(self):
        with open(f"/proc/{self.broker.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))

    def test_some_of_each_segment_is_left(self):
        self.declare("gone", 16 * 1024)
        self.declare("left", 16 * 1024)
        for _ in range(50):
            self.put("gone", 320)
            self.put("left", 64)
        self.take("gone", 50 * 320)
        self.assert_settles()

    def test_few_of_many_small_ones_are_left(self):
        """They lie together with what is gone, and are read with it."""
        self.declare("jobs", 1024)
        self.put("jobs", 300_000, batch=1000)
        self.take("jobs", 300_000, keep=100, batch=1000)
        self.assert_settles()
        if "JOINQ_SANITIZED" not in os.environ:  # there, memory is not what it would be
            self.assertLess(self.peak(), 2 * 64 * MIB)


if __name__ == "__main__":
    harness.main()
