#include "models/profiling/peak_rates.h"

#include <algorithm>

#include "kernels/input/latent.h"
#include "models/profiling/timing.h"
#include "runtime/base/parallel.h"
#include "runtime/device/memory.h"

namespace dcgan {
namespace {

constexpr int kWarmUp = 2;
constexpr int kRepeats = 7;

double measure_copy(const Context& context) {
  const std::int64_t bytes = context.is_cuda() ? std::int64_t{1} << 30 : std::int64_t{64} << 20;
  const Buffer from(context, static_cast<std::size_t>(bytes));
  const Buffer to(context, static_cast<std::size_t>(bytes));
  const TensorView source(from.data(), {bytes}, DType::u8);
  const TensorView target(to.data(), {bytes}, DType::u8);
  fill_zero(context, source);
  constexpr std::int64_t kGrain = 1 << 20;
  const Timing timing = time_repeats(kWarmUp, kRepeats, [&] {
    if (context.is_cuda()) {
      copy(context, source, target);
      context.synchronize();
    } else {
      // A copy by all cores; one core alone cannot fill the memory's channels.
      parallel_for(bytes, kGrain, [&](std::int64_t begin, std::int64_t end) {
        copy(context, source.rows(begin, end - begin), target.rows(begin, end - begin));
      });
    }
  });
  return 2 * static_cast<double>(bytes) / (timing.quantile(0) * 1e-3);
}

// A convolution and not a bare product: the library's best case for this very program.
double measure_arithmetic(const Context& context, DType dtype, const ConvPolicy& policy) {
  const std::int64_t batch = context.is_cuda() ? 512 : 32;
  const ConvSpec spec{ConvType::convolution, 256, 512, 3, 1, 1};
  const Shape input{batch, 16, 16, spec.in_channels};
  const ConvPasses passes{/*forward=*/true, /*backward_data=*/false, /*backward_weights=*/false};
  const auto plan = plan_convolution(context, {spec, {}, input, dtype, passes, policy});
  // Random numbers, not zeros: a GPU clocks higher on zeros than on any real data.
  const Buffer counter(context, sizeof(std::int64_t));
  const TensorView step(counter.data(), {1}, DType::i64);
  fill_zero(context, step);
  const auto filled = [&](const Shape& shape) {
    Buffer buffer(context, static_cast<std::size_t>(shape.elements()) * size_of(dtype));
    const TensorView rows(buffer.data(), {shape[0], shape.elements() / shape[0]}, dtype);
    draw_latent(context, step, rows, {});
    return buffer;
  };
  const Shape output = spec.output_shape(input);
  const Buffer x = filled(input), weights = filled(spec.weight_shape()), y = filled(output);
  const Buffer workspace(context, plan->workspace_bytes(ConvPass::forward));
  const Timing timing = time_repeats(kWarmUp, kRepeats, [&] {
    plan->forward(context,
                  {{x.data(), input, dtype},
                   {weights.data(), spec.weight_shape(), dtype},
                   {y.data(), output, dtype},
                   {workspace.data(), {static_cast<std::int64_t>(workspace.bytes())}, DType::u8}});
    context.synchronize();
  });
  return 2 * static_cast<double>(spec.multiply_accumulates(input)) / (timing.quantile(0) * 1e-3);
}

}  // namespace

PeakRates measure_peak_rates(const Context& context, DType dtype, const ConvPolicy& policy) {
  return {measure_copy(context), measure_arithmetic(context, dtype, policy)};
}

}  // namespace dcgan
