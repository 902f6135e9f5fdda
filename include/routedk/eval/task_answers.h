/// What a system makes of the examples of a user's own task: how likely it takes their answers to be, and
/// which texts it writes itself.
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

/// An answer's place in a file of examples: its line, and which of the assistant's turns there.
using TaskPlace = std::pair<std::int64_t, std::int64_t>;

/// What is right.
struct TaskGold {
  TaskPlace place{};
  std::string expert;                   ///< whose line it is; "": everybody's
  std::vector<std::string> references;  ///< the best counts
};

struct TaskAnswer {
  TaskPlace place{};
  double loss = 0.0;                      ///< -log p of the example's answer, nats, summed over its tokens
  std::int64_t tokens = 0;                ///< of that answer, end of turn included
  std::string greedy;                     ///< what taking the likeliest token each time writes
  std::vector<std::string> candidates;    // [N] sampled; none where nothing is voted for
  std::vector<double> logprobs;           // [N] of the candidates, summed over tokens at T = 1
  std::vector<std::vector<float>> alpha;  // [L][K]
  double seconds = 0.0;                   ///< this example's share of its batch's time
};

/// {"line": 3, "turn": 1, "loss": ..., "tokens": ..., "greedy": ..., "candidates": [...], "logprobs": [...],
/// "alpha": [[...]], "seconds": ...}
io::Json to_json(const TaskAnswer& answer);
/// The reverse. FileError.
TaskAnswer task_answer_from_json(const io::JsonField& json);
using TaskAnswers = std::map<TaskPlace, TaskAnswer>;
/// FileError.
TaskAnswers read_task_answers(const std::filesystem::path& file);

/// -log p of each example's answer, in their order, nats summed over its tokens; of an ensemble under the
/// mean of its members' distributions. `max_tokens` run together.
std::vector<double> task_losses(const experts::RoutedModel& model, const experts::Gate& gate,
                                std::span<const train::Example* const> examples, std::int64_t max_tokens);

/// How examples are answered.
struct TaskSetting {
  const text::Tokenizer& tokenizer;
  decode::GenerateOptions generate;  ///< of the candidates; of the greedy answer all but sampling's
  std::int64_t max_tokens = 4096;    ///< of a pass that computes losses
};

/// Losses and greedy answers of one batch, no candidates yet.
std::vector<TaskAnswer> answer_task_batch(const decode::Decoder& decoder, const experts::Gate& gate,
                                          std::span<const train::Example* const> examples,
                                          const TaskSetting& setting);
/// Draws so many candidates of each example that its answer has `setting.generate.samples`; all must have
/// equally many. Those that are there are left alone: draws are keyed by a sample's number.
void draw_candidates(const decode::Decoder& decoder, const experts::Gate& gate,
                     std::span<const train::Example* const> examples, const TaskSetting& setting,
                     std::span<TaskAnswer> answers);

/// The most frequent of several texts.
struct TaskVote {
  std::string text;
  double share = 0.0;  ///< of the candidates that are the same
};
/// Texts are the same where they differ in white space alone; ties go to the one with the higher
/// log-probability, then to the smaller text. At least 1 candidate.
TaskVote vote_of(std::span<const std::string> candidates, std::span<const double> logprobs);

/// 1 where the text is one of the references, but for white space.
double exact_match(const std::string& text, std::span<const std::string> references);
/// The best of the references (text/rouge.h).
double best_rouge_l(const std::string& text, std::span<const std::string> references);

}  // namespace routedk::eval
