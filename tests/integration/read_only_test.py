#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A data folder that cannot be written to, or not by who looks at it, is checked and copied as any other."""

import os
import shutil
import subprocess
import tempfile
import unittest

import durable_test
import harness

NOBODY = 65534
MOUNTED = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'


class ReadOnly(durable_test.DataCase):
    def setUp(self):
        super().setUp()
        self.joinq("declare", "jobs", "--durable")
        self.joinq("put", "jobs", *"abc")
        self.target = tempfile.mkdtemp(prefix="joinq-copy-")
        self.addCleanup(shutil.rmtree, self.target, True)
        self.wrapped, self.user, self.program = (), {}, harness.JOINQD

    def mounted(self):
        """All that follows sees the folder on a file system that cannot be written to."""
        self.wrapped = ("unshare", "--mount", "--map-root-user", "sh", "-c", MOUNTED, self.data)
        if not shutil.which("unshare") or subprocess.run([*self.wrapped, "true"], capture_output=True, check=False).returncode:
            self.skipTest("nothing can be mounted here")

    def looked_at_by_nobody(self):
        """All that follows is done by somebody who may read the folder and no more."""
        self.program = shutil.copy(harness.JOINQD, self.target)
        os.chmod(self.target, 0o777)
        os.chmod(self.data, 0o555)
        for name in os.listdir(self.data):
            os.chmod(os.path.join(self.data, name), 0o444)
        self.user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}

    def without(self, *names):
        self.kill()
        for name in names:
            os.unlink(os.path.join(self.data, name))
        return sorted(os.listdir(self.data))

    def runs(self, *arguments, status=0):
        done = subprocess.run(
            [*self.wrapped, self.program, "--data", self.data, *arguments],
            capture_output=True, timeout=harness.PATIENCE, check=False, **self.user,
        )
        said = (done.stdout + done.stderr).decode()
        self.assertEqual(done.returncode, status, said)
        return said

    def works(self):
        self.assertIn(" 0 damaged", self.runs("--check-data"))
        self.assertIn(" 0 damaged", self.runs("--copy-data", os.path.join(self.target, "copy")))

    def test_a_file_system_that_cannot_be_written_to(self):
        self.mounted()
        self.kill()
        self.works()
        self.begin()

    def test_without_the_files_of_locks(self):
        self.mounted()
        before = self.without("lock", "copying")
        self.works()
        self.assertEqual(sorted(os.listdir(self.data)), before)
        self.begin()

    def test_a_broker_at_work_is_seen_from_there(self):
        self.mounted()
        self.assertIn(f"pid {self.broker.process.pid}", self.runs("--check-data", status=1))
        self.assertIn(" 0 damaged", self.runs("--copy-data", os.path.join(self.target, "copy")))

    @unittest.skipIf(os.geteuid() != 0, "only root can be somebody else")
    def test_who_may_only_read_it(self):
        self.looked_at_by_nobody()
        self.assertIn("in use", self.runs("--check-data", status=1))
        self.assertIn(" 0 damaged", self.runs("--copy-data", os.path.join(self.target, "live")))
        self.kill()
        self.works()
        self.begin()

    @unittest.skipIf(os.geteuid() != 0, "only root can be somebody else")
    def test_who_may_only_read_it_and_there_is_no_lock(self):
        self.without("lock", "copying")
        self.looked_at_by_nobody()
        for arguments, name in ((("--check-data",), "lock"), (("--copy-data", os.path.join(self.target, "copy")), "copying")):
            said = self.runs(*arguments, status=1)
            for word in (self.data, f"'{name}'", "cannot be made", "may write"):
                self.assertIn(word, said)
        self.begin()


if __name__ == "__main__":
    harness.main()
