// Each operation of batch norm by itself, against its formula in float64.
#include "tests/kernels/norm/support.h"

namespace dcgan::test {
namespace {

const BatchNormOptions kLeaky{{Activation::leaky_relu, 0.2f}, 2};

/// A call of test(norm on a device, x, dy, state) for each device, type and kind of shape: parts of
/// several rows, 16-byte accesses and single ones, more channels than a tile, few rows.
template <class Test>
void for_each_norm(const BatchNormOptions& options, const Test& test) {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const DType dtype : {DType::f32, DType::bf16}) {
      for (const Shape& shape :
           {Shape{4, 16, 17, 16}, Shape{2, 9, 7, 5}, Shape{2, 2, 2, 520}, Shape{4, 1, 1, 3}}) {
        INFO(to_string(shape) << ", " << name_of(dtype) << ", " << to_string(device));
        const Values x = reference::random_values(shape, 1, dtype, 0.5, 2.0);
        const Values dy = reference::random_values(shape, 2, dtype);
        const BatchNormState state = random_state(shape[3]);
        const NormOnDevice norm(context, x, dy, state, dtype, options);
        test(norm, x, dy, state);
        CHECK(norm.guards_intact());
      }
    }
  }
}

/// Values as a float32 tensor holds them.
Values random_f32(const Shape& shape, std::uint32_t seed, double mean, double sigma) {
  return reference::random_values(shape, seed, DType::f32, mean, sigma);
}

/// A forward pass's results that no batch has given: what apply and backward read.
reference::BatchNormForward given_statistics(const NormOnDevice& norm) {
  reference::BatchNormForward given{{},
                                    random_f32({norm.options.groups, norm.channels}, 20, 0.4, 0.1),
                                    random_f32({norm.options.groups, norm.channels}, 21, 0.5, 0.1)};
  norm.mean.write(given.mean);
  norm.invstd.write(given.invstd);
  return given;
}

}  // namespace

TEST_CASE("the parts of batch norm's statistics together are those of the group") {
  for_each_norm(kLeaky, [](const NormOnDevice& norm, const Values& x, const auto&, const auto&) {
    batch_norm_statistics(norm.context, norm.x.view(), norm.statistics(), norm.options);
    const Values count = read(norm.context, norm.statistics().count);
    const Values origin = read(norm.context, norm.statistics().origin);
    const Values mean = read(norm.context, norm.statistics().mean);
    const Values m2 = read(norm.context, norm.statistics().m2);
    const auto expected = reference::batch_norm_moments(x, norm.options.groups);
    reference::BatchNormMoments merged{origin, Values(origin.shape)};
    for (std::int64_t group = 0; group < norm.options.groups; ++group) {
      double total = 0;
      for (std::int64_t part = 0; part < norm.parts; ++part) {
        total += count[group * norm.parts + part];
      }
      CHECK(total == static_cast<double>(expected.count));
      // Sums over parts of n (origin + mean - whole mean)^2 + m2, and of n * mean.
      for (std::int64_t i = 0; i < norm.parts * norm.channels; ++i) {
        const std::int64_t at = group * norm.channels + i % norm.channels;
        const std::int64_t in_part = group * norm.parts * norm.channels + i;
        const double rows = count[in_part / norm.channels];
        const double distance = origin[at] + mean[in_part] - expected.mean[at];
        merged.mean[at] += rows / total * mean[in_part];
        merged.m2[at] += m2[in_part] + rows * distance * distance;
      }
    }
    const double bound = tolerance(DType::f32, expected.count);
    CHECK(reference::max_abs_difference(merged.mean, expected.mean) < 4 * bound);
    CHECK(reference::relative_l2(merged.m2, expected.m2) < 4 * bound);
  });
}

