// What a training step and a generation on the CPU allocate once they are warm: nothing of their
// own.
#include <cstdlib>
#include <dnnl.hpp>
#include <memory>
#include <thread>

#include "models/generation/generator.h"
#include "runtime/base/parallel.h"
#include "tests/counts/allocations.h"
#include "tests/models/api/support.h"
#include "tests/models/engine_rig.h"
#include "tests/models/support.h"

using namespace dcgan;
using test::AllocationCounts;

namespace {

constexpr int kSteps = 3;
constexpr std::int64_t kEpochAllocations = 2;

RunOptions with(std::initializer_list<std::pair<const char*, const char*>> settings) {
  RunOptions options = test::tiny_options();
  // Wide enough that every way to convolve is taken: im2col, the library, a matrix product.
  options.ngf = 16;
  options.ndf = 16;
  options.strokes_count = 100;  // one epoch is longer than the test
  for (const auto& [name, text] : settings) set_option(options, name, text);
  run_config(options);  // checks them
  return options;
}

struct Kind {
  RunOptions options;
  std::int64_t fp32 = 0;  // allocations of oneDNN's a step
  std::int64_t bf16 = 0;
};

std::vector<Kind> kinds_of_run() {
  return {{with({}), 223, 189},
          {with({{"preset", "libtorch"}, {"optimizer", "rmsprop"}}), 223, 189},
          {with({{"preset", "cifar32"}, {"flip", "true"}, {"ema-decay", "0.9"}}), 223, 189},
          {with({{"preset", "pytorch"}, {"channels", "1"}, {"loss", "wgan"}, {"d-steps", "3"}}),
           621, 545}};
}

// Two threads, and the instruction sets for which oneDNN's figures are stored, whatever this
// machine has. Whether they can be compared.
bool choose_library() {
  set_thread_count(2);
  constexpr dnnl::cpu_isa kIsa = dnnl::cpu_isa::avx512_core_bf16;
  dnnl::set_max_cpu_isa(kIsa);  // refused once oneDNN has been used; then it is set
  const dnnl_version_t& version = *dnnl::version();
  const bool same_version = version.major == 2 && version.minor == 6;
  if (same_version && dnnl::get_effective_cpu_isa() == kIsa) return true;
  WARN("oneDNN's own allocations are not compared: the figures are of 2.6 with AVX512-BF16");
  return false;
}

AllocationCounts count_steps(RunOptions options) {
  const Context context({DeviceType::cpu, 0});
  const Dataset dataset = load_dataset(run_config(options).dataset);
  test::EngineRig rig(context, options, dataset);
  TrainingEngine& engine = rig.engine;
  engine.train_step();  // the first enters the epoch
  test::start_counting_allocations();
  for (int step = 0; step < kSteps; ++step) engine.train_step();
  return test::stop_counting_allocations();
}

bool has_bf16() {
  try {
    RunOptions options = test::tiny_options();
    options.precision = Precision::bf16;
    const Context context({DeviceType::cpu, 0});
    const Dataset dataset = load_dataset(run_config(options).dataset);
    const test::EngineRig probe(context, options, dataset);
    return true;
  } catch (const Error& error) {
    WARN("bf16 is skipped: " << error.what());
    return false;
  }
}

}  // namespace

TEST_CASE("the counter sees new, malloc and other threads, and nothing before or after") {
  const auto before = std::make_unique<int>(1);
  test::start_counting_allocations();
  CHECK(test::stop_counting_allocations().own == 0);
  int* volatile kept = nullptr;
  void* volatile raw = nullptr;
  std::thread other([] {});  // so that the thread library is warm
  other.join();
  test::start_counting_allocations();
  kept = new int(2);
  raw = std::malloc(3);
  const AllocationCounts counts = test::stop_counting_allocations();
  delete kept;
  std::free(raw);
  CHECK(counts.own == 2);
  CHECK(counts.oneDNN == 0);
  CHECK(!counts.own_places.empty());
  test::start_counting_allocations();
  std::thread third([&] { kept = new int(4); });
  third.join();
  CHECK(test::stop_counting_allocations().own >= 1);
  delete kept;
}

