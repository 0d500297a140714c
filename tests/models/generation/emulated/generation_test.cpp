// What a generator asks of a GPU: enqueued work and nothing else.
#include <algorithm>
#include <iterator>

#include "models/generation/generator.h"
#include "tests/emulator/runtime/simulation.h"
#include "tests/models/emulated_calls.h"
#include "tests/models/generation/support.h"

using namespace dcgan;

namespace {

constexpr Device kGpu{DeviceType::cuda, 0};

}  // namespace

TEST_CASE("a generation runs nothing before it returns and allocates nothing, the first too") {
  const Context context(kGpu);
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    for (const DType dtype : {DType::f32, DType::bf16, DType::u8}) {
      INFO(enum_name(precision) << " into " << name_of(dtype));
      Generator generator = test::prepared_generator(context, {3, precision});
      const test::DeviceTensor z(context, {2, generator.nz()}, DType::f32);
      const test::DeviceTensor images(context, generator.images_shape(2), dtype);
      context.synchronize();
      REQUIRE(emulator::nodes_pending() == 0);
      const emulator::Live live = emulator::live();
      const std::int64_t run = emulator::nodes_run();
      for (int repeat = 0; repeat < 2; ++repeat) {
        generator.draw(context, z.view, {{1, RandomStream::sample}});
        generator.generate(context, z.view, images.view);
      }
      CHECK(emulator::nodes_run() == run);
      CHECK(emulator::nodes_pending() > 0);
      CHECK(emulator::live() == live);
      context.synchronize();
    }
  }
}

TEST_CASE("a warm batch left on the device is one launch of a graph and nothing else") {
  // A pass: vectors, the stem and its bias, layers and their biases, the last one with its tanh,
  // and for bytes the conversion. A planned convolution of the vendor's counts as one, as here.
  const std::pair<const char*, std::size_t> kNodes[] = {
      {"libtorch", 8}, {"mnist32", 8}, {"cifar32", 8}, {"pytorch", 10}, {"paper", 10}};
  CHECK(std::size(kNodes) == presets().size());
  const Context context(kGpu);
  for (const Preset& preset : presets()) {
    const auto* const stored = std::find_if(std::begin(kNodes), std::end(kNodes),
                                            [&](auto& row) { return row.first == preset.name; });
    REQUIRE(stored != std::end(kNodes));
    for (const Precision precision : {Precision::fp32, Precision::bf16}) {
      for (const bool bytes : {false, true}) {
        const DType dtype = bytes ? DType::u8 : dtype_of_activations(precision);
        INFO(preset.name << " in " << enum_name(precision) << " into " << name_of(dtype));
        emulator::reset(1);
        Generator generator(context, generator_blocks(preset.model), {2, precision});
        const test::DeviceTensor images(context, generator.images_shape(2), dtype);
        const auto next = [&] {
          generator.generate_next(context, images.view, {{1, RandomStream::sample}});
        };
        next();  // enqueued
        next();  // captured
        const auto nodes = emulator::graph_nodes();
        std::int64_t count = 0;
        for (const auto& [name, number] : nodes) count += number;
        CHECK(count == static_cast<std::int64_t>(stored->second) + (bytes ? 1 : 0));
        CHECK(nodes.count("copy") == 0);
        const auto before = emulator::calls();
        const emulator::Live live = emulator::live();
        next();
        CHECK(emulator::live() == live);
        CHECK(test::more_calls(before) == test::Calls{{"cudaGraphLaunch", 1}});
        emulator::reset(1);  // before the generator: its frees would run what is pending
      }
    }
  }
}

TEST_CASE("warm samples to the host are a copy there, a launch, a copy back and one wait") {
  const Context context(kGpu);
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    Generator generator = test::prepared_generator(context, {3, precision});
    const HostTensor z({2, generator.nz()}, DType::f32);
    for (int warm = 0; warm < 2; ++warm) generator.sample(context, z);
    const auto before = emulator::calls();
    generator.sample(context, z);
    CHECK(test::more_calls(before) == test::Calls{{"cudaMemcpyAsync", 2},
                                                  {"cudaGraphLaunch", 1},
                                                  {"cudaStreamSynchronize", 1}});
  }
}

TEST_CASE("any order that the streams allow gives the same images") {
  const Context context(kGpu);
  std::vector<std::byte> expected;
  for (const std::uint64_t seed : {1, 2, 3, 5, 8}) {
    emulator::reset(seed);
    Generator generator = test::prepared_generator(context, {3, Precision::bf16});
    HostTensor z({5, generator.nz()}, DType::f32);
    for (std::int64_t i = 0; i < z.shape().elements(); ++i) {
      z.view().as<float>()[i] = 0.1f * static_cast<float>(i % 7);
    }
    const test::DeviceTensor images(context, generator.images_shape(3), DType::u8);
    std::vector<std::byte> found;
    for (int repeat = 0; repeat < 3; ++repeat) {
      generator.generate_next(context, images.view, {{1, RandomStream::sample}});
      const auto sampled = test::bytes_of(generator.sample(context, z));
      const auto drawn = test::bytes_of(context, images.view);
      found.insert(found.end(), sampled.begin(), sampled.end());
      found.insert(found.end(), drawn.begin(), drawn.end());
    }
    if (expected.empty()) expected = found;
    INFO("seed " << seed);
    CHECK(found == expected);
  }
}

TEST_CASE("planning a generator's memory allocates none, and the generator takes what is planned") {
  const Context context(kGpu);
  const auto blocks = generator_blocks(test::kTinyModel);
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    const GeneratorOptions options{3, precision};
    const emulator::Live before = emulator::live();
    const MemoryPlan plan = generator_memory_plan(context, blocks, options);
    CHECK(emulator::live() == before);
    const Generator generator(context, blocks, options);
    const auto parameters = static_cast<std::size_t>(parameter_count(blocks));
    // The trained weights; and pinned, the vectors and images of sample(), a batch of each in f32.
    const std::size_t image = static_cast<std::size_t>(generator.images_shape(1).elements());
    const std::size_t pinned =
        3 * (static_cast<std::size_t>(generator.nz()) + image) * sizeof(float);
    const std::size_t weights = parameters * sizeof(float) + pinned;
    const std::size_t taken = emulator::live().bytes - before.bytes;
    INFO(enum_name(precision) << ": " << taken << " bytes");
    CHECK(taken >= plan.bytes() + weights);
    // Every parameter and running statistic begins at a multiple of the plan's alignment.
    const std::size_t tensors = generator.network().parameters().infos().size() +
                                3 * generator.network().parameters().running_infos().size() + 1;
    CHECK(taken <= plan.bytes() + weights + 2 * tensors * MemoryPlan::kAlignment);
  }
}
