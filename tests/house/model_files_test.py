"""The programs with GGUF files and adapters as people really have them, against the same numbers in another form.

usage: model_files_test.py FOLDER/OF/PROGRAMS
"""
import array
import json
import struct

import outside
import small_llama
import suite
import tensor_files
from outside import BASE, ROOT, Case, change, run, sets

VOCABULARY = 40
SMOLLM2 = ROOT / ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf"
IDS = [3, 17, 5, 29, 11, 8, 2, 31, 19, 7]
HEADS, HEAD, LAYERS, HIDDEN = 4, 16, 2, 64  # of BASE


class Logits(Case):
    def logits(self, model, *arguments):
        """-> the process, the logits of all positions."""
        path = self.folder / "logits.safetensors"
        path.unlink(missing_ok=True)
        done = run("routedk-inspect", "logits", "--model", model, "--full", path, *arguments,
                   text=json.dumps({"ids": IDS, "prompt_length": len(IDS)}))
        return done, array.array("f", tensor_files.read(path)["logits.0"][1]) if path.exists() else None

    def difference(self, one, other):
        """-> the largest, with models and arguments given as lists."""
        results = [self.logits(*one), self.logits(*other)]
        for done, logits in results:
            self.assertEqual(done.returncode, 0, done.stderr)
        return max(abs(a - b) for a, b in zip(results[0][1], results[1][1], strict=True))


class Gguf(Logits):
    def gguf(self, *extra, name="model.gguf", ends=(), **more):
        """`ends`: the tokens that end an answer, {"eos": id, ...}."""
        tokens = {"model": "gpt2", "pre": "smollm", "tokens": [chr(ord("A") + i) for i in range(VOCABULARY)], "merges": [],
                  "token_type": [1] * VOCABULARY, "bos_token_id": 0}
        tokens |= {f"{end}_token_id": id for end, id in {"eos": 1, **dict(ends)}.items()}
        keys = [small_llama.key(f"tokenizer.ggml.{key}", value) for key, value in tokens.items()]
        return small_llama.write_gguf(self.folder / name, VOCABULARY, extra=[*keys, *extra],
                                      chat_template="{% for message in messages %}{{ message.content }}{% endfor %}", **more)

    def folder_model(self, name, **members):
        folder = small_llama.write_folder(self.folder / name, VOCABULARY, [])
        change(folder / "config.json", **members)
        return folder

    def test_linear_scaling_is_read_in_every_spelling_and_others_are_refused_by_name(self):
        key = small_llama.key
        plain = self.folder_model("plain")
        scaled = self.folder_model("scaled", rope_scaling={"rope_type": "linear", "factor": 4.0})
        kind, factor = key("llama.rope.scaling.type", "linear"), key("llama.rope.scaling.factor", 4.0)
        self.assertGreater(self.difference([plain], [scaled]), 0.01)
        for keys in ([kind, factor], [factor], [key("llama.rope.scale_linear", 4.0)]):
            self.assertLess(self.difference([self.gguf(*keys)], [scaled]), 1e-4)
        for keys in ([], [key("llama.rope.scaling.type", "none"), factor]):
            self.assertLess(self.difference([self.gguf(*keys)], [plain]), 1e-4)
        self.refused(self.logits(self.gguf(key("llama.rope.scaling.type", "yarn"), factor))[0], "yarn", "model.gguf")

    def test_a_split_file_is_opened_by_its_first_part_whole_or_not_at_all(self):
        def part(number, which):
            keys = [small_llama.text_of(f"split.{name}") + struct.pack(form, kind, value) for name, form, kind, value in (
                ("no", "<IH", 2, number), ("count", "<IH", 2, 3), ("tensors.count", "<Ii", 5, 2 + 9 * small_llama.LAYERS))]
            return self.gguf(*keys, name=f"model-{number + 1:05}-of-00003.gguf", part=which)
        first, second, last = part(0, slice(0, 5)), part(1, slice(5, 12)), part(2, slice(12, None))
        self.assertLess(self.difference([first], [self.folder_model("whole")]), 1e-4)
        self.refused(self.logits(last)[0], "00001-of-00003")
        second.unlink()
        self.refused(self.logits(first)[0], second.name)

    def test_end_of_sequence_and_end_of_turn_both_end_an_answer(self):
        def answer(**ends):
            done = run("routedk-predict", "--model", self.gguf(ends=ends), "--prompt", "ABC", "--json",
                       *sets(**{"decode.max_new_tokens": 6, "decode.temperature": 0}))
            self.assertEqual(done.returncode, 0, done.stderr)
            return json.loads(done.stdout)
        said = answer()
        self.assertEqual((said["tokens"], said["finished"]), (6, False))
        first = ord(said["text"][0]) - ord("A")
        other = (first + 1) % VOCABULARY
        for kind in ("eos", "eot", "eom"):
            ended = answer(**{"eos": other, kind: first})
            self.assertEqual((ended["tokens"], ended["finished"]), (0, True), kind)

    def test_what_is_made_of_a_gguf_answers_with_its_tokenizer(self):
        def answer(model, *arguments):
            done = self.predict(model, *arguments, tokens=4)
            self.assertEqual(done.returncode, 0, done.stderr)
            return json.loads(done.stdout)["text"]
        made = {"quantize": [], "merge": ["--adapter", ROOT / "tests/goldens/peft_a"]}
        for command, arguments in made.items():
            done = run("routedk-inspect", command, "--model", SMOLLM2, "--output", self.folder / command, *arguments)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(answer(self.folder / "quantize"), answer(SMOLLM2, *sets(**{"model.quant": "nf4"})))
        self.assertEqual(answer(self.folder / "merge"), answer(SMOLLM2, "--adapter", ROOT / "tests/goldens/peft_a",
                                                               *sets(**{"decode.kernels": "reference"})))


