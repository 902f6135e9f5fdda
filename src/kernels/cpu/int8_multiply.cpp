/// Int8Panels::multiply: the order in which the kernel gets matrices and rows.
#include "routedk/kernels/cpu/int8.h"

#include <algorithm>
#include <array>

#include "int8_kernel.h"
#include <c10/util/SmallVector.h>

namespace routedk::kernels::cpu {
namespace {

/// Rows multiplied by some panels before the next ones: their codes stay in the L2 cache.
constexpr std::int64_t kRowsPerPass = 192;

void copy_rows(const Int8Sums& from, std::int64_t rows, std::int64_t width, const Int8Sums& to) {
  for (std::int64_t r = 0; r < rows; ++r) {
    std::copy_n(from.values + r * from.stride, width, to.values + r * to.stride);
  }
}

}  // namespace

/// A term in the kernel's form.
class Int8Panels::Operand {
 public:
  Operand(const Term& term, std::int64_t rows, const Int8Kernel& kernel)
      : weight_(*term.weight), x_(*term.x), widen_(kernel.widen), first_block_(term.first_column / block()) {
    const std::int64_t last = term.last_column < 0 ? weight_.blocks_ * block() : term.last_column;
    first_column_ = term.first_column - first_block_ * block();
    last_column_ = last - first_block_ * block();
    blocks_ = (last_column_ + block() - 1) / block();
    if (weight_.format_.four_bit && !(kernel.four_bit && rows <= kInt8FewRows)) {
      Format wide = weight_.format_;
      wide.four_bit = false;
      wide_bytes_ = blocks_ * wide.bytes();
      memory_ = at::empty({kInt8Panels, wide_bytes_}, at::kByte);
      wide_ = memory_.data_ptr<std::uint8_t>();
    }
  }

  /// The best number of panels at once.
  std::int64_t panels_at_once(std::int64_t rows) const {
    return wide_ != nullptr || rows > kInt8FewRows ? kInt8Panels : weight_.panels();
  }

  /// `count` panels from `index`, times the rows from `row`.
  Int8Term at(std::int64_t row, std::int64_t index, std::int64_t count) const {
    Int8Term term{};
    term.panel = weight_.panel(index) + first_block_ * weight_.format_.bytes();
    term.panel_bytes = weight_.panel_bytes();
    term.table = weight_.format_.four_bit ? weight_.table_.data() : nullptr;
    term.codes = x_.codes(row) + first_block_ * block();
    term.scales = x_.scales(row) + first_block_;
    term.corrections = x_.corrections(row) + first_block_;
    term.block = block();
    term.blocks = blocks_;
    term.row_blocks = x_.blocks();
    term.first_column = first_column_;
    term.last_column = last_column_;
    term.half = weight_.format_.half;
    term.minima = weight_.format_.minima;
    term.sums = x_.sums(row) + first_block_;
    return wide_ != nullptr ? widened(term, count) : term;
  }

 private:
  std::int64_t block() const { return weight_.block(); }

  /// The term's `count` panels in 8 bits.
  Int8Term widened(Int8Term term, std::int64_t count) const {
    for (std::int64_t p = 0; p < count; ++p, term.panel += term.panel_bytes) {
      widen_(term, wide_ + p * wide_bytes_);
    }
    term.panel = wide_;
    term.panel_bytes = wide_bytes_;
    term.table = nullptr;
    return term;
  }

  const Int8Panels& weight_;
  const Int8Rows& x_;
  decltype(Int8Kernel::widen) widen_;
  std::int64_t first_block_;
  std::int64_t first_column_;  // counted from that block, like last_column_
  std::int64_t last_column_;
  std::int64_t blocks_;
  at::Tensor memory_;
  std::uint8_t* wide_ = nullptr;  // [panels at once, wide_bytes_], where 4-bit codes are widened
  std::int64_t wide_bytes_ = 0;
};

/// The sum of all terms, by rows and panels.
class Int8Panels::Product {
 public:
  Product(std::span<const Term> terms, std::int64_t rows)
      : now_(terms.size()), panels_(terms[0].weight->out_ / kWidth), at_once_(panels_) {
    for (const Term& term : terms) {
      operands_.emplace_back(term, rows, kernel_);
      at_once_ = std::min(at_once_, operands_.back().panels_at_once(rows));
    }
  }

  /// Panels first .. last, all with 16 rows. y: begins at `row`, with all panels.
  void whole(std::int64_t row, std::int64_t rows, std::int64_t first, std::int64_t last, const Int8Sums& y) {
    for (std::int64_t index = first; index < last; index += at_once_) {
      run(row, rows, index, std::min(at_once_, last - index), {y.values + index * kWidth, y.stride, y.add});
    }
  }

  /// The last panel, which has only `width` rows.
  void ragged(std::int64_t row, std::int64_t rows, std::int64_t width, const Int8Sums& y) {
    alignas(64) std::array<float, static_cast<std::size_t>(kRowsPerPass * kWidth)> sums;
    const Int8Sums here{sums.data(), kWidth, y.add};
    const Int8Sums there{y.values + panels_ * kWidth, y.stride, y.add};
    if (y.add) {
      copy_rows(there, rows, width, here);
    }
    run(row, rows, panels_, 1, here);
    copy_rows(here, rows, width, there);
  }

  std::int64_t whole_panels() const { return panels_; }

 private:
  void run(std::int64_t row, std::int64_t rows, std::int64_t index, std::int64_t count,
           const Int8Sums& sums) {
    std::transform(operands_.begin(), operands_.end(), now_.begin(),
                   [&](const Operand& operand) { return operand.at(row, index, count); });
    kernel_.multiply(now_, rows, count, sums);
  }

  const Int8Kernel& kernel_ = int8_kernel();
  c10::SmallVector<Operand, 2> operands_;
  c10::SmallVector<Int8Term, 2> now_;
  std::int64_t panels_;  // whole ones
  std::int64_t at_once_;
};

// NOLINTNEXTLINE(readability-non-const-parameter): clang-tidy 14 does not see y in the braces below
void Int8Panels::multiply(std::span<const Term> terms, const Part& part, float* y, std::int64_t stride) {
  const std::int64_t last_row = part.last_row < 0 ? terms[0].x->rows() : part.last_row;
  Product product(terms, last_row - part.first_row);
  const std::int64_t whole = product.whole_panels();
  for (std::int64_t row = part.first_row; row < last_row; row += kRowsPerPass) {
    const std::int64_t rows = std::min(kRowsPerPass, last_row - row);
    const Int8Sums to{y + row * stride, stride, part.add};
    product.whole(row, rows, part.first, std::min(part.last, whole), to);
    if (part.last > whole) {
      product.ragged(row, rows, terms[0].weight->out_ - whole * kWidth, to);
    }
  }
}

}  // namespace routedk::kernels::cpu
