"""Small whole sets of every kind of file that a program reads, with the programs that read it (hostile_test.py)."""
import base64
import itertools
import json
import pathlib
import shutil

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDENS = ROOT / "tests/goldens"
CONTEXT = 8192
TITLES = b'["Canon EOS 70D", "50mm lens for Canon", "garden hose"]\n{"items": [{"id": 17, "title": "HDMI cable"}, {"id": "b", "title": "LED TV"}], "session": 3}\n'
PROMPT = ["--prompt", "hi there", "--max-new-tokens", "4", "--temperature", "0"]


def sets(**settings):
    return [word for name, value in settings.items() for word in ("--set", f"{name.replace('__', '.')}={value}")]


class Fixture:
    """`files`: what is broken, by its path, with its kind; `commands`: what is run in the folder, each of which reads it."""

    name = ""
    files = {}
    commands = []
    stdin = b""
    names = ()  # what an error may name instead of the file
    several_lines = False

    def make(self, folder, run):
        raise NotImplementedError

    def before(self, folder, file):
        """Before a case is run: what makes the programs read the file."""


def model(folder):
    """A Llama of 330 tokens whose context takes the prompts of data/sample."""
    shutil.copytree(GOLDENS / "tiny_chat", folder / "model")
    config = folder / "model/config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "max_position_embeddings": CONTEXT}))
    (folder / "model/generation_config.json").write_text('{"eos_token_id": [2, 3], "temperature": 0.5}')
    return folder / "model"


def must(result):
    status, _, messages = result
    if status != 0:
        raise AssertionError(f"a fixture must be made, but ends with {status}: {messages}")


class Settings(Fixture):
    name = "settings"
    files = {"own.yaml": "yaml", "base.yaml": "yaml"}
    commands = [["routedk-run", "own.yaml", "--dump-config"]]
    several_lines = True
    names = ("own.yaml",)

    def make(self, folder, run):
        (folder / "base.yaml").write_text("train: {epochs: 1, batch_size: 3}\nlora: {rank: 4}\nsizes:\n  small: {split: {train_limit: 2}}\n  full: {}\n")
        (folder / "own.yaml").write_text((
            "extends: base.yaml\nsize: small\nstudy:\n  question: Does it help?\n  domains: [electronic, food]\n  seeds: [1, 2]\n  variants:\n"
            "    one: {experts: [base], eval: {systems: [base]}}\n    two:\n      eval:\n        systems: [base, dynamic]\n"
            "  compare:\n    - {a: two/dynamic, b: one/base, explain: true}\nexperts: [base, high_level]\nmodel:\n  path: model\n"
            "data:\n  dir: data\nrouter:\n  epochs: 1\n  temperature: 1.5\nteacher:\n  kind: endpoint\n  model: m\n  endpoint:\n    url: http://127.0.0.1:1/v1\n"
            "    key_variable: SOME_KEY\n    parameters: {seed: null}\ndecode: {samples: 2, batch_sessions: 1}\neval: {resamples: 100}\nprompts: prompts\n"))


class Data(Fixture):
    name = "data"
    files = {**{f"data/food/{name}.csv": "csv" for name in ("session_item", "session_bundle", "bundle_item", "bundle_intent", "item_categories", "item_titles",
                                                            "user_session", "user_item", "user_bundle")}, "data/SHA256SUMS": "text", "data/split.yaml": "yaml"}  # fmt: skip
    commands = [["routedk-data", command, "--data-dir", "data", "--domain", "food"] for command in ("stats", "split")]
    several_lines = True

    def make(self, folder, run):
        shutil.copytree(ROOT / "data/sample/food", folder / "data/food")
        shutil.copy(ROOT / "data/sample/split.yaml", folder / "data")
        (folder / "data/SHA256SUMS").write_text(f"{'0' * 64}  other/item_titles.csv\n")


class DataCheck(Data):
    name = "check"
    commands = [["routedk-data", "check", "--data-dir", "data", "--domain", "food"]]
    names = ("error",)  # findings are lines of the output


