/// This process's rank and the number of processes, from the environment that the launcher sets.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace routedk::parallel {

/// Where the processes meet, and this one's place among them.
struct Launch {
  int rank = 0;  ///< unique, from 0 to size - 1
  int size = 1;
  std::string host;     ///< of the rendezvous store, at rank 0 unless `served`
  int port = 0;         ///< of that store
  std::string attempt;  ///< distinguishes the meetings of a store that is `served`
  bool served = false;  ///< by the launcher's own process: rank 0 must not serve
};

/// The text of a variable, or nothing.
using Environment = std::function<std::optional<std::string>(const char* name)>;

/// The environment of this process.
std::optional<std::string> environment(const char* name);

/// A variable as an integer. ConfigError if it is anything else.
std::optional<long long> whole_number(const Environment& environment, const char* name);

/// This process's rank and the number of processes, without the meeting place; nothing without a launcher:
/// - torchrun: RANK, WORLD_SIZE;
/// - mpirun: OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE;
/// - srun: SLURM_PROCID, SLURM_NTASKS, of a step that is not the batch script's or a shell's own.
///
/// ConfigError when a variable is missing, not a number, out of range, or contradicts that of another
/// launcher.
std::optional<Launch> rank_from(const Environment& environment);

/// The same with the meeting place; nothing if this process is alone. MASTER_ADDR and MASTER_PORT work with
/// all three launchers. Without them the host is the first node of a Slurm step, or this machine if mpirun
/// starts all processes on it; the port is 29500 (torchrun's), or derived from the Slurm job's number.
/// ConfigError also when the host is unknown.
std::optional<Launch> launch_from(const Environment& environment);

/// The same from this process's environment.
std::optional<Launch> launch_from_environment();

/// The value of CUDA_VISIBLE_DEVICES for the GPU of this process: its local rank (LOCAL_RANK,
/// OMPI_COMM_WORLD_LOCAL_RANK, SLURM_LOCALID) selects one of those that the variable lists, or of all;
/// nothing if no launcher gives a local rank or the variable already names a single GPU.
std::optional<std::string> gpu_of(const Environment& environment);

/// The first node of a Slurm list: "gpu[07-09,12],cpu1" -> "gpu07".
std::string first_node(const std::string& list);

}  // namespace routedk::parallel
