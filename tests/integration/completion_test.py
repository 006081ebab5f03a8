#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Completion offers what --help says: by its tables, and in a bash and a zsh of their own on a terminal, whose line it completes."""

import os
import pty
import re
import select
import tempfile
import time
import unittest

import harness
from help_text import commands, options, said, values

DOCUMENTS = os.environ["JOINQ_DOCUMENTS"]
NOWHERE = "unix:///nowhere/joinq.sock"
START = {
    "bash": ("rc", ["bash", "--noprofile", "--rcfile", "rc", "-i"],
             'PS1="ready> "; source "$DOCUMENTS/joinq.bash"; joinq() { printf "said<%s>\\n" "$*"; }\n'),
    "zsh": (".zshrc", ["zsh", "-d", "-i"],
            'PS1="ready> "; fpath+=("$DOCUMENTS"); autoload -Uz compinit; compinit -D -u; joinq() { print -r -- "said<$*>" }\n'),
}


class Terminal:
    """A shell on a terminal, in which `joinq` only says what its arguments are; completion runs the real one."""

    def __init__(self, shell, environment):
        self.home = tempfile.TemporaryDirectory()
        name, command, text = START[shell]
        with open(os.path.join(self.home.name, name), "w", encoding="utf-8") as file:
            file.write(text)
        home = self.home.name
        os.mkdir(os.path.join(home, "bin"))
        for name in ("a-file", "bin/a-program"):
            with open(os.path.join(home, name), "w", encoding="utf-8") as file:
                os.chmod(file.fileno(), 0o700)
        path = ":".join([os.path.join(home, "bin"), os.path.dirname(harness.JOINQ), os.environ["PATH"]])
        environment = {**environment, "PATH": path, "HOME": home, "ZDOTDIR": home, "TERM": "xterm", "DOCUMENTS": DOCUMENTS}
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(home)
            os.execvpe(command[0], command, environment)
        self.read_until("ready> ")

    def read_until(self, *marks):
        """Reads until the marks were there, one behind the other."""
        text, deadline = "", time.monotonic() + harness.PATIENCE
        while not re.search(".*".join(map(re.escape, marks)), text, re.S):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f"the shell does not say {marks}: {text!r}")
            text += os.read(self.fd, 65536).decode(errors="replace")
        return text

    def arguments(self, typed):
        """The arguments that joinq has when this line, with its tabs, has been typed."""
        os.write(self.fd, typed.encode() + b"\n")
        text = self.read_until("said<", ">", "ready> ")
        return re.search(r"said<(.*?)>", text, re.S).group(1).strip()

    def close(self):
        os.close(self.fd)  # it hangs up
        os.waitpid(self.pid, 0)
        self.home.cleanup()


class InShells(harness.BrokerCase):
    def completes(self, cases):
        """Each (typed line, line that it becomes) in each shell, but for one writing --max=5 and the other --max 5. No broker is found but
        by --url."""
        for shell in START:
            terminal = Terminal(shell, {**os.environ, "JOINQ_URL": NOWHERE, "JOINQ_COMPLETION_SECONDS": str(harness.PATIENCE)})
            try:
                for typed, line in cases:
                    with self.subTest(shell, typed=typed):
                        self.assertEqual(terminal.arguments(f"joinq {typed}").replace("=", " "), line.replace("=", " "))
            finally:
                terminal.close()

    def test_commands_options_and_values(self):
        self.completes([
            ("pur\t", "purge"),
            ("declare q --ord\tl\t", "declare q --order lifo"),
            ("declare q --order=l\t", "declare q --order=lifo"),
            ("declare q --dead-letter dr\t", "declare q --dead-letter drop"),
            ("declare q --producers a\t", "declare q --producers auto"),
            ("get --mo\ta\t q", "get --mode auto q"),
        ])

    def test_queues_of_the_broker_that_the_line_names(self):
        url = self.environment["JOINQ_URL"]
        for queue in ("jobs", "sums", "by:colon"):
            self.joinq("declare", queue)
        self.completes([
            (f"--url {url} get jo\t", f"--url {url} get jobs"),
            (f"get --url {url} jo\t", f"get --url {url} jobs"),
            (f"get --url={url} jo\t", f"get --url={url} jobs"),
            (f"--url {url} get by:\t", f"--url {url} get by:colon"),
            (f"--url {url} get jobs --timeout 5s su\t", f"--url {url} get jobs --timeout 5s sums"),
            (f"--url {url} move su\tjo\t", f"--url {url} move sums jobs"),
            (f"--url {url} declare q --dead-letter su\t", f"--url {url} declare q --dead-letter sums"),
            (f"--url {url} put jobs su\t", f"--url {url} put jobs su"),
            ("get jo\t", "get jo"),
        ])

    def test_files_and_programs(self):
        url = self.environment["JOINQ_URL"]
        self.joinq("declare", "jobs")
        self.completes([
            ("put jobs --file a-f\t", "put jobs --file a-file"),
            ("put jobs a-f\t", "put jobs a-f"),
            ("run -- a-p\t", "run -- a-program"),
            (f"work --url {url} jo\t -- a-p\t", f"work --url {url} jobs -- a-program"),
            (f"work --url {url} jobs --to jo\t -- a-program a-f\t", f"work --url {url} jobs --to jobs -- a-program a-file"),
        ])


class Tables(unittest.TestCase):
    """The whole tables, by asking bash's function, and by reading zsh's."""

    def offers(self, *words):
        script = (f'source {DOCUMENTS}/joinq.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; _joinq; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        return said("bash", "-euo", "pipefail", "-c", script, "bash", harness.JOINQ, *words).split()

    def test_bash_has_every_command_option_and_value(self):
        self.assertEqual(self.offers(""), commands())
        for command in commands():
            with self.subTest(command):
                found = values(said(harness.JOINQ, command, "--help"))
                self.assertEqual(self.offers(command, "-"), list(found))
                for option, value in found.items():
                    words = [word for word in (value or "").split("|") if word.islower()]
                    if words:
                        self.assertEqual(set(self.offers("--url", NOWHERE, command, option, "")), set(words), option)

    def test_zsh_has_every_command_and_option(self):
        with open(os.path.join(DOCUMENTS, "_joinq"), encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(re.findall(r"^        '([a-z]+):", text, re.M), commands())
        for command in commands():
            branch = re.search(rf"^    {command}\)\n(.*?)^        ;;$", text, re.M | re.S).group(1)
            self.assertEqual(re.findall(r"'(--?[\w-]+?)[=+]?\[", branch), options(said(harness.JOINQ, command, "--help")))

    def test_shells_understand_what_was_made(self):
        said("shellcheck", "-s", "bash", os.path.join(DOCUMENTS, "joinq.bash"))
        said("zsh", "-n", os.path.join(DOCUMENTS, "_joinq"))


if __name__ == "__main__":
    harness.main()
