#include "routedk/distill/request_fields.h"

#include "routedk/core/error.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace routedk::distill {
namespace {

constexpr const char* const kMaxTokens = "max_tokens";
constexpr const char* kMaxCompletionTokens = "max_completion_tokens";
constexpr std::array<const char*, 3> kOptional{kMaxTokens, "seed", "temperature"};
constexpr std::array<const char*, 4> kFixed{"model", "messages", "stream", "n"};

/// Phrases with which endpoints reject a member, in lower case.
constexpr std::array<std::string_view, 14> kUnknownWords{
    "unsupported",   "not supported", "n't support",      "not support", "unrecognized",
    "unrecognised",  "unknown",       "unexpected",       "extra input", "extra_forbidden",
    "not permitted", "not allowed",   "only the default", "no longer"};

bool is_word_byte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// Whether the name occurs in the words as a whole word.
bool names(std::string_view words, std::string_view name) {
  for (std::size_t at = words.find(name); at != std::string_view::npos; at = words.find(name, at + 1)) {
    const bool begins = at == 0 || !is_word_byte(words[at - 1]);
    const std::size_t end = at + name.size();
    if (begins && (end == words.size() || !is_word_byte(words[end]))) {
      return true;
    }
  }
  return false;
}

}  // namespace

RequestFields::RequestFields(io::Json changes) : changes_(std::move(changes)) {
  for (const char* name : kFixed) {
    if (changes_.contains(name)) {
      throw_<ConfigError>(
          "`teacher.endpoint.parameters` must not change model, messages, stream and n, but has `{}`.", name);
    }
  }
}

io::Json RequestFields::applied_to(io::Json request) const {
  io::Json result = request;
  for (const auto& [name, change] : changes_.items()) {
    const bool own = request.contains(name);
    if (own) {
      result.erase(name);
    }
    if (own && change.is_string()) {
      result[change.get<std::string>()] = request[name];
    } else if (!change.is_null()) {
      result[name] = change;
    }
  }
  return result;
}

std::string RequestFields::learn(const std::string& words, const io::Json& sent) {
  std::string lower = words;
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const bool unknown = std::ranges::any_of(
      kUnknownWords, [&](std::string_view each) { return lower.find(each) != std::string::npos; });
  for (const char* name : kOptional) {
    const bool refused = unknown && names(lower, name);
    const bool renamed = name == kMaxTokens && names(lower, kMaxCompletionTokens);
    if (!sent.contains(name) || !(refused || renamed)) {
      continue;
    }
    if (learnt_.contains(name)) {
      return fmt::format("{} is changed", name);  // the request was built before the change
    }
    if (!changes_.contains(name)) {  // otherwise the user set it
      return change(name, name == kMaxTokens ? io::Json(kMaxCompletionTokens) : io::Json());
    }
  }
  const bool other_refused =
      unknown && sent.contains(kMaxCompletionTokens) && names(lower, kMaxCompletionTokens);
  return other_refused && learnt_.contains(kMaxTokens) ? change(kMaxTokens, io::Json()) : "";
}

std::string RequestFields::change(const std::string& name, const io::Json& to) {
  learnt_.insert(name);
  changes_[name] = to;
  return to.is_null() ? fmt::format("{} is left out", name)
                      : fmt::format("{} is called {}", name, to.get<std::string>());
}

}  // namespace routedk::distill
