"""LoRAs that `routedk-inspect export --gguf` writes, as llama.cpp and the gguf package read them.

usage: gguf_lora_test.py PATH/routedk-inspect PATH/routedk-predict
Runs itself again under the Python of ROUTEDK_PYTHON, or of .deps/python, where third_party/test-python.txt has put
llama-cpp-python and gguf; without them the tests are skipped.

llama.cpp multiplies matrices in 4 bits with activations that it rounds to 8 bits, those in F32 with activations as they
are. So a copy of the model in F32 shows that the file means what it should, to float32's rounding; with the model as it
is, ours and theirs may differ with a LoRA as they do without one.
"""
import json
import math
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

import suite
import tensor_files

try:
    import gguf
    import llama_cpp
    import numpy as np
except ImportError:
    llama_cpp = None

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf"
PYTHON = os.environ.get("ROUTEDK_PYTHON", str(ROOT / ".deps/python/bin/python"))
TEXTS = ["A shop that sells by the single piece learns little about what its visitors came for. Somebody who looks at",
         "The capital of France is Paris, and the capital of Italy is", "Three things to take along on a picnic are"]
NEW = 24  # tokens that greedy decoding adds
EXACT = 1e-3  # float32's rounding makes differences of up to 1e-4 in logits of up to 30

HIDDEN, FFN, KEYS, HEAD, LAYERS = 576, 1536, 192, 64, 30
SHAPES = {"self_attn.q_proj": (HIDDEN, HIDDEN), "self_attn.k_proj": (KEYS, HIDDEN), "self_attn.v_proj": (KEYS, HIDDEN),
          "self_attn.o_proj": (HIDDEN, HIDDEN), "mlp.gate_proj": (FFN, HIDDEN), "mlp.up_proj": (FFN, HIDDEN),
          "mlp.down_proj": (HIDDEN, FFN)}  # [out, in]
GGUF_NAMES = dict(zip(SHAPES, ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")))
ALL = [name.split(".")[1] for name in SHAPES]
# Ranks and scales of every kind: one alpha for all, rsLoRA on some linears, patterns by layer and linear.
EXPERTS = {"base": {"r": 4, "lora_alpha": 8, "target_modules": ALL},
           "high_level": {"r": 8, "lora_alpha": 5, "use_rslora": True, "target_modules": ["q_proj", "k_proj", "o_proj"]},
           "fine_grained": {"r": 3, "lora_alpha": 12, "target_modules": ["q_proj", "k_proj", "down_proj"],
                            "rank_pattern": {"k_proj": 2, "layers.3.self_attn.q_proj": 6}, "alpha_pattern": {"down_proj": 4}}}  # fmt: skip


def size_of(config, layer, module):
    """-> rank and scale of a linear, 0 where it is not adapted; of the patterns above alone."""
    if module.split(".")[1] not in config["target_modules"]:
        return 0, 0.0
    name = f"layers.{layer}.{module}"
    def value(key, pattern):
        return next((found for end, found in config.get(pattern, {}).items() if name.endswith(end)), config[key])
    rank, alpha = value("r", "rank_pattern"), value("lora_alpha", "alpha_pattern")
    return rank, alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)


SPREAD = 0.15  # of B


def random_factors(name):
    """-> {(layer, module): (A, B)}"""
    random = np.random.default_rng(len(name))
    factors = {}
    for layer in range(LAYERS):
        for module, (rows, columns) in SHAPES.items():
            rank, _ = size_of(EXPERTS[name], layer, module)
            if rank:
                factors[layer, module] = (random.uniform(-1, 1, (rank, columns)).astype("f4") / math.sqrt(columns),
                                          SPREAD * random.standard_normal((rows, rank)).astype("f4"))  # fmt: skip
    return factors


def write_tensors(path, tensors):
    tensor_files.write(path, {name: ({"dtype": "F32", "shape": values.shape}, values.astype("<f4").tobytes())
                              for name, values in tensors.items()})


def write_adapter(folder, name):
    folder.mkdir(parents=True)
    write_tensors(folder / "adapter_model.safetensors", {
        f"base_model.model.model.layers.{layer}.{module}.lora_{letter}.weight": values
        for (layer, module), factors in random_factors(name).items() for letter, values in zip("AB", factors)})
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "task_type": "CAUSAL_LM", **EXPERTS[name]}))


def write_static_router(folder):
    """One that weighs experts in each layer as drawn."""
    folder.mkdir()
    biases = np.random.default_rng(1).normal(0, 2, (LAYERS, len(EXPERTS)))
    write_tensors(folder / "router.safetensors", {f"router.{layer}.bias": values for layer, values in enumerate(biases)})
    (folder / "router_config.json").write_text(json.dumps({"experts": list(EXPERTS)}))


