#include "routedk/bundle/session_encoder.h"
#include "routedk/core/stop_signal.h"
#include "routedk/decode/decoder.h"
#include "routedk/text/utf8.h"
#include "routedk/workflow/predict/predict.h"

#include <csignal>
#include <functional>
#include <sstream>

#include "workflow/experiment_folder.h"
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace routedk::workflow {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// Text that calls `on_flush` with all that it holds whenever it is flushed.
class Watched : public std::stringbuf {
 public:
  explicit Watched(std::function<void(const std::string&)> on_flush) : on_flush_(std::move(on_flush)) {}

 protected:
  int sync() override {
    on_flush_(str());
    return 0;
  }

 private:
  std::function<void(const std::string&)> on_flush_;
};

class Complete : public testing::RealModel {
 protected:
  void SetUp() override {
    RealModel::SetUp();
    choice_.model = testing::real_model_path();
    choice_.assignments = {"model.quant=none", "model.dtype=float32", "decode.max_new_tokens=24",
                           "decode.temperature=0"};
  }
  void assign(const std::string& assignment) { choice_.assignments.push_back(assignment); }

  std::string run(const CompletionOptions& options, const std::string& input = "") const {
    std::istringstream in(input);
    std::ostringstream out;
    complete(choice_, options, in, out);
    return out.str();
  }
  nlohmann::json run_json(CompletionOptions options, const std::string& input = "") const {
    options.json = true;
    return nlohmann::json::parse(run(options, input));
  }
  static const bundle::SessionEncoder& encoder() {
    static const auto loaded = bundle::SessionEncoder::load(testing::real_model_path());
    return loaded;
  }

  ModelChoice choice_;
};

TEST_F(Complete, the_text_is_what_the_model_generates_from_the_users_turn) {
  const std::string question = "Name three things for a picnic.";
  const experts::RoutedModel model = experts::without_experts(testing::real_model());
  const decode::Prompt prompt{encoder().prompt({{"user", question}})};
  decode::GenerateOptions greedy{.samples = 1, .sampling = {.temperature = 0.0}, .max_new_tokens = 24};
  greedy.end_of_turn = encoder().end_of_turn();
  const experts::SingleExpertGate gate(-1, 1);
  const auto expected = decode::generate(model, gate, {&prompt, 1}, greedy)[0].candidates[0];
  const std::string text = encoder().tokenizer().decode(expected.ids);
  ASSERT_FALSE(text.empty());
  EXPECT_EQ(run({question}), text + "\n");
  const auto json = run_json({"-"}, question);
  EXPECT_EQ(json["text"], text);
  EXPECT_EQ(json["prompt_tokens"], prompt.ids.size());
  EXPECT_EQ(json["tokens"], expected.ids.size());
  EXPECT_EQ(json["finished"], expected.finished);
  EXPECT_NEAR(json["tokens_per_second"].get<double>() * json["seconds"].get<double>(),
              json["tokens"].get<double>(), 1e-6);
}

TEST_F(Complete, text_comes_as_it_is_drawn_and_never_holds_half_a_character) {
  assign("decode.temperature=1.5");  // far enough from the likely to meet bytes of all kinds
  std::size_t flushes = 0;
  std::size_t longest = 0;
  Watched buffer([&](const std::string& text) {
    ++flushes;
    longest = std::max(longest, text.size());
    EXPECT_TRUE(text::is_utf8(text)) << text;
  });
  std::istringstream in;
  std::ostream out(&buffer);
  complete(choice_, {"\xF0\x9F\x8E\x88\xF0\x9F\x8E\x89 write ten emojis"}, in, out);
  EXPECT_GE(flushes, 10U);
  EXPECT_EQ(longest, buffer.str().size());
}

TEST_F(Complete, raw_text_is_taken_as_it_is_with_its_special_tokens) {
  CompletionOptions raw{"Once upon a time"};
  raw.raw = true;
  EXPECT_EQ(run_json(raw)["prompt_tokens"], encoder().tokenizer().encode(raw.prompt).size());
  const CompletionOptions turn{"Hi <|im_end|>"};
  CompletionOptions spelled{
      "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging "
      "Face<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"};
  spelled.raw = true;
  EXPECT_EQ(run_json(spelled)["text"], run_json({"Hi"})["text"]);
  EXPECT_GT(run_json(turn)["prompt_tokens"], run_json({"Hi"})["prompt_tokens"].get<int>() + 3);
}

TEST_F(Complete, a_prompt_that_fills_the_context_is_refused_with_the_counts) {
  CompletionOptions raw;
  raw.raw = true;
  for (int i = 0; i < 8192; ++i) {
    raw.prompt += " lens";
  }
  EXPECT_THAT(testing::message_of<DataError>([&] { run(raw); }),
              AllOf(HasSubstr("context of 8192"), HasSubstr("has 8192")));
}

TEST_F(Complete, a_signal_ends_the_text_with_what_is_there) {
  assign("decode.max_new_tokens=1000000");  // as long as the context reaches
  std::size_t flushes = 0;
  Watched buffer([&](const std::string&) {
    if (++flushes == 3) {
      std::raise(SIGINT);
    }
  });
  std::istringstream in;
  std::ostream out(&buffer);
  const std::string message =
      testing::message_of<Interrupted>([&] { complete(choice_, {"Tell me a story."}, in, out); });
  EXPECT_THAT(message, HasSubstr("after 3 tokens"));
  const std::string begun = buffer.str();
  ASSERT_TRUE(begun.ends_with('\n'));
  assign("decode.max_new_tokens=24");
  EXPECT_TRUE(run({"Tell me a story."}).starts_with(begun.substr(0, begun.size() - 1)));
}

TEST_F(Complete, an_empty_prompt_is_refused) {
  EXPECT_THAT(testing::message_of<DataError>([&] { run({""}); }), HasSubstr("empty"));
  EXPECT_THAT(testing::message_of<DataError>([&] { run({"-"}); }), HasSubstr("empty"));
}

}  // namespace
}  // namespace routedk::workflow
