#include "routedk/eval/answers.h"

#include "routedk/bundle/expert_input.h"
#include "routedk/core/error.h"
#include "routedk/eval/verifier.h"
#include "routedk/io/json_field.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include <fmt/format.h>

namespace routedk::eval {
namespace {

using bundle::Session;

bundle::Prediction parsed(const Session& session, const decode::Candidate& candidate,
                          const text::Tokenizer& tokenizer) {
  const auto answer = candidate.finished ? bundle::parse_answer(tokenizer.decode(candidate.ids, true),
                                                                static_cast<int>(session.items.size()))
                                         : std::nullopt;
  return answer ? bundle::Prediction(bundle::to_items(session, bundle::normalised(*answer)))
                : bundle::Prediction();
}

/// As stored in a record, so that an answer is the same before and after writing.
std::vector<float> four_decimals(std::vector<float> values) {
  for (float& value : values) {
    value = static_cast<float>(std::round(1e4 * static_cast<double>(value)) / 1e4);
  }
  return values;
}

/// The candidates of a session of at least 2 items, without selections.
SessionAnswer answer_of(const Session& session, const decode::Generation& generation,
                        const AnswerSetting& setting) {
  SessionAnswer answer;
  answer.session = session.id;
  for (const decode::Candidate& candidate : generation.candidates) {
    answer.candidates.push_back(parsed(session, candidate, setting.encoder.tokenizer()));
    answer.logprobs.push_back(candidate.logprob);
    answer.constrained_logprobs.push_back(candidate.constrained_logprob);
    answer.tokens.push_back(static_cast<std::int64_t>(candidate.ids.size()) + (candidate.finished ? 1 : 0));
    if (setting.generate.pool_hidden || setting.verifier != nullptr) {
      answer.pooled.push_back(four_decimals(candidate.pooled));
    }
  }
  if (setting.verifier != nullptr) {
    answer.verifier = setting.verifier->scores(session, answer);
    answer.pooled.clear();
  }
  for (const at::Tensor& row : generation.alpha.unbind(0)) {
    const at::Tensor contiguous = row.contiguous();
    const auto weights = contiguous.accessor<float, 1>();
    answer.alpha.emplace_back(weights.data(), weights.data() + weights.size(0));
  }
  return answer;
}

/// No bundle is possible: no candidates, without running the model.
SessionAnswer without_candidates(const Session& session) {
  SessionAnswer answer;
  answer.session = session.id;
  return answer;
}

Selection select_one(const Session& session, const Choice& choice, std::span<const Ballot> ballots) {
  const bool possible = session.items.size() >= 2;
  if (possible && (choice.samples < 1 || choice.samples > static_cast<std::int64_t>(ballots.size()))) {
    throw_<ConfigError>("a choice must use 1 to {} candidates of session {}, but uses {}", ballots.size(),
                        session.id, choice.samples);
  }
  const VoteResult chosen =
      possible ? select(choice.rule, ballots.first(static_cast<std::size_t>(choice.samples)), choice.utility)
               : VoteResult{bundle::ProductAnswer{}, 1.0};
  Selection selection{choice, {}, chosen.share, false, chosen.expected_utility};
  if (chosen.answer) {
    selection.prediction = bundle::to_items(session, *chosen.answer);
  }
  selection.hit =
      bundle::score_session(session, selection.prediction).numerator[bundle::Metric::kExactMatch] > 0.0;
  return selection;
}

/// Rejects a file written by another run.
void check_stored(const Session& session, const SessionAnswer& answer, const AnswerSetting& setting,
                  const std::filesystem::path& file) {
  const auto samples = static_cast<std::size_t>(session.items.size() >= 2 ? setting.generate.samples : 0);
  if (answer.candidates.size() != samples) {
    throw_<FileError>(
        "a file of answers must hold the {} candidates asked for, but holds {} of session {} ({}); remove it "
        "to answer again",
        samples, answer.candidates.size(), session.id, file.string());
  }
  const std::size_t scores = setting.verifier != nullptr ? samples : 0;
  const std::size_t pooled = setting.verifier == nullptr && setting.generate.pool_hidden ? samples : 0;
  if (answer.verifier.size() < scores || answer.pooled.size() < pooled) {
    throw_<FileError>(
        "a file of answers must hold {} for each candidate, but holds none of session {} ({}); remove it to "
        "answer again",
        scores > 0 ? "a verifier's score" : "a pooled state", session.id, file.string());
  }
}

/// The given weights as a gate for a batch's prompts, on the model's device.
experts::FrozenGate given_gate(std::span<const Session> sessions,
                               const std::map<bundle::SessionId, at::Tensor>& alpha, at::Device device) {
  std::vector<at::Tensor> of_prompts;
  for (const Session& session : sessions) {
    if (session.items.size() >= 2) {
      of_prompts.push_back(alpha.at(session.id));
    }
  }
  std::vector<experts::GateRows> layers;
  if (!of_prompts.empty()) {
    for (const at::Tensor& layer : at::stack(of_prompts, 1).unbind(0)) {  // [L,S,K]
      layers.push_back({layer.contiguous().to(device), {}});
    }
  }
  return experts::FrozenGate(std::move(layers));
}

}  // namespace

AnswersBySession read_answers(const std::filesystem::path& file) {
  AnswersBySession answers;
  std::optional<std::pair<std::size_t, std::size_t>> shape;  // of alpha: [L,K]
  io::read_records(file, [&](const io::JsonField& record) {
    SessionAnswer answer = session_answer_from_json(record.value(), record.source());
    if (!answer.alpha.empty()) {
      const std::pair own(answer.alpha.size(), answer.alpha.front().size());
      record["alpha"].require(shape.value_or(own) == own, "have the same shape as in earlier lines");
      shape = own;
    }
    const bundle::SessionId session = answer.session;
    answers[session] = std::move(answer);
  });
  return answers;
}

std::vector<Ballot> ballots_of(const Session& session, const SessionAnswer& answer) {
  std::vector<Ballot> ballots;
  for (std::size_t i = 0; i < answer.candidates.size(); ++i) {
    Ballot ballot{std::nullopt, answer.logprobs[i], answer.tokens[i],
                  answer.verifier.empty() ? 0.0 : answer.verifier[i]};
    if (answer.candidates[i]) {
      ballot.answer = bundle::normalised(bundle::to_products(session, *answer.candidates[i]));
    }
    ballots.push_back(std::move(ballot));
  }
  return ballots;
}

SessionAnswer first_candidates(SessionAnswer answer, std::int64_t samples) {
  const auto cut = [samples](auto& list) {
    list.resize(std::min(list.size(), static_cast<std::size_t>(samples)));
  };
  cut(answer.candidates);
  cut(answer.logprobs);
  cut(answer.constrained_logprobs);
  cut(answer.tokens);
  cut(answer.verifier);
  cut(answer.pooled);
  return answer;
}

SessionAnswer joined(SessionAnswer answer, const SessionAnswer& more) {
  const auto append = [](auto& list, const auto& next) { list.insert(list.end(), next.begin(), next.end()); };
  append(answer.candidates, more.candidates);
  append(answer.logprobs, more.logprobs);
  append(answer.constrained_logprobs, more.constrained_logprobs);
  append(answer.tokens, more.tokens);
  append(answer.verifier, more.verifier);
  append(answer.pooled, more.pooled);
  answer.seconds += more.seconds;
  return answer;
}

double confidence(const SessionAnswer& answer) {
  return answer.expected_utility.value_or(answer.share);
}

void choose(const Session& session, std::span<const Choice> choices, SessionAnswer& answer) {
  const std::vector<Ballot> ballots = ballots_of(session, answer);
  Choice first = choices.empty() ? Choice() : choices.front();
  first.samples = static_cast<std::int64_t>(ballots.size());
  Selection of_all = select_one(session, first, ballots);
  answer.prediction = std::move(of_all.prediction);
  answer.share = of_all.share;
  answer.expected_utility = of_all.expected_utility;
  answer.selections.clear();
  for (const Choice& choice : choices) {
    answer.selections.push_back(select_one(session, choice, ballots));
  }
}

void choose_again(const Session& session, std::span<const Choice> choices, SessionAnswer& answer,
                  const std::filesystem::path& file) {
  try {
    choose(session, choices, answer);
  } catch (const UserError& error) {
    throw FileError(fmt::format("{} ({})", error.what(), file.string()));
  }
}

std::vector<SessionAnswer> answer_batch(const decode::Decoder& decoder, const experts::Gate& gate,
                                        std::span<const Session> sessions, const AnswerSetting& setting) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<decode::Prompt> prompts;
  for (const Session& session : sessions) {
    if (session.items.size() >= 2) {
      const auto products = static_cast<int>(session.items.size());
      prompts.push_back({setting.encoder.prompt(bundle::inference_prompt(setting.templates, session)),
                         static_cast<std::uint64_t>(session.id),
                         setting.constrain ? setting.encoder.answer_automaton(products) : nullptr});
    }
  }
  decode::GenerateOptions generate = setting.generate;
  generate.pool_hidden = generate.pool_hidden || setting.verifier != nullptr;
  const auto generations =
      setting.alpha.empty()
          ? decoder.generate(gate, prompts, generate)
          : decoder.generate(given_gate(sessions, setting.alpha, decoder.model().backbone().device()),
                             prompts, generate);
  std::vector<SessionAnswer> answers;
  auto generation = generations.begin();
  for (const Session& session : sessions) {
    answers.push_back(session.items.size() >= 2 ? answer_of(session, *generation++, setting)
                                                : without_candidates(session));
    choose(session, setting.choices, answers.back());
  }
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  for (SessionAnswer& answer : answers) {
    answer.seconds = spent.count() / static_cast<double>(answers.size());
  }
  return answers;
}

