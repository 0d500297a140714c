// Two ranks on one device: a batch divided between them, and what they exchange.
#pragma once

#include "tests/kernels/norm/support.h"

namespace dcgan::test {

constexpr std::int64_t kRanks = 2;

/// Rank r's images of every group, of a batch in which the groups follow each other.
inline Values of_rank(const Values& whole, int groups, std::int64_t rank) {
  Values own(whole.shape.with_rows(whole.shape[0] / kRanks));
  const std::int64_t run = whole.elements() / (groups * kRanks);
  for (std::int64_t group = 0; group < groups; ++group) {
    std::copy_n(whole.v.begin() + (group * kRanks + rank) * run, run, own.v.begin() + group * run);
  }
  return own;
}

/// The sum of two f32 tensors in both, as an all-reduce leaves it.
inline void all_reduce(const Context& context, const TensorView& a, const TensorView& b) {
  Values sum = read(context, a);
  const Values other = read(context, b);
  for (std::int64_t i = 0; i < sum.elements(); ++i) sum[i] += other[i];
  write(context, sum, a);
  write(context, sum, b);
}

}  // namespace dcgan::test
