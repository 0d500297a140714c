// Which rank of how many this process is: as the launcher says in the environment, or the user on
// the command line.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "runtime/comm/shard.h"

namespace dcgan {

/// Where the ranks of a run find each other, and what this one is among them.
struct Launch {
  std::string source = "no launcher";  ///< for messages: "torchrun", "Open MPI", "Slurm"
  Shard shard{};
  int local_rank = 0;  ///< among the ranks of this machine: which GPU
  int local_size = 1;  ///< ranks of this machine; 0: not known
  /// Rank 0's host and port. Empty and 0: not told; the ranks then need MPI to find each other.
  std::string address;
  int port = 0;
  /// The launcher listens on `port` itself (torchrun's agent): nobody may bind it.
  bool port_is_taken = false;
  /// A listening socket on `port` that this process has inherited; rank 0 of --ranks. -1: none.
  int listening_descriptor = -1;
  /// Tells this run and this attempt apart from others on the same port.
  std::string run_id;
  /// The launcher has started this process so that MPI_Init finds the other ranks.
  bool has_mpi = false;

  bool is_distributed() const { return shard.world_size > 1; }
};

/// The value of an environment variable; nothing when it is not set.
using ReadEnvironment = std::function<std::optional<std::string>(const std::string&)>;

/// Reads, in this order: torchrun and plain variables (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR,
/// MASTER_PORT), Open MPI, MPICH and Intel MPI, Slurm (a step of srun; SLURM_NTASKS alone proves
/// nothing). No variables: a world of one. Throws Error(config) naming both sources and values when
/// two disagree on rank or size, and naming the variable that is missing, is no number or is out of
/// range.
Launch find_launch(const ReadEnvironment& read);

/// The process's own environment.
std::optional<std::string> environment_variable(const std::string& name);

}  // namespace dcgan
