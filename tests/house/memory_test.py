"""`--dry-run` predicts the peak memory of training within 15 %, the router's within 20 %, and at most twice evaluation's;
and it refuses what a run would, without a trace on disk.

usage: memory_test.py PATH/routedk-run      (the real model, sixteen sessions of data/sample; a tiny one)
"""
import fcntl
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import fixtures
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


class Refusals(unittest.TestCase):
    """Each with a Llama of 330 tokens and the sample's electronic domain."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="routedk-refusals-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        shutil.copytree(ROOT / "data/sample/electronic", self.folder / "data/electronic")
        shutil.copy(ROOT / "data/sample/split.yaml", self.folder / "data")
        fixtures.model(self.folder)
        self.settings = {"data__dir": "data", "data__domain": "electronic", "model__path": "model", "run__dir": "run",
                         "experts": "[base, high_level]", "eval__systems": "[base, average]", "lora__rank": 2, "split__train_limit": 4,
                         "train__epochs": 1, "watch__answers": 0, "eval__limit": 2}  # fmt: skip

    def run_program(self, *words, program="routedk-run", code=2, dry=True, **settings):
        """-> what it said; a dry run leaves nothing on disk."""
        before = sorted(self.folder.rglob("*"))
        command = [pathlib.Path(PROGRAM).parent / program, *fixtures.sets(**{**self.settings, **settings}), *words, *(["--dry-run"] if dry else [])]
        environment = {name: value for name, value in os.environ.items() if name != "ROUTEDK_DATA_DIR"}
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=120, env=environment)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        if dry:
            self.assertEqual(sorted(self.folder.rglob("*")), before)
        return done.stderr

    def test_what_can_be_run_is_not_refused(self):
        self.run_program(code=0)
        self.run_program(program="routedk-distill", code=0)

    def test_data_prompts_and_models(self):
        self.assertIn("nowhere/raw.txt must be a readable file", self.run_program(prompts="nowhere"))
        self.assertIn("model.device", self.run_program(model__device="cuda:99"))
        weights = self.folder / "model/model.safetensors"
        whole = weights.read_bytes()
        weights.write_bytes(whole[:-8])
        self.assertIn("model.safetensors", self.run_program())
        weights.write_bytes(whole[:-4] + b"\0\0\xc0\x7f")  # not a number
        self.assertIn("finite", self.run_program())
        weights.write_bytes(whole)
        config = self.folder / "model/config.json"
        config.write_text(json.dumps({**json.loads(config.read_text()), "max_position_embeddings": 32}))
        self.assertIn("context", self.run_program())
        (self.folder / "data/electronic/session_item.csv").write_text("session ID,item ID\n1\n")
        self.assertIn("session_item.csv", self.run_program())

    def test_adapters_of_another_shape(self):
        self.run_program("--only", "train-base", dry=False, code=0, run__dir="runs/first")
        adapter = self.folder / "adapter"
        shutil.copytree((self.folder / "runs/first/experts/base").resolve(), adapter)
        config = json.loads((adapter / "adapter_config.json").read_text())
        (adapter / "adapter_config.json").write_text(json.dumps({**config, "r": 3}))
        for settings in ({"adapters": f"[{{name: taken, path: {adapter}}}]", "experts": "[base, taken]", "eval__systems": "[base]"},
                         {"lora__init_adapter": adapter}):  # fmt: skip
            self.assertIn("adapter/adapter_model.safetensors", self.run_program(**settings))

    def test_run_folders_and_steps_that_others_have(self):
        (self.folder / "file").touch()
        self.assertIn("file", self.run_program(run__dir="file/run"))
        self.run_program("--only", "train-base", dry=False, code=0)
        step = (self.folder / "run/steps/train-base").resolve()
        (step / "step.json").unlink()
        with open(step / ".lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.assertIn("is working on it", self.run_program("--expert", "base", program="routedk-train", experts="[base]", eval__systems="[base]"))
        (self.folder / "run/steps/train-base").unlink()
        (self.folder / "run/steps/train-base").mkdir()
        self.assertIn("must hold its steps as links", self.run_program())
        (self.folder / "store/store.json").write_text('{"format": 99}')
        self.assertIn("format 99", self.run_program(run__dir="other"))

    def test_what_must_be_done_first(self):
        self.assertIn("run routedk-distill", self.run_program(program="routedk-train"))
        self.assertIn("run routedk-train", self.run_program(program="routedk-train-router"))
        self.assertIn("run routedk-train", self.run_program(program="routedk-eval"))
        self.assertIn("--only must be one of", self.run_program("--only", "nothing"))
        self.assertIn("NO_SUCH_KEY", self.run_program(teacher__kind="endpoint", teacher__model="m", teacher__endpoint__url="http://127.0.0.1:1/v1",
                                                      teacher__endpoint__key_variable="NO_SUCH_KEY"))  # fmt: skip

    def test_an_expert_without_examples(self):
        (self.folder / "own.jsonl").write_text('{"prompt": "lamp", "completion": "a lamp", "expert": "one"}\n')
        said = self.run_program(data__examples="own.jsonl", data__dir="", experts="[one, two]", eval__systems="[]")
        self.assertIn("`two` has none", said)


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    suite.main()
