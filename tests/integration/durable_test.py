#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Durable queues as a user has them: a data folder, brokers that are killed and come back to it, disks that are full or fail."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request

import harness

MIB = 1024 * 1024


def segments(folder):
    return sorted(name for name in os.listdir(folder) if name.endswith(".jql"))


class DataCase(harness.BrokerCase):
    """A broker with a data folder that outlives it."""

    def setUp(self):
        self.data = tempfile.mkdtemp(prefix="joinq-data-")
        self.addCleanup(shutil.rmtree, self.data, True)
        self.prepare()
        self.arguments = ("--data", self.data)
        super().setUp()
        self.socket = self.broker.url

    def prepare(self):
        """The folder, before there is a broker."""

    def kill(self):
        """As a crash of its machine's power would, but for the page cache."""
        os.kill(self.broker.process.pid, signal.SIGKILL)
        self.broker.process.wait(harness.PATIENCE)
        harness.end_group(self.broker.process)
        self.addCleanup(self.broker.remove)

    def begin(self, *wrapped):
        self.broker = harness.Broker(*self.arguments, wrapped=wrapped)
        self.environment["JOINQ_URL"] = self.broker.url

    def restart(self):
        self.kill()
        self.begin()

    def with_pages(self):
        """From the next start on there are pages over HTTP."""
        folder = tempfile.mkdtemp(prefix="joinq-test-")
        self.addCleanup(shutil.rmtree, folder)
        path = os.path.join(folder, "joinqd.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write('http {\n  listen = "127.0.0.1:0"\n}\n')
        self.arguments = (*self.arguments, "-c", path)

    def page(self, path):
        """Its status and text; None and why not, if there is none."""
        url = next(url for url in self.broker.urls if url.startswith("http"))
        try:
            with urllib.request.urlopen(url.rstrip("/") + path, timeout=harness.PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return None, str(error)

    def joinqd(self, *arguments, status=0):
        """joinqd on the data folder, run to its end; what it printed."""
        done = subprocess.run(
            [harness.JOINQD, "--data", self.data, *arguments], capture_output=True, timeout=harness.PATIENCE, check=False
        )
        self.assertEqual(done.returncode, status, (arguments, done.stdout, done.stderr))
        return (done.stdout + done.stderr).decode()


class Restarts(DataCase):
    def test_what_was_answered_is_there_after_a_kill(self):
        """proves: RST-2 OUT-1"""
        self.joinq("declare", "jobs", "--durable", "--max", "5")
        self.joinq("declare", "ended", "--durable", "--producers", "1")
        self.joinq("put", "jobs", *"abcde")
        self.joinq("put", "ended", "x", "--producer", "p", "--finish")
        self.joinq("put", "loose", "y")
        self.assertEqual(self.lines("get", "jobs", "-n", "2"), ["a", "b"])
        self.joinq("pause", "ended", "--puts")
        before = {name: self.stat(name) for name in ("jobs", "ended")}
        self.restart()
        self.assertEqual([queue["queue"] for queue in self.objects("list")], ["jobs", "ended"])
        for name, stat in before.items():
            after = self.stat(name)
            for key in ("state", "ready", "unfinished", "put", "done", "max_messages", "producers_finished", "paused"):
                self.assertEqual(after.get(key), stat.get(key), (name, key))
        self.assertEqual(self.lines("get", "jobs", "--all", "--nowait", status=3), ["c", "d", "e"])
        self.assertEqual(self.lines("get", "ended", "--all"), ["x"])

    def test_the_log_is_let_go(self):
        """proves: RST-2"""
        self.joinq("declare", "goes", "--durable", "--max", "20000")
        self.joinq("declare", "stays", "--durable")
        self.joinq("put", "stays", "kept")
        first = segments(self.data)[0]
        put = self.spawn("put", "goes", "--close", stdin=subprocess.PIPE)
        get = self.spawn("get", "goes", "--all", stdout=subprocess.DEVNULL)
        for _ in range(200):
            put.stdin.write((b"x" * 999 + b"\n") * 1000)
        put.stdin.close()
        self.assertEqual(get.wait(harness.PATIENCE), 0)
        self.assertEqual(put.wait(harness.PATIENCE), 0)
        self.until(lambda: first not in segments(self.data), "the first segment goes")
        self.until(lambda: len(segments(self.data)) <= 3, "most have gone")
        self.restart()
        self.assertEqual(self.lines("get", "stays"), ["kept"])
        self.assertEqual(self.stat("goes")["done"], 200_000)

    def test_the_broker_tells_of_itself(self):
        self.joinq("declare", "jobs", "--durable")
        before = self.objects("stat")[0]
        self.joinq("put", "jobs", *"abc")
        self.joinq("get", "jobs")
        self.fails(1, "joinq: stat: no queue 'none'", "stat", "none")
        after = self.objects("stat")[0]
        for name in ("version", "instance", "data", "memory_limit"):
            self.assertEqual(before[name], after[name], name)
        self.assertEqual((after["connections"], after["queues"], after["journal_accepts"]), (1, 1, 2))
        for name in (
            "uptime_ms", "connections_accepted", "requests", "answers", "turns", "turns_time_ns", "journal_syncs",
            "journal_groups", "journal_written_bytes", "journal_durable_record", "journal_live_bytes", "journal_sync_time_ns",
        ):
            self.assertGreater(after[name], before[name], name)
        self.assertEqual((after["requests_put"], after["requests_get"], after["answers_no_queue"]), (1, 1, 1))
        self.assertEqual(after["journal_last_record"], after["journal_durable_record"])
        self.assertEqual(after["memory_used"], sum(
            value for name, value in after.items() if name.startswith("memory_") and name not in ("memory_used", "memory_limit")
        ))
        words = {line.split()[0] for line in self.lines("stat")}
        self.assertLessEqual({"version", "instance", "data", "memory_used", "journal_accepts", "answers_no_queue"}, words)
        self.restart()
        again = self.objects("stat")[0]
        self.assertNotEqual(again["instance"], before["instance"])
        self.assertEqual(again["data"], before["data"])

    def test_an_orderly_end_keeps_all(self):
        self.joinq("declare", "jobs", "--durable", "--sync", "1s")
        self.joinq("put", "jobs", "a")
        self.assertEqual(self.broker.stop(), 0)
        self.addCleanup(self.broker.remove)
        self.begin()
        self.assertEqual(self.lines("get", "jobs"), ["a"])

    def test_without_a_folder_nothing_is_durable(self):
        """proves: RST-2"""
        other = harness.Broker()
        self.addCleanup(other.remove)
        self.addCleanup(other.stop)
        self.environment["JOINQ_URL"] = other.url
        figures = self.objects("stat")[0]
        self.assertEqual(figures["data"], "")
        self.assertFalse([name for name in figures if name.startswith("journal_")])
        self.fails(
            1,
            "joinq: declare: this broker keeps no data: it was started without --data",
            "declare", "jobs", "--durable",
        )

    def test_one_broker_a_folder(self):
        said = self.joinqd("--listen", "unix:///nowhere/at/all", status=1)
        self.assertIn(str(self.broker.process.pid), said)
        self.assertIn(self.data, said)


class Disks(DataCase):
    def test_a_folder_that_is_removed_is_told(self):
        """proves: OUT-1"""
        self.joinq("declare", "jobs", "--durable")
        shutil.rmtree(self.data)
        put = self.spawn("put", "jobs", "a")
        self.until(lambda: "No such file" in self.broker.said(), "it is told")
        self.assertIsNone(put.poll())
        self.kill()
        self.begin()

    def test_a_sync_that_fails_is_made_up_for(self):
        """proves: OUT-2"""
        if not shutil.which("strace"):
            self.skipTest("there is no strace")
        self.joinq("declare", "jobs", "--durable")
        self.kill()
        self.begin("strace", "-f", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=3+7")
        for number in range(30):
            self.joinq("put", "jobs", str(number))
        self.restart()
        wanted = [str(number) for number in range(30)]
        self.assertEqual(self.lines("get", "jobs", "--all", "--nowait", status=3), wanted)


class FullDisk(DataCase):
    """A file system of its own, with room for a few segments."""

    def prepare(self):
        size = ["mount", "-t", "tmpfs", "-o", "size=200m", "joinq", self.data]
        if subprocess.run(size, capture_output=True, check=False).returncode != 0:
            self.skipTest("nothing can be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", self.data], check=True)

    def fill(self, queue):
        """Until nothing more can be put."""
        body = b"x" * (MIB - 1) + b"\n"
        for _ in range(300):
            done = subprocess.run(
                [harness.JOINQ, "put", queue], input=body, env=self.environment, capture_output=True, check=False,
                timeout=harness.PATIENCE,
            )
            if done.returncode != 0:
                break
        self.assertIn("joinq: put: ", done.stderr.decode())

    def fill_the_rest(self):
        """By somebody else."""
        with open(os.path.join(self.data, "filler"), "ab", buffering=0) as file, contextlib.suppress(OSError):
            for _ in range(200 * 256):
                file.write(bytes(4096))

    def takes(self):
        return subprocess.run(
            [harness.JOINQ, "put", "jobs", "again"], env=self.environment, capture_output=True, check=False,
            timeout=harness.PATIENCE,
        ).returncode == 0

    def test_a_full_disk_is_told_and_emptied(self):
        """proves: OUT-2"""
        self.joinq("declare", "jobs", "--durable")
        self.fill("jobs")
        ready = self.stat("jobs")["ready"]
        self.assertGreater(ready, 50)
        self.joinq("get", "jobs", "-n", "1")
        self.assertEqual(self.stat("jobs")["done"], 1)
        self.joinq("put", "loose", "y")
        self.joinq("purge", "jobs")
        self.until(self.takes, "the disk has room again")

    def test_a_disk_that_is_full_at_a_start_is_emptied_as_well(self):
        """proves: OUT-2"""
        for queue in ("jobs", "ended", "gone"):
            self.joinq("declare", queue, "--durable")
            self.joinq("put", queue, "x")
        self.fill("jobs")
        for _ in range(4):  # what a start cuts off is all that there is
            self.fill_the_rest()
            self.restart()
            self.joinq("get", "jobs", "-n", "1")
        self.joinq("put", "jobs", "no", status=1)
        ready = self.stat("jobs")["ready"]
        self.joinq("close", "ended")
        self.joinq("delete", "gone")
        self.restart()
        self.assertEqual(self.stat("jobs")["ready"], ready)
        self.assertIn("closed", self.stat("ended")["state"])
        self.joinq("stat", "gone", status=1)
        self.joinq("purge", "jobs")
        self.until(self.takes, "the disk has room again")


if __name__ == "__main__":
    harness.main()
