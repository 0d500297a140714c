#include "models/generation/generator.h"

#include "kernels/elementwise/convert.h"
#include "models/generation/latent_vectors.h"
#include "runtime/device/graph.h"
#include "tests/models/generation/support.h"

using namespace dcgan;
using test::DeviceTensor;

namespace {

constexpr std::int64_t kNz = test::kTinyModel.nz;

HostTensor latent(std::int64_t count) {
  return latent_for_seed({5, RandomStream::sample}, count, kNz);
}

std::vector<std::uint8_t> pixels(const HostTensor& images, std::int64_t row) {
  const ConstTensorView view = images.view().rows(row, 1);
  return {view.as<std::uint8_t>(), view.as<std::uint8_t>() + view.elements()};
}

HostTensor as_bf16(const HostTensor& values) {
  HostTensor rounded(values.shape(), DType::bf16);
  convert_type(Context(Device{}), values.view(), rounded.view());
  return rounded;
}

/// generate() of `z` into memory of its own, downloaded.
std::vector<std::byte> generated(const Context& context, Generator& generator, const HostTensor& z,
                                 DType dtype) {
  const DeviceTensor vectors(context, z);
  const DeviceTensor images(context, generator.images_shape(z.shape()[0]), dtype);
  generator.generate(context, vectors.view, images.view);
  return test::bytes_of(context, images.view);
}

}  // namespace

TEST_CASE("the same z gives the same image whatever the batch") {
  for (const Device device : test::devices_under_test()) {
    const Context context(device);
    for (const Precision precision : test::precisions_of(context)) {
      const HostTensor z = latent(11);
      Generator eleven = test::prepared_generator(context, {11, precision});
      const HostTensor together = eleven.sample(context, z);
      for (const std::int64_t batch : {1, 3, 4}) {
        Generator generator = test::prepared_generator(context, {batch, precision});
        const HostTensor images = generator.sample(context, z);
        for (std::int64_t row = 0; row < 11; ++row) {
          INFO(to_string(device) << " " << enum_name(precision) << " batch " << batch << " row "
                                 << row);
          CHECK(pixels(images, row) == pixels(together, row));
        }
      }
      CHECK(pixels(together, 0) != pixels(together, 1));
    }
  }
}

TEST_CASE("images in the caller's memory are those of sample() and sample_values()") {
  for (const Device device : test::devices_under_test()) {
    const Context context(device);
    for (const Precision precision : test::precisions_of(context)) {
      INFO(to_string(device) << " " << enum_name(precision));
      Generator generator = test::prepared_generator(context, {3, precision});
      const HostTensor z = latent(3);
      const HostTensor values = generator.sample_values(context, z);
      CHECK(generated(context, generator, z, DType::u8) ==
            test::bytes_of(generator.sample(context, z)));
      CHECK(generated(context, generator, z, DType::f32) == test::bytes_of(values));
      // Of a bf16 network f32 values hold bf16 numbers, which rounding leaves as they are.
      CHECK(generated(context, generator, z, DType::bf16) == test::bytes_of(as_bf16(values)));
      if (precision == Precision::bf16) {  // the network rounds f32 vectors as the host does
        CHECK(generated(context, generator, as_bf16(z), DType::f32) == test::bytes_of(values));
      }
    }
  }
}

TEST_CASE("an image depends neither on n nor on what else is in the batch") {
  for (const Device device : test::devices_under_test()) {
    const Context context(device);
    INFO(to_string(device));
    Generator generator = test::prepared_generator(context, {4});
    const HostTensor z = latent(8);
    const DeviceTensor vectors(context, z);
    const DeviceTensor all(context, generator.images_shape(4), DType::f32);
    generator.generate(context, vectors.view.rows(0, 4), all.view);
    const auto expected = test::bytes_of(context, all.view.rows(1, 1));

    const DeviceTensor some(context, generator.images_shape(3), DType::f32);
    const auto untouched = test::bytes_of(context, some.view.rows(2, 1));
    generator.generate(context, vectors.view.rows(4, 4), all.view);  // other vectors stay behind
    generator.generate(context, vectors.view.rows(0, 2), some.view.rows(0, 2));
    CHECK(test::bytes_of(context, some.view.rows(1, 1)) == expected);
    CHECK(test::bytes_of(context, some.view.rows(2, 1)) == untouched);
    generator.generate(context, vectors.view.rows(1, 1), some.view.rows(0, 1));
    CHECK(test::bytes_of(context, some.view.rows(0, 1)) == expected);
    generator.generate(context, vectors.view.rows(0, 0), some.view.rows(0, 0));
    CHECK(test::bytes_of(context, some.view.rows(0, 1)) == expected);
  }
}

