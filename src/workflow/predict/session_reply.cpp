#include "session_reply.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace routedk::workflow {
namespace {

using bundle::Prediction;
using bundle::Session;
using io::Json;

/// Bundles with each item replaced by its entry in `names` (one per item); null if there is no answer.
template <typename Name>
Json named(const Prediction& prediction, const std::vector<Name>& names) {
  if (!prediction) {
    return nullptr;
  }
  Json bundles = Json::array();
  for (const bundle::Bundle& found : *prediction) {
    Json& items = bundles.emplace_back(Json::array());
    for (const bundle::ItemId number : found) {
      items.push_back(names.at(static_cast<std::size_t>(number) - 1));
    }
  }
  return bundles;
}

std::string without_answer(const eval::AnswerSetting& setting) {
  return fmt::format("none of the {} candidates {}", setting.generate.samples,
                     setting.constrain
                         ? fmt::format("ended within decode.max_new_tokens = {} and the model's context",
                                       setting.generate.max_new_tokens)
                         : "is an answer in the required form");
}

std::string note_on(const AskedSession& asked, const Prediction& prediction, std::size_t unanswered,
                    const eval::AnswerSetting& setting) {
  if (asked.titles.size() < 2) {
    return "a bundle needs at least 2 items";
  }
  if (asked.windows.size() > 1) {
    return fmt::format(
        "asked in {} windows of at most {} items in the order given; no bundle spans two{}",
        asked.windows.size(), bundle::kMaxProducts,
        unanswered == 0 ? "" : fmt::format("; of {}, {}", unanswered, without_answer(setting)));
  }
  if (!prediction) {
    return without_answer(setting);
  }
  return prediction->empty() ? "the model found no bundle" : "";
}

/// Distinct candidates with their votes, most votes first; unparsable ones have none.
std::vector<Json> candidates_of(const AskedSession& asked, const eval::SessionAnswer& answer) {
  std::map<Prediction, std::vector<double>> by_answer;
  for (std::size_t i = 0; i < answer.candidates.size(); ++i) {
    by_answer[answer.candidates[i]].push_back(answer.logprobs[i]);
  }
  std::vector<Json> candidates;
  candidates.reserve(by_answer.size());
  for (const auto& [prediction, logprobs] : by_answer) {
    candidates.push_back(Json({{"bundles", named(prediction, asked.names)},
                               {"votes", prediction ? logprobs.size() : 0},
                               {"logprobs", logprobs}}));
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Json& a, const Json& b) { return a["votes"] > b["votes"]; });
  return candidates;
}

Json window_json(const AskedSession& asked, const Session& window, const eval::SessionAnswer& answer) {
  Json items = Json::array();
  for (const bundle::Item& item : window.items) {
    items.push_back(asked.names.at(static_cast<std::size_t>(item.id) - 1));
  }
  return {{"items", std::move(items)},
          {"bundles", named(answer.prediction, asked.names)},
          {"confidence", eval::confidence(answer)},
          {"candidates", candidates_of(asked, answer)},
          {"alpha", answer.alpha}};
}

}  // namespace

SessionReply reply_of(const AskedSession& asked, std::span<const eval::SessionAnswer> answers,
                      const eval::AnswerSetting& setting) {
  SessionReply reply{std::nullopt, 1.0, ""};
  std::size_t unanswered = 0;
  for (const eval::SessionAnswer& answer : answers) {
    reply.confidence = std::min(reply.confidence, eval::confidence(answer));
    if (!answer.prediction) {
      ++unanswered;
      continue;
    }
    bundle::Answer& all = reply.prediction ? *reply.prediction : reply.prediction.emplace();
    all.insert(all.end(), answer.prediction->begin(), answer.prediction->end());
  }
  reply.note = note_on(asked, reply.prediction, unanswered, setting);
  return reply;
}

Json reply_json(const AskedSession& asked, const SessionReply& reply) {
  Json json = asked.carried;
  json["bundles"] = named(reply.prediction, asked.names);
  json["titles"] = named(reply.prediction, asked.titles);
  json["confidence"] = reply.confidence;
  if (!reply.note.empty()) {
    json["note"] = reply.note;
  }
  return json;
}

void add_why(Json& json, const AskedSession& asked, std::span<const eval::SessionAnswer> answers,
             const std::vector<std::string>& experts) {
  if (answers.size() == 1) {
    json["candidates"] = candidates_of(asked, answers.front());
    json["experts"] = experts;
    json["alpha"] = experts.empty() ? Json::array() : Json(answers.front().alpha);
    return;
  }
  json["windows"] = Json::array();
  for (std::size_t i = 0; i < answers.size(); ++i) {
    json["windows"].push_back(window_json(asked, asked.windows[i], answers[i]));
  }
  json["experts"] = experts;
}

}  // namespace routedk::workflow
