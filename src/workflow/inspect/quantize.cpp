#include "routedk/workflow/inspect/quantize.h"

#include "routedk/core/error.h"
#include "routedk/model/hf_folder.h"

#include "tokenizer_of.h"

namespace routedk::workflow {

void quantize(const QuantizeOptions& options) {
  if (options.model.empty() == options.tensors.empty()) {
    throw_<ConfigError>("`quantize` must be given either a model or a file of tensors, but has {}",
                        options.model.empty() ? "neither" : "both");
  }
  if (options.tensors.empty()) {
    model::save_nf4_folder(options.model, options.double_quant, options.output, tokenizer_of(options.model));
  } else {
    model::quantize_tensors(options.tensors, options.double_quant, options.output);
  }
}

}  // namespace routedk::workflow
