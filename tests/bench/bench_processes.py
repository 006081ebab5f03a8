# SPDX-License-Identifier: Apache-2.0
"""Starts the programs of a bench, each on its core, and reads what the kernel knows of them."""

import os
import re
import resource
import signal
import subprocess
import sys
import tempfile


class Failed(Exception):
    """A program of the bench ended or said what it should not."""


def descriptors():
    """Lets this process, and so all that it starts, have as many descriptors as it is allowed."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def cores():
    """The core of the process in the middle, and the one of its loads; the same one where there is but one."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[min(1, len(allowed) - 1)]


class Process:
    """A program with pipes, pinned to one core; ended with the block that uses it."""

    def __init__(self, core, *command):
        self.command = [str(part) for part in command]
        self.stderr = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.stderr, text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate()
        if self.process.returncode not in (0, -signal.SIGTERM):
            self.stderr.seek(0)
            sys.stderr.write(self.stderr.read())
        self.stderr.close()

    def expect(self, pattern):
        """The first group of the next line, which must look like this."""
        line = self.process.stdout.readline()
        match = re.search(pattern, line)
        if not match:
            raise Failed(f"{' '.join(self.command)}: said '{line.strip()}' where '{pattern}' was to come")
        return match.group(1) if match.groups() else match.group(0)

    def go(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def results(self):
        """The `name number` lines until it ends well."""
        found = {}
        for line in self.process.stdout:
            name, number = line.split()
            found[name] = int(number)
        if self.process.wait() != 0:
            raise Failed(f"{' '.join(self.command)}: exit status {self.process.returncode}")
        return found

    def cpu_ns(self):
        """Processor time of its one thread so far."""
        with open(f"/proc/{self.process.pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[0])

    def resident(self):
        """Bytes of memory, counted page by page."""
        with open(f"/proc/{self.process.pid}/smaps_rollup", encoding="ascii") as file:
            return 1024 * int(re.search(r"^Rss:\s+(\d+) kB", file.read(), re.M).group(1))


class SliceLoad(Process):
    """A program that does what it does for a short while whenever it is told (slices.h)."""

    def slice(self, ms):
        """How many a second, and the median nanoseconds of one."""
        self.process.stdin.write(f"{ms}\n")
        self.process.stdin.flush()
        count, took_ns, median_ns = map(int, self.expect(r"^(\d+ \d+ \d+)$").split())
        return count * 1e9 / took_ns, median_ns


class Programs:
    """What a build has for the bench."""

    def __init__(self, build):
        self.build = build
        self.disk = os.path.join(build, "tests", "bench", "bench-disk")
        self.slices = os.path.join(build, "tests", "bench", "bench-slices")
        self.enemy = os.path.join(build, "tests", "bench", "bench-attacker")
        self.joinqd = os.path.join(build, "bin", "joinqd")
        self.load = os.path.join(build, "tests", "bench", "joinq-bench")
        self.relay = os.path.join(build, "tests", "bench", "bench-relay")
        self.middle, self.edge = cores()
        self.tls_url = None

    def tls(self, folder):
        """A configuration by which the broker listens with TLS as well, and says so first."""
        cert, key, path = (os.path.join(folder, name) for name in ("cert.pem", "key.pem", "joinqd.conf"))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
             "-keyout", key, "-out", cert], check=True, capture_output=True)
        with open(path, "w", encoding="ascii") as file:
            file.write(f'tls {{\n  cert = "{cert}"\n  key = "{key}"\n}}\n')
        return ["-c", path, "--listen", "joinqs://127.0.0.1:0"]

    def broker(self, data=None, limit=None, more=()):
        """joinqd on a TCP port of its own choice; (process, URL)."""
        kept = ["--data", data] if data else []
        kept += ["--max-memory", str(limit)] if limit else []
        process = Process(self.middle, self.joinqd, *more, "--listen", "joinq://127.0.0.1:0", *kept)
        self.tls_url = process.expect(r"joinqd: listening on (joinqs://\S+)") if more else None
        url = process.expect(r"joinqd: listening on (joinq://\S+)")
        process.expect(r"joinqd: ready")
        return process, url

    def joinq_load(self, role, url, queue="bench", first=0, count=1, size=100, group=250, bound=0, sources=0):
        load = Process(self.edge, self.load, role, url, queue, first, count, size, group, bound, sources)
        load.expect("ready")
        return load

    def disk_slices(self, folder, size):
        load = SliceLoad(self.middle, self.disk, os.path.join(folder, f"raw-{size}"), size)
        load.expect("ready")
        return load

    def joinq_slices(self, role, url, queue, producers=1):
        load = SliceLoad(self.edge, self.slices, role, url, queue, producers)
        load.expect("ready")
        return load

    def attacker(self, kind, port, count):
        enemy = Process(self.middle, self.enemy, kind, port, count)
        enemy.expect("ready")
        return enemy

    def relay_server(self, *arguments):
        """The relay, or the bare loop; (process, port)."""
        process = Process(self.middle, self.relay, *arguments)
        return process, process.expect(r"port (\d+)")

    def relay_load(self, *arguments):
        load = Process(self.edge, self.relay, *arguments)
        load.expect("ready")
        return load


def run_pair(middle, source, sink):
    """Lets a source and a sink go through the process in the middle: (seconds, processor ns of the middle, results)."""
    before = middle.cpu_ns()
    sink.go()
    source.go()
    found = {**source.results(), **sink.results()}
    return (found["ended"] - found["started"]) / 1e9, middle.cpu_ns() - before, found
