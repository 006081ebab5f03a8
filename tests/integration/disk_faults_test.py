#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Disks that are slow, fail or are full at a chosen call, and clocks that jump: nothing that was told is lost, nothing else waits."""

import os
import shutil
import threading
import time

import durable_test
import harness
from wire_client import OK, Client, packing

CLOCK = os.environ.get("JOINQ_CLOCK_JUMP")  # a library to be loaded before libc: clock_jump.c
STORAGE = 24
YEAR = 365 * 24 * 3600
SYNC_S = 0.7  # of a slow one
MIB = 1024 * 1024


class Faults(durable_test.DataCase):
    def setUp(self):
        if not shutil.which("strace"):
            self.skipTest("there is no strace")
        super().setUp()
        self.joinq("declare", "jobs", "--durable")

    def inject(self, calls, what):
        """From here on the broker is one whose calls fail so."""
        self.kill()
        leaks = "ASAN_OPTIONS=detect_leaks=0"  # cannot be looked for in a process that is traced
        self.begin("strace", "-D", "-f", "-E", leaks, "-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={calls}:{what}")

    def client(self):
        client = Client(self.broker.url)
        self.addCleanup(client.close)
        return client

    def put_until_taken(self, client, body):
        """How often the disk refused it."""
        deadline, refused = time.monotonic() + harness.PATIENCE, 0
        while (code := client.put("jobs", [body])[1]) != OK:
            self.assertEqual(code, STORAGE)
            self.assertLess(time.monotonic(), deadline, "the disk takes nothing any more")
            refused += 1
        return refused

    def fills(self, count, size, before=lambda: None):
        """So many bodies, in order, are there after a kill, with no fault any more; how often one was refused."""
        client, refused = self.client(), 0
        for number in range(count):
            refused += self.put_until_taken(client, b"%d " % number + b"x" * size)
            self.assertEqual(client.put("loose", [b"y"])[1], OK)  # what is in memory goes on
        before()
        self.restart()
        client = self.client()
        found = []
        while len(found) < count:
            got = client.get("jobs", 100)
            self.assertEqual(got[1], OK, f"{len(found)} of {count} are there")
            found += [int(body.split()[0]) for body in got[-1]]
        self.assertEqual(found, list(range(count)))
        stat = self.stat("jobs")
        self.assertEqual((stat["put"], stat["leased"]), (count, count))
        return refused

    def said_once(self, *parts):
        """The one line of the broker's log that has all of these."""
        lines = [line for line in self.broker.said().splitlines() if all(part in line for part in parts)]
        self.assertEqual(len(lines), 1, (parts, self.broker.said()))

    def test_a_write_that_fails_is_told(self):
        """proves: OUT-2"""
        for call, figure, what in (("pwritev", "journal_write_errors", "a write"), ("fdatasync", "journal_sync_errors", "a sync")):
            with self.subTest(call):
                self.inject(call, "error=EIO:when=3+100")
                client = self.client()
                for number in range(8):
                    self.put_until_taken(client, b"%d" % number)
                figures = self.objects("stat")[0]
                self.assertEqual((figures[figure], figures["journal_segments_given_up"], figures["journal_accepts"]), (1, 1, 2))
                self.said_once(f"{self.data}/0", f"{what} failed: Input/output error", "given up from", "another file")
                self.said_once(f"{self.data}: ", "the disk takes everything again")

    def test_a_disk_that_cannot_make_a_file_is_told(self):
        """proves: OUT-2"""
        self.inject("fallocate", "error=ENOSPC:when=2..4")
        self.fills(150, MIB // 2, self.full_disk_told)

    def full_disk_told(self):
        self.assertGreaterEqual(self.objects("stat")[0]["journal_make_errors"], 1)
        self.said_once(f"{self.data}/0", "cannot be made: No space left on device", "tried again")

    def test_a_slow_disk_is_told(self):
        """proves: OUT-1"""
        self.inject("fdatasync", "delay_exit=2500000:when=2")
        client = self.client()
        client.put("jobs", [b"a"])
        client.put("jobs", [b"b"])
        self.until(lambda: self.objects("stat")[0]["journal_syncs"] >= 2, "both are on the disk")
        figures = self.objects("stat")[0]
        self.assertGreaterEqual(figures["journal_sync_max_ns"], 2_500_000_000)
        self.assertGreaterEqual(figures["journal_sync_time_ns"], figures["journal_sync_max_ns"])
        self.said_once(f"{self.data}/0", "the disk has taken", "s for one write or sync")

    def test_writes_that_fail(self):
        """proves: OUT-2"""
        for error in ("EIO", "ENOSPC"):
            with self.subTest(error):
                self.inject("pwritev", f"error={error}:when=6+9")
                self.fills(40, 10)
                self.joinq("purge", "jobs")
                self.joinq("delete", "jobs")
                self.joinq("declare", "jobs", "--durable")

    def test_segments_that_cannot_be_made(self):
        """proves: OUT-2"""
        for error in ("EIO", "ENOSPC"):
            with self.subTest(error):
                self.inject("fallocate", f"error={error}:when=2..7")
                self.assertGreater(self.fills(150, MIB // 2), 0)
                self.joinq("purge", "jobs")
                self.joinq("delete", "jobs")
                self.joinq("declare", "jobs", "--durable")

    def test_files_that_cannot_be_synced(self):
        """proves: OUT-2"""
        self.inject("fsync", "error=EIO:when=4+3")
        self.fills(150, MIB // 2)

    def ready_again(self, calls, what, unready, body):
        """By its page: not while they fail so, and once they do not."""
        self.with_pages()
        self.inject(calls, what)
        client, other = self.client(), self.client()
        self.assertEqual(self.page("/readyz"), (200, "ready\n"))
        while self.page("/readyz")[0] == 200:
            client.send("PUT", "jobs", 0, None, 0, [body], packing.Pairs())
        self.assertEqual(self.page("/readyz"), (503, unready))
        self.assertEqual(self.page("/healthz"), (200, "ok\n"))
        self.assertEqual(other.put("jobs", [b"x"])[1], STORAGE)
        self.until(lambda: self.page("/readyz") == (200, "ready\n"), "it takes it again")
        self.assertEqual(other.put("jobs", [b"x"])[1], OK)

    def test_a_page_says_that_the_disk_takes_nothing(self):
        """proves: OUT-2"""
        self.ready_again("pwritev", "error=EIO:when=3..12", "the data folder takes nothing\n", b"x")

    def test_a_page_says_that_the_disk_is_full(self):
        """proves: OUT-2"""
        self.ready_again("fallocate", "error=ENOSPC:when=2..7", "the data folder is full: only what gives space back is done\n",
                         b"x" * (MIB // 2))

    def test_who_needs_no_disk_does_not_wait_for_it(self):
        """proves: OUT-1 FLW-1"""
        self.inject("fdatasync", f"delay_exit={round(SYNC_S * 1e6)}")
        client, slow = self.client(), self.client()
        client.put("loose", [b"first"])
        answered = threading.Event()
        request = slow.send("PUT", "jobs", 0, 0, 0, [b"a"], packing.Pairs())

        def await_answer():
            self.answer = slow.receive()
            answered.set()

        begun = time.monotonic()
        waits = threading.Thread(target=await_answer)
        waits.start()
        done, longest = 0, 0.0
        while not answered.is_set():
            before = time.monotonic()
            self.assertEqual(client.put("loose", [b"x"])[1], OK)
            self.assertEqual(client.get("loose")[1], OK)
            longest = max(longest, time.monotonic() - before)
            done += 1
        waits.join()
        self.assertEqual(self.answer[1:3], [request, OK])
        self.assertGreaterEqual(time.monotonic() - begun, SYNC_S)
        self.assertLess(longest, SYNC_S / 2)
        self.assertGreater(done, 100)


class Clock(durable_test.DataCase):
    """The time of day jumps, while the broker runs or while there is none."""

    def setUp(self):
        if not CLOCK:
            self.skipTest("there is no library to make a clock jump")
        super().setUp()
        self.beside = os.path.join(self.data, "clock")
        self.jump(0)
        self.kill_and_begin()
        self.joinq("declare", "jobs", "--durable", "--lease", "1h")
        self.joinq("put", "jobs", "plain")
        self.joinq("put", "jobs", "mortal", "--ttl", "1h")
        self.joinq("put", "jobs", "later", "--delay", "1h")

    def jump(self, seconds):
        with open(self.beside + ".new", "w", encoding="ascii") as file:
            file.write(str(seconds))
        os.rename(self.beside + ".new", self.beside)

    def kill_and_begin(self):
        self.kill()
        self.begin("env", f"LD_PRELOAD={CLOCK}", f"JOINQ_CLOCK={self.beside}")

    def as_it_was(self, **more):
        wanted = dict({"ready": 2, "delayed": 1, "leased": 0, "expired": 0}, **more)
        stat = self.stat("jobs")
        self.assertEqual({name: stat[name] for name in wanted}, wanted)

    def test_it_jumps_while_the_broker_runs(self):
        """proves: RST-2"""
        client = Client(self.broker.url)
        self.addCleanup(client.close)
        got = client.get("jobs")
        for count, seconds in enumerate((YEAR, -YEAR, 3 * YEAR, 0), 1):
            self.jump(seconds)
            self.joinq("put", "jobs", f"{count}", *(["--ttl", "2h"] if seconds >= 0 else []))  # by that clock it is long over
            self.as_it_was(ready=1 + count, leased=1)
        (first, _, attempt, _), = got[7]
        self.assertEqual(client.ask("DONE", [[got[3], first, 1, attempt]])[1], OK)
        self.assertEqual(self.objects("stat")[0]["clock_jumps"], 4)
        self.assertIn(f"the time of day has jumped forwards by {YEAR} s", self.broker.said())
        self.assertIn(f"the time of day has jumped backwards by {2 * YEAR} s", self.broker.said())
        self.kill_and_begin()
        self.as_it_was(ready=5, done=1)

    def test_it_was_set_back_while_there_was_no_broker(self):
        """proves: RST-2 DCL-7"""
        self.joinq("declare", "other", "--durable")
        before = self.stat("other")["incarnation"]
        self.joinq("declare", "loose")
        loose = self.stat("loose")["incarnation"]
        self.joinq("put", "other", "x")  # told with the time of day
        self.jump(-YEAR)
        self.kill_and_begin()
        self.as_it_was()
        self.joinq("delete", "other")
        self.joinq("declare", "other", "--durable")
        self.assertGreater(self.stat("other")["incarnation"], max(before, loose))
        self.jump(0)
        self.kill_and_begin()
        self.as_it_was()

    def test_time_goes_by_while_there_is_no_broker(self):
        """proves: RST-2"""
        self.jump(1800)
        self.kill_and_begin()
        self.as_it_was()
        self.jump(3700)
        self.kill_and_begin()
        self.until_stat("jobs", ready=2, delayed=0, expired=1)
        self.assertEqual(sorted(self.lines("get", "jobs", "--all", "--nowait", status=3)), ["later", "plain"])


if __name__ == "__main__":
    harness.main()
