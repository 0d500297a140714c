// Batch norm over ranks: what is exchanged between the steps makes the numbers of the whole batch.
#include "tests/kernels/norm/two_ranks.h"

namespace dcgan::test {
namespace {

struct TwoRanks {
  Values x, dy;
  BatchNormState before;
  NormOnDevice first, second;

  TwoRanks(const Context& context, const Values& x_whole, const Values& dy_whole,
           const BatchNormState& state, DType dtype, const BatchNormOptions& options)
      : x(x_whole),
        dy(dy_whole),
        before(state),
        first(context, of_rank(x, options.groups, 0), of_rank(dy, options.groups, 0), state, dtype,
              options),
        second(context, of_rank(x, options.groups, 1), of_rank(dy, options.groups, 1), state, dtype,
               options) {}
};

enum class Way { finish_gathered, merge_back };

void forward(const TwoRanks& ranks, Way way) {
  const int groups = ranks.first.options.groups;
  const RankStatistics of_first(ranks.first.context, groups, kRanks, ranks.first.channels),
      of_second(ranks.second.context, groups, kRanks, ranks.second.channels);
  const NormOnDevice* norms[] = {&ranks.first, &ranks.second};
  const RankStatistics* gathered[] = {&of_first, &of_second};
  for (std::int64_t rank = 0; rank < kRanks; ++rank) {
    const NormOnDevice& norm = *norms[rank];
    batch_norm_statistics(norm.context, norm.x.view(), norm.statistics(), norm.options);
    batch_norm_merge(norm.context, norm.statistics(), gathered[rank]->view, rank);
  }
  all_reduce(ranks.first.context, of_first.memory.view(), of_second.memory.view());
  for (std::int64_t rank = 0; rank < kRanks; ++rank) {
    const NormOnDevice& norm = *norms[rank];
    BatchNormStatistics statistics = gathered[rank]->view;
    if (way == Way::merge_back) {
      batch_norm_merge(norm.context, statistics, norm.statistics());
      statistics = norm.statistics();
    }
    batch_norm_finish(norm.context, statistics, norm.running(), norm.saved(), norm.options);
    batch_norm_apply(norm.context, {norm.x.view(), norm.parameters(), norm.saved(), norm.y.view()},
                     norm.options);
    CHECK(gathered[rank]->memory.guards_intact());
    CHECK(norm.guards_intact());
  }
}

void backward(const TwoRanks& ranks) {
  for (const NormOnDevice* norm : {&ranks.first, &ranks.second}) {
    batch_norm_backward_sums(norm->context, norm->backward_tensors(), norm->reduction(),
                             norm->options);
  }
  all_reduce(ranks.first.context, ranks.first.totals_memory.view(),
             ranks.second.totals_memory.view());
  for (const NormOnDevice* norm : {&ranks.first, &ranks.second}) {
    batch_norm_backward_apply(norm->context, norm->backward_tensors(), norm->totals(),
                              kRanks * norm->count(), norm->options);
  }
}

void compare(const TwoRanks& ranks, DType dtype) {
  const BatchNormOptions& options = ranks.first.options;
  BatchNormState state = ranks.before;
  const auto whole = reference::batch_norm_train(ranks.x, state, options);
  const auto gradients =
      reference::batch_norm_gradients(ranks.x, ranks.dy, ranks.before, whole, options);
  // As one device's whole batch, which adds up the same numbers in another order.
  const std::int64_t rows = kRanks * ranks.first.count();
  const double sums = tolerance(DType::f32, rows);
  Values dweight = ranks.first.dweight.read(), dbias = ranks.first.dbias.read();
  for (std::int64_t c = 0; c < dbias.elements(); ++c) {
    dweight[c] += ranks.second.dweight.read()[c];
    dbias[c] += ranks.second.dbias.read()[c];
  }
  CHECK(reference::relative_l2(dweight, gradients.dweight) < 8 * sums);
  CHECK(reference::relative_l2(dbias, gradients.dbias) < 8 * sums);
  std::int64_t rank = 0;
  for (const NormOnDevice* norm : {&ranks.first, &ranks.second}) {
    INFO("rank " << rank);
    CHECK(reference::max_abs_difference(norm->mean.read(), whole.mean) < 4 * sums);
    CHECK(reference::relative_l2(norm->invstd.read(), whole.invstd) < 2 * sums);
    CHECK(reference::relative_l2(norm->running_mean.read(), state.running_mean) < 8 * sums);
    CHECK(reference::relative_l2(norm->running_var.read(), state.running_var) < 4 * sums);
    CHECK(reference::relative_l2(norm->y.read(), of_rank(whole.y, options.groups, rank)) <
          2 * tolerance(dtype, rows));
    CHECK(reference::relative_l2(norm->dx.read(), of_rank(gradients.dx, options.groups, rank)) <
          4 * tolerance(dtype, rows));
    ++rank;
  }
}

}  // namespace

TEST_CASE(
    "two ranks that exchange batch norm's statistics and sums have those of the whole batch") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const DType dtype : {DType::f32, DType::bf16}) {
      for (const int groups : {1, 2}) {
        for (const Shape& shape : {Shape{8, 8, 9, 16}, Shape{4, 5, 3, 5}}) {
          for (const Way way : {Way::finish_gathered, Way::merge_back}) {
            INFO(to_string(shape) << ", " << name_of(dtype) << ", groups " << groups << ", "
                                  << to_string(device));
            const TwoRanks ranks(context, reference::random_values(shape, 1, dtype, 0.5, 2.0),
                                 reference::random_values(shape, 2, dtype), random_state(shape[3]),
                                 dtype, {{Activation::leaky_relu, 0.2f}, groups});
            forward(ranks, way);
            backward(ranks);
            compare(ranks, dtype);
          }
        }
      }
    }
  }
}

