#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""joinqd as a process: its arguments, where it listens, how it ends, and what it does when descriptors run out."""

import os
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True

import harness
from harness import JOINQD, PATIENCE, Broker, end_group
from wire_case import WireCase
from wire_client import DISCONNECTED, OK, OVERLOADED, Client, frame, packing


class Arguments(unittest.TestCase):
    def run_joinqd(self, *arguments, status=0, **options):
        done = subprocess.run([JOINQD, *arguments], capture_output=True, timeout=PATIENCE, check=False, **options)
        self.assertEqual(done.returncode, status, done)
        return done.stdout.decode(), done.stderr.decode()

    def test_version_and_help(self):
        out, err = self.run_joinqd("--version")
        self.assertRegex(out, r"^joinqd \d+\.\d+\.\d+\n$")
        self.assertEqual(err, "")
        out, err = self.run_joinqd("--help")
        self.assertTrue(out.startswith("usage: joinqd"))
        self.assertEqual(err, "")

    def test_check(self):
        self.assertEqual(self.run_joinqd("--check", "--listen", "unix:///tmp/x", "--max-memory", "1G"), ("", ""))
        self.run_joinqd("--check", "--listen", "nonsense", status=2)

    def test_usage_errors(self):
        for arguments, text in (
            (("--check-data",), "--data FOLDER"),
            (("--repair",), "--data FOLDER"),
            (("--listen", "http://127.0.0.1"), 'listen "http://127.0.0.1": '),
            (("--listen", "unix://relative"), "absolute"),
            (("--max-memory", "much"), "must be a size"),
            (("--max-memory", "-1"), "must be a size"),
            (("--max-memory", "1K"), "of at least 16M"),
            (("--max-memory", "99999999999G"), "must be a size"),
            (("--whatever",), "unrecognized option"),
            (("extra",), "'extra' is no option"),
        ):
            out, err = self.run_joinqd(*arguments, status=2)
            self.assertIn(text, err)
            self.assertIn("usage: joinqd", err)
            self.assertEqual(out, "")

    def test_only_loopback(self):
        for url in ("joinq://0.0.0.0:0", "joinq://[::]:0"):
            out, err = self.run_joinqd("--listen", url, status=1)
            self.assertIn("not a loopback address", err)
            self.assertNotIn("ready", out)


class Listening(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="joinq-test-")
        self.addCleanup(shutil.rmtree, self.folder)

    def broker(self, *arguments, **options):
        broker = Broker(*arguments, **options)
        self.addCleanup(broker.remove)
        self.addCleanup(end_group, broker.process)
        return broker

    def test_own_socket(self):
        """Without --listen: in the runtime directory, for its user only, and gone at the end."""
        environment = dict(os.environ, XDG_RUNTIME_DIR=self.folder)
        process = subprocess.Popen(
            [JOINQD], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, start_new_session=True
        )
        self.addCleanup(end_group, process)
        path = f"{self.folder}/joinq/joinqd.sock"
        self.assertEqual(process.stdout.readline().decode(), f"joinqd: listening on unix://{path}\n")
        self.assertEqual(process.stdout.readline().decode(), "joinqd: ready\n")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode), 0o700)
        Client(f"unix://{path}").close()
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assertFalse(os.path.exists(path))

    def test_port_0_and_ipv6(self):
        listen = ["--listen", "joinq://127.0.0.1:0"]
        if os.path.exists("/proc/net/if_inet6") and "lo" in open("/proc/net/if_inet6", encoding="ascii").read():
            listen += ["--listen", "joinq://[::1]:0"]
        broker = self.broker(*listen)
        for url in broker.urls[1:]:
            host, port = url.removeprefix("joinq://").rsplit(":", 1)
            self.assertNotEqual(port, "0")
            socket.create_connection((host.strip("[]"), int(port))).close()
        self.assertEqual(broker.stop(), 0)

    def test_address_in_use(self):
        first = self.broker("--listen", "joinq://127.0.0.1:0")
        for url in first.urls:
            done = subprocess.run([JOINQD, "--listen", url], capture_output=True, timeout=PATIENCE, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"cannot listen on {url}: Address already in use", done.stderr.decode())
        Client(first.url).close()
        self.assertEqual(first.stop(), 0)

    def test_socket_of_a_killed_broker_is_replaced(self):
        url = f"unix://{self.folder}/s"
        first = self.broker(listen=url)
        first.process.kill()
        first.process.wait()
        self.assertTrue(os.path.exists(f"{self.folder}/s"))
        second = self.broker(listen=url)
        Client(url).close()
        self.assertEqual(second.stop(), 0)


