// The C library on a caller's stream of the emulated GPU: enqueued and no more, captured into a
// graph of the caller's, in order with its other streams.
#include <cuda_runtime_api.h>

#include "tests/models/api/support.h"
#include "tests/models/emulated_calls.h"

using namespace dcgan;
using namespace dcgan::test;

namespace {

using Bytes = std::vector<std::uint8_t>;
constexpr Device kGpu{DeviceType::cuda, 0};
constexpr std::int64_t kCount = 6;  // more than a batch

#define REQUIRE_CUDA(call) REQUIRE((call) == cudaSuccess)

/// What a host program of CUDA has: a stream, memory for vectors and for images, all its own.
struct Host {
  explicit Host(int device = 0) {
    REQUIRE_CUDA(cudaSetDevice(device));
    REQUIRE_CUDA(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    REQUIRE_CUDA(cudaMalloc(reinterpret_cast<void**>(&z), kCount * kTinyModel.nz * sizeof(float)));
    REQUIRE_CUDA(cudaMalloc(&pixels, kCount * kTinyPixels));
    clear();
  }
  ~Host() {
    cudaFree(z);
    cudaFree(pixels);
    cudaStreamDestroy(stream);
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  dcgan_images images() const {
    return images_in(pixels, kCount, DCGAN_TYPE_UINT8, DCGAN_MEMORY_DEVICE);
  }
  Bytes downloaded() const {
    Bytes bytes(kCount * kTinyPixels);
    REQUIRE_CUDA(
        cudaMemcpyAsync(bytes.data(), pixels, bytes.size(), cudaMemcpyDeviceToHost, stream));
    REQUIRE_CUDA(cudaStreamSynchronize(stream));
    return bytes;
  }
  void clear() const {
    REQUIRE_CUDA(cudaMemsetAsync(pixels, 0, kCount * kTinyPixels, stream));
    REQUIRE_CUDA(cudaStreamSynchronize(stream));
  }

  cudaStream_t stream = nullptr;
  float* z = nullptr;
  void* pixels = nullptr;
};

int current_device() {
  int device = -1;
  REQUIRE_CUDA(cudaGetDevice(&device));
  return device;
}

}  // namespace

TEST_CASE("on a caller's stream a call enqueues, allocates nothing and waits for nothing") {
  const TinyFile file;
  const Bytes expected = expected_images(file, Context(kGpu), kCount);
  const Opened generator(file.path(), options_on("cuda"));
  const Host host;
  const dcgan_images to = host.images();
  for (int call = 0; call < 3; ++call) {
    host.clear();
    const emulator::Live live = emulator::live();
    const std::int64_t run = emulator::nodes_run();
    require_ok(dcgan_generator_draw(generator, kTinySeed, 0, kCount, host.z, DCGAN_MEMORY_DEVICE,
                                    host.stream));
    require_ok(dcgan_generator_generate(generator, host.z, DCGAN_MEMORY_DEVICE, &to, host.stream));
    CHECK(emulator::nodes_run() == run);
    CHECK(emulator::nodes_pending() > 0);
    CHECK(emulator::live() == live);
    CHECK(host.downloaded() == expected);
    host.clear();
    require_ok(dcgan_generator_sample(generator, kTinySeed, 0, &to, host.stream));
    CHECK(host.downloaded() == expected);
  }
}

TEST_CASE("a caller's graph holds the calls of its capture, and follows its latent vectors") {
  const TinyFile file;
  const Bytes expected = expected_images(file, Context(kGpu), kCount);
  const Bytes later = expected_images(file, Context(kGpu), kCount, 20);
  REQUIRE(expected != later);
  for (const std::uint64_t seed : {1, 2, 3, 5, 8}) {
    emulator::reset(seed);
    const Opened generator(file.path(), options_on("cuda"));
    const Host host;
    const dcgan_images to = host.images();
    const auto generate = [&] {
      return dcgan_generator_generate(generator, host.z, DCGAN_MEMORY_DEVICE, &to, host.stream);
    };
    const auto draw = [&](std::uint64_t first) {
      require_ok(dcgan_generator_draw(generator, kTinySeed, first, kCount, host.z,
                                      DCGAN_MEMORY_DEVICE, host.stream));
    };
    draw(0);
    require_ok(generate());
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t executable = nullptr;
    REQUIRE_CUDA(cudaStreamBeginCapture(host.stream, cudaStreamCaptureModeThreadLocal));
    Bytes on_host(kCount * kTinyPixels);
    const dcgan_images to_host = images_in(on_host.data(), kCount, DCGAN_TYPE_UINT8);
    CHECK(dcgan_generator_generate(generator, host.z, DCGAN_MEMORY_DEVICE, &to_host, host.stream) ==
          DCGAN_ERROR_USAGE);
    CHECK_THAT(dcgan_last_error(), Contains("captured"));
    require_ok(generate());  // the refused call has not spoilt the capture
    REQUIRE_CUDA(cudaStreamEndCapture(host.stream, &graph));
    REQUIRE_CUDA(cudaGraphInstantiate(&executable, graph, 0));
    REQUIRE_CUDA(cudaGraphDestroy(graph));
    for (const std::uint64_t first : {0, 20, 0}) {
      draw(first);
      REQUIRE_CUDA(cudaGraphLaunch(executable, host.stream));
      CHECK(host.downloaded() == (first == 0 ? expected : later));
    }
    REQUIRE_CUDA(cudaGraphExecDestroy(executable));
  }
}

TEST_CASE("calls on different streams follow each other") {
  const TinyFile file;
  const Bytes expected = expected_images(file, Context(kGpu), kCount);
  const Bytes later = expected_images(file, Context(kGpu), kCount, 20);
  for (std::uint64_t seed = 1; seed < 12; ++seed) {
    emulator::reset(seed);
    const Opened generator(file.path(), options_on("cuda"));
    const Host one, two;
    const dcgan_images to_one = one.images(), to_two = two.images();
    for (int repeat = 0; repeat < 2; ++repeat) {
      require_ok(dcgan_generator_sample(generator, kTinySeed, 0, &to_one, one.stream));
      require_ok(dcgan_generator_sample(generator, kTinySeed, 20, &to_two, two.stream));
    }
    INFO("seed " << seed);
    CHECK(two.downloaded() == later);
    CHECK(one.downloaded() == expected);
  }
}

TEST_CASE("the caller's current GPU stays, whichever GPU the generator has") {
  const TinyFile file;
  for (const int callers : {0, 1}) {
    for (const int generators : {0, 1}) {
      INFO("caller " << callers << ", generator " << generators);
      const std::string device = "cuda:" + std::to_string(generators);
      const Host host(generators);
      REQUIRE_CUDA(cudaSetDevice(callers));
      auto info = sized<dcgan_generator_info>();
      const dcgan_generator_options options = options_on(device.c_str());
      require_ok(dcgan_generator_inspect(file.path(), &options, &info));
      CHECK(info.device_ordinal == generators);
      CHECK(info.is_cuda == 1);
      CHECK(current_device() == callers);
      {
        const Opened generator(file.path(), options);
        CHECK(current_device() == callers);
        const dcgan_images to = host.images();
        auto before = emulator::calls();
        require_ok(dcgan_generator_sample(generator, kTinySeed, 0, &to, host.stream));
        // To the generator's and back; the emulator does not mind launches from another one.
        CHECK(more_calls(before)["cudaSetDevice"] == 2);
        CHECK(current_device() == callers);
        require_ok(dcgan_generator_sample(generator, kTinySeed, 0, &to, nullptr));
        CHECK(current_device() == callers);
        dcgan_images wrong = to;
        wrong.type = 12;
        CHECK(dcgan_generator_sample(generator, kTinySeed, 0, &wrong, host.stream) ==
              DCGAN_ERROR_USAGE);
        CHECK(current_device() == callers);
        Context on_its_gpu(Device{DeviceType::cuda, generators});
        const Bytes expected = expected_images(file, on_its_gpu, kCount);
        CHECK(host.downloaded() == expected);
        REQUIRE_CUDA(cudaSetDevice(callers));
      }
      CHECK(current_device() == callers);
      dcgan_generator* none = nullptr;
      CHECK(dcgan_generator_open("/nowhere", &options, &none) == DCGAN_ERROR_IO);
      CHECK(current_device() == callers);
    }
  }
  REQUIRE_CUDA(cudaSetDevice(0));
}

TEST_CASE("a pool of device memory is asked with the generator's GPU current, and gets all back") {
  struct Pool {
    std::size_t bytes = 0;
    int blocks = 0;
    bool other_device = false;
  } pool;
  const auto take = [](void* user, std::size_t bytes, std::size_t) -> void* {
    auto& all = *static_cast<Pool*>(user);
    all.other_device |= current_device() != 1;
    all.bytes += bytes;
    ++all.blocks;
    void* data = nullptr;
    return cudaMalloc(&data, bytes) == cudaSuccess ? data : nullptr;
  };
  const auto give_back = [](void* user, void* data, std::size_t) {
    auto& all = *static_cast<Pool*>(user);
    all.other_device |= current_device() != 1;
    --all.blocks;
    cudaFree(data);
  };
  const TinyFile file;
  REQUIRE_CUDA(cudaSetDevice(0));
  const dcgan_memory_resource memory{sizeof memory, &pool, take, give_back};
  dcgan_generator_options options = options_on("cuda:1");
  options.memory = &memory;
  dcgan_generator* generator = nullptr;
  require_ok(dcgan_generator_open(file.path(), &options, &generator));
  auto info = sized<dcgan_generator_info>();
  require_ok(dcgan_generator_query(generator, &info));
  CHECK(pool.bytes == info.memory_bytes);
  CHECK(pool.blocks > 0);
  require_ok(dcgan_generator_close(&generator));
  CHECK(pool.blocks == 0);
  CHECK(!pool.other_device);
  CHECK(current_device() == 0);
}

TEST_CASE("the memory of a GPU is known before, and all of it is released") {
  const TinyFile file;
  const dcgan_generator_options options = options_on("cuda");
  auto info = sized<dcgan_generator_info>();
  const emulator::Live before = emulator::live();
  require_ok(dcgan_generator_inspect(file.path(), &options, &info));
  CHECK(emulator::live() == before);
  {
    const Opened generator(file.path(), options);
    CHECK(emulator::live().bytes - before.bytes == info.memory_bytes + info.pinned_bytes);
    Bytes pixels(kCount * kTinyPixels);
    const dcgan_images to = images_in(pixels.data(), kCount, DCGAN_TYPE_UINT8);
    require_ok(dcgan_generator_sample(generator, kTinySeed, 0, &to, nullptr));
    CHECK(emulator::live().bytes - before.bytes == info.memory_bytes + info.pinned_bytes);
  }
  CHECK(emulator::live() == before);
}
