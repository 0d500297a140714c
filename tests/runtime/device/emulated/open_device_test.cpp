// Which of several GPUs a request opens.
#include "runtime/device/open_device.h"

#include <string>
#include <vector>

#include "runtime/device/event.h"
#include "runtime/device/memory.h"
#include "tests/emulator/runtime/simulation.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;
using Kind = DeviceRequest::Kind;

TEST_CASE("an automatic choice opens the first GPU without a notice") {
  emulator::reset(1);
  std::vector<std::string> notices;
  const Context context =
      open_device({}, [&](std::string_view line) { notices.emplace_back(line); });
  CHECK(to_string(context.device()) == "cuda:0");
  CHECK(notices.empty());
}

TEST_CASE("an automatic choice without a GPU opens the CPU and sends a notice") {
  emulator::reset(1);
  emulator::pretend({.devices = 0, .count_error = cudaErrorNoDevice});
  std::vector<std::string> notices;
  const Context context =
      open_device({}, [&](std::string_view line) { notices.emplace_back(line); });
  CHECK(to_string(context.device()) == "cpu");
  REQUIRE(notices.size() == 1);
  CHECK_THAT(notices[0], Contains("no GPU found, computing on the CPU with"));
  CHECK_NOTHROW(open_device({}, {}));  // nobody has to listen
  emulator::reset(1);
}

TEST_CASE("a request for cuda:1 computes on the second GPU") {
  emulator::reset(1);
  emulator::pretend({.devices = 2, .memory_bytes = std::size_t{8} << 20});
  const Context context = open_device({Kind::cuda, 1}, {});
  CHECK(to_string(context.device()) == "cuda:1");
  const std::size_t free_before = free_bytes(context);
  const Buffer buffer(context, std::size_t{1} << 20);
  CHECK(free_before - free_bytes(context) == std::size_t{1} << 20);
  fill_zero(context, TensorView(buffer.data(), {8}, DType::u8));
  Event done(context);
  done.record(context);
  done.synchronize();
  CHECK(done.is_done());
  emulator::reset(1);
}

TEST_CASE("a request for a GPU that does not exist fails with the number of GPUs") {
  emulator::reset(1);
  emulator::pretend({.devices = 1});
  DCGAN_CHECK_FAILS(open_device({Kind::cuda, 1}, {}), ErrorKind::unavailable,
                    "cuda:1: there is 1 GPU here");
  emulator::reset(1);
}
