"""A study runs each step once, shares it, survives kills at random moments, and one that fails leaves the rest whole.

usage: study_test.py PATH/routedk-run      (the real model, a few sessions of data/sample)
"""
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import suite
from resume_test import MODEL, ROOT, figures, small_data

KILLS = 20
STUDY = """
study:
  question: Does a second expert help?
  variants:
    one: {experts: [base], eval: {systems: [base]}}
    two: {eval: {systems: [base, dynamic]}}
  compare: [{a: two/dynamic, b: one/base, explain: true}]
experts: [base, high_level]
train: {epochs: 1, batch_size: 3, checkpoint_every: 1}
router: {epochs: 1, batch_size: 3, checkpoint_every: 1}
lora: {rank: 4}
decode: {samples: 2, batch_sessions: 1}
eval: {resamples: 100}
watch: {answers: 0}
"""


def rows(plan):
    """[(step, state)] of a plan's table; a step that stands there again is "as above"."""
    found = re.findall(r"^  (\S+) +[0-9a-f]{16} (.*)$", plan, re.MULTILINE)
    return [(name, re.split(r"  +", state.strip())[-1]) for name, state in found]


class Study(unittest.TestCase):
    def setUp(self):
        if not MODEL.exists():
            self.skipTest(f"no {MODEL}: scripts/setup fetches it")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="routedk-study-"))
        self.addCleanup(shutil.rmtree, self.folder)
        small_data(self.folder / "data")
        self.file = self.folder / "pairs.yaml"
        self.file.write_text(STUDY)

    def start(self, name, *arguments):
        command = [PROGRAM, self.file, "--set", f"data.dir={self.folder / 'data'}",
                   "--set", f"run.dir={self.folder / name / 'pairs'}", *arguments]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run_whole(self, name, *arguments, code=0):
        process = self.start(name, *arguments)
        out, log = process.communicate(timeout=600)
        self.assertEqual(process.returncode, code, log)
        return out, log

    def study(self, name):
        """All but what was measured of the process, and by whom it was made."""
        study = figures(json.loads((self.folder / name / "pairs/study.json").read_text()))
        del study["made"]
        for point in study["points"]:
            for step in point["steps"]:
                del step["peak_memory_mib"]
        return study

    def test_killed_at_random_moments_and_shared_by_processes_it_ends_with_the_same_files(self):
        out, _ = self.run_whole("whole")
        self.assertRegex(out, r"(?m)^two/dynamic - one/base +electronic +f1 +-?\d\.\d{3} ")
        self.says_what_it_rests_on(json.loads((self.folder / "whole/pairs/study.json").read_text()))
        self.plans_name_each_step_once()

        self.run_whole("shared", "--jobs", "2")
        self.assertEqual(self.study("shared"), self.study("whole"))

        moments = random.Random(3)
        kills = 0
        for _ in range(KILLS):
            process = self.start("killed")
            try:
                process.communicate(timeout=moments.uniform(0.3, 3.0))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.communicate()
                kills += 1
        self.assertGreater(kills, KILLS // 4)
        self.run_whole("killed")
        self.assertEqual(self.study("killed"), self.study("whole"))

    def says_what_it_rests_on(self, study):
        one, two = study["points"]
        self.assertEqual(study["made"]["command"], f"routedk-run {self.file}")
        self.assertIn("libtorch", study["made"]["versions"])
        seconds = {step["key"]: step["seconds"] for point in study["points"] for step in point["steps"]}
        self.assertAlmostEqual(study["made"]["seconds"], sum(seconds.values()), places=6)
        explained = study["explained"][0]
        self.assertEqual(explained["sessions"], study["results"]["two/dynamic"]["electronic"]["sessions"])
        self.assertEqual(list(explained["coefficients"]), ["length", "title_similarity", "intents", "alpha_entropy"])
        self.assertGreater(two["losses"]["router"]["train"][0][1], 0)
        self.assertEqual(two["steps"][3]["trained_parameters"], 30 * (2 * 576 + 2))
        self.assertEqual([step["step"] for step in one["steps"]], ["train-base", "answer-base", "evaluate"])
        self.assertEqual(one["steps"][:2], [step for step in two["steps"] if step["step"].endswith("-base")])
        self.assertTrue(all(step["seconds"] > 0 for step in two["steps"]))
        self.assertLessEqual(two["systems"]["dynamic"]["calibration"]["ece"], 1)
        self.assertEqual(len(two["systems"]["dynamic"]["routing"]), 30)
        results = json.loads((self.folder / "whole/pairs/two/results.json").read_text())["systems"]
        for name in ("dynamic", "similar_pairs"):
            key = name if name == "similar_pairs" else f"two/{name}"
            self.assertAlmostEqual(study["results"][key]["electronic"]["f1"], results[name]["f1"], places=12)

        tables = (self.folder / "whole/pairs/study.txt").read_text().splitlines()[1:]  # after the question
        self.assertLessEqual(max(map(len, tables)), 100)
        self.assertTrue(any(line.startswith("two/dynamic") for line in tables))

    def plans_name_each_step_once(self):
        plan, _ = self.run_whole("whole", "--plan")
        self.assertEqual(sorted(rows(plan)), sorted(
            [(step, "cached") for step in ("distil", "train-base", "train-high_level", "router", "answer-base",
                                           "answer-dynamic", "evaluate", "evaluate")] +
            [("train-base", "as above"), ("answer-base", "as above")]))
        self.assertIn("9 steps, 0 to do", plan)
        start = time.monotonic()
        self.run_whole("whole")
        self.assertLess(time.monotonic() - start, 10)

        changed, _ = self.run_whole("whole", "--plan", "--set", "router.temperature=2")
        self.assertEqual([name for name, state in rows(changed) if state not in ("cached", "as above")],
                         ["router", "answer-dynamic", "evaluate"])
        self.assertIn("router.temperature: 1 -> 2", changed)
        more = ("router.learning_rate=0.002", "router.entropy_weight=0.01", "router.balance_weight=0.01", "router.temperature=2")
        changed, _ = self.run_whole("whole", "--plan", *(word for one in more for word in ("--set", one)))
        details = [line for line in changed.splitlines() if line.startswith("    ")]
        self.assertGreater(len(details), 3)  # three steps, and what they say is longer than a line
        self.assertLessEqual(max(map(len, details)), 100)
        unused, _ = self.run_whole("whole", "--gc", "--set", "router.temperature=2")
        self.assertEqual(len(re.findall(r"MiB  \S+/(router|answer|evaluate|compare)/[0-9a-f]{16}$", unused, re.MULTILINE)), 4,
                         unused)

    def test_one_step_alone_wants_its_inputs_and_a_failed_one_leaves_the_rest(self):
        _, log = self.run_whole("alone", "--only", "router", code=2)
        self.assertIn("train-base", log)
        _, log = self.run_whole("alone", "--only", "nothing", code=2)
        self.assertIn("answer-dynamic", log)
        self.run_whole("alone", "--only", "train-base")
        self.assertEqual(len(list((self.folder / "alone/store/train").glob("*/step.json"))), 1)

        broken = next((self.folder / "alone/store/train").glob("*/base")) / "adapter_model.safetensors"
        broken.write_bytes(b"\0" * 64)
        _, log = self.run_whole("alone", "--keep-going", code=2)
        self.assertIn("answer-base", log)
        done = {json.loads(path.read_text())["step"] for path in (self.folder / "alone/store").glob("*/*/step.json")}
        self.assertEqual(done, {"distil", "train-base", "train-high_level"})


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    suite.main()
