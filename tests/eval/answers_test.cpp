#include "routedk/eval/answers.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/eval/verifier.h"
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
experts::RoutedModel untrained_model(std::int64_t vocabulary) {
  model::LlamaConfig config = testing::tiny_config();
  config.vocab = vocabulary;
  config.context = 2048;
  const model::LoadOptions options{model::Quant::kNone, false, kernels::Precision::kFloat32};
  auto backbone = std::make_shared<const model::Backbone>(model::Backbone::random(config, options, 7));
  auto expert = std::make_shared<experts::Expert>("a", config, experts::LoraOptions{.rank = 2, .alpha = 4.0});
  auto bank = std::make_shared<experts::ExpertBank>(std::vector{expert});
  bank->freeze(at::kFloat);
  return {backbone, bank};
}

Session session_with(bundle::SessionId id, int items) {
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
    AnswerSetting made{templates_, *encoder_, {}, true, 2, choices_, verifier_};
    made.generate.samples = samples_;
    made.generate.pool_hidden = pool_;
    made.generate.max_new_tokens = 200;
    made.generate.end_of_turn = encoder_->end_of_turn();
    return made;
  }
  std::vector<SessionAnswer> answer_all() {
    const auto model = untrained_model(encoder_->tokenizer().vocab_size());
    const experts::SingleExpertGate gate(0, 1);
    return answer_sessions({model, decode::Kernels::kReference}, gate, sessions_, setting(), file_,
                           [&](std::int64_t done) { heard_.push_back(done); });
  }

  testing::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "answers.jsonl";
  bundle::PromptTemplates templates_ =
      bundle::PromptTemplates::load(std::filesystem::path(ROUTEDK_SOURCE_DIR) / "configs/prompts");
  std::optional<bundle::SessionEncoder> encoder_;
  std::vector<Session> sessions_ = {session_with(1, 3), session_with(2, 1), session_with(3, 2),
                                    session_with(4, 5), session_with(5, 4)};
  std::vector<std::int64_t> heard_;
  std::int64_t samples_ = 3;
  std::vector<Choice> choices_;
  const Verifier* verifier_ = nullptr;
  bool pool_ = false;
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

TEST_F(Answers, a_file_of_fewer_or_more_candidates_is_refused_with_both_numbers) {
  answer_all();
  samples_ = 4;
  const std::string message = testing::message_of<FileError>([&] { answer_all(); });
  EXPECT_THAT(message, HasSubstr("must hold the 4 candidates asked for, but holds 3 of session 1"));
  EXPECT_THAT(message, HasSubstr(file_.string()));
  samples_ = 2;
  EXPECT_THROW(answer_all(), FileError);
}

TEST_F(Answers, other_choices_among_the_same_candidates_are_made_from_the_file_without_the_model) {
  const auto before = answer_all();
  const std::string text = read_file(file_);
  choices_ = {{SelectRule::kLogprob, 3}, {SelectRule::kVote, 1}};
  const auto after = answer_all();
  EXPECT_EQ(read_file(file_), text);
  for (std::size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(after[i].candidates, before[i].candidates);
    ASSERT_EQ(after[i].selections.size(), 2U);
    EXPECT_EQ(after[i].selections[0].choice, choices_[0]);
    EXPECT_EQ(after[i].prediction, after[i].selections[0].prediction);
    if (!after[i].candidates.empty()) {
      EXPECT_EQ(after[i].selections[1].prediction, after[i].candidates[0]);
    }
  }
}

TEST_F(Answers, pooled_states_are_kept_for_training_and_turned_into_scores_by_a_verifier) {
  pool_ = true;
  const auto training = answer_all();
  const auto again = answer_all();  // from the file
  for (Session& s : sessions_) {
    s.gold = {{{s.items.front().id, s.items.back().id}, ""}};
  }
  const Verifier verifier = Verifier::train(sessions_, training);
  verifier_ = &verifier;
  EXPECT_THROW(answer_all(), FileError) << "the file has no scores";
  std::filesystem::remove(file_);
  const auto scored = answer_all();
  for (std::size_t i = 0; i < sessions_.size(); ++i) {
    EXPECT_EQ(again[i].pooled, training[i].pooled);
    EXPECT_EQ(training[i].pooled.size(), training[i].candidates.size());
    EXPECT_TRUE(scored[i].pooled.empty());
    EXPECT_EQ(scored[i].candidates, training[i].candidates);
    EXPECT_EQ(scored[i].verifier, verifier.scores(sessions_[i], training[i]));
  }
}

TEST_F(Answers, a_choice_hits_when_it_is_exactly_gold) {
  const auto plain = answer_all();
  for (const bundle::Bundle& found : plain[0].prediction.value()) {
    sessions_[0].gold.push_back({found, ""});
  }
  sessions_[2].gold = {{{999, 998}, ""}};
  choices_ = {{SelectRule::kVote, 3}};
  const auto answers = answer_all();
  EXPECT_TRUE(answers[0].selections[0].hit);
  EXPECT_FALSE(answers[2].selections[0].hit);
  EXPECT_EQ(to_json(answers[0]).at("selected")[0].at("hit"), true);
}

