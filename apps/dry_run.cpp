#include "apps/dry_run.h"

#include <algorithm>
#include <string>
#include <vector>

#include "models/checkpoint/manifest.h"
#include "runtime/base/errors.h"
#include "runtime/io/files.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
constexpr const char* kMark = "dry-run.txt";
constexpr const char* kMarkText = "Made by dcgan train --dry-run, which may replace its files.\n";

std::vector<fs::path> entries_of(const fs::path& folder) {
  if (!fs::is_directory(fs::symlink_status(folder))) return {};
  return {fs::directory_iterator(folder), fs::directory_iterator()};
}

void remove_file(const fs::path& path) {
  if (fs::is_regular_file(fs::symlink_status(path))) fs::remove(path);
}

void remove_if_empty(const fs::path& folder) {
  std::error_code not_empty;
  if (fs::is_directory(fs::symlink_status(folder))) fs::remove(folder, not_empty);
}

bool is_step(const fs::path& path) { return path.filename().string().starts_with("step_"); }

void remove_checkpoint(const fs::path& folder) {
  for (const CheckpointFile& file : kCheckpointFiles) remove_file(folder / file.name);
  remove_file(folder / "manifest.json");
  remove_if_empty(folder);
}

void remove_run(const fs::path& folder) {
  for (const char* name :
       {"real.png", "samples.png", "losses.csv", "metrics.jsonl", "summary.json"}) {
    remove_file(folder / name);
  }
  for (const fs::path& grid : entries_of(folder / "samples")) {
    if (is_step(grid) && grid.extension() == ".png") remove_file(grid);
  }
  remove_if_empty(folder / "samples");
  for (const fs::path& checkpoint : entries_of(folder / "checkpoints")) {
    if (is_step(checkpoint)) remove_checkpoint(checkpoint);
  }
  remove_if_empty(folder / "checkpoints");
}

bool is_marked(const fs::path& folder) {
  const fs::path mark = folder / kMark;
  return fs::is_regular_file(fs::symlink_status(mark)) && read_text_file(mark, 1000) == kMarkText;
}

}  // namespace

void prepare_dry_run(const fs::path& folder) {
  const std::vector<fs::path> present = entries_of(folder);
  const bool is_used = std::any_of(present.begin(), present.end(), [](const fs::path& path) {
    return path.filename() != "run.lock";
  });
  const bool is_link = fs::is_symlink(fs::symlink_status(folder));
  if (is_link || (is_used && !is_marked(folder))) {
    fail(ErrorKind::config,
         "--dry-run: {} is there and was not made by a dry run; it is left as it is: move it or "
         "choose another --out",
         folder.string());
  }
  if (is_used) remove_run(folder);
  write_text_atomically(folder / kMark, kMarkText);
}

}  // namespace dcgan
