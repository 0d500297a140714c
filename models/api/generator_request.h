// What a caller asks for when a generator is opened, and what it will be: found on disk, checked
// and planned, nothing loaded or allocated.
#pragma once

#include "dcgan/dcgan.h"
#include "models/generation/saved_generator.h"
#include "runtime/device/device_request.h"

namespace dcgan::api {

struct GeneratorRequest {
  /// Throws Error(usage) on what the options cannot be.
  GeneratorRequest(const char* path, const dcgan_generator_options* given);

  /// Tells the caller's log function, where there is one.
  void log(dcgan_log_level level, std::string_view message) const;
  Warn warn() const;
  /// On which device. Throws Error(unavailable), naming what is missing.
  Device device() const;
  Context context(Device device) const;
  /// What is on disk, in the precision that is wanted.
  SavedGenerator find() const;
  /// A precision that was asked for by name is not replaced: Error(unavailable).
  GeneratorOptions planned(const Context& context, const SavedGenerator& saved) const;

  std::string path;
  DeviceRequest wanted_device;
  dcgan_generator_options options;
};

/// The memory that a generator of the library takes besides its Generator: latent vectors drawn or
/// uploaded, (batch, nz) f32.
MemoryPlan latents_plan(std::int64_t batch, std::int64_t nz, SlotId* slot);

dcgan_generator_info describe(const Context& context, const SavedGenerator& saved,
                              const GeneratorOptions& options);

}  // namespace dcgan::api
