#include "models/checkpoint/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "models/checkpoint/manifest.h"
#include "models/checkpoint/training_state.h"
#include "models/networks/state_dict.h"
#include "runtime/io/files.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t kMaxConfigBytes = 1 << 20;
// The second moment under the name that the optimiser's own PyTorch state gives it.
const char* second_moment_suffix(OptimizerKind kind) {
  return kind == OptimizerKind::adam ? ".exp_avg_sq" : ".square_avg";
}

void append(std::vector<NamedTensor>& all, std::vector<NamedTensor> more) {
  std::move(more.begin(), more.end(), std::back_inserter(all));
}

void append_optimizer(const Context& context, const Network& network, OptimizerKind kind,
                      const std::string& prefix, std::vector<NamedTensor>& all) {
  if (kind == OptimizerKind::adam) {
    append(all,
           parameter_tensors(context, network, ParameterArray::first_moment, prefix, ".exp_avg"));
  }
  append(all, parameter_tensors(context, network, ParameterArray::second_moment, prefix,
                                second_moment_suffix(kind)));
  HostTensor step(Shape{}, DType::i64);
  download(context, network.parameters().step().reshaped(Shape{}), step.view());
  all.push_back({prefix + "step", std::move(step)});
}

void load_optimizer(const Context& context, const SafetensorsFile& file, OptimizerKind kind,
                    const std::string& prefix, Network& network) {
  if (kind == OptimizerKind::adam) {
    load_parameter_tensors(context, file, network, ParameterArray::first_moment, prefix,
                           ".exp_avg");
  }
  load_parameter_tensors(context, file, network, ParameterArray::second_moment, prefix,
                         second_moment_suffix(kind));
  const HostTensor step = file.read(prefix + "step");
  if (step.dtype() != DType::i64 || step.shape().elements() != 1) {
    fail(ErrorKind::bad_data, "{}: tensor {}step is not one i64", file.path().string(), prefix);
  }
  upload(context, step.view().reshaped({1}), network.parameters().step());
}

// step_00001000 -> 1000: at least eight digits. Nothing for other names.
std::optional<std::int64_t> step_of_name(const fs::path& checkpoint) {
  const std::string name = checkpoint.filename().string();
  constexpr std::string_view kHead = "step_";
  if (!name.starts_with(kHead) || name.size() < kHead.size() + 8) return std::nullopt;
  std::int64_t step = 0;
  const char* last = name.data() + name.size();
  const auto [end, error] = std::from_chars(name.data() + kHead.size(), last, step);
  return error == std::errc{} && end == last && step >= 0 ? std::optional(step) : std::nullopt;
}

// Checkpoints of an output folder, the highest step first.
std::vector<fs::path> checkpoints_in(const fs::path& folder) {
  std::vector<fs::path> found;
  if (!fs::is_directory(folder)) return found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory() && step_of_name(entry.path())) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end(), [](const fs::path& a, const fs::path& b) {
    return *step_of_name(a) > *step_of_name(b);
  });
  return found;
}

// The number that makes a checkpoint of `step` the latest of its folder: one more when a later step
// is there, which the run has left by going back.
std::int64_t rewinds_for(const fs::path& folder, std::int64_t step) {
  std::int64_t rewinds = 0;
  std::int64_t highest = -1;  // step of the checkpoints with so many
  for (const fs::path& checkpoint : checkpoints_in(folder)) {
    const std::int64_t its = manifest_rewinds(checkpoint).value_or(0);
    if (its > rewinds) highest = -1;
    if (its >= rewinds) highest = std::max(highest, *step_of_name(checkpoint));
    rewinds = std::max(rewinds, its);
  }
  return rewinds + (highest > step ? 1 : 0);
}

// What was saved last comes first. One whose manifest cannot be read stands by its step among those
// of the last rewind, so that it is passed over with a word.
std::vector<fs::path> latest_first(const fs::path& folder) {
  std::vector<std::pair<std::int64_t, fs::path>> found;
  std::int64_t most = 0;
  for (const fs::path& checkpoint : checkpoints_in(folder)) {
    found.emplace_back(manifest_rewinds(checkpoint).value_or(-1), checkpoint);
    most = std::max(most, found.back().first);
  }
  for (auto& [rewinds, checkpoint] : found) {
    if (rewinds < 0) rewinds = most;
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<fs::path> paths;
  paths.reserve(found.size());
  for (auto& [rewinds, checkpoint] : found) paths.push_back(std::move(checkpoint));
  return paths;
}

// Why a checkpoint cannot be trusted; nothing when it can.
std::optional<std::string> checkpoint_fault(const fs::path& checkpoint) try {
  if (auto fault = manifest_fault(checkpoint)) return fault;
  const std::int64_t step = read_state(checkpoint / kStateFile).step;
  const std::optional<std::int64_t> named = step_of_name(checkpoint);
  if (!named || *named == step) return std::nullopt;
  return fmt::format("{}: step {} in a folder of step {}", (checkpoint / kStateFile).string(), step,
                     *named);
} catch (const Error& error) {
  return error.what();
}

// The step's own check sees losses and gradients; an update may still have broken a weight (0 / 0
// without epsilon), and such a checkpoint would only push out the good ones.
void require_finite(const std::vector<NamedTensor>& tensors, const char* file, std::int64_t step,
                    const fs::path& folder) {
  for (const auto& [name, tensor] : tensors) {
    if (tensor.dtype() != DType::f32) continue;
    const float* values = tensor.view().as<float>();
    const std::int64_t count = tensor.shape().elements();
    if (std::all_of(values, values + count, [](float v) { return std::isfinite(v); })) continue;
    const std::vector<fs::path> found = checkpoints_in(folder);
    fail(ErrorKind::diverged,
         "training diverged at step {}: {} of {} has values that are not finite; last checkpoint: "
         "{}",
         step, name, file, found.empty() ? "none" : found.front().string());
  }
}

// A folder into which somebody has put files of their own is not ours alone to remove.
bool holds_foreign_files(const fs::path& checkpoint) {
  return std::any_of(
      fs::directory_iterator(checkpoint), fs::directory_iterator(), [](const auto& entry) {
        const std::string name = entry.path().filename().string();
        const auto is_it = [&name](const CheckpointFile& f) { return name == f.name; };
        return name != "manifest.json" &&
               std::none_of(std::begin(kCheckpointFiles), std::end(kCheckpointFiles), is_it);
      });
}

// Counts from the newest one just saved: later ones, left by a run that went on from an older
// checkpoint, may be broken, and must not push out what is good.
void prune(const fs::path& newest, std::int64_t keep) {
  if (keep == 0) return;
  std::vector<fs::path> found = checkpoints_in(newest.parent_path());
  found.erase(found.begin(), std::find(found.begin(), found.end(), newest));
  for (std::size_t i = static_cast<std::size_t>(keep); i < found.size(); ++i) {
    if (!holds_foreign_files(found[i])) fs::remove_all(found[i]);
  }
}

}  // namespace

