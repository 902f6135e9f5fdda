/// AMX's tiles in plain C++: what the CPU's own compute, on any machine.
#include "../../src/kernels/cpu/tile_amx.h"

#include "routedk/kernels/cpu/capability.h"

#include <vector>

#include "support/expect_close.h"
#include <gtest/gtest.h>

namespace routedk::kernels::cpu {
namespace {

struct TileShape {
  std::int64_t rows, depth, width;
};

class AmxTile : public ::testing::TestWithParam<TileShape> {
 protected:
  AmxTile() {
    const TileShape s = GetParam();
    at::manual_seed(1);
    a_ = at::randn({s.rows, 2 * s.depth}).to(at::kBFloat16);
    b_ = at::zeros({2 * s.depth, kPanel}).to(at::kBFloat16);
    b_.narrow(1, 0, s.width).copy_(at::randn({2 * s.depth, s.width}));
    pairs_ = b_.view({s.depth, 2, kPanel}).transpose(1, 2).contiguous();  // [depth,kPanel,2]
  }
  static const Pair* pairs(const at::Tensor& t) { return static_cast<const Pair*>(t.const_data_ptr()); }

  at::Tensor multiply(const at::Tensor& a, TileFn<Pair> tile, const at::Tensor& before = {}) const {
    const TileShape s = GetParam();
    at::Tensor c = before.defined() ? before.clone() : at::full({a.size(0), s.width}, std::nan(""));
    tile({pairs(a), s.depth, c.mutable_data_ptr<float>(), s.width, a.size(0)}, pairs(pairs_), s.depth,
         s.width, before.defined());
    return c;
  }
  at::Tensor exact() const {
    return at::mm(a_.to(at::kDouble), b_.narrow(1, 0, GetParam().width).to(at::kDouble));
  }

  at::Tensor a_;      // [rows,2 depth], as the next of bfloat16
  at::Tensor b_;      // [2 depth,kPanel]
  at::Tensor pairs_;  // the panel
};
// Around blocks of 32 rows, tiles of 16 pairs and 16 columns.
INSTANTIATE_TEST_SUITE_P(Shapes, AmxTile,
                         ::testing::Values(TileShape{1, 1, 1}, TileShape{32, 16, 32}, TileShape{33, 17, 16},
                                           TileShape{5, 8, 32}, TileShape{64, 144, 32},
                                           TileShape{70, 35, 31}));

TEST_P(AmxTile, equals_the_double_precision_product) {
  testing::expect_close(multiply(a_, tile_amx<EmulatedTiles>).to(at::kDouble), exact(), {1e-5, 1e-4});
  const at::Tensor before = at::ones({a_.size(0), GetParam().width});
  testing::expect_close(multiply(a_, tile_amx<EmulatedTiles>, before).to(at::kDouble), exact() + 1,
                        {1e-5, 1e-4});
}

TEST_P(AmxTile, a_row_s_bits_do_not_depend_on_the_rows_beside_it) {
  const at::Tensor whole = multiply(a_, tile_amx<EmulatedTiles>);
  for (std::int64_t row = 0; row < a_.size(0); row += 7) {
    testing::expect_equal(multiply(a_.narrow(0, row, 1).contiguous(), tile_amx<EmulatedTiles>)[0],
                          whole[row]);
  }
}

TEST_P(AmxTile, the_cpu_s_own_gives_the_same_where_there_is_one) {
  if (!has_amx_products()) {
    GTEST_SKIP() << "no AMX with bfloat16, or no permission to use it";
  }
  testing::expect_close(multiply(a_, tile_amx<AmxTiles>), multiply(a_, tile_amx<EmulatedTiles>),
                        {1e-6, 1e-6});
}

}  // namespace
}  // namespace routedk::kernels::cpu
