"""A random Llama of three small layers for the generators, in transformers and as tiny_llama.gguf (F32)."""

import gguf
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from reference import HERE

PATH = HERE / "tiny_llama.gguf"
LINEARS = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


@torch.no_grad()
def tiny_model():
    config = LlamaConfig(
        num_hidden_layers=3,
        hidden_size=16,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        intermediate_size=24,
        vocab_size=32,
        max_position_embeddings=64,
        rms_norm_eps=1e-5,
        rope_theta=10000.0,
        tie_word_embeddings=False,
        attn_implementation="eager",
    )
    model = LlamaForCausalLM(config).eval().float()
    random = torch.Generator().manual_seed(5)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=random)
        parameter.copy_(1 + 0.1 * noise if "norm" in name else 0.3 * noise)
    return model


def interleaved(weight, heads):
    """Rows of q or k as GGUF orders them: the halves of each head's rotary pairs alternate."""
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def save_gguf(model):
    c = model.config
    writer = gguf.GGUFWriter(PATH, "llama")
    writer.add_block_count(c.num_hidden_layers)
    writer.add_embedding_length(c.hidden_size)
    writer.add_head_count(c.num_attention_heads)
    writer.add_head_count_kv(c.num_key_value_heads)
    writer.add_feed_forward_length(c.intermediate_size)
    writer.add_context_length(c.max_position_embeddings)
    writer.add_layer_norm_rms_eps(c.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(c.head_dim)
    writer.add_vocab_size(c.vocab_size)
    writer.add_token_list([f"t{i}" for i in range(c.vocab_size)])
    tensors = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
    for i in range(c.num_hidden_layers):
        tensors[f"blk.{i}.attn_norm"] = f"model.layers.{i}.input_layernorm"
        tensors[f"blk.{i}.ffn_norm"] = f"model.layers.{i}.post_attention_layernorm"
        tensors |= {f"blk.{i}.{ours}": f"model.layers.{i}.{theirs}" for theirs, ours in LINEARS.items()}
    for ours, theirs in tensors.items():
        weight = model.get_submodule(theirs).weight.detach()
        if ours.endswith(("attn_q", "attn_k")):
            weight = interleaved(weight, c.num_attention_heads if ours.endswith("q") else c.num_key_value_heads)
        writer.add_tensor(f"{ours}.weight", weight.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
