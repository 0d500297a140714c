#include "kernels/elementwise/stopwatch.h"

#include <chrono>
#include <thread>

#include "runtime/device/memory.h"
#include "tests/kernels/support.h"

namespace dcgan::test {
namespace {

std::int64_t read(const Context& context, const Buffer& total) {
  std::int64_t value = 0;
  download(context, TensorView(total.data(), {1}, DType::i64), TensorView(&value, {1}));
  return value;
}

}  // namespace

TEST_CASE("a stopwatch adds up the times between its starts and stops, and nothing else") {
  const std::int64_t kPause = 20'000'000;  // ns
  const auto pause = [kPause] { std::this_thread::sleep_for(std::chrono::nanoseconds(kPause)); };
  for (const Device device : devices_under_test()) {
    CAPTURE(to_string(device));
    const Context context(device);
    const Buffer memory(context, sizeof(std::int64_t));
    const TensorView total(memory.data(), {1}, DType::i64);
    fill_zero(context, total);
    const auto begin = std::chrono::steady_clock::now();
    std::chrono::nanoseconds outside{};
    for (int i = 0; i < 2; ++i) {
      start_stopwatch(context, total);
      context.synchronize();
      pause();
      stop_stopwatch(context, total);
      context.synchronize();
      const auto stopped = std::chrono::steady_clock::now();
      pause();
      outside += std::chrono::steady_clock::now() - stopped;
    }
    const auto all = std::chrono::steady_clock::now() - begin;
    // A GPU's clock ticks about once a microsecond.
    CHECK(read(context, memory) >= 2 * kPause - 10'000);
    CHECK(read(context, memory) <= (all - outside).count() + 10'000);
  }
}

TEST_CASE("a stopwatch says what does not fit") {
  const Context context(Device{});
  const GuardedTensor narrow(context, Shape{1}, DType::f32);
  CHECK_THAT(thrown_by([&] { start_stopwatch(context, narrow.view()); }).message,
             Contains("stopwatch: total holds f32"));
}

}  // namespace dcgan::test
