#include "routedk/io/gguf.h"

#include "routedk/core/error.h"
#include "routedk/io/checked.h"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <utility>

#include "gguf_cursor.h"
#include "gguf_values.h"
#include <fmt/ranges.h>

namespace routedk::io {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF is little-endian and used in place");

constexpr std::uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr std::uint32_t kOldestVersion = 2;   // version 1 has 32-bit lengths, 3 also allows big-endian files
constexpr std::uint32_t kVersion = 3;
constexpr std::uint32_t kMaxDims = 4;
constexpr std::int64_t kDefaultAlignment = 32;
constexpr std::uint64_t kSmallestKey = 8 + 4 + 1;             // length, type, one byte
constexpr std::uint64_t kSmallestTensor = 8 + 4 + 8 + 4 + 8;  // length, dims, one dim, type, offset

struct TypeName {
  std::uint32_t number;
  const char* name;
};
// ggml types that are not supported, so that errors can name them.
constexpr std::array<TypeName, 10> kOtherTypes = {{{9, "Q8_1"},
                                                   {10, "Q2_K"},
                                                   {11, "Q3_K"},
                                                   {15, "Q8_K"},
                                                   {20, "IQ4_NL"},
                                                   {23, "IQ4_XS"},
                                                   {24, "I8"},
                                                   {26, "I32"},
                                                   {27, "I64"},
                                                   {28, "F64"}}};

std::string type_name(std::uint32_t number) {
  const auto* const other = std::find_if(kOtherTypes.begin(), kOtherTypes.end(),
                                         [&](const TypeName& type) { return type.number == number; });
  return other == kOtherTypes.end() ? fmt::format("type {}", number) : other->name;
}

GgmlType read_type(GgufCursor& cursor, const std::string& name) {
  const auto number = cursor.number<std::uint32_t>("the type of " + name);
  for (const auto& [type, word] : enum_names(GgmlType{})) {
    if (static_cast<std::uint32_t>(type) == number) {
      return type;
    }
  }
  throw_<FileError>("{}: `{}` must be one of {}, but is {} instead.", cursor.file(), name,
                    enum_list<GgmlType>(), type_name(number));
}

std::vector<std::int64_t> read_shape(GgufCursor& cursor, const std::string& name) {
  const auto dims = cursor.number<std::uint32_t>("the dimensions of " + name);
  if (dims < 1 || dims > kMaxDims) {
    throw_<FileError>("{}: `{}` must have 1 to {} dimensions, but has {} instead.", cursor.file(), name,
                      kMaxDims, dims);
  }
  std::vector<std::int64_t> shape(dims);
  for (std::int64_t& dim : shape) {
    dim = cursor.number<std::int64_t>("the shape of " + name);
  }
  std::reverse(shape.begin(), shape.end());
  if (checked_count(shape).value_or(0) == 0) {
    throw_<FileError>(
        "{}: `{}` must have positive dimensions whose product fits 63 bits, but has [{}] instead.",
        cursor.file(), name, fmt::join(shape, ", "));
  }
  return shape;
}

// A tensor and the location of its bytes in the data section.
struct PlacedTensor {
  GgufTensor tensor;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

PlacedTensor read_tensor(GgufCursor& cursor, std::uint64_t alignment) {
  PlacedTensor placed;
  GgufTensor& tensor = placed.tensor;
  tensor.name = cursor.text("a tensor's name");
  tensor.shape = read_shape(cursor, tensor.name);
  tensor.type = read_type(cursor, tensor.name);
  placed.offset = cursor.number<std::uint64_t>("the offset of " + tensor.name);
  const BlockLayout block = ggml_block(tensor.type);
  if (tensor.shape.back() % block.elements != 0) {
    throw_<FileError>("{}: the rows of `{}` must be whole blocks of {} elements, but have {} instead.",
                      cursor.file(), tensor.name, block.elements, tensor.shape.back());
  }
  const std::uint64_t blocks = *checked_count(tensor.shape) / static_cast<std::uint64_t>(block.elements);
  const auto size = checked_multiply(blocks, block.bytes);
  if (!size || placed.offset % alignment != 0) {
    throw_<FileError>(
        "{}: `{}` must have a 64-bit size and an offset that is a multiple of {}, but has offset {}.",
        cursor.file(), tensor.name, alignment, placed.offset);
  }
  placed.size = *size;
  return placed;
}

std::map<std::string, GgufValue> read_metadata(GgufCursor& cursor, std::uint64_t count) {
  std::map<std::string, GgufValue> metadata;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::string key = cursor.text("a key");
    GgufValue value = read_gguf_value(cursor, key);
    const auto [at, added] = metadata.emplace(std::move(key), std::move(value));
    if (!added) {
      throw_<FileError>("{}: the key `{}` must occur once, but occurs twice.", cursor.file(), at->first);
    }
  }
  return metadata;
}

std::uint64_t alignment_of(const GgufFile& gguf) {
  const std::int64_t alignment =
      gguf.has("general.alignment") ? gguf.integer("general.alignment") : kDefaultAlignment;
  if (alignment < 8 || !std::has_single_bit(static_cast<std::uint64_t>(alignment))) {
    throw_<FileError>("{}: `general.alignment` must be a power of two from 8 on, but is {} instead.",
                      gguf.file().path().string(), alignment);
  }
  return static_cast<std::uint64_t>(alignment);
}

// Assigns each tensor its bytes, after checking that they are within the data and after the previous tensor.
void place_tensors(std::vector<PlacedTensor>& placed, std::span<const std::byte> data,
                   const std::string& file) {
  std::sort(placed.begin(), placed.end(),
            [](const PlacedTensor& a, const PlacedTensor& b) { return a.offset < b.offset; });
  std::uint64_t end = 0;
  for (PlacedTensor& next : placed) {
    if (next.offset < end || next.offset > data.size() || next.size > data.size() - next.offset) {
      throw_<FileError>(
          "{}: `{}` must be placed after the tensor that ends at {} and within the {} bytes of data, but has "
          "{} "
          "bytes at {}.",
          file, next.tensor.name, end, data.size(), next.size, next.offset);
    }
    next.tensor.bytes = data.subspan(next.offset, next.size);
    end = next.offset + next.size;
  }
}

std::uint64_t read_tensor_count(GgufCursor& cursor) {
  const auto magic = cursor.number<std::uint32_t>("the magic");
  const auto version = cursor.number<std::uint32_t>("the version");
  if (magic != kMagic || version < kOldestVersion || version > kVersion) {
    throw_<FileError>(
        "{} must begin with the magic GGUF and version {} or {}, but has {:#010x} and {} instead.",
        cursor.file(), kOldestVersion, kVersion, magic, version);
  }
  return cursor.count(kSmallestTensor, "tensors");
}

// The bytes from the next multiple of `alignment`.
std::span<const std::byte> data_section(const GgufCursor& cursor, std::span<const std::byte> bytes,
                                        std::uint64_t alignment) {
  const std::uint64_t padding = (alignment - cursor.position() % alignment) % alignment;
  return bytes.subspan(cursor.position() + std::min<std::uint64_t>(padding, cursor.left()));
}

template <typename T>
constexpr const char* kValueName = nullptr;
template <>
constexpr const char* kValueName<bool> = "a bool";
template <>
constexpr const char* kValueName<std::int64_t> = "an integer";
template <>
constexpr const char* kValueName<double> = "a real number";
template <>
constexpr const char* kValueName<std::string> = "a text";
template <>
constexpr const char* kValueName<std::vector<std::int64_t>> = "an array of integers";
template <>
constexpr const char* kValueName<std::vector<double>> = "an array of real numbers";
template <>
constexpr const char* kValueName<std::vector<std::string>> = "an array of texts";

}  // namespace

