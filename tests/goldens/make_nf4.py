"""nf4.safetensors: what bitsandbytes makes of small fp32 and bf16 tensors on the CPU (NF4, blocks of 64).

For each case: <case>.input F32 or BF16; plain: .packed U8 [(n+1)/2], .absmax F32 [blocks], .dequantised F32; with
double quantisation: .nested_absmax U8 [blocks], .absmax2 F32 [blocks/256], .offset F32 [1],
.nested_dequantised F32. Once: map F32[16], nested_map F32[256]. The packed codes are the same for both.

Dequantisation is asked for as one flat row padded to whole blocks: the vectorised CPU kernel of bitsandbytes
0.50 takes the wrong absmax where a row is not a whole number of blocks.
"""

import torch
from bitsandbytes.functional import dequantize_4bit, quantize_4bit
from safetensors.torch import save_file

from reference import HERE, versions

THRESHOLDS = [
    -0.8480964004993439, -0.6106329262256622, -0.4599952697753906, -0.33967943489551544, -0.23460740596055984,
    -0.13791173323988914, -0.045525018125772476, 0.03979014977812767, 0.1202552504837513, 0.2035212516784668,
    0.2920137718319893, 0.3893125355243683, 0.5016634166240692, 0.6427869200706482, 0.8614784181118011,
]  # fmt: skip


def cases():
    random = torch.Generator().manual_seed(20250817)

    def normal(*shape):
        return torch.randn(*shape, generator=random)

    thresholds = torch.tensor(THRESHOLDS)
    below = torch.nextafter(thresholds, torch.tensor(-2.0))
    above = torch.nextafter(thresholds, torch.tensor(2.0))
    ties = torch.cat([thresholds, below, above, torch.tensor([1.0])])  # absmax is exactly 1
    ties = torch.cat([ties, torch.zeros(64 - ties.numel())])
    zero_block = normal(4, 64)
    zero_block[1] = 0.0
    zero_block[3, 5:] = -0.0
    outlier = normal(2, 64) * 0.01
    outlier[0, 17] = -37.5
    half_ties = (thresholds.bfloat16().repeat(3) + torch.tensor([-1, 0, 1]).repeat_interleave(15) * 0.004).bfloat16()
    half = {
        "bf16_even": normal(8, 96) * 0.05,
        "bf16_odd": normal(7, 13),
        "bf16_zero_block": zero_block,
        "bf16_huge": normal(2, 96) * 1e37,
        "bf16_tiny": normal(2, 96) * 1e-30,
        "bf16_ties": torch.cat([half_ties, torch.tensor([1.0]), torch.zeros(18)]).reshape(1, 64),
        "bf16_blocks": normal(3, 512) * 0.02,
    }
    return {name: value.bfloat16() for name, value in half.items()} | {
        "even": normal(16, 96) * 0.05,
        "odd": normal(7, 13),
        "one": torch.tensor([[-0.75]]),
        "less_than_a_block": normal(3, 10) * 3.0,
        "crosses_rows": normal(5, 100) * 0.02,
        "zero_block": zero_block,
        "all_zero": torch.zeros(2, 64),
        "huge": normal(2, 96) * 1e37,
        "tiny": normal(2, 96) * 1e-30,
        "subnormal_scale": normal(4, 64) * torch.tensor([1e-38, 3e-39, 1e-40, 1e-43])[:, None],
        "mixed_scales": normal(6, 64) * torch.tensor([1e-20, 1e-6, 1e-2, 1.0, 1e4, 1e20])[:, None],
        "ties": ties.reshape(1, 64),
        "negative_ties": torch.cat([-ties, 4.0 * ties]).reshape(2, 64),
        "outlier": outlier,
        "many_blocks": normal(66, 256) * (0.01 + 0.1 * torch.rand(66, 1, generator=random)),  # 264 blocks
    }


def dequantise(packed, state, shape):
    count = shape.numel()
    blocks = (count + 63) // 64
    padded = torch.nn.functional.pad(packed.flatten(), (0, 32 * blocks - packed.numel()), value=0x77)
    state.shape = torch.Size([1, 64 * blocks])
    state.dtype = torch.float32  # not rounded to the input's type
    return dequantize_4bit(padded.reshape(-1, 1), state).flatten()[:count].reshape(shape)


def main():
    tensors = {}
    for name, value in cases().items():
        packed, plain = quantize_4bit(value, blocksize=64, quant_type="nf4", compress_statistics=False)
        packed2, nested = quantize_4bit(value, blocksize=64, quant_type="nf4", compress_statistics=True)
        assert torch.equal(packed, packed2)
        tensors |= {
            f"{name}.input": value,
            f"{name}.packed": packed.flatten(),
            f"{name}.absmax": plain.absmax.flatten(),
            f"{name}.dequantised": dequantise(packed, plain, value.shape),
            f"{name}.nested_absmax": nested.absmax.flatten(),
            f"{name}.absmax2": nested.state2.absmax.flatten(),
            f"{name}.offset": nested.offset.flatten(),
            f"{name}.nested_dequantised": dequantise(packed2, nested, value.shape),
        }
        tensors["map"] = plain.code
        tensors["nested_map"] = nested.state2.code
        assert nested.state2.blocksize == 256
    tensors = {name: tensor.contiguous().clone() for name, tensor in tensors.items()}
    save_file(tensors, HERE / "nf4.safetensors", metadata={"made_with": versions("torch", "bitsandbytes")})


if __name__ == "__main__":
    main()
