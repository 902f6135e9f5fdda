"""routedk-run learns a task of one's own to its end and evaluates it, does a step again without a trace of the first
time, and refuses bad lines and examples beyond the model's context before it begins.

usage: run_test.py PATH/routedk-run PATH/routedk-eval      (the small model, a few short examples)
"""
import collections
import json
import math
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
SETTINGS = ["experts=[kind, curt]", "train.epochs=1", "train.batch_size=2", "router.epochs=1", "router.batch_size=4",
            "lora.rank=2", "watch.answers=0"]  # fmt: skip
EXAMPLES = [("Hi", "Hello!", "kind"), ("Bye", "So long!", "kind"), ("Tea?", "With pleasure.", "kind"),
            ("Hi", "What?", "curt"), ("Bye", "Go.", "curt"), ("Tea?", "No.", "curt"), ("Why?", "So.", "curt")]  # fmt: skip


class OwnTask(unittest.TestCase):
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

    def run_program(self, *more, settings=(), code=0, program=None):
        sets = [f"data.examples={self.folder / 'own.jsonl'}", f"run.dir={self.folder / 'run'}", *SETTINGS, *settings]
        words = (word for item in sets for word in ("--set", item))
        done = subprocess.run([program or PROGRAM, *words, *more], cwd=ROOT, capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout + done.stderr

    def evaluate(self, *settings, code=0):
        return self.run_program(settings=settings, code=code, program=EVAL)

    def records(self, job):
        """Of the job in its step's folder: the experts' is that of the first."""
        step = {"train": "train-kind", "router": "router"}[job]
        lines = (self.folder / "run/steps" / step / "metrics.jsonl").read_text().splitlines()
        return [record for record in map(json.loads, lines) if record["job"] == job]


class Run(OwnTask):
    def test_every_program_says_its_version(self):
        programs = sorted(pathlib.Path(PROGRAM).parent.glob("routedk-*"))
        self.assertGreaterEqual(len(programs), 1)
        for program in programs:
            done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60)
            self.assertRegex(done.stdout, r"^routedk \d+\.\d+\.\d+ \(LibTorch \S+, (CPU|CUDA)\)\n$")
            self.assertEqual(done.returncode, 0)

    def test_standard_output_that_takes_no_more_is_named(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([PROGRAM, "--dump-config"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn("error: standard output must accept all that is printed, but did not: No space left on device", done.stderr)

    def test_an_assignment_without_a_value_is_an_empty_text(self):
        self.assertIn("model: \"\"", self.run_program("--dump-config", settings=["teacher.model="]))

    def test_a_task_of_ones_own_ends_with_experts_and_a_router(self):
        said = self.run_program()
        self.assertIn(f"experts: {self.folder}/run/experts", said)
        self.assertIn(f"router: {self.folder}/run/router", said)
        self.assertRegex(said, r"kind: \d+ steps, .*, last training loss \d\.\d{4}; not validated\n")
        self.assertNotIn("best validation", said)
        for words in (said, self.evaluate(code=2)):
            self.assertIn("no example is kept for it: set data.test_examples", words)
        for expert in ("kind", "curt"):
            self.assertTrue((self.folder / "run/experts" / expert / "adapter_model.safetensors").exists())
        self.assertTrue((self.folder / "run/router/router.safetensors").exists())

        self.does_the_router_again_without_a_trace()
        self.goes_on_when_only_the_way_to_compute_changes()
        self.says_what_other_settings_take_from_the_folder()

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

    def says_what_other_settings_take_from_the_folder(self):
        said = self.run_program("--only", "train-kind", settings=["train.epochs=2"])
        self.assertRegex(said, r"train-kind has other settings now; what rests on it is no longer in \S*run, but kept in the store: router [(]\S+[)]\n")
        self.assertFalse(os.path.lexists(self.folder / "run/router"))
        self.assertTrue(os.path.lexists(self.folder / "run/experts/kind"))

    def test_examples_beyond_the_context_are_named_before_anything_is_trained(self):
        self.write([*EXAMPLES, ("a " * 20000, "Too long.", "kind")])
        for words in ((), ("--dry-run",)):
            said = self.run_program(*words, code=2)
            self.assertIn(f"{self.folder}/own.jsonl:8 with ", said)
        self.assertFalse((self.folder / "run/experts/kind/adapter_model.safetensors").exists())
        for metrics in (self.folder / "store").glob("*/*/metrics.jsonl"):
            self.assertNotIn('"loss"', metrics.read_text())


def words_of(text):
    return re.findall("[a-z0-9]+", text.lower())


def rouge_l(text, reference):
    """By the table of all prefixes."""
    a, b = words_of(text), words_of(reference)
    table = collections.defaultdict(int)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i, j] = table[i - 1, j - 1] + 1 if x == y else max(table[i - 1, j], table[i, j - 1])
    common = table[len(a) - 1, len(b) - 1]
    return 2 * common / (len(a) + len(b)) if common else 0.0


def vote(answer, samples):
    texts = [" ".join(text.split()) for text in answer["candidates"][:samples]]
    counts = collections.Counter(texts)
    best = {text: max(p for t, p in zip(texts, answer["logprobs"]) if t == text) for text in counts}
    return max(sorted(counts), key=lambda text: (counts[text], best[text])), max(counts.values()) / samples


class Evaluation(OwnTask):
    """Two experts learn two words for the same questions, in lines of all shapes."""

    settings = ["train.epochs=4", "train.learning_rate=2e-3", "train.warmup=0", "router.epochs=2", "decode.samples=3",
                "decode.max_new_tokens=6", "eval.resamples=200", "decode.batch_sessions=3"]  # fmt: skip

    def line(self, question, expert, answer, shape):
        line = {"expert": expert} if expert else {}
        if shape == 0:
            return {**line, "prompt": question, "completion": answer}
        if shape == 1:
            return {**line, "instruction": "Answer in a word.", "input": question, "output": answer}
        turns = [("user", question), ("assistant", answer), ("user", "Sure?"), ("assistant", answer)]
        return {**line, "messages": [{"role": role, "content": content} for role, content in turns]}

    def write_lines(self, name, questions, first=""):
        lines = [self.line(question, expert, answer, i % 3) for i, question in enumerate(questions)
                 for expert, answer in (("kind", "Gladly"), ("curt", "No"))]  # fmt: skip
        (self.folder / name).write_text(first + "".join(json.dumps(line) + "\n" for line in lines))
        return len(lines)

    def expected(self, system, samples):
        """Figures of one choice, from the system's answers and the lines' references alone."""
        (own,) = (self.folder / "run/steps").glob(f"answer-{system}/answers.jsonl")
        answers = {(a["line"], a["turn"]): a for a in map(json.loads, own.read_text().splitlines())}
        rows = [json.loads(line) for line in (self.folder / f"run/answers/{system}.jsonl").read_text().splitlines()]
        exact, rouge, shares = [], [], []
        for row in rows:
            answer = answers[row["line"], row["turn"]]
            text, share = vote(answer, samples) if samples else (answer["greedy"], 0)
            exact.append(any(" ".join(text.split()) == " ".join(r.split()) for r in row["references"]))
            rouge.append(max(rouge_l(text, r) for r in row["references"]))
            shares.append(share)
        mean = lambda values: sum(values) / len(values)  # noqa: E731
        loss = sum(row["loss"] for row in rows) / sum(row["tokens"] for row in rows)
        return {"loss": loss, "perplexity": math.exp(loss), "exact_match": mean(exact), "rouge_l": mean(rouge), "share": mean(shares)}

    def test_a_task_of_ones_own_is_evaluated_once_a_typo_is_mended(self):
        test = [f"data.test_examples={self.folder / 'test.jsonl'}", *self.settings]
        self.write_lines("test.jsonl", ["May I?", "Is it late?", "Are we there?"])
        self.write_lines("own.jsonl", ["Can we go?", "Is it far?", "Shall I wait?"], '{"prompt": "Hi", "completon": "x"}\n')
        said = self.run_program(settings=test, code=2)
        self.assertRegex(said, r"error: `completon` must be absent .* \(\S*own\.jsonl:1\)")
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["own.jsonl", "test.jsonl"])
        self.write_lines("own.jsonl", ["Can we go?", "Is it far?", "Shall I wait?"])
        said = self.run_program(settings=test)
        self.assertRegex(said, r"(?m)^system +loss +\[95 % interval\] perplexity exact_match rouge_l$")

        results = json.loads((self.folder / "run/results.json").read_text())
        self.assertEqual(results["answers"], 8)  # 3 questions to 2 experts, one of them of 2 turns
        systems = ["backbone", "kind", "curt", "average", "dynamic"]
        self.assertEqual(list(results["systems"]), [name + vote for name in systems for vote in ("", " vote n=3")])
        for name, found in results["systems"].items():
            wanted = self.expected(found["system"], 3 if found["choice"] == "vote" else 0)
            for figure in wanted if found["choice"] == "vote" else wanted.keys() - {"share"}:
                self.assertAlmostEqual(found[figure], wanted[figure], 9, f"{name} {figure}")
        by_expert = {name: results["systems"][name]["loss_by_expert"] for name in systems}
        for expert in ("kind", "curt"):  # each has learnt its own word
            self.assertLess(by_expert[expert][expert], by_expert["backbone"][expert])
        self.assertLess(by_expert["kind"]["kind"], by_expert["kind"]["curt"])
        self.assertEqual(len(results["systems"]["dynamic"]["routing"]), 30)
        for name in ("results.txt", "results.md", "results.html", "summary.txt"):
            self.assertIn("dynamic", (self.folder / "run" / name).read_text(), name)
        self.evaluates_by_itself(test, results)

    def evaluates_by_itself(self, test, results):
        def answered():
            return {path: path.stat().st_mtime_ns for path in (self.folder / "store").glob("answer/*/step.json")}

        before = answered()
        said = self.evaluate(*test)
        self.assertRegex(said, r"(?m)^dynamic vote n=3 +- +- ")
        self.evaluate(*test, "eval.name=two", "eval.systems=[kind, dynamic]")
        self.assertEqual(answered(), before)
        two = json.loads((self.folder / "run/evaluations/two/results.json").read_text())
        for name, found in two["systems"].items():
            self.assertEqual(found, results["systems"][name])
        self.evaluate(*test, "eval.name=more", "eval.systems=[kind]", "eval.samples=[2, 3, 4]")
        more = json.loads((self.folder / "run/evaluations/more/results.json").read_text())["systems"]
        for name in ("kind", "kind vote n=3"):
            changed = {"seconds"} if name == "kind" else set()
            self.assertEqual({**more[name], **dict.fromkeys(changed)}, {**results["systems"][name], **dict.fromkeys(changed)})
        self.assertEqual(list(more), ["kind", "kind vote n=2", "kind vote n=3", "kind vote n=4"])
        self.evaluate(*test, "eval.name=greedy", "eval.systems=['ensemble']", "decode.temperature=0")
        greedy = json.loads((self.folder / "run/evaluations/greedy/results.json").read_text())
        self.assertEqual(list(greedy["systems"]), ["ensemble"])


if __name__ == "__main__":
    PROGRAM, EVAL = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
    suite.main()