def write_in_f32(path, target):
    """The model with every tensor decoded."""
    reader = gguf.GGUFReader(path)
    writer = gguf.GGUFWriter(target, "llama")
    for field in reader.fields.values():
        if not field.name.startswith("GGUF.") and field.name not in ("general.architecture", "general.file_type"):
            writer.add_key_value(field.name, field.contents(), field.types[0], field.types[-1])
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, gguf.quants.dequantize(tensor.data, tensor.tensor_type))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def run(program, *arguments, text=""):
    return subprocess.run([program, *map(str, arguments)], cwd=ROOT, input=text, capture_output=True, text=True, timeout=600)


def rms(values):
    return float(np.sqrt(np.mean(np.square(values, dtype="f8"))))


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not MODEL.exists():
            raise unittest.SkipTest(f"no {MODEL}: scripts/setup fetches it")
        if llama_cpp is None:
            raise unittest.SkipTest(f"{PYTHON} lacks llama_cpp or gguf")
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="routedk-gguf-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.run_folder = cls.folder / "run"
        for name in EXPERTS:
            write_adapter(cls.run_folder / "experts" / name, name)
        write_static_router(cls.folder / "static")
        (cls.run_folder / "config.yaml").write_text(f"model: {{path: {MODEL}}}\nexperts: [{', '.join(EXPERTS)}]\n")

    def export(self, output, *arguments):
        """Of the run -> what the program says."""
        done = run(INSPECT, "export", "--gguf", "--run", self.run_folder, "--output", self.folder / output, "--json", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def refused(self, *arguments):
        done = run(INSPECT, "export", "--gguf", "--run", self.run_folder, *arguments)
        self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
        return done.stderr


class Files(Case):
    def test_the_gguf_package_reads_the_factors_of_each_expert(self):
        said = self.export("apart", "--dtype", "f32")
        self.assertEqual((said["mix"], said["experts"]), (None, list(EXPERTS)))
        for name, told in zip(EXPERTS, said["files"]):
            reader = gguf.GGUFReader(self.folder / "apart" / f"{name}.gguf")
            keys = {field.name: field.contents() for field in reader.fields.values()}
            self.assertEqual([keys["general.architecture"], keys["general.type"], keys["adapter.type"], keys["general.name"]],
                             ["llama", "adapter", "lora", name])
            tensors = {tensor.name: tensor for tensor in reader.tensors}
            factors = random_factors(name)
            self.assertEqual((len(tensors), told["linears"]), (2 * len(factors), len(factors)))
            for (layer, module), (a, b) in factors.items():
                rank, scale = size_of(EXPERTS[name], layer, module)
                self.assertEqual(a.shape[0], rank)
                stored = [tensors[f"blk.{layer}.{GGUF_NAMES[module]}.weight.lora_{letter}"] for letter in "ab"]
                self.assertEqual([list(tensor.shape) for tensor in stored], [[a.shape[1], rank], [rank, b.shape[0]]])
                self.assertTrue((stored[0].data == a).all())
                if module in ("self_attn.q_proj", "self_attn.k_proj"):  # as convert_hf_to_gguf.py permutes a Llama's
                    b = b.reshape(-1, 2, HEAD // 2, rank).swapaxes(1, 2).reshape(b.shape)
                np.testing.assert_allclose(stored[1].data * (keys["adapter.lora.alpha"] / rank), b * scale, rtol=1e-6)

    def test_a_mix_stacks_weighted_factors_in_half_precision(self):
        self.export("mix.gguf", "--weights=0.5,-0.25,0")
        tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(self.folder / "mix.gguf").tensors}
        self.assertEqual({tensor.tensor_type for tensor in tensors.values()}, {gguf.GGMLQuantizationType.F16})
        self.assertEqual(list(tensors["blk.0.attn_q.weight.lora_a"].shape), [HIDDEN, 12])
        self.assertEqual(list(tensors["blk.0.ffn_up.weight.lora_b"].shape), [4, FFN])

    def test_dynamic_routing_is_refused_and_nothing_is_overwritten(self):
        self.assertIn("dynamic routing does not survive export", self.refused("--gate", "dynamic", "--output", self.folder / "no"))
        self.assertFalse((self.folder / "no").exists())
        (self.folder / "mine").write_text("mine")
        for more in (["--gate", "average"], []):
            self.assertIn("must be a new", self.refused("--output", self.folder / "mine", *more))
        self.assertEqual((self.folder / "mine").read_text(), "mine")


class Logits(Case):
    """Ours and llama.cpp's under the same adapters."""

    def ours(self, model, ids, arguments):
        """-> logits [T,V] of each sequence"""
        full = self.folder / "full.safetensors"
        done = run(INSPECT, "logits", "--model", model, "--quant", "keep", "--device", "cpu", "--full", full, *arguments,
                   text="".join(json.dumps({"ids": one}) + "\n" for one in ids))
        self.assertEqual(done.returncode, 0, done.stderr)
        data = full.read_bytes()
        size = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8:8 + size])
        entries = [header[f"logits.{i}"] for i in range(len(ids))]
        return [np.frombuffer(data[8 + size:][slice(*entry["data_offsets"])], "<f4").reshape(entry["shape"]) for entry in entries]

    def theirs(self, model, lora):
        """-> ids and logits [T,V] of each text with NEW greedy tokens, and these tokens' texts"""
        llama = llama_cpp.Llama(str(model), lora_path=lora and str(lora), n_ctx=256, logits_all=True, verbose=False,
                                type_k=llama_cpp.GGML_TYPE_F32, type_v=llama_cpp.GGML_TYPE_F32, n_threads=2)
        self.addCleanup(llama.close)
        sequences, logits, texts = [], [], []
        for text in TEXTS:
            llama.reset()
            ids = llama.tokenize(text.encode(), add_bos=False, special=False)
            prompt = len(ids)
            llama.eval(ids)
            for _ in range(NEW):
                ids.append(int(llama.scores[len(ids) - 1].argmax()))
                llama.eval(ids[-1:])
            sequences.append(ids)
            logits.append(llama.scores[:len(ids)].copy())
            texts.append(llama.detokenize(ids[prompt:], prev_tokens=ids[:prompt]).decode())
        return sequences, logits, texts

    def cases(self, dtype):
        """-> a file, and what makes `logits` and `predict` compute the same; first none"""
        yield None, []
        self.export(f"apart-{dtype}", "--dtype", dtype)
        adapters = {name: ["--adapter", self.run_folder / "experts" / name] for name in EXPERTS}
        for name in EXPERTS:
            yield self.folder / f"apart-{dtype}" / f"{name}.gguf", adapters[name]
        for name, gate in (("average", "average"), ("by-layer", self.folder / "static")):
            file = f"{name}-{dtype}.gguf"
            self.export(file, "--dtype", dtype, "--gate", gate)
            yield self.folder / file, [*(word for words in adapters.values() for word in words), "--gate", gate]

    def greedy(self, model, text, arguments):
        done = run(PREDICT, "--model", model, "--prompt", text, "--raw", "--json", "--temperature", 0, "--max-new-tokens", NEW,
                   "--set", "model.quant=keep", "--set", "model.dtype=float32", "--set", "decode.kernels=reference", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["text"]

    def test_with_the_model_in_f32_logits_and_greedy_tokens_are_ours(self):
        model, alone = self.folder / "f32.gguf", None
        write_in_f32(MODEL, model)
        for lora, arguments in self.cases("f32"):
            sequences, theirs, texts = self.theirs(model, lora)
            ours = self.ours(model, sequences, arguments)
            for ids, wanted, found in zip(sequences, theirs, ours):
                self.assertLess(abs(found - wanted).max(), EXACT, lora)
                self.assertEqual(found[-1 - NEW:-1].argmax(1).tolist(), ids[-NEW:], lora)
            self.assertEqual(self.greedy(model, TEXTS[0], arguments), texts[0], lora)
            prompts = np.concatenate([found[:-NEW] for found in ours])
            alone = prompts if lora is None else alone
            self.assertTrue(lora is None or rms(prompts - alone) > 100 * EXACT, lora)

    def test_with_the_model_in_4_bits_the_difference_is_that_of_the_model_alone(self):
        noise, alone, equal = 0.0, None, []
        for lora, arguments in self.cases("f16"):
            sequences, theirs, _ = self.theirs(MODEL, lora)
            ours = self.ours(MODEL, sequences, arguments)
            equal += [found[-1 - NEW:-1].argmax(1) == ids[-NEW:] for found, ids in zip(ours, sequences)]
            difference = rms(np.concatenate(ours) - np.concatenate(theirs))
            prompts = np.concatenate([found[:-NEW] for found in ours])
            if lora is None:
                noise, alone = difference, prompts
            else:  # a LoRA that does something else than ours would add its effect to the difference
                self.assertLess(difference, 1.5 * noise, lora)
                self.assertGreater(rms(prompts - alone), 2 * difference, lora)
        self.assertGreater(np.mean(equal), 0.9)  # tokens between which 8 bits do not decide


if __name__ == "__main__":
    if llama_cpp is None and shutil.which(PYTHON) and not os.environ.get("ROUTEDK_TRIED"):
        os.environ["ROUTEDK_TRIED"] = "1"
        os.execv(shutil.which(PYTHON), [PYTHON, "-B", *sys.argv])
    INSPECT, PREDICT = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
    suite.main()
