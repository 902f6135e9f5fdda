#include "routedk/io/gguf_writer.h"

#include "routedk/core/error.h"
#include "routedk/io/checked.h"

#include <bit>
#include <set>
#include <string_view>
#include <utility>

#include "as_text.h"
#include <fmt/ranges.h>

namespace routedk::io {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF is little-endian and written as it lies");

constexpr std::uint32_t kWrittenVersion = 3;
constexpr std::size_t kMostGgufDims = 4;
constexpr std::size_t kMostName = 63;   // bytes: ggml's GGML_MAX_NAME without its final zero
constexpr std::size_t kAlignment = 32;  // readers' default without `general.alignment`

template <typename T>
std::string little(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

std::string sized(std::string_view value) {
  return little(std::uint64_t{value.size()}).append(value);
}

// The type number of a value in the format, then the value.
std::string typed(std::uint32_t value) {
  return little(std::uint32_t{4}) + little(value);
}
std::string typed(float value) {
  return little(std::uint32_t{6}) + little(value);
}
std::string typed(const std::string& value) {
  return little(std::uint32_t{8}) + sized(value);
}

/// The padding from this size to the next multiple of the alignment.
std::string padding(std::uint64_t size) {
  std::string zeros((kAlignment - size % kAlignment) % kAlignment, '\0');
  return zeros;
}

std::uint64_t bytes_of(const GgufTensor& tensor) {
  const BlockLayout block = ggml_block(tensor.type);
  const auto count = checked_count(tensor.shape);
  const bool fits = !tensor.shape.empty() && tensor.shape.size() <= kMostGgufDims && count.value_or(0) > 0 &&
                    tensor.shape.back() % block.elements == 0 && tensor.name.size() <= kMostName;
  const auto size = fits ? checked_multiply(*count / static_cast<std::uint64_t>(block.elements), block.bytes)
                         : std::nullopt;
  if (!size) {
    throw_<Error>(
        "`{}` must have at most {} bytes of name, 1 to {} positive dimensions and rows of whole blocks, but "
        "is {} [{}]",
        tensor.name, kMostName, kMostGgufDims, tensor.type, fmt::join(tensor.shape, ", "));
  }
  return *size;
}

std::string gguf_header(const std::vector<GgufKey>& keys, const std::vector<GgufTensor>& tensors) {
  std::set<std::string_view> names;
  const auto add_name = [&](const std::string& name) {
    if (!names.insert(name).second) {
      throw_<Error>("`{}` must be named once, but is named twice", name);
    }
    return sized(name);
  };
  std::string header = "GGUF" + little(kWrittenVersion) + little(std::uint64_t{tensors.size()}) +
                       little(std::uint64_t{keys.size()});
  for (const GgufKey& key : keys) {
    header += add_name(key.name) + std::visit([](const auto& value) { return typed(value); }, key.value);
  }
  std::uint64_t offset = 0;
  for (const GgufTensor& tensor : tensors) {
    header += add_name(tensor.name) + little(static_cast<std::uint32_t>(tensor.shape.size()));
    for (std::size_t i = tensor.shape.size(); i > 0; --i) {  // fastest dimension first
      header += little(static_cast<std::uint64_t>(tensor.shape[i - 1]));
    }
    header += little(static_cast<std::uint32_t>(tensor.type)) + little(offset);
    const std::uint64_t size = bytes_of(tensor);
    offset += size + padding(size).size();
  }
  return header + padding(header.size());
}

}  // namespace

GgufWriter::GgufWriter(const std::filesystem::path& path, const std::vector<GgufKey>& keys,
                       std::vector<GgufTensor> tensors)
    : announced_(std::move(tensors)), file_(path) {
  file_.write(gguf_header(keys, announced_));
}

void GgufWriter::append(const GgufTensor& tensor) {
  if (next_ == announced_.size()) {
    throw_<Error>("{} tensors were announced, but `{}` comes after them", next_, tensor.name);
  }
  const GgufTensor& due = announced_[next_];
  if (tensor.name != due.name || tensor.type != due.type || tensor.shape != due.shape ||
      tensor.bytes.size() != bytes_of(due)) {
    throw_<Error>("`{}` must come next with the bytes of {} [{}], but `{}` has {} of {} [{}]", due.name,
                  due.type, fmt::join(due.shape, ", "), tensor.name, tensor.bytes.size(), tensor.type,
                  fmt::join(tensor.shape, ", "));
  }
  file_.write(as_text(tensor.bytes));
  file_.write(padding(tensor.bytes.size()));
  ++next_;
}

void GgufWriter::commit() {
  if (next_ != announced_.size()) {
    throw_<Error>("{} tensors were announced, but only {} were written", announced_.size(), next_);
  }
  file_.commit();
}

}  // namespace routedk::io
