#include "models/profiling/benchmark.h"

#include <fmt/format.h>

#include <algorithm>

#include "models/generation/generator.h"
#include "models/generation/latent_vectors.h"
#include "models/networks/cost.h"
#include "models/profiling/system_information.h"
#include "models/training/engine.h"

namespace dcgan {
namespace {

// Images of noise: what the pixels are does not change what a step costs.
Dataset noise_dataset(const ModelConfig& model, std::int64_t count) {
  Dataset dataset;
  dataset.name = "noise";
  dataset.shape = {count, model.image_size, model.image_size, model.channels};
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(dataset.shape.elements()));
  RandomSequence numbers({0, RandomStream::test}, 0, 0);
  for (std::uint8_t& pixel : pixels) pixel = static_cast<std::uint8_t>(numbers.next_word());
  dataset.pixels = std::move(pixels);
  return dataset;
}

// Adam reads and writes three arrays and reads the gradient; the copies of the weights for the
// convolutions, read once a pass, are left out.
double optimizer_bytes(const Parameters& parameters) {
  return 7.0 * static_cast<double>(parameters.bytes_per_array());
}

void judge(BenchmarkResult& result, const PeakRates& peak_rates) {
  const double arithmetic = result.flops / peak_rates.flops_per_second;
  const double memory = result.bytes / peak_rates.copy_bytes_per_second;
  result.roofline_ms = 1e3 * std::max(arithmetic, memory);
}

void add_step_costs(const TrainingEngine& engine, const PeakRates& peak_rates,
                    BenchmarkResult& result) {
  const TrainingConfig& config = engine.config();
  if (config.discriminator_steps != 1) return;  // the counts are those of the plain step
  const auto& generator = engine.generator().blocks();
  const auto& discriminator = engine.discriminator().blocks();
  const auto batch = static_cast<double>(config.batch);
  result.flops = batch * step_flops_per_image(generator, discriminator);
  result.bytes = batch * static_cast<double>(size_of(result.dtype)) *
                     step_elements_per_image(generator, discriminator, BytesPlan::engine) +
                 optimizer_bytes(engine.generator().parameters()) +
                 optimizer_bytes(engine.discriminator().parameters());
  result.fused_ms =
      1e3 * fused_step_seconds(generator, discriminator, result.batch, result.dtype,
                               peak_rates.flops_per_second, peak_rates.copy_bytes_per_second);
  judge(result, peak_rates);
}

BenchmarkResult time_step(TrainingEngine& engine, const Context& context,
                          const BenchmarkSettings& settings, const PeakRates& peak_rates) {
  BenchmarkResult result;
  result.task = "train";
  result.name = "step";
  result.dtype = engine.config().dtype();
  result.batch = engine.config().batch;
  result.images = static_cast<double>(result.batch);
  result.timing =
      time_enqueued(context, settings.warm_up, settings.repeats, [&] { engine.train_step(); });
  add_step_costs(engine, peak_rates, result);
  result.memory_bytes = engine.step().memory_plan().bytes() +
                        4 * (engine.generator().parameters().bytes_per_array() +
                             engine.discriminator().parameters().bytes_per_array());
  result.graph = engine.graph_size();
  constexpr int kMostTimedSteps = 5;
  result.step_times =
      measure_step_times(context, engine, std::min(settings.repeats, kMostTimedSteps));
  result.peak_host_bytes = peak_host_bytes();
  return result;
}

BenchmarkResult generator_result(const char* task, const char* name, const TrainingConfig& config,
                                 const Generator& generator) {
  BenchmarkResult result;
  result.task = task;
  result.name = name;
  result.dtype = config.dtype();
  result.batch = generator.batch();
  result.images = static_cast<double>(generator.batch());
  const auto macs = forward_macs(generator.network().blocks(), {1, 1, 1, config.model.nz});
  for (const std::int64_t count : macs) {
    result.flops += 2.0 * static_cast<double>(generator.batch() * count);
  }
  return result;
}

// On the device: vectors drawn and images left there, in the type that the network computes in. To
// the host: vectors from there, and bytes back. Compared with others is the first alone.
void time_generate(const Context& context, const TrainingConfig& config,
                   const BenchmarkSettings& settings, std::int64_t batch,
                   std::vector<BenchmarkResult>& results) {
  Generator generator(context, generator_blocks(config.model),
                      {batch, config.precision, config.tuning});
  generator.change_weights(context, [&](Network& network) {
    network.parameters().initialize(context, {1, RandomStream::generator_init});
  });
  const Shape shape = generator.images_shape(batch);
  const Buffer buffer(context,
                      static_cast<std::size_t>(shape.elements()) * size_of(config.dtype()));
  const TensorView images(buffer.data(), shape, config.dtype());
  const LatentOptions latent{{1, RandomStream::sample}, config.latent};
  const auto next = [&] { generator.generate_next(context, images, latent); };
  constexpr int kCaptured = 2;  // calls after which it is a launch of a graph
  const int warm_up = std::max(settings.warm_up, kCaptured);
  BenchmarkResult on_device = generator_result("generate", "on the device", config, generator);
  on_device.timing = time_enqueued(context, warm_up, settings.repeats, next);
  results.push_back(std::move(on_device));
  if (batch == 1) {
    BenchmarkResult alone = generator_result("latency", "on the device", config, generator);
    alone.timing = time_alone(context, warm_up, settings.repeats, next);
    results.push_back(std::move(alone));
  }
  const HostTensor z = latent_for_seed(latent.key, batch, config.model.nz, config.latent);
  BenchmarkResult to_host = generator_result("sample", "to the host", config, generator);
  to_host.timing = time_repeats(warm_up, settings.repeats, [&] { generator.sample(context, z); });
  results.push_back(std::move(to_host));
}

// Each block of a pass by itself, on whatever the memory holds: finite, as a step has run.
void time_blocks(const char* name, Network& network, Activations& pass, ParamGrads grads,
                 const Context& context, const BenchmarkSettings& settings,
                 std::vector<BenchmarkResult>& results) {
  for (std::size_t block = 0; block < network.blocks().size(); ++block) {
    const auto add = [&](const char* direction, const std::function<void()>& run) {
      BenchmarkResult result;
      result.task = "block";
      result.name = fmt::format("{} {} {}", name, network.blocks()[block].conv_name, direction);
      result.dtype = pass.output().dtype;
      result.batch = pass.output().shape[0];
      result.timing = time_enqueued(context, settings.warm_up, settings.repeats, [&] { run(); });
      results.push_back(std::move(result));
    };
    add("forward", [&] { network.forward_block(context, pass, block, Pass::train); });
    add("backward", [&] { network.backward_block(context, pass, block, grads); });
  }
}

void time_training(const Context& context, Communicator& communicator,
                   const BenchmarkSubject& subject, const BenchmarkSettings& settings,
                   const PeakRates& peak_rates, std::vector<BenchmarkResult>& results) {
  constexpr std::int64_t kBatches = 8;
  const std::int64_t world_batch = communicator.size() * subject.config.batch;
  const Dataset dataset = noise_dataset(subject.config.model, kBatches * world_batch);
  const std::size_t free_before = free_bytes(context);
  TrainingEngine engine(context, communicator, subject.config);
  LoaderOptions of_rank = subject.loader;
  of_rank.shard = shard_of(communicator);
  Loader loader(context, dataset, of_rank);
  engine.set_images(loader);
  results.push_back(time_step(engine, context, settings, peak_rates));
  results.back().images = static_cast<double>(world_batch);
  if (context.is_cuda()) {
    // Everything stays allocated from the first step to the last.
    const std::size_t free_now = free_bytes(context);
    results.back().device_bytes = free_before > free_now ? free_before - free_now : 0;
  }
  if (!settings.blocks) return;
  StepPasses passes = engine.step().passes();
  time_blocks("G", engine.generator(), passes.generating, ParamGrads::overwrite, context, settings,
              results);
  time_blocks("D both", engine.discriminator(), passes.on_both, ParamGrads::overwrite, context,
              settings, results);
  time_blocks("D fake", engine.discriminator(), passes.on_fake, ParamGrads::skip, context, settings,
              results);
}

}  // namespace

std::vector<BenchmarkResult> run_benchmark(const Context& context, Communicator& communicator,
                                           const BenchmarkSubject& subject,
                                           const BenchmarkSettings& settings,
                                           const PeakRates& peak_rates) {
  std::vector<BenchmarkResult> results;
  time_training(context, communicator, subject, settings, peak_rates, results);
  if (!settings.generate) return results;
  const std::int64_t batch = subject.config.batch;
  time_generate(context, subject.config, settings, 1, results);
  if (batch > 1) time_generate(context, subject.config, settings, batch, results);
  return results;
}

}  // namespace dcgan
