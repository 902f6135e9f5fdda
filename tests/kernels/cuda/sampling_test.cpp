/// Sums and draws over rows of logits against the CPU's, in the emulator or on a GPU.
#include "routedk/kernels/sampling.h"

#include "routedk/core/random.h"

#include "kernels/devices.h"
#include "support/cuda_device.h"

namespace routedk::kernels {
namespace {

class CudaSampling : public testing::CudaKernels {
 protected:
  static constexpr std::int64_t kRows = 3;
  static constexpr std::int64_t kVocabulary = 5001;  // two segments and a bit

  /// Rows lie apart, as those of a padded vocabulary do.
  static at::Tensor apart(const at::Tensor& logits) {
    const at::Tensor wide = at::constant_pad_nd(logits, {0, 23}, 1e6);
    return there(wide).narrow(1, 0, logits.size(1));
  }
};

TEST_F(CudaSampling, log_sums_equal_the_cpu_s) {
  const at::Tensor logits = testing::normal({kRows, kVocabulary}, 1) * 4.0;
  const auto found = cuda::log_sum_exps(apart(logits));
  const auto wanted = cpu::log_sum_exps(logits);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_NEAR(found[i], wanted[i], 1e-5) << "row " << i;
  }
}

TEST_F(CudaSampling, draws_equal_the_cpu_s) {
  const at::Tensor logits = testing::normal({kRows, kVocabulary}, 2) * 3.0;
  std::vector<RowDraw> draws = {{0, 0.0}, {1, 1.0 - 1e-12}};
  for (std::uint64_t i = 0; i < 60; ++i) {
    draws.push_back({static_cast<std::int64_t>(i) % kRows, Random(7, "draw", {i}).uniform()});
  }
  for (const SamplingOptions& options :
       {SamplingOptions{.temperature = 1.0}, SamplingOptions{.temperature = 0.3},
        SamplingOptions{.temperature = 0.0}, SamplingOptions{.temperature = 1.0, .top_k = 5}}) {
    const auto found = cuda::draw_rows(apart(logits), draws, options);
    const auto wanted = cpu::draw_rows(logits, draws, options);
    int different = 0;  // where a draw falls within rounding of a boundary
    for (std::size_t i = 0; i < draws.size(); ++i) {
      different += found[i].column != wanted[i].column ? 1 : 0;
      EXPECT_EQ(found[i].value, logits[draws[i].row][found[i].column].item<float>());
    }
    EXPECT_LE(different, options.temperature == 0.0 ? 0 : 1) << "temperature " << options.temperature;
  }
}

TEST_F(CudaSampling, of_equal_largest_logits_the_first_is_drawn) {
  at::Tensor logits = at::zeros({1, kVocabulary});
  logits[0][2500] = 3.0;
  logits[0][4000] = 3.0;
  const std::vector<RowDraw> draws = {{0, 0.9}};
  EXPECT_EQ(cuda::draw_rows(there(logits), draws, {.temperature = 0.0})[0].column, 2500);
}

TEST_F(CudaSampling, logits_are_read_at_places) {
  const at::Tensor logits = testing::normal({kRows, kVocabulary}, 3);
  const std::vector<LogitPlace> places = {{2, 5000}, {0, 0}, {1, 17}};
  const auto found = logits_at(apart(logits), places);
  for (std::size_t i = 0; i < places.size(); ++i) {
    EXPECT_EQ(found[i], logits[places[i].row][places[i].column].item<float>());
  }
}

}  // namespace
}  // namespace routedk::kernels
