#include "routedk/distill/rule_lines.h"

#include "routedk/bundle/tfidf.h"
#include "routedk/distill/describe.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <sstream>

namespace routedk::distill {
namespace {

using bundle::KnowledgeKind;

constexpr std::size_t kFewestWords = 4;
constexpr std::size_t kMostWords = 60;
constexpr double kSameRule = 0.8;

bool is_number(std::string_view word) {
  return !word.empty() && word.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string_view without(std::string_view text, std::string_view outer) {
  const std::size_t begin = std::min(text.find_first_not_of(outer), text.size());
  return text.substr(begin, text.find_last_not_of(outer) + 1 - begin);
}

/// "rule", "Rule 2", "**Rule**": labels allowed before the colon.
bool is_label(std::string_view text) {
  const std::vector<std::string> words = words_of(text);
  const bool is_rule = !words.empty() && (words[0] == "rule" || words[0] == "rules");
  return is_rule && (words.size() == 1 || (words.size() == 2 && is_number(words[1])));
}

std::string rule_on(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t-*#.)0123456789"), line.size()));
  const std::size_t colon = line.find(':');
  return colon != std::string_view::npos && is_label(line.substr(0, colon))
             ? std::string(without(line.substr(colon + 1), " \t\r*"))
             : std::string();
}

bool is_general(const std::string& rule) {
  const std::size_t words = words_of(rule).size();
  return words >= kFewestWords && words <= kMostWords && !names_product_numbers(rule);
}

std::vector<std::string> lines_of(std::string_view text) {
  std::istringstream in{std::string(text)};
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line);
  }
  return lines;
}

/// Distinct wordings and their sessions, in the order of the sessions.
struct Wordings {
  std::vector<std::string> texts;
  std::vector<std::set<bundle::SessionId>> sessions;
};

Wordings wordings_of(const bundle::KnowledgeStore& knowledge) {
  Wordings all;
  std::map<std::string, std::size_t> places;
  for (const auto& [key, record] : knowledge.records()) {
    if (record.kind != KnowledgeKind::kRules || !record.valid()) {
      continue;
    }
    for (const std::string& line : lines_of(record.text)) {
      const auto [place, is_new] = places.emplace(line, all.texts.size());
      if (is_new) {
        all.texts.push_back(line);
        all.sessions.emplace_back();
      }
      all.sessions[place->second].insert(record.session);
    }
  }
  return all;
}

}  // namespace

bool names_product_numbers(std::string_view text) {
  static constexpr std::string_view kProduct = "product";
  const std::vector<std::string> words = words_of(text);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool before_number = i + 1 < words.size() && is_number(words[i + 1]);
    const bool is_product = words[i] == kProduct || words[i] == "products";
    const bool has_number = words[i].starts_with(kProduct) && is_number(words[i].substr(kProduct.size()));
    if (has_number || (is_product && before_number)) {
      return true;
    }
  }
  return false;
}

std::vector<std::string> rules_in(std::string_view reply, std::size_t limit) {
  std::vector<std::string> rules;
  for (const std::string& line : lines_of(reply)) {
    const std::string rule = rule_on(line);
    if (rules.size() < limit && is_general(rule) && std::ranges::find(rules, rule) == rules.end()) {
      rules.push_back(rule);
    }
  }
  return rules;
}

std::vector<DomainRule> induce_rules(const bundle::KnowledgeStore& knowledge, std::size_t limit) {
  const Wordings wordings = wordings_of(knowledge);
  std::map<bundle::ItemId, std::string> documents;
  for (std::size_t i = 0; i < wordings.texts.size(); ++i) {
    documents.emplace(static_cast<bundle::ItemId>(i), wordings.texts[i]);
  }
  const bundle::TfIdf similarity(documents);
  std::vector<std::size_t> heads;
  std::vector<std::set<bundle::SessionId>> sessions;
  for (std::size_t i = 0; i < wordings.texts.size(); ++i) {
    const auto head = std::ranges::find_if(heads, [&](std::size_t other) {
      return similarity.similarity(static_cast<bundle::ItemId>(i), static_cast<bundle::ItemId>(other)) >=
             kSameRule;
    });
    const auto place = static_cast<std::size_t>(head - heads.begin());
    if (head == heads.end()) {
      heads.push_back(i);
      sessions.emplace_back();
    }
    sessions[place].insert(wordings.sessions[i].begin(), wordings.sessions[i].end());
  }
  std::vector<DomainRule> rules;
  for (std::size_t i = 0; i < heads.size(); ++i) {
    rules.push_back({wordings.texts[heads[i]], static_cast<std::int64_t>(sessions[i].size())});
  }
  std::ranges::stable_sort(rules, std::greater<>(), &DomainRule::support);
  rules.resize(std::min(rules.size(), limit));
  return rules;
}

}  // namespace routedk::distill
