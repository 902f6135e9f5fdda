#include "launch.h"
#include "launchers.h"

namespace routedk::kernels::cuda {
namespace {

constexpr std::int64_t kBlock = 64;      // elements per absmax
constexpr std::int64_t kNested = 256;    // absmax values per nested absmax
constexpr unsigned kThreads = 256;
constexpr int kAtOnce = 8;               // elements per thread
constexpr std::uint8_t kZeroCode = 7;
constexpr float kSmallestScale = 1e-38F;  // as bitsandbytes: its inverse is finite

ROUTEDK_DEVICE float absmax_of(const Nf4View& from, std::int64_t block, const float* nested_codebook) {
  return from.absmax != nullptr
             ? from.absmax[block]
             : __fadd_rn(__fmul_rn(nested_codebook[from.nested_codes[block]], from.nested_absmax[block / kNested]),
                         from.nested_offset);
}

/// The codebook, with a copy for each lane of a warp in its own bank, and the nested codebook.
struct Codebooks {
  float values[16 * kWarp];
  float nested[kNested];
};

ROUTEDK_DEVICE void load_codebooks(const Nf4View& from, Codebooks& to) {
  for (unsigned i = threadIdx.x; i < 16 * kWarp; i += blockDim.x) {
    to.values[i] = from.codebook[i / kWarp];
  }
  for (unsigned i = threadIdx.x; from.absmax == nullptr && i < kNested; i += blockDim.x) {
    to.nested[i] = from.nested_codebook[i];
  }
  __syncthreads();
}

ROUTEDK_DEVICE float decoded(const Nf4View& from, std::int64_t element, const Codebooks& books) {
  const unsigned byte = from.codes[element / 2];
  const unsigned code = element % 2 == 0 ? byte >> 4U : byte & 15U;
  return books.values[code * kWarp + threadIdx.x % kWarp] * absmax_of(from, element / kBlock, books.nested);
}

template <typename T>
struct alignas(sizeof(T) * kAtOnce < 16 ? sizeof(T) * kAtOnce : 16) Eight {
  T values[kAtOnce];
};

/// One thread per eight elements of a row: widths are multiples of eight, so the elements share an absmax.
template <typename T>
__global__ void decode_eights(Nf4View from, const std::int64_t* rows, std::int64_t count, std::int64_t width,
                              T* to) {
  __shared__ Codebooks books;
  load_codebooks(from, books);
  const unsigned lane = threadIdx.x % kWarp;
  const std::int64_t per_row = width / kAtOnce;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t n = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; n < count * per_row;
       n += step) {
    const std::int64_t group = rows == nullptr ? n : rows[n / per_row] * per_row + n % per_row;
    const std::uint32_t codes = reinterpret_cast<const std::uint32_t*>(from.codes)[group];
    const float scale = absmax_of(from, group / (kBlock / kAtOnce), books.nested);
    Eight<T> out;
    for (int i = 0; i < kAtOnce; ++i) {  // the first of two elements is the high nibble
      const unsigned code = codes >> (i / 2 * 8 + (i % 2 == 0 ? 4 : 0)) & 15U;
      out.values[i] = rounded<T>(books.values[code * kWarp + lane] * scale);
    }
    reinterpret_cast<Eight<T>*>(to)[n] = out;
  }
}

template <typename T>
__global__ void decode_elements(Nf4View from, const std::int64_t* rows, std::int64_t count,
                                std::int64_t width, T* to) {
  __shared__ Codebooks books;
  load_codebooks(from, books);
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t n = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; n < count * width;
       n += step) {
    const std::int64_t row = rows == nullptr ? n / width : rows[n / width];
    to[n] = rounded<T>(decoded(from, row * width + n % width, books));
  }
}

/// The number of midpoints between adjacent codebook values that are below the value.
ROUTEDK_DEVICE std::uint8_t nearest_nf4(float value, const float* codebook) {
  int code = 0;
  for (int i = 0; i < 15; ++i) {
    code += value > (codebook[i] + codebook[i + 1]) / 2.0F ? 1 : 0;
  }
  return static_cast<std::uint8_t>(code);
}

ROUTEDK_DEVICE float magnitude(float x) {
  return x < 0.0F ? -x : x;
}

