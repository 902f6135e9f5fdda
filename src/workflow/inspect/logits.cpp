#include "routedk/workflow/inspect/logits.h"

#include "routedk/core/error.h"
#include "routedk/experts/routed_model.h"
#include "routedk/io/jsonl.h"
#include "routedk/kernels/attention.h"
#include "routedk/quant/tensor_view.h"
#include "routedk/workflow/experiment/threads.h"
#include "routedk/workflow/predict/mixture.h"

#include <algorithm>
#include <memory>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace routedk::workflow {
namespace {

constexpr std::int64_t kTop = 10;
constexpr const char* kSource = "standard input";

/// One line of the input.
struct Request {
  std::vector<std::int32_t> ids;
  std::int64_t prompt_length = 0;
};

struct Answer {
  at::Tensor logits;                    // [n,V]; the last row is at the last position
  std::vector<experts::GateRows> rows;  // [L], empty without adapters
};

std::int32_t read_id(const io::Json& id, std::int64_t vocab, std::int64_t line) {
  if (!id.is_number_integer() || id.get<std::int64_t>() < 0 || id.get<std::int64_t>() >= vocab) {
    throw_<DataError>("every token id must be an integer from 0 to {}, but one is {} instead ({}:{})",
                      vocab - 1, id.dump(), kSource, line);
  }
  return id.get<std::int32_t>();
}

std::int64_t read_prompt_length(const io::Json& value, std::size_t ids, std::int64_t line) {
  const auto most = static_cast<std::int64_t>(ids);
  if (!value.is_number_integer() || value.get<std::int64_t>() < 1 || value.get<std::int64_t>() > most) {
    throw_<DataError>("`prompt_length` must be an integer from 1 to the {} ids, but is {} instead ({}:{})",
                      most, value.dump(), kSource, line);
  }
  return value.get<std::int64_t>();
}

void check_keys(const io::Json& value, std::int64_t line) {
  if (!value.is_object()) {
    throw_<DataError>("every line must be an object, but one is {} instead ({}:{})", value.dump(), kSource,
                      line);
  }
  for (const auto& [key, ignored] : value.items()) {
    if (key != "ids" && key != "prompt_length") {
      throw_<DataError>("the keys must be `ids` and `prompt_length`, but one is `{}` ({}:{})", key, kSource,
                        line);
    }
  }
}

Request read_request(const io::Json& value, const model::LlamaConfig& config, std::int64_t line) {
  check_keys(value, line);
  const auto ids = value.find("ids");
  if (ids == value.end() || !ids->is_array() || ids->empty()) {
    throw_<DataError>("`ids` must be a list of at least 1 token id, but is {} instead ({}:{})",
                      ids == value.end() ? "missing" : ids->dump(), kSource, line);
  }
  if (static_cast<std::int64_t>(ids->size()) > config.context) {
    throw_<DataError>("`ids` must not exceed the model's context of {} tokens, but holds {} ({}:{})",
                      config.context, ids->size(), kSource, line);
  }
  Request request;
  for (const io::Json& id : *ids) {
    request.ids.push_back(read_id(id, config.vocab, line));
  }
  const auto length = value.find("prompt_length");
  request.prompt_length = length == value.end() ? static_cast<std::int64_t>(request.ids.size())
                                                : read_prompt_length(*length, request.ids.size(), line);
  return request;
}

model::LoadOptions load_options(const LogitsOptions& options) {
  const at::Device device = model::parse_device("device", options.device);
  return {.quant = options.quant, .precision = model::precision_of(options.dtype, device), .device = device};
}

/// The model with its experts and gate.
class Answerer {
 public:
  explicit Answerer(const LogitsOptions& options)
      : backbone_(
            std::make_shared<model::Backbone>(model::Backbone::load(options.model, load_options(options)))),
        full_(!options.full.empty()) {
    if (!options.adapters.empty()) {
      const auto count = static_cast<std::int64_t>(options.adapters.size());
      Mixture mixture =
          make_mixture(chosen_gate(options.gate, count, {}), load_bank(options.adapters, backbone_->config()),
                       backbone_->config(), {});
      mixture.bank->freeze(*backbone_);
      routed_ = std::make_unique<experts::RoutedModel>(backbone_, std::move(mixture.bank));
      gate_ = std::move(mixture.gate);
    } else if (!options.gate.empty()) {
      throw_<ConfigError>("a gate must have adapters to mix, but `{}` has none", options.gate);
    }
  }

  const model::LlamaConfig& config() const { return backbone_->config(); }

  Answer operator()(const Request& request) const {
    const auto batch = model::FlatBatch::make({request.ids}, {request.prompt_length}).to(backbone_->device());
    experts::RoutedOutput output;
    if (routed_) {
      output = routed_->forward({batch, *gate_});
    } else {
      output.hidden = backbone_->forward(batch);
    }
    const at::Tensor wanted = full_ ? output.hidden : output.hidden.narrow(0, batch.tokens() - 1, 1);
    return {backbone_->logits(wanted).to(at::kCPU), std::move(output.rows)};
  }

 private:
  std::shared_ptr<const model::Backbone> backbone_;
  std::unique_ptr<experts::RoutedModel> routed_;
  std::unique_ptr<experts::Gate> gate_;
  bool full_;
};

io::Json describe(const Answer& answer, std::int64_t line) {
  const at::Tensor last = answer.logits[answer.logits.size(0) - 1];  // [V]
  if (!at::isfinite(last).all().item<bool>()) {
    throw_<NumericError>("logits must be finite, but those of {}:{} are not", kSource, line);
  }
  const auto [values, ids] = last.topk(std::min(kTop, last.size(0)));
  io::Json top = io::Json::array();
  for (std::int64_t i = 0; i < values.size(0); ++i) {
    top.push_back({ids[i].item<std::int64_t>(), values[i].item<float>()});
  }
  io::Json alpha = io::Json::array();
  for (const experts::GateRows& rows : answer.rows) {
    const at::Tensor first = rows.alpha[0].to(at::kCPU).contiguous();  // [K]
    const auto weights = first.accessor<float, 1>();
    alpha.push_back(std::vector<float>(weights.data(), weights.data() + weights.size(0)));
  }
  return {{"top", top}, {"alpha", alpha}};
}

void write_full(const std::filesystem::path& path, const std::vector<at::Tensor>& all) {
  std::vector<io::TensorView> views;
  for (std::size_t i = 0; i < all.size(); ++i) {
    views.push_back(quant::to_view(fmt::format("logits.{}", i), all[i]));
  }
  io::write_safetensors(path, views);
}

}  // namespace

void logits(const LogitsOptions& options, std::istream& in, std::ostream& out) {
  const at::NoGradGuard no_grad;
  warn_of_crowding();
  const Answerer answer(options);
  std::vector<at::Tensor> all;
  io::read_jsonl(in, kSource, [&](const io::Json& value, std::int64_t line) {
    const Answer found = answer(read_request(value, answer.config(), line));
    out << describe(found, line).dump() << '\n' << std::flush;
    if (!options.full.empty()) {
      all.push_back(found.logits.contiguous());
    }
  });
  if (!options.full.empty()) {
    write_full(options.full, all);
  }
}

}  // namespace routedk::workflow
