/// What predict says of a session: one answer from those of its windows.
#pragma once

#include "routedk/eval/answers.h"

#include <span>
#include <string>
#include <vector>

#include "asked_session.h"

namespace routedk::workflow {

struct SessionReply {
  bundle::Prediction prediction;  ///< by the items' numbers; nothing where no window was answered
  double confidence = 0.0;        ///< that of the least sure window
  std::string note;               ///< what there is to say beside the bundles; often nothing
};

/// `answers` are those of the session's windows. Their bundles stand side by side.
SessionReply reply_of(const AskedSession& asked, std::span<const eval::SessionAnswer> answers,
                      const eval::AnswerSetting& setting);

/// {what the session carries, "bundles", "titles", "confidence", "note"}.
io::Json reply_json(const AskedSession& asked, const SessionReply& reply);

/// Adds "candidates" and "alpha", of several windows within "windows", and "experts".
void add_why(io::Json& json, const AskedSession& asked, std::span<const eval::SessionAnswer> answers,
             const std::vector<std::string>& experts);

}  // namespace routedk::workflow
