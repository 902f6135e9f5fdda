#include "routedk/bundle/predictions.h"

#include "routedk/core/error.h"

#include <string>
#include <unordered_map>
#include <utility>

namespace routedk::bundle {
namespace {

struct LinePlace {
  const std::filesystem::path& path;
  std::int64_t line = 0;
};

std::int64_t read_id(const io::Json& value, const char* what, const LinePlace& at) {
  const bool fits =
      value.is_number_integer() && (!value.is_number_unsigned() || value.get<std::uint64_t>() <= INT64_MAX);
  if (!fits) {
    throw_<DataError>("{} must be a 64-bit integer, but is {} instead ({}:{}).", what,
                      value.dump().substr(0, 40), at.path.string(), at.line);
  }
  return value.get<std::int64_t>();
}

const io::Json& member(const io::Json& record, const char* key, const LinePlace& at) {
  if (!record.is_object() || !record.contains(key)) {
    throw_<DataError>("A prediction must be an object with `session` and `bundles`, but has no `{}` ({}:{}).",
                      key, at.path.string(), at.line);
  }
  return record.at(key);
}

void require_array(const io::Json& value, const char* what, const LinePlace& at) {
  if (!value.is_array()) {
    throw_<DataError>("{}, but is {} instead ({}:{}).", what, value.dump().substr(0, 40), at.path.string(),
                      at.line);
  }
}

Prediction read_bundles(const io::Json& value, const LinePlace& at) {
  if (value.is_null()) {
    return std::nullopt;
  }
  require_array(value, "`bundles` must be null or a list of lists of item ids", at);
  Answer answer;
  for (const io::Json& bundle : value) {
    require_array(bundle, "A bundle must be a list of item ids", at);
    auto& items = answer.emplace_back();
    for (const io::Json& item : bundle) {
      items.push_back(read_id(item, "An item id", at));
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
    const LinePlace at{path, line};
    const SessionId id = read_id(member(record, "session", at), "`session`", at);
    const auto place = place_of.find(id);
    if (place == place_of.end()) {
      throw_<DataError>("A prediction must be for a session of the split, but session {} is none ({}:{}).",
                        id, path.string(), line);
    }
    if (seen[place->second]) {
      throw_<DataError>("A session must be predicted once, but session {} comes again ({}:{}).", id,
                        path.string(), line);
    }
    seen[place->second] = true;
    predictions[place->second] = read_bundles(member(record, "bundles", at), at);
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
