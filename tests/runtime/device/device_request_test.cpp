#include "runtime/device/device_request.h"

#include <string>
#include <utility>
#include <vector>

#include "runtime/base/build_config.h"
#include "runtime/device/open_device.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;
using Kind = DeviceRequest::Kind;

TEST_CASE("every valid --device word is parsed") {
  const std::pair<const char*, DeviceRequest> kTable[] = {
      {"auto", {Kind::automatic, 0}},
      {"cpu", {Kind::cpu, 0}},
      {"cuda", {Kind::cuda, 0}},
      {"cuda:0", {Kind::cuda, 0}},
      {"cuda:1", {Kind::cuda, 1}},
      {"cuda:12", {Kind::cuda, 12}},
      {"cuda:2147483647", {Kind::cuda, 2147483647}},
  };
  for (const auto& [word, request] : kTable) {
    CAPTURE(word);
    CHECK(parse_device_request(word, "device") == request);
  }
}

TEST_CASE("an invalid --device word is refused with option, word and choices") {
  for (const char* word :
       {"", "gpu", "CUDA", "cpu:0", "auto:1", "cuda:", "cuda: 1", "cuda:x", "cuda:1x", "cuda:-1",
        "cuda:+1", "cuda:01", "cuda:1:2", "cuda:1.0", "cuda:2147483648", " cuda", "cuda "}) {
    DCGAN_CHECK_FAILS(parse_device_request(word, "on"), ErrorKind::usage,
                      "--on: '" + std::string(word) + "' is not auto, cuda, cuda:N or cpu");
  }
}

TEST_CASE("a device request prints as the shortest word that parses to it") {
  for (const char* word : {"auto", "cpu", "cuda", "cuda:1", "cuda:12"}) {
    CHECK(to_string(parse_device_request(word, "device")) == word);
  }
  CHECK(to_string(parse_device_request("cuda:0", "device")) == "cuda");
}

TEST_CASE("a request for the CPU opens it without a notice") {
  std::vector<std::string> notices;
  const Context context =
      open_device({Kind::cpu}, [&](std::string_view line) { notices.emplace_back(line); });
  CHECK(context.device() == Device{});
  CHECK(notices.empty());
}

TEST_CASE("an automatic choice of the CPU sends a notice with the reason") {
  if constexpr (!kHasCuda) {
    std::string notice;
    const Context context =
        open_device({}, [&](std::string_view line) { notice = std::string(line); });
    CHECK(context.device() == Device{});
    CHECK_THAT(notice, Contains("this build has no CUDA engine"));
  }
}

TEST_CASE("a GPU that does not exist is unavailable, and the message names it") {
  // No machine has a thousandth GPU.
  DCGAN_CHECK_FAILS(open_device({Kind::cuda, 999}, {}), ErrorKind::unavailable, "cuda:999");
}
