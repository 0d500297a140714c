#include "tests/cases/batch_norm.h"

#include "tests/reference/tolerance.h"

namespace dcgan::test {
namespace {

using reference::tolerance;

// What a forward pass has left against the reference's, whose running statistics are in `after`.
void report_forward(const NormOnDevice& norm, const reference::BatchNormForward& expected,
                    const BatchNormState& after, const Report& report) {
  const DType dtype = norm.y.view().dtype;
  // Each statistic is one sum or a few of `count` terms.
  const double sums = tolerance(DType::f32, norm.count());
  report(absolute("mean", norm.mean.read(), expected.mean, 4 * sums));
  report(relative("invstd", norm.invstd.read(), expected.invstd, 2 * sums));
  report(relative("running_mean", norm.running_mean.read(), after.running_mean, 8 * sums));
  report(relative("running_var", norm.running_var.read(), after.running_var, 4 * sums));
  report(exactly("batches_tracked", norm.tracked.read(),
                 Values({1}, {static_cast<double>(after.batches_tracked)})));
  report(relative("y", norm.y.read(), expected.y, norm_bound(dtype, norm.count())));
}

void check_inference(const NormOnDevice& norm, const Values& x, const BatchNormState& state,
                     const Report& report) {
  batch_norm_inference(norm.context, norm.inference_tensors(), norm.options);
  report(relative("y of inference", norm.y.read(),
                  reference::batch_norm_eval(x, state, norm.options),
                  tolerance(norm.y.view().dtype, 1)));
  report(exactly("running_mean after inference", norm.running_mean.read(), state.running_mean));
  report(exactly("running_var after inference", norm.running_var.read(), state.running_var));
}

// A forward pass as one of several ranks of which the others have no images: their parts are empty.
void run_as_rank(const NormOnDevice& norm, const Report& report) {
  constexpr std::int64_t kRanks = 8;
  const RankStatistics ranks(norm.context, norm.options.groups, kRanks, norm.channels);
  batch_norm_statistics(norm.context, norm.x.view(), norm.statistics(), norm.options);
  batch_norm_merge(norm.context, norm.statistics(), ranks.view, kRanks - 1);
  batch_norm_finish(norm.context, ranks.view, norm.running(), norm.saved(), norm.options);
  batch_norm_apply(norm.context, norm.apply_tensors(), norm.options);
  report(guard_bytes({&ranks.memory}));
}

void report_backward(const NormOnDevice& norm, const Values& dy,
                     const reference::BatchNormForward& forward,
                     const reference::BatchNormGradients& expected, const Report& report) {
  // Terms of both signs: a sum may be as small as the square root of their number says.
  const double sums = 8 * tolerance(DType::f32, norm.count());
  report(relative("dweight", norm.dweight.read(), expected.dweight, sums));
  report(relative("dbias", norm.dbias.read(), expected.dbias, sums));
  // dx is what is left of dy after two means are subtracted: its error is relative to dy.
  const double scale = reference::l2_norm(dy) * forward.invstd[0];
  report(relative_to(scale, "dx", norm.dx.read(), expected.dx,
                     2 * norm_bound(norm.dx.view().dtype, norm.count())));
}

}  // namespace

BatchNormState random_state(std::int64_t channels) {
  BatchNormState state{reference::random_values({channels}, 10, DType::f32, 1.0, 0.3),
                       reference::random_values({channels}, 11, DType::f32, 0.0, 0.3),
                       reference::random_values({channels}, 12, DType::f32, 0.0, 0.1),
                       reference::random_values({channels}, 13, DType::f32, 1.0, 0.05), 3};
  for (double& var : state.running_var.v) var = std::fabs(var);
  return state;
}

NormOnDevice::NormOnDevice(const Context& on, const Shape& shape, const BatchNormState& state,
                           DType dtype, const BatchNormOptions& with)
    : context(on),
      options(with),
      channels(shape[3]),
      parts(batch_norm_parts(on, shape, dtype, with.groups)),
      x(on, shape, dtype),
      dy(on, shape, dtype),
      y(on, shape, dtype),
      dx(on, shape, dtype),
      weight(on, state.weight, DType::f32),
      bias(on, state.bias, DType::f32),
      running_mean(on, state.running_mean, DType::f32),
      running_var(on, state.running_var, DType::f32),
      tracked(on, Values({1}, {static_cast<double>(state.batches_tracked)}), DType::i64),
      mean(on, {with.groups, channels}, DType::f32),
      invstd(on, {with.groups, channels}, DType::f32),
      dweight(on, {channels}, DType::f32),
      dbias(on, {channels}, DType::f32),
      statistics_memory(on, {BatchNormStatistics::elements(with.groups, parts, channels)},
                        DType::f32),
      sums_memory(on, {BatchNormSums::elements(with.groups, parts, channels)}, DType::f32),
      totals_memory(on, {BatchNormSums::elements(with.groups, 1, channels)}, DType::f32),
      ticket_memory(on, Values({channels}), DType::i32) {}

NormOnDevice::NormOnDevice(const Context& on, const Values& x_values, const Values& dy_values,
                           const BatchNormState& state, DType dtype, const BatchNormOptions& with)
    : NormOnDevice(on, x_values.shape, state, dtype, with) {
  x.write(x_values);
  dy.write(dy_values);
}

BatchNormStatistics NormOnDevice::statistics() const {
  return BatchNormStatistics::in(statistics_memory.view(), options.groups, parts, channels);
}
BatchNormSums NormOnDevice::sums() const {
  return BatchNormSums::in(sums_memory.view(), options.groups, parts, channels);
}
BatchNormSums NormOnDevice::totals() const {
  return BatchNormSums::in(totals_memory.view(), options.groups, 1, channels);
}

void NormOnDevice::forward() const {
  batch_norm_local_statistics(context, x.view(), local_tensors(), options);
  batch_norm_apply(context, apply_tensors(), options);
}

void NormOnDevice::backward() const {
  batch_norm_backward_sums(context, backward_tensors(), reduction(), options);
  batch_norm_backward_apply(context, backward_tensors(), totals(), count(), options);
}

Comparison NormOnDevice::guards() const {
  Comparison tickets = exactly("tickets", ticket_memory.read(), Values({channels}));
  if (!tickets.passed()) return tickets;
  return guard_bytes({&x, &dy, &y, &dx, &weight, &bias, &running_mean, &running_var, &tracked,
                      &mean, &invstd, &dweight, &dbias, &statistics_memory, &sums_memory,
                      &totals_memory, &ticket_memory});
}

std::string to_string(const NormCase& one) {
  return to_string(one.shape) + ", groups " + std::to_string(one.options.groups);
}

std::vector<NormCase> norm_cases() {
  const ActivationSpec relu{Activation::relu}, leaky{Activation::leaky_relu, 0.2f};
  std::vector<NormCase> cases;
  for (const std::int64_t channels : {1, 3, 5, 16, 17, 64}) {
    for (const std::int64_t extent : {1, 3, 7, 8}) {
      cases.push_back({{7, extent, extent + 1, channels}, {leaky, 1}});
      cases.push_back({{4, extent, extent, channels}, {relu, 2}});
    }
  }
  cases.push_back({{2, 1, 1, 5}, {{}, 1}});
  cases.push_back({{6, 3, 5, 16}, {relu, 3}});
  cases.push_back({{2, 5, 5, 513}, {leaky, 1}});   // more channels than one tile
  cases.push_back({{2, 2, 2, 9000}, {leaky, 2}});  // one chunk of few rows
  cases.push_back({{8, 32, 32, 8}, {relu, 2}});    // many chunks
  return cases;
}

double norm_bound(DType dtype, std::int64_t rows) {
  // With few rows per group (x - mean) * invstd amplifies the rounding of the mean.
  return (rows < 8 ? 8.0 : 2.0) * tolerance(dtype, rows);
}

void check_norm(const Context& context, const NormCase& one, DType dtype, const Report& report) {
  const Values x = reference::random_values(one.shape, 1, dtype, 0.5, 2.0);
  const Values dy = reference::random_values(one.shape, 2, dtype);
  const BatchNormState before = random_state(one.shape[3]);
  BatchNormState state = before;
  const auto forward = reference::batch_norm_train(x, state, one.options);
  const auto gradients = reference::batch_norm_gradients(x, dy, state, forward, one.options);

  const NormOnDevice norm(context, x, dy, before, dtype, one.options);
  check_inference(norm, x, before, report);
  norm.forward();
  report_forward(norm, forward, state, report);
  norm.backward();
  report_backward(norm, dy, forward, gradients, report);
  report(norm.guards());

  const NormOnDevice rank(context, x, dy, before, dtype, one.options);
  run_as_rank(rank, report);
  report_forward(rank, forward, state, [&report](Comparison comparison) {
    comparison.name += " as one of several ranks";
    report(comparison);
  });
  report(rank.guards());
}

}  // namespace dcgan::test
