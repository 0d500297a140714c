// Grids of images: real ones once, generated ones of the same latent vectors during the run.
#pragma once

#include <filesystem>

#include "models/data/dataset.h"
#include "models/generation/generator.h"
#include "models/run/hooks/hook.h"

namespace dcgan {

struct SamplesOptions {
  std::filesystem::path out;
  std::int64_t every = 0;   ///< steps between grids; 0: only at the end
  std::int64_t count = 64;  ///< images in a grid
};

/// out/real.png, out/samples/step_NNNNNNNN.png, and out/samples.png at the end, also of a run that
/// a signal ends. Of the averaged generator where there is one.
class SamplesHook : public Hook {
 public:
  /// What the hook will allocate on the device, for the step's reserve.
  static std::size_t device_bytes(const Context& context, const TrainingConfig& config,
                                  std::int64_t count);

  /// Allocates what it needs to sample. The data set must outlive the hook.
  SamplesHook(const Context& context, const TrainingConfig& config, const Dataset& dataset,
              SamplesOptions options);

  /// As need(), without a hook: at every `every`-th step and, before the first of these, at steps
  /// 1, 2, 5, 10, 20, 50 and so on, because a run changes most at its beginning.
  static Need need_of(std::int64_t step, std::int64_t every);

  Need need(std::int64_t step) const override { return need_of(step, options_.every); }
  void begin(HookContext& run) override;
  void on_pause(HookContext& run) override;
  void end(HookContext& run, StopReason reason) override;

 private:
  void write(HookContext& run, const std::filesystem::path& path);

  SamplesOptions options_;
  const Dataset& dataset_;
  Generator generator_;
  HostTensor latent_;  // (count, nz)
};

}  // namespace dcgan
