/// All settings of an experiment: the YAML that `routedk-run` and the programs of its steps read.
#pragma once

#include "routedk/train/train_config.h"
#include "routedk/workflow/experiment/adapter_config.h"
#include "routedk/workflow/experiment/augment_config.h"
#include "routedk/workflow/experiment/data_config.h"
#include "routedk/workflow/experiment/decode_config.h"
#include "routedk/workflow/experiment/eval_config.h"
#include "routedk/workflow/experiment/knowledge_config.h"
#include "routedk/workflow/experiment/lora_config.h"
#include "routedk/workflow/experiment/model_config.h"
#include "routedk/workflow/experiment/predict_config.h"
#include "routedk/workflow/experiment/prompt_config.h"
#include "routedk/workflow/experiment/router_config.h"
#include "routedk/workflow/experiment/run_config.h"
#include "routedk/workflow/experiment/teacher_config.h"
#include "routedk/workflow/experiment/watch_config.h"

#include <string>
#include <vector>

namespace routedk::workflow {

struct ExperimentConfig {
  DataConfig data;
  SplitConfig split;
  ModelConfig model;
  std::string prompts;
  PromptConfig prompt;
  std::vector<std::string> experts;
  std::vector<AdapterConfig> adapters;
  TeacherConfig teacher;
  ThoughtConfig thoughts;
  KnowledgeConfig knowledge;
  AugmentConfig augment;
  LoraConfig lora;
  train::TrainConfig train;
  RouterConfig router;
  WatchConfig watch;
  DecodeConfig decode;
  EvalConfig eval;
  PredictConfig predict;
  RunConfig run;

  template <typename F>
  void fields(F& f) {
    f("data", data, "the training data");
    f("split", split, "how many sessions are withheld from training");
    f("model", model, "the frozen backbone");
    f("prompts", prompts, "folder of the prompt templates; empty: those that come with the programs",
      InputPath());
    f("prompt", prompt, "what prompts show besides titles, and how long they may be");
    f("experts", experts,
      "the experts, in the router's order: base, high_level, fine_grained, merged, or the names in adapters; "
      "any names with data.examples; empty: those of adapters, otherwise the first three");
    f("adapters", adapters, "experts that are trained already: [{name: ..., path: a PEFT folder}]");
    f("teacher", teacher, "who writes rules and thoughts");
    f("thoughts", thoughts, "the teacher's chains of thought");
    f("knowledge", knowledge, "how experts use rules and thoughts");
    f("augment", augment, "variation of training texts from epoch to epoch");
    f("lora", lora, "every expert's shape");
    f("train", train, "training of the experts, all at once on one backbone");
    f("router", router, "training of the router, everything else frozen");
    f("watch", watch, "what is recorded in addition to the loss");
    f("decode", decode, "sampling of candidates and choice among them");
    f("eval", eval, "which systems are evaluated, and how");
    f("predict", predict, "how routedk-predict chooses, where that differs from decode");
    f("run", run, "where outputs go, and with which resources");
  }

  /// Fills in defaults: experts, systems, and the paths of files shipped with the programs.
  void complete();
  /// Rules across fields: experts are distinct and known, systems exist, options are compatible.
  void validate(std::vector<std::string>& problems) const;

  /// The folder of an expert that is already trained; nullptr for one that is yet to be trained.
  const std::string* adapter_of(const std::string& expert) const;
};

/// All settings by the names that --set takes: "train.epochs".
std::vector<std::string> setting_names();

}  // namespace routedk::workflow
