#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows that every rule of the lint bites: each is given a tiny tree that breaks it, and one that does not."""

import json
import os
import subprocess
import tempfile
import unittest

import lint
import rules_hardening
import rules_source
import rules_symbols
import rules_tags
import rules_tools
import tree as source

LICENCE = "SPDX-License-Identifier: Apache-2.0"
HEAD = f"/* {LICENCE} */\n/* A test. */\n"


class LintCase(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def write(self, files):
        for path, text in files.items():
            full = os.path.join(self.folder.name, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as file:
                file.write(text)

    def broken(self, rule, **files):
        """What a rule says to a tree; file names are written with __ for / and _DOT_ for the dot."""
        self.write({name.replace("__", "/").replace("_DOT_", "."): text for name, text in files.items()})
        return list(lint.RULES[rule](source.Tree(self.folder.name)))

    def bites(self, said, *fragments):
        self.assertEqual(len(said), len(fragments), said)
        for line, fragment in zip(said, fragments):
            self.assertIn(fragment, line)


class SourceRules(LintCase):
    def test_calls(self):
        code = "void f(char *a)\n{\n    strcpy(a, a);\n    x->system(1); /* strcat(a) */ g(\"gets(a)\");\n}\n"
        self.bites(self.broken("calls", a_DOT_c=code), "a.c:3: strcpy()")

    def test_each_banned_call(self):
        for name in rules_source.BANNED_CALLS + rules_source.SLEEPING_CALLS:
            self.bites(self.broken("calls", a_DOT_c=f"int x = {name} (1);\n"), f"a.c:1: {name}()")

    def test_sleeping_scripts(self):
        self.bites(
            self.broken(
                "calls", a_DOT_py="time." + "sleep(1)\n", b_DOT_sh="true\nif x; then " + "sleep 1; fi\nwork -- sleep 9\n"
            ),
            "a.py:1: sleeps",
            "b.sh:2: sleeps",
        )

    @staticmethod
    def function(lines, name="long_one"):
        body = "    g();\n" * (lines - 4)
        return f"static int {name}(int a,\n    int b)\n{{\n{body}}}\n"

    def test_function_length(self):
        limit = rules_source.FUNCTION_LINES_MAX
        self.assertEqual(self.broken("lengths", a_DOT_c=self.function(limit)), [])
        self.bites(self.broken("lengths", a_DOT_c="int x;\n" + self.function(limit + 1)), "a.c:2: long_one() has 61")

    def test_python_function_length(self):
        body = "    pass\n" * rules_source.FUNCTION_LINES_MAX
        self.bites(self.broken("lengths", a_DOT_py=f"def f():\n{body}"), "a.py:1: f() has 61")

    def test_file_length(self):
        limit = rules_source.FILE_LINES_MAX
        self.assertEqual(self.broken("lengths", a_DOT_h="int x;\n" * limit), [])
        self.bites(self.broken("lengths", a_DOT_h="int x;\n" * (limit + 1)), "a.h: 501 lines")

    def test_licence(self):
        self.bites(
            self.broken("licence", a_DOT_c="int x;\n", b_DOT_c=HEAD, c_DOT_h=f"/* {LICENCE} */\nint x;\n", tool="#!/bin/sh\n"),
            "a.c:1: no licence",
            "c.h:2: a comment",
            "tool:1: no licence",
        )

    def test_markers(self):
        for word in ("TO" + "DO", "FIX" + "ME", "X" + "XX"):
            self.bites(self.broken("markers", a_DOT_md=f"fine\n{word}: later\nmkXXXXXX\n"), f"a.md:2: {word}")


class IncludeRules(LintCase):
    BASE = {
        "wire__base_DOT_h": HEAD,
        "wire__message_DOT_h": HEAD,
        "broker__engine__engine_DOT_h": '#include "base.h"\n',
        "broker__server__conn_DOT_h": '#include "message.h"\n',
        "libclient__include__joinq_DOT_h": HEAD,
    }

    def said(self, **files):
        return self.broken("includes", **self.BASE, **files)

    def test_clean(self):
        bridge = '#include "conn.h"\n#include "engine.h"\n'
        own = "#include <joinq.h>\n#include <stdio.h>\n"
        self.assertEqual(self.said(broker__server__bridge_in_DOT_c=bridge, cli__put_DOT_c=own), [])

    def test_engine_and_wire(self):
        said = self.said(broker__engine__a_DOT_c='#include "message.h"\n', wire__b_DOT_c='\n#include "engine.h"\n')
        self.bites(
            said,
            "broker/engine/a.c:1: broker/engine may not include wire/message.h",
            "wire/b.c:2: wire may not include broker/engine/engine.h",
        )

    def test_bridge(self):
        self.bites(
            self.said(broker__server__conn_DOT_c='#include "conn.h"\n#include "engine.h"\n'),
            "broker/server/conn.c: includes both engine.h and message.h",
        )

    def test_client_and_cli(self):
        self.bites(
            self.said(cli__put_DOT_c='#include "base.h"\n', libclient__core_DOT_c='#include "engine.h"\n'),
            "cli/put.c:1: cli may not include wire/base.h",
            "libclient/core.c:1: libclient may not include broker/engine/engine.h",
        )

    def test_system_headers(self):
        self.bites(
            self.said(
                broker__engine__a_DOT_c="#include <time.h>\n",
                broker__main_DOT_c="#include <ev.h>\n",
                libclient__core_DOT_c="# include <msgpack/pack.h>\n",
            ),
            "the engine may not include <time.h>",
            "<ev.h> belongs to broker/server",
            "<msgpack/pack.h> belongs to wire",
        )

    def test_same_name_twice(self):
        both = {"wire__log_DOT_h": HEAD, "broker__server__log_DOT_h": HEAD}
        self.assertEqual(self.said(**both, broker__server__a_DOT_c='#include "log.h"\n'), [])
        self.bites(self.said(**both, broker__main_DOT_c='#include "log.h"\n'), "broker/main.c:1: may be any of")


class TagRules(LintCase):
    CONTRACT = "# Contract\n- [PUT-1] a\n- [PUT-2] b, see [GET-1]\n"

    def test_known(self):
        said = self.broken("tags", docs__contract_DOT_md=self.CONTRACT, tests__a_DOT_c="/* proves: PUT-1, PUT-2 */\n")
        self.assertEqual(said, [])
        self.assertEqual(self.broken("tags", tests__b_DOT_py='    """proves: PUT-1"""\n'), [])
        self.bites(self.broken("tags", tests__a_DOT_c="/* proves: PUT-1 */\n", tests__b_DOT_py=""), "no test names PUT-2")

    def test_unknown_and_malformed(self):
        text = "# proves: PUT-1 PUT-9\n# proves: puts\n"
        self.bites(
            self.broken("tags", docs__contract_DOT_md=self.CONTRACT, tests__a_DOT_py=text),
            "tests/a.py:1: PUT-9 is no promise",
            "tests/a.py:2: proves: takes tags only",
            "no test names PUT-2",
        )

    def test_mutants(self):
        contract = {"docs__contract_DOT_md": self.CONTRACT}
        self.bites(self.broken("mutants", **contract, tests__mutants__a_DOT_txt="[PUT-1] one\n"), "no mutant breaks PUT-2")
        self.assertEqual(self.broken("mutants", tests__mutants__b_DOT_txt="[PUT-2] two\n"), [])
        change = "[PUT-2] two\nbroker/put.c\n-    a;\n-    b;\n+    c;\n"
        said = self.broken("mutants", tests__mutants__b_DOT_txt=change, broker__put_DOT_c="{\n    a;\n    b;\n}\n")
        self.assertEqual(said, [])
        for text, times in ("    a;\n", 0), ("    a;\n    b;\n" * 2, 2):
            self.bites(self.broken("mutants", broker__put_DOT_c=text), f"b.txt:3: stands {times} times in broker/put.c")

    def test_rows(self):
        table = {"docs__python-queue_DOT_md": "| 1 | a |\n| 2 | b |\n"}
        case = 'case "row 1: a"\n'
        self.bites(self.broken("rows", **table, tests__scenario__python_DOT_scn=case * 2), "row 2 is not in both", "has 2 cases")
        self.assertEqual(self.broken("rows", tests__scenario__python_DOT_scn=case + 'case "row 2: b"\n'), [])
        promise = {"docs__contract_DOT_md": "- [CNT-1] rows 1 to 3\n"}
        self.bites(self.broken("rows", **promise), "row 3 is promised")

    def test_defined_twice_or_never(self):
        both = {"tests__a_DOT_c": "/* proves: PUT-1, PUT-2 */\n"}
        said = self.broken("tags", docs__contract_DOT_md=self.CONTRACT + "- [PUT-1] c\n", **both)
        self.bites(said, "PUT-1 is defined 2 times")
        said = self.broken("tags", docs__contract_DOT_md="none\n", tests__a_DOT_c="")
        self.bites(said, "no promise is defined")


class ToolRules(LintCase):
    def test_format(self):
        self.write({".clang-format": "BasedOnStyle: LLVM\n"})
        self.bites(self.broken("format", a_DOT_c="int  x;\n", b_DOT_c="int x;\n"), "a.c:1")

    def test_shell(self):
        self.bites(self.broken("shell", a_DOT_sh="#!/bin/sh\ncd $1\n", b_DOT_sh="#!/bin/sh\ntrue\n"), "In a.sh line 2")

    def test_headers(self):
        said = self.broken(
            "headers",
            wire__base_DOT_h="typedef int number;\n",
            wire__good_DOT_h='#include "base.h"\nnumber f(void);\n',
            wire__needy_DOT_h="number f(void);\n",
        )
        self.bites(said, "wire/needy.h: does not compile alone")

    def test_tidy(self):
        code = "int f(int *p);\nint f(int *p)\n{\n    if (p)\n        return 0;\n    return *p;\n}\n"
        where = {"directory": self.folder.name, "file": "wire/a.c", "command": "cc -c wire/a.c"}
        self.write({
            "wire/a.c": code,
            ".clang-tidy": "Checks: '-*,clang-analyzer-*'\nWarningsAsErrors: '*'\n",
            "compile_commands.json": json.dumps([{**where, "file": os.path.join(self.folder.name, "wire/a.c")}]),
        })
        self.bites(list(rules_tools.tidy(source.Tree(self.folder.name), self.folder.name)), "null pointer")

    def test_tidy_of_nothing(self):
        self.write({"compile_commands.json": "[]"})
        self.bites(list(rules_tools.tidy(source.Tree(self.folder.name), self.folder.name)), "builds nothing")

    def test_public_header(self):
        name = "libclient__include__joinq_DOT_h"
        self.bites(self.broken("headers", **{name: "int class;\n"}), "joinq.h: does not compile alone")
        other = {"wire__base_DOT_h": HEAD, name: '#include "base.h"\n'}
        self.assertEqual(len(self.broken("headers", **other)), 2)


class SymbolRules(LintCase):
    def said(self, key, code, *flags):
        self.write({"a.c": code})
        out = os.path.join(self.folder.name, "a.out")
        given = os.path.join(self.folder.name, "a.c")
        subprocess.run(["cc", "-O1", "-fPIC", "-w", *(flags or ["-c"]), given, "-o", out], check=True)
        return list(rules_symbols.check(key, out))

    def test_engine_uses(self):
        for call in ("time(0)", "getenv(0)", "printf(\"%d\", n)", "msgpack_pack()", "ev_now()", "random()", "abort()"):
            code = "#include <stdio.h>\n#include <stdlib.h>\n#include <time.h>\n"
            code += f"int engine_f(int n)\n{{\n    free(malloc(1));\n    return n + ({call}, 1);\n}}\n"
            self.bites(self.said("engine", code), f"uses {call.split('(')[0]}")

    def test_shows(self):
        for key in ("wire", "journal", "store", "library"):
            self.bites(self.said(key, "int helper(void)\n{\n    return 1;\n}\n"), f"{key} shows helper")

    def test_variables(self):
        table = "static const char *const names[] = {\"a\"};\nconst char *engine_n(int i)\n{\n    return names[i];\n}\n"
        self.assertEqual(self.said("engine", table), [])
        self.bites(self.said("library", "static int n;\nint joinq_n(void)\n{\n    return ++n;\n}\n"), ".bss")

    def test_forbidden(self):
        call = "void %s();\nvoid %s(void)\n{\n    %s();\n}\n"
        for key, name, uses in (
            ("wire", "jqw_f", "ev_run"),
            ("wire", "jqw_f", "engine_step"),
            ("journal", "journal_f", "ev_run"),
            ("store", "store_f", "engine_step"),
            ("server", "server_f", "msgpack_pack_array"),
            ("admin", "admin_f", "engine_step"),
            ("auth", "auth_f", "ev_run"),
            ("joinqd", "main_f", "ev_run"),
            ("library", "joinq_f", "exit"),
            ("library", "joinq_f", "sigaction"),
            ("library", "joinq_f", "puts"),
            ("library", "joinq_f", "ev_run"),
            ("cli", "f", "jqw_frame"),
            ("cli", "f", "engine_step"),
        ):
            self.bites(self.said(key, call % (uses, name, uses)), f"{key} uses {uses}")

    def test_exports(self):
        code = "int joinq_f(void)\n{\n    return 1;\n}\nint jqc_g(void)\n{\n    return 1;\n}\n"
        self.bites(self.said("exports", code, "-shared", "-nostdlib"), "exports shows jqc_g")


class HardeningRules(LintCase):
    CODE = (
        "#include <stdio.h>\nint main(int n, char **v)\n{\n    char a[64];\n"
        "    snprintf(a, (size_t)n, \"%s\", v[0]);\n    return a[n % 64];\n}\n"
    )
    GOOD = ["-fPIE", "-pie", "-Wl,-z,relro,-z,now,-z,noexecstack", "-fstack-protector-strong", "-D_FORTIFY_SOURCE=3",
            "-fstack-clash-protection", "-fcf-protection=full", "-mbranch-protection=standard"]  # fmt: skip

    def said(self, without=(), more=()):
        self.write({"a.c": self.CODE})
        out = os.path.join(self.folder.name, "a.out")
        machine = "-fcf-protection=full" if os.uname().machine == "x86_64" else "-mbranch-protection=standard"
        good = [flag for flag in self.GOOD if ("-protection=" not in flag or flag == machine) and flag not in without]
        given = os.path.join(self.folder.name, "a.c")
        subprocess.run(["cc", "-O2", "-g", "-w", "-U_FORTIFY_SOURCE", *good, *more, given, "-o", out], check=True)
        return list(rules_hardening.check(out, True))

    def test_hardening(self):
        self.assertEqual(self.said(), [])
        self.bites(self.said(["-pie", "-fPIE"], ["-no-pie", "-fno-pie"]), "no PIE")
        self.bites(self.said(more=["-Wl,-z,lazy"]), "no full RELRO")
        self.bites(self.said(more=["-Wl,-z,execstack"]), "a stack that can be executed", "written and executed")
        self.bites(self.said(more=["-Wl,-rpath,/x"]), "has RUNPATH")
        self.bites(self.said(["-fstack-protector-strong"], ["-fno-stack-protector"]), "no guard of the stack")
        self.bites(self.said(["-D_FORTIFY_SOURCE=3"]), "no FORTIFY")
        self.bites(self.said(["-fstack-clash-protection"]), "without -fstack-clash-protection")


class Coverage(unittest.TestCase):
    def test_every_policy_and_rule_is_shown_to_bite(self):
        with open(__file__, encoding="utf-8") as file:
            text = file.read()
        for name in [*lint.RULES, *rules_symbols.POLICIES, "hardening"]:
            self.assertIn(f'"{name}"', text)


if __name__ == "__main__":
    unittest.main()
