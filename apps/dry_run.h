// The folder of --dry-run.
#pragma once

#include <filesystem>

namespace dcgan {

/// Empties OUT/dry-run of what earlier dry runs left, and marks it as one's. Only files that a
/// training writes are removed; others stay. Throws Error(config) when the folder is there and was
/// not made by a dry run: it is left as it is.
void prepare_dry_run(const std::filesystem::path& folder);

}  // namespace dcgan
