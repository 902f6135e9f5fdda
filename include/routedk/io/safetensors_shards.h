/// The tensors of a folder: in a single file model.safetensors, or in shards listed by
/// model.safetensors.index.json {"metadata": {...}, "weight_map": {tensor: file}} (Hugging Face's layout).
#pragma once

#include "routedk/io/safetensors.h"

#include <optional>

namespace routedk::io {

class SafetensorsShards {
 public:
  /// Opens model.safetensors, or else every shard of the index. FileError when there is neither, when a shard
  /// is missing or its name is not that of a file in the folder, when an indexed tensor is not in its shard,
  /// or a tensor is in another shard than the index says. `rotary_emb.inv_freq` is ignored.
  static SafetensorsShards open(const std::filesystem::path& folder);

  /// Every tensor with the index of its shard.
  const std::map<std::string, std::size_t>& tensors() const noexcept { return shard_of_; }
  bool has(const std::string& name) const { return shard_of_.contains(name); }
  /// FileError when no shard contains the tensor.
  const TensorView& at(const std::string& name) const { return shard(name).at(name); }
  /// The mapped file that contains the tensor.
  std::shared_ptr<const MappedFile> file_of(const std::string& name) const { return shard(name).mapping(); }
  const std::filesystem::path& folder() const noexcept { return folder_; }

 private:
  const SafetensorsFile& shard(const std::string& name) const;

  std::filesystem::path folder_;
  std::vector<SafetensorsFile> shards_;
  std::map<std::string, std::size_t> shard_of_;
};

/// Writes tensors one by one to model.safetensors or, if they exceed `shard_bytes`, to
/// model-00001-of-0000N.safetensors and so on, with an index.
class ShardWriter {
 public:
  /// `tensors`: names, types and shapes of all tensors, in order; their bytes are ignored.
  ShardWriter(std::filesystem::path folder, std::vector<TensorView> tensors, std::uint64_t shard_bytes);
  ~ShardWriter();
  /// The next tensor. Error unless it is the one announced. SystemError, e.g. on a full disk.
  void append(const TensorView& tensor);
  /// Finishes the last shard and writes the index. Error when a tensor is missing.
  void finish();

 private:
  std::string shard_name(std::size_t shard) const;
  void open_next();

  std::filesystem::path folder_;
  std::vector<TensorView> tensors_;
  std::vector<std::size_t> ends_;  // for each shard, one past its last tensor
  std::size_t next_ = 0;           // index of the next tensor
  std::size_t shard_ = 0;
  std::optional<SafetensorsWriter> writer_;
};

}  // namespace routedk::io
