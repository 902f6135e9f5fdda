#include "routedk/io/safetensors_shards.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"

#include <algorithm>
#include <string_view>

#include "json_object.h"

namespace routedk::io {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSingle = "model.safetensors";
/// Unused buffers in old folders: an index may omit them or give any file.
constexpr std::string_view kUnread = "rotary_emb.inv_freq";
constexpr const char* kIndex = "model.safetensors.index.json";

// Requires the name of a file in the folder itself, so that no index reaches outside it.
void check_shard_name(const std::string& name, const std::string& index) {
  const bool plain = name.find('/') == std::string::npos && name.find('\0') == std::string::npos;
  if (!plain || !name.ends_with(".safetensors") || name.starts_with(".")) {
    throw_<FileError>("{}: a shard must be a file NAME.safetensors of the same folder, but is `{}` instead.",
                      index, name.substr(0, 100));
  }
}

// tensor -> shard's file name
std::map<std::string, std::string> read_index(const fs::path& path) {
  const std::string source = path.string();
  const nlohmann::json index = parse_object(read_file(path), source + ": the index");
  const auto map = index.find("weight_map");
  if (map == index.end() || !map->is_object() || map->empty()) {
    throw_<FileError>("{}: `weight_map` must be an object that gives each tensor its shard, but is {}.",
                      source, map == index.end() ? "missing" : map->type_name());
  }
  std::map<std::string, std::string> files;
  for (const auto& [tensor, file] : map->items()) {
    if (!file.is_string()) {
      throw_<FileError>("{}: the shard of `{}` must be a text, but is {} instead.", source, tensor,
                        file.type_name());
    }
    check_shard_name(file.get_ref<const std::string&>(), source);
    files.emplace(tensor, file.get<std::string>());
  }
  return files;
}

}  // namespace

SafetensorsShards SafetensorsShards::open(const fs::path& folder) {
  SafetensorsShards result;
  result.folder_ = folder;
  if (fs::exists(folder / kSingle)) {
    result.shards_.push_back(SafetensorsFile::open(folder / kSingle));
    for (const auto& [name, view] : result.shards_[0].tensors()) {
      result.shard_of_.emplace(name, 0);
    }
    return result;
  }
  if (!fs::exists(folder / kIndex)) {
    throw_<FileError>("{} must hold {} or {}, but has neither.", folder.string(), kSingle, kIndex);
  }
  std::map<std::string, std::size_t> numbers;  // of the shards, by file name
  for (const auto& [tensor, file] : read_index(folder / kIndex)) {
    if (tensor.ends_with(kUnread)) {
      continue;
    }
    const auto [at, fresh] = numbers.emplace(file, result.shards_.size());
    if (fresh) {
      result.shards_.push_back(SafetensorsFile::open(folder / file));
    }
    result.shards_[at->second].at(tensor);  // throws if the tensor is missing
    result.shard_of_.emplace(tensor, at->second);
  }
  for (const auto& [file, number] : numbers) {
    for (const auto& [tensor, view] : result.shards_[number].tensors()) {
      const auto indexed = result.shard_of_.find(tensor);
      if (tensor.ends_with(kUnread)) {
        continue;
      }
      if (indexed == result.shard_of_.end() || indexed->second != number) {
        throw_<FileError>("{}: `{}` must be only in the shard that {} lists for it, but is also in {}.",
                          folder.string(), tensor, kIndex, file);
      }
    }
  }
  return result;
}

const SafetensorsFile& SafetensorsShards::shard(const std::string& name) const {
  const auto found = shard_of_.find(name);
  if (found == shard_of_.end()) {
    throw_<FileError>("{} must hold the tensor `{}`, but does not.", folder_.string(), name);
  }
  return shards_[found->second];
}

ShardWriter::ShardWriter(fs::path folder, std::vector<TensorView> tensors, std::uint64_t shard_bytes)
    : folder_(std::move(folder)), tensors_(std::move(tensors)) {
  std::uint64_t filled = 0;
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const std::uint64_t size = tensor_bytes(tensors_[i]);
    if (filled > 0 && size > shard_bytes - std::min(filled, shard_bytes)) {
      ends_.push_back(i);
      filled = 0;
    }
    filled += size;
  }
  ends_.push_back(tensors_.size());
}

ShardWriter::~ShardWriter() = default;

std::string ShardWriter::shard_name(std::size_t shard) const {
  return ends_.size() == 1 ? kSingle
                           : fmt::format("model-{:05}-of-{:05}.safetensors", shard + 1, ends_.size());
}

void ShardWriter::open_next() {
  const std::size_t begin = shard_ == 0 ? 0 : ends_[shard_ - 1];
  const auto part = std::span(tensors_).subspan(begin, ends_[shard_] - begin);
  writer_.emplace(folder_ / shard_name(shard_), part, std::map<std::string, std::string>{{"format", "pt"}});
}

void ShardWriter::append(const TensorView& tensor) {
  if (!writer_) {
    open_next();
  }
  writer_->append(tensor);
  if (++next_ == ends_[shard_]) {
    writer_->commit();
    writer_.reset();
    ++shard_;
  }
}

void ShardWriter::finish() {
  if (next_ != tensors_.size()) {
    throw_<Error>("{} tensors must be written, but only {} were.", tensors_.size(), next_);
  }
  if (ends_.size() == 1) {
    return;
  }
  std::uint64_t total = 0;
  Json map = Json::object();
  std::size_t shard = 0;
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    shard += i == ends_[shard] ? 1U : 0U;
    map[tensors_[i].name] = shard_name(shard);
    total += tensor_bytes(tensors_[i]);
  }
  write_json(folder_ / kIndex, {{"metadata", {{"total_size", total}}}, {"weight_map", map}});
}

}  // namespace routedk::io
