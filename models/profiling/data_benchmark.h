// The way of the images, stretch by stretch: from files to memory, to the GPU, into a batch, and
// what all of it costs a training step.
#pragma once

#include "models/profiling/benchmark.h"

namespace dcgan {

/// Results of task "data":
///   decode      load_dataset of the options' data set, without a cache, at most three times;
///   images upload      pinned host memory to the GPU, 64 MiB; a note on the CPU, which has no such
///   way gather      choice, mirroring and normalisation of a batch where it is used; images step
///   alone  the updates of a step on images that are there already step fed    the whole step with
///   its images, kept as --image-memory says step fed from the host   a GPU's, each batch sent
///   during the step before
std::vector<BenchmarkResult> run_data_benchmark(const Context& context, const RunOptions& options,
                                                const BenchmarkPlan& plan);

}  // namespace dcgan
