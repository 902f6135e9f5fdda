/// The `run:` section: where results go and with what they are computed.
#pragma once

#include "routedk/core/config_rules.h"

#include <cstdint>
#include <string>

namespace routedk::workflow {

struct RunConfig {
  std::string dir;
  std::int64_t threads = 0;

  template <typename F>
  void fields(F& f) {
    f("dir", dir, "results, checkpoints, what makes a second run go on; empty: runs/<data folder>-<domain>");
    f("threads", threads, "of computation; 0: as many as the CPUs this process can use", between(0, 4096));
  }
};

}  // namespace routedk::workflow
