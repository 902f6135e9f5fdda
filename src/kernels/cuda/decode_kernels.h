/// The kernels of a decoding step other than its products. Rows are tokens of branches: each sees the keys of
/// its prompt, which several rows share, and those of its own branch. Of the M rows, those without a branch
/// are padding.
#pragma once

#include <cstdint>

#include "decode_product.h"
#include "device.h"

namespace routedk::kernels::cuda {

/// One row of a step.
struct StepRow {
  int token;
  int position;  ///< in the sequence, for the rotation
  int branch;    ///< -1: padding
  int own;       ///< index among the branch's own tokens
};
/// Up to kChunk keys of a prompt and the rows that see them.
struct PromptChunk {
  int prompt;
  int first_row;
  int rows;
  int first_key;
  int keys;  ///< of the prompt
  int part;  ///< index among the prompt's chunks
};
constexpr int kChunk = 64;

/// Where the keys and values of a layer are.
struct KeysValues {
  std::uint16_t* k;  // a prompt's [G,P,C], or all branches' [B,G,room,C]; likewise v
  std::uint16_t* v;
};
/// Inputs that change from step to step, in GPU memory.
struct StepTables {
  const StepRow* rows = nullptr;        // [M]
  const int* parts = nullptr;           // [M]: chunks of the row's prompt, plus one for its own tokens
  const PromptChunk* chunks = nullptr;  // [chunk_count]
  const int* chunk_count = nullptr;
  const int* room = nullptr;  ///< tokens allocated per branch
};

struct HeadShape {
  int heads = 0;     // H
  int kv_heads = 0;  // G
  int size = 0;      // C: 64 or 128

  constexpr int group() const { return heads / kv_heads; }
};

/// hidden [M,D] = rows of the embedding; angles [M,C/2] of the rows' positions; sets the counters to 0.
struct StepStart {
  StepTables tables;
  const std::uint16_t* embedding = nullptr;    // [V,D] bf16
  const float* inverse_frequencies = nullptr;  // [C/2]
  float* hidden = nullptr;
  float2* angles = nullptr;  ///< cosine, sine
  int* counters = nullptr;
  int counter_count = 0;
  int rows = 0;
  int width = 0;  // D
  int half = 0;   // C/2
};
void launch_step_start(const StepStart& start, Stream stream);

/// hidden += parts [count][M][D]; x = RMSNorm(hidden) * gain, as [D/8][M][8] bf16 and, if `normed` is given,
/// also as [M,D] fp32.
struct AddNorm {
  float* hidden = nullptr;
  const float* parts = nullptr;
  int count = 0;
  const float* gain = nullptr;
  std::uint16_t* x = nullptr;
  float* normed = nullptr;
  int rows = 0;
  int width = 0;
  float epsilon = 0.0F;
};
void launch_add_norm(const AddNorm& op, Stream stream);

/// x = silu(gate) * up as [F/8][M][8] bf16, from parts [count][M][2 F].
struct GateUp {
  const float* parts = nullptr;
  int count = 0;
  std::uint16_t* x = nullptr;
  int rows = 0;
  int width = 0;  // F
};
void launch_gate_up(const GateUp& op, Stream stream);

/// Sums parts [splits][count] into the first; count is a multiple of 4.
void launch_sum_parts(float* parts, int splits, std::int64_t count, Stream stream);

struct DecodeAttention {
  StepTables tables;
  HeadShape shape;
  int rows = 0;                         // M
  int chunk_room = 0;                   ///< chunks that the grid has blocks for
  const KeysValues* prompts = nullptr;  // [S] of this layer
  const KeysValues* own = nullptr;      ///< of this layer
  const float* qkv = nullptr;           // parts [count][M][(H + 2 G) C]
  int count = 0;
  const float2* angles = nullptr;  // [M,C/2]
  std::uint16_t* q = nullptr;      // [M,H,C] rotated, times log2(e) / sqrt(C); scratch, unused for one row
  float* sums = nullptr;           // [parts][M,H][C], unnormalised
  float2* states = nullptr;        // [parts][M,H]: largest score (base 2), sum
};
/// Rotates, stores keys and values, attends; leaves the states to be merged.
void launch_decode_attention(const DecodeAttention& op, Stream stream);
/// x = the merged states as [H C/8][M][8] bf16.
void launch_join_attention(const DecodeAttention& op, std::uint16_t* x, Stream stream);
/// Bytes of shared memory that attention over that many rows needs.
std::size_t decode_attention_bytes(const HeadShape& shape, int rows);

}  // namespace routedk::kernels::cuda
