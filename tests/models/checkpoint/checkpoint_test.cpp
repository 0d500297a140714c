#include "models/checkpoint/checkpoint.h"

#include <fstream>

#include "models/checkpoint/manifest.h"
#include "models/networks/state_dict.h"
#include "runtime/io/files.h"
#include "tests/models/support.h"
#include "tests/support/shared_data.h"

using namespace dcgan;
namespace fs = std::filesystem;

namespace {

struct Pair {
  explicit Pair(const Context& context, const RunOptions& options)
      : generator(context, generator_blocks(model_config(options))),
        discriminator(context, discriminator_blocks(model_config(options))) {
    for (Network* network : {&generator, &discriminator}) {
      network->parameters().make_training_arrays(context);
    }
    generator.parameters().initialize(context, {7, RandomStream::generator_init});
    discriminator.parameters().initialize(context, {7, RandomStream::discriminator_init});
  }
  Network generator;
  Network discriminator;
};

fs::path save(const Context& context, const fs::path& out, const RunOptions& options,
              const Pair& pair, std::int64_t step) {
  TrainingState state;
  state.step = step;
  return save_checkpoint(context, out, options, pair.generator, pair.discriminator, state);
}

}  // namespace

TEST_CASE("what is saved is what is loaded") {
  const Context context(Device{});
  RunOptions options = test::tiny_options();
  options.ema_decay = 0.5;
  Pair saved(context, options);
  saved.generator.parameters().make_ema(context);
  saved.generator.parameters().flat(ParameterArray::first_moment).as<float>()[1] = 3.0f;
  test::TemporaryFolder folder;
  TrainingState state{42, 1.5, 77, {0.6, 3}};
  const fs::path path =
      save_checkpoint(context, folder.path(), options, saved.generator, saved.discriminator, state);
  CHECK(path.filename() == "step_00000042");
  CHECK(to_json(checkpoint_options(path)) == to_json(options));

  Pair loaded(context, options);
  loaded.generator.parameters().initialize(context, {8, RandomStream::generator_init});
  const TrainingState read =
      load_checkpoint(context, path, options, loaded.generator, loaded.discriminator);
  CHECK(read.step == 42);
  CHECK(read.trained_seconds == 1.5);
  CHECK(read.metrics_bytes == 77);
  CHECK(read.equilibrium.smoothed == 0.6);
  CHECK(read.equilibrium.steps_inside == 3);
  CHECK(test::state_of(context, loaded.generator) == test::state_of(context, saved.generator));
  CHECK(test::state_of(context, loaded.discriminator) ==
        test::state_of(context, saved.discriminator));
}

TEST_CASE("only the last K checkpoints stay") {
  const Context context(Device{});
  RunOptions options = test::tiny_options();
  options.keep = 2;
  const Pair pair(context, options);
  test::TemporaryFolder folder;
  for (const std::int64_t step : {9, 10, 11, 100})
    save(context, folder.path(), options, pair, step);
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder.path() / "checkpoints")) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  CHECK(names == std::vector<std::string>{"step_00000011", "step_00000100"});
}

TEST_CASE("a checkpoint cut short or changed anywhere is passed over, loudly, for the one before") {
  const Context context(Device{});
  const RunOptions options = test::tiny_options();
  const Pair pair(context, options);
  test::TemporaryFolder folder;
  const fs::path older = save(context, folder.path(), options, pair, 1);
  for (const auto& entry : fs::directory_iterator(older)) {
    const std::string name = entry.path().filename().string();
    for (const bool cut : {true, false}) {
      const fs::path newer = save(context, folder.path(), options, pair, 2);
      const fs::path file = newer / name;
      const std::uint64_t size = fs::file_size(file);
      if (cut) {
        fs::resize_file(file, size - 2);  // the manifest is whole without its last line break
      } else {
        std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
        stream.seekg(static_cast<std::streamoff>(size / 2));
        const char flipped = static_cast<char>(stream.get() ^ 1);
        stream.seekp(static_cast<std::streamoff>(size / 2));
        stream.put(flipped);
      }
      std::string warning;
      INFO(name << (cut ? " cut" : " flipped"));
      CHECK(find_checkpoint(folder.path(), [&](const std::string& text) { warning = text; }) ==
            older);
      CHECK_THAT(warning, Contains("step_00000002"));
      CHECK_THROWS_AS(find_checkpoint(newer, [](const std::string&) {}), Error);
    }
  }
}

TEST_CASE("a missing file and a newer format are refused with names and versions") {
  const Context context(Device{});
  const RunOptions options = test::tiny_options();
  const Pair pair(context, options);
  test::TemporaryFolder folder;
  const fs::path path = save(context, folder.path(), options, pair, 1);
  const std::string manifest = read_text_file(path / "manifest.json", 1 << 20);
  std::string future = manifest;
  future.replace(future.find("\"format\": 1"), 11, "\"format\": 9");
  write_text_atomically(path / "manifest.json", future);
  CHECK_THAT(manifest_fault(path).value_or(""), Contains("format 9") && Contains("format 1"));
  write_text_atomically(path / "manifest.json", manifest);
  CHECK_FALSE(manifest_fault(path).has_value());
  fs::remove(path / "optimizer.safetensors");
  CHECK_THAT(manifest_fault(path).value_or(""), Contains("optimizer.safetensors"));
}

TEST_CASE("a folder without checkpoints is an error that names it") {
  test::TemporaryFolder folder;
  CHECK_THROWS_WITH(find_checkpoint(folder.path(), [](const std::string&) {}),
                    Contains(folder.path().string()));
}

TEST_CASE("weights of another network are refused whole, naming the tensors") {
  const Context context(Device{});
  RunOptions options = test::tiny_options();
  const Pair pair(context, options);
  test::TemporaryFolder folder;
  const fs::path path = save(context, folder.path(), options, pair, 1);
  options.ngf = 8;
  Network wider(context, generator_blocks(model_config(options)));
  wider.parameters().initialize(context, {1, RandomStream::generator_init});
  const auto before = test::bytes_of(context, wider.parameters().flat(ParameterArray::values));
  const SafetensorsFile file(path / "generator.safetensors");
  CHECK_THROWS_WITH(load_state_dict(context, file, wider),
                    Contains("main.0.weight is [6, 16, 4, 4], expected [6, 32, 4, 4]"));
  CHECK(test::bytes_of(context, wider.parameters().flat(ParameterArray::values)) == before);
  Network discriminator(context, discriminator_blocks(model_config(options)));
  CHECK_THROWS_WITH(load_state_dict(context, file, discriminator), Contains("main.7.running_mean"));
}
