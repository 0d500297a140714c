// Checkpoints that contradict themselves, and what cannot be saved.

#include "models/checkpoint/checkpoint.h"
#include "models/checkpoint/manifest.h"
#include "runtime/io/files.h"
#include "tests/models/checkpoint/support.h"

using namespace dcgan;
using test::Pair;
using test::save;
namespace fs = std::filesystem;

namespace {

// A checkpoint whose file says something else, and a manifest that fits it.
fs::path with_text(const fs::path& checkpoint, const char* file, const std::string& text) {
  test::write_plainly(checkpoint / file, text);
  fs::remove(checkpoint / "manifest.json");
  write_manifest(checkpoint, {});
  return checkpoint;
}

void no_warning(const std::string& text) { FAIL(text); }

}  // namespace

TEST_CASE("a manifest that lists no files, or not all that are read, is refused") {
  const Context context(Device{});
  const Pair pair(context, test::tiny_options());
  for (const CheckpointFile& file : kCheckpointFiles) {
    test::TemporaryFolder folder;
    const fs::path path = save(context, folder.path(), pair, 1);
    StateJson manifest = StateJson::parse(read_text_file(path / "manifest.json", 1 << 20));
    if (!file.required) write_text_atomically(path / file.name, "not checked");
    manifest["files"].erase(file.name);
    write_text_atomically(path / "manifest.json", manifest.dump());
    CHECK_THAT(manifest_fault(path).value_or(""), Contains(file.name));
  }
  test::TemporaryFolder folder;
  const fs::path path = save(context, folder.path(), pair, 1);
  for (const char* text :
       {"{\"format\": 1, \"files\": {}}", "{\"format\": 1}", "{\"format\": 1, \"files\": []}", "[]",
        "{", "{\"format\": 1e999}", "{\"format\": -1}", "{\"format\": \"1\"}"}) {
    INFO(text);
    test::write_plainly(path / "manifest.json", text);
    CHECK_THAT(manifest_fault(path).value_or(""), Contains("manifest.json: "));
  }
  test::write_plainly(path / "manifest.json", std::string(100'000, '['));
  CHECK_THAT(manifest_fault(path).value_or(""), Contains("nested more than 100 levels deep"));
  CHECK_THROWS_WITH(manifest_world_size(path), Contains("nested"));
}

TEST_CASE("a manifest names files of its own folder only") {
  const Context context(Device{});
  const Pair pair(context, test::tiny_options());
  test::TemporaryFolder folder;
  const fs::path path = save(context, folder.path(), pair, 1);
  const StateJson good = StateJson::parse(read_text_file(path / "manifest.json", 1 << 20));
  for (const char* name : {"../state.json", "/x/state.json", "..", "a\nb/c"}) {
    StateJson manifest = good;
    manifest["files"][name] = manifest["files"]["state.json"];
    test::write_plainly(path / "manifest.json", manifest.dump());
    CHECK_THAT(manifest_fault(path).value_or(""), Contains("no file of a checkpoint"));
  }
}

TEST_CASE("a step must be one that a run can reach, the folder's, and the optimiser's") {
  const Context context(Device{});
  Pair pair(context, test::tiny_options());
  const auto refusal = [&](const char* step) {
    test::TemporaryFolder folder;
    const fs::path path = save(context, folder.path(), pair, 3);
    with_text(path, "state.json", std::string("{\"step\": ") + step + "}");
    std::string warning;
    CHECK_THROWS_WITH(find_checkpoint(path, no_warning), Contains("state.json"));
    CHECK_THROWS_AS(find_checkpoint(folder.path(), [&](const std::string& t) { warning = t; }),
                    Error);
    return warning;
  };
  CHECK_THAT(refusal("-1"), Contains("step: -1 is no number from 0"));
  CHECK_THAT(refusal("9223372036854775807"), Contains("above 1000000000000"));
  CHECK_THAT(refusal("18446744073709551615"), Contains("no count"));
  CHECK_THAT(refusal("1e999"), Contains("out of range"));
  CHECK_THAT(refusal("3.0"), Contains("no count"));
  CHECK_THAT(refusal("\"3\""), Contains("no number"));
  CHECK_THAT(refusal("4"), Contains("step 4 in a folder of step 3"));
  test::TemporaryFolder folder;
  const fs::path path = save(context, folder.path(), pair, 3);
  CHECK_THROWS_WITH(
      load_checkpoint(context, path, OptimizerKind::adam, pair.generator, pair.discriminator),
      Contains("step 3") && Contains("0 updates"));
}

TEST_CASE("after going back, what was saved last is found and not the highest step") {
  const Context context(Device{});
  const Pair pair(context, test::tiny_options());
  test::TemporaryFolder folder;
  const auto latest = [&] { return find_checkpoint(folder.path(), no_warning).filename(); };
  for (const std::int64_t step : {2, 4, 6, 8}) save(context, folder.path(), pair, step);
  CHECK(latest() == "step_00000008");
  save(context, folder.path(), pair, 3);  // from 2 on
  CHECK(latest() == "step_00000003");
  save(context, folder.path(), pair, 4);
  CHECK(latest() == "step_00000004");
  save(context, folder.path(), pair, 3);  // from 2 on once more
  CHECK(latest() == "step_00000003");
  save(context, folder.path(), pair, 9);
  CHECK(latest() == "step_00000009");
  fs::resize_file(folder.path() / "checkpoints/step_00000009/manifest.json", 5);
  std::string warning;
  CHECK(find_checkpoint(folder.path(), [&](const std::string& text) {
          warning += text;
        }).filename() == "step_00000003");
  CHECK_THAT(warning, Contains("step_00000009") && !Contains("step_00000008"));
}

TEST_CASE("what cannot be saved is found before the first step, and leaves nothing") {
  const Context context(Device{});
  const Pair pair(context, test::tiny_options());
  test::TemporaryFolder folder;
  TrainingState state;
  const auto trial = [&](const std::string& config) {
    require_savable(
        folder.path(),
        {pair.generator, pair.discriminator, pair.config.generator.kind, config, state, {}});
  };
  trial("{}\n");
  CHECK(folder.entries() == 0);
  DCGAN_CHECK_FAILS(trial("{\"a\": \"\xff\"}"), ErrorKind::config, "not JSON");
  DCGAN_CHECK_FAILS(trial("\"" + std::string(2 << 20, 'x') + "\""), ErrorKind::bad_data, "limit");
  DCGAN_CHECK_FAILS((state.step = -1, trial("{}")), ErrorKind::bad_data, "step");
  CHECK(folder.entries() == 0);
  save(context, folder.path(), pair, 0);  // a real checkpoint of that name stays
  state.step = 1;
  trial("{}");
  CHECK(fs::exists(folder.path() / "checkpoints/step_00000000/manifest.json"));
  CHECK(folder.entries() == 1);
}
