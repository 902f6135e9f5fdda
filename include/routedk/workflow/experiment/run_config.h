/// The `run:` section: where results go, and the resources to compute with.
#pragma once

#include "routedk/core/config_rules.h"

#include <cstdint>
#include <string>

namespace routedk::workflow {

struct RunConfig {
  std::string dir;
  std::string store;
  std::int64_t threads = 0;
  std::int64_t join_seconds = 300;
  std::int64_t exchange_seconds = 1800;

  template <typename F>
  void fields(F& f) {
    f("dir", dir, "folder of the experiment, links into the store; empty: runs/<data folder>-<domain>",
      FilePath());
    f("store", store,
      "folder of finished steps, shared by all runs; empty: `store` in the parent folder of run.dir",
      FilePath());
    f("threads", threads, "threads that compute; 0: the CPUs that this process can use", between(0, 4096));
    f("join_seconds", join_seconds, "seconds to wait for all processes of one training to start",
      at_least(1));
    f("exchange_seconds", exchange_seconds,
      "seconds that a process waits for the slowest, in a step or a validation", at_least(1));
  }
};

}  // namespace routedk::workflow
