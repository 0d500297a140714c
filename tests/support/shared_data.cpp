#include "tests/support/shared_data.h"

#include <cstdlib>

namespace dcgan::test {

std::optional<std::filesystem::path> shared_path(const std::filesystem::path& path) {
  const char* root = std::getenv("DCGAN_SHARED");
  std::filesystem::path full = std::filesystem::path(root != nullptr ? root : "../shared") / path;
  if (!std::filesystem::exists(full)) return std::nullopt;
  return full;
}

}  // namespace dcgan::test
