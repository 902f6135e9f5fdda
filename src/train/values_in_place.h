/// Temporarily replaces the values of a group's parameters.
#pragma once

#include <ATen/ATen.h>

namespace routedk::train {

/// Copies `others` [P], if defined, into `values` [P] for its lifetime.
class ValuesInPlace {
 public:
  ValuesInPlace(const at::Tensor& values, const at::Tensor& others) : values_(values) {
    if (others.defined()) {
      own_ = values.clone();
      values.copy_(others);
    }
  }
  ValuesInPlace(const ValuesInPlace&) = delete;
  ValuesInPlace& operator=(const ValuesInPlace&) = delete;
  ~ValuesInPlace() {
    if (own_.defined()) {
      values_.copy_(own_);
    }
  }

 private:
  at::Tensor values_;  // [P]
  at::Tensor own_;     // [P] or undefined
};

}  // namespace routedk::train
