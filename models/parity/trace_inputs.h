// The inputs of a trace, found with or without the prefix, checked against the configuration.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "models/training/step_inputs.h"
#include "models/training/training_config.h"
#include "runtime/base/host_tensor.h"
#include "runtime/io/safetensors/safetensors.h"

namespace dcgan {

class TraceInputs {
 public:
  /// Throws Error(bad_data) when the trace does not fit the model or holds too few batches.
  TraceInputs(const SafetensorsFile& trace, const TrainingConfig& config,
              const std::string& prefix);

  std::int64_t batch() const { return real_.shape()[1]; }
  std::int64_t steps() const { return steps_; }
  bool has_labels() const { return labels_.shape().rank() == 2; }
  /// Steps K of which the trace has tensors "<kind>K.".
  std::set<std::int64_t> steps_of(const std::string& kind) const;
  bool has(const std::string& name) const { return trace_.find(prefix_ + name) != nullptr; }
  HostTensor read(const std::string& name) const { return trace_.read(prefix_ + name); }
  const SafetensorsFile& file() const { return trace_; }
  /// "init.G." with the prefix where the trace has it so.
  std::string initial(const std::string& network) const;

  HostTensor real(std::int64_t update) const;    // (N, H, W, C)
  HostTensor noise(std::int64_t update) const;   // (N, nz)
  HostTensor labels(std::int64_t update) const;  // (N)

 private:
  HostTensor required(const std::string& name) const;
  void check_real(const ModelConfig& model) const;
  void flatten_noise(const ModelConfig& model);

  const SafetensorsFile& trace_;
  std::string prefix_;
  HostTensor real_;
  HostTensor noise_;
  HostTensor labels_;
  std::int64_t steps_ = 0;
};

/// The trace's batches, noise and labels as inputs of an engine. Its calls upload and wait, so
/// steps must be enqueued eagerly.
class TraceSource final : public ImageSource, public LatentSource {
 public:
  explicit TraceSource(const TraceInputs& inputs) : inputs_(inputs) {}

  void select(const Context& context, std::int64_t first_update) override;
  void load(const Context& context, const StepUpdate& update, TensorView images) override;
  void load_labels(const Context& context, const StepUpdate& update, TensorView labels) override;
  void draw(const Context& context, std::int64_t index, TensorView z) override;

 private:
  const TraceInputs& inputs_;
  std::int64_t first_update_ = 0;
};

/// Float32 values of the host into a device tensor of any type and equal element count. Waits.
void upload_converted(const Context& context, const HostTensor& from, const TensorView& to);
/// A device tensor's values as float32. Waits.
HostTensor download_converted(const Context& context, const TensorView& from);

}  // namespace dcgan
