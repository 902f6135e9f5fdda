"""A suite whose tests were all skipped says so to ctest by its exit code."""
import pathlib
import subprocess
import sys
import unittest

import suite

HERE = pathlib.Path(__file__).resolve().parent
HEAD = "import unittest\nimport suite\nclass Some(unittest.TestCase):\n"
SKIPS = "  def test_a(self):\n    self.skipTest('no model')\n"
PASSES = "  def test_b(self):\n    pass\n"
FAILS = "  def test_c(self):\n    self.fail()\n"


def exit_code(*tests):
    text = HEAD + "".join(tests) + "suite.main()\n"
    return subprocess.run([sys.executable, "-B", "-c", text], cwd=HERE, capture_output=True).returncode


class Suite(unittest.TestCase):
    def test_all_skipped_is_skipped(self):
        self.assertEqual(exit_code(SKIPS), suite.SKIPPED)

    def test_some_skipped_is_passed(self):
        self.assertEqual(exit_code(SKIPS, PASSES), 0)
        self.assertEqual(exit_code(PASSES), 0)

    def test_one_failed_is_failed(self):
        self.assertEqual(exit_code(SKIPS, FAILS), 1)
        self.assertEqual(exit_code(PASSES, FAILS), 1)

    def test_every_suite_ends_so(self):
        suites = list(HERE.glob("*_test.py"))
        self.assertGreater(len(suites), 5)
        for path in suites:
            self.assertTrue(path.read_text().endswith("    suite.main()\n"), path)


if __name__ == "__main__":
    suite.main()
