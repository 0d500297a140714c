#include "models/generation/saved_generator.h"

#include <fmt/format.h>

#include <fstream>

#include "models/checkpoint/training_state.h"
#include "models/generation/latent_vectors.h"
#include "tests/models/generation/support.h"

using namespace dcgan;
namespace fs = std::filesystem;

namespace {

/// Collects warnings.
struct Warnings {
  std::vector<std::string> texts;
  Warn warn() {
    return [this](const std::string& text) { texts.push_back(text); };
  }
};

Warn no_warning() {
  return [](const std::string& text) { FAIL_CHECK("unexpected warning: " << text); };
}

enum class Average { none, kept };

/// A run's two networks, saved as it would save them.
class SavedRun {
 public:
  explicit SavedRun(Precision precision = Precision::fp32, Average average = Average::none)
      : config_(fmt::format(R"({{"preset": "mnist32", "image-size": 0, "channels": 0, "nz": {},
                                 "ngf": {}, "ndf": {}, "latent": "normal", "precision": "{}"}})",
                            test::kTinyModel.nz, test::kTinyModel.ngf, test::kTinyModel.ndf,
                            enum_name(precision))),
        generator_(host_, generator_blocks(test::kTinyModel)),
        discriminator_(host_, discriminator_blocks(test::kTinyModel)) {
    for (Network* network : {&generator_, &discriminator_}) {
      test::prepare(host_, *network);
      network->parameters().make_training_arrays(host_);
    }
    if (average == Average::none) return;
    generator_.parameters().make_ema(host_);
    generator_.parameters().flat(ParameterArray::ema).as<float>()[0] += 1.0f;
  }

  fs::path save(std::int64_t step) {
    TrainingState state;
    state.step = step;
    const CheckpointContents contents{generator_, discriminator_, OptimizerKind::adam,
                                      config_,    state,          {}};
    return save_checkpoint(host_, folder(), contents, /*keep=*/0);
  }
  const fs::path& folder() const { return folder_.path(); }
  const Context& host() const { return host_; }

 private:
  std::string config_;
  const Context host_{Device{}};
  test::TemporaryFolder folder_;
  Network generator_;
  Network discriminator_;
};

void change_byte(const fs::path& path) {
  std::fstream stream(path, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekg(100);
  const char changed = static_cast<char>(stream.get() ^ 1);
  stream.seekp(100);
  stream.put(changed);
  REQUIRE(stream.good());
}

std::vector<std::byte> images_of(const Context& context, Generator& generator) {
  const HostTensor z = latent_for_seed({5, RandomStream::sample}, 3, generator.nz());
  return test::bytes_of(generator.sample_values(context, z));
}

std::vector<std::byte> loaded_images(const Context& context, const SavedGenerator& saved) {
  Generator generator = load_generator(context, saved, 2, no_warning());
  return images_of(context, generator);
}

}  // namespace

TEST_CASE("a checkpoint, its output folder and the bare file open the same generator") {
  SavedRun run;
  const fs::path checkpoint = run.save(7);
  for (const Device device : test::devices_under_test()) {
    const Context context(device);
    INFO(to_string(device));
    Generator trained = test::prepared_generator(context, {2});
    const auto expected = images_of(context, trained);
    for (const fs::path& where : {checkpoint, run.folder()}) {
      const SavedGenerator saved = find_saved_generator(where, no_warning());
      CHECK(saved.checkpoint == checkpoint);
      CHECK(saved.model.model == test::kTinyModel);
      CHECK(loaded_images(context, saved) == expected);
    }
    const SavedGenerator bare{{}, checkpoint / "generator.safetensors", {test::kTinyModel, {}, {}}};
    CHECK(loaded_images(context, bare) == expected);
  }
}

TEST_CASE("the averaged generator is taken where there is one") {
  SavedRun run(Precision::fp32, Average::kept);
  run.save(1);
  const SavedGenerator average = find_saved_generator(run.folder(), no_warning());
  CHECK(average.weights.filename() == "generator_ema.safetensors");
  SavedGenerator plain = average;
  plain.weights = average.checkpoint / "generator.safetensors";
  CHECK(loaded_images(run.host(), average) != loaded_images(run.host(), plain));
}

