// The plan cache of a test that tunes.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

namespace dcgan::test {

/// The plan cache in a folder of its own until the end of the test.
class OwnCache {
 public:
  OwnCache() {
    if (const char* before = std::getenv("DCGAN_CACHE")) before_ = before;
    ::setenv("DCGAN_CACHE", folder_.path().c_str(), 1);
  }
  ~OwnCache() {
    if (before_.empty()) {
      ::unsetenv("DCGAN_CACHE");
    } else {
      ::setenv("DCGAN_CACHE", before_.c_str(), 1);
    }
  }
  OwnCache(const OwnCache&) = delete;  // gives the variable back once
  OwnCache& operator=(const OwnCache&) = delete;

  std::ptrdiff_t files() const { return folder_.entries(); }
  void clear() const {
    for (const std::filesystem::directory_entry& entry :
         std::filesystem::directory_iterator(folder_.path())) {
      std::filesystem::remove(entry.path());
    }
  }
  /// Replaces what is kept of a pass of a convolution.
  void keep(const std::string& pass, const std::string& text) const {
    replace(": " + pass + " of", text);
  }
  /// Replaces what is kept where the key has these words.
  void replace(const std::string& words, const std::string& text) const {
    for (const std::filesystem::directory_entry& entry :
         std::filesystem::directory_iterator(folder_.path())) {
      std::string key;
      std::getline(std::ifstream(entry.path()), key);
      if (key.find(words) == std::string::npos) continue;
      std::ofstream(entry.path()) << key << '\n' << text;
      return;
    }
    FAIL("no kept choice with " << words);
  }

 private:
  TemporaryFolder folder_;
  std::string before_;
};

}  // namespace dcgan::test