TEST_CASE("batch norm's finish merges the parts and skips empty ones") {
  for_each_norm(kLeaky, [](const NormOnDevice& norm, const auto&, const auto&, const auto& state) {
    // Three parts that overlap in nothing but their channel: 5, 0 and 7 values.
    const int groups = norm.options.groups;
    const std::int64_t channels = norm.channels;
    constexpr std::int64_t kParts = 3;
    const std::vector<double> counts{5, 0, 7};
    const GuardedTensor memory(norm.context,
                               {BatchNormStatistics::elements(groups, kParts, channels)},
                               DType::f32);  // garbage stays in the empty part
    const auto given = BatchNormStatistics::in(memory.view(), groups, kParts, channels);
    Values count({groups, kParts}), mean({groups, kParts, channels}), m2(mean.shape);
    const Values origin = random_f32({groups, channels}, 22, 3.0, 1.0);
    const Values means = random_f32(mean.shape, 23, 0.0, 1.0);
    const Values m2s = random_f32(mean.shape, 24, 9.0, 1.0);
    reference::BatchNormMoments whole{Values(origin.shape), Values(origin.shape)};
    for (std::int64_t i = 0; i < count.elements(); ++i) count[i] = counts[i % kParts];
    for (std::int64_t i = 0; i < mean.elements(); ++i) {
      const bool empty = i / channels % kParts == 1;
      mean[i] = empty ? NAN : means[i];
      m2[i] = empty ? NAN : m2s[i];
    }
    for (std::int64_t at = 0; at < origin.elements(); ++at) {
      const std::int64_t first = at / channels * kParts * channels + at % channels;
      const std::int64_t last = first + 2 * channels;
      const double distance = means[last] - means[first];
      whole.mean[at] = origin[at] + (5 * means[first] + 7 * means[last]) / 12;
      whole.m2[at] = m2s[first] + m2s[last] + distance * distance * 5 * 7 / 12;
    }
    write(norm.context, count, given.count);
    write(norm.context, origin, given.origin);
    write(norm.context, mean, given.mean);
    write(norm.context, m2, given.m2);
    batch_norm_finish(norm.context, given, norm.running(), norm.saved(), norm.options);
    Values invstd(origin.shape), running_mean = state.running_mean, running_var = state.running_var;
    const double momentum = static_cast<double>(norm.options.momentum);
    for (std::int64_t at = 0; at < origin.elements(); ++at) {
      const std::int64_t c = at % channels;
      invstd[at] = 1 / std::sqrt(whole.m2[at] / 12 + static_cast<double>(norm.options.epsilon));
      running_mean[c] += momentum * (whole.mean[at] - running_mean[c]);
      running_var[c] += momentum * (whole.m2[at] / 11 - running_var[c]);
    }
    // A dozen roundings of 2^-24 behind each number.
    const double bound = tolerance(DType::f32, 1);
    CHECK(reference::relative_l2(norm.mean.read(), whole.mean) < bound);
    CHECK(reference::relative_l2(norm.invstd.read(), invstd) < bound);
    CHECK(reference::relative_l2(norm.running_mean.read(), running_mean) < bound);
    CHECK(reference::relative_l2(norm.running_var.read(), running_var) < bound);
    CHECK(norm.tracked.read()[0] == static_cast<double>(state.batches_tracked + groups));
    CHECK(memory.guards_intact());
  });
}

TEST_CASE("batch norm's apply normalises with the statistics that it is given") {
  for_each_norm(kLeaky, [](const NormOnDevice& norm, const Values& x, const auto&,
                           const BatchNormState& state) {
    const auto given = given_statistics(norm);
    Values expected(x.shape);
    for (std::int64_t i = 0; i < x.elements(); ++i) {
      const std::int64_t c = i % norm.channels;
      const std::int64_t at = i / (x.elements() / norm.options.groups) * norm.channels + c;
      const double z = (x[i] - given.mean[at]) * given.invstd[at] * state.weight[c] + state.bias[c];
      expected[i] = reference::activate(norm.options.activation, z);
    }
    const TensorView x_view = norm.x.view();
    batch_norm_apply(norm.context, {x_view, norm.parameters(), norm.saved(), norm.y.view()},
                     norm.options);
    CHECK(reference::relative_l2(norm.y.read(), expected) < tolerance(x_view.dtype, 1));
    batch_norm_apply(norm.context, {x_view, norm.parameters(), norm.saved(), /*y=*/x_view},
                     norm.options);
    CHECK(norm.x.raw() == norm.y.raw());
  });
}

TEST_CASE("batch norm's inference uses the running statistics and changes nothing") {
  for_each_norm(kLeaky, [](const NormOnDevice& norm, const Values& x, const auto&,
                           const BatchNormState& state) {
    const BatchNormRunning running{norm.running_mean.view(), norm.running_var.view(),
                                   /*batches_tracked=*/{}};
    const TensorView in_place = norm.x.view();
    batch_norm_inference(norm.context, {in_place, norm.parameters(), running, in_place},
                         norm.options);
    CHECK(
        reference::relative_l2(norm.x.read(), reference::batch_norm_eval(x, state, norm.options)) <
        tolerance(in_place.dtype, 1));
    CHECK(norm.running_mean.read().v == state.running_mean.v);
    CHECK(norm.running_var.read().v == state.running_var.v);
  });
}

