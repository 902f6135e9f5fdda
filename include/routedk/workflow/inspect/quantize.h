/// `routedk-inspect quantize`: dense weights in, NF4 in bitsandbytes' layout out.
#pragma once

#include <filesystem>

namespace routedk::workflow {

struct QuantizeOptions {
  std::filesystem::path model;    ///< a GGUF file or a dense Hugging Face folder; the output is a folder
  std::filesystem::path tensors;  ///< or a safetensors file, each matrix of which is quantised
  std::filesystem::path output;   ///< the folder or the file to write
  bool double_quant = false;      ///< absmax in 8 bits
};

/// ConfigError unless exactly one of model and tensors is given, or if the output folder is not empty.
void quantize(const QuantizeOptions& options);

}  // namespace routedk::workflow
