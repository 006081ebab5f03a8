#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A broker that is killed, and started again at the same place, under the tool: what waited hears that its queue was lost with
it, never an end or a finished join, and nothing hangs."""

import os
import signal

import harness

LOST = "queue '{}' was lost with its broker"
UNKNOWN = LOST + "; the outcome of the request is not known"


class Restart(harness.BrokerCase):
    def kill_broker(self):
        """As a crash would: nothing is said to anybody. The socket stays, and nobody listens there."""
        os.kill(self.broker.process.pid, signal.SIGKILL)
        self.assertEqual(self.broker.process.wait(harness.PATIENCE), -signal.SIGKILL)
        harness.end_group(self.broker.process)
        self.addCleanup(self.broker.remove)
        # the next one listens elsewhere until it is what the test wants to be found
        self.socket = self.broker.url.removeprefix("unix://")

    def restart_broker(self, *commands):
        """Another run, where these commands have been given before anybody who waited can have come."""
        self.broker = harness.Broker(listen=f"unix://{self.socket}.next")
        self.environment["JOINQ_URL"] = f"unix://{self.socket}.next"
        for command in commands:
            self.joinq(*command)
        os.rename(f"{self.socket}.next", self.socket)
        self.environment["JOINQ_URL"] = f"unix://{self.socket}"

    def waiting(self, queue, kind, *arguments, **options):
        """The tool, once its request waits in the queue."""
        before = self.stat(queue)[kind]
        process = self.spawn(*arguments, **options)
        self.until_stat(queue, **{kind: before + 1})
        return process

    def fails_with(self, process, command, sentence):
        """It ends with status 1, its last line but a summary of `work` being this one."""
        out, err = self.ends(process, 1)
        self.assertEqual(out, "")
        lines = [line for line in err.splitlines() if not line.startswith("joinq: work: 0 done")]
        self.assertEqual(lines, [f"joinq: {command}: {sentence}"], process.args)

    # proves: RST-1

    def test_what_waits_is_lost_with_its_broker(self):
        self.joinq("declare", "empty")
        self.joinq("declare", "more")
        self.joinq("put", "jobs", "a")
        get, join = "getters_waiting", "joiners_waiting"
        waits = [
            (self.waiting("empty", get, "get", "empty"), "get", "empty"),
            (self.waiting("empty", get, "get", "empty", "--timeout", "1h"), "get", "empty"),
            (self.waiting("empty", get, "get", "empty", "--all", "--mode", "auto"), "get", "empty"),
            (self.waiting("empty", get, "get", "empty", "--follow", "--json"), "get", "empty"),
            (self.waiting("more", get, "get", "empty", "more", "--follow"), "get", "empty"),
            (self.waiting("empty", get, "work", "empty", "-j", "2", "--", "true"), "work", "empty"),
            (self.waiting("jobs", join, "join", "jobs"), "join", "jobs"),
            (self.waiting("jobs", join, "join", "jobs", "--snapshot"), "join", "jobs"),
            (self.waiting("jobs", join, "join", "jobs", "--timeout", "1h", "--json"), "join", "jobs"),
        ]
        self.kill_broker()
        # queues of these names that have ended and are empty: no get may say so, and no join
        names = ["empty", "more", "jobs"]
        self.restart_broker(*[("declare", name) for name in names], *[("close", name) for name in names])
        for process, command, queue in waits:
            self.fails_with(process, command, LOST.format(queue))

    def test_what_waits_is_lost_where_nothing_took_its_place(self):
        self.joinq("put", "jobs", "a")
        join = self.waiting("jobs", "joiners_waiting", "join", "jobs")
        get = self.spawn("get", "made-by-get", "--all")
        self.until_stat("made-by-get", getters_waiting=1)
        self.kill_broker()
        self.restart_broker()
        self.fails_with(join, "join", LOST.format("jobs"))
        self.fails_with(get, "get", LOST.format("made-by-get"))
        self.assertEqual(self.joinq("list"), "")  # none was made anew by who asked again

    def test_a_stream_that_had_begun_is_not_ended(self):
        self.joinq("put", "jobs", "a", "b")
        follow = self.spawn("get", "jobs", "--follow")
        several = self.spawn("get", "others", "more", "--all")
        self.until_stat("jobs", done=2, getters_waiting=1)
        self.until_stat("more", getters_waiting=1)
        self.joinq("put", "others", "c")
        self.until_stat("others", done=1, getters_waiting=1)
        self.kill_broker()
        self.restart_broker(("put", "jobs", "other", "--close"), ("declare", "others"), ("close", "others"))
        for process, queue, came in ((follow, "jobs", "a\nb\n"), (several, "others", "c\n")):
            self.assertEqual(self.ends(process, 1), (came, f"joinq: get: {LOST.format(queue)}\n"))
        self.assertEqual(self.stat("jobs")["ready"], 1)

    def test_work_loses_what_it_held(self):
        self.joinq("put", "jobs", "a")
        gate = f"{self.folder}/gate"
        os.mkfifo(gate)
        work = self.spawn("work", "jobs", "--", "sh", "-c", f"read go < {gate}")
        self.until_stat("jobs", leased=1)
        self.kill_broker()
        self.restart_broker(("put", "jobs", "other", "--close"))
        with open(gate, "w", encoding="ascii") as to:
            to.write("go\n")
        _, err = self.ends(work, 1)
        self.assertIn(f"joinq: work: {LOST.format('jobs')}\n", err)
        self.assertIn("joinq: work: 0 done", err)
        self.assertEqual(self.stat("jobs")["ready"], 1)

    # proves: ONE-3 RST-1

    def test_what_is_put_is_not_put_again_elsewhere(self):
        self.joinq("declare", "full", "--max", "1")
        self.joinq("put", "full", "first")
        self.joinq("put", "jobs", "a")
        put = "putters_waiting"
        puts = [
            self.waiting("full", put, "put", "full", "b"),
            self.waiting("full", put, "put", "full", "b", "--timeout", "1h"),
            self.waiting("full", put, "put", "full", "c", "d", "--close"),
            self.waiting("full", put, "put", "full", "e", "--producer", "me", "--finish"),
        ]
        forward = self.waiting("full", put, "work", "jobs", "--to", "full", "--", "echo", "{}")
        self.kill_broker()
        self.restart_broker(("declare", "full"), ("put", "jobs", "a"))
        for process in puts:
            self.fails_with(process, "put", UNKNOWN.format("full"))
        _, err = self.ends(forward, 1)
        self.assertIn("lost with their broker; the outcome of the request is not known\n", err)
        found = self.stat("full")
        self.assertEqual((found["put"], found["state"], found["producers_attached"]), (0, "open", 0))

    def test_a_put_says_what_was_certain(self):
        self.joinq("declare", "full", "--max", "3")
        put = self.spawn("put", "full", *"abcde")
        self.until_stat("full", ready=3, putters_waiting=1)
        self.kill_broker()
        self.restart_broker()
        self.fails_with(put, "put", UNKNOWN.format("full"))

    # ---- while there is no broker ----

    def test_time_passes_without_a_broker(self):
        self.joinq("declare", "full", "--max", "1")
        self.joinq("put", "full", "a")
        join = self.waiting("full", "joiners_waiting", "join", "full", "--timeout", "3s")
        put = self.waiting("full", "putters_waiting", "put", "full", "b", "--timeout", "3s")
        empty = self.spawn("get", "empty", "--timeout", "3s")
        self.until_stat("empty", getters_waiting=1)
        self.kill_broker()
        self.assertEqual(self.ends(join, 3)[1], "joinq: join: no connection to the broker in time\n")
        self.assertEqual(self.ends(empty, 3)[1], "joinq: get: no connection to the broker in time\n")
        self.assertEqual(
            self.ends(put, 1)[1], "joinq: put: no connection to the broker in time to ask what came of it\n"
        )
        self.restart_broker()

    def test_it_is_tried_as_long_as_told(self):
        self.joinq("put", "jobs", "a")
        soon = self.waiting("jobs", "joiners_waiting", "join", "jobs", "--reconnect", "500ms")
        at_once = self.waiting("jobs", "joiners_waiting", "join", "jobs", "--reconnect", "0s")
        self.kill_broker()
        self.fails_with(at_once, "join", "the broker closed the connection")
        self.fails_with(soon, "join", "the connection broke, and could not be made again in time")
        self.fails(
            5, f"joinq: list: cannot connect to {self.broker.url}: Connection refused", "list"
        )
        self.restart_broker()

    def test_signals_end_what_waits_for_a_broker(self):
        self.joinq("declare", "full", "--max", "1")
        self.joinq("put", "full", "a")
        waits = [
            self.waiting("full", "joiners_waiting", "join", "full"),
            self.waiting("full", "putters_waiting", "put", "full", "b"),
        ]
        for command in (["get", "empty"], ["get", "empty", "--follow"], ["work", "empty", "--", "true"]):
            waits.append(self.spawn(*command))
        self.until_stat("empty", getters_waiting=3)
        self.kill_broker()
        for number, process in enumerate(waits):
            name = signal.SIGINT if number % 2 else signal.SIGTERM
            process.send_signal(name)
            self.ends(process, -name)
        self.restart_broker()


if __name__ == "__main__":
    harness.main()