GgufFile GgufFile::open(const std::filesystem::path& path) {
  GgufFile result = open_part(path);
  result.add_parts();
  return result;
}

GgufFile GgufFile::open_part(const std::filesystem::path& path) {
  GgufFile result;
  result.file_ = MappedFile::open(path);
  GgufCursor cursor(path.string(), result.file_->bytes());
  const std::uint64_t tensors = read_tensor_count(cursor);
  result.metadata_ = read_metadata(cursor, cursor.count(kSmallestKey, "keys"));
  const std::uint64_t alignment = alignment_of(result);
  std::vector<PlacedTensor> placed;
  for (std::uint64_t i = 0; i < tensors; ++i) {
    placed.push_back(read_tensor(cursor, alignment));
  }
  place_tensors(placed, data_section(cursor, result.file_->bytes(), alignment), cursor.file());
  for (PlacedTensor& next : placed) {
    std::string name = next.tensor.name;
    next.tensor.mapping = result.file_;
    const auto [at, added] = result.tensors_.emplace(std::move(name), std::move(next.tensor));
    if (!added) {
      throw_<FileError>("{}: the tensor `{}` must occur once, but occurs twice.", cursor.file(), at->first);
    }
  }
  return result;
}

const GgufTensor& GgufFile::tensor(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    throw_<FileError>("{} must hold the tensor `{}`, but does not.", file_->path().string(), name);
  }
  return found->second;
}

template <typename T>
const T& GgufFile::value(const std::string& key) const {
  const auto found = metadata_.find(key);
  if (found == metadata_.end()) {
    throw_<FileError>("{} must have the key `{}`, but does not.", file_->path().string(), key);
  }
  const T* const typed = std::get_if<T>(&found->second);
  if (typed == nullptr) {
    throw_<FileError>("{}: `{}` must be {}, but is {} instead.", file_->path().string(), key, kValueName<T>,
                      std::visit([]<typename U>(const U&) { return kValueName<U>; }, found->second));
  }
  return *typed;
}

std::int64_t GgufFile::integer(const std::string& key) const {
  return value<std::int64_t>(key);
}
double GgufFile::real(const std::string& key) const {
  return value<double>(key);
}
bool GgufFile::boolean(const std::string& key) const {
  return value<bool>(key);
}
const std::string& GgufFile::text(const std::string& key) const {
  return value<std::string>(key);
}
const std::vector<std::string>& GgufFile::texts(const std::string& key) const {
  return value<std::vector<std::string>>(key);
}
const std::vector<std::int64_t>& GgufFile::integers(const std::string& key) const {
  return value<std::vector<std::int64_t>>(key);
}
const std::vector<double>& GgufFile::reals(const std::string& key) const {
  return value<std::vector<double>>(key);
}

}  // namespace routedk::io
