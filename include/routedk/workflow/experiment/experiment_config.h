/// Everything an experiment can be told: the one YAML that `routedk-run` and the programs of its steps read.
#pragma once

#include "routedk/core/config_rules.h"
#include "routedk/train/train_config.h"
#include "routedk/workflow/experiment/router_settings.h"
#include "routedk/workflow/experiment/teacher_settings.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace routedk::workflow {

struct DataSettings {
  std::string dir;
  std::string domain = "electronic";
  std::string untitled = "error";
  std::string examples;
  std::string validation_examples;

  template <typename F>
  void fields(F& f) {
    f("dir", dir, "folder of the domains; empty: $ROUTEDK_DATA_DIR, else the project's own data/sample");
    f("domain", domain, "folder below it: electronic, clothing or food in the public data");
    f("untitled", untitled,
      "items without a title: refuse the data, or drop them and stamp the results leaky_titles",
      one_of({"error", "drop"}));
    f("examples", examples,
      R"(a task of your own instead: JSON lines {"prompt", "completion", "expert"}; empty: bundle data)");
    f("validation_examples", validation_examples, "the same, to validate with; may be empty");
  }
};

struct SplitSettings {
  std::optional<std::int64_t> test_per_length;
  std::optional<std::int64_t> val_per_length;
  std::int64_t train_limit = 0;

  template <typename F>
  void fields(F& f) {
    f("test_per_length", test_per_length,
      "test sessions of each length; null: as the data folder says, else 20", at_least(0));
    f("val_per_length", val_per_length,
      "validation sessions of each length; null: as the data folder says, else 10", at_least(0));
    f("train_limit", train_limit, "learn from this many training sessions, evenly spread; 0: all",
      at_least(0));
  }
};

struct ModelSettings {
  std::string path = ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf";
  std::string quant = "nf4";
  bool double_quant = true;
  std::string dtype = "auto";

  template <typename F>
  void fields(F& f) {
    f("path", path, "the backbone: a GGUF file or a Hugging Face folder, dense or NF4");
    f("quant", quant, "the frozen linears: 4-bit NF4, or dense in the compute type", one_of({"nf4", "none"}));
    f("double_quant", double_quant, "NF4 scales in 8 bits");
    f("dtype", dtype, "compute type; auto: bfloat16 where the CPU multiplies it faster, else float32",
      one_of({"auto", "float32", "bfloat16"}));
  }
};

struct ThoughtSettings {
  std::string mentions = "descriptions";

  template <typename F>
  void fields(F& f) {
    f("mentions", mentions, "how a thought speaks of products; numbers let the expert copy the answer",
      one_of({"descriptions", "numbers"}));
  }
};

struct KnowledgeSettings {
  std::string placement = "input";
  std::string rules = "session";
  std::int64_t domain_rules = 20;

  template <typename F>
  void fields(F& f) {
    f("placement", placement, "read by the expert before it answers, or written by it as a task of its own",
      one_of({"input", "auxiliary"}));
    f("rules", rules, "those of the session's record, of the domain (domain_rules.txt), or both",
      one_of({"session", "domain", "both"}));
    f("domain_rules", domain_rules, "so many of the domain's, the best supported", at_least(1));
  }
};

struct PromptSettings {
  std::vector<std::string> relations;
  std::int64_t relation_pairs = 5;
  double min_similarity = 0.1;
  std::int64_t max_tokens = 2048;

  template <typename F>
  void fields(F& f) {
    f("relations", relations,
      "how items relate, shown where a template says {{relations}}; empty: not at all",
      one_of({"title_similarity", "co_purchase", "categories"}));
    f("relation_pairs", relation_pairs, "at most so many pairs of each relation", between(1, 45));
    f("min_similarity", min_similarity, "less similar titles are no pair", between(0, 1));
    f("max_tokens", max_tokens,
      "longest prompt to train on: rules, then the thought lose their last statements; titles never are cut",
      at_least(1));
  }
};

struct LoraSettings {
  std::int64_t rank = 16;
  double alpha = 32.0;
  bool rank_stabilised = false;
  std::string init_adapter;

  template <typename F>
  void fields(F& f) {
    f("rank", rank, "r", at_least(1));
    f("alpha", alpha, "lora_alpha: the deltas are scaled by alpha / r", positive());
    f("rank_stabilised", rank_stabilised, "scale by alpha / sqrt(r) instead (rsLoRA)");
    f("init_adapter", init_adapter,
      "start every expert from this PEFT folder, its ranks and scales in place of those above; empty: anew");
  }
};

struct AugmentSettings {
  bool shuffle_items = false;

  template <typename F>
  void fields(F& f) {
    f("shuffle_items", shuffle_items, "renumber a training session's items in a new order each epoch");
  }
};

struct WatchSettings {
  std::int64_t answers = 4;

  template <typename F>
  void fields(F& f) {
    f("answers", answers, "answer this many validation prompts greedily at each validation; 0: none",
      at_least(0));
  }
};