class Titles(Fixture):
    name = "titles"
    files = {"mapping.csv": "csv", "meta.jsonl": "jsonl"}
    commands = [["routedk-data", "add-titles", "--metadata", "meta.jsonl", "--mapping", "mapping.csv", "--data-dir", "data", "--domain", "food",
                 "--output", "new.csv"]]  # fmt: skip

    def make(self, folder, run):
        shutil.copytree(ROOT / "data/sample/food", folder / "data/food")
        items = [line.split(",")[0] for line in (folder / "data/food/item_titles.csv").read_text().splitlines()[1:6]]
        (folder / "mapping.csv").write_text("item,asin\n" + "".join(f"{item},B{i}\n" for i, item in enumerate(items)))
        (folder / "meta.jsonl").write_text("".join(json.dumps({"asin": f"B{i}", "title": f"thing &amp; {i}", "related": {"also_bought": ["B1"]}}) + "\n"
                                                   for i in range(4)) + repr({"asin": "B4", "title": "it's \u00e9", "price": 1.5}) + "\n")  # fmt: skip


class Predictions(Fixture):
    name = "predictions"
    files = {"answers.jsonl": "jsonl"}
    commands = [["routedk-eval", "score", "--data-dir", ROOT / "data/sample", "--domain", "food", "--split", "test", "--predictions", "answers.jsonl"]]

    def make(self, folder, run):
        status, out, messages = run(folder, ["routedk-data", "split", "--data-dir", ROOT / "data/sample", "--domain", "food"])
        must((status, out, messages))
        (folder / "answers.jsonl").write_text("".join(json.dumps({"session": id, "bundles": [[1, 2], ["3", 4]] if id % 2 else None}) + "\n"
                                                      for id in json.loads(out)["test"]))  # fmt: skip


class Model(Fixture):
    name = "model"
    files = {"model/config.json": "json", "model/tokenizer.json": "json", "model/tokenizer_config.json": "json", "model/generation_config.json": "json",
             "model/model.safetensors": "safetensors", "model/chat_template.jinja": "text"}  # fmt: skip
    commands = [["routedk-inspect", "model", "model"], ["routedk-predict", "--model", "model", *PROMPT]]
    names = ("chat template",)

    def make(self, folder, run):
        model(folder)
        template = json.loads((folder / "model/tokenizer_config.json").read_text()).get("chat_template", "")
        (folder / "model/chat_template.jinja").write_text(template)


class Folder(Fixture):
    """A folder in tests/goldens/llama_grid."""

    files = {"model/config.json": "json", "model/model.safetensors": "safetensors"}
    commands = [["routedk-inspect", "model", "model"], ["routedk-inspect", "logits", "--model", "model"]]
    stdin = b'{"ids": [1, 2, 3]}\n'

    def __init__(self, name):
        self.name = name

    def make(self, folder, run):
        shutil.copytree(GOLDENS / "llama_grid" / self.name, folder / "model")
        (folder / "model/logits.safetensors").unlink()


class Shards(Folder):
    files = {"model/model.safetensors.index.json": "json", "model/model-00002-of-00004.safetensors": "safetensors", "model/config.json": "json"}


class Gguf(Fixture):
    name = "gguf"
    files = {"tiny.gguf": "gguf", "stdin": "jsonl"}
    commands = [["routedk-inspect", "model", "tiny.gguf"], ["routedk-inspect", "logits", "--model", "tiny.gguf"]]
    stdin = b'{"ids": [1, 2, 3], "prompt_length": 2}\n'

    def make(self, folder, run):
        shutil.copy(GOLDENS / "tiny_llama.gguf", folder / "tiny.gguf")


class Tokenizer(Fixture):
    """A tokenizer's file alone."""

    stdin = b'{"text": "Hello, w\xc3\xb6rld 123 <s>"}\n'

    def __init__(self, name, source, kind):
        self.name, self.source, self.files = "tokenizer-" + kind + "-" + name, source, {name: kind, "stdin": "jsonl"}
        self.commands = [["routedk-inspect", "tokenize", "--model", name, "--special"]]

    def make(self, folder, run):
        shutil.copy(GOLDENS / "small_tokenizers" / self.source, folder / next(iter(self.files)))


class Tiktoken(Tokenizer):
    """As many tokens as Llama 3 has: all of one byte, of two, and some of three."""

    def make(self, folder, run):
        tokens = [bytes(one) for length in (1, 2, 3) for one in itertools.islice(itertools.product(range(256), repeat=length), 1 << 16)]
        lines = (base64.b64encode(token) + b" %d\n" % rank for rank, token in enumerate(tokens[:128_000]))
        (folder / "tokenizer.model").write_bytes(b"".join(lines))


