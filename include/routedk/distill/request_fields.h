/// The members of a request, as an endpoint wants them.
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
  /// on which what is made of the reply depends.
  explicit RequestFields(io::Json changes);

  io::Json applied_to(io::Json request) const;

  /// Where `words`, with which an endpoint refused `sent`, say that it does not know one of our members:
  /// drops it, max_tokens being called max_completion_tokens first. Returns what was changed, for a log; ""
  /// for nothing.
  std::string learn(const std::string& words, const io::Json& sent);

 private:
  std::string change(const std::string& name, const io::Json& to);

  io::Json changes_ = io::Json::object();
  std::set<std::string> learnt_;  ///< members changed since
};

}  // namespace routedk::distill
