#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""joinq get: how much, how long, and that nothing is finished that was not written out."""

import signal
import subprocess

import harness


class Amounts(harness.BrokerCase):
    # proves: GET-1
    def test_one_and_many(self):
        self.joinq("put", "q", given="\n".join(str(i) for i in range(1000)))
        self.assertEqual(self.lines("get", "q"), ["0"])
        self.assertEqual(self.lines("get", "q", "-n", "7"), [str(i) for i in range(1, 8)])
        self.assertEqual(self.lines("get", "q", "-n992"), [str(i) for i in range(8, 1000)])
        stat = self.stat("q")
        self.assertEqual((stat["done"], stat["unfinished"]), (1000, 0))

    # proves: GET-1
    def test_nowait_and_timeout(self):
        self.joinq("declare", "q")
        self.fails(3, "joinq: get: queue 'q' has nothing ready", "get", "q", "--nowait")
        self.joinq("get", "q", "--timeout", "10ms", status=3)
        self.joinq("put", "q", "a", "b")
        self.assertEqual(self.joinq("get", "q", "-n", "3", "--nowait", status=3), "a\nb\n")
        self.assertTrue(self.done.stderr.endswith(b"; 2 came\n"), self.done.stderr)
        self.joinq("put", "q", "c")
        self.assertEqual(self.joinq("get", "q", "--all", "--timeout", "10ms", status=3), "c\n")

    # proves: END-1
    def test_the_end_before_enough(self):
        self.joinq("put", "q", "a", "b", "--close")
        self.assertEqual(self.joinq("get", "q", "-n", "3", status=4), "a\nb\n")
        self.assertEqual(self.done.stderr, b"joinq: get: queue 'q' has ended; 2 of 3 messages came\n")
        for option in ("--all", "--follow"):
            self.assertEqual(self.joinq("get", "q", option), "")

    def test_follow(self):
        get = self.spawn("get", "q", "--follow")
        for word in ("one", "two"):
            self.joinq("put", "q", word)
            self.assertEqual(get.stdout.readline().decode(), word + "\n")
        self.joinq("close", "q")
        self.assertEqual(self.ends(get), ("", ""))

    def test_create(self):
        self.fails(1, "joinq: get: no queue 'q'", "get", "q", "--no-create")
        self.joinq("get", "q", "--nowait", status=3)
        self.assertEqual(self.stat("q")["ready"], 0)

    def test_json(self):
        self.joinq("put", "q", "-0", given=b"a\nb\0\xff\0")
        text, binary = self.objects("get", "q", "-n", "2")
        self.assertEqual((text["queue"], text["body"], text["deliveries"]), ("q", "a\nb", 0))
        self.assertEqual((binary["base64"], "body" in binary), ("/w==", False))

    # proves: GET-3
    def test_auto(self):
        self.joinq("put", "q", "a", "b", "c", "--close")
        self.assertEqual(self.lines("get", "q", "--all", "--mode", "auto"), ["a", "b", "c"])
        self.assertEqual(self.stat("q")["done"], 3)

    # proves: CNT-1
    def test_counter_queue(self):
        self.joinq("declare", "q", "--accounting", "counter")
        self.joinq("put", "q", "a", "b", "c", "--close")
        self.assertEqual(self.lines("get", "q", "--all"), ["a", "b", "c"])
        self.assertEqual(self.stat("q")["unfinished"], 3)


