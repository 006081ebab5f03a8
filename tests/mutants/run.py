#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Breaks the code in small ways, one at a time, and sees that a test which names the broken promise fails.

A mutant is an entry of a list in this folder:

    [PUT-2] a put that does not wait overtakes one that does
    broker/engine/put.c
    -    uint32_t fits = q->puts || busy ? 0 : fitting(q, ...);
    +    uint32_t fits = busy ? 0 : fitting(q, ...);

The lines with - stand exactly once in the file, those with + take their place. Tests are the scenario scripts, unless a line
`test LABEL.NAME` names others (a regular expression of ctest). The tree is copied to build/mutants and built there; nothing
else is touched.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LISTS = pathlib.Path(__file__).resolve().parent
TAG = re.compile(r"[A-Z]{3}-\d+")
SNAPSHOTS = "scenario.snapshots"  # the scripts once more, each crash with a snapshot
PROVES = re.compile(r"\bproves\b:([^\n]*)")


class Mutant:
    def __init__(self, where, tag, name):
        self.where, self.tag, self.name = where, tag, name
        self.path, self.old, self.new, self.tests = None, [], [], None


def read_list(path):
    """The mutants of one list."""
    mutants = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        head = re.match(r"\[([A-Z]{3}-\d+)\] (.+)", line)
        if head:
            mutants.append(Mutant(f"{path.name}:{number}", *head.groups()))
        elif line[:1] in "-+" and line and mutants:
            (mutants[-1].old if line[0] == "-" else mutants[-1].new).append(line[1:])
        elif line.startswith("test ") and mutants:
            mutants[-1].tests = line[5:].strip()
        elif line.strip() and not line.startswith("#"):
            if not mutants or mutants[-1].path:
                sys.exit(f"{path.name}:{number}: what is '{line}'?")
            mutants[-1].path = line.strip()
    return mutants


