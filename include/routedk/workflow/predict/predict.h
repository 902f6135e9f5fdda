/// `routedk-predict`: bundles for sessions, or free text, from a backbone, its experts and a gate.
#pragma once

#include <filesystem>
#include <istream>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace routedk::workflow {

/// Which model answers, and its settings.
struct ModelChoice {
  /// A run's folder: the settings in its config.yaml, its experts and, unless `gate` overrides it, its
  /// router. Empty: the default settings.
  std::filesystem::path run;
  std::filesystem::path model;                  ///< a backbone, overriding `model.path` of the settings
  std::vector<std::filesystem::path> adapters;  ///< PEFT folders instead of a run's experts
  std::string gate;                             ///< as LogitsOptions::gate; requires experts
  std::vector<std::string> assignments;         ///< a.b=value, override the settings; from --set
};

/// Names of a table's columns; if empty: `session`, `item`, `title` and, if present, `category`, also in the
/// plural or followed by "id", in any case and with any blanks and signs in between: "session ID", "item_id",
/// "Titles".
struct TableColumns {
  std::string session;
  std::string item;
  std::string title;
  std::string category;
};

struct PredictOptions {
  bool why = false;                     ///< show candidates and the gate's weights
  bool pretty = false;                  ///< indent the answers
  std::optional<TableColumns> table{};  ///< CSV input and output instead of JSON
  bool strict = false;                  ///< the first session that cannot be answered ends the program
  bool typed_in = false;                ///< input comes from a terminal: prompt for it on stderr
  bool progress = false;                ///< show it on stderr
};

/// Input: sessions as JSON lines or as one document of any layout, each a list of titles, {"titles": [...]}
/// or {"items": [{"id": number or text, "title": ...}, ...]}. Objects may have "session", an id (number or
/// text) that keys the random draws as in an evaluation, and any other keys. An item's "category" replaces
/// the data's in the prompt's relations (answering_templates). Titles are cleaned as in a data set. A session
/// with more than bundle::kMaxProducts items is split into windows, as few as possible and about equally
/// long, in the given order: no bundle spans two windows, and the confidence is the lowest of the windows'.
///
/// Output: one line per session, in order, as soon as the sessions decoded with it are done: {the session's
/// other keys; "items" if items have other keys; "bundles": [[ids, or numbers from 1], ...], "titles": [[as
/// given], ...], "confidence": the share of the votes, or the expected utility if `predict.select` computes
/// it, not calibrated; "note" (optional)}; with `why` also "candidates": [{"bundles", "votes", "logprobs"}],
/// "experts": their names and "alpha" [L,K]; for several windows in a list "windows". If no candidate can be
/// parsed, `bundles` and `titles` are null.
///
/// With `table`, the input is CSV with one row per item; the rows of a session need not be adjacent. The
/// output has each session's rows with the added columns bundle (its number; one row for each bundle of the
/// item, or one with an empty field), confidence and note.
///
/// Settings, prompts, tokenizer and folders are checked before the input is read; all input is read before
/// the backbone is loaded. A session that cannot be answered (invalid JSON, a blank title, a duplicate id,
/// too long for the model's context) is reported with its line and skipped; after the others are answered, a
/// DataError gives their number. With `strict` the first one ends the program. ConfigError for settings.
void predict(const ModelChoice& choice, const PredictOptions& options, std::istream& in, std::ostream& out);

struct CompletionOptions {
  std::string prompt;     ///< the text, or - to read it from the input
  bool raw = false;       ///< use the text as it is, parsing spelled-out special tokens; not as the user's
                          ///< turn
  bool json = false;      ///< one object at the end instead of streaming the text
  bool typed_in = false;  ///< as in PredictOptions
};

/// Decodes without a grammar under the settings of `decode` until the end of the turn or of the context;
/// writes the text as tokens are drawn. With `json`: {"text", "prompt_tokens", "tokens", "finished": whether
/// the turn ended, "seconds", "tokens_per_second"}. On SIGINT, SIGTERM or SIGHUP, finishes the output with
/// what has been drawn, then throws Interrupted. DataError if the prompt is empty or leaves no room in the
/// context.
void complete(const ModelChoice& choice, const CompletionOptions& options, std::istream& in,
              std::ostream& out);

}  // namespace routedk::workflow
