#include "routedk/eval/task_answers.h"

#include "routedk/bundle/plain_text.h"
#include "routedk/text/rouge.h"
#include "routedk/train/answer_loss.h"
#include "routedk/train/packed_batch.h"

#include <algorithm>
#include <chrono>
#include <iterator>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace routedk::eval {
namespace {

using Examples = std::span<const train::Example* const>;

/// [A] F64 on the CPU, one loss per answer token of a batch.
at::Tensor token_losses_of(const experts::RoutedModel& model, const experts::Gate& gate,
                           const train::PackedBatch& batch) {
  std::vector<at::Tensor> of_members;
  for (const experts::Gate* member : gate.members()) {
    of_members.push_back(
        train::answer_loss(model, {*member, batch}).token_losses.to(at::kCPU).to(at::kDouble));
  }
  if (of_members.size() == 1) {
    return of_members.front();
  }
  return at::stack(of_members).neg().exp().mean(0).log().neg();
}

std::vector<std::vector<float>> weights_of(const at::Tensor& alpha) {
  std::vector<std::vector<float>> layers;
  for (const at::Tensor& row : alpha.unbind(0)) {
    const at::Tensor contiguous = row.contiguous();
    const auto weights = contiguous.accessor<float, 1>();
    layers.emplace_back(weights.data(), weights.data() + weights.size(0));
  }
  return layers;
}

std::vector<decode::Generation> generated(const decode::Decoder& decoder, const experts::Gate& gate,
                                          Examples examples, const decode::GenerateOptions& options) {
  std::vector<decode::Prompt> prompts;
  for (const train::Example* const example : examples) {
    prompts.push_back({example->prompt, example->key, nullptr});
  }
  return decoder.generate(gate, prompts, options);
}

/// Time since construction, shared equally by the answers of a batch.
class SharedTime {
 public:
  void add_to(std::span<TaskAnswer> answers) const {
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start_;
    for (TaskAnswer& answer : answers) {
      answer.seconds += spent.count() / static_cast<double>(answers.size());
    }
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

decode::GenerateOptions greedy(decode::GenerateOptions options) {
  options.samples = 1;
  options.sampling = {};
  options.sampling.temperature = 0.0;
  return options;
}

std::vector<double> reals_of(const io::JsonField& list) {
  std::vector<double> numbers;
  for (const io::JsonField& number : list.items()) {
    numbers.push_back(number.real());
  }
  return numbers;
}

}  // namespace

io::Json to_json(const TaskAnswer& answer) {
  return {{"line", answer.place.first},  {"turn", answer.place.second}, {"loss", answer.loss},
          {"tokens", answer.tokens},     {"greedy", answer.greedy},     {"candidates", answer.candidates},
          {"logprobs", answer.logprobs}, {"alpha", answer.alpha},       {"seconds", answer.seconds}};
}

TaskAnswer task_answer_from_json(const io::JsonField& json) {
  TaskAnswer answer;
  answer.place = {json["line"].integer(1), json["turn"].integer(1)};
  answer.loss = json["loss"].real(0.0);
  answer.tokens = json["tokens"].integer(1);
  answer.greedy = json["greedy"].text();
  answer.candidates = json["candidates"].texts();
  answer.logprobs = reals_of(json["logprobs"]);
  json["logprobs"].require(answer.logprobs.size() == answer.candidates.size(), "be one for each candidate");
  for (const io::JsonField& layer : json["alpha"].items()) {
    const std::vector<double> weights = reals_of(layer);
    layer.require(!weights.empty() && (answer.alpha.empty() || answer.alpha[0].size() == weights.size()),
                  "have a weight for each expert, as the other layers");
    answer.alpha.emplace_back(weights.begin(), weights.end());
  }
  answer.seconds = json["seconds"].real(0.0);
  return answer;
}

TaskAnswers read_task_answers(const std::filesystem::path& file) {
  TaskAnswers answers;
  io::read_records(file, [&](const io::JsonField& record) {
    TaskAnswer answer = task_answer_from_json(record);
    answers[answer.place] = std::move(answer);
  });
  return answers;
}

std::vector<double> task_losses(const experts::RoutedModel& model, const experts::Gate& gate,
                                Examples examples, std::int64_t max_tokens) {
  const at::NoGradGuard no_grad;
  std::map<std::uint64_t, std::size_t> places;  // by key
  for (std::size_t i = 0; i < examples.size(); ++i) {
    places[examples[i]->key] = i;
  }
  std::vector<double> losses(examples.size());
  for (const train::PackedBatch& batch :
       train::pack_all({examples.begin(), examples.end()}, max_tokens, model.backbone().device())) {
    const at::Tensor of_tokens = token_losses_of(model, gate, batch);
    std::int64_t first = 0;
    for (const std::uint64_t key : batch.keys) {
      const std::size_t place = places.at(key);
      const auto count = static_cast<std::int64_t>(examples[place]->answer.size());
      losses[place] = of_tokens.narrow(0, first, count).sum().item<double>();
      first += count;
    }
  }
  return losses;
}

std::vector<TaskAnswer> answer_task_batch(const decode::Decoder& decoder, const experts::Gate& gate,
                                          Examples examples, const TaskSetting& setting) {
  const SharedTime time;
  const std::vector<double> losses = task_losses(decoder.model(), gate, examples, setting.max_tokens);
  const auto likeliest = generated(decoder, gate, examples, greedy(setting.generate));
  std::vector<TaskAnswer> answers(examples.size());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    answers[i].loss = losses[i];
    answers[i].tokens = static_cast<std::int64_t>(examples[i]->answer.size());
    answers[i].greedy = setting.tokenizer.decode(likeliest[i].candidates.front().ids, true);
    answers[i].alpha = weights_of(likeliest[i].alpha);
  }
  time.add_to(answers);
  return answers;
}

void draw_candidates(const decode::Decoder& decoder, const experts::Gate& gate, Examples examples,
                     const TaskSetting& setting, std::span<TaskAnswer> answers) {
  decode::GenerateOptions options = setting.generate;
  options.first_sample = answers.empty() ? 0 : std::ssize(answers.front().candidates);
  options.samples -= options.first_sample;
  if (answers.empty() || options.samples <= 0) {
    return;
  }
  const SharedTime time;
  const auto drawn = generated(decoder, gate, examples, options);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    for (const decode::Candidate& candidate : drawn[i].candidates) {
      answers[i].candidates.push_back(setting.tokenizer.decode(candidate.ids, true));
      answers[i].logprobs.push_back(candidate.logprob);
    }
  }
  time.add_to(answers);
}

