# SPDX-License-Identifier: Apache-2.0
"""A well-behaved client while somebody attacks: how much of its rate is left, and what memory the broker takes.

Each attack alone; attackers are nice, on the broker's core; the client is on the other one, by turns without and with the attack.
"""

import contextlib
import statistics
import tempfile

from bench_modes import at_least, at_most

ATTACKS = (
    ("half-open", 5000), ("half-open-tls", 5000), ("returns-tls", 256), ("idle", 15000), ("trickle", 1000), ("never-reads", 16),
    ("flood", 16),
)  # fmt: skip
KEPT = 0.7
MEMORY = 1 << 30  # the broker's limit, bytes
BESIDES = 64 << 20  # what a process has besides


class Attacks:
    """Attacks, each alone."""

    name = "attacks"
    by_name_only = True  # it takes minutes

    def __init__(self, programs, scale):
        self.programs = programs
        self.times = 5 if scale.whole and scale.pairs > 1 else 1
        self.ms = 150 if scale.whole else 20  # in which a producer must not fill the memory by itself
        self.part = 1 if scale.whole else 500

    def rates(self, loads, times):
        """Their medians, by turns: what one leaves behind is then the same with an attack and without."""
        found = {name: [] for name in loads}
        for _ in range(times):
            for name, load in loads.items():
                found[name].append(load.slice(self.ms)[0])
        return {name: statistics.median(rates) for name, rates in found.items()}

    def one(self, kind, count):
        """The client's rates, as parts of those without the attack, and the broker's memory."""
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory()) if kind.endswith("tls") else None
            broker, url = self.programs.broker(limit=MEMORY, more=self.programs.tls(folder) if folder else ())
            stack.enter_context(broker)
            loads = {
                "lockstep": self.programs.joinq_slices("lockstep", url, "one"),
                "pipelined": self.programs.joinq_slices("pipelined", url, "groups"),
            }
            for load in loads.values():
                stack.enter_context(load)
            self.rates(loads, 1)  # to be warm
            before = self.rates(loads, self.times)
            port = (self.programs.tls_url or url).rpartition(":")[2]
            with self.programs.attacker(kind, port, max(1, count // self.part)):
                meanwhile = self.rates(loads, self.times)
                resident = broker.resident()
        return {**{name: meanwhile[name] / before[name] for name in loads}, "resident": resident}

    def measure(self, say):
        found = {}
        for kind, count in ATTACKS:
            found[kind] = one = self.one(kind, count)
            say(
                f"{kind} ({count}): a client one at a time keeps {one['lockstep']:.2f} of its rate, one in groups"
                f" {one['pipelined']:.2f}; the broker has {one['resident'] >> 20} MiB"
            )
        return found

    def lines(self, _):
        return []

    def bars(self, found):
        for kind, one in found.items():
            yield at_least(f"{kind}: of the rate of a client one at a time", one["lockstep"], KEPT)
            yield at_least(f"{kind}: of the rate of a client in groups", one["pipelined"], KEPT)
            yield at_most(f"{kind}: bytes of the broker", one["resident"], MEMORY + BESIDES)
