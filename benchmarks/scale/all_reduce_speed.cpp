// Seconds to sum a gradient over the processes that a launcher started; rank 0 prints JSON.
#include "routedk/parallel/world.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include <ATen/ATen.h>
#include <CLI/CLI.hpp>
#include <fmt/format.h>

int main(int argc, char** argv) {
  using namespace routedk;
  CLI::App app("Sums a tensor of float32 over all processes, as a training step sums an expert's gradient.");
  std::int64_t numbers = 41'943'040;  // of an expert of rank 16 on every linear of Llama-3.1-8B
  int rounds = 5;
  app.add_option("--numbers", numbers)->capture_default_str();
  app.add_option("--rounds", rounds)->check(CLI::Range(1, 1000))->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const auto launch = parallel::launch_from_environment();
  const parallel::World world = launch ? parallel::World(*launch) : parallel::World();
  at::Tensor gradient = at::ones({numbers}, at::kFloat);
  std::vector<double> seconds;
  for (int round = 0; round <= rounds; ++round) {  // the first round warms up the connections
    world.wait_for_all();
    const auto start = std::chrono::steady_clock::now();
    world.sum(gradient);
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    if (round > 0) {
      seconds.push_back(spent.count());
    }
    gradient.fill_(1.0);
  }
  if (world.first()) {
    std::sort(seconds.begin(), seconds.end());
    const double median = seconds[seconds.size() / 2];
    fmt::print("{{\"processes\": {}, \"numbers\": {}, \"seconds\": {:.6f}, \"gb_per_second\": {:.3f}}}\n",
               world.size(), numbers, median, 4e-9 * static_cast<double>(numbers) / median);
  }
  return 0;
}
