// Checkpoints: a folder that is written completely or not at all, and verified completely before it
// is read.
//
// clang-format off
//   OUT/checkpoints/step_00001000/
//     config.json                 every option of the run
//     generator.safetensors       PyTorch's names and layouts, for load_state_dict
//     generator_ema.safetensors   with --ema-decay
//     discriminator.safetensors
//     optimizer.safetensors       G.<name>.exp_avg, .exp_avg_sq (RMSprop: .square_avg), G.step; D. likewise
//     state.json                  step, time, equilibrium, length of the metrics file
//     manifest.json               size and XXH3-128 of each file, versions; written last
// clang-format on
//
// Random numbers need no saved state: they follow from seed and step (runtime/base/philox.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "models/networks/network.h"
#include "models/run/equilibrium.h"
#include "models/run/run_options.h"

namespace dcgan {

/// What a run is besides tensors and options.
struct TrainingState {
  std::int64_t step = 0;            ///< generator updates made
  double trained_seconds = 0;       ///< wall-clock of training, all sessions
  std::uint64_t metrics_bytes = 0;  ///< length of metrics.jsonl at the save
  EquilibriumDetector::State equilibrium;
};

/// Saves under out/checkpoints/step_NNNNNNNN, then removes the oldest so that `keep` remain (0:
/// all). Returns the folder. Throws Error(io), and Error(diverged) when a tensor holds a value that
/// is not finite; earlier checkpoints are then untouched. Later ones are never counted nor removed.
std::filesystem::path save_checkpoint(const Context& context, const std::filesystem::path& out,
                                      const RunOptions& options, const Network& generator,
                                      const Network& discriminator, const TrainingState& state);

using Warn = std::function<void(const std::string&)>;

/// `where` is a checkpoint, or an output folder whose newest valid checkpoint is meant; those that
/// are not valid are passed over, each with a warning that says why. Throws Error(bad_data) when a
/// named checkpoint is not valid or none of the folder's is, Error(io) when there is none.
std::filesystem::path find_checkpoint(const std::filesystem::path& where, const Warn& warn);

/// Options saved in a checkpoint. Throws Error(bad_data).
RunOptions checkpoint_options(const std::filesystem::path& checkpoint);

/// Loads everything into networks of the same blocks. Throws Error(bad_data) naming file and
/// tensor.
TrainingState load_checkpoint(const Context& context, const std::filesystem::path& checkpoint,
                              const RunOptions& options, Network& generator,
                              Network& discriminator);

/// The file of the generator to sample from: the average where there is one.
std::filesystem::path generator_file(const std::filesystem::path& checkpoint);

}  // namespace dcgan
