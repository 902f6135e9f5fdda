/// Launches recorded once and replayed.
#pragma once

#include <functional>
#include <utility>

#include "launch.h"

namespace routedk::kernels::cuda {

#ifdef ROUTEDK_EMULATE_CUDA
class StepGraph {
 public:
  explicit StepGraph(std::function<void(Stream)> launches) : launches_(std::move(launches)) {}
  void replay(Stream stream) const { launches_(stream); }

 private:
  std::function<void(Stream)> launches_;
};
#else
class StepGraph {
 public:
  /// Every kernel must have run once before, since capture cannot load kernels.
  explicit StepGraph(const std::function<void(Stream)>& launches) {
    Stream stream = nullptr;
    cudaGraph_t graph = nullptr;
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    launches(stream);
    check(cudaStreamEndCapture(stream, &graph));
    check(cudaGraphInstantiate(&graph_, graph, 0));
    cudaGraphDestroy(graph);
    cudaStreamDestroy(stream);
  }
  ~StepGraph() {
    if (graph_ != nullptr) {
      cudaGraphExecDestroy(graph_);
    }
  }
  StepGraph(const StepGraph&) = delete;
  StepGraph& operator=(const StepGraph&) = delete;

  void replay(Stream stream) const { check(cudaGraphLaunch(graph_, stream)); }

 private:
  static void check(cudaError_t error) {
    if (error != cudaSuccess) {
      throw_device_error("a decoding step's graph", cudaGetErrorString(error));
    }
  }
  cudaGraphExec_t graph_ = nullptr;
};
#endif

}  // namespace routedk::kernels::cuda
