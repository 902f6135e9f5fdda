#include "routedk/workflow/data/data_commands.h"

#include "routedk/bundle/dataset.h"
#include "routedk/core/error.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <utility>
#include <vector>

namespace routedk::workflow {
namespace {

using bundle::Session;

struct SplitData {
  bundle::Dataset data;
  bundle::Split split;
};

SplitData load(const DataCommandOptions& options) {
  auto data = bundle::load_dataset({options.data_dir, options.domain, bundle::Untitled::kKeep});
  const auto counts = options.counts ? *options.counts : bundle::default_split_counts(options.data_dir);
  auto split = bundle::split_sessions(data.sessions, counts);
  return {std::move(data), std::move(split)};
}

io::Json session_ids(std::span<const Session> sessions) {
  io::Json ids = io::Json::array();
  for (const Session& session : sessions) {
    ids.push_back(session.id);
  }
  return ids;
}

std::size_t gold_count(std::span<const Session> sessions) {
  std::size_t count = 0;
  for (const Session& session : sessions) {
    count += session.gold.size();
  }
  return count;
}

double mean(std::size_t sum, std::size_t count) {
  return count == 0 ? 0.0 : static_cast<double>(sum) / static_cast<double>(count);
}

io::Json part_stats(std::span<const Session> sessions) {
  std::size_t members = 0;
  for (const Session& session : sessions) {
    for (const auto& gold : session.gold) {
      members += gold.items.size();
    }
  }
  const std::size_t gold = gold_count(sessions);
  return {{"sessions", sessions.size()},
          {"gold_bundles", gold},
          {"bundles_per_session", mean(gold, sessions.size())},
          {"items_per_bundle", mean(members, gold)}};
}

io::Json length_counts(std::span<const Session> sessions) {
  std::map<std::int64_t, std::int64_t> counts;
  for (const Session& session : sessions) {
    ++counts[session.length];
  }
  io::Json lengths = io::Json::object();
  for (const auto& [length, count] : counts) {
    lengths[std::to_string(length)] = count;
  }
  return lengths;
}

std::size_t distinct_items(std::span<const Session> sessions) {
  std::set<bundle::ItemId> items;
  for (const Session& session : sessions) {
    for (const auto& item : session.items) {
      items.insert(item.id);
    }
  }
  return items.size();
}

io::Json untitled_stats(const bundle::TitleCount& count) {
  return {{"items", count.untitled_items},
          {"positions", count.untitled_positions},
          {"share", mean(static_cast<std::size_t>(count.untitled_positions),
                         static_cast<std::size_t>(count.positions))}};
}

}  // namespace

io::Json split_json(const DataCommandOptions& options) {
  const SplitData loaded = load(options);
  return {{"train", session_ids(loaded.split.train)},
          {"val", session_ids(loaded.split.val)},
          {"test", session_ids(loaded.split.test)}};
}

io::Json stats_json(const DataCommandOptions& options) {
  const SplitData loaded = load(options);
  const std::span<const Session> sessions = loaded.data.sessions;
  io::Json splits = {{"train", part_stats(loaded.split.train)},
                     {"val", part_stats(loaded.split.val)},
                     {"test", part_stats(loaded.split.test)}};
  return {{"domain", loaded.data.domain},         {"sessions", sessions.size()},
          {"items", distinct_items(sessions)},    {"positions", loaded.data.title_count.positions},
          {"gold_bundles", gold_count(sessions)}, {"untitled", untitled_stats(loaded.data.title_count)},
          {"lengths", length_counts(sessions)},   {"splits", std::move(splits)}};
}

std::string stats_text(const io::Json& stats) {
  const io::Json& untitled = stats.at("untitled");
  std::string text = fmt::format(
      "{}: {} sessions, {} items at {} positions, {} gold bundles\n"
      "untitled: {} items at {} positions ({:.1f} %)\nsessions by length:",
      stats.at("domain").get<std::string>(), stats.at("sessions").get<int>(), stats.at("items").get<int>(),
      stats.at("positions").get<int>(), stats.at("gold_bundles").get<int>(), untitled.at("items").get<int>(),
      untitled.at("positions").get<int>(), 100.0 * untitled.at("share").get<double>());
  for (const auto& [length, count] : stats.at("lengths").items()) {
    text += fmt::format(" {}:{}", length, count.get<int>());
  }
  text += '\n';
  for (const auto& [name, part] : stats.at("splits").items()) {
    text += fmt::format(
        "{:<5} {:5} sessions, {:5} gold bundles, {:.2f} bundles per session, {:.2f} items per bundle\n", name,
        part.at("sessions").get<int>(), part.at("gold_bundles").get<int>(),
        part.at("bundles_per_session").get<double>(), part.at("items_per_bundle").get<double>());
  }
  return text;
}

}  // namespace routedk::workflow
