#include "routedk/workflow/predict/predict.h"

#include "routedk/bundle/dataset.h"
#include "routedk/bundle/expert_input.h"
#include "routedk/core/crowding.h"
#include "routedk/core/error.h"
#include "routedk/eval/answers.h"
#include "routedk/model/weight_source.h"
#include "routedk/workflow/experiment/experiment.h"
#include "routedk/workflow/steps/answer_setting.h"

#include <algorithm>
#include <map>
#include <span>

#include "asked_session.h"
#include "chosen_model.h"
#include <fmt/format.h>

namespace routedk::workflow {
namespace {

using bundle::Prediction;
using io::Json;

void check_settings(const ExperimentConfig& config) {
  if (!config.data.examples.empty()) {
    throw_<ConfigError>("`data.examples` must be empty to answer sessions, but is {} instead: use --prompt",
                        config.data.examples);
  }
  for (const bundle::Relation relation : config.prompt.relations) {
    if (relation != bundle::Relation::kTitleSimilarity) {
      throw_<ConfigError>(
          "`prompt.relations` must be title_similarity alone to answer sessions from outside a data set, but "
          "has {} instead",
          relation);
    }
  }
}

/// `decode:` under `predict:`.
DecodeConfig decode_settings(const ExperimentConfig& config) {
  DecodeConfig decode = config.decode;
  decode.select = config.predict.select.value_or(decode.select);
  decode.utility = config.predict.utility.value_or(decode.utility);
  decode.expectation = config.predict.expectation.value_or(decode.expectation);
  if (decode.select == eval::SelectRule::kVerifier) {
    throw_<ConfigError>(
        "`predict.select` (null: `decode.select`) must be a rule that needs no training, but is {} instead",
        decode.select);
  }
  return decode;
}

/// Relations of titles from anywhere, words as rare as in the run's domain.
std::shared_ptr<const bundle::ItemRelations> relations_of(const ExperimentConfig& config) {
  if (config.prompt.relations.empty()) {
    return nullptr;
  }
  const auto data =
      bundle::load_dataset({data_folder(config.data.dir), config.data.domain, config.data.untitled});
  bundle::RelationOptions options{{bundle::Relation::kTitleSimilarity},
                                  config.prompt.relation_pairs,
                                  config.prompt.min_similarity,
                                  /*by_title=*/true};
  return std::make_shared<const bundle::ItemRelations>(std::span<const bundle::Session>(),
                                                       bundle::TfIdf(data.titles), options);
}

std::shared_ptr<const bundle::WorkedExamples> examples_of(const ExperimentConfig& config) {
  if (config.prompt.examples == 0) {
    return nullptr;
  }
  const auto data =
      bundle::load_dataset({data_folder(config.data.dir), config.data.domain, config.data.untitled});
  return worked_examples_of(config.prompt, data, split_of(config, data));
}

void check_length(const AskedSession& asked, const eval::AnswerSetting& setting, std::int64_t context) {
  const auto prompt = bundle::inference_prompt(setting.templates, asked.session);
  const auto tokens = static_cast<std::int64_t>(setting.encoder.prompt(prompt).size());
  if (tokens >= context) {
    throw_<DataError>(
        "a session's prompt must leave room for an answer in the model's context of {} tokens, but has {} "
        "({})",
        context, tokens, asked.place);
  }
}

/// Bundles, each item called as `names` (one an item) has it; null where there is no answer.
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

/// What there is to say beside the bundles; often nothing.
std::string note_on(const AskedSession& asked, const Prediction& prediction,
                    const eval::AnswerSetting& setting) {
  if (asked.titles.size() < 2) {
    return "a bundle needs at least 2 items";
  }
  if (!prediction) {
    return fmt::format("none of the {} candidates {}", setting.generate.samples,
                       setting.constrain
                           ? fmt::format("ended within decode.max_new_tokens = {} and the model's context",
                                         setting.generate.max_new_tokens)
                           : "is an answer in the required form");
  }
  return prediction->empty() ? "the model sees no bundle" : "";
}

/// Distinct candidates with their votes, most votes first; those that did not parse have none.
Json candidates_of(const AskedSession& asked, const eval::SessionAnswer& answer) {
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

Json answer_json(const AskedSession& asked, const eval::SessionAnswer& answer,
                 const eval::AnswerSetting& setting) {
  Json json = Json::object();
  if (asked.given) {
    json["session"] = *asked.given;
  }
  json["bundles"] = named(answer.prediction, asked.names);
  json["titles"] = named(answer.prediction, asked.titles);
  json["confidence"] = eval::confidence(answer);
  if (const std::string note = note_on(asked, answer.prediction, setting); !note.empty()) {
    json["note"] = note;
  }
  return json;
}

void add_why(Json& json, const AskedSession& asked, const eval::SessionAnswer& answer,
             const std::vector<std::string>& experts) {
  json["candidates"] = candidates_of(asked, answer);
  json["experts"] = experts;
  json["alpha"] = experts.empty() ? Json::array() : Json(answer.alpha);
}

}  // namespace

void predict(const ModelChoice& choice, const PredictOptions& options, std::istream& in, std::ostream& out) {
  const std::vector<AskedSession> asked = read_sessions(in);
  const ExperimentConfig config = settings_of(choice);
  check_settings(config);
  const DecodeConfig decode = decode_settings(config);
  auto templates = bundle::PromptTemplates::load(config.prompts, relations_of(config));
  templates.show(examples_of(config));
  const auto encoder = bundle::SessionEncoder::load(config.model.path, config.model.chat);
  const eval::AnswerSetting setting = answer_setting(decode, templates, encoder);
  const std::int64_t context = model::WeightSource::open(config.model.path)->config().context;
  std::vector<bundle::Session> sessions;
  for (const AskedSession& one : asked) {
    check_length(one, setting, context);
    sessions.push_back(one.session);
  }
  const ChosenModel chosen = load_chosen(choice, config);
  const decode::Decoder decoder(chosen.model, decode.kernels);
  const auto batch = static_cast<std::size_t>(setting.batch_sessions);
  for (std::size_t begin = 0; begin < sessions.size(); begin += batch) {
    const auto together =
        std::span<const bundle::Session>(sessions).subspan(begin, std::min(batch, sessions.size() - begin));
    const auto answers = eval::answer_batch(decoder, *chosen.gate, together, setting);
    for (std::size_t i = 0; i < answers.size(); ++i) {
      Json json = answer_json(asked[begin + i], answers[i], setting);
      if (options.why) {
        add_why(json, asked[begin + i], answers[i], chosen.experts);
      }
      out << json.dump(options.pretty ? 2 : -1) << '\n' << std::flush;
    }
    look_for_crowding();
  }
}

}  // namespace routedk::workflow
