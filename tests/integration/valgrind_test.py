#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The broker under valgrind: some tests of each part of it, which then have to find nothing that is read before it was written, beyond its
end or after it was freed, and nothing that is left. What sanitizers see in our own code this sees in the libraries' as well."""

import os
import shutil
import stat
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True

# Over TLS none that has to come in: a handshake may take longer here than the broker waits for a hello.
TESTS = """
auth_test.Passwords.test_wrong_and_unknown_are_told_in_the_same_words
auth_test.Permissions.test_each_queue_of_a_request_is_looked_at
tls_test.Listener.test_garbage
http_test.Seen.test_json_is_what_the_tool_shows
http_test.Changed.test_a_token_is_wanted_and_then_it_is_done
reload_test.Changes.test_queues
durable_test.Restarts.test_what_was_answered_is_there_after_a_kill
hostile_test.Messages.test_senseless_fields
""".split()

OPTIONS = "--quiet --leak-check=full --show-leak-kinds=definite,indirect,possible --errors-for-leak-kinds=definite,indirect,possible"
FAILED = 99


def wrap(folder):
    """A joinqd that is run by valgrind, which writes what it finds to a file of the folder; passwords are made without, for it is slow."""
    import harness

    path = os.path.join(folder, "joinqd")
    with open(path, "w", encoding="ascii") as file:
        os.fchmod(file.fileno(), stat.S_IRWXU)
        file.write(f'#!/bin/sh\n[ "$1" = passwd ] && exec {harness.JOINQD} "$@"\n'
                   f'exec valgrind {OPTIONS} --error-exitcode={FAILED} --log-file={folder}/%p.found {harness.JOINQD} "$@"\n')
    harness.JOINQD = path


def main():
    if not shutil.which("valgrind"):
        print("there is no valgrind")
        return 77
    with tempfile.TemporaryDirectory(prefix="joinq-test-") as folder:
        wrap(folder)
        tests = unittest.defaultTestLoader.loadTestsFromNames(TESTS)
        good = unittest.TextTestRunner(verbosity=2).run(tests).wasSuccessful()
        found = ""
        for name in os.listdir(folder):
            if name.endswith(".found"):
                with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                    found += file.read()
        print(found, end="")
        return 0 if good and not found else 1


if __name__ == "__main__":
    sys.exit(main())
