#include "models/profiling/data_benchmark.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "models/training/engine.h"
#include "runtime/comm/local_communicator.h"

namespace dcgan {
namespace {

BenchmarkResult data_result(const char* name, std::int64_t batch) {
  BenchmarkResult result;
  result.task = "data";
  result.name = name;
  result.dtype = DType::u8;
  result.batch = batch;
  return result;
}

BenchmarkResult time_decode(const DatasetOptions& data, const BenchmarkSettings& settings,
                            Dataset& dataset) {
  constexpr int kMostRepeats = 3;
  DatasetOptions uncached = data;
  uncached.cache.clear();
  BenchmarkResult result = data_result("decode", 0);
  result.timing = time_repeats(/*warm_up=*/0, std::min(settings.repeats, kMostRepeats), [&] {
    dataset = {};  // two of them need not fit
    dataset = load_dataset(uncached);
  });
  result.batch = dataset.size();
  result.images = static_cast<double>(dataset.size());
  result.bytes = static_cast<double>(dataset.images().bytes());
  return result;
}

BenchmarkResult time_upload(const Context& context, std::int64_t batch,
                            const BenchmarkSettings& settings) {
  BenchmarkResult result = data_result("upload", batch);
  if (!context.is_cuda()) {
    result.note = "the CPU computes where the images are";
    return result;
  }
  constexpr std::int64_t kBytes = std::int64_t{64} << 20;
  const Buffer host(context, static_cast<std::size_t>(kBytes), MemoryKind::pinned);
  const Buffer device(context, static_cast<std::size_t>(kBytes));
  std::fill_n(host.data(), host.bytes(), std::byte{1});
  const TensorView from(host.data(), {kBytes}, DType::u8), to(device.data(), {kBytes}, DType::u8);
  result.timing = time_enqueued(context, settings.warm_up, settings.repeats,
                                [&] { enqueue_upload(context, from, to); });
  result.bytes = static_cast<double>(kBytes);
  return result;
}

BenchmarkResult time_gather(const Context& context, const BenchmarkSubject& subject,
                            const BenchmarkSettings& settings, const Dataset& dataset) {
  constexpr int kBatches = 8;  // a repeat, so that its end is a small part of it
  const std::int64_t batch = subject.config.batch;
  LoaderOptions options = subject.loader;
  options.updates_per_step = 1;
  Loader loader(context, dataset, options);
  BenchmarkResult result = data_result("gather", batch);
  result.dtype = subject.config.dtype();
  const Shape shape = dataset.shape.with_rows(batch);
  const Buffer buffer(context, static_cast<std::size_t>(shape.elements()) * size_of(result.dtype));
  const TensorView images(buffer.data(), shape, result.dtype);
  // Numbers of updates, as a step would count them.
  std::vector<std::int64_t> counted(static_cast<std::size_t>(loader.batches_per_epoch()));
  std::iota(counted.begin(), counted.end(), 0);
  const Buffer number_buffer(context, counted.size() * sizeof(std::int64_t));
  const TensorView numbers(number_buffer.data(), {loader.batches_per_epoch()}, DType::i64);
  upload(context, ConstTensorView(counted.data(), numbers.shape), numbers);
  std::int64_t update = 0;
  result.timing = time_enqueued(context, settings.warm_up, settings.repeats, [&] {
    for (int i = 0; i < kBatches; ++i, update = (update + 1) % loader.batches_per_epoch()) {
      loader.select(context, update);
      loader.load(context, {0, numbers.rows(update, 1)}, images);
    }
  });
  result.images = static_cast<double>(kBatches * batch);
  result.bytes = kBatches * static_cast<double>(shape.elements()) *
                 static_cast<double>(1 + size_of(result.dtype));
  return result;
}

BenchmarkResult step_result(const char* name, const TrainingConfig& config) {
  BenchmarkResult result = data_result(name, config.batch);
  result.dtype = config.dtype();
  result.images = static_cast<double>(config.batch * config.discriminator_steps);
  return result;
}

// Images that are there already: nothing is selected or loaded.
class NoImages final : public ImageSource {
 public:
  void select(const Context& /*context*/, std::int64_t /*first_update*/) override {}
  void load(const Context& /*context*/, const StepUpdate& /*update*/,
            TensorView /*images*/) override {}
};

BenchmarkResult time_step(const char* name, const Context& context, TrainingEngine& engine,
                          ImageSource& images, const BenchmarkSettings& settings) {
  engine.set_images(images);
  engine.train_step();
  BenchmarkResult result = step_result(name, engine.config());
  result.timing =
      time_enqueued(context, settings.warm_up, settings.repeats, [&] { engine.train_step(); });
  return result;
}

}  // namespace

std::vector<BenchmarkResult> run_data_benchmark(const Context& context,
                                                const BenchmarkSubject& subject,
                                                const DatasetOptions& data,
                                                const BenchmarkSettings& settings) {
  Dataset dataset;
  std::vector<BenchmarkResult> results;
  results.push_back(time_decode(data, settings, dataset));
  results.push_back(time_upload(context, subject.config.batch, settings));
  results.push_back(time_gather(context, subject, settings, dataset));
  LocalCommunicator communicator;
  TrainingEngine engine(context, communicator, subject.config);
  bool streamed = false;
  {
    Loader loader(context, dataset, subject.loader);
    streamed = loader.streams();
    results.push_back(time_step("step fed", context, engine, loader, settings));
    NoImages present;
    results.push_back(time_step("step alone", context, engine, present, settings));
  }
  if (context.is_cuda() && !streamed) {
    LoaderOptions from_host = subject.loader;
    from_host.memory = ImageMemory::host;
    Loader loader(context, dataset, from_host);
    results.push_back(time_step("step fed from the host", context, engine, loader, settings));
    context.synchronize();
  }
  return results;
}

}  // namespace dcgan
