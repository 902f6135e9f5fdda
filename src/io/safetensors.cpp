#include "routedk/io/safetensors.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/io/checked.h"
#include "routedk/io/json_field.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>
#include <utility>

#include "as_text.h"
#include "json_object.h"
#include <fmt/ranges.h>

namespace routedk::io {
namespace {

static_assert(std::endian::native == std::endian::little,
              "tensors are stored little-endian and used in place");

using nlohmann::json;
using Field = BasicJsonField<json>;

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::size_t kMostDims = 8;  // LibTorch's operations support 64
constexpr std::uint64_t kMaxHeader = 100'000'000;

std::optional<std::uint64_t> byte_count(Dtype dtype, std::span<const std::int64_t> shape) {
  const auto count = checked_count(shape);
  return count ? checked_multiply(*count, dtype_size(dtype)) : std::nullopt;
}

// The header being read, with all that its errors name.
class HeaderReader {
 public:
  explicit HeaderReader(const MappedFile& file) : file_(file.path().string()), bytes_(file.bytes()) {}

  Field header() {
    if (bytes_.size() < kLengthBytes) {
      throw_<FileError>("{} must hold at least {} bytes, but holds {} instead.", file_, kLengthBytes,
                        bytes_.size());
    }
    std::uint64_t length = 0;
    std::memcpy(&length, bytes_.data(), kLengthBytes);
    const std::uint64_t most = std::min<std::uint64_t>(kMaxHeader, bytes_.size() - kLengthBytes);
    if (length > most) {
      throw_<FileError>("{}: the header must have at most {} bytes, but claims {} instead.", file_, most,
                        length);
    }
    data_ = bytes_.subspan(kLengthBytes + length);
    const auto* text = reinterpret_cast<const char*>(bytes_.data()) + kLengthBytes;
    return {parse_object({text, length}, file_ + ": the header"), file_};
  }

  TensorView tensor(const std::string& name, const Field& entry) const {
    TensorView view;
    view.name = name;
    view.dtype = entry["dtype"].choice<Dtype>();
    view.shape = sizes(entry["shape"]);
    entry["shape"].require(view.shape.size() <= kMostDims,
                           fmt::format("have at most {} dimensions", kMostDims));
    const Field place = entry["data_offsets"];
    const std::vector<std::int64_t> offsets = sizes(place);
    place.require(
        offsets.size() == 2 && offsets[0] <= offsets[1] && std::cmp_less_equal(offsets[1], data_.size()),
        fmt::format("be a begin and an end within the {} bytes of data", data_.size()));
    const auto begin = static_cast<std::uint64_t>(offsets[0]);
    const std::uint64_t held = static_cast<std::uint64_t>(offsets[1]) - begin;
    const auto size = byte_count(view.dtype, view.shape);
    if (!size || *size != held) {
      throw_<FileError>("{}: `{}` must have as many bytes as {} [{}] takes, but has {} instead.", file_, name,
                        view.dtype, fmt::join(view.shape, ", "), held);
    }
    view.bytes = data_.subspan(begin, *size);
    return view;
  }

  void check_cover(const std::map<std::string, TensorView>& tensors) const {
    std::vector<const TensorView*> order;
    order.reserve(tensors.size());
    for (const auto& [name, view] : tensors) {
      order.push_back(&view);
    }
    std::sort(order.begin(), order.end(), [](const TensorView* a, const TensorView* b) {
      return std::pair(a->bytes.data(), a->bytes.size()) < std::pair(b->bytes.data(), b->bytes.size());
    });
    std::size_t end = 0;
    for (const TensorView* view : order) {
      const auto begin = static_cast<std::size_t>(view->bytes.data() - data_.data());
      if (begin != end) {
        throw_<FileError>(
            "{}: `{}` must begin where the tensor before it ends, at {}, but begins at {} instead.", file_,
            view->name, end, begin);
      }
      end += view->bytes.size();
    }
    if (end != data_.size()) {
      throw_<FileError>("{}: the tensors must fill the {} bytes of data, but fill {} instead.", file_,
                        data_.size(), end);
    }
  }

  static std::map<std::string, std::string> metadata(const Field& entry) {
    entry.require(entry.value().is_object(), "be an object");
    std::map<std::string, std::string> values;
    for (const auto& [key, value] : entry.value().items()) {
      values.emplace(key, entry[key].text());
    }
    return values;
  }

