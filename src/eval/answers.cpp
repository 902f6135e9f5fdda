#include "routedk/eval/answers.h"

#include "routedk/bundle/answer.h"
#include "routedk/bundle/expert_input.h"
#include "routedk/eval/vote.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

namespace routedk::eval {
namespace {

using bundle::Session;

SessionAnswer vote_on(const Session& session, const decode::Generation& generation,
                      const text::Tokenizer& tokenizer) {
  SessionAnswer answer;
  answer.session = session.id;
  std::vector<Ballot> ballots;
  for (const decode::Candidate& candidate : generation.candidates) {
    const auto parsed = candidate.finished ? bundle::parse_answer(tokenizer.decode(candidate.ids, true),
                                                                  static_cast<int>(session.items.size()))
                                           : std::nullopt;
    Ballot ballot{std::nullopt, candidate.logprob};
    bundle::Prediction items;
    if (parsed) {
      ballot.answer = bundle::normalised(*parsed);
      items = bundle::to_items(session, *ballot.answer);
    }
    ballots.push_back(std::move(ballot));
    answer.candidates.push_back(std::move(items));
    answer.logprobs.push_back(candidate.logprob);
  }
  const VoteResult vote = majority_vote(ballots);
  answer.share = vote.share;
  if (vote.answer) {
    answer.prediction = bundle::to_items(session, *vote.answer);
  }
  for (const at::Tensor& row : generation.alpha.unbind(0)) {
    const at::Tensor weights = row.contiguous();
    answer.alpha.emplace_back(weights.const_data_ptr<float>(),
                              weights.const_data_ptr<float>() + weights.numel());
  }
  return answer;
}

/// No bundle is possible: the empty answer, without asking the model.
SessionAnswer empty_answer(const Session& session) {
  SessionAnswer answer;
  answer.session = session.id;
  answer.prediction = bundle::Answer{};
  answer.share = 1.0;
  return answer;
}

std::map<bundle::SessionId, SessionAnswer> answers_in(const std::filesystem::path& file) {
  std::map<bundle::SessionId, SessionAnswer> known;
  if (std::filesystem::exists(file)) {
    io::read_jsonl(file, [&](const io::Json& json, std::int64_t line) {
      SessionAnswer answer = session_answer_from_json(json, fmt::format("{}:{}", file.string(), line));
      known[answer.session] = std::move(answer);
    });
  }
  return known;
}

}  // namespace

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
  const auto generations = decoder.generate(gate, prompts, setting.generate);
  std::vector<SessionAnswer> answers;
  auto generation = generations.begin();
  for (const Session& session : sessions) {
    answers.push_back(session.items.size() >= 2 ? vote_on(session, *generation++, setting.encoder.tokenizer())
                                                : empty_answer(session));
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
  io::JsonlWriter writer(file);  // cuts a torn last line before it is read
  auto known = answers_in(file);
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
