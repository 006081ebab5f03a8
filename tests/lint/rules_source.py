# SPDX-License-Identifier: Apache-2.0
"""Rules that read one source file at a time: calls, lengths, licence lines, markers.

Each rule is a generator over a Tree that yields one line of text for each place that breaks it.
"""

import ast
import re

import tree as source

FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 500
ONE_FILE = {"libclient/include/joinq.h": 800}  # the one public header, mostly words

# What overflows, keeps hidden state or starts a shell; what to use instead is common knowledge.
BANNED_CALLS = """
    alloca asctime atof atoi atol atoll ctime getpw gets mktemp popen rand rand_r random readdir_r setjmp longjmp
    sprintf srand srandom stpcpy strcat strcpy strncat strncpy strtok system tempnam tmpnam vsprintf
""".split()
SLEEPING_CALLS = ["sleep", "usleep", "nanosleep", "clock_nanosleep"]

_CALL = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(BANNED_CALLS + SLEEPING_CALLS))
_SLEEP = {
    "python": re.compile(r"\btime\.sleep\s*\(|\bfrom time import .*\bsleep\b"),
    "sh": re.compile(r"(?:^|[;&|(]|\bdo\b|\bthen\b|\belse\b)\s*sleep\s"),
}

# The words of unfinished work, written so that this file does not hold them.
_MARKER = re.compile(r"\b(%s)\b" % "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"]))


def calls(tree):
    """Functions that nobody calls, and sleeping: tests wait for a signal or for virtual time."""
    for path in tree.c_files():
        code = tree.code(path)
        for match in _CALL.finditer(code):
            yield f"{path}:{source.line_of(code, match.start())}: {match.group(1)}() is not called here"
    for language, pattern in _SLEEP.items():
        for path in tree.scripts(language):
            for number, line in enumerate(tree.text(path).split("\n"), 1):
                if pattern.search(line.split("#")[0]):
                    yield f"{path}:{number}: sleeps; wait for what is to happen"


def _functions(tree):
    for path in tree.c_files():
        for name, first, last in source.c_functions(tree.code(path)):
            yield path, name, first, last
    for path in tree.scripts("python"):
        for node in ast.walk(ast.parse(tree.text(path))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield path, node.name, node.lineno, node.end_lineno


def lengths(tree):
    """No function over 60 lines, no file over 500, but for the public header."""
    for path, name, first, last in _functions(tree):
        if last - first + 1 > FUNCTION_LINES_MAX:
            yield f"{path}:{first}: {name}() has {last - first + 1} lines, over {FUNCTION_LINES_MAX}"
    for path in sorted(set(tree.c_files() + tree.scripts("python") + tree.scripts("sh"))):
        count = tree.text(path).count("\n")
        most = ONE_FILE.get(path, FILE_LINES_MAX)
        if count > most:
            yield f"{path}: {count} lines, over {most}"


_LICENCE = "SPDX-License-Identifier: Apache-2.0"


def licence(tree):
    """The licence in the first lines of each source file, and in C the file's job right below it."""
    sources = tree.having(".c", ".h", ".def", ".cmake", "CMakeLists.txt")
    for path in sorted(set(sources + tree.scripts("python") + tree.scripts("sh"))):
        lines = tree.text(path).split("\n")
        if not any(_LICENCE in line for line in lines[:2]):
            yield f"{path}:1: no licence line ({_LICENCE})"
        elif path.endswith((".c", ".h")) and not lines[1].startswith("/* "):
            yield f"{path}:2: a comment below the licence line says the file's job"


def markers(tree):
    """Nothing that calls itself unfinished."""
    for path in tree.paths:
        for number, line in enumerate((tree.text(path) or "").split("\n"), 1):
            match = _MARKER.search(line)
            if match:
                yield f"{path}:{number}: {match.group()}: finish it, or open an issue"
