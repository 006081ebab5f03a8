# SPDX-License-Identifier: Apache-2.0
"""A broker of its own for each test, and the tool to use it.

Nothing waits by the clock: a process is waited for, or a state of a queue that `joinq stat` tells.
"""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PATIENCE = 60  # seconds after which something that should have happened is said not to have

BIN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "release", "bin")
JOINQ = os.environ.get("JOINQ", os.path.join(BIN, "joinq"))
JOINQD = os.environ.get("JOINQD", os.path.join(BIN, "joinqd"))


def end_group(process):
    """Kills a process and what it started, if any of it is left."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            try:
                stream.close()
            except BrokenPipeError:
                pass


class Broker:
    """A joinqd on a Unix socket in a folder that is removed with it; with listen=False where its configuration says."""

    def __init__(self, *arguments, listen=None, wrapped=()):
        self.folder = tempfile.mkdtemp(prefix="joinq-test-")
        where = [] if listen is False else ["--listen", listen or f"unix://{self.folder}/joinq.sock"]
        self.log = tempfile.TemporaryFile("a+b")  # the broker appends, wherever it is read meanwhile
        self.process = subprocess.Popen(
            [*wrapped, JOINQD, *where, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self.log,
            start_new_session=True,
        )
        self.told_to_end = False
        self.urls = []
        for line in iter(self.process.stdout.readline, b"joinqd: ready\n"):
            if not line:
                end_group(self.process)
                raise AssertionError("joinqd does not listen: " + self.said())
            self.urls.append(line.decode().rpartition(" ")[2].strip())
        self.url = self.urls[0]

    def said(self):
        """Read without moving the place where the broker writes on."""
        return os.pread(self.log.fileno(), os.fstat(self.log.fileno()).st_size, 0).decode(errors="replace")

    def stop(self):
        """Ends it in order, once, for a second signal would end it at once; returns its exit status."""
        if not self.told_to_end:
            self.process.send_signal(signal.SIGTERM)
        self.told_to_end = True
        try:
            return self.process.wait(PATIENCE)
        finally:
            end_group(self.process)

    def tell_to_end(self):
        """As stop, but does not wait for it."""
        self.process.send_signal(signal.SIGTERM)
        self.told_to_end = True

    def remove(self):
        self.log.close()
        shutil.rmtree(self.folder)


class BrokerCase(unittest.TestCase):
    """Tests with a broker and the tool. What a test leaves running is ended; the broker has to end well."""

    arguments = ()
    listen = None  # a URL, instead of a Unix socket in the broker's folder

    def setUp(self):
        self.broker = Broker(*self.arguments, listen=self.listen)
        self.addCleanup(self._end_broker)
        self.folder = self.broker.folder
        self.environment = dict(os.environ, JOINQ_URL=self.broker.url)

    def _end_broker(self):
        status = self.broker.stop()
        said = self.broker.said()
        self.broker.remove()
        self.assertEqual(status, 0, said)

    def spawn(self, *arguments, command=JOINQ, **options):
        """The tool in the background, in a process group of its own."""
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        process = subprocess.Popen([command, *arguments], env=self.environment, start_new_session=True, **options)
        self.addCleanup(end_group, process)
        return process

    def joinq(self, *arguments, given=b"", status=0):
        """The tool, run to its end, which must be `status`; returns what it printed."""
        if isinstance(given, str):
            given = given.encode()
        self.done = subprocess.run(
            [JOINQ, *arguments], input=given, capture_output=True, env=self.environment, timeout=PATIENCE, check=False
        )
        self.assertEqual(self.done.returncode, status, (arguments, self.done.stdout, self.done.stderr))
        return self.done.stdout.decode(errors="surrogateescape")

    def fails(self, status, message, *arguments, given=b""):
        """The tool fails with this status and exactly this line."""
        self.joinq(*arguments, given=given, status=status)
        self.assertEqual(self.done.stderr.decode(), message + "\n")

    def lines(self, *arguments, **options):
        return self.joinq(*arguments, **options).splitlines()

    def objects(self, *arguments, **options):
        """The tool's --json output, parsed: one object a line."""
        return [json.loads(line) for line in self.joinq("--json", *arguments, **options).splitlines()]

    def stat(self, queue):
        return self.objects("stat", queue)[0]

    def until(self, condition, what):
        """Asks again and again until the answer is true."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                self.fail(f"{what}: not within {PATIENCE} s")

    def until_stat(self, queue, **wanted):
        """Waits until the numbers of a queue are these."""

        def reached():
            line = subprocess.run(
                [JOINQ, "stat", queue, "--json"], capture_output=True, env=self.environment, timeout=PATIENCE, check=False
            ).stdout
            found = json.loads(line) if line else {}
            return all(found.get(name) == value for name, value in wanted.items())

        self.until(reached, f"{queue} {wanted}")

    def ends(self, process, status=0):
        """The process ends by itself, with this status (negative: by that signal); returns what it printed."""
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, status, (out, err))
        return (out or b"").decode(), (err or b"").decode()


def main():
    sys.dont_write_bytecode = True
    unittest.main()
