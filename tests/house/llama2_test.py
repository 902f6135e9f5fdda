"""Models with the tokenizer of Llama 2 and TinyLlama, and chat templates that are not known, through the programs.

usage: llama2_test.py PATH/routedk-run     (.deps/llama2-tokenizer, which .ci/run makes: real pieces, random weights)
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import small_llama
import suite
from resume_test import small_data

ROOT = pathlib.Path(__file__).resolve().parents[2]
PIECES = ROOT / ".deps/llama2-tokenizer"
VOCABULARY = 32000
TEMPLATES = json.loads((ROOT / "tests/goldens/chat_templates.json").read_text())["templates"]
SETTINGS = ["train.epochs=2", "train.batch_size=2", "train.learning_rate=1e-2", "router.epochs=1", "router.batch_size=3",
            "lora.rank=4", "decode.samples=2", "eval.systems=[backbone, base, dynamic]", "eval.select=[vote]",
            "eval.resamples=100", "run.threads=2", "watch.answers=0"]  # fmt: skip
CHATS = [[("user", "Hi there")], [("system", "Be brief. "), ("user", "Hi")],
         [("user", " a "), ("assistant", "b\n"), ("user", "c")],
         [("system", "Sé breve"), ("user", "a\n\nb"), ("assistant", "{\"bundle1\": []}"), ("user", "☃")]]  # fmt: skip
LLAMA2 = {"bos_token": "<s>", "eos_token": "</s>"}
LLAMA3 = {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}
SESSION = {"titles": ["Desk lamp", "LED bulb", "Café chair 2x", "☃ mug"]}


def sets(settings):
    return [word for setting in settings for word in ("--set", setting)]


class Llama2(unittest.TestCase):
    def setUp(self):
        if not PIECES.exists():
            self.skipTest(f"no {PIECES}: .ci/run makes it")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="routedk-llama2-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def run_program(self, name, *arguments, text="", code=0):
        done = subprocess.run([BIN / name, *map(str, arguments)], cwd=ROOT, input=text, capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def model(self, name, *files):
        return small_llama.write_folder(self.folder / name, VOCABULARY, [PIECES / file for file in files])

    def losses(self, run, expert):
        lines = (run / "steps" / f"train-{expert}" / "metrics.jsonl").read_text().splitlines()
        return [record["loss"] for record in map(json.loads, lines) if record["job"] == "train" and "loss" in record]

    def whole_chain(self, model, *settings):
        """Knowledge, three experts, the router, an evaluation and a prediction."""
        if not (self.folder / "data").exists():
            small_data(self.folder / "data")
        run = self.folder / "run"
        settings = [f"model.path={model}", f"data.dir={self.folder / 'data'}", f"run.dir={run}", *SETTINGS, *settings]
        self.run_program("routedk-run", "configs/experiments/demo.yaml", *sets(settings))
        experts = sorted(folder.name for folder in (run / "experts").iterdir())
        self.assertEqual(len(experts), 3)
        results = json.loads((run / "results.json").read_text())
        self.assertIn('"dynamic"', json.dumps(results))
        done = self.run_program("routedk-predict", "--run", run, "--why", text=json.dumps(SESSION) + "\n")
        answer = json.loads(done.stdout)
        self.assertTrue(answer["bundles"])
        for bundle in answer["bundles"]:
            self.assertEqual(sorted(set(bundle)), bundle)
            self.assertTrue(set(bundle) <= {1, 2, 3, 4})
        shutil.rmtree(run)
        shutil.rmtree(self.folder / "store", ignore_errors=True)

    def test_tinyllama_with_its_tokenizer_json_goes_through_the_whole_chain(self):
        self.whole_chain(self.model("tinyllama", "tokenizer.json", "tokenizer_config.json"))

    def test_llama_2_with_its_sentencepiece_model_goes_through_the_whole_chain(self):
        self.whole_chain(self.model("llama2", "tokenizer.model"), "model.chat=llama2")

    def test_a_gguf_goes_through_the_whole_chain(self):
        source = PIECES / "ggml-vocab-llama-spm.gguf"
        model = small_llama.write_gguf(self.folder / "llama2.gguf", VOCABULARY, source, chat_template=TEMPLATES["llama2"])
        self.whole_chain(model)

    def tokenize(self, model, records, *arguments):
        done = self.run_program("routedk-inspect", "tokenize", "--model", model, *arguments,
                                text="".join(json.dumps(record) + "\n" for record in records))
        return [json.loads(line)["ids"] for line in done.stdout.splitlines()]

    def test_a_template_of_ones_own_is_used_by_every_program(self):
        model = self.model("own", "tokenizer.json")
        (model / "tokenizer_config.json").write_text('{"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}')
        chat = {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u</s>"}]}
        refused = self.run_program("routedk-predict", "--model", model, "--prompt", "hi", code=2)
        self.assertRegex(refused.stderr, r"error: .*chat_template.*set `model\.chat` to one of chatml, .*\n$")
        own = self.folder / "own.jinja"
        own.write_text(TEMPLATES["zephyr"] + "{# own #}")
        by_file, by_name = (self.tokenize(model, [chat], "--chat", name) for name in (own, "zephyr"))
        self.assertEqual(by_file, by_name)
        arguments = ["--model", model, "--prompt", "hi", "--json", *sets(["decode.max_new_tokens=4", "decode.temperature=0"])]
        answers = [json.loads(self.run_program("routedk-predict", *arguments, *sets([f"model.chat={name}"])).stdout)
                   for name in (own, "zephyr")]
        self.assertEqual(*({**answer, "seconds": 0, "tokens_per_second": 0} for answer in answers))
        own.write_text("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}")
        refused = self.run_program("routedk-predict", *arguments, *sets([f"model.chat={own}"]), code=2)
        self.assertIn(f"{own} must render the messages", refused.stderr.splitlines()[-1])

    def test_templates_of_many_models_make_the_text_of_jinja(self):
        python = os.environ.get("ROUTEDK_PYTHON", str(ROOT / ".deps/python/bin/python"))
        if not (ROOT / ".deps/chat-templates").exists() or not os.path.exists(python):
            self.skipTest("no .deps/chat-templates, or no Python with jinja2: .ci/run makes them")
        templates = sorted((ROOT / ".deps/chat-templates").glob("*.jinja"))
        records = [{"template": path.read_text(), "messages": [{"role": role, "content": text} for role, text in turns],
                    "add_generation_prompt": generate, **(LLAMA3 if path.name.startswith("meta-llama") else LLAMA2)}
                   for path in templates for turns in CHATS for generate in (False, True)]  # fmt: skip
        done = subprocess.run([python, ROOT / "tests/house/render_jinja.py"], text=True, capture_output=True, check=True,
                              input="".join(json.dumps(record) + "\n" for record in records))
        texts = map(json.loads, done.stdout.splitlines())
        llama2 = self.model("any", "tokenizer.json", "tokenizer_config.json")
        llama3 = pathlib.Path(os.environ.get("ROUTEDK_LLAMA3_TOKENIZER", ROOT / ".deps/llama3-tokenizer"))
        compared = 0
        each = 2 * len(CHATS)
        for i, path in enumerate(templates):
            accepted = [(record, text) for record, text in zip(records[i * each:(i + 1) * each], texts) if "text" in text]
            chats = [{key: record[key] for key in ("messages", "add_generation_prompt")} for record, _ in accepted]
            model = llama3 if path.name.startswith("meta-llama") else llama2
            with self.subTest(path.name):
                ids = self.tokenize(model, [text for _, text in accepted], "--special")
                self.assertEqual(self.tokenize(model, chats, "--chat", path), ids)
                compared += len(ids)
        self.assertGreater(compared, 100)


if __name__ == "__main__":
    BIN = pathlib.Path(sys.argv.pop(1)).resolve().parent
    suite.main()
