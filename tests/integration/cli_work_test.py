#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""joinq work: programs for messages, failures, retries, signals, and workers that die."""

import json
import fcntl
import os
import pty
import signal

import harness


class Work(harness.BrokerCase):
    def setUp(self):
        super().setUp()
        self.out = os.path.join(self.folder, "out")

    def results(self):
        if not os.path.exists(self.out):
            return []
        with open(self.out, encoding="utf-8") as file:
            return file.read().splitlines()

    def close_gate(self):
        """Returns a command that waits until the gate is opened."""
        self.gate = open(os.path.join(self.folder, "gate"), "w", encoding="utf-8")
        self.addCleanup(self.gate.close)
        fcntl.flock(self.gate, fcntl.LOCK_EX)
        return f"flock -s {self.gate.name} true"

    def open_gate(self):
        fcntl.flock(self.gate, fcntl.LOCK_UN)

    def shell(self, script):
        return ["--", "sh", "-c", script, "sh"]


class Programs(Work):
    def test_body_on_standard_input_and_in_arguments(self):
        self.joinq("put", "q", "a b", "c'd", "--close")
        out = self.joinq("work", "q", "--", "sh", "-c", 'printf "%s|%s|%s\n" "$(cat)" "$1" "$2"', "sh", "{}", "<{}{}>")
        self.assertEqual(out, "a b|a b|<a ba b>\nc'd|c'd|<c'dc'd>\n")
        self.assertRegex(self.done.stderr.decode(), r"^joinq: work: 2 done, 0 failed, 0 retried in \d+\.\d s\n$")
        self.assertEqual(self.stat("q")["done"], 2)

    def test_a_large_body_that_is_not_read(self):
        self.joinq("put", "q", "--close", given="x" * 4_000_000)
        self.joinq("work", "q", "--", "true")
        self.joinq("put", "r", "--close", given="x" * 4_000_000)
        self.assertEqual(self.joinq("work", "r", "--", "wc", "-c").strip(), "4000000")

    # proves: LSE-3
    def test_many_at_a_time(self):
        self.joinq("put", "q", "--close", given="".join(f"{i}\n" for i in range(200)))
        out = self.joinq("work", "q", "-j", "8", "--", "echo", "{}")
        self.assertEqual(sorted(out.split(), key=int), [str(i) for i in range(200)])

    def test_so_many_at_a_time_and_no_more(self):
        wait = self.close_gate()
        self.joinq("put", "q", *"abcde", "--close")
        work = self.spawn("work", "q", "-j", "3", *self.shell(f"{wait}"))
        self.until_stat("q", leased=3, ready=2)
        self.open_gate()
        self.ends(work)
        self.assertEqual(self.stat("q")["done"], 5)

    # proves: END-2
    def test_the_end_waits_for_what_other_workers_hold(self):
        wait = self.close_gate()
        self.joinq("put", "q", "a", "--close")
        first = self.spawn("work", "q", *self.shell(f"{wait}; kill -9 $PPID"))
        self.until_stat("q", leased=1)
        second = self.spawn("work", "q", "--", "echo", "{}")
        self.until_stat("q", getters_waiting=1)
        self.open_gate()
        self.ends(first, -signal.SIGKILL)
        self.assertEqual(self.ends(second)[0], "a\n")
        self.assertEqual(self.stat("q")["redelivered"], 1)

    def test_a_program_that_does_not_exist(self):
        self.joinq("put", "q", "a", "b", "--close")
        self.joinq("work", "q", "--", "/no/such/program", status=1)
        said = self.done.stderr.decode().splitlines()
        self.assertEqual(said[0], "joinq: work: /no/such/program could not run: No such file or directory")
        stat = self.stat("q")
        self.assertEqual((stat["ready"], stat["done"]), (2, 0))
        self.assertEqual([o["deliveries"] for o in self.objects("peek", "q")], [0, 0])

    def test_an_end_stops_one_worker(self):
        self.joinq("put", "q", "a")
        self.joinq("end", "q")
        self.assertEqual(self.joinq("work", "q", "--", "echo", "{}"), "a\n")
        self.assertEqual(self.stat("q")["state"], "open")

    # proves: DCL-7
    def test_a_queue_that_is_deleted(self):
        wait = self.close_gate()
        self.joinq("put", "q", "a")
        work = self.spawn("work", "q", "-j", "2", *self.shell(f"{wait}; echo finished"))
        self.until_stat("q", leased=1, getters_waiting=1)
        self.joinq("delete", "q")
        self.assertEqual(work.stderr.readline(), b"joinq: work: queue 'q' was deleted\n")
        self.open_gate()
        self.assertEqual(self.ends(work, 1)[0], "finished\n")

    def test_a_program_inherits_nothing(self):
        self.joinq("put", "q", "a", "--close")
        out = self.joinq("work", "q", *self.shell("ls /proc/self/fd | tr '\\n' ' '; trap"))
        self.assertEqual(out, "0 1 2 3 ")

    def test_queues_that_it_refuses(self):
        self.joinq("declare", "q", "--accounting", "counter")
        self.fails(1, "joinq: work: queue 'q' is a counter queue: work needs leases", "work", "q", "--", "true")
        self.fails(1, "joinq: work: no queue 'r'", "work", "r", "--no-create", "--", "true")


