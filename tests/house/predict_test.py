"""routedk-predict keeps its grammar whatever titles say, streams text, and refuses bad input in one line.

usage: predict_test.py PATH/routedk-predict      (the small model alone, tests/goldens/nasty_titles.jsonl)
"""
import csv
import io
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

    def test_long_sessions_are_asked_in_windows_and_what_they_say_comes_back(self):
        titles = [f"{place} {thing}" for place in ("Camera", "Kitchen") for thing in "lens bag strap cup pot book".split()] + ["Tea"]
        items = [{"id": f"a{i}", "title": title, "price": i} for i, title in enumerate(titles)]
        session = {"session": "s9", "shop": "north", "items": items}
        (names, answer), = self.answers(json.dumps(session) + "\n", *sets("decode.samples=2"))
        self.check(names, answer)
        self.assertEqual((answer["session"], answer["shop"], answer["items"]), ("s9", "north", items))
        self.assertIn("2 windows of at most 10 items", answer["note"])
        half = {item["id"] for item in items[:6]}
        for bundle in answer["bundles"]:
            self.assertIn(len(half & set(bundle)), (0, len(bundle)))
        table = io.StringIO()
        csv.writer(table).writerows([["session", "item", "title", "price"], *(["s9", *item.values()] for item in items)])
        rows = list(csv.DictReader(io.StringIO(self.run_program(table.getvalue().encode(), "--csv", *sets("decode.samples=2"))[0])))
        self.assertEqual(list(dict.fromkeys((row["item"], row["price"]) for row in rows)),  # again for each bundle it is in
                         [(item["id"], str(item["price"])) for item in items])
        self.assertIn("2 windows", rows[0]["note"])
        for number, bundle in enumerate(answer["bundles"], 1):
            self.assertEqual([row["item"] for row in rows if row["bundle"] == str(number)], bundle)

    def test_help_says_that_the_confidence_is_not_calibrated(self):
        self.assertIn("The confidence is not calibrated", " ".join(self.run_program(b"", "--help")[0].split()))

    def test_bad_input_is_refused_in_one_line(self):
        for text, word in [(b"", "empty"), (b"[]", "has 0"), (b"{", "JSON"), (b'["a"]\n["b", ""]\n', ":2"),
                           (b'["%s", "b"]' % (b"long " * 9000), "8192 tokens"), (b"\xff\xfe", "UTF-16")]:
            out, log = self.run_program(text, "--strict", code=2)
            self.assertEqual(out, "")
            self.assertEqual(log.count("\n"), 1, log)
            self.assertTrue(log.startswith("error: "), log)
            self.assertIn(word, log)
        for option in ("--run", "--model", "--adapter", "--gate"):  # an empty variable of a shell
            self.assertIn("must not be empty", self.run_program(b'["a", "b"]', option, "", code=2)[1])
        self.assertIn("--max-new-tokens", self.run_program(b"", "--prompt", "x", "--max-new-tokens", "1e9", code=2)[1])
        self.assertIn("README.md must begin with the magic GGUF", self.run_program(b'["a", "b"]', "--model", "README.md", code=2)[1])
        self.run_program(b"", "--why", "--prompt", "x", code=2)
        self.run_program(b"", "--csv", "--pretty", code=2)
        self.run_program(b"", "--title-column", "x", code=2)
        self.run_program(b"", "--run", "x", "--adapter", "y", code=2)

    def test_a_folder_or_nothing_as_standard_input_is_named(self):
        for redirection, said in (("</", "a folder"), ("<&-", "closed")):
            done = subprocess.run(["bash", "-c", f'exec "$0" {redirection}', PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(f"standard input must be readable, but is {said} instead", done.stderr)

    def test_ids_that_a_spreadsheet_rounded_are_named_once(self):
        table = b"session,item,title\n1.23457E+11,4.00638E+12,TV\n1.23457E+11,A1,TV stand\n"
        _, log = self.run_program(table, "--csv", *sets("decode.samples=1"))
        self.assertEqual(log.count("a spreadsheet has rounded"), 1, log)

    def test_a_bad_line_is_named_and_skipped(self):
        out, log = self.run_program(b'["Tea", "Cup"]\n["b", ""]\n{"id": 1}\n{"session": "x", "titles": ["One"], "shop": 3}\n',
                                    *sets("decode.samples=1"), code=2)
        first, second = map(json.loads, out.splitlines())
        self.assertEqual(first["bundles"], [[1, 2]])
        self.assertEqual((second["session"], second["shop"]), ("x", 3))
        for word in ("input:2", "input:3", "2 were skipped", "2 answered"):
            self.assertIn(word, log)

    def test_a_shops_table_comes_back_with_bundles(self):
        rows = [{"cart": f"c{cart}", "sku": f"A-{cart}{item}", "name": title, "price": "1,50"}
                for item in range(3) for cart, title in enumerate(["Tea, green", "Lamp \"Ida\"", "Soap"])
                if cart != 2 or item == 0]
        table = io.StringIO()
        writer = csv.DictWriter(table, rows[0].keys())
        writer.writeheader()
        writer.writerows({**row, "name": f"{row['name']} {i}"} for i, row in enumerate(rows))
        named = ["--session-column", "cart", "--item-column", "sku", "--title-column", "name"]
        out, _ = self.run_program(table.getvalue().encode(), "--csv", *named, *sets("decode.samples=2"))
        answered = list(csv.DictReader(io.StringIO(out)))
        self.assertEqual(list(answered[0]), [*rows[0], "bundle", "confidence", "note"])
        self.assertEqual([row["cart"] for row in answered], sorted(row["cart"] for row in answered))
        self.assertEqual({row["sku"] for row in answered}, {row["sku"] for row in rows})
        self.assertTrue(any(row["bundle"] == "1" for row in answered))
        self.assertEqual([(row["bundle"], row["note"]) for row in answered if row["cart"] == "c2"],
                         [("", "a bundle needs at least 2 items")])
        _, log = self.run_program(table.getvalue().encode(), "--csv", code=2)
        self.assertIn("--session-column", log)

    def test_answers_come_while_others_are_awaited_and_a_terminal_sees_progress(self):
        terminal, end = os.openpty()
        command = [PROGRAM, *sets("decode.samples=1", "decode.batch_sessions=1")]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=end) as process:
            process.stdin.write(b'["Tea", "Tea pot", "Cup"]\n' * 12)
            process.stdin.close()
            process.stdout.readline()
            self.assertIsNone(process.poll(), "the first answer must come before the last")
            self.assertEqual(len(process.stdout.read().splitlines()), 11)
        os.close(end)
        self.assertRegex(os.read(terminal, 1 << 16).decode(), r"predict +\d+ %")
        os.close(terminal)

    def test_progress_counts_all_sessions_that_were_decoded_together(self):
        terminal, end = os.openpty()
        done = subprocess.run([PROGRAM, *sets("decode.samples=1", "decode.batch_sessions=3")], cwd=ROOT, input=b'["Tea", "Tea pot"]\n' * 6,
                              stdout=subprocess.PIPE, stderr=end, timeout=600)
        os.close(end)
        shown = os.read(terminal, 1 << 16).decode()
        os.close(terminal)
        self.assertEqual(done.returncode, 0, shown)
        self.assertRegex(shown, r"predict +50 %")
        self.assertNotRegex(shown, r"predict +17 %")

    def test_a_terminal_is_told_what_is_awaited(self):
        terminal, end = os.openpty()
        with subprocess.Popen([PROGRAM, "--strict"], cwd=ROOT, stdin=end, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            self.assertIn(b"Ctrl-D", process.stderr.readline())
            os.write(terminal, b"\x04")
            process.wait(timeout=60)
        os.close(end)
        os.close(terminal)
        self.assertEqual(process.returncode, 2)

    def test_the_run_is_looked_at_before_the_input(self):
        for folder in ("runs/nowhere", "tests"):
            with subprocess.Popen([PROGRAM, "--run", folder], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE) as process:
                self.assertEqual(process.wait(timeout=60), 2)  # the input is still open
                self.assertIn(f"{folder}/config.yaml".encode(), process.stderr.read())

    def test_without_a_choice_it_says_that_the_backbone_answers_alone(self):
        out, log = self.run_program(b'["just one"]')
        self.assertEqual(json.loads(out), {"bundles": [], "titles": [], "confidence": 1.0,
                                           "note": "a bundle needs at least 2 items"})
        self.assertIn("answers without experts", log)
        self.assertIn("untrained", log)
        self.assertNotIn("untrained", self.run_program(b'["just one"]', "--model", MODEL)[1])

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
