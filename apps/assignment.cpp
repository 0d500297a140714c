#include "apps/assignment.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/messages.h"
#include "models/checkpoint/checkpoint.h"
#include "models/run/option_defaults.h"
#include "models/run/run_config.h"
#include "runtime/base/errors.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

// An interrupted save leaves NAME.tmp, which is not a checkpoint.
bool holds_checkpoints(const fs::path& out) {
  const fs::path folder = out / "checkpoints";
  if (!fs::is_directory(folder)) return false;
  return std::any_of(fs::directory_iterator(folder), fs::directory_iterator(),
                     [](const auto& entry) { return entry.path().extension() != ".tmp"; });
}

std::string ranks_text(int ranks) { return fmt::format("{} rank{}", ranks, ranks == 1 ? "" : "s"); }

// Another number of ranks goes on through the same images when a step still takes as many. Changes
// `batch_size`, of a rank, to that unless the user has named one.
void keep_world_batch(const fs::path& checkpoint, bool named, const Shard& shard, RunOptions& saved,
                      RunOptions& options) {
  const int ranks = checkpoint_world_size(checkpoint);
  const std::int64_t images = saved.batch_size * ranks;
  if (ranks == shard.world_size) return;
  if (!named && images % shard.world_size == 0) options.batch_size = images / shard.world_size;
  if (options.batch_size * shard.world_size != images) {
    fail(ErrorKind::config,
         "resume {}: {} x {} images made it, {} a step; {} x {} are {}, which would go on at "
         "another place of the data",
         checkpoint.string(), ranks_text(ranks), saved.batch_size, images,
         ranks_text(shard.world_size), options.batch_size, options.batch_size * shard.world_size);
  }
  if (shard.rank == 0) {
    print_note(fmt::format(
        "{} x {} images go on where {} x {} ended: the same images and noise, not the same bits{}",
        ranks_text(shard.world_size), options.batch_size, ranks_text(ranks), saved.batch_size,
        options.sync_batch_norm ? "" : "; batch norm is that of each rank's images"));
  }
  saved.batch_size = options.batch_size;
}

// A resumed run has the saved options, except those that may change (OnResume::follows).
Assignment resumed(const TrainArguments& arguments, const RunOptions& asked, const Shard& shard) {
  Assignment result;
  result.checkpoint = find_checkpoint(asked.resume, print_warning);
  RunOptions saved = checkpoint_options(result.checkpoint);
  saved.allow_data_change = false;  // allowed once is not allowed for good
  result.options = arguments.flags.effective(saved);
  keep_world_batch(result.checkpoint, arguments.flags.given("batch-size"), shard, saved,
                   result.options);
  result.options.resume.clear();
  const std::vector<std::string> conflicts = resume_conflicts(saved, result.options);
  if (!conflicts.empty()) {
    std::string list;
    for (const std::string& conflict : conflicts) list += (list.empty() ? "" : ", ") + conflict;
    fail(
        ErrorKind::config,
        "resume {}: these cannot change in a run: {}; --init-from instead of --resume begins a new "
        "run from its weights",
        result.checkpoint.string(), list);
  }
  const fs::path folder = result.checkpoint.parent_path();
  if (!arguments.flags.given("out") && folder.filename() == "checkpoints") {
    result.options.out = folder.parent_path().string();
  }
  result.options.init_from.clear();
  result.options.init_generator.clear();
  result.options.init_discriminator.clear();
  return result;
}

// A new run that has the options of the one that its weights come from, except those that are
// given.
Assignment fine_tuned(const TrainArguments& arguments, const RunOptions& asked) {
  const fs::path checkpoint = find_checkpoint(asked.init_from, print_warning);
  RunOptions base = resolved(checkpoint_options(checkpoint));
  follow_learning_rate(base);
  const RunOptions defaults;
  base.out = defaults.out;
  base.init_generator.clear();
  base.init_discriminator.clear();
  const std::vector<std::string> names = arguments.flags.named();
  const bool other_dataset = has_name(names, "dataset");
  if (other_dataset) base.data.clear();
  if (other_dataset || has_name(names, "data")) {
    base.classes.clear();
    base.cache.clear();
  }
  RunOptions options = arguments.flags.effective(base);
  options.resume.clear();
  options.init_from = checkpoint.string();
  return {options, {}, arguments.dry_run};
}

// `asked`: defaults, file and command line.
Assignment chosen(const TrainArguments& arguments, const RunOptions& asked, const Shard& shard) {
  if (!asked.resume.empty()) return resumed(arguments, asked, shard);
  if (!asked.init_from.empty()) return fine_tuned(arguments, asked);
  return {asked, {}, arguments.dry_run};
}

}  // namespace

TrainArguments::TrainArguments(CLI::App& app) : flags(app, kAllGroups), ranks(app) {
  app.add_flag("--print-config", print_config, "print the effective configuration and exit")
      ->group("Run");
  app.add_flag("--dry-run", dry_run,
               "train one step into OUT/dry-run, write every kind of file there, and exit")
      ->group("Run");
}

Assignment assignment_of(const TrainArguments& arguments, const Shard& shard) {
  RunOptions options = arguments.flags.effective();
  if (!options.resume.empty() && options.resume != "auto" && !options.init_from.empty()) {
    fail(ErrorKind::config,
         "--resume {} goes on with a run, --init-from {} begins one: name one of them",
         options.resume, options.init_from);
  }
  if (options.resume == "auto") {
    options.resume = holds_checkpoints(options.out) ? options.out : "";
  }
  Assignment result = chosen(arguments, options, shard);
  arguments.ranks.apply_to(result.options.device);
  if (arguments.dry_run && !result.checkpoint.empty()) {
    fail(ErrorKind::config, "--dry-run: only for a new run, not to resume {}",
         result.checkpoint.string());
  }
  if (arguments.dry_run) {
    // A separate folder, so that the real run can use --out.
    result.options.steps = 1;
    result.options.out = (fs::path(result.options.out) / "dry-run").string();
  }
  return result;
}

void refuse_occupied(const Assignment& assignment) {
  const std::string& out = assignment.options.out;
  if (assignment.checkpoint.empty() && holds_checkpoints(out)) {
    fail(ErrorKind::config,
         "--out {}: holds checkpoints of another run; continue it with --resume {}, "
         "or choose another folder",
         out, out);
  }
}

}  // namespace dcgan
