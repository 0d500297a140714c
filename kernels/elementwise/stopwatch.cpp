#include "kernels/elementwise/stopwatch.h"

#include "kernels/common/checks.h"
#include "kernels/elementwise/stopwatch_variants.h"
#include "runtime/base/build_config.h"

namespace dcgan {
namespace {

void add_clock(const Context& context, TensorView total, std::int64_t sign) {
  constexpr const char* kName = "stopwatch";
  checks::dtype(kName, "total", total, {DType::i64});
  checks::elements(kName, "total", total, 1);
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::add_clock(context, total, sign);
  }
  cpu::add_clock(context, total, sign);
}

}  // namespace

void start_stopwatch(const Context& context, TensorView total) { add_clock(context, total, -1); }

void stop_stopwatch(const Context& context, TensorView total) { add_clock(context, total, 1); }

}  // namespace dcgan
