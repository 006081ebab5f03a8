#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""joinq put: sources, bounds, producers, signals."""

import os
import pty
import signal
import subprocess
import unittest

import harness


class Sources(harness.BrokerCase):
    # proves: PUT-1
    def test_arguments(self):
        self.joinq("put", "q", "a", "", "c d", "--", "-e", "--file")
        self.assertEqual(self.lines("get", "q", "-n", "5"), ["a", "", "c d", "-e", "--file"])
        self.assertEqual(self.objects("put", "q", "x", "y"), [{"queue": "q", "accepted": 2}])

    def test_lines(self):
        self.joinq("put", "q", given="one\n\ntwo\nwithout newline")
        self.assertEqual(self.lines("get", "q", "-n", "4"), ["one", "", "two", "without newline"])
        self.joinq("put", "q", given="")
        self.assertEqual(self.stat("q")["put"], 4)

    def test_nul(self):
        self.joinq("put", "q", "-0", given=b"a\nb\0c\0")
        self.assertEqual(self.joinq("get", "q", "-n", "2", "-0"), "a\nb\0" + "c\0")

    def test_files(self):
        paths = [os.path.join(self.folder, name) for name in ("a", "b")]
        for path, body in zip(paths, (b"x\ny\n", b"")):
            with open(path, "wb") as file:
                file.write(body)
        self.joinq("put", "q", "--file", *paths, "-", given=b"from\0input")
        self.assertEqual(self.joinq("get", "q", "-n", "3", "-0"), "x\ny\n\0" + "\0" + "from\0input\0")

    def test_a_file_that_is_missing(self):
        path = os.path.join(self.folder, "a")
        with open(path, "wb") as file:
            file.write(b"x")
        missing = "No such file or directory; 1 accepted"
        self.fails(1, f"joinq: put: /none: {missing}", "put", "q", "--file", path, "/none", path)
        self.assertEqual(self.stat("q")["put"], 1)

    # proves: PUT-3
    def test_many_lines_in_order(self):
        lines = [f"line {i} " + "x" * (i % 97) for i in range(20000)]
        self.joinq("put", "q", "--close", given="\n".join(lines))
        self.assertEqual(self.lines("get", "q", "--all"), lines)
        self.assertEqual(self.stat("q")["put"], 20000)

    def test_large_messages_between_small_ones(self):
        bodies = ["a" * size for size in (10, 300_000, 5, 8 * 1024 * 1024, 0, 262_144, 262_145, 1)]
        self.joinq("put", "q", "--close", given="\n".join(bodies) + "\n")
        self.assertEqual(self.lines("get", "q", "--all"), bodies)

    # proves: BND-3
    def test_a_message_beyond_the_limit(self):
        self.joinq("put", "q", given=b"small\n" + b"x" * (8 * 1024 * 1024 + 1) + b"\nlast\n", status=1)
        self.assertTrue(self.done.stderr.endswith(b"; 1 accepted\n"), self.done.stderr)
        self.assertEqual(self.stat("q")["put"], 1)

    def test_each_line_goes_out_at_once(self):
        put = self.spawn("put", "q", stdin=subprocess.PIPE)
        get = self.spawn("get", "q", "--all", "--mode", "auto")
        for word in (b"one\n", b"two\n", b"three\n"):
            put.stdin.write(word)
            put.stdin.flush()
            self.assertEqual(get.stdout.readline(), word)

    def test_closed_standard_input(self):
        done = subprocess.run(["sh", "-c", f"exec {harness.JOINQ} put q <&-"], env=self.environment, capture_output=True)
        self.assertEqual((done.returncode, done.stderr), (1, b"joinq: put: standard input: Bad file descriptor\n"))


