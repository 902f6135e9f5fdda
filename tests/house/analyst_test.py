"""Two adapters that somebody has, a router over them, and a run that answers and is evaluated from anywhere.

usage: analyst_test.py FOLDER/OF/PROGRAMS      (the small model, sixteen sessions of data/sample)
"""
import csv
import json
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

import chromium
import suite
import tensor_files

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf"
SESSIONS = "".join(json.dumps(titles) + "\n" for titles in (["Tea pot", "Tea", "Garden hose"], ["Egg", "Egg cup", "Salt"]))
SETTINGS = ["data.domain=food", "split.train_limit=4", "router.epochs=1", "watch.answers=0", "prompt.examples=1",
            "prompt.relations=[title_similarity]", "eval.limit=2", "eval.resamples=100", "decode.samples=2",
            "decode.max_new_tokens=120", "decode.temperature=1"]  # fmt: skip


def sets(*settings):
    return [word for setting in settings for word in ("--set", setting)]


def run(program, *arguments, cwd=ROOT, text="", code=0, **environment):
    """-> what it prints, stdout and stderr apart."""
    done = subprocess.run([BIN / program, *map(str, arguments)], cwd=cwd, input=text, capture_output=True, text=True, timeout=600,
                          env={**os.environ, **environment})
    assert done.returncode == code, f"{program} {arguments} ended with {done.returncode}: {done.stderr}"
    return done.stdout, done.stderr


def write_adapter(folder, seed):
    """A PEFT folder of rank 2 on q_proj and v_proj of SmolLM2-135M, small random factors."""
    draw = random.Random(seed)
    tensors = {}
    for layer in range(30):
        for module, out in (("q_proj", 576), ("v_proj", 192)):
            for letter, shape in (("A", [2, 576]), ("B", [out, 2])):
                count = shape[0] * shape[1]
                tensors[f"base_model.model.model.layers.{layer}.self_attn.{module}.lora_{letter}.weight"] = (
                    {"dtype": "F32", "shape": shape}, struct.pack(f"<{count}f", *(draw.uniform(-0.03, 0.03) for _ in range(count))))
    folder.mkdir(parents=True)
    tensor_files.write(folder / "adapter_model.safetensors", tensors)
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 2, "lora_alpha": 4,
                                                            "target_modules": ["q_proj", "v_proj"]}))


