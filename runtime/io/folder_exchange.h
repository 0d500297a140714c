// How a finished folder takes the place of an old one.
#pragma once

#include <filesystem>

namespace dcgan {

/// Swaps two folders in one step that no crash can split. False when the file system cannot (some
/// network ones); throws Error(io) on any other failure.
bool exchange_folders(const std::filesystem::path& a, const std::filesystem::path& b);

/// For file systems without the swap: TARGET becomes TARGET.old, `finished` becomes TARGET,
/// TARGET.old goes. A crash between the renames leaves no TARGET but a whole TARGET.old.
void replace_by_two_renames(const std::filesystem::path& finished,
                            const std::filesystem::path& target);

/// Puts TARGET.old back when such a crash left no TARGET, and removes it when TARGET is there.
void recover_from_two_renames(const std::filesystem::path& target);

}  // namespace dcgan
