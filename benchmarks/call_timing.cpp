#include "benchmarks/call_timing.h"

#include <algorithm>
#include <cmath>

#include "runtime/device/event.h"
#include "runtime/device/graph.h"

namespace dcgan::benchmarks {
namespace {

constexpr int kMaxCalls = 1000;  // of a repeat

/// Milliseconds between the marks around body(), which has finished then.
double between_events(const Context& context, const std::function<void()>& body) {
  Event first(context), last(context);
  first.record(context);
  body();
  last.record(context);
  last.synchronize();
  return last.elapsed_ms(first);
}

int calls_that_fill(double wanted_ms, double one_call_ms) {
  if (wanted_ms <= one_call_ms) return 1;
  return static_cast<int>(std::min<double>(kMaxCalls, std::ceil(wanted_ms / one_call_ms)));
}

Timing time_cold(const Context& context, int repeats, const std::function<void()>& run) {
  const Buffer buffer(context, static_cast<std::size_t>(kFlushBytes));
  const TensorView flush(buffer.data(), {kFlushBytes}, DType::u8);
  Timing timing;
  for (int i = 0; i < repeats; ++i) {
    fill_zero(context, flush);
    timing.milliseconds.push_back(between_events(context, run));
  }
  return timing;
}

}  // namespace

Timing time_calls(const Context& context, const Settings& settings,
                  const std::function<void()>& run) {
  for (int i = 0; i < settings.warm_up; ++i) run();
  const double once_ms = between_events(context, run);
  if (settings.cold) return time_cold(context, settings.repeats, run);
  const int calls = calls_that_fill(settings.repeat_ms, once_ms);
  const auto run_all = [&] {
    for (int i = 0; i < calls; ++i) run();
  };
  Graph graph;
  if (context.is_cuda()) {
    graph = Graph(context, run_all);
    graph.launch(context);  // the first launch uploads it
    context.synchronize();
  }
  Timing timing;
  for (int i = 0; i < settings.repeats; ++i) {
    const double all_ms = context.is_cuda()
                              ? between_events(context, [&] { graph.launch(context); })
                              : between_events(context, run_all);
    timing.milliseconds.push_back(all_ms / calls);
  }
  return timing;
}

}  // namespace dcgan::benchmarks
