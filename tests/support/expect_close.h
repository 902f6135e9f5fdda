/// Tensors compared: a failure names the caller's line and the element that differs.
#pragma once

#include <limits>
#include <source_location>
#include <sstream>
#include <string>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace routedk::testing {

using Caller = std::source_location;

/// An element may differ from the wanted one by rtol * |wanted| + atol.
struct Tolerance {
  double rtol = 0.0;
  double atol = 0.0;
};

/// What two ways to compute the same values in `dtype` may differ by; nothing for integers.
inline Tolerance tolerance_of(at::ScalarType dtype) {
  switch (dtype) {
    case at::kDouble:
      return {1e-12, 1e-14};
    case at::kFloat:
      return {1e-5, 1e-8};
    case at::kBFloat16:
      return {1e-2, 1e-5};
    default:
      return {};
  }
}

/// The same for all elements: a share of the largest wanted magnitude.
inline Tolerance share_of_largest(const at::Tensor& wanted, double share) {
  return {0.0, share * wanted.abs().max().item<double>()};
}

/// "Float [2,3]"
inline std::string type_and_shape(const at::Tensor& tensor) {
  std::ostringstream text;
  if (tensor.defined()) {
    text << tensor.scalar_type() << ' ' << tensor.sizes();
  }
  return tensor.defined() ? text.str() : "undefined";
}

/// "[1,2]": where element `flat` of a tensor of this shape stands.
inline std::string index_in(at::IntArrayRef shape, std::int64_t flat) {
  std::string text;
  for (std::size_t i = shape.size(); i-- > 0; flat /= shape[i]) {
    text = std::to_string(flat % shape[i]) + (text.empty() ? "" : ",") + text;
  }
  return '[' + text + ']';
}

/// The failure of an element, with both tensors in fp64 on the CPU.
inline std::string difference_at(const at::Tensor& found, const at::Tensor& wanted, std::int64_t flat) {
  std::ostringstream text;
  text.precision(17);
  text << "element " << index_in(found.sizes(), flat) << " must be "
       << wanted.reshape(-1)[flat].item<double>() << ", but is " << found.reshape(-1)[flat].item<double>()
       << " instead";
  return text.str();
}

/// Adds a failure unless type and shape are the same.
inline bool same_type_and_shape(const at::Tensor& found, const at::Tensor& wanted, const Caller& caller) {
  const std::string is = type_and_shape(found);
  const std::string must_be = type_and_shape(wanted);
  if (found.defined() && is == must_be) {
    return true;
  }
  ADD_FAILURE_AT(caller.file_name(), static_cast<int>(caller.line()))
      << "the tensor must be " << must_be << ", but is " << is << " instead";
  return false;
}

/// Every element within the tolerance; NaN is close to nothing. Names the element that exceeds it most.
inline void expect_close(const at::Tensor& found, const at::Tensor& wanted, const Tolerance& tolerance,
                         const Caller& caller = Caller::current()) {
  if (!same_type_and_shape(found, wanted, caller) || found.numel() == 0) {
    return;
  }
  const at::Tensor is = found.detach().cpu().to(at::kDouble);
  const at::Tensor must_be = wanted.detach().cpu().to(at::kDouble);
  const at::Tensor allowed = must_be.abs() * tolerance.rtol + tolerance.atol;
  const at::Tensor excess = ((is - must_be).abs() - allowed)
                                .nan_to_num(std::numeric_limits<double>::infinity())
                                .where(is.ne(must_be), -1.0);
  const at::Tensor outside = excess.gt(0.0);
  if (outside.any().item<bool>()) {
    ADD_FAILURE_AT(caller.file_name(), static_cast<int>(caller.line()))
        << difference_at(is, must_be, excess.argmax().item<std::int64_t>()) << "; "
        << outside.sum().item<std::int64_t>() << " of " << is.numel() << " elements of "
        << type_and_shape(found) << " differ by more than " << tolerance.rtol << " * |wanted| + "
        << tolerance.atol;
  }
}

/// The same with the tolerance of the type.
inline void expect_close(const at::Tensor& found, const at::Tensor& wanted,
                         const Caller& caller = Caller::current()) {
  expect_close(found, wanted, wanted.defined() ? tolerance_of(wanted.scalar_type()) : Tolerance{}, caller);
}

/// The same numbers; NaN equals nothing. Names the first element that differs.
inline void expect_equal(const at::Tensor& found, const at::Tensor& wanted,
                         const Caller& caller = Caller::current()) {
  if (!same_type_and_shape(found, wanted, caller) || at::equal(found.cpu(), wanted.cpu())) {
    return;
  }
  const at::Tensor is = found.detach().cpu();
  const at::Tensor must_be = wanted.detach().cpu();
  const at::Tensor differs = is.ne(must_be).reshape(-1).to(at::kByte);
  ADD_FAILURE_AT(caller.file_name(), static_cast<int>(caller.line()))
      << difference_at(is.to(at::kDouble), must_be.to(at::kDouble), differs.argmax().item<std::int64_t>())
      << ", the first of " << differs.sum().item<std::int64_t>() << " that differ among " << is.numel()
      << " of " << type_and_shape(found);
}

/// ||found - wanted|| / ||wanted||, in fp64.
inline double relative_error(const at::Tensor& found, const at::Tensor& wanted) {
  const at::Tensor f = found.to(at::kCPU, at::kDouble);
  const at::Tensor w = wanted.to(at::kCPU, at::kDouble);
  return ((f - w).norm() / w.norm()).item<double>();
}

}  // namespace routedk::testing
