#include "models/profiling/benchmark.h"

#include <fmt/format.h>

#include <algorithm>

#include "models/generation/generator.h"
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
  dataset.pixels.resize(static_cast<std::size_t>(dataset.shape.elements()));
  RandomSequence numbers({0, RandomStream::test}, 0, 0);
  for (std::uint8_t& pixel : dataset.pixels) pixel = static_cast<std::uint8_t>(numbers.next_word());
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

BenchmarkResult time_step(TrainingEngine& engine, const Context& context, const RunOptions& options,
                          const BenchmarkPlan& plan) {
  BenchmarkResult result;
  result.task = "train";
  result.name = "step";
  result.dtype = step_config(options).dtype;
  result.batch = options.batch_size;
  result.timing = time_enqueued(context, plan.warm_up, plan.repeats, [&] { engine.train_step(); });
  const auto& generator = engine.generator().blocks();
  const auto& discriminator = engine.discriminator().blocks();
  const auto batch = static_cast<double>(options.batch_size);
  result.images = batch;
  if (options.d_steps == 1) {  // the counts are those of the plain step
    result.flops = batch * step_flops_per_image(generator, discriminator);
    result.bytes = batch * static_cast<double>(size_of(result.dtype)) *
                       step_elements_per_image(generator, discriminator, BytesPlan::engine) +
                   optimizer_bytes(engine.generator().parameters()) +
                   optimizer_bytes(engine.discriminator().parameters());
  }
  result.memory_bytes = engine.step().memory_plan().bytes() +
                        4 * (engine.generator().parameters().bytes_per_array() +
                             engine.discriminator().parameters().bytes_per_array());
  result.graph = engine.graph_size();
  constexpr int kMostSharedSteps = 5;
  result.shares = measure_time_breakdown(context, engine, std::min(plan.repeats, kMostSharedSteps));
  result.peak_host_bytes = peak_host_bytes();
  return result;
}

BenchmarkResult time_generate(const Context& context, const RunOptions& options,
                              const BenchmarkPlan& plan, std::int64_t batch) {
  const ModelConfig model = model_config(options);
  const DType dtype = step_config(options).dtype;
  Generator sampler(context, generator_blocks(model), batch, dtype);
  sampler.network().parameters().initialize(context, {1, RandomStream::generator_init});
  const HostTensor z = draw_host_latent({1, RandomStream::sample}, batch, model.nz);
  BenchmarkResult result;
  result.task = "generate";
  result.name = "sample";
  result.dtype = dtype;
  result.batch = batch;
  result.timing = time_repeats(plan.warm_up, plan.repeats, [&] { sampler.sample(context, z); });
  result.images = static_cast<double>(batch);
  const auto macs = forward_macs(sampler.network().blocks(), {1, 1, 1, model.nz});
  for (const std::int64_t count : macs) result.flops += 2.0 * static_cast<double>(batch * count);
  return result;
}

// Each block of a pass by itself, on whatever the memory holds: finite, as a step has run.
void time_blocks(const char* name, Network& network, Activations& pass, ParamGrads grads,
                 const Context& context, const BenchmarkPlan& plan,
                 std::vector<BenchmarkResult>& results) {
  for (std::size_t block = 0; block < network.blocks().size(); ++block) {
    const auto add = [&](const char* direction, const std::function<void()>& run) {
      BenchmarkResult result;
      result.task = "block";
      result.name = fmt::format("{} {} {}", name, network.blocks()[block].conv_name, direction);
      result.dtype = pass.output().dtype;
      result.batch = pass.output().shape[0];
      result.timing = time_enqueued(context, plan.warm_up, plan.repeats, [&] { run(); });
      results.push_back(std::move(result));
    };
    add("forward", [&] { network.forward_block(context, pass, block, Pass::train); });
    add("backward", [&] { network.backward_block(context, pass, block, grads); });
  }
}

}  // namespace

std::vector<BenchmarkResult> run_benchmark(const Context& context, const RunOptions& options,
                                           const BenchmarkPlan& plan, const PeakRates& peak_rates) {
  constexpr std::int64_t kBatches = 8;
  const Dataset dataset = noise_dataset(model_config(options), kBatches * options.batch_size);
  std::vector<BenchmarkResult> results;
  {
    const std::size_t free_before = free_bytes(context);
    TrainingEngine engine(context, options, dataset);
    results.push_back(time_step(engine, context, options, plan));
    if (context.is_cuda()) {
      // Everything stays allocated from the first step to the last.
      const std::size_t free_now = free_bytes(context);
      results.back().device_bytes = free_before > free_now ? free_before - free_now : 0;
    }
    judge(results.back(), peak_rates);
    if (plan.blocks) {
      StepPasses passes = engine.step().passes();
      time_blocks("G", engine.generator(), passes.generating, ParamGrads::overwrite, context, plan,
                  results);
      time_blocks("D both", engine.discriminator(), passes.on_both, ParamGrads::overwrite, context,
                  plan, results);
      time_blocks("D fake", engine.discriminator(), passes.on_fake, ParamGrads::skip, context, plan,
                  results);
    }
  }
  if (plan.generate) {
    results.push_back(time_generate(context, options, plan, 1));
    if (options.batch_size > 1) {
      results.push_back(time_generate(context, options, plan, options.batch_size));
    }
  }
  return results;
}

}  // namespace dcgan
