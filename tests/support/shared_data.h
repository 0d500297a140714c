// Real data and recorded PyTorch traces, which live outside the project.
#pragma once

#include <filesystem>
#include <optional>

namespace dcgan::test {

/// The folder named by DCGAN_SHARED (default "../shared" beside the project) joined with `path`,
/// or nothing when it is not there.
std::optional<std::filesystem::path> shared_path(const std::filesystem::path& path);

}  // namespace dcgan::test

/// Inside a TEST_CASE: binds NAME to the path, or says what is skipped and leaves the test.
#define DCGAN_SHARED_OR_SKIP(NAME, PATH)                                                 \
  const auto NAME##_found = ::dcgan::test::shared_path(PATH);                            \
  if (!NAME##_found) {                                                                   \
    WARN("skipped: no " << (PATH) << " (set DCGAN_SHARED to the folder that holds it)"); \
    return;                                                                              \
  }                                                                                      \
  const std::filesystem::path& NAME = *NAME##_found