class Adapters(Logits):
    """Adapters of q_proj in both layers, against their deltas added to the weights."""

    def factor(self, rows, columns, seed):
        return [[((seed * 31 + i * 7 + j * 3) % 11 - 5) / 20 for j in range(columns)] for i in range(rows)]

    def adapter(self, **config):
        folder = self.folder / "adapter"
        folder.mkdir(exist_ok=True)
        tensors = {}
        for layer in range(LAYERS):
            for name, rows in (("lora_A", self.factor(2, HIDDEN, layer)), ("lora_B", self.factor(HEADS * HEAD, 2, layer + 5))):
                tensors[f"base_model.model.model.layers.{layer}.self_attn.q_proj.{name}.weight"] = (
                    {"dtype": "F32", "shape": [len(rows), len(rows[0])]}, array.array("f", sum(rows, [])).tobytes())
        tensor_files.write(folder / "adapter_model.safetensors", tensors)
        (folder / "adapter_config.json").write_text(json.dumps({
            "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 2, "lora_alpha": 4, "target_modules": ["q_proj"], **config}))
        return folder

    def with_deltas(self, alphas):
        """-> BASE with alpha / 2 B A added to q_proj of each layer."""
        model = self.folder / "-".join(map(str, alphas))
        if not model.exists():
            self.model().rename(model)
            tensors = tensor_files.read(model / "model.safetensors")
            for layer, alpha in enumerate(alphas):
                name = f"model.layers.{layer}.self_attn.q_proj.weight"
                entry, data = tensors[name]
                weight = array.array("f", data)
                a, b = self.factor(2, HIDDEN, layer), self.factor(HEADS * HEAD, 2, layer + 5)
                for i, row in enumerate(b):
                    for j in range(HIDDEN):
                        weight[i * HIDDEN + j] += alpha / 2 * sum(row[k] * a[k][j] for k in range(2))
                tensors[name] = entry, weight.tobytes()
            tensor_files.write(model / "model.safetensors", tensors)
        return model

    def check(self, alphas, **config):
        self.assertLess(self.difference([BASE, "--adapter", self.adapter(**config)], [self.with_deltas(alphas)]), 1e-4)

    def test_of_several_patterns_that_match_the_first_counts(self):
        self.check((4, 4))
        self.check((12, 12), alpha_pattern={"q_proj": 12, "layers.0.self_attn.q_proj": 20})
        self.check((20, 12), alpha_pattern={"layers.0.self_attn.q_proj": 20, "q_proj": 12})
        self.check((4, 20), alpha_pattern={r"^model\.layers\.1\..*q_proj": 20})

    def test_patterns_that_match_nothing_are_ignored_with_a_warning(self):
        self.check((4, 4), rank_pattern={"w_of_another_model": 7}, alpha_pattern={"q_projection": 9})
        said = self.logits(BASE, "--adapter", self.folder / "adapter")[0].stderr
        for name in ("w_of_another_model", "q_projection"):
            self.assertRegex(said, f"warning: .*{name}")

    def test_initialisations_that_leave_the_base_untouched_load_and_others_are_refused(self):
        for name in (True, False, "gaussian", "orthogonal", "eva", "mica"):
            self.check((4, 4), init_lora_weights=name)
        for name in ("pissa", "pissa_niter_4", "olora", "corda", "loftq"):
            self.refused(self.logits(BASE, "--adapter", self.adapter(init_lora_weights=name))[0], "init_lora_weights", name)


if __name__ == "__main__":
    outside.take_programs()
    suite.main()
