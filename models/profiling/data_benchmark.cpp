#include "models/profiling/data_benchmark.h"

#include <algorithm>

#include "models/training/engine.h"

namespace dcgan {
namespace {

BenchmarkResult data_result(const char* name, const RunOptions& options) {
  BenchmarkResult result;
  result.task = "data";
  result.name = name;
  result.dtype = DType::u8;
  result.batch = options.batch_size;
  return result;
}

BenchmarkResult time_decode(const RunOptions& options, const BenchmarkPlan& plan,
                            Dataset& dataset) {
  constexpr int kMostRepeats = 3;
  DatasetOptions uncached = dataset_options(options);
  uncached.cache.clear();
  BenchmarkResult result = data_result("decode", options);
  result.timing = time_repeats(/*warm_up=*/0, std::min(plan.repeats, kMostRepeats), [&] {
    dataset = {};  // two of them need not fit
    dataset = load_dataset(uncached);
  });
  result.batch = dataset.size();
  result.images = static_cast<double>(dataset.size());
  result.bytes = static_cast<double>(dataset.images().bytes());
  return result;
}

BenchmarkResult time_upload(const Context& context, const RunOptions& options,
                            const BenchmarkPlan& plan) {
  BenchmarkResult result = data_result("upload", options);
  if (!context.is_cuda()) {
    result.note = "the CPU computes where the images are";
    return result;
  }
  constexpr std::int64_t kBytes = std::int64_t{64} << 20;
  const Buffer host(context, static_cast<std::size_t>(kBytes), MemoryKind::pinned);
  const Buffer device(context, static_cast<std::size_t>(kBytes));
  std::fill_n(host.data(), host.bytes(), std::byte{1});
  const TensorView from(host.data(), {kBytes}, DType::u8), to(device.data(), {kBytes}, DType::u8);
  result.timing = time_enqueued(context, plan.warm_up, plan.repeats,
                                [&] { enqueue_upload(context, from, to); });
  result.bytes = static_cast<double>(kBytes);
  return result;
}

BenchmarkResult time_gather(const Context& context, const RunOptions& options,
                            const BenchmarkPlan& plan, const Dataset& dataset) {
  constexpr int kBatches = 8;  // a repeat, so that its end is a small part of it
  Loader loader(context, dataset,
                {options.batch_size, static_cast<std::uint64_t>(options.seed), options.flip,
                 /*updates_per_step=*/1, options.image_memory});
  BenchmarkResult result = data_result("gather", options);
  result.dtype = step_config(options).dtype;
  const Shape shape = dataset.shape.with_rows(options.batch_size);
  const Buffer buffer(context, static_cast<std::size_t>(shape.elements()) * size_of(result.dtype));
  const TensorView images(buffer.data(), shape, result.dtype);
  std::int64_t update = 0;
  result.timing = time_enqueued(context, plan.warm_up, plan.repeats, [&] {
    for (int i = 0; i < kBatches; ++i) {
      loader.select(context, update++);
      loader.feed(context, 0, images);
    }
  });
  result.images = static_cast<double>(kBatches * options.batch_size);
  result.bytes = kBatches * static_cast<double>(shape.elements()) *
                 static_cast<double>(1 + size_of(result.dtype));
  return result;
}

BenchmarkResult step_result(const char* name, const RunOptions& options) {
  BenchmarkResult result = data_result(name, options);
  result.dtype = step_config(options).dtype;
  result.images = static_cast<double>(options.batch_size * options.d_steps);
  return result;
}

BenchmarkResult time_alone(TrainingEngine& engine, const Context& context,
                           const RunOptions& options, const BenchmarkPlan& plan) {
  const auto updates = [&] {
    for (std::int64_t i = 0; i < options.d_steps; ++i) engine.step().update_discriminator(context);
    engine.step().update_generator(context);
  };
  BenchmarkResult result = step_result("step alone", options);
  Graph graph;
  if (context.is_cuda()) graph = Graph(context, updates);
  result.timing = time_enqueued(context, plan.warm_up, plan.repeats, [&] {
    if (graph.empty()) {
      updates();
    } else {
      graph.launch(context);
    }
  });
  return result;
}

BenchmarkResult time_fed(const char* name, TrainingEngine& engine, const Context& context,
                         const RunOptions& options, const BenchmarkPlan& plan) {
  BenchmarkResult result = step_result(name, options);
  result.timing = time_enqueued(context, plan.warm_up, plan.repeats, [&] { engine.train_step(); });
  return result;
}

}  // namespace

std::vector<BenchmarkResult> run_data_benchmark(const Context& context, const RunOptions& options,
                                                const BenchmarkPlan& plan) {
  Dataset dataset;
  std::vector<BenchmarkResult> results;
  results.push_back(time_decode(options, plan, dataset));
  results.push_back(time_upload(context, options, plan));
  results.push_back(time_gather(context, options, plan, dataset));
  bool streamed = false;
  {
    TrainingEngine engine(context, options, dataset);
    streamed = engine.streams_images();
    results.push_back(time_fed("step fed", engine, context, options, plan));
    results.push_back(time_alone(engine, context, options, plan));
  }
  if (context.is_cuda() && !streamed) {
    RunOptions from_host = options;
    from_host.image_memory = ImageMemory::host;
    TrainingEngine engine(context, from_host, dataset);
    results.push_back(time_fed("step fed from the host", engine, context, from_host, plan));
  }
  return results;
}

}  // namespace dcgan
