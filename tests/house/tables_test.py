"""Tables of the docs are those that benchmarks/tables.py makes of docs/results."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import suite

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESULT = {"machine": {"cpu": "CPU (family 1, model 2)", "cores": 2, "threads": 2, "isa": "avx2"}, "versions": {"torch": "2"},
          "commit": "abc", "date": "2026-01-31", "seconds": 7, "command": "python run.py",
          "tables": {"speed": [{"system": "ours", "tokens/s": 1234, "share": 0.5}, {"system": "theirs", "tokens/s": None,
                                                                                  "share": 12.0}]}}  # fmt: skip
BLOCK = "a\n<!-- results: speed.json {} -->\n{}<!-- end of results -->\nb\n"
TABLE = "| system | tokens/s | share |\n| --- | --- | --- |\n| ours | 1,234 | 0.5 |\n| theirs |  | 12.0 |\n"


class Tables(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        (self.root / "docs/results").mkdir(parents=True)
        (self.root / "docs/results/speed.json").write_text(json.dumps(RESULT))
        (self.root / "README.md").write_text("nothing\n")
        self.page = self.root / "docs/page.md"

    def tables(self, *options):
        return subprocess.run([sys.executable, "-B", str(ROOT / "benchmarks/tables.py"), "--root", str(self.root), *options],
                              capture_output=True, text=True)  # fmt: skip

    def test_a_block_becomes_its_table_and_what_stands_around_it_stays(self):
        self.page.write_text(BLOCK.format("speed", "old\n") + BLOCK.format("speed", ""))
        done = self.tables()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.page.read_text(), 2 * BLOCK.format("speed", TABLE))

    def test_the_run_names_machine_versions_commit_command_and_file(self):
        self.page.write_text(BLOCK.format("run", ""))
        self.tables()
        text = " ".join(self.page.read_text().split())
        self.assertIn("CPU (family 1, model 2), 2 threads on 2 cores, isa avx2, torch 2; commit abc; 31 January 2026, 7 s: "
                      "`python run.py` ([results/speed.json](results/speed.json)).", text)  # fmt: skip

    def test_check_passes_what_was_written_and_fails_on_a_figure_changed_by_hand(self):
        self.page.write_text(BLOCK.format("speed", ""))
        self.tables()
        self.assertEqual(self.tables("--check").returncode, 0)
        changed = self.page.read_text().replace("1,234", "2,345")
        self.page.write_text(changed)
        done = self.tables("--check")
        self.assertEqual(done.returncode, 1)
        self.assertIn("docs/page.md: its tables are not those of docs/results", done.stderr)
        self.assertEqual(self.page.read_text(), changed)

    def test_unknown_files_and_tables_and_open_markers_are_refused_by_name(self):
        for text, said in ((BLOCK.format("other", ""), "docs/page.md: docs/results/speed.json has no table `other`"),
                           ("<!-- results: no.json a -->\n<!-- end of results -->\n", "docs/results/no.json does not exist"),
                           ("<!-- results: speed.json speed -->\n", "must have its `end of results`")):  # fmt: skip
            self.page.write_text(text)
            done = self.tables()
            self.assertEqual(done.returncode, 1)
            self.assertIn(said, done.stderr)
            self.assertEqual(self.page.read_text(), text)

    def test_our_docs_hold_the_tables_of_our_results(self):
        done = subprocess.run([sys.executable, "-B", str(ROOT / "benchmarks/tables.py"), "--check"], capture_output=True,
                              text=True)  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    suite.main()
