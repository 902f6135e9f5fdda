#include "routedk/workflow/predict/predict.h"

#include "routedk/bundle/expert_input.h"
#include "routedk/core/crowding.h"
#include "routedk/core/error.h"
#include "routedk/core/progress.h"
#include "routedk/eval/answers.h"
#include "routedk/model/weight_source.h"
#include "routedk/workflow/predict/chosen_model.h"
#include "routedk/workflow/predict/run_kit.h"
#include "routedk/workflow/steps/answer_setting.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "asked_session.h"
#include "asked_table.h"
#include "session_reply.h"
#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

using io::Json;

void check_settings(const ExperimentConfig& config) {
  if (!config.data.examples.empty()) {
    throw_<ConfigError>("`data.examples` must be empty to answer sessions, but is {} instead: use --prompt",
                        config.data.examples);
  }
}

/// The settings of `decode:`, overridden by `predict:`.
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

/// DataError if a window leaves no room for an answer.
void check_length(const AskedSession& asked, const eval::AnswerSetting& setting, std::int64_t context) {
  for (const bundle::Session& window : asked.windows) {
    const auto prompt = bundle::inference_prompt(setting.templates, window);
    const auto tokens = static_cast<std::int64_t>(setting.encoder.prompt(prompt).size());
    if (tokens >= context) {
      throw_<DataError>(
          "a session's prompt must leave room for an answer in the model's context of {} tokens, but has {} "
          "({})",
          context, tokens, asked.place);
    }
  }
}

struct Questions {
  std::vector<AskedSession> sessions;
  std::string header;  ///< of a table's answers
};

Questions read_questions(const PredictOptions& options, std::istream& in, Attempts& attempts) {
  if (options.typed_in) {
    fmt::print(stderr, "reading sessions, {}, until the end of input (Ctrl-D)\n",
               options.table ? "a CSV table" : "one JSON list of titles a line");
  }
  const std::string text = io::read_stream(in, kAskedSource, kMostTableBytes);
  if (!options.table) {
    return {read_sessions(text, attempts), ""};
  }
  AskedTable table = read_table(text, *options.table, attempts);
  return {std::move(table.sessions), answered_header(table)};
}

std::vector<bundle::Session> windows_of(const std::vector<AskedSession>& sessions) {
  std::vector<bundle::Session> windows;
  for (const AskedSession& asked : sessions) {
    windows.insert(windows.end(), asked.windows.begin(), asked.windows.end());
  }
  return windows;
}

std::string text_of(const AskedSession& asked, std::span<const eval::SessionAnswer> answers,
                    const eval::AnswerSetting& setting, const PredictOptions& options,
                    const std::vector<std::string>& experts) {
  const SessionReply reply = reply_of(asked, answers, setting);
  if (options.table) {
    return answered_rows(asked, reply.prediction.value_or(bundle::Answer()), reply.confidence, reply.note);
  }
  Json json = reply_json(asked, reply);
  if (options.why) {
    add_why(json, asked, answers, experts);
  }
  return json.dump(options.pretty ? 2 : -1) + "\n";
}

/// Answers the windows, `batch_sessions` at a time, and writes a session once all its windows are answered.
void answer_all(const std::vector<AskedSession>& sessions, const ChosenModel& chosen,
                const decode::Decoder& decoder, const eval::AnswerSetting& setting,
                const PredictOptions& options, std::ostream& out) {
  std::optional<Progress> progress;
  if (options.progress) {
    progress.emplace("predict", static_cast<std::int64_t>(sessions.size()), "sessions");
  }
  const std::vector<bundle::Session> windows = windows_of(sessions);
  const auto batch = static_cast<std::size_t>(setting.batch_sessions);
  std::vector<eval::SessionAnswer> answers;  // of the windows, starting with the first unwritten session
  auto next = sessions.begin();
  for (std::size_t begin = 0; begin < windows.size(); begin += batch) {
    const auto together = std::span(windows).subspan(begin, std::min(batch, windows.size() - begin));
    auto fresh = eval::answer_batch(decoder, *chosen.gate, together, setting);
    std::move(fresh.begin(), fresh.end(), std::back_inserter(answers));
    std::size_t written = 0;
    const auto first = next;
    for (; next != sessions.end() && written + next->windows.size() <= answers.size(); ++next) {
      const auto own = std::span(answers).subspan(written, next->windows.size());
      out << text_of(*next, own, setting, options, chosen.experts) << std::flush;
      written += next->windows.size();
    }
    if (progress && next != first) {
      progress->advance(next - first);
    }
    answers.erase(answers.begin(), answers.begin() + static_cast<std::ptrdiff_t>(written));
    look_for_crowding();
  }
  if (progress) {
    progress->finish();
  }
}

/// Whether the command line names no model: that of the settings' defaults is untrained.
bool names_no_model(const ModelChoice& choice) {
  return choice.run.empty() && choice.adapters.empty() && choice.model.empty() &&
         std::none_of(choice.assignments.begin(), choice.assignments.end(),
                      [](const std::string& assignment) { return assignment.starts_with("model.path="); });
}

}  // namespace

void predict(const ModelChoice& choice, const PredictOptions& options, std::istream& in, std::ostream& out) {
  const ExperimentConfig config = settings_of(choice);
  check_settings(config);
  check_folders(choice, config);
  const DecodeConfig decode = decode_settings(config);
  const auto templates = answering_templates(choice.run, config);
  const std::int64_t context = model::WeightSource::open(config.model.path)->config().context;
  const auto encoder = bundle::SessionEncoder::load(config.model.path, config.model.chat);
  const eval::AnswerSetting setting = answer_setting(decode, templates, encoder);

  Attempts attempts(options.strict);
  Questions asked = read_questions(options, in, attempts);
  std::erase_if(asked.sessions, [&](const AskedSession& session) {
    return !attempts.attempt([&] { check_length(session, setting, context); });
  });
  out << asked.header;
  if (!asked.sessions.empty()) {
    if (names_no_model(choice)) {
      spdlog::warn("these answers are those of an untrained model: --run RUN takes a trained one");
    }
    const ChosenModel chosen = load_chosen(choice, config);
    const decode::Decoder decoder(chosen.model, decode.kernels);
    answer_all(asked.sessions, chosen, decoder, setting, options, out);
  }
  attempts.finish(asked.sessions.size());
}

}  // namespace routedk::workflow
