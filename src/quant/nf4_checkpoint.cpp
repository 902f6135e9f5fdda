#include "routedk/quant/nf4_checkpoint.h"

#include "routedk/core/error.h"
#include "routedk/io/json_field.h"
#include "routedk/io/parse_json.h"
#include "routedk/kernels/finite.h"

#include <limits>
#include <utility>

#include <fmt/ranges.h>

namespace routedk::quant {
namespace {

using kernels::nested_blocks;
using kernels::Nf4;
using kernels::nf4_blocks;
using kernels::nf4_bytes;
using kernels::Nf4Parts;

constexpr const char* kState = ".quant_state.bitsandbytes__nf4";
/// The JSON is padded with spaces, so that its size is known before the matrix is quantised.
constexpr std::uint64_t kStateBytes = 320;
constexpr std::uint64_t kMaxStateBytes = 1U << 16U;
constexpr std::uint64_t kAlignment = 8;
constexpr std::int64_t kLargestSide = std::int64_t{1} << 31;

std::string path_of(const StoredTensor& tensor) {
  return tensor.file == nullptr ? "no file" : tensor.file->path().string();
}

/// The parts of one matrix in a checkpoint.
class Nf4Reader {
 public:
  Nf4Reader(const std::string& name, const FindTensor& find)
      : name_(name), find_(find), file_(path_of(find(name))), state_(read_state()) {}

  Nf4 read() {
    state_["quant_type"].choice({"nf4"});
    state_["blocksize"].require(state_["blocksize"].value() == kernels::kNf4Block, "be 64");
    Nf4Parts parts;
    read_shape(parts);
    parts.dtype = read_dtype();
    const std::int64_t blocks = nf4_blocks(parts.out * parts.in);
    parts.codes = borrow(name_, at::kByte, nf4_bytes(parts.out * parts.in));
    parts.codebook = numbers(name_ + ".quant_map", 16);
    if (!state_["nested_offset"].absent()) {
      read_nested(parts, blocks);
    } else {
      parts.absmax = numbers(name_ + ".absmax", blocks);
    }
    return Nf4(std::move(parts));
  }

 private:
  StoredTensor tensor(const std::string& name) const {
    StoredTensor found = find_(name);
    if (found.view == nullptr) {
      throw_<FileError>("the NF4 matrix `{}` must have the tensor `{}`, but has none ({})", name_, name,
                        file_);
    }
    return found;
  }

  io::JsonField read_state() const {
    const io::TensorView& view = *tensor(name_ + kState).view;
    const std::string where = fmt::format("`{}{}` in {}", name_, kState, file_);
    if (view.bytes.size() > kMaxStateBytes) {
      throw_<FileError>("an NF4 state must have at most {} bytes, but has {} instead ({}).", kMaxStateBytes,
                        view.bytes.size(), where);
    }
    const auto* text = reinterpret_cast<const char*>(view.bytes.data());
    return {io::parse_json({text, view.bytes.size()}, where), where};
  }

  void read_shape(Nf4Parts& parts) const {
    const std::vector<io::JsonField> sides = state_["shape"].items();
    state_["shape"].require(sides.size() == 2, "be two sizes");
    parts.out = sides[0].integer(1, kLargestSide);
    parts.in = sides[1].integer(1, kLargestSide);
  }

  at::ScalarType read_dtype() const {
    const std::optional<at::ScalarType> dtype = weight_type(state_["dtype"].text());
    state_["dtype"].require(dtype.has_value(), "be float32, float16 or bfloat16");
    return *dtype;
  }

  void read_nested(Nf4Parts& parts, std::int64_t blocks) {
    constexpr double kLargest = std::numeric_limits<float>::max();
    state_["nested_blocksize"].require(state_["nested_blocksize"].value() == kernels::kNestedBlock, "be 256");
    parts.nested_offset = static_cast<float>(state_["nested_offset"].real(-kLargest, kLargest));
    parts.nested_codes = borrow(name_ + ".absmax", at::kByte, blocks).clone();
    parts.nested_absmax = numbers(name_ + ".nested_absmax", nested_blocks(blocks));
    parts.nested_codebook = numbers(name_ + ".nested_quant_map", 256);
  }

