#include "folder_weights.h"

#include "routedk/core/error.h"
#include "routedk/io/json_field.h"
#include "routedk/model/parameters.h"

#include <algorithm>

#include <fmt/ranges.h>

namespace routedk::model {
FolderWeights::FolderWeights(const std::filesystem::path& folder)
    : WeightSource(LlamaConfig::from_json(folder / "config.json")),
      shards_(io::SafetensorsShards::open(folder)) {
  read_quantization();
}

void FolderWeights::read_quantization() {
  const io::JsonField config = io::read_json_field(shards_.folder() / "config.json");
  const io::JsonField q = config["quantization_config"];
  if (q.absent()) {
    return;
  }
  const auto require_text = [&](const char* key, const char* only, const char* if_absent) {
    q[key].require(q[key].text_or(if_absent) == only, std::string("be ") + only);
  };
  require_text("quant_method", "bitsandbytes", "bitsandbytes");
  q["load_in_8bit"].require(!q["load_in_8bit"].boolean(false), "be false");
  q["load_in_4bit"].require(q["load_in_4bit"].boolean(false), "be true");
  require_text("bnb_4bit_quant_type", "nf4", "fp4");
  require_text("bnb_4bit_quant_storage", "uint8", "uint8");
  skipped_ = q["llm_int8_skip_modules"].texts();
  quantized_ = true;
}

at::ScalarType FolderWeights::dtype() const {
  return quant::scalar_type(shards_.at(kEmbedding).dtype);
}

quant::FindTensor FolderWeights::finder() const {
  return [this](const std::string& name) {
    return shards_.has(name) ? quant::StoredTensor{&shards_.at(name), shards_.file_of(name)}
                             : quant::StoredTensor{};
  };
}

quant::FindTensor FolderWeights::marking_finder() {
  return [this, find = finder()](const std::string& name) {
    quant::StoredTensor found = find(name);
    if (found.view != nullptr) {
      used_.insert(name);
    }
    return found;
  };
}

/// Matches the list like transformers: a module's path begins or ends with an entry. Embedding and head are
/// not linears to quantise.
bool FolderWeights::may_be_dense(const std::string& name) const {
  if (name == kEmbedding || name == kHead) {
    return true;
  }
  const std::string module = name.substr(0, name.rfind('.'));
  return std::any_of(skipped_.begin(), skipped_.end(), [&](const std::string& skipped) {
    return module.starts_with(skipped) || module.ends_with(skipped);
  });
}

at::Tensor FolderWeights::dense(const std::string& name, const std::vector<std::int64_t>& shape) {
  if (shape.size() == 2 && quant::is_nf4(name, finder())) {
    return kernels::dequantize(*packed(name, {shape[0], shape[1]}), at::kFloat);
  }
  const io::TensorView& view = shards_.at(name);
  const auto file = shards_.file_of(name);
  if (view.shape != shape || !quant::is_weight_type(view.dtype)) {
    throw_<FileError>("tensor `{}` must be F32, F16 or BF16 of shape [{}], but is {} [{}] instead ({})", name,
                      fmt::join(shape, ","), view.dtype, fmt::join(view.shape, ","), file->path().string());
  }
  at::Tensor values = quant::borrow_tensor(view, file);
  require_finite(values, name, file->path().string());
  used_.insert(name);
  return values;
}

std::optional<kernels::Weight> FolderWeights::packed(const std::string& name, LinearShape shape) {
  if (!quant::is_nf4(name, finder())) {
    if (quantized_ && !may_be_dense(name)) {
      throw_<FileError>("`{}` must be NF4 or in `llm_int8_skip_modules` of config.json, but is neither ({})",
                        name, shards_.folder().string());
    }
    return std::nullopt;
  }
  kernels::Nf4 weight = quant::read_nf4(name, marking_finder());
  if (weight.out_features() != shape.out || weight.in_features() != shape.in) {
    throw_<FileError>("tensor `{}` must have shape [{},{}], but has [{},{}] instead ({})", name, shape.out,
                      shape.in, weight.out_features(), weight.in_features(), shards_.folder().string());
  }
  return weight;
}

StoredAs FolderWeights::stored(const std::string& name) const {
  const io::TensorView& view = shards_.at(name);
  if (!quant::is_nf4(name, finder())) {
    return {std::string(name_of(view.dtype)), view.bytes.size()};
  }
  std::uint64_t bytes = 0;
  for (auto at = shards_.tensors().lower_bound(name);
       at != shards_.tensors().end() && at->first.starts_with(name); ++at) {
    bytes += shards_.at(at->first).bytes.size();
  }
  return {shards_.has(name + ".nested_absmax") ? "NF4 double" : "NF4", bytes, true};
}

bool FolderWeights::repeats_tied_embedding(const std::string& name) const {
  if (!config().tied_head || name != kHead) {
    return false;
  }
  const io::TensorView& head = shards_.at(kHead);
  const io::TensorView& embedding = shards_.at(kEmbedding);
  const bool same = head.dtype == embedding.dtype && head.shape == embedding.shape &&
                    std::equal(head.bytes.begin(), head.bytes.end(), embedding.bytes.begin());
  if (!same) {
    throw_<FileError>(
        "`lm_head.weight` must repeat the embedding where `tie_word_embeddings` is true, but differs ({})",
        shards_.folder().string());
  }
  shards_.file_of(kHead)->release(head.bytes);
  shards_.file_of(kEmbedding)->release(embedding.bytes);
  return true;
}

void FolderWeights::finish() {
  for (const auto& [name, shard] : shards_.tensors()) {
    if (!used_.contains(name) && !name.ends_with("rotary_emb.inv_freq") && !repeats_tied_embedding(name)) {
      throw_<FileError>("every tensor must belong to a Llama, but `{}` does not ({})", name,
                        shards_.folder().string());
    }
  }
}

}  // namespace routedk::model
