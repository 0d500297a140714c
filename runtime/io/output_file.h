// What may be written over. One rule for every output: only a regular file of the same kind, or an
// empty one, is replaced; a link is followed to such a file. Everything else (folders, devices,
// FIFOs, sockets, a user's text) is refused with Error(config) and left as it is.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace dcgan {

/// As a file's first bytes show it.
enum class FileKind { empty, png, npy, safetensors, json, packed, other };

/// So many of them are enough.
inline constexpr std::size_t kKindBytes = 64;
FileKind file_kind(std::span<const std::byte> first_bytes);

/// Before the work whose result it is to take: throws unless `path` is free or holds a file of
/// `kind`, and Error(io) unless a file can be made in its folder. `option` is for the message:
/// "--out".
void require_output_file(std::string_view option, const std::filesystem::path& path, FileKind kind);

/// Throws when something other than a folder has the name.
void require_output_folder(std::string_view option, const std::filesystem::path& path);

/// Throws when something other than a regular file has the name; a link counts as what it leads to.
void require_regular_or_absent(const std::filesystem::path& path);

/// Where contents that begin with `first_bytes` are to be written: `path`, or what a link leads to.
/// Throws as above.
std::filesystem::path replaceable(const std::filesystem::path& path,
                                  std::span<const std::byte> first_bytes);

}  // namespace dcgan
