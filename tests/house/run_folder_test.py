"""What a run leaves says the same in every form: tables to paste, TensorBoard's events, the report, warnings.

usage: run_folder_test.py FOLDER      (of the programs; a small random model on data/sample)
"""
import json
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile
import unittest

import outside
import report_test
import suite
from outside import BASE, ROOT, change, run, sets

SAMPLE = ROOT / "data/sample"
METRICS = ("f1", "jaccard_f1", "precision_all", "recall_distinct_all")
GROUPS = {"loss", "optimiser", "speed", "router"}
SETTINGS = {"data.dir": SAMPLE, "data.domain": "food", "experts": "[base, high_level]", "lora.rank": 2, "split.train_limit": 24,
            "train.epochs": 1, "router.epochs": 1, "decode.samples": 4, "eval.resamples": 100, "watch.answers": 0}


def fields(message):
    """[(number, value)] of a message in protocol buffers' wire format."""
    at, found = 0, []

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value

    while at < len(message):
        key = varint()
        if key & 7 == 0:
            value = varint()
        else:
            size = {1: 8, 2: None, 5: 4}[key & 7]
            size = varint() if size is None else size
            value, at = message[at:at + size], at + size
        found.append((key >> 3, value))
    return found


def scalars(file):
    """{(tag, step): value} of a TensorBoard event file: TFRecords of `Event` messages."""
    data, at, found = file.read_bytes(), 0, {}
    while at < len(data):
        size, = struct.unpack_from("<Q", data, at)
        event = dict(fields(data[at + 12:at + 12 + size]))
        at += 16 + size
        for _, value in fields(event.get(5, b"")):
            tag, number = (dict(fields(value))[i] for i in (1, 2))
            found[tag.decode(), event.get(2, 0)] = struct.unpack("<f", number)[0]
    return found


