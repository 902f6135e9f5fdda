/// The `augment:` section: training texts that change from epoch to epoch.
#pragma once

namespace routedk::workflow {

struct AugmentConfig {
  bool shuffle_items = false;

  template <typename F>
  void fields(F& f) {
    f("shuffle_items", shuffle_items, "renumber a training session's items in a new order each epoch");
  }
};

}  // namespace routedk::workflow
