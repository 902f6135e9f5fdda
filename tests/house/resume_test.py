"""A run killed with SIGKILL in every step and started again ends with the numbers of an undisturbed run.

usage: resume_test.py PATH/routedk-run      (the real model, a few sessions of data/sample)
"""
import csv
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import suite

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf"
SESSIONS_OF_EACH_LENGTH = 4
LENGTHS = (2, 3)
SETTINGS = [
    "train.epochs=2", "train.batch_size=3", "train.checkpoint_every=1", "router.data=train", "router.epochs=1", "router.batch_size=3",
    "router.checkpoint_every=1", "lora.rank=4", "decode.samples=2", "decode.batch_sessions=1",
    "eval.systems=[backbone, base, dynamic]", "eval.select=[vote, verifier]", "eval.resamples=100", "run.threads=2",
]


def small_data(folder):
    """The sample's electronic domain with a few sessions of the short lengths."""
    source = ROOT / "data/sample/electronic"
    shutil.copytree(source, folder / "electronic")
    (folder / "split.yaml").write_text("test_per_length: 1\nval_per_length: 1\n")
    with open(source / "session_item.csv", newline="") as file:
        lengths = {}
        for session, _ in list(csv.reader(file))[1:]:
            lengths[session] = lengths.get(session, 0) + 1
    with open(source / "session_bundle.csv", newline="") as file:
        header, *rows = csv.reader(file)
    kept = set()
    for length in LENGTHS:
        alike = list(dict.fromkeys(row[0] for row in rows if lengths[row[0]] == length))
        kept.update(alike[:SESSIONS_OF_EACH_LENGTH])
    with open(folder / "electronic/session_bundle.csv", "w", newline="") as file:
        csv.writer(file).writerows([header, *(row for row in rows if row[0] in kept)])


def lines(path):
    return len(path.read_text().splitlines()) if path.exists() else 0


def figures(value):
    """Everything that is not a time."""
    if isinstance(value, dict):
        return {key: figures(item) for key, item in value.items() if key != "seconds"}
    return [figures(item) for item in value] if isinstance(value, list) else value


class Resume(unittest.TestCase):
    def setUp(self):
        if not MODEL.exists():
            self.skipTest(f"no {MODEL}: scripts/setup fetches it")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="routedk-resume-"))
        self.addCleanup(shutil.rmtree, self.folder)
        small_data(self.folder / "data")

    def start(self, name, *options):
        sets = [f"data.dir={self.folder / 'data'}", f"run.dir={self.folder / name}",
                f"run.store={self.folder / name}-store", *SETTINGS]
        command = [PROGRAM, "configs/experiments/demo.yaml", *(word for item in sets for word in ("--set", item)), *options]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def finish(self, process):
        _, log = process.communicate(timeout=600)
        self.assertEqual(process.returncode, 0, log)
        return log

    def kill_when(self, name, reached, *options):
        """Starts the run and kills it as soon as `reached(run folder)` holds."""
        process = self.start(name, *options)
        deadline = time.monotonic() + 300
        while not reached(self.folder / name):
            self.assertIsNone(process.poll(), "the run ended before the moment came")
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        return process.communicate()[1]

    def test_a_run_killed_in_every_step_ends_with_the_same_numbers(self):
        self.finish(self.start("whole"))
        self.kill_when("killed", lambda run: lines(run / "knowledge.jsonl") >= 3)
        self.kill_when("killed", lambda run: lines(run / "steps/train-base/metrics.jsonl") >= 4)
        self.kill_when("killed", lambda run: any(run.glob("steps/train-base/checkpoints/*/step-000002")))
        log = self.kill_when("killed", lambda run: (run / "steps/router/checkpoints/step-000001").exists())
        self.assertRegex(log, r"train base, high_level, fine_grained: resumed at step [2-4]")
        self.assertIn("distil", re.search(r"\d of \d+ steps are done already: (.*)", log)[1])
        self.kill_when("killed", lambda run: lines(run / "steps/answer-base/verifier.jsonl") >= 1)
        self.kill_when("killed", lambda run: lines(run / "steps/answer-base/answers.jsonl") >= 1)
        self.finish(self.start("killed"))
        whole, killed = (json.loads((self.folder / name / "results.json").read_text()) for name in ("whole", "killed"))
        self.assertEqual(figures(whole), figures(killed))
        for name in ("base", "dynamic"):
            answers = [[figures(json.loads(line)) for line in
                        (self.folder / run / f"answers/{name}.jsonl").read_text().splitlines()]
                       for run in ("whole", "killed")]
            self.assertEqual(*answers)
        for name in ("base", "high_level", "fine_grained"):
            inputs = [(self.folder / run / f"steps/train-{name}/inputs.json").read_text() for run in ("whole", "killed")]
            self.assertEqual(*inputs)

        self.skips_what_is_done()
        self.does_what_other_settings_change_and_no_more()

    def test_another_number_of_threads_goes_on_from_a_checkpoint_only_when_told_to(self):
        def refused(setting, threads):
            for more in ((), ("--dry-run",)):
                process = self.start("moved", "--threads", threads, *more)
                _, log = process.communicate(timeout=300)
                self.assertEqual(process.returncode, 2, log)
                self.assertIn("`threads`", log.splitlines()[-1])
                self.assertIn(f"`{setting}.resume_elsewhere`", log.splitlines()[-1])

        elsewhere = ["--set", "train.resume_elsewhere=true", "--set", "router.resume_elsewhere=true"]
        self.kill_when("moved", lambda run: any(run.glob("steps/train-base/checkpoints/*/step-000002")), "--threads", "2")
        refused("train", "1")
        log = self.kill_when("moved", lambda run: (run / "steps/router/checkpoints/step-000001").exists(), "--threads", "1", *elsewhere)
        self.assertRegex(log, r"resumed at step [2-4]")
        refused("router", "2")
        self.assertIn("train router: resumed at step", self.finish(self.start("moved", "--threads", "2", *elsewhere)))

    def skips_what_is_done(self):
        results = self.folder / "whole/results.json"
        before = results.stat().st_mtime_ns
        self.finish(self.start("whole"))
        self.assertEqual(results.stat().st_mtime_ns, before)

    def does_what_other_settings_change_and_no_more(self):
        expert, answers = ((self.folder / "whole/steps" / step).resolve() for step in ("train-base", "answer-base"))
        SETTINGS.append("decode.temperature=0.5")
        self.addCleanup(SETTINGS.pop)
        log = self.finish(self.start("whole"))
        self.assertIn("answer-base: changed since this run's last: decode.temperature: 1 -> 0.5", log)
        self.assertEqual((self.folder / "whole/steps/train-base").resolve(), expert)
        self.assertNotEqual((self.folder / "whole/steps/answer-base").resolve(), answers)
        self.assertTrue((answers / "step.json").exists(), "the old answers stay in the store")


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    suite.main()
