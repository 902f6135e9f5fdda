/// How queries meet keys when nothing is cached.
#pragma once

#include "routedk/model/batch.h"
#include "routedk/model/layer.h"

namespace routedk::model {

/// Causal attention within each sequence of the batch, scaled by 1/sqrt(C), key/value heads shared by groups.
/// The batch must outlive the function.
AttendFn causal_attention(const FlatBatch& batch);

}  // namespace routedk::model
