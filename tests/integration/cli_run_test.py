#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""joinq run: a private broker that begins and ends with a program."""

import os
import shutil
import signal
import subprocess
import tempfile
import unittest

import harness


class Run(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="joinq-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.environment = dict(os.environ, JOINQD=harness.JOINQD, J=harness.JOINQ, TMPDIR=self.folder)
        self.environment.pop("XDG_RUNTIME_DIR", None)

    def start(self, *arguments):
        process = subprocess.Popen(
            [harness.JOINQ, "run", *arguments],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.addCleanup(harness.end_group, process)
        return process

    def run_shell(self, script, status=0, given=""):
        process = self.start("--", "sh", "-c", script)
        out, err = process.communicate(given, timeout=harness.PATIENCE)
        self.assertEqual(process.returncode, status, (out, err))
        self.assertEqual(os.listdir(self.folder), [])
        return out, err

    def test_a_whole_program(self):
        out, err = self.run_shell("seq 9 | $J put q --close && $J get q --all | paste -sd+")
        self.assertEqual((out, err), ("1+2+3+4+5+6+7+8+9\n", ""))

    def test_standard_input_is_the_program_s(self):
        self.assertEqual(self.run_shell("cat", given="text")[0], "text")

    def test_exit_statuses(self):
        self.run_shell("exit 7", status=7)
        self.run_shell("kill -TERM $$", status=128 + signal.SIGTERM)
        self.run_shell("exec /no/such/program", status=127)
        process = self.start("--", "/no/such/program")
        self.assertIn("cannot run '/no/such/program'", process.communicate(timeout=harness.PATIENCE)[1])
        self.assertEqual(process.returncode, 127)

    def test_the_socket_is_the_user_s_alone(self):
        out, _ = self.run_shell('echo "$JOINQ_URL"; stat -c %a "$(dirname "${JOINQ_URL#unix://}")"')
        url, mode = out.split()
        self.assertTrue(url.startswith(f"unix://{self.folder}/"))
        self.assertEqual(mode, "700")

    def test_one_in_another(self):
        self.run_shell("$J put q a; $J run -- sh -c '[ -z \"$($J list)\" ]' && $J get q --nowait")

    def test_signals_are_passed_on(self):
        for number, name in ((signal.SIGTERM, "TERM"), (signal.SIGINT, "INT"), (signal.SIGUSR1, "USR1")):
            script = f"trap 'echo {name}; exit 3' {name}; tail -f /dev/null >/dev/null 2>&1 & echo up; wait"
            process = self.start("--", "sh", "-c", script)
            self.assertEqual(process.stdout.readline(), "up\n")
            process.send_signal(number)
            out, _ = process.communicate(timeout=harness.PATIENCE)
            self.assertEqual((process.returncode, out), (3, f"{name}\n"))
            self.assertEqual(os.listdir(self.folder), [])

    def broker_of(self, process):
        """A descriptor of the broker's process, readable when it has ended."""
        self.assertEqual(process.stdout.readline(), "up\n")
        children = f"/proc/{process.pid}/task/{process.pid}/children"
        with open(children, encoding="utf-8") as file:
            pids = file.read().split()
        for pid in pids:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if b"joinqd" in file.read().split(b"\0")[0]:
                    return int(pid)
        return self.fail("no broker")

    def wait_for_end(self, descriptor):
        with open(descriptor, "rb") as file:
            ready = harness.select.select([file], [], [], harness.PATIENCE)[0]
            self.assertTrue(ready, "the broker goes on")

    def test_sigkill_ends_the_broker_too(self):
        process = self.start("--", "sh", "-c", "echo up; read x")
        descriptor = os.pidfd_open(self.broker_of(process))
        process.kill()
        self.wait_for_end(descriptor)

    def test_a_broker_that_dies(self):
        process = self.start("--", "sh", "-c", "echo up; read x")
        os.kill(self.broker_of(process), signal.SIGKILL)
        self.assertEqual(process.stderr.readline(), "joinq: run: the broker has ended before the program\n")
        process.communicate("x\n", timeout=harness.PATIENCE)
        self.assertEqual(process.returncode, 1)
        self.assertEqual(os.listdir(self.folder), [])

    def test_no_broker_to_start(self):
        for program, text in (("/no/such/joinqd", "cannot run '/no/such/joinqd'"), ("/bin/true", "")):
            self.environment["JOINQD"] = program
            _, err = self.run_shell("echo never", status=1)
            self.assertIn(text, err)
            self.assertIn("joinq: run: the broker ended before it listened\n", err)


if __name__ == "__main__":
    harness.main()