OWN = {"data__examples": "own.jsonl", "data__validation_examples": "val.jsonl", "experts": "[one, two]", "model__path": "model", "run__dir": "run",
       "train__epochs": 1, "train__batch_size": 2, "train__checkpoint_every": 1, "router__epochs": 1, "router__checkpoint_every": 1, "router__batch_size": 4,
       "lora__rank": 2, "watch__answers": 0, "decode__samples": 2, "decode__max_new_tokens": 4}  # fmt: skip


def own_line(i):
    """Of each shape in turn."""
    turns = [("user", f"lamp {i}"), ("assistant", "a desk lamp"), ("user", "and"), ("assistant", "a lamp")]
    return ({"prompt": f"lamp {i}", "completion": "a desk lamp"}, {"instruction": "name", "input": f"lamp {i}", "output": "a desk lamp"},
            {"messages": [{"role": role, "content": content} for role, content in turns], "reference": ["a lamp"]})[i % 3]  # fmt: skip


def own_task(folder, run):
    model(folder)
    for name, count in (("own", 8), ("val", 2)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps({**own_line(i), "expert": ("one", "two")[i % 2]}) + "\n" for i in range(count)))
    must(run(folder, ["routedk-run", *sets(**OWN)]))


def real(folder, link, name):
    """A copy of what a run folder names by links."""
    shutil.copytree((folder / link).resolve(), folder / name)


class Examples(Fixture):
    name = "examples"
    files = {"own.jsonl": "jsonl", "val.jsonl": "jsonl"}
    commands = [["routedk-train", "--dry-run", *sets(**OWN)]]

    def make(self, folder, run):
        own_task(folder, run)


class Adapters(Fixture):
    name = "adapters"
    files = {"one/adapter_config.json": "json", "one/adapter_model.safetensors": "safetensors"}
    commands = [["routedk-inspect", "adapter", "one"], ["routedk-predict", "--model", "model", "--adapter", "one", "--adapter", "two", "--gate", "average", *PROMPT]]

    def make(self, folder, run):
        own_task(folder, run)
        real(folder, "run/experts/one", "one")
        real(folder, "run/experts/two", "two")


class Router(Adapters):
    name = "router"
    files = {"router/router_config.json": "json", "router/router.safetensors": "safetensors"}
    commands = [["routedk-inspect", "router", "router"],
                ["routedk-predict", "--model", "model", "--adapter", "one", "--adapter", "two", "--gate", "router", *PROMPT]]  # fmt: skip

    def make(self, folder, run):
        super().make(folder, run)
        real(folder, "run/router", "router")


class Checkpoint(Fixture):
    """A training that was killed before its last step."""

    name = "checkpoint"
    names = ("checkpoints/",)
    commands = [["routedk-inspect", "checkpoint", "last"], ["routedk-run", *sets(**OWN)]]
    files = {"last/state.json": "json", "last/tensors.safetensors": "safetensors"}

    def make(self, folder, run):
        own_task(folder, run)
        train = folder / "run/steps/train-one"
        last = sorted(path for path in train.resolve().glob("checkpoints/*/*") if path.is_dir())[-1]
        shutil.move(last, folder / "last")
        last.symlink_to(folder.resolve() / "last")
        self.link = last.relative_to(folder.resolve())

    def before(self, folder, file):
        (folder / self.link).unlink()
        (folder / self.link).symlink_to(folder / "last")
        for step in folder.glob("store/*/*/step.json"):
            step.unlink()


STUDY = """
study:
  question: Does it help?
  variants:
    one: {experts: [base], eval: {systems: [base]}}
    two: {eval: {systems: [base, dynamic]}}
  compare: [{a: two/dynamic, b: one/base, explain: true}]
experts: [base, high_level]
model: {path: model}
data: {dir: data, domain: electronic}
train: {epochs: 1, batch_size: 3, checkpoint_every: 1}
router: {epochs: 1, batch_size: 3, checkpoint_every: 1}
lora: {rank: 2}
decode: {samples: 2, max_new_tokens: 30}
eval: {resamples: 20, select: [vote, verifier], verifier_sessions: 4}
split: {train_limit: 6}
watch: {answers: 0}
prompts: prompts
"""


