/// Tensors of a Hugging Face folder, dense or in bitsandbytes' NF4.
#pragma once

#include "routedk/io/safetensors_shards.h"
#include "routedk/model/weight_source.h"
#include "routedk/quant/nf4_checkpoint.h"

#include <set>
#include <string>

namespace routedk::model {

class FolderWeights : public WeightSource {
 public:
  explicit FolderWeights(const std::filesystem::path& folder);

  at::ScalarType dtype() const override;
  bool quantized() const override { return quantized_; }
  at::Tensor dense(const std::string& name, const std::vector<std::int64_t>& shape) override;
  std::optional<kernels::Weight> packed(const std::string& name, LinearShape shape) override;
  StoredAs stored(const std::string& name) const override;
  void finish() override;

 private:
  /// Finds a tensor, with or without marking it as used.
  quant::FindTensor finder() const;
  quant::FindTensor marking_finder();
  bool may_be_dense(const std::string& name) const;
  void read_quantization();
  bool repeats_tied_embedding(const std::string& name) const;

  io::SafetensorsShards shards_;
  bool quantized_ = false;
  std::vector<std::string> skipped_;  // llm_int8_skip_modules
  std::set<std::string> used_;
};

}  // namespace routedk::model
