#include "kernels/cuda/cudnn_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <string_view>
#include <utility>

#include "kernels/cuda/plan_cache.h"
#include "runtime/device/cuda_runtime.h"
#include "runtime/device/event.h"
#include "runtime/device/memory.h"

namespace dcgan::cuda {
namespace {

// Plans beyond this are left out while there are others: workspace is shared, but it is memory that
// a larger batch could use.
constexpr std::int64_t kMostWorkspaceBytes = std::int64_t{64} << 20;
// Candidates that are timed. Plans compiled at run time take about a second each to build.
constexpr std::size_t kMostTimed = 24;
constexpr int kTimedRuns = 5;

std::string cache_key(const Context& context, const ConvProblem& problem) {
  const DeviceDescription gpu = describe_device(context.device().ordinal);
  return fmt::format("cudnn {} sm {}{} {}: {}", cudnnGetVersion(), gpu.major, gpu.minor, gpu.name,
                     to_string(problem));
}

bool tuning_is_off() {
  const char* text = std::getenv("DCGAN_CONV_TUNING");
  if (text == nullptr || std::string_view(text) == "on") return false;
  if (std::string_view(text) == "off") return true;
  fail(ErrorKind::config, "DCGAN_CONV_TUNING: \"{}\" is neither on nor off", text);
}

// The plans that can be built, those with little workspace before those with much.
std::vector<ExecutionPlan> build_plans(const ConvProblem& problem, const Target& target,
                                       std::size_t most) {
  const Descriptor graph = conv_graph(problem, target);
  std::vector<ExecutionPlan> plans;
  std::vector<ExecutionPlan> large;
  for (const Descriptor& config : engine_candidates(graph, problem, target, EngineSearch::all)) {
    if (plans.size() == most) return plans;
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
  for (int i = 0; i < kTimedRuns; ++i) {
    first.record(context);
    tensors.run(runner);
    last.record(context);
    last.synchronize();
    best = std::min(best, last.elapsed_ms(first));
  }
  return best;
}

std::optional<ConvRunner> fastest(const Context& context,
                                  const std::shared_ptr<const Libraries>& libraries,
                                  const ConvProblem& problem, const std::string& key) {
  std::vector<ExecutionPlan> plans =
      build_plans(problem, {libraries->cudnn(), nullptr}, kMostTimed);
  if (plans.empty()) return std::nullopt;
  std::int64_t workspace_bytes = 0;
  for (const ExecutionPlan& plan : plans) {
    workspace_bytes = std::max(workspace_bytes, plan.workspace_bytes);
  }
  const TimingTensors tensors(context, problem, workspace_bytes);
  std::optional<ConvRunner> best;
  double best_ms = std::numeric_limits<double>::infinity();
  std::string best_json;
  for (ExecutionPlan& plan : plans) {
    const std::string json =
        plan.descriptor.get_text(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION);
    ConvRunner runner(libraries, std::move(plan), "");
    const double elapsed_ms = time_plan(context, tensors, runner);
    if (elapsed_ms >= best_ms) continue;
    best_ms = elapsed_ms;
    best_json = json;
    best.emplace(std::move(runner));
  }
  context.synchronize();  // before the tensors go
  if (best) best->set_name(fmt::format("{:.3f} ms, best of {}", best_ms, plans.size()));
  // What cannot be stored is timed again next time.
  (void)store_cached(plan_cache_folder(), key, best_json);
  return best;
}

}  // namespace

ConvRunner::ConvRunner(std::shared_ptr<const Libraries> libraries, ExecutionPlan plan,
                       std::string name)
    : libraries_(std::move(libraries)), plan_(std::move(plan)), name_(std::move(name)) {}

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
                                      const ConvProblem& problem) {
  const Target target{libraries->cudnn(), nullptr};
  if (tuning_is_off()) {
    std::vector<ExecutionPlan> plans = build_plans(problem, target, 1);
    if (plans.empty()) return std::nullopt;
    return ConvRunner(libraries, std::move(plans.front()), "first proposal");
  }
  const std::string key = cache_key(context, problem);
  if (const std::optional<std::string> json = load_cached(plan_cache_folder(), key)) {
    ExecutionPlan plan = load_plan(*json, target);
    if (plan.ok) return ConvRunner(libraries, std::move(plan), "cached");
  }
  return fastest(context, libraries, problem, key);
}

}  // namespace dcgan::cuda
