"""ggml_blocks.safetensors: raw ggml blocks and what the gguf package makes of them in fp32.

For each type F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K: <type>.blocks U8 [bytes], <type>.values F32 [elements].
Blocks are random bytes, so that every code occurs; the half-precision scales among them are finite but reach
subnormals, zeros of both signs and the largest values. From the model scripts/setup fetches: the last row of
blk.0.attn_q.weight, attn_q F32 [576]. Also what the reader of safetensors itself is held to:
tensors written by Python's safetensors, with metadata and an empty tensor.

Needs: gguf 0.19.0, safetensors 0.8.0, numpy 2.4.6.
"""

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFReader
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize
from reference import HERE, MODEL
from safetensors.numpy import save_file

BLOCKS = 12


def finite_halves(rng, count):
    halves = rng.integers(0, 2**16, 4 * count, dtype=np.uint16).view(np.float16)
    special = np.array([0.0, -0.0, 6e-8, -6e-8, 65504.0, 6.1e-5], dtype=np.float16)
    return np.concatenate([special, halves[np.isfinite(halves)]])[:count]


def blocks_of(rng, kind, scales, at=0):
    _, size = GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (BLOCKS, size), dtype=np.uint8)
    for i in range(scales):
        blocks[:, at + 2 * i : at + 2 * i + 2] = finite_halves(rng, BLOCKS).view(np.uint8).reshape(BLOCKS, 2)
    return blocks.reshape(-1)


def last_row(name):
    tensor = next(tensor for tensor in GGUFReader(MODEL).tensors if tensor.name == name)
    return dequantize(tensor.data, tensor.tensor_type)[-1]


def main():
    rng = np.random.default_rng(7)
    halves = np.append(finite_halves(rng, 60), np.array([np.inf, -np.inf], dtype=np.float16))
    cases = {
        Type.F32: rng.standard_normal(20, dtype=np.float32).view(np.uint8),
        Type.F16: halves.view(np.uint8),
        Type.BF16: (rng.standard_normal(40, dtype=np.float32).view(np.uint32) >> 16).astype(np.uint16).view(np.uint8),
        Type.Q8_0: blocks_of(rng, Type.Q8_0, 1),
        Type.Q4_0: blocks_of(rng, Type.Q4_0, 1),
        Type.Q4_1: blocks_of(rng, Type.Q4_1, 2),
        Type.Q5_0: blocks_of(rng, Type.Q5_0, 1),
        Type.Q5_1: blocks_of(rng, Type.Q5_1, 2),
        Type.Q4_K: blocks_of(rng, Type.Q4_K, 2),
        Type.Q5_K: blocks_of(rng, Type.Q5_K, 2),
        Type.Q6_K: blocks_of(rng, Type.Q6_K, 1, at=208),
    }
    tensors = {"empty": np.zeros((0, 3), dtype=np.int64), "matrix": np.arange(6, dtype=np.int32).reshape(2, 3)}
    for kind, blocks in cases.items():
        tensors[f"{kind.name}.blocks"] = blocks
        tensors[f"{kind.name}.values"] = np.asarray(dequantize(blocks, kind), dtype=np.float32).reshape(-1)
    tensors["attn_q"] = np.ascontiguousarray(last_row("blk.0.attn_q.weight"))
    path = HERE / "ggml_blocks.safetensors"
    save_file(tensors, path, metadata={"made_by": "make_ggml_blocks.py"})
    path.chmod(0o644)


if __name__ == "__main__":
    main()