TEST_CASE("ranks' statistics do not cancel when the mean is far above the deviation") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    INFO(to_string(device));
    const BatchNormOptions options{{}, 2};
    const Values x = reference::random_values({8, 8, 8, 5}, 1, DType::f32, 1e4, 1.0);
    const TwoRanks ranks(context, x, x, random_state(5), DType::f32, options);
    forward(ranks, Way::merge_back);
    BatchNormState state = ranks.before;
    const auto whole = reference::batch_norm_train(x, state, options);
    // A rank's mean is a float32 near 1e4, at most 5e-4 from exact. Between two such means that
    // are 0.1 apart (128 values each), the square of their distance errs by 2 * 0.1 * 1e-3, and a
    // quarter of it is part of the variance, 1; invstd has half the relative error.
    CHECK(reference::relative_l2(ranks.first.invstd.read(), whole.invstd) < 5e-5);
    CHECK(ranks.first.invstd.read().v == ranks.second.invstd.read().v);
  }
}

TEST_CASE("batch norm merges statistics into the part that is asked for") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    INFO(to_string(device));
    const Values x = reference::random_values({4, 16, 5, 35}, 1, DType::f32, 0.5);
    const NormOnDevice norm(context, x, x, random_state(35), DType::f32, {{}, 2});
    const auto expected = reference::batch_norm_moments(x, 2);
    const RankStatistics to(context, 2, kRanks, 35);
    batch_norm_statistics(context, norm.x.view(), norm.statistics(), norm.options);
    batch_norm_merge(context, norm.statistics(), to.view, /*part=*/1);
    const double bound = 4 * tolerance(DType::f32, expected.count);
    const Values mean = read(context, to.view.mean), m2 = read(context, to.view.m2);
    for (std::int64_t i = 0; i < mean.elements(); ++i) {
      const std::int64_t at = i / (kRanks * 35) * 35 + i % 35;
      const bool merged = i / 35 % kRanks == 1;
      CHECK(mean[i] == Approx(merged ? expected.mean[at] : 0).margin(bound));
      CHECK(m2[i] == Approx(merged ? expected.m2[at] : 0).epsilon(bound).margin(0));
    }
    CHECK(read(context, to.view.count).v == std::vector<double>{0, 160, 0, 160});
    CHECK(read(context, to.view.origin).v == std::vector<double>(70));
    CHECK(to.memory.guards_intact());
  }
}

TEST_CASE("batch norm says what does not fit") {
  const Context context(Device{});
  const auto error_for = [&](const Shape& shape, const BatchNormOptions& options) {
    return thrown_by([&] {
      const Values x = reference::random_values(shape, 1);
      const NormOnDevice norm(context, x, x, random_state(shape[3]), DType::f32, options);
      norm.forward();
    });
  };
  const Thrown single = error_for({2, 1, 1, 3}, {{}, 2});
  CHECK(single.kind == ErrorKind::config);
  CHECK_THAT(single.message, Contains("more than 1 value per channel"));
  CHECK_THAT(error_for({3, 2, 2, 3}, {{}, 2}).message,
             Contains("3 images") && Contains("2 groups"));
  CHECK_THAT(error_for({4, 2, 2, 3}, {{Activation::tanh}, 2}).message, Contains("tanh"));

  const Values x = reference::random_values({4, 8, 8, 3}, 1);
  const NormOnDevice norm(context, x, x, random_state(3), DType::f32, {{}, 2});
  const RankStatistics gathered(context, 2, kRanks, 3);
  CHECK_THAT(thrown_by([&] {
               batch_norm_statistics(context, norm.x.view(), gathered.view, norm.options);
             }).message,
             Contains("statistics.count") && Contains("[2, 2]") && Contains("[2, 4]"));
  CHECK_THAT(thrown_by([&] {
               batch_norm_merge(context, norm.statistics(), gathered.view, kRanks);
             }).message,
             Contains("part 2 of 2"));
  CHECK_THAT(thrown_by([&] {
               batch_norm_backward_apply(context, norm.backward_tensors(), norm.totals(), 127,
                                         norm.options);
             }).message,
             Contains("count 127") && Contains("128"));
  CHECK_THAT(thrown_by([&] {
               BatchNormStatistics::in(norm.totals_memory.view(), 2, norm.parts, 3);
             }).message,
             Contains("memory has 12 elements, needs 62"));
}

}  // namespace dcgan::test
