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
  std::int64_t join_seconds = 300;
  std::int64_t exchange_seconds = 1800;

  template <typename F>
  void fields(F& f) {
    f("dir", dir, "one experiment by links into the store; empty: runs/<data folder>-<domain>");
    f("store", store,
      "finished steps, shared by all runs that have the same to do; empty: the folder store beside run.dir");
    f("threads", threads, "of computation; 0: as many as the CPUs this process can use", between(0, 4096));
    f("join_seconds", join_seconds, "in which the processes of one training must have started", at_least(1));
    f("exchange_seconds", exchange_seconds,
      "that one of them waits for the slowest, in a step or a validation", at_least(1));
  }
};

}  // namespace routedk::workflow
