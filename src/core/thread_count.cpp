#include "routedk/core/thread_count.h"

#include "routedk/core/error.h"
#include "routedk/core/numbers.h"

namespace routedk {
namespace {

constexpr const char* kVariable = "OMP_NUM_THREADS";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  const std::size_t end = text.find_last_not_of(" \t");
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin, end - begin + 1);
}

}  // namespace

std::int64_t thread_count_in(std::string_view text, std::string_view name) {
  const auto count = number_in<std::int64_t>(trimmed(text));
  if (!count || *count < 1 || *count > kMostThreads) {
    throw_<ConfigError>("`{}` must be an integer from 1 to {}, but is `{}` instead", name, kMostThreads,
                        text);
  }
  return *count;
}

ThreadCount default_thread_count(const std::optional<std::string>& omp_num_threads, std::int64_t usable) {
  if (!omp_num_threads || trimmed(*omp_num_threads).empty()) {
    return {usable, {}};
  }
  const std::string_view list = *omp_num_threads;
  const std::int64_t asked = thread_count_in(list.substr(0, list.find(',')), kVariable);
  if (asked <= usable) {
    return {asked, {}};
  }
  return {usable, fmt::format("{} asks for {} threads, but this process can use {} CPU{}: using {} "
                              "(--threads overrides this)",
                              kVariable, asked, usable, usable == 1 ? "" : "s", usable)};
}

}  // namespace routedk