std::vector<SessionAnswer> answer_sessions(const decode::Decoder& decoder, const experts::Gate& gate,
                                           std::span<const Session> sessions, const AnswerSetting& setting,
                                           const std::filesystem::path& file,
                                           const std::function<void(std::int64_t)>& on_batch) {
  io::JsonlWriter writer(file);  // removes an incomplete last line before the file is read
  AnswersBySession known = std::filesystem::exists(file) ? read_answers(file) : AnswersBySession();
  for (const Session& session : sessions) {
    if (const auto stored = known.find(session.id); stored != known.end()) {
      check_stored(session, stored->second, setting, file);
      choose_again(session, setting.choices, stored->second, file);
    }
  }
  std::vector<SessionAnswer> answers;
  for (std::size_t begin = 0; begin < sessions.size();
       begin += static_cast<std::size_t>(setting.batch_sessions)) {
    const auto batch = sessions.subspan(
        begin, std::min(static_cast<std::size_t>(setting.batch_sessions), sessions.size() - begin));
    const bool whole =
        std::all_of(batch.begin(), batch.end(), [&](const Session& s) { return known.contains(s.id); });
    std::vector<SessionAnswer> fresh;
    if (whole) {
      std::transform(batch.begin(), batch.end(), std::back_inserter(fresh),
                     [&](const Session& s) { return known[s.id]; });
    } else {
      fresh = answer_batch(decoder, gate, batch, setting);
      for (const SessionAnswer& answer : fresh) {
        if (!known.contains(answer.session)) {
          writer.append(to_json(answer));
        }
      }
      writer.sync();
    }
    std::move(fresh.begin(), fresh.end(), std::back_inserter(answers));
    on_batch(static_cast<std::int64_t>(answers.size()));
  }
  return answers;
}

}  // namespace routedk::eval
