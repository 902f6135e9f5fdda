/// The members of a request, adapted to an endpoint.
#pragma once

#include "routedk/io/jsonl.h"

#include <set>
#include <string>

namespace routedk::distill {

/// Our own members are model, messages, temperature, max_tokens and seed.
class RequestFields {
 public:
  RequestFields() = default;
  /// `changes`: an object. null drops a member; a text renames temperature, max_tokens or seed; anything else
  /// replaces their value; other members are added. ConfigError for changes to model, messages, stream and n,
  /// on which the parsing of replies depends.
  explicit RequestFields(io::Json changes);

  io::Json applied_to(io::Json request) const;

  /// If `words`, an endpoint's refusal of `sent`, report one of our members as unknown, drops it (max_tokens
  /// is first renamed to max_completion_tokens). Returns a description of the change for a log; "" for none.
  std::string learn(const std::string& words, const io::Json& sent);

 private:
  std::string change(const std::string& name, const io::Json& to);

  io::Json changes_ = io::Json::object();
  std::set<std::string> learnt_;  ///< members changed since
};

}  // namespace routedk::distill
