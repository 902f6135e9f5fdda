"""scripts/report makes one page that needs nothing else. Skipped, saying so, where no Python with matplotlib and
jinja2 is at hand: the one that runs this, or the one in ROUTEDK_PYTHON."""
import functools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import suite

REPORT = pathlib.Path(__file__).resolve().parents[2] / "scripts/report"


@functools.lru_cache
def python():
    for candidate in (os.environ.get("ROUTEDK_PYTHON"), sys.executable):
        if candidate and not subprocess.run([candidate, "-c", "import jinja2, matplotlib"], capture_output=True).returncode:
            return candidate
    raise unittest.SkipTest("no Python with matplotlib and jinja2: name one in ROUTEDK_PYTHON")


def outside(page):
    """What a page takes from elsewhere."""
    return re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', page)


def step(job, group, number, **more):
    return {"job": job, "step": number, "group": group, "loss": 1.0, "token_loss": 2.0 / number, "learning_rate": 1e-3,
            "grad_norm": 0.5, "tokens": 100, "answer_tokens": 10, "tokens_per_s": 50.0, "seconds": 2.0,
            "memory_mib": 300.0 + number, **more}  # fmt: skip


def gates(first):
    return [{"mean": [first, 1 - first], "mean_entropy": 0.3, "entropy_of_mean": 0.6} for _ in range(4)]


class Report(unittest.TestCase):
    def setUp(self):
        self.run_folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) / "demo"
        (self.run_folder / "steps/train-base").mkdir(parents=True)

    def enterContext(self, manager):  # unittest has its own from Python 3.11 on
        value = manager.__enter__()
        self.addCleanup(manager.__exit__, None, None, None)
        return value

    def write(self, records):
        (self.run_folder / "steps/train-base/metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))

    def report(self):
        return subprocess.run([python(), str(REPORT), str(self.run_folder)], capture_output=True, text=True)

    def page(self):
        done = self.report()
        self.assertEqual(done.returncode, 0, done.stderr)
        return (self.run_folder / "report.html").read_text()

    def test_a_run_with_a_router_has_every_part_and_nothing_from_outside(self):
        (self.run_folder / "config.yaml").write_text("lora:\n  rank: 16 # <r>\n")
        answers = [{"key": 7, "answer": '{"bundle1": ["product1", "product2"]}'}]
        self.write([step("train", "base", 1), step("train", "base", 2),
                    {"job": "train", "step": 2, "group": "base", "validation_loss": 0.875, "best": True, "answers": answers},
                    {"job": "router", "step": 1, "group": "router", "warning": "collapse: one expert"},
                    step("router", "router", 1, gates=gates(0.7))])  # fmt: skip
        page = self.page()
        for part in ("Run demo", "train/base", "0.8750", "302", "Router: mean weight by layer and expert",
                     "router/router, step 1: collapse: one expert", "&#34;bundle1&#34;", "# &lt;r&gt;"):  # fmt: skip
            self.assertIn(part, page)
        self.assertEqual(page.count("data:image/svg+xml;base64,"), 7)
        self.assertEqual(outside(page), [])

    def test_records_that_a_resume_made_void_are_left_out(self):
        self.write([step("train", "base", 1), step("train", "base", 2, tokens=7000), {"job": "train", "resumed_at": 1},
                    step("train", "base", 2)])  # fmt: skip
        page = self.page()
        self.assertIn("<td>2</td>", page)
        self.assertIn("<td>200</td>", page)
        self.assertNotIn("7100", page)

    def test_a_resume_voids_the_records_of_its_own_groups_alone(self):
        self.write([step("train", "base", 1), step("train", "curt", 1, tokens=7000),
                    {"job": "train", "resumed_at": 0, "groups": ["curt"]}, step("train", "curt", 1)])  # fmt: skip
        page = self.page()
        self.assertEqual(page.count("<td>100</td>"), 2)
        self.assertNotIn("7000", page)

    def test_a_folder_without_metrics_is_refused_by_name(self):
        done = self.report()
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"but {self.run_folder} does not", done.stderr)


if __name__ == "__main__":
    suite.main()