class Failures(Work):
    # proves: LSE-4
    def test_retries_until_it_works(self):
        self.joinq("put", "q", "a", "b", "--close")
        script = f'echo "$1" >> {self.out}; [ "$1" = b ] || [ "$(grep -c a {self.out})" -ge 3 ]'
        self.joinq("work", "q", "--backoff", "10ms", *self.shell(script), "{}")
        self.assertEqual(sorted(self.results()), ["a", "a", "a", "b"])
        said = self.done.stderr.decode()
        self.assertIn("joinq: work: sh exited with 1; retry 1 of 3 in 0.0 s\n", said)
        self.assertIn("joinq: work: sh exited with 1; retry 2 of 3 in 0.0 s\n", said)
        self.assertIn("2 done, 2 failed, 2 retried in", said)
        stat = self.stat("q")
        self.assertEqual((stat["done"], stat["redelivered"], stat["unfinished"]), (2, 2, 0))

    # proves: LSE-3 LSE-4
    def test_out_of_retries(self):
        self.joinq("put", "q", "bad", "--close")
        self.joinq("work", "q", "--retries", "2", "--backoff", "5ms", *self.shell("exit 7"), status=1)
        said = self.done.stderr.decode().splitlines()
        self.assertEqual(said[:2], [f"joinq: work: sh exited with 7; retry {n} of 2 in 0.0 s" for n in (1, 2)])
        gone = "joinq: work: sh exited with 7; no retries left, the message is given back, and work stops"
        self.assertEqual(said[2], gone)
        self.assertEqual([(o["body"], o["deliveries"]) for o in self.objects("peek", "q")], [("bad", 2)])
        self.joinq("work", "q", "--retries", "2", *self.shell("exit 7"), status=1)
        self.joinq("work", "q", "--retries", "2", "--", "true")

    # proves: LSE-5
    def test_out_of_retries_with_a_place_for_it(self):
        self.joinq("declare", "bad")
        self.joinq("declare", "q", "--dead-letter", "bad")
        self.joinq("put", "q", "worse", "good", "--close")
        self.joinq("work", "q", "--retries", "1", "--backoff", "5ms", *self.shell('[ "$1" = good ]'), "{}", status=1)
        said = self.done.stderr.decode()
        self.assertIn("joinq: work: sh exited with 1; no retries left, the message is dead\n", said)
        self.assertIn("1 done, 2 failed, 1 retried, 1 dead in", said)
        self.assertEqual((self.stat("q")["done"], self.stat("q")["dead"]), (1, 1))
        letter = json.loads(self.joinq("export", "bad"))
        self.assertEqual((letter["body"], letter["reason"], letter["source"]), ("worse", "nack", "q"))

    # proves: LSE-5
    def test_the_queue_sets_it_aside(self):
        self.joinq("declare", "q", "--dead-letter", "drop", "--max-deliveries", "2")
        self.joinq("put", "q", "bad", "good", "--close")
        self.joinq("work", "q", "--retries", "9", "--backoff", "5ms", *self.shell('[ "$1" = good ]'), "{}", status=1)
        self.assertIn("1 done, 2 failed, 1 retried, 1 dead in", self.done.stderr.decode())
        self.assertEqual((self.stat("q")["done"], self.stat("q")["dead"]), (1, 1))

    def test_no_retries(self):
        self.joinq("put", "q", "a", "b")
        self.joinq("work", "q", "--retries", "0", "--", "false", status=1)
        self.assertEqual(self.lines("peek", "q"), ["a", "b"])

    def test_the_others_finish_when_one_is_out_of_retries(self):
        wait = self.close_gate()
        self.joinq("put", "q", "good", "bad")
        script = f'[ "$1" = bad ] && exit 1; {wait}'
        work = self.spawn("work", "q", "-j", "2", "--retries", "0", *self.shell(script), "{}")
        self.until_stat("q", ready=1, leased=1)
        self.open_gate()
        self.ends(work, 1)
        self.assertEqual((self.stat("q")["done"], self.lines("peek", "q")), (1, ["bad"]))

    def test_a_program_that_dies_of_a_signal(self):
        self.joinq("put", "q", "a")
        self.joinq("work", "q", "--retries", "0", *self.shell("kill -SEGV $$"), status=1)
        self.assertIn("sh was killed by signal 11 (Segmentation fault); no retries left", self.done.stderr.decode())

    def test_a_body_that_cannot_be_an_argument(self):
        self.joinq("put", "q", "-0", given=b"x" * 3_000_000)
        self.joinq("work", "q", "--retries", "0", "--", "true", "{}", status=1)
        self.assertIn("true could not run: Argument list too long", self.done.stderr.decode())
        with open(self.out, "wb") as file:
            file.write(b"a\0b")
        self.joinq("put", "r", "--file", self.out)
        self.joinq("work", "r", "--retries", "0", "--", "true", "{}", status=1)
        self.assertIn("could not run: the message has a NUL byte and cannot be an argument", self.done.stderr.decode())

    # proves: LSE-2
    def test_a_timed_lease_is_renewed(self):
        wait = self.close_gate()
        self.joinq("declare", "q", "--lease", "1s")
        self.joinq("put", "q", "a", "b", "--close")
        script = f'[ "$1" = b ] || {wait}; echo "$1"'
        work = self.spawn("work", "q", *self.shell(script), "{}")
        self.until_stat("q", leased=1)
        self.joinq("join", "q", "--timeout", "2500ms", status=3)
        self.open_gate()
        self.assertEqual(self.ends(work)[0], "a\nb\n")
        self.assertEqual(self.stat("q")["lease_expired"], 0)

    # proves: LSE-2 LSE-3
    def test_a_worker_that_hangs_loses_its_message(self):
        wait = self.close_gate()
        self.joinq("declare", "q", "--lease", "500ms")
        self.joinq("put", "q", "a", "--close")
        work = self.spawn("work", "q", *self.shell(f"{wait}"))
        self.until_stat("q", leased=1)
        work.send_signal(signal.SIGSTOP)
        self.until_stat("q", lease_expired=1)
        self.assertEqual(self.joinq("work", "q", "--", "echo", "{}"), "a\n")
        self.open_gate()
        work.send_signal(signal.SIGCONT)
        said = self.ends(work)[1]
        self.assertIn("sh took too long; the message had been taken back and comes again", said)
        self.assertIn("0 done, 0 failed, 0 retried, 1 taken back meanwhile in", said)


