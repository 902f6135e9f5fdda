/// A parameter group and its share of the data.
#pragma once

#include "routedk/experts/flat_parameters.h"
#include "routedk/experts/gate.h"
#include "routedk/io/jsonl.h"
#include "routedk/train/example.h"
#include "routedk/train/gate_penalty.h"
#include "routedk/train/samples.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace routedk::train {

/// What is trained and the gate that its examples run under: an expert under the gate that gives it every
/// sequence, a router under itself.
struct ParameterGroup {
  std::string name;
  experts::FlatParameters* parameters;
  std::shared_ptr<const experts::Gate> gate;
  GatePenalty penalty = {};                ///< of a group whose gate mixes experts
  io::Json settings = io::Json::object();  ///< what else its numbers depend on, for the checkpoint
};

/// An example as an epoch, counted from 0, has it. Called in a thread of its own, one of each group.
using AugmentFn = std::function<Example(const Example&, std::int64_t)>;

/// A group's share of the data.
struct GroupExamples {
  std::vector<const Example*> training;
  std::vector<const Example*> validation;
  AugmentFn augment = {};  ///< of the training examples; empty: they stay as they are
  SampleFn sample = {};    ///< of the objective expected_utility alone
};

}  // namespace routedk::train
