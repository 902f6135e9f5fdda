#include "routedk/eval/verifier.h"

#include "routedk/core/error.h"
#include "routedk/core/random.h"
#include "routedk/io/safetensors.h"
#include "routedk/quant/tensor_view.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/temporary_folder.h"
#include "eval/four_items.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::eval {
namespace {

using bundle::Answer;
using bundle::Metric;
using bundle::Prediction;
using bundle::Session;
using testing::session;

constexpr std::size_t kHidden = 6;

double f1(const Session& of, const Prediction& candidate) {
  return bundle::score_session(of, candidate).numerator[Metric::kF1];
}

/// Candidates whose pooled state tells F in its third number, under noise and an offset of the session's own.
struct Sampled {
  std::vector<Session> sessions;
  std::vector<SessionAnswer> answers;
};

Sampled sampled(std::size_t sessions, double signal, std::uint64_t seed) {
  const std::vector<Prediction> pool = {Answer{{1, 2}, {3, 4}}, Answer{{1, 2}}, Answer{{1, 3}},
                                        Answer{{1, 2, 3, 4}}, Prediction()};
  Sampled made;
  for (std::size_t s = 0; s < sessions; ++s) {
    Random random(seed, "pooled", {s});
    made.sessions.push_back(session(static_cast<bundle::SessionId>(s)));
    SessionAnswer answer;
    const double offset = 10.0 * random.uniform();
    for (int i = 0; i < 5; ++i) {
      const Prediction candidate = pool[random.below(pool.size())];
      std::vector<float> pooled;
      for (std::size_t d = 0; d < kHidden; ++d) {
        const double told = d == 2 ? signal * f1(made.sessions.back(), candidate) + offset : 0.0;
        pooled.push_back(static_cast<float>(told + random.uniform()));
      }
      answer.candidates.push_back(candidate);
      answer.pooled.push_back(pooled);
      answer.logprobs.push_back(-1.0 - random.uniform());
      answer.constrained_logprobs.push_back(-random.uniform());
      answer.tokens.push_back(4);
    }
    made.answers.push_back(std::move(answer));
  }
  return made;
}

/// Mean F of the parsed candidate with the highest score.
double chosen_f1(const Verifier& verifier, const Sampled& on) {
  double sum = 0.0;
  for (std::size_t s = 0; s < on.sessions.size(); ++s) {
    const auto scores = verifier.scores(on.sessions[s], on.answers[s]);
    double best = -1e300;
    double own = 0.0;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      if (on.answers[s].candidates[i] && scores[i] > best) {
        best = scores[i];
        own = f1(on.sessions[s], on.answers[s].candidates[i]);
      }
    }
    sum += own / static_cast<double>(on.sessions.size());
  }
  return sum;
}

double oracle_f1(const Sampled& on) {
  double sum = 0.0;
  for (std::size_t s = 0; s < on.sessions.size(); ++s) {
    double best = 0.0;
    for (const Prediction& candidate : on.answers[s].candidates) {
      best = std::max(best, f1(on.sessions[s], candidate));
    }
    sum += best / static_cast<double>(on.sessions.size());
  }
  return sum;
}

TEST(Verifier, what_the_state_tells_of_f_is_learnt_and_chooses_as_the_oracle_on_other_sessions) {
  const Sampled training = sampled(80, 20.0, 1);
  const Sampled test = sampled(40, 20.0, 2);
  const Verifier verifier = Verifier::train(training.sessions, training.answers);
  EXPECT_GT(chosen_f1(verifier, test), oracle_f1(test) - 0.02);
  EXPECT_GT(verifier.report().selected_f1, verifier.report().oracle_f1 - 0.02);
  EXPECT_LT(verifier.report().mean_f1, verifier.report().oracle_f1 - 0.1);
}

