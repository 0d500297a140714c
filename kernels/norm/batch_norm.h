// Batch normalisation (Ioffe and Szegedy 2015) and the activation behind it, in steps between which
// ranks may exchange what they have found.
//
// Forward, for each group of N / groups consecutive images and each channel c, over its
// M = (N / groups) * H * W values:
//   statistics   count, mean and M2 = sum (x - mean)^2, in parts that can be merged
//   finish       mean, invstd = 1 / sqrt(M2 / M + epsilon); in the order of the groups
//                  running_mean = (1 - momentum) running_mean + momentum mean
//                  running_var  = (1 - momentum) running_var  + momentum M2 / (M - 1)
//                  batches_tracked += 1
//   apply        y = activation((x - mean) * invstd * weight + bias)
// so that one pass over real and fake halves (groups = 2) gives the numbers of two passes.
//
// Backward, with z = (x - mean) * invstd * weight + bias and g = dy * activation'(z):
//   sums         the totals of each group, sum g and sum g (x - mean); over the groups,
//                dbias = sum g and dweight = sum g (x - mean) * invstd
//   apply        dx = weight * invstd
//                     * (g - sum g / M - (x - mean) * invstd^2 * sum g (x - mean) / M)
//
// Reference: torch.nn.BatchNorm2d. With several ranks (torch.nn.SyncBatchNorm), between the steps:
//   forward      merge a rank's parts into one, gather those of the ranks, merge them back (see
//                batch_norm_merge)
//   backward     add up the ranks' totals; dbias and dweight stay those of the rank
#pragma once

#include <cstdint>

#include "kernels/elementwise/activation.h"
#include "runtime/base/tensor.h"
#include "runtime/device/context.h"

namespace dcgan {

struct BatchNormOptions {
  ActivationSpec activation;  ///< tanh is refused: its derivative needs the output
  int groups = 1;             ///< divides N
  float epsilon = 1e-5f;
  float momentum = 0.1f;
};

/// A layer's parameters and running statistics, each (C) f32; batches_tracked (1) i64.
struct BatchNormParameters {
  ConstTensorView weight;
  ConstTensorView bias;
};
struct BatchNormRunning {
  TensorView mean;
  TensorView var;
  TensorView batches_tracked;
};

/// What the forward pass keeps for the backward pass, each (groups, C) f32.
struct BatchNormSaved {
  TensorView mean;
  TensorView invstd;
};

/// Statistics by parts, all f32. A part is a set of values of one group; its mean is kept as the
/// distance from `origin`, because a float near a large mean is too coarse to tell parts apart.
/// A part with count 0 is empty: merging skips it.
struct BatchNormStatistics {
  TensorView count;   ///< (groups, parts)
  TensorView origin;  ///< (groups, C)
  TensorView mean;    ///< (groups, parts, C)
  TensorView m2;      ///< (groups, parts, C)

  /// f32 elements of all four.
  static std::int64_t elements(int groups, std::int64_t parts, std::int64_t channels);
  /// The four one after the other in `memory`: f32, at least elements(...).
  static BatchNormStatistics in(TensorView memory, int groups, std::int64_t parts,
                                std::int64_t channels);
};

/// The two sums of the backward pass by parts, each (groups, parts, C) f32.
struct BatchNormSums {
  TensorView gradient;  ///< sum g
  TensorView moment;    ///< sum g (x - mean)

