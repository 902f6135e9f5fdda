/// Everything an experiment can be told: the one YAML that `routedk-run` and the programs of its steps read.
#pragma once

#include "routedk/train/train_config.h"
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
  std::string prompts = "configs/prompts";
  PromptConfig prompt;
  std::vector<std::string> experts = {"base", "high_level", "fine_grained"};
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
    f("predict", predict, "answers to sessions from outside");
    f("run", run, "where and with what");
  }

  /// Rules across fields: experts differ and are known, systems exist, options fit each other.
  void validate(std::vector<std::string>& problems) const;
};

}  // namespace routedk::workflow
