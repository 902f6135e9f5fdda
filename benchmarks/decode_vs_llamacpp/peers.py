"""peers.py llama|ik|transformers MODEL IDS_FILE NEW_TOKENS THREADS [COMPUTE]

A peer of run.py, in a separate process.

Prefills the ids and decodes one sequence, then SAMPLES over one shared prompt. Prints {"prefill", "one", "eight"}, tokens/s.
llama.cpp and transformers sample at T = 0.7. ik_llama.cpp, whose module has no sampler chain, takes the
largest logit, which is cheaper.
"""

import json
import sys
import time
from pathlib import Path

SAMPLES = 8


class Llama:
    """llama.cpp via llama-cpp-python."""

    def __init__(self, path, threads):
        import llama_cpp as lib

        self.lib = lib
        lib.llama_backend_init()
        self.model = lib.llama_model_load_from_file(str(path).encode(), lib.llama_model_default_params())
        params = lib.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_seq_max = 4096, 512, SAMPLES
        params.n_threads = params.n_threads_batch = threads
        if hasattr(params, "kv_unified"):
            params.kv_unified = True
        self.context = lib.llama_init_from_model(self.model, params)
        self.sampler = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
        lib.llama_sampler_chain_add(self.sampler, lib.llama_sampler_init_temp(0.7))
        lib.llama_sampler_chain_add(self.sampler, lib.llama_sampler_init_dist(1))

    def clear(self):
        self.lib.llama_memory_clear(self.lib.llama_get_memory(self.context), True)

    def share(self, sequence):
        self.lib.llama_memory_seq_cp(self.lib.llama_get_memory(self.context), 0, sequence, -1, -1)

    def draw(self, row):
        return self.lib.llama_sampler_sample(self.sampler, self.context, row)


class IkLlama:
    """ik_llama.cpp via ik-llama-cpp-python, with weights repacked as by `-rtr 1`."""

    def __init__(self, path, threads):
        import numpy
        from ik_llama_cpp import _ctypes_api as lib

        self.lib, self.numpy = lib, numpy
        lib.llama_backend_init()
        params = lib.llama_model_default_params()
        params.repack_tensors, params.use_mmap = True, False
        self.model = lib.llama_model_load_from_file(str(path).encode(), params)
        self.words = lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(self.model))
        params = lib.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_seq_max, params.flash_attn = 4096, 512, SAMPLES, True
        params.n_threads = params.n_threads_batch = threads
        self.context = lib.llama_init_from_model(self.model, params)
        self.copy = lib._lib.llama_kv_cache_seq_cp  # not bound: (context, from, to, first position, end)
        self.copy.argtypes = [lib.llama_context_p, *[lib.llama_seq_id] * 2, *[lib.llama_pos] * 2]

    def clear(self):
        self.lib.llama_kv_cache_clear(self.context)

    def share(self, sequence):
        self.copy(self.context, 0, sequence, -1, -1)

    def draw(self, row):
        logits = self.lib.llama_get_logits_ith(self.context, row)
        return int(self.numpy.ctypeslib.as_array(logits, (self.words,)).argmax())


def run_llama(engine, ids, new_tokens):
    lib = engine.lib
    batch = lib.llama_batch_init(512, 0, SAMPLES)

    def decode(tokens):  # (id, position, sequence, wants logits)
        batch.n_tokens = len(tokens)
        for i, (token, position, sequence, wants) in enumerate(tokens):
            batch.token[i], batch.pos[i] = token, position
            batch.n_seq_id[i], batch.seq_id[i][0], batch.logits[i] = 1, sequence, wants
        if lib.llama_decode(engine.context, batch):
            sys.exit("llama.cpp could not decode")

    def run(samples):
        engine.clear()
        start = time.perf_counter()
        decode([(token, i, 0, i + 1 == len(ids)) for i, token in enumerate(ids)])
        drawn = [engine.draw(len(ids) - 1) for _ in range(samples)]
        prefilled = time.perf_counter()
        for sequence in range(1, samples):
            engine.share(sequence)
        for step in range(new_tokens):
            decode([(token, len(ids) + step, s, True) for s, token in enumerate(drawn)])
            drawn = [engine.draw(s) for s in range(samples)]
        return len(ids) / (prefilled - start), samples * new_tokens / (time.perf_counter() - prefilled)

    run(1)  # warm-up
    prefill, one = run(1)
    return {"prefill": prefill, "one": one, "eight": run(SAMPLES)[1]}


def run_transformers(folder, ids, new_tokens, threads, compute):
    """Our NF4 folder with bitsandbytes."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(threads)
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"]["bnb_4bit_compute_dtype"] = compute
    (folder / "config.json").write_text(json.dumps(config))
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, compute), attn_implementation="sdpa")
    inputs = torch.tensor([ids])

    def generate(samples, count):
        start = time.perf_counter()
        model.generate(
            inputs, attention_mask=torch.ones_like(inputs), do_sample=True, temperature=0.7, top_k=0, pad_token_id=0,
            num_return_sequences=samples, min_new_tokens=count, max_new_tokens=count,
        )  # fmt: skip
        return time.perf_counter() - start

    def run(samples):
        prefill = generate(samples, 1)
        return prefill, samples * new_tokens / (generate(samples, new_tokens + 1) - prefill)

    generate(1, 2)
    prefill, one = run(1)
    return {"prefill": len(ids) / prefill, "one": one, "eight": run(SAMPLES)[1]}


def main():
    kind, model, ids_file, new_tokens, threads = sys.argv[1:6]
    ids = json.loads(Path(ids_file).read_text())
    if kind == "transformers":
        result = run_transformers(Path(model), ids, int(new_tokens), int(threads), sys.argv[6])
    else:
        result = run_llama({"llama": Llama, "ik": IkLlama}[kind](model, int(threads)), ids, int(new_tokens))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
