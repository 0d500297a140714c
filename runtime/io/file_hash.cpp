#include <fmt/format.h>
#include <fmt/ranges.h>
#include <xxhash.h>

#include <memory>

#include "runtime/base/errors.h"
#include "runtime/io/descriptor.h"
#include "runtime/io/files.h"

namespace dcgan {
namespace {

std::string hex(const XXH128_hash_t& hash) {
  XXH128_canonical_t canonical{};
  XXH128_canonicalFromHash(&canonical, hash);
  return fmt::format("{:02x}", fmt::join(canonical.digest, ""));
}

}  // namespace

std::string bytes_hash(std::span<const std::byte> bytes) {
  return hex(XXH3_128bits(bytes.data(), bytes.size()));
}

std::uint64_t bytes_checksum(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::string file_hash(const std::filesystem::path& path) {
  const OpenedFile file = open_regular_file(path);
  const std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state(XXH3_createState(),
                                                                              XXH3_freeState);
  if (state == nullptr) fail(ErrorKind::unavailable, "{}: no memory to hash it", path.string());
  XXH3_128bits_reset(state.get());
  std::vector<std::byte> block(std::size_t{1} << 20);
  while (const std::size_t got = read_some(file.descriptor, block, path)) {
    XXH3_128bits_update(state.get(), block.data(), got);
  }
  return hex(XXH3_128bits_digest(state.get()));
}

}  // namespace dcgan
