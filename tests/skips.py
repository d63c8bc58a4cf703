#!/usr/bin/env python3
"""skips.py JUNIT README [--any]: which tests of a CTest run skipped themselves.

Every reason must contain a phrase that the list under "Tests that may be
skipped" in README gives between backquotes at the start of an item; --any (a
quick run) lists them only. A test that passed and yet says that it skipped
something is an error always.
"""
import re
import sys
import xml.etree.ElementTree as xml

HEADING = "Tests that may be skipped"
# What our programs print (tests/support/run_tests.h, the scripts), GoogleTest's
# own words and unittest's.
REASON = re.compile(r"^(?:skipped|SKIPPED): (.*)$", re.M)
HIDDEN = re.compile(r"^(?:skipped|SKIPPED): .*|^\[  SKIPPED \].*|"
                    r"^OK \(.*skipped=.*", re.M)


def allowed(readme):
    """The phrases of the README's list."""
    lines = open(readme, encoding="utf-8").read().split("\n")
    start = next((i for i, line in enumerate(lines)
                  if line.startswith("#") and HEADING in line), None)
    if start is None:
        sys.exit("%s has no heading '%s'" % (readme, HEADING))
    phrases = []
    for line in lines[start + 1:]:
        if line.startswith("#"):
            break
        item = re.match(r"- `([^`]+)`", line)
        if item:
            phrases.append(item[1])
    return phrases


def judge(case, phrases):
    """(what to print of the test, whether that is an error), or None."""
    name, output = case.get("name"), case.findtext("system-out") or ""
    if case.get("status") == "run":
        hidden = HIDDEN.search(output)
        if hidden is None:
            return None
        return "%s passed, but: %s" % (name, hidden[0]), True
    if case.find("skipped") is None:
        return None  # failed, of which CTest itself tells
    reasons = sorted({re.sub(r"^\S+: (?=needs |not )", "", reason)
                      for reason in REASON.findall(output)})
    if not reasons:
        return "%s was skipped and does not say why" % name, True
    unknown = [reason for reason in reasons
               if not any(phrase in reason for phrase in phrases)]
    if unknown:
        return "%s was skipped: %s" % (name, "; ".join(unknown)), True
    return "%s: %s" % (name, "; ".join(reasons)), False


def main():
    junit, readme = sys.argv[1:3]
    any_reason = sys.argv[3:] == ["--any"]
    phrases = allowed(readme)
    tests = list(xml.parse(junit).getroot().iter("testcase"))
    found = [verdict for verdict in (judge(t, phrases) for t in tests) if verdict]
    listed = [text for text, error in found if not error]
    errors = [text for text, error in found if error]
    print("%d tests, of which %d were skipped or hide a skip"
          % (len(tests), len(found)))
    for text in listed:
        print("  skipped, as the README allows: " + text)
    for text in errors:
        print("  NOT ALLOWED: " + text)
    if errors and not any_reason:
        sys.exit("A skipped test has compared nothing. Install what it needs "
                 "(tests/run.sh does), or give the reason a line in README.md "
                 "under '%s'." % HEADING)


if __name__ == "__main__":
    main()
