#include "routedk/bundle/session_encoder.h"
#include "routedk/core/error.h"
#include "routedk/core/stop_signal.h"
#include "routedk/decode/decoder.h"
#include "routedk/io/jsonl.h"
#include "routedk/model/weight_source.h"
#include "routedk/text/stream_decoder.h"
#include "routedk/workflow/predict/chosen_model.h"
#include "routedk/workflow/predict/predict.h"
#include "routedk/workflow/steps/answer_setting.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iterator>

namespace routedk::workflow {
namespace {

using Clock = std::chrono::steady_clock;

std::vector<text::TokenId> encoded(const bundle::SessionEncoder& encoder, const CompletionOptions& options,
                                   std::istream& in) {
  if (options.prompt == "-" && options.typed_in) {
    fmt::print(stderr, "reading a prompt until the end of input (Ctrl-D)\n");
  }
  const std::string prompt = options.prompt == "-" ? io::read_stream(in, "standard input") : options.prompt;
  std::vector<text::TokenId> ids =
      options.raw ? encoder.tokenizer().encode_with_special(prompt) : encoder.prompt({{"user", prompt}});
  if (prompt.empty() || ids.empty()) {
    throw_<DataError>("a prompt must hold at least 1 token, but is empty");
  }
  return ids;
}

/// N = 1, and no more tokens than fit in the context.
decode::GenerateOptions options_for(const DecodeConfig& settings, const bundle::SessionEncoder& encoder,
                                    std::size_t prompt, std::int64_t context) {
  const auto tokens = static_cast<std::int64_t>(prompt);
  if (tokens >= context) {
    throw_<DataError>(
        "a prompt must leave room for an answer in the model's context of {} tokens, but has {} tokens "
        "itself",
        context, tokens);
  }
  decode::GenerateOptions options = generate_options(settings, encoder);
  options.samples = 1;
  options.max_new_tokens = std::min(settings.max_new_tokens, context - tokens);
  return options;
}

/// Receives tokens as they are drawn and writes text once its characters are complete.
class Writer {
 public:
  Writer(text::StreamDecoder decoder, const decode::GenerateOptions& options, std::ostream* out)
      : decoder_(std::move(decoder)), options_(options), out_(out) {}

  /// Throws Interrupted once a signal has come.
  void take(text::TokenId token) {
    finished_ = options_.ends(token);
    if (!finished_) {
      ++tokens_;
      write(decoder_.push(token));
    }
    if (const int signal = StopSignals::received(); signal != 0 && !finished_) {
      throw Interrupted(signal, fmt::format("signal {} stopped the text after {} tokens", signal, tokens_));
    }
  }
  void finish() { write(decoder_.finish()); }

  io::Json json(std::size_t prompt_tokens) const {
    const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    return {{"text", text_},      {"prompt_tokens", prompt_tokens},
            {"tokens", tokens_},  {"finished", finished_},
            {"seconds", seconds}, {"tokens_per_second", static_cast<double>(tokens_) / seconds}};
  }

 private:
  void write(const std::string& piece) {
    text_ += piece;
    if (out_ != nullptr) {
      *out_ << piece << std::flush;
    }
  }

  text::StreamDecoder decoder_;
  const decode::GenerateOptions& options_;
  std::ostream* out_;  ///< nullptr keeps the text
  Clock::time_point start_ = Clock::now();
  std::string text_;
  std::int64_t tokens_ = 0;
  bool finished_ = false;
};

}  // namespace

void complete(const ModelChoice& choice, const CompletionOptions& options, std::istream& in,
              std::ostream& out) {
  const ExperimentConfig config = settings_of(choice);
  check_folders(choice, config);
  const std::int64_t context = model::WeightSource::open(config.model.path)->config().context;
  const auto encoder = bundle::SessionEncoder::load(config.model.path, config.model.chat);
  const decode::Prompt prompt{encoded(encoder, options, in)};
  decode::GenerateOptions generate = options_for(config.decode, encoder, prompt.ids.size(), context);
  const ChosenModel chosen = load_chosen(choice, config);
  const decode::Decoder decoder(chosen.model, config.decode.kernels);
  const StopSignals signals;
  Writer writer(text::StreamDecoder(encoder.tokenizer()), generate, options.json ? nullptr : &out);
  generate.on_token = [&](std::size_t, std::int64_t, text::TokenId token) { writer.take(token); };
  const auto end_output = [&] {
    writer.finish();
    out << (options.json ? writer.json(prompt.ids.size()).dump() : "") << '\n' << std::flush;
  };
  try {
    decoder.generate(*chosen.gate, std::span(&prompt, 1), generate);
  } catch (const Interrupted&) {
    end_output();
    throw;
  }
  end_output();
}

}  // namespace routedk::workflow
