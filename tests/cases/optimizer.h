// Optimiser steps: cases and their comparison with float64.
#pragma once

#include "kernels/optimizer/optimizer.h"
#include "tests/cases/guarded_tensor.h"
#include "tests/reference/optimizer.h"

namespace dcgan::test {

/// An optimiser's arrays on a device, between guard bytes.
struct OptimizerOnDevice {
  const Context& context;
  GuardedTensor values, gradients, first_moment, second_moment, ema;  // (P) f32
  GuardedTensor low_precision;                                        // (P) bf16
  GuardedTensor step;                                                 // (1) i64
  GuardedTensor coefficients;                                         // u8
  GuardedTensor non_finite;                                           // (1) i32, zero

  /// Gradients are left to be written.
  OptimizerOnDevice(const Context& on, const reference::OptimizerState& state);

  void set(const OptimizerOptions& options) const;
  OptimizerArrays arrays(OptimizerKind kind) const;
  /// One step with these options.
  void update(const OptimizerOptions& options) const;
  Comparison guards() const;
};

/// Values as of a new network; moments 0.
reference::OptimizerState initial_optimizer_state(std::int64_t count);

struct OptimizerCase {
  OptimizerOptions options;
  std::int64_t count = 1;
};

std::string to_string(const OptimizerCase& one);

/// Both kinds with and without weight clip, on few and many values, also on numbers of them that no
/// vector width divides.
std::vector<OptimizerCase> optimizer_cases();

/// Ten steps: step count, moments, values, average, bf16 copy and guard bytes.
void check_optimizer(const Context& context, const OptimizerCase& one, const Report& report);

}  // namespace dcgan::test
