// Models in several files, as written by llama.cpp's gguf-split.
#include "routedk/core/error.h"
#include "routedk/io/gguf.h"

#include <string>
#include <utility>

namespace routedk::io {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCount = "split.count";
constexpr const char* kNumber = "split.no";
constexpr const char* kTensors = "split.tensors.count";
constexpr std::int64_t kMostParts = 99'999;  // the names have five digits

/// "-00002-of-00003.gguf"
std::string part_suffix(std::int64_t number, std::int64_t count) {
  return fmt::format("-{:05}-of-{:05}.gguf", number, count);
}

/// The file of part `number`, in the folder of the first one.
fs::path part_path(const fs::path& first, std::int64_t number, std::int64_t count) {
  const std::string name = first.filename().string();
  const std::string suffix = part_suffix(1, count);
  if (!name.ends_with(suffix)) {
    throw_<FileError>(
        "{} is the first of {} parts (`split.count`): its name must end with {}, so that the others are "
        "found.",
        first.string(), count, suffix);
  }
  return first.parent_path() / (name.substr(0, name.size() - suffix.size()) + part_suffix(number, count));
}

}  // namespace

void GgufFile::add_parts() {
  const std::int64_t count = has(kCount) ? integer(kCount) : 1;
  if (count < 0 || count > kMostParts) {
    throw_<FileError>("{}: `split.count` must be from 0 to {}, but is {} instead.", file_->path().string(),
                      kMostParts, count);
  }
  if (count <= 1) {
    return;
  }
  if (const std::int64_t number = integer(kNumber); number != 0) {
    throw_<FileError>(
        "{} must be the first part of a model in several files, but is part {} of {}: give the file "
        "that ends with {}.",
        file_->path().string(), number + 1, count, part_suffix(1, count));
  }
  const fs::path first = file_->path();
  for (std::int64_t number = 2; number <= count; ++number) {
    add_part(part_path(first, number, count), number);
  }
  const auto held = static_cast<std::int64_t>(tensors_.size());
  if (has(kTensors) && integer(kTensors) != held) {
    throw_<FileError>(
        "{}: all parts together must hold the {} tensors of `split.tensors.count`, but hold {} instead.",
        first.string(), integer(kTensors), held);
  }
}

void GgufFile::add_part(const fs::path& path, std::int64_t number) {
  if (!fs::exists(path)) {
    throw_<FileError>("Part {} of {} must be in the folder of {}, but {} is missing.", number,
                      integer(kCount), file_->path().string(), path.filename().string());
  }
  GgufFile part = open_part(path);
  if (part.integer(kCount) != integer(kCount) || part.integer(kNumber) != number - 1) {
    throw_<FileError>("{} must be part {} of {}, but its keys say part {} of {}.", path.string(), number,
                      integer(kCount), part.integer(kNumber) + 1, part.integer(kCount));
  }
  for (auto& [name, tensor] : part.tensors_) {
    if (!tensors_.emplace(name, std::move(tensor)).second) {
      throw_<FileError>("{}: the tensor `{}` must be in one part, but is in two.", path.string(), name);
    }
  }
}

}  // namespace routedk::io
