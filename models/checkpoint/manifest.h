// The manifest of a checkpoint: what must be there for it to be whole.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "runtime/comm/shard.h"

namespace dcgan {

inline constexpr const char* kConfigFile = "config.json";
inline constexpr const char* kGeneratorFile = "generator.safetensors";
inline constexpr const char* kGeneratorEmaFile = "generator_ema.safetensors";
inline constexpr const char* kDiscriminatorFile = "discriminator.safetensors";
inline constexpr const char* kOptimizerFile = "optimizer.safetensors";
inline constexpr const char* kStateFile = "state.json";

struct CheckpointFile {
  const char* name;
  bool required;  ///< in every checkpoint
};

inline constexpr CheckpointFile kCheckpointFiles[] = {
    {kConfigFile, true},        {kGeneratorFile, true}, {kGeneratorEmaFile, false},
    {kDiscriminatorFile, true}, {kOptimizerFile, true}, {kStateFile, true}};

/// Lists every file of the folder with size and hash in folder/manifest.json. `shard`: the rank
/// that writes, of how many. `rewinds`: how often the run has gone back to an older checkpoint and
/// on from there; among checkpoints of one folder more rewinds are later, whatever their steps.
void write_manifest(const std::filesystem::path& folder, const Shard& shard,
                    std::int64_t rewinds = 0);

/// Nothing when every required file is listed, every listed one is there, of its size and hash, no
/// file that would be read is unlisted, and the format is one we read; otherwise why not.
std::optional<std::string> manifest_fault(const std::filesystem::path& folder);

/// The world size of the writer. Throws Error(bad_data) when the manifest does not say.
int manifest_world_size(const std::filesystem::path& folder);

/// 0 when it says nothing; nothing when it cannot be read.
std::optional<std::int64_t> manifest_rewinds(const std::filesystem::path& folder);

}  // namespace dcgan
