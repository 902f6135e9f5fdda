/// The tiny Llama as a Hugging Face folder, dense, of keyed random values.
#pragma once

#include "routedk/core/error.h"
#include "routedk/model/backbone.h"
#include "routedk/model/hf_folder.h"

#include "core/temporary_folder.h"
#include "support/dense.h"
#include "support/tiny_llama.h"

namespace routedk::testing {

/// [shape] F32: norms near one, all else near zero.
inline at::Tensor tiny_parameter(const model::Parameter& parameter) {
  const bool norm = parameter.name.find("norm") != std::string::npos;
  const std::int64_t count = c10::multiply_integers(parameter.shape);
  const std::vector<float> values = tiny_values(parameter.name, count, norm ? 1.0 : 0.0, norm ? 0.2 : 0.3);
  return at::tensor(at::ArrayRef<float>(values)).view(parameter.shape);
}

inline model::FolderOptions tiny_settings(at::ScalarType dtype = at::kFloat) {
  model::FolderOptions settings;
  settings.config = tiny_config();
  settings.dtype = dtype;
  return settings;
}

inline void write_tiny_folder(const std::filesystem::path& folder,
                              const model::FolderOptions& settings = tiny_settings()) {
  model::write_hf_folder(settings, tiny_parameter, folder);
}

/// What loading such a folder says once `change` has changed its config.json.
template <typename Change>
std::string refused_config(const Change& change) {
  const TemporaryFolder folder;
  write_tiny_folder(folder / "m");
  io::Json config = io::read_json(folder / "m" / "config.json");
  change(config);
  io::write_json(folder / "m" / "config.json", config);
  return message_of<FileError>([&] { model::Backbone::load(folder / "m", dense()); });
}

}  // namespace routedk::testing
