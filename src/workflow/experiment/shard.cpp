#include "routedk/workflow/experiment/shard.h"

#include "routedk/core/error.h"

#include <charconv>
#include <optional>
#include <regex>

#include <fmt/format.h>

namespace routedk::workflow {
namespace {

constexpr std::int64_t kMostShards = 100'000;

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && stop == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

Shard checked(std::int64_t index, std::int64_t count, const std::string& where) {
  if (count < 1 || count > kMostShards || index < 1 || index > count) {
    throw_<ConfigError>("a shard must be I/N with 1 <= I <= N <= {}, but is {}/{} ({})", kMostShards, index,
                        count, where);
  }
  return {index, count};
}

/// A task of an array such as 0-15 or 1-16: gaps would leave parts without a task.
std::optional<Shard> of_array(const parallel::Environment& environment) {
  const auto task = parallel::whole_number(environment, "SLURM_ARRAY_TASK_ID");
  const auto count = parallel::whole_number(environment, "SLURM_ARRAY_TASK_COUNT");
  if (!task || !count) {
    return std::nullopt;
  }
  const std::int64_t first = parallel::whole_number(environment, "SLURM_ARRAY_TASK_MIN").value_or(0);
  const std::int64_t step = parallel::whole_number(environment, "SLURM_ARRAY_TASK_STEP").value_or(1);
  return checked(step > 0 ? (*task - first) / step + 1 : 0, *count,
                 "the Slurm array must be a range without gaps");
}

Shard of_environment(const parallel::Environment& environment) {
  if (const auto shard = of_array(environment)) {
    return *shard;
  }
  if (const auto launch = parallel::rank_from(environment)) {
    return checked(launch->rank + 1, launch->size, "the launcher's rank");
  }
  throw_<ConfigError>(
      "--shard auto must be started by a Slurm array, torchrun, mpirun or srun, but no variable of theirs is "
      "set: "
      "give I/N");
}

}  // namespace

Shard parse_shard(const std::string& text, const parallel::Environment& environment) {
  if (text.empty()) {
    return {};
  }
  if (text == "auto") {
    return of_environment(environment);
  }
  const std::size_t slash = text.find('/');
  const auto index = number(std::string_view(text).substr(0, slash));
  const auto count =
      slash == std::string::npos ? std::nullopt : number(std::string_view(text).substr(slash + 1));
  if (!index || !count) {
    throw_<ConfigError>("--shard must be I/N, as 2/4, or auto, but is `{}`", text);
  }
  return checked(*index, *count, "--shard");
}

Shard parse_shard(const std::string& text) {
  return parse_shard(text, parallel::environment);
}

Shard shard_of_process(const std::string& text, bool merge, bool alone) {
  if (merge) {
    return {1, 1, true};
  }
  const auto launch = alone && text.empty() ? parallel::rank_from(parallel::environment) : std::nullopt;
  if (launch && launch->size > 1) {
    throw_<ConfigError>(
        "this program must be started once, but was started as rank {} of {}: share its sessions with "
        "--shard auto "
        "(docs/scale.md)",
        launch->rank, launch->size);
  }
  return parse_shard(text);
}

std::string to_string(const Shard& shard) {
  return fmt::format("{}-of-{}", shard.index, shard.count);
}

std::optional<Shard> shard_of_name(const std::string& name) {
  static const std::regex kForm("([0-9]{1,6})-of-([0-9]{1,6})(-by-|\\.).*");
  std::smatch parts;
  if (!std::regex_match(name, parts, kForm)) {
    return std::nullopt;
  }
  return checked(std::stoll(parts[1]), std::stoll(parts[2]), name);
}

}  // namespace routedk::workflow
