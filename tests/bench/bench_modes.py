# SPDX-License-Identifier: Apache-2.0
"""What is measured, a class a mode: measure() gives the figures, lines() says them, bars() judges them.

A bar is (what, value, limit, holds). Every load verifies what it gets; a mode that returns at all has counted right.
"""

import statistics

from bench_processes import Failed, run_pair

SIZE, GROUP = 100, 250
RELAY_HEADER = 8
LEASED = 1000  # messages in a get at most


def at_least(what, value, limit):
    return what, value, f">= {limit:g}", value >= limit


def at_most(what, value, limit):
    return what, value, f"<= {limit:g}", value <= limit


def expect_counted(found, count, total):
    if (found["verified"], found["sum"]) != (count, total):
        raise Failed(f"{found['verified']} messages of sum {found['sum']} where {count} of {total} were put")


class Speed:
    """Producer and consumer over TCP: joinq and the relay by turns, and the bare loop that the relay is held against."""

    name = "speed"

    def __init__(self, programs, scale):
        self.programs = programs
        self.pairs = scale.pairs
        self.count = scale.of(4_000_000)
        self.bytes = scale.of(3 << 30)
        self.bound = 100_000

    def joinq(self):
        broker, url = self.programs.broker()
        with broker:
            load = dict(count=self.count, bound=self.bound)
            with self.programs.joinq_load("produce", url, **load) as source:
                with self.programs.joinq_load("consume", url, **{**load, "group": LEASED}) as sink:
                    seconds, cpu, found = run_pair(broker, source, sink)
        expect_counted(found, self.count, self.count * (self.count - 1) // 2)
        return {"rate": self.count / seconds, "cpu_ns": cpu / self.count}

    def relay(self):
        relay, port = self.programs.relay_server("serve", self.bound)
        with relay, self.programs.relay_load("produce", port, self.count, SIZE, GROUP) as source:
            with self.programs.relay_load("consume", port, self.count) as sink:
                seconds, cpu, _ = run_pair(relay, source, sink)
        return {"rate": self.count / seconds, "cpu_ns": cpu / self.count}

    def loop(self):
        loop, port = self.programs.relay_server("loop")
        with loop, self.programs.relay_load("loop-send", port, self.bytes) as source:
            with self.programs.relay_load("loop-receive", port, self.bytes) as sink:
                seconds, _, _ = run_pair(loop, source, sink)
        return {"bytes": self.bytes / seconds}

    def measure(self, say):
        pairs = []
        for number in range(self.pairs):
            pair = {"joinq": self.joinq(), "relay": self.relay(), "loop": self.loop()}
            pair["rate_ratio"] = pair["joinq"]["rate"] / pair["relay"]["rate"]
            pair["cpu_ratio"] = pair["joinq"]["cpu_ns"] / pair["relay"]["cpu_ns"]
            pair["relay_ratio"] = pair["relay"]["rate"] * (SIZE + RELAY_HEADER) / pair["loop"]["bytes"]
            pairs.append(pair)
            say(self.pair_line(number + 1, pair))
        medians = {key: statistics.median(p[key] for p in pairs) for key in ("rate_ratio", "cpu_ratio", "relay_ratio")}
        return {"count": self.count, "pairs": pairs, **medians}

    @staticmethod
    def pair_line(number, pair):
        joinq, relay = pair["joinq"], pair["relay"]
        return (
            f"pair {number}: joinq {joinq['rate'] / 1e6:.2f} M/s, {joinq['cpu_ns']:.0f} ns of its process a message;"
            f" relay {relay['rate'] / 1e6:.2f} M/s, {relay['cpu_ns']:.0f} ns;"
            f" rate x {pair['rate_ratio']:.2f}, cpu x {pair['cpu_ratio']:.2f};"
            f" bare loop {pair['loop']['bytes'] / 1e9:.2f} GB/s, of which the relay has {pair['relay_ratio']:.2f}"
        )

    def lines(self, found):
        yield (
            f"median of {self.pairs}: {found['rate_ratio']:.2f} of the relay's rate, {found['cpu_ratio']:.2f} of its"
            f" processor time a message; the relay {found['relay_ratio']:.2f} of the bare loop"
        )

    def bars(self, found):
        yield at_least("rate, of the relay's", found["rate_ratio"], 0.35)
        yield at_most("processor time a message, of the relay's", found["cpu_ratio"], 2.5)
        yield at_least("relay, of the bare loop's bytes", found["relay_ratio"], 0.3)


class Lockstep:
    """One put and one get at a time, each waiting for its answer."""

    name = "lockstep"

    def __init__(self, programs, scale):
        self.programs = programs
        self.count = scale.of(50_000)

    def measure(self, _):
        broker, url = self.programs.broker()
        load = dict(count=self.count, group=1)
        with broker, self.programs.joinq_load("produce", url, **load) as source:
            with self.programs.joinq_load("consume", url, **load) as sink:
                seconds, cpu, found = run_pair(broker, source, sink)
        expect_counted(found, self.count, self.count * (self.count - 1) // 2)
        return {"count": self.count, "rate": self.count / seconds, "cpu_ns": cpu / self.count}

    def lines(self, found):
        yield (
            f"one at a time: {found['rate']:.0f} messages/s (put, get and done: three answers each),"
            f" {found['cpu_ns'] / 1000:.1f} us of the broker a message"
        )

    def bars(self, _):
        return []


class Many:
    """Sixteen producers that finish, sixteen consumers until the end of the stream."""

    name = "16x16"
    sides = 16

    def __init__(self, programs, scale):
        self.programs = programs
        self.count = scale.of(100_000)  # of each

    def loads(self, role, url, group):
        first = range(0, self.sides * self.count, self.count)
        options = dict(count=self.count, group=group, bound=100_000, sources=self.sides)
        return [self.programs.joinq_load(role, url, first=number, **options) for number in first]

    def measure(self, _):
        broker, url = self.programs.broker()
        with broker:
            sources = self.loads("produce", url, GROUP)
            sinks = self.loads("consume", url, LEASED)
            before = broker.cpu_ns()
            for load in sinks + sources:
                load.go()
            started = min(load.results()["started"] for load in sources)
            ends = [load.results() for load in sinks]
            cpu = broker.cpu_ns() - before
            for load in sinks + sources:
                load.__exit__()
        total = self.sides * self.count
        whole = {key: sum(end[key] for end in ends) for key in ("verified", "sum")}
        expect_counted(whole, total, total * (total - 1) // 2)
        seconds = (max(end["ended"] for end in ends) - started) / 1e9
        return {"count": total, "rate": total / seconds, "cpu_ns": cpu / total}

    def lines(self, found):
        yield f"16 producers, 16 consumers: {found['rate'] / 1e6:.2f} M/s, {found['cpu_ns']:.0f} ns of the broker a message"

    def bars(self, _):
        return []


class Memory:
    """A queue that fills: what the broker grows by for each message; and what it gives back."""

    name = "memory"

    def __init__(self, programs, scale):
        self.programs = programs
        self.count = scale.of(1_000_000)
        self.judged = scale.whole

    def measure(self, _):
        broker, url = self.programs.broker()
        with broker:
            before = broker.resident()
            with self.programs.joinq_load("produce", url, count=self.count) as source:
                source.go()
                source.results()
            full = broker.resident()
            with self.programs.joinq_load("consume", url, count=self.count, group=LEASED) as sink:
                sink.go()
                sink.results()
            after = broker.resident()
        return {"count": self.count, "before": before, "full": full, "after": after,
                "bytes_a_message": (full - before) / self.count}

    def lines(self, found):
        yield (
            f"{found['count']} messages of {SIZE} bytes queued: the broker grows by {found['bytes_a_message']:.1f} bytes"
            f" for each ({found['before'] >> 10} KiB to {found['full'] >> 10} KiB; {found['after'] >> 10} KiB once empty)"
        )

    def bars(self, found):
        if self.judged:
            yield at_most("bytes of the broker a queued message", found["bytes_a_message"], 150)


class Stream:
    """Many messages through a small queue: the broker's size stays where it was after the first few."""

    name = "stream"
    slack = 512 * 1024  # a chunk of bodies more or less, which the broker keeps for the next

    def __init__(self, programs, scale):
        self.programs = programs
        self.count = scale.of(10_000_000)
        self.first = scale.of(200_000)
        self.judged = scale.whole

    def through(self, broker, url, first, count):
        load = dict(first=first, count=count, bound=1000)
        with self.programs.joinq_load("produce", url, **load) as source:
            with self.programs.joinq_load("consume", url, **{**load, "group": LEASED}) as sink:
                return run_pair(broker, source, sink)

    def measure(self, _):
        broker, url = self.programs.broker()
        with broker:
            self.through(broker, url, 0, self.first)
            before = broker.resident()
            seconds, _, _ = self.through(broker, url, self.first, self.count)
            after = broker.resident()
        return {"count": self.count, "before": before, "after": after, "growth": after - before,
                "rate": self.count / seconds}

    def lines(self, found):
        yield (
            f"{found['count']} messages through a queue of bound 1000: {found['before'] >> 10} KiB before,"
            f" {found['after'] >> 10} KiB after ({found['rate'] / 1e6:.2f} M/s)"
        )

    def bars(self, found):
        if self.judged:
            yield at_most("growth of the broker in bytes", found["growth"], self.slack)


class Waiting:
    """Connections that wait in a get: what each costs the broker; then each gets its message."""

    name = "waiting"

    def __init__(self, programs, scale):
        self.programs = programs
        self.count = scale.of(5_000)
        self.judged = scale.whole

    def measure(self, _):
        broker, url = self.programs.broker()
        with broker:
            before = broker.resident()
            with self.programs.joinq_load("wait", url, count=self.count) as waiting:
                full = broker.resident()
                with self.programs.joinq_load("produce", url, count=self.count) as source:
                    source.go()
                    source.results()
                waiting.go()
                found = waiting.results()
        expect_counted(found, self.count, self.count * (self.count - 1) // 2)
        return {"count": self.count, "before": before, "full": full, "bytes_each": (full - before) / self.count}

    def lines(self, found):
        yield f"{found['count']} connections waiting in get: {found['bytes_each']:.0f} bytes of the broker for each"

    def bars(self, found):
        if self.judged:
            yield at_most("bytes of the broker a waiting connection", found["bytes_each"], 2048)


MODES = [Speed, Lockstep, Many, Memory, Stream, Waiting]
