// What a training is to do: the options of the command line, of a file and of a checkpoint
// together.
#pragma once

#include <filesystem>

#include "apps/rank_flags.h"
#include "apps/run_option_flags.h"

namespace dcgan {

struct TrainArguments {
  explicit TrainArguments(CLI::App& app);
  RunOptionFlags flags;
  RankFlags ranks;
  bool print_config = false;
  bool dry_run = false;
};

/// What to train, and from where.
struct Assignment {
  RunOptions options;
  std::filesystem::path checkpoint;  ///< empty: a fresh run
  bool dry_run = false;
};

/// The assignment of the rank `shard`. Throws Error(config) on what contradicts itself or the
/// checkpoint.
Assignment assignment_of(const TrainArguments& arguments, const Shard& shard);

/// Throws Error(config) when a fresh run's folder holds another run's checkpoints.
void refuse_occupied(const Assignment& assignment);

}  // namespace dcgan
