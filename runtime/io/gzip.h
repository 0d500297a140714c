// Inflates gzip data, with a limit on the output.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace dcgan {

/// True when the bytes begin like a gzip member (1f 8b).
bool is_gzip(std::span<const std::byte> bytes);

/// The inflated contents of all members. Throws Error(bad_data) with `name` and the offset on
/// corruption or truncation, and as soon as the output passes max_bytes: memory stays bounded.
/// Zeros after the last member are padding; anything else there is corruption.
std::vector<std::byte> inflate_gzip(std::span<const std::byte> bytes, const std::string& name,
                                    std::uint64_t max_bytes);

}  // namespace dcgan