class Bounds(harness.BrokerCase):
    def setUp(self):
        super().setUp()
        self.joinq("declare", "q", "--max", "3")

    # proves: BND-1 PUT-1 PUT-3
    def test_nowait(self):
        self.fails(3, "joinq: put: queue 'q' is full; 3 accepted", "put", "q", "--nowait", "1", "2", "3", "4", "5")
        self.fails(3, "joinq: put: queue 'q' is full", "put", "q", "--nowait", "6")
        self.assertEqual(self.lines("peek", "q"), ["1", "2", "3"])

    # proves: PUT-1
    def test_timeout(self):
        self.joinq("put", "q", "--timeout", "20ms", "1", "2", "3", "4", status=3)
        self.assertTrue(self.done.stderr.endswith(b"; 3 accepted\n"), self.done.stderr)
        self.assertEqual(self.lines("peek", "q"), ["1", "2", "3"])

    # proves: PUT-1 PUT-3
    def test_waits_for_room(self):
        put = self.spawn("put", "q", stdin=subprocess.PIPE)
        put.stdin.write(b"".join(b"%d\n" % i for i in range(1000)))
        put.stdin.close()
        put.stdin = None
        self.until_stat("q", putters_waiting=4, ready=3)
        self.assertEqual(self.lines("get", "q", "-n", "1000"), [str(i) for i in range(1000)])
        self.assertEqual(self.ends(put), ("", ""))

    # proves: END-1
    def test_close_wakes_a_waiting_put(self):
        put = self.spawn("put", "q", "1", "2", "3", "4")
        self.until_stat("q", putters_waiting=1)
        self.joinq("close", "q")
        self.assertEqual(self.ends(put, 4), ("", "joinq: put: queue 'q' is closed; 3 accepted\n"))

    # proves: CAN-1 PUT-3
    def test_a_signal_while_waiting(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            self.joinq("purge", "q")
            put = self.spawn("put", "q", *"abcde")
            self.until_stat("q", putters_waiting=1)
            put.send_signal(number)
            self.assertEqual(self.ends(put, -number), ("", "joinq: put: interrupted; 3 accepted\n"))
            self.until_stat("q", putters_waiting=0)
            self.assertEqual(self.lines("peek", "q"), ["a", "b", "c"])

    def test_a_signal_while_reading(self):
        put = self.spawn("put", "q", stdin=subprocess.PIPE)
        put.stdin.write(b"a\nb")
        put.stdin.flush()
        self.until_stat("q", put=1)
        put.send_signal(signal.SIGINT)
        self.assertEqual(self.ends(put, -signal.SIGINT), ("", "joinq: put: interrupted; 1 accepted\n"))

    # proves: BND-3
    def test_larger_than_the_bound(self):
        self.joinq("declare", "r", "--max-bytes", "4")
        self.joinq("put", "r", "12345", status=1)
        self.joinq("put", "r", "1234")


class Ending(harness.BrokerCase):
    def test_no_create(self):
        self.fails(1, "joinq: put: no queue 'q'", "put", "q", "--no-create", "a")
        self.assertEqual(self.joinq("list"), "")
        self.joinq("declare", "q")
        self.joinq("put", "q", "--no-create", "a")

    # proves: END-5
    def test_close_after_the_last(self):
        self.joinq("put", "q", "--close", given="a\nb\n")
        self.assertEqual(self.lines("get", "q", "--all"), ["a", "b"])
        self.joinq("put", "empty", "--close")
        self.assertEqual(self.joinq("get", "empty", "--all"), "")

    # proves: PRD-2 END-5
    def test_finish_after_the_last(self):
        self.joinq("declare", "q", "--producers", "2", "--max", "10")
        puts = [self.spawn("put", "q", "--producer", name, "--finish", stdin=subprocess.PIPE) for name in "ab"]
        work = self.spawn("get", "q", "--all")
        for put, name in zip(puts, (b"a", b"b")):
            put.stdin.write(b"".join(b"%s%d\n" % (name, i) for i in range(500)))
            put.stdin.close()
            put.stdin = None
        out, _ = self.ends(work)
        self.assertEqual(sorted(out.split()), sorted(f"{name}{i}" for name in "ab" for i in range(500)))
        for put in puts:
            self.assertEqual(self.ends(put), ("", ""))

    # proves: PRD-4
    def test_an_interrupted_producer_has_not_finished(self):
        self.joinq("declare", "q", "--producers", "1")
        put = self.spawn("put", "q", "--producer", "a", "--finish", stdin=subprocess.PIPE)
        self.until_stat("q", producers_attached=1)
        put.send_signal(signal.SIGTERM)
        self.ends(put, -signal.SIGTERM)
        stat = self.stat("q")
        self.assertEqual((stat["state"], stat["producers_finished"]), ("open", 0))

    def test_a_producer_creates_its_queue(self):
        self.joinq("put", "q", "--producer", "a", "--finish", "x")
        self.assertEqual(self.lines("peek", "q"), ["x"])


class Terminal(harness.BrokerCase):
    """Standard error is a terminal: what is said to a person."""

    def setUp(self):
        super().setUp()
        self.screen, self.side = pty.openpty()
        self.addCleanup(os.close, self.screen)

    def start(self, *arguments, **options):
        process = self.spawn(*arguments, stderr=self.side, **options)
        os.close(self.side)
        return process

    def read_until(self, text):
        shown = b""
        while text not in shown:
            shown += os.read(self.screen, 1000)
        return shown

    def test_full(self):
        self.joinq("declare", "q", "--max", "1")
        put = self.start("put", "q", "a", "b")
        self.assertEqual(self.read_until(b"\n"), b"joinq: put: queue full, waiting\r\n")
        self.joinq("get", "q")
        self.ends(put)

    def test_progress_of_a_file(self):
        path = os.path.join(self.folder, "lines")
        with open(path, "wb") as file:
            file.write(b"0123456789\n" * 10)
        self.joinq("declare", "q", "--max", "5")
        with open(path, "rb") as file:
            put = self.start("put", "q", stdin=file)
        self.read_until(b"%")
        self.assertEqual(self.lines("get", "q", "-n", "10"), ["0123456789"] * 10)
        self.ends(put)


if __name__ == "__main__":
    unittest.TestCase.maxDiff = 2000
    harness.main()