inline ChoiceRule select_rules() {
  return one_of({"vote", "bundle_vote", "weighted_vote", "logprob", "mbr", "verifier"});
}

struct DecodeSettings {
  std::int64_t samples = 4;
  double temperature = 0.7;
  std::int64_t top_k = 0;
  double top_p = 1.0;
  double min_p = 0.0;
  std::string select = "vote";
  bool constrain = true;
  std::int64_t max_new_tokens = 256;
  std::int64_t batch_sessions = 16;
  std::string kernels = "int8";
  std::uint64_t seed = 1;

  template <typename F>
  void fields(F& f) {
    f("samples", samples, "N: candidates a session", between(1, 1024));
    f("temperature", temperature, "of sampling; 0 is greedy", at_least(0));
    f("top_k", top_k, "draw among the likeliest so many tokens; 0: all", at_least(0));
    f("top_p", top_p, "then among the fewest that together are so likely; 1: all", between(0, 1));
    f("min_p", min_p, "then among those at least so likely relative to the likeliest; 0: all", between(0, 1));
    f("select", select, "how one of the candidates is chosen", select_rules());
    f("constrain", constrain, "allow canonical answers only; otherwise decode freely and parse strictly");
    f("max_new_tokens", max_new_tokens, "longest answer", at_least(1));
    f("batch_sessions", batch_sessions, "sessions decoded together", at_least(1));
    f("kernels", kernels,
      "products in 8 bits where the linears are NF4, or as in training (docs/decoding.md)",
      one_of({"int8", "reference"}));
    f("seed", seed, "of sampling");
  }
};

struct EvalSettings {
  std::string split = "test";
  std::vector<std::string> systems = {"backbone", "base", "high_level", "fine_grained", "average", "dynamic"};
  std::vector<std::string> select;
  std::vector<std::int64_t> samples;
  std::int64_t verifier_sessions = 240;
  std::int64_t limit = 0;
  std::int64_t resamples = 10000;

  template <typename F>
  void fields(F& f) {
    f("split", split, "which sessions", one_of({"val", "test", "train"}));
    f("systems", systems,
      "backbone, an expert's name, average, dynamic, static, ties:DENSITY[:RANK], ties_factors:DENSITY, "
      "top_k:N, threshold:SHARE, router:FOLDER, predictions:FILE; the floors are always shown");
    f("select", select, "ways to choose among the same candidates, side by side; empty: decode.select",
      select_rules());
    f("samples", samples, "the first so many candidates, side by side; empty: decode.samples",
      between(1, 1024));
    f("verifier_sessions", verifier_sessions,
      "training sessions a verifier learns from, evenly spread; 0: all", at_least(0));
    f("limit", limit, "evaluate this many sessions, evenly spread over the split; 0: all", at_least(0));
    f("resamples", resamples, "of the bootstrap", between(1, 1000000));
  }
};

struct RunSettings {
  std::string dir;
  std::int64_t threads = 0;

  template <typename F>
  void fields(F& f) {
    f("dir", dir, "results, checkpoints, what makes a second run go on; empty: runs/<data folder>-<domain>");
    f("threads", threads, "of computation; 0: one per core", between(0, 4096));
  }
};

struct ExperimentConfig {
  DataSettings data;
  SplitSettings split;
  ModelSettings model;
  std::string prompts = "configs/prompts";
  PromptSettings prompt;
  std::vector<std::string> experts = {"base", "high_level", "fine_grained"};
  TeacherSettings teacher;
  ThoughtSettings thoughts;
  KnowledgeSettings knowledge;
  AugmentSettings augment;
  LoraSettings lora;
  train::TrainConfig train;
  RouterSettings router;
  WatchSettings watch;
  DecodeSettings decode;
  EvalSettings eval;
  RunSettings run;

  template <typename F>
  void fields(F& f) {
    f("data", data, "what to learn from");
    f("split", split, "how many sessions are kept from training");
    f("model", model, "the frozen backbone");
    f("prompts", prompts, "folder of the prompt templates");
    f("prompt", prompt, "what prompts show besides titles, and how long they get");
    f("experts", experts,
      "the bank, in the router's order: base, high_level, fine_grained, merged; any names with "
      "data.examples");
    f("teacher", teacher, "who writes the knowledge");
    f("thoughts", thoughts, "the teacher's chains of thought");
    f("knowledge", knowledge, "how experts meet rules and thoughts");
    f("augment", augment, "training texts that change from epoch to epoch");
    f("lora", lora, "every expert's shape");
    f("train", train, "training of the experts, all at once on one backbone");
    f("router", router, "training of the router, everything else frozen");
    f("watch", watch, "what validations show beside the loss");
    f("decode", decode, "candidates and votes");
    f("eval", eval, "what is measured");
    f("run", run, "where and with what");
  }

  /// Rules across fields: experts differ and are known, systems exist, options fit each other.
  void validate(std::vector<std::string>& problems) const;
};

}  // namespace routedk::workflow