/// One warp per block of 64, two adjacent elements per lane.
__global__ void quantize_blocks(const float* values, std::int64_t count, std::uint8_t* codes, float* absmax,
                                const float* codebook) {
  const std::int64_t blocks = (count + kBlock - 1) / kBlock;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x / kWarp;
  const std::int64_t warp = (blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x) / kWarp;
  for (std::int64_t block = warp; block < blocks; block += step) {
    const std::int64_t at = block * kBlock + threadIdx.x % kWarp * 2;
    const float first = at < count ? values[at] : 0.0F;
    const float second = at + 1 < count ? values[at + 1] : 0.0F;
    const float largest = warp_max(magnitude(first) > magnitude(second) ? magnitude(first) : magnitude(second));
    const float inverse = 1.0F / (largest > kSmallestScale ? largest : kSmallestScale);
    if (threadIdx.x % kWarp == 0) {
      absmax[block] = largest;
    }
    if (at < count) {
      const unsigned high = nearest_nf4(first * inverse, codebook);
      const unsigned low = at + 1 < count ? nearest_nf4(second * inverse, codebook) : kZeroCode;
      codes[at / 2] = static_cast<std::uint8_t>(high << 4U | low);
    }
  }
}

/// The nearest entry of an ascending map; halfway, the lower one.
ROUTEDK_DEVICE std::uint8_t nearest_in(const float* map, float value) {
  int above = 0;  // the first that is not less than the value
  for (int size = kNested / 2; size > 0; size /= 2) {
    above += map[above + size - 1] < value ? size : 0;
  }
  above += above < kNested && map[above] < value ? 1 : 0;
  if (above > 0 && (above == kNested || value - map[above - 1] <= map[above] - value)) {
    --above;
  }
  return static_cast<std::uint8_t>(above);
}

/// One thread block per block of absmax values.
__global__ void nest_blocks(const float* values, std::int64_t count, std::uint8_t* codes, float* absmax,
                            const float* map) {
  __shared__ float of_warps[kThreads / kWarp];
  const std::int64_t at = blockIdx.x * kNested + threadIdx.x;
  const float value = at < count ? values[at] : 0.0F;
  const float of_warp = warp_max(magnitude(value));
  if (threadIdx.x % kWarp == 0) {
    of_warps[threadIdx.x / kWarp] = of_warp;
  }
  __syncthreads();
  float largest = 0.0F;
  for (const float each : of_warps) {
    largest = each > largest ? each : largest;
  }
  if (threadIdx.x == 0) {
    absmax[blockIdx.x] = largest;
  }
  if (at < count) {
    codes[at] = nearest_in(map, value * (largest > 0.0F ? 1.0F / largest : 0.0F));
  }
}

}  // namespace

template <typename T>
void launch_nf4_rows(const Nf4View& from, const std::int64_t* rows, std::int64_t count, std::int64_t width,
                     T* to, Stream stream) {
  const bool in_eights = width % kAtOnce == 0 && reinterpret_cast<std::uintptr_t>(from.codes) % 4 == 0;
  launch("nf4_dequantize", in_eights ? decode_eights<T> : decode_elements<T>,
         grid_for(count * width / (in_eights ? kAtOnce : 1), kThreads), stream, from, rows, count, width, to);
}
template void launch_nf4_rows(const Nf4View&, const std::int64_t*, std::int64_t, std::int64_t, float*, Stream);
template void launch_nf4_rows(const Nf4View&, const std::int64_t*, std::int64_t, std::int64_t, BFloat16*,
                              Stream);

void launch_nf4_quantize(const float* values, std::int64_t count, std::uint8_t* codes, float* absmax,
                         const float* codebook, Stream stream) {
  launch("nf4_quantize", quantize_blocks, grid_for(ceil_div(count, kBlock) * kWarp, kThreads), stream, values,
         count, codes, absmax, codebook);
}

void launch_nf4_nest(const float* values, std::int64_t count, std::uint8_t* codes, float* absmax,
                     const float* map, Stream stream) {
  const Grid grid{dim3(static_cast<unsigned>(ceil_div(count, kNested))), kThreads};
  launch("nf4_nest", nest_blocks, grid, stream, values, count, codes, absmax, map);
}

}  // namespace routedk::kernels::cuda
