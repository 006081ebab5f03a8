# SPDX-License-Identifier: Apache-2.0
"""Whether what the clients of the crash test were told was true, told from their logs and what `joinq stat` says at the end.

A line of a log is: when it was told, when it had been asked (monotonic ns), and what. Something asked after something else was told
happened after it, whoever the two are; nothing else is known of the order.
"""

import collections
import os

# What a queue is, and neither what it was since its broker began nor who looks at it now.
KEPT = (
    "put done dead dead_in expired discarded moved_in moved_out ready delayed leased unfinished state generation"
    " producers_finished task_done"
).split()

QUEUES = "work in out side count grave pool".split()
WITHOUT_PUTS = "grave pool".split()

Got = collections.namedtuple("Got", "told asked sequence body client receipt")


class Queue:
    def __init__(self):
        self.must, self.may, self.never = set(), set(), set()  # bodies that were accepted, perhaps, not
        self.overtaken = set()  # bodies of puts that may have been
        self.accepted = {}  # by client: how many it was told
        self.got = []
        self.done = {}  # by sequence: when it was first told to be finished
        self.done_asked = {}  # and when that had been asked
        self.back = collections.Counter()  # by sequence: how often given back
        self.ended = None  # when the end was first told
        self.put_told = []  # when each was accepted, with its body
        self.task_asked = []  # when, how many


