#include "routedk/kernels/cpu/matmul.h"

#include "routedk/kernels/cpu/ggml_decode.h"
#include "routedk/kernels/cpu/tile.h"
#include "routedk/kernels/cpu/vectorised.h"

#include <algorithm>
#include <span>
#include <type_traits>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

namespace routedk::kernels::cpu {
namespace {

// A panel of B (at most kDepth x kPanel) stays in the first-level cache while kRows rows of A pass, which
// stay in the second-level one while all panels of a thread pass.
constexpr std::int64_t kDepth = 320;
constexpr std::int64_t kRows = 192;
constexpr std::int64_t kRowGrain = 16;  // rows that one thread reads at least

struct Block {
  std::int64_t begin;
  std::int64_t size;
};

/// Memory of one thread, aligned to cache lines.
struct Scratch {
  at::Tensor rows = at::empty({kPanel, kDepth}, at::kFloat);
  float* data() const { return rows.data_ptr<float>(); }
};

/// [kPanel, depth] -> [depth, kPanel]
void transpose(const float* rows, std::int64_t depth, float* panel) {
  for (std::int64_t first = 0; first < depth; first += 16) {  // whole cache lines of each row at a time
    for (std::int64_t j = 0; j < kPanel; ++j) {
      for (std::int64_t k = first; k < std::min(first + 16, depth); ++k) {
        panel[k * kPanel + j] = rows[j * depth + k];
      }
    }
  }
}

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
void read(const DenseMatrix& w, std::int64_t first, std::span<float> to) {
  std::copy_n(w.values + first, to.size(), to.data());
}

/// W^T: columns of B are rows of W.
template <typename Matrix>
struct Transposed {
  const Matrix& w;
  std::int64_t depth() const { return w.cols; }
  std::int64_t columns() const { return w.rows; }

  void pack(Block k, Block n, float* panel, const Scratch& scratch) const {
    for (std::int64_t j = 0; j < n.size; ++j) {
      read(w, (n.begin + j) * w.cols + k.begin,
           {scratch.data() + j * k.size, static_cast<std::size_t>(k.size)});
    }
    std::fill(scratch.data() + n.size * k.size, scratch.data() + kPanel * k.size, 0.0F);
    transpose(scratch.data(), k.size, panel);
  }
};

/// W itself.
template <typename Matrix>
struct Plain {
  const Matrix& w;
  std::int64_t depth() const { return w.rows; }
  std::int64_t columns() const { return w.cols; }

  void pack(Block k, Block n, float* panel, const Scratch&) const {
    for (std::int64_t i = 0; i < k.size; ++i) {
      float* row = panel + i * kPanel;
      read(w, (k.begin + i) * w.cols + n.begin, {row, static_cast<std::size_t>(n.size)});
      std::fill(row + n.size, row + kPanel, 0.0F);
    }
  }
};

/// One more block of the depth: columns of the term's right factor, `width` of n.
void pack_term(const LowRankTerm& term, std::int64_t width, Block n, float* panel) {
  for (std::int64_t i = 0; i < term.rank; ++i) {
    fill_panel_row(term.right + i * width + n.begin, n.size, panel + i * kPanel);
  }
}

struct Operands {
  const float* a;
  std::int64_t tokens;
  LowRankTerm term;
  float* c;
};

/// One thread's panels, packed for one block of the depth, times all rows of A. The term comes after the last
/// block, while its tile of C is at hand.
template <typename B>
void multiply_panels(const B& b, const Operands& with, Block panels) {
  static const TileFn tile = choose_tile();
  const LowRankTerm& term = with.term;
  const at::Tensor memory = at::empty({panels.size, kPanel * (kDepth + term.rank)}, at::kFloat);
  auto* packed = memory.data_ptr<float>();
  auto* packed_term = packed + panels.size * kPanel * kDepth;
  const Scratch scratch;
  const auto columns = [&](std::int64_t p) {
    const std::int64_t begin = (panels.begin + p) * kPanel;
    return Block{begin, std::min(kPanel, b.columns() - begin)};
  };
  for (std::int64_t p = 0; p < panels.size && term.rank > 0; ++p) {
    pack_term(term, b.columns(), columns(p), packed_term + p * kPanel * term.rank);
  }
  const std::int64_t blocks = (b.depth() + kDepth - 1) / kDepth;
  const std::int64_t even = (b.depth() + blocks - 1) / blocks;
  for (std::int64_t k = 0; k < b.depth(); k += even) {
    const Block depth{k, std::min(even, b.depth() - k)};
    const bool last = k + even >= b.depth();
    for (std::int64_t p = 0; p < panels.size; ++p) {
      b.pack(depth, columns(p), packed + p * kPanel * kDepth, scratch);
    }
    for (std::int64_t row = 0; row < with.tokens; row += kRows) {
      const std::int64_t count = std::min(kRows, with.tokens - row);
      for (std::int64_t p = 0; p < panels.size; ++p) {
        const Block n = columns(p);
        float* const c = with.c + row * b.columns() + n.begin;
        tile({with.a + row * b.depth() + k, b.depth(), c, b.columns(), count}, packed + p * kPanel * kDepth,
             depth.size, n.size, k > 0);
        if (last && term.rank > 0) {
          tile({term.left + row * term.rank, term.rank, c, b.columns(), count},
               packed_term + p * kPanel * term.rank, term.rank, n.size, true);
        }
      }
    }
  }
}

template <typename B>
void multiply(const B& b, const Operands& with) {
  const std::int64_t panels = (b.columns() + kPanel - 1) / kPanel;
  at::parallel_for(0, panels, 1, [&](std::int64_t begin, std::int64_t end) {
    multiply_panels(b, with, {begin, end - begin});
  });
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
    floats_ = dense->values.to(at::kFloat).contiguous();
    matrix_ = DenseMatrix{floats_.const_data_ptr<float>(), floats_.size(0), floats_.size(1)};
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

void matmul(const float* x, std::int64_t tokens, const MatrixView& weight, float* y,
            const LowRankTerm& term) {
  std::visit(
      [&](const auto& w) {
        multiply(Transposed<std::decay_t<decltype(w)>>{w}, {x, tokens, term, y});
      },
      weight.matrix());
}

void matmul_backward(const float* dy, std::int64_t tokens, const MatrixView& weight, float* dx,
                     const LowRankTerm& term) {
  std::visit(
      [&](const auto& w) {
        multiply(Plain<std::decay_t<decltype(w)>>{w}, {dy, tokens, term, dx});
      },
      weight.matrix());
}

}  // namespace routedk::kernels::cpu
