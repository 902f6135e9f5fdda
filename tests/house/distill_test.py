"""routedk-distill through an endpoint: killed at random moments it loses, doubles and tears nothing; its budget stops
it cleanly; held-out sessions stay here; the key is in no file.

usage: distill_test.py PATH/routedk-distill      (the small model's tokenizer, data/sample)
"""
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import chat_endpoint
import suite

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf"
KILLS = 20
KEY = "sk-never-to-be-written"


def records(path):
    """The whole lines of a store, without times; raises where one is no record."""
    text = path.read_text() if path.exists() else ""
    whole = [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]
    return [{name: value for name, value in record.items() if name not in ("time", "seconds")} for record in whole]


def places(store):
    return [(record["session"], record["kind"]) for record in store]


class Distill(unittest.TestCase):
    def setUp(self):
        if not MODEL.exists():
            self.skipTest(f"no {MODEL}: scripts/setup fetches it")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="routedk-distill-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.server = chat_endpoint.serve(delay=0.08)
        self.addCleanup(self.server.shutdown)

    def start(self, name, *arguments, **settings):
        sets = {"data.dir": ROOT / "data/sample", "run.dir": self.folder / name, "run.store": self.folder / f"{name}-store", "split.train_limit": 70,
                "teacher.kind": "endpoint", "teacher.model": "m", "teacher.endpoint.url": self.server.url,
                "teacher.endpoint.key_variable": "ROUTEDK_TEST_KEY", "teacher.batch": 4, "teacher.retries": 0, **settings}
        command = [PROGRAM, *arguments, *(word for item in sets.items() for word in ("--set", "%s=%s" % item))]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env={**os.environ, "ROUTEDK_TEST_KEY": KEY})

    def run_whole(self, name, *arguments, code=0, **settings):
        process = self.start(name, *arguments, **settings)
        out, log = process.communicate(timeout=300)
        self.assertEqual(process.returncode, code, log)
        return out, log

    def test_killed_at_random_moments_it_loses_doubles_and_tears_no_record(self):
        self.run_whole("whole")
        whole = records(self.folder / "whole/knowledge.jsonl")
        self.assertEqual(len(whole), 140)
        self.assertEqual(len(set(places(whole))), 140)
        store = self.folder / "killed/knowledge.jsonl"
        moments = random.Random(5)
        before = []
        for _ in range(KILLS):
            process = self.start("killed")
            known = len(before)
            if moments.random() < 0.75:  # amid the records, otherwise perhaps before the first
                while process.poll() is None and len(records(store)) == known:
                    time.sleep(0.005)
            time.sleep(moments.uniform(0, 0.25))
            process.send_signal(signal.SIGKILL)
            process.communicate()
            now = records(store)
            self.assertEqual(now[:known], before)
            before = now
        self.run_whole("killed")
        killed = records(store)
        self.assertTrue(store.read_bytes().endswith(b"\n"))
        by_place = lambda record: (record["session"], record["kind"])
        self.assertEqual(sorted(killed, key=by_place), sorted(whole, key=by_place))

        served = self.server.served
        self.run_whole("killed", "--redo")  # all is there: nothing is asked
        self.assertEqual(self.server.served, served)
        self.reports_all(killed)
        self.hides_the_key()

    def reports_all(self, store):
        report = json.loads(self.run_whole("killed", "--report")[0])
        for kind in ("rules", "thought"):
            of_kind = [record for record in store if record["kind"] == kind]
            failed = [record for record in of_kind if record["failure"]]
            self.assertGreater(len(failed), 0)  # one reply of seven is bad
            self.assertEqual(report[kind]["sessions"], 70)
            self.assertEqual(report[kind]["records"], 70 - len(failed))
            self.assertEqual(report[kind]["failed"], len(failed))
            self.assertEqual(sum(report[kind]["failures"].values()), len(failed))
            self.assertEqual(report[kind]["prompt_tokens"], sum(record["prompt_tokens"] for record in of_kind))
        self.assertEqual(set(rule["rule"] for rule in report["domain_rules"]),
                         set((self.folder / "killed/domain_rules.txt").read_text().splitlines()))

    def hides_the_key(self):
        for path in self.folder.rglob("*"):
            if path.is_file():
                self.assertNotIn(KEY, path.read_text(errors="replace"), path)

    def test_a_budget_stops_it_cleanly_and_a_larger_one_goes_on(self):
        _, log = self.run_whole("budget", code=2, **{"teacher.budget.tokens": 1000})
        self.assertIn("teacher.budget.tokens", log)
        first = records(self.folder / "budget/knowledge.jsonl")
        spent = sum(record["prompt_tokens"] + record["completion_tokens"] for record in first)
        self.assertGreater(spent, 0)
        self.assertLessEqual(spent, 1000 + 4 * 15)  # one batch over it at most
        self.run_whole("budget", **{"teacher.budget.tokens": 100000})
        self.assertEqual(records(self.folder / "budget/knowledge.jsonl")[:len(first)], first)

    def test_replies_to_dialogues_that_kills_ended_count_against_the_budget(self):
        kills = 0
        while True:  # each kill comes before the rules, which take at least three replies, are whole
            served = self.server.served
            process = self.start("kills", **{"teacher.budget.tokens": 600})
            while process.poll() is None and self.server.served < served + 8:
                time.sleep(0.005)
            if process.poll() is not None:
                break
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += 1
            self.assertLess(kills, 20)
        _, log = process.communicate()
        self.assertEqual(process.returncode, 2, log)
        self.assertIn("teacher.budget.tokens", log)
        unseen = 4 * kills  # at most a batch is under way when a kill comes
        self.assertLessEqual(self.server.served, 600 // 15 + 4 + unseen)
        counted = sum(record["prompt_tokens"] + record["completion_tokens"]
                      for record in records(self.folder / "kills/steps/distil/knowledge.spent.jsonl"))
        recorded = sum(record["prompt_tokens"] + record["completion_tokens"]
                       for record in records(self.folder / "kills/knowledge.jsonl"))
        self.assertGreaterEqual(counted, (self.server.served - unseen) * 15)
        self.assertGreater(counted, recorded)

    def test_held_out_sessions_are_sent_only_when_the_settings_say_so(self):
        _, log = self.run_whole("teacher", "--evaluate-teacher", "--split", "test", code=2)
        self.assertIn("teacher.held_out", log)
        self.assertEqual(self.server.served, 0)
        out, _ = self.run_whole("teacher", "--evaluate-teacher", "--split", "test",
                                **{"teacher.held_out": "true", "eval.resamples": 100})
        figures = json.loads(out)
        answers = records(self.folder / "teacher/teacher-test.jsonl")
        self.assertEqual(len(answers), figures["sessions"])
        self.assertEqual(figures["parse_rate"], 1.0)
        self.assertEqual(figures["bundles_per_session"], 1.0)  # the endpoint says products 1 and 2: a baseline's answer
        again, _ = self.run_whole("teacher", "--evaluate-teacher", "--split", "test",
                                  **{"teacher.held_out": "true", "eval.resamples": 100})
        self.assertEqual({**json.loads(again), "written": 0, "kept": 0}, {**figures, "written": 0, "kept": 0})
        self.assertEqual(self.server.served, len(answers))

    def test_a_key_that_is_not_set_is_named(self):
        _, log = self.run_whole("no-key", code=2, **{"teacher.endpoint.key_variable": "ROUTEDK_NO_SUCH_KEY"})
        self.assertIn("ROUTEDK_NO_SUCH_KEY", log)


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    suite.main()
