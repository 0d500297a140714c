// Every option of a training run, declared once: its name, aliases, group, help and field. The
// command line, the config file, --print-config, the checks at resume and the tables of the
// documentation all walk this one list.
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
#include "runtime/base/enum_names.h"
#include "runtime/device/device_request.h"

namespace dcgan {

struct RunOptions {
  // network
  std::string preset = "pytorch";
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
  std::int64_t threads = 0;
  // output
  std::string out = "out";
  std::int64_t log_every = 50;
  std::int64_t sample_every = 500;
  std::int64_t checkpoint_every = 1000;
  std::int64_t keep = 3;
  std::int64_t sample_count = 64;
  std::string resume;
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
};

/// Calls visitor(OptionInfo, field&) for each option, in the order of help.
template <class Options, class Visitor>
void visit_options(Options& o, Visitor&& visitor) {
  constexpr auto kKeeps = OnResume::keeps;
  constexpr auto kFollows = OnResume::follows;
  const auto v = [&visitor](std::string_view name, std::vector<std::string_view> aliases,
                            std::string_view group, OnResume on_resume, std::string_view help,
                            auto& field) {
    visitor(OptionInfo{name, std::move(aliases), group, help, on_resume}, field);
  };
  v("preset", {}, "Network", kKeeps,
    "networks to start from: pytorch, libtorch, mnist32, cifar32, paper", o.preset);
  v("image-size", {"imageSize"}, "Network", kKeeps,
    "height and width of the images, pixels; 0: the preset's", o.image_size);
  v("channels", {}, "Network", kKeeps, "1 (grey) or 3 (RGB); 0: the preset's", o.channels);
  v("nz", {}, "Network", kKeeps, "length of the latent vector; 0: the preset's", o.nz);
  v("ngf", {}, "Network", kKeeps, "width of the generator's last hidden layer; 0: the preset's",
    o.ngf);
  v("ndf", {}, "Network", kKeeps, "width of the discriminator's first layer; 0: the preset's",
    o.ndf);

  v("dataset", {}, "Data", kKeeps, "what to train on (strokes: digits that the program draws)",
    o.dataset);
  v("data", {"dataroot"}, "Data", kFollows, "file or folder of the data set (strokes needs none)",
    o.data);
  v("classes", {}, "Data", kKeeps, "sub-folders to take, comma-separated; empty: all", o.classes);
  v("flip", {}, "Data", kKeeps, "mirror images left and right at random", o.flip);
  v("on-corrupt", {}, "Data", kKeeps,
    "what to do about a picture that cannot be decoded (skip lists it)", o.on_corrupt);
  v("cache", {}, "Data", kFollows, "keep a folder's decoded pixels in this file", o.cache);
  v("workers", {}, "Data", kFollows, "decoding threads; 0: one a core (never changes results)",
    o.workers);
  v("strokes-count", {}, "Data", kKeeps, "digits that the strokes data set draws", o.strokes_count);

  v("loss", {}, "Loss and optimiser", kKeeps, "adversarial loss", o.loss);
  v("real-label", {}, "Loss and optimiser", kKeeps,
    "target of real images (0.9: one-sided smoothing)", o.real_label);
  v("fake-label", {}, "Loss and optimiser", kKeeps,
    "target of fake images (0.1: two-sided smoothing)", o.fake_label);
  v("d-steps", {}, "Loss and optimiser", kKeeps, "discriminator updates per generator update",
    o.d_steps);
  v("optimizer", {}, "Loss and optimiser", kKeeps, "optimiser of both networks", o.optimizer);
  v("lr", {}, "Loss and optimiser", kKeeps, "learning rate of both networks", o.lr);
  v("lr-g", {}, "Loss and optimiser", kKeeps, "learning rate of the generator; 0: --lr", o.lr_g);
  v("lr-d", {}, "Loss and optimiser", kKeeps, "learning rate of the discriminator; 0: --lr",
    o.lr_d);
  v("beta1", {}, "Loss and optimiser", kKeeps, "Adam: decay of the first moment", o.beta1);
  v("beta2", {}, "Loss and optimiser", kKeeps, "Adam: decay of the second moment", o.beta2);
  v("alpha", {}, "Loss and optimiser", kKeeps, "RMSprop: decay of the second moment", o.alpha);
  v("epsilon", {}, "Loss and optimiser", kKeeps, "added to the root of the second moment",
    o.epsilon);
  v("weight-clip", {}, "Loss and optimiser", kKeeps,
    "clamp every discriminator parameter to +- this (WGAN: 0.01); 0: no", o.weight_clip);
  v("ema-decay", {}, "Loss and optimiser", kKeeps,
    "keep an average of the generator's weights (0.999); 0: no", o.ema_decay);
  v("latent", {}, "Loss and optimiser", kKeeps, "distribution of the latent vector", o.latent);

  v("batch-size", {"batchSize"}, "Run", kKeeps, "images per step", o.batch_size);
  v("epochs", {"niter"}, "Run", kFollows, "passes over the data set; 0: no limit", o.epochs);
  v("steps", {}, "Run", kFollows, "stop after this many steps; 0: no limit", o.steps);
  v("max-seconds", {}, "Run", kFollows,
    "stop after this many seconds of training, earlier sessions included; 0: no limit",
    o.max_seconds);
  v("stop-at-equilibrium", {}, "Run", kFollows,
    "stop when the discriminator cannot tell real from fake", o.stop_at_equilibrium);
  v("equilibrium-margin", {}, "Run", kFollows,
    "... its smoothed accuracy being within this of one half", o.equilibrium_margin);
  v("equilibrium-steps", {}, "Run", kFollows, "... for this many steps on end",
    o.equilibrium_steps);
  v("seed", {"manualSeed"}, "Run", kKeeps, "everything random follows from it", o.seed);
  v("device", {}, "Run", kFollows, "where to compute: auto, cuda, cuda:N or cpu", o.device);
  v("precision", {}, "Run", kKeeps, "type of activations and convolutions; weights stay float32",
    o.precision);
  v("tune", {}, "Run", kFollows,
    "how a GPU's convolution plans are chosen: cuDNN's first, the fastest it proposes, the fastest "
    "of all (kept in a cache)",
    o.tune);
  v("image-memory", {}, "Run", kFollows,
    "where a GPU run keeps its images: on the GPU, in host memory (the next step's travel while "
    "this "
    "one runs), or on the GPU when they fit (never changes results)",
    o.image_memory);
  v("threads", {}, "Run", kFollows, "CPU threads; 0: one a core", o.threads);

  v("out", {"outf"}, "Output", kFollows, "folder of samples, metrics and checkpoints", o.out);
  v("log-every", {}, "Output", kFollows, "steps between log lines", o.log_every);
  v("sample-every", {}, "Output", kFollows, "steps between sample grids; 0: only at the end",
    o.sample_every);
  v("checkpoint-every", {}, "Output", kFollows, "steps between checkpoints; 0: only at the end",
    o.checkpoint_every);
  v("keep", {}, "Output", kFollows, "checkpoints to keep; 0: all", o.keep);
  v("sample-count", {}, "Output", kKeeps, "images in a sample grid, from fixed latent vectors",
    o.sample_count);
  v("resume", {}, "Output", kFollows,
    "go on from this checkpoint, or the newest one of this output folder; auto: from --out if it "
    "has one",
    o.resume);
  v("init-generator", {"netG"}, "Output", kKeeps,
    "start from these generator weights (safetensors)", o.init_generator);
  v("init-discriminator", {"netD"}, "Output", kKeeps,
    "start from these discriminator weights (safetensors)", o.init_discriminator);
}

/// The networks that the options name: the preset with what overrides it. Throws Error(config).
ModelConfig model_config(const RunOptions& options);

/// Throws Error(config) with name and figure on the first option out of its range, and on options
/// that contradict each other. Also checks model_config().
void require_valid(const RunOptions& options);

/// How the optimiser of one network is set by the options.
OptimizerOptions generator_optimizer(const RunOptions& options);
OptimizerOptions discriminator_optimizer(const RunOptions& options);
LossOptions loss_options(const RunOptions& options);
DatasetOptions dataset_options(const RunOptions& options);

/// One option's value as text, and from text. Throws Error(usage) naming option and value.
void set_option(RunOptions& options, std::string_view name, std::string_view text);

/// The whole effective configuration as JSON text, options in their order.
std::string to_json(const RunOptions& options);
/// Sets what the JSON text names; `source` is for messages. Throws Error(config) on unknown names,
/// wrong types, duplicates.
void apply_json(RunOptions& options, std::string_view json, std::string_view source);

/// Names of the options of kind OnResume::keeps whose values differ, as "--lr (0.0002, was
/// 0.0001)".
std::vector<std::string> resume_conflicts(const RunOptions& saved, const RunOptions& now);

}  // namespace dcgan