TEST(Verifier, the_weights_solve_the_normal_equations_of_features_and_f_relative_to_their_sessions) {
  const Sampled training = sampled(12, 2.0, 3);
  const Verifier verifier = Verifier::train(training.sessions, training.answers);
  // The same by hand: columns centred within sessions, divided by their root mean square, ridge times the
  // rows.
  std::vector<std::vector<double>> x;
  std::vector<double> y;
  for (std::size_t s = 0; s < training.sessions.size(); ++s) {
    const SessionAnswer& answer = training.answers[s];
    std::vector<std::vector<double>> own;
    std::vector<double> of;
    for (std::size_t i = 0; i < answer.candidates.size(); ++i) {
      if (answer.candidates[i]) {
        std::vector<double> row(answer.pooled[i].begin(), answer.pooled[i].end());
        double items = 0.0;
        for (const auto& found : *answer.candidates[i]) {
          items += static_cast<double>(found.size());
        }
        row.insert(row.end(), {answer.logprobs[i] / 4, answer.constrained_logprobs[i] / 4, 4.0,
                               static_cast<double>(answer.candidates[i]->size()), items / 4});
        own.push_back(row);
        of.push_back(f1(training.sessions[s], answer.candidates[i]));
      }
    }
    const auto n = static_cast<double>(own.size());
    for (std::size_t i = 0; i < own.size(); ++i) {
      std::vector<double> centred = own[i];
      double target = of[i];
      for (std::size_t j = 0; j < own.size(); ++j) {
        target -= of[j] / n;
        for (std::size_t d = 0; d < centred.size(); ++d) {
          centred[d] -= own[j][d] / n;
        }
      }
      x.push_back(centred);
      y.push_back(target);
    }
  }
  const std::size_t width = x.front().size();
  std::vector<double> scale(width, 0.0);
  for (const auto& row : x) {
    for (std::size_t d = 0; d < width; ++d) {
      scale[d] += row[d] * row[d] / static_cast<double>(x.size());
    }
  }
  for (double& value : scale) {
    value = value > 1e-18 ? std::sqrt(value) : 1.0;
  }
  // Scores are differences of weights times features: read the weights off one candidate at a time.
  std::vector<double> weight(width, 0.0);
  SessionAnswer probe;
  probe.candidates = {Prediction()};
  probe.pooled = {std::vector<float>(kHidden, 0.0F)};
  probe.logprobs = probe.constrained_logprobs = {0.0};
  probe.tokens = {1};
  const double zero = verifier.scores(session(1), probe)[0];
  for (std::size_t d = 0; d < kHidden; ++d) {
    SessionAnswer one = probe;
    one.pooled[0][d] = 1.0F;
    weight[d] = (verifier.scores(session(1), one)[0] - zero) * scale[d];
  }
  SessionAnswer likely = probe;
  likely.logprobs = {1.0};
  weight[kHidden] = (verifier.scores(session(1), likely)[0] - zero) * scale[kHidden];
  likely = probe;
  likely.constrained_logprobs = {1.0};
  weight[kHidden + 1] = (verifier.scores(session(1), likely)[0] - zero) * scale[kHidden + 1];
  weight[kHidden + 2] = zero * scale[kHidden + 2];  // tokens 1 is all that the probe has
  likely = probe;
  likely.candidates = {Answer{{1, 2}, {1, 2}}};  // 2 bundles on half the items
  const double two = verifier.scores(session(1), likely)[0] - zero;
  likely.candidates = {Answer{{1, 2}}};  // 1 bundle on half the items
  const double one = verifier.scores(session(1), likely)[0] - zero;
  weight[kHidden + 3] = (two - one) * scale[kHidden + 3];
  weight[kHidden + 4] = (one - (two - one)) * 2.0 * scale[kHidden + 4];
  for (std::size_t d = 0; d < width; ++d) {
    double left = verifier.report().ridge * static_cast<double>(x.size()) * weight[d];
    for (std::size_t i = 0; i < x.size(); ++i) {
      double predicted = 0.0;
      for (std::size_t e = 0; e < width; ++e) {
        predicted += x[i][e] / scale[e] * weight[e];
      }
      left += x[i][d] / scale[d] * (predicted - y[i]);
    }
    EXPECT_NEAR(left, 0.0, 1e-6) << "feature " << d;
  }
}

