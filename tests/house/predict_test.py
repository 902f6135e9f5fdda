"""routedk-predict keeps its grammar whatever titles say, streams text, and refuses bad input in one line.

usage: predict_test.py PATH/routedk-predict      (the small model alone, tests/goldens/nasty_titles.jsonl)
"""
import itertools
import json
import os
import pathlib
import signal
import subprocess
import sys
import unittest

import suite

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf"
NASTY = ROOT / "tests/goldens/nasty_titles.jsonl"


def f1(answer, gold):
    """Harmonic mean of the share of bundles within one of gold's and the share of gold's that are the first such."""
    first = [next((i for i, own in enumerate(gold) if set(bundle) <= set(own)), None) for bundle in answer]
    precision = sum(i is not None for i in first) / len(answer)
    recall = len(set(first) - {None}) / len(gold)
    return 2 * precision * recall / (precision + recall) if precision else 0


def sets(*settings):
    return [word for setting in settings for word in ("--set", setting)]


class Predict(unittest.TestCase):
    def setUp(self):
        if not MODEL.exists():
            self.skipTest(f"no {MODEL}: scripts/setup fetches it")

    def run_program(self, text, *arguments, code=0):
        done = subprocess.run([PROGRAM, *arguments], cwd=ROOT, input=text, capture_output=True, timeout=600)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout.decode(), done.stderr.decode()

    def answers(self, text, *arguments):
        """Pairs of a session's names for its items and its answer."""
        out, _ = self.run_program(text.encode(), *arguments)
        sessions = [json.loads(line) for line in text.splitlines()]
        answers = [json.loads(line) for line in out.split("\n")[:-1]]
        self.assertEqual(len(answers), len(sessions))
        for session, answer in zip(sessions, answers):
            if isinstance(session, dict) and "items" in session:
                yield {item["id"]: item["title"] for item in session["items"]}, answer
            else:
                titles = session["titles"] if isinstance(session, dict) else session
                yield dict(enumerate(titles, 1)), answer

    def check(self, items, answer):
        for bundle, titles in zip(answer["bundles"], answer["titles"], strict=True):
            self.assertGreaterEqual(len(bundle), 2)
            self.assertEqual(len(set(bundle)), len(bundle))
            self.assertEqual([items[item] for item in bundle], titles)
        self.assertGreater(answer["confidence"], 0)
        self.assertLessEqual(answer["confidence"], 1)

    def test_nasty_titles_are_answered_in_grammar(self):
        # 400 tokens hold any answer about 10 products
        some = sets("decode.samples=2", "decode.temperature=1", "decode.max_new_tokens=400")
        for items, answer in self.answers(NASTY.read_text(), "--why", *some):
            self.check(items, answer)
            self.assertGreater(len(answer["bundles"]), 0)
            self.assertEqual(sum(candidate["votes"] for candidate in answer["candidates"]), 2)
            for candidate in answer["candidates"]:
                self.assertTrue(all(item in items for bundle in candidate["bundles"] for item in bundle))

    def test_expected_utility_chooses_the_best_set_of_the_candidates_bundles(self):
        sessions = [["Camera lens", "Lens cap", "Garden hose"], ["Tea", "Tea pot", "Cup"], ["Salt", "Sock", "Saw"]]
        text = "".join(json.dumps(titles) + "\n" for titles in sessions)
        some = sets("decode.samples=8", "decode.temperature=1", "predict.select=expected_utility", "predict.utility=f1")
        for items, answer in self.answers(text, "--why", *some):
            self.check(items, answer)

            def expected(hypothesis):
                return sum(c["votes"] * f1(hypothesis, c["bundles"]) for c in answer["candidates"]) / 8

            bundles = {tuple(bundle) for candidate in answer["candidates"] for bundle in candidate["bundles"]}
            sets_of_bundles = [s for n in range(1, len(bundles) + 1) for s in itertools.combinations(bundles, n)]
            self.assertAlmostEqual(answer["confidence"], expected(answer["bundles"]))
            self.assertAlmostEqual(answer["confidence"], max(map(expected, sets_of_bundles)))

    def test_free_answers_that_do_not_parse_are_null_and_said_so(self):
        some = sets("decode.samples=1", "decode.constrain=false", "decode.max_new_tokens=40")
        unparsed = 0
        for items, answer in self.answers(NASTY.read_text(), *some):
            if answer["bundles"] is None:
                unparsed += 1
                self.assertEqual((answer["titles"], answer["confidence"]), (None, 0))
                self.assertIn("required form", answer["note"])
            else:
                self.check(items, answer)
        self.assertGreater(unparsed, 0)

    def test_bad_input_is_refused_in_one_line(self):
        for text, word in [(b"", "empty"), (b"[]", "has 0"), (b"{", "JSON"), (b'["a"]\n["b", ""]\n', ":2"),
                           (b'["%s", "b"]' % (b"long " * 9000), "8192 tokens"), (b"\xff\xfe", "JSON")]:
            out, log = self.run_program(text, code=2)
            self.assertEqual(out, "")
            self.assertEqual(log.count("\n"), 1, log)
            self.assertTrue(log.startswith("error: "), log)
            self.assertIn(word, log)
        self.run_program(b"", "--why", "--prompt", "x", code=2)
        self.run_program(b"", "--run", "x", "--adapter", "y", code=2)

    def test_without_a_choice_it_says_that_the_backbone_answers_alone(self):
        out, log = self.run_program(b'["just one"]')
        self.assertEqual(json.loads(out), {"bundles": [], "titles": [], "confidence": 1.0,
                                           "note": "a bundle needs at least 2 items"})
        self.assertIn("alone", log)

    def test_an_interrupted_text_keeps_what_is_there(self):
        command = [PROGRAM, "--prompt", "Tell me a very long story.", "--max-new-tokens", "1900"]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        begun = process.stdout.read(20)
        self.assertIsNone(process.poll(), "the text must come before it is whole")
        process.send_signal(signal.SIGINT)
        rest, log = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, log)
        self.assertTrue(rest.endswith(b"\n"), rest)
        (begun + rest).decode()
        self.assertIn(b"signal 2 stopped the text", log)


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    suite.main()
