#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A broker killed at random instants, under clients that outlive it: everything that they were told is true.

    crash_test.py [--rounds N] [--seed S] [--keep]

Each round is a seed: a fresh folder, a load of clients (crash_load), a broker that is killed and started again, until the load has
ended by itself. What fails tells its seed, and leaves its data and its logs.
"""

import argparse
import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import crash_check
import harness

LOAD = os.environ.get("JOINQ_CRASH_LOAD", os.path.join(harness.BIN, "..", "tests", "integration", "crash_load"))
DISK = os.environ.get("JOINQ_CRASH_DISK")  # a library to be loaded before libc: crash_disk.c
ROUNDS = "6" if os.environ.get("JOINQ_SANITIZED") else "20"
KILLS = (3, 9)  # in a round
SOON = 0.012  # seconds: while it still reads its data, or has just begun
LATE = 0.25


class Failed(Exception):
    pass


class Killed:
    """A broker on one folder and one socket, again and again."""

    def __init__(self, folder, chance):
        self.folder, self.chance = folder, chance
        self.slow_ms, self.faults = chance.choice(((0, 0), (0, 0), (4, 0), (4, 4), (15, 2)))
        self.url = f"unix://{folder}/joinq.sock"
        self.log = open(os.path.join(folder, "joinqd.log"), "ab")
        self.kills = []
        self.process = None
        self.is_ready = False

    def start(self):
        self.is_ready = False
        self.process = subprocess.Popen(
            [harness.JOINQD, "--listen", self.url, "--data", os.path.join(self.folder, "data")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            bufsize=0,
            stderr=self.log,
            env=self.disk(),
            start_new_session=True,
        )

    def disk(self):
        """In some rounds syncs are slow, writes come in two parts, and some fail."""
        if not DISK or not self.slow_ms:
            return None
        disk = f"{self.chance.getrandbits(32)} {self.slow_ms} {self.faults}"
        return dict(os.environ, LD_PRELOAD=DISK, JOINQ_DISK=disk)

    def ready(self):
        while not self.is_ready:
            if not select.select([self.process.stdout], [], [], harness.PATIENCE)[0]:
                raise Failed("the broker does not come to listen")
            line = self.process.stdout.readline()
            if not line:
                raise Failed(f"the broker does not start: {self.said()}")
            self.is_ready = line == b"joinqd: ready\n"

    def said(self):
        with open(self.log.name, encoding="utf-8", errors="replace") as file:
            return file.read()[-1000:]

    def kill(self):
        if self.process.poll() is not None:
            raise Failed(f"the broker ended by itself, with {self.process.returncode}: {self.said()}")
        before = time.monotonic_ns()
        harness.end_group(self.process)
        self.kills.append((before, time.monotonic_ns()))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(harness.PATIENCE)
        harness.end_group(self.process)
        if status != 0:
            raise Failed(f"the broker ended with {status}")

    def stats(self):
        """What is kept of each queue."""
        done = subprocess.run(
            [harness.JOINQ, "--url", self.url, "--json", "list"], capture_output=True, timeout=harness.PATIENCE, check=True
        )
        found = [json.loads(line) for line in done.stdout.splitlines()]
        return {stat["queue"]: {name: stat[name] for name in crash_check.KEPT} for stat in found}


class Round:
    prefix = "joinq-crash"  # of its folder
    options = ""  # how it is played again, beside its seed

    def __init__(self, seed):
        self.seed = seed
        self.chance = random.Random(seed)
        self.folder = tempfile.mkdtemp(prefix=f"{self.prefix}-{seed}-")
        self.broker = self.make_broker()
        self.load = None

    def make_broker(self):
        return Killed(self.folder, self.chance)

    def ended(self, seconds):
        """Whether the load has ended, within so long."""
        return bool(select.select([self.load.stdout], [], [], seconds)[0])

    def instants(self):
        """How long after its start, or its readiness, the broker is killed."""
        for _ in range(self.chance.randint(*KILLS)):
            soon = self.chance.random() < 0.4
            yield soon, self.chance.uniform(0.001, SOON if soon else LATE)

    def kill_again_and_again(self):
        for soon, seconds in self.instants():
            if not soon:
                self.broker.ready()
            if self.ended(seconds):
                raise Failed(f"the load ended by itself: {self.load.stdout.read().decode()}")
            self.broker.kill()
            self.broker.start()
        self.broker.ready()

    def play(self):
        self.broker.start()
        self.broker.ready()
        self.load = subprocess.Popen(
            [LOAD, self.broker.url, self.folder, str(self.seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.kill_again_and_again()
        self.load.stdin.close()
        if not self.ended(harness.PATIENCE):
            raise Failed("the load does not come to its end")
        if self.load.wait() != 0:
            raise Failed(f"the load ended with {self.load.returncode}: {self.load.stdout.read().decode()}")

    def check(self):
        stats = self.broker.stats()
        wrong = crash_check.Check(self.folder, self.broker.kills).all(stats)
        self.broker.kill()
        self.broker.start()
        self.broker.ready()
        if self.broker.stats() != stats:
            wrong.append(f"after another start it is not as it was: {stats}, {self.broker.stats()}")
        self.broker.stop()
        if wrong:
            raise Failed("\n    ".join([f"{len(wrong)} things are wrong", *wrong[:10]]))

    def end(self):
        for process in (self.load, self.broker.process):
            if process:
                harness.end_group(process)
        self.broker.log.close()

    def run(self, keep):
        try:
            self.play()
            self.check()
        except (Failed, subprocess.SubprocessError) as problem:
            print(f"seed {self.seed}: {problem}\n  its data and logs: {self.folder}")
            print(f"  again: {sys.argv[0]} --rounds 1 --seed {self.seed}{self.options}", flush=True)
            return False
        finally:
            self.end()
        if not keep:
            shutil.rmtree(self.folder)
        return True


# proves: RST-2 OUT-1 ONE-2 ONE-3 FWD-1 CSV-1
def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("--rounds", type=int, default=int(os.environ.get("JOINQ_ROUNDS", ROUNDS)))
    options.add_argument("--seed", type=int, default=int(os.environ.get("JOINQ_SEED", "1")), help="of the first round")
    options.add_argument("--keep", action="store_true", help="folders also of what went well")
    given = options.parse_args()
    failed, kills, begun = 0, 0, time.monotonic()
    for seed in range(given.seed, given.seed + given.rounds):
        one = Round(seed)
        failed += not one.run(given.keep)
        kills += len(one.broker.kills)
    seconds = time.monotonic() - begun
    print(f"{given.rounds} rounds in {seconds:.0f} s, {kills} kills, {failed} rounds failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