TEST_CASE("a damaged newest checkpoint is passed over with one warning that names it") {
  SavedRun run;
  const fs::path older = run.save(1);
  const fs::path newer = run.save(2);
  change_byte(newer / "discriminator.safetensors");
  Warnings warnings;
  CHECK(find_saved_generator(run.folder(), warnings.warn()).checkpoint == older);
  REQUIRE(warnings.texts.size() == 1);
  CHECK_THAT(warnings.texts[0], Contains("step_00000002"));
  DCGAN_CHECK_FAILS(find_saved_generator(newer, no_warning()), ErrorKind::bad_data,
                    "discriminator.safetensors");
}

TEST_CASE("the files are hashed when the checkpoint is found and not again when it is loaded") {
  SavedRun run;
  const fs::path checkpoint = run.save(1);
  const SavedGenerator saved = find_saved_generator(run.folder(), no_warning());
  const auto expected = loaded_images(run.host(), saved);
  change_byte(checkpoint / "optimizer.safetensors");  // which nothing but a hash would notice
  CHECK(loaded_images(run.host(), saved) == expected);
  DCGAN_CHECK_FAILS(find_saved_generator(checkpoint, no_warning()), ErrorKind::bad_data,
                    "optimizer.safetensors");
}

TEST_CASE("a generator is computed in the precision of its run, else in fp32 with a warning") {
  for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16}) {
    SavedRun run(precision);
    run.save(1);
    for (const Device device : test::devices_under_test()) {
      const Context context(device);
      INFO(to_string(device) << " " << enum_name(precision));
      const SavedGenerator saved = find_saved_generator(run.folder(), no_warning());
      REQUIRE(saved.model.precision == precision);
      const bool computable =
          !test::error_of([&] {
             generator_memory_plan(context, generator_blocks(test::kTinyModel), {2, precision});
           }).has_value();
      if (precision == Precision::tf32) CHECK(computable == context.is_cuda());
      Warnings warnings;
      Generator generator = load_generator(context, saved, 2, warnings.warn());
      const Precision used = computable ? precision : Precision::fp32;
      CHECK(generator.precision() == used);
      CHECK(warnings.texts.size() == (computable ? 0 : 1));
      for (const std::string& text : warnings.texts) {
        CHECK_THAT(text, Contains("fp32 instead of " + std::string(enum_name(precision))));
      }
      Generator reference = test::prepared_generator(context, {2, used});
      CHECK(images_of(context, generator) == images_of(context, reference));
    }
  }
}

TEST_CASE("a bf16 run's generator draws other bits than an fp32 run's") {
  for (const Device device : test::devices_under_test()) {
    const Context context(device);
    if (test::precisions_of(context).size() < 2) continue;
    INFO(to_string(device));
    Generator fp32 = test::prepared_generator(context, {2, Precision::fp32});
    Generator bf16 = test::prepared_generator(context, {2, Precision::bf16});
    CHECK(images_of(context, fp32) != images_of(context, bf16));
  }
}

TEST_CASE("a caller may override the saved model; weights that do not fit it are refused") {
  SavedRun run;
  run.save(1);
  SavedGenerator saved = find_saved_generator(run.folder(), no_warning());
  saved.model.model.ngf = 8;
  DCGAN_CHECK_FAILS(load_generator(run.host(), saved, 2, no_warning()), ErrorKind::bad_data,
                    "main.0.weight");
  saved.model.model.channels = 2;
  DCGAN_CHECK_FAILS(load_generator(run.host(), saved, 2, no_warning()), ErrorKind::config,
                    "channels");
}

TEST_CASE("a file that is not there is named") {
  const Context context(Device{});
  test::TemporaryFolder folder;
  DCGAN_CHECK_FAILS(find_saved_generator(folder / "none", no_warning()), ErrorKind::io, "none");
  const SavedGenerator bare{{}, folder / "netG.safetensors", {test::kTinyModel, {}, {}}};
  DCGAN_CHECK_FAILS(load_generator(context, bare, 2, no_warning()), ErrorKind::io,
                    "netG.safetensors");
}
