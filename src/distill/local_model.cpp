#include "routedk/distill/local_model.h"

#include "routedk/bundle/answer_automaton.h"
#include "routedk/decode/generate.h"

#include <chrono>
#include <utility>

namespace routedk::distill {
namespace {

using Clock = std::chrono::steady_clock;

/// The backbone alone: one expert that adapts nothing.
experts::RoutedModel without_adapters(std::shared_ptr<const model::Backbone> backbone) {
  const model::LlamaConfig& config = backbone->config();
  std::vector<std::shared_ptr<experts::Expert>> bank{
      std::make_shared<experts::Expert>("none", config, experts::LoraPlan(config, false))};
  return {std::move(backbone), std::make_shared<experts::ExpertBank>(std::move(bank))};
}

}  // namespace

LocalModel::LocalModel(std::shared_ptr<const model::Backbone> backbone, bundle::SessionEncoder encoder,
                       const ChatSampling& sampling)
    : model_(without_adapters(std::move(backbone))), encoder_(std::move(encoder)), sampling_(sampling) {}

std::vector<ChatReply> LocalModel::ask(std::span<const ChatRequest> requests) {
  const auto start = Clock::now();
  std::vector<std::unique_ptr<text::TokenAutomaton>> automata;
  std::vector<decode::Prompt> prompts;
  for (const ChatRequest& request : requests) {
    automata.push_back(request.answer_products == 0
                           ? nullptr
                           : bundle::make_answer_automaton(encoder_.tokenizer(), request.answer_products,
                                                           encoder_.end_of_turn()));
    prompts.push_back({encoder_.prompt(request.messages), request.key, automata.back().get()});
  }
  decode::GenerateOptions options;
  options.samples = 1;
  options.sampling.temperature = sampling_.temperature;
  options.max_new_tokens = sampling_.max_tokens;
  options.end_of_turn = encoder_.end_of_turn();
  options.seed = sampling_.seed;
  const experts::SingleExpertGate gate(-1, 1);
  const auto generations = decode::generate(model_, gate, prompts, options);
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  std::vector<ChatReply> replies;
  for (std::size_t i = 0; i < generations.size(); ++i) {
    const decode::Candidate& candidate = generations[i].candidates.front();
    replies.push_back({encoder_.tokenizer().decode(candidate.ids), candidate.finished,
                       static_cast<std::int64_t>(prompts[i].ids.size()),
                       static_cast<std::int64_t>(candidate.ids.size()),
                       seconds / static_cast<double>(requests.size())});
  }
  return replies;
}

}  // namespace routedk::distill
