/// How a gate over the experts is trained.
#pragma once

#include "routedk/experts/router_options.h"
#include "routedk/train/train_config.h"

#include <cstdint>

namespace routedk::workflow {

/// Which sessions the router learns from.
enum class RouterData {
  kTrain,    ///< the experts' sessions
  kHoldout,  ///< sessions held out from the experts
};
constexpr auto enum_names(RouterData /*of*/) {
  return std::to_array<EnumName<RouterData>>(
      {{RouterData::kTrain, "train"}, {RouterData::kHoldout, "holdout"}});
}

/// The router is trained like an expert, with its own defaults; the other fields are options of METHOD, off
/// by default.
struct RouterConfig : train::TrainConfig {
  experts::RouterKind kind = experts::RouterKind::kDynamic;
  experts::AlphaScale scale = experts::AlphaScale::kSoftmax;
  experts::Granularity granularity = experts::Granularity::kLayer;
  experts::PoolNorm pool_norm = experts::PoolNorm::kNone;
  double temperature = 1.0;
  std::int64_t top_k = 0;
  double threshold = 0.0;
  double entropy_weight = 0.0;
  double balance_weight = 0.0;
  RouterData data = RouterData::kTrain;
  double holdout = 0.3;

  RouterConfig() {
    learning_rate = 1e-3;
    epochs = 2;
    dropout = 0.0;
  }

  template <typename F>
  void fields(F& f) {
    TrainConfig::fields(f);
    f("kind", kind, "dynamic: weights from the input; static: learnt weights, the same for every input");
    f("scale", scale, "weights sum to 1 (softmax) or to the number of experts (k_softmax)");
    f("granularity", granularity, "weights for each layer, or one set for all, from the embeddings");
    f("pool_norm", pool_norm, "rms: divide each token's hidden state by its root mean square before pooling");
    f("temperature", temperature, "divides the logits", positive());
    f("top_k", top_k, "keep only this many of the largest weights, renormalised; 0: all", at_least(0));
    f("threshold", threshold,
      "then keep only weights of at least this size, and the largest, renormalised; 0: all", between(0, 1));
    f("entropy_weight", entropy_weight,
      "weight of the mean entropy in the loss: positive values sharpen the weights", between(-100, 100));
    f("balance_weight", balance_weight,
      "weight of (ln K - entropy of the mean weights) in the loss: keeps all experts in use",
      between(0, 100));
    f("data", data, "train: learn from the experts' sessions; holdout: from sessions withheld from them");
    f("holdout", holdout, "with data: holdout, the share of training sessions withheld from the experts",
      between(0.01, 0.99));
  }
};

/// The router options for these settings.
experts::RouterOptions router_options(const RouterConfig& settings);

}  // namespace routedk::workflow
