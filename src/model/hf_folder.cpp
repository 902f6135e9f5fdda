#include "routedk/model/hf_folder.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/core/new_path.h"
#include "routedk/io/json_field.h"
#include "routedk/io/safetensors_shards.h"
#include "routedk/model/weight_source.h"
#include "routedk/quant/nf4_checkpoint.h"

#include <algorithm>
#include <array>

namespace routedk::model {
namespace {

namespace fs = std::filesystem;

/// Files copied along with a model's weights.
constexpr std::array<const char*, 9> kCompanions = {"generation_config.json",
                                                    "tokenizer.json",
                                                    "tokenizer.model",
                                                    "tokenizer_config.json",
                                                    "added_tokens.json",
                                                    "special_tokens_map.json",
                                                    "vocab.json",
                                                    "chat_template.jinja",
                                                    "merges.txt"};

std::string dtype_word(at::ScalarType dtype) {
  const char* const word = quant::weight_type_word(dtype);
  if (word == nullptr) {
    throw_<ConfigError>("a model on disk must be float32, float16 or bfloat16, but is {} instead",
                        at::toString(dtype));
  }
  return word;
}

/// The ids of a GGUF's special tokens, with config.json's names; all that end an answer are eos.
void add_special_tokens(io::Json& config, const io::GgufFile& file) {
  if (file.has("tokenizer.ggml.bos_token_id")) {
    config["bos_token_id"] = file.integer("tokenizer.ggml.bos_token_id");
  }
  io::Json ends = io::Json::array();
  for (const char* name : {"eos", "eot", "eom"}) {
    const std::string key = fmt::format("tokenizer.ggml.{}_token_id", name);
    const io::Json id = file.has(key) ? io::Json(file.integer(key)) : io::Json();
    if (!id.is_null() && std::find(ends.begin(), ends.end(), id) == ends.end()) {
      ends.push_back(id);
    }
  }
  if (!ends.empty()) {
    config["eos_token_id"] = ends.size() == 1 ? ends.front() : ends;
  }
}

/// The original's config.json with the new weights' type, or one made from the shape.
io::Json new_config(const FolderOptions& settings) {
  const std::string dtype = dtype_word(settings.dtype);
  if (!fs::is_directory(settings.original)) {
    io::Json config = config_json(settings.config, dtype);
    if (!settings.original.empty()) {
      add_special_tokens(config, io::GgufFile::open(settings.original));
    }
    return config;
  }
  const io::JsonField stored = io::read_json_field(settings.original / "config.json");
  stored.require(stored.value().is_object(), "be a JSON object");
  io::Json config = stored.value();
  config.erase("quantization_config");
  config.erase("dtype");
  config["torch_dtype"] = dtype;
  return config;
}

void copy_companions(const FolderOptions& settings, const fs::path& folder) {
  const fs::path& original = settings.original;
  for (const char* name : kCompanions) {
    if (!original.empty() && fs::is_regular_file(original / name)) {
      write_file_atomic(folder / name, read_file(original / name, kMostTokenizerBytes));
    }
  }
  if (settings.add_files) {
    settings.add_files(folder);
  }
}

io::TensorView announced(const Parameter& parameter, at::ScalarType dtype) {
  return {parameter.name, quant::stored_type(dtype), parameter.shape, {}};
}

void append(io::ShardWriter& writer, const std::string& name, const at::Tensor& tensor) {
  writer.append(quant::to_view(name, tensor.contiguous()));
}

io::Json quantization_config(bool double_quant, at::ScalarType dtype) {
  return {{"quant_method", "bitsandbytes"},
          {"load_in_4bit", true},
          {"load_in_8bit", false},
          {"bnb_4bit_quant_type", "nf4"},
          {"bnb_4bit_use_double_quant", double_quant},
          {"bnb_4bit_quant_storage", "uint8"},
          {"bnb_4bit_compute_dtype", dtype_word(dtype)},
          {"llm_int8_skip_modules", io::Json::array({"lm_head"})}};
}

/// The tensors of a quantised model: matrices first, each of which fills a multiple of 8 bytes, so that all
/// tensors are aligned.
std::vector<Parameter> matrices_first(const LlamaConfig& config) {
  std::vector<Parameter> all = parameters(config);
  std::stable_partition(all.begin(), all.end(), [](const Parameter& p) { return p.linear.has_value(); });
  return all;
}

void append_nf4(io::ShardWriter& writer, const std::string& name, const at::Tensor& dense,
                bool double_quant) {
  const auto layout = quant::nf4_layout(name, dense.size(0), dense.size(1), double_quant);
  const auto tensors = quant::nf4_tensors(kernels::Nf4::quantize(dense, double_quant));
  for (std::size_t i = 0; i < layout.size(); ++i) {
    append(writer, layout[i].name, tensors[i]);
  }
}

void write_nf4_weights(WeightSource& source, bool double_quant, const FolderOptions& settings,
                       const fs::path& folder) {
  const std::vector<Parameter> all = matrices_first(settings.config);
  std::vector<io::TensorView> plan;
  for (const Parameter& p : all) {
    if (p.linear) {
      const auto layout = quant::nf4_layout(p.name, p.shape[0], p.shape[1], double_quant);
      plan.insert(plan.end(), layout.begin(), layout.end());
    } else {
      plan.push_back(announced(p, settings.dtype));
    }
  }
  io::ShardWriter writer(folder, std::move(plan), settings.shard_bytes);
  for (const Parameter& p : all) {
    const at::Tensor values = source.dense(p.name, p.shape);
    if (p.linear) {
      append_nf4(writer, p.name, values, double_quant);
    } else {
      append(writer, p.name, values.to(settings.dtype));
    }
  }
  writer.finish();
}

}  // namespace

void write_hf_folder(const FolderOptions& settings, const ParameterFn& value, const fs::path& folder) {
  require_new_folder(folder);
  FolderWriter temporary(folder);
  io::write_json(temporary.path() / "config.json", new_config(settings));
  copy_companions(settings, temporary.path());
  const std::vector<Parameter> all = parameters(settings.config);
  std::vector<io::TensorView> plan;
  plan.reserve(all.size());
  for (const Parameter& p : all) {
    plan.push_back(announced(p, settings.dtype));
  }
  io::ShardWriter writer(temporary.path(), std::move(plan), settings.shard_bytes);
  for (const Parameter& p : all) {
    append(writer, p.name, value(p).to(settings.dtype));
  }
  writer.finish();
  temporary.commit();
}

void save_nf4_folder(const fs::path& model, bool double_quant, const fs::path& folder,
                     const std::function<void(const fs::path&)>& add_files) {
  require_new_folder(folder);
  const auto source = WeightSource::open(model);
  if (source->quantized()) {
    throw_<ConfigError>("a model to quantise must be dense, but {} is NF4 already", model.string());
  }
  FolderOptions settings;
  settings.config = source->config();
  settings.dtype = source->dtype();
  settings.original = model;
  settings.add_files = add_files;
  io::Json config = new_config(settings);
  config["quantization_config"] = quantization_config(double_quant, settings.dtype);
  FolderWriter temporary(folder);
  io::write_json(temporary.path() / "config.json", config);
  copy_companions(settings, temporary.path());
  write_nf4_weights(*source, double_quant, settings, temporary.path());
  source->finish();
  temporary.commit();
}

}  // namespace routedk::model
