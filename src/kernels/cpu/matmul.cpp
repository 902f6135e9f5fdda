#include "routedk/kernels/cpu/matmul.h"

#include "routedk/kernels/cpu/ggml_decode.h"
#include "routedk/kernels/cpu/vectorised.h"

#include <algorithm>
#include <span>
#include <type_traits>

#include "tile_operands.h"
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

namespace routedk::kernels::cpu {
namespace {

// A panel of B (at most kDepth x kPanel words: 40 KiB of floats, 20 of pairs) stays in the first-level cache while kRows rows of A pass, which
// stay in the second-level one while all panels of a thread pass.
template <typename Word>
constexpr std::int64_t kDepth = 320 / kNumbers<Word>;
constexpr std::int64_t kRows = 192;
constexpr std::int64_t kRowGrain = 16;  // rows that one thread reads or rounds at least

struct Block {
  std::int64_t begin;
  std::int64_t size;
};

/// Memory of one thread.
template <typename Word>
struct Scratch {
  at::Tensor of_rows = at::empty({kPanel, kDepth<Word> * kNumbers<Word>}, at::kFloat);
  at::Tensor of_words = at::empty({kPanel, kDepth<Word>}, at::kFloat);  // of their size
  float* rows() const { return of_rows.mutable_data_ptr<float>(); }
  Word* words() const { return static_cast<Word*>(of_words.mutable_data_ptr()); }
};

/// Rounds values as a matrix of that type held them.
template <typename Type>
ROUTEDK_INLINE void round_to(float* values, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>(static_cast<Type>(values[i]));
  }
}
ROUTEDK_CLONES void round_to_bfloat16(float* values, std::size_t count) {
  round_to<c10::BFloat16>(values, count);
}
ROUTEDK_CLONES void round_to_half(float* values, std::size_t count) {
  round_to<c10::Half>(values, count);
}

/// Elements first .. first + to.size() of the matrix, row after row.
void read(const Nf4Matrix& w, std::int64_t first, std::span<float> to) {
  nf4_range_to_float(w.codes, w.absmax, first, to, w.codebook);
  if (w.rounded == at::kBFloat16) {
    round_to_bfloat16(to.data(), to.size());
  } else if (w.rounded == at::kHalf) {
    round_to_half(to.data(), to.size());
  }
}
void read(const GgmlMatrix& w, std::int64_t first, std::span<float> to) {
  ggml_range_to_float(w.type, w.blocks, first, to);
}
template <typename T>
void read(const DenseMatrix<T>& w, std::int64_t first, std::span<float> to) {
  std::copy_n(w.values + first, to.size(), to.data());
}

/// W^T: columns of B are rows of W.
template <typename Matrix>
struct Transposed {
  const Matrix& w;
  std::int64_t depth() const { return w.cols; }
  std::int64_t columns() const { return w.rows; }

  template <typename Word>
  void pack(Block k, Block n, Word* panel, const Scratch<Word>& scratch) const {
    for (std::int64_t j = 0; j < n.size; ++j) {
      read(w, (n.begin + j) * w.cols + k.begin,
           {scratch.rows() + j * k.size, static_cast<std::size_t>(k.size)});
    }
    pack_transposed_panel({scratch.rows(), k.size, n.size, k.size}, panel, scratch.words());
  }
};

/// W itself.
template <typename Matrix>
struct Plain {
  const Matrix& w;
  std::int64_t depth() const { return w.rows; }
  std::int64_t columns() const { return w.cols; }

