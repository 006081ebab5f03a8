#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Workers killed at random instants: join returns, with every message finished; the workers left hear the end.

JOINQ_ROUNDS rounds (20), each with a seed that is shown if it fails; JOINQ_SEED repeats one.
"""

import json
import os
import random
import subprocess

import harness

MESSAGES = 300
WORKERS = 3
KILLS = 8
INSTANT = 0.03  # seconds between two kills, at most


class KilledWorkers(harness.BrokerCase):
    def start_worker(self, queue):
        """Each message appends itself to a file; the workers' processes are all that is killed."""
        arguments = ["work", queue, "-j", "2", "--retries", "1000", "--", "sh", "-c", f"echo $0 >> {self.out}", "{}"]
        return self.spawn(*arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill_one(self, chance, workers, queue):
        """Kills a worker at a random instant, unless it has ended by itself before; another takes its place."""
        victim = chance.randrange(len(workers))
        try:
            self.assertEqual(workers[victim].wait(chance.uniform(0, INSTANT)), 0)
            return
        except subprocess.TimeoutExpired:
            workers[victim].kill()
        self.killed += 1
        workers[victim] = self.start_worker(queue)

    def round(self, seed):
        chance = random.Random(seed)
        queue = f"round-{seed}"
        self.out = os.path.join(self.folder, queue)
        bodies = [f"{i}" for i in range(MESSAGES)]
        self.joinq("put", queue, "--close", *bodies)
        joiner = self.spawn("join", queue, "--json")
        workers = [self.start_worker(queue) for _ in range(WORKERS)]
        for _ in range(KILLS):
            self.kill_one(chance, workers, queue)
        joined = json.loads(self.ends(joiner)[0])
        self.assertEqual(joined["remaining"], 0)
        for worker in workers:
            self.ends(worker)
        stat = self.stat(queue)
        self.assertEqual((stat["put"], stat["done"], stat["unfinished"]), (MESSAGES, MESSAGES, 0))
        with open(self.out, encoding="utf-8") as file:
            self.assertEqual(set(file.read().split()), set(bodies))
        self.redelivered += stat["redelivered"]

    # proves: JON-2 LSE-1 END-2 CSV-1
    def test_rounds(self):
        first = os.environ.get("JOINQ_SEED")
        seeds = [int(first)] if first else range(1, int(os.environ.get("JOINQ_ROUNDS", "20")) + 1)
        self.killed = self.redelivered = 0
        for seed in seeds:
            with self.subTest(seed=seed):
                self.round(seed)
        print(f"{len(seeds)} rounds, {self.killed} workers killed, {self.redelivered} messages redelivered")
        self.assertGreater(self.redelivered, 0)


if __name__ == "__main__":
    harness.main()
