#include "routedk/model/backbone.h"
#include "routedk/model/hf_folder.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "core/temporary_folder.h"
#include <gtest/gtest.h>
#include <malloc.h>

namespace routedk::model {
namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;

/// "VmHWM:    123 kB" of /proc/self/status in bytes.
std::int64_t status(const std::string& key) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(key + ":")) {
      return std::stoll(line.substr(key.size() + 1)) * 1024;
    }
  }
  return 0;
}

/// What the highest resident memory during `work` was above the memory before it.
template <typename Work>
std::int64_t peak_of(const Work& work) {
  malloc_trim(0);                                 // what earlier tests of the process have freed
  std::ofstream("/proc/self/clear_refs") << "5";  // VmHWM starts anew
  const std::int64_t before = status("VmRSS");
  work();
  return status("VmHWM") - before;
}

/// A slice of a large Llama. ROUTEDK_MEMORY_SHAPE=1b (2.5 GB on disk) or 8b (16 GB) measures the whole of it.
LlamaConfig shape() {
  const char* const wanted = std::getenv("ROUTEDK_MEMORY_SHAPE");
  const std::string name = wanted == nullptr ? "slice" : wanted;
  LlamaConfig c;
  c.context = 131072;
  c.rope_theta = 500000.0;
  c.rope_scaling = RopeScaling{};
  c.hidden = name == "8b" ? 4096 : 2048;
  c.ffn = name == "8b" ? 14336 : name == "1b" ? 8192 : 4096;
  c.layers = name == "8b" ? 32 : name == "1b" ? 16 : 3;
  c.vocab = name == "slice" ? 8000 : 128256;
  c.heads = 32;
  c.kv_heads = 8;
  c.head_dim = c.hidden / c.heads;
  c.tied_head = name != "8b";
  return c;
}

class LargeModel : public ::testing::Test {
 protected:
  void SetUp() override {
    FolderOptions settings;
    settings.config = shape();
    settings.shard_bytes = settings.config.vocab == 8000 ? 50'000'000 : 5'000'000'000;
    write_hf_folder(settings, random_parameter, dense_);
  }

  /// Normal values of which one tile is repeated.
  static at::Tensor random_parameter(const Parameter& parameter) {
    static const at::Tensor tile = at::empty({1 << 20}, at::kBFloat16).normal_(0.0, 0.02);
    const std::int64_t count = c10::multiply_integers(parameter.shape);
    return tile.repeat({count / tile.numel() + 1}).narrow(0, 0, count).view(parameter.shape);
  }

  /// Of one matrix in bf16 and in fp32 at once, and what the allocator keeps.
  static std::int64_t one_matrix() {
    const LlamaConfig c = shape();
    return 6 * c.hidden * c.ffn + 40 * kMiB;
  }

  testing::TemporaryFolder folder_;
  std::filesystem::path dense_ = folder_ / "dense";
};

TEST_F(LargeModel, loading_and_quantising_shards_peaks_below_the_quantised_model_and_one_matrix) {
  const LoadOptions options{.quant = Quant::kNf4, .precision = kernels::Precision::kBFloat16};
  Backbone backbone;
  const std::int64_t peak = peak_of([&] { backbone = Backbone::load(dense_, options); });
  std::cout << "quantised " << backbone.bytes() / kMiB << " MiB, peak " << peak / kMiB << " MiB\n";
  EXPECT_LT(peak, backbone.bytes() + one_matrix());
}

TEST_F(LargeModel, writing_the_quantised_folder_needs_one_tensor_and_loading_it_leaves_codes_unread) {
  const auto nf4 = folder_ / "nf4";
  const std::int64_t table = 8 * shape().vocab * shape().hidden;  // an embedding in fp32 and bf16 and mapped
  const std::int64_t writing = peak_of([&] { save_nf4_folder(dense_, /*double_quant=*/true, nf4); });
  EXPECT_LT(writing, std::max(table, one_matrix()) + 32 * kMiB);
  const LoadOptions options{.quant = Quant::kNf4, .precision = kernels::Precision::kBFloat16};
  Backbone backbone;
  const std::int64_t loading = peak_of([&] { backbone = Backbone::load(nf4, options); });
  std::cout << "held " << backbone.bytes() / kMiB << " MiB, writing " << writing / kMiB << " MiB, loading "
            << loading / kMiB << " MiB\n";
  std::int64_t codes = 0;
  for (const Layer& layer : backbone.layers()) {
    for (const auto& linear : layer.linears) {
      codes += linear.out_features() * linear.in_features() / 2;
    }
  }
  EXPECT_LT(loading, backbone.bytes() - codes + 48 * kMiB);
}

}  // namespace
}  // namespace routedk::model
