#include "routedk/core/error.h"
#include "routedk/eval/answers.h"

#include <cmath>

namespace routedk::eval {
namespace {

io::Json json_of(const bundle::Prediction& prediction) {
  return prediction ? io::Json(*prediction) : io::Json(nullptr);
}

io::Json json_of(const Selection& selection) {
  return {{"select", name_of(selection.choice.rule)},
          {"samples", selection.choice.samples},
          {"bundles", json_of(selection.prediction)},
          {"share", selection.share},
          {"hit", selection.hit}};
}

/// Four decimals, as many as the values have: a float would be written with all its binary digits.
io::Json json_of(const std::vector<float>& pooled) {
  io::Json values = io::Json::array();
  for (const float value : pooled) {
    values.push_back(std::round(1e4 * static_cast<double>(value)) / 1e4);
  }
  return values;
}

template <typename List>
io::Json list_of(const List& list) {
  io::Json json = io::Json::array();
  for (const auto& element : list) {
    json.push_back(json_of(element));
  }
  return json;
}

bundle::Prediction prediction_of(const io::Json& json) {
  return json.is_null() ? bundle::Prediction{} : bundle::Prediction{json.get<bundle::Answer>()};
}

/// Every list of a record must be as long as that of the candidates.
void check_lengths(const SessionAnswer& answer, const std::string& where) {
  const std::size_t count = answer.candidates.size();
  const auto fits = [&](std::size_t size) { return size == count || size == 0; };
  if (answer.logprobs.size() != count || answer.constrained_logprobs.size() != count ||
      answer.tokens.size() != count || !fits(answer.verifier.size()) || !fits(answer.pooled.size())) {
    throw_<FileError>("each of an answer's {} candidates must have its figures, but some have not ({})",
                      count, where);
  }
}

}  // namespace

io::Json to_json(const SessionAnswer& answer) {
  io::Json json = {{"session", answer.session},   {"bundles", json_of(answer.prediction)},
                   {"share", answer.share},       {"candidates", list_of(answer.candidates)},
                   {"logprobs", answer.logprobs}, {"constrained_logprobs", answer.constrained_logprobs},
                   {"tokens", answer.tokens}};
  if (!answer.verifier.empty()) {
    json["verifier"] = answer.verifier;
  }
  if (!answer.pooled.empty()) {
    json["pooled"] = list_of(answer.pooled);
  }
  json["selected"] = list_of(answer.selections);
  json["alpha"] = answer.alpha;
  json["seconds"] = answer.seconds;
  return json;
}

SessionAnswer session_answer_from_json(const io::Json& json, const std::string& where) {
  SessionAnswer answer;
  try {
    json.at("session").get_to(answer.session);
    answer.prediction = prediction_of(json.at("bundles"));
    json.at("share").get_to(answer.share);
    for (const auto& candidate : json.at("candidates")) {
      answer.candidates.push_back(prediction_of(candidate));
    }
    json.at("logprobs").get_to(answer.logprobs);
    json.at("constrained_logprobs").get_to(answer.constrained_logprobs);
    json.at("tokens").get_to(answer.tokens);
    answer.verifier = json.value("verifier", answer.verifier);
    answer.pooled = json.value("pooled", answer.pooled);
    json.at("alpha").get_to(answer.alpha);
    json.at("seconds").get_to(answer.seconds);
  } catch (const io::Json::exception& error) {
    throw_<FileError>(
        "an answer record must hold session, bundles, share, candidates, logprobs, constrained_logprobs, "
        "tokens, "
        "alpha and seconds: {} ({})",
        error.what(), where);
  }
  check_lengths(answer, where);
  return answer;
}

}  // namespace routedk::eval
