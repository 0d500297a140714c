// Replaying a recorded training: the proof that this engine computes what PyTorch computes.
//
// A trace is a safetensors file with the weights at the start (init.G.*, init.D.*), the real
// batches and the noise of each discriminator update, and what the recorder had after them. Names
// known:
//
//   grad1.{G,D}.<parameter>               gradients at the first update
//   stepK.{G,D}.<state_dict entry>        networks after generator step K
//   adamK.{G,D}.<parameter>.exp_avg[_sq]  Adam's moments after step K
//   rmspropK.{G,D}.<parameter>.square_avg
//   act1.G.<module>, act1.Dreal.<module>  every module's output in step 1 (D: on the real batch)
//   evalK.noise, .fake_eval, .fake_train, .D_eval_of_real0
//   scalars.<errD_real ...>               [steps]
//
// A trace of updates, each from its own state, has other names and rules: update_trace.h.
#pragma once

#include <string>
#include <vector>

#include "models/networks/state_dict.h"
#include "models/training/training_config.h"

namespace dcgan {

/// How far two correct programs may be apart.
struct TraceBounds {
  double absolute = 1e-5;           ///< running statistics, images, scalars
  double relative_gradient = 1e-4;  ///< gradients, moments and activations, relative L2
  double weights = 1e-5;            ///< parameters after a step, absolute
};

/// The bounds for a precision.
TraceBounds trace_bounds(Precision precision);

/// What a bound is on: the largest difference; the relative L2 norm; or the largest difference in
/// units of what is tolerated there, of an optimiser's update.
enum class TraceMeasure { absolute, relative, update };

struct TraceComparison {
  std::string name;
  double max_abs = 0;      ///< largest |ours - trace|
  double relative_l2 = 0;  ///< |ours - trace| / |trace|; of an update 0
  TraceMeasure measure = TraceMeasure::absolute;
  double measured = 0;
  double bound = 0;
  bool passed = false;
};

struct TraceReport {
  std::int64_t steps = 0;                    ///< generator steps replayed
  std::vector<TraceComparison> comparisons;  ///< in the order of names
  std::vector<std::string> unknown;          ///< tensors of the trace that were not compared
  std::vector<NamedTensor> computed;         ///< what we computed, under the trace's names
  std::vector<std::string> notes;  ///< layers for which an algorithm was passed over, and why

  bool passed() const;
};

/// Trains as `config` says from the trace's start on the trace's batches, and compares. Tensors
/// under `prefix` are compared; init, real and noise may stand without it. Batch size and number of
/// steps are the trace's. Throws Error(bad_data) when the trace does not fit the configuration.
TraceReport replay_trace(const Context& context, const SafetensorsFile& trace,
                         const TrainingConfig& config, const std::string& prefix,
                         const TraceBounds& bounds = {});

}  // namespace dcgan
