#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How a broker ends: under load nothing that was answered is lost, and nobody, no client and no disk, keeps it longer than the bound."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

sys.dont_write_bytecode = True

import durable_test
import harness
from authority import Authority
from wire_client import OK, Client, frame, packing
from wire_login import TlsClient

MUCH = 1024 * 1024  # more than a pipe holds
STUCK = os.environ.get("JOINQ_STUCK_DISK")  # a library to be loaded before libc: stuck_disk.c


class Producer(threading.Thread):
    """Puts numbers, many under way, until the connection ends; notes what was answered."""

    WINDOW = 64

    def __init__(self, client, name):
        super().__init__()
        self.client, self.name, self.told, self.draining = client, name, set(), False

    def put(self, number):
        body = f"{self.name}-{number}".encode()
        self.client.send_bytes(frame("PUT", number, "jobs", 0, None, 0, [body], packing.Pairs()))

    def run(self):
        sent = 0
        try:
            while sent < self.WINDOW:
                self.put(sent := sent + 1)
            while answer := self.client.receive():
                if answer[0] == "EVENT_DRAINING":
                    self.draining = True
                elif answer[2] == OK:
                    self.told.add(f"{self.name}-{answer[1]}")
                    if not self.draining:
                        self.put(sent := sent + 1)
        except OSError:
            pass  # it ended while we sent
        self.client.close()


class Consumer(threading.Thread):
    """Gets and finishes; notes what it asked to be finished, and what it was told to be."""

    def __init__(self, client):
        super().__init__()
        self.client, self.asked, self.told = client, set(), set()

    def answer(self):
        answer = self.client.receive()
        return self.answer() if answer and answer[0] == "EVENT_DRAINING" else answer

    def run(self):
        request = 1
        try:
            while True:
                request += 2
                self.client.send("GET", "jobs", 0, None, 10, 0, [], [], [], 0, request=request)
                got = self.answer()
                if not got:
                    break
                bodies = {body.decode() for body in got[-1]}
                self.asked |= bodies
                ranges = [[got[4], first, count, attempt] for first, count, attempt, *_ in got[8]]
                self.client.send("DONE", ranges, request=request + 1)
                answer = self.answer()
                if not answer:
                    break
                self.told |= bodies if answer[2] == OK else set()
        except OSError:
            pass
        self.client.close()


class UnderLoad(durable_test.DataCase):
    def client(self):
        return Client(self.broker.url)

    def ends_under_load(self, *declared):
        self.joinq("declare", "jobs", "--durable", *declared)
        producers = [Producer(self.client(), f"p{i}") for i in range(6)]
        consumers = [Consumer(self.client()) for _ in range(2)]
        for thread in producers + consumers:
            thread.start()
        self.until(lambda: sum(len(p.told) for p in producers) > 2000, "many are answered")
        self.assertEqual(self.broker.stop(), 0, self.broker.said())
        for thread in producers + consumers:
            thread.join()
        self.addCleanup(self.broker.remove)
        self.begin()
        put = set().union(*(p.told for p in producers))
        done, asked = (set().union(*(getattr(c, kind) for c in consumers)) for kind in ("told", "asked"))
        there = set(self.lines("get", "jobs", "--all", "--nowait", status=3))
        self.assertEqual(put - asked - there, set(), "what was answered is gone")
        self.assertEqual(done & there, set(), "what was finished is back")
        self.assertTrue(all(p.draining for p in producers))

    def test_nothing_that_was_answered_is_lost(self):
        """proves: RST-2 OUT-1"""
        self.ends_under_load()

    def test_nor_where_answers_do_not_wait_for_the_disk(self):
        """proves: RST-2"""
        self.ends_under_load("--sync", "1h")


class UnderLoadOverTls(UnderLoad):
    """And while others have come half way through a handshake."""

    def setUp(self):
        super().setUp()
        self.assertEqual(self.broker.stop(), 0)
        self.broker.remove()
        ca = Authority(os.path.join(self.data, "ca"))
        pem, key = ca.issue("broker", "IP:127.0.0.1")
        with open(os.path.join(self.data, "joinqd.conf"), "w", encoding="ascii") as file:
            file.write(f'tls {{ cert = "{pem}" key = "{key}" }}\n')
        self.listen = "joinqs://127.0.0.1:0"
        self.arguments = ("-c", file.name, "--data", os.path.join(self.data, "data"))
        self.environment["JOINQ_CA"] = ca.pem
        self.begin()

    def begin(self):
        self.broker = harness.Broker(*self.arguments, listen=self.listen)
        self.environment["JOINQ_URL"] = self.broker.url

    def client(self):
        for begun in (b"", b"\x16\x03\x01\x02\x00\x01\x00"):
            half = Client(self.broker.url, hello=False)
            half.send_bytes(begun)
            self.addCleanup(half.close)
        return TlsClient(self.broker.url)


