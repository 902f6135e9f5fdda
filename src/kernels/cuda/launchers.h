/// The kernels of this folder as functions of plain pointers to GPU memory: the .cu files define them, and
/// the .cpp files, which handle tensors, call them. Arrays are contiguous. T is float or BFloat16.
#pragma once

#include "routedk/kernels/ggml_type.h"

#include <cstdint>

#include "device.h"

namespace routedk::kernels::cuda {

struct NormShape {
  std::int64_t rows;   // T
  std::int64_t width;  // D
  float eps;
};
/// x [T,D], weight [D] -> y [T,D], scale [T]: 1 / rms of each row
template <typename T>
void launch_rms_norm(const float* x, const float* weight, T* y, float* scale, const NormShape& shape,
                     Stream stream);
/// dy [T,D] and x (or y) [T,D] -> dx [T,D]
template <typename T>
void launch_rms_norm_backward(const T* dy, const float* x, const float* weight, const float* scale, float* dx,
                              const NormShape& shape, Stream stream);
template <typename T>
void launch_rms_norm_backward_of_output(const T* dy, const T* y, const float* weight, const float* scale,
                                        float* dx, const NormShape& shape, Stream stream);

struct RotaryShape {
  std::int64_t tokens;  // T
  std::int64_t heads;   // H
  std::int64_t half;    // C/2
  float direction;      ///< 1 rotates, -1 rotates back
};
/// x [T,H,C] -> y [T,H,C]; cosines, sines [T,C/2]
template <typename T>
void launch_rotate(const T* x, const float* cosines, const float* sines, T* y, const RotaryShape& shape,
                   Stream stream);

template <typename T>
void launch_swiglu(const T* gate, const T* up, T* y, std::int64_t count, Stream stream);
template <typename T>
struct SwigluGradients {
  const T* dy;
  const T* gate;
  const T* up;
  T* dgate;
  T* dup;
};
template <typename T>
void launch_swiglu_backward(const SwigluGradients<T>& of, std::int64_t count, Stream stream);

/// Like kernels::cross_entropy; logits [.,vocab].
template <typename T>
struct CrossEntropyRows {
  const float* logits;
  const std::int64_t* targets;
  const float* weights;  // null: 1
  float smoothing;
  std::int64_t vocab;
  float* losses;
  float* unsmooth;
  T* gradient;  // null: not requested
};
template <typename T>
void launch_cross_entropy(const CrossEntropyRows<T>& of, std::int64_t rows, Stream stream);

/// Like kernels::DropoutSegment.
struct DropoutRows {
  std::int64_t begin;
  std::int64_t end;
  std::uint64_t key;
  std::int64_t first;
};
/// A few segments, as a kernel argument.
struct DropoutTable {
  static constexpr int kMost = 96;
  DropoutRows rows[kMost];
  int count;
};
struct DropoutRule {
  std::uint32_t threshold;  ///< out of 65,536
  float scale;              ///< of the kept elements
};
/// Applies the table's segments, which are consecutive; x, y [.,width]
template <typename T>
void launch_dropout(const T* x, T* y, std::int64_t width, const DropoutTable& table, const DropoutRule& rule,
                    Stream stream);

/// left [t,rank] of rows begin .. begin+t, right [rank,n] -> sum [.,n] += left right under the mask of those
/// rows; table and rule as for launch_dropout
template <typename T>
struct DroppedProduct {
  const T* left;
  std::int64_t left_stride;  ///< distance between rows
  const T* right;
  std::int64_t rank;
  T* sum;
  std::int64_t width;  // n
};
template <typename T>
void launch_add_dropped_product(const DroppedProduct<T>& of, const DropoutTable& table,
                                const DropoutRule& rule, Stream stream);

/// from [count] times scale -> to
template <typename T>
void launch_scaled(const float* from, float scale, T* to, std::int64_t count, Stream stream);

/// A step's constants (kernels/adamw.h).
struct AdamWFactors {
  float beta1, beta2, rest1, rest2, epsilon, keep, scale, rate, root;
};
void launch_adamw(const float* grads, float* values, float* first, float* second, std::int64_t count,
                  const AdamWFactors& factors, Stream stream);

/// An NF4 matrix as in kernels/nf4.h; absmax, or the nested parts.
struct Nf4View {
  const std::uint8_t* codes;
  const float* codebook;  // [16]
  const float* absmax;    // null if nested
  const std::uint8_t* nested_codes;
  const float* nested_absmax;
  const float* nested_codebook;  // [256]
  float nested_offset;
};
/// `rows` [count]: indices of rows of `width`; null: rows 0 .. count-1 -> to [count,width]
template <typename T>
void launch_nf4_rows(const Nf4View& from, const std::int64_t* rows, std::int64_t count, std::int64_t width,
                     T* to, Stream stream);
/// values [count] -> codes, and the absmax of each 64
void launch_nf4_quantize(const float* values, std::int64_t count, std::uint8_t* codes, float* absmax,
                         const float* codebook, Stream stream);
/// values [count] -> codes of the nearest entries of the map [256], and the absmax of each 256
void launch_nf4_nest(const float* values, std::int64_t count, std::uint8_t* codes, float* absmax,
                     const float* map, Stream stream);

/// Like launch_nf4_rows; blocks as in kernels/ggml_blocks.h.
template <typename T>
void launch_ggml_rows(GgmlType type, const std::uint8_t* blocks, const std::int64_t* rows, std::int64_t count,
                      std::int64_t width, T* to, Stream stream);

/// One row of a pass, and where its keys and values are.
template <typename T>
struct CachedRow {
  T* prompt_k;  // [G,P,C]
  T* prompt_v;
  T* own_k;  // [G,M,C], the branch's
  T* own_v;
  std::int64_t prompt_tokens;  ///< P
  std::int64_t prompt_seen;    ///< how many of them the row sees
  std::int64_t own_seen;
};
struct CacheHeads {
  std::int64_t heads;     // H
  std::int64_t kv_heads;  // G
  std::int64_t size;      // C
  std::int64_t room;      // M
};
/// The last token that each row sees is its own: writes k, v [T,G,C] there.
template <typename T>
void launch_cache_write(const CachedRow<T>* rows, std::int64_t count, const float* k, const float* v,
                        const CacheHeads& heads, Stream stream);
/// q [T,H,C] -> out [T,H,C]
template <typename T>
void launch_cache_attend(const CachedRow<T>* rows, std::int64_t count, const float* q, float* out,
                         const CacheHeads& heads, Stream stream);

}  // namespace routedk::kernels::cuda