class Terminal(Work):
    def test_progress(self):
        """Standard error is a terminal: a bar for the queue as a whole."""
        screen, side = pty.openpty()
        self.addCleanup(os.close, screen)
        wait = self.close_gate()
        self.joinq("put", "q", *"abcd", "--close")
        self.joinq("get", "q")
        work = self.spawn("work", "q", *self.shell(wait), stderr=side)
        os.close(side)
        shown = b""
        while b" 25%  q: 1 of 4, here 0 done, 1 running" not in shown:
            shown += os.read(screen, 1000)
        self.open_gate()
        self.ends(work)

    def test_none_elsewhere(self):
        self.joinq("put", "q", "a", "--close")
        self.joinq("work", "q", "--", "true")
        self.assertNotIn(b"\r", self.done.stderr)


class Signals(Work):
    # proves: CAN-1
    def test_while_waiting(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            work = self.spawn("work", "q", "--", "true")
            self.until_stat("q", getters_waiting=1)
            work.send_signal(number)
            self.assertRegex(self.ends(work, -number)[1], "^joinq: work: 0 done, .*\n$")
            self.until_stat("q", getters_waiting=0)

    # proves: LSE-3
    def test_what_runs_is_finished(self):
        wait = self.close_gate()
        self.joinq("put", "q", *"abcd")
        work = self.spawn("work", "q", "-j", "2", *self.shell(f"{wait}"))
        self.until_stat("q", leased=2)
        work.send_signal(signal.SIGTERM)
        self.assertEqual(
            work.stderr.readline(), b"joinq: work: finishing 2 that run; a second signal ends them\n"
        )
        self.open_gate()
        self.ends(work, -signal.SIGTERM)
        stat = self.stat("q")
        self.assertEqual((stat["done"], stat["ready"], stat["leased"]), (2, 2, 0))

    # proves: LSE-4
    def test_the_second_signal_ends_what_runs(self):
        wait = self.close_gate()
        self.joinq("put", "q", *"ab")
        work = self.spawn("work", "q", "-j", "2", *self.shell(f"{wait}"))
        self.until_stat("q", leased=2)
        work.send_signal(signal.SIGINT)
        work.stderr.readline()
        work.send_signal(signal.SIGINT)
        work.wait(harness.PATIENCE)
        self.open_gate()
        self.assertIn("0 done, 0 failed", self.ends(work, -signal.SIGINT)[1])
        self.assertEqual([o["deliveries"] for o in self.objects("peek", "q")], [0, 0])

    # proves: LSE-1 LSE-4 JON-2
    def test_sigkill(self):
        wait = self.close_gate()
        self.joinq("put", "q", "a", "b", "--close")
        work = self.spawn("work", "q", *self.shell(f"{wait}"))
        self.until_stat("q", leased=1, ready=1)
        joiner = self.spawn("join", "q", "--json")
        work.kill()
        self.until_stat("q", ready=2)
        self.assertEqual([o["deliveries"] for o in self.objects("peek", "q")], [1, 0])
        self.assertEqual(self.joinq("work", "q", "--", "echo", "{}"), "a\nb\n")
        self.ends(joiner)
        self.assertEqual(self.stat("q")["redelivered"], 1)

    def has_heard(self, process):
        """No signal is on its way to the process any more, or it has ended."""
        if process.poll() is not None:
            return True
        with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
            return "\nShdPnd:\t0000000000000000\n" in status.read()

    def test_a_broker_that_hangs_cannot_hold_it(self):
        work = self.spawn("work", "q", "--", "true")
        self.until_stat("q", getters_waiting=1)
        os.kill(self.broker.process.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, self.broker.process.pid, signal.SIGCONT)
        for _ in range(4):
            work.send_signal(signal.SIGTERM)
            self.until(lambda: self.has_heard(work), "a signal")
        self.ends(work, -signal.SIGTERM)

    def test_the_broker_goes_away(self):
        wait = self.close_gate()
        self.joinq("put", "q", *"ab")
        work = self.spawn("work", "q", "-j", "3", "--reconnect", "0s", *self.shell(f"{wait}"))
        self.until_stat("q", leased=2, getters_waiting=1)
        self.broker.tell_to_end()
        work.wait(harness.PATIENCE)
        self.open_gate()
        self.assertIn("joinq: work: 0 done", self.ends(work, 1)[1])


if __name__ == "__main__":
    harness.main()
