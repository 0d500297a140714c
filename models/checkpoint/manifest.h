// The manifest of a checkpoint: what must be there for it to be whole.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "runtime/comm/shard.h"

namespace dcgan {

/// Lists every file of the folder with size and hash in folder/manifest.json. `shard`: the rank
/// that writes, of how many.
void write_manifest(const std::filesystem::path& folder, const Shard& shard);

/// Nothing when every listed file is there, of its size and hash, and the format is one we read;
/// otherwise why not.
std::optional<std::string> manifest_fault(const std::filesystem::path& folder);

/// The world size of the writer. Throws Error(bad_data) when the manifest does not say.
int manifest_world_size(const std::filesystem::path& folder);

}  // namespace dcgan
