/// The reference tensors of tests/goldens, by name.
#pragma once

#include "routedk/quant/tensor_view.h"

#include <filesystem>
#include <string>

namespace routedk::testing {

inline std::filesystem::path golden_path(const std::string& name) {
  return std::filesystem::path(ROUTEDK_SOURCE_DIR) / "tests" / "goldens" / name;
}

/// One safetensors file of tests/goldens.
class Golden {
 public:
  explicit Golden(const std::string& name) : file_(io::SafetensorsFile::open(golden_path(name))) {}
  at::Tensor operator[](const std::string& tensor) const { return quant::to_tensor(file_.at(tensor)); }
  const io::SafetensorsFile& file() const { return file_; }

 private:
  io::SafetensorsFile file_;
};

}  // namespace routedk::testing
