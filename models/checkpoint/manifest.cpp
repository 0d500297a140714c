#include "models/checkpoint/manifest.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "runtime/base/build_config.h"
#include "runtime/base/errors.h"
#include "runtime/base/printable.h"
#include "runtime/io/files.h"
#include "runtime/io/json_text.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;  // raised when an older program could not read what we write
constexpr std::uint64_t kMaxManifestBytes = 1 << 20;
constexpr const char* kName = "manifest.json";
constexpr const char* kRewinds = "rewinds";

// What is wrong with a manifest; its folder's name stands before it in the message.
[[noreturn]] void refuse(const fs::path& item, const std::string& why) {
  fail(ErrorKind::bad_data, "{}: {}", item.string(), why);
}

Json read_manifest(const fs::path& folder) {
  const fs::path path = folder / kName;
  if (!fs::exists(path)) refuse(folder, fmt::format("there is no {}", kName));
  const std::string text = read_text_file(path, kMaxManifestBytes);
  if (const auto fault = json_fault(text)) refuse(path, *fault);
  Json manifest = Json::parse(text);
  if (!manifest.is_object()) refuse(path, "not a JSON object");
  return manifest;
}

std::optional<std::int64_t> count_of(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  const bool is_count = found != object.end() && found->is_number_unsigned() &&
                        found->get<std::uint64_t>() <= std::uint64_t{INT64_MAX};
  return is_count ? std::optional(found->get<std::int64_t>()) : std::nullopt;
}

void require_format(const fs::path& path, const Json& manifest) {
  const std::optional<std::int64_t> format = count_of(manifest, "format");
  if (!format) refuse(path, "format is no number");
  if (*format == kFormat) return;
  const auto version = manifest.find("version");
  const std::string writer = version != manifest.end() && version->is_string()
                                 ? printable(version->get<std::string>(), kMostShown)
                                 : "?";
  refuse(path, fmt::format("format {} (written by dcgan {}), this program {} reads format {}",
                           *format, writer, kVersion, kFormat));
}

void require_as_listed(const fs::path& path, const std::string& name, const Json& listed) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos) {
    refuse(path, fmt::format("lists {}, which is no file of a checkpoint", in_quotes(name)));
  }
  const fs::path item = path.parent_path() / name;
  const std::optional<std::int64_t> bytes = count_of(listed, "bytes");
  const auto hash = listed.is_object() ? listed.find("xxh3_128") : listed.end();
  if (!bytes || hash == listed.end() || !hash->is_string()) {
    refuse(path, fmt::format("lists {} without size and hash", in_quotes(name)));
  }
  if (!fs::is_regular_file(item)) refuse(item, "missing");
  if (const auto found = static_cast<std::int64_t>(fs::file_size(item)); found != *bytes) {
    refuse(item, fmt::format("{} bytes, the manifest says {}", found, *bytes));
  }
  const auto& wanted = hash->get_ref<const std::string&>();
  if (file_hash(item) != wanted) {
    refuse(item, fmt::format("contents changed (XXH3-128 differs from the manifest's {})",
                             printable(wanted, kMostShown)));
  }
}

void require_whole(const fs::path& folder) {
  const fs::path path = folder / kName;
  const Json manifest = read_manifest(folder);
  require_format(path, manifest);
  const auto files = manifest.find("files");
  if (files == manifest.end() || !files->is_object()) refuse(path, "lists no files");
  for (const CheckpointFile& file : kCheckpointFiles) {
    if (files->contains(file.name)) continue;
    // One that is there and not listed would be read without having been checked.
    if (file.required || fs::exists(folder / file.name)) {
      refuse(path, fmt::format("does not list {}", file.name));
    }
  }
  for (const auto& [name, listed] : files->items()) require_as_listed(path, name, listed);
}

}  // namespace

void write_manifest(const fs::path& folder, const Shard& shard, std::int64_t rewinds) {
  std::map<std::string, Json> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    files[entry.path().filename().string()] = {{"bytes", entry.file_size()},
                                               {"xxh3_128", file_hash(entry.path())}};
  }
  Json manifest;
  manifest["format"] = kFormat;
  manifest["version"] = kVersion;
  manifest["world_size"] = shard.world_size;
  if (rewinds > 0) manifest[kRewinds] = rewinds;
  manifest["files"] = files;
  write_text_atomically(folder / kName, manifest.dump(2) + "\n");
}

int manifest_world_size(const fs::path& folder) {
  const std::optional<std::int64_t> size = count_of(read_manifest(folder), "world_size");
  constexpr std::int64_t kMostRanks = 1'000'000;
  if (!size || *size < 1 || *size > kMostRanks) {
    refuse(folder / kName, "world_size is no number of ranks");
  }
  return static_cast<int>(*size);
}

std::optional<std::int64_t> manifest_rewinds(const fs::path& folder) try {
  const Json manifest = read_manifest(folder);
  return manifest.contains(kRewinds) ? count_of(manifest, kRewinds)
                                     : std::optional<std::int64_t>(0);
} catch (const Error&) {
  return std::nullopt;
}

std::optional<std::string> manifest_fault(const fs::path& folder) try {
  require_whole(folder);
  return std::nullopt;
} catch (const Error& error) {
  return error.what();
} catch (const fs::filesystem_error& error) {
  return fmt::format("{}: {}", error.path1().string(), error.code().message());
}

}  // namespace dcgan
