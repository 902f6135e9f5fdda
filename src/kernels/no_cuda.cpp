/// Stubs of every CUDA operation for a build without CUDA.
#include "routedk/core/error.h"
#include "routedk/kernels/cuda/decode_step.h"

#include "devices.h"

namespace routedk::kernels::cuda {
namespace {

[[noreturn]] void missing(const char* operation) {
  throw_<ConfigError>("a tensor on a GPU needs a build with CUDA, but this build has none ({})", operation);
}

}  // namespace

Nf4Parts nf4_quantize(const at::Tensor& /*values*/) {
  missing("nf4_quantize");
}
void nf4_nest(const at::Tensor& /*centred_absmax*/, Nf4Parts& /*parts*/) {
  missing("nf4_quantize");
}
at::Tensor nf4_dequantize(const Nf4& /*weight*/, at::ScalarType /*dtype*/) {
  missing("nf4_dequantize");
}
at::Tensor ggml_dequantize(const GgmlBlocks& /*weight*/, at::ScalarType /*dtype*/) {
  missing("ggml_dequantize");
}
at::Tensor embedding(const at::Tensor& /*ids*/, const Weight& /*weight*/) {
  missing("embedding");
}
at::Tensor multiply(const at::Tensor& /*x*/, const Weight& /*weight*/, const LowRanks& /*terms*/,
                    Precision /*precision*/, at::ScalarType /*to*/) {
  missing("multiply");
}
at::Tensor multiply_backward(const at::Tensor& /*dy*/, const Weight& /*weight*/, const LowRanks& /*terms*/,
                             Precision /*precision*/, const at::Tensor& /*sum*/) {
  missing("multiply_backward");
}
at::Tensor lora_down(const at::Tensor& /*x*/, const at::Tensor& /*factor*/, double /*scale*/,
                     Precision /*precision*/) {
  missing("lora_down");
}
at::Tensor factor_gradient(const at::Tensor& /*narrow*/, const at::Tensor& /*x*/, Precision /*precision*/) {
  missing("factor_gradient");
}
NormOutput rms_norm(const at::Tensor& /*x*/, const at::Tensor& /*weight*/, double /*eps*/,
                    at::ScalarType /*to*/) {
  missing("rms_norm");
}
at::Tensor rms_norm_backward(const at::Tensor& /*dy*/, const NormInput& /*input*/) {
  missing("rms_norm_backward");
}
at::Tensor rotate(const at::Tensor& /*x*/, const RotaryTables& /*tables*/, Direction /*direction*/) {
  missing("rotate");
}
at::Tensor swiglu(const at::Tensor& /*gate*/, const at::Tensor& /*up*/) {
  missing("swiglu");
}
std::pair<at::Tensor, at::Tensor> swiglu_backward(const at::Tensor& /*dy*/, const at::Tensor& /*gate*/,
                                                  const at::Tensor& /*up*/) {
  missing("swiglu_backward");
}
AttentionOutput attention(const AttentionInput& /*input*/) {
  missing("attention");
}
AttentionGradients attention_backward(const AttentionInput& /*input*/, const AttentionOutput& /*output*/,
                                      const at::Tensor& /*dout*/) {
  missing("attention_backward");
}
TokenLosses cross_entropy(const at::Tensor& /*logits*/, const TokenTargets& /*targets*/,
                          bool /*with_gradient*/, at::ScalarType /*gradient_type*/) {
  missing("cross_entropy");
}
at::Tensor dropout(const at::Tensor& /*x*/, const DropoutMask& /*mask*/) {
  missing("dropout");
}
void add_dropped_product(const at::Tensor& /*sum*/, const at::Tensor& /*left*/, const at::Tensor& /*right*/,
                         const DropoutMask& /*mask*/) {
  missing("dropout");
}
void adamw_step(const AdamWOptions& /*config*/, const AdamWStep& /*step*/, const at::Tensor& /*grads*/,
                const at::Tensor& /*values*/, const AdamWMoments& /*moments*/) {
  missing("adamw_step");
}
void cache_write(KvCache& /*cache*/, std::int64_t /*layer*/, std::span<const CacheRow> /*rows*/,
                 const at::Tensor& /*k*/, const at::Tensor& /*v*/) {
  missing("cache_write");
}
at::Tensor cache_attend(const KvCache& /*cache*/, std::int64_t /*layer*/, std::span<const CacheRow> /*rows*/,
                        const at::Tensor& /*q*/) {
  missing("cache_attend");
}
std::vector<double> log_sum_exps(const at::Tensor& /*logits*/) {
  missing("log_sum_exps");
}
std::vector<Drawn> draw_rows(const at::Tensor& /*logits*/, std::span<const RowDraw> /*draws*/,
                             const SamplingOptions& /*options*/) {
  missing("draw_rows");
}

class DecodeStep::Impl {};
bool DecodeStep::fits(const StepShape& /*shape*/) {
  return false;
}
bool DecodeStep::fits(const Weight& /*weight*/, StepFormat /*format*/) {
  return false;
}
DecodeStep::DecodeStep(const StepShape& /*shape*/, StepFormat /*format*/, const at::Tensor& /*embedding*/,
                       const at::Tensor& /*head*/, const at::Tensor& /*norm*/,
                       const at::Tensor& /*inverse_frequencies*/) {
  missing("decode_step");
}
DecodeStep::~DecodeStep() = default;
void DecodeStep::add_layer(const StepLayer& /*layer*/) {
  missing("decode_step");
}
std::int64_t DecodeStep::most_rows() const {
  missing("decode_step");
}
DecodeStep::Output DecodeStep::run(std::span<const Row> /*rows*/, const at::Tensor& /*alpha*/,
                                   const KvCache& /*cache*/) {
  missing("decode_step");
}
std::int64_t DecodeStep::bytes(bool /*experts*/) const {
  missing("decode_step");
}

}  // namespace routedk::kernels::cuda
