#include "routedk/eval/answers.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/experts/gate.h"

#include <filesystem>
#include <fstream>

#include "core/temporary_folder.h"
#include "support/real_model.h"
#include "support/tiny_llama.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::eval {
namespace {

using bundle::Session;
using ::testing::HasSubstr;

/// Random weights under the real model's vocabulary.
experts::RoutedModel random_model(std::int64_t vocabulary) {
  model::LlamaConfig config = testing::tiny_config();
  config.vocab = vocabulary;
  config.context = 2048;
  const model::LoadOptions options{false, false, at::kFloat};
  auto backbone = std::make_shared<const model::Backbone>(model::Backbone::random(config, options, 7));
  auto expert = std::make_shared<experts::Expert>("a", config, experts::LoraConfig{.rank = 2, .alpha = 4.0});
  auto bank = std::make_shared<experts::ExpertBank>(std::vector{expert});
  bank->freeze(at::kFloat);
  return {backbone, bank};
}

Session session(bundle::SessionId id, int items) {
  Session made;
  made.id = id;
  for (int i = 0; i < items; ++i) {
    made.items.push_back({100 * id + i, "Thing " + std::to_string(i), ""});
  }
  return made;
}

/// An answer's record without what differs from run to run.
io::Json comparable(const SessionAnswer& answer) {
  io::Json json = to_json(answer);
  json.erase("seconds");
  return json;
}

class Answers : public testing::RealModel {
 protected:
  void SetUp() override {
    RealModel::SetUp();
    if (!IsSkipped()) {
      encoder_.emplace(bundle::SessionEncoder::load(testing::real_model_path()));
    }
  }

  AnswerSetting setting() {
    AnswerSetting made{templates_, *encoder_, {}, true, 2};
    made.generate.samples = 3;
    made.generate.max_new_tokens = 200;
    made.generate.end_of_turn = encoder_->end_of_turn();
    return made;
  }
  std::vector<SessionAnswer> answer_all() {
    const auto model = random_model(encoder_->tokenizer().vocab_size());
    const experts::SingleExpertGate gate(0, 1);
    return answer_sessions({model, decode::Kernels::kReference}, gate, sessions_, setting(), file_,
                           [&](std::int64_t done) { heard_.push_back(done); });
  }

  testing::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "answers.jsonl";
  bundle::PromptTemplates templates_ =
      bundle::PromptTemplates::load(std::filesystem::path(ROUTEDK_SOURCE_DIR) / "configs/prompts");
  std::optional<bundle::SessionEncoder> encoder_;
  std::vector<Session> sessions_ = {session(1, 3), session(2, 1), session(3, 2), session(4, 5),
                                    session(5, 4)};
  std::vector<std::int64_t> heard_;
};

TEST_F(Answers, every_constrained_candidate_holds_bundles_of_the_session_s_own_items) {
  const auto answers = answer_all();
  ASSERT_EQ(answers.size(), sessions_.size());
  EXPECT_EQ(heard_, (std::vector<std::int64_t>{2, 4, 5}));
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(answers[i].session, sessions_[i].id);
    for (const auto& candidate : answers[i].candidates) {
      ASSERT_TRUE(candidate) << to_json(answers[i]);
      for (const bundle::Bundle& found : *candidate) {
        EXPECT_GE(found.size(), 2U);
        for (const bundle::ItemId item : found) {
          EXPECT_EQ(item / 100, sessions_[i].id);
        }
      }
    }
  }
}

TEST_F(Answers, a_session_of_one_item_is_answered_with_no_bundle_and_without_the_model) {
  const SessionAnswer answer = answer_all()[1];
  ASSERT_TRUE(answer.prediction);
  EXPECT_TRUE(answer.prediction->empty());
  EXPECT_TRUE(answer.candidates.empty());
}

TEST_F(Answers, a_file_cut_off_anywhere_is_gone_on_with_to_the_same_answers) {
  const auto whole = answer_all();
  const std::string text = read_file(file_);
  for (const double share : {0.0, 0.3, 0.7, 0.99}) {
    std::filesystem::resize_file(file_,
                                 static_cast<std::uintmax_t>(share * static_cast<double>(text.size())));
    const auto again = answer_all();
    ASSERT_EQ(again.size(), whole.size());
    for (std::size_t i = 0; i < whole.size(); ++i) {
      EXPECT_EQ(comparable(again[i]), comparable(whole[i])) << "cut at " << share;
    }
    std::int64_t lines = 0;
    io::read_jsonl(file_, [&](const io::Json&, std::int64_t) { ++lines; });
    EXPECT_EQ(lines, 5) << "cut at " << share;
  }
}

TEST(AnswerRecord, json_gives_back_what_was_written) {
  SessionAnswer answer;
  answer.session = 7;
  answer.prediction = bundle::Answer{{1, 2}, {3, 4}};
  answer.share = 0.5;
  answer.candidates = {answer.prediction, std::nullopt};
  answer.logprobs = {-1.5, -2.0};
  answer.alpha = {{0.25F, 0.75F}};
  answer.seconds = 0.125;
  const io::Json json = to_json(answer);
  EXPECT_EQ(to_json(session_answer_from_json(json, "here")), json);
}

TEST(AnswerRecord, a_damaged_one_is_named_by_its_place) {
  EXPECT_THAT(testing::message_of<FileError>([] {
                session_answer_from_json(io::Json{{"session", 7}}, "answers.jsonl:3");
              }),
              HasSubstr("answers.jsonl:3"));
}

}  // namespace
}  // namespace routedk::eval
