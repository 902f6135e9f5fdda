/// Other values in a group's parameters for a while.
#pragma once

#include <ATen/ATen.h>

namespace routedk::train {

/// Lets `others` [P], where they are defined, stand in `values` [P] while it lives.
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
