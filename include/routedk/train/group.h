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

/// What is trained, and the gate under which its examples run: for an expert, the gate that assigns it every
/// sequence; for a router, the router itself.
struct ParameterGroup {
  std::string name;
  experts::FlatParameters* parameters;
  std::shared_ptr<const experts::Gate> gate;
  GatePenalty penalty = {};                ///< for a group whose gate mixes experts
  io::Json settings = io::Json::object();  ///< what else its numbers depend on; kept in the checkpoint
};

/// An example as it appears in an epoch, counted from 0. Called in one separate thread per group.
using AugmentFn = std::function<Example(const Example&, std::int64_t)>;

/// A group's share of the data.
struct GroupExamples {
  std::vector<const Example*> training;
  std::vector<const Example*> validation;
  AugmentFn augment = {};  ///< for the training examples; if empty, they stay unchanged
  SampleFn sample = {};    ///< for the objective expected_utility only
};

}  // namespace routedk::train
