/// Statistics of a teacher's texts: how many there are, what they cost, how much of the answer they reveal.
#pragma once

#include "routedk/bundle/knowledge.h"
#include "routedk/bundle/session.h"
#include "routedk/io/jsonl.h"

#include <cstdint>
#include <map>
#include <span>
#include <string>

namespace routedk::distill {

/// Whether a gold bundle can be read off a text. Statements end at newlines and at full stops before a space.
/// A statement names an item by its product number ("product3", "product 3") or by a word (can_name) that
/// appears in its title and in no other title of the session. The bundle can be read off if one statement
/// names all its items, by numbers alone or by both, without naming every item of the session (a list of all
/// titles reveals nothing), or if the bundle is the whole session and a statement names that.
bool can_be_read_off(const std::string& text, const bundle::Session& session, const bundle::Bundle& gold);

/// The texts of one kind over the training sessions.
struct KnowledgeShare {
  std::int64_t sessions = 0;                     ///< sessions looked at
  std::int64_t records = 0;                      ///< of them with a valid record
  std::map<std::string, std::int64_t> failures;  ///< records without a text, by reason
  std::int64_t turns = 0;                        ///< replies of the teacher in all records
  std::int64_t problems = 0;                     ///< of those, failed their check
  std::int64_t prompt_tokens = 0;                ///< of all records
  std::int64_t completion_tokens = 0;            ///< of all records
  double seconds = 0.0;                          ///< of all records
  std::int64_t records_read_off = 0;             ///< records from which every gold bundle can be read off
  std::int64_t gold_bundles = 0;                 ///< gold bundles of the sessions with a valid record
  std::int64_t bundles_read_off = 0;             ///< of those, readable from their session's record
  std::int64_t words = 0;                        ///< words (describe.h) of all valid records
};

KnowledgeShare knowledge_share(std::span<const bundle::Session> training,
                               const bundle::KnowledgeStore& knowledge, bundle::KnowledgeKind kind);

/// {"sessions", "records", "failed", "failures": {reason: count}, "turns", "problems", "prompt_tokens",
/// "completion_tokens", "seconds", "gold_read_off": share of records, "bundles_read_off": share of gold
/// bundles, "mean_words"}; a share of zero items is 0.
io::Json to_json(const KnowledgeShare& share);

/// Counts of each kind of feedback on the proposals in the rules records, for first and later proposals:
/// {"first": {"keep": 3, ...}, "later": {...}}.
io::Json feedback_counts(std::span<const bundle::Session> training, const bundle::KnowledgeStore& knowledge);

}  // namespace routedk::distill