TEST_F(Answers, confidence_is_the_expected_utility_where_the_rule_computes_it_and_the_share_elsewhere) {
  choices_ = {{SelectRule::kExpectedUtility, 3, {bundle::Utility::kMean, Expectation::kModelBased}},
              {SelectRule::kVote, 3}};
  for (const SessionAnswer& answer : answer_all()) {
    const io::Json json = to_json(answer);
    if (answer.candidates.empty()) {
      EXPECT_EQ(confidence(answer), 1.0);
      EXPECT_FALSE(json.contains("expected_utility"));
      continue;
    }
    const io::Json& first = json.at("selected")[0];
    EXPECT_EQ(first.at("utility"), "mean");
    EXPECT_EQ(first.at("expectation"), "model_based");
    EXPECT_EQ(first.at("expected_utility"), confidence(answer));
    EXPECT_EQ(json.at("expected_utility"), confidence(answer));
    EXPECT_GT(confidence(answer), 0.0);
    EXPECT_FALSE(json.at("selected")[1].contains("expected_utility"));
  }
  choices_ = {{SelectRule::kVote, 3}};
  for (const SessionAnswer& answer : answer_all()) {  // from the file
    EXPECT_EQ(confidence(answer), answer.share);
  }
}

TEST_F(Answers, a_choice_among_more_candidates_than_there_are_is_refused) {
  choices_ = {{SelectRule::kVote, 4}};
  EXPECT_THROW(answer_all(), ConfigError);
}

TEST_F(Answers, the_first_two_of_four_samples_of_the_real_model_are_those_of_a_run_with_two) {
  auto bank = std::make_shared<experts::ExpertBank>(std::vector{std::make_shared<experts::Expert>(
      "a", testing::real_model()->config(), experts::LoraOptions{.rank = 2, .alpha = 4.0})});
  bank->freeze(at::kFloat);
  const experts::RoutedModel model(testing::real_model(), bank);
  const experts::SingleExpertGate gate(-1, 1);
  AnswerSetting four = setting();
  four.generate.samples = 4;
  AnswerSetting two = setting();
  two.generate.samples = 2;
  for (const SelectRule rule : {SelectRule::kVote, SelectRule::kBundleVote, SelectRule::kWeightedVote,
                                SelectRule::kLogprob, SelectRule::kMbr, SelectRule::kExpectedUtility}) {
    four.choices.push_back({rule, 2});
  }
  two.choices = four.choices;
  const auto of_four = answer_batch({model, decode::Kernels::kInt8}, gate, sessions_, four);
  const auto of_two = answer_batch({model, decode::Kernels::kInt8}, gate, sessions_, two);
  bool differs = false;
  for (std::size_t i = 0; i < sessions_.size(); ++i) {
    const std::size_t count = of_two[i].candidates.size();
    for (std::size_t n = 0; n < count; ++n) {
      EXPECT_EQ(of_four[i].candidates[n], of_two[i].candidates[n]) << "session " << i << " sample " << n;
      EXPECT_NEAR(of_four[i].logprobs[n], of_two[i].logprobs[n], 1e-3);
      differs = differs || of_four[i].candidates[n] != of_four[i].candidates[n + 2];
    }
    for (std::size_t c = 0; c < two.choices.size(); ++c) {
      EXPECT_EQ(of_four[i].selections[c].prediction, of_two[i].selections[c].prediction);
    }
  }
  EXPECT_TRUE(differs) << "the other two samples must be others somewhere";
}

TEST(AnswerRecord, json_gives_back_what_was_written) {
  SessionAnswer answer;
  answer.session = 7;
  answer.prediction = bundle::Answer{{1, 2}, {3, 4}};
  answer.share = 0.5;
  answer.expected_utility = 0.625;
  answer.candidates = {answer.prediction, std::nullopt};
  answer.logprobs = {-1.5, -2.0};
  answer.constrained_logprobs = {-0.5, -1.0};
  answer.tokens = {12, 13};
  answer.verifier = {0.1, 0.2};
  answer.pooled = {{0.1234F, -2.0F}, {}};
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

TEST(AnswerRecord, one_whose_lists_differ_in_length_is_named_by_its_place) {
  SessionAnswer answer;
  answer.candidates = {std::nullopt};
  answer.logprobs = answer.constrained_logprobs = {-1.0};
  EXPECT_THAT(testing::message_of<FileError>([&] { session_answer_from_json(to_json(answer), "a.jsonl:9"); }),
              HasSubstr("a.jsonl:9"));
}

TEST(AnswerRecord, weights_that_are_no_table_or_another_than_in_the_lines_before_are_refused) {
  SessionAnswer answer;
  answer.alpha = {{0.25F, 0.75F}, {1.0F}};
  EXPECT_THAT(testing::message_of<FileError>([&] { session_answer_from_json(to_json(answer), "a.jsonl:9"); }),
              HasSubstr("`alpha` must be rows of equal length"));
  const testing::TemporaryFolder folder;
  answer.alpha = {{0.25F, 0.75F}};
  const std::string first = to_json(answer).dump();
  answer.alpha = {{1.0F}};
  const auto file = folder.write("answers.jsonl", first + "\n" + to_json(answer).dump() + "\n");
  EXPECT_THAT(testing::message_of<FileError>([&] { read_answers(file); }), HasSubstr("answers.jsonl:2"));
}

}  // namespace
}  // namespace routedk::eval
