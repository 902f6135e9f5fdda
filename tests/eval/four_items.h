/// The session on which choices and figures are worked out by hand.
#pragma once

#include "routedk/bundle/session.h"

namespace routedk::testing {

/// Items 1 to 4, gold {1, 2} and {3, 4}.
inline bundle::Session session(bundle::SessionId id) {
  bundle::Session made;
  made.id = id;
  made.items = {{1, "a", ""}, {2, "b", ""}, {3, "c", ""}, {4, "d", ""}};
  made.gold = {{{1, 2}, ""}, {{3, 4}, ""}};
  return made;
}

}  // namespace routedk::testing
