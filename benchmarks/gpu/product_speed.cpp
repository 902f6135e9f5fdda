/// Times every variant of the decoding products on the shapes of Llama-3.1-8B and prints the fastest for each
/// number of rows, in the format of src/kernels/cuda/decode_product.cu. Each launch uses different weights,
/// more than the L2 cache holds.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "kernels/cuda/decode_product.h"
#include "kernels/cuda/step_graph.h"
#include <cuda_runtime.h>

namespace {

using namespace routedk::kernels::cuda;

struct Shape {
  const char* name;
  int out;
  int columns;
  int sections;
  int second, third;  ///< first rows of the second and third section
  bool nf4;
  RowSource source;  ///< for one row
};
constexpr Shape kShapes[] = {{"qkv", 6144, 4096, 3, 4096, 5120, true, RowSource::kNorm},
                             {"o", 4096, 4096, 1, 0, 0, true, RowSource::kAttention},
                             {"gate_up", 28672, 4096, 2, 14336, 0, true, RowSource::kNorm},
                             {"down", 4096, 14336, 1, 0, 0, true, RowSource::kSwiglu},
                             {"head", 128256, 4096, 0, 0, 0, false, RowSource::kMemory}};
constexpr std::size_t kArena = std::size_t{3} << 30;
constexpr int kLaunches = 24;
constexpr int kRanks = 48;

template <typename T>
T* memory(std::size_t count) {
  void* p = nullptr;
  cudaMalloc(&p, count * sizeof(T));
  cudaMemset(p, 0x11, count * sizeof(T));  // small values in any format
  return static_cast<T*>(p);
}

class Bench {
 public:
  Bench() {
    cudaStreamCreate(&stream_);
    cudaEventCreate(&begin_);
    cudaEventCreate(&end_);
  }

  DecodeProduct product(const Shape& shape, int rows, int launch) const {
    const auto in_arena = [&](std::size_t bytes, std::size_t which) {
      return arena_ + (bytes * which) % (kArena - bytes) / 1024 * 1024;
    };
    const auto elements = static_cast<std::size_t>(shape.out) * static_cast<std::size_t>(shape.columns);
    const auto which = static_cast<std::size_t>(launch);
    DecodeProduct p;
    p.weight = {in_arena(shape.nf4 ? elements / 2 : elements * 2, which),
                shape.nf4 ? in_arena(elements / 32, which + 7) : nullptr, shape.out, shape.columns};
    p.x = x_;
    p.y = y_;
    p.rows = rows;
    if (shape.sections > 0) {
      StackedAdapter& a = p.adapter;
      a.ranks = kRanks;
      a.sections = shape.sections;
      a.second = shape.sections > 1 ? shape.second / 16 : a.second;
      a.third = shape.sections > 2 ? shape.third / 16 : a.third;
      a.a = in_arena(static_cast<std::size_t>(kRanks * shape.sections * shape.columns * 2), which + 3);
      a.b = in_arena(static_cast<std::size_t>(kRanks * shape.out * 2), which + 5);
      a.expert = experts_;
      a.alpha = alpha_;
      a.sequence = sequences_;
      a.experts = 3;
      a.down = down_;
      a.done = done_ + launch;
    }
    RowParts& s = p.source;
    s.parts = y_in_;
    s.count = shape.source == RowSource::kAttention ? 17 : shape.source == RowSource::kNorm ? 2 : 1;
    s.width = shape.columns;
    s.hidden = y_in_;
    s.new_hidden = hidden_;
    s.gain = y_in_;
    s.epsilon = 1e-5F;
    s.states = reinterpret_cast<const float2*>(y_in_);
    s.heads = 32;
    return p;
  }

