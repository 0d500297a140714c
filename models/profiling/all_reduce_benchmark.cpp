#include "models/profiling/all_reduce_benchmark.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "models/profiling/timing.h"
#include "runtime/base/bf16.h"
#include "runtime/device/event.h"
#include "runtime/device/memory.h"

namespace dcgan {
namespace {

// Small sizes are repeated without a barrier in between, as ranks come out of one at different
// times.
std::int64_t calls_of(std::int64_t bytes) {
  constexpr std::int64_t kMostCalls = 16;
  constexpr std::int64_t kEnoughBytes = std::int64_t{1} << 20;
  return std::clamp<std::int64_t>(kEnoughBytes / bytes, 1, kMostCalls);
}

std::int64_t elements_of(std::int64_t bytes, DType dtype) {
  const auto element = static_cast<std::int64_t>(size_of(dtype));
  if (bytes < element || bytes % element != 0) {
    fail(ErrorKind::config, "all-reduce: {} bytes hold no whole number of {}", bytes,
         name_of(dtype));
  }
  return bytes / element;
}

template <class T>
void compare(const Context& context, Communicator& communicator, TensorView values) {
  std::vector<T> host(static_cast<std::size_t>(values.elements()), T(1.0f));
  upload(context, ConstTensorView(host.data(), values.shape, values.dtype), values);
  communicator.all_reduce(context, values, ReduceOp::sum);
  download(context, values, TensorView(host.data(), values.shape, values.dtype));
  // Whole numbers are exact in f32, and in bf16 up to 256; above it each hop rounds to 8 bits.
  const auto ranks = static_cast<float>(communicator.size());
  const float bound = values.dtype == DType::f32 || ranks <= 256 ? 0 : ranks / 32;
  for (std::size_t i = 0; i < host.size(); ++i) {
    const auto sum = static_cast<float>(host[i]);
    DCGAN_CHECK(std::abs(sum - ranks) <= bound,
                "all-reduce of {} elements over {} ranks: element {}, a sum of ones, is {}",
                host.size(), communicator.size(), i, sum);
  }
}

Timing time_calls(const Context& context, Communicator& communicator, TensorView values,
                  const AllReduceSettings& settings) {
  const std::int64_t calls = calls_of(static_cast<std::int64_t>(values.bytes()));
  fill_zero(context, values);  // sums stay finite
  Event start(context), end(context);
  Timing timing;
  for (int repeat = 0; repeat < settings.warm_up + settings.repeats; ++repeat) {
    context.synchronize();
    communicator.barrier();
    start.record(context);
    for (std::int64_t i = 0; i < calls; ++i) {
      communicator.all_reduce(context, values, ReduceOp::sum);
    }
    end.record(context);
    communicator.watch(context);
    end.synchronize();
    communicator.check();
    if (repeat < settings.warm_up) continue;
    timing.milliseconds.push_back(end.elapsed_ms(start) / static_cast<double>(calls));
  }
  return timing;
}

// The largest of every rank's figures.
AllReduceResult of_slowest(const Context& context, Communicator& communicator,
                           const Timing& timing) {
  std::array<double, 2> figures{timing.median(), timing.quantile(0.9)};
  const Buffer buffer(context, sizeof(figures));
  const TensorView values(buffer.data(), {2}, DType::f64);
  upload(context, ConstTensorView(figures.data(), {2}, DType::f64), values);
  communicator.all_reduce(context, values, ReduceOp::max);
  download(context, values, TensorView(figures.data(), {2}, DType::f64));
  AllReduceResult result;
  result.ranks = communicator.size();
  result.median_us = 1e3 * figures[0];
  result.p90_us = 1e3 * figures[1];
  return result;
}

}  // namespace

double AllReduceResult::algorithm_gb_per_second() const {
  return static_cast<double>(bytes) / median_us * 1e-3;
}

double AllReduceResult::bus_gb_per_second() const {
  const double n = ranks;
  return algorithm_gb_per_second() * 2 * (n - 1) / n;
}

std::vector<std::int64_t> default_all_reduce_sizes() {
  std::vector<std::int64_t> sizes;
  for (std::int64_t bytes = 4; bytes <= std::int64_t{256} << 20; bytes *= 4) sizes.push_back(bytes);
  return sizes;
}

std::vector<AllReduceResult> run_all_reduce_benchmark(const Context& context,
                                                      Communicator& communicator,
                                                      const AllReduceSettings& settings) {
  DCGAN_CHECK(settings.dtype == DType::f32 || settings.dtype == DType::bf16, "all-reduce: {}",
              name_of(settings.dtype));
  DCGAN_CHECK(settings.warm_up >= 0 && settings.repeats >= 1, "all-reduce: {} repeats after {}",
              settings.repeats, settings.warm_up);
  for (const std::int64_t bytes : settings.sizes) elements_of(bytes, settings.dtype);
  std::vector<AllReduceResult> results;
  for (const std::int64_t bytes : settings.sizes) {
    const Buffer buffer(context, static_cast<std::size_t>(bytes));
    const TensorView values(buffer.data(), {elements_of(bytes, settings.dtype)}, settings.dtype);
    if (settings.dtype == DType::f32) {
      compare<float>(context, communicator, values);
    } else {
      compare<bf16>(context, communicator, values);
    }
    const Timing timing = time_calls(context, communicator, values, settings);
    results.push_back(of_slowest(context, communicator, timing));
    results.back().bytes = bytes;
  }
  return results;
}

}  // namespace dcgan
