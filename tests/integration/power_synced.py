# SPDX-License-Identifier: Apache-2.0
"""A queue that is synced within a time, when the power goes: what was told longer before is there, what is lost is the end of what was
put, and no message gets a number that somebody has seen on another.

One client puts and gets, and ends with its broker; it talks frame by frame, so that nothing is sent again."""

import subprocess
import time

import harness
from wire_client import EMPTY, OK, Client

CUTS = (3, 5)
SYNC_MS = (40, 100, 250)
SLACK = 0.3  # seconds that a sync itself may take, and the way of an answer
RUN = (0.05, 0.6)

PUT, DONE = 15, 16  # keys of a STATS


class Synced:
    def __init__(self, broker, chance):
        self.broker, self.chance = broker, chance
        self.broker.faults = 0  # a sync that fails is made up for, but not in time
        self.sync = chance.choice(SYNC_MS) / 1000
        self.put_told = {}  # by body: when it was told that it is there
        self.done_told = {}  # and that it is finished
        self.lost_puts = set()
        self.body_of = {}  # by incarnation and number
        self.made = 0
        self.lost, self.window = 0, 0.0
        self.wrong = []

    # ---- one broker ----

    def put(self, client):
        bodies = [b"%d" % number for number in range(self.made, self.made + self.chance.randint(1, 5))]
        self.made += len(bodies)
        answer = client.put("synced", bodies)
        if answer[1] != OK:
            self.wrong.append(f"put: {answer}")
        now = time.monotonic()
        self.put_told.update((body, now) for body in bodies)

    def take(self, client, most):
        """Bodies and ranges of what is ready."""
        got = client.get("synced", most)
        if got[1] == EMPTY:
            return []
        at, found = 0, []
        for first, count, attempt, _ in got[7]:
            for number in range(first, first + count):
                found.append((got[-1][at], [got[3], number, 1, attempt]))
                at += 1
        for body, (incarnation, number, _, _) in found:
            known = self.body_of.setdefault((incarnation, number), body)
            if known != body:
                self.wrong.append(f"number {number} is given twice: to {known} and {body}")
            if incarnation != self.body_of.setdefault("queue", incarnation):
                self.wrong.append(f"the queue is another one: {incarnation}")
        return found

    def finish(self, client, found):
        for body, place in found:
            if self.chance.random() < 0.5 and client.ask("DONE", [place])[1] == OK:
                self.done_told[body] = time.monotonic()

    def work(self, client):
        until = time.monotonic() + self.chance.uniform(*RUN)
        while time.monotonic() < until:
            self.put(client)
            if self.chance.random() < 0.7:
                self.finish(client, self.take(client, self.chance.randint(1, 12)))

    # ---- after a cut ----

    def too_late(self, told, cut):
        """It should have been synced by then."""
        over = cut - told - self.sync
        self.window = max(self.window, over)
        return over > SLACK

    def look(self, client, cut):
        """All that is there, once."""
        there, more = [], True
        while more:
            more = self.take(client, 1000)
            there += [body for body, _ in more]
        if len(there) != len(set(there)):
            self.wrong.append("a message is there twice")
        present = set(there)
        for body in present & set(self.done_told):
            if self.too_late(self.done_told[body], cut):
                self.wrong.append(f"{body} was finished {cut - self.done_told[body]:.3f} s before, and is back")
            del self.done_told[body]
        gone = set(self.put_told) - set(self.done_told) - self.lost_puts - present
        for body in gone:
            if self.too_late(self.put_told[body], cut):
                self.wrong.append(f"{body} was put {cut - self.put_told[body]:.3f} s before, and is lost")
        self.is_an_end(gone, present, there)
        self.sums(client, present)

    def is_an_end(self, gone, present, there):
        """What is lost came after everything that is not."""
        numbers = [int(body) for body in there]
        if numbers != sorted(numbers):
            self.wrong.append("what is there is not in its order")
        if gone and present and min(map(int, gone)) < max(numbers):
            self.wrong.append(f"{min(map(int, gone))} is lost, and {max(numbers)} is not")
        self.lost += len(gone)
        self.lost_puts |= gone
        for body in self.lost_puts & set(self.done_told):
            del self.done_told[body]

    def sums(self, client, present):
        stat = client.stat("synced")
        if stat[PUT] != stat[DONE] + len(present):
            self.wrong.append(f"it does not add up: {stat[PUT]} put, {stat[DONE]} done, {len(present)} are there")

    def play(self):
        self.broker.start()
        self.broker.ready()
        declare = [harness.JOINQ, "--url", self.broker.url, "declare", "synced", "--durable"]
        subprocess.run([*declare, "--sync", f"{round(self.sync * 1000)}ms"], check=True, timeout=harness.PATIENCE)
        for _ in range(self.chance.randint(*CUTS)):
            with Client(self.broker.url) as client:
                self.work(client)
                cut = time.monotonic()
                self.broker.kill()
            self.broker.start()
            self.broker.ready()
            with Client(self.broker.url) as client:
                self.look(client, cut)
        self.broker.stop()