class Analyst(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not MODEL.exists():
            raise unittest.SkipTest(f"no {MODEL}: scripts/setup fetches it")
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="routedk-analyst-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.empty = cls.folder / "empty"
        cls.empty.mkdir()
        for seed, name in enumerate(("cooking", "travel")):
            write_adapter(cls.folder / "adapters" / name, seed)
        cls.run_folder = cls.folder / "run"
        cls.data = cls.folder / "data"
        shutil.copytree(ROOT / "data/sample", cls.data)
        cls.elsewhere = sets(f"run.dir={cls.folder}/elsewhere/run", f"data.dir={cls.data}", *SETTINGS)
        run("routedk-train-router", "--adapters", "adapters/cooking", "out=adapters/travel",
            *sets(f"run.dir={cls.run_folder}", *SETTINGS), cwd=cls.folder,
            ROUTEDK_DATA_DIR=str(cls.data))
        cls.answers = run("routedk-predict", "--run", cls.run_folder, text=SESSIONS)[0]

    def evaluate(self, *settings, code=0):
        return run("routedk-eval", self.run_folder / "config.yaml", *sets(*settings), cwd=self.empty, code=code,
                   ROUTEDK_DATA_DIR="/nowhere")

    def candidates(self, run_folder, system):
        """-> of each session what its candidates are."""
        lines = (run_folder / f"steps/answer-{system}/answers.jsonl").read_text().splitlines()
        return {answer["session"]: (answer["candidates"], answer["logprobs"]) for answer in map(json.loads, lines)}

    def test_adapters_become_experts_under_their_names(self):
        for name, adapter in (("cooking", "cooking"), ("out", "travel")):
            for file in ("adapter_model.safetensors", "adapter_config.json"):
                self.assertEqual((self.run_folder / "experts" / name / file).read_bytes(),
                                 (self.folder / "adapters" / adapter / file).read_bytes())
        self.assertEqual(json.loads((self.run_folder / "router/router_config.json").read_text())["experts"], ["cooking", "out"])
        why = json.loads(run("routedk-predict", "--run", self.run_folder, "--why", text=SESSIONS.splitlines()[0])[0])
        self.assertEqual(why["experts"], ["cooking", "out"])
        self.assertNotEqual(why["alpha"][0][0], why["alpha"][0][1])

    def test_one_expert_has_no_router(self):
        log = run("routedk-train-router", "--adapters", self.folder / "adapters/cooking", *self.elsewhere, code=2)[1]
        self.assertIn("2 experts or more", log)
        self.assertIn("cooking", log)
        log = run("routedk-run", "--dry-run", *sets("experts=[base]", "eval.systems=[dynamic]"), code=2)[1]
        self.assertIn("base as the only expert", log)

    def over_adapters(self, name, *settings):
        """The settings of a run over both adapters, which are copied for it."""
        adapters = self.folder / name / "adapters"
        shutil.copytree(self.folder / "adapters", adapters)
        return adapters, sets(f"run.dir={self.folder}/{name}/run", f"data.dir={self.data}", *SETTINGS, *settings,
                              f"adapters=[{{name: cooking, path: {adapters}/cooking}}, {{name: out, path: {adapters}/travel}}]")

    def test_a_run_without_a_router_says_how_to_ask_it(self):
        _, settings = self.over_adapters("two", "eval.systems=[cooking]")
        two = self.folder / "two/run"
        self.assertIn(f"next: routedk-predict --run {two} --gate cooking\n", run("routedk-run", *settings)[1])
        self.assertEqual(run("routedk-predict", "--run", two, "--gate", "cooking", text=SESSIONS)[0],
                         run("routedk-predict", "--run", self.run_folder, "--gate", "cooking", text=SESSIONS)[0])
        log = run("routedk-predict", "--run", two, text=SESSIONS, code=2)[1]
        self.assertIn("/two/run has no out: train it, or name another with --gate", log)
        one = self.folder / "one"
        log = run("routedk-run", *sets(f"run.dir={one}", f"data.dir={self.data}", *SETTINGS, "experts=[out]",
                                       f"adapters=[{{name: out, path: {self.folder}/adapters/travel}}]"))[1]
        self.assertIn(f"next: routedk-predict --run {one}\n", log)
        self.assertEqual(run("routedk-predict", "--run", one, text=SESSIONS)[0],
                         run("routedk-predict", "--run", self.run_folder, "--gate", "out", text=SESSIONS)[0])

    def test_adapters_may_go_once_a_run_has_copied_them(self):
        adapters, settings = self.over_adapters("without", "eval.systems=[cooking, out]")
        run("routedk-run", *settings)
        shutil.rmtree(adapters)
        config = self.folder / "without/run/config.yaml"
        run("routedk-eval", config, *sets("eval.name=more", "eval.systems=[average]"))
        run("routedk-run", config, "--from", "train")  # keeps the copies
        self.assertTrue((self.folder / "without/run/experts/out/adapter_model.safetensors").exists())

    def test_an_adapter_of_another_model_is_refused_by_name(self):
        other = self.folder / "other"
        write_adapter(other, 1)
        config = json.loads((other / "adapter_config.json").read_text())
        (other / "adapter_config.json").write_text(json.dumps({**config, "r": 3}))
        log = run("routedk-train-router", "--adapters", other, self.folder / "adapters/travel", *self.elsewhere, code=2)[1]
        self.assertIn("other/adapter_model.safetensors", log)

    def test_a_wrong_expert_is_one_problem(self):
        log = run("routedk-run", "--dry-run", *sets("experts=[bse]"), code=2)[1]
        self.assertEqual(log.count("\n"), 1, log)
        self.assertIn("`bse`", log)
        out = run("routedk-run", "--dump-config", *sets("experts=[base, merged]"))[0]
        self.assertIn("systems: [backbone, base, merged, average, dynamic]", out)

    def test_a_run_answers_from_anywhere(self):
        for cwd in (self.empty, "/"):
            out, _ = run("routedk-predict", "--run", self.run_folder, cwd=cwd, text=SESSIONS, ROUTEDK_DATA_DIR="/nowhere")
            self.assertEqual(out, self.answers)
        self.data.rename(self.folder / "gone")  # the run keeps what it needs of its data
        self.addCleanup((self.folder / "gone").rename, self.data)
        copied = self.folder / "copied"
        shutil.copytree(self.run_folder, copied)  # with what its links name
        out, _ = run("routedk-predict", "--run", "copied", "--model", os.path.relpath(MODEL, self.folder), cwd=self.folder,
                     text=SESSIONS, ROUTEDK_DATA_DIR="/nowhere")
        self.assertEqual(out, self.answers)

    def ask_of_the_sample(self, run_folder, sessions, *settings):
        """Asks the run about sessions of data/sample from an empty folder -> of each its candidates with their logarithms."""
        def table(name):
            with open(ROOT / "data/sample/food" / name, newline="") as file:
                return [(int(first), second) for first, second in list(csv.reader(file))[1:]]

        titles, places = dict(table("item_titles.csv")), table("session_item.csv")
        asked = [{"session": id, "items": [{"id": int(item), "title": titles[int(item)]} for session, item in places if session == id]}
                 for id in sessions]
        out, _ = run("routedk-predict", "--run", run_folder, "--gate", "average", "--why", *sets(*settings), cwd=self.empty,
                     text="".join(json.dumps(session) + "\n" for session in asked), ROUTEDK_DATA_DIR="/nowhere")
        return {answer["session"]: sorted((one["bundles"], log) for one in answer["candidates"] for log in one["logprobs"])
                for answer in map(json.loads, out.splitlines())}

    def test_a_run_that_shows_what_it_learnt_asks_as_its_evaluation_did(self):
        related = self.folder / "related"
        (self.folder / "related.yaml").write_text(
            "adapters: [{name: cooking, path: adapters/cooking}, {name: out, path: adapters/travel}]\n"
            f"data: {{dir: {ROOT}/data/sample, domain: food}}\nrun: {{dir: {related}, store: {related}-store}}\n"
            "prompt: {relations: [title_similarity, co_purchase, category_rates], examples: 1}\n"
            "eval: {systems: [average], limit: 3, resamples: 100}\ndecode: {samples: 2, max_new_tokens: 120, temperature: 1}\n")
        run("routedk-train", self.folder / "related.yaml", "--expert", "all")  # copies the adapters
        run("routedk-eval", self.folder / "related.yaml")
        evaluated = {session: sorted(zip(*both)) for session, both in self.candidates(related, "average").items()}

        def farthest(answers):
            """Between logarithms, where candidates are the same; otherwise without end."""
            same = {session: [one for one, _ in some] for session, some in answers.items()} == \
                   {session: [one for one, _ in some] for session, some in evaluated.items()}
            pairs = ((found, wanted) for session, some in answers.items() for (_, found), (_, wanted) in zip(some, evaluated[session]))
            return max(abs(found - wanted) for found, wanted in pairs) if same else float("inf")

        self.assertLess(farthest(self.ask_of_the_sample(related, evaluated)), 0.01)
        items = related / "predict/items.jsonl"
        lines = [json.loads(line) for line in items.read_text().splitlines()]
        items.write_text("".join(json.dumps({**item, "category": ""}) + "\n" for item in lines))
        self.assertGreater(farthest(self.ask_of_the_sample(related, evaluated)), 0.01)
        items.unlink()
        log = run("routedk-predict", "--run", related, "--gate", "average", text=SESSIONS, code=2)[1]
        self.assertIn("predict/items.jsonl is not there", log)

    def test_a_run_whose_model_is_gone_or_another_says_so(self):
        copied = self.folder / "changed"
        shutil.copytree(self.run_folder, copied)
        about = json.loads((copied / "predict/model.json").read_text())
        self.assertEqual((about["path"], about["tokenizer"], about["tokens"]), (str(MODEL), "smollm", 49152))
        (copied / "predict/model.json").write_text(json.dumps({**about, "contents": "0" * 16}))
        self.assertIn("has changed", run("routedk-predict", "--run", copied, text=SESSIONS, code=2)[1])
        out, log = run("routedk-predict", "--run", copied, "--model", MODEL, text=SESSIONS)
        self.assertEqual(out, self.answers)
        self.assertIn("not the model", log)
        log = run("routedk-predict", "--run", copied, "--model", "nowhere.gguf", text=SESSIONS, code=2)[1]
        self.assertIn("nowhere.gguf", log)

    def test_paths_of_a_yaml_are_seen_from_it_and_those_of_a_command_from_where_it_is_given(self):
        (self.folder / "settings/deep").mkdir(parents=True)
        (self.folder / "settings/base.yaml").write_text("data: {dir: data}\n")
        (self.folder / "settings/deep/own.yaml").write_text("extends: ../base.yaml\nmodel: {path: m.gguf}\nrun: {dir: out}\n")
        file = self.folder / "settings/deep/own.yaml"
        out, _ = run("routedk-run", file, "--dump-config", *sets("lora.init_adapter=mine"), cwd=self.empty)
        for line in (f"  dir: {self.folder}/settings/data ", f"  path: {self.folder}/settings/deep/m.gguf ", "  init_adapter: mine ",
                     "  dir: out ", f"prompts: {ROOT}/configs/prompts "):
            self.assertIn(line, out.replace('"', ""))

    def test_evaluations_have_names_and_add_up(self):
        _, log = self.evaluate("eval.name=few", "eval.systems=[backbone]")
        self.assertEqual(json.loads((self.run_folder / "evaluations/few/results.json").read_text())["samples"], 2)
        self.assertFalse((self.run_folder / "results.json").exists())
        two = self.candidates(self.run_folder, "backbone")
        begun = (self.run_folder / "steps/answer-backbone/step.json").stat().st_mtime_ns
        self.assertNotIn("stays in", log)

        _, log = self.evaluate("eval.name=more", "eval.systems=[backbone, cooking]")
        self.assertEqual((self.run_folder / "steps/answer-backbone/step.json").stat().st_mtime_ns, begun)
        self.assertIn("cooking", json.loads((self.run_folder / "evaluations/more/results.json").read_text())["systems"])
        self.assertIn("p_vs_backbone", (self.run_folder / "evaluations/more/results.html").read_text())

        _, log = self.evaluate("eval.systems=[backbone]", "eval.samples=[4]")
        self.assertIn("2 candidates in addition to the 2 drawn before", log)
        four = self.candidates(self.run_folder, "backbone")
        _, log = self.evaluate("eval.systems=[backbone]", "eval.samples=[4]", f"run.dir={self.folder}/fresh/run", f"run.store={self.folder}/fresh/store")
        self.assertEqual(self.candidates(self.folder / "fresh/run", "backbone"), four)
        self.assertEqual({session: (some[:2], logs[:2]) for session, (some, logs) in four.items()}, two)

        _, log = self.evaluate("eval.systems=[backbone]", "eval.samples=[3]")
        self.assertIn("the first 3 of 4 candidates drawn before", log)
        before = re.search(r"answer-backbone has other settings now; .* kept in the store: evaluate [(](\S+)[)]", log)
        self.assertTrue(before and (pathlib.Path(before[1]) / "results.json").exists(), log)
        log = self.evaluate("eval.name=few", "eval.systems=[cooking]")[1]
        self.assertIn("eval.systems: [backbone] -> [cooking]", log)
        self.assertIn(f"next: routedk-predict --run {self.run_folder}", log)
        self.assertIn(f"next: {ROOT}/scripts/report {self.run_folder}/evaluations/few", log)
        self.assertIn("`eval.name`", self.evaluate("eval.name=../x", code=2)[1])

    def tables(self, *options, code=0):
        """Of an evaluation by two rules."""
        settings = ["eval.name=tables", "eval.systems=[backbone]", "eval.select=[vote, mbr]"]
        return run("routedk-eval", self.run_folder / "config.yaml", *sets(*settings), *options, cwd=self.empty, code=code,
                   ROUTEDK_DATA_DIR="/nowhere")

    def test_tables_show_what_is_asked_in_100_columns_and_a_wrong_column_is_found_before_anything_is_answered(self):
        self.assertIn("but is `recall`", self.tables("--columns", "f1,recall", code=2)[1])
        folder = self.run_folder / "evaluations/tables"
        usual = self.tables()[0]
        figures = json.loads((folder / "results.json").read_text())["systems"]
        self.assertEqual(usual, (folder / "results.txt").read_text())
        mbr = next(system for name, system in figures.items() if name.startswith("backbone mbr"))
        self.assertRegex(usual, rf"backbone +mbr +{mbr['samples']} +{mbr['f1']:.3f}[* ] \[")
        everything = self.tables("--columns", "all")[0]
        for text in (usual, everything):
            self.assertLessEqual(max(map(len, text.splitlines())), 100, text)
        self.assertIn("hits_per_gold: the published recall", everything)
        rows = self.tables("--columns=exact_match,f1", "--sort=f1")[0].splitlines()
        best = max(figures.values(), key=lambda system: system["f1"])
        self.assertEqual(rows[0], "Results: food, 2 sessions of the test split")
        self.assertTrue(rows[2].startswith(best["system"]), rows)
        self.assertIn(f"{best['f1']:.3f}*", rows[2])

    def test_score_shows_a_table_too(self):
        data = ["--data-dir", ROOT / "data/sample", "--domain", "food", "--predictor", "whole"]
        scored = json.loads(run("routedk-eval", "score", *data)[0])
        table = run("routedk-eval", "score", *data, "--columns", "f1,hits_per_gold")[0]
        row = next(line.split() for line in table.splitlines() if line.startswith("whole"))
        self.assertEqual((row[1], row[-1]), (f"{scored['f1']:.3f}", f"{scored['recall']:.3f}"))

    def test_predictions_name_items_by_numbers_or_by_texts_that_spell_them(self):
        data = ["--data-dir", ROOT / "data/sample", "--domain", "food"]
        with open(ROOT / "data/sample/food/session_item.csv", newline="") as file:
            rows = list(csv.reader(file))[1:]
        test = json.loads(run("routedk-data", "split", *data)[0])["test"]
        items = {str(session): [item for own, item in rows if own == str(session)] for session in test}
        figures = []
        for session_id, item_id in ((int, int), (str, str), (int, str)):
            path = self.folder / "predictions.jsonl"
            path.write_text("".join(json.dumps({"session": session_id(session), "bundles": [[item_id(item) for item in some]]}) + "\n"
                                    for session, some in items.items()))
            figures.append(json.loads(run("routedk-eval", "score", *data, "--predictions", path)[0]))
        self.assertEqual(figures[0], figures[1])
        self.assertEqual(figures[0], figures[2])
        self.assertEqual(figures[0]["f1"], json.loads(run("routedk-eval", "score", *data, "--predictor", "whole")[0])["f1"])

    def test_a_browser_shows_results_html_without_overflow_and_its_heads_sort(self):
        browser = chromium.find()
        self.tables()
        page = self.run_folder / "evaluations/tables/results.html"
        for width in (1280, 400):
            self.assertLessEqual(chromium.page_width(browser, page, width), width)
        table = "const box = page.querySelector('.scroll'); return box.scrollWidth - box.clientWidth;"
        self.assertEqual(chromium.ask(browser, page, 1280, table), "0")
        broken = """return [...page.querySelectorAll(".baseline td.text, small")].filter((cell) => {
                      const range = page.createRange();
                      range.selectNodeContents(cell);
                      return range.getClientRects().length !== 1;
                    }).map((cell) => cell.textContent);"""
        for width in (1280, 400):
            self.assertEqual(chromium.ask(browser, page, width, broken), "[]")
        sort = """const table = page.querySelector("table"), heads = [...table.querySelectorAll("th")];
                  const f1 = heads.findIndex((head) => head.textContent === "f1");
                  const column = () => [...table.tBodies[0].rows].map((row) => Number(row.cells[f1].dataset.value));
                  heads[f1].querySelector("button").click(); const down = column();
                  heads[f1].querySelector("button").click(); return [down, column()];"""
        down, up = json.loads(chromium.ask(browser, page, 1280, sort))
        self.assertEqual((down, up), (sorted(down, reverse=True), sorted(up)))

    def test_settings_that_change_no_number_do_not_refuse_and_others_are_named(self):
        self.evaluate("eval.systems=[dynamic]", "router.holdout=0.5", "prompt.max_tokens=1000", "lora.rank=5",
                      "router.expected_utility.steps=3", "router.keep_checkpoints=5", "decode.batch_sessions=1", "watch.answers=1")
        log = self.evaluate("eval.systems=[dynamic]", "router.epochs=2", code=2)[1]
        self.assertIn("router.epochs: 1 -> 2", log)
        self.assertIn("routedk-train-router", log)


if __name__ == "__main__":
    BIN = pathlib.Path(sys.argv.pop(1)).resolve()
    suite.main()
