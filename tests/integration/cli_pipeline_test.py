#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Results passed on with the done, several queues, priorities, export and import, through the tool and a broker."""

import base64
import json
import signal

import harness


class Pipeline(harness.BrokerCase):
    # proves: FWD-1
    def test_each_line_goes_on_with_the_done(self):
        self.joinq("put", "in", "--close", *map(str, range(100)))
        self.joinq("work", "in", "-j", "4", "--to", "out", "--", "sh", "-c", "echo a{}; [ $(({} % 2)) = 1 ] || printf b{}")
        self.joinq("close", "out")
        expected = [f"a{i}" for i in range(100)] + [f"b{i}" for i in range(0, 100, 2)]
        self.assertEqual(sorted(self.lines("get", "out", "--all")), sorted(expected))
        self.assertEqual(self.stat("in")["done"], 100)

    # proves: FWD-1
    def test_a_program_that_prints_nothing_is_done_all_the_same(self):
        self.joinq("put", "in", "--close", "a", "b")
        self.joinq("work", "in", "--to", "out", "--", "true")
        self.assertEqual((self.stat("in")["done"], self.stat("out")["put"]), (2, 0))

    # proves: FWD-1
    def test_a_program_that_fails_passes_nothing_on(self):
        self.joinq("put", "in", "a")
        self.joinq("work", "in", "--to", "out", "--retries", "0", "--", "sh", "-c", "echo half; exit 1", status=1)
        self.assertEqual((self.stat("in")["ready"], self.stat("out")["put"]), (1, 0))

    # proves: FWD-1
    def test_results_wait_for_room_and_a_second_signal_takes_them_back(self):
        self.joinq("declare", "out", "--max", "1")
        self.joinq("put", "out", "full")
        self.joinq("put", "in", "a")
        work = self.spawn("work", "in", "--to", "out", "--", "echo", "result")
        self.until_stat("out", putters_waiting=1)
        self.assertEqual(self.stat("in")["leased"], 1)
        work.send_signal(signal.SIGINT)
        self.assertIn(b"a second signal ends them", work.stderr.readline())
        work.send_signal(signal.SIGINT)
        self.until_stat("out", putters_waiting=0)
        self.ends(work, -signal.SIGINT)
        self.assertEqual((self.stat("in")["ready"], self.stat("out")["put"]), (1, 1))

    # proves: FWD-1
    def test_a_closed_queue_of_results_stops_the_work_and_loses_nothing(self):
        self.joinq("put", "in", "a")
        self.joinq("put", "out", "x", "--close")
        work = self.spawn("work", "in", "--to", "out", "--", "echo", "result")
        self.assertIn("queue 'out' is closed", self.ends(work, 1)[1])
        self.assertEqual(self.stat("in")["ready"], 1)

    def test_too_many_lines_for_one_step(self):
        self.joinq("put", "in", "a")
        self.joinq("work", "in", "--to", "out", "--retries", "0", "--", "seq", "1001", status=1)
        self.assertIn("printed 1001 lines; at most 1000", self.done.stderr.decode())
        self.assertEqual(self.stat("in")["ready"], 1)

    # proves: GET-2
    def test_several_queues(self):
        self.joinq("put", "a", "1", "3", "--close")
        self.joinq("put", "b", "2", "4", "--close")
        self.assertEqual(sorted(self.lines("get", "a", "b", "--all")), ["1", "2", "3", "4"])
        self.joinq("get", "a", "b", status=4)
        self.joinq("put", "d", "x")
        self.assertEqual(self.objects("get", "c", "d")[0]["queue"], "d")
        self.joinq("get", "c", "d", "--nowait", status=3)

    # proves: DCL-4
    def test_priorities(self):
        self.joinq("declare", "q", "--order", "priority")
        for priority in ("5", "-9223372036854775808", "0"):
            self.joinq("put", "q", "--priority", priority, f"p{priority}")
        self.joinq("put", "q", "none")
        self.assertEqual(self.lines("get", "q", "-n", "4"), ["p-9223372036854775808", "p0", "none", "p5"])
        for wrong in ("high", "1.5", "9223372036854775808", ""):
            self.joinq("put", "q", "--priority", wrong, "x", status=2)
        self.joinq("put", "fifo", "--priority", "1", "x", status=1)

    # proves: LSE-5
    def test_a_dead_letter_says_where_it_comes_from(self):
        self.joinq("declare", "dead")
        self.joinq("declare", "q", "--max-deliveries", "1", "--dead-letter", "dead")
        self.joinq("put", "q", "bad")
        self.joinq("work", "q", "--retries", "5", "--backoff", "0s", "--", "sh", "-c", "kill -9 $PPID", status=-9)
        self.until_stat("dead", ready=1)
        letter, = self.objects("get", "dead")
        self.assertEqual((letter["source"], letter["reason"], letter["source_deliveries"], letter["body"]),
                         ("q", "deliveries", 1, "bad"))

    def test_export_and_import(self):
        bodies = ["plain", "two\nlines", "nul\0byte", "ü€", ""]
        for body in bodies:
            self.joinq("put", "q", "--file", "-", given=body)
        self.joinq("put", "q", "--file", "-", given=b"\xff\xfe")
        self.joinq("put", "q", "--delay", "1h", "--ttl", "2h", "later")
        exported = self.joinq("export", "q")
        lines = [json.loads(line) for line in exported.splitlines()]
        self.assertEqual([line.get("body") for line in lines], [*bodies, None, "later"])
        self.assertEqual(base64.b64decode(lines[-2]["base64"]), b"\xff\xfe")
        self.assertEqual([line["state"] for line in lines], ["ready"] * 6 + ["delayed"])
        self.assertTrue(0 < lines[-1]["delay_ms"] <= 3600000 < lines[-1]["ttl_ms"] <= 7200000)
        self.assertEqual(self.objects("import", "copy", given=exported), [{"queue": "copy", "accepted": 7}])
        copy = [json.loads(line) for line in self.joinq("export", "copy").splitlines()]
        same = [[line.get("body"), line.get("base64"), line["state"]] for line in lines]
        self.assertEqual([[line.get("body"), line.get("base64"), line["state"]] for line in copy], same)
        self.joinq("export", "none", status=1)

    # proves: DCL-4
    def test_export_and_import_of_priorities_page_by_page(self):
        self.joinq("declare", "q", "--order", "priority")
        self.joinq("declare", "copy", "--order", "priority")
        lines = "".join(json.dumps({"body": str(i), "priority": -i, "unknown": [1]}) + "\n" for i in range(600))
        self.joinq("import", "q", given=lines)
        self.joinq("import", "copy", given=self.joinq("export", "q"))
        self.assertEqual(self.lines("get", "copy", "-n", "600"), [str(i) for i in reversed(range(600))])

    def test_an_import_that_makes_no_sense_says_where(self):
        good = json.dumps({"body": "good"}) + "\n"
        for bad in ("no json", "[]", "{}", '{"base64": "a"}', '{"base64": "a===bbbb"}', '{"body": "x", "ttl_ms": -1}',
                    '{"body": "x", "priority": 1.5}', '{"body": "x"', '{"body": "x", "priority_base64": 1}'):
            self.joinq("import", "q", given=good + bad + "\n" + good, status=1)
            self.assertRegex(self.done.stderr.decode(), r"^joinq: import: line 2: .*; 1 accepted\n$")
        self.assertEqual(self.stat("q")["ready"], 9)


if __name__ == "__main__":
    harness.main()
