#include "kernels/vendor/plan_cache.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>

namespace dcgan {
namespace {

namespace fs = std::filesystem;

// FNV-1a: only a file's name; the key itself is the file's first line and is compared.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char letter : text) {
    hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3u;
  }
  return hash;
}

fs::path path_of(const std::string& folder, const std::string& key) {
  return fs::path(folder) / fmt::format("plan-{:016x}.json", hash_of(key));
}

}  // namespace

std::string plan_cache_folder() {
  if (const char* own = std::getenv("DCGAN_CACHE"); own != nullptr && *own != '\0') {
    return std::string_view(own) == "off" ? "" : own;
  }
  if (const char* shared = std::getenv("XDG_CACHE_HOME"); shared != nullptr && *shared != '\0') {
    return (fs::path(shared) / "dcgan").string();
  }
  const char* home = std::getenv("HOME");
  return home == nullptr || *home == '\0' ? "" : (fs::path(home) / ".cache/dcgan").string();
}

std::optional<std::string> load_cached(const std::string& folder, const std::string& key) {
  if (folder.empty()) return std::nullopt;
  std::ifstream file(path_of(folder, key), std::ios::binary);
  std::string first;
  if (!std::getline(file, first) || first != key) return std::nullopt;
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad() || text.empty()) return std::nullopt;
  return text;
}

bool store_cached(const std::string& folder, const std::string& key, const std::string& text) {
  if (folder.empty()) return false;
  std::error_code error;
  fs::create_directories(folder, error);
  const fs::path target = path_of(folder, key);
  // Ranks and threads of one machine may store the same plan at once: each writes a file of its
  // own, and the last rename wins.
  static std::atomic<int> stored{0};
  const fs::path own = target.string() + fmt::format(".{}.{}.tmp", ::getpid(), ++stored);
  std::ofstream file(own, std::ios::binary | std::ios::trunc);
  file << key << '\n' << text;
  file.close();
  if (file) fs::rename(own, target, error);
  if (file && !error) return true;
  fs::remove(own, error);
  return false;
}

}  // namespace dcgan
