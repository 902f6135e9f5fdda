"""`--dry-run` predicts the peak memory of training within 15 %, the router's within 20 %, and at most twice evaluation's.

usage: memory_test.py PATH/routedk-run      (the real model, sixteen sessions of data/sample)
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import suite

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf"
SETTINGS = [
    "data.dir=data/sample", "split.train_limit=16", "train.epochs=1", "train.max_tokens=1024", "watch.answers=0",
    "experts=[base, merged]", "eval.systems=[dynamic]", "eval.limit=1", "router.epochs=1", "router.max_tokens=256",
]  # fmt: skip


class Memory(unittest.TestCase):
    def setUp(self):
        if not MODEL.exists():
            self.skipTest(f"no {MODEL}: scripts/setup fetches it")

    def run_program(self, folder, *more):
        sets = (word for item in [*SETTINGS, f"run.dir={folder}/run"] for word in ("--set", item))
        done = subprocess.run([PROGRAM, *sets, *more], cwd=ROOT, capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def measured(self, folder, step):
        return json.loads((pathlib.Path(folder) / "run/steps" / step / "step.json").read_text())["peak_memory_mib"]

    def test_the_predicted_peak_is_within_15_percent_of_the_measured_one(self):
        with tempfile.TemporaryDirectory(prefix="routedk-memory-") as folder:
            plan = self.run_program(folder, "--dry-run")
            predicted = float(re.search(r"predicted peak\s+(\d+) MiB", plan)[1])
            self.run_program(folder)
            measured = self.measured(folder, "train-base")
            print(f"predicted {predicted:.0f} MiB, measured {measured:.0f} MiB")
            self.assertLess(abs(predicted / measured - 1), 0.15, plan)
            self.router_and_evaluation_stay_within_their_predictions(folder)

    def router_and_evaluation_stay_within_their_predictions(self, folder):
        """Each in a process of its own. An evaluation is predicted for samples that all differ and grow as long as they may."""
        plan = self.run_program(folder, "--dry-run")
        peaks = map(float, re.findall(r"(\d+) MiB", plan.split("predicted peak")[1]))
        predicted = dict(zip(("train", "router", "evaluate"), peaks))
        for step in ("router", "evaluate"):
            kind, name = {"router": ("router", "router"), "evaluate": ("answer", "answer-dynamic")}[step]
            self.run_program(folder, "--from", kind)
            measured = self.measured(folder, name)
            print(f"{step}: predicted {predicted[step]:.0f} MiB, measured {measured:.0f} MiB")
            least, most = {"router": (0.8, 1.2), "evaluate": (0.5, 1.0)}[step]
            self.assertLess(measured, most * predicted[step], plan)
            self.assertGreater(measured, least * predicted[step], plan)


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    suite.main()
