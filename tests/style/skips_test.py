#!/usr/bin/env python3
"""skips_test.py SKIPS: what tests/skips.py lets pass and what it refuses."""
import subprocess
import sys
import tempfile
import unittest

_SKIPS = sys.argv[1]
_README = """# Name
- `not of this list`: text
### Tests that may be skipped
- `TAE_SHARED`: the data is elsewhere.
- `not on this CPU`: the kernels.
## Next
- `no browser`: text
"""


def case(name, status, output):
    skipped = '<skipped message="SKIP_RETURN_CODE=77"/>'
    return '<testcase name="%s" status="%s">%s<system-out>%s</system-out>' \
        "</testcase>" % (name, status, skipped if status == "notrun" else "",
                         output)


class Skips(unittest.TestCase):
    def run_with(self, *cases, more=()):
        with tempfile.TemporaryDirectory() as folder:
            junit, readme = folder + "/tests.xml", folder + "/README.md"
            with open(junit, "w", encoding="utf-8") as file:
                file.write("<testsuite>%s</testsuite>" % "".join(cases))
            with open(readme, "w", encoding="utf-8") as file:
                file.write(_README)
            done = subprocess.run([_SKIPS, junit, readme, *more], text=True,
                                  capture_output=True)
            return done.returncode, done.stdout + done.stderr

    def test_all_passed(self):
        self.assertEqual(self.run_with(case("a", "run", "fine"))[0], 0)

    def test_reasons_of_the_list_are_allowed(self):
        status, said = self.run_with(
            case("a", "notrun", "SKIPPED: A.b: needs x in TAE_SHARED\n"),
            case("b", "notrun", "skipped: not on this CPU\n"))
        self.assertEqual(status, 0, said)
        self.assertIn("a: needs x in TAE_SHARED", said)

    def test_other_reasons_are_not(self):
        for reason in ("no browser", "not of this list"):
            cases = [case("a", "notrun", "skipped: not on this CPU\nskipped: "
                          + reason)]
            status, said = self.run_with(*cases)
            self.assertEqual(status, 1)
            self.assertIn("NOT ALLOWED: a was skipped: " + reason, said)
            self.assertEqual(self.run_with(*cases, more=["--any"])[0], 0)

    def test_a_skip_without_a_reason_is_refused(self):
        status, said = self.run_with(case("a", "notrun", "well"))
        self.assertEqual(status, 1)
        self.assertIn("does not say why", said)

    def test_a_pass_that_hides_a_skip_is_refused(self):
        for words in ("SKIPPED: x: not on this CPU", "[  SKIPPED ] A.b (0 ms)",
                      "Ran 3 tests\n\nOK (skipped=1)"):
            status, said = self.run_with(case("a", "run", words))
            self.assertEqual(status, 1, words)
            self.assertIn("a passed, but: ", said)

    def test_failures_are_left_to_ctest(self):
        self.assertEqual(self.run_with(case("a", "fail", "skipped: x"))[0], 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
