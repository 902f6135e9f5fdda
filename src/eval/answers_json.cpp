#include "routedk/core/error.h"
#include "routedk/eval/answers.h"
#include "routedk/io/json_field.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace routedk::eval {
namespace {

io::Json json_of(const bundle::Prediction& prediction) {
  return prediction ? io::Json(*prediction) : io::Json(nullptr);
}

io::Json json_of(const Selection& selection) {
  io::Json json = {{"select", name_of(selection.choice.rule)},
                   {"samples", selection.choice.samples},
                   {"bundles", json_of(selection.prediction)},
                   {"share", selection.share},
                   {"hit", selection.hit}};
  if (selection.expected_utility) {
    json["utility"] = name_of(selection.choice.utility.utility);
    json["expectation"] = name_of(selection.choice.utility.expectation);
    json["expected_utility"] = *selection.expected_utility;
  }
  return json;
}

/// Four decimals, the precision of the values: a float would be written with all its binary digits.
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

bundle::Prediction prediction_of(const io::JsonField& field) {
  if (field.absent()) {
    return std::nullopt;
  }
  bundle::Answer answer;
  for (const io::JsonField& bundle : field.items()) {
    auto& items = answer.emplace_back();
    for (const io::JsonField& item : bundle.items()) {
      items.push_back(item.integer());
    }
  }
  return answer;
}

template <typename Number>
std::vector<Number> numbers_of(const io::JsonField& field) {
  std::vector<Number> numbers;
  for (const io::JsonField& item : field.items()) {
    if constexpr (std::is_integral_v<Number>) {
      numbers.push_back(item.integer(0));
    } else {
      constexpr double kMost = 1e6;  // exceeds any state, weight or log-probability
      numbers.push_back(static_cast<Number>(item.real(-kMost, kMost)));
    }
  }
  return numbers;
}

std::vector<std::vector<float>> rows_of(const io::JsonField& field) {
  std::vector<std::vector<float>> rows;
  for (const io::JsonField& row : field.items()) {
    rows.push_back(numbers_of<float>(row));
  }
  return rows;
}

/// Every list of a record must be as long as its candidates.
void check_lengths(const SessionAnswer& answer, const std::string& where) {
  const std::size_t count = answer.candidates.size();
  const auto fits = [&](std::size_t size) { return size == count || size == 0; };
  if (answer.logprobs.size() != count || answer.constrained_logprobs.size() != count ||
      answer.tokens.size() != count || !fits(answer.verifier.size()) || !fits(answer.pooled.size())) {
    throw_<FileError>("each of an answer's {} candidates must have all its values, but some do not ({})",
                      count, where);
  }
}

}  // namespace

io::Json to_json(const SessionAnswer& answer) {
  io::Json json = {{"session", answer.session},   {"bundles", json_of(answer.prediction)},
                   {"share", answer.share},       {"candidates", list_of(answer.candidates)},
                   {"logprobs", answer.logprobs}, {"constrained_logprobs", answer.constrained_logprobs},
                   {"tokens", answer.tokens}};
  if (answer.expected_utility) {
    json["expected_utility"] = *answer.expected_utility;
  }
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
  const io::JsonField record(json, where);
  answer.session = record["session"].integer();
  answer.prediction = prediction_of(record["bundles"]);
  answer.share = record["share"].real();
  if (!record["expected_utility"].absent()) {
    answer.expected_utility = record["expected_utility"].real();
  }
  for (const io::JsonField& candidate : record["candidates"].items()) {
    answer.candidates.push_back(prediction_of(candidate));
  }
  answer.logprobs = numbers_of<double>(record["logprobs"]);
  answer.constrained_logprobs = numbers_of<double>(record["constrained_logprobs"]);
  answer.tokens = numbers_of<std::int64_t>(record["tokens"]);
  answer.verifier = numbers_of<double>(record["verifier"]);
  answer.pooled = rows_of(record["pooled"]);
  answer.alpha = rows_of(record["alpha"]);
  record["alpha"].require(std::ranges::all_of(answer.alpha,
                                              [&](const std::vector<float>& row) {
                                                return !row.empty() && row.size() == answer.alpha[0].size();
                                              }),
                          "be rows of equal length");
  answer.seconds = record["seconds"].real(0);
  check_lengths(answer, where);
  return answer;
}

}  // namespace routedk::eval
