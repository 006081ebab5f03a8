# SPDX-License-Identifier: Apache-2.0
"""The recipes at the top of joinq.h compile as they stand: recipes_test.py HEADER COMPILER."""
import re
import subprocess
import sys

AROUND = """#include <inttypes.h>
#include <stdio.h>
#include "joinq.h"
struct text { const char *data; size_t size; };
bool read_job(struct text *job);
void work(const void *data, size_t size);
"""


def recipes(header):
    comment = header[: header.index("#ifndef JOINQ_H")]
    found = re.findall(r"(?:^ \*     .*\n|^ \*\n(?= \*     ))+", comment, re.MULTILINE)
    return [re.sub(r"^ \* ?", "", text, flags=re.MULTILINE) for text in found]


def function(index, recipe):
    return f"int recipe_{index}(joinq *q, struct text job);\n" \
           f"int recipe_{index}(joinq *q, struct text job)\n{{\n    {{\n{recipe}\n    }}\n    return q || job.data;\n}}\n"


def main():
    path, compiler = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        found = recipes(file.read())
    if len(found) < 3:
        sys.exit(f"{len(found)} recipes in {path}")
    source = AROUND + "".join(function(i, recipe) for i, recipe in enumerate(found))
    command = [compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", "-Wno-unused-but-set-variable", "-fsyntax-only",
               "-I", path.rpartition("/")[0], "-x", "c", "-"]
    done = subprocess.run(command, input=source, text=True, check=False)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
