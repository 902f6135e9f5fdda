/// Sessions as a user submits them.
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

inline constexpr const char* kAskedSource = "standard input";  ///< its name in errors
inline constexpr std::size_t kMostAskedItems = 1000;           ///< per session

struct AskedSession {
  /// Input of the model: at most bundle::kMaxProducts items each, in the given order. Items' ids are their
  /// numbers from 1 within the whole session; titles are cleaned.
  std::vector<bundle::Session> windows;
  std::vector<io::Json> names;            ///< how answers name each item: the given id, or its number
  std::vector<std::string> titles;        ///< as given
  std::vector<std::string> categories;    ///< as given, empty if not
  io::Json carried = io::Json::object();  ///< copied into the answer unchanged, the session's id first
  std::string place;                      ///< "standard input:3"
  std::vector<io::CsvRow> rows;           ///< rows of a table, in order
  char delimiter = ',';                   ///< of these rows
  std::vector<bundle::ItemId> row_items;  ///< the number of each row's item
};

/// Runs what may fail for one session; counts and logs skipped sessions.
class Attempts {
 public:
  /// With `strict`, the first failure is thrown.
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
  /// DataError if something was skipped.
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

/// Adds an item, whose texts are UTF-8, not yet in a window; DataError if its title is blank.
void add_item(AskedSession& asked, io::Json name, const std::string& title, const std::string& category = "");

/// Splits the items into windows, as few as possible and about equally long, in order. `id` keys the draws.
/// DataError if `items`, which may exceed the number added, is 0 or more than kMostAskedItems.
void cut_windows(AskedSession& asked, std::size_t items, bundle::SessionId id);

/// The key of a session's draws: the integer that the id is or spells, or a hash of any other text.
bundle::SessionId key_of_session(const io::Json& id);

/// One session, or one list of sessions, per line or, if the first line is not JSON by itself, in the whole
/// text. Failed sessions are left out. DataError if the text is blank, FileError if it is a table.
std::vector<AskedSession> read_sessions(const std::string& text, Attempts& attempts);

}  // namespace routedk::workflow