class Broken(harness.BrokerCase):
    """Whatever becomes of the reader, a message is written out and done, or back."""

    def nothing_is_lost(self, written, puts):
        """What was not written whole is ready again, in order."""
        self.until_stat("q", leased=0)
        stat = self.stat("q")
        self.assertEqual((stat["done"], stat["ready"]), (written, puts - written))

    # proves: GET-3 LSE-4
    def test_full_device(self):
        self.joinq("put", "q", "a", "b")
        with open("/dev/full", "wb") as full:
            get = self.spawn("get", "q", "--all", stdout=full)
            self.assertEqual(self.ends(get, 1)[1], "joinq: get: standard output: No space left on device\n")
        self.nothing_is_lost(0, 2)
        self.assertEqual([o["deliveries"] for o in self.objects("peek", "q")], [0, 0])

    def test_closed_standard_output(self):
        self.joinq("put", "q", "a")
        done = subprocess.run(["sh", "-c", f"exec {harness.JOINQ} get q >&-"], env=self.environment, capture_output=True)
        self.assertEqual((done.returncode, done.stderr), (1, b"joinq: get: standard output: Bad file descriptor\n"))
        self.nothing_is_lost(0, 1)

    def test_a_reader_that_goes_away(self):
        count = 20000
        self.joinq("put", "q", given="".join(f"message {i:05}\n" for i in range(count)))
        get = self.spawn("get", "q", "--all")
        first = get.stdout.readline()
        self.assertEqual(first, b"message 00000\n")
        get.stdout.close()
        get.stdout = None
        self.assertEqual(self.ends(get, -signal.SIGPIPE)[1], "")
        self.until_stat("q", leased=0)
        stat = self.stat("q")
        self.assertGreater(stat["done"], 0)
        self.assertEqual(stat["done"] + stat["ready"], count)
        self.assertEqual(self.lines("peek", "q", "-n", "1"), [f"message {stat['done']:05}"])

    # proves: CAN-1
    def test_a_signal_while_waiting(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            get = self.spawn("get", "q", "--all")
            self.until_stat("q", getters_waiting=1)
            get.send_signal(number)
            self.assertEqual(self.ends(get, -number), ("", ""))
            self.until_stat("q", getters_waiting=0)

    # proves: LSE-3
    def test_a_signal_while_writing(self):
        count, body = 20000, "x" * 100
        self.joinq("put", "q", given=f"{body}\n" * count)
        get = self.spawn("get", "q", "--all")
        self.until(lambda: self.stat("q")["leased"] > 1, "the pipe is full and messages are leased")
        get.send_signal(signal.SIGTERM)
        out, err = self.ends(get, -signal.SIGTERM)
        self.assertEqual(err, "")
        self.nothing_is_lost(out.count("\n"), count)

    # proves: LSE-1
    def test_sigkill_while_writing(self):
        count, body = 20000, "x" * 100
        self.joinq("put", "q", given=f"{body}\n" * count)
        get = self.spawn("get", "q", "--all")
        self.until(lambda: self.stat("q")["leased"] > 1, "the pipe is full and messages are leased")
        get.kill()
        out, _ = self.ends(get, -signal.SIGKILL)
        self.until_stat("q", leased=0)
        stat = self.stat("q")
        self.assertLessEqual(stat["done"], out.count("\n"))
        self.assertEqual(stat["done"] + stat["ready"], count)

    # proves: LSE-2 LSE-3
    def test_a_lease_that_ends_while_writing(self):
        self.joinq("declare", "q", "--lease", "1s")
        self.joinq("put", "q", given="x" * 99 + "\n" + ("x" * 200000 + "\n"))
        get = self.spawn("get", "q", "-n", "2")
        self.until(lambda: self.stat("q")["lease_expired"] == 1, "the lease has ended")
        out, err = self.ends(get, 1)
        self.assertEqual(len(out.split()), 2)
        self.assertIn("1 of these messages had been taken back before they were written", err)
        self.until_stat("q", ready=1, done=1)

    def test_the_broker_goes_away(self):
        self.joinq("declare", "q")
        get = self.spawn("get", "q", "--reconnect", "0s")
        self.until_stat("q", getters_waiting=1)
        self.broker.tell_to_end()
        _, err = self.ends(get, 1)
        self.assertRegex(err, "^joinq: get: .*\n$")

    # proves: END-2
    def test_consumers_of_one_queue_all_hear_the_end(self):
        self.joinq("put", "q", given="".join(f"{i}\n" for i in range(3000)))
        getters = [self.spawn("get", "q", "--all") for _ in range(4)]
        self.joinq("close", "q")
        came = []
        for getter in getters:
            out, err = self.ends(getter)
            self.assertEqual(err, "")
            came += out.split()
        self.assertEqual(sorted(came, key=int), [str(i) for i in range(3000)])


if __name__ == "__main__":
    harness.main()
