// Batch norm forward in one launch, for a batch that is all of one rank's: moments of every chunk of
// rows, the moments of the group from all of them in every block, y.
#include "kernels/common/cuda/vector.h"
#include "kernels/elementwise/activation_terms.h"
#include "kernels/norm/batch_norm_variants.h"
#include "kernels/norm/cuda/finish.h"
#include "kernels/norm/cuda/resident.h"
#include "kernels/norm/cuda/thread_moments.h"

namespace dcgan::cuda {
namespace {

constexpr int kRowsAtOnce = 8;       // loads in flight of one thread
constexpr int kRowsAtOnceAgain = 4;  // in the second pass

template <class T>
struct ForwardArguments {
  const T* x;
  T* y;
  const float* weight;  // (C)
  const float* bias;
  float* part_mean;  // (groups, chunks, C), distances from the group's first row
  float* part_m2;
  float negative_slope;
};

template <class T, int width>
__device__ __forceinline__ const T* first_row(const ForwardArguments<T>& arguments,
                                              const ChannelRows& division, int group) {
  return arguments.x + std::int64_t{group} * division.rows * division.channels;
}

/// The moments of a group, valid in the threads of the columns. Every thread calls it.
template <class T, int width>
__device__ __forceinline__ Moments<1> group_moments(const ForwardArguments<T>& arguments,
                                                    const ChannelRows& division, int group,
                                                    int channel, const TileColumn& own,
                                                    ResidentSets<Moments, width>& shared) {
  Moments<1> all = join_parts<Moments, width>(
      division, channel, own, shared, [&](int chunk) -> Moments<width> {
        const std::int64_t at = part_element(division, group, chunk, channel);
        return {rows_of_chunk(division, chunk), load_channels<width>(arguments.part_mean + at),
                load_channels<width>(arguments.part_m2 + at)};
      });
  if (own.exists) {
    all.mean.v[0] += load_one(first_row<T, width>(arguments, division, group) + own.channel);
  }
  return all;
}

/// What a channel's values become: activation((x - mean) * scale + bias).
template <int width>
struct ForwardTables {
  TileNumbers<width> mean;
  TileNumbers<width> scale;
  TileNumbers<width> bias;
};

/// The kernel's first pass: the moments of the thread's rows.
template <class T, int width>
__device__ __forceinline__ Moments<width> rows_moments(const ForwardArguments<T>& arguments,
                                                       const ChannelRows& division,
                                                       const ChannelThread& thread,
                                                       const KeptRows<T, width>& kept) {
  if (thread.rows == 0) return {};
  MomentSums<width> sums(load<width>(arguments.x + thread.element));
  int done = 0;
  for_rows<kRowsAtOnce>(thread, [&](std::int64_t element, int count) {
    Packed<T, width> rows[kRowsAtOnce];
#pragma unroll
    for (int i = 0; i < kRowsAtOnce; ++i) {
      if (i < count) rows[i] = load_packed<width>(arguments.x + element + i * thread.stride);
    }
#pragma unroll
    for (int i = 0; i < kRowsAtOnce; ++i) {
      if (i >= count) break;
      kept.keep(done + i, rows[i]);
      sums.add(unpack<T, width>(rows[i]));
    }
    done += count;
  });
  const T* const origin = first_row<T, width>(arguments, division, static_cast<int>(blockIdx.z));
  return sums.moments(thread.rows, load<width>(origin + thread.channel));
}

/// Its second pass.
template <class T, int width, Activation kind>
__device__ __forceinline__ void write_rows(const ForwardArguments<T>& arguments,
                                           const ChannelThread& thread,
                                           const KeptRows<T, width>& kept,
                                           const ForwardTables<width>& tables) {
  if (thread.rows == 0) return;
  const Values<width> mean = numbers_of<width>(tables.mean);
  const Values<width> scale = numbers_of<width>(tables.scale);
  const Values<width> bias = numbers_of<width>(tables.bias);
  const auto write = [&](std::int64_t element, Values<width> x) {
#pragma unroll
    for (int j = 0; j < width; ++j) {
      const float z = fmaf(x.v[j] - mean.v[j], scale.v[j], bias.v[j]);
      x.v[j] = activate<kind>(z, arguments.negative_slope);
    }
    store<width>(arguments.y + element, x);
  };
  const ChannelThread behind = reversed(rows_behind(thread, kept.most));
  for_rows<kRowsAtOnceAgain>(behind, [&](std::int64_t element, int count) {
    Packed<T, width> rows[kRowsAtOnceAgain];
#pragma unroll
    for (int i = 0; i < kRowsAtOnceAgain; ++i) {
      if (i < count) rows[i] = load_packed<width>(arguments.x + element + i * behind.stride);
    }
#pragma unroll
    for (int i = 0; i < kRowsAtOnceAgain; ++i) {
      if (i < count) write(element + i * behind.stride, unpack<T, width>(rows[i]));
    }
  });
  kept.for_each(thread, [&](int i, std::int64_t element) { write(element, kept.row(i)); });
}

/// What is kept of all groups, by a tile's first block. `all`: of group 0.
template <class T, int width>
__device__ __forceinline__ void finish_groups(const ForwardArguments<T>& arguments,
                                              const ChannelRows& division, const FinishOut& to,
                                              int channel, const TileColumn& own, Moments<1> all,
                                              ResidentSets<Moments, width>& shared) {
  RunningChannel running(to, own.channel, own.exists);
  for (int group = 0; group < division.groups; ++group) {
    if (group > 0) {
      all = group_moments<T, width>(arguments, division, group, channel, own, shared);
    }
    if (!own.exists) continue;
    running.finish(to, all, std::int64_t{group} * division.channels + own.channel);
  }
  if (own.exists) running.store(to, own.channel);
  if (own.channel == 0) *to.batches_tracked += division.groups;
}

/// tickets: (tiles).
template <class T, int width, Activation kind>
__global__ void __launch_bounds__(kResidentThreads, 1)
    batch_norm_local_forward_kernel(ForwardArguments<T> arguments, ChannelRows division,
                                    FinishOut to, int* tickets, int most_kept) {
  start_after_previous();
  using Sets = ResidentSets<Moments, width>;
  DCGAN_SHARED(Sets, shared, [1]);
  DCGAN_SHARED(ForwardTables<width>, tables, [1]);
  const ChannelThread thread = channel_thread<width>(division, Sweep::ascending);
  const TileColumn own(division, width);
  const KeptRows<T, width> kept(/*index=*/0, most_kept);
  join_warps(rows_moments<T, width>(arguments, division, thread, kept), shared[0]);
  if (own.exists) {
    const Moments<1> part = joined<kResidentWarps>(shared[0], 0, own.column);
    const std::int64_t at = part_element(division, blockIdx.z, blockIdx.y, own.channel);
    arguments.part_mean[at] = part.mean.v[0];
    arguments.part_m2[at] = part.m2.v[0];
  }
  meet_blocks(tickets + blockIdx.x, gridDim.y * gridDim.z);
  const Moments<1> all = group_moments<T, width>(
      arguments, division, static_cast<int>(blockIdx.z), thread.channel, own, shared[0]);
  if (own.exists) {
    tables[0].mean.v[own.column] = all.mean.v[0];
    tables[0].scale.v[own.column] =
        inverse_deviation(all, to.epsilon) * arguments.weight[own.channel];
    tables[0].bias.v[own.column] = arguments.bias[own.channel];
  }
  __syncthreads();
  write_rows<T, width, kind>(arguments, thread, kept, tables[0]);
  if (!is_first_of_tile()) return;
  finish_groups<T, width>(arguments, division, to, thread.channel, own, all, shared[0]);
}

}  // namespace

void batch_norm_local_forward(const Context& context, const BatchNormLocalForward& tensors,
                              const BatchNormOptions& options) {
  const ConstTensorView& x = tensors.x;
  const BatchNormLocal& local = tensors.local;
  bool done = false;
  const bool wide =
      rows_are_wide(x.shape, x.dtype) &&
      aligned16(x.data, tensors.y.data, local.parts.mean.data, local.parts.m2.data);
  with_storage_and_width(x.dtype, wide, [&]<class T, int width>() {
    const ForwardArguments<T> arguments{x.as<T>(),
                                        tensors.y.as<T>(),
                                        tensors.parameters.weight.as<float>(),
                                        tensors.parameters.bias.as<float>(),
                                        local.parts.mean.as<float>(),
                                        local.parts.m2.as<float>(),
                                        options.activation.negative_slope};
    with_activation(options.activation.kind, [&]<Activation kind>() {
      if constexpr (kind != Activation::tanh) {  // refused by the contract
        const auto kernel = batch_norm_local_forward_kernel<T, width, kind>;
        const ResidentLaunch how = resident_launch(context, kernel, x.shape, options.groups, width,
                                                   /*tensors=*/1, sizeof(Packed<T, width>));
        if (!how.possible) return;
        DCGAN_CHECK(how.division.chunks <= local.parts.mean.shape[1],
                    "batch_norm: {} chunks, {} parts", how.division.chunks,
                    local.parts.mean.shape[1]);
        launch_at_once(context, kernel,
                       {"batch_norm_local_forward_kernel", how.division.blocks(),
                        how.division.threads(), how.shared_bytes},
                       arguments, how.division, finish_out(local.running, local.saved, options),
                       local.tickets.as<std::int32_t>(), how.kept);
        done = true;
      }
    });
  });
  if (done) return;
  cuda::batch_norm_local_statistics(context, x, local, options);
  cuda::batch_norm_apply(context, {x, tensors.parameters, local.saved, tensors.y}, options);
}

}  // namespace dcgan::cuda
