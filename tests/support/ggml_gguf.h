/// GGUF files with matrices in ggml's blocks.
#pragma once

#include "routedk/io/gguf.h"

#include "support/ggml_matrix.h"
#include "support/gguf_writer.h"

namespace routedk::testing {

/// Makes `name` a matrix [out,in] of random codes whose values are about as large as those of the tiny Llama.
inline kernels::GgmlBlocks put_blocks(GgufWriter& gguf, const std::string& name, io::GgmlType type,
                                      std::int64_t out, std::int64_t in) {
  const auto of_kernels = find_enum<kernels::GgmlType>(name_of(type));
  kernels::GgmlBlocks blocks = random_ggml(*of_kernels, out, in, 5);
  const auto* bytes = reinterpret_cast<const char*>(blocks.data().const_data_ptr<std::uint8_t>());
  gguf.blocks(name, {out, in}, static_cast<std::uint32_t>(type),
              {bytes, static_cast<std::size_t>(blocks.bytes())});
  return blocks;
}

}  // namespace routedk::testing
