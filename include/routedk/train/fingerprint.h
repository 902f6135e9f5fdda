/// What must match for a checkpoint to be resumed.
#pragma once

#include "routedk/io/jsonl.h"
#include "routedk/model/backbone.h"
#include "routedk/train/example.h"
#include "routedk/train/train_config.h"

#include <cstdint>
#include <string>
#include <vector>

namespace routedk::train {

/// The settings by name; those that change no number (TrainConfig::reset_habits) have their defaults.
io::Json config_fingerprint(const TrainConfig& config);

/// Shape, type, bytes, and a hash of the layers' norms and of columns of their q and down projections; the
/// same on every machine.
io::Json backbone_fingerprint(const model::Backbone& backbone);

/// 16 hexadecimal digits over ids and keys of the examples, in order.
std::string examples_fingerprint(const std::vector<const Example*>& examples);

/// 16 hexadecimal digits over the values of an fp32 tensor.
std::string values_fingerprint(const at::Tensor& values);

/// CPU type and thread count, or the GPU's name, and LibTorch's version: what bitwise equality depends on
/// besides the fingerprint.
io::Json machine_fingerprint(at::Device device);

/// ConfigError naming the first value that differs: "`config.epochs` must be in this run what it is in
/// run/step-20, 3, but is 4 instead"; `where` is the place of `found`.
void require_equal(const io::Json& found, const io::Json& expected, const std::string& where);

/// ConfigError unless a checkpoint's machine is this one; the message names the setting that continues
/// anyway.
void require_same_machine(const io::Json& found, at::Device device, const std::string& checkpoint);

}  // namespace routedk::train
