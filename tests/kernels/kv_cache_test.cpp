#include "routedk/kernels/kv_cache.h"

#include <cmath>

#include "support/expect_close.h"
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>

namespace routedk::kernels {
namespace {

using testing::expect_close;
using testing::expect_equal;

constexpr CacheShape kShape{1, 9, 3, 40};  // three key heads: two threads can't take equally many
constexpr std::int64_t kPrompts[] = {300, 5};
/// Branches' prompts and own tokens: chunks of 128 keys begin and end within both.
constexpr std::int64_t kOwn[][2] = {{0, 140}, {0, 1}, {0, 129}, {1, 30}};

at::Tensor normal(at::IntArrayRef shape, std::uint64_t seed) {
  return at::normal(0.0, 1.0, shape, at::make_generator<at::CPUGeneratorImpl>(seed), at::kFloat);
}

/// Rows of one prompt stand beside each other.
std::vector<CacheRow> prompt_rows() {
  std::vector<CacheRow> rows;
  for (std::int64_t p = 0; p < 2; ++p) {
    for (std::int64_t t = 0; t < kPrompts[p]; ++t) {
      rows.push_back({p, CacheRow::kPrompt, t});
    }
  }
  return rows;
}

std::vector<CacheRow> own_rows() {
  std::vector<CacheRow> rows;
  for (std::int64_t b = 0; b < 4; ++b) {
    for (std::int64_t t = 0; t < kOwn[b][1]; ++t) {
      rows.push_back({kOwn[b][0], b, t});
    }
  }
  return rows;
}

/// Keys, values and queries of all rows: the prompts', then the branches'.
class CacheAttention : public ::testing::Test {
 protected:
  CacheAttention() {
    cache_.reserve(4, 140);
    const auto prompts = static_cast<std::int64_t>(prompt_rows().size());
    cache_.write(0, prompt_rows(), k_.narrow(0, 0, prompts), v_.narrow(0, 0, prompts));
    cache_.write(0, own_rows(), k_.narrow(0, prompts, count_ - prompts),
                 v_.narrow(0, prompts, count_ - prompts));
  }

  /// Of one row, in doubles.
  at::Tensor formula(std::size_t index) const {
    const CacheRow& row = rows_[index];
    std::vector<std::int64_t> keys;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const CacheRow& key = rows_[i];
      const bool prompts = key.branch == CacheRow::kPrompt && key.prompt == row.prompt &&
                           (row.branch != CacheRow::kPrompt || key.position <= row.position);
      const bool own =
          row.branch != CacheRow::kPrompt && key.branch == row.branch && key.position <= row.position;
      if (prompts || own) {
        keys.push_back(static_cast<std::int64_t>(i));
      }
    }
    const auto of_keys = [&](const at::Tensor& x) {  // [keys,H,C]: each key head serves three of queries
      return x.index_select(0, at::tensor(keys)).to(at::kDouble).repeat_interleave(3, 1);
    };
    const at::Tensor q = q_[static_cast<std::int64_t>(index)].to(at::kDouble);  // [H,C]
    const at::Tensor weights =
        at::softmax((of_keys(k_) * q).sum(-1) / std::sqrt(static_cast<double>(kShape.head_dim)), 0);
    return (weights.unsqueeze(-1) * of_keys(v_)).sum(0).to(at::kFloat);
  }

  at::Tensor attend(std::size_t first, std::size_t count) const {
    return cache_.attend(0, std::span(rows_).subspan(first, count),
                         q_.narrow(0, static_cast<std::int64_t>(first), static_cast<std::int64_t>(count)));
  }

  std::vector<CacheRow> rows_ = [] {
    std::vector<CacheRow> rows = prompt_rows();
    const std::vector<CacheRow> own = own_rows();
    rows.insert(rows.end(), own.begin(), own.end());
    return rows;
  }();
  std::int64_t count_ = static_cast<std::int64_t>(rows_.size());
  at::Tensor k_ = normal({count_, kShape.kv_heads, kShape.head_dim}, 1);
  at::Tensor v_ = normal({count_, kShape.kv_heads, kShape.head_dim}, 2);
  at::Tensor q_ = normal({count_, kShape.heads, kShape.head_dim}, 3) * 3;
  KvCache cache_{kShape, {kPrompts[0], kPrompts[1]}};
};

TEST_F(CacheAttention, equals_the_formula_over_prompts_and_branches_longer_than_a_chunk) {
  const at::Tensor prompts = attend(0, 305);
  const at::Tensor own = attend(305, rows_.size() - 305);
  for (const std::size_t i : {0, 127, 128, 299, 300, 304}) {
    expect_close(prompts[static_cast<std::int64_t>(i)], formula(i), {1e-5, 1e-5});
  }
  for (const std::size_t i : {0, 126, 127, 128, 139, 140, 269, 299}) {
    expect_close(own[static_cast<std::int64_t>(i)], formula(305 + i), {1e-5, 1e-5});
  }
}

TEST_F(CacheAttention, a_rows_bits_are_the_same_alone_among_others_and_with_any_number_of_threads) {
  const at::Tensor together = attend(305, rows_.size() - 305);
  const int before = at::get_num_threads();
  for (const int threads : {1, 2, 3, 5}) {
    at::set_num_threads(threads);
    for (const std::size_t i : {0, 127, 139, 140, 200, 269, 299}) {
      expect_equal(attend(305 + i, 1)[0], together[static_cast<std::int64_t>(i)]);
    }
    expect_equal(attend(305 + 120, 20), together.narrow(0, 120, 20));
    expect_equal(attend(305, rows_.size() - 305), together);
  }
  at::set_num_threads(before);
}

}  // namespace
}  // namespace routedk::kernels