TEST_CASE("a captured generation replays to the bits of an eager one, with new vectors too") {
  for (const Device device : test::devices_under_test()) {
    const Context context(device);
    if (!context.is_cuda()) continue;  // the CPU has no graphs
    for (const Precision precision : test::precisions_of(context)) {
      for (const DType dtype : {DType::f32, DType::bf16, DType::u8}) {
        INFO(enum_name(precision) << " into " << name_of(dtype));
        Generator generator = test::prepared_generator(context, {3, precision});
        const HostTensor z = latent(4);
        const DeviceTensor vectors(context, {2, kNz}, DType::f32);
        const DeviceTensor images(context, generator.images_shape(2), dtype);
        const auto enqueue = [&] { generator.generate(context, vectors.view, images.view); };
        const auto eager = [&](std::int64_t first) {
          upload(context, z.view().rows(first, 2), vectors.view);
          enqueue();
          return test::bytes_of(context, images.view);
        };
        const auto first = eager(0);
        const auto second = eager(2);
        REQUIRE(first != second);
        const Graph graph(context, enqueue);
        const auto replayed = [&](std::int64_t row) {
          upload(context, z.view().rows(row, 2), vectors.view);
          graph.launch(context);
          return test::bytes_of(context, images.view);
        };
        CHECK(replayed(0) == first);
        CHECK(replayed(2) == second);
      }
    }
  }
}

TEST_CASE("successive batches continue the sequence of a seed's vectors, captured too") {
  for (const Device device : test::devices_under_test()) {
    const Context context(device);
    for (const Precision precision : test::precisions_of(context)) {
      for (const DType dtype : {DType::f32, DType::bf16, DType::u8}) {
        INFO(to_string(device) << " " << enum_name(precision) << " into " << name_of(dtype));
        Generator generator = test::prepared_generator(context, {3, precision});
        const LatentOptions options{{5, RandomStream::sample}};
        const HostTensor z = latent(12);
        const DeviceTensor images(context, generator.images_shape(3), dtype);
        const auto expected = [&](std::int64_t k) {
          Generator other = test::prepared_generator(context, {3, precision});
          HostTensor rows({3, kNz}, DType::f32);
          std::copy_n(z.view().as<float>() + 3 * k * kNz, 3 * kNz, rows.view().as<float>());
          return generated(context, other, rows, dtype);
        };
        for (std::int64_t k = 0; k < 4; ++k) {  // enqueued, captured, replayed twice
          generator.generate_next(context, images.view, options);
          CHECK(test::bytes_of(context, images.view) == expected(k));
        }
        generator.set_next(context, 1);
        generator.generate_next(context, images.view, options);
        CHECK(test::bytes_of(context, images.view) == expected(1));
      }
    }
  }
}

TEST_CASE("a captured pass follows new weights, and other memory gets a pass of its own") {
  for (const Device device : test::devices_under_test()) {
    const Context context(device);
    INFO(to_string(device));
    Generator generator = test::prepared_generator(context, {2});
    const LatentOptions options{{5, RandomStream::sample}};
    std::vector<DeviceTensor> memory;  // more than passes are kept
    for (int i = 0; i < 6; ++i) {
      memory.emplace_back(context, generator.images_shape(2), DType::f32);
    }
    const auto first_images = [&](const DeviceTensor& to) {
      generator.set_next(context, 0);
      generator.generate_next(context, to.view, options);
      return test::bytes_of(context, to.view);
    };
    const auto expected = first_images(memory[0]);
    for (int round = 0; round < 3; ++round) {
      for (const DeviceTensor& to : memory) CHECK(first_images(to) == expected);
      CHECK(first_images(memory[5]) == expected);
    }
    const HostTensor z = latent(2);
    const auto sampled = test::bytes_of(generator.sample_values(context, z));
    CHECK(sampled == expected);
    Network other(context, generator_blocks(test::kTinyModel));
    test::prepare(context, other);
    other.parameters().initialize(context, {8, RandomStream::generator_init});
    for (int repeat = 0; repeat < 3; ++repeat) {
      generator.copy_weights(context, other, ParameterArray::values);
      const auto changed = first_images(memory[5]);
      CHECK(changed != expected);
      CHECK(test::bytes_of(generator.sample_values(context, z)) == changed);
      generator.change_weights(context, [&](Network& network) { test::prepare(context, network); });
      CHECK(first_images(memory[5]) == expected);
      CHECK(test::bytes_of(generator.sample_values(context, z)) == expected);
    }
  }
}

