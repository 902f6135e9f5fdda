/// `routedk-predict`: bundles for sessions, or free text, from a backbone, its experts and their gate.
#pragma once

#include <filesystem>
#include <istream>
#include <ostream>
#include <string>
#include <vector>

namespace routedk::workflow {

/// Which model answers, under which settings.
struct ModelChoice {
  /// The folder of a run: the settings of its config.yaml, its experts and, unless `gate` says otherwise, its
  /// router. Empty: the default settings.
  std::filesystem::path run;
  std::filesystem::path model;                  ///< a backbone instead of `model.path` of the settings
  std::vector<std::filesystem::path> adapters;  ///< PEFT folders instead of a run's experts
  std::string gate;                             ///< as LogitsOptions::gate; not without experts
  std::vector<std::string> assignments;         ///< a.b=value over the settings, from --set
};

struct PredictOptions {
  bool why = false;     ///< show candidates and the gate's weights
  bool pretty = false;  ///< indent the answers
};

/// Sessions in: JSON lines or one document of any layout, each session a list of 1 to 10 titles, {"titles":
/// [...]} or {"items": [{"id": number or text, "title": ...}, ...]}, the last two perhaps with "session": its
/// number, which keys the random draws as in an evaluation. Titles are cleaned as those of a data set.
/// Out for each, in its order, a line {"session" (where given), "bundles": [[ids, or numbers from 1], ...],
/// "titles": [[as given], ...], "confidence": the share of the votes, or the expected utility where
/// `predict.select` computes it, "note" (where there is something to say)}; with `why` also "candidates":
/// [{"bundles", "votes", "logprobs"}], "experts": their names and "alpha" [L,K]. Where no candidate can be
/// parsed, `bundles` and `titles` are null. All input is read and checked before the backbone is loaded:
/// DataError and FileError name its line where it is not JSON or no session, a title is blank, an id comes
/// twice, or a prompt is too long for the model's context. ConfigError for settings, and where prompts show
/// relations beside those of titles, which are learnt from sessions.
void predict(const ModelChoice& choice, const PredictOptions& options, std::istream& in, std::ostream& out);

struct CompletionOptions {
  std::string prompt;  ///< the text, or - for all of the input
  bool raw = false;    ///< the text as it is, spelled-out special tokens read as such; not the user's turn
  bool json = false;   ///< one object at the end instead of the text as it comes
};

/// Decodes freely under the settings of `decode` until the end of the turn, or as long as the context
/// reaches; text comes out character by character as tokens are drawn. With `json` {"text", "prompt_tokens",
/// "tokens", "finished": whether the turn was ended, "seconds", "tokens_per_second"}. SIGINT or SIGTERM ends
/// what was begun with what is there, then throws Interrupted. DataError when the prompt is empty, or longer
/// than the context leaves room for.
void complete(const ModelChoice& choice, const CompletionOptions& options, std::istream& in,
              std::ostream& out);

}  // namespace routedk::workflow
