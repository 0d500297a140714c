#include "models/checkpoint/checkpoint.h"

#include <fstream>

#include "models/checkpoint/manifest.h"
#include "models/networks/state_dict.h"
#include "runtime/io/files.h"
#include "tests/models/checkpoint/support.h"

using namespace dcgan;
using test::Pair;
using test::save;
namespace fs = std::filesystem;

TEST_CASE("what is saved is what is loaded") {
  const Context context(Device{});
  Pair saved(context, test::tiny_options());
  saved.generator.parameters().make_ema(context);
  saved.generator.parameters().flat(ParameterArray::ema).as<float>()[2] = 5.0f;
  saved.generator.parameters().flat(ParameterArray::first_moment).as<float>()[1] = 3.0f;
  test::TemporaryFolder folder;
  TrainingState state;
  state.step = 42;
  *saved.generator.parameters().step().as<std::int64_t>() = 42;
  state.parts = {{"seconds", 1.5}, {"part", {{"count", 77}}}};
  const fs::path path = save(context, folder.path(), saved, state);
  CHECK(path.filename() == "step_00000042");
  CHECK(checkpoint_config_text(path) == "{}\n");

  Pair loaded(context, test::tiny_options());
  loaded.generator.parameters().initialize(context, {8, RandomStream::generator_init});
  loaded.generator.parameters().make_ema(context);
  const TrainingState read =
      load_checkpoint(context, path, OptimizerKind::adam, loaded.generator, loaded.discriminator);
  CHECK(read.step == 42);
  CHECK(read.parts == state.parts);
  CHECK(test::state_of(context, loaded.generator) == test::state_of(context, saved.generator));
  CHECK(test::state_of(context, loaded.discriminator) ==
        test::state_of(context, saved.discriminator));
}

TEST_CASE("state.json begins with the step and keeps the order of its parts") {
  test::TemporaryFolder folder;
  TrainingState state;
  state.step = 3;
  state.parts = {{"zebra", 1}, {"ant", 2}};
  write_state(folder / "state.json", state);
  CHECK(read_text_file(folder / "state.json", 100) ==
        "{\n  \"step\": 3,\n  \"zebra\": 1,\n  \"ant\": 2\n}\n");
  write_text_atomically(folder / "state.json", "{\"zebra\": 1}");
  DCGAN_CHECK_FAILS(read_state(folder / "state.json"), ErrorKind::bad_data, "state.json");
}

TEST_CASE("the manifest says how many ranks a checkpoint is of") {
  test::TemporaryFolder folder;
  write_manifest(folder.path(), {1, 4});
  CHECK_THAT(read_text_file(folder / "manifest.json", 1000), Contains("\"world_size\": 4"));
}

TEST_CASE("only the last K checkpoints stay") {
  const Context context(Device{});
  const Pair pair(context, test::tiny_options());
  test::TemporaryFolder folder;
  for (const std::int64_t step : {9, 10, 11, 100}) {
    save(context, folder.path(), pair, step, /*keep=*/2);
  }
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder.path() / "checkpoints")) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  CHECK(names == std::vector<std::string>{"step_00000011", "step_00000100"});
}

TEST_CASE("a checkpoint into which a user has put a file is not removed") {
  const Context context(Device{});
  const Pair pair(context, test::tiny_options());
  test::TemporaryFolder folder;
  const fs::path oldest = save(context, folder.path(), pair, 1);
  write_text_atomically(oldest / "notes.txt", "the best so far");
  const fs::path old = save(context, folder.path(), pair, 2);
  save(context, folder.path(), pair, 3, /*keep=*/1);
  CHECK(fs::exists(oldest / "notes.txt"));
  CHECK(fs::exists(oldest / "manifest.json"));
  CHECK(!fs::exists(old));
}

TEST_CASE("a checkpoint cut short or changed anywhere is passed over, loudly, for the one before") {
  const Context context(Device{});
  const Pair pair(context, test::tiny_options());
  test::TemporaryFolder folder;
  const fs::path older = save(context, folder.path(), pair, 1);
  for (const auto& entry : fs::directory_iterator(older)) {
    const std::string name = entry.path().filename().string();
    for (const bool cut : {true, false}) {
      const fs::path newer = save(context, folder.path(), pair, 2);
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
  const Pair pair(context, test::tiny_options());
  test::TemporaryFolder folder;
  const fs::path path = save(context, folder.path(), pair, 1);
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
  const fs::path path = save(context, folder.path(), pair, 1);
  options.ngf = 8;
  const ModelConfig model = model_config(options);
  Network wider(context, generator_blocks(model));
  wider.parameters().initialize(context, {1, RandomStream::generator_init});
  const auto before = test::bytes_of(context, wider.parameters().flat(ParameterArray::values));
  const SafetensorsFile file(path / "generator.safetensors");
  CHECK_THROWS_WITH(load_state_dict(context, file, wider),
                    Contains("main.0.weight is [6, 16, 4, 4], expected [6, 32, 4, 4]"));
  CHECK(test::bytes_of(context, wider.parameters().flat(ParameterArray::values)) == before);
  Network discriminator(context, discriminator_blocks(model));
  CHECK_THROWS_WITH(load_state_dict(context, file, discriminator),
                    Contains("main.1.running_mean") && Contains("and 8 more"));
}
