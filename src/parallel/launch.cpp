#include "routedk/parallel/launch.h"

#include "routedk/core/error.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace routedk::parallel {
namespace {

constexpr int kMostProcesses = 1 << 16;
constexpr int kDefaultPort = 29500;
constexpr long long kFirstSpecialStep =
    4'294'967'290;  // batch script, interactive and other steps of Slurm itself

/// A launcher's variables for rank and size.
struct Names {
  const char* rank;
  const char* size;
};

constexpr Names kTorch{"RANK", "WORLD_SIZE"};
constexpr Names kOpenMpi{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"};
constexpr Names kSlurm{"SLURM_PROCID", "SLURM_NTASKS"};

int within(const char* name, long long value, long long least, long long most) {
  if (value < least || value > most) {
    throw_<ConfigError>("the variable {} must be from {} to {}, but is {}", name, least, most, value);
  }
  return static_cast<int>(value);
}

/// Rank and size from one launcher; nothing if it has set neither.
std::optional<Launch> by(const Environment& environment, const Names& names) {
  const auto rank = whole_number(environment, names.rank);
  const auto size = whole_number(environment, names.size);
  if (!rank && !size) {
    return std::nullopt;
  }
  if (!rank || !size) {
    throw_<ConfigError>("{} and {} must be set together, but {} is not", names.rank, names.size,
                        rank ? names.size : names.rank);
  }
  Launch launch;
  launch.size = within(names.size, *size, 1, kMostProcesses);
  launch.rank = within(names.rank, *rank, 0, launch.size - 1);
  return launch;
}

/// In a batch script or an interactive shell, which are steps of their own, a program is alone.
bool in_slurm_step(const Environment& environment) {
  const auto step = whole_number(environment, "SLURM_STEP_ID");
  return step && *step < kFirstSpecialStep;
}

void require_agreement(const Launch& launch, const Names& names, const Launch& other, const Names& others) {
  if (launch.rank != other.rank || launch.size != other.size) {
    throw_<ConfigError>(
        "{} and {} must agree, but this process is rank {} of {} by the first and {} of {} by the second: "
        "set neither {} nor {} where another launcher starts the processes",
        names.rank, others.rank, launch.rank, launch.size, other.rank, other.size, names.rank, names.size);
  }
}

bool is_true(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text == "true" || text == "1";
}

/// Adds host and port, which a launcher may leave unset.
void add_meeting(Launch& launch, const Environment& environment, bool slurm) {
  const auto host = environment("MASTER_ADDR");
  const auto nodes =
      environment(environment("SLURM_STEP_NODELIST") ? "SLURM_STEP_NODELIST" : "SLURM_JOB_NODELIST");
  const auto local = whole_number(environment, "OMPI_COMM_WORLD_LOCAL_SIZE");
  if (host && !host->empty()) {
    launch.host = *host;
  } else if (slurm && nodes) {
    launch.host = first_node(*nodes);
  } else if (local && *local == launch.size) {
    launch.host = "127.0.0.1";
  } else {
    throw_<ConfigError>(
        "MASTER_ADDR must be set to a name or address of the machine of rank 0, but is not (rank {} of {})",
        launch.rank, launch.size);
  }
  if (const auto port = whole_number(environment, "MASTER_PORT")) {
    launch.port = within("MASTER_PORT", *port, 1, 65535);
  } else {  // jobs that share a node must use different ports
    const auto job = slurm ? whole_number(environment, "SLURM_JOB_ID") : std::nullopt;
    launch.port = job ? 15000 + static_cast<int>(*job % 10000) : kDefaultPort;
  }
}

}  // namespace

std::optional<long long> whole_number(const Environment& environment, const char* name) {
  const auto text = environment(name);
  if (!text) {
    return std::nullopt;
  }
  long long value = 0;
  const char* const end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc() || stop != end) {
    throw_<ConfigError>("the variable {} must be a whole number, but is `{}`", name, *text);
  }
  return value;
}

std::string first_node(const std::string& list) {
  const std::size_t bracket = list.find('[');
  if (bracket >= list.find(',')) {
    return list.substr(0, list.find(','));
  }
  if (bracket == std::string::npos) {
    return list;
  }
  const std::size_t close = list.find(']', bracket);
  const std::size_t end = std::min(list.find_first_of("-,]", bracket), list.size());
  const std::string tail =
      close == std::string::npos ? "" : list.substr(close + 1, list.find(',', close) - close - 1);
  return list.substr(0, bracket) + list.substr(bracket + 1, end - bracket - 1) + tail;
}

std::optional<Launch> rank_from(const Environment& environment) {
  const auto torch = by(environment, kTorch);
  const auto mpi = by(environment, kOpenMpi);
  const auto slurm = in_slurm_step(environment) ? by(environment, kSlurm) : std::nullopt;
  if (torch && mpi) {
    require_agreement(*torch, kTorch, *mpi, kOpenMpi);
  }
  // srun may start one torchrun per node: then RANK, the number of the process, applies.
  if (torch && slurm && !environment("TORCHELASTIC_RUN_ID")) {
    require_agreement(*torch, kTorch, *slurm, kSlurm);
  }
  return torch ? torch : mpi ? mpi : slurm;
}

std::optional<Launch> launch_from(const Environment& environment) {
  auto launch = rank_from(environment);
  if (!launch || launch->size == 1) {
    return std::nullopt;
  }
  const bool slurm = !by(environment, kTorch) && !by(environment, kOpenMpi);
  add_meeting(*launch, environment, slurm);
  launch->served = is_true(environment("TORCHELASTIC_USE_AGENT_STORE").value_or(""));
  launch->attempt = environment("TORCHELASTIC_RUN_ID").value_or("") + "/" +
                    environment("TORCHELASTIC_RESTART_COUNT").value_or("0");
  return launch;
}

std::optional<std::string> gpu_of(const Environment& environment) {
  std::optional<long long> place;
  for (const char* const name : {"LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID"}) {
    place = place ? place : whole_number(environment, name);
  }
  if (!place || *place < 0) {
    return std::nullopt;
  }
  std::string visible = environment("CUDA_VISIBLE_DEVICES").value_or("");
  if (visible.empty()) {
    return std::to_string(*place);
  }
  if (visible.find(',') == std::string::npos) {
    return std::nullopt;
  }
  for (long long i = 0; i < *place; ++i) {
    const std::size_t comma = visible.find(',');
    if (comma == std::string::npos) {
      throw_<ConfigError>(
          "CUDA_VISIBLE_DEVICES must name a GPU for each process of a machine, but names {} and this is "
          "process {}",
          i + 1, *place + 1);
    }
    visible.erase(0, comma + 1);
  }
  return visible.substr(0, visible.find(','));
}

std::optional<std::string> environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::optional<Launch> launch_from_environment() {
  return launch_from(environment);
}

}  // namespace routedk::parallel
