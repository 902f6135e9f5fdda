/// Sessions as somebody asks about them.
#pragma once

#include "routedk/bundle/session.h"
#include "routedk/io/jsonl.h"

#include <istream>
#include <optional>
#include <string>
#include <vector>

namespace routedk::workflow {

struct AskedSession {
  bundle::Session session;            ///< its items' ids are their numbers from 1, their titles clean
  std::vector<io::Json> names;        ///< what answers call each item: the id that was given, or its number
  std::vector<std::string> titles;    ///< as given
  std::optional<std::int64_t> given;  ///< the session's own number
  std::string place;                  ///< "standard input:3"
};

/// One session for each line, or, where the first line is no JSON by itself, one for all of the text. At
/// least one; errors as `predict` says.
std::vector<AskedSession> read_sessions(std::istream& in);

}  // namespace routedk::workflow