TEST_CASE("latent vectors drawn on a device are those of the host, from any first one") {
  for (const Device device : test::devices_under_test()) {
    const Context context(device);
    INFO(to_string(device));
    const Generator generator = test::prepared_generator(context, {2});
    for (const auto distribution : {LatentDistribution::normal, LatentDistribution::uniform}) {
      const RandomKey key{9, RandomStream::sample};
      const HostTensor host = latent_for_seed(key, 5, kNz, distribution);
      const DeviceTensor drawn(context, {5, kNz}, DType::f32);
      generator.draw(context, drawn.view.rows(0, 3), {key, distribution, 0});
      generator.draw(context, drawn.view.rows(3, 2), {key, distribution, 3});
      CHECK(test::bytes_of(context, drawn.view) == test::bytes_of(host));
    }
  }
}

TEST_CASE("row i of a seed's latent vectors does not depend on how many are drawn") {
  const HostTensor few = latent_for_seed({9, RandomStream::sample}, 2, 7);
  const HostTensor many = latent_for_seed({9, RandomStream::sample}, 50, 7);
  CHECK(std::equal(few.view().as<float>(), few.view().as<float>() + 14, many.view().as<float>()));
}

TEST_CASE("the memory of a generator is known before there is one") {
  for (const Device device : test::devices_under_test()) {
    const Context context(device);
    const auto blocks = generator_blocks(test::kTinyModel);
    const Generator generator(context, blocks, {7});
    const MemoryPlan plan = generator_memory_plan(context, blocks, {7});
    INFO(to_string(device));
    CHECK(plan.bytes() == generator.memory_plan().bytes());
    CHECK(plan.slots().size() == generator.memory_plan().slots().size());
    // At least the 7 images of 32 x 32 as they are computed and as they are downloaded, in f32.
    CHECK(plan.bytes() >= 2 * 7 * 32 * 32 * sizeof(float));
    CHECK(plan.bytes() < generator_memory_plan(context, blocks, {70}).bytes());
  }
}

TEST_CASE("a precision that the CPU does not have is refused, with the reason") {
  const Context context(Device{});
  DCGAN_CHECK_FAILS(Generator(context, generator_blocks(test::kTinyModel), {1, Precision::tf32}),
                    ErrorKind::unavailable, "TF32");
}

TEST_CASE("latent vectors of another length are refused with both lengths") {
  const Context context(Device{});
  Generator generator = test::prepared_generator(context, {2});
  CHECK_THROWS_WITH(generator.sample(context, HostTensor({3, 9}, DType::f32)),
                    Contains("[3, 9]") && Contains("[n, 6]"));
}

TEST_CASE("tensors that do not fit the generator are a broken contract") {
  const Context context(Device{});
  Generator generator = test::prepared_generator(context, {2});
  const auto refused = [&](Shape z, DType z_type, Shape images, DType images_type,
                           const char* part) {
    const DeviceTensor vectors(context, z, z_type);
    const DeviceTensor result(context, images, images_type);
    DCGAN_CHECK_FAILS((generator.generate(context, vectors.view, result.view), 0),
                      ErrorKind::internal, part);
  };
  const auto f32 = DType::f32;
  const Shape two{2, 32, 32, 1};
  refused({3, kNz}, f32, {3, 32, 32, 1}, f32, "[3, 6]");
  refused({2, kNz + 1}, f32, two, f32, "[2, 7]");
  refused({2, kNz}, DType::bf16, two, f32, "bf16");
  refused({2, kNz}, f32, {1, 32, 32, 1}, f32, "[1, 32, 32, 1]");
  refused({2, kNz}, f32, two, DType::i64, "i64");
}
