/// Computes the passes of decoding. To add an engine: a class here, and a line in make_engine.
#pragma once

#include "routedk/decode/decoder.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace routedk::decode {

class Engine {
 public:
  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  virtual ~Engine() = default;

  /// As the Decoder's functions of the same names.
  virtual experts::RoutedOutput forward(const model::FlatBatch& batch, const experts::Gate& gate,
                                        std::span<const kernels::CacheRow> rows,
                                        kernels::KvCache& cache) const = 0;
  virtual at::Tensor logits(const at::Tensor& hidden) const = 0;
  virtual std::int64_t bytes_per_token(bool experts) const = 0;
  virtual std::string path() const = 0;
  virtual bool any_threads() const { return false; }
};

/// The engine for these kernels, or the reference if they do not fit the model, which must outlive it.
std::unique_ptr<Engine> make_engine(const experts::RoutedModel& model, Kernels kernels);

}  // namespace routedk::decode
