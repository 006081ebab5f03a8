# SPDX-License-Identifier: Apache-2.0
"""What is measured of durable queues, beside the raw disk (and Redis, if it is there) by turns: see bench_modes.py.

The time that a disk takes for a sync may be another one a second later, so each round is a few short slices, one of each, first
of what streams, then of what syncs, and what is judged is the median of the rounds' ratios.
"""

import contextlib
import os
import shutil
import statistics
import tempfile
import time

import bench_redis
from bench_modes import GROUP, SIZE, at_least, at_most
from bench_processes import Failed

PIECE, RECORD = 64 * 1024, 128  # bytes that the raw disk appends at once
SIDES = 16
READ = 1 << 20


class Rounds:
    """Producers, the raw disk and Redis by turns."""

    def __init__(self, programs, scale, folder):
        self.programs = programs
        self.folder = folder
        self.rounds = 3 * scale.pairs
        self.ms = 200 if scale.whole else 20

    def loads(self, stack):
        programs = self.programs
        broker, url = programs.broker(os.path.join(self.folder, "data"))
        loads = {
            "pieces": programs.disk_slices(self.folder, PIECE),
            "records": programs.disk_slices(self.folder, RECORD),
            "pipelined": programs.joinq_slices("pipelined", url, "pipelined:durable"),
            "lockstep": programs.joinq_slices("lockstep", url, "lockstep:durable", SIDES),
            "one": programs.joinq_slices("lockstep", url, "one:durable"),
            "memory": programs.joinq_slices("lockstep", url, "memory"),
        }
        if bench_redis.installed():
            loads["redis"] = bench_redis.Redis(programs, os.path.join(self.folder, "redis"))
        for process in [broker, *loads.values()]:
            stack.enter_context(process)
        return loads

    def streaming(self, loads):
        """Many bytes; the raw disk before and behind what is held against it."""
        pieces = [loads["pieces"].slice(self.ms)[0]]
        pipelined = loads["pipelined"].slice(self.ms)[0]
        pieces.append(loads["pieces"].slice(self.ms)[0])
        raw = sum(pieces) / 2 * PIECE
        return {"raw_bytes": raw, "pipelined_bytes": pipelined * SIZE, "pipelined_ratio": pipelined * SIZE / raw}

    def syncing(self, loads):
        """Many syncs; likewise."""
        def slice_of(name):
            return loads[name].slice(self.ms)

        records = [slice_of("records")]
        lockstep = slice_of("lockstep")[0]
        redis = slice_of("redis") if "redis" in loads else None
        records.append(slice_of("records"))
        one, memory = slice_of("one")[1], slice_of("memory")[1]
        records.append(slice_of("records"))
        sync_rate = (records[0][0] + records[1][0]) / 2
        sync_ns = (records[1][1] + records[2][1]) / 2
        found = {
            "sync_rate": sync_rate, "lockstep_rate": lockstep, "redis_rate": redis,
            "sync_ns": sync_ns, "one_ns": one, "memory_ns": memory,
            "lockstep_ratio": lockstep / sync_rate,
            "one_ratio": one / (sync_ns + 1.5 * memory),
        }
        return {**found, "redis_ratio": lockstep / redis} if redis else found

    def measure(self, say):
        """First all that streams, then all that syncs: a disk is busy for a while with what many bytes leave behind."""
        with contextlib.ExitStack() as stack:
            loads = self.loads(stack)
            rounds = [self.streaming(loads) for _ in range(self.rounds)]
            for number, found in enumerate(rounds):
                found.update(self.syncing(loads))
                say(self.line(number + 1, found))
        ratios = [key for key in rounds[0] if key.endswith("_ratio")]
        return {"rounds": rounds, **{key: statistics.median(one[key] for one in rounds) for key in ratios}}

    @staticmethod
    def line(number, found):
        redis = f" redis {found['redis_rate']:.0f}/s;" if found["redis_rate"] else ""
        return (
            f"round {number}: disk {found['raw_bytes'] / 1e6:.1f} MB/s, pipelined {found['pipelined_bytes'] / 1e6:.1f} MB/s;"
            f" {found['sync_rate']:.0f} syncs/s, {SIDES} in lockstep {found['lockstep_rate']:.0f}/s;{redis}"
            f" one: sync {found['sync_ns'] / 1e3:.0f} us, durable put {found['one_ns'] / 1e3:.0f} us,"
            f" in memory {found['memory_ns'] / 1e3:.0f} us"
        )


