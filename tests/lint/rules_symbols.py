# SPDX-License-Identifier: Apache-2.0
"""What each library and program may use and show, read from its symbols: the linker would let it pass.

A policy names what it is for; the binaries come from the build (KEY=FILE). Yields one line of text for each symbol
that breaks a policy.
"""

import fnmatch
import os
import subprocess

EVENT_LOOP = ["ev_*"]
FORMAT = ["msgpack_*"]
CRYPTO = ["EVP_*", "RAND_*", "SSL_*", "BIO_*", "CRYPTO_*", "ERR_*"]
PRINTING = """
    printf __printf_chk vprintf __vprintf_chk puts putchar fprintf __fprintf_chk vfprintf __vfprintf_chk fputs fputc putc
    fwrite dprintf __dprintf_chk perror psignal stdin stdout stderr syslog __syslog_chk warn warnx err errx
""".split()
ENDING = ["exit", "_exit", "_Exit", "quick_exit", "abort", "raise", "kill", "error"]
ASSERTING = ["__assert_fail"]
SIGNALS = ["signal", "sigaction", "sigprocmask", "pthread_sigmask", "sigset", "bsd_signal", "sigaltstack"]

# The engine is judged by what it may use: anything else of the C library is I/O, a clock, chance or the environment.
# (The assertion is utlist's.)
ENGINE_USES = """
    malloc calloc realloc free memcmp memcpy memmove memset memchr strlen
    __memcpy_chk __memmove_chk __memset_chk __stack_chk_fail _GLOBAL_OFFSET_TABLE_ jqw_code_name jqw_code_text
    __assert_fail
""".split()


class Policy:
    """uses: all that may be undefined in it; forbids: what may not; defines: how all it shows is named."""

    def __init__(self, forbids=(), uses=None, defines=None, data=True):
        self.forbids, self.uses, self.defines, self.data = list(forbids), uses, defines, data


# Key: policy. `data` is whether it may have global variables.
POLICIES = {
    "wire": Policy(
        EVENT_LOOP + PRINTING + ENDING + ASSERTING + SIGNALS + ["engine_*", "journal_*", "store_*", "server_*", "joinq_*", "jqc_*"],
        defines=["jqw_*"],
        data=False,
    ),
    "engine": Policy(uses=ENGINE_USES, data=False),
    "journal": Policy(
        EVENT_LOOP + FORMAT + CRYPTO + PRINTING + ENDING + ASSERTING + SIGNALS + ["store_*", "server_*", "joinq_*", "jqc_*"],
        defines=["journal_*"],
        data=False,
    ),
    "store": Policy(
        EVENT_LOOP + FORMAT + CRYPTO + PRINTING + ENDING + ASSERTING + SIGNALS + ["engine_*", "journal_*", "server_*", "joinq_*"],
        defines=["store_*"],
        data=False,
    ),
    "auth": Policy(  # with utlist's assertion
        EVENT_LOOP + FORMAT + PRINTING + ENDING + SIGNALS + ["engine_*", "journal_*", "store_*", "server_*", "joinq_*", "jqc_*"],
        defines=["auth_*"],
        data=False,
    ),
    "admin": Policy(
        EVENT_LOOP + FORMAT + SIGNALS + ["engine_*", "journal_*", "store_*", "joinq_*", "jqc_*"],
        defines=["admin_*", "asker_*", "page_*"],
        data=False,
    ),
    "server": Policy(FORMAT + ["joinq_*", "jqc_*"]),
    "joinqd": Policy(EVENT_LOOP + FORMAT + ["joinq_*", "jqc_*"]),
    "library": Policy(
        EVENT_LOOP + PRINTING + ENDING + ASSERTING + SIGNALS + ["engine_*", "journal_*", "store_*", "server_*"],
        defines=["joinq_*", "jqc_*", "jqw_*"],
        data=False,
    ),
    "exports": Policy(defines=["joinq_*", "JOINQ_*"]),
    "cli": Policy(EVENT_LOOP + FORMAT + CRYPTO + ["jqw_*", "jqc_*", "engine_*", "journal_*", "store_*", "server_*"]),
}


def _run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def read_symbols(path, dynamic=False):
    """(undefined, defined) names that the linker sees."""
    undefined, defined = set(), set()
    flags = ["--dynamic", "--defined-only"] if dynamic else ["--extern-only"]
    for line in _run("nm", "--format=posix", *flags, path).split("\n"):
        fields = line.split()
        if len(fields) >= 2 and len(fields[1]) == 1:
            name = fields[0].split("@")[0]
            (undefined if fields[1] in "Uwv" else defined).add(name)
    return undefined - defined, defined


def variables(path):
    """Sections of an object or archive that hold variables, with their sizes."""
    member = path
    for line in _run("size", "--format=sysv", path).split("\n"):
        fields = line.split()
        if "(ex" in fields or line.endswith(":"):
            member = fields[0]
        elif len(fields) >= 2 and fields[0].startswith((".data", ".bss", ".tdata", ".tbss")):
            if not fields[0].startswith(".data.rel.ro") and int(fields[1]) > 0:
                yield f"{member}: {fields[1]} bytes of {fields[0]}"


def _matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def check(key, path):
    """Holds one binary against the policy of its key."""
    policy = POLICIES[key]
    if not os.path.exists(path):
        yield f"{path}: is not built"
        return
    undefined, defined = read_symbols(path, dynamic=key == "exports")
    for name in sorted(undefined):
        if _matches(name, policy.forbids):
            yield f"{path}: {key} uses {name}"
        elif policy.uses is not None and name not in policy.uses:
            yield f"{path}: {key} uses {name}"
    for name in sorted(defined):
        if policy.defines and not _matches(name, policy.defines):
            yield f"{path}: {key} shows {name}"
    if not policy.data:
        for text in variables(path):
            yield f"{path}: {key} has a global variable: {text}"