TaskVote vote_of(std::span<const std::string> candidates, std::span<const double> logprobs) {
  struct Votes {
    std::int64_t count = 0;
    double best = 0.0;  // log-probability of `text`
    std::string text;
  };
  std::map<std::string, Votes> votes;  // ordered by text, for ties
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    Votes& own = votes[bundle::fold_space(candidates[i])];
    if (++own.count == 1 || logprobs[i] > own.best) {
      own.best = logprobs[i];
      own.text = candidates[i];
    }
  }
  const auto& [folded, most] =
      *std::max_element(votes.begin(), votes.end(), [](const auto& a, const auto& b) {
        return std::pair(a.second.count, a.second.best) < std::pair(b.second.count, b.second.best);
      });
  return {most.text, static_cast<double>(most.count) / static_cast<double>(candidates.size())};
}

double exact_match(const std::string& text, std::span<const std::string> references) {
  return std::any_of(references.begin(), references.end(),
                     [own = bundle::fold_space(text)](const std::string& reference) {
                       return bundle::fold_space(reference) == own;
                     })
             ? 1.0
             : 0.0;
}

double best_rouge_l(const std::string& text, std::span<const std::string> references) {
  double best = 0.0;
  for (const std::string& reference : references) {
    best = std::max(best, text::rouge_l(text, reference));
  }
  return best;
}

}  // namespace routedk::eval
