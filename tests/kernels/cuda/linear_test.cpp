/// The CPU's codecs and products are the reference.
#include "support/cuda_device.h"
#include "support/ggml_matrix.h"

namespace routedk::kernels {
namespace {

using testing::expect_close;
using testing::expect_equal;
using testing::normal;

class CudaNf4 : public testing::CudaKernelsByType {};
ROUTEDK_CUDA_TYPES(CudaNf4);

void expect_same_parts(const Nf4Parts& found, const Nf4Parts& wanted) {
  expect_equal(found.codes.cpu(), wanted.codes);
  if (wanted.absmax.defined()) {
    expect_equal(found.absmax.cpu(), wanted.absmax);
  } else {
    expect_equal(found.nested_codes.cpu(), wanted.nested_codes);
    expect_equal(found.nested_absmax.cpu(), wanted.nested_absmax);
  }
}

TEST_P(CudaNf4, quantises_to_the_cpus_bits) {
  for (const auto& [out, in] : {std::pair(64, 576), {7, 33}, {3, 64}}) {
    SCOPED_TRACE(in);
    at::Tensor dense = normal({out, in}, 1);
    dense[0].zero_();
    const Nf4Parts wanted = cpu::nf4_quantize(dense);
    expect_same_parts(cuda::nf4_quantize(there(dense)), wanted);
    const at::Tensor centred = wanted.absmax - wanted.absmax.mean();
    Nf4Parts nested;
    Nf4Parts found;
    cpu::nf4_nest(centred, nested);
    cuda::nf4_nest(there(centred), found);
    expect_equal(here(found.nested_codes), nested.nested_codes);
    expect_equal(here(found.nested_absmax), nested.nested_absmax);
  }
}

TEST_P(CudaNf4, decodes_to_the_cpus_bits) {
  for (const bool nested : {false, true}) {
    for (const auto& [out, in] : {std::pair(64, 576), {7, 33}, {300, 64}}) {
      SCOPED_TRACE(in);
      const Nf4 weight = Nf4::quantize(normal({out, in}, 2), nested);
      const Weight moved = to_device(weight, testing::cuda_device());
      expect_equal(here(cuda::nf4_dequantize(std::get<Nf4>(moved), dtype())),
                   cpu::nf4_dequantize(weight, dtype()));
      const at::Tensor ids = at::tensor({2, 0, 2, out - 1}, at::kLong);
      expect_equal(here(cuda::embedding(there(ids), moved)), cpu::embedding(ids, weight));
    }
  }
}

class CudaGgml : public testing::CudaKernels, public ::testing::WithParamInterface<GgmlType> {};
INSTANTIATE_TEST_SUITE_P(Types, CudaGgml, ::testing::ValuesIn(testing::kGgmlTypes), testing::kGgmlName);

TEST_P(CudaGgml, decodes_to_the_cpus_bits) {
  const std::int64_t width = layout_of(GetParam()).elements == 256 ? 768 : 352;
  const GgmlBlocks weight = testing::random_ggml(GetParam(), 37, width, 3);
  const Weight moved = to_device(weight, testing::cuda_device());
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    expect_equal(here(cuda::ggml_dequantize(std::get<GgmlBlocks>(moved), type)),
                 cpu::ggml_dequantize(weight, type));
  }
  const at::Tensor ids = at::tensor({36, 0, 5}, at::kLong);
  expect_equal(here(cuda::embedding(there(ids), moved)), cpu::embedding(ids, weight));
}

class CudaProducts : public testing::CudaKernelsByType {
 protected:
  CudaProducts() : weight_(Nf4::quantize(normal({96, 128}, 4), true)) {}
  static LowRanks terms(std::int64_t rows, std::int64_t columns) {
    return {{normal({rows - 1, 16}, 5), normal({16, columns}, 6), 1}};
  }
  static LowRanks put(LowRanks terms) {
    for (LowRank& term : terms) {
      term.left = CudaKernelsByType::put(term.left);
      term.right = CudaKernelsByType::put(term.right);
    }
    return terms;
  }
  static at::Tensor put(const at::Tensor& x) { return CudaKernelsByType::put(x); }
  /// Relative to the length of the whole, since operands are rounded.
  static void expect_near(const at::Tensor& found, const at::Tensor& wanted, double share) {
    const at::Tensor is = here(found).to(at::kFloat);
    EXPECT_LE((is - wanted).norm().item<double>(), share * wanted.norm().item<double>());
  }
  static double share(Precision precision) {
    return dtype() == at::kFloat && precision == Precision::kFloat32 ? 1e-6 : 6e-3;
  }
  Weight weight_;
};
ROUTEDK_CUDA_TYPES(CudaProducts);

TEST_P(CudaProducts, equal_the_cpus_forward_and_backward_with_their_terms) {
  const Weight moved = to_device(weight_, testing::cuda_device());
  for (const Precision precision : {Precision::kFloat32, Precision::kBFloat16}) {
    for (const std::int64_t rows : {2, 13}) {
      const at::Tensor x = normal({rows, 128}, 7);
      const at::Tensor dy = normal({rows, 96}, 8);
      expect_near(cuda::multiply(put(x), moved, put(terms(rows, 96)), precision, dtype()),
                  cpu::multiply(x, weight_, terms(rows, 96), Precision::kFloat32, at::kFloat),
                  share(precision));
      expect_near(cuda::multiply_backward(put(dy), moved, put(terms(rows, 128)), precision, {}),
                  cpu::multiply_backward(dy, weight_, terms(rows, 128), Precision::kFloat32, {}),
                  share(precision));
    }
  }
}

TEST_P(CudaProducts, adapters_products_equal_the_cpus) {
  const at::Tensor x = normal({13, 128}, 9);
  const at::Tensor factor = normal({16, 128}, 10);
  const at::Tensor narrow = normal({13, 16}, 11);
  for (const Precision precision : {Precision::kFloat32, Precision::kBFloat16}) {
    expect_near(cuda::lora_down(put(x), there(factor), 0.5, precision),
                cpu::lora_down(x, factor, 0.5, Precision::kFloat32), share(precision));
    const at::Tensor found = cuda::factor_gradient(put(narrow), put(x), precision);
    EXPECT_EQ(found.scalar_type(), at::kFloat);
    expect_near(found, cpu::factor_gradient(narrow, x, Precision::kFloat32), share(precision));
  }
}

}  // namespace
}  // namespace routedk::kernels
