/// The next piece of work prepared while the present one is used.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <utility>

namespace routedk {

/// make(n), made in a thread of its own while the one before is in use. An error of make(n) comes out of the
/// call that takes n, and out of none where n is never taken. The destructor waits for what is under way.
template <typename T>
class Prefetcher {
 public:
  using Make = std::function<T(std::int64_t)>;

  /// `make` runs in one thread at a time, but not always in the same.
  explicit Prefetcher(Make make) : make_(std::move(make)) {}

  /// make(n); `next`, unless it is negative, is begun and will be ready for the call that takes it.
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
  /// For an n that was not foreseen; the future's destructor waits.
  T made_after(std::future<T> other, std::int64_t n) {
    other = {};
    return make_(n);
  }

  Make make_;
  std::int64_t number_ = -1;
  std::future<T> under_way_;
};

}  // namespace routedk
