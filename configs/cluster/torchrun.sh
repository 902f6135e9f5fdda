#!/bin/bash
# Trains the experts, then the router, with several processes of this machine (for several machines see docs/scale.md).
# torchrun comes with PyTorch for Python, which nothing else here needs.
#
#   configs/cluster/torchrun.sh configs/experiments/demo.yaml 2
set -euo pipefail
config=${1:?usage: torchrun.sh CONFIG.yaml PROCESSES [OPTION...]}
processes=${2:?usage: torchrun.sh CONFIG.yaml PROCESSES [OPTION...]}
shift 2
bin=${ROUTEDK_BIN:-build/release/bin}
"$bin/routedk-distill" "$config" "$@"
for program in routedk-train routedk-train-router; do
  torchrun --no-python --standalone --nproc-per-node "$processes" "$bin/$program" "$config" "$@"
done
