/// Products with low-rank factors: one side has the tokens of a batch, the other R.
#include <algorithm>

#include "../devices.h"
#include "tile_operands.h"
#include <ATen/Parallel.h>

namespace routedk::kernels::cpu {
namespace {

constexpr std::int64_t kDepth = 256;   ///< words of a panel, which stays in the L1 cache
constexpr std::int64_t kFewRows = 32;  ///< for fewer, packing the factor costs more than it saves
constexpr std::int64_t kRowsAtOnce = 48;
constexpr std::int64_t kColumns = 96;  ///< columns of x summed over kTokenWords words of tokens at once
constexpr std::int64_t kTokenWords = 128;

std::int64_t panels_of(std::int64_t columns) {
  return (columns + kPanel - 1) / kPanel;
}

/// Words of one thread or one product.
template <typename Word>
class Words {
 public:
  explicit Words(std::int64_t count) : memory_(at::empty({count}, at::kInt)) {}
  Word* data() const { return static_cast<Word*>(memory_.mutable_data_ptr()); }

 private:
  at::Tensor memory_;
};

/// [R,n] -> a panel [words_of(n),kPanel] for every kPanel ranks, zero-padded.
template <typename Word>
Words<Word> transposed_panels(const at::Tensor& factor) {
  const std::int64_t rank = factor.size(0);
  const std::int64_t depth = factor.size(1);
  const std::int64_t words = words_of<Word>(depth);
  Words<Word> panels(panels_of(rank) * words * kPanel);
  const Words<Word> scratch(kPanel * words);
  for (std::int64_t r = 0; r < rank; r += kPanel) {
    pack_transposed_panel(
        {factor.const_data_ptr<float>() + r * depth, depth, std::min(kPanel, rank - r), depth},
        panels.data() + r * words, scratch.data());
  }
  return panels;
}

/// x [T,n] times the transpose of a factor [R,n].
template <typename Word>
at::Tensor times_transposed(const at::Tensor& x, const at::Tensor& factor) {
  static const TileFn<Word> tile = choose_tile<Word>();
  const std::int64_t rank = factor.size(0);
  const std::int64_t size = x.size(1);
  const std::int64_t depth = words_of<Word>(size);
  const Words<Word> panels = transposed_panels<Word>(factor);
  at::Tensor out = at::empty({x.size(0), rank}, at::kFloat);
  const auto* const from = x.const_data_ptr<float>();
  auto* const c = out.mutable_data_ptr<float>();
  at::parallel_for(0, x.size(0), kFewRows, [&](std::int64_t begin, std::int64_t end) {
    const Words<Word> scratch(kRowsAtOnce * depth);
    for (std::int64_t row = begin; row < end; row += kRowsAtOnce) {
      const std::int64_t count = std::min(kRowsAtOnce, end - row);
      const Operand<Word> a = along({from + row * size, size, count, size}, scratch.data());
      for (std::int64_t p = 0; p < panels_of(rank); ++p) {
        for (std::int64_t k = 0; k < depth; k += kDepth) {
          tile({a.data + k, a.stride, c + row * rank + p * kPanel, rank, count},
               panels.data() + (p * depth + k) * kPanel, std::min(kDepth, depth - k),
               std::min(kPanel, rank - p * kPanel), k > 0);
        }
      }
    }
  });
  return out;
}

/// narrow [T,R] as panels [words_of(T),kPanel] of kPanel ranks each.
template <typename Word>
Words<Word> panels_over_tokens(const at::Tensor& narrow) {
  const std::int64_t rank = narrow.size(1);
  const std::int64_t words = words_of<Word>(narrow.size(0));
  Words<Word> panels(panels_of(rank) * words * kPanel);
  for (std::int64_t r = 0; r < rank; r += kPanel) {
    pack_panel({narrow.const_data_ptr<float>() + r, rank, narrow.size(0), std::min(kPanel, rank - r)},
               panels.data() + r * words);
  }
  return panels;
}

/// x [T,n], narrow [T,R] -> x^T narrow [n,R], some columns of x at a time.
template <typename Word>
at::Tensor sum_over_tokens(const at::Tensor& x, const at::Tensor& narrow) {
  static const TileFn<Word> tile = choose_transposed_tile<Word>();
  constexpr std::int64_t kTokens = kTokenWords * kNumbers<Word>;
  const std::int64_t rank = narrow.size(1);
  const std::int64_t width = x.size(1);
  const std::int64_t words = words_of<Word>(x.size(0));
  const Words<Word> panels = panels_over_tokens<Word>(narrow);
  at::Tensor out = at::empty({width, rank}, at::kFloat);
  const auto* const from = x.const_data_ptr<float>();
  auto* const c = out.mutable_data_ptr<float>();
  at::parallel_for(0, (width + kColumns - 1) / kColumns, 1, [&](std::int64_t begin, std::int64_t end) {
    const Words<Word> scratch(kTokenWords * kColumns);
    for (std::int64_t first = begin * kColumns; first < std::min(end * kColumns, width); first += kColumns) {
      const std::int64_t columns = std::min(kColumns, width - first);
      for (std::int64_t token = 0; token < x.size(0); token += kTokens) {
        const std::int64_t count = std::min(kTokens, x.size(0) - token);
        const Operand<Word> a = across({from + token * width + first, width, count, columns}, scratch.data());
        for (std::int64_t p = 0; p < panels_of(rank); ++p) {
          tile({a.data, a.stride, c + first * rank + p * kPanel, rank, columns},
               panels.data() + (p * words + token / kNumbers<Word>)*kPanel, words_of<Word>(count),
               std::min(kPanel, rank - p * kPanel), token > 0);
        }
      }
    }
  });
  return out;
}

}  // namespace

at::Tensor lora_down(const at::Tensor& x, const at::Tensor& factor, double scale, Precision precision) {
  if (x.scalar_type() != at::kFloat || x.size(0) < kFewRows) {
    return at::mm(x, factor.to(x.scalar_type()).t()).mul_(scale);
  }
  const at::Tensor rows = x.contiguous();
  const at::Tensor scaled = (factor * scale).contiguous();
  return precision == Precision::kBFloat16 ? times_transposed<Pair>(rows, scaled)
                                           : times_transposed<float>(rows, scaled);
}

at::Tensor factor_gradient(const at::Tensor& narrow, const at::Tensor& x, Precision precision) {
  if (x.scalar_type() != at::kFloat || x.size(0) == 0) {
    return at::mm(narrow.t(), x);
  }
  const at::Tensor rows = x.contiguous();
  const at::Tensor left = narrow.contiguous();
  return (precision == Precision::kBFloat16 ? sum_over_tokens<Pair>(rows, left)
                                            : sum_over_tokens<float>(rows, left))
      .t()
      .contiguous();
}

}  // namespace routedk::kernels::cpu
