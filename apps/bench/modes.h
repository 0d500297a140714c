// What dcgan bench does: one file a mode.
#pragma once

#include "apps/bench/arguments.h"

namespace dcgan {

/// Times the training step, its parts and the generator. Returns the exit code, like the others.
int bench_step(const BenchArguments& arguments);
/// Times sums over the ranks.
int bench_all_reduce(const BenchArguments& arguments);
/// Prints the scaling model, of given or measured times of a step.
int bench_scaling(const BenchArguments& arguments);

/// The batch sizes that the command line asks for: at least one.
std::vector<std::int64_t> bench_batches(const BenchArguments& arguments, const RunOptions& options);

}  // namespace dcgan
