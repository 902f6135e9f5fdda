/// Sessions as somebody asks about them.
#pragma once

#include "routedk/bundle/session.h"
#include "routedk/core/error.h"
#include "routedk/io/csv.h"
#include "routedk/io/jsonl.h"

#include <cstdint>
#include <string>
#include <vector>

#include <spdlog/spdlog.h>

namespace routedk::workflow {

inline constexpr const char* kAskedSource = "standard input";  ///< what errors call it
inline constexpr std::size_t kMostAskedItems = 1000;           ///< of one session

struct AskedSession {
  /// What the model is asked: at most bundle::kMaxProducts items each, as given. Items' ids are their numbers
  /// from 1 within the whole session, titles are clean.
  std::vector<bundle::Session> windows;
  std::vector<io::Json> names;          ///< what answers call each item: the id that was given, or its number
  std::vector<std::string> titles;      ///< as given
  std::vector<std::string> categories;  ///< as given, empty where not
  io::Json carried = io::Json::object();  ///< what goes into the answer as it is, the session's id first
  std::string place;                      ///< "standard input:3"
  std::vector<io::CsvRow> rows;           ///< of a table, in its order
  std::vector<bundle::ItemId> row_items;  ///< the number of each row's item
};

/// Does what may fail for one session; counts and says what failed and was skipped.
class Attempts {
 public:
  /// `strict` lets the first failure end everything.
  explicit Attempts(bool strict) : strict_(strict) {}

  template <typename Work>
  bool attempt(const Work& work) {
    try {
      work();
      return true;
    } catch (const UserError& error) {
      if (strict_) {
        throw;
      }
      ++failed_;
      spdlog::warn("skipped: {}", error.what());
      return false;
    }
  }
  /// DataError where something was skipped.
  void finish(std::size_t answered) const {
    if (failed_ > 0) {
      throw_<DataError>(
          "every session must be answerable, but {} {} skipped (see above); {} "
          "answered",
          failed_, failed_ == 1 ? "was" : "were", answered);
    }
  }

 private:
  bool strict_;
  std::int64_t failed_ = 0;
};

/// Adds an item, not yet to a window; DataError where its title is blank or no UTF-8.
void add_item(AskedSession& asked, io::Json name, const std::string& title, const std::string& category = "");

/// Cuts the items into windows, as few as can be and about equally long, in their order. `id` keys the draws.
/// DataError where `items`, which may be more than were added, are none or more than kMostAskedItems.
void cut_windows(AskedSession& asked, std::size_t items, bundle::SessionId id);

/// The key of a session's draws: the integer that an id is or spells, a hash of any other text.
bundle::SessionId key_of_session(const io::Json& id);

/// One session for each line, or, where the text is one JSON document and its first line is none, one for all
/// of it. What fails is left out. DataError where the text is blank.
std::vector<AskedSession> read_sessions(const std::string& text, Attempts& attempts);

}  // namespace routedk::workflow
