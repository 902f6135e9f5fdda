#include "routedk/quant/nf4_checkpoint.h"

#include "routedk/core/error.h"
#include "routedk/io/jsonl.h"
#include "routedk/kernels/weight.h"

#include "core/temporary_folder.h"
#include "support/expect_close.h"
#include "support/wave.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::quant {
namespace {

using ::testing::AllOf;
using testing::expect_equal;
using ::testing::HasSubstr;

constexpr const char* kState = "w.quant_state.bitsandbytes__nf4";

/// The tensors of matrix `w`, which a test may change before they are written and read back.
class Checkpoint {
 public:
  explicit Checkpoint(const kernels::Nf4& weight) {
    const auto layout =
        nf4_layout("w", weight.out_features(), weight.in_features(), weight.double_quantized());
    const auto tensors = nf4_tensors(weight);
    for (std::size_t i = 0; i < layout.size(); ++i) {
      EXPECT_EQ(tensors[i].sizes().vec(), layout[i].shape) << layout[i].name;
      EXPECT_EQ(stored_type(tensors[i].scalar_type()), layout[i].dtype) << layout[i].name;
      order_.push_back(layout[i].name);
      parts_[layout[i].name] = tensors[i];
    }
  }

  at::Tensor& operator[](const std::string& name) { return parts_.at(name); }
  void remove(const std::string& name) { std::erase(order_, name); }
  void set_state(const std::string& key, const io::Json& value) {
    const at::Tensor& bytes = parts_.at(kState);
    const auto* text = reinterpret_cast<const char*>(bytes.const_data_ptr<std::uint8_t>());
    io::Json state = io::Json::parse(text, text + bytes.numel());
    state[key] = value;
    std::string changed = state.dump();
    parts_[kState] =
        at::from_blob(changed.data(), {static_cast<std::int64_t>(changed.size())}, at::kByte).clone();
  }

  kernels::Nf4 read() const {
    const testing::TemporaryFolder folder;
    std::vector<io::TensorView> views;
    for (const std::string& name : order_) {
      views.push_back(to_view(name, parts_.at(name)));
    }
    io::write_safetensors(folder / "f.safetensors", views);
    const auto file = io::SafetensorsFile::open(folder / "f.safetensors");
    return read_nf4("w", [&](const std::string& name) {
      const auto found = file.tensors().find(name);
      return found == file.tensors().end() ? StoredTensor{} : StoredTensor{&found->second, file.mapping()};
    });
  }
  std::string refusal() const {
    return testing::message_of<FileError>([&] { (void)read(); });
  }

