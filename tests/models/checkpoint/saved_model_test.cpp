#include "models/checkpoint/saved_model.h"

#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;

namespace {

constexpr const char* kConfig = R"({
  "preset": "mnist32",
  "image-size": 64,
  "channels": 0,
  "nz": 6,
  "ngf": 4,
  "ndf": 0,
  "latent": "uniform",
  "lr": 0.1,
  "precision": "bf16"
})";

/// kConfig with `from` replaced, read from a checkpoint folder.
SavedModel read_with(const test::TemporaryFolder& folder, const std::string& from,
                     const std::string& to) {
  std::string text = kConfig;
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  test::write_plainly(folder / "config.json", text.replace(at, from.size(), to));
  return read_saved_model(folder.path());
}

}  // namespace

TEST_CASE("a saved model is the preset with the run's sizes, its latent and its precision") {
  const test::TemporaryFolder folder;
  const SavedModel saved = read_with(folder, "\"lr\": 0.1", "\"lr\": 0.2");
  CHECK(saved.model == ModelConfig{NetworkFamily::dcgan, 64, 1, 6, 4, 64});
  CHECK(saved.latent == LatentDistribution::uniform);
  CHECK(saved.precision == Precision::bf16);
}

TEST_CASE("a config.json that says no model is refused with its name and the key's") {
  const test::TemporaryFolder folder;
  const std::string file = (folder / "config.json").string();
  const auto refused = [&](const char* from, const char* to, const char* key) {
    INFO(to);
    DCGAN_CHECK_FAILS(read_with(folder, from, to), ErrorKind::bad_data, file);
    DCGAN_CHECK_FAILS(read_with(folder, from, to), ErrorKind::bad_data, key);
  };
  refused("\"preset\": \"mnist32\",", "", "preset");
  refused("\"mnist32\"", "\"mnist33\"", "preset");
  refused("\"mnist32\"", "5", "preset");
  refused("\"image-size\": 64", "\"image-size\": 48", "image-size");
  refused("\"nz\": 6,", "", "nz");
  refused("\"nz\": 6", "\"nz\": 6.5", "nz");
  refused("\"nz\": 6", "\"nz\": -1", "nz");
  refused("\"ngf\": 4", "\"ngf\": \"4\"", "ngf");
  refused("\"uniform\"", "\"cauchy\"", "latent");
  refused("\"bf16\"", "\"fp8\"", "precision");
  refused("\"bf16\"\n}", "\"bf16\"", "JSON");
  refused(kConfig, "[]", "JSON");
}

TEST_CASE("a checkpoint without config.json is an error that names the file") {
  const test::TemporaryFolder folder;
  DCGAN_CHECK_FAILS(read_saved_model(folder.path()), ErrorKind::io, "config.json");
}
