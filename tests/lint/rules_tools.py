# SPDX-License-Identifier: Apache-2.0
"""Rules that another program judges: clang-format, clang-tidy, the compilers, shellcheck.

Each yields one line of text, or what the program said, for each file that it refuses.
"""

import concurrent.futures
import json
import os
import subprocess

import rules_includes

PUBLIC_HEADER = "libclient/include/joinq.h"
WARNINGS = ["-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-pedantic"]


def _judge(command, cwd, given=None):
    done = subprocess.run(command, cwd=cwd, input=given, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else (done.stdout + done.stderr).strip()


def formatting(tree):
    """C as .clang-format says."""
    said = _judge(["clang-format", "--dry-run", "-Werror", *tree.c_files()], tree.root)
    told = set()
    for line in (said or "").split("\n"):
        path = line.split(":")[0]
        if ": error: " in line and path not in told:  # the first of each file
            told.add(path)
            yield line + " (./dev format)"
    if said and not told:
        yield said


def shell(tree):
    """Shell scripts as shellcheck likes them."""
    for path in tree.scripts("sh"):
        said = _judge(["shellcheck", "-x", path], tree.root)
        if said:
            yield said


def _compile_alone(tree, path, command, folders):
    text = f'#include "{os.path.basename(path)}"\ntypedef int lint_not_empty;\n'
    flags = [f"-I{tree.absolute(folder)}" for folder in folders]
    return _judge(command + WARNINGS + flags + ["-"], tree.root, text)


def headers(tree):
    """Every header compiles alone as C11; the public one by itself, and as C++ too."""
    found = [p for p in tree.having(".h") if rules_includes.folder_of(p)]
    folders = sorted({os.path.dirname(p) for p in found})
    as_c = ["cc", "-std=c11", "-xc"]
    as_cxx = ["c++", "-std=c++11", "-xc++"]
    for path in found:
        own = [os.path.dirname(path)]
        said = [_compile_alone(tree, path, as_c + ["-D_GNU_SOURCE"], own + folders)]
        if path == PUBLIC_HEADER:
            said = [_compile_alone(tree, path, command, own) for command in (as_c, as_cxx)]
        for text in filter(None, said):
            yield f"{path}: does not compile alone:\n{text}"


def tidy(tree, build):
    """clang-tidy's bug finders on the product, with the flags that it is built with."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        built = {os.path.relpath(entry["file"], tree.root) for entry in json.load(file)}
    product = sorted(path for path in built if rules_includes.folder_of(path))
    if not product:
        yield f"{build}: builds nothing of the product"

    def judge(path):
        return _judge(["clang-tidy", "--quiet", "-p", build, path], tree.root)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from filter(None, pool.map(judge, product))
