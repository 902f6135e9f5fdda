/// A small reward model for one system's candidates: a linear head on the mean hidden state of an answer's
/// tokens, which the backbone computes anyway, and a few features of the candidate. It learns Metric::kF1 of
/// candidates of training sessions. A candidate's score does not depend on other candidates, so n samples
/// score as the first n of more.
#pragma once

#include "routedk/eval/answers.h"

#include <filesystem>
#include <span>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::eval {

/// How well the head chooses on unseen sessions: five folds over the sessions with a parsed candidate.
struct VerifierReport {
  std::int64_t sessions = 0;
  std::int64_t candidates = 0;  ///< that parsed
  double ridge = 0.0;           ///< the best penalty in cross-validation
  double selected_f1 = 0.0;     ///< mean over the sessions, for the candidate with the highest score
  double mean_f1 = 0.0;         ///< for a candidate drawn at random
  double oracle_f1 = 0.0;       ///< for the best candidate
};

class Verifier {
 public:
  /// Ridge regression, closed form, fp64. Features and F are centred within each session, because only the
  /// order of one session's candidates matters; features are divided by their root mean square. The penalty
  /// is the one of 0.01, 0.1, 1, 10, 100 times the number of rows with the highest held-out `selected_f1`
  /// (ties: the largest). The answers must have pooled states. DataError if no candidate parsed.
  static Verifier train(std::span<const bundle::Session> sessions, std::span<const SessionAnswer> answers);

  /// One score per candidate, including those that did not parse; higher is better, comparable within the
  /// session.
  std::vector<double> scores(const bundle::Session& session, const SessionAnswer& answer) const;
  const VerifierReport& report() const noexcept { return report_; }

  /// Writes a folder under a temporary name and renames it: verifier.safetensors (`weight` [D + figures] F64)
  /// and verifier.json (the features' names and the report).
  void save(const std::filesystem::path& folder) const;
  /// FileError if a file is missing or damaged, or was written for other features or a model of another
  /// hidden size D.
  static Verifier load(const std::filesystem::path& folder, std::int64_t hidden);

 private:
  at::Tensor weight_;  // [D + figures] F64
  VerifierReport report_;
};

}  // namespace routedk::eval
