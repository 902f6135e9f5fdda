/// `routedk-predict`: bundles for sessions, or free text, from a backbone, its experts and their gate.
#pragma once

#include <filesystem>
#include <istream>
#include <optional>
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

/// Columns of a table by their names; empty: `session`, `item`, `title` and, where there is one, `category`,
/// perhaps in the plural or followed by "id", in any case and with any blanks and signs between: "session
/// ID", "item_id", "Titles".
struct TableColumns {
  std::string session;
  std::string item;
  std::string title;
  std::string category;
};

struct PredictOptions {
  bool why = false;                     ///< show candidates and the gate's weights
  bool pretty = false;                  ///< indent the answers
  std::optional<TableColumns> table{};  ///< CSV in and out instead of JSON
  bool strict = false;                  ///< the first session that cannot be asked ends everything
  bool typed_in = false;                ///< input comes from a terminal: stderr says what is waited for
  bool progress = false;                ///< show it on stderr
};

/// Sessions in: JSON lines or one document of any layout, each session a list of titles, {"titles": [...]} or
/// {"items": [{"id": number or text, "title": ...}, ...]}, the last two perhaps with "session": its id, a
/// number or a text, which keys the random draws as in an evaluation, and with any other keys. An item's
/// "category" is what prompts relate it by in place of the data's (answering_templates). Titles are cleaned
/// as those of a data set. More than bundle::kMaxProducts items are asked about in windows, as few as can be
/// and about equally long, in the order given: no bundle spans two, and the confidence is that of the least
/// sure one.
///
/// Out for each, in its order, as soon as the sessions decoded with it are done, a line {what else the
/// session has; of items that have more keys also "items"; "bundles": [[ids, or numbers from 1], ...],
/// "titles": [[as given], ...], "confidence": the share of the votes, or the expected utility where
/// `predict.select` computes it, not calibrated; "note" (where there is something to say)}; with `why` also
/// "candidates": [{"bundles", "votes", "logprobs"}], "experts": their names and "alpha" [L,K], of several
/// windows in a list "windows". Where no candidate can be parsed, `bundles` and `titles` are null.
///
/// With `table` CSV in, a row an item, rows of one session wherever they stand; out each session's rows
/// with the columns bundle (its number; a row for each bundle of the item, an empty one where it has none),
/// confidence and note.
///
/// Settings, prompts, tokenizer and folders are checked before the input is read, all input is read before
/// the backbone is loaded. A session that cannot be asked (no JSON, a blank title, an id twice, too long for
/// the model's context) is said with its line and left out, and once the others are answered DataError counts
/// them; with `strict` it ends everything at once. ConfigError for settings.
void predict(const ModelChoice& choice, const PredictOptions& options, std::istream& in, std::ostream& out);

struct CompletionOptions {
  std::string prompt;     ///< the text, or - for all of the input
  bool raw = false;       ///< the text as it is, spelled-out special tokens read as such; not the user's turn
  bool json = false;      ///< one object at the end instead of the text as it comes
  bool typed_in = false;  ///< as in PredictOptions
};

/// Decodes freely under the settings of `decode` until the end of the turn, or as long as the context
/// reaches; text comes out character by character as tokens are drawn. With `json` {"text", "prompt_tokens",
/// "tokens", "finished": whether the turn was ended, "seconds", "tokens_per_second"}. SIGINT or SIGTERM ends
/// what was begun with what is there, then throws Interrupted. DataError when the prompt is empty, or longer
/// than the context leaves room for.
void complete(const ModelChoice& choice, const CompletionOptions& options, std::istream& in,
              std::ostream& out);

}  // namespace routedk::workflow