  at::Tensor borrow(const std::string& name, at::ScalarType dtype, std::int64_t size) const {
    const StoredTensor stored = tensor(name);
    const io::TensorView& view = *stored.view;
    const auto bytes = static_cast<std::size_t>(size) * at::elementSize(dtype);
    if (scalar_type(view.dtype) != dtype || view.bytes.size() != bytes) {
      throw_<FileError>("`{}` must be {} elements of {}, but is {} [{}] instead ({})", name, size,
                        stored_type(dtype), view.dtype, fmt::join(view.shape, ","),
                        stored.file->path().string());
    }
    return borrow_tensor(view, stored.file).view({size});
  }

  at::Tensor numbers(const std::string& name, std::int64_t size) const {
    at::Tensor values = borrow(name, at::kFloat, size).clone();
    if (!kernels::all_finite(values)) {
      throw_<FileError>("`{}` must be finite, but holds infinite or undefined values ({})", name, file_);
    }
    return values;
  }

  const std::string& name_;
  const FindTensor& find_;
  std::string file_;
  io::JsonField state_;
};

at::Tensor state_tensor(const Nf4& weight, std::int64_t size) {
  const char* const dtype = weight_type_word(weight.parts().dtype);
  io::Json state = {{"quant_type", "nf4"},
                    {"blocksize", kernels::kNf4Block},
                    {"dtype", dtype != nullptr ? dtype : "float32"},  // double is quantised as float32
                    {"shape", {weight.out_features(), weight.in_features()}}};
  if (weight.double_quantized()) {
    state["nested_blocksize"] = kernels::kNestedBlock;
    state["nested_dtype"] = "float32";
    state["nested_offset"] = static_cast<double>(weight.parts().nested_offset);
  }
  std::string text = state.dump();
  text.resize(static_cast<std::size_t>(size), ' ');
  return at::from_blob(text.data(), {size}, at::kByte).clone();
}

}  // namespace

bool is_nf4(const std::string& name, const FindTensor& find) {
  return find(name + kState).view != nullptr;
}

Nf4 read_nf4(const std::string& name, const FindTensor& find) {
  return Nf4Reader(name, find).read();
}

std::vector<io::TensorView> nf4_layout(const std::string& name, std::int64_t rows, std::int64_t cols,
                                       bool double_quant) {
  using io::Dtype;
  const std::int64_t blocks = nf4_blocks(rows * cols);
  std::vector<io::TensorView> layout;
  if (double_quant) {
    layout.push_back({name + ".nested_absmax", Dtype::kF32, {nested_blocks(blocks)}, {}});
    layout.push_back({name + ".nested_quant_map", Dtype::kF32, {256}, {}});
  } else {
    layout.push_back({name + ".absmax", Dtype::kF32, {blocks}, {}});
  }
  layout.push_back({name + ".quant_map", Dtype::kF32, {16}, {}});
  layout.push_back({name, Dtype::kU8, {nf4_bytes(rows * cols), 1}, {}});
  if (double_quant) {
    layout.push_back({name + ".absmax", Dtype::kU8, {blocks}, {}});
  }
  std::uint64_t filled = kStateBytes;
  for (const io::TensorView& tensor : layout) {
    filled += io::tensor_bytes(tensor);
  }
  const std::uint64_t padding = (kAlignment - filled % kAlignment) % kAlignment;
  layout.push_back({name + kState, Dtype::kU8, {static_cast<std::int64_t>(kStateBytes + padding)}, {}});
  return layout;
}

std::vector<at::Tensor> nf4_tensors(const Nf4& weight) {
  const Nf4Parts& parts = weight.parts();
  const bool nested = weight.double_quantized();
  const std::int64_t state_size = nf4_layout("", parts.out, parts.in, nested).back().shape[0];
  const at::Tensor codes = parts.codes.view({-1, 1});
  const at::Tensor state = state_tensor(weight, state_size);
  if (nested) {
    return {parts.nested_absmax, parts.nested_codebook, parts.codebook, codes, parts.nested_codes, state};
  }
  return {parts.absmax, parts.codebook, codes, state};
}

}  // namespace routedk::quant