  /// f32 elements of both.
  static std::int64_t elements(int groups, std::int64_t parts, std::int64_t channels);
  /// One after the other in `memory`: f32, at least elements(...).
  static BatchNormSums in(TensorView memory, int groups, std::int64_t parts, std::int64_t channels);
};

/// Parts of each group into which statistics and sums of x (N, H, W, C) are divided: of the
/// arguments and the device's kind alone, so that sums repeat bit for bit.
std::int64_t batch_norm_parts(const Context& context, const Shape& shape, DType dtype, int groups);

/// Writes the statistics of x (N, H, W, C), f32 or bf16, in batch_norm_parts(...) parts. They
/// accumulate in a way that does not cancel (Welford or shifted, never E[x^2] - mean^2).
/// Error(config) when M < 2, as PyTorch's "more than 1 value per channel".
void batch_norm_statistics(const Context& context, ConstTensorView x,
                           const BatchNormStatistics& statistics, const BatchNormOptions& options);

/// Merges the parts of each group (Chan, Golub and LeVeque 1979) into part `part` of `to`. The
/// origin of `to` becomes 0, its other parts zeros. `from` and `to` share no memory. Two calls make
/// the statistics of R ranks, with R parts in `gathered`:
///   batch_norm_merge(context, statistics, gathered, rank);
///   all-reduce of gathered (a sum: the other ranks' parts are zeros)
///   batch_norm_merge(context, gathered, statistics);
void batch_norm_merge(const Context& context, const BatchNormStatistics& from,
                      const BatchNormStatistics& to, std::int64_t part = 0);

/// Merges the parts, in their order, and writes saved.mean and saved.invstd; moves the running
/// statistics. M is the sum of the counts.
void batch_norm_finish(const Context& context, const BatchNormStatistics& statistics,
                       const BatchNormRunning& running, const BatchNormSaved& saved,
                       const BatchNormOptions& options);

struct BatchNormLocal {
  BatchNormStatistics parts;  ///< as of batch_norm_statistics
  BatchNormRunning running;
  BatchNormSaved saved;
  TensorView tickets;  ///< (C) i32 or more: zeros, and zeros again afterwards; calls on one stream
                       ///< may share them. Not used on the CPU: may be empty
};
/// batch_norm_statistics and batch_norm_finish together, for a batch that is all of one rank's. On
/// a GPU one launch: the last block to arrive merges the parts, in an order of its own.
void batch_norm_local_statistics(const Context& context, ConstTensorView x,
                                 const BatchNormLocal& tensors, const BatchNormOptions& options);

struct BatchNormApply {
  ConstTensorView x;  ///< (N, H, W, C)
  BatchNormParameters parameters;
  BatchNormSaved saved;
  TensorView y;  ///< (N, H, W, C); may be x only if no backward pass follows
};
/// y = activation((x - saved.mean) * saved.invstd * weight + bias).
void batch_norm_apply(const Context& context, const BatchNormApply& tensors,
                      const BatchNormOptions& options);

struct BatchNormInference {
  ConstTensorView x;  ///< (N, H, W, C)
  BatchNormParameters parameters;
  BatchNormRunning running;  ///< read only; batches_tracked is not used
  TensorView y;              ///< (N, H, W, C); may be x
};
/// y = activation((x - running.mean) / sqrt(running.var + epsilon) * weight + bias).
/// options.groups is not used.
void batch_norm_inference(const Context& context, const BatchNormInference& tensors,
                          const BatchNormOptions& options);

struct BatchNormBackward {
  ConstTensorView x;  ///< (N, H, W, C): the input of the forward pass
  BatchNormParameters parameters;
  BatchNormSaved saved;  ///< of the forward pass
  ConstTensorView dy;    ///< (N, H, W, C): gradient behind the activation
  TensorView dx;         ///< (N, H, W, C), overwritten by apply; may be dy
  TensorView dweight;    ///< (C) f32, summed over the groups, overwritten by sums; both empty: not
                         ///< wanted
  TensorView dbias;      ///< (C) f32, likewise
};

struct BatchNormReduction {
  BatchNormSums parts;   ///< batch_norm_parts(...) of them: scratch
  BatchNormSums totals;  ///< one part: what is wanted; no memory in common with `parts`
  TensorView tickets;    ///< as of BatchNormLocal
};
/// Writes the totals, dweight and dbias. The activation's mask is recomputed from x and the saved
/// statistics. One launch on a GPU.
void batch_norm_backward_sums(const Context& context, const BatchNormBackward& tensors,
                              const BatchNormReduction& reduction, const BatchNormOptions& options);
/// Writes dx. count: M, over all ranks whose sums `totals` holds.
void batch_norm_backward_apply(const Context& context, const BatchNormBackward& tensors,
                               const BatchNormSums& totals, std::int64_t count,
                               const BatchNormOptions& options);

}  // namespace dcgan