  /// Microseconds of one launch.
  double time(const Shape& shape, int rows, RowSource source, const ProductPlan& plan) {
    const auto launch_all = [&](Stream stream) {
      cudaMemsetAsync(done_, 0, kLaunches * sizeof(int), stream);
      for (int i = 0; i < kLaunches; ++i) {
        launch_decode_product(product(shape, rows, i), source, plan, stream);
      }
    };
    launch_all(stream_);
    const StepGraph graph(launch_all);
    std::vector<float> times;
    for (int i = 0; i < 4; ++i) {
      cudaEventRecord(begin_, stream_);
      graph.replay(stream_);
      cudaEventRecord(end_, stream_);
      cudaEventSynchronize(end_);
      float ms = 0.0F;
      cudaEventElapsedTime(&ms, begin_, end_);
      times.push_back(ms);
    }
    std::sort(times.begin() + 1, times.end());
    return times[1] * 1e3 / kLaunches;
  }

 private:
  Stream stream_ = nullptr;
  cudaEvent_t begin_ = nullptr;
  cudaEvent_t end_ = nullptr;
  unsigned char* arena_ = memory<unsigned char>(kArena);
  std::uint16_t* x_ = memory<std::uint16_t>(64 * 14336);
  float* y_ = memory<float>(std::size_t{2} * 64 * 128256);
  float* y_in_ = memory<float>(std::size_t{32} * 28672);
  float* hidden_ = memory<float>(4096);
  float* alpha_ = memory<float>(64 * 3);
  int* sequences_ = [] {
    int* p = memory<int>(64);
    cudaMemset(p, 0, 64 * sizeof(int));
    return p;
  }();
  unsigned char* experts_ = [] {
    auto* p = memory<unsigned char>(3 * kRanks);
    cudaMemset(p, 0, 3 * kRanks);
    return p;
  }();
  float* down_ = memory<float>(std::size_t{16} * 64 * 3 * kRanks);
  int* done_ = memory<int>(kLaunches);
};

void measure(Bench& bench, const Shape& shape, int rows) {
  struct Found {
    double us;
    int variant;
    int splits;
  };
  const RowSource source = rows == 1 ? shape.source : RowSource::kMemory;
  std::vector<Found> all;
  const DecodeProduct product = bench.product(shape, rows, 0);
  for (int v = 0; v < product_variants(); ++v) {
    for (const int splits : {1, 2, 4, 7, 8, 14, 16}) {
      if (splits * static_cast<std::size_t>(shape.out) > std::size_t{2} * 128256 ||
          !product_variant_fits(v, product, source, splits)) {
        continue;
      }
      all.push_back(
          {bench.time(shape, rows, source, {v, splits, product_pieces(product, splits)}), v, splits});
    }
  }
  std::sort(all.begin(), all.end(), [](const Found& a, const Found& b) { return a.us < b.us; });
  if (all.empty()) {
    std::printf("%-8s %2d rows: no variant fits\n", shape.name, rows);
    return;
  }
  const double bytes =
      static_cast<double>(shape.out) * shape.columns * (shape.nf4 ? 0.53125 : 2.0) +
      96.0 * (shape.sections * static_cast<double>(shape.columns) + (shape.sections > 0 ? shape.out : 0));
  std::printf("{%d, %d, %d, \"%s\", %d},  // %s: %.2f us, %.0f GB/s;", rows, shape.out, shape.columns,
              product_variant_name(all[0].variant), all[0].splits, shape.name, all[0].us,
              bytes / all[0].us / 1e3);
  for (std::size_t i = 1; i < std::min<std::size_t>(4, all.size()); ++i) {
    std::printf(" [%s] x%d %.2f;", product_variant_name(all[i].variant), all[i].splits, all[i].us);
  }
  std::printf("\n");
  std::fflush(stdout);
}

}  // namespace

int main() {
  Bench bench;
  for (const int rows : {1, 8, 32, 16, 2, 4, 64}) {
    for (const Shape& shape : kShapes) {
      measure(bench, shape, rows);
    }
  }
  const cudaError_t error = cudaDeviceSynchronize();
  std::printf("%s\n", cudaGetErrorString(error));
  return error == cudaSuccess ? 0 : 1;
}
