/// A safetensors file from which every tensor is read once.
#pragma once

#include "routedk/quant/tensor_view.h"

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace routedk::experts {

class StoredTensors {
 public:
  explicit StoredTensors(const std::filesystem::path& path) : file_(io::SafetensorsFile::open(path)) {}

  bool has(const std::string& name) const { return file_.tensors().contains(name); }
  std::vector<std::string> names() const;
  /// The sizes of a matrix, 0 for any other tensor. FileError if there is none of that name.
  std::int64_t rows(const std::string& name) const { return size_of(name, 0); }
  std::int64_t columns(const std::string& name) const { return size_of(name, 1); }
  /// FileError unless the tensor exists, with a floating type and this shape. Allocates nothing.
  void expect(const std::string& name, const std::vector<std::int64_t>& shape);
  /// FileError if the file has a tensor that was not expected.
  void finish() const;
  /// Copies an expected tensor into an fp32 one of its shape; FileError if it has an infinite or undefined
  /// value.
  void read(const std::string& name, const at::Tensor& into) const;

 private:
  std::int64_t size_of(const std::string& name, std::size_t dimension) const;

  io::SafetensorsFile file_;
  std::set<std::string> expected_;
};

}  // namespace routedk::experts