TEST_CASE("from its second step on, the CPU engine allocates nothing of its own") {
  // oneDNN keeps a call's arguments in a map of its own making: 4 or 5 small allocations a call,
  // with no way to turn them off. They are the price of 54 calls a step, and show one call more.
  const bool exact = choose_library();
  const bool bf16 = has_bf16();
  for (const Kind& kind : kinds_of_run()) {
    for (const Precision precision : {Precision::fp32, Precision::bf16}) {
      if (precision == Precision::bf16 && !bf16) continue;
      RunOptions options = kind.options;
      options.precision = precision;
      INFO(to_json(options));
      const AllocationCounts counts = count_steps(options);
      INFO(counts.own_places);
      CHECK(counts.own == 0);
      CHECK(counts.openmp == 0);
      if (!exact) continue;
      CHECK(counts.oneDNN == kSteps * (precision == Precision::fp32 ? kind.fp32 : kind.bf16));
    }
  }
}

TEST_CASE("entering an epoch allocates the epoch's order and its mirroring, and nothing else") {
  choose_library();
  RunOptions options = with({{"flip", "true"}, {"strokes-count", "8"}});  // 2 steps an epoch
  const AllocationCounts counts = count_steps(options);
  INFO(counts.own_places);
  CHECK(counts.own == kEpochAllocations);
}

TEST_CASE("from its second call on, a generation on the CPU allocates nothing of its own") {
  choose_library();
  const Context context({DeviceType::cpu, 0});
  for (const char* preset : {"mnist32", "libtorch"}) {
    const auto blocks = generator_blocks(model_config(with({{"preset", preset}})));
    for (const Precision precision : {Precision::fp32, Precision::bf16}) {
      if (precision == Precision::bf16 && !has_bf16()) continue;
      INFO(preset << " in " << enum_name(precision));
      Generator generator(context, blocks, {4, precision});
      generator.change_weights(context, [&](Network& network) {
        network.parameters().initialize(context, {3, RandomStream::generator_init});
      });
      HostTensor z({3, generator.nz()}, DType::f32);
      for (const DType dtype : {DType::f32, DType::bf16, DType::u8}) {
        HostTensor images(generator.images_shape(3), dtype);
        const auto generate = [&] {
          generator.draw(context, z.view(), {{1, RandomStream::sample}});
          generator.generate(context, z.view(), images.view());
        };
        generate();
        test::start_counting_allocations();
        generate();
        const AllocationCounts counts = test::stop_counting_allocations();
        INFO(counts.own_places);
        CHECK(counts.own == 0);
        CHECK(counts.openmp == 0);
      }
    }
  }
}

TEST_CASE("from its second call on, the C library on the CPU allocates nothing of its own") {
  choose_library();
  const test::TinyFile file;
  const test::Opened generator(file.path(), test::options_on("cpu", 2));
  std::vector<float> z(static_cast<std::size_t>(3 * test::kTinyModel.nz));
  std::vector<float> memory(static_cast<std::size_t>(3 * test::kTinyPixels));
  for (const dcgan_type type :
       {DCGAN_TYPE_FLOAT32, DCGAN_TYPE_BFLOAT16, DCGAN_TYPE_FLOAT16, DCGAN_TYPE_UINT8}) {
    for (const std::int64_t turn : {1, -1}) {
      const std::int64_t size = test::kTinyModel.image_size;
      dcgan_images to = test::images_in(memory.data(), 3, type);
      if (turn < 0) {  // not a tensor of ours: upside down
        auto* bytes = reinterpret_cast<std::byte*>(memory.data());
        const std::int64_t last = (size - 1) * size;
        to.data = bytes + last * (type == DCGAN_TYPE_FLOAT32 ? 4
                                  : type == DCGAN_TYPE_UINT8 ? 1
                                                             : 2);
        const std::int64_t strides[] = {test::kTinyPixels, -size, 1, 1};
        std::copy_n(strides, 4, to.strides);
      }
      dcgan_status drawn = DCGAN_ERROR_INTERNAL, generated = DCGAN_ERROR_INTERNAL;
      const auto call = [&] {
        drawn = dcgan_generator_draw(generator, 1, 0, 3, z.data(), DCGAN_MEMORY_HOST, nullptr);
        generated = dcgan_generator_generate(generator, z.data(), DCGAN_MEMORY_HOST, &to, nullptr);
      };
      call();
      test::start_counting_allocations();
      call();
      const AllocationCounts counts = test::stop_counting_allocations();
      CHECK(drawn == DCGAN_OK);
      CHECK(generated == DCGAN_OK);
      INFO(type << " " << turn << " " << counts.own_places);
      CHECK(counts.own == 0);
      CHECK(counts.openmp == 0);
    }
  }
}
