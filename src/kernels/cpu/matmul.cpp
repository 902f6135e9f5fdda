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

// A panel of B (at most kDepth x kPanel words: 40 KiB of floats, 20 of pairs) stays in the L1 cache while
// kRows rows of A pass; those rows stay in the L2 cache while all panels of a thread pass.
template <typename Word>
constexpr std::int64_t kDepth = 320 / kNumbers<Word>;
constexpr std::int64_t kRows = 192;
constexpr std::int64_t kRowGrain = 16;  // least number of rows that a thread reads or rounds

struct Block {
  std::int64_t begin;
  std::int64_t size;
};

/// Scratch memory of one thread.
template <typename Word>
struct Scratch {
  at::Tensor of_rows = at::empty({kPanel, kDepth<Word>* kNumbers<Word>}, at::kFloat);
  at::Tensor of_words = at::empty({kPanel, kDepth<Word>}, at::kFloat);  // float-sized words
  float* rows() const { return of_rows.mutable_data_ptr<float>(); }
  Word* words() const { return static_cast<Word*>(of_words.mutable_data_ptr()); }
};

/// Rounds values to the type of the original matrix.
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

/// Elements first .. first + to.size() of the row-major matrix.
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

/// W^T: the columns of B are rows of W.
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
    for (std::int64_t i = 0; i < k.size; i += kPanel) {  // a few rows at a time, which stay in the L1 cache
      const std::int64_t rows = std::min(kPanel, k.size - i);
      for (std::int64_t row = 0; row < rows; ++row) {
        read(w, (k.begin + i + row) * w.cols + n.begin,
             {scratch.rows() + row * kPanel, static_cast<std::size_t>(n.size)});
      }
      pack_panel({scratch.rows(), kPanel, rows, n.size}, panel + i / kNumbers<Word> * kPanel);
    }
  }
};

/// A low-rank term whose left factor is in words.
template <typename Word>
struct Term {
  const Word* left;    // [count,words of the rank]
  const float* right;  // [R,columns]
  std::int64_t rank;
  std::int64_t begin;
  std::int64_t count;
};

template <typename Word>
struct Operands {
  const Word* a;  // [T,words of the depth]
  std::int64_t tokens;
  std::vector<Term<Word>> terms;
  float* c;
};

/// One thread's panels of columns of the result.
template <typename Word, typename B>
class PanelRange {
 public:
  PanelRange(const B& b, const Operands<Word>& with, Block panels)
      : b_(b),
        with_(with),
        panels_(panels),
        packed_(at::empty({panels.size, kPanel * kDepth<Word>}, at::kInt)) {
    for (const Term<Word>& term : with.terms) {
      const std::int64_t rank = words_of<Word>(term.rank);
      terms_.push_back(at::empty({panels.size, rank * kPanel}, at::kInt));
      for (std::int64_t p = 0; p < panels.size; ++p) {
        const Block n = columns(p);
        pack_panel({term.right + n.begin, b.columns(), term.rank, n.size},
                   words(terms_.back()) + p * rank * kPanel);
      }
    }
  }

  /// Packs one block of the depth after another and multiplies it by all rows of A. The terms are added after
  /// the last block, while their tile of C is in cache.
  void multiply() {
    const std::int64_t depth = words_of<Word>(b_.depth());
    const std::int64_t blocks = (depth + kDepth<Word> - 1) / kDepth<Word>;
    const std::int64_t even = (depth + blocks - 1) / blocks;
    for (std::int64_t k = 0; k < depth; k += even) {
      const std::int64_t size = std::min(even, depth - k);
      pack(k, size);
      for (std::int64_t row = 0; row < with_.tokens; row += kRows) {
        const Block rows{row, std::min(kRows, with_.tokens - row)};
        for (std::int64_t p = 0; p < panels_.size; ++p) {
          tile_({with_.a + row * depth + k, depth, place(row, p), b_.columns(), rows.size},
                words(packed_) + p * kPanel * kDepth<Word>, size, columns(p).size, k > 0);
          if (k + even >= depth) {
            add_terms(rows, p);
          }
        }
      }
    }
  }

