/// GGUF tensors under Hugging Face's names, in its rotary layout.
#pragma once

#include "routedk/io/gguf.h"
#include "routedk/model/weight_source.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace routedk::model {

class GgufWeights : public WeightSource {
 public:
  explicit GgufWeights(io::GgufFile file);

  at::ScalarType dtype() const override { return at::kFloat; }
  bool quantized() const override { return false; }
  at::Tensor dense(const std::string& name, const std::vector<std::int64_t>& shape) override;
  std::optional<kernels::Weight> packed(const std::string& name, LinearShape shape) override;
  StoredAs stored(const std::string& name) const override;
  void finish() override;

 private:
  const io::GgufTensor& find(const std::string& name) const;
  const io::GgufTensor& find(const std::string& name, const std::vector<std::int64_t>& shape) const;
  /// Nothing if the tensor is dense; FileError if its scales are not finite.
  std::optional<kernels::GgmlBlocks> blocks_of(const io::GgufTensor& tensor) const;

  io::GgufFile file_;
  std::map<std::string, std::string> names_;  // Hugging Face's -> the GGUF's
  std::set<std::string> used_;                // the GGUF's
};

}  // namespace routedk::model
