/// GGUF tensors -> the backbone's parameters, each used exactly once.
#pragma once

#include "routedk/io/gguf.h"
#include "routedk/model/backbone.h"

#include <set>
#include <string>

#include <ATen/ATen.h>

namespace routedk::model {

class GgufWeights {
 public:
  GgufWeights(const io::GgufFile& file, const LlamaConfig& config, const LoadOptions& options);

  /// A dense [rows,cols] matrix in the compute type; FileError names tensor, rule and shape when it differs.
  at::Tensor matrix(const std::string& name, std::int64_t rows, std::int64_t cols);
  /// A dense [size] vector in the compute type.
  at::Tensor vector(const std::string& name, std::int64_t size);
  /// The norms and the seven linears of layer `index`, quantised as the options say.
  Layer layer(std::int64_t index);
  /// FileError when a tensor of the file was not asked for.
  void finish() const;

 private:
  at::Tensor read(const std::string& name, const std::vector<std::int64_t>& shape);  // fp32
  quant::FrozenLinear linear(std::int64_t index, Linear kind);

  const io::GgufFile& file_;
  const LlamaConfig& config_;
  LoadOptions options_;
  std::set<std::string> used_;
};

}  // namespace routedk::model
