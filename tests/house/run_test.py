"""routedk-run learns a task of one's own to its end, does a step again without a trace of the first time, and refuses
examples beyond the model's context before it trains.

usage: run_test.py PATH/routedk-run      (the small model, seven short examples)
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import suite

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf"
SETTINGS = ["experts=[kind, curt]", "train.epochs=1", "train.batch_size=2", "router.epochs=1", "router.batch_size=4",
            "lora.rank=2", "watch.answers=0"]  # fmt: skip
EXAMPLES = [("Hi", "Hello!", "kind"), ("Bye", "So long!", "kind"), ("Tea?", "With pleasure.", "kind"),
            ("Hi", "What?", "curt"), ("Bye", "Go.", "curt"), ("Tea?", "No.", "curt"), ("Why?", "So.", "curt")]  # fmt: skip


class Run(unittest.TestCase):
    def setUp(self):
        if not MODEL.exists():
            self.skipTest(f"no {MODEL}: scripts/setup fetches it")
        folder = tempfile.TemporaryDirectory(prefix="routedk-run-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.write(EXAMPLES)

    def write(self, examples):
        lines = (json.dumps(dict(zip(("prompt", "completion", "expert"), example))) for example in examples)
        (self.folder / "own.jsonl").write_text("".join(line + "\n" for line in lines))

    def run_program(self, *more, settings=(), code=0):
        sets = [f"data.examples={self.folder / 'own.jsonl'}", f"run.dir={self.folder / 'run'}", *SETTINGS, *settings]
        words = (word for item in sets for word in ("--set", item))
        done = subprocess.run([PROGRAM, *words, *more], cwd=ROOT, capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout + done.stderr

    def records(self, job):
        """Of the job in its step's folder: the experts' is that of the first."""
        step = {"train": "train-kind", "router": "router"}[job]
        lines = (self.folder / "run/steps" / step / "metrics.jsonl").read_text().splitlines()
        return [record for record in map(json.loads, lines) if record["job"] == job]

    def test_every_program_says_its_version(self):
        programs = sorted(pathlib.Path(PROGRAM).parent.glob("routedk-*"))
        self.assertGreaterEqual(len(programs), 1)
        for program in programs:
            done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60)
            self.assertRegex(done.stdout, r"^routedk \d+\.\d+\.\d+ \(LibTorch \S+, (CPU|CUDA)\)\n$")
            self.assertEqual(done.returncode, 0)

    def test_an_assignment_without_a_value_is_an_empty_text(self):
        self.assertIn("model: \"\"", self.run_program("--dump-config", settings=["teacher.model="]))

    def test_a_task_of_ones_own_ends_with_experts_and_a_router(self):
        said = self.run_program()
        self.assertIn(f"experts: {self.folder}/run/experts", said)
        self.assertIn(f"router: {self.folder}/run/router", said)
        for expert in ("kind", "curt"):
            self.assertTrue((self.folder / "run/experts" / expert / "adapter_model.safetensors").exists())
        self.assertTrue((self.folder / "run/router/router.safetensors").exists())

        self.does_the_router_again_without_a_trace()
        self.goes_on_when_only_the_way_to_compute_changes()

    def does_the_router_again_without_a_trace(self):
        first, experts = self.records("router"), self.records("train")
        self.run_program("--from", "router")
        self.assertEqual(self.records("train"), experts)
        steps = [[record.get("step") for record in records] for records in (first, self.records("router"))]
        self.assertEqual(*steps)
        self.assertEqual(len(list((self.folder / "run/steps/router/tensorboard/router").iterdir())), 1)
        for expert in ("kind", "curt"):
            self.assertEqual(len(list((self.folder / f"run/steps/train-{expert}/tensorboard/{expert}").iterdir())), 1)

    def goes_on_when_only_the_way_to_compute_changes(self):
        before = len(self.records("train"))
        self.run_program(settings=["train.prepare_ahead=false", "router.prepare_ahead=false"])
        self.assertEqual(len(self.records("train")), before)

    def test_examples_beyond_the_context_are_named_before_anything_is_trained(self):
        self.write([*EXAMPLES, ("a " * 20000, "Too long.", "kind")])
        for words in ((), ("--dry-run",)):
            said = self.run_program(*words, code=2)
            self.assertIn(f"{self.folder}/own.jsonl:8 with ", said)
        self.assertFalse((self.folder / "run/experts/kind/adapter_model.safetensors").exists())
        for metrics in (self.folder / "store").glob("*/*/metrics.jsonl"):
            self.assertNotIn('"loss"', metrics.read_text())


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    suite.main()
