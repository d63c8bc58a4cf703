#!/usr/bin/env python3
"""Every row of SECURITY.md's tables of what listens and of limits names a test,
and the file that sets it where it is a limit; both are there.
    security_limits.py SOURCE_FOLDER"""
import os
import re
import sys

ROW = re.compile(r"\|.*\| `(\w+)` in (tests/\S+) \|")
LEAST = 30


def main():
    root = sys.argv[1]
    with open(os.path.join(root, "SECURITY.md")) as file:
        text = file.read().partition("## What listens where")[2]
    wrong, rows = [], 0
    for line in text.splitlines():
        if not line.startswith("| ") or line.endswith("| Test |"):
            continue
        rows += 1
        found = ROW.fullmatch(line)
        if not found:
            wrong.append("no test is named: " + line)
            continue
        test, path = found.groups()
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        set_in = cells[2] if len(cells) == 4 else path
        for name in (path, set_in):
            if not os.path.isfile(os.path.join(root, name)):
                wrong.append("there is no file %s: %s" % (name, cells[0]))
        if os.path.isfile(os.path.join(root, path)):
            with open(os.path.join(root, path)) as file:
                if not re.search(r"\b%s\b" % test, file.read()):
                    wrong.append("%s has no test %s" % (path, test))
    if rows < LEAST:
        wrong.append("only %d rows were read" % rows)
    print("\n".join(wrong) or "%d rows, all with their tests" % rows)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
