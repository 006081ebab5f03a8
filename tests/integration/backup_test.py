#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A copy of the data folder, made while the broker works on it, has all that was acknowledged before the copy began."""

import json
import os
import shutil
import subprocess
import tempfile
import threading

import durable_test
import harness
from wire_client import OK, Client

BODY = 50_000  # bytes: a segment in a thousand messages
BACKLOG = 400  # messages that are left in the queue
COPIES = int(os.environ.get("JOINQ_BACKUP_COPIES", "4"))


class Load:
    """Puts numbered messages as fast as it can, and finishes all but the last few, in order."""

    def __init__(self, url):
        self.put = self.done = 0  # below which everything was acknowledged
        self.ending = False
        self.clients = [Client(url), Client(url)]
        self.failed = []
        self.threads = [threading.Thread(target=self.run, args=(work,)) for work in (self.puts, self.takes)]
        for thread in self.threads:
            thread.start()

    def run(self, work):
        try:
            while not self.ending:
                work()
        except Exception as error:  # told where it is looked for
            self.failed.append(error)

    def puts(self):
        bodies = [b"%d " % number + b"x" * BODY for number in range(self.put, self.put + 10)]
        if self.clients[0].put("jobs", bodies)[1] != OK:
            raise AssertionError("a put was refused")
        self.put += len(bodies)

    def takes(self):
        if self.put - self.done < BACKLOG:
            return
        got = self.clients[1].get("jobs", 10)
        incarnation, runs = got[3], got[7]
        answer = self.clients[1].ask("DONE", [[incarnation, first, count, attempt] for first, count, attempt, _ in runs])
        if answer[1] != OK:
            raise AssertionError("a done was refused")
        self.done += answer[3]

    def end(self):
        self.ending = True
        for thread in self.threads:
            thread.join()
        for client in self.clients:
            client.close()


class Backup(durable_test.DataCase):
    def setUp(self):
        super().setUp()
        self.to = os.path.join(tempfile.mkdtemp(prefix="joinq-copy-"), "copy")
        self.addCleanup(shutil.rmtree, os.path.dirname(self.to), True)
        self.joinq("declare", "jobs", "--durable")
        self.joinq("declare", "idle", "--durable")
        self.joinq("put", "idle", "kept")

    def numbers(self, folder):
        """Of the messages in a copy, in their order."""
        broker = harness.Broker("--data", folder)
        self.addCleanup(broker.remove)
        environment = dict(self.environment, JOINQ_URL=broker.url)
        said = subprocess.run(
            [harness.JOINQ, "export", "jobs"], env=environment, capture_output=True, check=True, timeout=harness.PATIENCE
        ).stdout
        idle = subprocess.run([harness.JOINQ, "peek", "idle"], env=environment, capture_output=True, check=True).stdout
        self.assertEqual(idle, b"kept\n")
        self.assertEqual(broker.stop(), 0)
        return [int(json.loads(line)["body"].split()[0]) for line in said.splitlines()]

    def copied(self, load, *wrapped):
        put, done_before = load.put, load.done
        done = subprocess.run(
            [*wrapped, harness.JOINQD, "--data", self.data, "--copy-data", self.to], capture_output=True, text=True, check=False
        )
        said = done.stdout
        self.assertEqual(done.returncode, 0, (said, done.stderr))
        done_after = load.done
        self.assertIn(" 0 damaged", said)
        found = self.numbers(self.to)
        self.assertEqual(found, list(range(found[0], found[0] + len(found))), "in order, each once")
        self.assertGreaterEqual(found[0], done_before, "what was finished before the copy began is not back")
        self.assertLessEqual(found[0], done_after + 10, "what was not finished when it ended is there")
        self.assertGreaterEqual(found[-1] + 1, put, "what was acknowledged before the copy began is there")
        shutil.rmtree(self.to)

    def test_a_copy_has_what_was_acknowledged(self):
        """proves: RST-2"""
        load = Load(self.broker.url)
        try:
            self.until(lambda: load.done > 4000 or load.failed, "segments have been let go")
            for _ in range(COPIES):
                self.copied(load)
        finally:
            load.end()
        self.assertEqual(load.failed, [])
        self.assertGreater(self.objects("stat")[0]["journal_segments_released"], 0)

    def test_a_slow_copy_of_much_that_comes(self):
        """proves: RST-2"""
        if not shutil.which("strace"):
            self.skipTest("there is no strace")
        load = Load(self.broker.url)
        try:
            self.until(lambda: load.done > 1000 or load.failed, "a segment has been filled")
            self.copied(
                load, "strace", "-f", "-E", "ASAN_OPTIONS=detect_leaks=0", "-o", "/dev/null", "-e", "trace=pread64", "-e",
                "inject=pread64:delay_enter=30000"
            )
        finally:
            load.end()
        self.assertEqual(load.failed, [])

    def test_a_folder_that_is_copied_keeps_its_files(self):
        lock = os.open(os.path.join(self.data, "copying"), os.O_RDWR | os.O_CREAT, 0o600)
        self.addCleanup(os.close, lock)
        subprocess.run(["flock", "--shared", str(lock)], pass_fds=[lock], check=True)
        kept = set(durable_test.segments(self.data)[:1])
        load = Load(self.broker.url)
        try:
            self.until(lambda: "it is being copied" in self.broker.said() or load.failed, "a copy is noticed")
            self.until(lambda: load.done > 6000 or load.failed, "more has come and gone")
            self.assertLessEqual(kept, set(durable_test.segments(self.data)))
            self.assertEqual(self.objects("stat")[0]["journal_segments_released"], 0)
            subprocess.run(["flock", "--unlock", str(lock)], pass_fds=[lock], check=True)
            self.until(lambda: not kept & set(durable_test.segments(self.data)) or load.failed, "the rest goes then")
        finally:
            load.end()
        self.assertEqual(load.failed, [])

    def test_without_a_broker(self):
        self.joinq("put", "jobs", *[f"{number} x" for number in range(20)])
        self.kill()
        self.assertIn(" 0 damaged", self.joinqd("--copy-data", self.to))
        self.assertEqual(self.numbers(self.to), list(range(20)))
        self.assertIn("there is data in it already", self.joinqd("--copy-data", self.to, status=1))
        self.begin()
        self.assertEqual(self.stat("jobs")["ready"], 20)

    def test_what_is_no_data_folder(self):
        said = subprocess.run(
            [harness.JOINQD, "--data", self.to + "-none", "--copy-data", self.to], capture_output=True, check=False
        )
        self.assertEqual(said.returncode, 1)
        self.assertIn(b"-none", said.stderr)


if __name__ == "__main__":
    harness.main()
