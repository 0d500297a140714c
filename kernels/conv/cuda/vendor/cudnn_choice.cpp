#include "kernels/conv/cuda/vendor/cudnn_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "kernels/vendor/fastest.h"
#include "kernels/vendor/plan_cache.h"
#include "runtime/device/cuda/runtime.h"
#include "runtime/device/event.h"
#include "runtime/device/memory.h"

namespace dcgan::cuda {
namespace {

// Plans beyond this are left out while there are others: workspace is shared, but it is memory that
// a larger batch could use.
constexpr std::int64_t kMostWorkspaceBytes = std::int64_t{64} << 20;
// Candidates that are timed. Plans compiled at run time take about a second each to build.
constexpr std::size_t kMostProposed = 6;
constexpr std::size_t kMostLarge = 24;  // plans with too much workspace before the search ends
constexpr std::size_t kMostTimed = 24;
constexpr int kTimedSamples = 5;
constexpr int kRunsPerSample = 8;  // so that the host's share of a launch is hidden behind the GPU
// Part of the cache's key: count it up when what may be chosen, or how, changes.
constexpr int kChoiceVersion = 2;

// How many plans are built at most: cuDNN's proposals first, then every engine there is (some are
// never proposed).
std::size_t most_plans(ConvTuning tuning) {
  switch (tuning) {
    case ConvTuning::heuristic:
      return kMostProposed;
    case ConvTuning::exhaustive:
      return kMostTimed;
    case ConvTuning::off:
      break;
  }
  return 1;
}

std::string cache_key(const Context& context, const ConvProblem& problem, ConvTuning tuning) {
  const DeviceDescription gpu = describe_device(context.device().ordinal);
  return fmt::format("choice {} cudnn {} sm {}{} {}: {} of {}", kChoiceVersion, cudnnGetVersion(),
                     gpu.major, gpu.minor, gpu.name, to_string(problem), most_plans(tuning));
}

// The plans that can be built, those with little workspace before those with much.
std::vector<ExecutionPlan> build_plans(const ConvProblem& problem, const Target& target,
                                       std::size_t most) {
  const Descriptor graph = conv_graph(problem, target);
  std::vector<ExecutionPlan> plans;
  std::vector<ExecutionPlan> large;
  for (const Descriptor& config : engine_candidates(graph, problem, target, EngineSearch::all)) {
    if (plans.size() == most || large.size() == kMostLarge) break;
    ExecutionPlan plan = build_plan(config, target);
    if (!plan.ok) continue;
    (plan.workspace_bytes <= kMostWorkspaceBytes ? plans : large).push_back(std::move(plan));
  }
  if (!plans.empty() || large.empty()) return plans;
  const auto smallest = std::min_element(
      large.begin(), large.end(),
      [](const auto& a, const auto& b) { return a.workspace_bytes < b.workspace_bytes; });
  plans.push_back(std::move(*smallest));
  return plans;
}

// Memory of the problem's own sizes to time on.
class TimingTensors {
 public:
  TimingTensors(const Context& context, const ConvProblem& problem, std::int64_t workspace_bytes)
      : image_(make(context, problem.image.elements() * 4)),
        weights_(make(
            context, problem.features[3] * problem.image[3] * problem.kernel * problem.kernel * 4)),
        features_(make(context, problem.features.elements() * 4)),
        workspace_(make(context, workspace_bytes)) {}

  void run(ConvRunner& runner) const {
    runner.run(image_.data(), weights_.data(), features_.data(), workspace_.data());
  }