class Tree:
    """A copy of the project, built once and then again and again with one file changed."""

    def __init__(self, folder):
        self.source, self.build = folder / "tree", folder / "build"
        self.copy()
        self.run(["cmake", "-S", self.source, "-B", self.build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug"], check=True)
        self.make(check=True)

    def copy(self):
        listed = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, check=True,
                                capture_output=True).stdout.decode().split("\0")
        for name in filter(None, listed):
            to = self.source / name
            to.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_file() and not (to.is_file() and to.read_bytes() == (ROOT / name).read_bytes()):
                shutil.copy2(ROOT / name, to)
                to.touch()

    @staticmethod
    def run(command, check=False):
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
        if check and done.returncode:
            sys.exit(f"{' '.join(map(str, command))}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
        return done

    def make(self, target="all", check=False):
        return self.run(["ninja", "-C", self.build, target], check)

    def scenarios(self, *how):
        """The tags of each case that fails."""
        failed = set()
        for script in sorted((self.source / "tests/scenario").glob("*.scn")):
            failed |= self.played(script, how)
        return failed

    def played(self, script, how, *only):
        """The tags of the cases of a script that fail; of one that traps or hangs, the rest is played case by case."""
        program = self.build / "tests/scenario/joinq-scenario"
        try:
            said = subprocess.run([program, *how, *only, script], capture_output=True, text=True, timeout=20, check=False)
        except subprocess.TimeoutExpired:
            said = None
        if said and said.returncode == 0:
            return set()
        cases = cases_of(script)
        if said and said.returncode > 0:
            lines = re.findall(r"\.scn:(\d+): case ", said.stdout + said.stderr)  # in the case, where it went wrong
            wrong = {max(case for case in cases if case <= int(line)) for line in lines}
            return {tag for case in wrong for tag in cases[case][1]}
        if only:
            return {tag for name, tags in cases.values() if name == only[1] for tag in tags}
        return {tag for name, _ in cases.values() for tag in self.played(script, how, "--case", name)}

    def tests(self, pattern):
        """The tags named at the functions that fail; where a test does not say which, those of its source."""
        said = self.run(["ctest", "--test-dir", self.build, "-R", pattern, "-j", os.cpu_count(), "--timeout", "300",
                         "--output-on-failure"])
        if "No tests were found" in said.stdout + said.stderr:
            sys.exit(f"no test is called '{pattern}'")
        failed = set()
        for label, name in re.findall(r"^\s*\d+ - (\w+)\.(\S+) \(", said.stdout, re.M):
            failed.add(f"{label}.{name}")
            stems = name, f"{name}_test", f"{name.removeprefix('server_')}_test"
            for source in (self.source / "tests" / label).iterdir():
                failed |= tags_of_functions(source, said.stdout) if source.stem in stems and source.is_file() else set()
        return failed


def tags_of_functions(source, said):
    """Of the functions of a source that a test program says have failed; of all if it says of none."""
    text = source.read_text(errors="replace")
    tags = {}
    before = re.findall(r"proves[:] ([A-Z0-9 -]+?)(?: \*/|\.)?\n[^\n]*?(\w+)\(", text)
    inside = re.findall(r"def (\w+)\([^\n]*\n\s+\"\"\"[^\n]*?proves[:]([^\n]*)", text)
    for name, comment in [(name, comment) for comment, name in before] + inside:
        tags.setdefault(name, set()).update(TAG.findall(comment))
    for block in re.split(r"^(?=class )", text, flags=re.M):  # what a class names, all of its tests prove
        claim = re.match(r'class [^\n]*\n\s+"""[^\n]*?proves[:]([^\n]*)', block)
        for name in re.findall(r"def (test_\w+)\(", block) if claim else ():
            tags.setdefault(name, set()).update(TAG.findall(claim.group(1)))
    said_to_fail = set(re.findall(r"\[  FAILED  \] (\w+)|^(?:FAIL|ERROR): (\w+)", said, re.M))
    failed = {name for pair in said_to_fail for name in pair if name}
    known = failed & set(re.findall(r"(\w+)\(", text))
    if known:
        return {tag for name in known for tag in tags.get(name, ())}
    return {tag for claim in PROVES.findall(text) for tag in TAG.findall(claim)}


def cases_of(script):
    """Name and tags by the line of the case."""
    cases, tags = {}, set()
    for number, line in enumerate(script.read_text().splitlines(), 1):
        claim = PROVES.search(line) if line.startswith("#") else None
        if claim:
            tags |= set(TAG.findall(claim.group(1)))
        elif line.startswith("case "):
            cases[number] = line.split('"')[1], tags
            tags = set()
    return cases


def stands(root, mutant):
    """Whether its lines stand exactly once."""
    path = root / (mutant.path or "")
    return path.is_file() and bool(mutant.old) and path.read_text().count("\n".join(mutant.old) + "\n") == 1


def apply(tree, mutant):
    """What the file was before."""
    path = tree.source / (mutant.path or "")
    text = path.read_text()
    old, new = "\n".join(mutant.old) + "\n", "".join(line + "\n" for line in mutant.new)
    path.write_text(text.replace(old, new))
    return text


def judge(tree, mutant):
    """What became of it: caught, survived, or why not."""
    snapshots = mutant.tests == SNAPSHOTS
    built = tree.make("all" if mutant.tests and not snapshots else "joinq-scenario")
    if built.returncode:
        errors = re.findall(r"error: .*", built.stdout)
        return f"does not build: {errors[0] if errors else built.stdout[-300:]}"
    if snapshots:
        failed = tree.scenarios("--snapshots")
    else:
        failed = tree.tests(mutant.tests) if mutant.tests else tree.scenarios()
    if mutant.tag in failed:
        return "caught"
    return f"caught only by {' '.join(sorted(failed))}" if failed else "SURVIVED"


def sound(tree, mutants):
    """Whether the tests pass where nothing is broken."""
    named = sorted({mutant.tests for mutant in mutants if mutant.tests})
    failed = tree.scenarios() | (tree.tests("|".join(named)) if named else set())
    if failed:
        print("fails without a mutant:", " ".join(sorted(failed)))
    return not failed


def chosen(names):
    mutants = [mutant for path in sorted(LISTS.glob("*.txt")) for mutant in read_list(path)]
    return [mutant for mutant in mutants if not names or any(name in f"[{mutant.tag}] {mutant.name}" for name in names)]


def untouched(mutants):
    """Promises that no mutant breaks."""
    contract = (ROOT / "docs/contract.md").read_text()
    broken = {mutant.tag for mutant in mutants}
    return [tag for tag in re.findall(r"^- \[([A-Z]{3}-\d+)\]", contract, re.M) if tag not in broken]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="*", help="only mutants whose tag or words contain one of these")
    parser.add_argument("--list", action="store_true", help="print them and the promises that none breaks")
    options = parser.parse_args()
    mutants = chosen(options.name)
    if options.list:
        for mutant in mutants:
            print(f"[{mutant.tag}] {mutant.name}")
        print("no mutant:", " ".join(untouched(mutants)) or "none")
        return 0
    stale = [f"{mutant.where}: {mutant.name}" for mutant in mutants if not stands(ROOT, mutant)]
    if stale:
        sys.exit("the code is another by now:\n" + "\n".join(stale))
    started, bad = time.monotonic(), 0
    tree = Tree(ROOT / "build/mutants")
    if not sound(tree, mutants):
        return 1
    for count, mutant in enumerate(mutants, 1):
        before = apply(tree, mutant)
        try:
            result = judge(tree, mutant)
        finally:
            (tree.source / mutant.path).write_text(before)
        bad += result != "caught"
        print(f"{count}/{len(mutants)} [{mutant.tag}] {mutant.name}: {result}", flush=True)
    missing = [] if options.name else untouched(mutants)
    if missing:
        print("no mutant:", " ".join(missing))
    print(f"{len(mutants)} mutants, {bad} not caught by a test that names the promise, {time.monotonic() - started:.0f} s")
    return 1 if bad or missing else 0


if __name__ == "__main__":
    sys.exit(main())
