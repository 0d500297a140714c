// The running half of trace.h: makes every tensor that a trace may hold.
#pragma once

#include <map>
#include <set>

#include "models/parity/trace.h"

namespace dcgan {

/// The inputs of a trace, found with or without the prefix, checked against the options.
class TraceInputs {
 public:
  TraceInputs(const SafetensorsFile& trace, const RunOptions& options, const std::string& prefix);

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

  const SafetensorsFile& trace_;
  std::string prefix_;
  HostTensor real_;
  HostTensor noise_;
  HostTensor labels_;
  std::int64_t steps_ = 0;
};

/// Runs the trace's steps and returns what it made, by name without the prefix.
std::map<std::string, HostTensor> run_trace(const Context& context, const TraceInputs& inputs,
                                            const RunOptions& options);

}  // namespace dcgan
