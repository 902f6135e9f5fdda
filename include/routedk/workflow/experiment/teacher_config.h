/// The `teacher:` section of an experiment: who writes rules and thoughts, and at what price.
#pragma once

#include "routedk/core/config_rules.h"
#include "routedk/core/config_source.h"
#include "routedk/distill/teacher_kind.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace routedk::workflow {

/// For TeacherConfig::model: a path if such a file exists, otherwise a name.
struct PathOrName : InputPath {
  static std::string seen_from(const std::filesystem::path& folder, const std::string& text) {
    const std::string path = InputPath::seen_from(folder, text);
    return std::filesystem::exists(path) ? path : text;
  }
};

struct EndpointConfig {
  std::string url;
  std::string key_variable;
  std::string ca_file;
  std::int64_t concurrency = 4;
  std::int64_t attempts = 6;
  double first_wait = 1.0;
  double longest_wait = 60.0;
  double connect_seconds = 10.0;
  double read_seconds = 120.0;
  ConfigTree parameters;

  template <typename F>
  void fields(F& f) {
    f("url", url,
      "of an OpenAI-compatible API: https://api.openai.com/v1, also without /v1 or with "
      "/chat/completions");
    f("key_variable", key_variable, "environment variable that holds the key; empty: none is sent");
    f("ca_file", ca_file, "PEM file of certificate authorities; empty: the system's", InputPath());
    f("concurrency", concurrency, "concurrent requests", between(1, 256));
    f("attempts", attempts, "attempts at one request before the run stops", between(1, 100));
    f("first_wait", first_wait, "seconds before the second try, doubled for each after that", positive());
    f("longest_wait", longest_wait, "seconds between tries; a longer Retry-After stops the run", positive());
    f("connect_seconds", connect_seconds, "seconds until a connection is established", between(0.001, 86400));
    f("read_seconds", read_seconds, "seconds until a response is complete", between(0.001, 86400));
    f("parameters", parameters,
      "changes to a request's members: null drops one, a text renames max_tokens, seed or temperature, "
      "others "
      "are added: {max_tokens: max_completion_tokens, seed: null, reasoning_effort: low}");
  }
};

struct BudgetConfig {
  std::int64_t tokens = 0;
  double cost = 0.0;
  double prompt_price = 0.0;
  double completion_price = 0.0;

  template <typename F>
  void fields(F& f) {
    f("tokens", tokens, "tokens of prompts and replies, earlier runs included; 0: no limit", at_least(0));
    f("cost", cost, "the same in money; 0: no limit", at_least(0));
    f("prompt_price", prompt_price, "money per million prompt tokens", at_least(0));
    f("completion_price", completion_price, "money per million reply tokens", at_least(0));
  }
};

struct TeacherConfig {
  distill::TeacherKind kind = distill::TeacherKind::kAnnotation;
  std::string model;
  double temperature = 0.7;
  std::int64_t max_tokens = 512;
  std::uint64_t seed = 1;
  std::int64_t rounds = 2;
  std::int64_t rules_per_session = 4;
  std::int64_t domain_rules = 100;
  std::int64_t retries = 2;
  std::int64_t batch = 16;
  bool held_out = false;
  EndpointConfig endpoint;
  BudgetConfig budget;

  template <typename F>
  void fields(F& f) {
    f("kind", kind,
      "annotation: from gold and human intents; endpoint: a chat API; local: a model in this process");
    f("model", model, "endpoint: the model's name there; local: a model's path, empty: the backbone",
      PathOrName());
    f("temperature", temperature, "temperature of its replies; 0 is greedy", at_least(0));
    f("max_tokens", max_tokens, "tokens of the longest reply", between(1, 1000000));
    f("seed", seed, "seed of its replies");
    f("rounds", rounds, "self-reflections per session, at most", between(1, 100));
    f("rules_per_session", rules_per_session, "rules in a session's record", between(1, 100));
    f("domain_rules", domain_rules, "rules that induction keeps", between(1, 100000));
    f("retries", retries, "new requests for a reply that fails its check, before the record counts as failed",
      between(0, 100));
    f("batch", batch, "records worked on at a time", between(1, 4096));
    f("held_out", held_out, "let --evaluate-teacher send validation and test sessions to the teacher");
    f("endpoint", endpoint, "an OpenAI-compatible API");
    f("budget", budget, "when distilling stops");
  }

  /// Rules across fields: an endpoint needs a URL and a model; a cost limit needs prices.
  void validate(std::vector<std::string>& problems) const;
};

/// The settings that affect the text; leaves out the endpoint's address, speed and time limits.
TeacherConfig text_settings(TeacherConfig settings);

}  // namespace routedk::workflow
