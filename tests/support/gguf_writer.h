/// A small GGUF version 3 file from metadata and tensors, as a test wants it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace routedk::testing {

class GgufWriter {
 public:
  void integer(const std::string& key, std::uint32_t value) { metadata_[key] = number(4) + number(value); }
  void real(const std::string& key, float value) { metadata_[key] = number(6) + number(value); }
  void text(const std::string& key, const std::string& value) { metadata_[key] = number(8) + sized(value); }
  void texts(const std::string& key, const std::vector<std::string>& values) {
    std::string bytes = number(9) + number(8) + number(std::uint64_t{values.size()});
    for (const std::string& value : values) {
      bytes += sized(value);
    }
    metadata_[key] = bytes;
  }
  /// `shape` row-major, slowest dimension first.
  void tensor(const std::string& name, std::vector<std::int64_t> shape, const std::vector<float>& values) {
    blocks(name, std::move(shape), 0,
           {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)});
  }
  /// The same of any bytes, with ggml's number of their type.
  void blocks(const std::string& name, std::vector<std::int64_t> shape, std::uint32_t type,
              std::string bytes) {
    tensors_[name] = {std::move(shape), type, std::move(bytes)};
  }
  void remove_tensor(const std::string& name) { tensors_.erase(name); }

  void save(const std::filesystem::path& path) const {
    std::string header =
        "GGUF" + number(3) + number(std::uint64_t{tensors_.size()}) + number(std::uint64_t{metadata_.size()});
    for (const auto& [key, bytes] : metadata_) {
      header += sized(key) + bytes;
    }
    std::string data;
    for (const auto& [name, tensor] : tensors_) {
      header += sized(name) + number(static_cast<std::uint32_t>(tensor.shape.size()));
      for (auto size = tensor.shape.rbegin(); size != tensor.shape.rend(); ++size) {
        header += number(static_cast<std::uint64_t>(*size));
      }
      header += number(tensor.type) + number(std::uint64_t{data.size()});
      data += tensor.bytes;
      pad(data);
    }
    pad(header);
    std::ofstream(path, std::ios::binary) << header << data;
  }

 private:
  struct Tensor {
    std::vector<std::int64_t> shape;
    std::uint32_t type = 0;
    std::string bytes;
  };

  template <typename T>
  static std::string number(T value) {
    return {reinterpret_cast<const char*>(&value), sizeof(value)};
  }
  static std::string sized(const std::string& value) { return number(std::uint64_t{value.size()}) + value; }
  static void pad(std::string& bytes) { bytes.resize((bytes.size() + 31) / 32 * 32); }

  std::map<std::string, std::string> metadata_;  // key -> type and value
  std::map<std::string, Tensor> tensors_;
};

}  // namespace routedk::testing
