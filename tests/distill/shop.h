/// An invented session for the tests of this layer.
#pragma once

#include "routedk/bundle/session.h"

namespace routedk::distill {

/// lamp, tea, shade, cup; gold: cup + tea, lamp + shade.
inline bundle::Session shop_session(bundle::SessionId id = 4) {
  bundle::Session session;
  session.id = id;
  session.items = {{10, "Brass Desk Lamp, 40 W", "[[Home,Lamps]]"},
                   {20, "Green Tea (Pack of 6)", "[[Food,Teas]]"},
                   {30, "Linen Shade for Lamp", "[[Home,Shades]]"},
                   {40, "Porcelain Cup", ""}};
  session.gold = {{{40, 20}, "a hot drink."}, {{10, 30}, ""}};
  return session;
}

}  // namespace routedk::distill
