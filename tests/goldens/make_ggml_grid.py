"""ggml_grid.safetensors: products of matrices in each type of ggml's blocks, decoded by the gguf package, in double precision.

For each type Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K: <type>.blocks U8 [out,row_bytes] of random codes and normal scales,
<type>.x F32 [2,in], <type>.y F64 [2,out] = x W^T, <type>.dy F32 [2,out], <type>.dx F64 [2,in] = dy W.
Widths are odd numbers of blocks (96 = 3 * 32, 768 = 3 * 256), and 19 rows fill no whole panel.

Needs: gguf 0.19.0, safetensors 0.8.0, numpy 2.4.6.
"""

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize
from reference import HERE
from safetensors.numpy import save_file

OUT, ROWS = 19, 2
# type: number of half-precision scales, where they begin
SCALES = {
    Type.Q4_0: (1, 0),
    Type.Q4_1: (2, 0),
    Type.Q5_0: (1, 0),
    Type.Q5_1: (2, 0),
    Type.Q8_0: (1, 0),
    Type.Q4_K: (2, 0),
    Type.Q5_K: (2, 0),
    Type.Q6_K: (1, 208),
}


def random_blocks(rng, kind):
    count, at = SCALES[kind]
    _, size = GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (OUT * 3, size), dtype=np.uint8)
    scales = (rng.standard_normal((OUT * 3, count)) * 0.01).astype(np.float16)
    blocks[:, at : at + 2 * count] = scales.view(np.uint8)
    return blocks.reshape(OUT, -1)


def main():
    rng = np.random.default_rng(15)
    tensors = {}
    for kind in SCALES:
        blocks = random_blocks(rng, kind)
        values = dequantize(blocks, kind).astype(np.float64)
        x = rng.standard_normal((ROWS, values.shape[1]), dtype=np.float32)
        dy = rng.standard_normal((ROWS, OUT), dtype=np.float32)
        of_kind = {"blocks": blocks, "x": x, "y": x @ values.T, "dy": dy, "dx": dy @ values}
        tensors |= {f"{kind.name}.{name}": np.ascontiguousarray(array) for name, array in of_kind.items()}
    path = HERE / "ggml_grid.safetensors"
    save_file(tensors, path, metadata={"made_by": "make_ggml_grid.py"})
    path.chmod(0o644)


if __name__ == "__main__":
    main()
