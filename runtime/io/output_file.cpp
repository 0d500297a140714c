#include "runtime/io/output_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>

#include "runtime/base/errors.h"
#include "runtime/io/descriptor.h"
#include "runtime/io/files.h"
#include "runtime/io/safetensors/header.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

bool begins_with(std::span<const std::byte> bytes, std::string_view text) {
  return bytes.size() >= text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
}

bool is_safetensors(std::span<const std::byte> bytes) {
  std::uint64_t length = 0;
  if (bytes.size() <= sizeof length || bytes[sizeof length] != std::byte{'{'}) return false;
  std::memcpy(&length, bytes.data(), sizeof length);
  return length <= kMaxSafetensorsHeader;
}

const char* name_of(FileKind kind) {
  switch (kind) {
    case FileKind::empty:
      return "an empty file";
    case FileKind::png:
      return "a PNG image";
    case FileKind::npy:
      return "a NumPy array";
    case FileKind::safetensors:
      return "a safetensors file";
    case FileKind::json:
      return "a JSON file";
    case FileKind::packed:
      return "a packed data set";
    case FileKind::other:
      break;
  }
  return "a file of another kind";
}

[[noreturn]] void refuse(const std::string& what, const std::string& is) {
  fail(ErrorKind::config, "{}: {}; it is left as it is: choose another name", what, is);
}

std::string labelled(std::string_view option, const fs::path& path) {
  return (option.empty() ? "" : std::string(option) + " ") + path.string();
}

// Nothing there, or nothing that can be examined: writing will say why.
bool is_absent(const std::string& what, const fs::path& path, struct stat& status) {
  if (::stat(path.c_str(), &status) == 0) return false;
  struct stat link {};
  if (::lstat(path.c_str(), &link) == 0 && S_ISLNK(link.st_mode)) {
    refuse(what, "a link that leads to no file");
  }
  return true;
}

// True when a regular file is there.
bool examine(const std::string& what, const fs::path& path) {
  struct stat status {};
  if (is_absent(what, path, status)) return false;
  if (!S_ISREG(status.st_mode)) refuse(what, std::string(kind_of(status)) + ", not a regular file");
  return true;
}

void require_kind(const std::string& what, const fs::path& path, FileKind kind) {
  if (!examine(what, path)) return;
  std::array<std::byte, kKindBytes> first{};
  const OpenedFile file = open_regular_file(path);
  const std::size_t got = read_some(file.descriptor, first, path);
  const FileKind found = file_kind(std::span(first).first(got));
  if (found == FileKind::empty || found == kind) return;
  refuse(what, std::string("holds ") + name_of(found) + ", not " + name_of(kind));
}

}  // namespace

FileKind file_kind(std::span<const std::byte> first_bytes) {
  if (first_bytes.empty()) return FileKind::empty;
  if (begins_with(first_bytes, "\x89PNG\r\n\x1a\n")) return FileKind::png;
  if (begins_with(first_bytes, "\x93NUMPY")) return FileKind::npy;
  if (begins_with(first_bytes,
                  "\x89"
                  "DCG\r\n\x1a\n"))
    return FileKind::packed;
  if (is_safetensors(first_bytes)) return FileKind::safetensors;
  const auto* text =
      std::find_if(first_bytes.data(), first_bytes.data() + first_bytes.size(), [](std::byte byte) {
        return std::string_view(" \t\r\n").find(static_cast<char>(byte)) == std::string_view::npos;
      });
  const bool opens = text != first_bytes.data() + first_bytes.size() &&
                     (*text == std::byte{'{'} || *text == std::byte{'['});
  return opens ? FileKind::json : FileKind::other;
}

void require_output_file(std::string_view option, const fs::path& path, FileKind kind) {
  require_kind(labelled(option, path), path, kind);
  std::error_code error;
  const fs::path target = fs::canonical(path, error);  // of a link
  require_file_can_be_made(folder_of(error ? path : target));
}

void require_output_folder(std::string_view option, const fs::path& path) {
  struct stat status {};
  const std::string what = labelled(option, path);
  if (is_absent(what, path, status) || S_ISDIR(status.st_mode)) return;
  refuse(what, std::string(kind_of(status)) + ", not a folder");
}

void require_regular_or_absent(const fs::path& path) { examine(path.string(), path); }

fs::path replaceable(const fs::path& path, std::span<const std::byte> first_bytes) {
  require_kind(path.string(), path, file_kind(first_bytes));
  std::error_code error;
  if (!fs::is_symlink(path, error)) return path;
  fs::path target = fs::canonical(path, error);
  if (error) fail_system(path, "follow the link", error.value());
  return target;
}

}  // namespace dcgan
