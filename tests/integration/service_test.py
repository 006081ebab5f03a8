#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""joinqd under a service manager: what it tells it (NOTIFY_SOCKET), the sockets that it gets (LISTEN_FDS), and the unit itself. No
systemd runs here: the manager is the test."""

import os
import re
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
from wire_client import OK, Client

UNIT = os.environ.get("JOINQ_UNIT")  # joinqd.service as it is installed
TELLS = os.environ.get("JOINQ_SYSTEMD")  # whether the build has libsystemd
EXPOSURE_MAX = 2.0


@unittest.skipUnless(TELLS, "built without libsystemd")
class Manager(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="joinq-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.told.close)
        self.told.settimeout(harness.PATIENCE)
        self.told.bind(f"{self.folder}/notify")

    def start(self, *arguments, sockets=(), names=(), **variables):
        """joinqd as systemd starts it; sockets become its descriptors from 3 on."""
        environment = dict(os.environ, NOTIFY_SOCKET=f"{self.folder}/notify", XDG_RUNTIME_DIR=self.folder, **variables)
        words = [harness.JOINQD, *arguments]
        if sockets:
            environment.update(LISTEN_FDS=str(len(sockets)), LISTEN_FDNAMES=":".join(names))
            words = ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", *words]

        def pass_sockets():
            high = [os.dup(one.fileno()) for one in sockets]
            high = [os.dup2(fd, 100 + i) for i, fd in enumerate(high)]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i)

        process = subprocess.Popen(
            words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
            close_fds=not sockets, preexec_fn=pass_sockets,
        )  # fmt: skip
        self.addCleanup(harness.end_group, process)
        return process

    def hears(self, word):
        """What it is told next that has this line."""
        while True:
            lines = self.told.recv(4096).decode().split("\n")
            if word in lines:
                return lines

    def ends(self, process):
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=harness.PATIENCE)
        self.assertEqual(process.returncode, 0, err)
        return out.decode(), err.decode()

    def listener(self, mode=0o600):
        path = f"{self.folder}/given.sock"
        given = socket.socket(socket.AF_UNIX)
        self.addCleanup(given.close)
        given.bind(path)
        os.chmod(path, mode)
        given.listen()
        return given, f"unix://{path}"

    def test_ready_then_stopping(self):
        process = self.start()
        self.assertTrue(any(line.startswith("STATUS=") for line in self.hears("READY=1")))
        Client(f"unix://{self.folder}/joinq/joinqd.sock").close()
        self.ends(process)
        self.assertIn("STOPPING=1", self.hears("STOPPING=1"))

    def test_not_ready_before_it_listens(self):
        process = self.start("--listen", f"unix://{self.folder}/no/such/folder/s")
        self.assertEqual(process.wait(harness.PATIENCE), 1)
        self.told.setblocking(False)
        with self.assertRaises(BlockingIOError):
            self.told.recv(4096)

    def test_the_watchdog_hears_that_the_loop_turns(self):
        process = self.start(WATCHDOG_USEC="100000")
        self.hears("READY=1")
        for _ in range(3):
            self.assertIn("STATUS=serving: 0 connections", self.hears("WATCHDOG=1"))
        process.send_signal(signal.SIGSTOP)
        self.addCleanup(process.send_signal, signal.SIGCONT)
        self.told.settimeout(1)
        with self.assertRaises(TimeoutError):
            while True:
                self.told.recv(4096)
        process.send_signal(signal.SIGCONT)
        self.told.settimeout(harness.PATIENCE)
        self.hears("WATCHDOG=1")
        self.ends(process)

    def test_a_reload_is_told(self):
        process = self.start(WATCHDOG_USEC="100000")
        self.hears("READY=1")
        for _ in range(2):
            process.send_signal(signal.SIGHUP)
            self.assertTrue(any(line.startswith("MONOTONIC_USEC=") for line in self.hears("RELOADING=1")))
            self.hears("READY=1")
        self.hears("WATCHDOG=1")
        self.ends(process)

    def test_without_a_watchdog_nothing_is_told(self):
        process = self.start()
        self.hears("READY=1")
        self.ends(process)
        self.assertIn("STOPPING=1", self.told.recv(4096).decode())

    def test_a_socket_that_is_passed(self):
        given, url = self.listener()
        waiting = socket.socket(socket.AF_UNIX)  # somebody has come before the broker was there
        self.addCleanup(waiting.close)
        waiting.connect(given.getsockname())
        process = self.start(sockets=[given], names=["joinqd.socket"])
        self.hears("READY=1")
        client = Client(url)
        self.assertEqual(client.put("q", [b"a"])[1], OK)
        client.close()
        waiting.close()
        out, _ = self.ends(process)
        self.assertIn(f"listening on {url}\n", out)
        self.assertFalse(os.path.exists(f"{self.folder}/joinq"), "its own socket is not made")
        self.assertTrue(stat.S_ISSOCK(os.stat(given.getsockname()).st_mode), "the file is the manager's")
        again = self.start(sockets=[given], names=["joinqd.socket"])
        self.hears("READY=1")
        Client(url).close()
        self.ends(again)

    def test_it_takes_the_place_of_the_listener_with_its_address(self):
        given, url = self.listener()
        tcp = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(tcp.close)
        there = f"joinq://127.0.0.1:{tcp.getsockname()[1]}"
        process = self.start("--listen", there, "--listen", url, sockets=[tcp, given], names=["a", "b"])
        self.hears("READY=1")
        Client(there).close()
        Client(url).close()
        out, _ = self.ends(process)
        self.assertEqual(out.count("listening on"), 2)

    def test_what_is_passed_must_make_sense(self):
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        unheard = socket.socket(socket.AF_INET)
        nameless = socket.socket(socket.AF_UNIX)
        everywhere = socket.create_server(("0.0.0.0", 0))
        nameless.bind(b"\0" + os.path.basename(self.folder).encode())
        nameless.listen()
        everybody, _ = self.listener(0o666)
        for given, said in ((datagrams, "no stream"), (unheard, "nobody listens"), (nameless, "no path"),
                            (everywhere, "not a loopback"), (everybody, "other users")):
            with self.subTest(said):
                self.addCleanup(given.close)
                process = self.start(sockets=[given], names=["x"])
                _, err = process.communicate(timeout=harness.PATIENCE)
                self.assertEqual(process.returncode, 1)
                self.assertIn(said, err.decode())

    def test_the_state_folder_is_for_data(self):
        process = self.start(STATE_DIRECTORY=f"{self.folder}/state")
        self.hears("READY=1")
        self.ends(process)
        self.assertTrue(any(name.endswith(".jql") for name in os.listdir(f"{self.folder}/state")))
        other = self.start("--data", f"{self.folder}/other", STATE_DIRECTORY=f"{self.folder}/unused")
        self.hears("READY=1")
        self.ends(other)
        self.assertFalse(os.path.exists(f"{self.folder}/unused"))


@unittest.skipUnless(shutil.which("systemd-analyze"), "there is no systemd-analyze")
class Unit(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="joinq-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        with open(UNIT, encoding="utf-8") as file:
            text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", file.read(), flags=re.M)
        with open(os.path.join(self.folder, "joinqd.service"), "w", encoding="utf-8") as file:
            file.write(re.sub(r"^(User|Group)=.*", r"\1=daemon", text, flags=re.M))
        shutil.copy(os.path.join(os.path.dirname(__file__), "..", "..", "conf", "systemd", "joinqd.socket"), self.folder)

    def analyze(self, *arguments):
        done = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=harness.PATIENCE, check=False)
        return done.returncode, done.stdout + done.stderr

    def test_it_is_proper(self):
        for name in ("joinqd.service", "joinqd.socket"):
            status, said = self.analyze("verify", "--man=no", "--recursive-errors=no", os.path.join(self.folder, name))
            self.assertEqual((status, [line for line in said.split("\n") if "joinqd." in line]), (0, []), said)

    def test_its_exposure(self):
        status, said = self.analyze("security", "--offline=true", os.path.join(self.folder, "joinqd.service"))
        found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
        self.assertIsNotNone(found, (status, said))
        self.assertLessEqual(float(found.group(1)), EXPOSURE_MAX, said)


if __name__ == "__main__":
    harness.main()