def written(fd):
    """Goes from one part of a file that was written to the next, and says its size; what is only reserved is left out."""
    at = 0
    while True:
        try:
            at = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:
            return
        end = os.lseek(fd, at, os.SEEK_HOLE)
        os.lseek(fd, at, os.SEEK_SET)
        yield end - at
        at = end


class Restart:
    """A broker that begins with millions of messages, from files that the system does not have in memory any more."""

    seconds_max, rate_max = 10, 500e6

    def __init__(self, programs, scale, folder):
        self.programs = programs
        self.folder = os.path.join(folder, "restart")
        self.count = scale.of(10_000_000)
        self.times = min(3, scale.pairs)

    def fill(self):
        broker, url = self.programs.broker(self.folder)
        with broker, self.programs.joinq_load("keep", url, count=self.count, size=SIZE, group=GROUP) as load:
            load.go()
            load.results()

    def files(self):
        return [entry.path for entry in os.scandir(self.folder) if entry.is_file()]

    def forget(self):
        """The system's memory of the files goes."""
        for path in self.files():
            fd = os.open(path, os.O_RDONLY)
            os.fsync(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)

    def read(self):
        """Bytes that were written to the files, and how many a second the raw disk reads."""
        self.forget()
        buffer, total, start = bytearray(READ), 0, time.monotonic()
        for path in self.files():
            with open(path, "rb", buffering=0) as file:
                for size in written(file.fileno()):
                    total += size
                    while size > 0:
                        size -= file.readinto(memoryview(buffer)[:size])
        return total, total / (time.monotonic() - start)

    def start(self):
        """Seconds until it is ready, and its size then; all messages are there."""
        self.forget()
        start = time.monotonic()
        broker, url = self.programs.broker(self.folder)
        seconds = time.monotonic() - start
        with broker, self.programs.joinq_load("kept", url, size=SIZE, group=GROUP) as load:
            resident = broker.resident()
            load.go()
            found = load.results()
        if (found["ready"], found["verified"]) != (self.count, GROUP):
            raise Failed(f"{found['ready']} messages, {found['verified']} of {GROUP} verified, where {self.count} were put")
        return seconds, resident

    def measure(self, say):
        self.fill()
        times = []
        for _ in range(self.times):
            size, disk = self.read()
            seconds, resident = self.start()
            rate = size / seconds
            times.append({"bytes": size, "disk": disk, "seconds": seconds, "rate": rate, "resident": resident,
                          "rate_ratio": rate / min(disk, self.rate_max)})
            say(
                f"{self.count} messages of {SIZE} bytes: ready after {seconds:.2f} s, {size / 1e6:.0f} MB at"
                f" {rate / 1e6:.0f} MB/s (the disk alone: {disk / 1e6:.0f} MB/s); the broker has {resident >> 20} MiB"
            )
        medians = {key: statistics.median(one[key] for one in times) for key in ("seconds", "rate_ratio")}
        return {"count": self.count, "times": times, **medians}


class Durable:
    """Durable queues: producers of three kinds, and a restart."""

    name = "durable"
    by_name_only = True  # it takes minutes

    def __init__(self, programs, scale):
        self.programs = programs
        self.scale = scale

    def measure(self, say):
        folder = tempfile.mkdtemp(prefix="durable-", dir=self.programs.build)  # where the disk is, not memory
        try:
            rounds = Rounds(self.programs, self.scale, folder).measure(say)
            return {**rounds, "restart": Restart(self.programs, self.scale, folder).measure(say)}
        finally:
            shutil.rmtree(folder)

    def lines(self, found):
        yield (
            f"median of {len(found['rounds'])}: pipelined {found['pipelined_ratio']:.2f} of the raw disk's bytes;"
            f" {SIDES} in lockstep {found['lockstep_ratio']:.1f} x its syncs; one put {found['one_ratio']:.2f} of a sync and"
            f" 1.5 puts in memory"
        )
        if "redis_ratio" not in found:
            yield "Redis (package redis-server) is not here: not compared"

    def bars(self, found):
        yield at_least("pipelined producer, of the raw disk's bytes", found["pipelined_ratio"], 0.5)
        yield at_least(f"{SIDES} producers in lockstep, of the disk's syncs", found["lockstep_ratio"], 5)
        if "redis_ratio" in found:
            yield at_least(f"{SIDES} producers in lockstep, of what Redis does", found["redis_ratio"], 1)
        yield at_most("median put, of one sync and 1.5 puts in memory", found["one_ratio"], 1)
        yield at_least("recovery, of 500 MB/s or the disk's reading", found["restart"]["rate_ratio"], 1)
        yield at_most("seconds until 10 million messages are back", found["restart"]["seconds"], Restart.seconds_max)
