#include "models/checkpoint/manifest.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "runtime/base/build_config.h"
#include "runtime/base/errors.h"
#include "runtime/io/files.h"

namespace dcgan {
namespace {

constexpr int kFormat = 1;  // raised when an older program could not read what we write
constexpr std::uint64_t kMaxManifestBytes = 1 << 20;
constexpr const char* kName = "manifest.json";

}  // namespace

void write_manifest(const std::filesystem::path& folder, const Shard& shard) {
  std::map<std::string, nlohmann::ordered_json> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    files[entry.path().filename().string()] = {{"bytes", entry.file_size()},
                                               {"xxh3_128", file_hash(entry.path())}};
  }
  nlohmann::ordered_json manifest;
  manifest["format"] = kFormat;
  manifest["version"] = kVersion;
  manifest["world_size"] = shard.world_size;
  manifest["files"] = files;
  write_text_atomically(folder / kName, manifest.dump(2) + "\n");
}

int manifest_world_size(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / kName;
  const auto manifest =
      nlohmann::json::parse(read_text_file(path, kMaxManifestBytes), nullptr, false);
  const auto size = manifest.is_object() ? manifest.find("world_size") : manifest.end();
  if (size == manifest.end() || !size->is_number_unsigned() || *size < 1 || *size > 1'000'000) {
    fail(ErrorKind::bad_data, "{}: world_size is no number of ranks", path.string());
  }
  return size->get<int>();
}

std::optional<std::string> manifest_fault(const std::filesystem::path& folder) try {
  const std::filesystem::path path = folder / kName;
  if (!std::filesystem::exists(path))
    return fmt::format("{}: there is no {}", folder.string(), kName);
  const auto manifest = nlohmann::json::parse(read_text_file(path, kMaxManifestBytes));
  const int format = manifest.at("format").get<int>();
  if (format != kFormat) {
    return fmt::format("{}: format {} (written by dcgan {}), this program {} reads format {}",
                       path.string(), format, manifest.value("version", "?"), kVersion, kFormat);
  }
  for (const auto& [name, file] : manifest.at("files").items()) {
    const std::filesystem::path item = folder / name;
    if (!std::filesystem::is_regular_file(item)) return fmt::format("{}: missing", item.string());
    const auto bytes = file.at("bytes").get<std::uint64_t>();
    if (const auto found = std::filesystem::file_size(item); found != bytes) {
      return fmt::format("{}: {} bytes, the manifest says {}", item.string(), found, bytes);
    }
    const auto hash = file.at("xxh3_128").get<std::string>();
    if (file_hash(item) != hash) {
      return fmt::format("{}: contents changed (XXH3-128 differs from the manifest's {})",
                         item.string(), hash);
    }
  }
  return std::nullopt;
} catch (const nlohmann::json::exception& error) {
  return fmt::format("{}/{}: {}", folder.string(), kName, error.what());
} catch (const Error& error) {
  return error.what();
}

}  // namespace dcgan