class Check:
    def __init__(self, folder, kills):
        self.kills = kills  # before, after
        self.queues = collections.defaultdict(Queue)
        self.forwards = []  # source, sequences, code, bodies, targets
        self.joins = []  # queue, asked, told
        self.moved = collections.Counter()
        self.wrong = []
        self.finished = set()
        for name in sorted(os.listdir(folder)):
            if name.endswith(".log") and not name.startswith("joinqd"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    self.read(name[:-4], file)

    def bad(self, text):
        self.wrong.append(text)

    # ---- the logs ----

    def read(self, client, file):
        for line in file:
            told, asked, verb, *words = line.split()
            handler = getattr(self, "on_" + verb, None)
            if handler:
                handler(client, int(told), int(asked), *words)

    def on_wrong(self, client, told, asked, *words):
        self.bad(f"{client}: {' '.join(words)}")

    def settle_bodies(self, queue, code, bodies, accepted, told):
        for i, body in enumerate(bodies):
            if code == "DISCONNECTED":
                queue.may.add(body)
            elif i < accepted:
                queue.must.add(body)
                queue.put_told.append((told, body))
            else:
                queue.never.add(body)

    def accept(self, name, client, code, count):
        accepted = self.queues[name].accepted
        known = accepted.get(client, 0)
        accepted[client] = None if code == "DISCONNECTED" or known is None else known + count

    def on_put(self, client, told, asked, name, code, first, count, accepted, timeout):
        queue = self.queues[name]
        bodies = [f"{client}-{int(first) + i}" for i in range(int(count))]
        self.settle_bodies(queue, code, bodies, int(accepted), told)
        if int(timeout) >= 0:  # who is FULL, and is not told for the broker dies, asks the next one, behind the others
            queue.overtaken.update(bodies)
        self.accept(name, client, code, int(accepted))

    def on_forward(self, client, told, asked, first, count, targets, name, code, *sequences):
        bodies = [f"{client}-{int(first) + i}" for i in range(int(count))]
        for target in targets.split(","):
            self.settle_bodies(self.queues[target], code, bodies, len(bodies) if code == "OK" else 0, told)
            self.accept(target, client, code, len(bodies) if code == "OK" else 0)
        self.forwards.append((name, [int(s) for s in sequences], code, bodies, targets.split(",")))
        if name in QUEUES:  # what is in memory begins anew with its broker
            self.on_done(client, told, asked, name, code, *sequences)

    def on_attached(self, client, told, asked, name, accepted, finished):
        known = self.queues[name].accepted.get(client, 0)
        if known is not None and known != int(accepted):
            self.bad(f"{name}: {accepted} accepted of {client}, who was told of {known}")
        if (int(finished) == 1) != ((name, client) in self.finished):
            self.bad(f"{name}: {client} has finished: {finished}")

    def on_finished(self, client, told, asked, name):
        self.finished.add((name, client))

    def on_got(self, client, told, asked, name, sequence, body, deliveries, receipt=False):
        queue = self.queues[name]
        queue.got.append(Got(told, asked, int(sequence), body, client, receipt))

    def on_auto(self, client, told, asked, name, sequence, body, deliveries):
        self.on_got(client, told, asked, name, sequence, body, deliveries, True)

    def on_done(self, client, told, asked, name, code, *sequences):
        queue = self.queues[name]
        for sequence in map(int, sequences):
            if code == "OK" and sequence in queue.done:
                self.bad(f"{name}: {sequence} was finished twice")
            if code == "OK":
                queue.done[sequence] = told
                queue.done_asked[sequence] = asked

    def on_nack(self, client, told, asked, name, code, *sequences):
        self.queues[name].back.update(map(int, sequences))

    def on_release(self, client, told, asked, name, code, *sequences):
        self.queues[name].back.update(map(int, sequences))

    def on_end(self, client, told, asked, name):
        queue = self.queues[name]
        queue.ended = min(told, queue.ended or told)

    def on_task_done(self, client, told, asked, name, count, unfinished):
        self.queues[name].task_asked.append((asked, int(count)))

    def on_moved(self, client, told, asked, name, to, count):
        self.moved[name, to] += int(count)

    def on_joined(self, client, told, asked, name, kind):
        self.joins.append((name, asked, told, kind))

    # ---- each queue ----

    def killed_between(self, first, last):
        return any(after >= first and before <= last for before, after in self.kills)

    def ids(self, name, queue):
        """A message keeps its number, and was put once: its body has one number."""
        by_sequence, by_body = {}, {}
        for got in queue.got:
            if by_sequence.setdefault(got.sequence, got.body) != got.body:
                self.bad(f"{name}: {got.sequence} is {got.body} and {by_sequence[got.sequence]}")
            if by_body.setdefault(got.body, got.sequence) != got.sequence:
                self.bad(f"{name}: {got.body} is there twice, as {got.sequence} and {by_body[got.body]}")
        return by_body

    def order(self, name, queue, by_body):
        """What one client put, and waited for as long as it took, keeps its order."""
        last = {}
        for body in sorted(set(by_body) - queue.overtaken, key=by_body.get):
            client, _, number = body.rpartition("-")
            if int(number) < last.get(client, -1):
                self.bad(f"{name}: {body} came behind {client}-{last[client]}")
            last[client] = int(number)

    def arrivals(self, name, queue, by_body, stat):
        for body in queue.must - by_body:
            self.bad(f"{name}: {body} was accepted, and is lost")
        for body in by_body - queue.must - queue.may:
            self.bad(f"{name}: {body} was {'refused' if body in queue.never else 'never put'}, and is there")
        if stat["put"] != len(by_body):
            self.bad(f"{name}: {stat['put']} were put, {len(by_body)} different ones came")

    def returns(self, name, queue):
        """Nothing comes back that was finished, and nothing at all without a reason."""
        last = {}
        for got in sorted(queue.got):
            done = queue.done.get(got.sequence)
            if done is not None and got.asked > done:
                self.bad(f"{name}: {got.sequence} ({got.body}) was finished, and came back to {got.client}")
            if queue.ended and got.asked > queue.ended:
                self.bad(f"{name}: {got.sequence} ({got.body}) came to {got.client} after the end")
            before = last.get(got.sequence)
            if before and not queue.back[got.sequence] and not self.killed_between(before.asked, got.told):
                self.bad(f"{name}: {got.sequence} ({got.body}) came to {before.client} and to {got.client}")
            last[got.sequence] = got

    def numbers(self, name, queue, stat):
        came = stat["put"] + stat["moved_in"] + stat["dead_in"]
        gone = stat["dead"] + stat["expired"] + stat["discarded"] + stat["moved_out"]
        finished = stat["task_done"] if name == "count" else stat["done"]
        if came != finished + gone or stat["unfinished"] or stat["ready"] or stat["delayed"] or stat["leased"]:
            self.bad(f"{name}: at the end it does not add up: {stat}")
        if stat["state"] != "closed":
            self.bad(f"{name}: it is not closed: {stat}")
        if stat["done"] < len(queue.done):
            self.bad(f"{name}: {len(queue.done)} were finished, {stat['done']} are told")

    def queue(self, name, stats):
        queue, stat = self.queues[name], stats[name]
        by_body = self.ids(name, queue)
        if name not in WITHOUT_PUTS:
            self.order(name, queue, by_body)
        self.returns(name, queue)
        self.numbers(name, queue, stat)
        return by_body

    # ---- between queues ----

    def letters(self, stats, work, grave):
        died, came = stats["work"]["dead"] + stats["work"]["expired"], stats["grave"]["dead_in"]
        if died != came or came != len(grave):
            self.bad(f"{died} died or expired, {came} letters came, {len(grave)} were seen")
        for body in grave:
            if work.get(body) in self.queues["work"].done:
                self.bad(f"{body} is dead, and was finished")

    def moves(self, stats, side, pool):
        """A message is in the one or the other; who got it before it was moved had given it back."""
        told, out, came = self.moved["side", "pool"], stats["side"]["moved_out"], stats["pool"]["moved_in"]
        if told != out or out != came or came != len(pool):
            self.bad(f"{told} moved are told, {out} left, {came} came, {len(pool)} were seen")
        for body in pool:
            if side.get(body) in self.queues["side"].done:
                self.bad(f"{body} was moved, and was finished")

    def forwarded(self, stats, found):
        """Each message of the source was passed on once; what failed left nothing behind."""
        times = collections.Counter()
        for name, sequences, code, bodies, targets in self.forwards:
            there = [body in found[target] for body in bodies for target in targets]
            if code == "OK" or (code == "DISCONNECTED" and all(there)):
                times.update(sequences if name == "in" else [])
            elif any(there):
                self.bad(f"{name}: {sequences} were not passed on ({code}), but {bodies} are there")
        for sequence in {got.sequence for got in self.queues["in"].got}:
            if times[sequence] != 1:
                self.bad(f"in: {sequence} was passed on {times[sequence]} times")
        if stats["in"]["done"] != len(times):
            self.bad(f"in: {stats['in']['done']} done, {len(times)} passed on")

    def join(self, name, asked, told, kind):
        """What was put before it was asked had been finished when it was answered."""
        queue = self.queues[name]
        bodies = {body for when, body in queue.put_told if when < asked}
        if name == "count":
            done = sum(count for when, count in queue.task_asked if when < told)
            if done < len(bodies):
                self.bad(f"{name}: a join ({kind}) told at {told}: {len(bodies)} were put, {done} finished")
            return
        for got in queue.got:
            late = got.asked > told or queue.done_asked.get(got.sequence, told) > told
            if late and got.body in bodies:
                self.bad(f"{name}: a join ({kind}) was told at {told}, but {got.sequence} ({got.body}) came to {got.client}")

    def all(self, stats):
        found = {name: self.queue(name, stats) for name in QUEUES}
        found["side"], side = found["side"] | found["pool"], found["side"]
        self.letters(stats, found["work"], found["grave"])
        self.moves(stats, side, found["pool"])
        for name in QUEUES[: -len(WITHOUT_PUTS)]:
            gone = found["grave"] if name == "work" else {}
            self.arrivals(name, self.queues[name], set(found[name]) | set(gone), stats[name])
        self.forwarded(stats, found)
        for join in self.joins:
            self.join(*join)
        left = set(stats) - set(found)
        if left:
            self.bad(f"deleted queues are there: {left}")
        return self.wrong
