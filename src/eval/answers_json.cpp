#include "routedk/core/error.h"
#include "routedk/eval/answers.h"

namespace routedk::eval {
namespace {

io::Json json_of(const bundle::Prediction& prediction) {
  return prediction ? io::Json(*prediction) : io::Json(nullptr);
}

bundle::Prediction prediction_of(const io::Json& json) {
  return json.is_null() ? bundle::Prediction{} : bundle::Prediction{json.get<bundle::Answer>()};
}

}  // namespace

io::Json to_json(const SessionAnswer& answer) {
  io::Json candidates = io::Json::array();
  for (const auto& candidate : answer.candidates) {
    candidates.push_back(json_of(candidate));
  }
  return {{"session", answer.session}, {"bundles", json_of(answer.prediction)}, {"share", answer.share},
          {"candidates", candidates},  {"logprobs", answer.logprobs},           {"alpha", answer.alpha},
          {"seconds", answer.seconds}};
}

SessionAnswer session_answer_from_json(const io::Json& json, const std::string& where) {
  try {
    SessionAnswer answer;
    json.at("session").get_to(answer.session);
    answer.prediction = prediction_of(json.at("bundles"));
    json.at("share").get_to(answer.share);
    for (const auto& candidate : json.at("candidates")) {
      answer.candidates.push_back(prediction_of(candidate));
    }
    json.at("logprobs").get_to(answer.logprobs);
    json.at("alpha").get_to(answer.alpha);
    json.at("seconds").get_to(answer.seconds);
    return answer;
  } catch (const io::Json::exception& error) {
    throw_<FileError>(
        "an answer record must hold session, bundles, share, candidates, logprobs, alpha and seconds: {} "
        "({})",
        error.what(), where);
  }
}

}  // namespace routedk::eval
