/// Which process of how many this one is, as the program that started it says in the environment.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace routedk::parallel {

/// Where the processes meet and what this one is among them.
struct Launch {
  int rank = 0;  ///< from 0 to size - 1, each once
  int size = 1;
  std::string host;     ///< where the store of the meeting is, at rank 0 unless `served`
  int port = 0;         ///< of that store
  std::string attempt;  ///< tells the meetings of a store that is `served` apart
  bool served = false;  ///< by the launcher's own process: rank 0 must not
};

/// A variable's text, or nothing.
using Environment = std::function<std::optional<std::string>(const char* name)>;

/// This process's own.
std::optional<std::string> environment(const char* name);

/// A variable as a whole number. ConfigError where it is another text.
std::optional<long long> whole_number(const Environment& environment, const char* name);

/// This process's rank and the number of processes, without where they meet; nothing where no launcher says:
/// - torchrun: RANK, WORLD_SIZE;
/// - mpirun: OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE;
/// - srun: SLURM_PROCID, SLURM_NTASKS, of a step that is not the batch script's or a shell's own.
///
/// ConfigError where a variable is missing, no number, out of range, or contradicts another launcher's.
std::optional<Launch> rank_from(const Environment& environment);

/// The same with where they meet; nothing where this process stands alone. MASTER_ADDR and MASTER_PORT hold
/// with all three launchers. Without them the host is the first node of a Slurm step, or this machine where
/// mpirun starts all processes on it; the port is 29500 (torchrun's), or one made of the Slurm job's number.
/// ConfigError also where the host is not known.
std::optional<Launch> launch_from(const Environment& environment);

/// The same of this process's environment.
std::optional<Launch> launch_from_environment();

/// Which GPU a process on a machine with others takes, as CUDA_VISIBLE_DEVICES has it: by its place among
/// them (LOCAL_RANK, OMPI_COMM_WORLD_LOCAL_RANK, SLURM_LOCALID) of those that the variable names, or of all;
/// nothing where no launcher says the place, or the variable names one already.
std::optional<std::string> gpu_of(const Environment& environment);

/// The first node of a Slurm list: "gpu[07-09,12],cpu1" -> "gpu07".
std::string first_node(const std::string& list);

}  // namespace routedk::parallel
