// Every option of a training run, declared once: its name, aliases, group, help and field. The
// command line, the config file, --print-config, the checks at resume and the tables of the
// documentation all read this one list. What they mean to the engine: run_config.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/input/latent.h"
#include "kernels/loss/loss.h"
#include "kernels/optimizer/optimizer.h"
#include "models/data/dataset.h"
#include "models/data/loader.h"
#include "models/networks/model_config.h"
#include "models/networks/precision.h"
#include "models/training/training_config.h"
#include "runtime/base/enum_names.h"
#include "runtime/comm/connect.h"
#include "runtime/device/device_request.h"

namespace dcgan {

/// In which the ranks' gradients travel.
enum class GradientType { f32, bf16 };

constexpr auto enum_table(GradientType) {
  return NameTable<GradientType, 2>{{{"f32", GradientType::f32}, {"bf16", GradientType::bf16}}};
}

struct RunOptions {
  // network
  std::string preset;           ///< empty: the data set's (models/run/option_defaults.h)
  std::int64_t image_size = 0;  ///< 0: the preset's; likewise below
  std::int64_t channels = 0;
  std::int64_t nz = 0;
  std::int64_t ngf = 0;
  std::int64_t ndf = 0;
  // data
  DatasetKind dataset = DatasetKind::strokes;
  std::string data;
  std::vector<std::string> classes;
  bool flip = false;
  CorruptPolicy on_corrupt = CorruptPolicy::fail;
  bool strict = false;
  bool allow_data_change = false;
  std::string cache;
  std::int64_t workers = 0;
  std::int64_t strokes_count = 20000;
  // loss and optimiser
  LossKind loss = LossKind::non_saturating;
  double real_label = 1.0;
  double fake_label = 0.0;
  std::int64_t d_steps = 1;
  OptimizerKind optimizer = OptimizerKind::adam;
  double lr = 2e-4;
  double lr_g = 0.0;  ///< 0: lr
  double lr_d = 0.0;
  double beta1 = 0.5;
  double beta2 = 0.999;
  double alpha = 0.99;
  double epsilon = 1e-8;
  double weight_clip = 0.0;
  double ema_decay = 0.0;
  LatentDistribution latent = LatentDistribution::normal;
  // run
  std::int64_t batch_size = 64;
  std::int64_t epochs = 25;
  std::int64_t steps = 0;    ///< 0: no limit
  double max_seconds = 0.0;  ///< 0: no limit
  bool stop_at_equilibrium = false;
  double equilibrium_margin = 0.02;
  std::int64_t equilibrium_steps = 500;
  std::int64_t seed = 0;
  DeviceRequest device;
  Precision precision = Precision::fp32;
  ConvTuning tune = ConvTuning::heuristic;
  ImageMemory image_memory = ImageMemory::automatic;
  Overlap overlap = Overlap::all;
  std::int64_t threads = 0;
  // ranks
  bool sync_batch_norm = false;
  GradientType grad_dtype = GradientType::f32;
  double bucket_mb = 1;
  Transport transport = Transport::automatic;
  double comm_timeout = 600;
  // output
  std::string out = "out";
  std::int64_t log_every = 50;
  std::int64_t sample_every = 500;
  std::int64_t checkpoint_every = 1000;
  std::int64_t keep = 3;
  std::int64_t sample_count = 64;
  std::string resume;
  std::string init_from;  ///< a checkpoint
  std::string init_generator;
  std::string init_discriminator;
};

/// May a resumed run change it?
enum class OnResume {
  keeps,    ///< part of what is being trained: a different value is refused
  follows,  ///< says where, how long, how often: the command line wins
};

struct OptionInfo {
  std::string_view name;                  ///< kebab-case, without dashes
  std::vector<std::string_view> aliases;  ///< the PyTorch example's names
  std::string_view group;
  std::string_view help;
  OnResume on_resume;
  std::string_view zero;  ///< what 0 or an empty value means; empty: nothing else
};

/// Calls visitor(OptionInfo, field&) for each option, in the order of help.
template <class Options, class Visitor>
void visit_options(Options& o, Visitor&& visitor) {
  constexpr auto kKeeps = OnResume::keeps;
  constexpr auto kFollows = OnResume::follows;
  const auto v = [&visitor](std::string_view name, std::vector<std::string_view> aliases,
                            std::string_view group, OnResume on_resume, std::string_view help,
                            auto& field, std::string_view zero = {}) {
    visitor(OptionInfo{name, std::move(aliases), group, help, on_resume, zero}, field);
  };
  constexpr std::string_view kPresets = "the preset's";
  v("preset", {}, "Network", kKeeps, "networks to start from", o.preset,
    "mnist32 for mnist, cifar32 for cifar10 and cifar100, else pytorch");
  v("image-size", {"imageSize"}, "Network", kKeeps, "height and width of the images in pixels",
    o.image_size, kPresets);
  v("channels", {}, "Network", kKeeps, "channels of the images: 1 (grey) or 3 (RGB)", o.channels,
    kPresets);
  v("nz", {}, "Network", kKeeps, "length of the latent vector", o.nz, kPresets);
  v("ngf", {}, "Network", kKeeps, "channels of the generator's last hidden layer", o.ngf, kPresets);
  v("ndf", {}, "Network", kKeeps, "channels of the discriminator's first layer", o.ndf, kPresets);

  v("dataset", {}, "Data", kKeeps,
    "data set; strokes: handwritten digits drawn by the program; packed: a file of dcgan pack",
    o.dataset);
  v("data", {"dataroot"}, "Data", kFollows, "file or folder of the data set; not for strokes",
    o.data);
  v("classes", {}, "Data", kKeeps, "sub-folders to use, separated by commas", o.classes, "all");
  v("flip", {}, "Data", kKeeps, "mirror images left to right at random", o.flip);
  v("on-corrupt", {}, "Data", kKeeps,
    "an image that cannot be decoded ends the program, or is listed and left out", o.on_corrupt);
  v("strict", {}, "Data", kFollows,
    "a folder's files that are left out are an error, except hidden ones, system files and outputs "
    "of runs",
    o.strict);
  v("allow-data-change", {}, "Data", kFollows,
    "resume although the images are not those that the run was trained on; holds for this session",
    o.allow_data_change);
  v("cache", {}, "Data", kFollows, "file that keeps the decoded pixels of a folder", o.cache);
  v("workers", {}, "Data", kFollows, "decoding threads; the results do not depend on it", o.workers,
    "one per core");
  v("strokes-count", {}, "Data", kKeeps, "number of images of the strokes data set",
    o.strokes_count);

  v("loss", {}, "Loss and optimiser", kKeeps, "adversarial loss", o.loss);
  v("real-label", {}, "Loss and optimiser", kKeeps,
    "target of real images; 0.9: one-sided label smoothing", o.real_label);
  v("fake-label", {}, "Loss and optimiser", kKeeps,
    "target of generated images; 0.1: two-sided label smoothing", o.fake_label);
  v("d-steps", {}, "Loss and optimiser", kKeeps, "discriminator updates per generator update",
    o.d_steps);
  v("optimizer", {}, "Loss and optimiser", kKeeps, "optimiser of both networks", o.optimizer);
  v("lr", {}, "Loss and optimiser", kKeeps, "learning rate of both networks", o.lr);
  v("lr-g", {}, "Loss and optimiser", kKeeps, "learning rate of the generator", o.lr_g, "--lr");
  v("lr-d", {}, "Loss and optimiser", kKeeps, "learning rate of the discriminator", o.lr_d, "--lr");
  v("beta1", {}, "Loss and optimiser", kKeeps, "Adam: decay rate of the first moment", o.beta1);
  v("beta2", {}, "Loss and optimiser", kKeeps, "Adam: decay rate of the second moment", o.beta2);
  v("alpha", {}, "Loss and optimiser", kKeeps, "RMSprop: decay rate of the second moment", o.alpha);
  v("epsilon", {}, "Loss and optimiser", kKeeps, "added to the square root of the second moment",
    o.epsilon);
  v("weight-clip", {}, "Loss and optimiser", kKeeps,
    "clamp the discriminator's parameters to [-X, X] after each update; for wgan, e.g. 0.01",
    o.weight_clip, "off");
  v("ema-decay", {}, "Loss and optimiser", kKeeps,
    "decay rate of a moving average of the generator's weights, e.g. 0.999", o.ema_decay, "off");
  v("latent", {}, "Loss and optimiser", kKeeps, "distribution of the latent vectors", o.latent);

  v("batch-size", {"batchSize"}, "Run", kKeeps, "images per batch, of one rank", o.batch_size);
  v("epochs", {"niter"}, "Run", kFollows,
    "passes over the data set; no limit where --steps alone is given", o.epochs, "no limit");
  v("steps", {}, "Run", kFollows, "stop after this many generator updates", o.steps, "no limit");
  v("max-seconds", {}, "Run", kFollows,
    "stop after this many seconds of training, earlier sessions included", o.max_seconds,
    "no limit");
  v("stop-at-equilibrium", {}, "Run", kFollows,
    "stop when the discriminator cannot tell real from generated images", o.stop_at_equilibrium);
  v("equilibrium-margin", {}, "Run", kFollows,
    "equilibrium: largest distance of the smoothed accuracy from 0.5", o.equilibrium_margin);
  v("equilibrium-steps", {}, "Run", kFollows, "equilibrium: consecutive steps within the margin",
    o.equilibrium_steps);
  v("seed", {"manualSeed"}, "Run", kKeeps, "seed of all random numbers", o.seed);
  v("device", {}, "Run", kFollows, "device to compute on; auto: the first GPU, else the CPU",
    o.device);
  v("precision", {}, "Run", kKeeps, "type of activations and convolutions; weights stay float32",
    o.precision);
  v("tune", {}, "Run", kFollows,
    "convolution algorithms on a GPU: the first proposed, the fastest of up to 6, or the fastest "
    "of up to 24; the choice is cached",
    o.tune);
  v("image-memory", {}, "Run", kFollows,
    "memory of a GPU run's images: the GPU's, or the host's with the next batch prefetched; auto: "
    "the GPU's if they fit; the results do not depend on it",
    o.image_memory);
  v("overlap", {}, "Run", kFollows,
    "what may run at the same time on a GPU: launches of kernels, weight gradients beside data "
    "gradients, both or none; the results do not depend on it",
    o.overlap);
  v("threads", {}, "Run", kFollows, "CPU threads", o.threads, "one per core");

  v("sync-batch-norm", {}, "Ranks", kKeeps,
    "batch norm over the images of all ranks instead of each rank's own", o.sync_batch_norm);
  v("grad-dtype", {}, "Ranks", kKeeps, "type in which gradients travel between ranks",
    o.grad_dtype);
  v("bucket-mb", {}, "Ranks", kKeeps,
    "MB of gradients that travel together, as soon as they are complete", o.bucket_mb);
  v("transport", {}, "Ranks", kFollows,
    "how ranks exchange values; auto: NCCL between GPUs, else MPI where it launched the ranks, "
    "else TCP",
    o.transport);
  v("comm-timeout", {}, "Ranks", kFollows, "seconds that a rank waits for another at most",
    o.comm_timeout);

  v("out", {"outf"}, "Output", kFollows, "folder of samples, metrics and checkpoints", o.out);
  v("log-every", {}, "Output", kFollows, "steps between log lines", o.log_every);
  v("sample-every", {}, "Output", kFollows,
    "steps between sample grids; before the first also at steps 1, 2, 5, 10, 20, 50, ...",
    o.sample_every, "only at the end");
  v("checkpoint-every", {}, "Output", kFollows, "steps between checkpoints", o.checkpoint_every,
    "only at the end");
  v("keep", {}, "Output", kFollows, "number of checkpoints to keep", o.keep, "all");
  v("sample-count", {}, "Output", kKeeps,
    "images in a sample grid, always of the same latent vectors", o.sample_count);
  v("resume", {}, "Output", kFollows,
    "resume from this checkpoint, or from the newest one of this output folder; auto: resume if "
    "--out holds a checkpoint",
    o.resume);
  v("init-from", {}, "Output", kFollows,
    "start a new run from the weights of this checkpoint, or of the newest one of this output "
    "folder; its options apply where no others are given",
    o.init_from);
  v("init-generator", {"netG"}, "Output", kKeeps,
    "start from these generator weights (safetensors)", o.init_generator);
  v("init-discriminator", {"netD"}, "Output", kKeeps,
    "start from these discriminator weights (safetensors)", o.init_discriminator);
}

/// Throws Error(config) with name and figure on the first option out of its range, and on options
/// that contradict each other. The networks are checked where they are made: run_config.h.
void require_valid(const RunOptions& options);

/// One option's value as text, and from text. Throws Error(usage) naming option and value.
void set_option(RunOptions& options, std::string_view name, std::string_view text);

/// All options as JSON text, in their order and as they are: see resolved() for those that follow
/// others.
std::string to_json(const RunOptions& options);
/// Sets what the JSON text names, by names or aliases in any case, with - or _; `source` is for
/// messages. Throws Error(config) on unknown names,
/// wrong types, duplicates. Returns the names.
std::vector<std::string> apply_json(RunOptions& options, std::string_view json,
                                    std::string_view source);

/// Names of the options of kind OnResume::keeps whose values differ, as "--lr (0.0002, was
/// 0.0001)". Values that follow others are compared as they are in effect (option_defaults.h).
std::vector<std::string> resume_conflicts(const RunOptions& saved, const RunOptions& now);

}  // namespace dcgan