 private:
  static Word* words(const at::Tensor& memory) { return static_cast<Word*>(memory.mutable_data_ptr()); }
  Block columns(std::int64_t p) const {
    const std::int64_t begin = (panels_.begin + p) * kPanel;
    return {begin, std::min(kPanel, b_.columns() - begin)};
  }
  float* place(std::int64_t row, std::int64_t p) const {
    return with_.c + row * b_.columns() + columns(p).begin;
  }

  /// Words k .. k + size of the depth.
  void pack(std::int64_t k, std::int64_t size) const {
    const std::int64_t first = k * kNumbers<Word>;
    const Block numbers{first, std::min(size * kNumbers<Word>, b_.depth() - first)};
    for (std::int64_t p = 0; p < panels_.size; ++p) {
      b_.pack(numbers, columns(p), words(packed_) + p * kPanel * kDepth<Word>, scratch_);
    }
  }

  void add_terms(Block rows, std::int64_t p) const {
    for (std::size_t i = 0; i < terms_.size(); ++i) {
      const Term<Word>& term = with_.terms[i];
      const std::int64_t first = std::max(rows.begin, term.begin);
      const std::int64_t last = std::min(rows.begin + rows.size, term.begin + term.count);
      const std::int64_t rank = words_of<Word>(term.rank);
      if (first < last) {
        tile_({term.left + (first - term.begin) * rank, rank, place(first, p), b_.columns(), last - first},
              words(terms_[i]) + p * rank * kPanel, rank, columns(p).size, true);
      }
    }
  }

  inline static const TileFn<Word> tile_ = choose_tile<Word>();
  const B& b_;
  const Operands<Word>& with_;
  Block panels_;
  at::Tensor packed_;
  std::vector<at::Tensor> terms_;  ///< panels of the right factors
  Scratch<Word> scratch_;
};

template <typename Word, typename B>
void multiply_all(const B& b, const Operands<Word>& with) {
  const std::int64_t panels = (b.columns() + kPanel - 1) / kPanel;
  at::parallel_for(0, panels, 1, [&](std::int64_t begin, std::int64_t end) {
    PanelRange<Word, B>(b, with, {begin, end - begin}).multiply();
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

/// x as words; pairs are created and kept in `held`.
void make_operands(const MatmulInput& x, std::int64_t /*depth*/, std::vector<at::Tensor>& /*held*/,
                   Operands<float>& made) {
  made.a = x.rows;
  for (const LowRankTerm& term : x.terms) {
    made.terms.push_back({term.left, term.right, term.rank, term.begin, term.count});
  }
}
void make_operands(const MatmulInput& x, std::int64_t depth, std::vector<at::Tensor>& held,
                   Operands<Pair>& made) {
  const auto rounded = [&](const float* rows, std::int64_t count, std::int64_t size) {
    held.push_back(rounded_rows(rows, count, size));
    return static_cast<const Pair*>(held.back().const_data_ptr());
  };
  made.a = rounded(x.rows, x.tokens, depth);
  for (const LowRankTerm& term : x.terms) {
    made.terms.push_back(
        {rounded(term.left, term.count, term.rank), term.right, term.rank, term.begin, term.count});
  }
}

template <typename Word, typename B>
// NOLINTNEXTLINE(readability-non-const-parameter): what is called writes to it
void multiply_words(const B& b, const MatmulInput& x, float* c) {
  std::vector<at::Tensor> held;
  Operands<Word> operands{nullptr, x.tokens, {}, c};
  make_operands(x, b.depth(), held, operands);
  multiply_all(b, operands);
}

template <typename B>
// NOLINTNEXTLINE(readability-non-const-parameter): what is called writes to it
void multiply(const B& b, const MatmulInput& x, float* c) {
  return x.precision == Precision::kBFloat16 ? multiply_words<Pair>(b, x, c) : multiply_words<float>(b, x, c);
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
