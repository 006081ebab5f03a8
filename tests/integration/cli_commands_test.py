#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""declare, stat, list, peek, purge, delete, close, end, finish and join with a real broker."""

import os
import signal

import harness

NUMBERS = """
    max_messages max_bytes lease_ms producers ready delayed leased ready_bytes unfinished ends put done dead expired
    discarded moved_in moved_out dead_in delivered redelivered lease_expired task_done getters_waiting
    putters_waiting joiners_waiting producers_attached producers_finished age_ms
    order max_deliveries ttl_ms producer_grace_ms idle_delete_ms paused truncated generation producers_lost unreadable
""".split()


class Declare(harness.BrokerCase):
    # proves: DCL-1 DCL-2
    def test_defaults(self):
        self.assertEqual(self.joinq("declare", "q"), "")
        stat = self.stat("q")
        self.assertEqual((stat["queue"], stat["state"]), ("q", "open"))
        self.assertEqual((stat["bound"], stat["accounting"]), ("queued", "lease"))
        self.assertEqual([name for name in NUMBERS if stat[name] != 0], ["producer_grace_ms", "generation"])

    # proves: DCL-1
    def test_again(self):
        options = ["--max", "10", "--max-bytes", "64K", "--bound", "outstanding", "--lease", "90s", "--producers", "2"]
        self.assertEqual(self.objects("declare", "q", *options), [{"queue": "q"}])
        self.joinq("declare", "q", *options)
        stat = self.stat("q")
        self.assertEqual((stat["max_messages"], stat["max_bytes"], stat["bound"]), (10, 65536, "outstanding"))
        self.assertEqual((stat["lease_ms"], stat["producers"]), (90000, 2))
        self.fails(1, "joinq: declare: queue 'q' exists with max_messages 10", "declare", "q")
        self.joinq("declare", "q", "--max", "99", "--if-exists", "ok")
        self.assertEqual(self.stat("q")["max_messages"], 10)

    # proves: DCL-1
    def test_a_queue_that_put_created_takes_its_first_options(self):
        self.joinq("put", "q", "a")
        self.joinq("declare", "q", "--max", "5")
        self.assertEqual(self.stat("q")["max_messages"], 5)

    # proves: DCL-6
    def test_counter(self):
        self.joinq("declare", "q", "--accounting", "counter")
        self.assertEqual(self.stat("q")["accounting"], "counter")
        self.joinq("declare", "r", "--accounting", "counter", "--lease", "1s", status=1)

    # proves: DCL-4
    def test_names(self):
        self.joinq("declare", "a.b_c-d/e:9")
        self.joinq("declare", "x" * 255)
        for name in ("with space", "ü", "x" * 256, "", "a\n"):
            self.joinq("declare", name, status=1)


class Show(harness.BrokerCase):
    # proves: ADM-1
    def test_list(self):
        self.assertEqual(self.joinq("list"), "")
        self.joinq("put", "second", "a", "b")
        self.joinq("declare", "first")
        self.joinq("close", "first")
        lines = [line.split() for line in self.lines("list")]
        self.assertEqual(lines[0], ["QUEUE", "READY", "DELAYED", "LEASED", "STATE"])
        self.assertEqual(lines[1:], [["second", "2", "0", "0", "open"], ["first", "0", "0", "0", "closed"]])
        objects = self.objects("list")
        self.assertEqual([o["queue"] for o in objects], ["second", "first"])
        self.assertEqual(set(objects[0]), {"queue", "incarnation", "state", "bound", "accounting", *NUMBERS})

    def test_many_queues(self):
        for i in range(120):
            self.joinq("put", f"q{i:03}", "x")
        self.assertEqual([o["queue"] for o in self.objects("list")], [f"q{i:03}" for i in range(120)])

    # proves: CSV-1
    def test_stat(self):
        self.joinq("put", "q", "a", "bc", "def")
        self.joinq("get", "q")
        stat = self.stat("q")
        self.assertEqual((stat["put"], stat["done"], stat["ready"], stat["ready_bytes"]), (3, 1, 2, 5))
        shown = dict(line.split(None, 1) for line in self.lines("stat", "q"))
        self.assertEqual((shown["queue"], shown["state"], shown["ready"]), ("q", "open", "2"))
        self.assertEqual(set(NUMBERS) - set(shown), set())
        self.fails(1, "joinq: stat: no queue 'none'", "stat", "none")

    # proves: END-3
    def test_stat_of_a_closed_queue(self):
        self.joinq("put", "q", "a", "b", "--close")
        shown = dict(line.split(None, 1) for line in self.lines("stat", "q"))
        self.assertEqual(shown["state"], "closed, 2 unfinished, no consumer")
        self.assertEqual(self.stat("q")["state"], "closed")
        self.joinq("close", "q", "--immediate")
        self.assertEqual(self.stat("q")["state"], "closed-immediately")

    # proves: ADM-1
    def test_peek(self):
        self.joinq("put", "q", *[str(i) for i in range(20)])
        self.assertEqual(self.lines("peek", "q"), [str(i) for i in range(10)])
        self.assertEqual(self.joinq("peek", "q", "-n", "2", "-0"), "0\0" + "1\0")
        self.assertEqual(self.stat("q")["ready"], 20)
        self.assertEqual(len(self.lines("peek", "q", "-n", "1000")), 20)
        self.fails(1, "joinq: peek: no queue 'none'", "peek", "none")

    def test_peek_json(self):
        bodies = [b"plain", b'quote " back \\ \t\n\x01', "grüße 日本 𝄞".encode(), b"", b"\xff\xfe", b"ab\xc0\x80"]
        self.joinq("put", "q", "-0", given=b"".join(body + b"\0" for body in bodies))
        found = self.objects("peek", "q")
        self.assertEqual([o.get("body") for o in found[:4]], [body.decode() for body in bodies[:4]])
        self.assertEqual([o.get("base64") for o in found[4:]], ["//4=", "YWLAgA=="])
        self.assertEqual({o["queue"] for o in found}, {"q"})
        self.assertEqual({o["deliveries"] for o in found}, {0})
        self.assertEqual(len({o["id"] for o in found}), len(bodies))


