#include "models/checkpoint/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "models/checkpoint/manifest.h"
#include "models/checkpoint/training_state.h"
#include "models/networks/state_dict.h"
#include "runtime/io/files.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t kMaxConfigBytes = 1 << 20;
constexpr const char* kGenerator = "generator.safetensors";
constexpr const char* kGeneratorEma = "generator_ema.safetensors";
constexpr const char* kDiscriminator = "discriminator.safetensors";
constexpr const char* kConfig = "config.json";
constexpr const char* kState = "state.json";
constexpr const char* kOptimizer = "optimizer.safetensors";

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

// Checkpoints of an output folder, newest first. Names sort by step: eight digits, more only
// beyond.
std::vector<fs::path> checkpoints_in(const fs::path& folder) {
  std::vector<fs::path> found;
  if (!fs::is_directory(folder)) return found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    const bool is_step =
        name.starts_with("step_") && name.size() >= 13 &&
        std::all_of(name.begin() + 5, name.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (entry.is_directory() && is_step) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end(), [](const fs::path& a, const fs::path& b) {
    const std::string x = a.filename().string(), y = b.filename().string();
    return x.size() != y.size() ? x.size() > y.size() : x > y;
  });
  return found;
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

// Counts from the newest one just saved: later ones, left by a run that went on from an older
// checkpoint, may be broken, and must not push out what is good.
void prune(const fs::path& newest, std::int64_t keep) {
  if (keep == 0) return;
  std::vector<fs::path> found = checkpoints_in(newest.parent_path());
  found.erase(found.begin(), std::find(found.begin(), found.end(), newest));
  for (std::size_t i = static_cast<std::size_t>(keep); i < found.size(); ++i) {
    fs::remove_all(found[i]);
  }
}

}  // namespace

fs::path save_checkpoint(const Context& context, const fs::path& out,
                         const CheckpointContents& contents, std::int64_t keep) {
  const auto& [generator, discriminator, optimizer, config, state, shard] = contents;
  const fs::path folder = out / "checkpoints" / fmt::format("step_{:08}", state.step);
  fs::create_directories(folder.parent_path());
  AtomicFolder target(folder);
  const auto write = [&](const char* file, const std::vector<NamedTensor>& tensors) {
    require_finite(tensors, file, contents.state.step, folder.parent_path());
    write_safetensors(target.path() / file, as_items(tensors), {{"format", "pt"}});
  };
  write(kGenerator, state_dict(context, generator));
  write(kDiscriminator, state_dict(context, discriminator));
  if (generator.parameters().has_ema()) {
    write(kGeneratorEma, state_dict(context, generator, {}, ParameterArray::ema));
  }
  std::vector<NamedTensor> moments;
  append_optimizer(context, generator, optimizer, "G.", moments);
  append_optimizer(context, discriminator, optimizer, "D.", moments);
  write(kOptimizer, moments);
  write_text_atomically(target.path() / kConfig, config);
  write_state(target.path() / kState, state);
  write_manifest(target.path(), shard);
  target.commit();
  prune(folder, keep);
  return folder;
}

fs::path find_checkpoint(const fs::path& where, const Warn& warn) {
  if (fs::exists(where / "manifest.json") || fs::exists(where / kConfig)) {
    if (const auto fault = manifest_fault(where)) {
      fail(ErrorKind::bad_data, "checkpoint: {}", *fault);
    }
    return where;
  }
  const std::vector<fs::path> found = checkpoints_in(where / "checkpoints");
  for (const fs::path& checkpoint : found) {
    const auto fault = manifest_fault(checkpoint);
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
  return read_text_file(checkpoint / kConfig, kMaxConfigBytes);
}

int checkpoint_world_size(const fs::path& checkpoint) { return manifest_world_size(checkpoint); }

TrainingState load_checkpoint(const Context& context, const fs::path& checkpoint,
                              OptimizerKind optimizer, Network& generator, Network& discriminator) {
  TrainingState state = read_state(state_file(checkpoint));
  const SafetensorsFile generator_weights(checkpoint / kGenerator);
  const SafetensorsFile discriminator_weights(checkpoint / kDiscriminator);
  const SafetensorsFile moments(checkpoint / kOptimizer);
  load_state_dict(context, generator_weights, generator);
  load_state_dict(context, discriminator_weights, discriminator);
  if (generator.parameters().has_ema()) {
    const SafetensorsFile ema(checkpoint / kGeneratorEma);
    load_parameter_tensors(context, ema, generator, ParameterArray::ema);
  }
  load_optimizer(context, moments, optimizer, "G.", generator);
  load_optimizer(context, moments, optimizer, "D.", discriminator);
  return state;
}

fs::path state_file(const fs::path& checkpoint) { return checkpoint / kState; }

fs::path generator_file(const fs::path& checkpoint) {
  const fs::path ema = checkpoint / kGeneratorEma;
  return fs::exists(ema) ? ema : checkpoint / kGenerator;
}

}  // namespace dcgan
