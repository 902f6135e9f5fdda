#include "routedk/distill/local_model.h"

#include <chrono>
#include <iterator>
#include <utility>

#include <fmt/format.h>

namespace routedk::distill {

LocalModel::LocalModel(std::shared_ptr<const model::Backbone> backbone, bundle::SessionEncoder encoder,
                       const ChatSampling& sampling)
    : model_(experts::without_experts(std::move(backbone))),
      decoder_(model_, decode::Kernels::kInt8),
      encoder_(std::move(encoder)),
      sampling_(sampling) {}

void LocalModel::ask(std::span<const ChatRequest> requests, const ReplySink& sink) {
  const auto start = std::chrono::steady_clock::now();
  const std::int64_t context = model_.backbone().config().context;
  std::vector<decode::Prompt> prompts;
  std::vector<std::size_t> places;  // indices of the prompts' requests
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const ChatRequest& request = requests[i];
    decode::Prompt prompt{
        encoder_.prompt(request.messages), request.key,
        request.answer_products == 0 ? nullptr : encoder_.answer_automaton(request.answer_products)};
    if (std::ssize(prompt.ids) >= context) {
      ChatReply none;
      none.refusal =
          fmt::format("A prompt must leave room for a reply in the context of {} tokens, but has {}", context,
                      prompt.ids.size());
      sink(i, none);
      continue;
    }
    prompts.push_back(std::move(prompt));
    places.push_back(i);
  }
  decode::GenerateOptions options;
  options.samples = 1;
  options.sampling.temperature = sampling_.temperature;
  options.max_new_tokens = sampling_.max_tokens;
  options.end_of_turn = encoder_.end_of_turn();
  options.other_ends = encoder_.ends();
  options.seed = sampling_.seed;
  const experts::SingleExpertGate gate(-1, 1);
  const auto generations = decoder_.generate(gate, prompts, options);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  for (std::size_t i = 0; i < generations.size(); ++i) {
    const decode::Candidate& candidate = generations[i].candidates.front();
    ChatReply reply;
    reply.text = encoder_.tokenizer().decode(candidate.ids);
    reply.finished = candidate.finished;
    reply.prompt_tokens = static_cast<std::int64_t>(prompts[i].ids.size());
    reply.completion_tokens = static_cast<std::int64_t>(candidate.ids.size());
    reply.seconds = seconds / static_cast<double>(requests.size());
    sink(places[i], reply);
  }
}

}  // namespace routedk::distill
