#include "routedk/model/parameters.h"
#include "routedk/model/weight_source.h"
#include "routedk/quant/tensor_view.h"
#include "routedk/workflow/inspect/inspect.h"

#include "tensor_table.h"
#include <ATen/ATen.h>
#include <fmt/ranges.h>

namespace routedk::workflow {
namespace {

io::Json describe_tensor(model::WeightSource& source, const model::Parameter& parameter) {
  const at::Tensor values = source.dense(parameter.name, parameter.shape);
  const model::StoredAs stored = source.stored(parameter.name);
  return {{"name", parameter.name},
          {"type", stored.type},
          {"shape", parameter.shape},
          {"bytes", stored.bytes},
          {"norm", at::norm(values, 2, at::kFloat).item<float>()}};
}

io::Json describe_config(model::LlamaConfig config, const char* dtype) {
  const std::vector<float> divisors = std::exchange(config.rope_divisors, {});
  io::Json described = model::config_json(config, dtype);
  if (!divisors.empty()) {
    described["rope_divisors"] = divisors;
  }
  return described;
}

io::Json describe(const std::filesystem::path& path) {
  const auto source = model::WeightSource::open(path);
  io::Json tensors = io::Json::array();
  io::Json types = io::Json::object();
  std::int64_t parameters = 0;
  std::uint64_t bytes = 0;
  for (const model::Parameter& parameter : model::parameters(source->config())) {
    io::Json tensor = describe_tensor(*source, parameter);
    io::Json& type = types[tensor["type"].get<std::string>()];
    if (type.is_null()) {
      type = {{"tensors", 0}, {"bytes", std::uint64_t{0}}};
    }
    type["tensors"] = type["tensors"].get<std::int64_t>() + 1;
    type["bytes"] = type["bytes"].get<std::uint64_t>() + tensor["bytes"].get<std::uint64_t>();
    parameters += c10::multiply_integers(parameter.shape);
    bytes += tensor["bytes"].get<std::uint64_t>();
    tensors.push_back(std::move(tensor));
  }
  source->finish();
  return {{"model", path.string()},
          {"config", describe_config(source->config(), quant::weight_type_word(source->dtype()))},
          {"parameters", parameters},
          {"bytes", bytes},
          {"types", types},
          {"tensors", tensors}};
}

void print(const io::Json& found, std::ostream& out) {
  print_summary(found, out);
  for (const auto& [type, sum] : found["types"].items()) {
    out << fmt::format("{:<10} {:>6} tensors {:>14} bytes\n", type, sum["tensors"].get<std::int64_t>(),
                       sum["bytes"].get<std::uint64_t>());
  }
  out << '\n';
  print_tensors(found["tensors"], {50, 10, 16}, out);
}

}  // namespace

void inspect_model(const InspectOptions& options, std::ostream& out) {
  const io::Json found = describe(options.path);
  if (options.json) {
    out << found.dump(-1, ' ', false, io::Json::error_handler_t::replace) << '\n';
  } else {
    print(found, out);
  }
  out.flush();
}

}  // namespace routedk::workflow
