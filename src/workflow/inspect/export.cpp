#include "routedk/workflow/inspect/export.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/core/new_path.h"
#include "routedk/io/jsonl.h"
#include "routedk/model/weight_source.h"
#include "routedk/workflow/predict/chosen_model.h"
#include "routedk/workflow/predict/mixture.h"

#include <algorithm>
#include <optional>
#include <string>

#include <ATen/core/grad_mode.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

namespace fs = std::filesystem;
using experts::GateKind;

struct Written {
  fs::path path;
  experts::GgufLora lora;
};

[[noreturn]] void refuse_routing(const std::string& gate) {
  throw_<ConfigError>(
      "a GGUF LoRA must be one mix for every input, but the gate `{}` weighs experts by each prompt: dynamic "
      "routing does not survive export; fixed are --weights, an expert's name, {}",
      gate, experts::gate_forms(is_fixed_mix));
}

/// The mix on the command line; empty if the experts are exported separately.
std::optional<std::string> mix_of(const ExportOptions& options) {
  if (!options.choice.gate.empty() && !options.weights.empty()) {
    throw_<ConfigError>("a mix must be given by a gate or by weights, but is by both");
  }
  if (!options.weights.empty()) {
    return fmt::format("{}", fmt::join(options.weights, ","));
  }
  return options.choice.gate.empty() ? std::nullopt : std::optional(options.choice.gate);
}

Mixture mixture_of(const ExportOptions& options, std::shared_ptr<experts::ExpertBank> bank,
                   const model::LlamaConfig& model) {
  if (!options.weights.empty()) {
    const auto weights = chosen_weights(options.weights, static_cast<std::size_t>(bank->size()));
    return {std::move(bank),
            std::make_unique<experts::FixedGate>(std::vector<float>(weights.begin(), weights.end()))};
  }
  const std::string& gate = options.choice.gate;
  const experts::GateSpec spec = experts::parse_gate_spec(gate);
  if (spec.kind == GateKind::kDynamic || spec.kind == GateKind::kRandomRouter ||
      spec.kind == GateKind::kPermuted) {
    refuse_routing(gate);
  }
  const fs::path& run = options.choice.run;
  Mixture mixture = make_mixture(spec, std::move(bank), model, run.empty() ? fs::path() : run / "router");
  if (mixture.gate->looks_at_input()) {
    refuse_routing(gate);
  }
  return mixture;
}

Written export_mix(const ExportOptions& options, std::shared_ptr<experts::ExpertBank> bank,
                   const model::LlamaConfig& model) {
  const Mixture mixture = mixture_of(options, std::move(bank), model);
  const at::Tensor weights = experts::fixed_weights(*mixture.gate, model);
  return {options.output,
          experts::save_gguf_lora(*mixture.bank, weights, model, options.dtype, options.output)};
}

std::vector<Written> export_each(const ExportOptions& options, const experts::ExpertBank& bank,
                                 const model::LlamaConfig& model) {
  std::vector<Written> written;
  FolderWriter folder(options.output);
  for (std::int64_t i = 0; i < bank.size(); ++i) {
    const experts::SingleExpertGate alone(static_cast<int>(i), bank.size());
    const std::string name = bank[i].name() + ".gguf";
    written.push_back(
        {options.output / name, experts::save_gguf_lora(bank, experts::fixed_weights(alone, model), model,
                                                        options.dtype, folder.path() / name)});
  }
  folder.commit();
  return written;
}

io::Json described(const std::vector<Written>& files) {
  io::Json all = io::Json::array();
  for (const Written& file : files) {
    all.push_back({{"path", file.path.string()},
                   {"linears", file.lora.linears},
                   {"rank", file.lora.rank},
                   {"bytes", fs::file_size(file.path)}});
  }
  return all;
}

void print_files(const io::Json& files, std::ostream& out) {
  std::size_t width = 0;
  for (const io::Json& file : files) {
    width = std::max(width, displayed(file["path"].get<std::string>()).size());
  }
  out << fmt::format("{:<{}} {:>8} {:>8} {:>14}\n", "file", width, "linears", "rank", "bytes");
  for (const io::Json& file : files) {
    out << fmt::format("{:<{}} {:>8} {:>8} {:>14}\n", displayed(file["path"].get<std::string>()), width,
                       file["linears"].dump(), file["rank"].dump(), file["bytes"].dump());
  }
}

}  // namespace

bool is_fixed_mix(GateKind kind) noexcept {
  return experts::weighs_given_experts(kind) && kind != GateKind::kBackbone && kind != GateKind::kEnsemble &&
         kind != GateKind::kRouter;
}

void export_gguf(const ExportOptions& options, std::ostream& out) {
  const at::NoGradGuard no_grad;
  const std::optional<std::string> mix = mix_of(options);
  if (mix) {
    require_new_file(options.output);
  } else {
    require_new_folder(options.output);
  }
  const ExperimentConfig config = settings_of(options.choice);
  const std::vector<fs::path> folders = adapter_folders(options.choice, config);
  if (folders.empty()) {
    throw_<ConfigError>("an export must have experts, but has none: give --run or --adapter");
  }
  const model::LlamaConfig model = model::WeightSource::open(config.model.path)->config();
  const auto bank = load_bank(folders, model);
  if (!mix && bank->size() > 1) {
    spdlog::info(
        "each file is one expert by itself: llama.cpp adds adapters in the same way for every prompt; "
        "dynamic routing does not survive export");
  }
  const std::vector<Written> written =
      mix ? std::vector{export_mix(options, bank, model)} : export_each(options, *bank, model);
  const io::Json files = described(written);
  if (options.json) {
    const io::Json found = {{"model", config.model.path},
                            {"mix", mix ? io::Json(*mix) : io::Json()},
                            {"experts", names_of(*bank)},
                            {"dtype", name_of(options.dtype)},
                            {"files", files}};
    out << found.dump(-1, ' ', false, io::Json::error_handler_t::replace) << '\n';
  } else {
    print_files(files, out);
  }
  out.flush();
}

}  // namespace routedk::workflow
