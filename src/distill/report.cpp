#include "routedk/distill/report.h"

#include "routedk/distill/describe.h"
#include "routedk/distill/feedback.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <vector>

namespace routedk::distill {
namespace {

using bundle::Bundle;
using bundle::ItemId;
using bundle::Session;

/// Words that identify an item -> its index in the session.
using Clues = std::map<std::string, std::size_t>;

Clues number_clues(const Session& session) {
  Clues clues;
  for (std::size_t i = 0; i < session.items.size(); ++i) {
    clues["product" + std::to_string(i + 1)] = i;
  }
  return clues;
}

/// The product numbers, and the words that occur in only one title.
Clues all_clues(const Session& session) {
  std::map<std::string, std::set<std::size_t>> holders;
  for (std::size_t i = 0; i < session.items.size(); ++i) {
    for (const std::string& word : words_of(session.items[i].title)) {
      holders[word].insert(i);
    }
  }
  Clues clues = number_clues(session);
  for (const auto& [word, items] : holders) {
    if (items.size() == 1 && can_name(word)) {
      clues.emplace(word, *items.begin());
    }
  }
  return clues;
}

std::vector<std::string_view> statements_of(std::string_view text) {
  std::vector<std::string_view> statements;
  while (!text.empty()) {
    const std::size_t end = std::min({text.find('\n'), text.find(". "), text.size()});
    statements.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return statements;
}

std::set<ItemId> named_in(std::string_view statement, const Session& session, const Clues& clues) {
  std::set<ItemId> named;
  std::string before;
  for (const std::string& word : words_of(statement)) {
    for (const std::string& clue : {word, before + word}) {
      const auto found = clues.find(clue);
      if (found != clues.end() && (clue == word || before == "product")) {
        named.insert(session.items[found->second].id);
      }
    }
    before = word;
  }
  return named;
}

void add_effort(KnowledgeShare& share, const bundle::KnowledgeRecord& record) {
  share.turns += static_cast<std::int64_t>(record.turns.size());
  share.problems += std::ranges::count_if(
      record.turns, [](const bundle::KnowledgeTurn& turn) { return !turn.problem.empty(); });
  share.prompt_tokens += record.prompt_tokens;
  share.completion_tokens += record.completion_tokens;
  share.seconds += record.seconds;
}

io::Json no_feedback() {
  io::Json counts = io::Json::object();
  for (const auto& [kind, name] : enum_names(FeedbackKind{})) {
    counts[std::string(name)] = 0;
  }
  return counts;
}

/// Adds the feedback on one session's parsed proposals.
void count_feedback(io::Json& counts, const Session& session, const bundle::KnowledgeRecord& record) {
  const char* which = "first";
  for (const bundle::KnowledgeTurn& turn : record.turns) {
    const auto proposal =
        turn.asked == "propose" && turn.problem.empty() ? proposal_in(turn.reply) : std::nullopt;
    if (!proposal) {
      continue;
    }
    for (const Feedback& each : feedback_on(*proposal, session)) {
      io::Json& count = counts[which][std::string(name_of(each.kind))];
      count = count.get<std::int64_t>() + 1;
    }
    which = "later";
  }
}

double ratio(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

bool can_be_read_off(const std::string& text, const Session& session, const Bundle& gold) {
  const std::array<Clues, 2> clues{number_clues(session), all_clues(session)};
  const auto gives_away = [&](const std::set<ItemId>& named) {
    const bool is_choice = named.size() < session.items.size() || gold.size() == session.items.size();
    return is_choice && std::ranges::all_of(gold, [&](ItemId item) { return named.contains(item); });
  };
  return std::ranges::any_of(statements_of(text), [&](std::string_view statement) {
    return std::ranges::any_of(
        clues, [&](const Clues& each) { return gives_away(named_in(statement, session, each)); });
  });
}

KnowledgeShare knowledge_share(std::span<const Session> training, const bundle::KnowledgeStore& knowledge,
                               bundle::KnowledgeKind kind) {
  KnowledgeShare share;
  for (const Session& session : training) {
    ++share.sessions;
    const bundle::KnowledgeRecord* record = knowledge.find(session.id, kind);
    if (record == nullptr) {
      continue;
    }
    add_effort(share, *record);
    if (!record->valid()) {
      ++share.failures[record->failure];
      continue;
    }
    const auto readable = std::ranges::count_if(session.gold, [&](const bundle::GoldBundle& gold) {
      return can_be_read_off(record->text, session, gold.items);
    });
    const auto bundles = static_cast<std::int64_t>(session.gold.size());
    ++share.records;
    share.records_read_off += readable == bundles ? 1 : 0;
    share.gold_bundles += bundles;
    share.bundles_read_off += readable;
    share.words += static_cast<std::int64_t>(words_of(record->text).size());
  }
  return share;
}

io::Json feedback_counts(std::span<const Session> training, const bundle::KnowledgeStore& knowledge) {
  io::Json counts = {{"first", no_feedback()}, {"later", no_feedback()}};
  for (const Session& session : training) {
    const auto* record = knowledge.find(session.id, bundle::KnowledgeKind::kRules);
    if (record != nullptr) {
      count_feedback(counts, session, *record);
    }
  }
  return counts;
}

io::Json to_json(const KnowledgeShare& share) {
  io::Json failures = io::Json::object();
  std::int64_t failed = 0;
  for (const auto& [reason, count] : share.failures) {
    failures[reason] = count;
    failed += count;
  }
  return {{"sessions", share.sessions},
          {"records", share.records},
          {"failed", failed},
          {"failures", failures},
          {"turns", share.turns},
          {"problems", share.problems},
          {"prompt_tokens", share.prompt_tokens},
          {"completion_tokens", share.completion_tokens},
          {"seconds", share.seconds},
          {"gold_read_off", ratio(share.records_read_off, share.records)},
          {"bundles_read_off", ratio(share.bundles_read_off, share.gold_bundles)},
          {"mean_words", ratio(share.words, share.records)}};
}

}  // namespace routedk::distill
