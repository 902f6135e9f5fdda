#include "routedk/workflow/experiment/metrics_log.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace routedk::workflow {
namespace {

/// The TensorBoard tag of a record's member; TensorBoard shows tags with the same first word together.
struct Tag {
  std::string_view member;
  std::string_view tag;
};
constexpr auto kTags = std::to_array<Tag>({{"loss", "loss/objective"},
                                           {"token_loss", "loss/training"},
                                           {"validation_loss", "loss/validation"},
                                           {"validation_utility", "utility/validation"},
                                           {"learning_rate", "optimiser/learning_rate"},
                                           {"grad_norm", "optimiser/gradient_norm"},
                                           {"tokens", "speed/tokens"},
                                           {"answer_tokens", "speed/answer_tokens"},
                                           {"tokens_per_s", "speed/tokens_per_s"},
                                           {"seconds", "speed/seconds"},
                                           {"memory_mib", "speed/memory_mib"},
                                           {"gates", "router"},
                                           {"metrics", "validation"},
                                           {"samples", "samples"}});

std::string tag_of(const std::string& member) {
  const auto* const found = std::ranges::find(kTags, std::string_view(member), &Tag::member);
  return found == kTags.end() ? "other/" + member : std::string(found->tag);
}

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

/// "weight_of_base" or "mean_0"
std::string name_of_entry(const std::string& list, std::size_t i, const std::vector<std::string>& experts) {
  if (i >= experts.size()) {
    return fmt::format("{}_{}", list, i);
  }
  return fmt::format("{}_of_{}", list == "mean" ? "weight" : list, experts[i]);
}

/// One object with the means of the layers' objects; lists become one member per expert.
io::Json mean_over_layers(const io::Json& layers, const std::vector<std::string>& experts) {
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
        add(name_of_entry(name, i, experts), value[i]);
      }
    }
  }
  return means;
}

}  // namespace

std::string tensorboard_run(const std::string& job, const std::string& group) {
  constexpr std::string_view kTrain = "train";
  return job.starts_with(kTrain) ? group + job.substr(kTrain.size()) : job;
}

MetricsLog::MetricsLog(std::filesystem::path folder, std::string job, TensorboardOptions tensorboard)
    : folder_(std::move(folder)),
      job_(std::move(job)),
      tensorboard_(std::move(tensorboard)),
      lines_(folder_ / "metrics.jsonl") {}

io::EventFile& MetricsLog::events_of(const std::string& group) {
  const auto found = events_.find(group);
  if (found != events_.end()) {
    return found->second;
  }
  const std::filesystem::path folder = tensorboard_.folder_of ? tensorboard_.folder_of(group) : folder_;
  return events_.try_emplace(group, folder / "tensorboard" / tensorboard_run(job_, group)).first->second;
}

void MetricsLog::add(const io::Json& record) {
  io::Json line = {{"job", job_}};
  line.update(record);
  lines_.append(line);
  if (!record.contains("group")) {
    return;
  }
  const auto step = record.at("step").get<std::int64_t>();
  io::EventFile& events = events_of(record.at("group").get<std::string>());
  for (const auto& [name, value] : record.items()) {
    if (name != "step") {
      visit_numbers(tag_of(name), name == "gates" ? mean_over_layers(value, tensorboard_.experts) : value,
                    [&](const std::string& tag, double number) { events.scalar(tag, step, number); });
    }
  }
}

}  // namespace routedk::workflow
