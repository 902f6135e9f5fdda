/// The answer of predict for one session, merged from its windows.
#pragma once

#include "routedk/eval/answers.h"

#include <span>
#include <string>
#include <vector>

#include "asked_session.h"

namespace routedk::workflow {

struct SessionReply {
  bundle::Prediction prediction;  ///< by the items' numbers; empty if no window was answered
  double confidence = 0.0;        ///< the lowest of the windows'
  std::string note;               ///< remarks on the bundles; often empty
};

/// `answers` are those of the session's windows; their bundles are concatenated.
SessionReply reply_of(const AskedSession& asked, std::span<const eval::SessionAnswer> answers,
                      const eval::AnswerSetting& setting);

/// {the session's other keys, "bundles", "titles", "confidence", "note"}.
io::Json reply_json(const AskedSession& asked, const SessionReply& reply);

/// Adds "candidates" and "alpha" (for several windows, within "windows") and "experts".
void add_why(io::Json& json, const AskedSession& asked, std::span<const eval::SessionAnswer> answers,
             const std::vector<std::string>& experts);

}  // namespace routedk::workflow
