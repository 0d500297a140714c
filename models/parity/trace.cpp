#include "models/parity/trace.h"

#include <algorithm>

#include "models/parity/trace_replay.h"
#include "models/parity/trace_values.h"
#include "models/parity/update_trace.h"

namespace dcgan {
namespace {

enum class Measure { absolute, relative, weights };

struct Rule {
  std::string_view head;  // of the name without the prefix
  Measure measure;
};

// Inputs of the trace are not results; everything else must be known here to be compared.
constexpr Rule kRules[] = {{"grad", Measure::relative},    {"adam", Measure::relative},
                           {"rmsprop", Measure::relative}, {"act", Measure::relative},
                           {"step", Measure::weights},     {"eval", Measure::absolute},
                           {"scalars.", Measure::absolute}};

bool is_input(std::string_view name) {
  return name.starts_with("init.") || name == "real" || name == "noise" || name == "real_labels" ||
         (name.starts_with("eval") && name.ends_with(".noise"));
}

double bound_for(Measure measure, const TraceBounds& bounds) {
  switch (measure) {
    case Measure::relative:
      return bounds.relative_gradient;
    case Measure::weights:
      return bounds.weights;
    case Measure::absolute:
      break;
  }
  return bounds.absolute;
}

// WGAN's clamped critics make logits of 1e-4: their scalars are judged relative to their size.
TraceComparison compare(const std::string& name, const HostTensor& ours, const HostTensor& theirs,
                        Measure measure, const TraceBounds& bounds) {
  if (!(ours.shape() == theirs.shape())) {
    fail(ErrorKind::bad_data, "trace: {} is {}, the options' network has {}", name,
         to_string(theirs.shape()), to_string(ours.shape()));
  }
  return judged(name, distance(values_of(ours), values_of(theirs)),
                measure == Measure::relative ? TraceMeasure::relative : TraceMeasure::absolute,
                bound_for(measure, bounds));
}

std::vector<std::int64_t> without_ones(const Shape& shape) {
  std::vector<std::int64_t> extents(shape.begin(), shape.end());
  std::erase(extents, 1);
  return extents;
}

// The same values in the trace's shape: recorders drop dimensions of 1. Any other shape is another
// tensor, also one of as many elements.
HostTensor in_shape(HostTensor tensor, const Shape& shape) {
  if (tensor.shape() == shape || without_ones(tensor.shape()) != without_ones(shape)) return tensor;
  HostTensor result(shape, tensor.dtype());
  copy(Context(Device{}), tensor.view().reshaped(shape), result.view());
  return result;
}

}  // namespace

TraceBounds trace_bounds(Precision precision) {
  // A rounded program is another correct program, near the trace but not equal to it. Factors keep
  // 8 bits in bf16 and 11 in TF32. Gradients sum thousands of products that nearly cancel at these
  // small networks' start, which lifts 0.4 % to tens of per cent: over the nine traces at most 31 %
  // in bf16 on the CPU and 42 % on the emulated device, 10 % in TF32. Adam and RMSprop then divide
  // by a gradient's own size, so a weight whose gradient is smaller than its error may step the
  // other way: at most two learning rates an update, more in RMSprop's first (measured: 4e-3, for
  // WGAN). From the second step on that decides, and TF32 comes near bf16: moments 22 % against
  // 29 %, images 1.0e-2 against 1.7e-2. A sign or a factor of two that is wrong gives 100 %.
  switch (precision) {
    case Precision::bf16:
      return {3e-2, 6e-1, 5e-3};
    case Precision::tf32:
      return {2e-2, 4e-1, 5e-3};
    case Precision::fp32:
      break;
  }
  return {};
}

bool TraceReport::passed() const {
  return !comparisons.empty() && unknown.empty() &&
         std::all_of(comparisons.begin(), comparisons.end(),
                     [](const TraceComparison& comparison) { return comparison.passed; });
}

TraceReport replay_trace(const Context& context, const SafetensorsFile& trace,
                         const TrainingConfig& config, const std::string& prefix,
                         const TraceBounds& bounds) {
  if (is_update_trace(trace, prefix)) return replay_updates(context, trace, config, prefix, bounds);
  const TraceInputs inputs(trace, config, prefix);
  auto [computed, notes] = run_trace(context, inputs, config);
  TraceReport report;
  report.notes = std::move(notes);
  report.steps = inputs.steps();
  for (const SafetensorsEntry& entry : trace.entries()) {
    if (is_input(entry.name)) continue;
    if (!entry.name.starts_with(prefix)) continue;  // another recording of the file
    const std::string name = entry.name.substr(prefix.size());
    if (is_input(name)) continue;
    const auto found = computed.find(name);
    const auto* rule = std::find_if(std::begin(kRules), std::end(kRules),
                                    [&](const Rule& r) { return name.starts_with(r.head); });
    if (found == computed.end() || rule == std::end(kRules)) {
      report.unknown.push_back(entry.name);
      continue;
    }
    const HostTensor recorded = trace.read(entry.name);
    found->second = in_shape(std::move(found->second), recorded.shape());
    Measure measure = rule->measure;
    // A state dict holds batch norm's statistics, too.
    if (name.find(".running_") != std::string::npos) measure = Measure::absolute;
    if (config.loss.kind == LossKind::wgan && name.starts_with("scalars.")) {
      measure = Measure::relative;
    }
    report.comparisons.push_back(compare(entry.name, found->second, recorded, measure, bounds));
  }
  std::sort(report.comparisons.begin(), report.comparisons.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  for (auto& [name, tensor] : computed)
    report.computed.push_back({prefix + name, std::move(tensor)});
  return report;
}

}  // namespace dcgan
