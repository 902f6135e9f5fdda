#include "routedk/core/error.h"
#include "routedk/experts/peft.h"
#include "routedk/model/weight_source.h"
#include "routedk/workflow/inspect/inspect.h"

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "tensor_table.h"
#include <fmt/format.h>

namespace routedk::workflow {
namespace {

experts::LoraPlan plan_of(const InspectOptions& options) {
  if (options.model.empty()) {
    return experts::read_peft_plan(options.path);
  }
  const model::LlamaConfig model = model::WeightSource::open(options.model)->config();
  return experts::load_peft(options.path, "adapter", model).plan();
}

/// The adapted linears: those of equal rank and scale together, with their layers.
io::Json linears_of(const experts::LoraPlan& plan) {
  std::map<std::tuple<int, std::int64_t, double>, std::vector<std::int64_t>> layers;
  const auto count = static_cast<std::int64_t>(plan.sizes.size()) / model::kLinears;
  for (std::int64_t layer = 0; layer < count; ++layer) {
    for (int i = 0; i < model::kLinears; ++i) {
      if (const experts::LoraSize& size = plan.at(layer, static_cast<model::Linear>(i)); size.rank > 0) {
        layers[{i, size.rank, plan.scale(size)}].push_back(layer);
      }
    }
  }
  io::Json linears = io::Json::array();
  for (const auto& [key, of_key] : layers) {
    const auto& [linear, rank, scale] = key;
    linears.push_back({{"linear", model::linear_module(static_cast<model::Linear>(linear))},
                       {"rank", rank},
                       {"scale", scale},
                       {"layers", of_key}});
  }
  return linears;
}

/// "0-3, 5"
std::string ranges_text(const std::vector<std::int64_t>& layers) {
  std::string text;
  for (std::size_t first = 0; first < layers.size();) {
    std::size_t last = first;
    while (last + 1 < layers.size() && layers[last + 1] == layers[last] + 1) {
      ++last;
    }
    text += fmt::format("{}{}", text.empty() ? "" : ", ", layers[first]);
    text += last > first ? fmt::format("-{}", layers[last]) : "";
    first = last + 1;
  }
  return text;
}

void print_linears(const io::Json& linears, std::ostream& out) {
  out << fmt::format("{:<18} {:>6} {:>10}  {}\n", "linear", "rank", "scale", "layers");
  for (const io::Json& linear : linears) {
    out << fmt::format("{:<18} {:>6} {:>10.6g}  {}\n", linear["linear"].get<std::string>(),
                       linear["rank"].get<std::int64_t>(), linear["scale"].get<double>(),
                       ranges_text(linear["layers"].get<std::vector<std::int64_t>>()));
  }
  out << '\n';
}

}  // namespace

void inspect_adapter(const InspectOptions& options, std::ostream& out) {
  io::Json found = describe_folder({options.path, "adapter_config.json", "adapter_model.safetensors"});
  found["linears"] = io::Json::array();
  found["problem"] = io::Json();
  try {
    found["linears"] = linears_of(plan_of(options));
  } catch (const UserError& error) {
    found["problem"] = error.what();
  }
  const bool usable = found["problem"].is_null();
  found["usable"] = usable;
  if (!options.json) {
    const std::string answer = !usable                 ? "no: " + found["problem"].get<std::string>()
                               : options.model.empty() ? "yes (--model also compares its shapes)"
                                                       : "yes, with this model";
    out << fmt::format("{:<26} {}\n\n", "usable", answer);
    if (usable) {
      print_linears(found["linears"], out);
    }
  }
  print_description(found, options.json, out);
}

}  // namespace routedk::workflow
