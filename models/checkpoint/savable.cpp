#include <fmt/format.h>
#include <sys/resource.h>

#include "models/checkpoint/checkpoint.h"
#include "models/checkpoint/config_json.h"
#include "models/checkpoint/manifest.h"
#include "models/checkpoint/training_state.h"
#include "models/networks/blocks.h"
#include "runtime/io/files.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

std::uint64_t value_bytes(const Network& network) {
  return static_cast<std::uint64_t>(parameter_count(network.blocks())) * sizeof(float);
}

// Of the tensors alone; names, running statistics and JSON come on top.
struct Needed {
  std::uint64_t total = 0;
  std::uint64_t largest_file = 0;
  const char* largest_name = "";
};

Needed needed_for(const CheckpointContents& contents) {
  const std::uint64_t generator = value_bytes(contents.generator);
  const std::uint64_t discriminator = value_bytes(contents.discriminator);
  const std::uint64_t moments = contents.optimizer == OptimizerKind::adam ? 2 : 1;
  Needed needed;
  const auto add = [&needed](const char* name, std::uint64_t bytes) {
    needed.total += bytes;
    if (bytes <= needed.largest_file) return;
    needed.largest_file = bytes;
    needed.largest_name = name;
  };
  add(kGeneratorFile, generator);
  add(kDiscriminatorFile, discriminator);
  if (contents.generator.parameters().has_ema()) add(kGeneratorEmaFile, generator);
  add(kOptimizerFile, moments * (generator + discriminator));
  return needed;
}

void require_room(const fs::path& folder, const Needed& needed) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
      needed.largest_file > limit.rlim_cur) {
    fail(ErrorKind::io, "{}: a checkpoint's {} needs {} bytes; the file-size limit is {} bytes",
         folder.string(), needed.largest_name, needed.largest_file, limit.rlim_cur);
  }
  require_free_space(folder, needed.total, "a checkpoint");
}

// Every name, and every text, in a folder of the name that a checkpoint has while it is written.
void write_trial(const fs::path& folder, const CheckpointContents& contents) {
  AtomicFolder trial(folder / "step_00000000");
  for (const CheckpointFile& file : kCheckpointFiles) {
    write_text_atomically(trial.path() / file.name, "");
  }
  write_text_atomically(trial.path() / kConfigFile, contents.config);
  config_json::parse(checkpoint_config_text(trial.path()),
                     (trial.path() / kConfigFile).string());  // as it will be read
  write_state(trial.path() / kStateFile, contents.state);
  read_state(trial.path() / kStateFile);
  write_manifest(trial.path(), contents.shard);
}  // not committed: removed

}  // namespace

void require_savable(const fs::path& out, const CheckpointContents& contents) {
  const fs::path folder = out / "checkpoints";
  const bool is_new = !fs::exists(folder);
  require_writable_folder(folder);
  const auto remove_if_new = [&] {
    std::error_code ignored;  // an empty folder harms nobody
    if (is_new) fs::remove(folder, ignored);
  };
  try {
    require_room(folder, needed_for(contents));
    write_trial(folder, contents);
  } catch (...) {
    remove_if_new();
    throw;
  }
  remove_if_new();
}

}  // namespace dcgan
