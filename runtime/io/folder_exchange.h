// Replaces an old folder by a finished one.
#pragma once

#include <filesystem>

namespace dcgan {

/// Swaps two folders atomically. False when the file system cannot (some network disks); throws
/// Error(io) on any other failure.
bool exchange_folders(const std::filesystem::path& a, const std::filesystem::path& b);

/// For file systems without the swap: renames TARGET to TARGET.old and `finished` to TARGET, then
/// removes TARGET.old. A crash between the renames leaves a complete TARGET.old and no TARGET.
void replace_by_two_renames(const std::filesystem::path& finished,
                            const std::filesystem::path& target);

/// After such a crash: renames TARGET.old back if there is no TARGET, else removes it.
void recover_from_two_renames(const std::filesystem::path& target);

}  // namespace dcgan