 private:
  static std::vector<std::int64_t> sizes(const Field& list) {
    list.require(!list.absent(), "be a list");
    std::vector<std::int64_t> all;
    for (const Field& item : list.items()) {
      all.push_back(item.integer(0));
    }
    return all;
  }

  std::string file_;
  std::span<const std::byte> bytes_;
  std::span<const std::byte> data_;
};

std::string header_text(std::span<const TensorView> tensors,
                        const std::map<std::string, std::string>& metadata) {
  std::string text = "{";
  std::set<std::string> names = {"__metadata__"};
  if (!metadata.empty()) {
    text += "\"__metadata__\":" + json(metadata).dump();
  }
  std::uint64_t offset = 0;
  for (const TensorView& view : tensors) {
    if (!names.insert(view.name).second) {
      throw_<Error>("`{}` must be named once, but is named twice.", view.name);
    }
    const std::uint64_t end = offset + tensor_bytes(view);
    const json entry = {
        {"dtype", name_of(view.dtype)}, {"shape", view.shape}, {"data_offsets", {offset, end}}};
    text += (text.size() > 1 ? "," : "") + json(view.name).dump() + ":" + entry.dump();
    offset = end;
  }
  text += "}";
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

}  // namespace

std::size_t dtype_size(Dtype dtype) noexcept {
  switch (dtype) {
    case Dtype::kF64:
    case Dtype::kI64:
      return 8;
    case Dtype::kF32:
    case Dtype::kI32:
      return 4;
    case Dtype::kF16:
    case Dtype::kBF16:
    case Dtype::kI16:
      return 2;
    case Dtype::kI8:
    case Dtype::kU8:
    case Dtype::kBool:
      break;
  }
  return 1;
}

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path) {
  SafetensorsFile result;
  result.file_ = MappedFile::open(path);
  HeaderReader reader(*result.file_);
  const Field header = reader.header();
  header.require(header.value().is_object(), "be an object");
  for (const auto& [name, entry] : header.value().items()) {
    if (name == "__metadata__") {
      result.metadata_ = HeaderReader::metadata(header[name]);
    } else {
      result.tensors_.emplace(name, reader.tensor(name, header[name]));
    }
  }
  reader.check_cover(result.tensors_);
  return result;
}

const TensorView& SafetensorsFile::at(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    throw_<FileError>("{} must hold the tensor `{}`, but does not.", file_->path().string(), name);
  }
  return found->second;
}

std::uint64_t tensor_bytes(const TensorView& tensor) {
  const auto size = byte_count(tensor.dtype, tensor.shape);
  if (!size) {
    throw_<Error>("`{}` must have a 64-bit size, but is {} [{}].", tensor.name, tensor.dtype,
                  fmt::join(tensor.shape, ", "));
  }
  return *size;
}

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path, std::span<const TensorView> tensors,
                                     const std::map<std::string, std::string>& metadata)
    : announced_(tensors.begin(), tensors.end()), file_(path) {
  const std::string header = header_text(tensors, metadata);
  const std::uint64_t length = header.size();
  file_.write(as_text(std::as_bytes(std::span(&length, 1))));
  file_.write(header);
}

void SafetensorsWriter::append(const TensorView& tensor) {
  if (next_ == announced_.size()) {
    throw_<Error>("{} tensors were announced, but `{}` comes after them.", next_, tensor.name);
  }
  const TensorView& due = announced_[next_];
  if (tensor.name != due.name || tensor.dtype != due.dtype || tensor.shape != due.shape ||
      tensor.bytes.size() != tensor_bytes(due)) {
    throw_<Error>("`{}` must come next with the bytes of {} [{}], but `{}` has {} of {} [{}].", due.name,
                  due.dtype, fmt::join(due.shape, ", "), tensor.name, tensor.bytes.size(), tensor.dtype,
                  fmt::join(tensor.shape, ", "));
  }
  file_.write(as_text(tensor.bytes));
  ++next_;
}

void SafetensorsWriter::commit() {
  if (next_ != announced_.size()) {
    throw_<Error>("{} tensors were announced, but only {} were written.", announced_.size(), next_);
  }
  file_.commit();
}

void write_safetensors(const std::filesystem::path& path, std::span<const TensorView> tensors,
                       const std::map<std::string, std::string>& metadata) {
  SafetensorsWriter file(path, tensors, metadata);
  for (const TensorView& view : tensors) {
    file.append(view);
  }
  file.commit();
}

}  // namespace routedk::io
