// Structs that begin with their size: callers and libraries of different ages agree on the part
// that both know. What a caller does not have reads as zero, which means the default.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <type_traits>

#include "models/api/boundary.h"

namespace dcgan::api {

inline constexpr std::size_t kLargestStruct = 4096;  // beyond it, struct_size was never set

/// The size that the caller's header gave to the struct.
template <class Struct>
std::size_t given_size(const Struct* given, const char* name) {
  const std::size_t size = given->struct_size;
  if (size < sizeof(std::size_t) || size > kLargestStruct) {
    misuse("{}.struct_size is {}; set it to sizeof({}), {} in this library", name, size, name,
           sizeof(Struct));
  }
  return size;
}

/// The caller's options. Null: all defaults. Throws Error(usage) when a field that this library
/// does not know is set.
template <class Struct>
Struct read_struct(const Struct* given, const char* name) {
  static_assert(std::is_trivially_copyable_v<Struct> && offsetof(Struct, struct_size) == 0);
  Struct known{};
  known.struct_size = sizeof known;
  if (given == nullptr) return known;
  const std::size_t size = given_size(given, name);
  std::memcpy(static_cast<void*>(&known), given, std::min(size, sizeof known));
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  for (std::size_t at = sizeof known; at < size; ++at) {
    if (bytes[at] != 0) {
      misuse("{} has a field at byte {} that this library ({} bytes of it) does not know", name, at,
             sizeof known);
    }
  }
  known.struct_size = sizeof known;
  return known;
}

/// Fills the part that the caller has; the rest of a newer caller's struct becomes zero.
template <class Struct>
void write_struct(const Struct& values, Struct* to, const char* name) {
  if (to == nullptr) misuse("{} is NULL", name);
  const std::size_t size = given_size(to, name);
  auto* bytes = reinterpret_cast<unsigned char*>(to);
  const auto* from = reinterpret_cast<const unsigned char*>(&values);
  const std::size_t both = std::min(size, sizeof values);
  std::copy(from + sizeof(std::size_t), from + both, bytes + sizeof(std::size_t));
  std::fill(bytes + both, bytes + size, static_cast<unsigned char>(0));
}

}  // namespace dcgan::api
