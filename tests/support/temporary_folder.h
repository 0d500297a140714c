// A folder that lives as long as a test does, and the errors that tests expect.
#pragma once

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "runtime/base/errors.h"

namespace dcgan::test {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    static std::atomic<int> counter{0};
    path_ = std::filesystem::temp_directory_path() /
            ("dcgan_test_" + std::to_string(::getpid()) + "_" + std::to_string(counter++));
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }
  /// Files and folders directly inside.
  std::ptrdiff_t entries() const {
    return std::distance(std::filesystem::directory_iterator(path_),
                         std::filesystem::directory_iterator());
  }

 private:
  std::filesystem::path path_;
};

/// What body() threw, or nothing when it returned. Any other exception fails the test.
template <class Body>
std::optional<Error> error_of(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

/// Writes a file without a flush to the disk: tests write thousands.
inline void write_plainly(const std::filesystem::path& path, const std::string& contents) {
  std::ofstream file(path, std::ios::binary);
  file << contents << std::flush;
  if (!file) fail(ErrorKind::io, "{}: cannot be written", path.string());
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace dcgan::test

/// The expression throws Error of this kind, and its message contains `part`.
#define DCGAN_CHECK_FAILS(expression, wanted_kind, part)                       \
  do {                                                                         \
    const auto failure = ::dcgan::test::error_of([&] { (void)(expression); }); \
    REQUIRE(failure.has_value());                                              \
    CAPTURE(failure->what());                                                  \
    CHECK(failure->kind() == (wanted_kind));                                   \
    CHECK(::dcgan::test::contains(failure->what(), (part)));                   \
  } while (false)
