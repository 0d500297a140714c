// What cuda::plan_convolution chooses from. Every factory takes a checked config, builds the passes
// in config.passes only, and its plan applies the config's activation.
#pragma once

#include <memory>
#include <string>

#include "kernels/conv/conv.h"

namespace dcgan::cuda {

/// ConvClass::gemm and gemv as matrix products. cuBLASLt; a reference loop in emulated builds.
/// Throws Error(unavailable) when the library has no algorithm.
std::unique_ptr<ConvPlan> plan_gemm(const Context& context, const ConvConfig& config);

/// ConvClass::gemv of an ordinary convolution (a discriminator's head). Hand-written kernels.
bool gemv_head_fits(const Context& context, const ConvConfig& config);
std::unique_ptr<ConvPlan> plan_gemv_head(const Context& context, const ConvConfig& config);

/// An image of 1 to 4 channels, kernel up to 4, stride 1 or 2. Hand-written kernels.
bool small_channel_fits(const Context& context, const ConvConfig& config);
std::unique_ptr<ConvPlan> plan_small_channel(const Context& context, const ConvConfig& config);

/// The same on tensor cores: an image of 1 or 3 channels and even extents, kernel 4, stride 2,
/// padding 1, features in multiples of 8; bf16, or f32 where TF32 is allowed. Hand-written kernels.
bool small_channel_tensor_fits(const Context& context, const ConvConfig& config);
std::unique_ptr<ConvPlan> plan_small_channel_tensor(const Context& context,
                                                    const ConvConfig& config);

/// Where a plan applies the derivative of its activation.
enum class Derivative {
  in_place,       ///< activation_backward() changes dy
  while_loading,  ///< backward_data() and backward_weights() read y; activation_backward() does
                  ///< nothing
};

/// A plan that has one pass of a layer, and what the tuner knows of it.
struct PassPlan {
  std::string name;
  std::string key;  ///< for the plan cache; empty: cannot be put into words
  Derivative derivative = Derivative::in_place;
  std::unique_ptr<ConvPlan> plan;
};

/// A library's plans for one pass of a layer. They are built as they are asked for, at most as many
/// as the config's tuning allows. cuDNN; a reference loop in emulated builds.
class LibraryPlans {
 public:
  virtual ~LibraryPlans() = default;
  /// The next, best guess first; without a plan: there are no more.
  virtual PassPlan next() = 0;
  /// The plan of a key that next() gave, in this process or an earlier one; without a plan: the
  /// library does not take it any more. Throws Error on a text that is damaged.
  virtual PassPlan restore(const std::string& key) = 0;
  /// Why the library refused the last time: for the error when nothing is left.
  virtual std::string last_refusal() const = 0;
};
/// config.passes: one pass.
std::unique_ptr<LibraryPlans> library_plans(const Context& context, const ConvConfig& config);
/// Whether a library's plan that was built may fail when it runs. The emulator's cannot.
bool library_plans_may_fail();
/// Name and version of the libraries, part of the plan cache's keys.
std::string library_key();

enum class PlanSource {
  own_kernels,    ///< one plan, which computes whatever fits
  library_call,   ///< one plan, which the library may refuse to build or to run
  library_plans,  ///< many: those of library_plans()
};

/// When a candidate may be chosen.
enum class Choice {
  always,
  when_timed,  ///< only when it has been timed, and its result compared with the library's
};

/// A candidate of this device: its contract, and what the tuner knows of its plans.
struct Algorithm {
  ConvCandidate candidate;
  PlanSource source = PlanSource::own_kernels;
  Derivative derivative = Derivative::in_place;
  Choice choice = Choice::always;
};
/// First choice first; the last, the library, fits every shape.
const std::vector<Algorithm>& algorithms();

/// Kernel 4, stride 2, padding 1, even extents, many channels; bf16, or f32 where TF32 is allowed:
/// see tensor_core_conv.h. Hand-written kernels, a candidate for each size of tile.
enum class TensorCoreTile;
const std::vector<Algorithm>& tensor_core_algorithms();

/// The pass of a config that has one.
ConvPass only_pass(const ConvConfig& config);

/// A plan whose passes are chosen one by one, as config.policy.tuning says, among `choices`.
std::unique_ptr<ConvPlan> plan_tuned(const Context& context, const ConvConfig& config,
                                     const std::vector<Algorithm>& choices);

}  // namespace dcgan::cuda