TEST_CASE("batch norm's local statistics are those of the parts, finished") {
  for_each_norm(kLeaky, [](const NormOnDevice& norm, const Values& x, const Values& dy,
                           const BatchNormState& state) {
    const NormOnDevice in_two(norm.context, x, dy, state, norm.x.view().dtype, norm.options);
    batch_norm_statistics(in_two.context, in_two.x.view(), in_two.statistics(), in_two.options);
    batch_norm_finish(in_two.context, in_two.statistics(), in_two.running(), in_two.saved(),
                      in_two.options);
    for (int call = 0; call < 2; ++call) {  // the second finds the tickets that the first has left
      norm.running_mean.write(state.running_mean);
      norm.running_var.write(state.running_var);
      batch_norm_local_statistics(norm.context, norm.x.view(), norm.local_tensors(), norm.options);
      // The same parts, merged in another order.
      const double bound = tolerance(DType::f32, norm.parts);
      CHECK(reference::max_abs_difference(norm.mean.read(), in_two.mean.read()) < 4 * bound);
      CHECK(reference::relative_l2(norm.invstd.read(), in_two.invstd.read()) < bound);
      CHECK(reference::max_abs_difference(norm.running_mean.read(), in_two.running_mean.read()) <
            4 * bound);
      CHECK(reference::relative_l2(norm.running_var.read(), in_two.running_var.read()) < bound);
      CHECK(norm.tracked.read()[0] ==
            static_cast<double>(state.batches_tracked + (call + 1) * norm.options.groups));
    }
  });
}

TEST_CASE("batch norm's backward sums are the totals of each group, and over the groups") {
  for_each_norm(kLeaky, [](const NormOnDevice& norm, const Values& x, const Values& dy,
                           const BatchNormState& state) {
    const auto given = given_statistics(norm);
    const auto expected = reference::batch_norm_totals(x, dy, state, given, norm.options);
    Values dweight({norm.channels}), dbias({norm.channels});
    for (std::int64_t i = 0; i < expected.gradient.elements(); ++i) {
      dbias[i % norm.channels] += expected.gradient[i];
      dweight[i % norm.channels] += expected.moment[i] * given.invstd[i];
    }
    BatchNormBackward tensors = norm.backward_tensors();
    tensors.dweight = {};
    tensors.dbias = {};
    batch_norm_backward_sums(norm.context, tensors, norm.reduction(), norm.options);
    // Terms of both signs: the sum may be as small as the square root of their number says.
    const double bound = 8 * tolerance(DType::f32, norm.count());
    const auto total = [&](const TensorView& view) {
      return read(norm.context, view.reshaped({norm.options.groups, norm.channels}));
    };
    CHECK(reference::relative_l2(total(norm.totals().gradient), expected.gradient) < bound);
    CHECK(reference::relative_l2(total(norm.totals().moment), expected.moment) < bound);
    CHECK(std::isnan(norm.dweight.read()[0]));  // not wanted: the garbage is still there
    batch_norm_backward_sums(norm.context, norm.backward_tensors(), norm.reduction(), norm.options);
    CHECK(reference::relative_l2(norm.dweight.read(), dweight) < bound);
    CHECK(reference::relative_l2(norm.dbias.read(), dbias) < bound);
  });
}

TEST_CASE("batch norm's backward apply takes totals of more values than the batch has") {
  for_each_norm(kLeaky, [](const NormOnDevice& norm, const Values& x, const Values& dy,
                           const BatchNormState& state) {
    const auto given = given_statistics(norm);
    const Shape shape{norm.options.groups, 1, norm.channels};
    const auto count = 3 * norm.count();
    const double size = static_cast<double>(count);
    const reference::BatchNormTotals totals{random_f32(shape, 27, 0.0, size),
                                            random_f32(shape, 28, 0.0, size)};
    write(norm.context, totals.gradient, norm.totals().gradient);
    write(norm.context, totals.moment, norm.totals().moment);
    batch_norm_backward_apply(norm.context, norm.backward_tensors(), norm.totals(), count,
                              norm.options);
    // Three terms of one size, which may cancel in single elements but not in the norm.
    CHECK(reference::relative_l2(
              norm.dx.read(),
              reference::batch_norm_dx(x, dy, state, given, totals, size, norm.options)) <
          2 * tolerance(norm.x.view().dtype, 1));
  });
}

}  // namespace dcgan::test
