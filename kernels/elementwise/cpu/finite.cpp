#include <atomic>
#include <cstring>

#include "kernels/common/cpu_loops.h"
#include "kernels/elementwise/finite_variants.h"
#include "runtime/base/parallel.h"

namespace dcgan::cpu {
namespace {

/// NaN and infinity are what has every bit of the exponent set. Integers, so that no compiler flag
/// about arithmetic can remove the question.
template <class Word>
bool any_non_finite(const void* values, std::int64_t count, Word exponent) {
  std::atomic<bool> found = false;
  const auto* bytes = static_cast<const unsigned char*>(values);
  parallel_for(count, kElementGrain, [&](std::int64_t begin, std::int64_t end) {
    Word any = 0;
    for (std::int64_t i = begin; i < end; ++i) {
      Word word;
      std::memcpy(&word, bytes + i * static_cast<std::int64_t>(sizeof word), sizeof word);
      any = static_cast<Word>(any | ((word & exponent) == exponent ? 1 : 0));
    }
    if (any != 0) found.store(true, std::memory_order_relaxed);
  });
  return found;
}

}  // namespace

void detect_non_finite(const Context& /*context*/, ConstTensorView values, TensorView flag) {
  const bool found =
      values.dtype == DType::bf16
          ? any_non_finite<std::uint16_t>(values.data, values.elements(), 0x7f80u)
          : any_non_finite<std::uint32_t>(values.data, values.elements(), 0x7f800000u);
  if (found) *flag.as<std::int32_t>() = 1;
}

}  // namespace dcgan::cpu
