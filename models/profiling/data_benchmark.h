// The data pipeline, part by part: from files to memory, to the GPU, into a batch, and what all of
// it costs a training step.
#pragma once

#include "models/profiling/benchmark.h"

namespace dcgan {

// clang-format off
/// Results of task "data":
///   decode                  load_dataset of the data set, without a cache, at most three times; images
///   upload                  pinned host memory to the GPU, 64 MiB; a note on the CPU, which has no such transfer
///   gather                  selection, mirroring and normalisation of a batch where it is used; images
///   step alone              the updates of a step on images that are there already
///   step fed                the whole step with its images, kept where the loader's options say
///   step fed from the host  a GPU's, each batch uploaded during the step before
// clang-format on
std::vector<BenchmarkResult> run_data_benchmark(const Context& context,
                                                const BenchmarkSubject& subject,
                                                const DatasetOptions& data,
                                                const BenchmarkSettings& settings);

}  // namespace dcgan
