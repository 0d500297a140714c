// Misuse of the C library is a status with words, never an abort.
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "models/api/generator_handle.h"
#include "tests/models/api/support.h"

using namespace dcgan;
using namespace dcgan::test;

namespace {

/// A caller's struct of a header that has one field more.
struct NewerOptions {
  dcgan_generator_options known;
  std::uint64_t unknown = 0;
};
struct NewerInfo {
  dcgan_generator_info known;
  std::uint64_t unknown = 1;
};

void check_refused(dcgan_status found, dcgan_status wanted, const char* words) {
  INFO(dcgan_last_error());
  CHECK(found == wanted);
  CHECK_THAT(dcgan_last_error(), Contains(words));
}

}  // namespace

TEST_CASE("arguments that are missing or of no meaning are refused by name") {
  const TinyFile file;
  const Opened generator(file.path(), options_on("cpu"));
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(4 * kTinyPixels), 7);
  float z[kTinyModel.nz] = {};
  dcgan_images to = images_in(pixels.data(), 1, DCGAN_TYPE_UINT8);
  const auto refuse = [&](const dcgan_images* images, const char* words) {
    check_refused(dcgan_generator_sample(generator, 1, 0, images, nullptr), DCGAN_ERROR_USAGE,
                  words);
    CHECK(pixels == std::vector<std::uint8_t>(pixels.size(), 7));
  };
  refuse(nullptr, "images is NULL");
  const auto refuse_with = [&](const auto& change, const char* words) {
    dcgan_images changed = to;
    change(changed);
    refuse(&changed, words);
  };
  refuse_with([](dcgan_images& i) { i.struct_size = 0; }, "struct_size is 0");
  refuse_with([](dcgan_images& i) { i.struct_size = 1 << 20; }, "struct_size is 1048576");
  refuse_with([](dcgan_images& i) { i.data = nullptr; }, "data is NULL");
  refuse_with([](dcgan_images& i) { i.count = -1; }, "count -1");
  refuse_with([](dcgan_images& i) { i.type = 9; }, "type 9");
  refuse_with([](dcgan_images& i) { i.layout = 9; }, "layout 9");
  refuse_with([](dcgan_images& i) { i.memory = 9; }, "memory 9");
  refuse_with([](dcgan_images& i) { i.reserved = 9; }, "reserved");
  refuse_with([](dcgan_images& i) { i.strides[0] = 1; }, "share memory");
  refuse_with(
      [](dcgan_images& i) {
        i.type = DCGAN_TYPE_FLOAT32;
        i.data = static_cast<std::uint8_t*>(i.data) + 1;
      },
      "not aligned");
  check_refused(dcgan_generator_sample(nullptr, 1, 0, &to, nullptr), DCGAN_ERROR_USAGE,
                "generator is NULL");
  check_refused(dcgan_generator_sample(generator, 1, std::uint64_t{1} << 32, &to, nullptr),
                DCGAN_ERROR_USAGE, "latent vectors 4294967296");
  check_refused(dcgan_generator_sample(generator, 1, 0, &to, &to), DCGAN_ERROR_USAGE,
                "a stream for a generator on the CPU");
  check_refused(dcgan_generator_generate(generator, nullptr, DCGAN_MEMORY_HOST, &to, nullptr),
                DCGAN_ERROR_USAGE, "latents is NULL");
  check_refused(dcgan_generator_generate(generator, z, 7, &to, nullptr), DCGAN_ERROR_USAGE,
                "memory 7");
  check_refused(dcgan_generator_draw(generator, 1, 0, -1, z, DCGAN_MEMORY_HOST, nullptr),
                DCGAN_ERROR_USAGE, "count -1");
  to.count = 0;  // nothing to do is no mistake
  to.data = nullptr;
  require_ok(dcgan_generator_sample(generator, 1, 0, &to, nullptr));
  require_ok(dcgan_generator_draw(generator, 1, 0, 0, nullptr, DCGAN_MEMORY_HOST, nullptr));
}

TEST_CASE("a generator that cannot be opened says why, and the handle is NULL") {
  const TinyFile file;
  const auto refuse = [&](const char* path, const dcgan_generator_options& options,
                          dcgan_status status, const char* words) {
    std::byte somewhere{};
    auto* generator = reinterpret_cast<dcgan_generator*>(&somewhere);
    check_refused(dcgan_generator_open(path, &options, &generator), status, words);
    CHECK(generator == nullptr);
    auto info = sized<dcgan_generator_info>();
    CHECK(dcgan_generator_inspect(path, &options, &info) == status);
  };
  const dcgan_generator_options cpu = options_on("cpu");
  refuse(nullptr, cpu, DCGAN_ERROR_USAGE, "path is NULL");
  refuse("/nowhere/at all", cpu, DCGAN_ERROR_IO, "/nowhere/at all");
  refuse(file.path(), options_on("tpu"), DCGAN_ERROR_USAGE, "tpu");
  refuse(file.path(), options_on("cuda:99"), DCGAN_ERROR_UNAVAILABLE, "cuda:99");
  refuse(file.path(), options_on("cpu", -1), DCGAN_ERROR_USAGE, "batch -1");
  dcgan_generator_options other = cpu;
  other.precision = 17;
  refuse(file.path(), other, DCGAN_ERROR_USAGE, "precision 17");
  other.precision = DCGAN_PRECISION_TF32;  // asked for by name: not replaced
  refuse(file.path(), other, DCGAN_ERROR_UNAVAILABLE, "TF32");
  other = cpu;
  other.threads = -2;
  refuse(file.path(), other, DCGAN_ERROR_USAGE, "threads -2");
  const TemporaryFolder folder;
  const std::string text = (folder.path() / "text").string();
  std::ofstream(text) << "no tensors in here";
  refuse(text.c_str(), cpu, DCGAN_ERROR_BAD_DATA, "text");
  check_refused(dcgan_generator_open(file.path(), &cpu, nullptr), DCGAN_ERROR_USAGE,
                "generator is NULL");
  check_refused(dcgan_generator_inspect(file.path(), &cpu, nullptr), DCGAN_ERROR_USAGE,
                "info is NULL");
}