 private:
  std::vector<std::string> order_;
  std::map<std::string, at::Tensor> parts_;
};

at::Tensor matrix(std::int64_t rows, std::int64_t cols) {
  return testing::wave({rows, cols}, 1.3);
}

Checkpoint checkpoint(bool double_quant = true) {
  return Checkpoint(kernels::Nf4::quantize(matrix(70, 300), double_quant));
}

TEST(Nf4Checkpoint, matrices_of_any_size_and_type_come_back_bit_for_bit) {
  for (const bool double_quant : {false, true}) {
    for (const at::ScalarType dtype : {at::kFloat, at::kHalf, at::kBFloat16}) {
      for (const auto& [rows, cols] :
           {std::pair(1, 1), std::pair(7, 13), std::pair(3, 64), std::pair(70, 300)}) {
        const kernels::Nf4 weight = kernels::Nf4::quantize(matrix(rows, cols).to(dtype), double_quant);
        const kernels::Nf4 back = Checkpoint(weight).read();
        EXPECT_EQ(back.parts().dtype, dtype);
        EXPECT_EQ(back.double_quantized(), double_quant);
        expect_equal(kernels::dequantize(back, at::kFloat), kernels::dequantize(weight, at::kFloat));
        expect_equal(back.absmax(), weight.absmax());
      }
    }
  }
}

TEST(Nf4Checkpoint, every_tensor_lies_aligned_whatever_the_sizes) {
  for (const bool double_quant : {false, true}) {
    std::uint64_t offset = 0;
    for (const auto& [rows, cols] :
         {std::pair(1, 1), std::pair(7, 13), std::pair(5, 33), std::pair(129, 257)}) {
      for (const io::TensorView& tensor : nf4_layout("w", rows, cols, double_quant)) {
        EXPECT_EQ(offset % io::dtype_size(tensor.dtype), 0U) << tensor.name;
        offset += io::tensor_bytes(tensor);
      }
      EXPECT_EQ(offset % 8, 0U);
    }
  }
}

TEST(Nf4Checkpoint, the_maps_are_those_of_the_file) {
  Checkpoint changed = checkpoint();
  const at::Tensor before = kernels::dequantize(changed.read(), at::kFloat);
  changed["w.quant_map"] = changed["w.quant_map"] * 2;
  expect_equal(kernels::dequantize(changed.read(), at::kFloat), before * 2);
  Checkpoint nested = checkpoint();
  const at::Tensor absmax = nested.read().absmax();
  const float offset = nested.read().parts().nested_offset;
  nested["w.nested_quant_map"] = nested["w.nested_quant_map"] * 0.5;
  testing::expect_close(nested.read().absmax() - offset, (absmax - offset) * 0.5, {1e-5, 1e-6});
  testing::expect_close(kernels::dequantize(nested.read(), at::kFloat),
                        before * (nested.read().absmax() / absmax)
                                     .repeat_interleave(64)
                                     .narrow(0, 0, before.numel())
                                     .view(before.sizes()),
                        {1e-5, 1e-6});
}

TEST(Nf4Checkpoint, a_missing_or_misshapen_part_is_named) {
  for (const char* part : {"w.absmax", "w.nested_absmax", "w.quant_map", "w.nested_quant_map"}) {
    Checkpoint missing = checkpoint();
    missing.remove(part);
    EXPECT_THAT(missing.refusal(), HasSubstr("must have the tensor `" + std::string(part) + "`"));
    Checkpoint shorter = checkpoint();
    shorter[part] = shorter[part].narrow(0, 0, 1).contiguous();
    EXPECT_THAT(shorter.refusal(), AllOf(HasSubstr(part), HasSubstr("elements of"), HasSubstr("[1]")));
  }
  Checkpoint plain = checkpoint(false);
  plain["w.absmax"] = plain["w.absmax"].to(at::kByte);
  EXPECT_THAT(plain.refusal(), HasSubstr("`w.absmax` must be 329 elements of F32"));
}

TEST(Nf4Checkpoint, a_state_that_breaks_the_layout_is_named) {
  const auto with = [](const char* key, const io::Json& value) {
    Checkpoint changed = checkpoint();
    changed.set_state(key, value);
    return changed.refusal();
  };
  EXPECT_THAT(with("quant_type", "fp4"), AllOf(HasSubstr("`quant_type` must be nf4"),
                                               HasSubstr("(`w.quant_state.bitsandbytes__nf4` in ")));
  EXPECT_THAT(with("blocksize", 128), HasSubstr("`blocksize`"));
  EXPECT_THAT(with("blocksize", "64"), HasSubstr("`blocksize`"));
  EXPECT_THAT(with("nested_blocksize", 64), HasSubstr("`nested_blocksize`"));
  EXPECT_THAT(with("nested_offset", "x"), HasSubstr("`nested_offset` must be"));
  EXPECT_THAT(with("dtype", "float64"), HasSubstr("`dtype` must be"));
  for (const io::Json& shape : {io::Json(3), io::Json::array({70}), io::Json::array({0, 300}),
                                io::Json::array({-70, 300}), io::Json::array({1ULL << 40, 1ULL << 40})}) {
    EXPECT_THAT(with("shape", shape), HasSubstr("`shape")) << shape.dump();
  }
  EXPECT_THAT(with("shape", io::Json::array({1U << 31, 1U << 31})), HasSubstr("elements of U8"));
}

TEST(Nf4Checkpoint, scales_that_are_not_finite_are_refused) {
  Checkpoint changed = checkpoint();
  changed["w.nested_absmax"][0] = INFINITY;
  EXPECT_THAT(changed.refusal(), HasSubstr("`w.nested_absmax` must be finite"));
}

}  // namespace
}  // namespace routedk::quant