ORDER = ["distil", "train", "router", "answer", "evaluate", "compare"]
JSON, LINES, TENSORS = "json", "jsonl", "safetensors"


class Study(Fixture):
    """A study's store, whose files are broken; the steps that read them are done again."""

    name = "study"
    read_by = {"store.json": (JSON, "compare"), "distil/*/knowledge.jsonl": (LINES, "train"), "distil/*/domain_rules.txt": ("text", "train"),
               "train/*/base/adapter_model.safetensors": (TENSORS, "router"), "train/*/checkpoints/*/step-000002/state.json": (JSON, "train"),
               "train/*/checkpoints/*/step-000002/tensors.safetensors": (TENSORS, "train"), "train/*/begun.json": (JSON, "train"),
               "train/*/metrics.jsonl": (LINES, "train"), "router/*/router/router_config.json": (JSON, "answer"), "router/*/metrics.jsonl": (LINES, "compare"),
               "router/*/step.json": (JSON, "compare"), "router/*/begun.json": (JSON, "router"), "answer/*/answers.jsonl": (LINES, "answer"),
               "answer/*/verifier.jsonl": (LINES, "answer"), "answer/*/verifier/verifier.json": (JSON, "answer"),
               "answer/*/verifier/verifier.safetensors": (TENSORS, "answer"), "evaluate/*/scores.json": (JSON, "compare"),
               "evaluate/*/results.json": (JSON, "compare"), "evaluate/*/sessions.json": (JSON, "compare"), "compare/*/study.txt": ("text", "")}  # fmt: skip
    files = {f"runs/store/{file}": kind for file, (kind, _) in read_by.items()}
    commands = [["routedk-run", "pairs.yaml", *sets(run__dir="runs/pairs")], ["routedk-run", "pairs.yaml", *sets(run__dir="runs/pairs"), "--plan"]]
    names = ("metrics.jsonl",)

    def make(self, folder, run):
        model(folder)
        shutil.copytree(ROOT / "data/sample/electronic", folder / "data/electronic")
        shutil.copy(ROOT / "data/sample/split.yaml", folder / "data")
        shutil.copytree(ROOT / "configs/prompts", folder / "prompts")
        (folder / "pairs.yaml").write_text(STUDY)
        must(run(folder, self.commands[0]))

    def before(self, folder, file):
        _, first = self.read_by.get(file.removeprefix("runs/store/"), ("", ""))
        for kind in ORDER[ORDER.index(first):] if first else []:
            for step in (folder / "runs/store" / kind).glob("*/step.json"):
                if first == "answer" and "verifier/" in file:
                    (step.parent / "answers.jsonl").unlink(missing_ok=True)
                if not file.endswith("router/*/step.json") or kind == "compare":
                    step.unlink()


class Prompts(Fixture):
    name = "prompts"
    files = {f"prompts/{path.name}": "text" for path in sorted((ROOT / "configs/prompts").glob("*.txt"))}
    commands = [["routedk-run", "pairs.yaml", "--dry-run"]]

    def make(self, folder, run):
        Study().make(folder, run)


class ChosenRun(Fixture):
    """routedk-predict with a run's folder and sessions on standard input."""

    name = "predict"
    files = {"runs/pairs/two/config.yaml": "yaml", "stdin": LINES}
    commands = [["routedk-predict", "--run", "runs/pairs/two", *sets(decode__max_new_tokens=40, decode__samples=2)]]
    stdin = TITLES
    several_lines = True
    names = ("configs/prompts",)  # of settings without any

    def make(self, folder, run):
        Study().make(folder, run)


ALL = [Settings(), Data(), DataCheck(), Titles(), Predictions(), Model(), Folder("nf4"), Folder("nf4_double"), Shards("sharded"), Gguf(),
       Tokenizer("tokenizer.json", "tokenizer.json", "json"), Tokenizer("tokenizer.model", "sentencepiece.model", "bytes"),
       Tiktoken("tokenizer.model", "", "text"), Tokenizer("llama2.gguf", "llama2.gguf", "gguf"), Examples(), Adapters(), Router(), Checkpoint(), Study(), Prompts(), ChosenRun()]  # fmt: skip
