#include "gguf_values.h"

#include <concepts>
#include <limits>
#include <type_traits>

namespace routedk::io {
namespace {

// Value types of the format (docs/gguf.md, gguf_metadata_value_type).
enum class ValueType : std::uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12
};

struct Place {
  GgufCursor& cursor;
  const std::string& key;
};

template <std::integral T>
std::int64_t integer(const Place& at) {
  const T value = at.cursor.number<T>(at.key);
  if constexpr (std::same_as<T, std::uint64_t>) {
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      throw_<FileError>("{}: `{}` must be at most 2^63 - 1, but is {} instead.", at.cursor.file(), at.key,
                        value);
    }
  }
  return static_cast<std::int64_t>(value);
}

template <std::floating_point T>
double real(const Place& at) {
  return static_cast<double>(at.cursor.number<T>(at.key));
}

bool boolean(const Place& at) {
  const auto value = at.cursor.number<std::uint8_t>(at.key);
  if (value > 1) {
    throw_<FileError>("{}: the bool `{}` must be 0 or 1, but is {} instead.", at.cursor.file(), at.key,
                      value);
  }
  return value == 1;
}

std::int64_t boolean_as_integer(const Place& at) {
  return boolean(at) ? 1 : 0;
}

std::string text(const Place& at) {
  return at.cursor.text(at.key);
}

// Reads an array; `read` reads an item, which takes at least `bytes_each` bytes.
template <typename Read>
auto array(const Place& at, std::uint64_t bytes_each, const Read& read) {
  const std::uint64_t count = at.cursor.count(bytes_each, "items of " + at.key);
  std::vector<std::invoke_result_t<Read, const Place&>> items;
  items.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    items.push_back(read(at));
  }
  return items;
}

GgufValue array_of(const Place& at, ValueType type) {
  switch (type) {
    case ValueType::kUint8:
      return array(at, 1, integer<std::uint8_t>);
    case ValueType::kInt8:
      return array(at, 1, integer<std::int8_t>);
    case ValueType::kUint16:
      return array(at, 2, integer<std::uint16_t>);
    case ValueType::kInt16:
      return array(at, 2, integer<std::int16_t>);
    case ValueType::kUint32:
      return array(at, 4, integer<std::uint32_t>);
    case ValueType::kInt32:
      return array(at, 4, integer<std::int32_t>);
    case ValueType::kUint64:
      return array(at, 8, integer<std::uint64_t>);
    case ValueType::kInt64:
      return array(at, 8, integer<std::int64_t>);
    case ValueType::kFloat32:
      return array(at, 4, real<float>);
    case ValueType::kFloat64:
      return array(at, 8, real<double>);
    case ValueType::kBool:
      return array(at, 1, boolean_as_integer);
    case ValueType::kString:
      return array(at, 8, text);
    case ValueType::kArray:
      throw_<FileError>("{}: `{}` must be an array of scalars, but is an array of arrays.", at.cursor.file(),
                        at.key);
  }
  throw_<FileError>("{}: `{}` must be an array of a type below 13, but has type {} instead.",
                    at.cursor.file(), at.key, static_cast<std::uint32_t>(type));
}

}  // namespace

GgufValue read_gguf_value(GgufCursor& cursor, const std::string& key) {
  const Place at{cursor, key};
  const auto type = static_cast<ValueType>(cursor.number<std::uint32_t>("the type of " + key));
  switch (type) {
    case ValueType::kUint8:
      return integer<std::uint8_t>(at);
    case ValueType::kInt8:
      return integer<std::int8_t>(at);
    case ValueType::kUint16:
      return integer<std::uint16_t>(at);
    case ValueType::kInt16:
      return integer<std::int16_t>(at);
    case ValueType::kUint32:
      return integer<std::uint32_t>(at);
    case ValueType::kInt32:
      return integer<std::int32_t>(at);
    case ValueType::kUint64:
      return integer<std::uint64_t>(at);
    case ValueType::kInt64:
      return integer<std::int64_t>(at);
    case ValueType::kFloat32:
      return real<float>(at);
    case ValueType::kFloat64:
      return real<double>(at);
    case ValueType::kBool:
      return boolean(at);
    case ValueType::kString:
      return text(at);
    case ValueType::kArray:
      return array_of(at, static_cast<ValueType>(cursor.number<std::uint32_t>("the item type of " + key)));
  }
  throw_<FileError>("{}: `{}` must have a value type below 13, but has {} instead.", cursor.file(), key,
                    static_cast<std::uint32_t>(type));
}

}  // namespace routedk::io