TEST_CASE("closing NULL, closing twice and closing no handle are statuses") {
  const TinyFile file;
  dcgan_generator* generator = nullptr;
  require_ok(dcgan_generator_close(&generator));
  const dcgan_generator_options options = options_on("cpu");
  require_ok(dcgan_generator_open(file.path(), &options, &generator));
  require_ok(dcgan_generator_close(&generator));
  CHECK(generator == nullptr);
  require_ok(dcgan_generator_close(&generator));
  CHECK(dcgan_generator_close(nullptr) == DCGAN_ERROR_USAGE);
}

TEST_CASE("a newer caller is told of fields that are not known, and of none that are zero") {
  const TinyFile file;
  NewerOptions options{options_on("cpu")};
  options.known.struct_size = sizeof options;
  NewerInfo info{sized<dcgan_generator_info>()};
  info.known.struct_size = sizeof info;
  require_ok(dcgan_generator_inspect(file.path(), &options.known, &info.known));
  CHECK(info.known.struct_size == sizeof info);
  CHECK(info.known.height == 32);
  CHECK(info.unknown == 0);
  options.unknown = 1;
  check_refused(dcgan_generator_inspect(file.path(), &options.known, &info.known),
                DCGAN_ERROR_USAGE, "does not know");
}

TEST_CASE("a second thread in a call is refused, and so is closing under it") {
  const TinyFile file;
  dcgan_generator* generator = nullptr;
  const dcgan_generator_options options = options_on("cpu");
  require_ok(dcgan_generator_open(file.path(), &options, &generator));
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(kTinyPixels));
  const dcgan_images to = images_in(pixels.data(), 1, DCGAN_TYPE_UINT8);
  {
    const dcgan_generator::Call other(generator);
    check_refused(dcgan_generator_sample(generator, 1, 0, &to, nullptr), DCGAN_ERROR_BUSY,
                  "another thread");
    check_refused(dcgan_generator_close(&generator), DCGAN_ERROR_BUSY, "another thread");
    CHECK(generator != nullptr);
  }
  require_ok(dcgan_generator_sample(generator, 1, 0, &to, nullptr));
  require_ok(dcgan_generator_close(&generator));
}

TEST_CASE("a child process is refused, and the parent goes on") {
  const TinyFile file;
  dcgan_generator* generator = nullptr;
  dcgan_generator_options options = options_on("cpu");
  options.threads = 1;
  require_ok(dcgan_generator_open(file.path(), &options, &generator));
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(kTinyPixels));
  const dcgan_images to = images_in(pixels.data(), 1, DCGAN_TYPE_UINT8);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    auto info = sized<dcgan_generator_info>();
    const bool refused =
        dcgan_generator_sample(generator, 1, 0, &to, nullptr) == DCGAN_ERROR_FORKED &&
        dcgan_generator_query(generator, &info) == DCGAN_ERROR_FORKED &&
        dcgan_generator_close(&generator) == DCGAN_ERROR_FORKED &&
        std::strstr(dcgan_last_error(), "fork") != nullptr;
    ::_exit(refused ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  require_ok(dcgan_generator_sample(generator, 1, 0, &to, nullptr));
  require_ok(dcgan_generator_close(&generator));
}

TEST_CASE("the library tells what it is") {
  auto info = sized<dcgan_library_info>();
  require_ok(dcgan_library_query(&info));
  CHECK(info.version_number == DCGAN_HEADER_VERSION);
  const int number = info.version_number;
  CHECK(info.version == std::to_string(number / 10000) + "." + std::to_string(number / 100 % 100) +
                            "." + std::to_string(number % 100));
  CHECK(info.has_cuda == (kHasCuda ? 1 : 0));
  CHECK((std::strlen(info.cuda_architectures) > 0) == kHasCuda);
  CHECK(dcgan_library_query(nullptr) == DCGAN_ERROR_USAGE);
  CHECK(std::string(dcgan_status_name(DCGAN_ERROR_BAD_DATA)) == "bad data");
  CHECK(std::string(dcgan_status_name(1234)) == "unknown");
}