TEST(Verifier, a_saved_one_scores_the_same_to_the_last_bit) {
  const testing::TemporaryFolder folder;
  const Sampled training = sampled(20, 5.0, 4);
  const Verifier verifier = Verifier::train(training.sessions, training.answers);
  verifier.save(folder / "v");
  const Verifier loaded = Verifier::load(folder / "v", kHidden);
  for (std::size_t s = 0; s < training.sessions.size(); ++s) {
    EXPECT_EQ(loaded.scores(training.sessions[s], training.answers[s]),
              verifier.scores(training.sessions[s], training.answers[s]));
  }
  EXPECT_EQ(loaded.report().ridge, verifier.report().ridge);
  EXPECT_EQ(loaded.report().selected_f1, verifier.report().selected_f1);
}

TEST(Verifier, a_score_depends_on_its_candidate_alone) {
  const Sampled training = sampled(20, 5.0, 4);
  const Verifier verifier = Verifier::train(training.sessions, training.answers);
  const auto all = verifier.scores(training.sessions[0], training.answers[0]);
  SessionAnswer first = training.answers[0];
  for (auto* list : {&first.logprobs, &first.constrained_logprobs}) {
    list->resize(2);
  }
  first.candidates.resize(2);
  first.pooled.resize(2);
  first.tokens.resize(2);
  EXPECT_THAT(
      verifier.scores(training.sessions[0], first),
      ::testing::ElementsAre(::testing::DoubleNear(all[0], 1e-9), ::testing::DoubleNear(all[1], 1e-9)));
}

TEST(Verifier, nothing_to_learn_from_and_states_of_another_width_are_refused) {
  Sampled training = sampled(5, 5.0, 4);
  const Verifier verifier = Verifier::train(training.sessions, training.answers);
  training.answers[0].pooled[0].resize(3);
  EXPECT_THROW(verifier.scores(training.sessions[0], training.answers[0]), DataError);
  for (SessionAnswer& answer : training.answers) {
    std::fill(answer.candidates.begin(), answer.candidates.end(), Prediction());
  }
  EXPECT_THROW(Verifier::train(training.sessions, training.answers), DataError);
}

TEST(Verifier, a_damaged_file_is_refused_by_name) {
  const testing::TemporaryFolder folder;
  const Sampled training = sampled(5, 5.0, 4);
  Verifier::train(training.sessions, training.answers).save(folder / "v");
  folder.write("v/verifier.json", R"({"figures": ["mean_logprob"], "sessions": 5})");
  EXPECT_THAT(testing::message_of<FileError>([&] { Verifier::load(folder / "v", kHidden); }),
              ::testing::HasSubstr("verifier.json"));
  EXPECT_THROW(Verifier::load(folder / "none", kHidden), FileError);
}

TEST(Verifier, weights_of_another_size_type_or_value_are_refused_by_name) {
  const testing::TemporaryFolder folder;
  const Sampled training = sampled(5, 5.0, 4);
  Verifier::train(training.sessions, training.answers).save(folder / "v");
  const auto refusal = [&](const at::Tensor& weight, std::int64_t hidden) {
    const std::array<io::TensorView, 1> tensors = {quant::to_view("weight", weight)};
    io::write_safetensors(folder / "v/verifier.safetensors", tensors);
    return testing::message_of<FileError>([&] { Verifier::load(folder / "v", hidden); });
  };
  const at::Tensor good = at::ones({11}, at::kDouble);
  EXPECT_NO_THROW(Verifier::load(folder / "v", kHidden));
  EXPECT_THAT(refusal(good, 5),
              ::testing::HasSubstr("`weight` must be F64 [10] for the model, but is F64 [11]"));
  EXPECT_THAT(refusal(good.to(at::kFloat), kHidden), ::testing::HasSubstr("but is F32 [11]"));
  EXPECT_THAT(refusal(good.view({11, 1}), kHidden), ::testing::HasSubstr("but is F64 [11,1]"));
  EXPECT_THAT(refusal(good * INFINITY, kHidden), ::testing::HasSubstr("must be finite"));
}

}  // namespace
}  // namespace routedk::eval