class Remove(harness.BrokerCase):
    # proves: ADM-1
    def test_purge(self):
        self.joinq("put", "q", "a", "b", "c")
        self.assertEqual(self.joinq("purge", "q"), "3 discarded\n")
        self.assertEqual(self.objects("purge", "q"), [{"queue": "q", "discarded": 0}])
        self.assertEqual(self.stat("q")["discarded"], 3)
        self.fails(1, "joinq: purge: no queue 'none'", "purge", "none")

    # proves: DCL-7
    def test_delete(self):
        self.joinq("put", "q", "a", "b")
        self.joinq("delete", "q", "--if-empty", status=1)
        self.assertEqual(self.joinq("delete", "q"), "2 discarded\n")
        self.fails(1, "joinq: delete: no queue 'q'", "delete", "q")
        self.joinq("declare", "q")
        self.assertEqual(self.objects("delete", "q", "--if-empty"), [{"queue": "q", "discarded": 0}])
        self.assertEqual(self.joinq("list"), "")

    # proves: DCL-7
    def test_delete_wakes_waiters(self):
        self.joinq("declare", "q")
        getter = self.spawn("get", "q")
        self.until_stat("q", getters_waiting=1)
        self.joinq("delete", "q")
        self.assertEqual(self.ends(getter, 1), ("", "joinq: get: queue 'q' was deleted\n"))


class End(harness.BrokerCase):
    # proves: END-1
    def test_close(self):
        self.joinq("put", "q", "a", "b")
        self.assertEqual(self.joinq("close", "q"), "")
        self.assertEqual(self.objects("close", "q"), [{"queue": "q", "discarded": 0}])
        self.fails(4, "joinq: put: queue 'q' is closed", "put", "q", "c")
        self.assertEqual(self.lines("get", "q", "--all"), ["a", "b"])
        self.fails(4, "joinq: get: queue 'q' has ended; 0 of 1 messages came", "get", "q")
        self.fails(1, "joinq: close: no queue 'none'", "close", "none")

    # proves: END-1
    def test_close_wakes_every_getter(self):
        self.joinq("declare", "q")
        getters = [self.spawn("get", "q", "--all") for _ in range(5)]
        self.until_stat("q", getters_waiting=5)
        self.joinq("close", "q")
        for getter in getters:
            self.assertEqual(self.ends(getter), ("", ""))

    # proves: END-4
    def test_close_immediate(self):
        self.joinq("put", "q", "a", "b", "c")
        self.assertEqual(self.joinq("close", "q", "--immediate"), "3 discarded\n")
        self.assertEqual(self.joinq("get", "q", "--all"), "")
        self.assertEqual(self.stat("q")["discarded"], 3)

    # proves: END-6
    def test_ends(self):
        self.joinq("put", "q", "a")
        self.assertEqual(self.joinq("end", "q", "-n", "2"), "")
        self.assertEqual(self.objects("end", "q"), [{"queue": "q", "ends": 1}])
        self.assertEqual(self.stat("q")["ends"], 3)
        self.assertEqual(self.lines("get", "q", "--all"), ["a"])
        self.assertEqual(self.lines("get", "q", "--all"), [])
        self.fails(4, "joinq: get: queue 'q' has ended; 0 of 5 messages came", "get", "q", "-n", "5")
        self.joinq("get", "q", "--nowait", status=3)

    # proves: PRD-2
    def test_producers(self):
        self.joinq("declare", "q", "--producers", "2")
        self.joinq("put", "q", "--producer", "a", "--finish", "1", "2")
        self.assertEqual(self.stat("q")["state"], "open")
        self.joinq("put", "q", "--producer", "b", "3")
        self.assertEqual(self.stat("q")["producers_finished"], 1)
        self.assertEqual(self.objects("finish", "q", "--producer", "b"), [{"queue": "q", "producer": "b"}])
        self.assertEqual(self.stat("q")["state"], "closed")
        self.assertEqual(self.lines("get", "q", "--all"), ["1", "2", "3"])
        self.fails(4, "joinq: put: queue 'q': producer 'a' has finished already", "put", "q", "--producer", "a", "4")

    # proves: PRD-2
    def test_puts_need_a_producer(self):
        self.joinq("declare", "q", "--producers", "1")
        self.joinq("put", "q", "a", status=1)
        self.joinq("put", "q", "--producer", "a", "--finish", status=0)
        self.joinq("put", "q", "--producer", "b", "x", status=1)

    # proves: PRD-1
    def test_a_producer_name_is_one_at_a_time(self):
        self.joinq("declare", "q", "--producers", "1")
        first = self.spawn("put", "q", "--producer", "a", stdin=harness.subprocess.PIPE)
        self.until_stat("q", producers_attached=1)
        self.joinq("put", "q", "--producer", "a", "x", status=1)
        first.stdin.close()
        first.stdin = None
        self.ends(first)
        self.joinq("put", "q", "--producer", "a", "x")


