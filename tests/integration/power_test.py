#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The power of the disk is cut at random instants, under clients that outlive the broker: everything that they were told is true.

    power_test.py [--rounds N] [--seed S] [--fs ext4|xfs] [--keep]

As crash_test.py, but the data folder is a file system of its own (power_disk.py): page cache and log of the file system are lost, and the
file system is mounted again. Then the same with queues that are synced within a time: what was told in that time before the cut may be
lost, nothing else, and no id comes twice (power_synced.py).
"""

import argparse
import glob
import os
import signal
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import crash_test
import harness
import power_disk
import power_synced

ROUNDS = "2" if os.environ.get("JOINQ_SANITIZED") else "3"
SKIPPED = 77  # as ctest is told


class Powered(crash_test.Killed):
    """A broker whose disk loses its power before it is killed."""

    def __init__(self, kind, folder, chance):
        super().__init__(folder, chance)
        self.disk_kept = power_disk.Disk(kind, os.path.join(folder, "image"), os.path.join(folder, "data"))

    def kill(self):
        if self.process.poll() is not None:
            raise crash_test.Failed(f"the broker ended by itself, with {self.process.returncode}: {self.said()}")
        before = time.monotonic_ns()
        self.freeze()
        self.disk_kept.cut()
        harness.end_group(self.process)
        self.disk_kept.again()
        self.kills.append((before, time.monotonic_ns()))

    def freeze(self):
        """Power takes the broker along with its disk. It must say nothing more once the disk goes: a sync that is under way then may
        succeed for the kernel and not for the data, on ext4 and on XFS. Who is in the middle of one (D) comes back to nothing."""
        os.kill(self.process.pid, signal.SIGSTOP)
        deadline = time.monotonic() + harness.PATIENCE
        while not set(self.states()) <= set("TD"):
            if time.monotonic() > deadline:
                raise crash_test.Failed("the broker cannot be stopped")

    def states(self):
        """Of its threads."""
        for path in glob.glob(f"/proc/{self.process.pid}/task/*/stat"):
            try:
                with open(path, encoding="ascii", errors="replace") as file:
                    yield file.read().rpartition(") ")[2][0]
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended meanwhile


class Round(crash_test.Round):
    prefix = "joinq-power"

    def __init__(self, kind, seed):
        self.kind = kind
        self.options = f" --fs {kind}"
        super().__init__(seed)

    def make_broker(self):
        return Powered(self.kind, self.folder, self.chance)

    def end(self):
        super().end()
        self.broker.disk_kept.end()


class SyncedRound(Round):
    """One queue that is synced within a time, and one client that goes along with each broker."""

    def play(self):
        self.synced = power_synced.Synced(self.broker, self.chance)
        self.synced.play()

    def check(self):
        if self.synced.wrong:
            wrong = self.synced.wrong
            raise crash_test.Failed("\n    ".join([f"{len(wrong)} things are wrong", *wrong[:10]]))


def rounds(kind, given):
    """How many failed."""
    failed, cuts, begun, lost, window = 0, 0, time.monotonic(), 0, 0.0
    for seed in range(given.seed, given.seed + given.rounds):
        for one in (Round(kind, seed), SyncedRound(kind, seed)):
            failed += not one.run(given.keep)
            cuts += len(one.broker.kills)
        lost += one.synced.lost
        window = max(window, one.synced.window)
    seconds = time.monotonic() - begun
    print(
        f"{kind}: {given.rounds} rounds in {seconds:.0f} s, {cuts} cuts, {failed} failed; "
        f"{lost} puts that were not yet synced are lost, none told more than {window:.3f} s after its time",
        flush=True,
    )
    return failed


# proves: RST-2 OUT-1 ONE-2 ONE-3 FWD-1 CSV-1 DCL-7
def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("--rounds", type=int, default=int(os.environ.get("JOINQ_ROUNDS", ROUNDS)))
    options.add_argument("--seed", type=int, default=int(os.environ.get("JOINQ_SEED", "1")), help="of the first round")
    options.add_argument("--fs", choices=sorted(power_disk.MAKE), help="one kind of file system alone")
    options.add_argument("--keep", action="store_true", help="folders also of what went well")
    given = options.parse_args()
    failed, played = 0, 0
    for kind in [given.fs] if given.fs else sorted(power_disk.MAKE):
        with tempfile.TemporaryDirectory(prefix="joinq-power-") as folder:
            missing = power_disk.missing(kind, folder)
        if missing:
            print(f"{kind} is skipped: {missing}")
            continue
        played += 1
        failed += rounds(kind, given)
    sys.exit(1 if failed else 0 if played else SKIPPED)


if __name__ == "__main__":
    main()