 private:
  static Buffer make(const Context& context, std::int64_t bytes) {
    Buffer buffer(context, static_cast<std::size_t>(bytes));
    if (bytes > 0) fill_zero(context, TensorView(buffer.data(), {bytes}, DType::u8));
    return buffer;
  }
  Buffer image_, weights_, features_, workspace_;
};

double time_plan(const Context& context, const TimingTensors& tensors, ConvRunner& runner) {
  tensors.run(runner);  // the first run loads and compiles
  Event first(context);
  Event last(context);
  double best = std::numeric_limits<double>::infinity();
  for (int sample = 0; sample < kTimedSamples; ++sample) {
    first.record(context);
    for (int run = 0; run < kRunsPerSample; ++run) tensors.run(runner);
    last.record(context);
    last.synchronize();
    best = std::min(best, last.elapsed_ms(first) / kRunsPerSample);
  }
  return best;
}

// Nothing when the device has no memory to time on.
std::optional<TimingTensors> timing_tensors(const Context& context, const ConvProblem& problem,
                                            const std::vector<ExecutionPlan>& plans) {
  std::int64_t workspace_bytes = 0;
  for (const ExecutionPlan& plan : plans) {
    workspace_bytes = std::max(workspace_bytes, plan.workspace_bytes);
  }
  try {
    return std::make_optional<TimingTensors>(context, problem, workspace_bytes);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unavailable) throw;
    return std::nullopt;
  }
}

// What cannot be stored, or put into words by its engine, is timed again next time.
void store(const std::string& key, const ConvRunner& runner) {
  try {
    (void)store_cached(plan_cache_folder(), key, runner.plan_text());
  } catch (const Error&) {
    return;
  }
}

// Nothing when there is none, or none that this cuDNN takes.
std::optional<ConvRunner> cached_plan(const std::shared_ptr<const Libraries>& libraries,
                                      const Target& target, const std::string& key) {
  const std::optional<std::string> text = load_cached(plan_cache_folder(), key);
  if (!text) return std::nullopt;
  try {
    ExecutionPlan plan = load_plan(*text, target);
    if (plan.ok) return ConvRunner(libraries, std::move(plan), "cached");
  } catch (const Error&) {  // a damaged file: chosen anew, and stored over it
  }
  return std::nullopt;
}

std::optional<ConvRunner> fastest(const Context& context,
                                  const std::shared_ptr<const Libraries>& libraries,
                                  std::vector<ExecutionPlan> plans, const ConvProblem& problem,
                                  const std::string& key) {
  const std::optional<TimingTensors> tensors = timing_tensors(context, problem, plans);
  if (!tensors) {
    return ConvRunner(libraries, std::move(plans.front()), "first proposal, no memory to time");
  }
  std::vector<ConvRunner> runners;
  for (ExecutionPlan& plan : plans) runners.emplace_back(libraries, std::move(plan), "");
  const std::optional<Fastest> best = fastest_of(runners.size(), [&](std::size_t index) {
    try {
      return time_plan(context, *tensors, runners[index]);
    } catch (const Error& error) {
      note_refusal(error.what());
      throw;
    }
  });
  context.synchronize();  // before the tensors go; throws when a candidate broke the device
  if (!best) return std::nullopt;
  ConvRunner runner = std::move(runners[best->index]);
  store(key, runner);
  runner.set_name(fmt::format("{:.3f} ms, best of {}{}", best->elapsed_ms, runners.size(),
                              best->failed > 0 ? fmt::format(", {} failed", best->failed) : ""));
  return runner;
}

}  // namespace

ConvRunner::ConvRunner(std::shared_ptr<const Libraries> libraries, ExecutionPlan plan,
                       std::string name)
    : libraries_(std::move(libraries)), plan_(std::move(plan)), name_(std::move(name)) {}

std::string ConvRunner::plan_text() const {
  return plan_.descriptor.get_text(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION);
}

void ConvRunner::run(const void* image, const void* weights, const void* features,
                     void* workspace) {
  const std::array<const void*, 4> wanted{image, weights, features, workspace};
  if (!pack_ || wanted != bound_) {
    for (const void* pointer : wanted) {
      DCGAN_CHECK(reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0,
                  "conv: {} is not a multiple of 16 bytes", pointer);
    }
    Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS,
             std::vector<std::int64_t>{kImage, kWeights, kFeatures});
    pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS,
             std::vector<void*>{const_cast<void*>(image), const_cast<void*>(weights),
                                const_cast<void*>(features)});
    pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, std::vector<void*>{workspace});
    pack.finalize();
    pack_.emplace(std::move(pack));
    bound_ = wanted;
  }
  CUDNN_TRY(cudnnBackendExecute(libraries_->cudnn(), plan_.descriptor.get(), pack_->get()));
}

std::optional<ConvRunner> choose_plan(const Context& context,
                                      const std::shared_ptr<const Libraries>& libraries,
                                      const ConvProblem& problem, ConvTuning tuning) {
  const Target target{libraries->cudnn(), nullptr};
  const std::string key = cache_key(context, problem, tuning);
  if (tuning != ConvTuning::off) {
    if (auto runner = cached_plan(libraries, target, key)) return runner;
  }
  std::vector<ExecutionPlan> plans = build_plans(problem, target, most_plans(tuning));
  if (plans.empty()) return std::nullopt;
  if (tuning == ConvTuning::off) {
    return ConvRunner(libraries, std::move(plans.front()), "first proposal");
  }
  return fastest(context, libraries, std::move(plans), problem, key);
}

}  // namespace dcgan::cuda
