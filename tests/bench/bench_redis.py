# SPDX-License-Identifier: Apache-2.0
"""Redis beside joinq, if it is there: every write synced before it is answered (appendfsync always)."""

import csv
import io
import os
import shutil
import socket
import subprocess

from bench_processes import Failed, Process

CLIENTS, SIZE = 16, 100


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def installed():
    return shutil.which("redis-server") and shutil.which("redis-benchmark")


class Redis(Process):
    """A server that keeps its log in a folder; nothing but the log is written."""

    def __init__(self, programs, folder):
        os.mkdir(folder)
        self.port = str(free_port())
        self.edge = programs.edge
        self.count = 200
        super().__init__(
            programs.middle, "redis-server", "--bind", "127.0.0.1", "--port", self.port, "--dir", folder,
            "--appendonly", "yes", "--appendfsync", "always", "--save", "", "--auto-aof-rewrite-percentage", "0",
        )
        while "Ready to accept connections" not in self.expect(r"^.+$"):
            pass

    def slice(self, ms):
        """Entries a second of clients that each wait for their answer, for about so long."""
        command = ["redis-benchmark", "-h", "127.0.0.1", "-p", self.port, "-c", str(CLIENTS), "-n", str(self.count),
                   "-d", str(SIZE), "-t", "lpush", "--csv"]
        ran = subprocess.run(command, capture_output=True, text=True, check=False,
                             preexec_fn=lambda: os.sched_setaffinity(0, {self.edge}))
        rates = [float(row[1]) for row in csv.reader(io.StringIO(ran.stdout)) if row and row[0] == "LPUSH"]
        if ran.returncode != 0 or len(rates) != 1:
            raise Failed(f"redis-benchmark: {ran.stdout}{ran.stderr}")
        self.count = max(CLIENTS, int(rates[0] * ms / 1000))
        return rates[0]
