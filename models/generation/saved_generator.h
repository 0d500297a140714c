// Generators on disk: a checkpoint, the newest valid checkpoint of an output folder, or a bare
// safetensors file (PyTorch's or ours).
#pragma once

#include <filesystem>

#include "models/checkpoint/checkpoint.h"
#include "models/checkpoint/saved_model.h"
#include "models/generation/generator.h"

namespace dcgan {

/// Where a generator lies and what it is. Nothing of it is loaded yet, so a caller may change
/// `model` first. For a bare file: {.checkpoint = {}, .weights = file, .model = what it is}.
struct SavedGenerator {
  std::filesystem::path checkpoint;  ///< empty for a bare file
  std::filesystem::path weights;     ///< safetensors, PyTorch's names
  SavedModel model;
};

/// `where`: a checkpoint, or an output folder whose newest valid checkpoint is meant. Takes the
/// averaged generator where there is one. Every file of the checkpoint is hashed here and not
/// again by load_generator(). Warns and throws as find_checkpoint() and read_saved_model().
SavedGenerator find_saved_generator(const std::filesystem::path& where, const Warn& warn);

/// Loads it, to compute up to `batch` images at a time in the precision of `saved.model`. Where the
/// context's device cannot compute in that, warns with the reason and takes fp32. Throws
/// Error(io), Error(bad_data) naming file and tensors, Error(config) on an impossible model.
Generator load_generator(const Context& context, const SavedGenerator& saved, std::int64_t batch,
                         const Warn& warn);

}  // namespace dcgan
