#include "routedk/workflow/experiment/metrics_log.h"

#include <utility>

#include <fmt/format.h>

namespace routedk::workflow {
namespace {

/// Calls visit(tag, number) for the numbers in a record's member.
template <typename Visit>
void visit_numbers(const std::string& tag, const io::Json& value, const Visit& visit) {
  if (value.is_number()) {
    visit(tag, value.get<double>());
  } else if (value.is_object()) {
    for (const auto& [name, member] : value.items()) {
      visit_numbers(fmt::format("{}/{}", tag, name), member, visit);
    }
  }
}

/// One object of means over the layers' objects; of their lists, one member an entry.
io::Json mean_over_layers(const io::Json& layers) {
  io::Json means = io::Json::object();
  const auto add = [&](const std::string& name, const io::Json& value) {
    means[name] = means.value(name, 0.0) + value.get<double>() / static_cast<double>(layers.size());
  };
  for (const io::Json& layer : layers) {
    for (const auto& [name, value] : layer.items()) {
      if (value.is_number()) {
        add(name, value);
      }
      for (std::size_t i = 0; value.is_array() && i < value.size(); ++i) {
        add(fmt::format("{}_{}", name, i), value[i]);
      }
    }
  }
  return means;
}

}  // namespace

MetricsLog::MetricsLog(const std::filesystem::path& run_folder, std::string job)
    : job_(std::move(job)),
      lines_(run_folder / "metrics.jsonl"),
      events_(run_folder / "tensorboard" / job_) {}

void MetricsLog::add(const io::Json& record) {
  io::Json line = {{"job", job_}};
  line.update(record);
  lines_.append(line);
  if (!record.contains("group")) {
    return;
  }
  const auto step = record.at("step").get<std::int64_t>();
  const std::string prefix = fmt::format("{}/{}", job_, record.at("group").get<std::string>());
  for (const auto& [name, value] : record.items()) {
    if (name != "step") {
      visit_numbers(fmt::format("{}/{}", prefix, name), name == "gates" ? mean_over_layers(value) : value,
                    [&](const std::string& tag, double number) { events_.scalar(tag, step, number); });
    }
  }
}

}  // namespace routedk::workflow