fs::path save_checkpoint(const Context& context, const fs::path& out,
                         const CheckpointContents& contents, std::int64_t keep) {
  const auto& [generator, discriminator, optimizer, config, state, shard] = contents;
  fs::path folder = out / "checkpoints" / fmt::format("step_{:08}", state.step);
  fs::create_directories(folder.parent_path());
  AtomicFolder target(folder);
  const auto write = [&](const char* file, const std::vector<NamedTensor>& tensors) {
    require_finite(tensors, file, contents.state.step, folder.parent_path());
    write_safetensors(target.path() / file, as_items(tensors), {{"format", "pt"}});
  };
  write(kGeneratorFile, state_dict(context, generator));
  write(kDiscriminatorFile, state_dict(context, discriminator));
  if (generator.parameters().has_ema()) {
    write(kGeneratorEmaFile, state_dict(context, generator, {}, ParameterArray::ema));
  }
  std::vector<NamedTensor> moments;
  append_optimizer(context, generator, optimizer, "G.", moments);
  append_optimizer(context, discriminator, optimizer, "D.", moments);
  write(kOptimizerFile, moments);
  write_text_atomically(target.path() / kConfigFile, config);
  write_state(target.path() / kStateFile, state);
  write_manifest(target.path(), shard, rewinds_for(folder.parent_path(), state.step));
  target.commit();
  prune(folder, keep);
  return folder;
}

fs::path find_checkpoint(const fs::path& where, const Warn& warn) {
  if (fs::exists(where / "manifest.json") || fs::exists(where / kConfigFile)) {
    if (const auto fault = checkpoint_fault(where)) {
      fail(ErrorKind::bad_data, "checkpoint: {}", *fault);
    }
    return where;
  }
  const std::vector<fs::path> found = latest_first(where / "checkpoints");
  for (const fs::path& checkpoint : found) {
    const auto fault = checkpoint_fault(checkpoint);
    if (!fault) return checkpoint;
    warn(fmt::format("checkpoint passed over: {}", *fault));
  }
  if (!found.empty()) {
    fail(ErrorKind::bad_data, "{}: none of its {} checkpoints is valid", where.string(),
         found.size());
  }
  fail(ErrorKind::io, "{}: neither a checkpoint nor a folder with checkpoints/", where.string());
}

std::string checkpoint_config_text(const fs::path& checkpoint) {
  return read_text_file(checkpoint / kConfigFile, kMaxConfigBytes);
}

int checkpoint_world_size(const fs::path& checkpoint) { return manifest_world_size(checkpoint); }

TrainingState load_checkpoint(const Context& context, const fs::path& checkpoint,
                              OptimizerKind optimizer, Network& generator, Network& discriminator) {
  TrainingState state = read_state(state_file(checkpoint));
  const SafetensorsFile generator_weights(checkpoint / kGeneratorFile);
  const SafetensorsFile discriminator_weights(checkpoint / kDiscriminatorFile);
  const SafetensorsFile moments(checkpoint / kOptimizerFile);
  load_state_dict(context, generator_weights, generator);
  load_state_dict(context, discriminator_weights, discriminator);
  if (generator.parameters().has_ema()) {
    const SafetensorsFile ema(checkpoint / kGeneratorEmaFile);
    load_parameter_tensors(context, ema, generator, ParameterArray::ema);
  }
  load_optimizer(context, moments, optimizer, "G.", generator);
  load_optimizer(context, moments, optimizer, "D.", discriminator);
  std::int64_t updates = 0;
  download(context, generator.parameters().step(), TensorView(&updates, {1}));
  if (updates != state.step) {
    fail(ErrorKind::bad_data, "{}: step {}, but {} holds {} updates of the generator",
         state_file(checkpoint).string(), state.step, kOptimizerFile, updates);
  }
  return state;
}

fs::path state_file(const fs::path& checkpoint) { return checkpoint / kStateFile; }

fs::path generator_file(const fs::path& checkpoint) {
  const fs::path ema = checkpoint / kGeneratorEmaFile;
  return fs::exists(ema) ? ema : checkpoint / kGeneratorFile;
}

}  // namespace dcgan
