/// The `run:` section: where results go and with what they are computed.
#pragma once

#include "routedk/core/config_rules.h"

#include <cstdint>
#include <string>

namespace routedk::workflow {

struct RunConfig {
  std::string dir;
  std::string store;
  std::int64_t threads = 0;

  template <typename F>
  void fields(F& f) {
    f("dir", dir, "one experiment by links into the store; empty: runs/<data folder>-<domain>");
    f("store", store,
      "finished steps, shared by all runs that have the same to do; empty: the folder store beside run.dir");
    f("threads", threads, "of computation; 0: as many as the CPUs this process can use", between(0, 4096));
  }
};

}  // namespace routedk::workflow