class Join(harness.BrokerCase):
    # proves: JON-1
    def test_nothing_unfinished(self):
        self.joinq("declare", "q")
        self.assertEqual(self.joinq("join", "q"), "")
        self.fails(1, "joinq: join: no queue 'none'", "join", "none")

    # proves: JON-1
    def test_timeout(self):
        self.joinq("put", "q", "a", "b")
        self.fails(3, "joinq: join: queue 'q': 2 unfinished", "join", "q", "--timeout", "10ms")
        self.joinq("--json", "join", "q", "--timeout", "0", status=3)
        self.assertEqual(harness.json.loads(self.done.stdout)["remaining"], 2)

    # proves: JON-1
    def test_waits_for_the_last(self):
        self.joinq("put", "q", "a", "b", "c")
        joiners = [self.spawn("join", "q", "--json") for _ in range(3)]
        self.until_stat("q", joiners_waiting=3)
        self.joinq("get", "q", "-n", "2")
        self.assertEqual(self.stat("q")["joiners_waiting"], 3)
        self.joinq("purge", "q")
        for joiner in joiners:
            out, _ = self.ends(joiner)
            found = harness.json.loads(out)
            self.assertEqual((found["remaining"], found["done"], found["discarded"]), (0, 2, 1))

    # proves: LSE-6
    def test_a_signal(self):
        self.joinq("put", "q", "a")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            joiner = self.spawn("join", "q")
            self.until_stat("q", joiners_waiting=1)
            joiner.send_signal(number)
            self.assertEqual(self.ends(joiner, -number), ("", ""))
            self.until_stat("q", joiners_waiting=0)

    # proves: CNT-1
    def test_counter_queue(self):
        self.joinq("declare", "q", "--accounting", "counter")
        self.joinq("put", "q", "a", "b")
        self.assertEqual(self.lines("get", "q", "-n", "2"), ["a", "b"])
        self.fails(3, "joinq: join: queue 'q': 2 unfinished", "join", "q", "--timeout", "0")


class OverTcp(harness.BrokerCase):
    listen = "joinq://127.0.0.1:0"

    def test_a_whole_program(self):
        lines = [str(i) for i in range(5000)]
        self.joinq("put", "q", "--close", given="\n".join(lines))
        self.assertEqual(self.lines("get", "q", "--all"), lines)

    def test_url_goes_before_the_environment(self):
        url, self.environment["JOINQ_URL"] = self.broker.url, "unix:///nowhere"
        self.joinq("list", status=5)
        for arguments in (["--url", url, "list"], ["list", "--url", url], [f"--url={url}", "list"]):
            self.joinq(*arguments)


class OwnSocket(harness.BrokerCase):
    """Where the user's own broker is found without being told."""

    def setUp(self):
        runtime = harness.tempfile.TemporaryDirectory(prefix="joinq-test-")
        self.addCleanup(runtime.cleanup)
        os.mkdir(os.path.join(runtime.name, "joinq"))
        self.listen = f"unix://{runtime.name}/joinq/joinqd.sock"
        super().setUp()
        self.environment["XDG_RUNTIME_DIR"] = runtime.name
        del self.environment["JOINQ_URL"]

    def test_it_is_found(self):
        self.joinq("put", "q", "a")
        self.assertEqual(self.lines("get", "q"), ["a"])


if __name__ == "__main__":
    harness.main()
