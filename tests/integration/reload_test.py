#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: what can be changed while the broker runs is, a file with an error changes nothing, and no client notices any of it."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

sys.dont_write_bytecode = True

import harness
from wire_client import BUSY, EXISTS, NO_QUEUE, OK, OVERLOADED, TOO_LARGE, Client


class ReloadCase(harness.BrokerCase):
    text = ""

    def setUp(self):
        handle, self.file = tempfile.mkstemp(prefix="joinq-test-", suffix=".conf")
        os.close(handle)
        self.addCleanup(os.unlink, self.file)
        self.write(self.text)
        self.arguments = ("-c", self.file)
        self.reloads = 0
        super().setUp()

    def write(self, text):
        with open(self.file + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(self.file + ".new", self.file)

    def told(self):
        """How often it was said what came of a reload."""
        said = self.broker.said()
        return said.count("read again") + said.count("nothing is changed")

    def hang_up(self):
        """Returns what is said of it."""
        before, said = self.told(), len(self.broker.said())
        self.broker.process.send_signal(signal.SIGHUP)
        self.until(lambda: self.told() > before, "the configuration is read again")
        return self.broker.said()[said:]

    def reload(self, text):
        self.write(text)
        return self.hang_up()

    def client(self, **options):
        client = Client(self.broker.url, **options)
        self.addCleanup(client.close)
        return client


class Changes(ReloadCase):
    text = 'limits { max_waiting = 2 max_message = 1M } queue "old" { max_messages = 3 }'

    def test_limits(self):
        client = self.client()
        self.assertEqual(client.put("q", [b"x" * 3000])[1], OK)
        said = self.reload('limits { max_waiting = 1 max_message = 2K } queue "old" { max_messages = 3 }')
        self.assertIn("limits.max_waiting = 1, was 2", said)
        self.assertIn("limits.max_message = 2K, was 1M", said)
        self.assertNotIn("restart", said)
        self.assertEqual(client.put("q", [b"x" * 3000])[1], TOO_LARGE)
        waits = [client.send("GET", "empty", 0, None, 1, 0, [], [], [], 0) for _ in range(2)]
        answer = client.receive()
        self.assertEqual((answer[1], answer[2]), (waits[1], BUSY))

    def test_connections(self):
        self.reload("limits { max_connections = 1 }")
        with Client(self.broker.url, hello=False) as first, Client(self.broker.url, hello=False) as second:
            first.send("HELLO", 1, os.urandom(16), "", 0)
            self.assertEqual(first.receive()[0], "WELCOME")
            self.assertEqual(second.receive()[:3], ["RESULT", 0, OVERLOADED])

    def test_memory(self):
        client = self.client()
        self.assertEqual(client.put("q", [b"x" * 1_000_000])[1], OK)
        self.reload("limits { max_memory = 16M }")
        codes = {client.put("q", [b"x" * 1_000_000])[1] for _ in range(20)}
        self.assertEqual(codes, {OK, OVERLOADED})
        self.reload("")
        self.assertEqual(client.put("q", [b"x" * 1_000_000])[1], OK)

    def test_queues(self):
        """New ones are declared; others stay as they are, and it is said."""
        client = self.client()
        self.assertEqual(client.ask("STAT", "new", 0)[1], NO_QUEUE)
        said = self.reload('queue "old" { max_messages = 4 } queue "new" { max_messages = 7 }')
        self.assertIn('queue \\"new\\" is new'.replace("\\", ""), said.replace("\\", ""))
        self.assertIn("has other options; that needs a restart", said)
        self.assertEqual((client.stat("new")[2], client.stat("old")[2]), (7, 3))
        said = self.reload("")
        self.assertIn("is gone; that needs a restart", said)
        self.assertEqual(client.stat("new")[2], 7)

    def test_a_queue_that_is_there_otherwise(self):
        """Then nothing is changed, not even by the queues before it."""
        client = self.client()
        self.assertEqual(client.ask("STAT", "fresh", 0)[1], NO_QUEUE)
        self.joinq("declare", "made", "--max", "9")
        said = self.reload('limits { max_message = 2K } queue "fresh" {} queue "made" { max_messages = 8 }')
        self.assertIn("nothing is changed", said)
        self.assertIn("max_messages = 8, and it exists with 9", said)
        self.assertEqual(client.ask("STAT", "fresh", 0)[1], NO_QUEUE)
        self.assertEqual(client.put("q", [b"x" * 3000])[1], OK)

    def test_what_needs_a_restart(self):
        said = self.reload(self.text + ' listen "unix:///nowhere" {} data { folder = "x" }')
        self.assertIn("data.folder", said)
        self.assertEqual(said.count("needs a restart"), 1, said)  # the command line says where to listen
        said = self.reload(self.text + "\nlimits { ping_interval = 1s }")
        self.assertIn("limits.ping_interval = 1s, was 5s; that needs a restart", said)

    def test_what_waits_for_a_restart_is_told_until_it_is_as_it_runs(self):
        """It is compared with what runs, not with what the file said last."""
        for folder in ("one", "two", "two"):
            said = self.reload(self.text + f' data {{ folder = "/{folder}" }}')
            self.assertIn(f'data.folder = "/{folder}", was nothing; that needs a restart', said.replace("\\", ""))
        self.assertIn("nothing has changed", self.reload(self.text))
        other = self.text.replace("max_messages = 3", "max_messages = 4")
        for _ in range(2):
            self.assertIn("has other options; that needs a restart", self.reload(other))
        self.assertIn("nothing has changed", self.reload(self.text))
        self.assertIn("is new", self.reload(self.text + ' queue "new" { max_messages = 7 }'))
        for text, said in (("", "is gone"), (' queue "new" { max_messages = 8 }', "has other options")):
            self.assertIn(f"{said}; that needs a restart", self.reload(self.text + text))
        self.assertIn("nothing has changed", self.reload(self.text + ' queue "new" { max_messages = 7 }'))
        self.assertIn("max_waiting = 5, was 2", self.reload(self.text.replace("max_waiting = 2", "max_waiting = 5")))

    def test_what_needs_a_restart_is_a_warning(self):
        """And what a change of the level tells is told at the louder of the two."""
        said = self.reload(self.text + ' data { folder = "x" } log { level = warn }')
        self.assertIn("log.level = warn, was info", said)
        self.assertRegex(said, r"level=warn .*data\.folder")
        self.write(self.text.replace("1M", "2M") + ' data { folder = "y" } log { level = warn }')
        before = len(self.broker.said())
        self.broker.process.send_signal(signal.SIGHUP)
        self.until(lambda: "/y" in self.broker.said()[before:], "what needs a restart is told")
        said = self.reload(self.text + ' data { folder = "z" } log { level = info }')
        self.assertNotIn("2M, was", self.broker.said()[before:])
        self.assertIn("log.level = info, was warn", said)

    def test_an_error_changes_nothing(self):
        client = self.client()
        for text, what in (
            ("limits { max_message = 2K }\nlimits { nonsense = 1 }", ":2: no such option"),
            ("limits { max_message = 2K }\nlimits {", ":2: a '{' without"),
            ("limits { max_message = 2K } queue 'x", ":1: a string"),
            ('limits { max_message = 2K } queue "q" { durable = yes }', "no data folder"),
        ):
            said = self.reload(text)
            self.assertIn("nothing is changed", said)
            self.assertIn(what, said)
            self.assertEqual(client.put("q", [b"x" * 3000])[1], OK)
        self.write(self.text)
        os.rename(self.file, self.file + ".away")
        self.assertIn("No such file", self.hang_up())
        os.rename(self.file + ".away", self.file)
        self.assertIn("read again", self.hang_up())

    def test_nothing_new(self):
        for _ in range(3):
            self.assertIn("nothing has changed", self.hang_up())


class Early(unittest.TestCase):
    def test_a_hangup_at_the_beginning_ends_nothing(self):
        """It stands still while nobody reads what it prints, long before it could reload."""
        ours, its = os.pipe()
        os.set_blocking(its, False)
        with contextlib.suppress(BlockingIOError):
            while os.write(its, b"." * 512):
                pass
        os.set_blocking(its, True)
        process = subprocess.Popen([harness.JOINQD, "--dump-config"], stdout=its, start_new_session=True)
        self.addCleanup(harness.end_group, process)
        os.close(its)

        def holds_it():
            with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
                blocked = next(line for line in file if line.startswith("SigBlk"))
            return int(blocked.split()[1], 16) & 1

        harness.BrokerCase.until(self, holds_it, "SIGHUP has to wait")
        process.send_signal(signal.SIGHUP)
        with open(ours, "rb") as file:
            self.assertIn(b"max_connections", file.read())
        self.assertEqual(process.wait(harness.PATIENCE), 0)


class Load(ReloadCase):
    ROUNDS = 100

    def work(self, stop, failures):
        """Puts and gets without a pause, on one connection; every answer is as it should be."""
        number = 0
        with Client(self.broker.url) as client:
            name = f"load{threading.get_ident()}"
            while not stop.is_set():
                body = b"%d" % number
                put, got = client.put(name, [body]), client.get(name)
                if put[1] != OK or got[1] != OK or got[-1] != [body]:
                    failures.append((put, got))
                    return
                (first, count, attempt, _), = got[7]
                client.send("DONE", [[got[3], first, count, attempt]])
                if client.receive()[2] != OK:
                    failures.append("done")
                    return
                number += 1
        if number == 0:
            failures.append("nothing was done")

    def test_under_load_nobody_notices(self):
        """No connection is lost, no request fails, and who waits goes on waiting."""
        stop, failures = threading.Event(), []
        waiting = self.client()
        request = waiting.send("GET", "late", 0, None, 1, 0, [], [], [], 0)
        threads = [threading.Thread(target=self.work, args=(stop, failures)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for i in range(self.ROUNDS):
            wrong = " nonsense" if i % 10 == 9 else ""
            said = self.reload(f'limits {{ max_waiting = {10 + i} hello_timeout = {5 + i % 3}s }} queue "q{i}" {{}}{wrong}')
            self.assertIn("nothing is changed" if wrong else f"max_waiting = {10 + i}", said)
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        with Client(self.broker.url) as other:
            self.assertEqual(other.put("late", [b"at last"])[1], OK)
        got = waiting.receive()
        self.assertEqual((got[1], got[2], got[-1]), (request, OK, [b"at last"]))


if __name__ == "__main__":
    harness.main()