class Ending(WireCase):
    def all_is_well(self):
        pass  # the broker has ended

    def is_told(self, client):
        """The event, then the end of the connection."""
        event = client.receive()
        self.assertEqual(event[:2], ["EVENT_DRAINING", 0])
        self.assertIsNone(client.receive())

    def test_sigterm(self):
        waiting = self.client()
        self.waits(waiting)
        idle, silent = self.client(), self.client(hello=False)
        half = self.client()
        half.send_bytes(frame("LIST", 1, 0, 1)[:-1])
        self.broker.process.send_signal(signal.SIGTERM)
        for client in (waiting, idle, half):
            self.is_told(client)
        self.assertIsNone(silent.receive())
        for client in (waiting, idle, half, silent, self.witness):
            client.close()
        self.assertEqual(self.broker.process.wait(PATIENCE), 0)
        self.assertFalse(os.path.exists(self.unix.removeprefix("unix://")))

    def test_sigint(self):
        self.broker.process.send_signal(signal.SIGINT)
        self.is_told(self.witness)
        self.witness.close()
        self.assertEqual(self.broker.process.wait(PATIENCE), 0)

    def test_who_does_not_read_is_not_waited_for(self):
        """Within the bound it ends, and says whom it left."""
        stuck = self.client()
        stuck.put("q", [b"x" * 8_000_000])
        for _ in range(4):
            stuck.send("PEEK", "q", 0, 1)
        self.until(lambda: self.witness.stat("q")[9] == 1, "it is there")
        self.broker.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.broker.process.wait(PATIENCE), 0)

    def test_second_signal(self):
        stuck = self.client()
        stuck.put("q", [b"x" * 8_000_000])
        stuck.send("PEEK", "q", 0, 1)
        self.broker.process.send_signal(signal.SIGTERM)
        self.is_told(self.witness)
        self.broker.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.broker.process.wait(PATIENCE), 1)

    def _end_broker(self):
        """Each test ends it; here is only tidied up."""
        end_group(self.broker.process)
        self.broker.remove()


class Sessions(WireCase):
    """Connections that end, and clients that come again."""

    def test_bytes_before_the_end_are_executed(self):
        """On a Unix socket, where all that is sent has been received. proves: LSE-6"""
        client = self.client(self.unix)
        puts = [frame("PUT", i, "last", 0, 0, 0, [b"x"], packing.Pairs()) for i in range(2, 20_002)]
        client.send_bytes(b"".join(puts))  # more than the broker takes in a turn
        client.close()
        self.until(lambda: self.witness.stat("last")[9] == 20_000, "all of them are there")

    def test_half_closed_connection_is_answered(self):
        """proves: LSE-6"""
        client = self.client()
        requests = [frame("PUT", i, "last", 0, 0, 0, [b"x"], packing.Pairs()) for i in range(2, 102)]
        client.send_bytes(b"".join(requests) + frame("GET", 200, "empty", 0, None, 1, 0, [], [], [], 0))
        client.socket.shutdown(socket.SHUT_WR)
        self.assertEqual({client.receive()[1] for _ in range(100)}, set(range(2, 102)))
        self.assertIsNone(client.receive())
        self.assertEqual(self.waiting("empty"), 0)

    def test_leases_come_back(self):
        """proves: LSE-1"""
        self.witness.put("q", [b"a", b"b"])
        client = self.client()
        self.assertEqual(client.get("q", 2)[-1], [b"a", b"b"])
        client.close()
        self.assertEqual(self.witness.get("q", 2, timeout=None)[-1], [b"a", b"b"])

    def test_the_same_client_again(self):
        """proves: LSE-6"""
        name = os.urandom(16)
        self.witness.put("q", [b"a"])
        first = self.client(client=name)
        self.assertEqual(first.get("q")[-1], [b"a"])
        waiting = self.waits(first)
        second = self.client(client=name)
        self.assertEqual(second.get("q")[-1], [b"a"])
        self.assertEqual(self.waiting("empty"), 0)
        self.is_refused(first, DISCONNECTED)
        third = self.client(client=name)
        self.is_refused(second, DISCONNECTED)
        self.works(third)
        self.assertGreater(waiting, 0)


class Descriptors(WireCase):
    """A broker that may have few descriptors."""

    LIMIT = 64

    def setUp(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.LIMIT, hard))
        try:
            self._lower_hard_limit_of_children(hard)
            super().setUp()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    def _lower_hard_limit_of_children(self, hard):
        """joinqd takes what it may have: its hard limit has to be low, ours must stay."""
        popen = subprocess.Popen

        def limited(*arguments, **options):
            options["preexec_fn"] = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (self.LIMIT, self.LIMIT))
            return popen(*arguments, **options)

        subprocess.Popen = limited
        self.addCleanup(setattr, subprocess, "Popen", popen)
        self.assertGreater(hard, self.LIMIT)

    def test_one_too_many(self):
        clients = [self.client() for _ in range(20)]
        refused = None
        while refused is None:
            client = self.client(hello=False)
            client.send("HELLO", 1, os.urandom(16), "", 0)
            answer = client.receive()
            if answer[0] == "RESULT":
                refused = answer
            clients.append(client)
            self.assertLess(len(clients), self.LIMIT)
        self.assertEqual(refused[1:3], [0, OVERLOADED])
        self.all_is_well()
        for client in clients:
            client.close()
        self.until(self._may_connect, "there is room again")

    def _may_connect(self):
        with Client(self.unix, hello=False) as client:
            client.send("HELLO", 1, os.urandom(16), "", 0)
            return client.receive()[0] == "WELCOME"


if __name__ == "__main__":
    harness.main()
