// Checks that the entries of a header cover the data exactly.
#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "runtime/base/errors.h"
#include "runtime/base/printable.h"
#include "runtime/io/safetensors/header.h"

namespace dcgan {
namespace {

// The format's element types. Below 8 bits the elements are packed.
constexpr std::array<std::pair<std::string_view, std::uint64_t>, 20> kBitsOfType{{
    {"BOOL", 8},    {"U8", 8},   {"I8", 8},   {"F8_E4M3", 8}, {"F8_E5M2", 8},
    {"F8_E8M0", 8}, {"I16", 16}, {"U16", 16}, {"F16", 16},    {"BF16", 16},
    {"I32", 32},    {"U32", 32}, {"F32", 32}, {"I64", 64},    {"U64", 64},
    {"F64", 64},    {"C64", 64}, {"F4", 4},   {"F6_E2M3", 6}, {"F6_E3M2", 6},
}};

// 0 for a type that the format does not name.
std::uint64_t bits_of(std::string_view dtype) {
  const auto found = std::find_if(kBitsOfType.begin(), kBitsOfType.end(),
                                  [&](const auto& known) { return known.first == dtype; });
  return found == kBitsOfType.end() ? 0 : found->second;
}

void check_size(const SafetensorsEntry& entry, const std::string& file) {
  std::uint64_t elements = 1;
  for (const std::int64_t extent : entry.extents) {
    if (__builtin_mul_overflow(elements, static_cast<std::uint64_t>(extent), &elements)) {
      fail(ErrorKind::bad_data, "{}: tensor {}: the product of the shape overflows (extent {})",
           file, in_quotes(entry.name), extent);
    }
  }
  const std::uint64_t bits = bits_of(entry.dtype);
  if (bits == 0) return;
  std::uint64_t total_bits = 0;
  if (__builtin_mul_overflow(elements, bits, &total_bits)) {
    fail(ErrorKind::bad_data, "{}: tensor {}: the size of {} elements of {} overflows", file,
         in_quotes(entry.name), elements, entry.dtype);
  }
  if (total_bits % 8 != 0 || total_bits / 8 != entry.end - entry.begin) {
    fail(ErrorKind::bad_data, "{}: tensor {}: {} elements of {} do not make the {} bytes of {}..{}",
         file, in_quotes(entry.name), elements, entry.dtype, entry.end - entry.begin, entry.begin,
         entry.end);
  }
}

}  // namespace

void check_safetensors_layout(std::vector<SafetensorsEntry>& entries, std::uint64_t data_bytes,
                              const std::string& file) {
  // An empty tensor may have the same offset as the next one; it comes first.
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  std::uint64_t reached = 0;
  for (const SafetensorsEntry& entry : entries) {
    if (entry.end < entry.begin) {
      fail(ErrorKind::bad_data, "{}: tensor {}: ends at {} before it begins at {}", file,
           in_quotes(entry.name), entry.end, entry.begin);
    }
    if (entry.begin != reached) {
      fail(ErrorKind::bad_data,
           "{}: tensor {}: begins at {}, {} the {} where the data before it end", file,
           in_quotes(entry.name), entry.begin,
           entry.begin < reached ? "overlapping: below" : "leaving a hole: above", reached);
    }
    check_size(entry, file);
    reached = entry.end;
  }
  if (reached > data_bytes) {
    fail(ErrorKind::bad_data, "{}: the tensors need {} bytes of data, the file has {}: it was cut",
         file, reached, data_bytes);
  }
  if (reached < data_bytes) {
    fail(ErrorKind::bad_data, "{}: {} bytes follow the last tensor, which ends at {}", file,
         data_bytes - reached, reached);
  }
}

}  // namespace dcgan