class Traced(durable_test.DataCase):
    def setUp(self):
        if not shutil.which("strace"):
            self.skipTest("there is no strace")
        super().setUp()

    def test_what_was_only_written_is_synced(self):
        self.joinq("declare", "jobs", "--durable", "--sync", "1h")
        self.kill()
        calls = os.path.join(self.folder, "calls")
        leaks = "ASAN_OPTIONS=detect_leaks=0"  # cannot be looked for in a process that is traced
        self.begin("strace", "-D", "-f", "-E", leaks, "-o", calls, "-e", "trace=pwritev,pwrite64,fdatasync")
        self.joinq("put", "jobs", "a")
        self.assertEqual(self.broker.stop(), 0)
        with open(calls, encoding="ascii") as file:
            said = file.read()
        self.addCleanup(self.broker.remove)
        self.assertGreater(said.rfind("fdatasync("), said.rfind("pwritev("))
        self.begin()


@unittest.skipUnless(STUCK, "there is no library to make a disk stuck")
class Stuck(durable_test.DataCase):
    """A disk that does not answer any more."""

    def setUp(self):
        super().setUp()
        self.joinq("declare", "jobs", "--durable")
        self.beside = tempfile.mkdtemp(prefix="joinq-test-")
        self.addCleanup(shutil.rmtree, self.beside)
        self.kill()

    def sticks(self, what):
        with open(os.path.join(self.beside, what), "w", encoding="ascii"):
            pass

    def unstick(self):
        """By a new start."""
        self.kill()
        for name in os.listdir(self.beside):
            os.remove(os.path.join(self.beside, name))

    def waits(self, what):
        self.until(lambda: os.path.exists(os.path.join(self.beside, what + "-waits")), "it waits for the disk")

    def begin_to_run(self):
        """With a message that is on the disk."""
        self.begin("env", f"LD_PRELOAD={STUCK}", f"JOINQ_STUCK={self.beside}")
        client = Client(self.broker.url)
        self.addCleanup(client.close)
        self.assertEqual(client.put("jobs", [b"a"])[1], OK)
        return client

    def begin_to_stick(self):
        """From the next sync on."""
        client = self.begin_to_run()
        self.sticks("sync")
        return client

    def begin_stuck(self):
        """A client that waits for the disk."""
        client = self.begin_to_stick()
        self.addCleanup(self.broker.remove)
        client.send("PUT", "jobs", 0, None, 0, [b"b"], packing.Pairs())
        self.waits("sync")
        return client

    def it_ended(self, status, said):
        self.assertEqual(self.broker.process.wait(harness.PATIENCE), status)
        self.assertIn(said, self.broker.said())
        harness.end_group(self.broker.process)
        self.begin()
        self.assertEqual(self.lines("get", "jobs", "-n", "1"), ["a"])

    def test_it_is_not_waited_for(self):
        """What waited for it was never answered. proves: OUT-1"""
        client = self.begin_stuck()
        self.broker.process.send_signal(signal.SIGTERM)
        self.assertEqual(client.receive()[0], "EVENT_DRAINING")
        self.assertIsNone(client.receive())
        self.it_ended(1, "the disk does not answer")

    def test_its_pages_say_so(self):
        """And that it ends."""
        self.with_pages()
        client = self.begin_to_run()
        self.assertEqual(self.page("/readyz"), (200, "ready\n"))
        self.sticks("sync")
        client.send("PUT", "jobs", 0, None, 0, [b"b"], packing.Pairs())
        self.waits("sync")
        self.until(lambda: self.page("/readyz") == (503, "the disk does not answer\n"), "it is not ready")
        self.assertEqual(self.page("/healthz"), (200, "ok\n"))
        self.broker.process.send_signal(signal.SIGTERM)
        self.assertEqual(client.receive()[0], "EVENT_DRAINING")
        for path in ("/readyz", "/healthz", "/metrics"):
            self.assertEqual(self.page(path), (503, "the broker is ending\n"))
        self.it_ended(1, "the disk does not answer")

    def test_a_second_signal_hurries_then_too(self):
        client = self.begin_stuck()
        self.broker.process.send_signal(signal.SIGTERM)
        self.assertEqual(client.receive()[0], "EVENT_DRAINING")
        self.broker.process.send_signal(signal.SIGINT)
        self.it_ended(1, "ending at once")

    def test_nor_by_who_puts(self):
        """What was put is not known to be there, and the tool says so. proves: CAN-1"""
        for number in (signal.SIGTERM, signal.SIGINT):
            self.begin_to_stick()
            put = self.spawn("put", "jobs", "b", "c")
            self.waits("sync")
            put.send_signal(number)
            said = "joinq: put: interrupted; at least 0 accepted, the rest is not known\n"
            self.assertEqual(self.ends(put, -number), ("", said))
            self.unstick()
        self.begin()

    def test_nor_by_who_closes(self):
        self.begin_to_stick()
        put = self.spawn("put", "jobs", "--close", stdin=subprocess.DEVNULL)
        self.waits("sync")
        put.send_signal(signal.SIGTERM)
        self.ends(put, -signal.SIGTERM)
        self.unstick()
        self.begin()

    def test_nor_by_who_gets(self):
        """What it would have been given is there for others. proves: CAN-1"""
        client = self.begin_to_stick()
        client.send("PUT", "jobs", 0, None, 0, [b"b"], packing.Pairs())
        self.waits("sync")
        get = self.spawn("get", "jobs", "-n", "2")
        self.until(lambda: self.objects("stat")[0]["memory_leases"] > 0, "something is handed out")
        get.send_signal(signal.SIGTERM)
        self.assertEqual(self.ends(get, -signal.SIGTERM), ("", ""))
        self.until(lambda: self.objects("stat")[0]["memory_leases"] == 0, "it is back")
        self.unstick()
        self.begin()

    def test_nor_by_who_finishes(self):
        """What was written is not known to be finished, and comes again. proves: CAN-1"""
        client, much = self.begin_to_run(), b"b" * MUCH
        self.assertEqual(client.put("jobs", [much])[1], OK)
        get = self.spawn("get", "jobs", "-n", "2")
        read = get.stdout.read(len("a\n") + 1)
        self.sticks("sync")
        read += get.stdout.read(MUCH - 1)
        self.waits("sync")
        get.send_signal(signal.SIGTERM)
        out, err = self.ends(get, -signal.SIGTERM)
        self.assertEqual((read.decode() + out, err), ("a\n" + much.decode() + "\n", ""))
        self.until(lambda: self.objects("stat")[0]["memory_leases"] == 0, "it is back")
        self.unstick()
        self.begin()

    def test_nor_while_the_data_is_read(self):
        self.sticks("read")
        environment = dict(os.environ, LD_PRELOAD=STUCK, JOINQ_STUCK=self.beside)
        process = subprocess.Popen(
            [harness.JOINQD, "--data", self.data, "--listen", self.socket],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        self.addCleanup(harness.end_group, process)
        self.waits("read")
        process.send_signal(signal.SIGTERM)
        out, err = self.ends(process)
        self.assertNotIn("ready", out)
        self.assertIn("had not been read to its end", err)
        self.begin()


class Many(harness.BrokerCase):
    COUNT = 2000

    def setUp(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = self.COUNT + 200
        if hard != resource.RLIM_INFINITY and hard < wanted:
            self.skipTest(f"no more than {hard} descriptors")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        super().setUp()

    def test_each_of_many_is_told(self):
        clients = [Client(self.broker.url) for _ in range(self.COUNT)]
        for client in clients:
            self.addCleanup(client.close)
            client.send("GET", "jobs", 0, None, 1, 0, [], [], [], 0)
        self.until_stat("jobs", getters_waiting=self.COUNT)
        self.broker.tell_to_end()
        for client in clients:
            self.assertEqual(client.receive()[:2], ["EVENT_DRAINING", 0])
            self.assertIsNone(client.receive())
        self.joinq("list", status=5)
        for client in clients:
            client.close()
        self.assertEqual(self.broker.stop(), 0)


if __name__ == "__main__":
    harness.main()
