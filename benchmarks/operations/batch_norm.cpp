// The steps of batch norm, forward and backward, at every norm.
#include "tests/cases/batch_norm.h"
#include "benchmarks/layers.h"
#include "benchmarks/operations/operations.h"

namespace dcgan::benchmarks {
namespace {

constexpr std::int64_t kRanks = 8;  // whose statistics are merged

std::vector<Layer> normed_layers(const Session& session) {
  std::vector<Layer> layers = step_layers(session.settings().model, session.settings().batch);
  std::erase_if(layers, [](const Layer& layer) { return layer.block.norm == Norm::none; });
  return layers;
}

/// The cases of tests/cases, then the layers of this network.
void check(Session& session) {
  const Context& context = session.context();
  const DType dtype = session.settings().dtype();
  for (const test::NormCase& one : test::norm_cases()) {
    test::check_norm(context, one, dtype, session.report(to_string(one)));
  }
  for (const Layer& layer : normed_layers(session)) {
    if (layer.weight_gradient == 0) continue;  // D fake: as D both
    const Layer small = reduced(layer);
    const test::NormCase one{small.output, {small.block.activation, small.norm_groups}};
    test::check_norm(context, one, dtype, session.report(layer.name));
  }
}

/// Additions, multiplications and comparisons of one value in each pass over memory.
constexpr double kStatisticsFlops = 5;     // two differences, a sum, a square and its sum
constexpr double kApplyFlops = 5;          // difference, scale, bias, activation
constexpr double kBackwardSumsFlops = 8;   // as apply, then g, its sum, the moment and its sum
constexpr double kBackwardApplyFlops = 9;  // as apply, then g and three terms
constexpr double kMergeFlops = 10;         // of one channel of one part

void time_norm(Session& session, const Layer& layer) {
  const Context& context = session.context();
  const DType dtype = session.settings().dtype();
  const BatchNormOptions options{layer.block.activation, layer.norm_groups};
  const test::NormOnDevice on(context, layer.output, test::random_state(layer.output[3]), dtype,
                              options);
  const test::RankStatistics ranks(context, options.groups, kRanks, on.channels);
  fill_random(context, on.x.view(), 1.0, 0.5);
  fill_random(context, on.dy.view());
  const auto values = static_cast<double>(on.x.view().elements());
  const auto tensor = static_cast<double>(on.x.view().bytes());
  const auto over_memory = [&](const char* name, double flops, double tensors, int per_step) {
    return Call{
        layer.name + " " + name, layer.output, flops * values, tensors * tensor, per_step, "", ""};
  };
  const auto over_parts = [&](const char* name, double flops, const TensorView& memory,
                              std::int64_t parts, int per_step) {
    const auto sets = static_cast<double>(options.groups * parts * on.channels);
    return Call{layer.name + " " + name,
                layer.output,
                flops * sets,
                static_cast<double>(memory.bytes()),
                per_step,
                "",
                ""};
  };
  const BatchNormBackward backward = on.backward_tensors();
  session.time(over_memory("statistics", kStatisticsFlops, 1, 1), [&] {
    batch_norm_local_statistics(context, on.x.view(), on.local_tensors(), options);
  });
  session.time(over_memory("apply", kApplyFlops, 2, 1),
               [&] { batch_norm_apply(context, on.apply_tensors(), options); });
  session.time(over_memory("backward sums", kBackwardSumsFlops, 2, 1),
               [&] { batch_norm_backward_sums(context, backward, on.reduction(), options); });
  session.time(over_memory("backward apply", kBackwardApplyFlops, 3, 1), [&] {
    batch_norm_backward_apply(context, backward, on.totals(), on.count(), options);
  });
  session.time(over_memory("inference", kApplyFlops, 2, 0),
               [&] { batch_norm_inference(context, on.inference_tensors(), options); });
  session.time(over_parts("merge", kMergeFlops, on.statistics_memory.view(), on.parts, 0),
               [&] { batch_norm_merge(context, on.statistics(), ranks.view); });
  session.time(over_parts("finish", kMergeFlops, ranks.memory.view(), kRanks, 0),
               [&] { batch_norm_finish(context, ranks.view, on.running(), on.saved(), options); });
}

void time(Session& session) {
  for (const Layer& layer : normed_layers(session)) time_norm(session, layer);
}

}  // namespace

Operation batch_norm_operation() {
  return {"batch_norm",
          {"kernels/norm/batch_norm.h"},
          "statistics, finish, apply (with the activation), merge, and the backward direction",
          check,
          time};
}

}  // namespace dcgan::benchmarks
