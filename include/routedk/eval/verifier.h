/// A small reward model for one system's candidates: a linear head on the mean hidden state of an answer's
/// tokens, which the backbone has computed anyway, and a few figures of the candidate. It learns Metric::kF1
/// of candidates of training sessions. What it says of a candidate depends on no other candidate, so n
/// samples score as the first n of more.
#pragma once

#include "routedk/eval/answers.h"

#include <filesystem>
#include <span>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::eval {

/// How well the head chooses on sessions it did not see: five folds over the sessions of which some candidate
/// parsed.
struct VerifierReport {
  std::int64_t sessions = 0;
  std::int64_t candidates = 0;  ///< that parsed
  double ridge = 0.0;           ///< the penalty that was best there
  double selected_f1 = 0.0;     ///< mean over the sessions, of the candidate with the highest score
  double mean_f1 = 0.0;         ///< of a candidate drawn at random
  double oracle_f1 = 0.0;       ///< of the best one
};

class Verifier {
 public:
  /// Ridge regression, closed form, fp64. Features and F are taken relative to their session's mean, because
  /// the order of one session's candidates is all that matters, and features in units of their root mean
  /// square. The penalty is the one of 0.01, 0.1, 1, 10, 100 times the rows with the highest held-out
  /// `selected_f1` (the largest of equals). The answers must have pooled states. DataError when no candidate
  /// parsed.
  static Verifier train(std::span<const bundle::Session> sessions, std::span<const SessionAnswer> answers);

  /// One score a candidate, higher is better, comparable within the session; those that did not parse get
  /// theirs too.
  std::vector<double> scores(const bundle::Session& session, const SessionAnswer& answer) const;
  const VerifierReport& report() const noexcept { return report_; }

  /// A folder, written under a temporary name and renamed: verifier.safetensors (`weight` [D + figures] F64)
  /// and verifier.json (the figures' names and the report).
  void save(const std::filesystem::path& folder) const;
  /// FileError when a file is missing or damaged or was written for other figures or a model of another
  /// hidden size D.
  static Verifier load(const std::filesystem::path& folder, std::int64_t hidden);

 private:
  at::Tensor weight_;  // [D + figures] F64
  VerifierReport report_;
};

}  // namespace routedk::eval
