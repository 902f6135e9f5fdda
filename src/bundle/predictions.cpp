#include "routedk/bundle/predictions.h"

#include "routedk/core/error.h"
#include "routedk/core/numbers.h"
#include "routedk/io/json_field.h"

#include <string>
#include <unordered_map>
#include <utility>

namespace routedk::bundle {
namespace {

/// An integer, or a string that spells one.
std::int64_t id_of(const io::JsonField& field) {
  if (!field.value().is_string()) {
    return field.integer();
  }
  const auto id = number_in<std::int64_t>(field.text());
  field.require(id.has_value(), "be an integer or a text that spells one");
  return *id;
}

Prediction read_bundles(const io::JsonField& field) {
  if (field.absent()) {
    return std::nullopt;
  }
  Answer answer;
  for (const io::JsonField& bundle : field.items()) {
    bundle.require(!bundle.absent(), "be a list of item ids");
    auto& items = answer.emplace_back();
    for (const io::JsonField& item : bundle.items()) {
      items.push_back(id_of(item));
    }
  }
  return answer;
}

}  // namespace

std::vector<Prediction> read_predictions(const std::filesystem::path& path,
                                         std::span<const Session> sessions) {
  std::unordered_map<SessionId, std::size_t> place_of;
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    place_of.emplace(sessions[i].id, i);
  }
  std::vector<Prediction> predictions(sessions.size());
  std::vector<bool> seen(sessions.size(), false);
  io::read_jsonl(path, [&](const io::Json& record, std::int64_t line) {
    const io::JsonField field(record, fmt::format("{}:{}", path.string(), line));
    const SessionId id = id_of(field["session"]);
    const auto place = place_of.find(id);
    if (place == place_of.end()) {
      throw_<DataError>("A prediction must be for a session of the split, but session {} is none ({}:{}).",
                        id, path.string(), line);
    }
    if (seen[place->second]) {
      throw_<DataError>("A session must be predicted once, but session {} occurs again ({}:{}).", id,
                        path.string(), line);
    }
    seen[place->second] = true;
    field["bundles"].require(record.contains("bundles"), "be null or a list of lists of item ids");
    predictions[place->second] = read_bundles(field["bundles"]);
  });
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    if (!seen[i]) {
      throw_<DataError>("Every session of the split must be predicted, but session {} is missing ({}).",
                        sessions[i].id, path.string());
    }
  }
  return predictions;
}

io::Json to_json(const Evaluation& evaluation) {
  io::Json figures = io::Json::object();
  io::Json intervals = io::Json::object();
  for (std::size_t m = 0; m < kMetrics; ++m) {
    const std::string name(kMetricNames[m]);
    figures[name] = evaluation.values[m];
    intervals[name] = {evaluation.intervals[m].low, evaluation.intervals[m].high};
  }
  figures["intervals"] = std::move(intervals);
  return figures;
}

}  // namespace routedk::bundle
