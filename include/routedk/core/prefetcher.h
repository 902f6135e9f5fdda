/// Prepares the next item while the current one is in use.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <utility>

namespace routedk {

/// make(n), called in a separate thread while the previous item is in use. An exception of make(n) is
/// rethrown by the call that takes n, and dropped if n is never taken. The destructor waits for work in
/// progress.
template <typename T>
class Prefetcher {
 public:
  using Make = std::function<T(std::int64_t)>;

  /// `make` runs in one thread at a time, but not always in the same one.
  explicit Prefetcher(Make make) : make_(std::move(make)) {}

  /// make(n); unless `next` is negative, starts make(next) for the call that takes it.
  T take(std::int64_t n, std::int64_t next) {
    std::future<T> ready = std::exchange(under_way_, {});
    T value =
        ready.valid() && std::exchange(number_, -1) == n ? ready.get() : made_after(std::move(ready), n);
    if (next >= 0) {
      number_ = next;
      under_way_ = std::async(std::launch::async, make_, next);
    }
    return value;
  }

 private:
  /// For an n that was not prefetched; the future's destructor waits.
  T made_after(std::future<T> other, std::int64_t n) {
    other = {};
    return make_(n);
  }

  Make make_;
  std::int64_t number_ = -1;
  std::future<T> under_way_;
};

}  // namespace routedk
