#include "shared_work.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/distill/spending.h"
#include "routedk/io/json_field.h"
#include "routedk/workflow/steps/steps.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

namespace fs = std::filesystem;
using bundle::SessionId;

constexpr std::string_view kUnderWay = ".part.jsonl";
constexpr std::string_view kSpent = ".spent.jsonl";

fs::path parts_folder(const Experiment& experiment, const StepId& id) {
  return experiment.step_folder(id) / "shards";
}

/// Cuts into the same number of parts differ if their batches do.
std::string name_of_part(const Shard& shard, std::int64_t batch) {
  return batch == 1 ? to_string(shard) : fmt::format("{}-by-{}", to_string(shard), batch);
}

void write_part(const Experiment& experiment, const SharedWork& work) {
  const std::string name = name_of_part(experiment.shard(), work.batch);
  const fs::path folder = parts_folder(experiment, work.id);
  const fs::path whole = folder / (name + ".jsonl");
  if (fs::exists(whole)) {
    return;
  }
  const auto lock = experiment.store().open_part(experiment.step(work.id), folder / (name + ".lock"));
  if (lock == nullptr) {
    throw_<UserError>(
        "shard {} of {} must be done by one process at a time, but another is working on it ({})", name,
        to_string(work.id), folder.string());
  }
  if (fs::exists(whole)) {  // by another process in the meantime
    return;
  }
  experiment.link_step(work.id);
  const fs::path under_way = folder / (name + std::string(kUnderWay));
  work.write(part_of(work.sessions, experiment.shard(), work.batch), under_way);
  if (!fs::exists(under_way)) {  // no session has been processed
    write_file_atomic(under_way, "", Readers::kOwner);
  }
  fs::rename(under_way, whole);
}

/// The contents of the complete parts.
struct Parts {
  std::map<SessionId, std::string> lines;  ///< one per record, in file order
  std::set<std::int64_t> counts;           ///< part counts of the cuts that the files are from
  std::string spent;
};

Parts parts_in(const fs::path& folder) {
  Parts parts;
  std::vector<fs::path> files;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(kSpent)) {
      parts.spent += read_file(entry.path());
    } else if (name.ends_with(".jsonl") && !name.ends_with(kUnderWay)) {
      files.push_back(entry.path());
    }
  }
  for (const fs::path& file : files) {
    std::map<SessionId, std::string> own;  // if two cuts have the same session, the last file counts
    io::read_records(file, [&](const io::JsonField& line) {
      own[line["session"].integer()] += line.value().dump() + "\n";
    });
    for (auto& [session, lines] : own) {
      parts.lines[session] = std::move(lines);
    }
  }
  return parts;
}

/// The parts of `count` that lack a session: "1/4, 3/4 (12 of 45 sessions)"; "" if none does.
std::string lacking(const SharedWork& work, const Parts& parts, std::int64_t count) {
  std::vector<std::string> names;
  std::size_t sessions = 0;
  for (std::int64_t index = 1; index <= count; ++index) {
    const auto own = part_of(work.sessions, {index, count}, work.batch);
    const auto missing = std::count_if(
        own.begin(), own.end(), [&](const auto& session) { return !parts.lines.contains(session.id); });
    if (missing > 0) {
      names.push_back(fmt::format("{}/{}", index, count));
      sessions += static_cast<std::size_t>(missing);
    }
  }
  return names.empty()
             ? ""
             : fmt::format("{} ({} of {} sessions)", fmt::join(names, ", "), sessions, work.sessions.size());
}

/// The number of parts in the present cut: as given by the shard, or by the names of the files.
std::int64_t count_of(const Experiment& experiment, const StepId& id) {
  std::int64_t count = experiment.shard().count;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(parts_folder(experiment, id), none)) {
    const auto shard = shard_of_name(entry.path().filename().string());
    if (experiment.shard().merge && shard) {
      count = std::max(count, shard->count);
    }
  }
  return count;
}

void put_together(Experiment& experiment, const SharedWork& work) {
  const Parts parts = parts_in(parts_folder(experiment, work.id));
  const std::string missing = lacking(work, parts, count_of(experiment, work.id));
  if (!missing.empty()) {
    if (experiment.shard().merge) {
      throw_<ConfigError>("all shards of {} must be complete, but these are not: {}; run them with --shard",
                          to_string(work.id), missing);
    }
    spdlog::info("{}: this shard is done; still missing: {}", to_string(work.id), missing);
    return;
  }
  if (!experiment.open_step(work.id)) {  // another process merges them
    return;
  }
  if (is_done(experiment, work.id)) {
    experiment.leave_step(work.id);
    return;
  }
  std::string lines;
  for (const bundle::Session& session : work.sessions) {
    lines += parts.lines.at(session.id);
  }
  if (!parts.spent.empty()) {
    write_file_atomic(distill::spent_file(work.file), parts.spent, Readers::kOwner);
  }
  write_file_atomic(work.file, lines, work.readers);
  work.finish();
  mark_done(experiment, {work.id});
}

}  // namespace

void do_part(Experiment& experiment, const SharedWork& work) {
  if (is_done(experiment, work.id)) {
    experiment.link_step(work.id);
    return;
  }
  if (!experiment.shard().merge) {
    write_part(experiment, work);
  }
  put_together(experiment, work);
}

}  // namespace routedk::workflow
