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
#include <string>

#include "kernels/optimizer/optimizer.h"
#include "models/networks/network.h"
#include "runtime/base/errors.h"
#include "runtime/comm/shard.h"

namespace dcgan {

struct TrainingState;

/// What a checkpoint is written from.
struct CheckpointContents {
  const Network& generator;  ///< its average is saved where it has one
  const Network& discriminator;
  OptimizerKind optimizer = OptimizerKind::adam;  ///< names the moments
  const std::string& config;                      ///< JSON text: config.json
  const TrainingState& state;
  Shard shard;  ///< the rank that saves
};

/// Before the first step: everything but the tensors is written once into a folder that is then
/// removed, and what the tensors need is compared with what the disk and the file-size limit leave.
/// What cannot be saved is found here and not at the first checkpoint. Throws Error(io), and
/// Error(config) when config.json could not be read again.
void require_savable(const std::filesystem::path& out, const CheckpointContents& contents);

/// Saves under out/checkpoints/step_NNNNNNNN, then removes the oldest so that `keep` remain (0:
/// all); one that holds other files, too, stays. Returns the folder. Throws Error(io), and
/// Error(diverged) when a tensor holds a value that is not finite; earlier checkpoints are then
/// untouched. Later ones are never counted nor removed. Waits for the stream.
std::filesystem::path save_checkpoint(const Context& context, const std::filesystem::path& out,
                                      const CheckpointContents& contents, std::int64_t keep);

using Warn = std::function<void(const std::string&)>;

/// `where` is a checkpoint, or an output folder whose valid checkpoint that was saved last is meant
/// (after going back to an older one, not the one with the highest step); those that
/// are not valid are passed over, each with a warning that says why. Throws Error(bad_data) when a
/// named checkpoint is not valid or none of the folder's is, Error(io) when there is none.
std::filesystem::path find_checkpoint(const std::filesystem::path& where, const Warn& warn);

/// config.json as it stands. Throws Error(io).
std::string checkpoint_config_text(const std::filesystem::path& checkpoint);

/// What read(text, path) makes of config.json. Its errors become Error(bad_data): a program wrote
/// the file, no user. Throws Error(io) when there is none.
template <class Read>
auto read_checkpoint_config(const std::filesystem::path& checkpoint, const Read& read) {
  const std::string text = checkpoint_config_text(checkpoint);
  try {
    return read(text, (checkpoint / "config.json").string());
  } catch (const Error& error) {
    throw Error(ErrorKind::bad_data, error.what());
  }
}

/// How many ranks made it. Throws Error(bad_data).
int checkpoint_world_size(const std::filesystem::path& checkpoint);

/// Loads everything into networks of the same blocks, which have the arrays of training; the
/// generator's average where it has one. Throws Error(bad_data) naming file and tensor.
TrainingState load_checkpoint(const Context& context, const std::filesystem::path& checkpoint,
                              OptimizerKind optimizer, Network& generator, Network& discriminator);

/// Of a checkpoint, for messages.
std::filesystem::path state_file(const std::filesystem::path& checkpoint);

/// The file of the generator to sample from: the average where there is one.
std::filesystem::path generator_file(const std::filesystem::path& checkpoint);

}  // namespace dcgan