  template <typename Word>
  void pack(Block k, Block n, Word* panel, const Scratch<Word>& scratch) const {
    for (std::int64_t i = 0; i < k.size; i += kPanel) {  // some rows, which stay in the first-level cache
      const std::int64_t rows = std::min(kPanel, k.size - i);
      for (std::int64_t row = 0; row < rows; ++row) {
        read(w, (k.begin + i + row) * w.cols + n.begin,
             {scratch.rows() + row * kPanel, static_cast<std::size_t>(n.size)});
      }
      pack_panel({scratch.rows(), kPanel, rows, n.size}, panel + i / kNumbers<Word> * kPanel);
    }
  }
};

template <typename Word>
struct Operands {
  const Word* a;  // [T,words of the depth]
  std::int64_t tokens;
  const Word* left;    // [T,words of the rank]
  const float* right;  // [R,columns]
  std::int64_t rank;
  float* c;
};

/// One thread's panels, packed for one block of the depth, times all rows of A. The term of low rank comes
/// after the last block, while its tile of C is at hand.
template <typename Word, typename B>
void multiply_panels(const B& b, const Operands<Word>& with, Block panels) {
  static const TileFn<Word> tile = choose_tile<Word>();
  const std::int64_t rank = words_of<Word>(with.rank);
  const at::Tensor memory = at::empty({panels.size, kPanel * (kDepth<Word> + rank)}, at::kFloat);
  auto* const packed = static_cast<Word*>(memory.mutable_data_ptr());
  auto* const packed_term = packed + panels.size * kPanel * kDepth<Word>;
  const Scratch<Word> scratch;
  const auto columns = [&](std::int64_t p) {
    const std::int64_t begin = (panels.begin + p) * kPanel;
    return Block{begin, std::min(kPanel, b.columns() - begin)};
  };
  for (std::int64_t p = 0; p < panels.size && rank > 0; ++p) {
    const Block n = columns(p);
    pack_panel({with.right + n.begin, b.columns(), with.rank, n.size}, packed_term + p * kPanel * rank);
  }
  const std::int64_t depth = words_of<Word>(b.depth());
  const std::int64_t blocks = (depth + kDepth<Word> - 1) / kDepth<Word>;
  const std::int64_t even = (depth + blocks - 1) / blocks;
  for (std::int64_t k = 0; k < depth; k += even) {
    const std::int64_t size = std::min(even, depth - k);
    const std::int64_t first = k * kNumbers<Word>;
    const Block numbers{first, std::min(size * kNumbers<Word>, b.depth() - first)};
    for (std::int64_t p = 0; p < panels.size; ++p) {
      b.pack(numbers, columns(p), packed + p * kPanel * kDepth<Word>, scratch);
    }
    for (std::int64_t row = 0; row < with.tokens; row += kRows) {
      const std::int64_t count = std::min(kRows, with.tokens - row);
      for (std::int64_t p = 0; p < panels.size; ++p) {
        const Block n = columns(p);
        float* const c = with.c + row * b.columns() + n.begin;
        tile({with.a + row * depth + k, depth, c, b.columns(), count}, packed + p * kPanel * kDepth<Word>, size,
             n.size, k > 0);
        if (k + even >= depth && rank > 0) {
          tile({with.left + row * rank, rank, c, b.columns(), count}, packed_term + p * kPanel * rank, rank,
               n.size, true);
        }
      }
    }
  }
}

template <typename Word, typename B>
void multiply_all(const B& b, const Operands<Word>& with) {
  const std::int64_t panels = (b.columns() + kPanel - 1) / kPanel;
  at::parallel_for(0, panels, 1, [&](std::int64_t begin, std::int64_t end) {
    multiply_panels(b, with, {begin, end - begin});
  });
}

/// rows [T,size] -> [T,words] of pairs
at::Tensor rounded_rows(const float* rows, std::int64_t tokens, std::int64_t size) {
  const std::int64_t words = pairs_of(size);
  at::Tensor out = at::empty({tokens, words}, at::kInt);
  auto* const to = static_cast<Pair*>(out.mutable_data_ptr());
  at::parallel_for(0, tokens, kRowGrain, [&](std::int64_t begin, std::int64_t end) {
    along({rows + begin * size, size, end - begin, size}, to + begin * words);
  });
  return out;
}

template <typename B>
void multiply(const B& b, const MatmulInput& x, float* c) {
  const LowRankTerm& term = x.term;
  if (x.precision == Precision::kFloat32) {
    multiply_all<float>(b, {x.rows, x.tokens, term.left, term.right, term.rank, c});
    return;
  }
  const auto words = [](const at::Tensor& t) { return static_cast<const Pair*>(t.const_data_ptr()); };
  const at::Tensor a = rounded_rows(x.rows, x.tokens, b.depth());
  const at::Tensor left = rounded_rows(term.left, x.tokens, term.rank);
  multiply_all<Pair>(b, {words(a), x.tokens, words(left), term.right, term.rank, c});
}

template <typename T>
DenseMatrix<T> dense_view(const at::Tensor& numbers) {
  return {numbers.const_data_ptr<T>(), numbers.size(0), numbers.size(1)};
}

}  // namespace

Nf4Matrix view_of(const Nf4& weight) {
  const Nf4Parts& parts = weight.parts();
  Nf4Matrix matrix{parts.codes.const_data_ptr<std::uint8_t>(),
                   {},
                   parts.codebook.const_data_ptr<float>(),
                   parts.dtype,
                   parts.out,
                   parts.in};
  if (weight.double_quantized()) {
    matrix.absmax = {nullptr, parts.nested_codes.const_data_ptr<std::uint8_t>(),
                     parts.nested_absmax.const_data_ptr<float>(), parts.nested_offset,
                     parts.nested_codebook.const_data_ptr<float>()};
  } else {
    matrix.absmax.plain = parts.absmax.const_data_ptr<float>();
  }
  return matrix;
}

MatrixView::MatrixView(const Weight& weight) {
  if (const auto* dense = std::get_if<Dense>(&weight)) {
    const at::ScalarType type = dense->values.scalar_type();
    numbers_ = dense->values.to(type == at::kBFloat16 ? type : at::kFloat).contiguous();
    if (type == at::kBFloat16) {
      matrix_ = dense_view<c10::BFloat16>(numbers_);
    } else {
      matrix_ = dense_view<float>(numbers_);
    }
  } else if (const auto* ggml = std::get_if<GgmlBlocks>(&weight)) {
    matrix_ = GgmlMatrix{ggml->type(), ggml->data().const_data_ptr<std::uint8_t>(), ggml->out_features(),
                         ggml->in_features()};
  } else {
    matrix_ = view_of(std::get<Nf4>(weight));
  }
}

void read_rows(const MatrixView& weight, std::span<const std::int64_t> rows, float* to) {
  std::visit(
      [&](const auto& w) {
        at::parallel_for(0, std::ssize(rows), kRowGrain, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t i = begin; i < end; ++i) {
            read(w, rows[static_cast<std::size_t>(i)] * w.cols,
                 {to + i * w.cols, static_cast<std::size_t>(w.cols)});
          }
        });
      },
      weight.matrix());
}

void matmul(const MatmulInput& x, const MatrixView& weight, float* y) {
  std::visit([&](const auto& w) { multiply(Transposed<std::decay_t<decltype(w)>>{w}, x, y); },
             weight.matrix());
}

void matmul_backward(const MatmulInput& dy, const MatrixView& weight, float* dx) {
  std::visit([&](const auto& w) { multiply(Plain<std::decay_t<decltype(w)>>{w}, dy, dx); }, weight.matrix());
}

}  // namespace routedk::kernels::cpu