class RunFolder(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="routedk-run-folder-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        shutil.copytree(BASE, cls.folder / "model")
        change(cls.folder / "model/config.json", max_position_embeddings=8192)
        for name, rate in (("first", 5e-4), ("second", 1e-3)):
            made = run("routedk-run", *sets(**{**SETTINGS, "model.path": cls.folder / "model", "run.dir": cls.folder / name,
                                               "train.learning_rate": rate}))
            if made.returncode:
                raise AssertionError(made.stderr)
        cls.run_folder, cls.said = cls.folder / "second", made.stdout
        cls.results = json.loads((cls.run_folder / "results.json").read_text())

    def test_the_table_to_paste_is_whole_and_has_the_figures_of_the_json(self):
        text = (self.run_folder / "results.md").read_text()
        self.assertTrue(text.startswith("### Results: food, 63 sessions of the test split\n\n|"))
        self.assertNotRegex(text, r"<|\x1b")
        header, rule, *rows = (line.strip("|").split("|") for line in text.splitlines() if line.startswith("|"))
        self.assertEqual([name.strip() for name in header], ["system", "rule", "n", *METRICS])
        self.assertEqual(len(rule), len(header))
        self.assertEqual(len(rows), len(self.results["systems"]))
        for row, (name, figures) in zip(rows, self.results["systems"].items()):
            name_cell, rule, n, *cells = (cell.strip() for cell in row)
            self.assertEqual(name_cell, figures["system"], name)
            self.assertEqual((rule, n), ("baseline", "-") if figures["baseline"] else ("vote", "4"))
            for metric, cell in zip(METRICS, cells):
                self.assertEqual(cell.split()[0].strip("*"), f"{figures[metric]:.3f}", (name, metric))
        for column, metric in enumerate(METRICS, 3):
            best = max(round(figures[metric], 3) for figures in self.results["systems"].values())
            self.assertEqual({row[column].split("**")[1] for row in rows if "**" in row[column]}, {f"{best:.3f}"}, metric)

    def test_what_a_system_is_warned_of_stands_in_every_form(self):
        warnings = self.results["systems"]["dynamic"]["warnings"]
        self.assertEqual(len(warnings), 1)
        self.assertRegex(warnings[0], "no routing: every input has weights within 0.02 of uniform")
        for text in (self.said, *((self.run_folder / f"results.{form}").read_text() for form in ("txt", "md", "html"))):
            self.assertEqual(" ".join(text.split()).count(warnings[0]), 1, text)

    def test_tensorboard_shows_each_expert_by_name_with_groups_of_curves(self):
        for name, step in (("base", "train-base"), ("high_level", "train-high_level"), ("router", "router")):
            (file,) = (self.run_folder / "steps" / step / "tensorboard" / name).iterdir()
            found = scalars(file)
            self.assertEqual({tag.split("/")[0] for tag, _ in found}, GROUPS - (set() if name == "router" else {"router"}))
            records = map(json.loads, (self.run_folder / f"steps/{step}/metrics.jsonl").read_text().splitlines())
            losses = {record["step"]: record["token_loss"] for record in records if "token_loss" in record and record["group"] == name}
            self.assertGreater(len(losses), 1)
            self.assertEqual({number for tag, number in found if tag == "loss/training"}, set(losses))
            for number, loss in losses.items():
                self.assertAlmostEqual(found["loss/training", number], loss, 5)

    def settings(self):
        return (self.run_folder / "config.yaml").read_text()

    def evaluate(self, config, *more, **settings):
        return run("routedk-eval", config, *more, *sets(**settings))

    def test_an_evaluation_with_a_name_has_settings_of_its_own_and_leaves_the_run_s(self):
        before = self.settings()
        named = self.evaluate(self.run_folder / "config.yaml", **{"eval.name": "few", "eval.systems": "[base]", "decode.temperature": 0.2})
        self.assertEqual(named.returncode, 0, named.stderr)
        self.assertEqual(self.settings(), before)
        own = (self.run_folder / "evaluations/few/config.yaml").read_text()
        self.assertIn("  systems: [base]", own)
        self.assertIn("  temperature: 0.2", own)

    def test_a_copied_run_never_writes_into_the_original(self):
        named = self.evaluate(self.run_folder / "config.yaml", **{"eval.name": "few", "eval.systems": "[base]"})
        self.assertEqual(named.returncode, 0, named.stderr)
        subprocess.run(["cp", "-rL", self.run_folder, self.folder / "copy"], check=True)
        refused = self.evaluate(self.folder / "copy/config.yaml", **{"eval.name": "there"})
        self.assertEqual(refused.returncode, 2)
        self.assertRegex(refused.stderr, "^error: `run.dir` must be the folder of a run's own config.yaml, .* copied or moved")
        self.assertFalse((self.run_folder / "evaluations/there").exists())
        self.assertIn("copied or moved", self.evaluate(self.folder / "copy/evaluations/few/config.yaml").stderr)
        there = self.evaluate(self.folder / "copy/config.yaml", "--dry-run", **{"run.dir": self.folder / "fresh", "run.store": self.folder / "store"})
        self.assertEqual(there.returncode, 0, there.stderr)

    def test_a_run_of_some_experts_says_how_to_ask_it(self):
        part = self.folder / "part"
        settings = {**SETTINGS, "model.path": self.folder / "model", "run.dir": part}
        made = run("routedk-run", *sets(**settings, **{"eval.systems": "[base]"}))
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertIn(f"next: routedk-predict --run {part} --gate base\n", made.stderr)
        asked = run("routedk-predict", "--run", part, "--gate", "base", text='["tea", "cup"]\n')
        self.assertEqual(asked.returncode, 0, asked.stderr)
        whole = run("routedk-predict", "--run", part, text='["tea", "cup"]\n')
        self.assertEqual(whole.returncode, 2)
        self.assertRegex(whole.stderr, r"^error: a run must have the experts that are asked, but .* has no high_level: train it")

    def test_what_cannot_be_done_is_refused_before_anything_is_made(self):
        nowhere = self.folder / "nowhere"
        for settings, said in (({"split.test_per_length": 0}, "`eval.split` must have sessions to ask, but test has none"),
                               ({"train.epochs": 2**63 - 1}, "`train.epochs` must be between 1 and 10000"),
                               ({"teacher.kind": "endpoint", "teacher.model": "x", "teacher.endpoint.url": "http://127.0.0.1:9/v1",
                                 "teacher.endpoint.key_variable": "NO_SUCH_KEY"}, "NO_SUCH_KEY")):  # fmt: skip
            for options in ([], ["--dry-run"]):
                done = run("routedk-run", *options, *sets(**{**SETTINGS, "model.path": self.folder / "model", "run.dir": nowhere, **settings}))
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(said, done.stderr)
                self.assertFalse(nowhere.exists(), settings)

    def test_a_dry_run_reads_what_finished_steps_have_left(self):
        spoilt = {"run.dir": self.folder / "spoilt", "run.store": self.folder / "spoilt-store"}
        settings = sets(**{**SETTINGS, "model.path": self.folder / "model", **spoilt})
        self.assertEqual(run("routedk-run", *settings).returncode, 0)
        for name in ("experts/base/adapter_model.safetensors", "router/router.safetensors"):
            file = (self.folder / "spoilt" / name).resolve()
            whole = file.read_bytes()
            file.write_bytes(whole[:-64])
            done = run("routedk-run", *settings, "--dry-run")
            self.assertEqual(done.returncode, 2, done.stdout)
            self.assertIn(file.name, done.stderr)
            file.write_bytes(whole)

    def test_output_that_nobody_takes_is_an_error(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([outside.PROGRAMS / "routedk-eval", self.run_folder / "config.yaml"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("error: standard output must accept all that is printed", done.stderr)

    def test_plans_count_what_is_to_be_done_again_and_name_one_step(self):
        config = self.run_folder / "config.yaml"
        cached = run("routedk-run", config, "--plan").stdout
        self.assertRegex(cached, r"(?m)^\d+ steps, 0 to do: 0:00$")
        again = run("routedk-run", config, "--plan", "--from", "router").stdout
        states = dict(re.findall(r"(?m)^  (\S+) .*MiB  (.*)$", again))
        self.assertEqual({name for name, state in states.items() if state == "cached"}, {"distil", "train-base", "train-high_level"})
        self.assertEqual(states["router"], "to do again (--from)")
        self.assertRegex(again, rf"(?m)^\d+ steps, {len(states) - 3} to do: ")
        dry = run("routedk-run", config, "--dry-run", "--from", "evaluate").stdout
        self.assertRegex(dry, "(?m)^answer-base +done\n(.*\n)*evaluate +to do again$")
        one = run("routedk-run", config, "--plan", "--only", "train-router").stdout
        self.assertRegex(one, r"(?m)^1 step, 0 to do: 0:00$")
        self.assertIn("--only must be one of ", run("routedk-run", config, "--plan", "--only", "predict").stderr)
        for only, lost in (("evaluate", "answer-"), ("answer-base", "router|train-base")):
            refused = run("routedk-run", config, "--from", "train", "--only", only)
            self.assertRegex(refused.stderr, rf"error: --only {only} must keep the inputs of {only}, but --from train removes ({lost})")
            self.assertEqual(refused.returncode, 2)
        self.assertEqual(run("routedk-run", config, "--plan").stdout, cached)  # nothing was lost

    def test_a_change_of_data_names_both_folders(self):
        shutil.copytree(SAMPLE, self.folder / "data")
        with open(self.folder / "data/food/item_titles.csv", "a") as file:
            file.write("60001,One more\n")
        changed = run("routedk-run", self.run_folder / "config.yaml", "--plan", *sets(**{"data.dir": self.folder / "data"}))
        self.assertIn(f"data.contents: changed ({SAMPLE}/food -> {self.folder}/data/food)", " ".join(changed.stdout.split()))

    def test_what_cannot_be_written_is_refused_before_anything_is(self):
        (self.folder / "file").write_text("")
        refused = run("routedk-run", "--only", "distil", *sets(**{**SETTINGS, "model.path": self.folder / "model", "run.dir": self.folder / "file",
                                                                  "run.store": self.folder / "never"}))
        self.assertEqual(refused.returncode, 2)
        self.assertRegex(refused.stderr, "error: `run.dir` must be a folder that can be written")
        self.assertFalse((self.folder / "never").exists())

    def test_the_report_shows_the_run_and_compares_it(self):
        def made(*folders, page):
            done = subprocess.run([report_test.python(), "-B", report_test.REPORT, *folders], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            return (folders[0] / page).read_text()

        page = made(self.run_folder, page="report.html")
        self.assertEqual(report_test.outside(page), [])
        self.assertLess(page.index("f1 of each system"), page.index("<h2>Training</h2>"))
        f1 = self.results["systems"]["dynamic"]["f1"]
        for part in ("food, 63 sessions of the test split", "Ten sessions", "The router: mean weight by layer and expert", f"{f1:.3f}"[1:],
                     '<th scope="row">high_level</th>', self.results["systems"]["dynamic"]["warnings"][0]):  # fmt: skip
            self.assertIn(part, page)
        both = made(self.run_folder, self.folder / "first", page="comparison.html")
        self.assertIn("Runs second, first", both)
        self.assertIn('<tr><th scope="row">train.learning_rate</th><td>0.001</td><td>0.0005</td></tr>', both)


class Messages(unittest.TestCase):
    def refused(self, *words):
        done = run(*words)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        return done.stderr

    def test_words_that_cannot_be_meant_are_refused_in_one_line(self):
        self.assertIn("must not be empty", self.refused("routedk-run", ""))
        self.assertIn("`size` must be absent where the file has no `sizes`", self.refused("routedk-run", *sets(size="huge"), "--dump-config"))
        for name in ("average", "top_k:2", "whole"):
            self.assertIn("`experts` must not be named as other systems", self.refused("routedk-run", *sets(**{"data.examples": "x.jsonl", "experts": f"['{name}', x]"}),
                                                                                     "--dump-config"))
        self.assertIn("a router must have 2 experts or more", self.refused("routedk-train-router", *sets(experts="[base]")))
        self.assertIn("routedk-run --help", self.refused("routedk-run", "--jobs", "65"))

    def test_answers_that_are_all_alike_are_warned_of_when_they_are_scored(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="routedk-scores-"))
        self.addCleanup(shutil.rmtree, folder)
        items = {}
        for line in (SAMPLE / "food/session_item.csv").read_text().splitlines()[1:]:
            session, item = map(int, line.split(","))
            items.setdefault(session, []).append(item)
        place = ("--data-dir", SAMPLE, "--domain", "food")
        split = json.loads(run("routedk-data", "split", *place).stdout)
        for bundle, words in ((lambda all: all, "with one bundle of everything"), (lambda all: all[:2], "the same answer: [1, 2]")):
            lines = [json.dumps({"session": session, "bundles": [bundle(items[session])]}) for session in split["test"]]
            (folder / "answers.jsonl").write_text("\n".join(lines) + "\n")
            scored = run("routedk-eval", "score", *place, "--predictions", folder / "answers.jsonl")
            self.assertEqual(scored.returncode, 0, scored.stderr)
            (warning,) = json.loads(scored.stdout)["warnings"]
            self.assertRegex(warning, rf"100 % of \d+ sessions {re.escape(words)}$")

    def test_no_range_is_given_in_numbers_that_nobody_reads(self):
        page = run("routedk-run", "--settings").stdout
        names = re.findall(r"^\| `([a-z_.]+)` \| `-?[\d.e-]+` \|", page, re.MULTILINE)
        self.assertGreater(len(names), 80)
        for name in names:
            refused = run("routedk-run", *sets(**{name: "x"}), "--dump-config")
            self.assertEqual(refused.returncode, 2, name)
            self.assertRegex(refused.stderr, rf"^error: `{re.escape(name)}` must be .*but is x instead")
            self.assertNotRegex(refused.stderr, r"\d{7}")


if __name__ == "__main__":
    outside.take_programs()
    suite.main()
