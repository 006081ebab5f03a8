#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: package_test.py BUILD LIBDIR VERSION

Installs a built tree into a folder of its own, moves it, and there compiles, links and runs a small program against
it: by find_package and by pkg-config, with the shared library and with the static one, beside the installed broker.
"""

import os
import subprocess
import sys
import tempfile
import unittest

BUILD, LIBDIR, VERSION = None, None, None
CONSUMER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "consumer")


def run(*command, **variables):
    """What a command printed; the whole story if it fails."""
    done = subprocess.run(
        command, env={**os.environ, **variables}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}")
    return done.stdout


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.prefix = os.path.join(folder.name, "moved")
        first = os.path.join(folder.name, "installed")
        run("cmake", "--install", BUILD, "--prefix", first)
        os.rename(first, cls.prefix)
        cls.lib = os.path.join(cls.prefix, LIBDIR)
        cls.url = "unix://" + os.path.join(folder.name, "socket")
        cls.start_broker()

    @classmethod
    def start_broker(cls):
        command = [os.path.join(cls.prefix, "bin", "joinqd"), "--listen", cls.url]
        broker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        cls.addClassCleanup(broker.communicate)
        cls.addClassCleanup(broker.terminate)
        for line in broker.stdout:
            if cls.url in line:
                return
        raise AssertionError("the installed broker does not come up")

    def says_hello(self, program, **variables):
        self.assertEqual(run(program, JOINQ_URL=self.url, **variables), "hello\n")

    def pkg_config(self, *arguments):
        return run("pkg-config", *arguments, "joinq", PKG_CONFIG_PATH=os.path.join(self.lib, "pkgconfig")).split()

    def compile(self, name, *flags):
        program = os.path.join(self.folder, name)
        run("cc", "-std=c11", "-Wall", "-Werror", os.path.join(CONSUMER, "consumer.c"), "-o", program, *flags)
        return program

    def libraries_needed(self, program):
        return [line for line in run("readelf", "-d", program).split("\n") if "(NEEDED)" in line]

    def test_files(self):
        for path in ("include/joinq.h", "bin/joinq", "bin/joinqd", f"{LIBDIR}/libjoinq.so.{VERSION}", "share/man/man1/joinq.1",
                     "share/man/man1/joinq-put.1", "share/man/man8/joinqd.8", "share/bash-completion/completions/joinq",
                     "share/zsh/site-functions/_joinq", "etc/joinq/joinqd.conf", "lib/systemd/system/joinqd.service",
                     "lib/systemd/system/joinqd.socket", "lib/sysusers.d/joinq.conf", "lib/tmpfiles.d/joinq.conf"):
            self.assertTrue(os.path.exists(os.path.join(self.prefix, path)), path)
        self.assertEqual(os.listdir(os.path.join(self.prefix, "include")), ["joinq.h"])

    def test_soname(self):
        self.assertIn("[libjoinq.so.0]", run("readelf", "-d", os.path.join(self.lib, "libjoinq.so")))

    def test_tool_runs_where_it_stands(self):
        tool = os.path.join(self.prefix, "bin", "joinq")
        run(tool, "--url", self.url, "put", "from-tool", "a body")
        self.assertIn("from-tool", run(tool, "--url", self.url, "list"))

    def test_pkg_config_shared(self):
        self.assertEqual(self.pkg_config("--modversion"), [VERSION])
        program = self.compile("pc_shared", *self.pkg_config("--cflags", "--libs"))
        self.says_hello(program, LD_LIBRARY_PATH=self.lib)
        needed = self.libraries_needed(program)
        self.assertTrue(any("libjoinq.so.0" in line for line in needed), needed)

    def test_pkg_config_static(self):
        flags = self.pkg_config("--cflags", "--libs", "--static")
        flags = ["-l:libjoinq.a" if flag == "-ljoinq" else flag for flag in flags]
        program = self.compile("pc_static", *flags)
        self.says_hello(program)
        self.assertFalse(any("libjoinq" in line for line in self.libraries_needed(program)))

    def test_find_package(self):
        build = os.path.join(self.folder, "consumer")
        run("cmake", "-S", CONSUMER, "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={self.prefix}")
        run("cmake", "--build", build)
        self.says_hello(os.path.join(build, "with_shared"))
        program = os.path.join(build, "with_static")
        self.says_hello(program)
        self.assertFalse(any("libjoinq" in line for line in self.libraries_needed(program)))


if __name__ == "__main__":
    BUILD, LIBDIR, VERSION = sys.argv[1:4]
    unittest.main(argv=sys.argv[:1])
