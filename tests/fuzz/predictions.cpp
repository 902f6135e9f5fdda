#include "routedk/bundle/predictions.h"

#include <vector>

#include "targets.h"

namespace routedk::fuzz {

void predictions(const std::filesystem::path& file) {
  std::vector<bundle::Session> sessions(2);
  for (std::size_t s = 0; s < sessions.size(); ++s) {
    sessions[s].id = static_cast<bundle::SessionId>(s) + 1;
    sessions[s].items = {{1, "a", ""}, {2, "b", ""}, {3, "c", ""}};
    sessions[s].gold = {{{1, 2}, ""}};
  }
  bundle::score_sessions(sessions, bundle::read_predictions(file, sessions));
}

}  // namespace routedk::fuzz
