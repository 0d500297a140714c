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

/// A bare file of weights under PyTorch's names. Which network it is, is read off the tensors'
/// names and shapes: they fix all but what the latent vectors are, N(0, 1) here, and the precision,
/// fp32 here. Throws Error(io), and Error(bad_data) naming what is missing or does not fit.
SavedGenerator find_generator_file(const std::filesystem::path& file);

/// How load_generator() computes it: where the context's device cannot compute in the precision of
/// `saved.model`, warns with the reason and takes fp32. Loads and allocates nothing.
GeneratorOptions loading_options(const Context& context, const SavedGenerator& saved,
                                 std::int64_t batch, const Warn& warn);

/// Loads it, to compute up to `batch` images at a time as loading_options() says. Throws Error(io),
/// Error(bad_data) naming file and tensors, Error(config) on an impossible model.
Generator load_generator(const Context& context, const SavedGenerator& saved, std::int64_t batch,
                         const Warn& warn);
/// In the precision of `options`; throws Error(unavailable) where the device cannot.
Generator load_generator(const Context& context, const SavedGenerator& saved,
                         const GeneratorOptions& options);

}  // namespace dcgan
