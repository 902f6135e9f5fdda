/// A system's results on the examples of a user's own task: how likely it finds their answers, and which
/// texts it writes itself.
#pragma once

#include "routedk/decode/decoder.h"
#include "routedk/io/json_field.h"
#include "routedk/text/tokenizer.h"
#include "routedk/train/example.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace routedk::eval {

/// An answer's place in a file of examples: the line, and the number of the assistant turn in it.
using TaskPlace = std::pair<std::int64_t, std::int64_t>;

/// The expected answer.
struct TaskGold {
  TaskPlace place{};
  std::string expert;                   ///< the line's expert; "": all experts
  std::vector<std::string> references;  ///< the best match counts
};

struct TaskAnswer {
  TaskPlace place{};
  double loss = 0.0;                      ///< -log p of the example's answer, nats, summed over its tokens
  std::int64_t tokens = 0;                ///< number of those tokens, end of turn included
  std::string greedy;                     ///< text of greedy decoding
  std::vector<std::string> candidates;    // [N] sampled; empty without a vote
  std::vector<double> logprobs;           // [N] per candidate, summed over tokens at T = 1
  std::vector<std::vector<float>> alpha;  // [L][K]
  double seconds = 0.0;                   ///< this example's share of its batch's time
};

/// {"line": 3, "turn": 1, "loss": ..., "tokens": ..., "greedy": ..., "candidates": [...], "logprobs": [...],
/// "alpha": [[...]], "seconds": ...}
io::Json to_json(const TaskAnswer& answer);
/// The inverse of to_json. FileError.
TaskAnswer task_answer_from_json(const io::JsonField& json);
using TaskAnswers = std::map<TaskPlace, TaskAnswer>;
/// FileError.
TaskAnswers read_task_answers(const std::filesystem::path& file);

/// -log p of each example's answer, in order, in nats summed over its tokens; for an ensemble, under the mean
/// of its members' distributions. At most `max_tokens` per pass.
std::vector<double> task_losses(const experts::RoutedModel& model, const experts::Gate& gate,
                                std::span<const train::Example* const> examples, std::int64_t max_tokens);

/// How examples are answered.
struct TaskSetting {
  const text::Tokenizer& tokenizer;
  decode::GenerateOptions generate;  ///< for candidates; greedy answers ignore the sampling options
  std::int64_t max_tokens = 4096;    ///< per pass that computes losses
};

/// Losses and greedy answers of one batch, without candidates.
std::vector<TaskAnswer> answer_task_batch(const decode::Decoder& decoder, const experts::Gate& gate,
                                          std::span<const train::Example* const> examples,
                                          const TaskSetting& setting);
/// Samples the missing candidates, so that each answer has `setting.generate.samples`; all must have equally
/// many before. Existing ones are kept: draws are keyed by the sample's number.
void draw_candidates(const decode::Decoder& decoder, const experts::Gate& gate,
                     std::span<const train::Example* const> examples, const TaskSetting& setting,
                     std::span<TaskAnswer> answers);

/// The most frequent of several texts.
struct TaskVote {
  std::string text;
  double share = 0.0;  ///< of the candidates with this text
};
/// Texts that differ only in white space are the same; ties go to the higher log-probability, then to the
/// smaller text. At least 1 candidate.
TaskVote vote_of(std::span<const std::string> candidates, std::span<const double> logprobs);

/// 1 if the text equals one of the references up to white space.
double exact_match(const std::string& text, std::span<const std::string> references);
/// The ROUGE-L with the best reference (text/rouge.h).
double best_rouge_l(const std::string& text, std::span<const std::string> references);

}  // namespace routedk::eval
