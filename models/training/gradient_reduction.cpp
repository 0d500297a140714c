#include "models/training/gradient_reduction.h"

#include <algorithm>

#include "kernels/elementwise/convert.h"
#include "kernels/elementwise/stopwatch.h"

namespace dcgan {

void BlockUpdates::update(const Context& context, std::size_t block) const {
  const auto range = [&](ParameterArray array) { return parameters_.range(array, block); };
  OptimizerArrays arrays;
  arrays.values = range(ParameterArray::values);
  arrays.gradients = range(ParameterArray::gradients);
  arrays.first_moment = range(ParameterArray::first_moment);
  arrays.second_moment = range(ParameterArray::second_moment);
  arrays.step = parameters_.step();
  if (parameters_.has_ema()) arrays.ema = range(ParameterArray::ema);
  arrays.low_precision = parameters_.low_precision_range(block);
  arrays.coefficients = coefficients_;
  arrays.non_finite = non_finite_;
  const bool is_last = block == 0;  // a backward pass ends at the first
  optimizer_step(context, arrays, kind_, is_last ? StepCount::advance : StepCount::keep);
}

void GradientReduction::on_gradients(const Context& context, const Network& /*network*/,
                                     std::size_t block) {
  if (link_.communicator == nullptr) return updates_.update(context, block);
  const GradientBucket& bucket = buckets_.at(next_);
  if (block != bucket.first) return;  // more of it to come
  ++next_;
  const Context& link = link_.branch != nullptr ? link_.branch->context() : context;
  if (link_.branch != nullptr) link_.branch->fork(context);
  reduce(link, bucket);
  for (std::size_t one = bucket.last + 1; one-- > bucket.first;) updates_.update(link, one);
}

void GradientReduction::reduce(const Context& context, const GradientBucket& bucket) const {
  const TensorView gradients =
      updates_.parameters().flat(ParameterArray::gradients).rows(bucket.begin, bucket.count);
  TensorView travelling = gradients;
  if (!link_.scratch.empty()) {
    travelling = link_.scratch.rows(0, bucket.count);
    convert_type(context, gradients, travelling);
  }
  start_stopwatch(context, link_.waited);
  link_.communicator->all_reduce(context, travelling, ReduceOp::sum);
  stop_stopwatch(context, link_.waited);
  if (!link_.scratch.empty()) convert_type(context, travelling, gradients);
}

std::int64_t largest(const std::vector<GradientBucket>& buckets) {
  std::int64_t most = 0;
  for (const GradientBucket& bucket : buckets) most = std::max(most, bucket.count);
  return most;
}

}  // namespace dcgan
