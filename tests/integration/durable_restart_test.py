#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A broker that is killed, and started again on its data, under the tool: what waited in a durable queue goes on as if nothing had
happened, what waited in a queue in memory hears that it was lost, and nothing hangs."""

import os
import shutil
import signal
import tempfile

import harness

LOST = "queue '{}' was lost with its broker"
UNMET = "the broker began anew before it had told which queue '{}' is"
UNKNOWN = "; the outcome of the request is not known"


class DurableRestart(harness.BrokerCase):
    def setUp(self):
        data = tempfile.mkdtemp(prefix="joinq-data-")
        self.addCleanup(shutil.rmtree, data, True)
        self.arguments = ("--data", data)
        super().setUp()
        self.socket = self.broker.url.removeprefix("unix://")

    def declare(self, *queues, options=()):
        for queue in queues:
            self.joinq("declare", queue, "--durable", *options)

    def waiting(self, queue, kind, *arguments, **options):
        """The tool, once its request waits in the queue."""
        before = self.stat(queue)[kind]
        process = self.spawn(*arguments, **options)
        self.until_stat(queue, **{kind: before + 1})
        return process

    def restart(self, *commands):
        """Another run on the same data, where these commands have been given before anybody who waits can have come."""
        os.kill(self.broker.process.pid, signal.SIGKILL)
        self.assertEqual(self.broker.process.wait(harness.PATIENCE), -signal.SIGKILL)
        harness.end_group(self.broker.process)
        self.addCleanup(self.broker.remove)
        self.broker = harness.Broker(*self.arguments, listen=f"unix://{self.socket}.next")
        self.environment["JOINQ_URL"] = f"unix://{self.socket}.next"
        for command in commands:
            self.joinq(*command)
        os.rename(f"{self.socket}.next", self.socket)
        self.environment["JOINQ_URL"] = f"unix://{self.socket}"

    def says(self, process, out="", err="", status=0):
        self.assertEqual(self.ends(process, status), (out, err), process.args)

    # proves: RST-1 RST-2

    def test_gets_go_on(self):
        self.declare("one", "two", "three", "more")
        get = "getters_waiting"
        waits = [
            (self.waiting("one", get, "get", "one"), "a\n"),
            (self.waiting("two", get, "get", "two", "--mode", "auto", "--timeout", "1h"), "b\n"),
            (self.waiting("three", get, "get", "more", "three", "--all", "--mode", "auto"), "c\nd\n"),
        ]
        self.restart(
            ("put", "one", "a"), ("put", "two", "b"), ("put", "three", "c", "--close"), ("put", "more", "d", "--close")
        )
        for process, out in waits[:2]:
            self.says(process, out)
        found, err = self.ends(waits[2][0], 0)
        self.assertEqual((sorted(found.splitlines()), err), (["c", "d"], ""))
        for queue in ("one", "two", "three", "more"):
            self.assertEqual((self.stat(queue)["done"], self.stat(queue)["unfinished"]), (1, 0), queue)

    def test_streams_go_on(self):
        self.declare("jobs", "auto")
        self.joinq("put", "jobs", "a", "b")
        self.joinq("put", "auto", "a", "b")
        follow = self.spawn("get", "jobs", "--follow")
        auto = self.spawn("get", "auto", "--follow", "--mode", "auto")
        for queue in ("jobs", "auto"):
            self.until_stat(queue, done=2, getters_waiting=1)
        self.restart()
        for queue in ("jobs", "auto"):
            self.joinq("put", queue, "c", "--close")
        for process in (follow, auto):
            self.says(process, "a\nb\nc\n")

    def test_work_goes_on(self):
        self.declare("jobs", "results")
        self.joinq("put", "jobs", "a")
        gate = f"{self.folder}/gate"
        os.mkfifo(gate)
        script = f"test -e {self.folder}/again || {{ touch {self.folder}/again; read go < {gate}; }}; echo did {{}}"
        work = self.spawn("work", "jobs", "--to", "results", "--", "sh", "-c", script)
        self.until_stat("jobs", leased=1)
        self.restart(("put", "jobs", "b", "--close"))
        with open(gate, "w", encoding="ascii") as to:
            to.write("go\n")
        self.ends(work, 0)  # what it held is lost, comes again, and is done again
        self.assertEqual(sorted(self.lines("get", "results") + self.lines("get", "results")), ["did a", "did b"])
        self.assertEqual((self.stat("jobs")["done"], self.stat("jobs")["put"]), (2, 2))

    def test_joins_go_on(self):
        self.declare("jobs")
        self.joinq("put", "jobs", "a")
        join = "joiners_waiting"
        joins = [
            self.waiting("jobs", join, "join", "jobs"),
            self.waiting("jobs", join, "join", "jobs", "--snapshot"),
            self.waiting("jobs", join, "join", "jobs", "--timeout", "1h"),
        ]
        short = self.waiting("jobs", join, "join", "jobs", "--timeout", "2s")
        self.restart()
        self.ends(short, 3)  # its time goes on meanwhile
        self.until_stat("jobs", joiners_waiting=3)
        self.joinq("get", "jobs")
        for process in joins:
            self.assertEqual(self.ends(process, 0)[1], "")

    # proves: RST-2 ONE-2 ONE-3

    def test_puts_go_on_once(self):
        self.declare("full", options=("--max", "1"))
        self.joinq("put", "full", "first")
        put = "putters_waiting"
        puts = [
            self.waiting("full", put, "put", "full", "b"),
            self.waiting("full", put, "put", "full", "c", "--timeout", "1h"),
            self.waiting("full", put, "put", "full", "d", "e"),
        ]
        finish = self.waiting("full", put, "put", "full", "f", "--producer", "me", "--finish")
        self.restart()
        self.until_stat("full", putters_waiting=4)
        got = []
        for _ in range(6):
            got += self.lines("get", "full", "--timeout", "30s")
        for process in [*puts, finish]:
            self.says(process)
        self.assertEqual(sorted(got), ["b", "c", "d", "e", "f", "first"])
        found = self.stat("full")
        self.assertEqual((found["put"], found["done"], found["producers_finished"]), (6, 6, 1))

    def test_a_forward_goes_on_or_its_lease_is_lost(self):
        self.declare("jobs")
        self.declare("full", options=("--max", "1"))
        self.joinq("put", "full", "first")
        self.joinq("put", "jobs", "a", "--close")
        forward = self.waiting("full", "putters_waiting", "work", "jobs", "--to", "full", "--", "echo", "{}")
        self.restart()
        got = self.lines("get", "full") + self.lines("get", "full", "--timeout", "30s")
        self.ends(forward, 0)
        self.assertEqual(got, ["first", "a"])
        self.assertEqual((self.stat("jobs")["done"], self.stat("full")["put"]), (1, 2))

    # proves: RST-1 ONE-3

    def test_a_queue_in_memory_is_lost_also_where_there_is_data(self):
        self.joinq("declare", "empty")
        self.joinq("declare", "full", "--max", "1")
        self.joinq("put", "full", "a")
        get = self.waiting("empty", "getters_waiting", "get", "empty")
        join = self.waiting("full", "joiners_waiting", "join", "full")
        put = self.waiting("full", "putters_waiting", "put", "full", "b")
        self.restart(
            ("declare", "empty", "--durable"), ("close", "empty"), ("declare", "full", "--durable"), ("close", "full")
        )
        self.says(get, err=f"joinq: get: {UNMET.format('empty')}: ask again\n", status=1)
        self.says(join, err=f"joinq: join: {UNMET.format('full')}: ask again\n", status=1)
        self.says(put, err=f"joinq: put: {UNMET.format('full')}{UNKNOWN}\n", status=1)

    def test_one_deleted_and_made_anew_meanwhile_is_another(self):
        self.declare("jobs")
        self.joinq("put", "jobs", "a")
        join = self.waiting("jobs", "joiners_waiting", "join", "jobs")
        self.restart(("delete", "jobs"), ("declare", "jobs", "--durable"), ("close", "jobs"))
        self.says(join, err=f"joinq: join: {UNMET.format('jobs')}: ask again\n", status=1)


if __name__ == "__main__":
    harness.main()
