// A stopwatch on the device: the cost of a launch that does nothing else.
#include "kernels/elementwise/stopwatch.h"

#include "benchmarks/operations/operations.h"

namespace dcgan::benchmarks {
namespace {

void check(Session& session) {
  const Context& context = session.context();
  const Buffer memory(context, sizeof(std::int64_t));
  const TensorView total(memory.data(), {1}, DType::i64);
  fill_zero(context, total);
  start_stopwatch(context, total);
  stop_stopwatch(context, total);
  std::int64_t nanoseconds = -1;
  download(context, total, TensorView(&nanoseconds, {1}));
  // Between 0 and a second: nothing is between them, but a machine may be busy.
  session.compare("half a second, give or take",
                  test::Values({1}, {static_cast<double>(nanoseconds) * 1e-9}),
                  test::Values({1}, {0.5}), 1.0);
}

void time(Session& session) {
  const Context& context = session.context();
  const Buffer memory(context, sizeof(std::int64_t));
  const TensorView total(memory.data(), {1}, DType::i64);
  session.time({"start", {1}, 0, 2 * sizeof(std::int64_t), 0, "", ""},
               [&] { start_stopwatch(context, total); });
}

}  // namespace

Operation stopwatch_operation() {
  return {"stopwatch",
          {"kernels/elementwise/stopwatch.h"},
          "one stamp of the device's clock: what a launch costs",
          check,
          time};
}

}  // namespace dcgan::benchmarks
