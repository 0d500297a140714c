// What a generator asks of a GPU: enqueued work and nothing else.
#include "models/generation/generator.h"
#include "tests/emulator/runtime/simulation.h"
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
    const std::size_t weights = parameters * (precision == Precision::bf16 ? 6 : 4);
    const std::size_t taken = emulator::live().bytes - before.bytes;
    INFO(enum_name(precision) << ": " << taken << " bytes");
    CHECK(taken >= plan.bytes() + weights);
    // Every parameter and running statistic begins at a multiple of the plan's alignment.
    const std::size_t tensors = generator.network().parameters().infos().size() +
                                3 * generator.network().parameters().running_infos().size() + 1;
    CHECK(taken <= plan.bytes() + weights + 2 * tensors * MemoryPlan::kAlignment);
  }
}
