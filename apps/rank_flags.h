// How many ranks train together, and which of them this process is.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>

#include "runtime/comm/launch/environment.h"
#include "runtime/device/device_request.h"

namespace dcgan {

class RankFlags {
 public:
  /// Adds --gpus, --cuda and --ranks.
  explicit RankFlags(CLI::App& app);

  /// Changes the device as --gpus and --cuda ask. Throws Error(config) when the two contradict each
  /// other.
  void apply_to(DeviceRequest& device) const;
  /// The number of processes that this one is to start instead of training itself: no launcher has
  /// made it one of several. Throws Error(config) when the launcher's number is another.
  std::optional<int> ranks_to_start(const Launch& launch) const;
  /// Throws Error(unavailable) when the machine has fewer GPUs than --gpus asks for.
  void require_gpus() const;

 private:
  int gpus_ = -1;
  bool cuda_ = false;
  int ranks_ = 0;
};

/// The GPU of a rank: where a machine has several and the request names none, that of the local
/// rank. A request for the CPU stays. Throws Error(unavailable) naming both numbers when there are
/// fewer GPUs than local ranks.
DeviceRequest device_of_rank(const DeviceRequest& request, const Launch& launch);

/// Gives each rank of a machine its share of the cores: otherwise every rank would take every core,
/// and their threads would wait for each other. Not where the user has set --threads (above 0) or
/// OMP_NUM_THREADS, nor where a machine has one rank or the launcher does not say.
void share_cores(const Launch& launch, std::int64_t threads);

}  // namespace dcgan
