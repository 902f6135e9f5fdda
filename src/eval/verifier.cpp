#include "routedk/eval/verifier.h"

#include "routedk/core/error.h"

#include <algorithm>
#include <array>

#include "candidate_features.h"
#include <ATen/core/grad_mode.h>

namespace routedk::eval {
namespace {

constexpr std::array<double, 5> kRidges = {0.01, 0.1, 1.0, 10.0, 100.0};
constexpr std::size_t kFolds = 5;

/// The parsed candidates of one session.
struct Rows {
  at::Tensor features;  // [n,P] F64, centred
  at::Tensor f1;        // [n] F64
};

/// What least squares needs of some rows; additive.
struct Normal {
  at::Tensor gram;    // [P,P]: X^T X
  at::Tensor moment;  // [P]: X^T y
  std::int64_t rows = 0;
};

Normal operator+(const Normal& a, const Normal& b) {
  return {a.gram + b.gram, a.moment + b.moment, a.rows + b.rows};
}

Rows rows_of(const bundle::Session& session, const SessionAnswer& answer, std::int64_t hidden) {
  std::vector<std::int64_t> places;
  std::vector<double> f1;
  for (std::size_t i = 0; i < answer.candidates.size(); ++i) {
    if (answer.candidates[i]) {
      places.push_back(static_cast<std::int64_t>(i));
      f1.push_back(bundle::score_session(session, answer.candidates[i]).numerator[bundle::Metric::kF1]);
    }
  }
  const at::Tensor features =
      candidate_features(session, answer, hidden).index_select(0, at::tensor(places, at::kLong));
  return {features - features.mean(0, true), at::tensor(f1, at::kDouble)};
}

Normal normal_of(const Rows& rows) {
  const at::Tensor transposed = rows.features.t();
  return {transposed.mm(rows.features), transposed.mv(rows.f1 - rows.f1.mean()), rows.f1.size(0)};
}

/// (X^T X + ridge n I) w = X^T y
at::Tensor solve(const Normal& normal, double ridge) {
  const at::Tensor penalty = at::eye(normal.gram.size(0), at::kDouble) *
                             (ridge * static_cast<double>(std::max<std::int64_t>(normal.rows, 1)));
  const auto [factor, info] = at::linalg_cholesky_ex(normal.gram + penalty);
  if (info.item<std::int64_t>() != 0) {
    throw_<NumericError>(
        "a verifier must have states of similar magnitude, but the candidates' differ by more than 64-bit "
        "numbers can represent");
  }
  return at::cholesky_solve(normal.moment.unsqueeze(1), factor).squeeze(1);
}

double f1_of_highest(const Rows& rows, const at::Tensor& weight) {
  return rows.f1[rows.features.mv(weight).argmax()].item<double>();
}

/// Mean F over all sessions of the choice by each fold's weights, which are fitted on the other folds.
double held_out_f1(const std::vector<Rows>& sessions, const std::vector<Normal>& folds, double ridge) {
  double sum = 0.0;
  for (std::size_t f = 0; f < folds.size(); ++f) {
    Normal others{at::zeros_like(folds[f].gram), at::zeros_like(folds[f].moment), 0};
    for (std::size_t g = 0; g < folds.size(); ++g) {
      others = g == f ? others : others + folds[g];
    }
    const at::Tensor weight = solve(others, ridge);
    for (std::size_t s = f; s < sessions.size(); s += folds.size()) {
      sum += f1_of_highest(sessions[s], weight);
    }
  }
  return sum / static_cast<double>(sessions.size());
}

std::int64_t hidden_size(std::span<const SessionAnswer> answers) {
  std::size_t hidden = 0;
  for (const SessionAnswer& answer : answers) {
    for (const auto& pooled : answer.pooled) {
      hidden = std::max(hidden, pooled.size());
    }
  }
  return static_cast<std::int64_t>(hidden);
}

/// Divides every session's features by their root mean square over all rows, which is returned: [P], 1 for a
/// feature that is only rounding error.
at::Tensor standardise(std::vector<Rows>& sessions) {
  at::Tensor squares = at::zeros_like(sessions.front().features[0]);
  std::int64_t count = 0;
  for (const Rows& rows : sessions) {
    squares += rows.features.square().sum(0);
    count += rows.features.size(0);
  }
  const at::Tensor size = (squares / static_cast<double>(count)).sqrt();
  at::Tensor scale = at::where(size > 1e-9, size, at::ones_like(size));
  for (Rows& rows : sessions) {
    rows.features = rows.features / scale;
  }
  return scale;
}

VerifierReport describe(const std::vector<Rows>& sessions) {
  VerifierReport report;
  report.sessions = static_cast<std::int64_t>(sessions.size());
  for (const Rows& rows : sessions) {
    report.candidates += rows.f1.size(0);
    report.mean_f1 += rows.f1.mean().item<double>() / static_cast<double>(sessions.size());
    report.oracle_f1 += rows.f1.max().item<double>() / static_cast<double>(sessions.size());
  }
  return report;
}

}  // namespace

Verifier Verifier::train(std::span<const bundle::Session> sessions, std::span<const SessionAnswer> answers) {
  const at::NoGradGuard no_grad;
  const std::int64_t hidden = hidden_size(answers);
  std::vector<Rows> rows;
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    const auto& candidates = answers[i].candidates;
    if (std::any_of(candidates.begin(), candidates.end(), [](const auto& c) { return c.has_value(); })) {
      rows.push_back(rows_of(sessions[i], answers[i], hidden));
    }
  }
  if (rows.empty()) {
    throw_<DataError>(
        "a verifier must have candidates that parsed to learn from, but none of {} sessions has",
        sessions.size());
  }
  const at::Tensor scale = standardise(rows);
  std::vector<Normal> folds(std::min(kFolds, rows.size()));
  for (std::size_t s = 0; s < rows.size(); ++s) {
    Normal& fold = folds[s % folds.size()];
    fold = fold.rows == 0 ? normal_of(rows[s]) : fold + normal_of(rows[s]);
  }
  Verifier verifier;
  verifier.report_ = describe(rows);
  for (const double ridge : kRidges) {
    const double f1 = held_out_f1(rows, folds, ridge);
    if (f1 >= verifier.report_.selected_f1) {
      verifier.report_.selected_f1 = f1;
      verifier.report_.ridge = ridge;
    }
  }
  Normal all = folds.front();
  for (std::size_t f = 1; f < folds.size(); ++f) {
    all = all + folds[f];
  }
  verifier.weight_ = solve(all, verifier.report_.ridge) / scale;
  return verifier;
}

std::vector<double> Verifier::scores(const bundle::Session& session, const SessionAnswer& answer) const {
  const at::NoGradGuard no_grad;
  const auto figures = static_cast<std::int64_t>(kFigures.size());
  const at::Tensor scores = candidate_features(session, answer, weight_.size(0) - figures).mv(weight_);
  const auto values = scores.accessor<double, 1>();
  return {values.data(), values.data() + values.size(0)};
}

}  // namespace routedk::eval
